//! The watchdog: a connection that is silent is replaced.
//!
//! Owns how often the server is asked and how long silence may last. What the
//! NATS client notices by itself never comes this far.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    credentials::Credentials,
    link::{Link, Way},
    status::Status,
};

/// How often the server is asked.
const INTERVAL: Duration = Duration::from_secs(15);
/// Longest wait for its answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Silence after which another connection is made.
const SILENCE_MAX: Duration = Duration::from_secs(180);

/// Watches over the connection until `stop`; `way` says how another is made.
pub(super) async fn run(link: Arc<Link>, status: Arc<Status>, way: Way, stop: CancellationToken) {
    let mut answered = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        if link.answers(ANSWER).await {
            answered = Instant::now();
            status.nats_answered();
        } else if answered.elapsed() > SILENCE_MAX {
            tracing::warn!(seconds = answered.elapsed().as_secs(), "NATS is silent: another connection is made");
            match link.replace(&way).await {
                Ok(()) => answered = Instant::now(),
                Err(error) => tracing::warn!(%error, "the connection was not replaced"),
            }
        }
    }
}

/// Looks at the credentials file and takes another connection when it has
/// changed, until `stop`.
pub(super) async fn follow_file(link: Arc<Link>, way: Way, credentials: Credentials, stop: CancellationToken) {
    let Some(path) = way.access.nats_creds.clone() else { return };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
            () = link.refused() => tokio::time::sleep(Duration::from_secs(1)).await,
        }
        match credentials.read(&path).await {
            Ok(true) => {
                tracing::info!("the file of NATS credentials has changed");
                if let Err(error) = link.replace(&way).await {
                    tracing::warn!(%error, "the connection was not replaced");
                }
            }
            Ok(false) => {}
            // A file that is being written is read again.
            Err(error) => tracing::warn!(%error, "the file of NATS credentials cannot be used"),
        }
    }
}
