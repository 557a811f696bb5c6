//! The namespaces that a node lives in.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::files::{BRIDGE, SERVICES};
use crate::kubeconfig::write_private;
use crate::server::{Launch, Tie, works_in};
use crate::{Binaries, Error, Finished, Program, Result, Server};

/// What the first process does.
const INIT: &str = include_str!("init.sh");

/// Written when the first process has made its network and mounts.
const MADE: &str = "made";

/// The pid of a detached node's first process.
const FIRST: &str = "first";

/// How long it may take to make them.
const LIMIT: Duration = Duration::from_secs(30);

/// Namespaces with a first process in them; they end with it.
#[derive(Debug)]
pub(crate) struct Namespaces {
    holder: Server,
    first: u32,
    folder: std::path::PathBuf,
    tie: Tie,
}

impl Namespaces {
    pub(crate) fn make(binaries: &Binaries, folder: &Path, tie: Tie) -> Result<Self> {
        let (script, made) = (folder.join("init.sh"), folder.join(MADE));
        write_private(&script, INIT)?;
        let _ = std::fs::remove_file(&made);
        let args = ["--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"];
        let mut args: Vec<_> = args.iter().map(|&arg| arg.to_owned()).collect();
        args.extend(["--propagation=private".to_owned(), "env".to_owned()]);
        args.extend([format!("FOLDER={}", folder.display()), format!("NAME={}", super::NAME)]);
        args.extend([format!("BRIDGE={BRIDGE}/24"), format!("SERVICES={SERVICES}")]);
        args.extend(["sh".to_owned(), script.display().to_string()]);
        let launch = Launch { name: "namespaces", program: Path::new("unshare"), args, folder, tie };
        let mut holder = Server::start(binaries, launch)?;
        holder.wait_until(LIMIT, || made.exists())?;
        // The leash holds unshare, and that holds the first process.
        let first = children(holder.pid()).into_iter().flat_map(children).next();
        let Some(first) = first else {
            return Err(Error::server("namespaces", "have no first process", holder.log()));
        };
        if tie == Tie::Detached {
            write_private(&folder.join(FIRST), &first.to_string())?;
        }
        Ok(Self { holder, first, folder: folder.to_owned(), tie })
    }

    /// The words that put a command into these namespaces.
    fn entry(&self) -> Vec<String> {
        let target = format!("--target={}", self.first);
        let kinds = ["--mount", "--uts", "--net", "--pid", "--"].map(str::to_owned);
        std::iter::once(target).chain(kinds).collect()
    }

    /// Starts a server in them.
    pub(crate) fn start(&self, binaries: &Binaries, name: &str, program: &Path, args: Vec<String>) -> Result<Server> {
        let mut words = self.entry();
        words.push(program.display().to_string());
        words.extend(args);
        let (folder, tie) = (self.folder.as_path(), self.tie);
        Server::start(binaries, Launch { name, program: Path::new("nsenter"), args: words, folder, tie })
    }

    /// Runs a command in them to its end.
    pub(crate) fn run(&self, home: &Path, words: &[&str]) -> Result<Finished> {
        let entry = self.entry();
        Program::new("nsenter", home)?.run(entry.iter().map(String::as_str).chain(words.iter().copied()))
    }

    /// Kills the first process: the kernel kills all the others.
    pub(crate) fn kill(&mut self) {
        kill(self.first);
        self.holder.stop();
    }
}

/// Kills the first process of a detached node, if it runs still.
pub(crate) fn kill_detached(folder: &Path) {
    let file = folder.join(FIRST);
    let first = std::fs::read_to_string(&file).ok().and_then(|text| text.parse().ok());
    if let Some(first) = first
        && works_in(first, folder)
    {
        kill(first);
        let start = Instant::now();
        while works_in(first, folder) && start.elapsed() < LIMIT {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let _ = std::fs::remove_file(file);
}

fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // An error means that it is gone already.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// The processes that this one has started, by whichever of its threads.
fn children(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(text.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    found
}

/// How containerd can keep layers in this folder: not one over another where
/// that is done already.
pub(crate) fn snapshotter(folder: &Path) -> &'static str {
    let answer = Command::new("stat").args(["--file-system", "--format=%T"]).arg(folder).output();
    let is_overlay = answer.is_ok_and(|answer| answer.stdout.starts_with(b"overlay"));
    if is_overlay { "native" } else { "overlayfs" }
}
