//! The product: the `ankra-helm` command and the `ankra-agent` daemon.

pub mod agent;
pub mod cli;
pub mod client;
pub mod protocol;
