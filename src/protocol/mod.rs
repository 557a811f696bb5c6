//! AH/1, the messages between an agent and its clients.
//!
//! Owns the names of subjects and headers, the bodies of all messages, their
//! limits and the validation of what arrives from outside. It knows neither
//! NATS nor Kubernetes: these are plain types, shared by the daemon and by the
//! client, and described for users in `docs/protocol.md`.

pub mod command;
pub mod error;
pub mod header;
pub mod id;
pub mod info;
pub mod inspect;
pub mod logs;
pub mod objects;
pub mod read;
pub mod register;
pub mod releases;
pub mod session;
pub mod sort;
pub mod subject;
pub mod sum;
pub mod user;
pub mod validate;
pub mod watch;

pub use error::{Code, Error};
pub use subject::{ClusterId, Subjects};

/// The protocol's version, in the header `Ah-V` and in the agent's `info`.
pub const VERSION: u32 = 1;

/// Prefix of every subject, unless the agent and its clients are told another.
pub const DEFAULT_PREFIX: &str = "ah.v1";

/// Name of the NATS micro service that an agent registers.
pub const SERVICE_NAME: &str = "ah-agent";
