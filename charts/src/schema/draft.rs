//! The versions of JSON Schema: their addresses and where in a document they
//! have schemas.

use super::json::Node;
use super::uri;

/// A version, by its year or number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Draft {
    V4,
    V6,
    V7,
    V2019,
    V2020,
}

impl Draft {
    /// What counts when a document names none.
    pub(super) const LATEST: Draft = Draft::V2020;

    /// The version that a `$schema` names, if it is a known one.
    pub(super) fn from_address(address: &str) -> Option<Draft> {
        let address = address.strip_suffix('#').unwrap_or(address);
        let bare = address.strip_prefix("http://").or_else(|| address.strip_prefix("https://")).unwrap_or(address);
        Some(match bare {
            "json-schema.org/schema" => Draft::LATEST,
            "json-schema.org/draft/2020-12/schema" => Draft::V2020,
            "json-schema.org/draft/2019-09/schema" => Draft::V2019,
            "json-schema.org/draft-07/schema" => Draft::V7,
            "json-schema.org/draft-06/schema" => Draft::V6,
            "json-schema.org/draft-04/schema" => Draft::V4,
            _ => return None,
        })
    }

    /// The address of the schema of its schemas.
    pub(super) fn address(self) -> &'static str {
        match self {
            Draft::V4 => "http://json-schema.org/draft-04/schema",
            Draft::V6 => "http://json-schema.org/draft-06/schema",
            Draft::V7 => "http://json-schema.org/draft-07/schema",
            Draft::V2019 => "https://json-schema.org/draft/2019-09/schema",
            Draft::V2020 => "https://json-schema.org/draft/2020-12/schema",
        }
    }

    fn id_keyword(self) -> &'static str {
        if self == Draft::V4 { "id" } else { "$id" }
    }

    /// The raw id of a schema; beside a `$ref` old versions ignore it.
    fn raw_id(self, node: &Node) -> Option<&str> {
        if self < Draft::V2019 && node.get("$ref").is_some() {
            return None;
        }
        node.get(self.id_keyword())?.as_str()
    }

    /// The address that a schema gives itself.
    pub(super) fn id(self, node: &Node) -> Option<&str> {
        self.raw_id(node).map(|id| uri::split_fragment(id).0).filter(|id| !id.is_empty())
    }

    /// The names that a schema gives itself, and whether they are dynamic.
    pub(super) fn anchors(self, node: &Node) -> Vec<(String, bool)> {
        let mut anchors = Vec::new();
        if self < Draft::V2019 {
            let fragment = self.raw_id(node).map(|id| uri::split_fragment(id).1).unwrap_or_default();
            if !fragment.is_empty() && !fragment.starts_with('/') {
                anchors.push((fragment, false));
            }
        } else if let Some(anchor) = node.get("$anchor").and_then(Node::as_str) {
            anchors.push((anchor.to_string(), false));
        }
        if self >= Draft::V2020
            && let Some(anchor) = node.get("$dynamicAnchor").and_then(Node::as_str)
        {
            anchors.push((anchor.to_string(), true));
        }
        anchors
    }

    /// The schemas directly inside of a schema, with their pointers.
    pub(super) fn subschemas<'n>(self, node: &'n Node, pointer: &str, found: &mut Vec<(String, &'n Node)>) {
        for (key, value) in node.entries() {
            let place = self.place(key);
            let below = |token: &str| format!("{pointer}/{}/{}", escape(key), escape(token));
            if place.itself && !matches!(value, Node::Array(_)) {
                found.push((format!("{pointer}/{}", escape(key)), value));
            }
            if place.members {
                found.extend(value.entries().iter().map(|(name, sub)| (below(name), sub)));
            }
            if place.items {
                let items = value.items().unwrap_or_default();
                found.extend(items.iter().enumerate().map(|(i, sub)| (below(&i.to_string()), sub)));
            }
        }
    }

    fn place(self, key: &str) -> Place {
        let place = |itself, members, items| Place { itself, members, items };
        match key {
            "definitions" | "properties" | "patternProperties" | "dependencies" => place(false, true, false),
            "not" | "additionalProperties" | "additionalItems" => place(true, false, false),
            "allOf" | "anyOf" | "oneOf" => place(false, false, true),
            "items" => place(true, false, true),
            "propertyNames" | "contains" if self >= Draft::V6 => place(true, false, false),
            "if" | "then" | "else" if self >= Draft::V7 => place(true, false, false),
            "$defs" | "dependentSchemas" if self >= Draft::V2019 => place(false, true, false),
            "unevaluatedProperties" | "unevaluatedItems" | "contentSchema" if self >= Draft::V2019 => {
                place(true, false, false)
            }
            "prefixItems" if self >= Draft::V2020 => place(false, false, true),
            _ => place(false, false, false),
        }
    }
}

/// Where below a keyword the schemas are.
struct Place {
    itself: bool,
    members: bool,
    items: bool,
}

/// A token of a JSON pointer.
pub(super) fn escape(token: &str) -> String {
    if token.contains(['~', '/']) { token.replace('~', "~0").replace('/', "~1") } else { token.to_string() }
}
