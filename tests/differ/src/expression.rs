//! Random expressions: what stands in a pipeline, by the kind that is wanted.

use templates_compat::{Func, Param};

use crate::generate::Writer;
use crate::words::{
    CONSTRAINTS, DAYS, DOCUMENTS, DURATIONS, FILES, FLOATS, INTS, LAYOUTS, LIST_PATHS, MAP_PATHS, NUMBER_PATHS, OTHERS,
    PATTERNS, REPLACEMENTS, SMALL, STRING_PATHS, STRINGS, URLS, VERSIONS, ZONES, path,
};

/// Whether a function gives the same every time, and soon.
pub(crate) fn is_steady(name: &str) -> bool {
    const NOT: [&str; 24] = [
        "now",
        "ago",
        "bcrypt",
        "htpasswd",
        "uuidv4",
        "shuffle",
        "encryptAES",
        "decryptAES",
        "derivePassword",
        "getHostByName",
        "keys",
        "values",
        "lookup",
        "randInt",
        "randBytes",
        "randAlpha",
        "randAlphaNum",
        "randAscii",
        "randNumeric",
        "buildCustomCert",
        "hello",
        "include",
        "tpl",
        "template",
    ];
    !NOT.contains(&name) && !name.starts_with("gen")
}

/// Functions whose number says how much they make.
const GROWING: [&str; 8] = ["until", "untilStep", "seq", "repeat", "indent", "nindent", "chunk", "mustChunk"];

/// Functions that take the present time where they are given none.
const DATES: [&str; 7] =
    ["date", "dateInZone", "date_in_zone", "htmlDate", "htmlDateInZone", "durationRound", "durationRoundTo"];

impl Writer<'_> {
    /// A pipeline of one or more commands.
    pub(crate) fn pipeline(&mut self, depth: usize) -> String {
        let mut text = self.command(depth);
        let mut more = self.rng.below(10);
        while more < 4 {
            let func = self.function();
            if self.takes_no_pipe(func) {
                break;
            }
            let count = self.count(func).saturating_sub(1);
            text.push_str(" | ");
            text.push_str(&self.call(func, count, depth.min(1)));
            more += 2;
        }
        text
    }

    fn takes_no_pipe(&mut self, func: &Func) -> bool {
        let growing = GROWING.contains(&func.name) && !matches!(func.name, "indent" | "nindent" | "repeat");
        growing || DATES.contains(&func.name) || func.params.is_empty()
    }

    /// What `range` goes over.
    pub(crate) fn range_over(&mut self) -> String {
        match self.rng.below(10) {
            0..3 => format!(".Values.{}", self.rng.pick(&LIST_PATHS)),
            3..5 => format!("$.Values.{}", self.rng.pick(&MAP_PATHS)),
            5 => self.rng.pick(&SMALL).to_owned(),
            6 => format!("until {}", self.rng.pick(&SMALL)),
            7 => self.argument(Param::AnyList, "list", 0, 1),
            8 => self.argument(Param::StrList, "list", 0, 1),
            // A loop over a number has as many rounds.
            _ => format!(".Values.{}", path(&mut self.rng)),
        }
    }

    /// What a template is given as its dot.
    pub(crate) fn dot(&mut self) -> String {
        match self.rng.below(4) {
            0 => "$".into(),
            1 => ".".into(),
            2 => self.any(1),
            _ => format!("$.Values.{}", path(&mut self.rng)),
        }
    }

    fn command(&mut self, depth: usize) -> String {
        if self.rng.percent(18) {
            return self.any(depth);
        }
        let func = self.function();
        let count = self.count(func);
        self.call(func, count, depth)
    }

    fn function(&mut self) -> &'static Func {
        if self.rng.percent(10) {
            // Comparisons and logic are most of what charts do.
            const OFTEN: [&str; 12] =
                ["eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "index", "printf", "default"];
            let name = self.rng.pick(&OFTEN);
            if let Some(func) = self.functions.iter().find(|f| f.name == name) {
                return func;
            }
        }
        self.functions[self.rng.below(self.functions.len())]
    }

    /// How many arguments, mostly as many as wanted.
    fn count(&mut self, func: &Func) -> usize {
        let fixed = func.params.len() - usize::from(func.variadic);
        if self.rng.percent(3) {
            return self.rng.below(5);
        }
        let more = match (func.variadic, func.name) {
            (false, _) => 0,
            (true, "dict") => 2 * self.rng.below(3),
            (true, "dig") => 3,
            (true, "eq" | "printf" | "print") => 1 + self.rng.below(3),
            (true, _) => self.rng.below(4),
        };
        fixed + more
    }

    fn call(&mut self, func: &'static Func, count: usize, depth: usize) -> String {
        let mut text = func.name.to_owned();
        for i in 0..count {
            let param = func.params.get(i).or(func.params.last()).copied().unwrap_or(Param::Any);
            text.push(' ');
            text.push_str(&self.argument(param, func.name, i, depth));
        }
        text
    }

    /// An argument for a parameter, now and then one of another kind.
    pub(crate) fn argument(&mut self, param: Param, func: &str, place: usize, depth: usize) -> String {
        if let Some(text) = self.fitting(func, place) {
            return text;
        }
        if !GROWING.contains(&func) && self.rng.percent(12) {
            return self.any(depth);
        }
        if depth > 0 && !GROWING.contains(&func) && self.rng.percent(30) {
            let fits: Vec<&'static Func> = self.functions.iter().copied().filter(|f| f.result == param).collect();
            if !fits.is_empty() {
                let inner = self.rng.pick(&fits);
                let count = self.count(inner);
                return format!("({})", self.call(inner, count, depth - 1));
            }
        }
        let rng = &mut self.rng;
        match param {
            Param::Str if rng.percent(40) => format!("$.Values.{}", rng.pick(&STRING_PATHS)),
            Param::Str => rng.pick(&STRINGS).to_owned(),
            Param::Bool => rng.pick(&["true", "false", "$.Values.yes", "$.Values.no"]).to_owned(),
            Param::Int | Param::Uint32 if GROWING.contains(&func) => rng.pick(&SMALL).to_owned(),
            Param::Int | Param::Int64 | Param::Uint32 if rng.percent(60) => rng.pick(&SMALL).to_owned(),
            Param::Int | Param::Int64 | Param::Uint32 => rng.pick(&INTS).to_owned(),
            Param::Float64 => rng.pick(&FLOATS).to_owned(),
            Param::AnyList | Param::AnyListList => match rng.below(3) {
                0 => format!("(list {} {})", rng.pick(&STRINGS), rng.pick(&INTS)),
                1 => "(list)".to_owned(),
                _ => format!("$.Values.{}", rng.pick(&LIST_PATHS)),
            },
            Param::StrList => rng.pick(&["(splitList \",\" \"b,a,c\")", "(keys $.Values.map | sortAlpha)"]).to_owned(),
            Param::IntList => "(until 3)".to_owned(),
            Param::Map if matches!(func, "set" | "unset") || func.contains("erge") => match rng.below(3) {
                0 => "(dict)".to_owned(),
                1 => "(dict \"a\" 1 \"b\" (dict \"c\" 0 \"e\" list))".to_owned(),
                _ => format!("(deepCopy $.Values.{})", rng.pick(&MAP_PATHS)),
            },
            Param::Map if rng.percent(60) => format!("$.Values.{}", rng.pick(&MAP_PATHS)),
            Param::Map => format!("(dict \"a\" {} \"k\" {})", rng.pick(&STRINGS), rng.pick(&FLOATS)),
            Param::StrMap => "(split \".\" \"a.b.c\")".to_owned(),
            Param::Time => time(rng.pick(&DAYS[..4])),
            Param::Duration => rng.pick(&["(mustToDuration \"1h2m3.5s\")", "(mustToDuration 90)", "1000"]).to_owned(),
            Param::Semver => format!("(semver \"{}\")", rng.pick(&VERSIONS)),
            _ => self.any(depth),
        }
    }

    /// Texts in the language that a parameter reads.
    fn fitting(&mut self, func: &str, place: usize) -> Option<String> {
        let rng = &mut self.rng;
        let quoted = |text: &str| Some(format!("\"{text}\""));
        let name = func.strip_prefix("must").unwrap_or(func).to_ascii_lowercase();
        match (name.as_str(), place) {
            (
                "regexmatch"
                | "regexfind"
                | "regexfindall"
                | "regexreplaceall"
                | "regexsplit"
                | "regexreplaceallliteral",
                0,
            ) => quoted(rng.pick(&PATTERNS)),
            ("regexreplaceall" | "regexreplaceallliteral", 2) => quoted(rng.pick(&REPLACEMENTS)),
            ("date" | "datein_zone" | "dateinzone" | "date_in_zone", 0) => quoted(rng.pick(&LAYOUTS)),
            ("date" | "dateinzone" | "date_in_zone", 1) | ("htmldate" | "htmldateinzone", 0) => {
                Some(match rng.below(3) {
                    0 => rng.pick(&["0", "1700000000", "-1"]).to_owned(),
                    1 => "(int64 1234567890)".to_owned(),
                    _ => time(rng.pick(&DAYS[..4])),
                })
            }
            ("dateinzone" | "date_in_zone", 2) | ("htmldateinzone", 1) => quoted(rng.pick(&ZONES)),
            ("todate", 0) => quoted(rng.pick(&LAYOUTS)),
            ("todate", 1) => quoted(rng.pick(&DAYS)),
            ("datemodify" | "date_modify", 0) => quoted(rng.pick(&DURATIONS)),
            ("duration" | "toduration" | "durationround" | "durationroundto" | "durationtruncateto", 0) => {
                if rng.percent(50) { quoted(rng.pick(&DURATIONS)) } else { Some(rng.pick(&SMALL).to_owned()) }
            }
            ("semvercompare", 0) => quoted(rng.pick(&CONSTRAINTS)),
            ("semvercompare", 1) | ("semver", 0) => quoted(rng.pick(&VERSIONS)),
            ("urlparse", 0) => quoted(rng.pick(&URLS)),
            ("fromyaml" | "fromyamlarray" | "fromjson" | "fromjsonarray" | "fromtoml", 0) if rng.percent(80) => {
                quoted(rng.pick(&DOCUMENTS))
            }
            ("printf", 0) => Some(format!("\"{}\"", format_string(rng))),
            ("kindis" | "typeis" | "typeislike", 0) => quoted(rng.pick(&[
                "string",
                "int",
                "float64",
                "map",
                "slice",
                "[]interface {}",
                "*int",
                "invalid",
                "bool",
            ])),
            ("dig" | "pluck" | "get" | "haskey" | "pick" | "omit", 0 | 1) if name != "pluck" || place == 0 => {
                let wants_map = place == 0 && name != "dig" && name != "pluck";
                (!wants_map).then(|| rng.pick(&["\"a\"", "\"b\"", "\"c\"", "\"x\"", "\"nope\""]).to_owned())
            }
            _ => None,
        }
    }

    /// Anything at all.
    pub(crate) fn any(&mut self, depth: usize) -> String {
        if !self.variables.is_empty() && self.rng.percent(25) {
            let name = self.rng.pick(&self.variables);
            let field = if self.rng.percent(15) { self.rng.pick(&[".a", ".name", ".k.v", ".x"]) } else { "" };
            return format!("{name}{field}");
        }
        let rng = &mut self.rng;
        match rng.below(24) {
            0..7 => format!("{}.Values.{}", if rng.percent(80) { "$" } else { "" }, path(rng)),
            7 => rng.pick(&OTHERS).to_owned(),
            8 => rng.pick(&FILES).replace("(.Files", "($.Files"),
            9..11 => rng.pick(&INTS).to_owned(),
            11 => rng.pick(&FLOATS).to_owned(),
            12..14 => rng.pick(&STRINGS).to_owned(),
            14 => rng.pick(&["true", "false", "nil", ".", "$", "2i", "(1+2i)", "$nope", "(nil)", ".nope"]).to_owned(),
            15 => format!("$.Values.{}", rng.pick(&NUMBER_PATHS)),
            16 => time(rng.pick(&DAYS[..4])),
            17 => format!("(semver \"{}\")", rng.pick(&VERSIONS)),
            18 => {
                let field = rng.pick(&["Major", "Original", "Prerelease", "String", "Nope", "Metadata", "IncMinor"]);
                format!("(semver \"1.2.3-a+b\").{field}")
            }
            19 => format!("(list {} {} nil)", rng.pick(&INTS), rng.pick(&STRINGS)),
            20 => format!("(dict \"a\" {} \"b\" (list {}))", rng.pick(&STRINGS), rng.pick(&FLOATS)),
            21 => rng
                .pick(&[
                    "(int64 5)",
                    "(int 7)",
                    "(float64 2)",
                    "(b64dec \"//79\")",
                    "(split \"/\" \"a/b\")",
                    "(splitList \",\" \"x,y\")",
                    "(until 2)",
                    "(chunk 2 (list 1 2 3))",
                    "(fromToml \"d = 1979-05-27\\nn = 1\\nf = 1.0\")",
                    "(mustToDuration \"90s\")",
                    "($.Files.GetBytes \"files/a.txt\")",
                    "(tuple)",
                    "(fromJsonArray \"[1,[2]]\")",
                    "(index $.Values.list 7)",
                    "(urlParse \"http://h/p\")",
                ])
                .to_owned(),
            _ if depth > 0 => format!("({})", self.pipeline(depth - 1)),
            _ => "\"end\"".to_owned(),
        }
    }
}

fn time(day: &str) -> String {
    let layout = if day.len() > 10 { "2006-01-02T15:04:05Z07:00" } else { "2006-01-02" };
    format!("(toDate \"{layout}\" \"{day}\")")
}

/// Verbs with flags, widths and indices, and some that are none.
fn format_string(rng: &mut crate::rng::Rng) -> String {
    let mut format = String::new();
    for _ in 0..1 + rng.below(3) {
        format.push('%');
        for _ in 0..rng.below(3) {
            format.push(rng.pick(&['+', '-', '#', '0', ' ']));
        }
        match rng.below(8) {
            0 => format.push_str(&rng.below(30).to_string()),
            1 => format.push_str(&format!(".{}", rng.below(8))),
            2 => format.push_str(&format!("{}.{}", rng.below(20), rng.below(6))),
            3 => format.push_str(rng.pick(&["*", "[1]", "[2]", "[9]", ".*", "[x]", "[2]*", ".", "-"])),
            _ => {}
        }
        format.push(rng.pick(&[
            'v', 's', 'd', 'q', 'x', 'X', 'T', 't', 'f', 'g', 'e', 'G', 'E', 'F', 'c', 'U', 'b', 'o', 'O', '%', 'z',
            'é', 'w',
        ]));
        if rng.percent(30) {
            format.push_str(rng.pick(&["|", " ", ":", "\\n", "%"]));
        }
    }
    format
}
