//! Settings that every command shares: global flags, `HELM_*` variables and
//! their defaults, resolved once.

use std::path::PathBuf;

use templates_compat::Compat;

/// The flags that every command has.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Global Flags")]
pub struct GlobalArgs {
    /// namespace scope for this request
    #[arg(short = 'n', long, global = true, value_name = "string")]
    pub namespace: Option<String>,
    /// path to the kubeconfig file
    #[arg(long, global = true, value_name = "string")]
    pub kubeconfig: Option<PathBuf>,
    /// name of the kubeconfig context to use
    #[arg(long, global = true, value_name = "string")]
    pub kube_context: Option<String>,
    /// the address and the port for the Kubernetes API server
    #[arg(long, global = true, value_name = "string")]
    pub kube_apiserver: Option<String>,
    /// bearer token used for authentication
    #[arg(long, global = true, value_name = "string")]
    pub kube_token: Option<String>,
    /// username to impersonate for the operation
    #[arg(long, global = true, value_name = "string")]
    pub kube_as_user: Option<String>,
    /// group to impersonate for the operation, this flag can be repeated to specify multiple groups
    #[arg(long, global = true, value_name = "stringArray")]
    pub kube_as_group: Vec<String>,
    /// the certificate authority file for the Kubernetes API server connection
    #[arg(long, global = true, value_name = "string")]
    pub kube_ca_file: Option<PathBuf>,
    /// if true, the Kubernetes API server's certificate will not be checked for validity
    #[arg(long, global = true)]
    pub kube_insecure_skip_tls_verify: bool,
    /// server name to use for Kubernetes API server certificate validation
    #[arg(long, global = true, value_name = "string")]
    pub kube_tls_server_name: Option<String>,
    /// client-side default throttling limit
    #[arg(long, global = true, value_name = "int")]
    pub burst_limit: Option<i64>,
    /// queries per second used when communicating with the Kubernetes API, not including bursting
    #[arg(long, global = true, value_name = "float32")]
    pub qps: Option<f32>,
    /// enable verbose output
    #[arg(long, global = true)]
    pub debug: bool,
    /// use colored output (never, auto, always)
    #[arg(long, visible_alias = "colour", global = true, value_name = "string")]
    pub color: Option<String>,
    /// path to the registry config file
    #[arg(long, global = true, value_name = "string")]
    pub registry_config: Option<PathBuf>,
    /// path to the file containing repository names and URLs
    #[arg(long, global = true, value_name = "string")]
    pub repository_config: Option<PathBuf>,
    /// path to the directory containing cached repository indexes
    #[arg(long, global = true, value_name = "string")]
    pub repository_cache: Option<PathBuf>,
    /// path to the directory containing cached content (e.g. charts)
    #[arg(long, global = true, value_name = "string")]
    pub content_cache: Option<PathBuf>,
    /// do it by the agent of this cluster, over NATS (NATS_URL and its credentials say how)
    #[arg(long, global = true, value_name = "CLUSTER")]
    pub agent: Option<String>,
    /// reproduce the output of this Helm (helm3 or helm4; also by ANKRA_HELM_COMPAT)
    #[arg(long, global = true, value_name = "string", value_parser = ["helm3", "helm4"])]
    pub compat: Option<String>,
}

/// The settings of this run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The global flags as they were given.
    pub args: GlobalArgs,
    /// The namespace that a flag or variable names.
    pub namespace: Option<String>,
    /// `--debug` or `HELM_DEBUG`
    pub debug: bool,
    /// `never`, `auto` or `always`
    pub color: String,
    /// Docker-style file with registry credentials.
    pub registry_config: PathBuf,
    /// `repositories.yaml`
    pub repository_config: PathBuf,
    /// The folder of cached indexes.
    pub repository_cache: PathBuf,
    /// The folder of cached archives.
    pub content_cache: PathBuf,
    /// The folder of plugins (only shown: none is run).
    pub plugins: PathBuf,
    /// `--qps` or `HELM_QPS`
    pub qps: Option<f32>,
    /// `--burst-limit` or `HELM_BURST_LIMIT`
    pub burst_limit: Option<i64>,
    /// Helm's cache, config and data folders.
    pub homes: [PathBuf; 3],
    /// How many revisions are kept (`HELM_MAX_HISTORY`), 10 unless said.
    pub max_history: usize,
    /// Which Helm's bytes are printed.
    pub compat: Compat,
}

/// A variable that is set and not empty.
pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|v| !v.is_empty())
}

/// Whether a variable says yes, by Go's rules for booleans.
pub(crate) fn env_bool(name: &str) -> bool {
    env(name).is_some_and(|v| matches!(v.as_str(), "1" | "t" | "T" | "TRUE" | "true" | "True"))
}

impl Settings {
    /// Resolves flags, then variables, then defaults.
    pub fn resolve(args: GlobalArgs) -> Settings {
        let homes = [
            home("HELM_CACHE_HOME", "XDG_CACHE_HOME", ".cache"),
            home("HELM_CONFIG_HOME", "XDG_CONFIG_HOME", ".config"),
            home("HELM_DATA_HOME", "XDG_DATA_HOME", ".local/share"),
        ];
        let [cache, config, data] = &homes;
        let path = |flag: &Option<PathBuf>, name: &str, default: PathBuf| {
            flag.clone().or_else(|| env(name).map(PathBuf::from)).unwrap_or(default)
        };
        Settings {
            namespace: args.namespace.clone().filter(|n| !n.is_empty()).or_else(|| env("HELM_NAMESPACE")),
            debug: args.debug || env_bool("HELM_DEBUG"),
            color: args.color.clone().or_else(|| env("HELM_COLOR")).unwrap_or_else(|| "auto".into()),
            registry_config: path(&args.registry_config, "HELM_REGISTRY_CONFIG", config.join("registry/config.json")),
            repository_config: path(
                &args.repository_config,
                "HELM_REPOSITORY_CONFIG",
                config.join("repositories.yaml"),
            ),
            repository_cache: path(&args.repository_cache, "HELM_REPOSITORY_CACHE", cache.join("repository")),
            content_cache: path(&args.content_cache, "HELM_CONTENT_CACHE", cache.join("content")),
            plugins: path(&None, "HELM_PLUGINS", data.join("plugins")),
            qps: args.qps.or_else(|| env("HELM_QPS")?.parse().ok()),
            burst_limit: args.burst_limit.or_else(|| env("HELM_BURST_LIMIT")?.parse().ok()),
            max_history: env("HELM_MAX_HISTORY").and_then(|v| v.parse().ok()).unwrap_or(10),
            compat: compat(args.compat.clone()),
            homes,
            args,
        }
    }
}

/// Which Helm a flag, else the variable, asks for.
pub(super) fn compat(flag: Option<String>) -> Compat {
    match flag.or_else(|| env("ANKRA_HELM_COMPAT")).as_deref() {
        Some("helm3") => Compat::Helm3,
        _ => Compat::Helm4,
    }
}

fn home(helm: &str, xdg: &str, default: &str) -> PathBuf {
    if let Some(path) = env(helm) {
        return PathBuf::from(path);
    }
    match env(xdg) {
        Some(base) => PathBuf::from(base).join("helm"),
        None => PathBuf::from(env("HOME").unwrap_or_default()).join(default).join("helm"),
    }
}
