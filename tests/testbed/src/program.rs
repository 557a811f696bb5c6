//! Runs a command-line program as a person would, in surroundings that hold
//! nothing of the machine it happens to run on.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::server::path_variable;
use crate::{Error, Result};

/// A program with its own home folder, Helm folders and kubeconfig.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    home: PathBuf,
    folder: PathBuf,
    environment: Vec<(OsString, OsString)>,
    stdin: Option<Vec<u8>>,
}

/// What a program did.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The command line, for messages.
    pub command: String,
    /// Its exit code; 128 and more when a signal ended it.
    pub code: i32,
    /// Everything it wrote to its standard output.
    pub stdout: String,
    /// Everything it wrote to its standard error.
    pub stderr: String,
}

impl Finished {
    fn new(command: String, output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let code = output.status.code().or_else(|| output.status.signal().map(|s| s + 128)).unwrap_or(-1);
        Self {
            command,
            code,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The standard output of a program that must have worked.
    ///
    /// # Panics
    /// With everything it printed, when it failed.
    #[must_use]
    #[track_caller]
    #[expect(clippy::panic, reason = "this is how a test fails")]
    pub fn ok(self) -> String {
        if self.code != 0 {
            panic!("`{}` ended with {}\n{}{}", self.command, self.code, self.stdout, self.stderr);
        }
        self.stdout
    }

    /// The standard error of a program that must have failed with `code`.
    ///
    /// # Panics
    /// With everything it printed, when it ended otherwise.
    #[must_use]
    #[track_caller]
    #[expect(clippy::panic, reason = "this is how a test fails")]
    pub fn fails(self, code: i32) -> String {
        if self.code != code {
            panic!("`{}` ended with {}, not {code}\n{}{}", self.command, self.code, self.stdout, self.stderr);
        }
        self.stderr
    }
}

impl Program {
    /// A program that keeps its files in `home`, which is made if need be.
    ///
    /// # Errors
    /// When `home` cannot be made.
    pub fn new(path: impl Into<PathBuf>, home: impl Into<PathBuf>) -> Result<Self> {
        let home = home.into();
        std::fs::create_dir_all(&home).map_err(Error::io(format!("make {}", home.display())))?;
        Ok(Self { path: path.into(), folder: home.clone(), home, environment: Vec::new(), stdin: None })
    }

    /// The same program with one more environment variable.
    #[must_use]
    pub fn with(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// The same program talking to the cluster of this kubeconfig.
    #[must_use]
    pub fn with_kubeconfig(self, file: &Path) -> Self {
        self.with("KUBECONFIG", file)
    }

    /// The same program reading this from its standard input.
    #[must_use]
    pub fn with_stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(text.into());
        self
    }

    /// The same program working in this folder instead of its home.
    #[must_use]
    pub fn in_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// Where it keeps its files, and the folder it works in if it has no other.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn environment(&self) -> &[(OsString, OsString)] {
        &self.environment
    }

    fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.path);
        command.args(args).current_dir(&self.folder).env_clear();
        command.env("PATH", path_variable()).env("HOME", &self.home).env("TMPDIR", std::env::temp_dir());
        command.env("HELM_CACHE_HOME", self.home.join("cache")).env("HELM_CONFIG_HOME", self.home.join("config"));
        command.env("HELM_DATA_HOME", self.home.join("data"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it and does not wait. Its output can be read from the pipes.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Child> {
        let mut command = self.command(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(Error::io(format!("start {}", self.path.display())))
    }

    /// Runs it to its end with its output where this process's own goes, and
    /// returns whether it worked.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn show<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<bool> {
        let status = self.command(args).stdin(Stdio::null()).status();
        Ok(status.map_err(Error::io(format!("start {}", self.path.display())))?.success())
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Finished> {
        let mut command = self.command(args);
        let line = command_line(&command);
        let start = Error::io(format!("start {}", self.path.display()));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = match &self.stdin {
            None => command.stdin(Stdio::null()).output().map_err(start)?,
            Some(text) => {
                let mut child = command.stdin(Stdio::piped()).spawn().map_err(start)?;
                let (text, pipe) = (text.clone(), child.stdin.take());
                // From another thread: a program that prints much before it has
                // read everything would otherwise wait for us, and we for it.
                let writer = std::thread::spawn(move || pipe.map(|mut pipe| pipe.write_all(&text)));
                let output = child.wait_with_output().map_err(Error::io(format!("wait for `{line}`")))?;
                let _ = writer.join();
                output
            }
        };
        Ok(Finished::new(line, output))
    }
}

/// Does to a running program what Ctrl-C does.
pub fn interrupt(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // An error means that it has just ended.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
    }
}

/// The command line as a person would type it, near enough for a message.
pub(crate) fn command_line(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    let mut line = name.into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workdir;

    #[test]
    fn a_program_sees_its_own_surroundings_only() {
        let work = Workdir::new("program").unwrap();
        let env = Program::new("env", work.path()).unwrap().with("COLOUR", "blue");
        let seen = env.run::<&str>([]).unwrap().ok();
        assert!(seen.contains("COLOUR=blue\n"));
        assert!(seen.contains(&format!("HOME={}\n", work.path().display())));
        assert!(!seen.contains("CARGO_MANIFEST_DIR"));
    }

    #[test]
    fn standard_input_and_exit_codes_come_through() {
        let work = Workdir::new("program").unwrap();
        let big = "line\n".repeat(100_000);
        let cat = Program::new("cat", work.path()).unwrap().with_stdin(big.clone());
        assert_eq!(cat.run::<&str>([]).unwrap().ok(), big);
        let shell = Program::new("sh", work.path()).unwrap();
        assert_eq!(shell.run(["-c", "echo no >&2; exit 3"]).unwrap().fails(3), "no\n");
        assert_eq!(shell.run(["-c", "kill -9 $$"]).unwrap().code, 137);
    }
}
