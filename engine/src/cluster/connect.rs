//! From kubeconfig, context and flags to a client. Sends nothing.

use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderValue, Request};
use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tower::ServiceBuilder;

use crate::error::{Error, Result, Stage};

/// A client that asks in the name of `user`, with that user's rights. Those of
/// `client` must allow it.
pub fn acting_as(client: &Client, user: &HeaderValue) -> Client {
    let (inner, user) = (client.clone(), user.clone());
    let namespace = client.default_namespace().to_owned();
    let service = tower::service_fn(move |mut request: Request<Body>| {
        let client = inner.clone();
        request.headers_mut().insert("impersonate-user", user.clone());
        async move { client.send(request).await }
    });
    Client::new(service, namespace)
}

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
    /// `--qps`; below zero: no limit.
    pub qps: Option<f32>,
    /// `--burst-limit`
    pub burst_limit: Option<i64>,
    /// `-n/--namespace`: replaces the context's default namespace.
    pub namespace: Option<String>,
}

/// How much of one answer, and of all, the server may send before it is read.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// A connection that is silent for so long is asked for a sign of life, and
/// given up if there is none: client-go's times.
const SILENCE: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(15);

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
        Some(path) => {
            // One that is named must be there, in client-go's words.
            let missing = |e| unreachable_error(charts::go_file_error("stat", &path.to_string_lossy(), &e));
            std::fs::metadata(path).map_err(missing)?;
            Kubeconfig::read_from(path).map_err(|e| unreachable_error(deepest(&e)))?
        }
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
pub(super) fn client(mut config: Config) -> Result<Client> {
    // What is sent again, and when, is `retry`'s.
    config.default_retry = false;
    let client = if config.proxy_url.is_some() { Client::try_from(config) } else { direct(config) };
    client.map_err(|e| unreachable_error(deepest(&e)))
}

/// Many requests on one connection: one handshake, however many are under way.
/// (kube's own client opens a connection for each, and leaves it to the kernel
/// when a small request is sent.)
fn direct(config: Config) -> Result<Client, kube::Error> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(config.connect_timeout);
    let mut connector = HttpsConnectorBuilder::new().with_tls_config(config.rustls_client_config()?).https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name = name.clone().try_into().map_err(|e| kube::Error::Service(Box::new(e)))?;
        connector = connector.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let connector = connector.enable_all_versions().wrap_connector(tcp);
    let sender = hyper_util::client::legacy::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(SILENCE)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(tower::BoxError::from)
        .service(sender);
    Ok(Client::new(service, config.default_namespace))
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
