//! Calls the Go command. Knows how a program is built, not where it is kept.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::program::command_line;
use crate::tools::{Source, Tool};
use crate::{Error, Result};

/// The oldest Go that all modules accept.
const OLDEST: (u32, u32) = (1, 26);

/// One line of news from a build.
#[derive(Debug, Clone, Copy)]
pub(crate) enum News<'a> {
    /// A module is being downloaded.
    Downloading(&'a str),
    /// One more package has been compiled.
    Compiled,
}

/// The folder of our own Go modules.
pub(crate) fn modules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("go")
}

/// Checks that there is a Go that is new enough.
pub(crate) fn check() -> Result<()> {
    let no_go = |reason: String| Error::NoGo { reason };
    // From the module's folder: with GOTOOLCHAIN=auto an older Go fetches the
    // one that go.mod asks for, and that is the one that counts.
    let output = Command::new("go")
        .args(["env", "GOVERSION"])
        .current_dir(modules())
        .stdin(Stdio::null())
        .output()
        .map_err(|e| no_go(format!("`go` cannot be started: {e}")))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() {
        return Err(no_go(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    match parse_version(&version) {
        Some(found) if found >= OLDEST => Ok(()),
        _ => Err(no_go(format!("Go {}.{} or newer is needed, this is {version}", OLDEST.0, OLDEST.1))),
    }
}

/// Reads `go1.26.8` and the like.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix("go")?.split(['.', '-', ' ']);
    let major = parts.next()?.parse().ok()?;
    let minor: String = parts.next()?.chars().take_while(char::is_ascii_digit).collect();
    Some((major, minor.parse().ok()?))
}

/// Builds one program and puts it into `folder` under its name.
pub(crate) fn build(tool: &Tool, folder: &Path, news: &mut dyn FnMut(News<'_>)) -> Result<()> {
    let mut flags = String::from("-s -w");
    for variable in tool.variables {
        flags.push_str(" -X ");
        flags.push_str(variable);
    }
    let mut command = Command::new("go");
    // Static programs: they also run where there is no C library.
    command.env("CGO_ENABLED", "0").env("GOFLAGS", "").env("GOWORK", "off").env("GO111MODULE", "on");
    command.env_remove("GOOS").env_remove("GOARCH");
    let verb = if matches!(tool.source, Source::Module(..)) { "build" } else { "install" };
    command.args([verb, "-v", "-trimpath", "-buildvcs=false", "-ldflags", &flags]);
    match tool.source {
        Source::Module(module, package) => {
            command.current_dir(modules().join(module)).arg("-o").arg(folder.join(tool.name)).arg(package);
        }
        Source::Published(path) => {
            command.current_dir(folder).env("GOBIN", folder).arg(format!("{path}@{}", tool.version));
        }
    }
    run(command, news)?;
    if let Source::Published(path) = tool.source {
        let built = folder.join(program_name(path));
        let wanted = folder.join(tool.name);
        if built != wanted {
            std::fs::rename(&built, &wanted).map_err(Error::io(format!("rename {}", built.display())))?;
        }
    }
    Ok(())
}

/// What `go install` calls the program of an import path: the last part, or
/// the one before it when the last is a major version.
fn program_name(path: &str) -> &str {
    let mut parts = path.rsplit('/');
    let last = parts.next().unwrap_or(path);
    let is_major = last.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    if is_major { parts.next().unwrap_or(last) } else { last }
}

fn run(mut command: Command, news: &mut dyn FnMut(News<'_>)) -> Result<()> {
    let line = command_line(&command);
    let doing = format!("run `{line}`");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::io(doing.clone()))?;
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        for text in BufReader::new(stderr).lines() {
            let text = text.map_err(Error::io(doing.clone()))?;
            if let Some(module) = text.strip_prefix("go: downloading ") {
                news(News::Downloading(module));
            } else if is_package(&text) {
                news(News::Compiled);
            } else {
                said.push(text);
            }
        }
    }
    let status = child.wait().map_err(Error::io(doing))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Command { command: line, output: crate::error::tail(said.join("\n").as_bytes(), 20) })
}

/// Whether a line of `go build -v` names a package. Anything else it says has
/// a space in it.
fn is_package(line: &str) -> bool {
    !line.is_empty() && !line.contains([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(parse_version("go1.26.8"), Some((1, 26)));
        assert_eq!(parse_version("go1.27rc1"), Some((1, 27)));
        assert_eq!(parse_version("devel"), None);
        assert!(parse_version("go1.9.7") < Some(OLDEST));
    }

    #[test]
    fn programs_are_called_as_go_calls_them() {
        assert_eq!(program_name("helm.sh/helm/v4/cmd/helm"), "helm");
        assert_eq!(program_name("github.com/nats-io/nats-server/v2"), "nats-server");
        assert_eq!(program_name("example.com/vim"), "vim");
    }
}
