//! A real Kubernetes control plane: etcd, API server, controller manager and
//! scheduler, with nodes that kwok plays.
//!
//! Pods are scheduled, run, become ready, end and have logs, but have no
//! containers. What a pod does can be set by annotations; `kwok/stages.yaml`
//! lists them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::kubeconfig::{self, Caller, write_private};
use crate::kubectl::{Kubectl, write_service_account_key};
use crate::server::{Launch, Tie};
use crate::{Binaries, Error, Finished, Result, Server, Workdir, manifests, ports};

/// How long a part may take to be ready. Two cores shared with a build need
/// far more than the three seconds that an idle machine does.
const READY: Duration = Duration::from_secs(120);

/// The administrator's kubeconfig.
const ADMIN: &str = "admin.default.kubeconfig";

/// How often a start is tried again when a port was taken.
const TRIES: u32 = 3;

/// A caller beside the administrator. What it may do is up to RBAC objects.
#[derive(Debug, Clone)]
pub struct User {
    /// The name that RBAC knows it by.
    pub name: String,
    /// The groups it is in.
    pub groups: Vec<String>,
}

/// What kind of control plane it shall be.
#[derive(Debug, Clone)]
pub struct ControlPlaneOptions {
    /// How many nodes it has.
    pub nodes: u32,
    /// Callers beside the administrator.
    pub users: Vec<User>,
    /// More flags for the API server, given last.
    pub apiserver_flags: Vec<String>,
    /// More of the environment of all servers: name and value.
    pub environment: Vec<(OsString, OsString)>,
    /// More flags for the controller manager, given last.
    pub controllers_flags: Vec<String>,
    /// More flags for kwok.
    pub kwok_flags: Vec<String>,
    /// Whether pods that name no node are given one.
    pub scheduler: bool,
    /// Whether it ends with this process.
    pub tie: Tie,
    /// Where it keeps its files; a temporary folder when none is given.
    pub folder: Option<PathBuf>,
}

impl Default for ControlPlaneOptions {
    fn default() -> Self {
        Self {
            nodes: 2,
            users: Vec::new(),
            apiserver_flags: Vec::new(),
            environment: Vec::new(),
            controllers_flags: Vec::new(),
            kwok_flags: Vec::new(),
            scheduler: true,
            tie: Tie::default(),
            folder: None,
        }
    }
}

/// A running control plane. Dropping it stops it.
#[derive(Debug)]
pub struct ControlPlane {
    // Stopped in this order: a server before the one it needs.
    kwok: Option<Server>,
    scheduler: Option<Server>,
    controllers: Option<Server>,
    apiserver: Option<Server>,
    etcd: Option<Server>,
    binaries: Binaries,
    options: ControlPlaneOptions,
    ports: Ports,
    kubectl: Kubectl,
    work: Workdir,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    etcd_client: u16,
    etcd_peer: u16,
    apiserver: u16,
    controllers: u16,
    scheduler: u16,
    kwok: u16,
}

impl ControlPlane {
    /// Starts a control plane and waits until its nodes are ready.
    ///
    /// # Errors
    /// When a part of it does not start. Its logs are kept then.
    pub fn start(binaries: &Binaries, options: ControlPlaneOptions) -> Result<Self> {
        let mut tries = 1;
        loop {
            match Self::try_start(binaries, options.clone()) {
                Err(e) if e.is_port_taken() && tries < TRIES => tries += 1,
                other => return other,
            }
        }
    }

    fn try_start(binaries: &Binaries, options: ControlPlaneOptions) -> Result<Self> {
        let work = match &options.folder {
            Some(folder) => Workdir::at(folder)?,
            None => Workdir::new("cluster")?,
        };
        let [etcd_client, etcd_peer, apiserver, controllers, scheduler, kwok] = ports::free()?;
        let ports = Ports { etcd_client, etcd_peer, apiserver, controllers, scheduler, kwok };
        let kubeconfig = work.path().join(ADMIN);
        let kubectl = Kubectl::new(&binaries.kube, work.path().join("home"), kubeconfig);
        let mut plane = Self {
            kwok: None,
            scheduler: None,
            controllers: None,
            apiserver: None,
            etcd: None,
            binaries: binaries.clone(),
            options,
            ports,
            kubectl,
            work,
        };
        let started = plane.start_parts();
        if started.is_err() {
            plane.work.keep();
        }
        started.map(|()| plane)
    }

    fn start_parts(&mut self) -> Result<()> {
        self.write_credentials()?;
        self.start_etcd()?;
        self.start_apiserver()?;
        self.start_controllers()?;
        if self.options.scheduler {
            self.start_scheduler()?;
        }
        self.start_kwok()?;
        self.wait_for_loops()?;
        let nodes = manifests::nodes(self.options.nodes);
        self.apply(&nodes)?;
        let limit = format!("--timeout={}s", READY.as_secs());
        self.kubectl.must(&["wait", "--for=condition=Ready", "node", "--all", &limit])?;
        self.kubectl.must(&["wait", "--for=create", "serviceaccount/default", "--namespace=default", &limit])
    }

    fn write_credentials(&self) -> Result<()> {
        let mut tokens = String::from("admin-token,admin,admin,system:masters\n");
        for User { name, groups } in &self.options.users {
            tokens.push_str(&format!("{name}-token,{name},{name},\"{}\"\n", groups.join(",")));
        }
        write_private(&self.file("tokens.csv"), &tokens)?;
        let key = self.file("service-account.key");
        write_service_account_key(&self.binaries.kube, self.file("home"), &key)?;
        self.write_kubeconfig("admin", "default").map(drop)
    }

    fn launch(&self, name: &str, program: &Path, args: Vec<String>) -> Result<Server> {
        let launch = Launch { name, program, args, folder: self.work.path(), tie: self.options.tie };
        Server::spawn(&self.binaries, launch, &self.options.environment)
    }

    fn start_etcd(&mut self) -> Result<()> {
        let (client, peer) = (url("http", self.ports.etcd_client), url("http", self.ports.etcd_peer));
        let args = vec![
            "--name=etcd".to_owned(),
            format!("--data-dir={}", self.file("etcd").display()),
            // It is thrown away afterwards: what a power cut would lose is not missed.
            "--unsafe-no-fsync".to_owned(),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=etcd={peer}"),
        ];
        let mut etcd = self.launch("etcd", &self.binaries.etcd, args)?;
        let port = self.ports.etcd_client;
        let ready = etcd.wait_until(READY, || ports::is_open(port));
        self.etcd = Some(etcd);
        ready
    }

    /// Starts the API server; again, after [`Self::stop_apiserver`], where it
    /// was before and with what it knew.
    ///
    /// # Errors
    /// When it does not start or is not ready in time.
    pub fn start_apiserver(&mut self) -> Result<()> {
        let key = self.file("service-account.key");
        let mut args = vec![
            "kube-apiserver".to_owned(),
            format!("--etcd-servers={}", url("http", self.ports.etcd_client)),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.ports.apiserver),
            format!("--cert-dir={}", self.file("certificates").display()),
            format!("--service-account-key-file={}", key.display()),
            format!("--service-account-signing-key-file={}", key.display()),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--token-auth-file={}", self.file("tokens.csv").display()),
            "--authorization-mode=RBAC".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            "--allow-privileged=true".to_owned(),
            // The endpoints of its own service may not be loopback addresses.
            "--endpoint-reconciler-type=none".to_owned(),
            "--shutdown-delay-duration=0s".to_owned(),
        ];
        args.extend(self.options.apiserver_flags.iter().cloned());
        let mut server = self.launch("kube-apiserver", &self.binaries.kube, args)?;
        let port = self.ports.apiserver;
        let ready = server.wait_until(READY, || ports::is_open(port) && self.kubectl.is_ready());
        self.apiserver = Some(server);
        ready
    }

    /// Stops the API server and nothing else: to its clients it is away.
    pub fn stop_apiserver(&mut self) {
        self.apiserver = None;
    }

    fn start_controllers(&mut self) -> Result<()> {
        let mut args = vec![
            "kube-controller-manager".to_owned(),
            format!("--kubeconfig={}", self.kubeconfig().display()),
            format!("--service-account-private-key-file={}", self.file("service-account.key").display()),
            format!("--root-ca-file={}", self.authority().display()),
            "--use-service-account-credentials=true".to_owned(),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.ports.controllers),
            format!("--cert-dir={}", self.file("certificates-controllers").display()),
            "--leader-elect=false".to_owned(),
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
        ];
        args.extend(self.options.controllers_flags.iter().cloned());
        self.controllers = Some(self.launch("kube-controller-manager", &self.binaries.kube, args)?);
        Ok(())
    }

    fn start_scheduler(&mut self) -> Result<()> {
        let args = vec![
            "kube-scheduler".to_owned(),
            format!("--kubeconfig={}", self.kubeconfig().display()),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.ports.scheduler),
            format!("--cert-dir={}", self.file("certificates-scheduler").display()),
            "--leader-elect=false".to_owned(),
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
        ];
        self.scheduler = Some(self.launch("kube-scheduler", &self.binaries.kube, args)?);
        Ok(())
    }

    /// Waits for those that were started without being waited for: they only
    /// need the API server, and start side by side.
    fn wait_for_loops(&mut self) -> Result<()> {
        let Ports { controllers, scheduler, .. } = self.ports;
        for (server, port) in [(&mut self.controllers, controllers), (&mut self.scheduler, scheduler)] {
            if let Some(server) = server {
                server.wait_until(READY, || ports::is_open(port))?;
            }
        }
        Ok(())
    }

    fn start_kwok(&mut self) -> Result<()> {
        let (config, log) = (self.file("kwok.yaml"), self.pod_log());
        write_private(&config, &manifests::kwok_config(&log))?;
        write_private(&log, &manifests::log_lines(["started", "listening", "ready"]))?;
        let port = self.ports.kwok;
        let mut args = vec![
            format!("--kubeconfig={}", self.kubeconfig().display()),
            "--manage-all-nodes=true".to_owned(),
            "--node-ip=127.0.0.1".to_owned(),
            format!("--node-port={port}"),
            format!("--server-address=127.0.0.1:{port}"),
            format!("--config={}", config.display()),
        ];
        args.extend(self.options.kwok_flags.iter().cloned());
        let mut kwok = self.launch("kwok", &self.binaries.kwok, args)?;
        let ready = kwok.wait_until(READY, || ports::is_open(port));
        self.kwok = Some(kwok);
        ready
    }

    fn file(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    /// The certificate that signed the API server's: it makes its own, and
    /// writes both into one file.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.file("certificates").join("apiserver.crt")
    }

    /// The address of the API server.
    #[must_use]
    pub fn url(&self) -> String {
        url("https", self.ports.apiserver)
    }

    /// The address of etcd.
    #[must_use]
    pub fn etcd_url(&self) -> String {
        url("http", self.ports.etcd_client)
    }

    /// The kubeconfig of the administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.file(ADMIN)
    }

    /// The bearer token of a user, or of `admin`.
    #[must_use]
    pub fn token(user: &str) -> String {
        format!("{user}-token")
    }

    /// Writes a kubeconfig for a user (`admin` or one of the options') whose
    /// commands go to `namespace` when they name none.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_kubeconfig(&self, user: &str, namespace: &str) -> Result<PathBuf> {
        let file = self.file(&format!("{user}.{namespace}.kubeconfig"));
        let caller = Caller { context: "testbed", token: &Self::token(user), namespace };
        kubeconfig::write(&file, &self.url(), &self.authority(), caller)?;
        Ok(file)
    }

    /// The file that holds the log of every pod. Lines that are added to it
    /// are followed; see [`Self::log`].
    #[must_use]
    pub fn pod_log(&self) -> PathBuf {
        self.file("pods.log")
    }

    /// Adds lines to the log of every pod.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn log<'a>(&self, lines: impl IntoIterator<Item = &'a str>) -> Result<()> {
        use std::io::Write;
        std::fs::OpenOptions::new()
            .append(true)
            .open(self.pod_log())
            .and_then(|mut file| file.write_all(manifests::log_lines(lines).as_bytes()))
            .map_err(Error::io("add to the pods' log"))
    }

    /// Where its files and logs are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.work.path()
    }

    /// Leaves its files and logs where they are when it stops.
    pub fn keep_files(&self) {
        self.work.keep();
    }

    /// Runs kubectl as the administrator.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn kubectl<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Result<Finished> {
        self.kubectl.run(args)
    }

    /// Creates or changes the objects of a manifest.
    ///
    /// # Errors
    /// When kubectl cannot be started or the API server refuses one of them.
    pub fn apply(&self, manifest: &str) -> Result<()> {
        self.kubectl.apply(manifest)
    }

    /// Makes a namespace that no other test of this control plane has.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub fn namespace(&self, name: &str) -> Result<String> {
        self.kubectl.namespace(name)
    }
}

fn url(scheme: &str, port: u16) -> String {
    format!("{scheme}://127.0.0.1:{port}")
}
