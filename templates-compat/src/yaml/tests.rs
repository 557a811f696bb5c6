//! Recorded results of sigs.k8s.io/yaml 1.6.0 (yaml.v2 2.4.4 and 2.4.2) and yaml.v3.

use super::{Shape, decode, head, read, read_strict, write, write_pretty};
use crate::compat::Compat;
use crate::json::{self, Options};
use crate::value::Value;

fn dump<E: std::fmt::Display>(result: Result<Value, E>) -> String {
    const RAW: Options = Options { escape_html: false, indent: "" };
    match result {
        Ok(value) => format!("OK {}", String::from_utf8(json::write(&value, &RAW, Compat::Helm4).unwrap()).unwrap()),
        Err(e) => format!("ERR {e}"),
    }
}

fn text<E: std::fmt::Display>(result: Result<Vec<u8>, E>) -> String {
    result.map_or_else(|e| format!("ERR {e}"), |out| format!("OK {}", String::from_utf8(out).unwrap()))
}

fn json_value(text: &str) -> Value {
    json::read(text.as_bytes(), Compat::Helm4).unwrap()
}

#[test]
fn reads_as_sigs_yaml_does() {
    for (input, wanted) in READ {
        assert_eq!(dump(read(input.as_bytes(), Compat::Helm4)), *wanted, "{input:?}");
        assert_eq!(dump(decode(input.as_bytes(), &Shape::Any, Compat::Helm3)), *wanted, "{input:?}");
    }
}

#[test]
fn strict_reading_refuses_duplicate_keys() {
    for (input, wanted) in STRICT {
        assert_eq!(dump(read_strict(input.as_bytes(), Compat::Helm4)), *wanted, "{input:?}");
    }
}

#[test]
fn head_reports_what_a_full_read_reports() {
    for (input, helm4, helm3) in HEAD {
        for (wanted, compat) in [(helm4, Compat::Helm4), (helm3, Compat::Helm3)] {
            let got = head(input.as_bytes(), compat).map(|h| {
                let metadata = h.metadata.map_or(Value::Nil, |m| {
                    let annotations = m.annotations.map_or(Value::Nil, |a| {
                        Value::Map(a.into_iter().map(|(k, v)| (k.into(), Value::str(v))).collect())
                    });
                    Value::list(vec![Value::str(m.name), annotations])
                });
                Value::list(vec![Value::str(h.api_version), Value::str(h.kind), metadata])
            });
            assert_eq!(dump(got), *wanted, "{input:?}");
        }
    }
}

#[test]
fn writes_as_yaml_v2_does() {
    for (input, wanted) in WRITE {
        assert_eq!(text(write(&json_value(input), Compat::Helm4)), *wanted, "{input:?}");
    }
}

#[test]
fn writes_pretty_as_yaml_v3_does() {
    for (input, wanted) in PRETTY {
        assert_eq!(text(write_pretty(&json_value(input), Compat::Helm4)), *wanted, "{input:?}");
    }
}

/// Test threads have a stack of 2 MiB: nothing here may recurse too far.
#[test]
fn hostile_texts_end_in_an_error() {
    let deep = "exceeded max depth of 10000";
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for i in 1..12 {
        bomb.push_str(&format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(",")));
    }
    for (input, wanted) in [
        ("[".repeat(1 << 20), deep),
        ("{a: ".repeat(1 << 18), deep),
        ("- ".repeat(1 << 19), deep),
        ("? ".repeat(1 << 19), deep),
        ("[".repeat(9999) + &"]".repeat(9999), "exceeded max depth of 1000"),
        (bomb, "document contains excessive aliasing"),
    ] {
        let got = dump(read(input.as_bytes(), Compat::Helm4));
        assert_eq!(got, format!("ERR error converting YAML to JSON: yaml: {wanted}"));
    }
    let nested = "[".repeat(990) + &"]".repeat(990);
    let value = read(nested.as_bytes(), Compat::Helm4).unwrap();
    assert!(write(&value, Compat::Helm4).is_ok());
    let own = crate::value::Map::new();
    own.insert("self", Value::Map(own.clone()));
    assert!(write(&Value::Map(own.clone()), Compat::Helm4).is_err());
    assert!(write_pretty(&Value::Map(own.clone()), Compat::Helm4).is_err());
    own.remove(b"self");
}

const READ: &[(&str, &str)] = &[
    ("a: 1\nb: [x, \"y\"]\n", "OK {\"a\":1,\"b\":[\"x\",\"y\"]}"),
    ("y: yes\nn: No\n1: on\n1.5: ~\n", "OK {\"1\":true,\"1.5\":null,\"false\":false,\"true\":true}"),
    (
        "a: 017\nb: 0o17\nc: 0x1F\nd: 1_000\ne: 1e3\nf: +5\ng: .5_0\nh: 1:30\ni: 2001-01-01\nj: 0b11\n",
        "OK {\"a\":15,\"b\":15,\"c\":31,\"d\":1000,\"e\":1000,\"f\":5,\"g\":0.5,\"h\":\"1:30\",\"i\":\"2001-01-01\",\"j\":3}",
    ),
    ("a: 1\na: 2\n", "OK {\"a\":2}"),
    ("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n", "OK {\"true\":{\"a\":1,\"b\":3},\"x\":{\"a\":1,\"b\":2}}"),
    ("a: !!binary aGk=\nb: !!str 5\nc: !!float 1\nd: ! 1\n", "OK {\"a\":\"hi\",\"b\":\"5\",\"c\":1,\"d\":\"1\"}"),
    (
        "a: |\n  x\n   y\n\nb: >-\n  p\n  q\n\n  r\nc: |+2\n    z\n\n",
        "OK {\"a\":\"x\\n y\\n\",\"b\":\"p q\\nr\",\"c\":\"  z\\n\\n\"}",
    ),
    (
        "a: 'it''s'\nb: \"\\u00e9\\x41\\n\\\n  z\"\nc: one\n  two\n\n  three\n",
        "OK {\"a\":\"it's\",\"b\":\"éA\\nz\",\"c\":\"one two\\nthree\"}",
    ),
    ("a: 9007199254740993\nb: 18446744073709551616\n", "OK {\"a\":9007199254740992,\"b\":18446744073709552000}"),
    ("", "OK null"),
    ("# only a comment\n", "OK null"),
    ("a: 1\n---\nb: 2\n", "OK {\"a\":1}"),
    ("a: .inf\n", "ERR error converting YAML to JSON: json: unsupported value: +Inf"),
    ("~: 1\n", "ERR error converting YAML to JSON: unsupported map key of type: %!s(<nil>), key: <nil>, value: 1"),
    ("? [a]\n: b\n", "ERR error converting YAML to JSON: yaml: invalid map key: []interface {}{\"a\"}"),
    ("a: !!int x\n", "ERR error converting YAML to JSON: yaml: cannot decode !!str `x` as a !!int"),
    ("a: *x\n", "ERR error converting YAML to JSON: yaml: unknown anchor 'x' referenced"),
    ("a: &a [*a]\n", "ERR error converting YAML to JSON: yaml: anchor 'a' value contains itself"),
    ("a: b: c\n", "ERR error converting YAML to JSON: yaml: mapping values are not allowed in this context"),
    ("a:\n\t- b\n", "ERR error converting YAML to JSON: yaml: line 2: found character that cannot start any token"),
    ("- a\nb\n", "ERR error converting YAML to JSON: yaml: line 3: could not find expected ':'"),
    ("a: \"\\ud83d\\ude00\"\n", "ERR error converting YAML to JSON: yaml: found invalid Unicode character escape code"),
    ("a: [1, 2\n", "ERR error converting YAML to JSON: yaml: line 1: did not find expected ',' or ']'"),
    ("{a: 1\n", "ERR error converting YAML to JSON: yaml: line 1: did not find expected ',' or '}'"),
    ("a: \"x\n", "ERR error converting YAML to JSON: yaml: line 2: found unexpected end of stream"),
    (
        "a: 1\n b: 2\n",
        "ERR error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context",
    ),
    ("%YAML 1.2\n---\na: 1\n", "ERR error converting YAML to JSON: yaml: found incompatible YAML document"),
    ("!x!y z\n", "ERR error converting YAML to JSON: yaml: found undefined tag handle"),
    ("a: @x\n", "ERR error converting YAML to JSON: yaml: found character that cannot start any token"),
    ("<<: 1\n", "ERR error converting YAML to JSON: yaml: map merge requires map or sequence of maps as the value"),
    ("\u{feff}a: 1\n", "OK {\"a\":1}"),
    ("{a: {b: [c, d: e]}, ? f : g}\n", "OK {\"a\":{\"b\":[\"c\",{\"d\":\"e\"}]},\"f\":\"g\"}"),
    ("[]: x\n", "OK []"),
    (
        "a: !!binary ***\n",
        "ERR error converting YAML to JSON: yaml: did not find expected alphabetic or numeric character",
    ),
    ("key: >x\n", "ERR error converting YAML to JSON: yaml: did not find expected comment or line break"),
    ("a: 1e400\nb: -0\nc: 1.5e3\n", "OK {\"a\":\"1e400\",\"b\":0,\"c\":1500}"),
    (
        "18446744073709551615: x\n",
        "ERR error converting YAML to JSON: unsupported map key of type: uint64, key: 0xffffffffffffffff, value: \"x\"",
    ),
];

const STRICT: &[(&str, &str)] = &[
    (
        "a: 1\na: 2\nb: 3\nb: 4\n",
        "ERR error converting YAML to JSON: yaml: unmarshal errors:\n  line 2: key \"a\" already set in map\n  line 4: key \"b\" already set in map",
    ),
    (
        "a: {x: 1, x: 2}\n",
        "ERR error converting YAML to JSON: yaml: unmarshal errors:\n  line 1: key \"x\" already set in map",
    ),
    ("a: 1\n1: b\n", "OK {\"1\":\"b\",\"a\":1}"),
];

const HEAD: &[(&str, &str, &str)] = &[
    (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n  annotations: {a: 1, b: true}\nspec: {x: [1]}\n",
        "OK [\"v1\",\"Pod\",[\"x\",{\"a\":\"1\",\"b\":\"true\"}]]",
        "OK [\"v1\",\"Pod\",[\"x\",{\"a\":\"1\",\"b\":\"true\"}]]",
    ),
    ("kind: 1.50\nmetadata: {name: 0x10}\n", "OK [\"\",\"1.5\",[\"16\",null]]", "OK [\"\",\"1.5\",[\"16\",null]]"),
    (
        "kind: [a]\n",
        "ERR error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go struct field .kind of type string",
        "ERR error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go struct field SimpleHead.kind of type string",
    ),
    (
        "metadata:\n  annotations:\n    a: [1]\n",
        "ERR error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go struct field .metadata.annotations.a of type string",
        "ERR error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go struct field .metadata.annotations of type string",
    ),
    (
        "- a\n",
        "ERR error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type util.SimpleHead",
        "ERR error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type releaseutil.SimpleHead",
    ),
    (
        "metadata:\n  annotations: x\n",
        "ERR error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go struct field .metadata.annotations of type map[string]string",
        "ERR error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go struct field .metadata.annotations of type map[string]string",
    ),
    (
        "Kind: Pod\nspec: .nan\n",
        "ERR error converting YAML to JSON: json: unsupported value: NaN",
        "ERR error converting YAML to JSON: json: unsupported value: NaN",
    ),
    ("", "OK [\"\",\"\",null]", "OK [\"\",\"\",null]"),
];

const WRITE: &[(&str, &str)] = &[
    (
        "{\"b\": 1, \"a10\": 1, \"a2\": 1, \"A\": 1, \"_\": 1, \"10\": 1, \"2\": 1, \"é\": 1, \"-\": 1}",
        "OK '-': 1\n_: 1\n\"2\": 1\n\"10\": 1\nA: 1\na2: 1\na10: 1\nb: 1\né: 1\n",
    ),
    (
        "{\"l\": [1, [2, []], {\"a\": 1, \"b\": {}}], \"m\": {\"n\": null}}",
        "OK l:\n- 1\n- - 2\n  - []\n- a: 1\n  b: {}\nm:\n  \"n\": null\n",
    ),
    (
        "[\"y\", \"no\", \"1\", \"1.5\", \"0x1F\", \"1_000\", \"1e3\", \".5\", \"1:30\", \"190:20:30\", \"2001-01-01\", \"~\", \"\", \"<<\", \"=\", \"null\", \"true\", \"a: b\", \"a #b\", \"- a\", \"-\", \"--- x\", \"#c\", \"@a\", \"%a\", \"!a\", \"&a\", \"*a\", \"{a\", \"[a\", \"it's\", \"\\\"q\\\"\", \"é\", \"😀\", \"a\\tb\", \"x \", \" x\", \"\u{2028}\", \"\u{a0}\", \"0o7\", \"+\", \".\"]",
        "OK - \"y\"\n- \"no\"\n- \"1\"\n- \"1.5\"\n- \"0x1F\"\n- \"1_000\"\n- \"1e3\"\n- \".5\"\n- \"1:30\"\n- \"190:20:30\"\n- \"2001-01-01\"\n- \"~\"\n- \"\"\n- <<\n- =\n- \"null\"\n- \"true\"\n- 'a: b'\n- 'a #b'\n- '- a'\n- '-'\n- '--- x'\n- '#c'\n- '@a'\n- '%a'\n- '!a'\n- '&a'\n- '*a'\n- '{a'\n- '[a'\n- it's\n- '\"q\"'\n- é\n- \"\\U0001F600\"\n- \"a\\tb\"\n- 'x '\n- ' x'\n- '\u{2028}'\n- \u{a0}\n- \"0o7\"\n- +\n- .\n",
    ),
    (
        "[\"a\\n\", \"a\\nb\", \"a\\n\\n\", \" a\\nb\", \"a \\nb\", \"\\na\", \"a\\n\\tb\", \"a\\r\\nb\"]",
        "OK - |\n  a\n- |-\n  a\n  b\n- |+\n  a\n\n- |2-\n   a\n  b\n- \"a \\nb\"\n- |2-\n\n  a\n- \"a\\n\\tb\"\n- \"a\\r\\nb\"\n",
    ),
    (
        "[1e+20, 1e+21, 1e-06, 1e-07, 0.1, -0.0, 123456789, 12345678.9, 1e+300, 9007199254740993]",
        "OK - 1e+20\n- 1e+21\n- 1e-06\n- 1e-07\n- 0.1\n- 0\n- 123456789\n- 1.23456789e+07\n- 1e+300\n- 9007199254740992\n",
    ),
    (
        "{\"k\": \"word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word \", \"q\": \"it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's x: \", \"d\": \"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\": \\t\"}",
        "OK d: \"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a\n  \\ b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b\n  \\\"a  b \\\"a  b \\\": \\t\"\nk: 'word word word word word word word word word word word word word word word word\n  word word word word word word word word word word word word word word '\nq: 'it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s\n  it''s it''s it''s it''s it''s it''s it''s x: '\n",
    ),
    (
        "{\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\": 1, \"a\\nb\": {\"c\": [1]}}",
        "OK ? |-\n  a\n  b\n: c:\n  - 1\n? xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n: 1\n",
    ),
    ("\"plain\"", "OK plain\n"),
    ("[]", "OK []\n"),
    ("{}", "OK {}\n"),
    ("null", "OK null\n"),
    ("\"\u{85}a\"", "OK ' a'\n"),
    ("\"\\u007f\"", "ERR yaml: control characters are not allowed"),
    (
        "{\"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\": 1}",
        "ERR yaml: did not find expected ',' or '}'",
    ),
    ("\"\\ud800\"", "OK �\n"),
    ("\"\\ufeffab\"", "OK \"\\uFEFF\\x61\\x62\"\n"),
];

const PRETTY: &[(&str, &str)] = &[
    (
        "{\"b\": 1, \"a10\": 1, \"a2\": 1, \"A\": 1, \"_\": 1, \"10\": 1, \"2\": 1, \"é\": 1, \"-\": 1}",
        "OK '-': 1\n_: 1\n\"2\": 1\n\"10\": 1\nA: 1\na2: 1\na10: 1\nb: 1\né: 1\n",
    ),
    (
        "{\"l\": [1, [2, []], {\"a\": 1, \"b\": {}}], \"m\": {\"n\": null}}",
        "OK l:\n  - 1\n  - - 2\n    - []\n  - a: 1\n    b: {}\nm:\n  \"n\": null\n",
    ),
    (
        "[\"y\", \"no\", \"1\", \"1.5\", \"0x1F\", \"1_000\", \"1e3\", \".5\", \"1:30\", \"190:20:30\", \"2001-01-01\", \"~\", \"\", \"<<\", \"=\", \"null\", \"true\", \"a: b\", \"a #b\", \"- a\", \"-\", \"--- x\", \"#c\", \"@a\", \"%a\", \"!a\", \"&a\", \"*a\", \"{a\", \"[a\", \"it's\", \"\\\"q\\\"\", \"é\", \"😀\", \"a\\tb\", \"x \", \" x\", \"\u{2028}\", \"\u{a0}\", \"0o7\", \"+\", \".\"]",
        "OK - \"y\"\n- \"no\"\n- \"1\"\n- \"1.5\"\n- \"0x1F\"\n- \"1_000\"\n- \"1e3\"\n- \".5\"\n- \"1:30\"\n- \"190:20:30\"\n- \"2001-01-01\"\n- \"~\"\n- \"\"\n- <<\n- =\n- \"null\"\n- \"true\"\n- 'a: b'\n- 'a #b'\n- '- a'\n- '-'\n- '--- x'\n- '#c'\n- '@a'\n- '%a'\n- '!a'\n- '&a'\n- '*a'\n- '{a'\n- '[a'\n- it's\n- '\"q\"'\n- é\n- \"\\U0001F600\"\n- \"a\\tb\"\n- 'x '\n- ' x'\n- '\u{2028}'\n- \u{a0}\n- \"0o7\"\n- +\n- .\n",
    ),
    (
        "[\"a\\n\", \"a\\nb\", \"a\\n\\n\", \" a\\nb\", \"a \\nb\", \"\\na\", \"a\\n\\tb\", \"a\\r\\nb\"]",
        "OK - |\n  a\n- |-\n  a\n  b\n- |+\n  a\n\n- |2-\n   a\n  b\n- \"a \\nb\"\n- |2-\n\n  a\n- |-\n  a\n  \tb\n- \"a\\r\\nb\"\n",
    ),
    (
        "[1e+20, 1e+21, 1e-06, 1e-07, 0.1, -0.0, 123456789, 12345678.9, 1e+300, 9007199254740993]",
        "OK - 1e+20\n- 1e+21\n- 1e-06\n- 1e-07\n- 0.1\n- -0\n- 1.23456789e+08\n- 1.23456789e+07\n- 1e+300\n- 9.007199254740992e+15\n",
    ),
    (
        "{\"k\": \"word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word \", \"q\": \"it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's x: \", \"d\": \"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\": \\t\"}",
        "OK d: \"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\"a  b \\\": \\t\"\nk: 'word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word '\nq: 'it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s it''s x: '\n",
    ),
    (
        "{\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\": 1, \"a\\nb\": {\"c\": [1]}}",
        "OK ? |-\n  a\n  b\n: c:\n    - 1\n? xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n: 1\n",
    ),
    ("\"plain\"", "OK plain\n"),
    ("[]", "OK []\n"),
    ("{}", "OK {}\n"),
    ("null", "OK null\n"),
    ("\"\u{85}a\"", "OK \"\\Na\"\n"),
    ("\"\\u007f\"", "OK \"\\x7F\"\n"),
    (
        "{\"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\": 1}",
        "OK ? kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\n: 1\n",
    ),
    ("\"\\ud800\"", "OK �\n"),
    ("\"\\ufeffab\"", "OK \"\\uFEFF\\x61\\x62\"\n"),
];
