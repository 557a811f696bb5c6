//! Waiting: for hooks, for pods, for definitions, and what becomes of it when
//! it fails or is interrupted.

use std::time::{Duration, Instant};

use testbed::suite::Outcome;

use crate::scene::{Cluster, Scene, json, testdata_chart};

pub(crate) fn for_hooks_and_pods(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("wait")?;
    let chart = testdata_chart("site");
    let _ = scene.ours.run(["install", "shop", &chart, "--wait", "--timeout=120s"])?.ok();
    let deployment = scene.get(&["deployment", "shop-site"])?;
    assert_eq!(deployment["status"]["availableReplicas"], 2);
    // Its hook ran, worked, and was deleted as its delete policy says.
    let status = json(&scene.ours.run(["status", "shop", "--output=json"])?.ok())?;
    let hooks = status["hooks"].as_array().ok_or("no hooks")?;
    let prepare = hooks.iter().find(|hook| hook["name"] == "shop-site-prepare").ok_or("no prepare hook")?;
    assert_eq!(prepare["last_run"]["phase"], "Succeeded");
    assert_eq!(scene.get(&["jobs"])?["items"], json("[]")?);
    Ok(())
}

pub(crate) fn failing_hook_fails_the_release(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("hook")?;
    let chart = testdata_chart("site");
    let fail = r#"prepare.annotations={"testbed/exit-code":"3"}"#;
    let install = ["install", "shop", &chart, "--wait", "--timeout=60s"];
    let said = scene.ours.run([&install[..], &["--set-json", fail]].concat())?.fails(1);
    assert!(said.contains("shop-site-prepare"), "{said}");
    assert_eq!(status(&scene)?, "failed");
    // Nothing of the chart itself was made.
    assert_eq!(scene.get(&["deployments,services"])?["items"], json("[]")?);
    // Without new values an upgrade takes those of the release that failed.
    let upgrade = ["upgrade", "shop", &chart, "--reset-values", "--wait", "--timeout=120s"];
    let _ = scene.ours.run(upgrade)?.ok();
    assert_eq!(status(&scene)?, "deployed");
    Ok(())
}

/// Ctrl-C while it waits: the record says that it failed, and the next upgrade
/// works.
pub(crate) fn interrupted_install_can_be_upgraded(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("interrupt")?;
    let chart = testdata_chart("site");
    let never = r#"podAnnotations={"testbed/never-ready":"true"}"#;
    let install = ["install", "shop", &chart, "--wait", "--timeout=300s", "--set-json", never];
    let mut running = scene.ours.spawn(install)?;
    let limit = Instant::now() + Duration::from_secs(60);
    while scene.kubectl(&["get", "deployment", "shop-site"])?.code != 0 {
        assert!(Instant::now() < limit, "the deployment was never made");
        std::thread::sleep(Duration::from_millis(200));
    }
    testbed::program::interrupt(&running);
    let interrupted = Instant::now();
    let ended = running.wait()?;
    assert_eq!(ended.code(), Some(1), "{ended}");
    assert!(interrupted.elapsed() < Duration::from_secs(30));
    assert_eq!(status(&scene)?, "failed");

    // Without new values an upgrade takes those of the release that failed.
    let upgrade = ["upgrade", "shop", &chart, "--reset-values", "--wait", "--timeout=120s"];
    let _ = scene.ours.run(upgrade)?.ok();
    assert_eq!(status(&scene)?, "deployed");
    Ok(())
}

pub(crate) fn custom_resources_after_their_definition(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("crd")?;
    let chart = testdata_chart("site");
    let _ = scene.ours.run(["install", "shop", &chart, "--set=page.enabled=true", "--set=replicas=0"])?.ok();
    assert_eq!(scene.get(&["page", "shop-site"])?["spec"]["title"], "Shop");
    let _ = scene.ours.run(["uninstall", "shop", "--wait"])?.ok();
    // The objects go with the release; the definition stays.
    assert_eq!(scene.get(&["pages"])?["items"], json("[]")?);
    Ok(())
}

fn status(scene: &Scene<'_>) -> Result<String, Box<dyn std::error::Error>> {
    let status = json(&scene.helm4.run(["status", "shop", "--output=json"])?.ok())?;
    Ok(status["info"]["status"].as_str().unwrap_or_default().to_owned())
}
