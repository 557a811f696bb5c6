//! One rule per test. What the server makes of the patches is compared with
//! real Helm in `tests/cluster/client_side.rs`.

use serde_json::{Value as Json, json};

use crate::plan::patch::{Patch, States, patch};

fn deployment(spec: &Json) -> Json {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "x" }, "spec": spec })
}

fn made(old: &Json, new: &Json, live: &Json) -> Json {
    match patch(&States { old, new, live }, false).unwrap() {
        None => json!({}),
        Some(Patch::Strategic(patch)) => patch,
        Some(Patch::Merge(patch)) => panic!("a built-in kind has no JSON merge patch: {patch}"),
    }
}

fn of_spec(old: &Json, new: &Json, live: &Json) -> Json {
    made(&deployment(old), &deployment(new), &deployment(live))
}

fn of_containers(old: &Json, new: &Json, live: &Json) -> Json {
    let spec = |containers: &Json| json!({ "template": { "spec": { "containers": containers } } });
    let patch = of_spec(&spec(old), &spec(new), &spec(live));
    patch.pointer("/spec/template/spec").cloned().unwrap_or_else(|| json!({}))
}

#[test]
fn what_is_as_wanted_needs_no_patch() {
    let spec = json!({ "replicas": 1, "template": { "spec": { "containers": [{ "name": "a" }] } } });
    let live = json!({ "replicas": 1, "paused": true, "template": { "spec": {
        "containers": [{ "name": "a", "terminationMessagePath": "/dev/x" }], "dnsPolicy": "ClusterFirst",
    } } });
    assert_eq!(of_spec(&spec, &spec, &live), json!({}));
}

#[test]
fn live_edits_are_put_back_and_what_others_added_stays() {
    let spec = json!({ "replicas": 2 });
    assert_eq!(
        of_spec(&spec, &spec, &json!({ "replicas": 9, "minReadySeconds": 3 })),
        json!({ "spec": { "replicas": 2 } })
    );
}

#[test]
fn dropped_fields_are_nulled_even_if_they_are_gone() {
    let patch = of_spec(&json!({ "replicas": 2, "paused": true }), &json!({}), &json!({ "replicas": 2 }));
    assert_eq!(patch, json!({ "spec": { "replicas": null, "paused": null } }));
}

#[test]
fn a_null_in_the_manifest_takes_a_field_away() {
    let new = json!({ "replicas": null });
    assert_eq!(of_spec(&json!({}), &new, &json!({ "replicas": 3 })), json!({ "spec": { "replicas": null } }));
}

#[test]
fn containers_merge_by_name() {
    let old = json!([{ "name": "a", "image": "1" }, { "name": "gone", "image": "1" }]);
    let new = json!([{ "name": "a", "image": "2" }, { "name": "new", "image": "1" }]);
    let live = json!([{ "name": "injected" }, { "name": "a", "image": "1" }, { "name": "gone", "image": "1" }]);
    assert_eq!(
        of_containers(&old, &new, &live),
        json!({
            "$setElementOrder/containers": [{ "name": "a" }, { "name": "new" }],
            "containers": [
                { "name": "a", "image": "2" },
                { "name": "new", "image": "1" },
                { "name": "gone", "$patch": "delete" },
            ],
        })
    );
}

#[test]
fn a_new_order_alone_is_said() {
    let items = json!([{ "name": "b" }, { "name": "a" }]);
    let live = json!([{ "name": "a" }, { "name": "b" }]);
    assert_eq!(
        of_containers(&live, &items, &live),
        json!({ "$setElementOrder/containers": [{ "name": "b" }, { "name": "a" }] })
    );
}

#[test]
fn commands_are_replaced_whole() {
    let item = |command: Json| json!([{ "name": "a", "command": command }]);
    let patch = of_containers(&item(json!(["x"])), &item(json!(["x", "y"])), &item(json!(["x"])));
    assert_eq!(patch["containers"], json!([{ "name": "a", "command": ["x", "y"] }]));
}

#[test]
fn another_strategy_keeps_only_its_own_keys() {
    let live = json!({ "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%" } } });
    let patch = of_spec(&json!({}), &json!({ "strategy": { "type": "Recreate" } }), &live);
    assert_eq!(patch["spec"]["strategy"], json!({ "$retainKeys": ["type"], "type": "Recreate" }));
}

#[test]
fn finalizers_are_deleted_by_value() {
    let object =
        |finalizers: Json| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "finalizers": finalizers } });
    let patch = made(&object(json!(["a/1", "a/2"])), &object(json!(["a/2"])), &object(json!(["b/x", "a/1", "a/2"])));
    assert_eq!(
        patch["metadata"],
        json!({ "$deleteFromPrimitiveList/finalizers": ["a/1"], "$setElementOrder/finalizers": ["a/2"] })
    );
}

#[test]
fn an_item_without_its_key_is_an_error() {
    let (old, live) = (deployment(&json!({})), [json!([{ "name": "a" }]), json!([{ "image": "x" }])]);
    let of = |containers: &Json| deployment(&json!({ "template": { "spec": { "containers": containers } } }));
    let error = patch(&States { old: &old, new: &of(&live[1]), live: &of(&live[0]) }, false).unwrap_err();
    assert_eq!(error, "map: map[image:x] does not contain declared merge key: name");
}

#[test]
fn a_field_that_the_kind_does_not_have_is_an_error_only_if_it_differs() {
    let spec = |n: i64| json!({ "nope": { "a": n } });
    assert_eq!(of_spec(&spec(1), &spec(1), &spec(1)), json!({}));
    let (a, b) = (deployment(&spec(1)), deployment(&spec(2)));
    let error = patch(&States { old: &a, new: &b, live: &a }, false).unwrap_err();
    assert_eq!(error, "unable to find api field in struct DeploymentSpec for the json field \"nope\"");
}

#[test]
fn custom_resources_are_compared_without_what_is_live() {
    let object = |n: i64| json!({ "apiVersion": "example.com/v1", "kind": "Thing", "spec": { "n": n } });
    let of = |live: i64, counts: bool| {
        patch(&States { old: &object(1), new: &object(1), live: &object(live) }, counts).unwrap()
    };
    assert_eq!(of(2, false), None);
    assert_eq!(of(2, true), Some(Patch::Merge(json!({ "spec": { "n": 1 } }))));
}
