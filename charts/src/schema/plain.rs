//! A quick look whether a document is a schema of the usual kind, so that the
//! slow way (the schema of schemas) is left to the unusual ones.

use super::draft::Draft;
use super::json::Node;

const MAX_DEPTH: usize = 500;

/// True only for what is surely a schema in this version; false may be one.
pub(super) fn is_schema(node: &Node, draft: Draft) -> bool {
    schema(node, draft, 0)
}

fn schema(node: &Node, draft: Draft, depth: usize) -> bool {
    match node {
        Node::Bool(_) => draft > Draft::V4,
        Node::Object(entries) => {
            depth < MAX_DEPTH && entries.iter().all(|(key, value)| keyword(key, value, draft, depth + 1))
        }
        _ => false,
    }
}

fn keyword(key: &str, value: &Node, draft: Draft, depth: usize) -> bool {
    let sub = |node: &Node| schema(node, draft, depth);
    let flag = value.as_bool().is_some();
    let number = matches!(value, Node::Number(_));
    let entries = matches!(value, Node::Object(_)).then(|| value.entries());
    match key {
        "title" | "description" | "$comment" | "format" | "pattern" | "contentMediaType" | "contentEncoding" => {
            value.as_str().is_some()
        }
        "$schema" => value.as_str().is_some_and(|s| s.starts_with("http") && simple_address(s)),
        "$ref" | "$recursiveRef" | "$dynamicRef" => value.as_str().is_some_and(simple_address),
        "id" | "$id" => value.as_str().is_some_and(|s| !s.trim_end_matches('#').contains('#') && simple_address(s)),
        "type" => types(value),
        "properties" | "definitions" | "$defs" | "dependentSchemas" | "patternProperties" => {
            entries.is_some_and(|e| e.iter().all(|(_, v)| sub(v)))
        }
        "items" => match value {
            Node::Array(items) => draft < Draft::V2020 && !items.is_empty() && items.iter().all(sub),
            other => sub(other),
        },
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
            value.items().is_some_and(|items| !items.is_empty() && items.iter().all(sub))
        }
        "additionalProperties" | "additionalItems" => flag || sub(value),
        "not"
        | "contains"
        | "propertyNames"
        | "if"
        | "then"
        | "else"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "contentSchema" => sub(value),
        "required" => names(value, draft),
        "enum" => value.items().is_some_and(|items| !items.is_empty() && distinct(items)),
        "minimum" | "maximum" => number,
        "exclusiveMinimum" | "exclusiveMaximum" => draft > Draft::V4 && number,
        "multipleOf" => matches!(value, Node::Number(n) if n.value > 0.0),
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" | "minContains"
        | "maxContains" => matches!(value, Node::Number(n) if n.value >= 0.0 && n.value.fract() == 0.0),
        "uniqueItems" | "readOnly" | "writeOnly" | "deprecated" => flag,
        "examples" => value.items().is_some(),
        "dependencies" => {
            entries.is_some_and(|e| e.iter().all(|(_, v)| if v.items().is_some() { names(v, draft) } else { sub(v) }))
        }
        "dependentRequired" => entries.is_some_and(|e| e.iter().all(|(_, v)| names(v, draft))),
        "$anchor" | "$dynamicAnchor" | "$recursiveAnchor" | "$vocabulary" => false,
        _ => true,
    }
}

/// An address in which nothing needs a second look.
fn simple_address(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/#.-_:$~".contains(&b)) && !text.starts_with(':')
}

fn types(value: &Node) -> bool {
    let known = |n: &Node| {
        n.as_str()
            .is_some_and(|s| matches!(s, "null" | "boolean" | "number" | "integer" | "string" | "array" | "object"))
    };
    match value {
        Node::Array(items) => !items.is_empty() && items.iter().all(known) && distinct(items),
        other => known(other),
    }
}

fn names(value: &Node, draft: Draft) -> bool {
    value.items().is_some_and(|items| {
        (draft > Draft::V4 || !items.is_empty()) && items.iter().all(|i| i.as_str().is_some()) && distinct(items)
    })
}

/// Whether all are strings and no two are equal.
fn distinct(items: &[Node]) -> bool {
    let mut texts: Vec<&str> = items.iter().filter_map(Node::as_str).collect();
    let count = texts.len();
    texts.sort_unstable();
    texts.dedup();
    count == items.len() && texts.len() == count
}
