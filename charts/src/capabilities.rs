//! What the cluster can do, as far as templates may ask: `.Capabilities`.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use templates_compat::func::Param;
use templates_compat::value::{Elem, Method};
use templates_compat::{Compat, Cx, FuncError, FuncResult, GoType, List, Object, Value};

use crate::chart_object::Json;

#[path = "capabilities_defaults.rs"]
mod defaults;

/// A version of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeVersion {
    /// The whole version, such as `v1.33.4-gke.1245000`.
    pub version: String,
    /// The version without what providers append, for constraints.
    pub normalized: String,
    /// The major version.
    pub major: String,
    /// The minor version.
    pub minor: String,
}

impl KubeVersion {
    /// Reads the version given with `--kube-version`: numbers with dots, and
    /// what follows them.
    ///
    /// # Errors
    /// Go's texts.
    pub fn parse(text: &str, compat: Compat) -> Result<KubeVersion, String> {
        let components = generic_components(text, compat)?;
        let shown: Vec<String> = components.iter().map(u64::to_string).collect();
        let normalized = format!("v{}", shown.join("."));
        let version = match compat.keeps_full_kube_version() {
            false => normalized.clone(),
            true if text.starts_with('v') => text.to_string(),
            true => format!("v{text}"),
        };
        Ok(KubeVersion { version, normalized, major: shown[0].clone(), minor: shown[1].clone() })
    }

    /// The value of `--kube-version`; none for an empty one.
    ///
    /// # Errors
    /// Helm's text.
    pub fn from_flag(text: &str, compat: Compat) -> Result<Option<KubeVersion>, String> {
        if text.is_empty() {
            return Ok(None);
        }
        let parsed = KubeVersion::parse(text, compat);
        parsed.map(Some).map_err(|e| format!("invalid kube version '{text}': {e}"))
    }

    /// What is compared with a chart's `kubeVersion`.
    pub fn for_constraints(&self) -> &str {
        if self.normalized.is_empty() { &self.version } else { &self.normalized }
    }
}

/// The numbers at the beginning of a version (at least major and minor; a
/// `v` before them and anything after them is allowed).
fn generic_components(text: &str, compat: Compat) -> Result<Vec<u64>, String> {
    let quoted = || crate::go_text::quote(text, compat);
    let bare = text.trim_matches(char::is_whitespace);
    let bare = bare.strip_prefix('v').unwrap_or(bare);
    let end = bare.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(bare.len());
    let numbers = bare[..end].trim_end_matches('.');
    let parts: Vec<&str> = numbers.split('.').collect();
    if numbers.is_empty() || parts.iter().any(|p| p.is_empty()) {
        return Err(format!("could not parse {} as version", quoted()));
    }
    if parts.len() < 2 {
        return Err(format!("illegal version string {}", quoted()));
    }
    let mut components = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        if i == 0 && part.len() > 1 && part.starts_with('0') {
            return Err(format!(
                "illegal zero-prefixed version component {} in {}",
                crate::go_text::quote(part, compat),
                quoted()
            ));
        }
        let component = || crate::go_text::quote(part, compat);
        let number = part.parse().map_err(|_| {
            let (part, text) = (component(), quoted());
            format!(
                "illegal non-numeric version component {part} in {text}: strconv.ParseUint: parsing {part}: value out of range"
            )
        })?;
        components.push(number);
    }
    Ok(components)
}

/// Which Helm a chart is told that it runs under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmVersion {
    /// Such as `v4.3.1`.
    pub version: String,
    /// The commit it was built from.
    pub git_commit: String,
    /// `clean` or `dirty`.
    pub git_tree_state: String,
    /// The Go it was built with.
    pub go_version: String,
    /// The Kubernetes of its client library (Helm 4).
    pub kube_client_version: String,
}

/// What templates see as `.Capabilities`.
#[derive(Debug, Clone)]
pub struct Capabilities {
    /// The cluster's version.
    pub kube_version: KubeVersion,
    /// `group/version`, and from a live cluster `group/version/Kind`.
    pub api_versions: Vec<String>,
    /// The Helm that is reproduced.
    pub helm_version: HelmVersion,
    compat: Compat,
}

impl Capabilities {
    /// What Helm assumes without a cluster.
    pub fn defaults(compat: Compat) -> Capabilities {
        let (kube, api_versions) = match compat.knows_kube_1_37() {
            false => ("34", defaults::HELM3),
            true => ("37", defaults::HELM4),
        };
        let version = format!("v1.{kube}.0");
        Capabilities {
            kube_version: KubeVersion {
                version: version.clone(),
                normalized: version,
                major: "1".to_string(),
                minor: kube.to_string(),
            },
            api_versions: api_versions.iter().map(ToString::to_string).collect(),
            helm_version: helm_version(compat),
            compat,
        }
    }

    /// The object for templates.
    pub fn to_value(&self) -> Value {
        let items = self.api_versions.iter().map(|v| Value::str(v.as_str())).collect();
        Value::Object(Arc::new(CapabilitiesObject {
            kube_version: Value::Object(Arc::new(KubeVersionObject(self.kube_version.clone(), self.compat))),
            api_versions: Value::List(List::new(Elem::VersionSet, items)),
            helm_version: Value::Object(Arc::new(HelmVersionObject(self.helm_version.clone(), self.compat))),
        }))
    }
}

fn helm_version(compat: Compat) -> HelmVersion {
    HelmVersion {
        version: compat.helm_version().to_string(),
        git_commit: compat.git_commit().to_string(),
        git_tree_state: "clean".to_string(),
        go_version: compat.go_version().to_string(),
        kube_client_version: compat.kube_client_version().to_string(),
    }
}

#[derive(Debug)]
struct CapabilitiesObject {
    kube_version: Value,
    api_versions: Value,
    helm_version: Value,
}

fn json_map(entries: &[(&'static str, Value)]) -> Option<Value> {
    Some(Value::Object(Arc::new(Json(entries.to_vec()))))
}

fn find(fields: Vec<(&'static str, Value)>, name: &[u8]) -> Option<Value> {
    fields.into_iter().find(|(k, _)| k.as_bytes() == name).map(|(_, v)| v)
}

impl Object for CapabilitiesObject {
    fn type_name(&self, compat: Compat) -> Cow<'static, str> {
        Cow::Owned(format!("*{}.Capabilities", compat.values_package()))
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        find(self.fields(), name)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("KubeVersion", self.kube_version.clone()),
            ("APIVersions", self.api_versions.clone()),
            ("HelmVersion", self.helm_version.clone()),
        ]
    }

    fn to_json_value(&self) -> Option<Value> {
        json_map(&self.fields())
    }

    fn deep_copy(&self) -> Option<Value> {
        let kube_version = match &self.kube_version {
            Value::Object(object) => object.deep_copy()?,
            other => other.clone(),
        };
        let (api_versions, helm_version) = (self.api_versions.clone(), self.helm_version.clone());
        Some(Value::Object(Arc::new(CapabilitiesObject { kube_version, api_versions, helm_version })))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[derive(Debug)]
struct KubeVersionObject(KubeVersion, Compat);

fn call_version(_: &Cx<'_>, object: &dyn Object, _: &mut [Value]) -> FuncResult {
    match object.as_any().downcast_ref::<KubeVersionObject>() {
        Some(v) => Ok(Value::str(v.0.version.as_str())),
        None => Err(FuncError::error("not a version")),
    }
}

fn call_string(_: &Cx<'_>, object: &dyn Object, _: &mut [Value]) -> FuncResult {
    match object.as_any().downcast_ref::<KubeVersionObject>() {
        Some(v) => Ok(Value::str(v.0.for_constraints())),
        None => Err(FuncError::error("not a version")),
    }
}

impl Object for KubeVersionObject {
    fn type_name(&self, compat: Compat) -> Cow<'static, str> {
        Cow::Owned(format!("{}.KubeVersion", compat.values_package()))
    }

    fn kind(&self) -> GoType {
        GoType::Struct
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        find(self.fields(), name)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("Version", Value::str(self.0.version.as_str())),
            ("Major", Value::str(self.0.major.as_str())),
            ("Minor", Value::str(self.0.minor.as_str())),
        ]
    }

    fn printed_fields(&self) -> Vec<(&'static str, Value)> {
        let mut fields = self.fields();
        if self.1.keeps_full_kube_version() {
            fields.insert(1, ("normalizedVersion", Value::str(self.0.normalized.as_str())));
        }
        fields
    }

    fn method(&self, name: &[u8]) -> Option<Method> {
        let call = match name {
            b"String" => call_string,
            b"GitVersion" => call_version,
            _ => return None,
        };
        Some(Method { params: &[], variadic: false, result: Param::Str, call })
    }

    fn to_go_string_by_pointer(&self) -> Option<String> {
        Some(self.0.for_constraints().to_string())
    }

    fn to_json_value(&self) -> Option<Value> {
        json_map(&self.fields())
    }

    fn deep_copy(&self) -> Option<Value> {
        let version = KubeVersion { normalized: String::new(), ..self.0.clone() };
        Some(Value::Object(Arc::new(KubeVersionObject(version, self.1))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[derive(Debug)]
struct HelmVersionObject(HelmVersion, Compat);

impl Object for HelmVersionObject {
    fn type_name(&self, _: Compat) -> Cow<'static, str> {
        Cow::Borrowed("version.BuildInfo")
    }

    fn kind(&self) -> GoType {
        GoType::Struct
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        find(self.fields(), name)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let mut fields = vec![
            ("Version", Value::str(self.0.version.as_str())),
            ("GitCommit", Value::str(self.0.git_commit.as_str())),
            ("GitTreeState", Value::str(self.0.git_tree_state.as_str())),
            ("GoVersion", Value::str(self.0.go_version.as_str())),
        ];
        if !self.1.kube_client_version().is_empty() {
            fields.push(("KubeClientVersion", Value::str(self.0.kube_client_version.as_str())));
        }
        fields
    }

    fn to_json_value(&self) -> Option<Value> {
        let names = ["version", "git_commit", "git_tree_state", "go_version", "kube_client_version"];
        let entries = names.into_iter().zip(self.fields()).map(|(name, (_, value))| (name, value));
        // All but the last are left out where they are empty.
        let told = |(name, value): &(&str, Value)| *name == "kube_client_version" || value.as_bytes() != Some(b"");
        let entries: Vec<_> = entries.filter(told).collect();
        json_map(&entries)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
