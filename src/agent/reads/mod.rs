//! Requests that are answered once: `info`, `kinds`, `list`, `get`.
//!
//! Owns what each of them means. Receiving and replying are `serve`'s.

mod events;
mod get;
mod info;
mod list;
pub(super) mod releases;
mod reveal;
mod sorted;
mod top;

use serde::de::DeserializeOwned;

pub(super) use self::{events::events, reveal::reveal, top::top};
pub(super) use get::get;
pub(super) use info::{info, kinds};
pub(super) use list::list;

use crate::protocol::Error;

/// Longest body of a reply that is made on purpose, in bytes. One object may
/// be longer; then the reply goes in parts.
pub(super) const REPLY_TARGET: usize = 256 * 1024;

/// Reads the body of a request; an empty body counts as `{}`.
pub(super) fn request<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Error> {
    let payload = if payload.is_empty() { b"{}".as_slice() } else { payload };
    // A list would be taken for the fields in their order.
    if payload.trim_ascii_start().first() != Some(&b'{') {
        return Err(Error::invalid("the request cannot be read: it is no JSON object"));
    }
    serde_json::from_slice(payload).map_err(|error| Error::invalid(format!("the request cannot be read: {error}")))
}
