//! What templates are made of: literals of each kind, and the texts that the
//! smaller languages (patterns, layouts, constraints, …) take.

use crate::rng::Rng;

/// The values that every template sees as `.Values`.
pub(crate) const VALUES: &str = r#"
name: web
port: 8080
zero: 0
minus: -3
half: 0.5
third: 0.3333333333333333
large: 1234567
huge: 1e21
tiny: 1e-7
precise: 9007199254740993
yes: true
no: false
nothing: null
empty: ""
number: "42"
hex: "0x1F"
octal: "017"
float: "1.5e3"
bool: "true"
space: "  a b\t c  "
lines: "one\ntwo\n\n three \n"
windows: "a\r\nb\r\n"
quotes: "it's \"so\" `here` \\ $x {{ .y }}"
unicode: "Zoë ß ŉ 日本 😀 \u00ad\u200b"
html: "<a href='x'>&amp;</a>"
path: /a/./b/../c.tar.gz
url: "https://user:pa%20ss@host.example:8443/a%2Fb/c;d?x=1&y=2&x=%20#frag"
version: v1.22.3-rc.1+build.7
day: "2024-02-29T13:04:05.678+01:00"
snake: some_snake-case.wordABC
colon: "a: b # c"
words: [y, "n", "on", "null", "~", "1e3", "0o7", "12:30", "- a", "? b", "2001-01-01", "=", "<<", ".inf"]
list: [a, b, 1, 2.5, null, true, "", {k: v}, [x, [y]]]
numbers: [3, 1, 2, 10, -1, 0.5]
strings: [b, a, c, B, "10", "9", a]
nil: []
map: {a: 1, b: {c: [x, y], d: {e: null}}, "k.with/odd": z, "": blank, B: true}
none: {}
deep: {x: {y: {z: {w: end}}}}
items:
  - {name: one, port: 80, on: true}
  - {name: two, port: 443}
  - {name: three, tags: [p, q]}
"#;

/// A path below `.Values`, of any kind; some lead nowhere.
pub(crate) fn path(rng: &mut Rng) -> &'static str {
    match rng.below(12) {
        0..2 => rng.pick(&NUMBER_PATHS),
        2..5 => rng.pick(&STRING_PATHS),
        5..8 => rng.pick(&LIST_PATHS),
        8..10 => rng.pick(&MAP_PATHS),
        _ => rng.pick(&ODD_PATHS),
    }
}

/// Neither number, text, list nor map.
const ODD_PATHS: [&str; 12] = [
    "yes",
    "no",
    "nothing",
    "map.B",
    "map.b.d.e",
    "map.b.c.d",
    "missing",
    "missing.below",
    "nothing.below",
    "name.below",
    "list.below",
    "port.x",
];

pub(crate) const STRING_PATHS: [&str; 22] = [
    "name",
    "empty",
    "number",
    "hex",
    "octal",
    "float",
    "bool",
    "space",
    "lines",
    "windows",
    "quotes",
    "unicode",
    "html",
    "path",
    "url",
    "version",
    "day",
    "snake",
    "colon",
    "deep.x.y.z.w",
    "name",
    "lines",
];
pub(crate) const LIST_PATHS: [&str; 7] = ["words", "list", "numbers", "strings", "nil", "items", "map.b.c"];
pub(crate) const MAP_PATHS: [&str; 6] = ["map", "none", "deep", "map.b", "map.b.d", "deep.x.y"];
pub(crate) const NUMBER_PATHS: [&str; 10] =
    ["port", "zero", "minus", "half", "third", "large", "huge", "tiny", "precise", "map.a"];

/// What else a template sees.
pub(crate) const OTHERS: [&str; 30] = [
    ".Release.Name",
    ".Release.Namespace",
    ".Release.Revision",
    ".Release.IsInstall",
    ".Release.Service",
    ".Release.Nope",
    ".Chart.Name",
    ".Chart.Version",
    ".Chart.AppVersion",
    ".Chart.Annotations",
    ".Chart.Keywords",
    ".Chart.Maintainers",
    ".Chart.Nope",
    ".Chart.IsRoot",
    ".Chart",
    ".Capabilities.KubeVersion",
    ".Capabilities.KubeVersion.Version",
    ".Capabilities.KubeVersion.Minor",
    ".Capabilities.KubeVersion.GitVersion",
    "(.Capabilities.APIVersions.Has \"apps/v1\")",
    "(.Capabilities.APIVersions.Has \"nope/v9\")",
    "(.Capabilities.APIVersions | len)",
    ".Capabilities.HelmVersion.Version",
    ".Template.Name",
    ".Template.BasePath",
    ".Subcharts",
    ".Values",
    ".Files",
    "$",
    ".",
];

/// What can be asked of the chart's files.
pub(crate) const FILES: [&str; 14] = [
    "(.Files.Get \"files/a.txt\")",
    "(.Files.Get \"nope\")",
    "(.Files.GetBytes \"files/a.txt\")",
    "(.Files.GetBytes \"files/b.bin\")",
    "(.Files.Lines \"files/a.txt\")",
    "(.Files.Lines \"files/crlf.txt\")",
    "(.Files.Glob \"files/*\").AsConfig",
    "(.Files.Glob \"**\").AsSecrets",
    "(.Files.Glob \"files/*.txt\")",
    "(.Files.Glob \"[\")",
    "(.Files.Glob \"{files/a,nope}*\")",
    ".Files.AsConfig",
    "(.Files.Get 1)",
    "(.Files.Glob \"files/*\")",
];

pub(crate) const INTS: [&str; 22] = [
    "0",
    "1",
    "2",
    "3",
    "-1",
    "7",
    "8",
    "10",
    "16",
    "100",
    "255",
    "1000",
    "65536",
    "2147483647",
    "9223372036854775807",
    "-9223372036854775808",
    "'a'",
    "'é'",
    "0x1f",
    "0o17",
    "0b101",
    "1_000",
];
pub(crate) const SMALL: [&str; 12] = ["0", "1", "2", "3", "4", "5", "7", "10", "12", "-1", "-3", "20"];
pub(crate) const FLOATS: [&str; 14] =
    ["0.5", "1.0", "1.5", "-2.5", "1e3", "1e20", "1e21", "1e-7", "1e308", "0.1", "123456.789", "0x1p-2", "2.0", "-0.0"];
pub(crate) const STRINGS: [&str; 40] = [
    "\"\"",
    "\"a\"",
    "\"b\"",
    "\"abc\"",
    "\"Hello World\"",
    "\"foo_bar-baz\"",
    "\"a,b,c\"",
    "\"a.b.c\"",
    "\"  x  \"",
    "\"x\\ny\"",
    "\"x\\ty\\r\\n\"",
    "\"\\xff\\xfe\"",
    "\"é\\u2028日😀\"",
    "`raw \\n`",
    "\"0\"",
    "\"1\"",
    "\"-5\"",
    "\"0x10\"",
    "\"08\"",
    "\"1.5\"",
    "\"1e400\"",
    "\"true\"",
    "\"null\"",
    "\"<b>&'\\\"\"",
    "\"a/b/../c.txt\"",
    "\"/\"",
    "\"1.2.3\"",
    "\"v2\"",
    "\"%d %s\"",
    "\"$1x\"",
    "\"\\x00\\x7f\"",
    "\"ünïcödé\"",
    "\"AbCdEf\"",
    "\"aaa\"",
    "\"key\"",
    "\"<no value>\"",
    "\"a: b\"",
    "\"- x\"",
    "\"YWJj\"",
    "\"12:30:45\"",
];

/// Regular expressions, some of them wrong.
pub(crate) const PATTERNS: [&str; 34] = [
    "a",
    "a*",
    "(a)(b)?",
    "[a-c]+",
    "[^a]",
    "^a|c$",
    "(?i)HELLO",
    "(?s).+",
    "(?m)^t",
    "\\\\d+",
    "\\\\w+\\\\s",
    "\\\\pL+",
    "\\\\p{Greek}|é",
    "[[:upper:]]",
    "x{2,3}",
    "x{2}{3}",
    "a**",
    "(",
    ")",
    "[b-a]",
    "(?P<n>.)",
    "(?P<n>a)(?P<n>b)",
    "\\\\Q.\\\\E",
    "\\\\",
    "(?<x>b)",
    "\\\\b.",
    "a??",
    "(a|ab)(c|bcd)?",
    "[",
    "x{1001}",
    "(?z)",
    "\\\\p{Nope}",
    "",
    "[\\\\d-z]",
];
pub(crate) const REPLACEMENTS: [&str; 9] = ["x", "$1", "${1}x", "$1x", "$$", "${n}", "$", "<$0>", ""];
pub(crate) const LAYOUTS: [&str; 18] = [
    "2006-01-02",
    "2006-01-02T15:04:05Z07:00",
    "Mon Jan _2 15:04:05 MST 2006",
    "02/01/06 3:04PM",
    "15:04:05.000",
    "15:04:05.999999999",
    "Monday, January 2",
    "__2 002",
    "-0700",
    "Z0700",
    "-07",
    "x",
    "",
    "2006.1.2",
    "05,000",
    "PM pm",
    "20060102150405",
    "Jan Mon",
];
pub(crate) const DAYS: [&str; 10] = [
    "2024-02-29",
    "2023-02-29",
    "2024-12-31T23:59:59Z",
    "2024-02-29T13:04:05.678+01:00",
    "x",
    "",
    "29/02/24 1:02PM",
    "0000-01-01",
    "9999-12-31",
    "12:30:45.5",
];
pub(crate) const ZONES: [&str; 7] =
    ["UTC", "Europe/Berlin", "America/New_York", "Nope/Zone", "", "Local", "Asia/Kathmandu"];
pub(crate) const DURATIONS: [&str; 12] =
    ["1h", "90m", "-1.5h", "1h2m3.5s", "100ms", "1us", "5", "x", "", "1d", "2540400h10m10s", "0"];
pub(crate) const VERSIONS: [&str; 14] = [
    "1.2.3",
    "v1.2",
    "1",
    "1.2.3-alpha.1",
    "1.2.3+b",
    "x",
    "",
    "01.2.3",
    "1.2.3.4",
    "1.0.0-0",
    "99999999999999999999.0.0",
    "1.22.0-gke.1",
    "v1.22.3-rc.1+build.7",
    "2.0.0",
];
pub(crate) const CONSTRAINTS: [&str; 20] = [
    "^1.2",
    "~1.2.3",
    ">=1.2.3 <2",
    ">= 1.0, < 2.0 || > 3",
    "1.x",
    "*",
    "",
    "1.2 - 2.3",
    "!=1.2.3",
    "=1.2.3",
    "bad range",
    ">1.2.3-alpha",
    "^0.0.3",
    "~>1",
    "=> 1.2",
    "<=1.x",
    ">=1.20-0",
    "1.2.3 || x",
    "^v1",
    "==1",
];
pub(crate) const URLS: [&str; 12] = [
    "http://a/b?c=d#e",
    "https://u:p@h:80/x%20y",
    "//h/p",
    "mailto:x@y",
    "/p a",
    "http://[::1]:80/",
    "http://h:port/",
    "%zz",
    "",
    "a:b:c",
    "http://h/?a=1&b",
    "http://\\x7f/",
];
/// YAML, JSON and TOML documents, some of them wrong.
pub(crate) const DOCUMENTS: [&str; 30] = [
    "a: 1",
    "a: [1, 2.5, x, null, {b: c}]",
    "- 1\\n- a: b",
    "{\\\"a\\\": [1, {\\\"b\\\": null}], \\\"c\\\": 1e3}",
    "[1, \\\"x\\\", true]",
    "a = 1\\n[b]\\nc = \\\"d\\\"",
    "x = [1, 2]\\ny = 1979-05-27T07:32:00Z",
    "a = [{b = 1}, {b = 2}]\\n[[t]]\\nu = 1.5",
    "",
    "null",
    "~",
    "\\\"s\\\"",
    "1",
    "a: &x 1\\nb: *x",
    "a: |\\n  x\\n  y\\n",
    "? a\\n: b",
    "a: b: c",
    "[1",
    "{\\\"a\\\": 1,}",
    "a = ",
    "a: 'x",
    "\\t- a",
    "yes: no\\non: off",
    "1: a\\n2.5: b\\ntrue: c",
    "a: 0x1F\\nb: 017\\nc: 1_000\\nd: .5",
    "a: 2001-01-01\\nb: 12:30",
    "a: !!str 1",
    "--- \\na: 1\\n---\\nb: 2",
    "a: 1\\na: 2",
    "# only",
];
