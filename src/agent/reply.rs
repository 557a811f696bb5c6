//! The envelope of replies: headers, errors, bodies in parts.
//!
//! Owns how a reply that is longer than one message is cut. What is replied is
//! decided elsewhere.

use async_nats::{HeaderMap, service::Request};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{Agent, metrics::add};
use crate::protocol::{Code, Error, VERSION, error::ErrorReply, header, id::unix_ms};

/// Longest body of one message, whatever the server allows.
const MESSAGE_MAX: usize = 512 * 1024;
/// Bytes of a message that are left to its headers.
const HEADER_ROOM: usize = 16 * 1024;

/// Longest body of one message on a server with this `max_payload`.
pub(super) fn message_max(max_payload: usize) -> usize {
    max_payload.saturating_sub(HEADER_ROOM).clamp(1024, MESSAGE_MAX)
}

/// Headers that every message has.
pub(super) fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::VERSION, VERSION.to_string());
    headers
}

/// Milliseconds until the deadline that the request names; `None` without one.
pub(super) fn time_left(headers: Option<&HeaderMap>) -> Option<u64> {
    let deadline: u64 = headers?.get(header::DEADLINE)?.as_str().parse().ok()?;
    Some(deadline.saturating_sub(unix_ms()))
}

/// Sends the reply to a request that came by the connection `generation`.
pub(super) async fn send(agent: &Agent, request: &Request, generation: u64, outcome: Result<Vec<u8>, Error>) {
    if request.message.reply.is_none() {
        return;
    }
    add(&agent.metrics.requests, 1);
    let mut base = headers();
    if let Some(id) = request.message.headers.as_ref().and_then(|headers| headers.get(header::REQUEST)) {
        base.insert(header::REQUEST, id.clone());
    }
    let sent = match outcome {
        Ok(body) => send_body(agent, request, generation, base, body).await,
        Err(error) => {
            add(&agent.metrics.request_errors, 1);
            send_error(agent, request, generation, base, error).await
        }
    };
    if let Err(error) = sent {
        add(&agent.metrics.publish_failures, 1);
        tracing::warn!(subject = %request.message.subject, %error, "a reply could not be sent");
    }
}

type Sent = Result<(), async_nats::client::PublishError>;

/// Answers by the connection that the request came by, which counts it in the
/// service's statistics; or by the one in use, when that is another.
async fn respond(agent: &Agent, request: &Request, generation: u64, body: Bytes, headers: HeaderMap) -> Sent {
    if agent.link.generation() == generation {
        return request.respond_with_headers(Ok(body), headers).await;
    }
    match request.message.reply.clone() {
        Some(reply) => agent.link.publish(reply.to_string(), headers, body).await,
        None => Ok(()),
    }
}

async fn send_body(agent: &Agent, request: &Request, generation: u64, mut base: HeaderMap, body: Vec<u8>) -> Sent {
    let part = agent.message_max();
    if body.len() <= part {
        return respond(agent, request, generation, body.into(), base).await;
    }
    let Some(reply) = request.message.reply.clone() else { return Ok(()) };
    let digest = format!("sha256={}", hex(&Sha256::digest(&body)));
    let body = Bytes::from(body);
    let parts = body.len().div_ceil(part);
    for at in 0..parts {
        let mut headers = base.clone();
        headers.insert(header::CHUNK, format!("{}/{parts}", at + 1));
        if at == 0 {
            headers.insert(header::DIGEST, digest.as_str());
        }
        let piece = body.slice(at * part..((at + 1) * part).min(body.len()));
        agent.link.publish(reply.to_string(), headers, piece).await?;
    }
    base.insert(header::CHUNK, format!("{parts}/{parts}"));
    respond(agent, request, generation, Bytes::new(), base).await
}

/// The service API has no body for errors, so the error's headers are set
/// here, beside its body.
async fn send_error(agent: &Agent, request: &Request, generation: u64, mut headers: HeaderMap, error: Error) -> Sent {
    if matches!(error.code, Code::Internal) {
        tracing::error!(subject = %request.message.subject, %error, "a request failed");
    } else {
        tracing::debug!(subject = %request.message.subject, code = %error.code, %error, "a request was refused");
    }
    headers.insert(header::SERVICE_ERROR_CODE, error.http.to_string());
    headers.insert(header::SERVICE_ERROR, one_line(&error.message));
    let body = serde_json::to_vec(&ErrorReply { error }).unwrap_or_default();
    let body = if body.len() > agent.message_max() { Vec::new() } else { body };
    respond(agent, request, generation, body.into(), headers).await
}

/// A header is one line of printable characters.
fn one_line(text: &str) -> String {
    /// Enough to know what happened; the body has the rest.
    const HEADER_TEXT_MAX: usize = 256;
    text.chars().map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { ' ' }).take(HEADER_TEXT_MAX).collect()
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_leaves_room_for_its_headers() {
        assert_eq!(message_max(1024 * 1024), MESSAGE_MAX);
        assert_eq!(message_max(64 * 1024), 48 * 1024);
        assert_eq!(message_max(0), 1024);
    }

    #[test]
    fn a_header_is_one_line() {
        assert_eq!(one_line("a\r\nNats-X: y é"), "a  Nats-X: y  ");
    }

    #[test]
    fn a_deadline_in_the_past_leaves_no_time() {
        let mut headers = HeaderMap::new();
        assert_eq!(time_left(Some(&headers)), None);
        headers.insert(header::DEADLINE, "1");
        assert_eq!(time_left(Some(&headers)), Some(0));
        headers.insert(header::DEADLINE, "soon");
        assert_eq!(time_left(Some(&headers)), None);
    }
}
