//! Builds, starts and stops the real servers that tests and the demo talk to:
//! a Kubernetes control plane with nodes that run pods, a NATS server, an OCI
//! registry, an HTTP file server, and real Helm as the living reference; where
//! root is there, a node with real containers, too ([`node`]).
//!
//! Everything comes from the Go module proxy, pinned by version, and is kept in
//! a cache outside Cargo's target folder ([`cache`]). Each server has ports of
//! its own and is tied to the process that started it ([`server`]): when that
//! ends, however it ends, its servers end too. Nothing here knows what is
//! tested.

pub mod cache;
pub mod control_plane;
mod error;
pub mod fileserver;
mod go;
pub mod golden;
pub mod helm;
pub mod kubeconfig;
mod kubectl;
mod manifests;
pub mod nats;
pub mod node;
pub mod ports;
pub mod program;
pub mod registry;
pub mod server;
pub mod static_build;
pub mod suite;
pub mod tools;
pub mod workdir;

pub use cache::{Binaries, Progress, build, build_only};
pub use control_plane::{ControlPlane, ControlPlaneOptions, User};
pub use error::{Error, Result};
pub use fileserver::{FileServer, FileServerOptions, FileServerTls};
pub use helm::HelmVersion;
pub use nats::{NatsOptions, NatsServer};
pub use node::{Forward, Image, Node, NodeOptions, stop_node};
pub use program::{Finished, Program};
pub use registry::{Registry, RegistryOptions};
pub use server::Server;
pub use workdir::Workdir;
