//! The Kubernetes API server. Owns connecting, requests, discovery and what an
//! object is; not what becomes of objects ([`crate::plan`]).

pub(crate) mod apply;
pub(crate) mod build;
mod connect;
pub mod discovery;
pub(crate) mod limit;
pub(crate) mod live;
pub(crate) mod logs;
mod object;
mod rate;
mod request;
mod retry;
mod warning;
pub(crate) mod watch;

pub use connect::{ConnectOptions, acting_as};
pub(crate) use object::{Answers, Known, version};
pub use object::{Object, ObjectRef};
pub(crate) use request::{METADATA_ONLY, ONE_METADATA};

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use kube::Client;
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// What the API server says of itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServerVersion {
    /// `v1.36.3`
    pub git_version: String,
    /// `1`
    pub major: String,
    /// `36`, some vendors add a `+`.
    pub minor: String,
}

/// A connection to one API server, as one user. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    default_namespace: String,
    /// `https://host:port`, for texts.
    server: String,
    discovery: tokio::sync::Mutex<Option<Arc<discovery::Discovery>>>,
    limit: Arc<limit::Limit>,
    rate: Option<rate::Rate>,
    warnings: Option<warning::Warnings>,
    /// Whether the API server has ever answered: only then is it worth waiting
    /// for it to come back.
    answered: AtomicBool,
}

impl Inner {
    fn new(client: Client, default_namespace: String, server: String) -> Inner {
        let (discovery, limit, answered) = Default::default();
        Inner { client, default_namespace, server, discovery, limit, rate: None, warnings: None, answered }
    }
}

impl Cluster {
    /// Connects as kubeconfig, context and overrides say, or as the pod's
    /// service account. Nothing is sent yet.
    ///
    /// # Errors
    /// `kubernetes cluster unreachable: …` if there is no usable configuration.
    pub async fn connect(options: &ConnectOptions) -> Result<Cluster> {
        let config = connect::config(options).await?;
        let default_namespace = config.default_namespace.clone();
        let server = config.cluster_url.to_string().trim_end_matches('/').to_string();
        let client = connect::client(config)?;
        let rate = rate::Rate::of(options.qps, options.burst_limit);
        Ok(Cluster { inner: Arc::new(Inner { rate, ..Inner::new(client, default_namespace, server) }) })
    }

    /// The namespace that [`Cluster::connect`] would find, without a client:
    /// to prepare one takes longer than to render a small chart.
    ///
    /// # Errors
    /// A kubeconfig that cannot be used.
    pub async fn namespace_of(options: &ConnectOptions) -> Result<String> {
        Ok(connect::config(options).await?.default_namespace)
    }

    /// The same connection, with a receiver of the API server's warnings. Each
    /// text is told once.
    #[must_use]
    pub fn with_warnings(mut self, tell: impl Fn(&str) + Send + Sync + 'static) -> Cluster {
        // Only one that is not shared yet can get one.
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.warnings = Some(warning::Warnings::new(Arc::new(tell)));
        }
        self
    }

    /// A cluster behind a client that was made elsewhere.
    pub fn from_client(client: Client, default_namespace: impl Into<String>) -> Cluster {
        Cluster { inner: Arc::new(Inner::new(client, default_namespace.into(), String::new())) }
    }

    /// The API server's address; empty if the client was made elsewhere.
    pub fn server(&self) -> &str {
        &self.inner.server
    }

    /// The Kubernetes client.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// Asks for the server's version: whether it can be reached at all.
    ///
    /// # Errors
    /// `kubernetes cluster unreachable: …`.
    pub async fn version(&self) -> Result<ServerVersion> {
        let answer = self.get_call("/version").send().await;
        answer.map_err(|e| {
            // client-go does not look into this answer.
            let unknown = "the server has asked for the client to provide credentials";
            let e = if e.api_code() == Some(401) { request::api_error(unknown.into(), 401, "Unauthorized") } else { e };
            e.context("kubernetes cluster unreachable")
        })
    }

    /// The namespace of the context (`default` if it names none).
    pub fn default_namespace(&self) -> &str {
        &self.inner.default_namespace
    }
}
