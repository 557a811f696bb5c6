//! A real HTTP server that serves a folder, as a chart repository does.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::server::{Launch, Tie};
use crate::{Binaries, Result, Server, Workdir, ports};

/// How long it may take to be ready.
const READY: Duration = Duration::from_secs(30);

/// How often a start is tried again when a port was taken.
const TRIES: u32 = 3;

/// How a file server is reached.
#[derive(Debug, Clone, Default)]
pub struct FileServerOptions {
    /// The one user, and the password.
    pub login: Option<(String, String)>,
    /// HTTPS; plain HTTP without it.
    pub tls: Option<FileServerTls>,
}

/// The files of a file server that speaks HTTPS.
#[derive(Debug, Clone)]
pub struct FileServerTls {
    /// Its certificate.
    pub cert: PathBuf,
    /// The certificate's key.
    pub key: PathBuf,
    /// Certificates of clients must be signed by these; without it none is
    /// asked for.
    pub client_ca: Option<PathBuf>,
}

/// A running file server. Dropping it stops it.
#[derive(Debug)]
pub struct FileServer {
    _server: Server,
    scheme: &'static str,
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
        let login = login.map(|(username, password)| (username.to_owned(), password.to_owned()));
        Self::start_with(binaries, folder, &FileServerOptions { login, tls: None })
    }

    /// Starts to serve `folder`.
    ///
    /// # Errors
    /// When it does not start. Its log is kept then.
    pub fn start_with(binaries: &Binaries, folder: &Path, options: &FileServerOptions) -> Result<Self> {
        let mut tries = 1;
        loop {
            match Self::try_start(binaries, folder, options) {
                Err(e) if e.is_port_taken() && tries < TRIES => tries += 1,
                other => return other,
            }
        }
    }

    fn try_start(binaries: &Binaries, folder: &Path, options: &FileServerOptions) -> Result<Self> {
        let work = Workdir::new("files")?;
        let [port] = ports::free()?;
        let mut args = vec![format!("-listen=127.0.0.1:{port}"), format!("-folder={}", folder.display())];
        if let Some((username, password)) = &options.login {
            args.extend([format!("-username={username}"), format!("-password={password}")]);
        }
        if let Some(tls) = &options.tls {
            args.extend([format!("-cert={}", tls.cert.display()), format!("-key={}", tls.key.display())]);
            args.extend(tls.client_ca.iter().map(|file| format!("-client-ca={}", file.display())));
        }
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let launch =
            Launch { name: "fileserver", program: &binaries.fileserver, args, folder: work.path(), tie: Tie::Leashed };
        let mut server = Server::start(binaries, launch)?;
        if let Err(e) = server.wait_until(READY, || ports::is_open(port)) {
            work.keep();
            return Err(e);
        }
        Ok(Self { _server: server, scheme, port, work })
    }

    /// The address of the folder.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// What was asked of it so far: one line for each request.
    #[must_use]
    pub fn requests(&self) -> String {
        std::fs::read_to_string(self.work.path().join("fileserver.log")).unwrap_or_default()
    }
}
