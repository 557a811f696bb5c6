//! Names of the NATS headers that AH/1 uses.
//!
//! Owns names only; `agent::reply` writes them and `client::request` reads
//! them.

/// The protocol version, `1`.
pub const VERSION: &str = "Ah-V";
/// Identity of one request, chosen by the client, repeated in each reply.
pub const REQUEST: &str = "Ah-Req";
/// The moment after which the client no longer waits, in Unix milliseconds.
pub const DEADLINE: &str = "Ah-Deadline";
/// `i/n`: the i-th of n parts of one reply, counted from 1. The parts are
/// followed by one empty message.
pub const CHUNK: &str = "Ah-Chunk";
/// `sha256=<hex>` of the whole body, on the first part of a reply in parts.
pub const DIGEST: &str = "Ah-Digest";
/// Number of a message within a session, counted from 1 without a gap.
pub const SEQ: &str = "Ah-Seq";
/// Start of the agent process that sends the always-on stream; numbers begin
/// anew with another.
pub const EPOCH: &str = "Ah-Epoch";
/// `ctl` on the JSON control frames of a log session; absent on log lines.
pub const TYPE: &str = "Ah-T";
/// `<pod>/<container>` that a chunk of log lines comes from.
pub const SOURCE: &str = "Ah-Src";
/// Timestamp of the first line of a chunk, as the kubelet gave it.
pub const FIRST_TS: &str = "Ah-First-Ts";
/// Timestamp of the last line of a chunk, as the kubelet gave it.
pub const LAST_TS: &str = "Ah-Last-Ts";
/// How many lines with the timestamp of [`LAST_TS`] were sent, this chunk
/// included.
pub const LAST_LINES: &str = "Ah-Last-N";
/// `1` when the last line of a chunk goes on in the next chunk of its source.
pub const PARTIAL: &str = "Ah-Partial";
/// Error code of a NATS micro service reply.
pub const SERVICE_ERROR_CODE: &str = "Nats-Service-Error-Code";
/// Error text of a NATS micro service reply.
pub const SERVICE_ERROR: &str = "Nats-Service-Error";
/// Identity by which JetStream drops a message that was published twice.
pub const MSG_ID: &str = "Nats-Msg-Id";

/// Value of [`TYPE`] on control frames.
pub const TYPE_CONTROL: &str = "ctl";
