//! A real HTTP server that serves a folder, as a chart repository does.

use std::path::Path;
use std::time::Duration;

use crate::server::{Launch, Tie};
use crate::{Binaries, Result, Server, Workdir, ports};

/// How long it may take to be ready.
const READY: Duration = Duration::from_secs(30);

/// How often a start is tried again when a port was taken.
const TRIES: u32 = 3;

/// A running file server. Dropping it stops it.
#[derive(Debug)]
pub struct FileServer {
    _server: Server,
    port: u16,
    work: Workdir,
}

impl FileServer {
    /// Starts to serve `folder`; only to that user with that password when a
    /// login is given.
    ///
    /// # Errors
    /// When it does not start. Its log is kept then.
    pub fn start(binaries: &Binaries, folder: &Path, login: Option<(&str, &str)>) -> Result<Self> {
        let mut tries = 1;
        loop {
            match Self::try_start(binaries, folder, login) {
                Err(e) if e.is_port_taken() && tries < TRIES => tries += 1,
                other => return other,
            }
        }
    }

    fn try_start(binaries: &Binaries, folder: &Path, login: Option<(&str, &str)>) -> Result<Self> {
        let work = Workdir::new("files")?;
        let [port] = ports::free()?;
        let mut args = vec![format!("-listen=127.0.0.1:{port}"), format!("-folder={}", folder.display())];
        if let Some((username, password)) = login {
            args.extend([format!("-username={username}"), format!("-password={password}")]);
        }
        let launch =
            Launch { name: "fileserver", program: &binaries.fileserver, args, folder: work.path(), tie: Tie::Leashed };
        let mut server = Server::start(binaries, launch)?;
        if let Err(e) = server.wait_until(READY, || ports::is_open(port)) {
            work.keep();
            return Err(e);
        }
        Ok(Self { _server: server, port, work })
    }

    /// The address of the folder.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What was asked of it so far: one line for each request.
    #[must_use]
    pub fn requests(&self) -> String {
        std::fs::read_to_string(self.work.path().join("fileserver.log")).unwrap_or_default()
    }
}
