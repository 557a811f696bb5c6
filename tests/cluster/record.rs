//! What is stored about a release, and what stands in the cluster, compared
//! field by field with what real Helm leaves there.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use testbed::Program;
use testbed::suite::Outcome;

use crate::scene::{Cluster, Scene, testdata_chart};

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

pub(crate) fn same_as_helm4(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("record4")?;
    same_records(&scene, &scene.helm4, &scene.ours)
}

pub(crate) fn same_as_helm3(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("record3")?;
    let ours = scene.ours.clone().with("ANKRA_HELM_COMPAT", "helm3");
    same_records(&scene, &scene.helm3, &ours)
}

/// Lets both do the same in turn and compares every record they leave.
fn same_records(scene: &Scene<'_>, theirs: &Program, ours: &Program) -> Outcome {
    let expected = records_of(scene, theirs)?;
    let found = records_of(scene, ours)?;
    assert_eq!(expected.len(), 3);
    assert_eq!(expected.len(), found.len());
    let mut differences = Vec::new();
    for (revision, (expected, found)) in expected.iter().zip(&found).enumerate() {
        compare(&format!("revision {}", revision + 1), expected, found, &mut differences);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

/// Installs, upgrades and rolls back, and returns the records, oldest first.
fn records_of(scene: &Scene<'_>, program: &Program) -> Anything<Vec<Value>> {
    let chart = testdata_chart("site");
    let install = ["install", "shop", &chart, "--wait", "--timeout=120s", "--set=replicas=1", "--labels=team=red"];
    let _ = program.run(install)?.ok();
    let upgrade = ["upgrade", "shop", &chart, "--wait", "--timeout=120s", "--set=cache.enabled=false"];
    let _ = program.run([&upgrade[..], &["--description=without a cache"]].concat())?.ok();
    let _ = program.run(["rollback", "shop", "1", "--wait", "--timeout=120s"])?.ok();
    let secrets = scene.get(&["secrets", "--selector=owner=helm", "--sort-by=.metadata.name"])?;
    let secrets = secrets["items"].as_array().ok_or("no list")?.clone();
    let records = secrets.into_iter().map(|secret| decode(&secret)).collect::<Anything<Vec<_>>>()?;
    let _ = program.run(["uninstall", "shop", "--wait"])?.ok();
    Ok(records)
}

/// A release's Secret with the record inside it unpacked, and with everything
/// that is different each time made the same.
pub(crate) fn decode(secret: &Value) -> Anything<Value> {
    // Kubernetes encodes the data once more.
    let outer = STANDARD.decode(secret["data"]["release"].as_str().ok_or("no record")?)?;
    let packed = STANDARD.decode(outer)?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text)?;
    let mut whole = serde_json::json!({
        "name": secret["metadata"]["name"],
        "labels": secret["metadata"]["labels"],
        "annotations": secret["metadata"]["annotations"],
        "type": secret["type"],
        "keys": secret["data"].as_object().ok_or("no data")?.keys().collect::<Vec<_>>(),
        "record": serde_json::from_str::<Value>(&text)?,
    });
    forget_times(&mut whole);
    Ok(whole)
}

/// Replaces points in time by their form: a text of another form stays and so
/// is a difference.
fn forget_times(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let is_seconds = matches!(key.as_str(), "createdAt" | "modifiedAt");
                match value {
                    Value::String(text) if is_seconds && text.parse::<u64>().is_ok_and(|s| s > 1_700_000_000) => {
                        *text = "<seconds>".to_owned();
                    }
                    Value::String(text) if is_time(text) => *text = time_form(text),
                    other => forget_times(other),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(forget_times),
        _ => {}
    }
}

fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 20 && bytes[4] == b'-' && bytes[10] == b'T' && bytes[13] == b':' && bytes[..4] != *b"0001"
}

/// `2026-01-01T00:00:00.123456789Z` becomes `<time>.<fraction>Z`: whether there
/// is a fraction depends on the moment, the zone does not.
fn time_form(text: &str) -> String {
    let zone = text[19..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    format!("<time>{zone}")
}

/// Lists every place where two values differ.
pub(crate) fn compare(path: &str, expected: &Value, found: &Value, differences: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let (a, b) = (a.get(key), b.get(key));
                match (a, b) {
                    (Some(a), Some(b)) => compare(&format!("{path}.{key}"), a, b, differences),
                    _ => differences.push(format!("{path}.{key}: Helm has {a:?}, we have {b:?}")),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}[{i}]"), a, b, differences);
            }
        }
        _ if expected == found => {}
        _ => differences.push(format!("{path}: Helm has {expected}, we have {found}")),
    }
}

/// The objects in the cluster are the same, down to who owns which field.
pub(crate) fn objects_are_owned_as_by_helm4(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("objects4")?;
    let expected = objects_of(&scene, &scene.helm4)?;
    let found = objects_of(&scene, &scene.ours)?;
    let mut differences = Vec::new();
    compare("", &expected, &found, &mut differences);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(expected.as_array().is_some_and(|objects| objects.len() >= 5));
    Ok(())
}

fn objects_of(scene: &Scene<'_>, program: &Program) -> Anything<Value> {
    let chart = testdata_chart("site");
    let _ = program.run(["install", "shop", &chart, "--wait", "--timeout=120s"])?.ok();
    let _ = program.run(["upgrade", "shop", &chart, "--wait", "--timeout=120s", "--set=replicas=1"])?.ok();
    let kinds = "deployments,statefulsets,services,configmaps,serviceaccounts";
    let mut list = scene.get(&[kinds, "--show-managed-fields"])?;
    let _ = program.run(["uninstall", "shop", "--wait"])?.ok();
    let gone = ["wait", "--for=delete", "pods", "--all", "--timeout=60s"];
    let _ = scene.kubectl(&gone)?.ok();

    let objects = list["items"].as_array_mut().ok_or("no list")?;
    objects.retain(|object| object["metadata"]["labels"]["kubernetes.io/bootstrapping"].is_null());
    let own = ["kube-root-ca.crt", "default"];
    objects.retain(|object| !object["metadata"]["name"].as_str().is_some_and(|name| own.contains(&name)));
    for object in &mut *objects {
        forget_what_the_server_adds(object);
    }
    Ok(Value::Array(std::mem::take(objects)))
}

/// Removes what is different each time, and what controllers and not programs
/// write.
fn forget_what_the_server_adds(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    map.remove("status");
    if let Some(spec) = map.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
    }
    if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
            metadata.remove(field);
        }
        if let Some(fields) = metadata.get_mut("managedFields").and_then(Value::as_array_mut) {
            fields.retain(|entry| entry["manager"] != "kube-controller-manager");
            for entry in fields {
                entry["time"] = Value::Null;
            }
        }
    }
}
