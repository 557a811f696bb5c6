//! Changes to pods, so many a second: some through this API server, the others
//! as other API servers of the same cluster make them, in etcd.
//!
//! To take a change, check it and keep who owns which field costs an API server
//! several times what it costs to tell all who watch. A cluster of tens of
//! thousands of pods has several that share this, on machines of their own; each
//! tells its watchers of all changes, most of which it only reads from etcd. So
//! it is here: of those that others make, the last step is made, a transaction
//! on etcd that is good only if nobody else has changed the pod.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::super::Anything;
use super::http::Http;
use super::pods::{CHANGED, PATCH, SMALL, mark, place, side_by_side};
use super::stage::Stage;

/// API servers of such a cluster: of so many pods one is changed through ours.
pub(super) const SHARE: usize = 5;

/// One change.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) rv: String,
    pub(super) sent: Instant,
    /// When the API server answered it, if that made it.
    pub(super) answered: Option<Instant>,
}

/// Who changes a pod.
pub(super) enum Changing {
    /// The API server.
    Here,
    /// Another one.
    Elsewhere(Mutex<Stored>),
}

/// A pod as etcd keeps it.
pub(super) struct Stored {
    key: String,
    value: Vec<u8>,
    /// Where the value of the annotation begins.
    at: usize,
    revision: String,
}

/// The pods that are going to be changed. Those of others are read before the
/// clock runs: an API server has them in its memory.
pub(super) fn prepare(stage: &Stage, pods: usize, rate: usize, seconds: u64) -> Anything<Vec<Changing>> {
    let mut etcd = Http::connect(&stage.plane.etcd_url())?;
    let changes = usize::try_from(seconds)?.saturating_mul(rate);
    (0..pods.min(changes + rate))
        .map(|pod| match pod % SHARE {
            0 => Ok(Changing::Here),
            _ => Ok(Changing::Elsewhere(Mutex::new(Stored::read(&mut etcd, pod)?))),
        })
        .collect()
}

/// Changes pods, so many a second, until told to stop. No pod is changed twice
/// before all others were.
pub(super) fn make(stage: &Stage, pods: &[Changing], rate: usize, stop: &Arc<AtomicBool>) -> Anything<Vec<Change>> {
    let (next, start) = (AtomicUsize::new(0), Instant::now());
    let all = Mutex::new(Vec::new());
    side_by_side(stage, |http| {
        let (mut mine, mut etcd) = (Vec::new(), Http::connect(&stage.plane.etcd_url())?);
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            #[expect(clippy::cast_precision_loss, reason = "a count of changes")]
            let due = start + Duration::from_secs_f64(number as f64 / rate as f64);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let pod = number % pods.len();
            // A pod is made with the mark 0, and the same again is no change.
            let mark = mark(number + 1);
            mine.push(match &pods[pod] {
                Changing::Here => patch(http, pod, &mark)?,
                Changing::Elsewhere(stored) => stored.lock().map_err(|_| "a thread failed")?.put(&mut etcd, &mark)?,
            });
        }
        all.lock().map_err(|_| "a thread failed")?.append(&mut mine);
        Ok(())
    })?;
    Ok(all.into_inner()?)
}

/// One more change, through the API, that nobody counts.
pub(super) fn touch(stage: &Stage) -> Anything<()> {
    patch(&mut stage.http()?, 0, "the last").map(drop)
}

/// Through the API.
fn patch(http: &mut Http, pod: usize, mark: &str) -> Anything<Change> {
    let (namespace, name) = place(pod);
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
    let body = json!({"metadata": {"annotations": {CHANGED: mark}}}).to_string();
    let sent = Instant::now();
    let answer = http.send("PATCH", &path, &[PATCH, SMALL], body.as_bytes())?.ok()?;
    let answered = Some(Instant::now());
    let object: Value = serde_json::from_slice(&answer)?;
    let rv = object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    Ok(Change { rv, sent, answered })
}

fn ask(etcd: &mut Http, path: &str, body: &Value) -> Anything<Value> {
    let json = ("Content-Type", "application/json");
    Ok(serde_json::from_slice(&etcd.send("POST", path, &[json], body.to_string().as_bytes())?.ok()?)?)
}

impl Stored {
    fn read(etcd: &mut Http, pod: usize) -> Anything<Self> {
        let (namespace, name) = place(pod);
        let key = BASE64_STANDARD.encode(format!("/registry/pods/{namespace}/{name}"));
        let answer = ask(etcd, "/v3/kv/range", &json!({"key": key}))?;
        let found = &answer["kvs"][0];
        let value = BASE64_STANDARD.decode(found["value"].as_str().unwrap_or_default())?;
        let at = value_of(&value, CHANGED).ok_or_else(|| format!("etcd has no annotation {CHANGED} of {name}"))?;
        let revision = found["mod_revision"].as_str().unwrap_or_default().to_owned();
        Ok(Self { key, value, at, revision })
    }

    /// Writes the annotation, as an API server does: only if the pod is still
    /// the one that it knows.
    fn put(&mut self, etcd: &mut Http, mark: &str) -> Anything<Change> {
        let Some(place) = self.value.get_mut(self.at..self.at + mark.len()) else {
            return Err("a pod is shorter than it was".into());
        };
        place.copy_from_slice(mark.as_bytes());
        let body = json!({
            "compare": [{"target": "MOD", "result": "EQUAL", "key": self.key, "modRevision": self.revision}],
            "success": [{"requestPut": {"key": self.key, "value": BASE64_STANDARD.encode(&self.value)}}]});
        let sent = Instant::now();
        let answer = ask(etcd, "/v3/kv/txn", &body)?;
        if answer["succeeded"] != true {
            return Err(format!("somebody else changed a pod: {answer}").into());
        }
        self.revision = answer["header"]["revision"].as_str().unwrap_or_default().to_owned();
        Ok(Change { rv: self.revision.clone(), sent, answered: None })
    }
}

/// Where the value of an annotation begins in an object's protobuf: an entry of
/// a map is its key, then the value with its length before it.
fn value_of(object: &[u8], key: &str) -> Option<usize> {
    let length = u8::try_from(mark(0).len()).ok()?;
    let entry = [key.as_bytes(), &[0x12, length]].concat();
    object.windows(entry.len()).position(|part| part == entry).map(|at| at + entry.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_an_annotation_is_found_and_not_its_name_elsewhere() {
        let object = b"\x0a\x08\"f:load/change\":{}\x0a\x0bload/change\x12\x0800000000\x1a";
        let at = value_of(object, CHANGED).unwrap();
        assert_eq!(&object[at..at + 8], b"00000000");
        assert_eq!(value_of(b"load/change\x12\x0700000000", CHANGED), None);
        assert_eq!(mark(29_999).len(), mark(0).len());
    }
}
