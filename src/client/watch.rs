//! Watching: frames of a watch session that survive interruptions.
//!
//! Owns credit and going on after a loss. What the client gets is always
//! consistent: either it goes on without a gap, or a new sync comes.

use std::time::Duration;

use super::{
    request::Client,
    session::{self, Live},
};
use crate::protocol::{
    Code, Error,
    id::ulid,
    session::EndReason,
    sum::Sums,
    watch::{WatchFrame, WatchRequest},
};

/// First and longest pause before a lost session is opened again.
const AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// A watch.
pub struct Watch {
    client: Client,
    request: WatchRequest,
    live: Option<Live>,
    /// Events taken since the last grant.
    taken: u64,
    pause: Duration,
    /// Interruptions so far.
    interruptions: u64,
    /// Sums of what this session has shown, to be compared with the agent's.
    sums: Sums,
}

impl Watch {
    /// Opens a watch. The session's id and resume token of `request` are set
    /// here.
    ///
    /// # Errors
    /// The agent's, or that nobody listens.
    pub async fn open(client: &Client, request: WatchRequest) -> Result<Self, Error> {
        let mut watch = Watch {
            client: client.clone(),
            request,
            live: None,
            taken: 0,
            pause: AGAIN.0,
            interruptions: 0,
            sums: Sums::default(),
        };
        watch.connect().await?;
        Ok(watch)
    }

    async fn connect(&mut self) -> Result<(), Error> {
        self.request.session = ulid();
        let (live, _) = session::open(&self.client, "watch.open", &self.request.session, &self.request).await?;
        self.live = Some(live);
        self.taken = 0;
        self.sums = Sums::default();
        Ok(())
    }

    /// How often the session was interrupted so far.
    pub fn interruptions(&self) -> u64 {
        self.interruptions
    }

    /// The next frame; `None` when the agent ended the watch in order.
    ///
    /// # Errors
    /// What ended it otherwise and cannot be cured by opening it again.
    pub async fn next(&mut self) -> Result<Option<WatchFrame>, Error> {
        loop {
            let frame = match &mut self.live {
                Some(live) => live.next().await.and_then(|message| {
                    serde_json::from_slice::<WatchFrame>(&message.payload)
                        .map_err(|error| Error::new(Code::Upstream, format!("a frame cannot be read: {error}")))
                }),
                None => match self.connect().await {
                    Ok(()) => continue,
                    Err(error) => Err(error),
                },
            };
            match frame {
                Ok(WatchFrame::End { reason: EndReason::Completed | EndReason::Cancelled, .. }) => return Ok(None),
                Ok(WatchFrame::End { reason: EndReason::Error, error }) => {
                    return Err(error.unwrap_or_else(|| Error::internal("the watch ended without a reason")));
                }
                Ok(WatchFrame::End { .. }) => self.interrupted().await,
                // Something was lost that no number showed: begin anew.
                Ok(WatchFrame::Bookmark { sums, .. }) if !self.sums.agree(&sums) => {
                    self.request.resume.clear();
                    self.interrupted().await;
                }
                Ok(frame) => {
                    self.pause = AGAIN.0;
                    self.sums.frame(&frame);
                    self.note(&frame).await;
                    return Ok(Some(frame));
                }
                Err(error) if self.is_curable(&error) => self.interrupted().await,
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether opening the session again may help. A token that the agent does
    /// not take any more is left out, which brings a new sync.
    fn is_curable(&mut self, error: &Error) -> bool {
        if self.live.is_none() && !self.request.resume.is_empty() && error.code == Code::Invalid {
            self.request.resume.clear();
            return true;
        }
        error.retryable
    }

    async fn interrupted(&mut self) {
        self.live = None;
        self.interruptions += 1;
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(AGAIN.1);
    }

    async fn note(&mut self, frame: &WatchFrame) {
        match frame {
            WatchFrame::Batch { events, resume } => {
                self.taken += events.len() as u64;
                if let Some(resume) = resume {
                    self.request.resume.clone_from(resume);
                }
            }
            WatchFrame::Bookmark { resume: Some(resume), .. } => self.request.resume.clone_from(resume),
            // What was sent before is void, so there is no way back to it.
            WatchFrame::Reset { .. } => self.request.resume.clear(),
            _ => {}
        }
        if self.taken > self.request.credit / 2
            && let Some(live) = &self.live
        {
            live.grant(self.taken).await;
            self.taken = 0;
        }
    }

    /// Ends the watch.
    pub async fn close(self) {
        if let Some(live) = self.live {
            live.cancel().await;
        }
    }
}
