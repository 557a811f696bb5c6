//! Makes objects small and takes secrets out of them.
//!
//! Owns the projections of AH/1: one object at a time is decoded, cut down,
//! written and dropped, so a page costs its bytes and not its tree.

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use sha2::{Digest, Sha256};

use super::{
    Accept, Resolved,
    client::parse,
    table::{self, Table, WithMeta},
};
use crate::protocol::{
    Code, Error,
    read::{Column, Projection},
};

/// Holds a copy of the object as it was applied, values of Secrets included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Hexadecimal digits of a digest.
const DIGEST_LEN: usize = 16;

/// One object, made small.
#[derive(Debug)]
pub struct Item {
    /// `namespace/name`, or `name` of cluster-scoped objects.
    pub key: String,
    /// Its name.
    pub name: String,
    /// UID.
    pub uid: String,
    /// Resource version.
    pub rv: String,
    /// The object in the wanted projection.
    pub json: Box<RawValue>,
}

/// One page of a list, made small.
#[derive(Debug, Default)]
pub struct Page {
    /// Columns, in the table projection.
    pub columns: Vec<Column>,
    /// The objects.
    pub items: Vec<Item>,
    /// Token of the next page; empty on the last.
    pub next: String,
    /// About how many objects follow.
    pub remaining: Option<u64>,
    /// Resource version of the list.
    pub rv: String,
}

/// What is left of an object.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How much of it.
    pub projection: Projection,
    /// Whether managed fields are kept.
    pub keep_fields: bool,
    /// Whether values of Secrets are shown.
    pub reveal: bool,
}

impl From<Projection> for Shape {
    fn from(projection: Projection) -> Self {
        Shape { projection, keep_fields: false, reveal: false }
    }
}

/// The form in which a list or watch is asked of the server.
pub fn list_form(projection: Projection) -> Accept {
    match projection {
        Projection::Table => Accept::Table,
        Projection::Meta => Accept::MetaList,
        Projection::Full => Accept::Json,
    }
}

/// The form in which one object is asked of the server.
pub fn object_form(projection: Projection) -> Accept {
    match projection {
        Projection::Table => Accept::Table,
        Projection::Meta => Accept::Meta,
        Projection::Full => Accept::Json,
    }
}

/// What takes the objects of a list.
pub type Take<'a> = dyn FnMut(&RawValue, Item) -> Result<(), Error> + 'a;

/// Makes the page of a list small.
///
/// # Errors
/// When it cannot be read.
pub fn page(bytes: &[u8], kind: &Resolved, shape: impl Into<Shape>) -> Result<Page, Error> {
    let mut items = Vec::new();
    let page = each(bytes, kind, shape.into(), &mut |_, item| {
        items.push(item);
        Ok(())
    })?;
    Ok(Page { items, ..page })
}

/// Makes the objects of a list small, one after the other; `take` gets each
/// with what the server sent of it. Gives the page without them.
///
/// # Errors
/// When it cannot be read, or `take`'s.
pub fn each(bytes: &[u8], kind: &Resolved, shape: Shape, take: &mut Take<'_>) -> Result<Page, Error> {
    #[derive(Deserialize)]
    struct List<'a> {
        #[serde(default)]
        kind: String,
        #[serde(default)]
        metadata: ListMeta,
        #[serde(default, borrow)]
        items: Option<Vec<&'a RawValue>>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct ListMeta {
        resource_version: String,
        #[serde(rename = "continue")]
        next: String,
        remaining_item_count: Option<u64>,
    }
    // An array would do for a struct whose fields may all be missing.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Error::new(Code::Upstream, "the API server's answer is an array, not a list"));
    }
    let list: List<'_> = parse(bytes)?;
    let columns = if list.kind == "Table" {
        rows(bytes, take)?
    } else {
        for raw in list.items.unwrap_or_default() {
            take(raw, object(raw, kind, shape)?)?;
        }
        if shape.projection == Projection::Table { table::fallback_columns() } else { Vec::new() }
    };
    Ok(Page {
        columns,
        items: Vec::new(),
        next: list.metadata.next,
        remaining: list.metadata.remaining_item_count,
        rv: list.metadata.resource_version,
    })
}

/// Makes one object, or a table of it, small.
///
/// # Errors
/// When it cannot be read.
pub fn single(raw: &RawValue, kind: &Resolved, shape: impl Into<Shape>) -> Result<(Vec<Column>, Item), Error> {
    let shape = shape.into();
    if shape.projection == Projection::Table && is_table(raw) {
        let mut last = None;
        let columns = rows(raw.get().as_bytes(), &mut |_, item| {
            last = Some(item);
            Ok(())
        })?;
        let item = last.ok_or_else(|| Error::new(Code::Upstream, "the API server sent an empty table"))?;
        return Ok((columns, item));
    }
    let columns = if shape.projection == Projection::Table { table::fallback_columns() } else { Vec::new() };
    Ok((columns, object(raw, kind, shape)?))
}

fn is_table(raw: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(default)]
        kind: String,
    }
    serde_json::from_str::<Kind>(raw.get()).is_ok_and(|object| object.kind == "Table")
}

fn rows(bytes: &[u8], take: &mut Take<'_>) -> Result<Vec<Column>, Error> {
    let table: Table<'_> = parse(bytes)?;
    for row in table.rows.unwrap_or_default() {
        if let (Some(object), Some(row)) = (row.object(), table::row(row)) {
            take(object, row_item(row)?)?;
        }
    }
    Ok(table.columns.unwrap_or_default().into_iter().map(Column::from).collect())
}

fn row_item(row: crate::protocol::read::Row) -> Result<Item, Error> {
    Ok(Item {
        key: key(&row.namespace, &row.name),
        name: row.name.clone(),
        uid: row.uid.clone(),
        rv: row.rv.clone(),
        json: raw(&row)?,
    })
}

fn object(source: &RawValue, kind: &Resolved, shape: Shape) -> Result<Item, Error> {
    if shape.projection == Projection::Table {
        let row = table::fallback_row(source)
            .ok_or_else(|| Error::new(Code::Upstream, "the API server sent an object without metadata"))?;
        return row_item(row);
    }
    let known: WithMeta = parse(source.get().as_bytes())?;
    let small = shown(source, kind, shape)?;
    Ok(Item {
        key: key(&known.metadata.namespace, &known.metadata.name),
        name: known.metadata.name,
        uid: known.metadata.uid,
        rv: known.metadata.resource_version,
        json: raw(&small)?,
    })
}

/// What may be shown of an object.
///
/// # Errors
/// When it cannot be read.
pub fn shown(source: &RawValue, kind: &Resolved, shape: Shape) -> Result<Value, Error> {
    let mut fields: Map<String, Value> = parse(source.get().as_bytes())?;
    let secret = !shape.reveal && kind.gvk.kind == "Secret" && kind.gvk.group.is_empty();
    let mut small = Map::new();
    let api_version = if kind.gvk.group.is_empty() {
        kind.gvk.version.clone()
    } else {
        format!("{}/{}", kind.gvk.group, kind.gvk.version)
    };
    small.insert("apiVersion".into(), Value::from(api_version));
    small.insert("kind".into(), Value::from(kind.gvk.kind.clone()));
    if let Some(mut metadata) = fields.remove("metadata") {
        clean_metadata(&mut metadata, secret, shape.keep_fields);
        small.insert("metadata".into(), metadata);
    }
    if shape.projection == Projection::Full {
        let rest = fields.into_iter().filter(|(name, _)| name != "apiVersion" && name != "kind");
        for (name, mut value) in rest {
            if secret && (name == "data" || name == "stringData") {
                digest_values(&mut value);
            }
            small.insert(name, value);
        }
    }
    Ok(Value::Object(small))
}

fn clean_metadata(metadata: &mut Value, secret: bool, keep_fields: bool) {
    let Some(metadata) = metadata.as_object_mut() else { return };
    if !keep_fields {
        metadata.remove("managedFields");
    }
    if secret && let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
}

/// Replaces each value of a Secret by a digest, by which a change can be seen.
fn digest_values(values: &mut Value) {
    let Some(values) = values.as_object_mut() else { return };
    for value in values.values_mut() {
        let mut hex = String::new();
        for byte in Sha256::digest(value.as_str().unwrap_or_default().as_bytes()) {
            hex.push_str(&format!("{byte:02x}"));
        }
        hex.truncate(DIGEST_LEN);
        *value = Value::from(format!("sha256:{hex}"));
    }
}

fn key(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") }
}

fn raw<T: serde::Serialize>(value: &T) -> Result<Box<RawValue>, Error> {
    serde_json::value::to_raw_value(value).map_err(|error| Error::internal(format!("writing an object: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::read::Gvk;

    fn kind(name: &str) -> Resolved {
        Resolved {
            gvk: Gvk { group: String::new(), version: "v1".into(), kind: name.into() },
            resource: format!("{}s", name.to_lowercase()),
            namespaced: true,
            verbs: Vec::new(),
        }
    }

    const SECRETS: &str = r#"{"kind":"SecretList","metadata":{"resourceVersion":"7","continue":"c"},"items":[
      {"metadata":{"name":"s","namespace":"n","uid":"u","resourceVersion":"5","managedFields":[{}],
        "annotations":{"a":"b","kubectl.kubernetes.io/last-applied-configuration":"{\"data\":\"cGxhbnRlZA==\"}"}},
       "data":{"k":"cGxhbnRlZA=="},"stringData":{"k":"planted"},"type":"Opaque"}]}"#;

    #[test]
    fn a_secret_keeps_its_values_to_itself() {
        for projection in [Projection::Full, Projection::Meta] {
            let page = page(SECRETS.as_bytes(), &kind("Secret"), projection).unwrap();
            let json = page.items[0].json.get();
            assert!(!json.contains("planted") && !json.contains("cGxhbnRlZA"), "{json}");
            assert!(!json.contains("managedFields") && json.contains(r#""a":"b""#), "{json}");
            assert_eq!(json.contains("sha256:"), projection == Projection::Full, "{json}");
            // The list's items come without them; a reader wants to know.
            assert!(json.contains(r#""apiVersion":"v1""#) && json.contains(r#""kind":"Secret""#), "{json}");
            assert_eq!((page.next.as_str(), page.rv.as_str()), ("c", "7"));
            assert_eq!((page.items[0].key.as_str(), page.items[0].uid.as_str()), ("n/s", "u"));
        }
    }

    #[test]
    fn a_table_becomes_rows() {
        let text = r#"{"kind":"Table","metadata":{"resourceVersion":"9","remainingItemCount":3},
          "columnDefinitions":[{"name":"Name","type":"string","format":"name","description":"d","priority":0}],
          "rows":[{"cells":["p"],"object":{"metadata":{"name":"p","namespace":"n","uid":"u","resourceVersion":"4"}}},
                  {"cells":["lost"]}]}"#;
        let page = page(text.as_bytes(), &kind("Pod"), Projection::Table).unwrap();
        assert_eq!(page.columns[0].name, "Name");
        assert_eq!((page.items.len(), page.remaining), (1, Some(3)));
        assert_eq!(
            page.items[0].json.get(),
            r#"{"namespace":"n","name":"p","uid":"u","rv":"4","created":"","cells":["p"]}"#
        );
    }

    #[test]
    fn a_server_without_tables_still_gives_rows() {
        let text = r#"{"kind":"FooList","metadata":{},"items":[{"metadata":{"name":"x","uid":"u"}}]}"#;
        let page = page(text.as_bytes(), &kind("Foo"), Projection::Table).unwrap();
        assert_eq!(page.columns.len(), 2);
        assert_eq!(page.items[0].key, "x");
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        for text in ["", "[]", "{", r#"{"items":3}"#, r#"{"items":[3]}"#] {
            assert!(page(text.as_bytes(), &kind("Pod"), Projection::Full).is_err(), "{text}");
        }
    }
}
