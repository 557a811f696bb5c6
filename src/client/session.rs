//! The client's end of a session: numbered messages, credit, signs of life.
//!
//! Owns noticing that something was lost or that the agent is gone. Going on
//! after that is `watch`'s and `logs`' business.

use std::time::Duration;

use async_nats::{Message, Subscriber};
use futures_util::StreamExt;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::request::{Client, lost};
use crate::protocol::{
    Code, Error, header,
    session::{Control, Opened},
};

/// Longest wait for the agent when a session is given up.
const GOODBYE: Duration = Duration::from_millis(500);

/// An open session.
pub(super) struct Live {
    client: Client,
    data: Subscriber,
    control: String,
    seq: u64,
    silence: Duration,
    keeper: tokio::task::JoinHandle<()>,
}

/// Opens a session: listens first, then asks `verb` with a `request` that
/// names `session`.
pub(super) async fn open(
    client: &Client,
    verb: &str,
    session: &str,
    request: &impl Serialize,
) -> Result<(Live, Opened), Error> {
    let subjects = client.subjects();
    let data = client.nats().subscribe(subjects.session_data(session)).await.map_err(lost)?;
    let opened: Opened = client.request(verb, request).await?;
    let control = opened.control_subject.clone();
    let ttl = Duration::from_secs(opened.ttl_s);
    let keeper = tokio::spawn(keep(client.clone(), control.clone(), ttl / 3));
    Ok((Live { client: client.clone(), data, control, seq: 0, silence: ttl, keeper }, opened))
}

async fn keep(client: Client, control: String, every: Duration) {
    let mut ticks = interval(every.max(Duration::from_millis(100)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        send(&client, &control, Control::Keep).await;
    }
}

async fn send(client: &Client, control: &str, frame: Control) {
    // A frame that is lost ends the session by its time to live.
    let body = serde_json::to_vec(&frame).unwrap_or_default();
    let _ = client.nats().publish(control.to_owned(), body.into()).await;
}

impl Live {
    /// The next message.
    ///
    /// # Errors
    /// [`Code::Upstream`] when a message was lost or the agent is silent for
    /// longer than the session's time to live.
    pub(super) async fn next(&mut self) -> Result<Message, Error> {
        let message = timeout(self.silence, self.data.next())
            .await
            .map_err(|_| Error::new(Code::Upstream, "the agent has gone silent"))?
            .ok_or_else(|| Error::new(Code::Upstream, "the connection to NATS was closed"))?;
        let seq = message.headers.as_ref().and_then(|headers| headers.get(header::SEQ)?.as_str().parse::<u64>().ok());
        if seq != Some(self.seq + 1) {
            return Err(Error::new(Code::Upstream, "a message of the session was lost"));
        }
        self.seq += 1;
        Ok(message)
    }

    /// Allows `n` more units.
    pub(super) async fn grant(&self, n: u64) {
        send(&self.client, &self.control, Control::Credit { n }).await;
    }

    /// Tells the agent that no more is wanted.
    pub(super) async fn cancel(self) {
        send(&self.client, &self.control, Control::Cancel).await;
        let _ = timeout(GOODBYE, self.client.nats().flush()).await;
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}
