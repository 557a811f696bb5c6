//! Checksums over the objects that a watch has shown, by which a loss shows.
//!
//! Owns the sum: the exclusive or, over all objects of a source, of the first
//! eight bytes of SHA-256 of `uid:rv`. The agent sums what it sends and the
//! client what it gets; both must come to the same.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::watch::{Op, Scope, WatchEvent, WatchFrame};

/// The sum of one source, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// The source.
    pub scope: Scope,
    /// How many objects.
    pub count: u64,
    /// The sum as 16 hexadecimal digits.
    pub sum: String,
}

/// The objects of one source: digests of UIDs with digests of their states.
#[derive(Debug, Default)]
struct Objects {
    known: HashMap<u64, u64>,
    /// What the sync that is under way has not repeated yet.
    stale: HashMap<u64, u64>,
}

/// The objects of all sources of a watch. It costs some 40 bytes an object.
#[derive(Debug, Default)]
pub struct Sums {
    sources: HashMap<Scope, Objects>,
}

fn digest(text: &str) -> u64 {
    let bytes = Sha256::digest(text.as_bytes());
    bytes.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

impl Sums {
    /// Takes note of an event of `scope`.
    pub fn event<O>(&mut self, scope: &Scope, event: &WatchEvent<O>) {
        let uid = digest(&event.uid);
        let objects = self.source(scope);
        objects.stale.remove(&uid);
        match event.op {
            Op::Add | Op::Mod => objects.known.insert(uid, digest(&format!("{}:{}", event.uid, event.rv))),
            Op::Del => objects.known.remove(&uid),
        };
    }

    /// A sync of `scope` begins.
    pub fn begin(&mut self, scope: &Scope) {
        let objects = self.source(scope);
        objects.stale = objects.known.clone();
    }

    /// A sync of `scope` has ended: what it did not repeat is gone.
    pub fn end(&mut self, scope: &Scope) {
        let objects = self.source(scope);
        for (uid, state) in std::mem::take(&mut objects.stale) {
            if objects.known.get(&uid) == Some(&state) {
                objects.known.remove(&uid);
            }
        }
    }

    fn source(&mut self, scope: &Scope) -> &mut Objects {
        if !self.sources.contains_key(scope) {
            self.sources.insert(scope.clone(), Objects::default());
        }
        self.sources.entry(scope.clone()).or_default()
    }

    /// Takes note of a frame, as a client does. An event says its kind but not
    /// its source, so `scopes` are asked.
    pub fn frame<O>(&mut self, frame: &WatchFrame<O>) {
        match frame {
            WatchFrame::SyncBegin { scope } => self.begin(scope),
            WatchFrame::SyncEnd { scope } => self.end(scope),
            WatchFrame::Batch { events, .. } => {
                for event in events {
                    let namespace = event.key.split_once('/').map_or("", |(namespace, _)| namespace);
                    let narrow = Scope { gvk: event.gvk.clone(), namespace: namespace.to_owned() };
                    let wide = Scope { gvk: event.gvk.clone(), namespace: String::new() };
                    let scope = if self.sources.contains_key(&narrow) { narrow } else { wide };
                    self.event(&scope, event);
                }
            }
            _ => {}
        }
    }

    /// The sums of all sources.
    pub fn all(&self) -> Vec<Sum> {
        let mut all: Vec<_> = self.sources.iter().map(|(scope, objects)| objects.sum(scope)).collect();
        all.sort_by(|a, b| (&a.scope.gvk, &a.scope.namespace).cmp(&(&b.scope.gvk, &b.scope.namespace)));
        all
    }

    /// Whether these are the sums of all that was seen.
    pub fn agree(&self, with: &[Sum]) -> bool {
        with.iter().all(|sum| self.sources.get(&sum.scope).is_none_or(|objects| objects.sum(&sum.scope) == *sum))
    }
}

impl Objects {
    fn sum(&self, scope: &Scope) -> Sum {
        let sum = self.known.values().fold(0, |sum, state| sum ^ state);
        Sum { scope: scope.clone(), count: self.known.len() as u64, sum: format!("{sum:016x}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(op: Op, uid: &str, rv: &str) -> WatchEvent<()> {
        WatchEvent { op, gvk: "v1/Pod".into(), key: "a/b".into(), uid: uid.into(), rv: rv.into(), obj: () }
    }

    fn scope() -> Scope {
        Scope { gvk: "v1/Pod".into(), namespace: "a".into() }
    }

    #[test]
    fn a_lost_event_shows() {
        let (mut agent, mut client) = (Sums::default(), Sums::default());
        for sums in [&mut agent, &mut client] {
            sums.begin(&scope());
            sums.event(&scope(), &event(Op::Add, "u1", "1"));
            sums.event(&scope(), &event(Op::Add, "u2", "2"));
            sums.end(&scope());
        }
        assert!(client.agree(&agent.all()));
        assert_eq!(agent.all()[0].count, 2);
        agent.event(&scope(), &event(Op::Mod, "u1", "3"));
        assert!(!client.agree(&agent.all()));
        let frame = WatchFrame::Batch { events: vec![event(Op::Mod, "u1", "3")], resume: None };
        client.frame(&frame);
        assert!(client.agree(&agent.all()));
        agent.event(&scope(), &event(Op::Del, "u2", "4"));
        assert!(!client.agree(&agent.all()));
    }

    #[test]
    fn what_a_sync_does_not_repeat_is_gone() {
        let mut sums = Sums::default();
        sums.event(&scope(), &event(Op::Add, "u1", "1"));
        sums.event(&scope(), &event(Op::Add, "u2", "1"));
        sums.begin(&scope());
        sums.event(&scope(), &event(Op::Add, "u2", "1"));
        sums.end(&scope());
        assert_eq!(sums.all()[0].count, 1);
    }
}
