//! Following logs: restarts, new pods, broken streams.
//!
//! Owns the view of the pods by their feed and the decision which logs are
//! being read. A container is read anew when it starts again; a stream that
//! breaks goes on behind its last line.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::task::JoinSet;

use super::{
    Reading,
    pods::{Pod, Run},
    stream::{Log, send, send_control},
};
use crate::{
    agent::api::{
        Accept,
        client::parse,
        feed::{Change, Feed, Signal},
    },
    protocol::{
        Code, Error,
        logs::{GapReason, LogFrame, LogsRequest, Place},
    },
};

/// Pods of one page of the list.
const CHUNK: u32 = 100;
/// Pause before a stream that ended while its container runs is read on.
const AGAIN: Duration = Duration::from_secs(1);
/// Pause before a stream that found no place is tried again.
const NO_PLACE: Duration = Duration::from_secs(10);
/// Attempts to read on a log that broke after its container had ended.
const ATTEMPTS_MAX: u32 = 5;
/// Most pods that are kept in view.
const PODS_MAX: usize = 5000;

/// A container of a pod, by the pod's UID.
type Key = (String, String);

/// How a log stream ended.
struct Ended {
    key: Key,
    run: Run,
    /// How far it was read; `None` when it was not begun.
    place: Option<Place>,
    /// Whether lines came of a run that had been read whole before.
    beyond: bool,
    error: Option<Error>,
}

/// How far a log was read.
struct Read {
    run: Run,
    place: Option<Place>,
    /// Attempts in a row that failed.
    failures: u32,
    /// Whether lines came after the run had been read whole. They are the next
    /// run's, which was not in view when its log was read.
    beyond: bool,
}

impl Read {
    /// The last line that was read before lines of runs up to `next` were
    /// missed: this run was not read to its end, or others came and went.
    fn missed(&self, next: &Run) -> Option<Place> {
        let missed = self.failures > 0 || next.follows_after_others(&self.run, u64::from(self.beyond));
        missed.then(|| self.place.clone()).flatten()
    }

    /// Where to go on in a log that was read so far.
    fn goes_on(&self, run: &Run) -> Option<Place> {
        let place = self.place.as_ref()?;
        // The API server gives the log of the newest run, which need not be the
        // one in view: what was read may have been this one's already.
        let read = self.run.same(run) || self.beyond || run.may_have(&place.stamp);
        // A stream that ended in order was read whole; what comes may be
        // another run that is not seen yet.
        read.then(|| Place { done: self.failures == 0, ..place.clone() })
    }
}

/// Where a client wants to go on in logs of which the container is gone.
pub(super) fn gone(request: &LogsRequest, pods: &[&Pod]) -> Vec<LogFrame> {
    let exists = |src: &str| {
        let Some((name, container)) = src.split_once('/') else { return false };
        let pod = pods.iter().find(|pod| pod.metadata.name == name);
        pod.is_some_and(|pod| pod.run(container).is_some())
    };
    let gone = request.resume.iter().filter(|(src, place)| !place.done && !exists(src));
    gone.map(|(src, after)| LogFrame::Gap { src: src.clone(), reason: GapReason::Gone, after: after.clone() }).collect()
}

/// Which containers are read and how far.
#[derive(Default)]
struct View {
    pods: HashMap<String, Pod>,
    /// Streams that are open.
    open: HashMap<Key, Run>,
    /// The last run that was read, and how far.
    read: HashMap<Key, Read>,
    /// Whether the list was seen whole.
    listed: bool,
    /// UIDs seen in the list that is coming in.
    seen: Vec<String>,
    /// Gaps that are still to be told.
    gaps: Vec<LogFrame>,
}

/// Follows until the client has enough, or the one pod that it named is over.
pub(super) async fn run(reading: Arc<Reading>) -> Result<(), Error> {
    let api = reading.session.api.clone();
    let mut feed = Feed::new(api, reading.path.clone(), (Accept::Json, Accept::Json), CHUNK, None);
    let mut view = View::default();
    let mut streams = JoinSet::new();
    let mut signals = tokio::sync::mpsc::channel(1);
    // The feed is not safe to interrupt, so it has a task of its own.
    let feeding = tokio::spawn(async move {
        loop {
            let signal = feed.next().await;
            let last = signal.is_err();
            if signals.0.send(signal).await.is_err() || last {
                return;
            }
        }
    });
    let _stop = StopOnDrop(feeding.abort_handle());
    loop {
        tokio::select! {
            signal = signals.1.recv() => match signal {
                Some(signal) => view.apply(&reading, signal?)?,
                None => return Err(Error::internal("the view of the pods ended")),
            },
            Some(ended) = streams.join_next() => {
                let ended = ended.map_err(|error| Error::internal(format!("a log stream failed: {error}")))?;
                view.ended(&reading, ended).await;
            }
        }
        view.start(&reading, &mut streams).await;
        for gap in view.gaps.drain(..) {
            send_control(&reading.session, &gap).await;
        }
        let named_one = !reading.request.pod.is_empty();
        if named_one && view.listed && streams.is_empty() && view.pods.values().all(Pod::is_over) {
            return Ok(());
        }
    }
}

struct StopOnDrop(tokio::task::AbortHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl View {
    fn apply(&mut self, reading: &Reading, signal: Signal) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct List {
            #[serde(default)]
            items: Vec<Pod>,
        }
        match signal {
            Signal::Begin => self.seen.clear(),
            Signal::Page(held) => {
                let list: List = parse(&held.bytes)?;
                for pod in list.items {
                    self.seen.push(pod.metadata.uid.clone());
                    self.put(pod)?;
                }
            }
            Signal::Listed => {
                let seen = std::mem::take(&mut self.seen);
                self.pods.retain(|uid, _| seen.contains(uid));
                self.forget();
                if !self.listed {
                    let pods: Vec<_> = self.pods.values().collect();
                    self.gaps.extend(gone(&reading.request, &pods));
                }
                self.listed = true;
            }
            Signal::Change(Change::Deleted, object) => {
                let pod: Pod = parse(object.get().as_bytes())?;
                self.lost_with(&pod);
                self.pods.remove(&pod.metadata.uid);
                self.forget();
            }
            Signal::Change(_, object) => self.put(parse(object.get().as_bytes())?)?,
            Signal::Bookmark | Signal::Reset(_) => {}
            Signal::Retry(error) => tracing::debug!(%error, "the view of the pods goes on after a pause"),
        }
        Ok(())
    }

    fn put(&mut self, pod: Pod) -> Result<(), Error> {
        if self.pods.len() >= PODS_MAX && !self.pods.contains_key(&pod.metadata.uid) {
            return Err(Error::new(Code::TooLarge, format!("more than {PODS_MAX} pods match")));
        }
        self.pods.insert(pod.metadata.uid.clone(), pod);
        Ok(())
    }

    /// Tells of logs that go with their pod before they were read to the end.
    fn lost_with(&mut self, pod: &Pod) {
        let unread = self.read.iter().filter(|((uid, _), read)| *uid == pod.metadata.uid && read.failures > 0);
        for ((_, container), read) in unread {
            let Some(after) = read.place.clone() else { continue };
            let src = format!("{}/{container}", pod.metadata.name);
            self.gaps.push(LogFrame::Gap { src, reason: GapReason::Gone, after });
        }
    }

    /// Drops what is known of pods that are gone.
    fn forget(&mut self) {
        self.read.retain(|(uid, _), _| self.pods.contains_key(uid));
    }

    /// Opens the streams that are missing.
    async fn start(&mut self, reading: &Arc<Reading>, streams: &mut JoinSet<Ended>) {
        let mut wanted = Vec::new();
        for pod in self.pods.values() {
            // In a set of pods each has its own containers.
            for container in pod.wanted(&reading.request).unwrap_or_default() {
                let key = (pod.metadata.uid.clone(), container);
                let Some(run) = pod.run(&key.1) else { continue };
                if self.open.contains_key(&key) {
                    continue;
                }
                let place = match self.read.get(&key) {
                    Some(read) if read.run.same(&run) => {
                        let whole = read.failures == 0 || read.failures > ATTEMPTS_MAX;
                        if whole && !run.running {
                            continue;
                        }
                        read.goes_on(&run)
                    }
                    Some(read) => {
                        if let Some(after) = read.missed(&run) {
                            let src = format!("{}/{}", pod.metadata.name, key.1);
                            self.gaps.push(LogFrame::Gap { src, reason: GapReason::Restarted, after });
                        }
                        read.goes_on(&run)
                    }
                    None => None,
                };
                // Only what was there from the start is cut to its end.
                wanted.push((key, run, pod.metadata.name.clone(), place, !self.listed));
            }
        }
        for (key, run, pod, place, limited) in wanted {
            let mut log = Log::first(&pod, key.1.clone(), limited, &reading.request);
            let again = self.read.contains_key(&key);
            if again {
                log.place = place;
            }
            self.open.insert(key.clone(), run.clone());
            streams.spawn(follow_one(Arc::clone(reading), log, again, key, run));
        }
    }

    async fn ended(&mut self, reading: &Reading, ended: Ended) {
        self.open.remove(&ended.key);
        let pod = self.pods.get(&ended.key.0);
        let name = pod.map_or("", |pod| pod.metadata.name.as_str());
        let goes_on = pod.and_then(|pod| pod.run(&ended.key.1)).is_some_and(|run| run.running);
        if !goes_on {
            let src = format!("{name}/{}", ended.key.1);
            send_control(&reading.session, &LogFrame::SourceEnded { src, error: ended.error.clone() }).await;
        }
        let failures = match (&ended.error, self.read.get(&ended.key)) {
            (None, _) => 0,
            (Some(_), Some(read)) if read.run.same(&ended.run) => read.failures + 1,
            (Some(_), _) => 1,
        };
        let known = self.read.get(&ended.key).filter(|read| read.run.same(&ended.run));
        let beyond = ended.beyond || known.is_some_and(|read| read.beyond);
        self.read.insert(ended.key, Read { run: ended.run, place: ended.place, failures, beyond });
    }
}

/// Reads one log until its stream ends.
async fn follow_one(reading: Arc<Reading>, log: Log, again: bool, key: Key, run: Run) -> Ended {
    let full = |max: usize, whose: &str| Error::new(Code::Busy, format!("{whose} {max} log streams are all in use"));
    let max = reading.request.max_streams as usize;
    let own = Arc::clone(&reading.streams).try_acquire_owned();
    let shared = Arc::clone(&reading.session.agent.log_streams).try_acquire_owned();
    let (_own, _shared) = match (own, shared) {
        (Ok(own), Ok(shared)) => (own, shared),
        (own, _) => {
            let error = if own.is_err() {
                full(max, "the session's")
            } else {
                full(reading.session.agent.settings.log_streams_max, "the agent's")
            };
            send_control(&reading.session, &LogFrame::SourceEnded { src: log.src(), error: Some(error.clone()) }).await;
            tokio::time::sleep(NO_PLACE).await;
            return Ended { key, run, place: log.place, beyond: false, error: Some(error) };
        }
    };
    if again {
        tokio::time::sleep(AGAIN).await;
    } else {
        send_control(&reading.session, &LogFrame::SourceAdded { src: log.src() }).await;
    }
    let (place, outcome) = send(&reading.session, &reading.pods, &reading.request, &reading.filter, &log).await;
    let whole = log.place.as_ref().filter(|place| again && place.done);
    let beyond = whole.is_some_and(|whole| (&whole.stamp, whole.lines) != (&place.stamp, place.lines));
    Ended { key, run, place: Some(place), beyond, error: outcome.err() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(restarts: u64) -> Run {
        let status = format!(
            r#"{{"status":{{"containerStatuses":[{{"name":"a","restartCount":{restarts},"containerID":"{restarts}",
              "state":{{"running":{{"startedAt":"2026-11-23T09:00:0{restarts}Z"}}}}}}]}}}}"#
        );
        serde_json::from_str::<Pod>(&status).unwrap().run("a").unwrap()
    }

    #[test]
    fn a_run_that_was_read_before_it_was_seen_is_not_read_again() {
        let place = Place { stamp: "2026-11-23T09:00:00.5Z".into(), lines: 1, done: false };
        let read = |failures, beyond| Read { run: run(0), place: Some(place.clone()), failures, beyond };
        let done = |done| Some(Place { done, ..place.clone() });
        // The next run in view: all of it is to be read, unless it was.
        assert_eq!(read(0, false).goes_on(&run(1)), None);
        assert_eq!(read(0, true).goes_on(&run(1)), done(true));
        assert_eq!(read(1, true).goes_on(&run(1)), done(false), "its stream broke");
        assert_eq!(read(0, false).goes_on(&run(0)), done(true));
        let late =
            Read { place: Some(Place { stamp: "2026-11-23T09:00:01.5Z".into(), ..place.clone() }), ..read(0, false) };
        assert!(late.goes_on(&run(1)).is_some(), "its lines are of a time when the next one ran");
        assert_eq!(late.goes_on(&run(2)), None);
        // Whether a run was missed is counted from the one that was read.
        assert_eq!(read(0, false).missed(&run(1)), None);
        assert_eq!(read(0, false).missed(&run(2)), Some(place.clone()));
        assert_eq!(read(0, true).missed(&run(2)), None);
        assert_eq!(read(0, true).missed(&run(3)), Some(place.clone()));
    }
}
