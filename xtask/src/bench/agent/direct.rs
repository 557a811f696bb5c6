//! A watch straight on the API server, beside those of the agent: what the
//! agent adds to the time of a change is what its own clients see later.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use super::super::Anything;
use super::pods;
use super::stage::Stage;

/// What stands before the version of the object that an event is about.
const VERSION: &[u8] = b"\"resourceVersion\":\"";

/// A watch over the pods of one namespace that runs on a thread of its own: one
/// over all pods would be as much work for the API server as an agent is.
pub(super) struct Direct {
    count: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<HashMap<String, Instant>, String>>,
}

impl Direct {
    /// Begins after what the API server knows now.
    pub(super) fn start(stage: &Stage) -> Anything<Self> {
        let (namespace, _) = pods::place(1);
        let pods = format!("/api/v1/namespaces/{namespace}/pods");
        let page = stage.http()?.json(&format!("{pods}?limit=1"))?;
        let version = page["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        let path = format!("{pods}?watch=1&resourceVersion={version}");
        let (http, count, stop) = (stage.http()?, Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, stopped) = (Arc::clone(&count), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut arrivals = HashMap::new();
            let told = |event: &[u8]| {
                if let Some(version) = version_of(event) {
                    arrivals.insert(version, Instant::now());
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                !stopped.load(Ordering::Relaxed)
            };
            let ended = http.follow(&path, told).map_err(|e| e.to_string());
            // Whoever stops a watch does not care how its connection ends.
            if stopped.load(Ordering::Relaxed) { Ok(arrivals) } else { ended.map(|()| arrivals) }
        });
        Ok(Self { count, stop, thread })
    }

    /// How many changes it was told of.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// When the watch was told of each version. It ends with the next change,
    /// which `touch` makes.
    pub(super) fn stop(self, touch: impl FnOnce() -> Anything<()>) -> Anything<HashMap<String, Instant>> {
        self.stop.store(true, Ordering::Relaxed);
        touch()?;
        Ok(self.thread.join().map_err(|_| "a thread failed")??)
    }
}

/// The version of the object of an event.
fn version_of(event: &[u8]) -> Option<String> {
    let at = event.windows(VERSION.len()).position(|part| part == VERSION)? + VERSION.len();
    let version = event[at..].split(|byte| *byte == b'"').next()?;
    String::from_utf8(version.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_an_event_is_that_of_its_object() {
        let event = br#"{"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"17"}}}"#;
        assert_eq!(version_of(event).as_deref(), Some("17"));
        assert_eq!(version_of(b"{}"), None);
    }
}
