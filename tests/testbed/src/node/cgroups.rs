//! The control groups of a node's containers.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::{Error, Result};

const ROOT: &str = "/sys/fs/cgroup";

/// What the kubelet must be able to limit.
const CONTROLLERS: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];

/// Names of groups begin with this. Then comes the pid of their maker, or a
/// word when they stay after it.
const PREFIX: &str = "ankra-node-";

/// The groups of one node, one in each hierarchy. Dropping removes them.
#[derive(Debug)]
pub(crate) struct Cgroups {
    name: String,
    keep: bool,
}

/// Whether there is one hierarchy for all controllers.
fn is_unified() -> bool {
    Path::new(ROOT).join("cgroup.controllers").exists()
}

/// Why a node cannot have groups, if it cannot.
pub(crate) fn missing() -> Option<String> {
    if is_unified() {
        let _ = delegate(Path::new(ROOT));
        let text = std::fs::read_to_string(Path::new(ROOT).join("cgroup.subtree_control")).unwrap_or_default();
        let given: Vec<_> = text.split_whitespace().collect();
        let lacks: Vec<_> = CONTROLLERS.into_iter().filter(|name| !given.contains(name)).collect();
        return (!lacks.is_empty()).then(|| format!("cgroup controllers cannot be used here: {}", lacks.join(", ")));
    }
    let lacks: Vec<_> = CONTROLLERS.into_iter().filter(|name| !Path::new(ROOT).join(name).exists()).collect();
    (!lacks.is_empty()).then(|| format!("cgroup hierarchies are not mounted: {}", lacks.join(", ")))
}

/// Lets the groups below have the controllers.
fn delegate(group: &Path) -> std::io::Result<()> {
    for controller in CONTROLLERS {
        std::fs::write(group.join("cgroup.subtree_control"), format!("+{controller}"))?;
    }
    Ok(())
}

/// The hierarchies: one, or one for each controller.
fn hierarchies() -> Vec<PathBuf> {
    if is_unified() {
        return vec![PathBuf::from(ROOT)];
    }
    let entries = std::fs::read_dir(ROOT).into_iter().flatten().flatten();
    // Two names of one hierarchy are links to it.
    entries.map(|entry| entry.path()).filter(|path| path.is_dir() && !path.is_symlink()).collect()
}

impl Cgroups {
    /// Makes the groups of a node. Those that stay are removed by [`remove`].
    pub(crate) fn make(stay: bool) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (pid, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let owner = if stay { "kept-" } else { "" };
        let groups = Self { name: format!("{PREFIX}{owner}{pid}-{number}"), keep: stay };
        for hierarchy in hierarchies() {
            let folder = hierarchy.join(&groups.name);
            let doing = || Error::io(format!("make {}", folder.display()));
            std::fs::create_dir_all(&folder).map_err(doing())?;
            // In the old form a group has no processors until it is given some.
            for file in ["cpuset.cpus", "cpuset.mems"] {
                if let (false, Ok(all)) = (is_unified(), std::fs::read(hierarchy.join(file))) {
                    std::fs::write(folder.join(file), all).map_err(doing())?;
                }
            }
        }
        Ok(groups)
    }

    /// Their name in each hierarchy.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        if !self.keep {
            remove(&self.name);
        }
    }
}

/// Removes the groups of this name. Their processes have just been killed; a
/// group can be removed when the kernel is done with the last of them.
pub(crate) fn remove(name: &str) {
    let start = Instant::now();
    loop {
        let mut left = false;
        for hierarchy in hierarchies() {
            let folder = hierarchy.join(name);
            remove_tree(&folder);
            left |= folder.exists();
        }
        if !left || start.elapsed() > Duration::from_secs(10) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn remove_tree(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&entry.path());
        }
    }
    // An error means that somebody is in it still.
    let _ = std::fs::remove_dir(folder);
}

/// Removes the groups whose maker was killed and could not.
pub(crate) fn sweep() {
    for hierarchy in hierarchies() {
        for entry in std::fs::read_dir(hierarchy).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let maker = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
            let maker = maker.and_then(|pid| pid.parse::<u32>().ok());
            if maker.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
                remove_tree(&entry.path());
            }
        }
    }
}
