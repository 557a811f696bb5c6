//! `Chart.yaml`: what stands in it and whether it is valid. Not the face that
//! it shows to templates ([`crate::render`]).

use templates_compat::gofmt::unicode;
use templates_compat::yaml::{self, Field, Shape, StructShape};
use templates_compat::{Compat, Map, Value};

use crate::error::Error;
use crate::go_path;
use crate::go_text::quote;

/// The apiVersion of charts made for Helm 2.
pub const API_VERSION_V1: &str = "v1";
/// The apiVersion of charts made for Helm 3 and 4.
pub const API_VERSION_V2: &str = "v2";

/// A maintainer of a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maintainer {
    /// A person or an organization.
    pub name: String,
    /// An e-mail address.
    pub email: String,
    /// A web address.
    pub url: String,
}

/// A chart that this one needs.
#[derive(Debug, Clone, Default)]
pub struct Dependency {
    /// Its name; after [`crate::dependencies::process`] its alias, if it has one.
    pub name: String,
    /// The wanted version, as a constraint.
    pub version: String,
    /// Where it is pulled from.
    pub repository: String,
    /// Paths of values (comma-separated) that switch it on or off.
    pub condition: String,
    /// Tags that switch it on or off.
    pub tags: Vec<String>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// What of its values comes up to the parent: strings (a key of
    /// `exports`), or maps with `child` and `parent`.
    pub import_values: Vec<Value>,
    /// Another name for it.
    pub alias: String,
}

/// `Chart.yaml`.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    /// The chart's name.
    pub name: String,
    /// The project's page.
    pub home: String,
    /// Where the sources are.
    pub sources: Vec<String>,
    /// The chart's version.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Who cares for it.
    pub maintainers: Vec<Maintainer>,
    /// The address of an icon.
    pub icon: String,
    /// `v1` or `v2`.
    pub api_version: String,
    /// A condition of the chart itself (unused by Helm).
    pub condition: String,
    /// Tags of the chart itself (unused by Helm).
    pub tags: String,
    /// The version of what it installs.
    pub app_version: String,
    /// Whether it should no longer be used.
    pub deprecated: bool,
    /// Free additions.
    pub annotations: Vec<(String, String)>,
    /// The Kubernetes versions it works with, as a constraint.
    pub kube_version: String,
    /// The charts it needs; none and empty are told apart.
    pub dependencies: Option<Vec<Dependency>>,
    /// `application`, `library` or nothing.
    pub r#type: String,
    /// A list with a null in it is only found to be wrong when checked.
    null_maintainer: bool,
    null_dependency: bool,
}

const STRINGS: Shape = Shape::List(&Shape::Str);

const fn field(name: &'static str, shape: Shape) -> Field {
    Field { json: name, pointer: false, shape }
}

static MAINTAINER: StructShape = StructShape {
    name: "Maintainer",
    full_name: "chart.Maintainer",
    fields: &[field("name", Shape::Str), field("email", Shape::Str), field("url", Shape::Str)],
};

/// A dependency, as `Chart.yaml`, `requirements.yaml` and the lock files have it.
pub(crate) static DEPENDENCY: StructShape = StructShape {
    name: "Dependency",
    full_name: "chart.Dependency",
    fields: &[
        field("name", Shape::Str),
        field("version", Shape::Str),
        field("repository", Shape::Str),
        field("condition", Shape::Str),
        field("tags", STRINGS),
        field("enabled", Shape::Bool),
        field("import-values", Shape::List(&Shape::Any)),
        field("alias", Shape::Str),
    ],
};

static MAINTAINER_SHAPE: Shape = Shape::Struct(&MAINTAINER);
/// One element of a list of dependencies.
pub(crate) static DEPENDENCY_SHAPE: Shape = Shape::Struct(&DEPENDENCY);

/// `Chart.yaml` as a Go struct.
pub(crate) static METADATA: StructShape = StructShape {
    name: "Metadata",
    full_name: "chart.Metadata",
    fields: &[
        field("name", Shape::Str),
        field("home", Shape::Str),
        field("sources", STRINGS),
        field("version", Shape::Str),
        field("description", Shape::Str),
        field("keywords", STRINGS),
        Field { json: "maintainers", pointer: true, shape: Shape::List(&MAINTAINER_SHAPE) },
        field("icon", Shape::Str),
        field("apiVersion", Shape::Str),
        field("condition", Shape::Str),
        field("tags", Shape::Str),
        field("appVersion", Shape::Str),
        field("deprecated", Shape::Bool),
        field("annotations", Shape::Map(&Shape::Str)),
        field("kubeVersion", Shape::Str),
        Field { json: "dependencies", pointer: true, shape: Shape::List(&DEPENDENCY_SHAPE) },
        field("type", Shape::Str),
    ],
};

/// The types of a chart are in Helm 4's package `v2`, in Helm 3's `chart`.
pub(crate) fn go_package(text: &str, compat: Compat) -> String {
    match compat.has_versioned_packages() {
        false => text.to_owned(),
        true => text.replace("into Go value of type chart.", "into Go value of type v2."),
    }
}

/// What a decoded struct has under a JSON name.
pub(crate) struct Fields(Map);

impl From<Map> for Fields {
    fn from(map: Map) -> Self {
        Fields(map)
    }
}

impl Fields {
    pub(crate) fn of(value: &Value) -> Option<Fields> {
        value.as_map().cloned().map(Fields)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        !matches!(self.0.get(name.as_bytes()), None | Some(Value::Nil))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        text(&self.0.get(name.as_bytes()).unwrap_or_default())
    }

    fn flag(&self, name: &str) -> bool {
        matches!(self.0.get(name.as_bytes()), Some(Value::Bool(true)))
    }

    pub(crate) fn items(&self, name: &str) -> Vec<Value> {
        match self.0.get(name.as_bytes()) {
            Some(Value::List(l)) => l.iter().cloned().collect(),
            _ => Vec::new(),
        }
    }

    fn texts(&self, name: &str) -> Vec<String> {
        self.items(name).iter().map(text).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_bytes().map(|b| String::from_utf8_lossy(b).into_owned()).unwrap_or_default()
}

impl Dependency {
    /// The name under which its values stand: the alias, if it has one.
    pub fn key(&self) -> &str {
        if self.alias.is_empty() { &self.name } else { &self.alias }
    }

    /// One decoded entry; a null one is none.
    pub(crate) fn from_value(value: &Value) -> Option<Dependency> {
        let fields = Fields::of(value)?;
        Some(Dependency {
            name: fields.text("name"),
            version: fields.text("version"),
            repository: fields.text("repository"),
            condition: fields.text("condition"),
            tags: fields.texts("tags"),
            enabled: fields.flag("enabled"),
            import_values: fields.items("import-values"),
            alias: fields.text("alias"),
        })
    }

    fn validate(&mut self, compat: Compat) -> Result<(), Error> {
        for text in [&mut self.name, &mut self.version, &mut self.repository, &mut self.condition] {
            sanitize(text, compat);
        }
        self.tags.iter_mut().for_each(|t| sanitize(t, compat));
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !self.alias.chars().all(allowed) {
            return Err(invalid(&format!(
                "dependency {} has disallowed characters in the alias",
                quote(&self.name, compat)
            )));
        }
        Ok(())
    }
}

impl Metadata {
    /// Reads `Chart.yaml`.
    ///
    /// # Errors
    /// The YAML reader's text.
    pub fn parse(bytes: &[u8], compat: Compat) -> Result<Metadata, Error> {
        let mut metadata = Metadata::default();
        metadata.read(bytes, compat)?;
        Ok(metadata)
    }

    /// Reads a file over what is already there, as Go decodes into a struct.
    pub(crate) fn read(&mut self, bytes: &[u8], compat: Compat) -> Result<(), Error> {
        let value = yaml::decode(bytes, &Shape::Struct(&METADATA), compat)
            .map_err(|e| Error::chart(go_package(&e.to_string(), compat)))?;
        let Some(fields) = Fields::of(&value) else { return Ok(()) };
        for (name, slot) in [
            ("name", &mut self.name),
            ("home", &mut self.home),
            ("version", &mut self.version),
            ("description", &mut self.description),
            ("icon", &mut self.icon),
            ("apiVersion", &mut self.api_version),
            ("condition", &mut self.condition),
            ("tags", &mut self.tags),
            ("appVersion", &mut self.app_version),
            ("kubeVersion", &mut self.kube_version),
            ("type", &mut self.r#type),
        ] {
            if fields.has(name) {
                *slot = fields.text(name);
            }
        }
        for (name, slot) in [("sources", &mut self.sources), ("keywords", &mut self.keywords)] {
            if fields.has(name) {
                *slot = fields.texts(name);
            }
        }
        if fields.has("deprecated") {
            self.deprecated = fields.flag("deprecated");
        }
        if let Some(Value::Map(annotations)) = fields.0.get(b"annotations") {
            annotations.for_each(|k, v| {
                let key = k.to_text().into_owned();
                self.annotations.retain(|(old, _)| *old != key);
                self.annotations.push((key, text(v)));
            });
            self.annotations.sort();
        }
        self.read_lists(&fields);
        Ok(())
    }

    fn read_lists(&mut self, fields: &Fields) {
        if fields.has("maintainers") {
            let items = fields.items("maintainers");
            self.null_maintainer = items.iter().any(Value::is_nil);
            self.maintainers = items
                .iter()
                .filter_map(Fields::of)
                .map(|f| Maintainer { name: f.text("name"), email: f.text("email"), url: f.text("url") })
                .collect();
        }
        if fields.has("dependencies") {
            let items = fields.items("dependencies");
            self.null_dependency = items.iter().any(Value::is_nil);
            self.dependencies = Some(items.iter().filter_map(Dependency::from_value).collect());
        }
    }

    /// The dependencies, none if there is no list.
    pub fn dependencies(&self) -> &[Dependency] {
        self.dependencies.as_deref().unwrap_or_default()
    }

    /// Whether the list of maintainers has a null in it.
    pub(crate) fn has_null_maintainer(&self) -> bool {
        self.null_maintainer
    }

    /// Normalises spaces, drops what cannot be printed, and checks the rest.
    ///
    /// # Errors
    /// `validation: chart.metadata.…`.
    pub fn validate(&mut self, compat: Compat) -> Result<(), Error> {
        self.sanitize(compat);
        if self.api_version.is_empty() {
            return Err(invalid("chart.metadata.apiVersion is required"));
        }
        self.validate_name(compat)?;
        if self.version.is_empty() {
            return Err(invalid("chart.metadata.version is required"));
        }
        if templates_compat::semver::Version::parse(&self.version, compat).is_err() {
            return Err(invalid(&format!("chart.metadata.version {} is invalid", quote(&self.version, compat))));
        }
        if !matches!(self.r#type.as_str(), "" | "application" | "library") {
            return Err(invalid("chart.metadata.type must be application or library"));
        }
        if self.null_maintainer {
            return Err(invalid("maintainers must not contain empty or null nodes"));
        }
        self.validate_dependencies(compat)
    }

    fn sanitize(&mut self, compat: Compat) {
        for text in [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ] {
            sanitize(text, compat);
        }
        self.sources.iter_mut().for_each(|t| sanitize(t, compat));
        self.keywords.iter_mut().for_each(|t| sanitize(t, compat));
        for m in &mut self.maintainers {
            [&mut m.name, &mut m.email, &mut m.url].into_iter().for_each(|t| sanitize(t, compat));
        }
    }

    fn validate_name(&self, compat: Compat) -> Result<(), Error> {
        if self.name.is_empty() {
            return Err(invalid("chart.metadata.name is required"));
        }
        if matches!(self.name.as_str(), "." | "..") && compat.refuses_dots_as_names() {
            return Err(invalid(&format!("chart.metadata.name {} is not allowed", quote(&self.name, compat))));
        }
        if self.name != go_path::base(&self.name) {
            return Err(invalid(&format!("chart.metadata.name {} is invalid", quote(&self.name, compat))));
        }
        Ok(())
    }

    fn validate_dependencies(&mut self, compat: Compat) -> Result<(), Error> {
        if self.null_dependency {
            return Err(invalid("dependencies must not contain empty or null nodes"));
        }
        let mut seen = std::collections::BTreeSet::new();
        for dependency in self.dependencies.iter_mut().flatten() {
            dependency.validate(compat)?;
            if !seen.insert(dependency.key().to_string()) {
                let key = quote(dependency.key(), compat);
                return Err(invalid(&format!("more than one dependency with name or alias {key}")));
            }
        }
        Ok(())
    }
}

fn invalid(what: &str) -> Error {
    Error::chart(format!("validation: {what}"))
}

/// Every kind of space becomes a plain one; what cannot be printed goes.
fn sanitize(text: &mut String, compat: Compat) {
    let plain = |b: u8| (0x20..0x7f).contains(&b);
    if text.bytes().all(plain) {
        return;
    }
    *text = text
        .chars()
        .filter_map(|c| match c {
            c if unicode::is_space(c) => Some(' '),
            c if unicode::is_print(c, compat) => Some(c),
            _ => None,
        })
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_type_is_named_as_each_helm_names_it() {
        for (text, helm4, helm3) in [
            ("x", "Go value of type v2.Metadata", "Go value of type chart.Metadata"),
            (
                "dependencies: [x]",
                ".dependencies.0 of type v2.Dependency",
                "Go struct field Metadata.dependencies of type chart.Dependency",
            ),
        ] {
            for (compat, want) in [(Compat::Helm4, helm4), (Compat::Helm3, helm3)] {
                let error = yaml::decode(text.as_bytes(), &Shape::Struct(&METADATA), compat).unwrap_err().to_string();
                assert!(error.ends_with(&format!("cannot unmarshal string into {want}")), "{error}");
            }
        }
    }
}
