//! What every test here starts from: the shared control plane, and a stage of
//! its own on it.

use std::path::{Path, PathBuf};

use serde_json::Value;
use testbed::suite::Bed;
use testbed::{Binaries, ControlPlane, ControlPlaneOptions, Finished, HelmVersion, Program, User, Workdir};

/// A user who may read nothing and write nothing.
pub(crate) const GUEST: &str = "guest";

/// What the tests of this binary share.
pub(crate) struct Cluster {
    pub(crate) binaries: Binaries,
    pub(crate) plane: ControlPlane,
}

impl Bed for Cluster {
    // They wait for pods, leases and deadlines as often as for the processor.
    const THREADS: Option<usize> = Some(4);

    fn start(binaries: &Binaries) -> testbed::Result<Self> {
        let users = vec![User { name: GUEST.to_owned(), groups: Vec::new() }];
        let plane = ControlPlane::start(binaries, ControlPlaneOptions { users, ..ControlPlaneOptions::default() })?;
        Ok(Self { binaries: binaries.clone(), plane })
    }

    fn keep_logs(&self) -> String {
        self.plane.keep_files();
        self.plane.folder().display().to_string()
    }
}

/// One test's namespace, and the programs that act in it.
pub(crate) struct Scene<'a> {
    pub(crate) plane: &'a ControlPlane,
    pub(crate) namespace: String,
    /// The program under test.
    pub(crate) ours: Program,
    /// Real Helm 4.
    pub(crate) helm4: Program,
    /// Real Helm 3.
    pub(crate) helm3: Program,
    pub(crate) work: Workdir,
}

impl Cluster {
    pub(crate) fn scene(&self, name: &str) -> testbed::Result<Scene<'_>> {
        let namespace = self.plane.namespace(name)?;
        let kubeconfig = self.plane.write_kubeconfig("admin", &namespace)?;
        let work = Workdir::new("scene")?;
        let helm = |version: HelmVersion| {
            Ok::<_, testbed::Error>(version.program(&self.binaries, work.path())?.with_kubeconfig(&kubeconfig))
        };
        let (helm4, helm3) = (helm(HelmVersion::V4)?, helm(HelmVersion::V3)?);
        let subject = match std::env::var("TESTBED_SUBJECT").as_deref() {
            Ok("helm4") => self.binaries.helm4.clone(),
            Ok("helm3") => self.binaries.helm3.clone(),
            _ => PathBuf::from(env!("CARGO_BIN_EXE_ankra-helm")),
        };
        let ours = Program::new(subject, work.path().join("ours"))?.with_kubeconfig(&kubeconfig);
        Ok(Scene { plane: &self.plane, namespace, ours, helm4, helm3, work })
    }
}

impl Scene<'_> {
    /// Runs kubectl in this namespace.
    pub(crate) fn kubectl(&self, args: &[&str]) -> testbed::Result<Finished> {
        self.plane.kubectl([args, &["--namespace", &self.namespace]].concat())
    }

    /// What kubectl prints as JSON.
    pub(crate) fn get(&self, args: &[&str]) -> Result<Value, Box<dyn std::error::Error>> {
        let text = self.kubectl(&[&["get", "--output=json"], args].concat())?.ok();
        Ok(serde_json::from_str(&text)?)
    }

    /// The names of everything that a release could have left behind here.
    pub(crate) fn left_behind(&self) -> testbed::Result<String> {
        let kinds = "deployments,statefulsets,services,configmaps,secrets,serviceaccounts,jobs,pods";
        let names = self.kubectl(&["get", kinds, "--output=name"])?.ok();
        // These two are in every namespace.
        let own = ["configmap/kube-root-ca.crt", "serviceaccount/default"];
        Ok(names.lines().filter(|name| !own.contains(name)).collect::<Vec<_>>().join(" "))
    }

    /// Makes a chart from files with the given paths and contents, beside a
    /// `Chart.yaml` unless that is one of them.
    pub(crate) fn chart(&self, name: &str, files: &[(&str, &str)]) -> std::io::Result<String> {
        let folder = self.work.path().join(name);
        let chart = format!("apiVersion: v2\nname: {name}\nversion: 0.1.0\n");
        let has_chart = files.iter().any(|(path, _)| *path == "Chart.yaml");
        let added = (!has_chart).then_some(("Chart.yaml", chart.as_str()));
        for (path, text) in files.iter().copied().chain(added) {
            let file = folder.join(path);
            std::fs::create_dir_all(file.parent().unwrap_or(&folder))?;
            std::fs::write(file, text)?;
        }
        Ok(folder.display().to_string())
    }
}

/// A chart of `testdata/charts`.
pub(crate) fn testdata_chart(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/charts").join(name).display().to_string()
}

/// What a command printed as JSON.
pub(crate) fn json(text: &str) -> Result<Value, Box<dyn std::error::Error>> {
    serde_json::from_str(text).map_err(|e| format!("{e} in {text:?}").into())
}
