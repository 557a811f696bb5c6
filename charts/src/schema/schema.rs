//! A schema as it is checked: its keywords with links instead of references.

use std::collections::BTreeMap;
use std::sync::Arc;

use templates_compat::regexp::Regexp;

use super::draft::Draft;
use super::json::{Node, Number};

/// The place of a schema in the list of all.
pub(super) type Id = usize;

/// What is allowed beyond what is listed.
#[derive(Debug, Default)]
pub(super) enum Additional {
    #[default]
    None,
    Bool(bool),
    Schema(Id),
}

/// What the items of a list are checked against.
#[derive(Debug, Default)]
pub(super) enum Items {
    #[default]
    None,
    All(Id),
    Each(Vec<Id>),
}

/// What a property asks for when it is there.
#[derive(Debug)]
pub(super) enum Dependency {
    Names(Vec<String>),
    Schema(Id),
}

#[derive(Debug, Default)]
pub(super) struct Schema {
    pub(super) location: String,
    pub(super) draft: Option<Draft>,
    pub(super) bool: Option<bool>,
    /// The schema of the part with an address that this one belongs to.
    pub(super) resource: Id,
    pub(super) dynamic_anchors: Vec<(String, Id)>,
    pub(super) recursive_anchor: bool,
    pub(super) dynamic_anchor: Option<String>,
    pub(super) reference: Option<Id>,
    pub(super) recursive_ref: Option<Id>,
    pub(super) dynamic_ref: Option<(Id, String)>,

    pub(super) types: Option<Types>,
    pub(super) constant: Option<Node>,
    pub(super) enumeration: Option<Vec<Node>>,
    pub(super) format: Option<String>,

    pub(super) all_of: Vec<Id>,
    pub(super) any_of: Vec<Id>,
    pub(super) one_of: Vec<Id>,
    pub(super) not: Option<Id>,
    pub(super) if_: Option<Id>,
    pub(super) then: Option<Id>,
    pub(super) else_: Option<Id>,

    pub(super) min_properties: Option<i64>,
    pub(super) max_properties: Option<i64>,
    pub(super) required: Vec<String>,
    pub(super) properties: BTreeMap<String, Id>,
    pub(super) pattern_properties: Vec<(Arc<Regexp>, Id)>,
    pub(super) additional_properties: Additional,
    pub(super) property_names: Option<Id>,
    pub(super) dependencies: Vec<(String, Dependency)>,
    pub(super) dependent_required: Vec<(String, Vec<String>)>,
    pub(super) dependent_schemas: Vec<(String, Id)>,
    pub(super) unevaluated_properties: Option<Id>,

    pub(super) min_items: Option<i64>,
    pub(super) max_items: Option<i64>,
    pub(super) unique_items: bool,
    /// `items` of old versions, `prefixItems` of new ones.
    pub(super) items: Items,
    /// `additionalItems` of old versions, `items` of new ones.
    pub(super) additional_items: Additional,
    pub(super) contains: Option<Id>,
    pub(super) min_contains: Option<i64>,
    pub(super) max_contains: Option<i64>,
    pub(super) unevaluated_items: Option<Id>,

    pub(super) min_length: Option<i64>,
    pub(super) max_length: Option<i64>,
    pub(super) pattern: Option<(Arc<Regexp>, String)>,

    pub(super) minimum: Option<Number>,
    pub(super) maximum: Option<Number>,
    pub(super) exclusive_minimum: Option<Number>,
    pub(super) exclusive_maximum: Option<Number>,
    pub(super) multiple_of: Option<Number>,

    pub(super) all_props_evaluated: bool,
    pub(super) all_items_evaluated: bool,
    pub(super) items_evaluated: usize,
}

/// A set of types, in the order in which messages list them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Types(u8);

/// The names, lowest bit first.
const NAMES: [&str; 7] = ["null", "boolean", "number", "integer", "string", "array", "object"];

impl Types {
    /// `type`: a name or a list of names; none if no known name is there.
    pub(super) fn read(node: &Node) -> Option<Types> {
        let names: Vec<&str> = match node {
            Node::String(name) => vec![name],
            Node::Array(items) => items.iter().filter_map(Node::as_str).collect(),
            _ => Vec::new(),
        };
        let bits = names.iter().filter_map(|n| NAMES.iter().position(|k| k == n)).fold(0, |bits, i| bits | 1 << i);
        (bits != 0).then_some(Types(bits))
    }

    pub(super) fn contains(self, name: &str) -> bool {
        NAMES.iter().position(|n| *n == name).is_some_and(|i| self.0 & 1 << i != 0)
    }

    /// `a or b`
    pub(super) fn text(self) -> String {
        let names: Vec<&str> = NAMES.into_iter().filter(|n| self.contains(n)).collect();
        names.join(" or ")
    }
}
