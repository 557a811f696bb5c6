//! Recorded results of `encoding/json` in Go 1.27.2 and 1.24.7.

use super::{Options, read, write};
use crate::compat::Compat;
use crate::value::Value;

const RAW: Options = Options { escape_html: false, indent: "" };

fn dump(text: &str, compat: Compat) -> String {
    match read(text.as_bytes(), compat) {
        Ok(value) => format!("OK {}", String::from_utf8(write(&value, &RAW, compat).unwrap()).unwrap()),
        Err(e) => format!("ERR {e}"),
    }
}

#[test]
fn reads_with_the_errors_of_both_go_versions() {
    for (input, helm4, helm3) in READ {
        assert_eq!(dump(input, Compat::Helm4), *helm4, "{input:?}");
        assert_eq!(dump(input, Compat::Helm3), *helm3, "{input:?}");
    }
}

#[test]
fn escapes_what_go_escapes() {
    let value = Value::str(b"<a>&\xff\x01\x7f\xe2\x80\xa8\"\\".to_vec());
    let html = write(&value, &Options::default(), Compat::Helm4).unwrap();
    assert_eq!(html, b"\"\\u003ca\\u003e\\u0026\\ufffd\\u0001\x7f\\u2028\\\"\\\\\"");
    assert!(write(&value, &RAW, Compat::Helm4).unwrap().starts_with(b"\"<a>&"));
    let nan = write(&Value::Float(f64::NAN), &RAW, Compat::Helm4).unwrap_err();
    assert_eq!(nan.to_string(), "json: unsupported value: NaN");
}

/// Test threads have a stack of 2 MiB.
#[test]
fn deep_texts_end_in_an_error() {
    for input in ["[".repeat(1 << 20), "{\"a\":".repeat(1 << 18), "[".repeat(9000) + &"]".repeat(9000)] {
        assert_eq!(dump(&input, Compat::Helm4), "ERR exceeded max depth");
    }
    assert!(dump(&("[".repeat(999) + &"]".repeat(999)), Compat::Helm4).starts_with("OK"));
}

const READ: &[(&str, &str, &str)] = &[
    (
        "{\"a\":[1,2.5e3,\"\\u00e9\\n\\ud83d\\ude00\",true,null]}",
        "OK {\"a\":[1,2500,\"é\\n😀\",true,null]}",
        "OK {\"a\":[1,2500,\"é\\n😀\",true,null]}",
    ),
    ("{\"a\":1,\"a\":2}", "OK {\"a\":2}", "OK {\"a\":2}"),
    ("", "ERR unexpected end of JSON input", "ERR unexpected end of JSON input"),
    ("{", "ERR unexpected end of JSON input", "ERR unexpected end of JSON input"),
    (
        "[1,]",
        "ERR invalid character ']' looking for beginning of value",
        "ERR invalid character ']' looking for beginning of value",
    ),
    ("{\"a\" 1}", "ERR invalid character '1' after object key", "ERR invalid character '1' after object key"),
    (
        "{\"a\":1 \"b\"}",
        "ERR invalid character '\"' after object key:value pair",
        "ERR invalid character '\"' after object key:value pair",
    ),
    ("[1 2]", "ERR invalid character '2' after array element", "ERR invalid character '2' after array element"),
    ("nul", "ERR unexpected end of JSON input", "ERR invalid character ' ' in literal null (expecting 'l')"),
    ("tru", "ERR unexpected end of JSON input", "ERR invalid character ' ' in literal true (expecting 'e')"),
    (
        "nulx",
        "ERR invalid character 'x' in literal null (expecting 'l')",
        "ERR invalid character 'x' in literal null (expecting 'l')",
    ),
    ("01", "ERR invalid character '1' after top-level value", "ERR invalid character '1' after top-level value"),
    ("-", "ERR unexpected end of JSON input", "ERR invalid character ' ' in numeric literal"),
    ("1.", "ERR unexpected end of JSON input", "ERR invalid character ' ' after decimal point in numeric literal"),
    ("1e", "ERR unexpected end of JSON input", "ERR invalid character ' ' in exponent of numeric literal"),
    (
        "1e+x",
        "ERR invalid character 'x' in numeric literal",
        "ERR invalid character 'x' in exponent of numeric literal",
    ),
    ("\"\u{1}\"", "ERR invalid character '\\x01' in string", "ERR invalid character '\\x01' in string literal"),
    ("\"\\q\"", "ERR invalid escape sequence `\\q` in string", "ERR invalid character 'q' in string escape code"),
    (
        "\"\\u12x4\"",
        "ERR invalid escape sequence `\\u12x4` in string",
        "ERR invalid character 'x' in \\u hexadecimal character escape",
    ),
    ("\"a", "ERR unexpected end of JSON input", "ERR unexpected end of JSON input"),
    (
        "é",
        "ERR invalid character 'é' looking for beginning of value",
        "ERR invalid character 'Ã' looking for beginning of value",
    ),
    (
        "\u{2028}",
        "ERR invalid character '\\u2028' looking for beginning of value",
        "ERR invalid character 'â' looking for beginning of value",
    ),
    ("[1]x", "ERR invalid character 'x' after top-level value", "ERR invalid character 'x' after top-level value"),
    (
        "{1:2}",
        "ERR invalid character '1' looking for beginning of object key string",
        "ERR invalid character '1' looking for beginning of object key string",
    ),
    (
        "'a'",
        "ERR invalid character '\\'' looking for beginning of value",
        "ERR invalid character '\\'' looking for beginning of value",
    ),
    (
        "1e999",
        "ERR json: cannot unmarshal number 1e999 into Go value of type float64",
        "ERR json: cannot unmarshal number 1e999 into Go value of type float64",
    ),
    (
        "{\"a\":[1e999]}",
        "ERR json: cannot unmarshal number 1e999 into .a.0 of type float64",
        "ERR json: cannot unmarshal number 1e999 into Go value of type float64",
    ),
    ("\"\\", "ERR unexpected end of JSON input", "ERR invalid character ' ' in string escape code"),
    (
        "[`]",
        "ERR invalid character '`' looking for beginning of value",
        "ERR invalid character '`' looking for beginning of value",
    ),
    ("-x", "ERR invalid character 'x' in numeric literal", "ERR invalid character 'x' in numeric literal"),
];
