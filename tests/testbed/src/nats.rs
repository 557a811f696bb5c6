//! A real NATS server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::server::{Launch, Tie};
use crate::{Binaries, Result, Server, Workdir, ports};

/// How long it may take to be ready.
const READY: Duration = Duration::from_secs(30);

/// How often a start is tried again when a port was taken.
const TRIES: u32 = 3;

/// What kind of NATS server it shall be.
#[derive(Debug, Clone, Default)]
pub struct NatsOptions {
    /// Whether it keeps streams.
    pub jetstream: bool,
    /// A configuration file; accounts, permissions and TLS are set there.
    pub config: Option<PathBuf>,
    /// More flags, given last.
    pub flags: Vec<String>,
    /// Whether it ends with this process.
    pub tie: Tie,
    /// Where it keeps its files; a temporary folder when none is given.
    pub folder: Option<PathBuf>,
}

/// A running NATS server. Dropping it stops it.
#[derive(Debug)]
pub struct NatsServer {
    server: Option<Server>,
    binaries: Binaries,
    options: NatsOptions,
    port: u16,
    monitor: u16,
    work: Workdir,
}

impl NatsServer {
    /// Starts a NATS server and waits until it takes connections.
    ///
    /// # Errors
    /// When it does not start. Its log is kept then.
    pub fn start(binaries: &Binaries, options: NatsOptions) -> Result<Self> {
        let mut tries = 1;
        loop {
            let work = match &options.folder {
                Some(folder) => Workdir::at(folder)?,
                None => Workdir::new("nats")?,
            };
            let [port, monitor] = ports::free()?;
            let (binaries, options) = (binaries.clone(), options.clone());
            let mut nats = Self { server: None, binaries, options, port, monitor, work };
            match nats.resume() {
                Ok(()) => return Ok(nats),
                Err(e) if e.is_port_taken() && tries < TRIES => tries += 1,
                Err(e) => {
                    nats.work.keep();
                    return Err(e);
                }
            }
        }
    }

    /// Starts it again after [`Self::stop`], on the same port and with the
    /// streams it had.
    ///
    /// # Errors
    /// When it does not start.
    pub fn resume(&mut self) -> Result<()> {
        let mut args = vec![
            "--addr=127.0.0.1".to_owned(),
            format!("--port={}", self.port),
            format!("--http_port={}", self.monitor),
        ];
        if let Some(config) = &self.options.config {
            args.push(format!("--config={}", config.display()));
        }
        if self.options.jetstream {
            args.push("--jetstream".to_owned());
            args.push(format!("--store_dir={}", self.work.path().join("jetstream").display()));
        }
        args.extend(self.options.flags.iter().cloned());
        let (folder, tie) = (self.work.path(), self.options.tie);
        let launch = Launch { name: "nats-server", program: &self.binaries.nats_server, args, folder, tie };
        let mut server = Server::start(&self.binaries, launch)?;
        let (port, monitor) = (self.port, self.monitor);
        let ready = server.wait_until(READY, || ports::is_open(port) && ports::is_open(monitor));
        self.server = Some(server);
        ready
    }

    /// Stops it: its clients lose their connection.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Where clients connect to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Where its monitoring endpoint is (`/varz`, `/connz`, …).
    #[must_use]
    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor)
    }

    /// The process id of the leash that holds it, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// Where its files and its log are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.work.path()
    }

    /// Leaves its files and its log where they are when it stops.
    pub fn keep_files(&self) {
        self.work.keep();
    }
}
