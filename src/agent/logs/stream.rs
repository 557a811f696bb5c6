//! One container's log, from the API server to the client.
//!
//! Owns the request to the API server, the chunks and the credit that they
//! cost: without credit nothing is read, so a slow client slows the kubelet
//! and not the agent.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{
    chunk::{Chunk, Chunker},
    filter::Filter,
};
use crate::{
    agent::{
        api::{Accept, Resolved, path::Path},
        metrics::{InUse, add},
        reply,
        session::{Last, Session},
    },
    protocol::{
        Error, header,
        logs::{CHUNK_MAX, CHUNK_MS, GapReason, LogFrame, LogsRequest, Place},
    },
};

/// Which log is read, and from where on.
#[derive(Clone, Debug)]
pub(super) struct Log {
    /// Name of the pod.
    pub(super) pod: String,
    /// Name of the container.
    pub(super) container: String,
    /// Goes on here; `None` for a first reading.
    pub(super) place: Option<Place>,
    /// Whether a first reading is limited by `tail_lines` and `since_seconds`.
    pub(super) limited: bool,
}

impl Log {
    /// A first reading, which may go on where an earlier session ended.
    pub(super) fn first(pod: &str, container: String, limited: bool, request: &LogsRequest) -> Self {
        let mut log = Log { pod: pod.to_owned(), container, place: None, limited };
        log.place = request.resume.get(&log.src()).cloned();
        log.limited &= request.resume.is_empty();
        log
    }

    /// `<pod>/<container>`.
    pub(super) fn src(&self) -> String {
        format!("{}/{}", self.pod, self.container)
    }

    fn path(&self, pods: &Resolved, request: &LogsRequest) -> Path {
        let mut path = Path::objects(pods, &request.namespace)
            .segment(&self.pod)
            .segment("log")
            .query("container", &self.container)
            // The place in the log is known by the timestamps.
            .query("timestamps", "true");
        if request.follow {
            path = path.query("follow", "true");
        }
        if request.previous {
            path = path.query("previous", "true");
        }
        if request.limit_bytes > 0 {
            path = path.query("limitBytes", &request.limit_bytes.to_string());
        }
        if let Some(place) = self.place.as_ref().filter(|place| !place.stamp.is_empty()) {
            return path.query("sinceTime", &place.stamp);
        }
        if self.limited {
            if request.tail_lines >= 0 {
                path = path.query("tailLines", &request.tail_lines.to_string());
            }
            if request.since_seconds > 0 {
                return path.query("sinceSeconds", &request.since_seconds.to_string());
            }
        }
        path.query("sinceTime", &request.since_time)
    }
}

/// Sends the log until it ends. What was sent is known by the place that is
/// given back, also after an error.
pub(super) async fn send(
    session: &Session,
    pods: &Resolved,
    request: &LogsRequest,
    filter: &Filter,
    log: &Log,
) -> (Place, Result<(), Error>) {
    let counted = InUse::new(&session.agent.metrics.log_streams);
    let max = CHUNK_MAX.min(session.agent.message_max());
    let mut chunker = Chunker::filtered(max, request.timestamps, log.place.clone(), filter.clone());
    let outcome = copy(session, &log.path(pods, request), &log.src(), &mut chunker).await;
    drop(counted);
    (chunker.place().clone(), outcome)
}

async fn copy(session: &Session, path: &Path, src: &str, chunker: &mut Chunker) -> Result<(), Error> {
    let mut pieces = session.api.stream(path, Accept::Log).await?;
    // When the oldest line that waits must leave, however many come after it.
    let mut due = None;
    loop {
        let piece = if chunker.waits() {
            let due = *due.get_or_insert_with(|| Instant::now() + Duration::from_millis(CHUNK_MS));
            timeout_at(due, pieces.next()).await.ok()
        } else {
            Some(pieces.next().await)
        };
        let ended = match piece {
            None => {
                chunker.flush();
                due = None;
                send_ready(session, src, chunker).await;
                continue;
            }
            Some(Ok(Some(piece))) => {
                chunker.feed(&piece);
                if send_ready(session, src, chunker).await {
                    due = None;
                }
                continue;
            }
            Some(Ok(None)) => Ok(()),
            Some(Err(error)) => Err(error),
        };
        // Half a line at a break would come again as a whole one.
        if ended.is_ok() {
            chunker.finish()
        } else {
            chunker.flush()
        }
        send_ready(session, src, chunker).await;
        return ended;
    }
}

/// Sends what is ready; whether there were lines.
async fn send_ready(session: &Session, src: &str, chunker: &mut Chunker) -> bool {
    if let Some(after) = chunker.gap() {
        send_control(session, &LogFrame::Gap { src: src.to_owned(), reason: GapReason::Rotated, after }).await;
    }
    let mut sent = false;
    while let Some(chunk) = chunker.next() {
        send_chunk(session, src, chunk).await;
        sent = true;
    }
    sent
}

async fn send_chunk(session: &Session, src: &str, chunk: Chunk) {
    session.credit.available().await;
    session.credit.spend(chunk.bytes.len());
    add(&session.agent.metrics.log_bytes, chunk.bytes.len() as u64);
    let mut headers = reply::headers();
    headers.insert(header::SOURCE, src);
    if !chunk.first.is_empty() {
        headers.insert(header::FIRST_TS, chunk.first.as_str());
        headers.insert(header::LAST_TS, chunk.last.as_str());
        headers.insert(header::LAST_LINES, chunk.last_lines.to_string());
    }
    if chunk.partial {
        headers.insert(header::PARTIAL, "1");
    }
    session.publish(headers, chunk.bytes.into()).await;
}

/// Sends a control frame.
pub(super) async fn send_control(session: &Session, frame: &LogFrame) {
    let message = Last::control(frame);
    session.publish(message.headers, message.body).await;
}
