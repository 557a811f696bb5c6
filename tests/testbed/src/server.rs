//! One server process: started in a process group of its own, tied to this
//! process by a leash, stopped by the pid that was started.
//!
//! The leash is a small program of the testbed's Go module. It holds the
//! server, and this process holds the leash's standard input; when this process
//! ends the kernel closes that pipe and the leash stops the server.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Binaries, Error, Program, Result};

/// How long a server may take to stop before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// Whether a server ends with the process that started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tie {
    /// It ends when the process that started it ends.
    #[default]
    Leashed,
    /// It stays until [`stop_detached`].
    Detached,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    name: String,
    child: Child,
    log: PathBuf,
    tie: Tie,
}

/// What it takes to start a server.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) name: &'a str,
    pub(crate) program: &'a Path,
    pub(crate) args: Vec<String>,
    /// Its log, its home and its pid file go into this folder.
    pub(crate) folder: &'a Path,
    pub(crate) tie: Tie,
}

impl Server {
    /// Starts a program of this project as a server, with the environment it
    /// has as a [`Program`] and its files in its home.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_program(binaries: &Binaries, name: &str, program: &Program, args: &[&str], tie: Tie) -> Result<Self> {
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        let launch = Launch { name, program: program.path(), args, folder: program.home(), tie };
        Self::spawn(binaries, launch, program.environment())
    }

    pub(crate) fn start(binaries: &Binaries, launch: Launch<'_>) -> Result<Self> {
        Self::spawn(binaries, launch, &[])
    }

    pub(crate) fn spawn(binaries: &Binaries, launch: Launch<'_>, environment: &[(OsString, OsString)]) -> Result<Self> {
        let Launch { name, program, args, folder, tie } = launch;
        let log = folder.join(format!("{name}.log"));
        let out = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(Error::io(format!("open {}", log.display())))?;
        let err = out.try_clone().map_err(Error::io(format!("open {}", log.display())))?;
        let mut command = Command::new(&binaries.leash);
        if tie == Tie::Detached {
            command.arg("-free").stdin(Stdio::null());
        } else {
            command.stdin(Stdio::piped());
        }
        command.arg(format!("-grace={}s", GRACE.as_secs())).arg("--").arg(program).args(args);
        // A proxy or a KUBECONFIG of the person who runs this is none of the
        // server's business.
        command.env_clear().env("HOME", folder).env("TMPDIR", folder).env("PATH", path_variable());
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(folder).stdout(out).stderr(err).process_group(0);
        let child = command.spawn().map_err(Error::io(format!("start {name}")))?;
        if tie == Tie::Detached {
            let file = folder.join(format!("{name}.pid"));
            std::fs::write(&file, child.id().to_string()).map_err(Error::io(format!("write {}", file.display())))?;
        }
        Ok(Self { name: name.to_owned(), child, log, tie })
    }

    /// The process id of the leash, which is also the process group's.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where the server's output goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Waits until `ready` says so.
    ///
    /// # Errors
    /// When the server ends first, or is not ready within `limit`.
    pub fn wait_until(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().map_err(Error::io("look after a server"))? {
                return Err(Error::server(&self.name, format!("ended ({status}) before it was ready"), &self.log));
            }
            if ready() {
                return Ok(());
            }
            if start.elapsed() > limit {
                return Err(Error::server(&self.name, format!("was not ready in {limit:?}"), &self.log));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops the server and waits until it is gone.
    pub fn stop(&mut self) {
        // Closing the leash's standard input asks it to stop the server.
        drop(self.child.stdin.take());
        if self.tie == Tie::Detached {
            signal_group(self.child.id(), rustix::process::Signal::TERM);
        }
        let start = Instant::now();
        while start.elapsed() < GRACE + Duration::from_secs(2) {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        signal_group(self.child.id(), rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.tie == Tie::Leashed {
            self.stop();
        }
    }
}

/// The search path that servers and tools get: this process's own.
pub(crate) fn path_variable() -> impl AsRef<OsStr> {
    std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())
}

fn signal_group(pid: u32, signal: rustix::process::Signal) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // An error means that there is nobody left to be told.
        let _ = rustix::process::kill_process_group(pid, signal);
    }
}

/// Stops every detached server whose pid file lies in `folder`, and waits for
/// it. A pid counts only while it is still a process that works in that folder,
/// so a pid that the system has given to somebody else is left alone. Returns
/// the names of those that were running.
///
/// # Errors
/// When the folder cannot be read.
pub fn stop_detached(folder: &Path) -> Result<Vec<String>> {
    let folder = folder.canonicalize().map_err(Error::io(format!("find {}", folder.display())))?;
    let mut stopped = Vec::new();
    let entries = std::fs::read_dir(&folder).map_err(Error::io(format!("read {}", folder.display())))?;
    for entry in entries.flatten() {
        let file = entry.path();
        if file.extension() != Some(OsStr::new("pid")) {
            continue;
        }
        let pid = std::fs::read_to_string(&file).unwrap_or_default();
        if let Ok(pid) = pid.trim().parse::<u32>()
            && works_in(pid, &folder)
        {
            signal_group(pid, rustix::process::Signal::TERM);
            let start = Instant::now();
            while works_in(pid, &folder) {
                if start.elapsed() > GRACE + Duration::from_secs(2) {
                    signal_group(pid, rustix::process::Signal::KILL);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            stopped.push(file.file_stem().unwrap_or_default().to_string_lossy().into_owned());
        }
        let _ = std::fs::remove_file(file);
    }
    stopped.sort();
    Ok(stopped)
}

/// Whether this process exists and has `folder` as its working folder.
pub(crate) fn works_in(pid: u32, folder: &Path) -> bool {
    std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == folder)
}
