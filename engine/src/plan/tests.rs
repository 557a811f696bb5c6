//! Decisions, one per test; no cluster.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::cluster::discovery::Resource;

fn object(kind: &str, name: &str, spec: Json) -> Object {
    let reference =
        ObjectRef { api_version: "v1".into(), kind: kind.into(), namespace: "ns".into(), name: name.into() };
    let plural = format!("{}s", kind.to_lowercase());
    let resource = Resource { api_version: "v1".into(), kind: kind.into(), plural, namespaced: true };
    let json =
        json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name, "namespace": "ns" }, "spec": spec });
    Object { reference, resource: Arc::new(resource), json }
}

/// As the API server would show it after `helm` applied it.
fn applied(object: &Object) -> Json {
    let mut json = object.json.clone();
    set_ownership(&mut json, "r", "ns");
    json["metadata"]["managedFields"] = json!([{ "manager": "helm", "operation": "Apply" }]);
    json["metadata"]["resourceVersion"] = json!("1");
    json
}

struct Case {
    verb: Verb,
    previous: Vec<Object>,
    interrupted: Vec<Object>,
    desired: Vec<Object>,
    live: Vec<(Object, Json)>,
    take_ownership: bool,
    force: bool,
    server_side: bool,
    replace: bool,
}

impl Case {
    fn new(verb: Verb) -> Case {
        Case {
            verb,
            previous: vec![],
            interrupted: vec![],
            desired: vec![],
            live: vec![],
            take_ownership: false,
            force: false,
            server_side: true,
            replace: false,
        }
    }

    fn plan(self) -> Result<Plan> {
        let mut live = LiveObjects::default();
        for object in self.previous.iter().chain(&self.interrupted).chain(&self.desired) {
            live.objects.insert(object.reference.key(), Live::Absent);
        }
        for (object, json) in self.live {
            live.objects.insert(object.reference.key(), Live::Present(json));
        }
        build(Inputs {
            verb: self.verb,
            release: "r",
            namespace: "ns",
            revision: 2,
            previous: self.previous,
            interrupted: self.interrupted,
            desired: self.desired,
            live: &live,
            take_ownership: self.take_ownership,
            method: Method {
                server_side: self.server_side,
                replace: self.replace,
                force_conflicts: self.force,
                strict: true,
            },
            migrate: false,
        })
    }
}

fn actions(plan: &Plan) -> Vec<(String, Action)> {
    plan.steps.iter().map(|s| (s.object.name.clone(), s.action)).collect()
}

#[test]
fn an_upgrade_creates_updates_deletes_and_leaves_alone() {
    let (same, changed, gone, new) = (
        object("ConfigMap", "same", json!(1)),
        object("ConfigMap", "changed", json!(1)),
        object("ConfigMap", "gone", json!(1)),
        object("ConfigMap", "new", json!(1)),
    );
    let mut case = Case::new(Verb::Upgrade);
    case.previous = vec![same.clone(), changed.clone(), gone.clone()];
    case.desired = vec![same.clone(), object("ConfigMap", "changed", json!(2)), new];
    case.live = [same, changed, gone].into_iter().map(|o| (o.clone(), applied(&o))).collect();
    let plan = case.plan().unwrap();
    let expected =
        [("same", Action::Unchanged), ("changed", Action::Update), ("new", Action::Create), ("gone", Action::Delete)];
    assert_eq!(actions(&plan), expected.map(|(n, a)| (n.to_string(), a)));
    assert_eq!(plan.steps[1].changes[0].to_string(), "/spec: 1 → 2");
    assert!(!plan.is_empty());
}

#[test]
fn the_plan_of_an_unchanged_release_is_empty() {
    let o = object("ConfigMap", "x", json!({ "a": 1 }));
    let mut case = Case::new(Verb::Upgrade);
    case.previous = vec![o.clone()];
    case.desired = vec![o.clone()];
    case.live = vec![(o.clone(), applied(&o))];
    assert!(case.plan().unwrap().is_empty());
}

#[test]
fn drift_is_an_update_even_if_the_chart_is_the_same() {
    let o = object("ConfigMap", "x", json!({ "a": 1 }));
    let mut live = applied(&o);
    live["spec"]["a"] = json!(9);
    let mut case = Case::new(Verb::Upgrade);
    case.previous = vec![o.clone()];
    case.desired = vec![o.clone()];
    case.live = vec![(o, live)];
    assert_eq!(case.plan().unwrap().steps[0].action, Action::Update);
}

#[test]
fn a_field_that_the_chart_drops_is_a_change() {
    let mut case = Case::new(Verb::Upgrade);
    let old = object("ConfigMap", "x", json!({ "a": 1, "b": 2 }));
    case.live = vec![(old.clone(), applied(&old))];
    case.previous = vec![old];
    case.desired = vec![object("ConfigMap", "x", json!({ "a": 1 }))];
    let plan = case.plan().unwrap();
    assert_eq!(plan.steps[0].action, Action::Update);
    assert_eq!(plan.steps[0].changes[0].to_string(), "/spec/b: - 2");
}

#[test]
fn another_releases_object_stops_an_install() {
    let o = object("ConfigMap", "x", json!(1));
    let mut live = applied(&o);
    live["metadata"]["annotations"]["meta.helm.sh/release-name"] = json!("other");
    let mut case = Case::new(Verb::Install);
    case.desired = vec![o.clone()];
    case.live = vec![(o.clone(), live.clone())];
    assert_eq!(
        case.plan().unwrap_err().to_string(),
        "unable to continue with install: ConfigMap \"x\" in namespace \"ns\" exists and cannot be imported into the \
         current release: invalid ownership metadata; annotation validation error: key \
         \"meta.helm.sh/release-name\" must equal \"r\": current value is \"other\""
    );
    let mut case = Case::new(Verb::Install);
    case.take_ownership = true;
    case.desired = vec![o.clone()];
    case.live = vec![(o, live)];
    assert_eq!(case.plan().unwrap().steps[0].action, Action::Adopt);
}

#[test]
fn conflicts_are_not_forced_where_nothing_was() {
    let forced = |plan: &Plan| matches!(plan.steps[0].request, Request::Apply { force: true, .. });
    let o = object("ConfigMap", "x", json!(1));
    let mut case = Case::new(Verb::Install);
    case.force = true;
    case.desired = vec![o.clone()];
    let plan = case.plan().unwrap();
    assert!(!forced(&plan));
    assert_eq!(plan.on_error, OnError::Continue);
    let mut case = Case::new(Verb::Install);
    case.force = true;
    case.live = vec![(o.clone(), applied(&o))];
    case.desired = vec![o];
    let plan = case.plan().unwrap();
    assert!(forced(&plan));
    assert_eq!(plan.on_error, OnError::StopAtCreate);
}

#[test]
fn only_the_live_policy_keeps_an_object() {
    let mut kept = object("ConfigMap", "kept", json!(1));
    let live = {
        let mut live = applied(&kept);
        live["metadata"]["annotations"][RESOURCE_POLICY] = json!(KEEP);
        live
    };
    let mut case = Case::new(Verb::Upgrade);
    case.previous = vec![kept.clone()];
    case.live = vec![(kept.clone(), live)];
    assert_eq!(case.plan().unwrap().steps[0].action, Action::Keep);
    kept.json["metadata"]["annotations"] = json!({ RESOURCE_POLICY: KEEP });
    let mut case = Case::new(Verb::Upgrade);
    case.live = vec![(kept.clone(), applied(&object("ConfigMap", "kept", json!(1))))];
    case.previous = vec![kept];
    assert_eq!(case.plan().unwrap().steps[0].action, Action::Delete);
}

#[test]
fn equal_kinds_are_one_batch_and_doubles_are_not() {
    let mut case = Case::new(Verb::Install);
    case.desired = vec![
        object("Secret", "a", json!(1)),
        object("Secret", "b", json!(1)),
        object("ConfigMap", "a", json!(1)),
        object("ConfigMap", "a", json!(2)),
    ];
    let batches: Vec<usize> = case.plan().unwrap().steps.iter().map(|s| s.batch).collect();
    assert_eq!(batches, [1, 1, 2, 3]);
}

#[test]
fn client_side_objects_are_created_patched_or_left_alone() {
    let (same, changed) = (object("ConfigMap", "same", json!(1)), object("ConfigMap", "changed", json!(1)));
    let case = |replace: bool| {
        let mut case = Case::new(Verb::Upgrade);
        (case.server_side, case.replace) = (false, replace);
        case.previous = vec![same.clone(), changed.clone()];
        case.live = [&same, &changed].map(|o| (o.clone(), applied(o))).into();
        case.desired =
            vec![same.clone(), object("ConfigMap", "changed", json!(2)), object("ConfigMap", "new", json!(1))];
        case.plan().unwrap()
    };
    let plan = case(false);
    let expected = [("same", Action::Unchanged), ("changed", Action::Update), ("new", Action::Create)];
    assert_eq!(actions(&plan), expected.map(|(n, a)| (n.to_string(), a)));
    assert!(matches!(&plan.steps[1].request, Request::Patch { patch: Ok(Patch::Strategic(_)), .. }));
    assert!(matches!(plan.steps[2].request, Request::Create { .. }));
    // A replacement is sent whatever is there.
    let plan = case(true);
    assert!(matches!(plan.steps[0].request, Request::Replace { .. }));
    assert!(matches!(plan.steps[2].request, Request::Create { .. }));
}

#[test]
fn what_does_not_go_together_is_refused_where_objects_are_updated() {
    let refusal = |verb: Verb, server_side: bool, replace: bool, force: bool| {
        let mut case = Case::new(verb);
        (case.server_side, case.replace, case.force) = (server_side, replace, force);
        case.desired = vec![object("ConfigMap", "x", json!(1))];
        case.plan().unwrap().refusal.unwrap_or_default()
    };
    let together = "invalid operation: cannot use server-side apply and force replace together";
    assert_eq!(refusal(Verb::Upgrade, true, true, false), together);
    assert_eq!(refusal(Verb::Install, true, true, false), "");
    assert!(refusal(Verb::Rollback, false, false, true).starts_with("invalid client update option(s): "));
    assert_eq!(refusal(Verb::Rollback, false, true, false), "");
}

#[test]
fn client_side_fields_are_moved_on_rollback() {
    let o = object("ConfigMap", "x", json!(1));
    let mut live = applied(&o);
    live["metadata"]["managedFields"] = json!([{ "manager": "helm", "operation": "Update", "apiVersion": "v1" }]);
    let mut case = Case::new(Verb::Rollback);
    case.previous = vec![o.clone()];
    case.desired = vec![o.clone()];
    case.live = vec![(o, live)];
    let plan = case.plan().unwrap();
    assert!(matches!(plan.steps[0].request, Request::Apply { migrate: Some(_), .. }));
}

#[test]
fn a_name_and_a_generated_name_are_too_many() {
    let mut o = object("ConfigMap", "x", json!(1));
    o.json["metadata"]["generateName"] = json!("x-");
    let mut case = Case::new(Verb::Install);
    case.desired = vec![o];
    let text = case.plan().unwrap_err().to_string();
    assert!(text.ends_with("metadata.name and metadata.generateName cannot both be set"), "{text}");
}

#[test]
fn values_of_secrets_do_not_show() {
    let secret = |v: &str| {
        let mut o = object("Secret", "s", json!(null));
        o.json["data"] = json!({ "p": v });
        o
    };
    let mut case = Case::new(Verb::Upgrade);
    case.previous = vec![secret("b2xk")];
    case.live = vec![(secret("b2xk"), applied(&secret("b2xk")))];
    case.desired = vec![secret("bmV3")];
    let text = serde_json::to_string(&case.plan().unwrap()).unwrap();
    assert!(text.contains("/data/p") && !text.contains("bmV3") && !text.contains("b2xk"), "{text}");
}

#[test]
fn what_an_interrupted_revision_made_is_taken_back() {
    let (kept, left, foreign) = (
        object("Service", "kept", json!({ "a": 1 })),
        object("Service", "left", json!({})),
        object("Service", "foreign", json!({})),
    );
    let changed = object("Service", "kept", json!({ "a": 1, "added": 2 }));
    let mut case = Case::new(Verb::Upgrade);
    case.previous = vec![kept.clone()];
    case.desired = vec![kept.clone()];
    case.interrupted = vec![changed.clone(), left.clone(), foreign.clone(), object("Service", "never-made", json!({}))];
    case.live = vec![
        (changed.clone(), applied(&changed)),
        (left.clone(), applied(&left)),
        (foreign.clone(), foreign.json.clone()),
    ];
    let plan = case.plan().unwrap();
    let steps: Vec<(&str, Action)> = plan.steps.iter().map(|s| (s.object.name.as_str(), s.action)).collect();
    // As before it is wanted, but it is not as it was before.
    assert_eq!(steps, [("kept", Action::Update), ("left", Action::Delete)]);
}
