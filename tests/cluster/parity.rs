//! Every flag of the verbs that know releases: the same commands by real Helm 4
//! and by us, in a namespace each. What is printed, how it ends, what is
//! recorded and what stands in the cluster must be equal.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use testbed::suite::Outcome;
use testbed::{Finished, Program};

use crate::record;
use crate::scene::{Cluster, Scene};

type Anything<T> = Result<T, Box<dyn std::error::Error>>;
pub(crate) type Commands = &'static [&'static [&'static str]];

const CHART: [(&str, &str); 6] = [
    ("templates/objects.yaml", include_str!("parity/objects.yaml")),
    ("templates/hooks.yaml", include_str!("parity/hooks.yaml")),
    ("templates/tests.yaml", include_str!("parity/tests.yaml")),
    ("templates/NOTES.txt", "The word is {{ .Values.word }}.\n"),
    ("values.yaml", "word: one\nlist: [a, b]\nnested: {a: 1, b: {c: 2}}\nport: 80\n"),
    ("values.schema.json", r#"{"properties":{"port":{"type":"integer"}}}"#),
];

/// The second chart has another default, and one more.
const NEXT: [(&str, &str); 2] = [
    ("templates/objects.yaml", include_str!("parity/objects.yaml")),
    ("values.yaml", "word: next\nlist: [c]\nnested: {b: {c: 3, d: 4}, e: 5}\nport: 81\nadded: true\n"),
];

/// Hooks that run, fail, have logs and are deleted.
const LOGS: [(&str, &str); 4] = [
    // A hook takes the place of an object of the release, which is then put
    // right.
    ("templates/same.yaml", include_str!("parity/same.yaml")),
    ("templates/logs.yaml", include_str!("parity/logs.yaml")),
    // The server warns of it.
    (
        "templates/old.yaml",
        "{{ if .Values.old }}\napiVersion: v1\nkind: Endpoints\nmetadata: {name: {{ .Release.Name }}-old}\n{{ end }}\n",
    ),
    (
        "values.yaml",
        "kind: Job\ncode: 0\nold: false\nevent: pre-install,pre-upgrade\nlogs: hook-failed,hook-succeeded\ndelete: hook-failed,hook-succeeded\n",
    ),
];

/// `CHART`, `NEXT`, `LOGS` and `NS` stand for what they are in the test.
const INSTALL: Commands = &[
    &["install", "a", "CHART", "--description=by hand", "--labels=team=red,tier=one"],
    &["install", "a", "CHART"],
    &["install", "b", "CHART", "--hide-notes", "--no-hooks", "--set=word=two", "--set-string=nested.a=7"],
    &["install", "c", "CHART", "--set-json=list=[1,{\"x\":2}]", "--set-literal=word=a,b=c", "--wait", "--timeout=60s"],
    &["install", "d", "CHART", "--dry-run=client"],
    &["install", "d", "CHART", "--dry-run=server", "--hide-secret"],
    &["install", "d", "CHART", "--hide-secret"],
    &["install", "d", "CHART", "--dry-run=nonsense"],
    &["install", "CHART", "--name-template=named-{{ 1 }}"],
    &["install", "CHART"],
    &["install", "e", "CHART", "--set=port=x"],
    &["install", "e", "CHART", "--set=port=x", "--skip-schema-validation", "--set=bad=true"],
    &["install", "f", "CHART", "--set=bad=true"],
    &["install", "f", "CHART", "--replace", "--take-ownership", "--force-conflicts"],
    &["install", "g", "CHART", "--set=bad=true", "--rollback-on-failure", "--timeout=60s"],
    &["install", "h", "CHART", "--set=badHook=pre-install"],
    &["install", "i", "CHART", "--set=badHook=post-install"],
    &["install", "j", "CHART", "--server-side=false", "--disable-openapi-validation", "--enable-dns"],
    &["install", "k", "CHART", "--server-side=false", "--force-replace"],
    &["install", "l", "CHART", "--force-replace"],
    &["install", "m", "CHART", "--force-replace", "--force-conflicts"],
    &["install", "n", "CHART", "--namespace=NS-new"],
    &["install", "n", "CHART", "--namespace=NS-new", "--create-namespace", "--skip-crds"],
    &["install", "o", "CHART", "--labels=owner=me"],
    &["install", "P_", "CHART"],
    &["install", "q", "CHART", "--set=nested=null", "--render-subchart-notes", "--wait-for-jobs", "--wait=legacy"],
    &["install", "r", "CHART", "--wait=nonsense"],
    &["install", "s", "there-is-none"],
];

const UPGRADE: Commands = &[
    &["upgrade", "u", "CHART"],
    &["upgrade", "u", "CHART", "--install", "--set=word=first,nested.z=1", "--labels=team=red,tier=one"],
    &["upgrade", "u", "NEXT", "--description=the next", "--labels=team=null,new=label"],
    &["get", "values", "u"],
    &["upgrade", "u", "CHART", "--reuse-values", "--set=list={x,y}"],
    &["get", "values", "u", "--all", "--output=json"],
    &["upgrade", "u", "NEXT", "--reset-then-reuse-values", "--set=nested.b.c=9"],
    &["get", "values", "u", "--all"],
    &["upgrade", "u", "NEXT", "--reset-values"],
    &["get", "values", "u"],
    &["upgrade", "u", "CHART", "--dry-run=server", "--set=word=dry"],
    &["upgrade", "u", "CHART", "--dry-run=client", "--hide-secret", "--set=word=dry"],
    &["upgrade", "u", "CHART", "--set=extra=true,bad=true", "--cleanup-on-fail"],
    &["upgrade", "u", "CHART", "--set=extra=true,bad=true", "--no-hooks"],
    &["upgrade", "u", "CHART", "--set=extra=true,keep=true", "--hide-notes", "--wait", "--timeout=60s"],
    &["upgrade", "u", "CHART", "--set=word=kept", "--history-max=3"],
    &["history", "u"],
    &["upgrade", "u", "CHART", "--force-replace"],
    &["upgrade", "u", "CHART", "--server-side=false", "--force-conflicts"],
    &["upgrade", "u", "CHART", "--server-side=false", "--force-replace", "--set=word=replaced"],
    &["upgrade", "u", "CHART", "--set=word=still"],
    &["get", "metadata", "u"],
    &["upgrade", "u", "CHART", "--server-side=true", "--set=word=server", "--take-ownership", "--force-conflicts"],
    &["upgrade", "u", "CHART", "--server-side=nonsense"],
    &["upgrade", "u", "CHART", "--set=badHook=pre-upgrade"],
    &["upgrade", "u", "CHART", "--set=badHook=post-upgrade", "--rollback-on-failure", "--timeout=60s"],
    &["upgrade", "u", "CHART", "--set=port=x"],
    &["upgrade", "u", "CHART", "--labels=status=mine"],
    &["history", "u", "--max=2", "--output=json"],
    &["status", "u"],
];

const ROLLBACK: Commands = &[
    &["install", "r", "CHART"],
    &["rollback", "r"],
    &["upgrade", "r", "CHART", "--set=word=two,extra=true"],
    &["upgrade", "r", "NEXT", "--server-side=false"],
    &["rollback", "r", "1", "--dry-run=client"],
    &["rollback", "r", "1", "--description=to the first"],
    &["rollback", "r", "9"],
    &["rollback", "none"],
    &["rollback", "r", "2", "--no-hooks", "--wait", "--timeout=60s", "--wait-for-jobs"],
    &["rollback", "r", "3", "--history-max=4", "--cleanup-on-fail"],
    &["rollback", "r", "--server-side=true", "--force-conflicts"],
    &["rollback", "r", "--force-replace", "--server-side=true"],
    &["rollback", "r", "--force-replace", "--server-side=false"],
    &["history", "r"],
    &["history", "r", "--show-rollback-revision"],
    &["history", "r", "--output=yaml"],
    &["get", "all", "r"],
];

const UNINSTALL: Commands = &[
    &["install", "u", "CHART", "--set=extra=true,keep=true"],
    &["uninstall", "u", "--dry-run"],
    &["uninstall", "u", "--keep-history", "--description=gone"],
    &["uninstall", "u", "--keep-history"],
    &["list", "--output=json"],
    &["list", "--uninstalled", "--short"],
    &["status", "u"],
    &["upgrade", "u", "CHART"],
    &["install", "u", "CHART"],
    &["install", "u", "CHART", "--replace"],
    &["history", "u"],
    &["uninstall", "u", "--no-hooks", "--cascade=foreground", "--wait", "--timeout=60s"],
    &["uninstall", "u"],
    &["uninstall", "u", "--ignore-not-found"],
    &["install", "v", "CHART"],
    &["install", "w", "CHART"],
    &["uninstall", "v", "w", "--cascade=orphan"],
    &["uninstall", "v", "--cascade=sideways"],
    &["install", "x", "CHART", "--set=badHook=pre-delete"],
    &["uninstall", "x"],
    &["install", "y", "CHART", "--set=badHook=post-delete"],
    &["uninstall", "y"],
    &["list", "--output=yaml"],
];

const TEST: Commands = &[
    &["test", "none"],
    &["install", "t", "CHART"],
    &["test", "t", "--filter=name=t-first,name=t-second"],
    &["test", "t", "--filter=!name=t-pod,!name=t-second"],
    &["get", "hooks", "t"],
    &["status", "t"],
    &["test", "t", "--timeout=90s"],
    &["test", "t", "--filter=nonsense", "--filter=name=t-second", "--logs"],
    &["upgrade", "t", "CHART", "--set=badHook=test"],
    &["test", "t", "--filter=!name=t-pod"],
    &["status", "t", "--output=json"],
];

const HOOKS: Commands = &[
    &["install", "a", "LOGS", "--timeout=60s", "--set=old=true"],
    &["install", "b", "LOGS", "--timeout=60s", "--set=code=3"],
    &["upgrade", "b", "LOGS", "--timeout=60s", "--set=kind=Pod,code=3,logs=hook-succeeded"],
    &["upgrade", "b", "LOGS", "--timeout=60s", "--set=kind=Pod,delete=before-hook-creation"],
    &["install", "c", "LOGS", "--timeout=60s", "--set=kind=Pod,code=3,event=post-install,delete=hook-succeeded"],
    &["status", "c", "--output=json"],
    &["install", "d", "LOGS", "--timeout=60s", "--set=kind=Pod", "--server-side=false", "--no-hooks", "--set=old=true"],
    &["upgrade", "d", "LOGS", "--timeout=60s", "--set=kind=Pod,event=test"],
    &["install", "e", "LOGS", "--timeout=60s", "--set=kind=Pod,event=test", "--set=old=true"],
    &["upgrade", "e", "LOGS", "--timeout=60s", "--set=kind=Pod,event=test"],
    &["rollback", "e"],
    &["upgrade", "d", "LOGS", "--timeout=60s", "--set=kind=Pod", "--atomic", "--force", "--no-hooks"],
];

const READ: Commands = &[
    &["list"],
    &["install", "one", "CHART", "--labels=team=red", "--set=word=x"],
    &["install", "two", "CHART", "--set=bad=true"],
    &["upgrade", "one", "NEXT", "--set=word=y"],
    &["list"],
    &["list", "--no-headers", "--reverse", "--time-format=2006"],
    &["list", "--filter=^o", "--output=json"],
    &["list", "--failed", "--short"],
    &["list", "--deployed", "--short", "--output=json"],
    &["list", "--pending"],
    &["list", "--superseded", "--date"],
    &["list", "--max=1", "--offset=1", "--short"],
    &["list", "--selector=team=red", "--short"],
    &["list", "--uninstalling", "--uninstalled"],
    &["status", "one", "--revision=1", "--output=yaml"],
    &["status", "one"],
    &["status", "none"],
    &["history", "one", "--max=1"],
    &["history", "none"],
    &["get", "all", "one", "--revision=1"],
    &["get", "all", "one", "--template={{ .Release.Name }} {{ .Release.Version }}"],
    &["get", "hooks", "one", "--revision=1"],
    &["get", "manifest", "one"],
    &["get", "notes", "one", "--revision=1"],
    &["get", "metadata", "one", "--revision=1"],
    &["get", "metadata", "one", "--output=json"],
    &["get", "values", "one", "--revision=1", "--output=yaml"],
    &["get", "values", "one", "--revision=7"],
    &["get", "manifest", "none"],
];

pub(crate) fn of_install(cluster: &Cluster) -> Outcome {
    same(cluster, "install", INSTALL)
}

pub(crate) fn of_upgrade(cluster: &Cluster) -> Outcome {
    same(cluster, "upgrade", UPGRADE)
}

pub(crate) fn of_rollback(cluster: &Cluster) -> Outcome {
    same(cluster, "rollback", ROLLBACK)
}

pub(crate) fn of_uninstall(cluster: &Cluster) -> Outcome {
    same(cluster, "uninstall", UNINSTALL)
}

pub(crate) fn of_test(cluster: &Cluster) -> Outcome {
    same(cluster, "test", TEST)
}

pub(crate) fn of_hooks(cluster: &Cluster) -> Outcome {
    same(cluster, "hooks", HOOKS)
}

pub(crate) fn of_reads(cluster: &Cluster) -> Outcome {
    same(cluster, "read", READ)
}

/// All tables of commands.
pub(crate) fn tables() -> [Commands; 7] {
    [INSTALL, UPGRADE, ROLLBACK, UNINSTALL, TEST, HOOKS, READ]
}

/// Runs the commands by both, and lists everything that differs.
pub(crate) fn same(cluster: &Cluster, name: &str, commands: Commands) -> Outcome {
    let (theirs, ours) = (cluster.scene(&format!("{name}-helm"))?, cluster.scene(&format!("{name}-ours"))?);
    let mut differences = Vec::new();
    let mut differ = |what: String, theirs: String, ours: String| {
        if theirs != ours {
            differences.push(format!("== {what}\n-- Helm:\n{theirs}\n-- ours:\n{ours}"));
        }
    };
    for command in commands {
        let what = command.join(" ");
        let helm = Said::of(&theirs, &theirs.helm4, command)?;
        let said = Said::of(&ours, &ours.ours, command)?;
        differ(format!("exit code of {what}"), helm.code.to_string(), said.code.to_string());
        differ(format!("stdout of {what}"), helm.stdout, said.stdout);
        differ(format!("error of {what}"), helm.error, said.error);
        differ(format!("log of {what}"), helm.log, said.log);
    }
    let (records, our_records) = (records(&theirs)?, records(&ours)?);
    let keys = |map: &BTreeMap<String, Value>| map.keys().cloned().collect::<Vec<_>>().join("\n");
    differ("records".into(), keys(&records), keys(&our_records));
    for (key, record) in &records {
        if let Some(ours) = our_records.get(key) {
            let mut places = Vec::new();
            record::compare(key, record, ours, &mut places);
            differ(format!("record {key}"), String::new(), places.join("\n"));
        }
    }
    let (objects, our_objects) = (objects(&theirs)?, objects(&ours)?);
    differ("objects".into(), keys(&objects), keys(&our_objects));
    for (key, object) in &objects {
        if let Some(ours) = our_objects.get(key) {
            differ(format!("object {key}"), object.to_string(), ours.to_string());
        }
    }
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
    Ok(())
}

/// What one command came to, without what is never twice the same.
struct Said {
    code: i32,
    stdout: String,
    error: String,
    /// What was warned of.
    log: String,
}

impl Said {
    fn of(scene: &Scene<'_>, program: &Program, command: &[&str]) -> Anything<Said> {
        let (chart, next) = (scene.chart("parity", &CHART)?, scene.chart("next", &NEXT)?);
        let logs = scene.chart("logs", &LOGS)?;
        let put = |arg: &&str| match *arg {
            "CHART" => chart.clone(),
            "NEXT" => next.clone(),
            "LOGS" => logs.clone(),
            other => other
                .replace("NS", &scene.namespace)
                .replace("CHART/", &format!("{chart}/"))
                .replace("NEXT/", &format!("{next}/")),
        };
        let Finished { code, stdout, stderr, .. } = program.run(command.iter().map(put).collect::<Vec<_>>())?;
        let error = stderr.find("Error: ").map_or("", |at| &stderr[at..]);
        let log = logged(&stderr[..stderr.len() - error.len()]);
        Ok(Said { code, stdout: masked(scene, &stdout), error: masked(scene, error), log: masked(scene, &log) })
    }
}

/// Notes on flags, warnings, and the server's warnings, each once: Helm logs
/// the latter with times, at each request. What hooks log, and our progress, is
/// left out.
fn logged(stderr: &str) -> String {
    // That one of Helm's watches was ended early says nothing of the server.
    let told = stderr.lines().filter(|line| !line.contains("Warning: watch ended with error"));
    let lines = told.filter_map(|line| {
        if let Some((_, text)) = line.split_once("] \"Warning: ") {
            return Some(format!("Warning: {}", text.trim_end_matches('"').replace("\\\"", "\"")));
        }
        let heads = ["level=WARN", "level=ERROR", "Flag --", "Warning: "];
        heads.iter().any(|head| line.starts_with(head)).then(|| line.to_owned())
    });
    let once: BTreeSet<String> = lines.collect();
    once.into_iter().map(|line| line + "\n").collect()
}

fn masked(scene: &Scene<'_>, text: &str) -> String {
    let text = text.replace(&scene.namespace, "NS").replace(&scene.work.path().display().to_string(), "WORK");
    // The command's own name stands in its usage.
    let text = text.replace("\"ankra-helm ", "\"helm ").replace("Usage:  ankra-helm ", "Usage:  helm ");
    let mut lines: Vec<String> = text.lines().map(mask_line).collect();
    if lines.iter().any(|line| line.starts_with("==> ")) {
        // Go walks the kinds of live objects in any order.
        lines.sort();
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// Replaces points in time, ages and addresses.
fn mask_line(line: &str) -> String {
    for head in ["LAST DEPLOYED: ", "Last Started: ", "Last Completed: "] {
        if let Some((before, _)) = line.split_once(head) {
            return format!("{before}{head}<time>");
        }
    }
    let line = &without_values(line);
    let mut out = String::new();
    let mut rest = line.as_str();
    let mut masked = false;
    while let Some(next) = rest.chars().next() {
        match time_at(rest).or_else(|| address_at(rest)).or_else(|| stamp_at(rest)) {
            Some(length) => {
                out.push_str("<varies>");
                masked = true;
                rest = &rest[length..];
            }
            None => {
                out.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    let is_header = line.starts_with("NAME\t") || line.starts_with("REVISION\t");
    if !masked && !is_header && !is_row_with_age(line) {
        return out;
    }
    // The columns are as wide as what stood there.
    let words: Vec<&str> = out.split_whitespace().filter(|word| !is_age(word)).collect();
    words.join(" ")
}

/// Blanks out what the server gives: in JSON, in YAML and in labels.
fn without_values(line: &str) -> String {
    let mut line = line.to_owned();
    let marks = [("\"uid\":\"", '"'), ("\"resourceVersion\":\"", '"'), ("uid: ", ' '), ("resourceVersion: ", ' ')];
    let stamps = [("modifiedAt=", ','), ("createdAt=", ','), ("\"modifiedAt\":\"", '"')];
    for (mark, end) in marks.into_iter().chain(stamps) {
        let mut parts = line.split(mark);
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            out.push_str(mark);
            out.push_str(part.find(end).map_or("", |at| &part[at..]));
        }
        line = out;
    }
    line
}

fn fits(text: &str, form: &str) -> bool {
    let mut bytes = text.bytes();
    form.bytes().all(|f| bytes.next().is_some_and(|b| if f == b'0' { b.is_ascii_digit() } else { f == b'?' || f == b }))
}

/// The length of a time in any of the forms that Helm prints.
fn time_at(text: &str) -> Option<usize> {
    if fits(text, "0000-00-00T00:00:00") || fits(text, "0000-00-00 00:00:00") {
        let rest = &text[19..];
        let fraction = rest.len() - rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit()).len();
        let rest = &rest[fraction..];
        let zone = ["Z", " +0000 UTC", "+00:00"].into_iter().find(|zone| rest.starts_with(zone)).map_or(0, str::len);
        return Some(19 + fraction + zone);
    }
    let is_ansi = fits(text, "??? ??? ?0 00:00:00 0000") && text.starts_with(|c: char| c.is_ascii_uppercase());
    is_ansi.then_some(24)
}

/// The seconds in a generated name.
fn stamp_at(text: &str) -> Option<usize> {
    (fits(text, "0000000000") && !fits(text, "00000000000")).then_some(10)
}

/// The addresses of Services come from one range.
fn address_at(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("10.0.0.")?;
    Some(7 + rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len())
}

fn is_age(word: &str) -> bool {
    word.strip_suffix('s').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

fn is_row_with_age(line: &str) -> bool {
    line.split_whitespace().next_back().is_some_and(is_age) || line.trim_end().ends_with(" AGE")
}

fn records(scene: &Scene<'_>) -> Anything<BTreeMap<String, Value>> {
    let secrets = scene.get(&["secrets", "--selector=owner=helm"])?;
    let name = |secret: &Value| secret["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let decoded = |secret: &Value| -> Anything<(String, Value)> {
        let text = record::decode(secret)?.to_string().replace(&scene.namespace, "NS");
        Ok((name(secret), serde_json::from_str(&text)?))
    };
    secrets["items"].as_array().ok_or("no list")?.iter().map(decoded).collect()
}

fn objects(scene: &Scene<'_>) -> Anything<BTreeMap<String, Value>> {
    let list = scene.get(&["configmaps,services,secrets,serviceaccounts,pods", "--selector=owner!=helm"])?;
    let objects = list["items"].as_array().ok_or("no list")?.iter().map(|object| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let key = format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"]));
        let metadata = &object["metadata"];
        let shown = serde_json::json!({
            "labels": metadata["labels"], "annotations": metadata["annotations"],
            "data": object["data"], "ports": object["spec"]["ports"],
        });
        let text = shown.to_string().replace(&scene.namespace, "NS");
        (key, serde_json::from_str(&text).unwrap_or(shown))
    });
    Ok(objects.filter(|(key, _)| key != "ConfigMap kube-root-ca.crt").collect())
}
