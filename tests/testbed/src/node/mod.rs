//! A real node: etcd, API server, controllers, scheduler, kubelet, kube-proxy
//! and containerd, with containers that run.
//!
//! It lives in network, mount, pid and host-name namespaces of its own and has
//! no way out of them: `init.sh` makes a network that holds the loopback and a
//! bridge. What is outside reaches the API server, and what else it is given
//! by [`Node::forward`], on a loopback port.
//!
//! It needs root and some packages of Debian's ([`missing`] says which). All
//! ends with the first process of its namespaces.

mod cgroups;
mod files;
mod image;
mod machine;
mod namespaces;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub use image::Image;
pub use machine::missing;

use crate::kubeconfig::{self, Caller, write_private};
use crate::kubectl::{Kubectl, write_service_account_key};
use crate::server::{Launch, Tie, stop_detached};
use crate::{Binaries, Error, Finished, Result, Server, Workdir, ports};
use cgroups::Cgroups;
use files::{BRIDGE, PAUSE, PODS, SERVICES};
use namespaces::Namespaces;

/// How long a part may take to be ready.
const READY: Duration = Duration::from_secs(120);

/// The node's name.
pub const NAME: &str = "node-0";

/// The node's address inside.
pub const ADDRESS: &str = BRIDGE;

/// The port of the API server inside.
const API_PORT: u16 = 6443;

/// The administrator's kubeconfig, for outside and for inside.
const KUBECONFIG: &str = "kubeconfig";
const INSIDE: &str = "inside.kubeconfig";

/// Where a detached node's groups and first process are written down.
const GROUPS: &str = "groups";

/// What kind of node it shall be.
#[derive(Debug, Clone, Default)]
pub struct NodeOptions {
    /// Whether it ends with this process.
    pub tie: Tie,
    /// Where it keeps its files; a temporary folder when none is given.
    pub folder: Option<PathBuf>,
}

/// A running node. Dropping it stops it.
#[derive(Debug)]
pub struct Node {
    servers: Vec<Server>,
    kubectl: Kubectl,
    binaries: Binaries,
    tie: Tie,
    relays: AtomicU32,
    namespaces: Namespaces,
    groups: Cgroups,
    work: Workdir,
}

/// A loopback port that leads to something inside a node, as long as this is
/// held.
#[derive(Debug)]
pub struct Forward {
    port: u16,
    servers: [Server; 2],
}

impl Forward {
    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Node {
    /// Starts a node and waits until it is ready.
    ///
    /// # Errors
    /// When a part of it does not start. Its logs are kept then.
    pub fn start(binaries: &Binaries, options: NodeOptions) -> Result<Self> {
        if let Some(reason) = missing() {
            return Err(Error::Machine { reason });
        }
        let work = match &options.folder {
            Some(folder) => Workdir::at(folder)?,
            None => Workdir::new("node")?,
        };
        cgroups::sweep();
        let groups = Cgroups::make(options.tie == Tie::Detached)?;
        write_private(&work.path().join(GROUPS), groups.name())?;
        let kubectl = Kubectl::new(&binaries.kube, work.path().join("home"), work.path().join(KUBECONFIG));
        let namespaces = Namespaces::make(binaries, work.path(), options.tie).inspect_err(|_| work.keep())?;
        let mut node = Self {
            servers: Vec::new(),
            kubectl,
            binaries: binaries.clone(),
            tie: options.tie,
            relays: AtomicU32::new(0),
            namespaces,
            groups,
            work,
        };
        let started = node.start_parts();
        if started.is_err() {
            node.work.keep();
        }
        started.map(|()| node)
    }

    fn start_parts(&mut self) -> Result<()> {
        self.write_files()?;
        self.start_etcd()?;
        let config = format!("--config={}", self.file("containerd.toml").display());
        self.start_server("containerd", Path::new("containerd"), vec![config])?;
        self.start_apiserver()?;
        self.start_controllers()?;
        self.load_images()?;
        self.start_kubelet()?;
        let limit = format!("--timeout={}s", READY.as_secs());
        let node = format!("node/{NAME}");
        self.kubectl.must(&["wait", "--for=create", &node, &limit])?;
        self.kubectl.must(&["wait", "--for=condition=Ready", &node, &limit])?;
        self.kubectl.must(&["wait", "--for=create", "serviceaccount/default", "--namespace=default", &limit])
    }

    fn write_files(&self) -> Result<()> {
        write_private(&self.file("tokens.csv"), "admin-token,admin,admin,system:masters\n")?;
        write_service_account_key(&self.binaries.kube, self.file("home"), &self.file("service-account.key"))?;
        let cni = self.file("cni");
        std::fs::create_dir_all(&cni).map_err(Error::io(format!("make {}", cni.display())))?;
        write_private(&cni.join("10-pods.conflist"), &files::network())?;
        let snapshotter = namespaces::snapshotter(self.work.path());
        write_private(&self.file("containerd.toml"), &files::containerd(self.work.path(), snapshotter))?;
        write_private(&self.file("kubelet.yaml"), &files::kubelet(self.groups.name()))?;
        self.write_kubeconfig(INSIDE, &format!("https://{BRIDGE}:{API_PORT}"), "default")
    }

    fn write_kubeconfig(&self, file: &str, server: &str, namespace: &str) -> Result<()> {
        let caller = Caller { context: "node", token: "admin-token", namespace };
        kubeconfig::write(&self.file(file), server, &self.authority(), caller)
    }

    fn authority(&self) -> PathBuf {
        self.file("certificates").join("apiserver.crt")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn start_server(&mut self, name: &str, program: &Path, args: Vec<String>) -> Result<&mut Server> {
        let server = self.namespaces.start(&self.binaries, name, program, args)?;
        self.servers.push(server);
        self.servers.last_mut().ok_or_else(|| Error::Machine { reason: "a server that was started is gone".to_owned() })
    }

    fn start_etcd(&mut self) -> Result<()> {
        let args = vec![
            format!("--data-dir={}", self.file("etcd").display()),
            "--unsafe-no-fsync".to_owned(),
            "--listen-client-urls=http://127.0.0.1:2379".to_owned(),
            "--advertise-client-urls=http://127.0.0.1:2379".to_owned(),
            "--listen-peer-urls=http://127.0.0.1:2380".to_owned(),
        ];
        let program = self.binaries.etcd.clone();
        self.start_server("etcd", &program, args).map(drop)
    }

    fn start_apiserver(&mut self) -> Result<()> {
        let key = self.file("service-account.key");
        let args = vec![
            "kube-apiserver".to_owned(),
            "--etcd-servers=http://127.0.0.1:2379".to_owned(),
            "--bind-address=0.0.0.0".to_owned(),
            format!("--advertise-address={BRIDGE}"),
            format!("--secure-port={API_PORT}"),
            format!("--cert-dir={}", self.file("certificates").display()),
            format!("--service-account-key-file={}", key.display()),
            format!("--service-account-signing-key-file={}", key.display()),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--token-auth-file={}", self.file("tokens.csv").display()),
            "--authorization-mode=RBAC".to_owned(),
            format!("--service-cluster-ip-range={SERVICES}"),
            "--allow-privileged=true".to_owned(),
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
        ];
        let forward = self.forward(&format!("127.0.0.1:{API_PORT}"))?;
        // Its own certificate is for this name, beside its addresses inside.
        self.write_kubeconfig(KUBECONFIG, &format!("https://localhost:{}", forward.port), "default")?;
        self.servers.extend(forward.servers);
        let program = self.binaries.kube.clone();
        let (authority, kube) = (self.authority(), self.binaries.kube.clone());
        let kubectl = Kubectl::new(&kube, self.file("home"), self.file(KUBECONFIG));
        let server = self.start_server("kube-apiserver", &program, args)?;
        server.wait_until(READY, || authority.exists() && kubectl.is_ready())
    }

    fn start_controllers(&mut self) -> Result<()> {
        let kubeconfig = format!("--kubeconfig={}", self.file(INSIDE).display());
        let program = self.binaries.kube.clone();
        let controllers = vec![
            "kube-controller-manager".to_owned(),
            kubeconfig.clone(),
            format!("--service-account-private-key-file={}", self.file("service-account.key").display()),
            format!("--root-ca-file={}", self.authority().display()),
            "--use-service-account-credentials=true".to_owned(),
            "--leader-elect=false".to_owned(),
        ];
        self.start_server("kube-controller-manager", &program, controllers)?;
        let scheduler = vec!["kube-scheduler".to_owned(), kubeconfig.clone(), "--leader-elect=false".to_owned()];
        self.start_server("kube-scheduler", &program, scheduler)?;
        let proxy = vec![
            "kube-proxy".to_owned(),
            kubeconfig,
            format!("--hostname-override={NAME}"),
            "--proxy-mode=iptables".to_owned(),
            format!("--cluster-cidr={PODS}"),
            // What one pod answers to another takes the way back through the
            // rules, however the kernel treats a bridge.
            "--masquerade-all=true".to_owned(),
            // These settings are the whole machine's.
            "--conntrack-max-per-core=0".to_owned(),
            "--conntrack-tcp-timeout-established=0s".to_owned(),
            "--conntrack-tcp-timeout-close-wait=0s".to_owned(),
        ];
        self.start_server("kube-proxy", &program, proxy).map(drop)
    }

    fn start_kubelet(&mut self) -> Result<()> {
        let args = vec![
            "kubelet".to_owned(),
            format!("--config={}", self.file("kubelet.yaml").display()),
            format!("--kubeconfig={}", self.file(INSIDE).display()),
            "--root-dir=/var/lib/kubelet".to_owned(),
            "--cert-dir=/var/lib/kubelet/pki".to_owned(),
            format!("--hostname-override={NAME}"),
            format!("--node-ip={BRIDGE}"),
        ];
        let program = self.binaries.kube.clone();
        self.start_server("kubelet", &program, args).map(drop)
    }

    /// The images that every node has: the one that holds a pod's network, and
    /// a shell.
    fn load_images(&self) -> Result<()> {
        let answers = || self.inside(&["ctr", "version"]).is_ok_and(|answer| answer.code == 0);
        let start = std::time::Instant::now();
        while !answers() {
            if start.elapsed() > READY {
                return Err(Error::server("containerd", "does not answer", &self.file("containerd.log")));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let busybox = Path::new(machine::BUSYBOX);
        let pause = Image::new(PAUSE).with_program("pause", busybox);
        let pause = pause.with_link("tail", "pause").running(&["/bin/tail", "-f", "/dev/null"]);
        self.load(&pause)?;
        let words =
            ["sh", "cat", "date", "echo", "env", "false", "id", "ls", "nc", "seq", "sleep", "tail", "true", "wc"];
        let shell = Image::new("docker.io/library/busybox:1").with_program("busybox", busybox);
        self.load(&words.iter().fold(shell, |image, word| image.with_link(word, "busybox")))
    }

    /// Gives the node an image. Pods take it when their pull policy is not
    /// `Always`.
    ///
    /// # Errors
    /// When it cannot be written or the container runtime refuses it.
    pub fn load(&self, image: &Image) -> Result<()> {
        let folder = Workdir::new("image")?;
        let archive = image.write(folder.path())?.display().to_string();
        let answer = self.inside(&["ctr", "--namespace=k8s.io", "images", "import", &archive])?;
        if answer.code == 0 {
            return Ok(());
        }
        Err(Error::Command { command: answer.command, output: answer.stdout + &answer.stderr })
    }

    /// Runs a command in the node's namespaces.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn inside(&self, words: &[&str]) -> Result<Finished> {
        self.namespaces.run(&self.file("home"), words)
    }

    /// Starts a server in the node's namespaces that is no container: to pods
    /// it is somebody at [`ADDRESS`].
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_inside(&self, name: &str, program: &Path, args: &[&str]) -> Result<Server> {
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        self.namespaces.start(&self.binaries, name, program, args)
    }

    /// Leads a loopback port to an address inside, `10.97.0.10:4222`.
    ///
    /// # Errors
    /// When the relays do not start.
    pub fn forward(&self, target: &str) -> Result<Forward> {
        let number = self.relays.fetch_add(1, Ordering::Relaxed);
        let file = self.file(&format!("relay-{number}"));
        let socket = format!("unix:{}", file.display());
        let relay = self.binaries.relay.clone();
        let name = format!("relay-{number}-inside");
        let mut inner =
            self.namespaces.start(&self.binaries, &name, &relay, vec![socket.clone(), format!("tcp:{target}")])?;
        inner.wait_until(READY, || file.exists())?;
        let mut tries = 1;
        loop {
            let [port] = ports::free()?;
            let args = vec![format!("tcp:127.0.0.1:{port}"), socket.clone()];
            let (name, folder) = (format!("relay-{number}"), self.work.path());
            let launch = Launch { name: &name, program: &relay, args, folder, tie: self.tie };
            let mut outer = Server::start(&self.binaries, launch)?;
            match outer.wait_until(READY, || ports::is_open(port)) {
                Ok(()) => return Ok(Forward { port, servers: [inner, outer] }),
                Err(e) if e.is_port_taken() && tries < 3 => tries += 1,
                Err(e) => return Err(e),
            }
        }
    }

    /// The kubeconfig of the administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.file(KUBECONFIG)
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

    /// Makes a namespace that no other test of this node has.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub fn namespace(&self, name: &str) -> Result<String> {
        self.kubectl.namespace(name)
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
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.tie == Tie::Leashed {
            // At once and everything: containers are not asked one by one.
            self.namespaces.kill();
        }
    }
}

/// Stops the node that was started detached with this folder, and says whether
/// there was one.
///
/// # Errors
/// When the folder cannot be read.
pub fn stop_node(folder: &Path) -> Result<bool> {
    let folder = folder.canonicalize().map_err(Error::io(format!("find {}", folder.display())))?;
    namespaces::kill_detached(&folder);
    let stopped = stop_detached(&folder)?;
    if let Ok(groups) = std::fs::read_to_string(folder.join(GROUPS)) {
        cgroups::remove(&groups);
        let _ = std::fs::remove_file(folder.join(GROUPS));
    }
    // Old data belongs to the old keys and ports.
    for old in ["disk", "etcd", "certificates", "cni"] {
        let _ = std::fs::remove_dir_all(folder.join(old));
    }
    Ok(!stopped.is_empty())
}
