//! A release as `get all --template` sees it: Go's structs with Go's names of
//! their fields. A field that there is not is an error.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use engine::Release;
use engine::release::{Hook, Time};
use serde_json::Value as Json;
use templates_compat::gotime::{self, TimeObject};
use templates_compat::{Compat, GoType, Map, Object, Str, Value};

type Fields = Vec<(&'static str, Value)>;

/// A pointer to a struct, or a struct.
#[derive(Debug)]
struct Struct {
    name: &'static str,
    fields: Fields,
}

impl Struct {
    fn value(name: &'static str, fields: Fields) -> Value {
        Value::Object(Arc::new(Struct { name, fields }))
    }
}

impl Object for Struct {
    fn type_name(&self, _: Compat) -> Cow<'static, str> {
        Cow::Borrowed(self.name)
    }

    fn kind(&self) -> GoType {
        if self.name.starts_with('*') { GoType::Ptr } else { GoType::Struct }
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        self.fields.iter().find(|(field, _)| field.as_bytes() == name).map(|(_, value)| value.clone())
    }

    fn fields(&self) -> Fields {
        self.fields.clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The `.` of the template.
pub(super) fn dot(release: &Release, compat: Compat) -> Value {
    let map = Map::new();
    map.insert("Release", release_value(release, compat));
    Value::Map(map)
}

/// Go's package of a type: Helm 4 has a package for each version.
fn name(compat: Compat, helm3: &'static str, helm4: &'static str) -> &'static str {
    if compat.has_versioned_packages() { helm4 } else { helm3 }
}

fn release_value(release: &Release, compat: Compat) -> Value {
    let info = &release.info;
    let labels = release.labels.iter().map(|(k, v)| (Str::from(k.as_str()), Value::str(v.as_str()))).collect();
    let hooks = release.hooks.iter().map(|hook| hook_value(hook, compat)).collect();
    let mut info_fields = vec![
        ("FirstDeployed", time(info.first_deployed)),
        ("LastDeployed", time(info.last_deployed)),
        ("Deleted", time(info.deleted)),
        ("Description", Value::str(info.description.as_str())),
        ("Status", Value::str(info.status.as_str())),
        ("Notes", Value::str(info.notes.as_str())),
        ("Resources", Value::Map(Map::new())),
    ];
    let mut fields = vec![
        ("Name", Value::str(release.name.as_str())),
        ("Info", Value::Nil),
        ("Chart", chart_value(release, compat)),
        ("Config", Value::Map(release.config.clone().unwrap_or_default())),
        ("Manifest", Value::str(release.manifest.as_str())),
        ("Hooks", Value::list(hooks)),
        ("Version", Value::int(release.version)),
        ("Namespace", Value::str(release.namespace.as_str())),
        ("Labels", Value::Map(labels)),
    ];
    if compat.records_apply_methods() {
        info_fields.push(("RollbackRevision", Value::int(info.rollback_revision)));
        fields.push(("ApplyMethod", Value::str(release.apply_method.map_or("", |method| method.as_str()))));
    }
    let info = Struct::value(name(compat, "*release.Info", "*v1.Info"), info_fields);
    fields.iter_mut().filter(|(field, _)| *field == "Info").for_each(|(_, value)| *value = info.clone());
    Struct::value(name(compat, "*release.Release", "*v1.Release"), fields)
}

/// Go's zero time where there is none.
fn time(time: Option<Time>) -> Value {
    let text = time.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |t| t.rfc3339_nano());
    match gotime::Time::parse(b"2006-01-02T15:04:05.999999999Z07:00", text.as_bytes()) {
        Ok(time) => TimeObject::value(time),
        Err(_) => Value::str(text),
    }
}

fn texts<T: AsRef<str>>(all: impl Iterator<Item = T>) -> Value {
    Value::list(all.map(|text| Value::str(text.as_ref())).collect())
}

fn hook_value(hook: &Hook, compat: Compat) -> Value {
    let last = vec![
        ("StartedAt", time(hook.last_run.started_at)),
        ("CompletedAt", time(hook.last_run.completed_at)),
        ("Phase", Value::str(hook.last_run.phase.as_str())),
    ];
    let fields = vec![
        ("Name", Value::str(hook.name.as_str())),
        ("Kind", Value::str(hook.kind.as_str())),
        ("Path", Value::str(hook.path.as_str())),
        ("Manifest", Value::str(hook.manifest.as_str())),
        ("Events", texts(hook.events.iter().map(|e| e.as_str()))),
        ("LastRun", Struct::value(name(compat, "release.HookExecution", "v1.HookExecution"), last)),
        ("Weight", Value::int(hook.weight)),
        ("DeletePolicies", texts(hook.delete_policies.iter().map(|p| p.as_str()))),
        ("OutputLogPolicies", texts(hook.output_log_policies.iter().map(|p| p.as_str()))),
    ];
    Struct::value(name(compat, "*release.Hook", "*v1.Hook"), fields)
}

fn chart_value(release: &Release, compat: Compat) -> Value {
    let chart = &release.chart;
    if chart.metadata.is_null() {
        return Value::Nil;
    }
    let values = templates_compat::json::read(chart.values_json().as_bytes(), compat).unwrap_or(Value::Nil);
    let fields = vec![("Metadata", metadata_value(&chart.metadata, compat)), ("Values", values)];
    Struct::value(name(compat, "*chart.Chart", "*v2.Chart"), fields)
}

fn metadata_value(metadata: &Json, compat: Compat) -> Value {
    let text = |key: &str| Value::str(metadata.get(key).and_then(Json::as_str).unwrap_or_default());
    let list = |key: &str| metadata.get(key).and_then(Json::as_array).into_iter().flatten();
    let strings = |key: &str| texts(list(key).filter_map(Json::as_str));
    let annotations = metadata.get("annotations").and_then(Json::as_object).into_iter().flatten();
    let annotations = annotations.filter_map(|(k, v)| Some((Str::from(k.as_str()), Value::str(v.as_str()?)))).collect();
    let maintainers = list("maintainers").map(|m| maintainer_value(m, compat)).collect();
    let dependencies = list("dependencies").map(|d| dependency_value(d, compat)).collect();
    let fields = vec![
        ("Name", text("name")),
        ("Home", text("home")),
        ("Sources", strings("sources")),
        ("Version", text("version")),
        ("Description", text("description")),
        ("Keywords", strings("keywords")),
        ("Maintainers", Value::list(maintainers)),
        ("Icon", text("icon")),
        ("APIVersion", text("apiVersion")),
        ("Condition", text("condition")),
        ("Tags", text("tags")),
        ("AppVersion", text("appVersion")),
        ("Deprecated", Value::Bool(metadata.get("deprecated").and_then(Json::as_bool).unwrap_or_default())),
        ("Annotations", Value::Map(annotations)),
        ("KubeVersion", text("kubeVersion")),
        ("Dependencies", Value::list(dependencies)),
        ("Type", text("type")),
    ];
    Struct::value(name(compat, "*chart.Metadata", "*v2.Metadata"), fields)
}

fn maintainer_value(json: &Json, compat: Compat) -> Value {
    let text = |key: &str| Value::str(json.get(key).and_then(Json::as_str).unwrap_or_default());
    let fields = vec![("Name", text("name")), ("Email", text("email")), ("URL", text("url"))];
    Struct::value(name(compat, "*chart.Maintainer", "*v2.Maintainer"), fields)
}

fn dependency_value(json: &Json, compat: Compat) -> Value {
    let text = |key: &str| Value::str(json.get(key).and_then(Json::as_str).unwrap_or_default());
    let tags = json.get("tags").and_then(Json::as_array).into_iter().flatten();
    let fields = vec![
        ("Name", text("name")),
        ("Version", text("version")),
        ("Repository", text("repository")),
        ("Condition", text("condition")),
        ("Tags", texts(tags.filter_map(Json::as_str))),
        ("Enabled", Value::Bool(json.get("enabled").and_then(Json::as_bool).unwrap_or_default())),
        ("Alias", text("alias")),
    ];
    Struct::value(name(compat, "*chart.Dependency", "*v2.Dependency"), fields)
}
