//! Which process holds a lock, and whether it is surely gone. Owns the
//! evidence of this machine; what a lease says over time is judged elsewhere.

use std::fmt;
use std::path::Path;

/// A process, so that no other one is ever taken for it: processes are told
/// apart within one start of one machine, one process namespace and one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    /// The machine's start.
    boot: String,
    /// The process namespace: a container has its own.
    namespace: String,
    /// The user: of other users' processes `/proc` may tell nothing.
    user: u32,
    pid: u32,
    /// When it started, in ticks of its machine.
    started: u64,
}

impl Process {
    /// This process; `None` where the system does not tell.
    pub(super) fn current() -> Option<Process> {
        use std::os::unix::fs::MetadataExt;
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_string();
        let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
        let pid = std::process::id();
        let namespace = namespace.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
        let user = std::fs::metadata("/proc/self").ok()?.uid();
        Some(Process { boot, namespace, user, pid, started: started(pid)? })
    }

    /// Reads what [`fmt::Display`] wrote.
    pub(super) fn parse(text: &str) -> Option<Process> {
        let mut parts = text.split('/');
        let process = Process {
            boot: parts.next()?.to_string(),
            namespace: parts.next()?.to_string(),
            user: parts.next()?.parse().ok()?,
            pid: parts.next()?.parse().ok()?,
            started: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(process)
    }

    /// Whether it has certainly ended. One of another machine, container or
    /// user is never known to have.
    pub(super) fn is_gone(&self) -> bool {
        let Some(here) = Process::current() else { return false };
        let near = here.boot == self.boot && here.namespace == self.namespace && here.user == self.user;
        near && started(self.pid) != Some(self.started)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Process { boot, namespace, user, pid, started } = self;
        write!(f, "{boot}/{namespace}/{user}/{pid}/{started}")
    }
}

/// When a process started; `None` if there is none, or only what its parent
/// has not yet taken notice of.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // The name stands in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    // Field 22 of the file, 20 after the name.
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_is_read_back() {
        let here = Process::current().unwrap();
        assert!(!here.is_gone());
        assert_eq!(Process::parse(&here.to_string()), Some(here));
        assert_eq!(Process::parse("a/b/1/2"), None);
    }

    #[test]
    fn an_ended_process_is_gone_and_a_strange_one_is_not_known_to_be() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process { pid: child.id(), started: started(child.id()).unwrap(), ..Process::current().unwrap() };
        assert!(!process.is_gone());
        child.kill().unwrap();
        // Not waited for yet: it is a zombie once the kernel is done with it.
        while std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap().contains(") S ") {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(process.is_gone());
        let reused = Process { started: 1, ..Process::current().unwrap() };
        assert!(reused.is_gone(), "the number was given to another process");
        for strange in [
            Process { boot: "elsewhere".into(), ..process.clone() },
            Process { namespace: "1".into(), ..process.clone() },
            Process { user: process.user + 1, ..process.clone() },
        ] {
            assert!(!strange.is_gone(), "{strange}");
        }
    }
}
