//! What a user gives as values: each line an option of the `--set` family, by
//! its first character, or the rest of the input a values file.

use charts::values::{SetKind, load_values, merge_maps, parse_into};
use charts::{Chart, Compat, Warnings};
use templates_compat::{Map, Value, yaml};

use crate::nowhere::Nowhere;

/// The body of the target.
pub fn values(data: &[u8]) {
    let compat = if data.len() % 8 == 3 { Compat::Helm3 } else { Compat::Helm4 };
    let dest = Map::new();
    let mut rest = data;
    while let Some((&kind, after)) = rest.split_first() {
        let (line, next) = match after.iter().position(|&b| b == b'\n') {
            Some(end) => (&after[..end], &after[end + 1..]),
            None => (after, &after[after.len()..]),
        };
        let text = String::from_utf8_lossy(line);
        let mut read = |path: &str| match path {
            "missing" => Err("open missing: no such file or directory".to_string()),
            path => Ok(Value::str(path)),
        };
        let kind = match kind {
            b's' => SetKind::Set,
            b't' => SetKind::String,
            b'j' => SetKind::Json,
            b'l' => SetKind::Literal,
            b'f' => SetKind::File(&mut read),
            b'{' => {
                schema(line, &dest, compat);
                rest = next;
                continue;
            }
            _ => {
                if let Ok(file) = load_values(rest, compat) {
                    merge_maps(&file, &dest);
                    merge_maps(&dest, &file);
                    coalesce(&file, &dest, compat);
                }
                break;
            }
        };
        if parse_into(&text, &dest, kind, compat).is_err() {
            break;
        }
        rest = next;
    }
    coalesce(&dest, &Map::new(), compat);
    let _ = yaml::write(&Value::Map(dest), compat);
}

/// The values over a chart's own.
fn coalesce(values: &Map, defaults: &Map, compat: Compat) {
    let named = |name: &str, values: &Map| {
        let mut chart = Chart::default();
        chart.metadata.name = name.into();
        chart.values = values.clone();
        chart
    };
    let mut chart = named("web", defaults);
    let sub = named("a", values);
    chart.dependencies.push(sub);
    let _ = charts::values::coalesce(&chart, values, compat, &mut Warnings::new());
}

/// The values against a schema: the line without its brace.
fn schema(line: &[u8], values: &Map, compat: Compat) {
    let schema = [b"{", line].concat();
    let _ = charts::schema::validate_single(values, &schema, compat, &Nowhere);
}
