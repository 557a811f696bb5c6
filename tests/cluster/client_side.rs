//! Client-side apply, by Helm and by us, on the same objects: what an upgrade,
//! a rollback and a replacement make of objects that somebody edited in
//! between must be equal, down to who manages which field.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testbed::Program;
use testbed::suite::Outcome;

use crate::scene::{Cluster, Scene};

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

/// The objects of each kind, before and after, in one template each.
const TEMPLATES: [(&str, &str); 4] = [
    ("templates/workloads.yaml", include_str!("client_side/workloads.yaml")),
    ("templates/network.yaml", include_str!("client_side/network.yaml")),
    ("templates/plain.yaml", include_str!("client_side/plain.yaml")),
    ("templates/custom.yaml", include_str!("client_side/custom.yaml")),
];

const DEFINITION: &str = include_str!("client_side/definition.yaml");

/// What somebody does by hand between the two revisions.
const EDITS: [(&str, &str); 14] = [
    (
        "deployment/web",
        r#"{"spec":{"replicas":4,"template":{"spec":{"containers":[{"name":"app","image":"edited:1"}]}}}}"#,
    ),
    (
        "deployment/web",
        r#"{"spec":{"template":{"spec":{"containers":[{"name":"injected","image":"sidecar:1"}],
            "volumes":[{"name":"injected","emptyDir":{}}]}}}}"#,
    ),
    (
        "deployment/web",
        r#"{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"BY_HAND","value":"1"}]}]}}}}"#,
    ),
    ("deployment/strategy", r#"{"metadata":{"annotations":{"by":"hand"}},"spec":{"paused":true}}"#),
    ("statefulset/db", r#"{"spec":{"template":{"metadata":{"labels":{"by":"hand"}}}}}"#),
    ("service/web", r#"{"spec":{"ports":[{"port":9999,"name":"by-hand"}],"selector":{"by":"hand"}}}"#),
    ("service/web", r#"{"spec":{"externalIPs":["10.9.9.9"]}}"#),
    ("configmap/settings", r#"{"data":{"kept":"edited","by-hand":"1","dropped":"edited"}}"#),
    ("configmap/settings", r#"{"metadata":{"finalizers":["example.com/by-hand"]}}"#),
    ("ingress/web", r#"{"spec":{"rules":[{"host":"by-hand.example.com"}]}}"#),
    ("role/reader", r#"{"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["delete"]}]}"#),
    ("hpa/web", r#"{"spec":{"maxReplicas":77}}"#),
    ("serviceaccount/app", r#"{"imagePullSecrets":[{"name":"by-hand"}]}"#),
    ("networkpolicy/web", r#"{"spec":{"podSelector":{"matchLabels":{"by":"hand"}}}}"#),
];

const CUSTOM_EDIT: &str = r#"{"spec":{"size":99,"byHand":true,"list":["x"]}}"#;

const KINDS: &str = "deployments,statefulsets,daemonsets,cronjobs,services,ingresses,networkpolicies,configmaps,secrets,\
    serviceaccounts,roles,rolebindings,hpa,pdb,pvc,resourcequotas";

pub(crate) fn same_as_helm4(cluster: &Cluster) -> Outcome {
    let flag = ["--server-side=false"];
    compare(cluster, ("csa4", &flag), |scene| (scene.helm4.clone(), scene.ours.clone()))
}

pub(crate) fn same_as_helm3(cluster: &Cluster) -> Outcome {
    let ours = |scene: &Scene<'_>| scene.ours.clone().with("ANKRA_HELM_COMPAT", "helm3");
    compare(cluster, ("csa3", &[]), |scene| (scene.helm3.clone(), ours(scene)))
}

/// Both do the same in a namespace of their own; every state in between is
/// compared.
fn compare(
    cluster: &Cluster,
    (name, flags): (&str, &[&str]),
    programs: impl Fn(&Scene<'_>) -> (Program, Program),
) -> Outcome {
    let (first, second) = (cluster.scene(&format!("{name}-theirs"))?, cluster.scene(&format!("{name}-ours"))?);
    let theirs = states(&first, &programs(&first).0, flags)?;
    let ours = states(&second, &programs(&second).1, flags)?;
    let mut differences = Vec::new();
    for ((step, theirs), (_, ours)) in theirs.iter().zip(&ours) {
        assert_eq!(theirs.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>(), "{step}");
        assert!(theirs.len() > 15, "{step}: only {} objects", theirs.len());
        for (object, theirs) in theirs {
            if theirs != &ours[object] {
                let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
                differences.push(format!("{step}: {object}\n{}\n{}", pretty(theirs), pretty(&ours[object])));
            }
        }
    }
    assert!(differences.is_empty(), "Helm's and ours differ in {}:\n{}", differences.len(), differences.join("\n"));
    Ok(())
}

type Objects = BTreeMap<String, Value>;

/// The objects after each step.
fn states(scene: &Scene<'_>, program: &Program, flags: &[&str]) -> Anything<Vec<(&'static str, Objects)>> {
    let group = format!("{}.example.com", scene.namespace);
    let definition = DEFINITION.replace("GROUP", &group);
    scene.plane.apply(&definition)?;
    let plural = format!("crd/things.{group}");
    let _ = scene.kubectl(&["wait", "--for=condition=Established", &plural, "--timeout=60s"])?.ok();
    let custom = TEMPLATES[3].1.replace("GROUP", &group);
    let mut files = TEMPLATES.to_vec();
    files[3].1 = &custom;
    let chart = scene.chart("things", &files)?;
    let things = format!("things.{group}");
    let all = |scene: &Scene<'_>| objects(scene, &format!("{KINDS},{things}"));
    let edit = |scene: &Scene<'_>| -> Outcome {
        for (object, patch) in EDITS {
            let _ = scene.kubectl(&["patch", object, "--type=strategic", "--patch", patch])?.ok();
        }
        let _ = scene.kubectl(&["patch", &format!("{things}/thing"), "--type=merge", "--patch", CUSTOM_EDIT])?.ok();
        Ok(())
    };
    let run = |args: &[&str]| -> Anything<()> {
        let _ = program.run([args, flags].concat())?.ok();
        Ok(())
    };
    let mut states = Vec::new();
    run(&["install", "r", &chart])?;
    states.push(("installed", all(scene)?));
    edit(scene)?;
    run(&["upgrade", "r", &chart, "--set=step=new"])?;
    states.push(("upgraded", all(scene)?));
    edit(scene)?;
    run(&["upgrade", "r", &chart, "--set=step=new"])?;
    states.push(("upgraded to the same", all(scene)?));
    run(&["rollback", "r", "1"])?;
    states.push(("rolled back", all(scene)?));
    edit(scene)?;
    run(&["upgrade", "r", &chart, "--set=step=new", "--set=replace=true", "--force"])?;
    states.push(("replaced", all(scene)?));
    let _ = program.run(["uninstall", "r"])?.ok();
    Ok(states)
}

/// Every object that a release made here, without what is never twice the same.
fn objects(scene: &Scene<'_>, kinds: &str) -> Anything<Objects> {
    let list = scene.get(&[kinds, "--selector=app.kubernetes.io/managed-by=Helm", "--show-managed-fields"])?;
    let list = list["items"].as_array().ok_or("no list")?.clone();
    Ok(list.into_iter().map(|object| (name_of(&object), plain(scene, object))).collect())
}

fn name_of(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"]))
}

fn plain(scene: &Scene<'_>, mut object: Value) -> Value {
    let fields = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let of_helm = |entry: &Value| {
        let is = entry["manager"] == "helm" && entry.get("subresource").is_none();
        is.then(|| json!({ "operation": entry["operation"], "fields": entry["fieldsV1"] }))
    };
    object["metadata"]["managedFields"] = fields.iter().filter_map(of_helm).collect();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
            metadata.remove(field);
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            // Written by a controller, sooner or later.
            annotations.remove("deployment.kubernetes.io/revision");
        }
    }
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    if let Some(spec) = object["spec"].as_object_mut() {
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
    }
    let text = object.to_string().replace(&scene.namespace, "NAMESPACE");
    serde_json::from_str(&text).unwrap_or(object)
}
