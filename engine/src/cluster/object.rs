//! What an object is: its name and kind, and the document it came from.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value as Json;

use super::discovery::Resource;

/// Which object: enough to name it to a person and to find it again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// `group/version`, or `v1`.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The namespace; empty for objects that have none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectRef {
    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// The version without the group.
    pub fn version(&self) -> &str {
        self.api_version.split_once('/').map_or(&self.api_version, |(_, version)| version)
    }

    /// Go's text of a group, version and kind: `apps/v1, Kind=Deployment`.
    pub fn gvk(&self) -> String {
        let slash = if self.group().is_empty() { "/" } else { "" };
        format!("{slash}{}, Kind={}", self.api_version, self.kind)
    }

    /// Whether both name the same stored object: the version does not count.
    pub fn is_same_object(&self, other: &ObjectRef) -> bool {
        self.name == other.name
            && self.namespace == other.namespace
            && self.kind == other.kind
            && self.group() == other.group()
    }

    /// What tells one stored object from another: group, kind, namespace, name.
    pub fn key(&self) -> (String, String, String, String) {
        (self.group().to_string(), self.kind.clone(), self.namespace.clone(), self.name.clone())
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}/{}", self.kind, self.name)
        } else {
            write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// What is known of objects without asking again, by [`ObjectRef::key`].
pub(crate) type Answers = HashMap<crate::plan::Key, Known>;

/// An object as the API server last told of it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// The object, or its metadata where the kind has nothing more to tell.
    pub(crate) object: Json,
    /// Up to which version that is so, if that can be told.
    pub(crate) version: Option<u64>,
}

impl Known {
    /// What the API server answered when the object was sent.
    pub(crate) fn sent(object: Json) -> Known {
        Known { version: version(&object), object }
    }
}

/// An object's or a list's version. Those of one kind are in order (Kubernetes
/// promises it since 1.35, and it has always been so).
pub(crate) fn version(json: &Json) -> Option<u64> {
    json.pointer("/metadata/resourceVersion")?.as_str()?.parse().ok()
}

/// An object as it shall be sent.
#[derive(Debug, Clone)]
pub struct Object {
    /// Which one.
    pub reference: ObjectRef,
    /// Where it is served.
    pub resource: Arc<Resource>,
    /// The object.
    pub json: Json,
}

impl Object {
    /// The path of the object.
    pub fn path(&self) -> String {
        self.resource.path(&self.reference.namespace, &self.reference.name)
    }

    /// `Kind "name" in namespace "ns"`, as Helm's texts name an object.
    pub fn describe(&self) -> String {
        let ObjectRef { kind, name, namespace, .. } = &self.reference;
        format!("{kind} {name:?} in namespace {namespace:?}")
    }

    /// An annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.json.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }
}
