//! What upgrades do to objects: what is sent, what is left alone, what goes,
//! and what happens when one fails.

use testbed::suite::Outcome;

use crate::scene::{Cluster, Scene, json};

const MAPS: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: main
data:
  word: {{ .Values.word | default \"one\" | quote }}
{{- if not .Values.less }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: dropped
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: kept
  annotations:
    helm.sh/resource-policy: keep
{{- end }}
";

fn field(scene: &Scene<'_>, path: &str) -> testbed::Result<String> {
    Ok(scene.kubectl(&["get", "configmap", "main", &format!("--output=jsonpath={{{path}}}")])?.ok())
}

/// An upgrade that changes nothing writes nothing; one that finds a field
/// changed by hand puts it right, or names who holds it.
pub(crate) fn drift_is_put_right_and_nothing_else(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("drift")?;
    let chart = scene.chart("maps", &[("templates/maps.yaml", MAPS)])?;
    let _ = scene.ours.run(["install", "m", &chart])?.ok();
    let before = field(&scene, ".metadata.resourceVersion")?;
    let _ = scene.ours.run(["upgrade", "m", &chart])?.ok();
    assert_eq!(field(&scene, ".metadata.resourceVersion")?, before);

    let patch = r#"{"data":{"word":"else"}}"#;
    let _ = scene.kubectl(&["patch", "configmap", "main", "--field-manager=somebody", "--patch", patch])?.ok();
    let said = scene.ours.run(["upgrade", "m", &chart])?.fails(1);
    assert!(said.contains("conflict with \"somebody\"") && said.contains(".data.word"), "{said}");
    assert_eq!(field(&scene, ".data.word")?, "else");
    let _ = scene.ours.run(["upgrade", "m", &chart, "--force-conflicts"])?.ok();
    assert_eq!(field(&scene, ".data.word")?, "one");
    Ok(())
}

/// What a chart drops is deleted, unless its policy keeps it.
pub(crate) fn dropped_objects_go_and_kept_ones_stay(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("prune")?;
    let chart = scene.chart("maps", &[("templates/maps.yaml", MAPS)])?;
    let _ = scene.ours.run(["install", "m", &chart])?.ok();
    let _ = scene.ours.run(["upgrade", "m", &chart, "--set=less=true"])?.ok();
    let maps = scene.kubectl(&["get", "configmaps", "--output=name"])?.ok();
    assert!(!maps.contains("configmap/dropped") && maps.contains("configmap/kept"), "{maps}");
    // It comes back, and the kept one is taken up again.
    let _ = scene.ours.run(["rollback", "m", "1"])?.ok();
    let said = scene.ours.run(["uninstall", "m"])?.ok();
    assert!(said.contains("[ConfigMap] kept"), "{said}");
    assert_eq!(scene.left_behind()?, "configmap/kept");
    Ok(())
}

/// Only as many records are kept as asked for, and the deployed one always.
pub(crate) fn history_is_limited(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("limit")?;
    let chart = scene.chart("maps", &[("templates/maps.yaml", MAPS)])?;
    let _ = scene.ours.run(["install", "m", &chart])?.ok();
    for word in ["two", "three", "four"] {
        let set = format!("--set=word={word}");
        let _ = scene.ours.run(["upgrade", "m", &chart, &set, "--history-max=2"])?.ok();
    }
    let history = json(&scene.helm4.run(["history", "m", "--output=json"])?.ok())?;
    let revisions: Vec<_> = history.as_array().into_iter().flatten().map(|r| r["revision"].clone()).collect();
    assert_eq!(revisions, [3, 4]);
    Ok(())
}

/// As often as Helm does: neither the command nor the engine may say it again.
pub(crate) fn deprecated_charts_are_told_of_once(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("deprecated")?;
    let chart =
        scene.chart("old", &[("Chart.yaml", "apiVersion: v2\nname: old\nversion: 1.0.0\ndeprecated: true\n")])?;
    let told = |stderr: &str| -> Vec<String> {
        stderr.lines().filter(|line| line.contains("deprecated")).map(str::to_owned).collect()
    };
    for line in [
        "install DRY CHART --dry-run=client",
        "install REL CHART",
        "upgrade REL CHART",
        "template x CHART",
        "template x CHART --dry-run=server",
    ] {
        let args = |release: &str| -> Vec<String> {
            let word = |word: &str| word.replace("CHART", &chart).replace("REL", release).replace("DRY", release);
            line.split(' ').map(word).collect()
        };
        let run = |program: &testbed::Program, release: &str| -> Result<_, testbed::Error> {
            let args = args(release);
            let finished = program.run(args.iter().map(String::as_str))?;
            assert_eq!(finished.code, 0, "{line}: {}", finished.stderr);
            Ok(told(&finished.stderr))
        };
        let (want, got) = (run(&scene.helm4, "theirs")?, run(&scene.ours, "ours")?);
        assert_eq!(want, ["level=WARN msg=\"this chart is deprecated\""], "{line}");
        assert_eq!(got, want, "{line}");
    }
    Ok(())
}
