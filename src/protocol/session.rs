//! What all sessions have in common: opening, credit, keeping alive, ending.
//!
//! Owns the control frames that a client sends and the reasons for an end.
//! A session belongs to the one agent process that answered its `open`.

use serde::{Deserialize, Serialize};

use super::{error::Error, subject};

/// Seconds without a control frame after which a session ends, unless the
/// request names others.
pub const TTL_DEFAULT_S: u64 = 60;
/// Shortest and longest time to live that a request may name.
pub const TTL_RANGE_S: std::ops::RangeInclusive<u64> = 2..=3600;

/// Reply to the `open` of a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Opened {
    /// The session's id.
    pub session: String,
    /// Where its data appears.
    pub data_subject: String,
    /// Where its control frames are sent.
    pub control_subject: String,
    /// The agent process that owns it.
    pub instance: String,
    /// Changes whenever that process starts anew.
    pub epoch: String,
    /// Seconds after which it ends without a control frame.
    pub ttl_s: u64,
}

/// A control frame, from client to agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Control {
    /// Allows `n` more units: events of a watch, bytes of a log.
    Credit {
        /// How many.
        n: u64,
    },
    /// The client is still there.
    Keep,
    /// The client wants no more.
    Cancel,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// All that was asked for was sent.
    Completed,
    /// The client cancelled it.
    Cancelled,
    /// No control frame came within the time to live.
    Idle,
    /// The agent stops; open it anew to reach another agent.
    Shutdown,
    /// It cannot go on; the frame holds the error.
    Error,
}

/// Checks the id that a client chose for its session.
///
/// # Errors
/// When it could not be one token of a subject.
pub fn check_id(id: &str) -> Result<(), Error> {
    if subject::is_token(id) {
        return Ok(());
    }
    Err(Error::invalid("session must be 1 to 64 letters, digits, hyphens or underscores"))
}

/// Checks a time to live; 0 means [`TTL_DEFAULT_S`].
///
/// # Errors
/// When it is outside [`TTL_RANGE_S`].
pub fn check_ttl(ttl_s: u64) -> Result<u64, Error> {
    match ttl_s {
        0 => Ok(TTL_DEFAULT_S),
        ttl if TTL_RANGE_S.contains(&ttl) => Ok(ttl),
        ttl => {
            let (from, to) = (TTL_RANGE_S.start(), TTL_RANGE_S.end());
            Err(Error::invalid(format!("ttl_s {ttl} is not within {from} to {to}")))
        }
    }
}
