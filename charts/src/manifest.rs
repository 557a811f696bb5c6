//! Rendered files become manifests and hooks: splitting into documents,
//! reading what Helm looks at in each, and the orders of installing and
//! uninstalling.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use templates_compat::Compat;
use templates_compat::yaml::{self, Head};

use crate::error::Error;
use crate::warning::{Level, Warnings};

/// The annotation that makes an object a hook.
pub const HOOK_ANNOTATION: &str = "helm.sh/hook";
/// The annotation with a hook's weight.
pub const HOOK_WEIGHT_ANNOTATION: &str = "helm.sh/hook-weight";
/// The annotation that says when a hook's object is deleted.
pub const HOOK_DELETE_ANNOTATION: &str = "helm.sh/hook-delete-policy";
/// The annotation that says when a hook's log is shown.
pub const HOOK_OUTPUT_LOG_ANNOTATION: &str = "helm.sh/hook-output-log-policy";

/// One object of a release that is not a hook.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The template that it came from.
    pub name: String,
    /// The document.
    pub content: String,
    /// What Helm reads of it.
    pub head: Head,
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HookEvent {
    /// `pre-install`
    PreInstall,
    /// `post-install`
    PostInstall,
    /// `pre-delete`
    PreDelete,
    /// `post-delete`
    PostDelete,
    /// `pre-upgrade`
    PreUpgrade,
    /// `post-upgrade`
    PostUpgrade,
    /// `pre-rollback`
    PreRollback,
    /// `post-rollback`
    PostRollback,
    /// `test`
    Test,
}

impl HookEvent {
    /// All of them.
    pub const ALL: [HookEvent; 9] = [
        HookEvent::PreInstall,
        HookEvent::PostInstall,
        HookEvent::PreDelete,
        HookEvent::PostDelete,
        HookEvent::PreUpgrade,
        HookEvent::PostUpgrade,
        HookEvent::PreRollback,
        HookEvent::PostRollback,
        HookEvent::Test,
    ];

    /// The word in the annotation and in release records.
    pub fn name(self) -> &'static str {
        match self {
            HookEvent::PreInstall => "pre-install",
            HookEvent::PostInstall => "post-install",
            HookEvent::PreDelete => "pre-delete",
            HookEvent::PostDelete => "post-delete",
            HookEvent::PreUpgrade => "pre-upgrade",
            HookEvent::PostUpgrade => "post-upgrade",
            HookEvent::PreRollback => "pre-rollback",
            HookEvent::PostRollback => "post-rollback",
            HookEvent::Test => "test",
        }
    }

    /// The event that a word stands for; `test-success` is an old one.
    pub fn parse(word: &str) -> Option<HookEvent> {
        if word == "test-success" {
            return Some(HookEvent::Test);
        }
        HookEvent::ALL.into_iter().find(|e| e.name() == word)
    }
}

/// One object of a release that runs at certain events.
#[derive(Debug, Clone)]
pub struct Hook {
    /// `metadata.name`
    pub name: String,
    /// The object's kind.
    pub kind: String,
    /// The template that it came from.
    pub path: String,
    /// The document.
    pub manifest: String,
    /// When it runs, in the order given.
    pub events: Vec<HookEvent>,
    /// Lighter ones run first.
    pub weight: i64,
    /// When it is deleted, as the annotation says (lower case).
    pub delete_policies: Vec<String>,
    /// When its log is shown, as the annotation says (lower case).
    pub output_log_policies: Vec<String>,
}

impl Hook {
    /// Whether it is a test.
    pub fn is_test(&self) -> bool {
        self.events.contains(&HookEvent::Test)
    }
}

/// What a release consists of, in the order of installing.
#[derive(Debug, Clone, Default)]
pub struct Sorted {
    /// The hooks, by kind.
    pub hooks: Vec<Hook>,
    /// The other objects, by kind.
    pub manifests: Vec<Manifest>,
}

/// Splits rendered files into hooks and other objects and sorts them.
/// Partials (`_…`) and empty files are left out.
///
/// # Errors
/// `YAML parse error on FILE: …`.
pub fn sort(
    files: &BTreeMap<String, Vec<u8>>,
    order: KindOrder,
    compat: Compat,
    warnings: &mut Warnings,
) -> Result<Sorted, Error> {
    sort_read(files, &mut HashMap::new(), order, compat, warnings)
}

/// A document of a file, as far as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    content: String,
    head: Result<Head, String>,
}

/// Reads the documents of one file.
pub(crate) fn read(content: &[u8], compat: Compat) -> Vec<Document> {
    split(content, compat).into_iter().map(|document| read_one(document, compat)).collect()
}

fn read_one(document: &[u8], compat: Compat) -> Document {
    // Faster than the lossy way alone, which looks at every character.
    let content = match std::str::from_utf8(document) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(document).into_owned(),
    };
    Document { content, head: yaml::head(document, compat).map_err(|e| e.to_string()) }
}

/// Sorts as [`sort`] does; files whose documents were read are not read again.
pub(crate) fn sort_read(
    files: &BTreeMap<String, Vec<u8>>,
    known: &mut HashMap<String, Vec<Document>>,
    order: KindOrder,
    compat: Compat,
    warnings: &mut Warnings,
) -> Result<Sorted, Error> {
    let mut sorted = Sorted::default();
    let mut unknown = Vec::new();
    let mut wanted = Vec::new();
    for (path, content) in files {
        if !crate::go_path::base(path).starts_with('_') && !is_blank(content) {
            let read = known.remove(path);
            if read.is_none() {
                unknown.extend(split(content, compat).into_iter().map(|document| (path, document)));
            }
            wanted.push((path, read));
        }
    }
    let mut read = unknown.into_iter().map(|(path, document)| (path, read_one(document, compat))).peekable();
    for (path, known) in wanted {
        let documents = match known {
            Some(documents) => documents,
            None => std::iter::from_fn(|| read.next_if(|(of, _)| *of == path).map(|(_, document)| document)).collect(),
        };
        for document in documents {
            let head = document.head.map_err(|e| Error::render(format!("YAML parse error on {path}: {e}")))?;
            sorted.add(path, document.content, head, compat, warnings);
        }
    }
    sorted.manifests.sort_by(|a, b| order.compare(&a.head.kind, &b.head.kind, compat));
    sorted.hooks.sort_by(|a, b| order.compare(&a.kind, &b.kind, compat));
    Ok(sorted)
}

impl Sorted {
    fn add(&mut self, path: &str, content: String, head: Head, compat: Compat, warnings: &mut Warnings) {
        let Some(events) = annotation(&head, HOOK_ANNOTATION) else {
            self.manifests.push(Manifest { name: path.to_string(), content, head });
            return;
        };
        let parsed: Option<Vec<HookEvent>> = words(events).map(|w| HookEvent::parse(&w)).collect();
        let Some(parsed) = parsed else {
            let details = vec![("hookTypes", events.to_owned())];
            warnings.say(compat, (Level::Info, "skipping unknown hooks", details), || {
                let shown = crate::go_text::quote(events, compat);
                format!("manifest_sorter.go:199: info: skipping unknown hook: {shown}")
            });
            return;
        };
        let policies = |name| annotation(&head, name).map(|text| words(text).collect()).unwrap_or_default();
        self.hooks.push(Hook {
            name: head.metadata.as_ref().map(|m| m.name.clone()).unwrap_or_default(),
            weight: annotation(&head, HOOK_WEIGHT_ANNOTATION).and_then(|w| w.parse().ok()).unwrap_or_default(),
            delete_policies: policies(HOOK_DELETE_ANNOTATION),
            output_log_policies: policies(HOOK_OUTPUT_LOG_ANNOTATION),
            kind: head.kind,
            path: path.to_string(),
            manifest: content,
            events: parsed,
        });
    }
}

fn annotation<'h>(head: &'h Head, name: &str) -> Option<&'h str> {
    let annotations = head.metadata.as_ref()?.annotations.as_ref()?;
    annotations.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
}

/// A comma-separated list, each part trimmed and in lower case.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(',').map(|w| w.trim().to_lowercase())
}

/// The documents of a file, without empty ones.
///
/// Both Helms also split at `---` that text follows on the same line. Helm 3
/// drops the space around a document, Helm 4 only that before it.
pub fn split(content: &[u8], compat: Compat) -> Vec<&[u8]> {
    match compat.trims_documents() {
        true => split_trimmed(trim(content)).into_iter().filter(|d| !d.is_empty()).map(trim).collect(),
        false => split_lines(trim_start(content)).into_iter().filter(|d| !is_blank(d)).map(trim_start).collect(),
    }
}

/// Space, as Go's regular expressions have it.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\x0C' | b'\r')
}

/// Cuts at `---` after a line's end (or at the very beginning) together with
/// all space around. The space after one cut does not count for the next.
fn split_trimmed(content: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(found) = find(&content[at..], b"---") {
        let dashes = at + found;
        let space = content[start..dashes].iter().rev().take_while(|b| is_space(**b)).count();
        let after_newline = space > 0 && content[dashes - 1] == b'\n';
        if dashes != 0 && !after_newline {
            at = dashes + 1;
            continue;
        }
        pieces.push(&content[start..dashes - space]);
        start = dashes + 3;
        start += content[start..].iter().take_while(|b| is_space(**b)).count();
        at = start;
    }
    pieces.push(&content[start..]);
    pieces
}

/// Cuts at `---` at the beginning of a line, with the blanks after it.
fn split_lines(content: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut line = 0;
    while line < content.len() {
        let mut search = line;
        if content[line..].starts_with(b"---") {
            pieces.push(&content[start..line]);
            start = line + 3;
            start += content[start..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            search = start;
        }
        match find(&content[search..], b"\n") {
            Some(end) => line = search + end + 1,
            None => break,
        }
    }
    pieces.push(&content[start..]);
    pieces
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    match what {
        [byte] => memchr::memchr(*byte, text),
        _ => memchr::memmem::find(text, what),
    }
}

pub(crate) fn is_blank(content: &[u8]) -> bool {
    trim_start(content).is_empty()
}

fn trim_start(content: &[u8]) -> &[u8] {
    match first_printable(content) {
        Some(at) => &content[at..],
        None => std::str::from_utf8(content).map_or(content.trim_ascii_start(), |t| t.trim_start().as_bytes()),
    }
}

/// The first byte that is plainly not space, if only ASCII stands before it.
fn first_printable(content: &[u8]) -> Option<usize> {
    let at = content.iter().position(|b| !(is_space(*b) || *b == b'\x0B'))?;
    content[at].is_ascii().then_some(at)
}

fn trim(content: &[u8]) -> &[u8] {
    let content = trim_start(content);
    match content.last() {
        Some(last) if last.is_ascii_graphic() => content,
        _ => std::str::from_utf8(content).map_or(content.trim_ascii_end(), |t| t.trim_end().as_bytes()),
    }
}

/// One document as Helm prints it.
pub fn push_document(out: &mut Vec<u8>, source: &str, content: &[u8]) {
    out.extend_from_slice(b"---\n# Source: ");
    out.extend_from_slice(source.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(content);
    out.push(b'\n');
}

/// Which way the kinds are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindOrder {
    /// What others need comes first.
    Install,
    /// What needs others comes first.
    Uninstall,
}

const INSTALL: [&str; 38] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

const UNINSTALL: [&str; 38] = [
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "APIService",
    "Ingress",
    "IngressClass",
    "Service",
    "CronJob",
    "Job",
    "StatefulSet",
    "HorizontalPodAutoscaler",
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "Pod",
    "DaemonSet",
    "RoleBindingList",
    "RoleBinding",
    "RoleList",
    "Role",
    "ClusterRoleBindingList",
    "ClusterRoleBinding",
    "ClusterRoleList",
    "ClusterRole",
    "CustomResourceDefinition",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "StorageClass",
    "ConfigMap",
    "SecretList",
    "Secret",
    "ServiceAccount",
    "PodDisruptionBudget",
    "PodSecurityPolicy",
    "LimitRange",
    "ResourceQuota",
    "NetworkPolicy",
    "Namespace",
    "PriorityClass",
];

/// How many kinds Helm 3 does not order: the webhook configurations, at the
/// end of one list and the beginning of the other.
const WEBHOOKS: usize = 2;

impl KindOrder {
    fn kinds(self, compat: Compat) -> &'static [&'static str] {
        match (self, compat.orders_webhooks()) {
            (KindOrder::Install, true) => &INSTALL,
            (KindOrder::Install, false) => &INSTALL[..INSTALL.len() - WEBHOOKS],
            (KindOrder::Uninstall, true) => &UNINSTALL,
            (KindOrder::Uninstall, false) => &UNINSTALL[WEBHOOKS..],
        }
    }

    /// Compares two kinds. Unknown kinds come last, by name.
    pub fn compare(self, a: &str, b: &str, compat: Compat) -> std::cmp::Ordering {
        if a == b {
            return std::cmp::Ordering::Equal;
        }
        let kinds = self.kinds(compat);
        let position = |kind: &str| kinds.iter().position(|k| *k == kind).unwrap_or(kinds.len());
        let (pa, pb) = (position(a), position(b));
        pa.cmp(&pb).then_with(|| if pa == kinds.len() { a.cmp(b) } else { std::cmp::Ordering::Equal })
    }
}

/// Splits a stored manifest again, each document as text.
pub fn split_text(content: &str, compat: Compat) -> Vec<Cow<'_, str>> {
    split(content.as_bytes(), compat).into_iter().map(String::from_utf8_lossy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, compat: Compat) -> Vec<String> {
        split(text.as_bytes(), compat).into_iter().map(|d| String::from_utf8_lossy(d).into_owned()).collect()
    }

    #[test]
    fn documents() {
        let text = "\n---\na: 1\n\n---  \nb: 2\n---c: 3\n--- # note\nd: |\n  ---\n  x\n\n";
        assert_eq!(parts(text, Compat::Helm3), ["a: 1", "b: 2", "c: 3", "# note\nd: |\n  ---\n  x"]);
        assert_eq!(parts(text, Compat::Helm4), ["a: 1\n\n", "b: 2\n", "c: 3\n", "# note\nd: |\n  ---\n  x\n\n"]);
    }

    #[test]
    fn doubled_separators() {
        assert_eq!(parts("---\n---\na: 1", Compat::Helm3), ["---\na: 1"]);
        assert_eq!(parts("---\n---\na: 1", Compat::Helm4), ["a: 1"]);
        assert_eq!(parts("a: ---b\n----\n", Compat::Helm4), ["a: ---b\n", "-\n"]);
        assert_eq!(parts(" \n\t", Compat::Helm3), Vec::<String>::new());
        assert_eq!(parts(" \n\t", Compat::Helm4), Vec::<String>::new());
    }

    #[test]
    fn kinds() {
        let sorted = |compat| {
            let mut kinds =
                ["Zed", "ValidatingWebhookConfiguration", "Service", "Alpha", "Namespace", "APIService"].to_vec();
            kinds.sort_by(|a, b| KindOrder::Install.compare(a, b, compat));
            kinds
        };
        assert_eq!(
            sorted(Compat::Helm4),
            ["Namespace", "Service", "APIService", "ValidatingWebhookConfiguration", "Alpha", "Zed"]
        );
        assert_eq!(
            sorted(Compat::Helm3),
            ["Namespace", "Service", "APIService", "Alpha", "ValidatingWebhookConfiguration", "Zed"]
        );
    }
}
