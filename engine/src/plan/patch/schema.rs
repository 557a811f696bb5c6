//! How the built-in kinds are merged: which fields hold objects and lists, by
//! which strategy and key.
//!
//! The table is generated from the types that client-go knows (`cargo xtask
//! patch-schema`): what counts as built in, and how it is merged, is then what
//! it is for Helm, whatever the server is, and costs no request.

use std::collections::HashMap;
use std::sync::LazyLock;

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("schema.txt")));

#[derive(Default)]
struct Table {
    /// Number of the type, by `group/version Kind`.
    kinds: HashMap<&'static str, usize>,
    types: Vec<Type>,
}

/// An object's type.
#[derive(Default)]
pub(super) struct Type {
    /// Its name in Go, for texts.
    pub(super) name: &'static str,
    fields: Vec<(&'static str, Field)>,
}

/// A field that holds an object or a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Field {
    /// What it holds.
    pub(super) shape: Shape,
    /// Whether a list is merged with what is live, not replaced.
    pub(super) merges: bool,
    /// Whether fields that are not wanted are taken out of what is live.
    pub(super) retains_keys: bool,
    /// Whether an object is replaced, not merged.
    pub(super) replaces: bool,
    /// The field that tells the items of a list apart; empty for plain values.
    pub(super) key: &'static str,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// An object of the type with this number.
    Object(usize),
    /// A list of such objects.
    Objects(usize),
    /// A list of anything else.
    Plain,
    /// A map with keys of the user's own.
    Map,
}

impl Table {
    fn read(text: &'static str) -> Table {
        let (kinds, types) = text.split_once("\n\n").unwrap_or_default();
        Table {
            kinds: kinds
                .lines()
                .filter_map(|line| line.rsplit_once(' '))
                .filter_map(|(kind, number)| Some((kind, number.parse().ok()?)))
                .collect(),
            types: types.lines().map(Type::read).collect(),
        }
    }
}

impl Type {
    fn read(line: &'static str) -> Type {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default();
        Type { name, fields: words.filter_map(|w| w.split_once(':')).map(|(n, f)| (n, Field::read(f))).collect() }
    }

    /// A field by its name in JSON.
    pub(super) fn field(&self, name: &str) -> Option<Field> {
        self.fields.iter().find(|(n, _)| *n == name).map(|(_, field)| *field)
    }
}

impl Field {
    fn read(word: &'static str) -> Field {
        let (word, key) = word.split_once('@').unwrap_or((word, ""));
        let (shape, strategies) = word.split_once('!').unwrap_or((word, ""));
        let has = |strategy: &str| strategies.split(',').any(|s| s == strategy);
        let shape = match shape.strip_prefix('l') {
            Some(item) => item.parse().map_or(Shape::Plain, Shape::Objects),
            None => shape.parse().map_or(Shape::Map, Shape::Object),
        };
        Field { shape, merges: has("merge"), retains_keys: has("retainKeys"), replaces: has("replace"), key }
    }
}

/// The type of a built-in kind.
pub(super) fn kind(api_version: &str, kind: &str) -> Option<&'static Type> {
    let number = *TABLE.kinds.get(format!("{api_version} {kind}").as_str())?;
    TABLE.types.get(number)
}

/// The type with a number.
pub(super) fn by_number(number: usize) -> Option<&'static Type> {
    TABLE.types.get(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_kinds_know_how_their_lists_merge() {
        let object = |t: &'static Type, name: &str| match t.field(name).map(|f| f.shape) {
            Some(Shape::Object(n) | Shape::Objects(n)) => by_number(n).unwrap(),
            other => panic!("{name}: {other:?}"),
        };
        let deployment = kind("apps/v1", "Deployment").unwrap();
        let spec = object(deployment, "spec");
        assert!(spec.field("strategy").unwrap().retains_keys);
        let pod = object(object(spec, "template"), "spec");
        let containers = pod.field("containers").unwrap();
        assert!(containers.merges && containers.key == "name");
        let volumes = pod.field("volumes").unwrap();
        assert!(volumes.merges && volumes.retains_keys && volumes.key == "name");
        let container = object(pod, "containers");
        assert_eq!(container.name, "Container");
        assert_eq!(container.field("ports").unwrap().key, "containerPort");
        assert!(!container.field("command").unwrap().merges);
        let finalizers = object(deployment, "metadata").field("finalizers").unwrap();
        assert!(finalizers.merges && finalizers.key.is_empty() && finalizers.shape == Shape::Plain);
    }

    #[test]
    fn definitions_are_built_in_and_their_resources_are_not() {
        assert!(kind("apiextensions.k8s.io/v1", "CustomResourceDefinition").is_some());
        // Helm merges the old version of them as it merges custom resources.
        assert!(kind("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition").is_none());
        assert!(kind("example.com/v1", "Deployment").is_none());
    }

    #[test]
    fn every_number_in_the_table_is_a_type() {
        for number in TABLE.kinds.values() {
            assert!(by_number(*number).is_some());
        }
        for of in &TABLE.types {
            for (name, field) in &of.fields {
                if let Shape::Object(n) | Shape::Objects(n) = field.shape {
                    assert!(by_number(n).is_some(), "{} {name}", of.name);
                }
            }
        }
    }
}
