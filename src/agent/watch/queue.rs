//! What waits to be sent in a watch session.
//!
//! Owns coalescing: while the client takes nothing, a new state of an object
//! replaces the old one that still waits, so what waits grows with the number
//! of objects and never with the number of changes. A deletion is never
//! dropped. When it holds too many bytes, sources wait.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use serde_json::value::RawValue;
use tokio::sync::Notify;

use crate::protocol::{
    read::Column,
    watch::{Op, WatchEvent},
};

/// An event with the object as raw JSON.
pub(super) type Event = WatchEvent<Box<RawValue>>;
/// Where each source stands; `None` before the end of its list.
pub(super) type Places = Vec<Option<String>>;

/// Bytes that an event takes beside its texts.
const EVENT_OVERHEAD: usize = 160;

/// Something that must keep its place among the events.
#[derive(Debug, PartialEq)]
pub(super) enum Mark {
    Columns(Vec<Column>),
    SyncBegin,
    SyncEnd,
    Reset(String),
}

/// What the client gets next.
#[derive(Debug)]
pub(super) enum Next {
    /// Nothing waits.
    Nothing,
    /// A mark of a source.
    Mark(usize, Mark),
    /// Events; and where the sources stand when nothing else waits.
    Events(Vec<Event>, Option<Places>),
}

/// What is at the front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Front {
    Mark,
    /// At least so many events in a row (counted up to what was asked).
    Events(usize),
}

#[derive(Debug)]
enum Slot {
    Event(usize, String),
    Mark(usize, Mark),
}

#[derive(Debug, Default)]
struct Inner {
    order: VecDeque<Slot>,
    events: HashMap<(usize, String), Event>,
    bytes: usize,
    places: Places,
    coalesced: u64,
}

/// What waits to be sent.
#[derive(Debug)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    /// Told when something was added.
    added: Notify,
    /// Told when something was taken.
    taken: Notify,
    bytes_max: usize,
}

impl Queue {
    /// An empty queue for sources that stand at `places`.
    pub(super) fn new(places: Places, bytes_max: usize) -> Self {
        Queue {
            inner: Mutex::new(Inner { places, ..Inner::default() }),
            added: Notify::new(),
            taken: Notify::new(),
            bytes_max,
        }
    }

    /// Adds an event of `source`, once there is room, and where the source
    /// stands after it.
    pub(super) async fn push(&self, source: usize, event: Event, place: Option<&str>) {
        wait(&self.taken, || (self.lock().bytes <= self.bytes_max).then_some(())).await;
        let mut inner = self.lock();
        inner.add(source, event);
        inner.stand(source, place);
        drop(inner);
        self.added.notify_waiters();
    }

    /// Adds a mark of `source`.
    pub(super) fn mark(&self, source: usize, mark: Mark) {
        self.lock().order.push_back(Slot::Mark(source, mark));
        self.added.notify_waiters();
    }

    /// Remembers where `source` stands.
    pub(super) fn stand(&self, source: usize, place: Option<&str>) {
        self.lock().stand(source, place);
    }

    /// Forgets all that waits of `source`: the client will get it anew.
    pub(super) fn reset(&self, source: usize, reason: String) {
        let mut inner = self.lock();
        inner.order.retain(|slot| match slot {
            Slot::Event(of, _) => *of != source,
            // Columns stay known; a sync that was not sent never began.
            Slot::Mark(of, mark) => *of != source || matches!(mark, Mark::Columns(_)),
        });
        let before = inner.bytes;
        let dropped: usize = inner.events.extract_if(|(of, _), _| *of == source).map(|(_, event)| size(&event)).sum();
        inner.bytes = before.saturating_sub(dropped);
        inner.order.push_back(Slot::Mark(source, Mark::Reset(reason)));
        if let Some(place) = inner.places.get_mut(source) {
            *place = None;
        }
        drop(inner);
        self.added.notify_waiters();
        self.taken.notify_waiters();
    }

    /// Waits until something is there, and says what; events are counted up
    /// to `count`.
    pub(super) async fn front(&self, count: usize) -> Front {
        wait(&self.added, || self.lock().front(count)).await
    }

    /// Waits until `count` events or a mark after fewer are there.
    pub(super) async fn filled(&self, count: usize) {
        wait(&self.added, || {
            let inner = self.lock();
            let full = matches!(inner.front(count), Some(Front::Events(n)) if n >= count || n < inner.order.len());
            full.then_some(())
        })
        .await;
    }

    /// Takes a mark, or at most `count` events of at most `bytes` together
    /// (one event may be longer).
    pub(super) fn take(&self, count: usize, bytes: usize) -> Next {
        let mut inner = self.lock();
        let next = inner.take(count, bytes);
        drop(inner);
        self.taken.notify_waiters();
        next
    }

    /// Where all sources stand, when nothing waits.
    pub(super) fn places(&self) -> Option<Places> {
        let inner = self.lock();
        inner.order.is_empty().then(|| inner.places.clone())
    }

    /// How many events were replaced since the last call.
    pub(super) fn coalesced(&self) -> u64 {
        std::mem::take(&mut self.lock().coalesced)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add(&mut self, source: usize, mut event: Event) {
        let key = (source, event.uid.clone());
        self.bytes += size(&event);
        if let Some(waiting) = self.events.get_mut(&key) {
            self.bytes = self.bytes.saturating_sub(size(waiting));
            self.coalesced += 1;
            event.op = merged(waiting.op, event.op);
            *waiting = event;
        } else {
            self.order.push_back(Slot::Event(source, key.1.clone()));
            self.events.insert(key, event);
        }
    }

    fn stand(&mut self, source: usize, place: Option<&str>) {
        if let (Some(known), Some(place)) = (self.places.get_mut(source), place) {
            *known = Some(place.to_owned());
        }
    }

    fn front(&self, count: usize) -> Option<Front> {
        let events = self.order.iter().take(count).take_while(|slot| matches!(slot, Slot::Event(..))).count();
        match (self.order.is_empty(), events) {
            (true, _) => None,
            (false, 0) => Some(Front::Mark),
            (false, events) => Some(Front::Events(events)),
        }
    }

    fn take(&mut self, count: usize, bytes: usize) -> Next {
        let mut events = Vec::new();
        let mut total = 0;
        while events.len() < count {
            match self.order.pop_front() {
                Some(Slot::Mark(source, mark)) if events.is_empty() => return Next::Mark(source, mark),
                Some(Slot::Event(source, uid)) => {
                    let key = (source, uid);
                    let fits = self.events.get(&key).is_none_or(|event| {
                        total += size(event);
                        total <= bytes || events.is_empty()
                    });
                    if !fits {
                        self.order.push_front(Slot::Event(key.0, key.1));
                        break;
                    }
                    if let Some(event) = self.events.remove(&key) {
                        self.bytes = self.bytes.saturating_sub(size(&event));
                        events.push(event);
                    }
                }
                Some(mark) => {
                    self.order.push_front(mark);
                    break;
                }
                None => break,
            }
        }
        if events.is_empty() {
            return Next::Nothing;
        }
        let places = self.order.is_empty().then(|| self.places.clone());
        Next::Events(events, places)
    }
}

/// What the client must be told when `new` replaces `waiting`: it has not seen
/// the waiting one.
fn merged(waiting: Op, new: Op) -> Op {
    match (waiting, new) {
        (_, Op::Del) => Op::Del,
        (Op::Add, Op::Add | Op::Mod) => Op::Add,
        // Gone and back between two messages: it changed.
        (Op::Mod | Op::Del, Op::Add | Op::Mod) => Op::Mod,
    }
}

fn size(event: &Event) -> usize {
    EVENT_OVERHEAD + event.obj.get().len() + event.key.len() + event.uid.len() + event.rv.len() + event.gvk.len()
}

/// Waits until `check` gives something, looking again after each notice.
async fn wait<T>(notice: &Notify, check: impl Fn() -> Option<T>) -> T {
    loop {
        let noticed = notice.notified();
        tokio::pin!(noticed);
        noticed.as_mut().enable();
        if let Some(found) = check() {
            return found;
        }
        noticed.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(op: Op, uid: &str, rv: &str) -> Event {
        let obj = serde_json::value::to_raw_value(&rv).unwrap();
        Event { op, gvk: "v1/Pod".into(), key: uid.into(), uid: uid.into(), rv: rv.into(), obj }
    }

    fn taken(queue: &Queue, count: usize) -> Vec<(Op, String, String)> {
        match queue.take(count, usize::MAX) {
            Next::Events(events, _) => events.into_iter().map(|e| (e.op, e.uid, e.rv)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_thousand_changes_of_an_object_wait_as_one() {
        let queue = Queue::new(vec![None], usize::MAX);
        for rv in 0..1000 {
            queue.push(0, event(Op::Mod, "a", &rv.to_string()), None).await;
        }
        queue.push(0, event(Op::Add, "b", "1"), Some("9")).await;
        assert_eq!(queue.coalesced(), 999);
        assert_eq!(taken(&queue, 9), [(Op::Mod, "a".into(), "999".into()), (Op::Add, "b".into(), "1".into())]);
        assert!(matches!(queue.take(9, 9), Next::Nothing));
    }

    #[tokio::test]
    async fn deletions_survive_and_returns_become_changes() {
        let queue = Queue::new(vec![None], usize::MAX);
        queue.push(0, event(Op::Add, "a", "1"), None).await;
        queue.push(0, event(Op::Del, "a", "2"), None).await;
        queue.push(0, event(Op::Del, "b", "3"), None).await;
        queue.push(0, event(Op::Add, "b", "4"), None).await;
        assert_eq!(taken(&queue, 9), [(Op::Del, "a".into(), "2".into()), (Op::Mod, "b".into(), "4".into())]);
    }

    #[tokio::test]
    async fn marks_keep_their_place_and_places_come_last() {
        let queue = Queue::new(vec![None, Some("5".into())], usize::MAX);
        queue.mark(0, Mark::SyncBegin);
        queue.push(0, event(Op::Add, "a", "1"), None).await;
        queue.stand(0, Some("7"));
        queue.mark(0, Mark::SyncEnd);
        assert_eq!(queue.front(9).await, Front::Mark);
        assert!(matches!(queue.take(9, 9), Next::Mark(0, Mark::SyncBegin)));
        assert_eq!(queue.front(9).await, Front::Events(1));
        assert!(matches!(queue.take(9, 9), Next::Events(_, None)), "the end of the sync still waits");
        assert!(matches!(queue.take(9, 9), Next::Mark(0, Mark::SyncEnd)));
        assert_eq!(queue.places(), Some(vec![Some("7".into()), Some("5".into())]));
    }

    #[tokio::test]
    async fn a_reset_drops_only_its_own_source() {
        let queue = Queue::new(vec![Some("1".into()), None], usize::MAX);
        queue.push(0, event(Op::Add, "a", "1"), None).await;
        queue.push(1, event(Op::Add, "b", "1"), None).await;
        queue.reset(0, "gone".into());
        assert_eq!(taken(&queue, 9), [(Op::Add, "b".into(), "1".into())]);
        assert!(matches!(queue.take(9, 9), Next::Mark(0, Mark::Reset(_))));
        assert_eq!(queue.places(), Some(vec![None, None]));
        assert_eq!(queue.lock().bytes, 0);
    }

    #[tokio::test]
    async fn a_full_queue_makes_sources_wait() {
        let queue = std::sync::Arc::new(Queue::new(vec![None], 1));
        queue.push(0, event(Op::Add, "a", "1"), None).await;
        let other = std::sync::Arc::clone(&queue);
        let waiting = tokio::spawn(async move { other.push(0, event(Op::Add, "b", "1"), None).await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        assert_eq!(taken(&queue, 1).len(), 1);
        waiting.await.unwrap();
        assert_eq!(taken(&queue, 1).len(), 1);
    }

    #[tokio::test]
    async fn a_batch_keeps_to_its_bytes_but_has_one_event() {
        let queue = Queue::new(vec![None], usize::MAX);
        queue.push(0, event(Op::Add, "a", "1"), None).await;
        queue.push(0, event(Op::Add, "b", "1"), None).await;
        for _ in 0..2 {
            let Next::Events(events, _) = queue.take(9, 1) else { panic!() };
            assert_eq!(events.len(), 1);
        }
    }
}
