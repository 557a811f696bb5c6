//! A Helm release: render, plan, apply, wait, hooks, storage.
//!
//! Async begins here, in [`action`]. Nothing in this crate prints, reads the
//! command line or knows NATS: progress is typed [`Event`]s.
//!
//! The way of an action: find the last [`Release`] in [`storage`], render the
//! chart (`render`), read what is live ([`cluster`]), decide ([`plan`]),
//! carry it out (`execute`, `hooks`, `wait`) and store the new record. What
//! changes a release holds its `lock`; what a killed operation left is gone on
//! from in `heal`.

pub mod action;
pub mod cluster;
mod error;
pub mod event;
mod execute;
mod heal;
mod hooks;
mod host;
mod lock;
pub mod options;
pub mod plan;
pub mod provenance;
pub mod pull;
pub mod release;
mod render;
mod selector;
pub mod storage;
pub mod tls;
mod wait;

pub use cluster::{Cluster, ConnectOptions, acting_as};
pub use error::{Error, Result, Stage};
pub use event::{Event, Events, Goal};
pub use options::{DryRun, ServerSide, WaitStrategy};
pub use plan::Plan;
pub use release::{Hook, Info, Release, Status};
pub use tokio_util::sync::CancellationToken;

use std::sync::Arc;

use templates_compat::Compat;

use crate::storage::ReleaseStore;

/// A cluster, a namespace and the place where releases are stored: what every
/// action needs. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    cluster: Cluster,
    namespace: String,
    store: Arc<dyn ReleaseStore>,
    compat: Compat,
    /// Whether the store is the one that [`Engine::new`] made.
    own_store: bool,
}

impl Engine {
    /// An engine that stores releases as Secrets in `namespace`, as Helm does
    /// by default. Lists over all namespaces take an empty `namespace`.
    pub fn new(cluster: Cluster, namespace: impl Into<String>) -> Engine {
        let namespace = namespace.into();
        let store = Arc::new(storage::SecretStore::new(cluster.clone(), namespace.clone()));
        Engine { cluster, namespace, store, compat: Compat::Helm4, own_store: true }
    }

    /// The same engine with another place for releases.
    pub fn with_store(mut self, store: Arc<dyn ReleaseStore>) -> Engine {
        self.store = store;
        self.own_store = false;
        self
    }

    /// The same engine with another Helm's bytes.
    pub fn with_compat(mut self, compat: Compat) -> Engine {
        self.compat = compat;
        if self.own_store {
            let store = storage::SecretStore::new(self.cluster.clone(), self.namespace.clone());
            self.store = Arc::new(store.with_compat(compat));
        }
        self
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The namespace of the releases (empty: all).
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Where releases are stored.
    pub fn store(&self) -> &Arc<dyn ReleaseStore> {
        &self.store
    }

    /// Which Helm's bytes are made.
    pub fn compat(&self) -> Compat {
        self.compat
    }
}

/// What goes with one run of an action: where its events go, and what stops it.
#[derive(Clone, Default)]
pub struct Run {
    /// Receives the events, in order.
    pub events: Events,
    /// Cancelled by the caller (Ctrl-C): the action stops at the next await,
    /// marks the release failed and returns [`Error::Cancelled`].
    pub cancel: CancellationToken,
}
