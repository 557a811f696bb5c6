use super::*;

fn error(pattern: &str) -> String {
    Regexp::compile(pattern.as_bytes(), Compat::Helm4).unwrap_err().to_string()
}

fn compile(pattern: &str) -> Regexp {
    Regexp::compile(pattern.as_bytes(), Compat::Helm4).unwrap()
}

#[test]
fn refusals() {
    for (pattern, text) in [
        ("(a", "missing closing ): `(a`"),
        ("a)", "unexpected ): `a)`"),
        ("[a", "missing closing ]: `[a`"),
        ("x[b-a]", "invalid character class range: `b-a`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("a|+b", "missing argument to repetition operator: `+`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a{2}*?b", "invalid nested repetition operator: `{2}*?`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{3,2}", "invalid repeat count: `{3,2}`"),
        ("(a{50}){30}", "invalid repeat count: `{30}`"),
        ("\\8", "invalid escape sequence: `\\8`"),
        ("\\xZ", "invalid escape sequence: `\\xZ`"),
        ("\\C", "invalid escape sequence: `\\C`"),
        ("a\\", "trailing backslash at end of expression: ``"),
        ("(?i-)", "invalid or unsupported Perl syntax: `(?i-)`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?P<a", "invalid named capture: `(?P<a`"),
        ("(?P<a.>b)", "invalid named capture: `(?P<a.>`"),
        ("\\p{Nope}", "invalid character class range: `\\p{Nope}`"),
        ("[[:nope:]]", "invalid character class range: `[:nope:]`"),
    ] {
        assert_eq!(error(pattern), format!("error parsing regexp: {text}"), "{pattern}");
    }
    let deep = format!("{}{}", "(".repeat(1100), ")".repeat(1100));
    assert!(error(&deep).starts_with("error parsing regexp: expression nests too deeply"));
    assert!(error(r"((\pL{100}){10}\pN)").contains("expression too large") || compile(r"\pL").is_match(b"a"));
}

#[test]
fn deep_but_allowed_patterns_compile() {
    let deep = format!("{}a{}", "(?:x".repeat(400), ")*".repeat(400));
    assert!(compile(&deep).is_match(b"a"));
}

#[test]
fn matches_follow_each_other() {
    assert_eq!(compile("a*").find_all(b"baaab", -1).unwrap(), [&b""[..], b"aaa", b""]);
    assert_eq!(compile("").find_all("é!".as_bytes(), -1).unwrap().len(), 3);
    assert_eq!(compile("x").find_all(b"abc", -1), None);
    assert_eq!(compile("a+?").find_all(b"aaa", 2).unwrap(), [b"a", b"a"]);
}

#[test]
fn splits() {
    let split = |pattern: &str, text: &str, n| {
        compile(pattern)
            .split(text.as_bytes(), n)
            .map(|parts| parts.iter().map(|p| String::from_utf8_lossy(p).into_owned()).collect::<Vec<_>>())
    };
    assert_eq!(split(",", "a,b,c", -1).unwrap(), ["a", "b", "c"]);
    assert_eq!(split(",", "a,b,c", 2).unwrap(), ["a", "b,c"]);
    assert_eq!(split("", "abc", -1).unwrap(), ["a", "b", "c"]);
    assert_eq!(split(",", "", -1).unwrap(), [""]);
    assert_eq!(split(",", "a", 0), None);
}

#[test]
fn replacements() {
    let replace = |pattern: &str, text: &str, with: &str| {
        String::from_utf8(compile(pattern).replace_all(text.as_bytes(), with.as_bytes())).unwrap()
    };
    assert_eq!(replace("(a)(b)?", "ab a", "<$2$1>"), "<ba> <a>");
    assert_eq!(replace("(?P<n>a)", "ba", "${n}$n $$ $9 $x1 ${"), "baa $   ${");
    assert_eq!(replace("a*", "baab", "-"), "-b-b-");
    assert_eq!(compile("a").replace_all_literal(b"a", b"$0"), b"$0");
}

#[test]
fn bytes_that_are_no_text_are_one_character_each() {
    assert_eq!(compile(".").find_all(b"a\xff\xfeb", -1).unwrap(), [&b"a"[..], b"\xff", b"\xfe", b"b"]);
    assert_eq!(compile("[^a]+").replace_all(b"a\xffb", b"-"), b"a-");
    assert_eq!(compile("b").replace_all(b"\xff\xffb\xff", b"-"), b"\xff\xff-\xff");
}

#[test]
fn case_folding_reaches_beyond_ascii() {
    assert!(compile("(?i)k").is_match("\u{212a}".as_bytes()));
    assert!(!compile(r"\w").is_match("é".as_bytes()));
    assert!(compile(r"(?i)\w").is_match("\u{17f}".as_bytes()));
}

#[test]
fn older_gos_confuse_cases_in_common_beginnings() {
    let found = |pattern: &str, text: &str, compat| {
        Regexp::compile(pattern.as_bytes(), compat).unwrap().is_match(text.as_bytes())
    };
    for (pattern, text, new) in
        [("0A|0[aA]", "0a", true), ("0[aA]x|0A.y", "0a-y", false), ("Ab*z|[aA]c*z", "acz", true)]
    {
        assert_eq!(found(pattern, text, Compat::Helm4), new, "{pattern}");
        assert_eq!(found(pattern, text, Compat::Helm3), !new, "{pattern}");
    }
    assert!(found("A|[aA]", "a", Compat::Helm3));
    assert!(found("0a|0[aA]", "0A", Compat::Helm3));
}
