//! The cluster, the charts and the commands that are measured.

use std::path::{Path, PathBuf};
use std::time::Duration;

use testbed::ControlPlane;

use super::super::Anything;
use super::super::measure::{Run, Subject};
use super::{Pair, must};

/// 30 each of five kinds.
const OBJECTS: &str = r#"{{- range until 30 }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: big-{{ . }}}
data: {word: {{ $.Values.word | quote }}}
---
apiVersion: v1
kind: Service
metadata: {name: big-{{ . }}, labels: {word: {{ $.Values.word }}}}
spec: {selector: {app: big-{{ . }}}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: big-{{ . }}, labels: {word: {{ $.Values.word }}}}
---
apiVersion: v1
kind: Secret
metadata: {name: big-{{ . }}}
stringData: {word: {{ $.Values.word | quote }}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: big-{{ . }}, labels: {word: {{ $.Values.word }}}}
spec:
  replicas: {{ $.Values.replicas }}
  selector: {matchLabels: {app: big-{{ . }}}}
  template:
    metadata: {labels: {app: big-{{ . }}}}
    spec: {containers: [{name: web, image: none}]}
{{- end }}
"#;

/// A record of some size, and nothing that keeps a cluster busy.
const RECORD: &str = r#"apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data:
{{- range until 200 }}
  key-{{ . }}: {{ printf "%s-%d-%d" $.Release.Name $.Release.Revision . | sha256sum }}
{{- end }}
"#;

/// What a published chart has beside its one template here, in bytes: other
/// templates, commented values, a README.
const SIZES: (usize, usize, usize) = (36_000, 12_000, 16_000);

/// Lines of text that do not repeat each other, about so many bytes.
fn lines(head: &str, bytes: usize) -> String {
    let mut text = String::new();
    for number in 0u64.. {
        if text.len() >= bytes {
            break;
        }
        let word = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        text.push_str(&format!("{head} parameter number {number} says {word:x} of the container\n"));
    }
    text
}

/// Adds to a chart what makes it as large as those that are published.
fn published(folder: String) -> Anything<String> {
    const TEMPLATES: usize = 12;
    for number in 0..TEMPLATES {
        let text = format!("{{{{- /*\n{}*/}}}}\n", lines("#", SIZES.0 / TEMPLATES));
        std::fs::write(Path::new(&folder).join(format!("templates/part-{number}.yaml")), text)?;
    }
    std::fs::write(Path::new(&folder).join("README.md"), lines("-", SIZES.2))?;
    Ok(folder)
}

/// For so long nothing may change before a cluster counts as quiet.
const QUIET: Duration = Duration::from_millis(500);

/// The programs that are measured.
pub(super) struct Programs<'a> {
    pub(super) helm: &'a Path,
    pub(super) ours: &'a Path,
    pub(super) floor: &'a Path,
}

/// Everything that is measured acts here.
pub(super) struct Stage<'a> {
    plane: &'a ControlPlane,
    pub(super) helm: Subject,
    pub(super) ours: Subject,
    floor: Subject,
    manifest: PathBuf,
    big: String,
    small: String,
    kubeconfig: String,
    records: String,
}

impl<'a> Stage<'a> {
    pub(super) fn new(plane: &'a ControlPlane, work: &Path, programs: Programs<'_>) -> Anything<Self> {
        let chart = |name: &str, template: &str, values: &str| -> Anything<String> {
            let folder: PathBuf = work.join(name);
            std::fs::create_dir_all(folder.join("templates"))?;
            std::fs::write(folder.join("Chart.yaml"), format!("apiVersion: v2\nname: {name}\nversion: 0.1.0\n"))?;
            std::fs::write(folder.join("values.yaml"), values)?;
            std::fs::write(folder.join("templates/all.yaml"), template)?;
            Ok(folder.display().to_string())
        };
        Ok(Self {
            plane,
            helm: Subject::new(programs.helm, work, &work.join("helm"))?,
            ours: Subject::new(programs.ours, work, &work.join("ours"))?,
            floor: Subject::new(programs.floor, work, &work.join("floor"))?,
            manifest: work.join("manifest.yaml"),
            big: chart("big", OBJECTS, "word: one\nreplicas: 0\n")?,
            small: published(chart("small", RECORD, &lines("# --", SIZES.1))?)?,
            kubeconfig: plane.kubeconfig().display().to_string(),
            records: plane.namespace("records")?,
        })
    }

    fn args(&self, namespace: &str, args: &[&str]) -> Vec<String> {
        let place = ["--kubeconfig", &self.kubeconfig, "--namespace", namespace];
        args.iter().chain(&place).map(|&arg| arg.to_owned()).collect()
    }

    /// Installs and upgrades in a new namespace. The Deployments have no pods:
    /// what is measured is not the controllers.
    pub(super) fn cycle(&self, subject: &Subject) -> Anything<[Run; 2]> {
        let namespace = self.plane.namespace("cycle")?;
        let install = must(subject, &self.args(&namespace, &["install", "big", &self.big]))?;
        self.settle(&namespace)?;
        let upgrade = ["upgrade", "big", &self.big, "--set=word=two"];
        let upgrade = must(subject, &self.args(&namespace, &upgrade))?;
        self.clear(&namespace)?;
        Ok([install, upgrade])
    }

    /// Installs with pods and waits for them.
    pub(super) fn waiting(&self, subject: &Subject) -> Anything<Run> {
        let namespace = self.plane.namespace("wait")?;
        let install = ["install", "big", &self.big, "--set=replicas=1", "--wait", "--timeout=5m"];
        let install = must(subject, &self.args(&namespace, &install))?;
        self.clear(&namespace)?;
        Ok(install)
    }

    /// The least that an install with `--wait` can take: all objects are
    /// applied side by side, and a watch beside it sees the last one ready.
    pub(super) fn least(&self) -> Anything<Run> {
        let namespace = self.plane.namespace("floor")?;
        let template = ["template", "big", &self.big, "--set=replicas=1"].map(str::to_owned);
        std::fs::write(&self.manifest, must(&self.ours, &template)?.stdout)?;
        let manifest = self.manifest.display().to_string();
        let least = must(&self.floor, &[self.kubeconfig.clone(), manifest, namespace.clone()])?;
        self.clear(&namespace)?;
        Ok(least)
    }

    /// Deletes a namespace with all that is in it, and waits until it is gone:
    /// what is measured next shall not pay for it.
    fn clear(&self, namespace: &str) -> Anything<()> {
        self.kubectl(&["delete", "namespace", namespace, "--wait", "--timeout=300s"]).map(drop)
    }

    /// Waits until the controllers have nothing more to do in a namespace.
    fn settle(&self, namespace: &str) -> Anything<()> {
        const VERSIONS: &str = "-o=jsonpath={.items[*].metadata.resourceVersion}";
        let kinds = "deployments,replicasets,services,endpointslices,pods";
        let mut before = String::new();
        loop {
            let now = self.kubectl(&["get", kinds, "-n", namespace, VERSIONS])?;
            if now == before {
                return Ok(());
            }
            before = now;
            std::thread::sleep(QUIET);
        }
    }

    fn kubectl(&self, args: &[&str]) -> Anything<String> {
        let done = self.plane.kubectl(args.iter().copied())?;
        if done.code == 0 { Ok(done.stdout) } else { Err(done.stderr.into()) }
    }

    /// Makes releases with as many revisions each.
    pub(super) fn fill(&self, releases: usize, revisions: usize) -> Anything<()> {
        for number in 0..releases {
            let name = format!("r-{number}");
            let args = ["upgrade", "--install", &name, &self.small];
            for _ in 0..revisions {
                must(&self.ours, &self.args(&self.records, &args))?;
            }
        }
        Ok(())
    }

    /// Reads records with both in turn; both must print the same.
    pub(super) fn reading(&self, args: &[&str], runs: usize) -> Anything<Pair> {
        let args = self.args(&self.records, args);
        let mut all = Pair::default();
        for _ in 0..runs {
            let (helm, ours) = (must(&self.helm, &args)?, must(&self.ours, &args)?);
            if helm.stdout != ours.stdout {
                return Err(format!("`{}` does not print what Helm prints", args.join(" ")).into());
            }
            all.0.push(helm);
            all.1.push(ours);
        }
        Ok(all)
    }
}
