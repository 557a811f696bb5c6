//! What is wrong is said clearly, with file and line where there is one, ends
//! with exit code 1, and leaves nothing behind.

use std::path::Path;

use testbed::suite::Outcome;
use testbed::{Program, ports};

use crate::scene::{Cluster, GUEST, Scene, testdata_chart};

/// Runs a command that must fail, say each of `words`, and leave nothing.
#[track_caller]
fn refused(scene: &Scene<'_>, args: &[&str], words: &[&str]) -> Outcome {
    let said = scene.ours.run(args)?.fails(1);
    for word in words {
        assert!(said.contains(word), "{args:?} does not say {word:?}:\n{said}");
    }
    assert!(said.lines().any(|line| line.starts_with("Error: ")), "{said}");
    assert_eq!(scene.left_behind()?, "", "{args:?} left something behind");
    Ok(())
}

pub(crate) fn not_a_chart(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("bad")?;
    let work = scene.work.path();
    std::fs::create_dir(work.join("empty"))?;
    std::fs::write(work.join("text.tgz"), "this is no archive")?;
    let path = |name: &str| work.join(name).display().to_string();
    refused(&scene, &["install", "shop", &path("empty")], &["Chart.yaml"])?;
    refused(&scene, &["install", "shop", &path("text.tgz")], &["text.tgz"])?;
    refused(&scene, &["install", "shop", &path("nowhere")], &["nowhere"])?;
    let chart = scene.chart("odd", &[("Chart.yaml", "name: odd\nversion: [")])?;
    refused(&scene, &["install", "shop", &chart], &["Chart.yaml", "line 2"])
}

pub(crate) fn values_that_are_no_yaml(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("bad")?;
    let chart = testdata_chart("site");
    let file = scene.work.path().join("mine.yaml");
    std::fs::write(&file, "replicas: 1\nservice:\n\tport: 80\n")?;
    let file = file.display().to_string();
    refused(&scene, &["install", "shop", &chart, "--values", &file], &["mine.yaml", "line 3"])?;
    let chart = scene.chart("odd", &[("values.yaml", "a: 1\nb: {\n")])?;
    refused(&scene, &["install", "shop", &chart], &["values.yaml", "line 2"])
}

pub(crate) fn values_file_is_missing(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("bad")?;
    let chart = testdata_chart("site");
    let words = ["not-there.yaml", "no such file or directory"];
    refused(&scene, &["install", "shop", &chart, "--values=not-there.yaml"], &words)
}

pub(crate) fn values_that_break_the_schema(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("bad")?;
    let chart = testdata_chart("site");
    let args = ["install", "shop", &chart, "--set=replicas=many", "--set=service.port=70000"];
    refused(&scene, &args, &["site", "replicas", "service", "port"])
}

pub(crate) fn template_that_does_not_parse(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("bad")?;
    let chart = scene.chart("odd", &[("templates/odd.yaml", "a: 1\nb: {{ if }}\n")])?;
    refused(&scene, &["install", "shop", &chart], &["odd/templates/odd.yaml:2"])
}

pub(crate) fn template_that_fails(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("bad")?;
    let chart = scene.chart("odd", &[("templates/odd.yaml", "a: 1\nb: {{ fail \"too odd\" }}\n")])?;
    refused(&scene, &["install", "shop", &chart], &["odd/templates/odd.yaml:2:6", "too odd"])?;
    let chart = scene.chart("nil", &[("templates/nil.yaml", "a: 1\n\nb: {{ .Values.no.such.value }}\n")])?;
    refused(&scene, &["install", "shop", &chart], &["nil/templates/nil.yaml:3", "nil pointer"])?;
    let chart = scene.chart("need", &[("templates/need.yaml", "{{ required \"name it\" .Values.name }}\n")])?;
    refused(&scene, &["install", "shop", &chart], &["need/templates/need.yaml:1", "name it"])
}

pub(crate) fn manifest_that_is_no_yaml(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("bad")?;
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n data: {}\n";
    let chart = scene.chart("odd", &[("templates/odd.yaml", text)])?;
    refused(&scene, &["install", "shop", &chart], &["odd/templates/odd.yaml", "line 4"])
}

pub(crate) fn kind_that_does_not_exist(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("bad")?;
    let text = "apiVersion: example.org/v9\nkind: Unicorn\nmetadata:\n  name: a\n";
    let chart = scene.chart("odd", &[("templates/odd.yaml", text)])?;
    refused(&scene, &["install", "shop", &chart], &["Unicorn", "example.org/v9"])
}

pub(crate) fn namespace_that_does_not_exist(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("bad")?;
    let chart = testdata_chart("site");
    let words = ["namespaces \"nowhere-at-all\" not found"];
    refused(&scene, &["install", "shop", &chart, "--namespace=nowhere-at-all"], &words)
}

pub(crate) fn object_of_another_release(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("bad")?;
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shared\n";
    let chart = scene.chart("odd", &[("templates/map.yaml", map)])?;
    let _ = scene.ours.run(["install", "first", &chart])?.ok();
    let said = scene.ours.run(["install", "second", &chart])?.fails(1);
    for word in ["ConfigMap", "shared", "first", "second", "meta.helm.sh/release-name"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let _ = scene.ours.run(["uninstall", "first"])?.ok();
    assert_eq!(scene.left_behind()?, "");
    // And one that belongs to no release at all.
    let _ = scene.kubectl(&["create", "configmap", "shared"])?.ok();
    let said = scene.ours.run(["install", "third", &chart])?.fails(1);
    assert!(said.contains("invalid ownership metadata"), "{said}");
    assert_eq!(scene.left_behind()?, "configmap/shared");
    Ok(())
}

pub(crate) fn name_that_is_taken(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("bad")?;
    let chart = scene.chart("odd", &[])?;
    let _ = scene.ours.run(["install", "shop", &chart])?.ok();
    let said = scene.ours.run(["install", "shop", &chart])?.fails(1);
    assert!(said.contains("cannot reuse a name that is still in use"), "{said}");
    assert_eq!(scene.left_behind()?, "secret/sh.helm.release.v1.shop.v1");
    Ok(())
}

/// What each Helm says, and logs, of an install that cannot begin.
pub(crate) fn install_that_cannot_begin(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("bad")?;
    let depends = "apiVersion: v2\nname: odd\nversion: 0.1.0\ndependencies: [{name: one, version: 0.1.0}]\n";
    let files = [("Chart.yaml", depends), ("charts/one/Chart.yaml", "apiVersion: v2\nname: one\nversion: 0.1.0\n")];
    let chart = scene.chart("odd", &files)?;
    let _ = scene.ours.run(["install", "taken", &chart])?.ok();
    for args in [
        &["install", "taken", &chart][..],
        &["install", "Bad_Name", &chart],
        &["install", "new", &chart, "--hide-secret"],
        &["install", "new", &chart, "--set=one=text"],
        &["upgrade", "taken", &chart, "--hide-secret"],
        &["upgrade", "taken", &chart, "--set=one=text"],
    ] {
        for (helm, compat) in [(&scene.helm4, "helm4"), (&scene.helm3, "helm3")] {
            let ours = scene.ours.clone().with("ANKRA_HELM_COMPAT", compat);
            let (want, got) = (helm.run(args)?, ours.run(args)?);
            assert_eq!((got.code, got.stderr), (want.code, want.stderr), "{args:?} as {compat}");
        }
    }
    assert_eq!(scene.left_behind()?, "secret/sh.helm.release.v1.taken.v1");
    Ok(())
}

pub(crate) fn server_that_is_away(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("bad")?;
    let [port] = ports::free()?;
    let here = std::fs::read_to_string(cluster.plane.kubeconfig())?;
    let away = scene.work.path().join("away.kubeconfig");
    std::fs::write(&away, here.replace(&cluster.plane.url(), &format!("https://127.0.0.1:{port}")))?;
    let ours = with_kubeconfig(&scene, &away);
    let chart = testdata_chart("site");
    for args in [["install", "shop", chart.as_str()].as_slice(), &["list"], &["uninstall", "shop"]] {
        let said = ours.run(args)?.fails(1);
        assert!(said.contains("kubernetes cluster unreachable"), "{args:?}: {said}");
        assert!(said.contains(&port.to_string()), "{args:?}: {said}");
    }
    Ok(())
}

pub(crate) fn server_that_refuses(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("bad")?;
    let kubeconfig = cluster.plane.write_kubeconfig(GUEST, &scene.namespace)?;
    let ours = with_kubeconfig(&scene, &kubeconfig);
    let chart = testdata_chart("site");
    for args in [["install", "shop", chart.as_str()].as_slice(), &["list"], &["history", "shop"]] {
        let said = ours.run(args)?.fails(1);
        assert!(said.contains("is forbidden: User \"guest\" cannot"), "{args:?}: {said}");
    }
    assert_eq!(scene.left_behind()?, "");
    Ok(())
}

/// Somebody else owns a field that the chart sets to another value.
pub(crate) fn server_that_answers_conflict(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("bad")?;
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  colour: {{ .Values.colour }}\n";
    let chart = scene.chart("odd", &[("templates/map.yaml", map), ("values.yaml", "colour: red\n")])?;
    let _ = scene.ours.run(["install", "shop", &chart])?.ok();
    let theirs = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: {}}}\ndata: {{colour: green}}\n",
        scene.namespace
    );
    cluster.plane.apply(&theirs)?;
    let said = scene.ours.run(["upgrade", "shop", &chart, "--set=colour=blue"])?.fails(1);
    for word in ["conflict", "settings", ".data.colour"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert_eq!(scene.get(&["configmap", "settings"])?["data"]["colour"], "green");
    let force = ["upgrade", "shop", &chart, "--set=colour=blue", "--force-conflicts"];
    let _ = scene.ours.run(force)?.ok();
    assert_eq!(scene.get(&["configmap", "settings"])?["data"]["colour"], "blue");
    Ok(())
}

fn with_kubeconfig(scene: &Scene<'_>, kubeconfig: &Path) -> Program {
    // The last one given counts.
    scene.ours.clone().with_kubeconfig(kubeconfig)
}
