//! The connection to NATS: made once, kept for ever.
//!
//! Owns back-off, the reaction to the connection's events and the bounds of
//! its queues. A refusal by the server is retried more slowly than an absence,
//! and shown on `/ready`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_nats::{Client, ClientError, Event, ServerError};

use super::{
    metrics::{Metrics, add},
    status::Status,
};
use crate::{
    client::Access,
    protocol::{Code, Error},
};

/// Longest pause between two attempts to connect.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Longest pause after the server refused the credentials.
const REFUSED_PAUSE_MAX: Duration = Duration::from_secs(300);
/// First pause after a refusal.
const REFUSED_PAUSE: Duration = Duration::from_secs(2);
/// Silence after which the server is asked for a sign of life; two without an
/// answer end the connection.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Messages that wait to be sent: with 512 KiB at most in each, a bound on
/// memory while the server is away.
const SEND_QUEUE: usize = 64;
/// Messages that wait in one subscription.
const RECEIVE_QUEUE: usize = 1024;

/// Makes a connection that comes back by itself. It returns before the server
/// has answered; `status` tells when it has.
///
/// # Errors
/// When the settings cannot be used.
pub(super) async fn connect(
    access: &Access,
    name: &str,
    status: Arc<Status>,
    metrics: Arc<Metrics>,
) -> Result<Client, Error> {
    let refusals = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&refusals);
    let options = access
        .options()
        .await?
        .name(name)
        .retry_on_initial_connect()
        .max_reconnects(None)
        .ping_interval(PING_INTERVAL)
        .client_capacity(SEND_QUEUE)
        .subscription_capacity(RECEIVE_QUEUE)
        .reconnect_delay_callback(move |attempts| pause(attempts, refusals.load(Ordering::Relaxed), rand::random()))
        .event_callback(move |event| {
            react(&event, &status, &metrics, &seen);
            std::future::ready(())
        });
    options
        .connect(access.servers()?)
        .await
        .map_err(|error| Error::new(Code::Upstream, format!("connecting to NATS: {error}")))
}

fn react(event: &Event, status: &Status, metrics: &Metrics, refusals: &AtomicU32) {
    match event {
        Event::Connected => {
            refusals.store(0, Ordering::Relaxed);
            add(&metrics.nats_connects, 1);
            status.nats_up();
            tracing::info!("connected to NATS");
        }
        Event::Disconnected | Event::Closed => {
            status.nats_down(None);
            tracing::warn!("disconnected from NATS");
        }
        Event::ClientError(ClientError::Other(why)) => {
            if is_refusal(why) {
                refusals.fetch_add(1, Ordering::Relaxed);
            }
            status.nats_down(Some(why.clone()));
            tracing::warn!(%why, "no connection to NATS");
        }
        Event::ServerError(ServerError::AuthorizationViolation) => {
            status.nats_down(Some("authorization violation".to_owned()));
            tracing::error!("NATS refuses the credentials");
        }
        other => tracing::warn!(event = %other, "NATS"),
    }
}

fn is_refusal(why: &str) -> bool {
    let why = why.to_ascii_lowercase();
    why.contains("authorization") || why.contains("authentication")
}

/// The pause before an attempt: doubling from 100 ms, or slower after
/// refusals, and between half and all of it by chance, so that many agents do
/// not come back at one moment.
fn pause(attempts: usize, refusals: u32, chance: u16) -> Duration {
    let doubled = |first: Duration, times: u32, cap: Duration| {
        first.checked_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX)).unwrap_or(cap).min(cap)
    };
    let whole = if refusals > 0 {
        doubled(REFUSED_PAUSE, refusals - 1, REFUSED_PAUSE_MAX)
    } else if attempts <= 1 {
        return Duration::ZERO;
    } else {
        let times = u32::try_from(attempts - 2).unwrap_or(u32::MAX);
        doubled(Duration::from_millis(100), times, PAUSE_MAX)
    };
    whole / 2 + (whole / 2).mul_f64(f64::from(chance) / f64::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_caps_and_differ_by_chance() {
        assert_eq!(pause(1, 0, 9), Duration::ZERO);
        assert_eq!(pause(2, 0, u16::MAX), Duration::from_millis(100));
        assert_eq!(pause(2, 0, 0), Duration::from_millis(50));
        assert_eq!(pause(40, 0, u16::MAX), PAUSE_MAX);
        assert_eq!(pause(usize::MAX, 0, u16::MAX), PAUSE_MAX);
        assert_eq!(pause(1, 1, u16::MAX), REFUSED_PAUSE);
        assert_eq!(pause(1, u32::MAX, u16::MAX), REFUSED_PAUSE_MAX);
    }
}
