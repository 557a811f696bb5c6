//! What a node takes from the machine: root, Debian's packages, namespaces.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::server::path_variable;

/// Programs that a node runs or is made with, and Debian's package of each.
const PROGRAMS: [(&str, &str); 8] = [
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("runc", "runc"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("mount", "mount"),
];

/// Where Debian puts the plugins that give pods their network.
pub(crate) const CNI_PLUGINS: &str = "/usr/lib/cni";

/// A shell and the usual commands in one static program.
pub(crate) const BUSYBOX: &str = "/bin/busybox";

/// Why this machine cannot have a node, if it cannot. What is missing is
/// installed first where that can be done. The answer is remembered.
#[must_use]
pub fn missing() -> Option<String> {
    static ANSWER: OnceLock<Option<String>> = OnceLock::new();
    ANSWER.get_or_init(look).clone()
}

fn look() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("it needs Linux".to_owned());
    }
    if !rustix::process::geteuid().is_root() {
        return Some("containers need root".to_owned());
    }
    if let Err(reason) = install() {
        return Some(reason);
    }
    let namespaces =
        ["--net", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "mount", "-t", "tmpfs", "x", "/run"];
    if let Err(reason) = run("unshare", &namespaces) {
        return Some(format!("namespaces cannot be made here: {reason}"));
    }
    super::cgroups::missing()
}

/// The packages that are not there.
fn packages() -> Vec<&'static str> {
    let mut packages: Vec<_> =
        PROGRAMS.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    if !Path::new(CNI_PLUGINS).join("bridge").exists() {
        packages.push("containernetworking-plugins");
    }
    if !is_static(Path::new(BUSYBOX)) {
        packages.push("busybox-static");
    }
    packages.dedup();
    packages
}

/// Installs what is missing.
fn install() -> Result<(), String> {
    let needed = packages();
    if needed.is_empty() {
        return Ok(());
    }
    let names = needed.join(", ");
    if !is_there("apt-get") {
        return Err(format!("not installed: {names}"));
    }
    let install =
        [&["install", "-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"][..], &needed].concat();
    // The lists of packages may be too old, or not there at all.
    run("apt-get", &install)
        .or_else(|_| run("apt-get", &["update", "-q"]).and_then(|()| run("apt-get", &install)))
        .map_err(|reason| format!("{names} cannot be installed: {reason}"))?;
    match packages().as_slice() {
        [] => Ok(()),
        still => Err(format!("not installed: {}", still.join(", "))),
    }
}

fn run(program: &str, args: &[&str]) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).env("DEBIAN_FRONTEND", "noninteractive");
    let output = command.output().map_err(|e| format!("{program}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(crate::error::tail(&text, 1))
}

fn is_there(program: &str) -> bool {
    std::env::split_paths(&path_variable()).any(|folder| folder.join(program).is_file())
}

/// Whether a program asks for no loader.
fn is_static(program: &Path) -> bool {
    let Ok(bytes) = std::fs::read(program) else { return false };
    // The loader's path stands near the beginning of a program that has one.
    let head = bytes.get(..4096.min(bytes.len())).unwrap_or_default();
    bytes.starts_with(b"\x7fELF") && !head.windows(6).any(|part| part == b"/lib/l" || part == b"/lib64")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_with_a_loader_are_told_apart() {
        assert!(!is_static(Path::new("/bin/cat")));
        assert!(!is_static(Path::new("/etc/passwd")));
        assert!(!is_static(Path::new("/absent")));
    }
}
