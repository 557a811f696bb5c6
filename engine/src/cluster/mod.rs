//! The Kubernetes API server. Owns connecting, requests, discovery and what an
//! object is; not what becomes of objects ([`crate::plan`]).

mod connect;
mod object;
mod request;

pub use connect::ConnectOptions;
pub use object::ObjectRef;

use std::sync::Arc;

use kube::Client;

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
}

impl Cluster {
    /// Connects as kubeconfig, context and overrides say, or as the pod's
    /// service account. Nothing is sent yet.
    ///
    /// # Errors
    /// `kubernetes cluster unreachable: …` if there is no usable configuration.
    pub async fn connect(options: &ConnectOptions) -> crate::error::Result<Cluster> {
        let config = connect::config(options).await?;
        let default_namespace = config.default_namespace.clone();
        let server = config.cluster_url.to_string().trim_end_matches('/').to_string();
        let client = connect::client(config)?;
        Ok(Cluster { inner: Arc::new(Inner { client, default_namespace, server }) })
    }

    /// A cluster behind a client that was made elsewhere.
    pub fn from_client(client: Client, default_namespace: impl Into<String>) -> Cluster {
        Cluster { inner: Arc::new(Inner { client, default_namespace: default_namespace.into(), server: String::new() }) }
    }

    /// The API server's address; empty if the client was made elsewhere.
    pub fn server(&self) -> &str {
        &self.inner.server
    }

    /// The Kubernetes client.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// The namespace of the context (`default` if it names none).
    pub fn default_namespace(&self) -> &str {
        &self.inner.default_namespace
    }
}
