//! The schemas of schemas. Their documents are built here from what each
//! keyword takes; they are needed for the messages about a schema that is
//! none, and for those who refer to them.

use std::fmt::Write;

use templates_compat::{Compat, Value};

use super::check;
use super::compile::Compiler;
use super::draft::Draft;
use super::json::Node;
use super::plain;
use super::report::Words;

/// What a keyword takes.
#[derive(Clone, Copy)]
enum Takes {
    Text,
    Flag,
    Number,
    AboveZero,
    Count,
    CountOr0,
    Pattern,
    Address,
    Reference,
    Id,
    Anchor,
    Names,
    NamesOfNames,
    Type,
    Enum,
    AnyList,
    Schema,
    SchemaOrFlag,
    Schemas,
    SchemaOrSchemas,
    SchemaMap,
    PatternMap,
    SchemaOrNamesMap,
}

use Takes::{
    AboveZero, Address, Anchor, AnyList, Count, CountOr0, Enum, Flag, Id, Names, NamesOfNames, Number, Pattern,
    PatternMap, Reference, Schema, SchemaMap, SchemaOrFlag, SchemaOrNamesMap, SchemaOrSchemas, Schemas, Text, Type,
};

type Keywords = &'static [(&'static str, Takes)];

/// What was there from the beginning.
const BASE: Keywords = &[
    ("$schema", Address),
    ("title", Text),
    ("description", Text),
    ("multipleOf", AboveZero),
    ("maximum", Number),
    ("minimum", Number),
    ("maxLength", Count),
    ("minLength", CountOr0),
    ("pattern", Pattern),
    ("items", SchemaOrSchemas),
    ("maxItems", Count),
    ("minItems", CountOr0),
    ("uniqueItems", Flag),
    ("maxProperties", Count),
    ("minProperties", CountOr0),
    ("required", Names),
    ("definitions", SchemaMap),
    ("properties", SchemaMap),
    ("dependencies", SchemaOrNamesMap),
    ("enum", Enum),
    ("type", Type),
    ("allOf", Schemas),
    ("anyOf", Schemas),
    ("oneOf", Schemas),
    ("not", Schema),
    ("format", Text),
];
const ONLY_4: Keywords = &[
    ("id", Text),
    ("$ref", Text),
    ("exclusiveMaximum", Flag),
    ("exclusiveMinimum", Flag),
    ("additionalItems", SchemaOrFlag),
    ("additionalProperties", SchemaOrFlag),
    ("patternProperties", SchemaMap),
];
const SINCE_6: Keywords = &[
    ("$id", Reference),
    ("$ref", Reference),
    ("exclusiveMaximum", Number),
    ("exclusiveMinimum", Number),
    ("additionalItems", Schema),
    ("additionalProperties", Schema),
    ("patternProperties", PatternMap),
    ("contains", Schema),
    ("propertyNames", Schema),
    ("examples", AnyList),
];
const SINCE_7: Keywords = &[
    ("$comment", Text),
    ("readOnly", Flag),
    ("contentMediaType", Text),
    ("contentEncoding", Text),
    ("if", Schema),
    ("then", Schema),
    ("else", Schema),
];

/// The vocabularies of the newer versions, in their order.
const CORE_2019: Keywords = &[
    ("$id", Id),
    ("$schema", Address),
    ("$anchor", Anchor),
    ("$ref", Reference),
    ("$recursiveRef", Reference),
    ("$recursiveAnchor", Flag),
    ("$comment", Text),
    ("$defs", SchemaMap),
];
const CORE_2020: Keywords = &[
    ("$id", Id),
    ("$schema", Address),
    ("$ref", Reference),
    ("$anchor", Anchor),
    ("$dynamicRef", Reference),
    ("$dynamicAnchor", Anchor),
    ("$comment", Text),
    ("$defs", SchemaMap),
];
const APPLICATOR: Keywords = &[
    ("contains", Schema),
    ("additionalProperties", Schema),
    ("properties", SchemaMap),
    ("patternProperties", PatternMap),
    ("dependentSchemas", SchemaMap),
    ("propertyNames", Schema),
    ("if", Schema),
    ("then", Schema),
    ("else", Schema),
    ("allOf", Schemas),
    ("anyOf", Schemas),
    ("oneOf", Schemas),
    ("not", Schema),
];
const APPLICATOR_2019: Keywords = &[("additionalItems", Schema), ("items", SchemaOrSchemas)];
const APPLICATOR_2020: Keywords = &[("prefixItems", Schemas), ("items", Schema)];
const UNEVALUATED: Keywords = &[("unevaluatedItems", Schema), ("unevaluatedProperties", Schema)];
const VALIDATION: Keywords = &[
    ("multipleOf", AboveZero),
    ("maximum", Number),
    ("exclusiveMaximum", Number),
    ("minimum", Number),
    ("exclusiveMinimum", Number),
    ("maxLength", Count),
    ("minLength", Count),
    ("pattern", Pattern),
    ("maxItems", Count),
    ("minItems", Count),
    ("uniqueItems", Flag),
    ("maxContains", Count),
    ("minContains", Count),
    ("maxProperties", Count),
    ("minProperties", Count),
    ("required", Names),
    ("dependentRequired", NamesOfNames),
    ("enum", Enum),
    ("type", Type),
];
const META_DATA: Keywords = &[
    ("title", Text),
    ("description", Text),
    ("deprecated", Flag),
    ("readOnly", Flag),
    ("writeOnly", Flag),
    ("examples", AnyList),
];
const FORMAT: Keywords = &[("format", Text)];
const CONTENT: Keywords = &[("contentMediaType", Text), ("contentEncoding", Text), ("contentSchema", Schema)];
const OLD_2019: Keywords = &[("definitions", SchemaMap), ("dependencies", SchemaOrNamesMap)];
const OLD_2020: Keywords = &[
    ("definitions", SchemaMap),
    ("dependencies", SchemaOrNamesMap),
    ("$recursiveAnchor", Anchor),
    ("$recursiveRef", Reference),
];

const TYPES: &str = r#"{"enum":["array","boolean","integer","null","number","object","string"]}"#;
const COUNT: &str = r#"{"type":"integer","minimum":0}"#;

/// Whether a document is one of these.
pub(super) fn is_own(address: &str) -> bool {
    address.starts_with("http://json-schema.org/") || address.starts_with("https://json-schema.org/")
}

/// The document at an address, if it is one of these.
pub(super) fn document(address: &str) -> Option<String> {
    Draft::from_address(address).map(source)
}

/// Whether a document is a schema; if not, why.
pub(super) fn check(node: &Node, draft: Draft, compat: Compat) -> Result<(), String> {
    if plain::is_schema(node, draft) { Ok(()) } else { check_thoroughly(node, draft, compat) }
}

/// As [`check`], without the quick look first.
pub(super) fn check_thoroughly(node: &Node, draft: Draft, compat: Compat) -> Result<(), String> {
    struct Nothing;
    impl super::Resolver for Nothing {
        fn resolve(&self, address: &str) -> Result<Vec<u8>, String> {
            Err(format!("no document at {address}"))
        }
    }
    let doc = Node::parse(source(draft).as_bytes(), compat)?;
    let mut compiler = Compiler::new(compat, &Nothing, true);
    let root = compiler.add(draft.address(), doc)?;
    let id = compiler.link(root, String::new())?;
    compiler.run()?;
    let problems = check::check(&compiler.schemas, id, &value_of(node), compat);
    if problems.is_empty() {
        return Ok(());
    }
    let words = Words { compat };
    let mut text = format!("jsonschema validation failed with {}", words.quote(&format!("{}#", draft.address())));
    for problem in &problems {
        words.write(problem, 1, &mut text);
    }
    Err(text)
}

fn value_of(node: &Node) -> Value {
    match node {
        Node::Null => Value::Nil,
        Node::Bool(b) => Value::Bool(*b),
        Node::Number(n) => Value::Float(n.value),
        Node::String(s) => Value::str(s.as_str()),
        Node::Array(items) => Value::list(items.iter().map(value_of).collect()),
        Node::Object(entries) => {
            Value::Map(entries.iter().map(|(k, v)| (templates_compat::Str::from(k.as_str()), value_of(v))).collect())
        }
    }
}

/// The schema of a version's schemas.
fn source(draft: Draft) -> String {
    match draft {
        Draft::V4 => {
            let dependencies = r#","dependencies":{"exclusiveMaximum":["maximum"],"exclusiveMinimum":["minimum"]}"#;
            format!(r#"{{"type":"object",{}{dependencies}}}"#, properties(&[BASE, ONLY_4], draft))
        }
        Draft::V6 => format!(r#"{{{ANY_SCHEMA},{}}}"#, properties(&[BASE, SINCE_6], draft)),
        Draft::V7 => format!(r#"{{{ANY_SCHEMA},{}}}"#, properties(&[BASE, SINCE_6, SINCE_7], draft)),
        Draft::V2019 => {
            let parts: [&[Keywords]; 6] = [
                &[CORE_2019],
                &[APPLICATOR, APPLICATOR_2019, UNEVALUATED],
                &[VALIDATION],
                &[META_DATA],
                &[FORMAT],
                &[CONTENT],
            ];
            all_of(&parts, &[OLD_2019], draft)
        }
        Draft::V2020 => {
            let parts: [&[Keywords]; 7] = [
                &[CORE_2020],
                &[APPLICATOR, APPLICATOR_2020],
                &[UNEVALUATED],
                &[VALIDATION],
                &[META_DATA],
                &[FORMAT],
                &[CONTENT],
            ];
            all_of(&parts, &[OLD_2020], draft)
        }
    }
}

const ANY_SCHEMA: &str = r#""$schema":"http://json-schema.org/draft-07/schema","type":["object","boolean"]"#;

/// The parts are referred to: that shows in how findings are grouped.
fn all_of(parts: &[&[Keywords]], own: &[Keywords], draft: Draft) -> String {
    let (mut references, mut definitions) = (Vec::new(), Vec::new());
    for (i, part) in parts.iter().enumerate() {
        references.push(format!(r##"{{"$ref":"#/definitions/{i}"}}"##));
        definitions.push(format!(r#""{i}":{{"type":["object","boolean"],{}}}"#, properties(part, draft)));
    }
    let (references, definitions) = (references.join(","), definitions.join(","));
    let own = properties(own, draft);
    format!(r#"{{{ANY_SCHEMA},"definitions":{{{definitions}}},"allOf":[{references}],{own}}}"#)
}

fn properties(lists: &[Keywords], draft: Draft) -> String {
    let mut out = String::from(r#""properties":{"#);
    for (i, (name, takes)) in lists.iter().copied().flatten().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(out, r#"{comma}"{name}":{}"#, takes.schema(draft));
    }
    out.push('}');
    out
}

impl Takes {
    fn schema(self, draft: Draft) -> String {
        const SELF: &str = r##"{"$ref":"#"}"##;
        let at_least_one = if draft == Draft::V4 { r#","minItems":1"# } else { "" };
        let names = format!(r#"{{"type":"array","items":{{"type":"string"}}{at_least_one},"uniqueItems":true}}"#);
        let schemas = format!(r#"{{"type":"array","minItems":1,"items":{SELF}}}"#);
        let map = |of: &str| format!(r#"{{"type":"object","additionalProperties":{of}}}"#);
        let either = |a: &str, b: &str| format!(r#"{{"anyOf":[{a},{b}]}}"#);
        match self {
            Text => r#"{"type":"string"}"#.to_string(),
            Flag => r#"{"type":"boolean"}"#.to_string(),
            Number => r#"{"type":"number"}"#.to_string(),
            AboveZero if draft == Draft::V4 => r#"{"type":"number","minimum":0,"exclusiveMinimum":true}"#.to_string(),
            AboveZero => r#"{"type":"number","exclusiveMinimum":0}"#.to_string(),
            Count => COUNT.to_string(),
            CountOr0 => format!(r#"{{"allOf":[{COUNT},{{}}]}}"#),
            Pattern => r#"{"type":"string","format":"regex"}"#.to_string(),
            Address => r#"{"type":"string","format":"uri"}"#.to_string(),
            Reference => r#"{"type":"string","format":"uri-reference"}"#.to_string(),
            Id => r##"{"type":"string","format":"uri-reference","pattern":"^[^#]*#?$"}"##.to_string(),
            Anchor => r#"{"type":"string","pattern":"^[A-Za-z_][-A-Za-z0-9._]*$"}"#.to_string(),
            Names => names,
            NamesOfNames => map(&names),
            Type => {
                let list = format!(r#"{{"type":"array","items":{TYPES},"minItems":1,"uniqueItems":true}}"#);
                either(TYPES, &list)
            }
            Enum if draft == Draft::V4 => r#"{"type":"array","minItems":1,"uniqueItems":true}"#.to_string(),
            Enum if draft < Draft::V2019 => {
                r#"{"type":"array","items":true,"minItems":1,"uniqueItems":true}"#.to_string()
            }
            Enum | AnyList => r#"{"type":"array","items":true}"#.to_string(),
            Schema => SELF.to_string(),
            SchemaOrFlag => either(r#"{"type":"boolean"}"#, SELF),
            Schemas => schemas,
            SchemaOrSchemas => either(SELF, &schemas),
            SchemaMap => map(SELF),
            PatternMap => {
                format!(r#"{{"type":"object","additionalProperties":{SELF},"propertyNames":{{"format":"regex"}}}}"#)
            }
            SchemaOrNamesMap => map(&either(SELF, &names)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_a_schema_of_itself() {
        for draft in [Draft::V4, Draft::V6, Draft::V7, Draft::V2019, Draft::V2020] {
            let doc = Node::parse(source(draft).as_bytes(), Compat::Helm4).unwrap();
            let own = if draft == Draft::V4 { draft } else { Draft::V7 };
            assert_eq!(check(&doc, own, Compat::Helm4), Ok(()), "{draft:?}");
            let wrong = Node::parse(br#"{"properties":{"a":{"type":"strin"}}}"#, Compat::Helm4).unwrap();
            let text = check(&wrong, draft, Compat::Helm4).unwrap_err();
            assert!(text.contains("- at '/properties/a/type': got string, want array"), "{draft:?} {text}");
        }
    }
}
