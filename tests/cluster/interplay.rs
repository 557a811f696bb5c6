//! A release that one program made is taken over by another: listed, read,
//! upgraded, rolled back and uninstalled.

use testbed::Program;
use testbed::suite::Outcome;

use crate::scene::{Cluster, Scene, json, testdata_chart};

pub(crate) fn helm4_takes_over_ours(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("ours-helm4")?;
    takes_over(&scene, &scene.ours, &scene.helm4)
}

pub(crate) fn helm3_takes_over_ours(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("ours-helm3")?;
    takes_over(&scene, &scene.ours, &scene.helm3)
}

pub(crate) fn ours_takes_over_helm4(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("helm4-ours")?;
    takes_over(&scene, &scene.helm4, &scene.ours)
}

pub(crate) fn ours_takes_over_helm3(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("helm3-ours")?;
    takes_over(&scene, &scene.helm3, &scene.ours)
}

fn takes_over(scene: &Scene<'_>, first: &Program, second: &Program) -> Outcome {
    let chart = testdata_chart("site");
    let wait = ["--wait", "--timeout=120s"];
    let install = ["install", "shop", &chart, "--set=replicas=1"];
    let _ = first.run([&install[..], &wait].concat())?.ok();

    both_say_the_same(first, second)?;
    let listed = json(&second.run(["list", "--output=json"])?.ok())?;
    assert_eq!(listed[0]["name"], "shop");
    assert_eq!(listed[0]["namespace"], scene.namespace.as_str());
    assert_eq!(listed[0]["revision"], "1");
    assert_eq!(listed[0]["status"], "deployed");
    assert_eq!(listed[0]["chart"], "site-0.3.1");
    assert_eq!(listed[0]["app_version"], "1.4");

    let upgrade = ["upgrade", "shop", &chart, "--set=replicas=3", "--set=greeting=Hi"];
    let _ = second.run([&upgrade[..], &wait].concat())?.ok();
    assert_eq!(replicas(scene)?, 3);
    both_say_the_same(first, second)?;
    assert_eq!(history(first)?, [(1, "superseded".to_owned()), (2, "deployed".to_owned())]);

    let _ = first.run([&["rollback", "shop", "1"][..], &wait].concat())?.ok();
    assert_eq!(replicas(scene)?, 1);
    both_say_the_same(first, second)?;
    let superseded = || "superseded".to_owned();
    assert_eq!(history(second)?, [(1, superseded()), (2, superseded()), (3, "deployed".to_owned())]);

    let _ = second.run(["rollback", "shop", "2", "--wait", "--timeout=120s"])?.ok();
    assert_eq!(replicas(scene)?, 3);
    let upgrade = ["upgrade", "shop", &chart, "--reuse-values", "--set=replicas=2"];
    let _ = first.run([&upgrade[..], &wait].concat())?.ok();
    assert_eq!(replicas(scene)?, 2);
    assert_eq!(json(&second.run(["get", "values", "shop", "--output=json"])?.ok())?["greeting"], "Hi");

    let _ = second.run(["uninstall", "shop", "--wait", "--timeout=120s"])?.ok();
    assert_eq!(json(&first.run(["list", "--output=json"])?.ok())?, serde_json::json!([]));
    // Pods go a moment after what made them.
    let gone = ["wait", "--for=delete", "pods", "--all", "--timeout=60s"];
    let _ = scene.kubectl(&gone)?.ok();
    assert_eq!(scene.left_behind()?, "");
    Ok(())
}

/// Whatever one reads of the release, the other reads byte for byte.
fn both_say_the_same(first: &Program, second: &Program) -> Outcome {
    let reads: [&[&str]; 9] = [
        &["list", "--output=json"],
        &["history", "shop", "--output=json"],
        &["get", "manifest", "shop"],
        &["get", "hooks", "shop"],
        &["get", "notes", "shop"],
        &["get", "values", "shop", "--output=json"],
        &["get", "values", "shop", "--all", "--output=yaml"],
        &["get", "values", "shop"],
        &["list", "--output=yaml"],
    ];
    for args in reads {
        let (one, other) = (first.run(args)?.ok(), second.run(args)?.ok());
        assert_eq!(without_rollback_revision(&one), without_rollback_revision(&other), "{args:?}");
    }
    Ok(())
}

/// Helm 4 notes which revision a rollback went back to. Helm 3 does not say it.
fn without_rollback_revision(text: &str) -> String {
    let Some((before, after)) = text.split_once(",\"rollback_revision\":") else { return text.to_owned() };
    let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
    before.to_owned() + &without_rollback_revision(after)
}

fn replicas(scene: &Scene<'_>) -> Result<u64, Box<dyn std::error::Error>> {
    Ok(scene.get(&["deployment", "shop-site"])?["spec"]["replicas"].as_u64().ok_or("no replicas")?)
}

fn history(program: &Program) -> Result<Vec<(u64, String)>, Box<dyn std::error::Error>> {
    let revisions = json(&program.run(["history", "shop", "--output=json"])?.ok())?;
    let entry = |revision: &serde_json::Value| {
        (revision["revision"].as_u64().unwrap_or(0), revision["status"].as_str().unwrap_or_default().to_owned())
    };
    Ok(revisions.as_array().ok_or("no list")?.iter().map(entry).collect())
}
