//! Sends what waits in a watch session, as far as the client's credit goes.
//!
//! Owns batching and the signs of life of a silent session.

use std::time::Duration;

use serde_json::{json, value::RawValue};
use tokio::time::{Instant, timeout};

use super::{
    queue::{Event, Front, Mark, Next, Queue},
    resume,
};
use crate::{
    agent::{
        metrics::add,
        session::{Last, Session},
    },
    protocol::{
        sum::Sums,
        watch::{Scope, WatchFrame, WatchRequest},
    },
};

/// Bytes of a batch that are left to what surrounds the events.
pub(super) const FRAME_ROOM: usize = 4096;

/// Longest time between two checksums.
const SUMS: Duration = Duration::from_secs(60);

type Frame = WatchFrame<Box<RawValue>>;

/// Sends until the session ends.
pub(super) async fn run(session: &Session, request: &WatchRequest, queue: &Queue, scopes: &[Scope]) {
    let batch = request.batch_max as usize;
    let mut said = Instant::now();
    let mut sender = Sender { session, sums: Sums::default(), summed: Instant::now() };
    loop {
        if sender.summed.elapsed() > SUMS {
            sender.bookmark(resume::token(request, queue.places())).await;
        }
        let front = match timeout(left(said, session.idle()), queue.front(batch)).await {
            Ok(front) => front,
            Err(_) => {
                sender.bookmark(resume::token(request, queue.places())).await;
                said = Instant::now();
                continue;
            }
        };
        if let Front::Events(count) = front {
            if count < batch {
                // Not being filled in time is the usual case.
                let _ = timeout(Duration::from_millis(request.batch_ms), queue.filled(batch)).await;
            }
            let Some(credit) = credit(&mut sender, &mut said).await else { continue };
            send_events(&mut sender, request, queue, scopes, batch.min(credit)).await;
        } else if let Next::Mark(source, mark) = queue.take(1, 0) {
            send_mark(&mut sender, &scopes[source], mark).await;
        }
        said = Instant::now();
    }
}

/// Waits for credit; after a while without, gives a sign of life and `None`.
async fn credit(sender: &mut Sender<'_>, said: &mut Instant) -> Option<usize> {
    let session = sender.session;
    if let Ok(units) = timeout(left(*said, session.idle()), session.credit.available()).await {
        return Some(units);
    }
    sender.bookmark(None).await;
    *said = Instant::now();
    None
}

fn left(since: Instant, whole: Duration) -> Duration {
    whole.saturating_sub(since.elapsed())
}

async fn send_events(sender: &mut Sender<'_>, request: &WatchRequest, queue: &Queue, scopes: &[Scope], count: usize) {
    let session = sender.session;
    let room = session.agent.message_max().saturating_sub(FRAME_ROOM);
    match queue.take(count, room) {
        Next::Events(mut events, places) => {
            for event in &mut events {
                shorten(event, room);
            }
            let sent = events.len();
            session.credit.spend(sent);
            add(&session.agent.metrics.watch_events, sent as u64);
            add(&session.agent.metrics.watch_events_coalesced, queue.coalesced());
            sender.send(&Frame::Batch { events, resume: resume::token(request, places) }).await;
        }
        // Between the look and the grip a reset came first.
        Next::Mark(source, mark) => send_mark(sender, &scopes[source], mark).await,
        Next::Nothing => {}
    }
}

/// An object that does not fit into a message goes without its body; the
/// client can get it by name.
pub(super) fn shorten(event: &mut Event, room: usize) {
    if event.obj.get().len() <= room {
        return;
    }
    let (namespace, name) = event.key.split_once('/').unwrap_or(("", &event.key));
    let stub = json!({"truncated": true, "metadata": {
        "namespace": namespace, "name": name, "uid": event.uid, "resourceVersion": event.rv}});
    if let Ok(stub) = serde_json::value::to_raw_value(&stub) {
        event.obj = stub;
    }
}

async fn send_mark(sender: &mut Sender<'_>, scope: &Scope, mark: Mark) {
    let scope = scope.clone();
    let frame = match mark {
        Mark::Columns(columns) => Frame::Columns { scope, columns },
        Mark::SyncBegin => Frame::SyncBegin { scope },
        Mark::SyncEnd => Frame::SyncEnd { scope },
        Mark::Reset(reason) => Frame::Reset { scope, reason },
    };
    sender.send(&frame).await;
}

/// Sends frames and keeps the sums of what they held.
struct Sender<'a> {
    session: &'a Session,
    sums: Sums,
    summed: Instant,
}

impl Sender<'_> {
    async fn bookmark(&mut self, resume: Option<String>) {
        self.summed = Instant::now();
        let sums = self.sums.all();
        self.send(&Frame::Bookmark { resume, sums }).await;
    }

    async fn send(&mut self, frame: &Frame) {
        self.sums.frame(frame);
        let message = Last::json(frame);
        self.session.publish(message.headers, message.body).await;
    }
}
