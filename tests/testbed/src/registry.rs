//! A real OCI registry.

use std::path::Path;
use std::time::Duration;

use crate::kubeconfig::write_private;
use crate::server::{Launch, Tie};
use crate::{Binaries, Result, Server, Workdir, ports};

/// How long it may take to be ready.
const READY: Duration = Duration::from_secs(30);

/// How often a start is tried again when a port was taken.
const TRIES: u32 = 3;

/// The one user of a registry that asks who is there, and the password.
pub const LOGIN: (&str, &str) = ("testbed", "open-sesame");

/// What kind of registry it shall be.
#[derive(Debug, Clone, Copy, Default)]
pub struct RegistryOptions {
    /// Whether it asks for [`LOGIN`].
    pub authenticated: bool,
    /// Whether it ends with this process.
    pub tie: Tie,
}

/// A running registry. Dropping it stops it.
#[derive(Debug)]
pub struct Registry {
    _server: Server,
    port: u16,
    work: Workdir,
}

impl Registry {
    /// Starts an empty registry and waits until it answers.
    ///
    /// # Errors
    /// When it does not start. Its log is kept then.
    pub fn start(binaries: &Binaries, options: RegistryOptions) -> Result<Self> {
        let mut tries = 1;
        loop {
            match Self::try_start(binaries, options) {
                Err(e) if e.is_port_taken() && tries < TRIES => tries += 1,
                other => return other,
            }
        }
    }

    fn try_start(binaries: &Binaries, options: RegistryOptions) -> Result<Self> {
        let work = Workdir::new("registry")?;
        let [port] = ports::free()?;
        let config = work.path().join("registry.yaml");
        let mut text = format!(
            "version: 0.1
log: {{level: info}}
storage:
  filesystem: {{rootdirectory: {}}}
  delete: {{enabled: true}}
http: {{addr: \"127.0.0.1:{port}\"}}
",
            work.path().join("blobs").display()
        );
        if options.authenticated {
            let passwords = work.path().join("htpasswd");
            write_private(&passwords, &password_line(binaries, &work)?)?;
            text.push_str(&format!("auth: {{htpasswd: {{realm: testbed, path: {}}}}}\n", passwords.display()));
        }
        write_private(&config, &text)?;
        let args = vec!["serve".to_owned(), config.display().to_string()];
        let launch =
            Launch { name: "registry", program: &binaries.registry, args, folder: work.path(), tie: options.tie };
        let mut server = Server::start(binaries, launch)?;
        if let Err(e) = server.wait_until(READY, || ports::is_open(port)) {
            work.keep();
            return Err(e);
        }
        Ok(Self { _server: server, port, work })
    }

    /// Its host and port, as they stand in a chart reference.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where its blobs and its log are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.work.path()
    }
}

/// The line of a password file that lets [`LOGIN`] in.
fn password_line(binaries: &Binaries, work: &Workdir) -> Result<String> {
    let (user, password) = LOGIN;
    let tool = crate::Program::new(&binaries.registry, work.path())?.with_stdin(password);
    let made = tool.run(["password-line", user])?;
    if made.code != 0 {
        return Err(crate::Error::Command { command: made.command, output: made.stderr });
    }
    Ok(made.stdout)
}
