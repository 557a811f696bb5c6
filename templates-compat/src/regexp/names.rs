//! Which names `\p{…}` knows, and the characters behind them.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange, HirKind};

use crate::compat::Compat;

/// The general categories, by the names that every Go knows.
const CATEGORIES: &[&str] = &[
    "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No", "P",
    "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs",
];

/// The categories' long names, which newer Gos take.
const CATEGORY_ALIASES: &[(&str, &str)] = &[
    ("Cased_Letter", "LC"),
    ("Close_Punctuation", "Pe"),
    ("Combining_Mark", "M"),
    ("Connector_Punctuation", "Pc"),
    ("Control", "Cc"),
    ("Currency_Symbol", "Sc"),
    ("Dash_Punctuation", "Pd"),
    ("Decimal_Number", "Nd"),
    ("Enclosing_Mark", "Me"),
    ("Final_Punctuation", "Pf"),
    ("Format", "Cf"),
    ("Initial_Punctuation", "Pi"),
    ("Letter", "L"),
    ("Letter_Number", "Nl"),
    ("Line_Separator", "Zl"),
    ("Lowercase_Letter", "Ll"),
    ("Mark", "M"),
    ("Math_Symbol", "Sm"),
    ("Modifier_Letter", "Lm"),
    ("Modifier_Symbol", "Sk"),
    ("Nonspacing_Mark", "Mn"),
    ("Number", "N"),
    ("Open_Punctuation", "Ps"),
    ("Other", "C"),
    ("Other_Letter", "Lo"),
    ("Other_Number", "No"),
    ("Other_Punctuation", "Po"),
    ("Other_Symbol", "So"),
    ("Paragraph_Separator", "Zp"),
    ("Private_Use", "Co"),
    ("Punctuation", "P"),
    ("Separator", "Z"),
    ("Space_Separator", "Zs"),
    ("Spacing_Mark", "Mc"),
    ("Surrogate", "Cs"),
    ("Symbol", "S"),
    ("Titlecase_Letter", "Lt"),
    ("Unassigned", "Cn"),
    ("Uppercase_Letter", "Lu"),
    ("cntrl", "Cc"),
    ("digit", "Nd"),
    ("punct", "P"),
];

/// The scripts of Unicode 17.
const SCRIPTS: &[&str] = &[
    "Adlam",
    "Ahom",
    "Anatolian_Hieroglyphs",
    "Arabic",
    "Armenian",
    "Avestan",
    "Balinese",
    "Bamum",
    "Bassa_Vah",
    "Batak",
    "Bengali",
    "Beria_Erfe",
    "Bhaiksuki",
    "Bopomofo",
    "Brahmi",
    "Braille",
    "Buginese",
    "Buhid",
    "Canadian_Aboriginal",
    "Carian",
    "Caucasian_Albanian",
    "Chakma",
    "Cham",
    "Cherokee",
    "Chorasmian",
    "Common",
    "Coptic",
    "Cuneiform",
    "Cypriot",
    "Cypro_Minoan",
    "Cyrillic",
    "Deseret",
    "Devanagari",
    "Dives_Akuru",
    "Dogra",
    "Duployan",
    "Egyptian_Hieroglyphs",
    "Elbasan",
    "Elymaic",
    "Ethiopic",
    "Garay",
    "Georgian",
    "Glagolitic",
    "Gothic",
    "Grantha",
    "Greek",
    "Gujarati",
    "Gunjala_Gondi",
    "Gurmukhi",
    "Gurung_Khema",
    "Han",
    "Hangul",
    "Hanifi_Rohingya",
    "Hanunoo",
    "Hatran",
    "Hebrew",
    "Hiragana",
    "Imperial_Aramaic",
    "Inherited",
    "Inscriptional_Pahlavi",
    "Inscriptional_Parthian",
    "Javanese",
    "Kaithi",
    "Kannada",
    "Katakana",
    "Kawi",
    "Kayah_Li",
    "Kharoshthi",
    "Khitan_Small_Script",
    "Khmer",
    "Khojki",
    "Khudawadi",
    "Kirat_Rai",
    "Lao",
    "Latin",
    "Lepcha",
    "Limbu",
    "Linear_A",
    "Linear_B",
    "Lisu",
    "Lycian",
    "Lydian",
    "Mahajani",
    "Makasar",
    "Malayalam",
    "Mandaic",
    "Manichaean",
    "Marchen",
    "Masaram_Gondi",
    "Medefaidrin",
    "Meetei_Mayek",
    "Mende_Kikakui",
    "Meroitic_Cursive",
    "Meroitic_Hieroglyphs",
    "Miao",
    "Modi",
    "Mongolian",
    "Mro",
    "Multani",
    "Myanmar",
    "Nabataean",
    "Nag_Mundari",
    "Nandinagari",
    "New_Tai_Lue",
    "Newa",
    "Nko",
    "Nushu",
    "Nyiakeng_Puachue_Hmong",
    "Ogham",
    "Ol_Chiki",
    "Ol_Onal",
    "Old_Hungarian",
    "Old_Italic",
    "Old_North_Arabian",
    "Old_Permic",
    "Old_Persian",
    "Old_Sogdian",
    "Old_South_Arabian",
    "Old_Turkic",
    "Old_Uyghur",
    "Oriya",
    "Osage",
    "Osmanya",
    "Pahawh_Hmong",
    "Palmyrene",
    "Pau_Cin_Hau",
    "Phags_Pa",
    "Phoenician",
    "Psalter_Pahlavi",
    "Rejang",
    "Runic",
    "Samaritan",
    "Saurashtra",
    "Sharada",
    "Shavian",
    "Siddham",
    "Sidetic",
    "SignWriting",
    "Sinhala",
    "Sogdian",
    "Sora_Sompeng",
    "Soyombo",
    "Sundanese",
    "Sunuwar",
    "Syloti_Nagri",
    "Syriac",
    "Tagalog",
    "Tagbanwa",
    "Tai_Le",
    "Tai_Tham",
    "Tai_Viet",
    "Tai_Yo",
    "Takri",
    "Tamil",
    "Tangsa",
    "Tangut",
    "Telugu",
    "Thaana",
    "Thai",
    "Tibetan",
    "Tifinagh",
    "Tirhuta",
    "Todhri",
    "Tolong_Siki",
    "Toto",
    "Tulu_Tigalari",
    "Ugaritic",
    "Vai",
    "Vithkuqi",
    "Wancho",
    "Warang_Citi",
    "Yezidi",
    "Yi",
    "Zanabazar_Square",
];

/// Scripts that came after Unicode 15, which Helm 3's Go has.
const NEW_SCRIPTS: &[&str] = &[
    "Beria_Erfe",
    "Garay",
    "Gurung_Khema",
    "Kirat_Rai",
    "Ol_Onal",
    "Sidetic",
    "Sunuwar",
    "Tai_Yo",
    "Todhri",
    "Tolong_Siki",
    "Tulu_Tigalari",
];

/// The class behind a name, or none if Go does not know the name.
pub(super) fn class(name: &str, compat: Compat) -> Option<ClassUnicode> {
    match compat.class_names_are_loose() {
        false => match name {
            "Any" => Some(any()),
            // That Go's `C` has no unassigned characters.
            "C" => {
                let mut other = category("C")?;
                other.difference(&category("Cn")?);
                Some(other)
            }
            _ if CATEGORIES.contains(&name) => category(name),
            _ if SCRIPTS.contains(&name) && !NEW_SCRIPTS.contains(&name) => Some(script(name)),
            _ => None,
        },
        true => loose_class(&canonical(name)),
    }
}

/// Newer Gos compare names without case, spaces, hyphens and underscores.
fn loose_class(name: &str) -> Option<ClassUnicode> {
    match name {
        "any" => return Some(any()),
        "assigned" => {
            let mut assigned = category("Cn")?;
            assigned.negate();
            return Some(assigned);
        }
        "ascii" => return Some(ClassUnicode::new([ClassUnicodeRange::new('\0', '\x7f')])),
        "cn" | "lc" => return category(name),
        _ => {}
    }
    if CATEGORIES.iter().any(|known| canonical(known) == name) {
        return category(name);
    }
    if let Some((_, short)) = CATEGORY_ALIASES.iter().find(|(long, _)| canonical(long) == name) {
        return category(short);
    }
    SCRIPTS.iter().find(|known| canonical(known) == name).map(|known| script(known))
}

fn canonical(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).map(|c| c.to_ascii_lowercase()).collect()
}

fn any() -> ClassUnicode {
    ClassUnicode::new([ClassUnicodeRange::new('\0', char::MAX)])
}

fn category(name: &str) -> Option<ClassUnicode> {
    // There are no surrogates in a text that is UTF-8.
    if name == "Cs" || name == "cs" { Some(ClassUnicode::empty()) } else { table(&format!(r"\p{{gc={name}}}")) }
}

/// A script that the tables do not have yet matches nothing.
fn script(name: &str) -> ClassUnicode {
    table(&format!(r"\p{{sc={name}}}")).unwrap_or_else(ClassUnicode::empty)
}

fn table(pattern: &str) -> Option<ClassUnicode> {
    match ParserBuilder::new().build().parse(pattern).ok()?.into_kind() {
        HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => Some(class),
        // A class of one character.
        HirKind::Literal(literal) => {
            let c = std::str::from_utf8(&literal.0).ok()?.chars().next()?;
            Some(ClassUnicode::new([ClassUnicodeRange::new(c, c)]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(name: &str, c: char, compat: Compat) -> Option<bool> {
        class(name, compat).map(|class| class.iter().any(|r| r.start() <= c && c <= r.end()))
    }

    #[test]
    fn every_known_name_has_a_class() {
        for name in CATEGORIES.iter().chain(SCRIPTS) {
            assert!(class(name, Compat::Helm4).is_some(), "{name}");
            let old = class(name, Compat::Helm3).is_some();
            assert_eq!(old, !NEW_SCRIPTS.contains(name), "{name}");
        }
        for (name, _) in CATEGORY_ALIASES {
            assert!(class(name, Compat::Helm4).is_some(), "{name}");
            assert!(class(name, Compat::Helm3).is_none(), "{name}");
        }
    }

    #[test]
    fn members() {
        assert_eq!(has("Greek", 'λ', Compat::Helm3), Some(true));
        assert_eq!(has("greek", 'λ', Compat::Helm3), None);
        assert_eq!(has("greek", 'λ', Compat::Helm4), Some(true));
        assert_eq!(has("Zl", '\u{2028}', Compat::Helm4), Some(true));
        assert_eq!(has("C", '\u{378}', Compat::Helm3), Some(false));
        assert_eq!(has("C", '\u{378}', Compat::Helm4), Some(true));
        assert_eq!(has("Grek", 'λ', Compat::Helm4), None);
    }
}
