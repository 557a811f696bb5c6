//! kubectl as the administrator of a cluster.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Error, Finished, Program, Result};

/// Runs kubectl against one cluster.
#[derive(Debug)]
pub(crate) struct Kubectl {
    kube: PathBuf,
    home: PathBuf,
    kubeconfig: PathBuf,
    namespaces: AtomicU32,
}

impl Kubectl {
    /// `kube` is the program that holds kubectl.
    pub(crate) fn new(kube: &Path, home: PathBuf, kubeconfig: PathBuf) -> Self {
        Self { kube: kube.to_owned(), home, kubeconfig, namespaces: AtomicU32::new(0) }
    }

    fn program(&self) -> Result<Program> {
        Ok(Program::new(&self.kube, &self.home)?.with_kubeconfig(&self.kubeconfig))
    }

    /// Runs a command of it.
    pub(crate) fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Result<Finished> {
        self.program()?.run(std::iter::once("kubectl").chain(args))
    }

    /// The same of a command that must work.
    pub(crate) fn must(&self, args: &[&str]) -> Result<()> {
        worked(self.run(args.iter().copied())?)
    }

    /// Whether the API server is ready.
    pub(crate) fn is_ready(&self) -> bool {
        self.run(["get", "--raw", "/readyz"]).is_ok_and(|answer| answer.code == 0)
    }

    /// Creates or changes the objects of a manifest.
    pub(crate) fn apply(&self, manifest: &str) -> Result<()> {
        let kubectl = self.program()?.with_stdin(manifest);
        worked(kubectl.run(["kubectl", "apply", "--server-side", "--force-conflicts", "-f", "-"])?)
    }

    /// Makes a namespace that no other test of this cluster has.
    pub(crate) fn namespace(&self, name: &str) -> Result<String> {
        let namespace = format!("{name}-{}", self.namespaces.fetch_add(1, Ordering::Relaxed));
        self.must(&["create", "namespace", &namespace])?;
        Ok(namespace)
    }
}

fn worked(finished: Finished) -> Result<()> {
    if finished.code == 0 {
        return Ok(());
    }
    Err(Error::Command { command: finished.command, output: finished.stdout + &finished.stderr })
}

/// Writes the key that the API server and the controller manager share.
pub(crate) fn write_service_account_key(kube: &Path, home: PathBuf, key: &Path) -> Result<()> {
    worked(Program::new(kube, home)?.run([Path::new("service-account-key"), key])?)
}
