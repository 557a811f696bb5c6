//! `.Chart`: the face that `Chart.yaml` shows to templates. In Helm 3 it is a
//! struct, where an unknown field is an error; in Helm 4 a map.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use templates_compat::value::{Elem, MapType};
use templates_compat::{Compat, GoType, List, Map, Object, Value};

use crate::metadata::{Dependency, Maintainer, Metadata};

/// A field: Go's name, the JSON name, the value.
type Field = (&'static str, &'static str, Value);

/// What templates of a chart see as `.Chart`.
pub(crate) fn chart_value(metadata: &Metadata, is_root: bool, compat: Compat) -> Value {
    match compat.chart_is_a_map() {
        false => Value::Object(Arc::new(ChartStruct::new(metadata, is_root))),
        true => {
            let map = as_map(metadata_fields(metadata, as_maps(metadata)));
            map.insert("IsRoot", Value::Bool(is_root));
            Value::Map(map)
        }
    }
}

/// The metadata as JSON and `Chart.yaml` have it: fields in their order,
/// empty ones left out.
pub(crate) fn metadata_json(metadata: &Metadata) -> Value {
    Value::Object(Arc::new(Struct::new("chart.Metadata", metadata_fields(metadata, as_structs(metadata)))))
}

/// A dependency as JSON and lock files have it.
pub(crate) fn dependency_json(dependency: &Dependency) -> Value {
    let import_values = slice(Elem::Any, dependency.import_values.clone());
    let fields = dependency_fields(dependency, strings(&dependency.tags), import_values);
    Value::Object(Arc::new(Struct::new("*chart.Dependency", fields)))
}

/// The lists inside of the metadata.
struct Lists {
    sources: Value,
    keywords: Value,
    maintainers: Value,
    dependencies: Value,
}

/// Helm 4 makes maps of the structs and plain lists of all lists.
fn as_maps(metadata: &Metadata) -> Lists {
    let strings = |items: &[String]| Value::list(items.iter().map(|s| Value::str(s.as_str())).collect());
    Lists {
        sources: strings(&metadata.sources),
        keywords: strings(&metadata.keywords),
        maintainers: Value::list(
            metadata.maintainers.iter().map(|m| Value::Map(as_map(maintainer_fields(m)))).collect(),
        ),
        dependencies: Value::list(
            metadata
                .dependencies()
                .iter()
                .map(|d| {
                    Value::Map(as_map(dependency_fields(d, strings(&d.tags), Value::list(d.import_values.clone()))))
                })
                .collect(),
        ),
    }
}

fn as_map(fields: Vec<Field>) -> Map {
    let map = Map::new();
    for (name, _, value) in fields {
        map.insert(name, value);
    }
    map
}

/// Helm 3 shows the structs themselves.
fn as_structs(metadata: &Metadata) -> Lists {
    let maintainer = |m: &Maintainer| Value::Object(Arc::new(Struct::new("*chart.Maintainer", maintainer_fields(m))));
    Lists {
        sources: strings(&metadata.sources),
        keywords: strings(&metadata.keywords),
        maintainers: slice(Elem::Maintainer, metadata.maintainers.iter().map(maintainer).collect()),
        dependencies: slice(Elem::Dependency, metadata.dependencies().iter().map(dependency_json).collect()),
    }
}

fn strings(items: &[String]) -> Value {
    slice(Elem::String, items.iter().map(|s| Value::str(s.as_str())).collect())
}

/// A field that the chart does not have is the nil slice.
fn slice(elem: Elem, items: Vec<Value>) -> Value {
    Value::List(if items.is_empty() { List::nil(elem) } else { List::new(elem, items) })
}

fn text(text: &str) -> Value {
    Value::str(text)
}

fn metadata_fields(metadata: &Metadata, lists: Lists) -> Vec<Field> {
    let none = metadata.annotations.is_empty();
    let annotations = if none { Map::nil(MapType::String) } else { Map::of_type(MapType::String) };
    for (key, value) in &metadata.annotations {
        annotations.insert(key.as_str(), text(value));
    }
    vec![
        ("Name", "name", text(&metadata.name)),
        ("Home", "home", text(&metadata.home)),
        ("Sources", "sources", lists.sources),
        ("Version", "version", text(&metadata.version)),
        ("Description", "description", text(&metadata.description)),
        ("Keywords", "keywords", lists.keywords),
        ("Maintainers", "maintainers", lists.maintainers),
        ("Icon", "icon", text(&metadata.icon)),
        ("APIVersion", "apiVersion", text(&metadata.api_version)),
        ("Condition", "condition", text(&metadata.condition)),
        ("Tags", "tags", text(&metadata.tags)),
        ("AppVersion", "appVersion", text(&metadata.app_version)),
        ("Deprecated", "deprecated", Value::Bool(metadata.deprecated)),
        ("Annotations", "annotations", Value::Map(annotations)),
        ("KubeVersion", "kubeVersion", text(&metadata.kube_version)),
        ("Dependencies", "dependencies", lists.dependencies),
        ("Type", "type", text(&metadata.r#type)),
    ]
}

fn maintainer_fields(maintainer: &Maintainer) -> Vec<Field> {
    vec![
        ("Name", "name", text(&maintainer.name)),
        ("Email", "email", text(&maintainer.email)),
        ("URL", "url", text(&maintainer.url)),
    ]
}

fn dependency_fields(dependency: &Dependency, tags: Value, import_values: Value) -> Vec<Field> {
    vec![
        ("Name", "name", text(&dependency.name)),
        ("Version", "version", text(&dependency.version)),
        ("Repository", "repository", text(&dependency.repository)),
        ("Condition", "condition", text(&dependency.condition)),
        ("Tags", "tags", tags),
        ("Enabled", "enabled", Value::Bool(dependency.enabled)),
        ("ImportValues", "import-values", import_values),
        ("Alias", "alias", text(&dependency.alias)),
    ]
}

/// A Go struct of which JSON leaves out what is empty.
#[derive(Debug)]
struct Struct {
    type_name: &'static str,
    fields: Vec<Field>,
}

impl Struct {
    fn new(type_name: &'static str, fields: Vec<Field>) -> Self {
        Struct { type_name, fields }
    }

    fn json_fields(&self) -> Vec<(&'static str, Value)> {
        // These two are written even when they are empty.
        let always = |json: &str| self.type_name == "*chart.Dependency" && matches!(json, "name" | "repository");
        let kept = self.fields.iter().filter(|(_, json, value)| always(json) || !is_empty(value));
        kept.map(|(_, json, value)| (*json, value.clone())).collect()
    }
}

/// What `omitempty` leaves out.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Str(s) => s.is_empty(),
        Value::List(l) => l.is_empty(),
        Value::Map(m) => m.is_empty(),
        Value::Bool(b) => !b,
        _ => false,
    }
}

impl Object for Struct {
    fn type_name(&self, _: Compat) -> Cow<'static, str> {
        Cow::Borrowed(self.type_name)
    }

    fn kind(&self) -> GoType {
        if self.type_name.starts_with('*') { GoType::Ptr } else { GoType::Struct }
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        self.fields.iter().find(|(go, ..)| go.as_bytes() == name).map(|(_, _, value)| value.clone())
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        self.fields.iter().map(|(go, _, value)| (*go, value.clone())).collect()
    }

    fn to_json_value(&self) -> Option<Value> {
        Some(Value::Object(Arc::new(Json(self.json_fields()))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Helm 3's `.Chart`: the metadata embedded beside `IsRoot`.
#[derive(Debug)]
struct ChartStruct {
    metadata: Arc<Struct>,
    is_root: bool,
}

impl ChartStruct {
    fn new(metadata: &Metadata, is_root: bool) -> Self {
        let fields = metadata_fields(metadata, as_structs(metadata));
        ChartStruct { metadata: Arc::new(Struct::new("chart.Metadata", fields)), is_root }
    }
}

impl Object for ChartStruct {
    fn type_name(&self, _: Compat) -> Cow<'static, str> {
        Cow::Borrowed("struct { chart.Metadata; IsRoot bool }")
    }

    fn kind(&self) -> GoType {
        GoType::Struct
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        match name {
            b"IsRoot" => Some(Value::Bool(self.is_root)),
            b"Metadata" => Some(Value::Object(self.metadata.clone())),
            _ => self.metadata.field(name),
        }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Metadata", Value::Object(self.metadata.clone())), ("IsRoot", Value::Bool(self.is_root))]
    }

    fn to_json_value(&self) -> Option<Value> {
        let mut fields = self.metadata.json_fields();
        fields.push(("IsRoot", Value::Bool(self.is_root)));
        Some(Value::Object(Arc::new(Json(fields))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Fields under their JSON names, in order.
#[derive(Debug)]
pub(crate) struct Json(pub(crate) Vec<(&'static str, Value)>);

impl Object for Json {
    fn type_name(&self, _: Compat) -> Cow<'static, str> {
        Cow::Borrowed("struct {}")
    }

    fn kind(&self) -> GoType {
        GoType::Struct
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        self.0.clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
