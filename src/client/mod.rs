//! The other end: a client of agents over NATS.
//!
//! Owns connecting, requests with replies in parts, watch and log sessions
//! that notice loss, and commands with their events. It prints nothing; the
//! commands of `ankra-helm agent` draw what it gives.

pub mod access;
pub mod logs;
pub mod ops;
pub mod proxy;
pub mod relay;
pub mod request;
mod session;
pub mod watch;

pub use access::{Access, Secret};
pub use logs::{LogItem, Logs};
pub use ops::Following;
pub use request::{Client, Found, connect, discover};
pub use watch::Watch;
