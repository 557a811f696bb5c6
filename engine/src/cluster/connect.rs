//! From kubeconfig, context and flags to a client. Sends nothing.

use std::path::PathBuf;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::error::{Error, Result, Stage};

/// Which API server, and as whom. Field names are those of Helm's flags.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// `--kubeconfig`; `None`: `$KUBECONFIG` (a list), then `~/.kube/config`,
    /// then the pod's service account.
    pub kubeconfig: Option<PathBuf>,
    /// `--kube-context`
    pub kube_context: Option<String>,
    /// `--kube-apiserver`
    pub kube_apiserver: Option<String>,
    /// `--kube-token`
    pub kube_token: Option<String>,
    /// `--kube-as-user`
    pub kube_as_user: Option<String>,
    /// `--kube-as-group`
    pub kube_as_groups: Vec<String>,
    /// `--kube-ca-file`
    pub kube_ca_file: Option<PathBuf>,
    /// `--kube-insecure-skip-tls-verify`
    pub kube_insecure_skip_tls_verify: bool,
    /// `--kube-tls-server-name`
    pub kube_tls_server_name: Option<String>,
    /// `-n/--namespace`: replaces the context's default namespace.
    pub namespace: Option<String>,
}

/// What client-go uses when there is no configuration at all.
const FALLBACK_SERVER: &str = "http://localhost:8080";

fn unreachable_error(text: impl std::fmt::Display) -> Error {
    Error::other(Stage::Connect, format!("kubernetes cluster unreachable: {text}"))
}

/// The configuration that the options name.
pub(super) async fn config(options: &ConnectOptions) -> Result<Config> {
    let mut config = match read(options).await? {
        Some(config) => config,
        None => match Config::incluster() {
            Ok(config) => config,
            Err(_) => Config::new(http::Uri::from_static(FALLBACK_SERVER)),
        },
    };
    overrides(&mut config, options)?;
    // A long-running watch or log has nothing to say for a long time.
    config.read_timeout = None;
    let agent = concat!("ankra-helm/", env!("CARGO_PKG_VERSION"));
    config.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static(agent)));
    Ok(config)
}

async fn read(options: &ConnectOptions) -> Result<Option<Config>> {
    let kubeconfig = match &options.kubeconfig {
        Some(path) => Kubeconfig::read_from(path).map_err(|e| unreachable_error(deepest(&e)))?,
        None => match Kubeconfig::read() {
            Ok(kubeconfig) => kubeconfig,
            // Like client-go: a missing file is an empty configuration.
            Err(e) if is_missing(&e) => return context_needs_config(options),
            Err(e) => return Err(unreachable_error(deepest(&e))),
        },
    };
    if kubeconfig.clusters.is_empty() && kubeconfig.contexts.is_empty() {
        return context_needs_config(options);
    }
    if let Some(context) = &options.kube_context
        && !kubeconfig.contexts.iter().any(|c| c.name == *context)
    {
        return Err(missing_context(context));
    }
    let choice = KubeConfigOptions { context: options.kube_context.clone(), cluster: None, user: None };
    let config = Config::from_custom_kubeconfig(kubeconfig, &choice).await;
    config.map(Some).map_err(|e| unreachable_error(deepest(&e)))
}

fn context_needs_config(options: &ConnectOptions) -> Result<Option<Config>> {
    match &options.kube_context {
        Some(context) => Err(missing_context(context)),
        None => Ok(None),
    }
}

fn missing_context(context: &str) -> Error {
    unreachable_error(format!("context {context:?} does not exist"))
}

fn is_missing(error: &kube::config::KubeconfigError) -> bool {
    use kube::config::KubeconfigError as E;
    match error {
        E::FindPath | E::CurrentContextNotSet => true,
        E::ReadConfig(io, _) => io.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

fn overrides(config: &mut Config, options: &ConnectOptions) -> Result<()> {
    if let Some(server) = &options.kube_apiserver {
        // client-go takes a bare `host:port` too.
        let server = if server.contains("://") { server.clone() } else { format!("http://{server}") };
        config.cluster_url =
            server.parse().map_err(|e| unreachable_error(format!("host must be a URL or a host:port pair: {e}")))?;
    }
    if let Some(token) = &options.kube_token {
        config.auth_info = kube::config::AuthInfo {
            token: Some(token.clone().into()),
            impersonate: config.auth_info.impersonate.take(),
            impersonate_groups: config.auth_info.impersonate_groups.take(),
            ..Default::default()
        };
    }
    if let Some(user) = &options.kube_as_user {
        config.auth_info.impersonate = Some(user.clone());
    }
    if !options.kube_as_groups.is_empty() {
        config.auth_info.impersonate_groups = Some(options.kube_as_groups.clone());
    }
    if let Some(path) = &options.kube_ca_file {
        config.root_cert = None;
        config.root_cert_file = Some(path.clone());
    }
    if options.kube_insecure_skip_tls_verify {
        config.accept_invalid_certs = true;
        config.root_cert = None;
    }
    if let Some(name) = &options.kube_tls_server_name {
        config.tls_server_name = Some(name.clone());
    }
    if let Some(namespace) = &options.namespace {
        config.default_namespace.clone_from(namespace);
    }
    Ok(())
}

/// The client of a configuration.
pub(super) fn client(config: Config) -> Result<Client> {
    Client::try_from(config).map_err(|e| unreachable_error(deepest(&e)))
}

/// The innermost error: the one that says what is wrong.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(inner) = next {
        text = inner.to_string();
        next = inner.source();
    }
    text
}
