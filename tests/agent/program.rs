//! `ankra-helm agent …` as a process: output and exit codes.

use serde_json::Value;
use testbed::suite::Outcome;

use crate::scene::{Agents, CLUSTER};

pub(crate) fn agents_and_kinds_are_listed(agents: &Agents) -> Outcome {
    let scene = agents.scene("listed")?;
    let listed: Value = serde_json::from_str(&scene.ours.run(["agent", "ls", "--output=json"])?.ok())?;
    assert_eq!(listed[0]["cluster"], CLUSTER);
    assert_eq!(listed[0]["kubernetes"], "v1.36.3");
    let kinds = scene.ours.run(["agent", "kinds"])?.ok();
    assert!(kinds.contains("deployments") && kinds.contains("apps/v1"), "{kinds}");
    Ok(())
}

pub(crate) fn objects_are_shown_as_by_kubectl(agents: &Agents) -> Outcome {
    let scene = agents.scene("shown")?;
    scene.pods(&["one".to_owned(), "two".to_owned()])?;
    let namespace = scene.namespace.as_str();
    let get = |args: &[&str]| scene.ours.run([&["agent", "get", "--namespace", namespace], args].concat());
    assert_eq!(get(&["po", "--output=name"])?.ok(), "pod/one\npod/two\n");
    let table = get(&["pods", "--chunk-size=1"])?.ok();
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("NAME   READY   STATUS"), "{table}");
    assert!(lines.len() == 3 && lines[1].starts_with("one"), "{table}");
    let object: Value = serde_json::from_str(&get(&["pod/one", "--output=json"])?.ok())?;
    assert_eq!(object["metadata"]["name"], "one");
    assert_eq!(object["kind"], "Pod");
    Ok(())
}

pub(crate) fn exit_codes_say_what_went_wrong(agents: &Agents) -> Outcome {
    let scene = agents.scene("codes")?;
    let namespace = scene.namespace.as_str();
    let run = |args: &[&str]| scene.ours.run([&["agent", "--namespace", namespace], args].concat());
    let error = run(&["get", "pod", "absent"])?.fails(3);
    assert!(error.contains("absent"), "{error}");
    let _ = run(&["get", "unicorns"])?.fails(3);
    let _ = run(&["get", "pods", "--selector", "=="])?.fails(2);
    let _ = run(&["get"])?.fails(2);
    let _ = run(&["logs", "absent"])?.fails(3);
    let error = run(&["get", "pods", "--cluster", "elsewhere"])?.fails(1);
    assert!(error.contains("elsewhere is offline"), "{error}");
    let _ = run(&["uninstall", "absent"])?.fails(3);
    Ok(())
}

/// The way of a release with our own program: install, upgrade, roll back,
/// uninstall.
pub(crate) fn release_is_made_and_taken_away(agents: &Agents) -> Outcome {
    let scene = agents.scene("made")?;
    let (_shelf, chart) = scene.serve_chart()?;
    let namespace = scene.namespace.as_str();
    let run = |args: &[&str]| scene.ours.run([&["agent", "--namespace", namespace], args].concat());
    let installed = run(&["install", "shop", &chart, "--wait", "--set", "replicas=1"])?;
    let told = installed.stderr.clone();
    assert!(installed.ok().contains("STATUS: deployed"));
    assert!(told.contains("apply") && told.contains("pull"), "{told}");
    let listed: Value = serde_json::from_str(&scene.helm4.run(["list", "--output=json"])?.ok())?;
    assert_eq!(listed[0]["name"], "shop");
    let _ = run(&["install", "shop", &chart])?.fails(1);
    let _ = run(&["upgrade", "shop", &chart, "--set", "replicas=2", "--wait", "--if-revision", "1"])?.ok();
    let tried = run(&["rollback", "shop", "1", "--dry-run"])?;
    assert!(tried.stderr.contains("Deployment"), "the plan is not shown: {}", tried.stderr);
    let tried = run(&["upgrade", "shop", &chart, "--set", "replicas=3", "--dry-run"])?;
    assert!(tried.stderr.contains("Deployment"), "the plan is not shown: {}", tried.stderr);
    let _ = run(&["rollback", "shop", "1", "--wait"])?.ok();
    let values: Value = serde_json::from_str(&scene.helm4.run(["get", "values", "shop", "--output=json"])?.ok())?;
    assert_eq!(values["replicas"], 1);
    let _ = run(&["uninstall", "shop"])?.ok();
    assert_eq!(scene.helm4.run(["list", "--short"])?.ok(), "");
    let operations = run(&["ops", "ls"])?.ok();
    assert!(operations.contains("helm.rollback") && operations.contains("succeeded"), "{operations}");
    Ok(())
}
