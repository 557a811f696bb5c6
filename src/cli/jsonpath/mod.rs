//! The JSONPath of Kubernetes' tools, as `show values --jsonpath` takes it:
//! `{.image.tag}`, `{range .hosts[*]}{.name}{"\n"}{end}`,
//! `{.items[?(@.ok==true)].idame}`.
//!
//! An expression that cannot be read is an error; one that finds nothing, or
//! cannot be carried out, prints nothing.

mod find;
mod parse;

use templates_compat::{Compat, Value, gofmt, json};

use find::{Finder, Stop};

/// How deep `..` looks and expressions nest.
const MAX_DEPTH: usize = 1000;

/// One step of an expression.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(Vec<u8>),
    Field(String),
    /// `[start:end:step]`
    Array([Param; 3]),
    Filter {
        left: Vec<Node>,
        operator: String,
        right: Vec<Node>,
    },
    Int(i64),
    Float(f64),
    Bool(bool),
    Wildcard,
    Recursive,
    Union(Vec<Vec<Node>>),
    Identifier(String),
    /// What stands between `{` and `}`.
    List(Vec<Node>),
}

/// One number of a slice expression.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Param {
    value: i64,
    known: bool,
    /// Made up, because only a start was given.
    derived: bool,
}

/// What an expression makes of a value.
///
/// # Errors
/// Why the expression cannot be read.
pub(crate) fn print(expression: &str, value: &Value, compat: Compat) -> Result<Vec<u8>, String> {
    let nodes = parse::parse(expression, 0)?;
    let mut out = Vec::new();
    // What was printed before something went wrong stays.
    if let Ok(results) = Finder::new(&nodes).find(value.clone(), 0) {
        let _ = results.iter().try_for_each(|result| print_result(&mut out, result, compat));
    }
    Ok(out)
}

fn print_result(out: &mut Vec<u8>, values: &[Value], compat: Compat) -> Result<(), Stop> {
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        match value {
            Value::Map(_) | Value::List(_) => {
                out.extend(json::write(value, &json::Options::default(), compat).map_err(|_| Stop)?);
            }
            Value::Nil => out.extend_from_slice(b"null"),
            value => gofmt::append_value(out, value, compat).map_err(|_| Stop)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(expression: &str) -> String {
        let yaml = "a: {b: 1, c: x, d: null}\nlist: [{id: p, ok: true}, {id: q, ok: false}, {id: r}]\nk.x: 5\nnums: [1, 2.5, 1e6]\n";
        let value = Value::Map(templates_compat::yaml::read_map(yaml.as_bytes(), Compat::Helm4).unwrap().unwrap());
        match print(expression, &value, Compat::Helm4) {
            Ok(text) => String::from_utf8(text).unwrap(),
            Err(e) => format!("error: {e}"),
        }
    }

    #[test]
    fn values_are_found() {
        for (expression, want) in [
            ("{.a.b}", "1"),
            ("x{.a.c}y", "xxy"),
            ("{.a}", r#"{"b":1,"c":"x","d":null}"#),
            ("{.a.d}", "null"),
            ("{.a.*}", "1 x null"),
            ("{.list[*].id}", "p q r"),
            ("{.list[-1:].id}", "r"),
            ("{.list[0:2].id}", "p q"),
            ("{.list[0,2].id}", "p r"),
            ("{.list[?(@.id==\"q\")].id}", "q"),
            ("{.list[?(@.ok==true)].id}", ""),
            ("{.list[?(@.ok)].id}", "p q"),
            ("{range .list[*]}{.id}={.ok}{\"\\n\"}{end}!", ""),
            ("{range .list[0:2]}{.id}={.ok}{\"\\n\"}{end}!", "p=true\nq=false\n!"),
            ("{.k\\.x}", "5"),
            ("{['a']['b']}", "1"),
            ("{.a.b} {['k.x']}", ""),
            ("{..id}", "p q r"),
            ("{.nums}", "[1,2.5,1000000]"),
            ("{.nums[2]}", "1e+06"),
            ("{.missing}", ""),
            ("{.list[7]}", ""),
        ] {
            assert_eq!(show(expression), want, "{expression}");
        }
    }

    #[test]
    fn wrong_expressions_say_why() {
        for (expression, want) in [
            ("{.a", "unclosed action"),
            ("{.list[x]}", "invalid array index x"),
            ("{.list[0}", "unterminated array"),
            ("{.list[?(@.a}", "unterminated filter"),
            ("{\"a}", "unterminated quoted string"),
            ("{-}", "cannot parse number -"),
            ("{%}", "unrecognized character in action: U+0025 '%'"),
        ] {
            assert_eq!(show(expression), format!("error: {want}"), "{expression}");
        }
    }
}
