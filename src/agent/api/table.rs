//! Reads the `Table` form of an answer: kubectl's columns, made by the server.
//!
//! Owns the way from a table to the protocol's rows. A server that does not
//! know tables (some aggregated APIs) answers with objects; then the columns
//! are name and creation time.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::protocol::read::{Column, Row};

/// A list or watch event in the form of a table.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Table<'a> {
    /// Column definitions; absent on later events of a watch.
    #[serde(default, rename = "columnDefinitions")]
    pub columns: Option<Vec<ServerColumn>>,
    /// The rows.
    #[serde(default, borrow)]
    pub rows: Option<Vec<ServerRow<'a>>>,
}

/// A column as the server defines it.
#[derive(Debug, Deserialize)]
pub struct ServerColumn {
    name: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    priority: i32,
}

/// A row as the server sends it.
#[derive(Debug, Deserialize)]
pub struct ServerRow<'a> {
    #[serde(default)]
    cells: Vec<Value>,
    #[serde(borrow)]
    object: Option<&'a RawValue>,
}

/// The metadata that a row is known by.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Meta {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// UID.
    pub uid: String,
    /// Resource version.
    pub resource_version: String,
    /// Creation time.
    pub creation_timestamp: Option<String>,
}

/// Any object, as far as its metadata.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WithMeta {
    /// The metadata.
    pub metadata: Meta,
}

impl From<ServerColumn> for Column {
    fn from(column: ServerColumn) -> Column {
        Column { name: column.name, kind: column.kind, format: column.format, priority: column.priority }
    }
}

impl<'a> ServerRow<'a> {
    /// The object, as far as it was asked for.
    pub fn object(&self) -> Option<&'a RawValue> {
        self.object
    }
}

/// The protocol's row for a server's row. A row without an object has no name
/// and cannot be followed; it is left out.
pub fn row(row: ServerRow<'_>) -> Option<Row> {
    let object: WithMeta = serde_json::from_str(row.object?.get()).ok()?;
    Some(with_cells(object.metadata, row.cells))
}

/// The columns of objects that come without a table.
pub fn fallback_columns() -> Vec<Column> {
    let column = |name: &str, format: &str| Column {
        name: name.into(),
        kind: "string".into(),
        format: format.into(),
        priority: 0,
    };
    vec![column("Name", "name"), column("Created At", "date-time")]
}

/// The row of an object that came without a table.
pub fn fallback_row(object: &RawValue) -> Option<Row> {
    let object: WithMeta = serde_json::from_str(object.get()).ok()?;
    let cells =
        vec![Value::from(object.metadata.name.clone()), Value::from(object.metadata.creation_timestamp.clone())];
    Some(with_cells(object.metadata, cells))
}

fn with_cells(meta: Meta, cells: Vec<Value>) -> Row {
    Row {
        namespace: meta.namespace,
        name: meta.name,
        uid: meta.uid,
        rv: meta.resource_version,
        created: meta.creation_timestamp.unwrap_or_default(),
        cells,
    }
}
