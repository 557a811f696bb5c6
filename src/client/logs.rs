//! Reading logs: lines of a log session that survive interruptions.
//!
//! Owns credit, the place in each log and going on there after a loss, so that
//! no line is lost and none comes twice.

use std::{collections::BTreeMap, time::Duration};

use async_nats::Message;
use bytes::Bytes;

use super::{
    request::Client,
    session::{self, Live},
};
use crate::protocol::{
    Code, Error, header,
    id::{now_rfc3339, ulid},
    logs::{GapReason, LogFrame, LogsRequest, Place},
    session::EndReason,
};

/// First and longest pause before a lost session is opened again.
const AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// What a log session brings.
#[derive(Clone, Debug, PartialEq)]
pub enum LogItem {
    /// Whole lines of a source.
    Lines {
        /// `<pod>/<container>`.
        src: String,
        /// The lines with their ends.
        bytes: Bytes,
        /// Whether the last line goes on in the next lines of the source.
        partial: bool,
    },
    /// Lines of a source may be missing here.
    Gap(String, GapReason),
    /// Lines of a source may follow.
    Added(String),
    /// No more lines of a source follow; the error says why, when it is not
    /// simply the end of the log.
    Ended(String, Option<Error>),
}

/// A log session.
pub struct Logs {
    client: Client,
    request: LogsRequest,
    live: Option<Live>,
    places: BTreeMap<String, Place>,
    opened: String,
    taken: u64,
    pause: Duration,
}

impl Logs {
    /// Opens a log session. The session's id of `request` is set here.
    ///
    /// # Errors
    /// The agent's, or that nobody listens.
    pub async fn open(client: &Client, request: LogsRequest) -> Result<Self, Error> {
        let mut logs = Logs {
            client: client.clone(),
            places: request.resume.clone(),
            opened: now_rfc3339(),
            request,
            live: None,
            taken: 0,
            pause: AGAIN.0,
        };
        logs.connect().await?;
        Ok(logs)
    }

    async fn connect(&mut self) -> Result<(), Error> {
        self.request.session = ulid();
        self.request.resume.clone_from(&self.places);
        let (live, _) = session::open(&self.client, "logs.open", &self.request.session, &self.request).await?;
        self.live = Some(live);
        self.taken = 0;
        Ok(())
    }

    /// What comes next; `None` at the end.
    ///
    /// # Errors
    /// What ended the session and cannot be cured by opening it again.
    pub async fn next(&mut self) -> Result<Option<LogItem>, Error> {
        loop {
            let message = match &mut self.live {
                Some(live) => live.next().await,
                None => match self.connect().await {
                    Ok(()) => continue,
                    Err(error) => Err(error),
                },
            };
            let message = match message {
                Ok(message) => message,
                Err(error) if error.retryable => {
                    self.interrupted().await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.pause = AGAIN.0;
            if let Some(lines) = lines(&message) {
                self.note(&message, &lines).await;
                return Ok(Some(lines));
            }
            let frame: LogFrame = serde_json::from_slice(&message.payload)
                .map_err(|error| Error::internal(format!("a frame cannot be read: {error}")))?;
            match frame {
                LogFrame::SourceAdded { src } => return Ok(Some(LogItem::Added(src))),
                LogFrame::SourceEnded { src, error } => {
                    if let Some(place) = self.places.get_mut(&src) {
                        place.done = error.is_none();
                    }
                    return Ok(Some(LogItem::Ended(src, error)));
                }
                LogFrame::Gap { src, reason, .. } => return Ok(Some(LogItem::Gap(src, reason))),
                LogFrame::Bookmark => {}
                LogFrame::End { reason: EndReason::Completed | EndReason::Cancelled, .. } => return Ok(None),
                LogFrame::End { reason: EndReason::Error, error } => {
                    return Err(error.unwrap_or_else(|| Error::internal("the logs ended without a reason")));
                }
                LogFrame::End { .. } => self.interrupted().await,
            }
        }
    }

    async fn interrupted(&mut self) {
        self.live = None;
        // A log that had said nothing yet goes on from the beginning of the
        // session, not from another last line.
        self.request.tail_lines = -1;
        self.request.since_seconds = 0;
        self.request.since_time.clone_from(&self.opened);
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(AGAIN.1);
    }

    async fn note(&mut self, message: &Message, item: &LogItem) {
        let LogItem::Lines { src, bytes, .. } = item else { return };
        let value = |name: &str| message.headers.as_ref()?.get(name).map(|value| value.as_str().to_owned());
        if let (Some(stamp), Some(lines)) =
            (value(header::LAST_TS), value(header::LAST_LINES).and_then(|n| n.parse().ok()))
        {
            self.places.insert(src.clone(), Place { stamp, lines, done: false });
        }
        self.taken += bytes.len() as u64;
        if self.taken > self.request.credit_bytes / 2
            && let Some(live) = &self.live
        {
            live.grant(self.taken).await;
            self.taken = 0;
        }
    }

    /// Ends the session.
    pub async fn close(self) {
        if let Some(live) = self.live {
            live.cancel().await;
        }
    }
}

/// The lines of a message; `None` when it is a control frame.
fn lines(message: &Message) -> Option<LogItem> {
    let headers = message.headers.as_ref()?;
    if headers.get(header::TYPE).is_some_and(|kind| kind.as_str() == header::TYPE_CONTROL) {
        return None;
    }
    Some(LogItem::Lines {
        src: headers.get(header::SOURCE)?.as_str().to_owned(),
        bytes: message.payload.clone(),
        partial: headers.get(header::PARTIAL).is_some(),
    })
}

/// The error of a request that names no pods.
pub fn no_target() -> Error {
    Error::new(Code::Invalid, "name a pod, a workload (deploy/web) or a selector (-l app=web)")
}
