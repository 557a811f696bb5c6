//! What a template sees of the cluster, by `lookup` and `.Capabilities`, is
//! what it sees with real Helm: in an install, in a dry run by the server, and
//! nothing of it in one by the client.

use testbed::Program;
use testbed::suite::Outcome;

use crate::scene::{Cluster, Scene};

/// Other tests define kinds of their own meanwhile, in groups of examples.
const SEEN: &str = r#"
{{- $ns := .Release.Namespace }}
apiVersion: v1
kind: ConfigMap
metadata: {name: seen}
data:
  whole: {{ lookup "v1" "ConfigMap" $ns "there" | toJson | quote }}
  word: {{ dig "data" "word" "-" (lookup "v1" "ConfigMap" $ns "there") | quote }}
  list: "{{ range (lookup "v1" "ConfigMap" $ns "").items }}{{ .metadata.name }} {{ end }}"
  kind: {{ (lookup "v1" "ConfigMap" $ns "").kind | quote }}
  of-cluster: {{ (lookup "v1" "Namespace" "" $ns) | dig "metadata" "name" "-" | quote }}
  absent: {{ lookup "v1" "ConfigMap" $ns "absent" | toJson | quote }}
  absent-list: {{ (lookup "apps/v1" "Deployment" $ns "").items | toJson | quote }}
  nowhere: {{ lookup "v1" "ConfigMap" "nowhere" "absent" | toJson | quote }}
  custom: {{ lookup "seen.example/v1" "Glance" $ns "one" | dig "spec" "at" "-" | quote }}
  has: "{{ range list "v1" "v1/ConfigMap" "apps/v1/Deployment" "apps/v1/ConfigMap" "seen.example/v1" "seen.example/v1/Glance" "extensions/v1beta1" }}{{ $.Capabilities.APIVersions.Has . }} {{ end }}"
  all: "{{ range sortAlpha .Capabilities.APIVersions }}{{ if not (contains "example" .) }}{{ . }} {{ end }}{{ end }}"
  version: "{{ .Capabilities.KubeVersion }} {{ .Capabilities.KubeVersion.Major }} {{ .Capabilities.KubeVersion.Minor }}"
"#;

const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: glances.seen.example}
spec:
  group: seen.example
  scope: Namespaced
  names: {kind: Glance, plural: glances, singular: glance}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

/// Commands that end without a release; `CHART` stands for the chart.
const COMMANDS: [&[&str]; 6] = [
    &["template", "look", "CHART"],
    &["template", "look", "CHART", "--dry-run=server"],
    &["template", "look", "CHART", "--validate"],
    &["install", "look", "CHART", "--dry-run=client", "--output=json"],
    &["install", "look", "CHART", "--dry-run=server", "--output=json"],
    &["upgrade", "--install", "look", "CHART", "--dry-run=server", "--output=json"],
];

/// From here on each Helm asks the server for everything.
const BY_SERVER: usize = 4;

pub(crate) fn same_as_helm4(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("lookup-4")?;
    same(&scene, &scene.helm4, &scene.ours, &COMMANDS)
}

pub(crate) fn same_as_helm3(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("lookup-3")?;
    // The others are Helm 4's: see COMPATIBILITY.md.
    same(&scene, &scene.helm3, &scene.ours.clone().with("ANKRA_HELM_COMPAT", "helm3"), &COMMANDS[BY_SERVER..])
}

fn same(scene: &Scene<'_>, helm: &Program, ours: &Program, commands: &[&[&str]]) -> Outcome {
    let chart = scene.chart("look", &[("templates/seen.yaml", SEEN)])?;
    let file = |name: &str, text: &str| -> std::io::Result<String> {
        let path = scene.work.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path.display().to_string())
    };
    let definition = file("definition.yaml", DEFINITION)?;
    let one = file("one.yaml", "apiVersion: seen.example/v1\nkind: Glance\nmetadata: {name: one}\nspec: {at: noon}\n")?;
    let _ = scene.kubectl(&["apply", "--filename", &definition])?.ok();
    let _ = scene.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "--filename", &definition])?.ok();
    let _ = scene.kubectl(&["apply", "--filename", &one])?.ok();
    let _ = scene.kubectl(&["create", "configmap", "there", "--from-literal=word=found"])?.ok();

    let mut differences = Vec::new();
    let mut differ = |what: &str, theirs: &str, ours: &str| {
        if theirs != ours {
            differences.push(format!("== {what}\n-- Helm:\n{theirs}\n-- ours:\n{ours}"));
        }
    };
    for command in commands {
        let words: Vec<&str> =
            command.iter().map(|word| if *word == "CHART" { chart.as_str() } else { *word }).collect();
        let (theirs, said) = (helm.run(&words)?, ours.run(&words)?);
        let what = command.join(" ");
        assert_eq!(theirs.code, 0, "{what}: {}", theirs.stderr);
        differ(&what, &seen(&theirs.stdout), &seen(&said.stdout));
    }
    let mut manifests = Vec::new();
    for program in [helm, ours] {
        let _ = program.run(["install", "look", &chart])?.ok();
        manifests.push(program.run(["get", "manifest", "look"])?.ok());
        let _ = program.run(["uninstall", "look"])?.ok();
    }
    assert!(manifests[0].contains("word: \"found\"") && manifests[0].contains("custom: \"noon\""), "{}", manifests[0]);
    differ("get manifest", &manifests[0], &manifests[1]);
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
    Ok(())
}

/// What was rendered, without the times of a release.
fn seen(stdout: &str) -> String {
    let release: Option<serde_json::Value> = serde_json::from_str(stdout).ok();
    release.map_or_else(|| stdout.to_owned(), |release| release["manifest"].as_str().unwrap_or_default().to_owned())
}
