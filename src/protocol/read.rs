//! Reads that are answered once: `req.list` and `req.get`.
//!
//! Owns the requests, their checks and the shape of an item in each
//! projection. Bodies of objects stay raw JSON: neither side has a use for a
//! tree of them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::{error::Error, sort::SortKey, validate};

/// Most items of one page.
pub const LIMIT_MAX: u32 = 1000;
/// Items of a page when the request names no limit.
pub const LIMIT_DEFAULT: u32 = 500;
/// Longest page token that is accepted.
pub const PAGE_TOKEN_MAX: usize = 8192;

/// A kind, fully named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Gvk {
    /// API group, empty for the core group.
    #[serde(default)]
    pub group: String,
    /// API version; empty means the group's preferred one.
    #[serde(default)]
    pub version: String,
    /// The kind.
    pub kind: String,
}

impl std::fmt::Display for Gvk {
    /// `v1/Pod` or `apps/v1/Deployment`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.group.is_empty() {
            write!(f, "{}/", self.group)?;
        }
        write!(f, "{}/{}", self.version, self.kind)
    }
}

/// Names a kind in a request: fully by `gvk`, or as kubectl does by `resource`
/// (`pods`, `po`, `Pod`, `deployments.apps`, `deploy`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindRef {
    /// The kind, fully named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gvk: Option<Gvk>,
    /// The kind by a plural, singular or short name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resource: String,
}

impl KindRef {
    /// A kind by a name as kubectl takes it.
    pub fn resource(name: impl Into<String>) -> Self {
        KindRef { gvk: None, resource: name.into() }
    }

    /// Checks the words.
    ///
    /// # Errors
    /// When neither or both are given, or one could not be in an API path.
    pub fn check(&self) -> Result<(), Error> {
        match (&self.gvk, self.resource.is_empty()) {
            (Some(gvk), true) => {
                if gvk.kind.is_empty() {
                    return Err(Error::invalid("gvk.kind is empty"));
                }
                validate::api_word("gvk.group", &gvk.group)?;
                validate::api_word("gvk.version", &gvk.version)?;
                validate::api_word("gvk.kind", &gvk.kind)
            }
            (None, false) => validate::api_word("resource", &self.resource),
            (None, true) => Err(Error::invalid("the request names no kind: give gvk or resource")),
            (Some(_), false) => Err(Error::invalid("the request names both gvk and resource: give one")),
        }
    }
}

/// How much of an object is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Projection {
    /// The columns that kubectl shows, as [`Row`]s.
    #[default]
    Table,
    /// `apiVersion`, `kind` and `metadata` without managed fields.
    Meta,
    /// The whole object without managed fields; values of Secrets as digests.
    Full,
}

/// Body of `req.list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ListRequest {
    /// The kind.
    #[serde(flatten)]
    pub kind: KindRef,
    /// Namespaces; empty means all.
    pub namespaces: Vec<String>,
    /// Only objects whose name holds this text.
    pub name_contains: String,
    /// Kubernetes label selector.
    pub label_selector: String,
    /// Kubernetes field selector.
    pub field_selector: String,
    /// How much of each object.
    pub projection: Projection,
    /// Order: `name`, `namespace`, `created` or paths, `-` before one for
    /// descending; empty for the API server's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sort: Vec<String>,
    /// Most items of the page; 0 means [`LIMIT_DEFAULT`].
    pub limit: u32,
    /// Token of the page before; empty for the first.
    pub page_token: String,
}

impl ListRequest {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Code::Invalid`](super::Code::Invalid), naming the field.
    pub fn check(&self) -> Result<(), Error> {
        self.kind.check()?;
        validate::namespaces(&self.namespaces)?;
        validate::selector("name_contains", &self.name_contains)?;
        validate::selector("label_selector", &self.label_selector)?;
        validate::selector("field_selector", &self.field_selector)?;
        SortKey::parse_all(&self.sort)?;
        if self.limit > LIMIT_MAX {
            return Err(Error::invalid(format!("limit {} is over {LIMIT_MAX}", self.limit)));
        }
        if self.page_token.len() > PAGE_TOKEN_MAX {
            return Err(Error::invalid("page_token is too long"));
        }
        Ok(())
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Heading, as kubectl shows it in capitals.
    pub name: String,
    /// JSON type of the cells.
    #[serde(rename = "type")]
    pub kind: String,
    /// OpenAPI format of the cells.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub format: String,
    /// 0 is always shown, more only in wide output.
    #[serde(default)]
    pub priority: i32,
}

/// An object in the table projection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Namespace, empty for cluster-scoped kinds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID.
    #[serde(default)]
    pub uid: String,
    /// Resource version, opaque.
    #[serde(default)]
    pub rv: String,
    /// Creation time, RFC 3339.
    #[serde(default)]
    pub created: String,
    /// One value for each column.
    pub cells: Vec<Value>,
}

/// Where the answer came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CacheInfo {
    /// Whether it came from the agent's memory instead of the API server.
    pub served: bool,
    /// How old it may be, in milliseconds.
    #[serde(default)]
    pub age_ms: u64,
}

/// Reply to `req.list`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListReply {
    /// The kind, fully named.
    pub gvk: Gvk,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Columns, in the table projection.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// The objects: a [`Row`] or an object each.
    pub items: Vec<Box<RawValue>>,
    /// Token of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
    /// About how many objects follow, when the API server says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// Resource version of the list, opaque.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
    /// Where the answer came from.
    #[serde(default)]
    pub cache: CacheInfo,
}

/// Body of `req.get`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GetRequest {
    /// The kind.
    #[serde(flatten)]
    pub kind: KindRef,
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Names, at least one.
    pub names: Vec<String>,
    /// How much of each object.
    pub projection: Projection,
}

impl GetRequest {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Code::Invalid`](super::Code::Invalid), naming the field.
    pub fn check(&self) -> Result<(), Error> {
        self.kind.check()?;
        if !self.namespace.is_empty() {
            validate::namespace(&self.namespace)?;
        }
        if self.names.is_empty() || self.names.len() > validate::NAMES_MAX {
            return Err(Error::invalid(format!("names must hold 1 to {} names", validate::NAMES_MAX)));
        }
        self.names.iter().try_for_each(|name| validate::name(name))
    }
}

/// Reply to `req.get`. When no name exists the reply is an error instead.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetReply {
    /// The kind, fully named.
    pub gvk: Gvk,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Columns, in the table projection.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// The objects, in the order of the names.
    pub items: Vec<Box<RawValue>>,
    /// Names that do not exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_request_is_checked_before_use() {
        let parse = |text: &str| serde_json::from_str::<ListRequest>(text).unwrap();
        assert!(parse(r#"{"resource":"pods"}"#).check().is_ok());
        assert!(parse(r#"{"gvk":{"kind":"Pod","version":"v1"},"unknown":1}"#).check().is_ok());
        for bad in [
            r#"{}"#,
            r#"{"resource":"pods/log"}"#,
            r#"{"resource":"pods","gvk":{"kind":"Pod"}}"#,
            r#"{"resource":"pods","namespaces":["../x"]}"#,
            r#"{"resource":"pods","limit":1001}"#,
            r#"{"gvk":{"kind":""}}"#,
        ] {
            assert!(parse(bad).check().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_kind_is_shown_as_in_events() {
        let gvk = Gvk { group: "apps".into(), version: "v1".into(), kind: "Deployment".into() };
        assert_eq!(gvk.to_string(), "apps/v1/Deployment");
        assert_eq!(Gvk { group: String::new(), version: "v1".into(), kind: "Pod".into() }.to_string(), "v1/Pod");
    }
}
