//! Post-renderers of releases: what is applied and recorded is what they
//! answered, hooks included, as with real Helm.

use std::os::unix::fs::PermissionsExt;

use testbed::suite::Outcome;

use crate::scene::{Cluster, Scene};

const PLUGIN: &str = "apiVersion: v1\ntype: postrenderer/v1\nname: labels\nversion: 1.0.0\nruntime: subprocess\n\
                      runtimeConfig:\n  platformCommand:\n  - command: ${HELM_PLUGIN_DIR}/run.sh\n";

/// Labels what has a name.
const SCRIPT: &str = "#!/bin/sh\nsed \"s/^  name:/  labels: {by: sed$1}\\n  name:/\"\n";

const TEMPLATE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-a # named\ndata: {a: \"1\"}\n\
                        ---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-hook\n  \
                        annotations: {\"helm.sh/hook\": pre-install}\n";

fn plugin(scene: &Scene<'_>) -> std::io::Result<(String, String)> {
    let folder = scene.work.path().join("plugins/labels");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("plugin.yaml"), PLUGIN)?;
    std::fs::write(folder.join("run.sh"), SCRIPT)?;
    std::fs::set_permissions(folder.join("run.sh"), PermissionsExt::from_mode(0o755))?;
    let plugins = scene.work.path().join("plugins");
    Ok((plugins.display().to_string(), folder.join("run.sh").display().to_string()))
}

pub(crate) fn same_as_helm4(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("post")?;
    let (plugins, _) = plugin(&scene)?;
    let chart = scene.chart("post", &[("templates/a.yaml", TEMPLATE)])?;
    let ours = scene.ours.clone().with("HELM_PLUGINS", &plugins);
    let helm = scene.helm4.clone().with("HELM_PLUGINS", &plugins);
    for (program, name) in [(&ours, "aa"), (&helm, "bb")] {
        let _ = program.run(["install", name, &chart, "--post-renderer", "labels"])?.ok();
    }
    for part in ["manifest", "hooks"] {
        let (a, b) = (scene.helm4.run(["get", part, "aa"])?.ok(), scene.helm4.run(["get", part, "bb"])?.ok());
        assert_eq!(a.replace("aa", "bb"), b, "{part}");
        assert!(a.contains("labels: {by: sed}"), "{a}");
    }
    for name in ["aa-a", "aa-hook"] {
        assert_eq!(scene.get(&["configmap", name])?["metadata"]["labels"]["by"], "sed");
    }
    let _ = ours.run(["upgrade", "aa", &chart, "--post-renderer", "labels", "--post-renderer-args", "-x"])?.ok();
    assert_eq!(scene.get(&["configmap", "aa-a"])?["metadata"]["labels"]["by"], "sed-x");
    let again = ["install", "cc", &chart, "--post-renderer", "labels", "--post-renderer-args=-y"];
    let _ = ours.run(again)?.ok();
    assert_eq!(scene.get(&["configmap", "cc-a"])?["metadata"]["labels"]["by"], "sed-y");
    // An upgrade without it takes the label away again; one that fails changes nothing.
    let _ = ours.run(["upgrade", "aa", &chart])?.ok();
    assert!(scene.get(&["configmap", "aa-a"])?["metadata"]["labels"]["by"].is_null());
    let refused = ours.run(["upgrade", "aa", &chart, "--post-renderer", "nobody"])?.fails(1);
    assert!(refused.contains("plugin: {Name:nobody Type:postrenderer/v1} not found"), "{refused}");
    Ok(())
}

pub(crate) fn same_as_helm3(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("post")?;
    let (_, script) = plugin(&scene)?;
    let chart = scene.chart("post", &[("templates/a.yaml", TEMPLATE)])?;
    let ours = scene.ours.clone().with("ANKRA_HELM_COMPAT", "helm3");
    for (program, name) in [(&ours, "aa"), (&scene.helm3, "bb")] {
        let _ = program.run(["install", name, &chart, "--post-renderer", &script])?.ok();
    }
    for part in ["manifest", "hooks"] {
        let (a, b) = (scene.helm3.run(["get", part, "aa"])?.ok(), scene.helm3.run(["get", part, "bb"])?.ok());
        assert_eq!(a.replace("aa", "bb"), b, "{part}");
        // Hooks are not handed over.
        assert_eq!(a.contains("by: sed"), part == "manifest", "{a}");
    }
    Ok(())
}
