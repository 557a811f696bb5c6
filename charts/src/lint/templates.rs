//! The rules for templates and definitions of custom resources: they render,
//! and what they render is sound.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use templates_compat::yaml::{self, Field, Shape, StructShape, YamlError};
use templates_compat::{Host, LetPass, Map, Value};

use super::deprecations::DEPRECATED;
use super::{Linter, Severity, names};
use crate::capabilities::Capabilities;
use crate::chart::Chart;
use crate::crds::crds;
use crate::dependencies;
use crate::go_path::{ext, join};
use crate::metadata::Fields;
use crate::render::{Release, RenderOptions, render, render_values};
use crate::values;
use crate::warning::Level;

const DIR: &str = "templates/";

/// What the rules look at in an object.
struct Head {
    api_version: String,
    kind: String,
    name: String,
}

/// A host that remembers what templates were let pass, in order.
struct Passing<'h> {
    host: &'h dyn Host,
    passed: Mutex<Vec<(LetPass, String)>>,
}

/// More than these are not told of, nor longer messages: a template can loop.
const MAX_PASSED: usize = 1000;
const MAX_PASSED_BYTES: usize = 4096;

impl Host for Passing<'_> {
    fn now_unix_nanos(&self) -> i128 {
        self.host.now_unix_nanos()
    }

    fn random(&self, buf: &mut [u8]) {
        self.host.random(buf);
    }

    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Value, String> {
        self.host.lookup(api_version, kind, namespace, name)
    }

    fn host_by_name(&self, name: &str) -> String {
        self.host.host_by_name(name)
    }

    fn let_pass(&self, what: LetPass, message: &str) {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if passed.len() < MAX_PASSED && message.len() <= MAX_PASSED_BYTES {
            passed.push((what, message.to_owned()));
        }
    }
}

impl Linter<'_> {
    pub(super) fn templates(&mut self) {
        let path = self.dir.join("templates");
        if !path.exists() {
            self.rule(Severity::Warning, DIR, Err("directory does not exist".into()));
            return;
        }
        if !path.is_dir() {
            self.rule(Severity::Error, DIR, Err("not a directory".into()));
            return;
        }
        let mut chart = match self.load() {
            Ok(chart) => chart,
            Err(e) => {
                self.rule(Severity::Error, DIR, Err(e.to_string()));
                return;
            }
        };
        let Some(rendered) = self.render(&mut chart) else { return };
        for template in &chart.templates {
            let name = &template.name;
            let extension = ext(name);
            let outcome = if matches!(extension, ".yaml" | ".yml" | ".tpl" | ".txt") {
                Ok(())
            } else {
                Err(format!("file extension '{extension}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt"))
            };
            self.rule(Severity::Error, name, outcome);
            let is_yaml = [".yaml", ".yml"].iter().any(|e| extension.eq_ignore_ascii_case(e));
            let content = rendered.files().get(&join(chart.name(), name)).filter(|_| is_yaml);
            if let Some(content) = content.filter(|c| !String::from_utf8_lossy(c).trim().is_empty())
                && !self.manifest(name, content)
            {
                return;
            }
        }
    }

    /// Renders as a release that nobody makes; missing required values pass.
    fn render(&mut self, chart: &mut Chart) -> Option<crate::render::RenderedFiles> {
        let compat = self.options.compat;
        let mut capabilities = Capabilities::defaults(compat);
        if let Some(version) = &self.options.kube_version {
            capabilities.kube_version = version.clone();
        }
        let release = Release {
            name: "test-release".to_string(),
            namespace: self.options.namespace.clone(),
            revision: 0,
            is_install: false,
            is_upgrade: false,
        };
        let options = RenderOptions {
            release: &release,
            capabilities: &capabilities,
            compat,
            skip_schema_validation: self.options.skip_schema_validation,
            resolver: self.resolver,
            lint: true,
            strict: false,
        };
        dependencies::process(chart, self.values, compat, self.warnings).ok()?;
        let coalesced = values::coalesce(chart, self.values, compat, self.warnings).ok()?;
        let host = Passing { host: self.host, passed: Mutex::default() };
        let rendered = render_values(chart, &coalesced, &options, self.warnings)
            .and_then(|top| render(chart, &top, &options, &host));
        for (what, message) in host.passed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.passed(what, message);
        }
        match rendered {
            Ok(rendered) => Some(rendered),
            Err(e) => {
                self.rule(Severity::Error, DIR, Err(e.to_string()));
                None
            }
        }
    }

    /// Logs what was let pass. Helm 3 names the line of its source.
    fn passed(&mut self, what: LetPass, message: String) {
        let (level, text, place, word) = match what {
            LetPass::MissingValue => (Level::Warn, "missing required value", 206, "Missing required value"),
            LetPass::EmptyValue => (Level::Warn, "missing required values", 214, "Missing required value"),
            LetPass::Failure => (Level::Info, "funcMap fail", 227, "Fail"),
        };
        let line = format!("engine.go:{place}: [INFO] {word}: {message}");
        self.warnings.say(self.options.compat, (level, text, vec![("message", message)]), || line);
    }

    /// One rendered file; false if it is not YAML, after which Helm stops.
    fn manifest(&mut self, name: &str, content: &[u8]) -> bool {
        let compat = self.options.compat;
        let text = String::from_utf8_lossy(content);
        let first = text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default();
        if first.starts_with([' ', '\t']) {
            let quoted = crate::go_text::quote(first, compat);
            let problem = format!("document starts with an illegal indent: {quoted}, which may cause parsing problems");
            self.rule(Severity::Warning, name, Err(problem));
        }
        for document in yaml::documents(content) {
            let head = match self.head(name, document) {
                Ok(Some(head)) => head,
                Ok(None) => continue,
                Err(()) => return false,
            };
            let outcome = self.object_name(&head);
            self.rule(Severity::Warning, name, outcome);
            let outcome = self.deprecation(&head);
            self.rule(Severity::Warning, name, outcome);
            let has_selector = text.contains("matchLabels") || text.contains("matchExpressions");
            if matches!(head.kind.as_str(), "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet") && !has_selector
            {
                let quoted = crate::go_text::quote(&head.name, compat);
                let problem =
                    format!("a {} must contain matchLabels or matchExpressions, and {quoted} does not", head.kind);
                self.rule(Severity::Error, name, Err(problem));
            }
            if head.kind == "List" {
                let outcome = list_annotations(content, compat);
                self.rule(Severity::Error, name, outcome);
            }
        }
        true
    }

    /// What the rules look at; nothing for an empty document.
    fn head(&mut self, name: &str, document: Result<Cow<'_, [u8]>, YamlError>) -> Result<Option<Head>, ()> {
        static METADATA: StructShape = StructShape {
            name: "k8sYamlMetadata",
            full_name: "rules.k8sYamlMetadata",
            fields: &[
                Field { json: "Namespace", pointer: false, shape: Shape::Str },
                Field { json: "Name", pointer: false, shape: Shape::Str },
            ],
        };
        static OBJECT: StructShape = StructShape {
            name: "k8sYamlStruct",
            full_name: "rules.k8sYamlStruct",
            fields: &[
                Field { json: "apiVersion", pointer: false, shape: Shape::Str },
                Field { json: "Kind", pointer: false, shape: Shape::Str },
                Field { json: "Metadata", pointer: false, shape: Shape::Struct(&METADATA) },
            ],
        };
        let compat = self.options.compat;
        match document.and_then(|text| yaml::decode(&text, &Shape::Struct(&OBJECT), compat)) {
            Err(e) => {
                self.rule(Severity::Error, name, Err(format!("unable to parse YAML: {e}")));
                Err(())
            }
            Ok(Value::Map(map)) => {
                let metadata = map.get(b"Metadata").and_then(|m| Fields::of(&m));
                let fields = Fields::from(map);
                let name = metadata.map(|m| m.text("Name")).unwrap_or_default();
                Ok(Some(Head { api_version: fields.text("apiVersion"), kind: fields.text("Kind"), name }))
            }
            Ok(_) => Ok(None),
        }
    }

    fn object_name(&self, head: &Head) -> Result<(), String> {
        let problems = names::problems(&head.kind, &head.name);
        if problems.is_empty() {
            return Ok(());
        }
        let quoted = crate::go_text::quote(&head.name, self.options.compat);
        let each: Vec<String> =
            problems.iter().map(|p| format!("metadata.name: Invalid value: {quoted}: {p}")).collect();
        let all = if each.len() == 1 { each[0].clone() } else { format!("[{}]", each.join(", ")) };
        Err(format!("object name does not conform to Kubernetes naming requirements: {quoted}: {all}"))
    }

    fn deprecation(&self, head: &Head) -> Result<(), String> {
        let minor = match (&self.options.kube_version, self.options.compat) {
            (Some(version), _) => version.minor.parse().unwrap_or_default(),
            (None, compat) => Capabilities::defaults(compat).kube_version.minor.parse().unwrap_or_default(),
        };
        let found = DEPRECATED.iter().find(|(api, kind, ..)| *api == head.api_version && *kind == head.kind);
        let Some((api, kind, since, removed, instead)) = found.filter(|(_, _, since, ..)| *since <= minor) else {
            return Ok(());
        };
        let mut text = format!("{api} {kind} is deprecated in v1.{since}+");
        if *removed != 0 {
            text.push_str(&format!(", unavailable in v1.{removed}+"));
        }
        if !instead.is_empty() {
            text.push_str(&format!("; use {instead}"));
        }
        Err(text)
    }

    /// The definitions of custom resources are that, and no templates.
    pub(super) fn crds(&mut self) {
        const CRDS: &str = "crds/";
        let path = self.dir.join("crds");
        if !path.exists() {
            return;
        }
        if !path.is_dir() {
            self.rule(Severity::Error, CRDS, Err("not a directory".into()));
            return;
        }
        let chart = match self.load() {
            Ok(chart) => chart,
            Err(e) => {
                self.rule(Severity::Error, CRDS, Err(e.to_string()));
                return;
            }
        };
        for crd in crds(&chart) {
            for document in yaml::documents(&crd.file.data) {
                let head = match self.head(&crd.name, document) {
                    Ok(Some(head)) => head,
                    Ok(None) => continue,
                    Err(()) => return,
                };
                if !head.api_version.starts_with("apiextensions.k8s.io") {
                    let problem = "apiVersion is not in 'apiextensions.k8s.io'".to_string();
                    self.rule(Severity::Error, &crd.name, Err(problem));
                }
                if head.kind != "CustomResourceDefinition" {
                    let problem = "object kind is not 'CustomResourceDefinition'".to_string();
                    self.rule(Severity::Error, &crd.name, Err(problem));
                }
            }
        }
    }
}

/// Annotations of a list's items about keeping them have no effect.
fn list_annotations(content: &[u8], compat: templates_compat::Compat) -> Result<(), String> {
    let map = yaml::read_map(content, compat).map_err(|e| format!("unable to parse YAML: {e}"))?.unwrap_or_default();
    let inside = |map: &Map, key: &[u8]| map.get(key).and_then(|v| v.as_map().cloned());
    let keeps = |item: &Value| {
        let annotations = item.as_map().and_then(|m| inside(m, b"metadata")).and_then(|m| inside(&m, b"annotations"));
        annotations.is_some_and(|a| a.contains_key(b"helm.sh/resource-policy"))
    };
    match map.get(b"items") {
        Some(Value::List(items)) if items.iter().any(keeps) => {
            Err("annotation 'helm.sh/resource-policy' within List objects are ignored".into())
        }
        _ => Ok(()),
    }
}
