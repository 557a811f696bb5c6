//! Recorded results of BurntSushi/toml 1.6.0 and 1.5.0.

use super::{read, write};
use crate::compat::Compat;
use crate::value::Value;
use crate::{json, yaml};

fn text<E: std::fmt::Display>(result: Result<Vec<u8>, E>) -> String {
    result.map_or_else(|e| format!("ERR {e}"), |out| format!("OK {}", String::from_utf8(out).unwrap()))
}

fn dump(input: &str, compat: Compat) -> String {
    text(read(input.as_bytes(), compat).map(|m| yaml::write_pretty(&Value::Map(m), compat).unwrap()))
}

#[test]
fn reads_as_both_versions_do() {
    for (input, helm4, helm3) in READ {
        assert_eq!(dump(input, Compat::Helm4), *helm4, "{input:?}");
        assert_eq!(dump(input, Compat::Helm3), *helm3, "{input:?}");
    }
}

#[test]
fn writes_as_both_versions_do() {
    for (input, helm4, helm3) in WRITE {
        let value = json::read(input.as_bytes(), Compat::Helm4).unwrap();
        assert_eq!(text(write(&value, Compat::Helm4)), *helm4, "{input:?}");
        assert_eq!(text(write(&value, Compat::Helm3)), *helm3, "{input:?}");
    }
}

/// Test threads have a stack of 2 MiB.
#[test]
fn deep_texts_end_in_an_error() {
    for input in
        [format!("a={}", "[".repeat(1 << 20)), "a.".repeat(1 << 19) + "a=1", "a={".to_owned() + &"a={".repeat(1 << 16)]
    {
        assert!(dump(&input, Compat::Helm4).ends_with("exceeded max depth"));
    }
}

const READ: &[(&str, &str, &str)] = &[
    (
        "a = 1\nb = 1.5\nc = \"x\\ny\"\nd = true\ne = [1, \"a\"]\n[t.u]\nv = 0x1F\n[[w]]\nx = 1\n[[w]]\nx = 2\n",
        "OK a: 1\nb: 1.5\nc: |-\n  x\n  y\nd: true\ne:\n  - 1\n  - a\nt:\n  u:\n    v: 31\nw:\n  - x: 1\n  - x: 2\n",
        "OK a: 1\nb: 1.5\nc: |-\n  x\n  y\nd: true\ne:\n  - 1\n  - a\nt:\n  u:\n    v: 31\nw:\n  - x: 1\n  - x: 2\n",
    ),
    (
        "a = 1\na = 2\n",
        "ERR toml: line 2 (last key \"a\"): Key 'a' has already been defined.",
        "ERR toml: line 2 (last key \"a\"): Key 'a' has already been defined.",
    ),
    (
        "[a]\n[a]\n",
        "ERR toml: line 2: Key 'a' has already been defined.",
        "ERR toml: line 2: Key 'a' has already been defined.",
    ),
    ("a = {b = 1, c.d = 2}\n", "OK a:\n  b: 1\n  c:\n    d: 2\n", "OK a:\n  b: 1\n  c:\n    d: 2\n"),
    (
        "a = {b = 1,}\n",
        "OK a:\n  b: 1\n",
        "ERR toml: line 1 (last key \"a.b\"): trailing comma not allowed in inline tables",
    ),
    (
        "a = {b = 1,\nc = 2}\n",
        "OK a:\n  b: 1\n  c: 2\n",
        "ERR toml: line 1 (last key \"a.b\"): newlines not allowed within inline tables",
    ),
    (
        "a = 2001-01-01\nb = 10:00:00\nc = 2001-01-01T10:00:00\nd = 2001-01-01 10:00:00+02:00\n",
        "OK a: 2001-01-01T00:00:00Z\nb: 0000-01-01T10:00:00Z\nc: 2001-01-01T10:00:00Z\nd: 2001-01-01T10:00:00+02:00\n",
        "OK a: 2001-01-01T00:00:00Z\nb: 0000-01-01T10:00:00Z\nc: 2001-01-01T10:00:00Z\nd: 2001-01-01T10:00:00+02:00\n",
    ),
    ("a = 10:00\n", "OK a: 0000-01-01T10:00:00Z\n", "ERR toml: line 1 (last key \"a\"): invalid datetime: \"10:00\""),
    ("a = \"\\e\"\n", "OK a: \"\\e\"\n", "ERR toml: line 1 (last key \"a\"): invalid escape in string '\\e'"),
    (
        "a = \"\\q\"\n",
        "ERR toml: line 1 (last key \"a\"): invalid escape in string '\\q'",
        "ERR toml: line 1 (last key \"a\"): invalid escape in string '\\q'",
    ),
    (
        "a = \n",
        "ERR toml: line 1 (last key \"a\"): expected value but found '\\n' instead",
        "ERR toml: line 1 (last key \"a\"): expected value but found '\\n' instead",
    ),
    (
        "= 1\n",
        "ERR toml: line 1: unexpected '=': key name appears blank",
        "ERR toml: line 1: unexpected '=': key name appears blank",
    ),
    (
        "a\n",
        "ERR toml: line 1: expected '.' or '=', but got '\\n' instead",
        "ERR toml: line 1: expected '.' or '=', but got '\\n' instead",
    ),
    (
        "a = 1 2\n",
        "ERR toml: line 1: expected a top-level item to end with a newline, comment, or EOF, but got '2' instead",
        "ERR toml: line 1: expected a top-level item to end with a newline, comment, or EOF, but got '2' instead",
    ),
    (
        "[a\n",
        "ERR toml: line 2: expected '.' or ']' to end table name, but got '\\n' instead",
        "ERR toml: line 2: expected '.' or ']' to end table name, but got '\\n' instead",
    ),
    (
        "a = 01\n",
        "ERR toml: line 1 (last key \"a\"): Invalid integer \"01\": cannot have leading zeroes",
        "ERR toml: line 1 (last key \"a\"): Invalid integer \"01\": cannot have leading zeroes",
    ),
    (
        "a = 1__0\n",
        "ERR toml: line 1 (last key \"a\"): Invalid integer \"1__0\": underscores must be surrounded by digits",
        "ERR toml: line 1 (last key \"a\"): Invalid integer \"1__0\": underscores must be surrounded by digits",
    ),
    (
        "a = 1.\n",
        "ERR toml: line 1 (last key \"a\"): Invalid float \"1.\": '.' must be followed by one or more digits",
        "ERR toml: line 1 (last key \"a\"): Invalid float \"1.\": '.' must be followed by one or more digits",
    ),
    (
        "a = 1e400\n",
        "ERR toml: line 1 (last key \"a\"): 1e400 is out of range for float64",
        "ERR toml: line 1 (last key \"a\"): 1e400 is out of range for float64",
    ),
    (
        "a = 9223372036854775808\n",
        "ERR toml: line 1 (last key \"a\"): 9223372036854775808 is out of range for int64",
        "ERR toml: line 1 (last key \"a\"): 9223372036854775808 is out of range for int64",
    ),
    ("a = \"\"\"x\\\n  y\"\"\"\n", "OK a: xy\n", "OK a: xy\n"),
    ("a = '''x'y'''\n", "OK a: x'y\n", "OK a: x'y\n"),
    (
        "a = \"x\n",
        "ERR toml: line 1 (last key \"a\"): strings cannot contain newlines",
        "ERR toml: line 1 (last key \"a\"): strings cannot contain newlines",
    ),
    (
        "a = foo\n",
        "ERR toml: line 1 (last key \"a\"): expected value but found \"foo\" instead",
        "ERR toml: line 1 (last key \"a\"): expected value but found \"foo\" instead",
    ),
    (
        "a = [1, 2\n",
        "ERR toml: line 1 (last key \"a\"): expected a comma (',') or array terminator (']'), but got end of file",
        "ERR toml: line 1 (last key \"a\"): expected a comma (',') or array terminator (']'), but got end of file",
    ),
    (
        "a.b = 1\na.c = 2\n[a]\n",
        "ERR toml: line 3: Key 'a' has already been defined.",
        "ERR toml: line 3: Key 'a' has already been defined.",
    ),
    (
        "a = [1]\n[[a]]\n",
        "ERR toml: line 2: Key 'a' was already created and cannot be used as an array.",
        "ERR toml: line 2: Key 'a' was already created and cannot be used as an array.",
    ),
    (
        "a = \u{1}\n",
        "ERR toml: line 1 (last key \"a\"): TOML files cannot contain control characters: '0x01'",
        "ERR toml: line 1 (last key \"a\"): TOML files cannot contain control characters: '0x01'",
    ),
    (
        "a = 2001-13-01\n",
        "ERR toml: line 1 (last key \"a\"): invalid datetime: \"2001-13-01\"",
        "ERR toml: line 1 (last key \"a\"): invalid datetime: \"2001-13-01\"",
    ),
    ("a = -inf\nb = nan\n", "OK a: -.inf\nb: .nan\n", "OK a: -.inf\nb: .nan\n"),
    ("\"a b\".c = 1\n\"\" = 2\n", "OK \"\": 2\na b:\n  c: 1\n", "OK \"\": 2\na b:\n  c: 1\n"),
    (
        "a = 0xZ\n",
        "ERR toml: line 1 (last key \"a\"): not a hexadecimal number: '0xZ'",
        "ERR toml: line 1 (last key \"a\"): not a hexadecimal number: '0xZ'",
    ),
    (
        "a = \"\\ud800\"\n",
        "ERR toml: line 1 (last key \"a\"): Escaped character '\\ud800' is not valid UTF-8.",
        "ERR toml: line 1 (last key \"a\"): Escaped character '\\ud800' is not valid UTF-8.",
    ),
];

const WRITE: &[(&str, &str, &str)] = &[
    (
        "{\"a\": 1.5, \"b\": \"x\\\"\\n\", \"c\": [1, \"a\", [2]], \"d\": {\"e\": {\"f\": null, \"g\": true}}, \"h\": [{\"i\": 1}, {\"j\": {\"k\": 2}}], \"l\": [{\"m\": 1}, 2], \"n o\": {}, \"p\": []}",
        "OK a = 1.5\nb = \"x\\\"\\n\"\nc = [1.0, \"a\", [2.0]]\nl = [{m = 1.0}, 2.0]\np = []\n\n[d]\n  [d.e]\n    g = true\n\n[[h]]\n  i = 1.0\n\n[[h]]\n  [h.j]\n    k = 2.0\n\n[\"n o\"]\n",
        "OK a = 1.5\nb = \"x\\\"\\n\"\nc = [1.0, \"a\", [2.0]]\nl = [{m = 1.0}, 2.0]\np = []\n\n[d]\n  [d.e]\n    g = true\n\n[[h]]\n  i = 1.0\n\n[[h]]\n  [h.j]\n    k = 2.0\n\n[\"n o\"]\n",
    ),
    ("[1, 2]", "OK [1.0, 2.0]", "OK [1.0, 2.0]"),
    (
        "[{\"a\": 1}]",
        "ERR toml: top-level values must be Go maps or structs",
        "ERR toml: top-level values must be Go maps or structs",
    ),
    ("\"x\"", "OK \"x\"", "OK \"x\""),
    (
        "{\"a\": [null]}",
        "ERR toml: cannot encode array with nil element",
        "ERR toml: cannot encode array with nil element",
    ),
    (
        "{\"a\": 1e+20, \"b\": 1000000.0, \"c\": 1e-05}",
        "OK a = 1e+20\nb = 1e+06\nc = 1e-05\n",
        "OK a = 100000000000000000000.0\nb = 1000000.0\nc = 0.00001\n",
    ),
    ("{\"a\": [{\"b\": null, \"c\": 1}, 1]}", "OK a = [{c = 1.0}, 1.0]\n", "OK a = [{c = 1.0}, 1.0]\n"),
];
