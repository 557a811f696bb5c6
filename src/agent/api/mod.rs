//! The API server as the reads see it: bytes with a limit, kinds by name,
//! objects made small.
//!
//! Owns requests that only read. What changes the cluster goes through
//! `engine`.

pub mod client;
pub mod discovery;
pub mod feed;
pub mod path;
pub mod project;
pub mod table;

pub use client::{Accept, Api};
pub use discovery::Resolved;
