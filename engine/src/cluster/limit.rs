//! How many requests are under way at once: as many as the API server takes.
//! Owns the number; what is asked and what an answer means is `request`'s.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

/// At the start. The server's own queues hold more for one user.
const FIRST: usize = 24;

/// Never more: beyond it even a large server is no faster.
pub(crate) const MOST: usize = 64;

/// Halves when the server has too much to do, and grows by one when as many
/// requests as it allows were answered in a row.
#[derive(Default)]
pub(super) struct Limit {
    state: Mutex<State>,
    freed: Notify,
}

struct State {
    limit: usize,
    running: usize,
    answered: usize,
    /// Nothing is sent before: the server said so.
    not_before: Option<Instant>,
    /// Counts reductions: refusals of one burst reduce once.
    age: usize,
}

impl Default for State {
    fn default() -> Self {
        State { limit: FIRST, running: 0, answered: 0, not_before: None, age: 0 }
    }
}

/// The right to have one request under way.
pub(super) struct Permit {
    limit: Arc<Limit>,
    age: usize,
}

impl Limit {
    /// Waits until one more request may be sent.
    pub(super) async fn permit(self: &Arc<Self>) -> Permit {
        loop {
            let freed = self.freed.notified();
            let pause = {
                let mut state = self.state.lock();
                let pause = state.not_before.filter(|t| *t > Instant::now());
                if pause.is_none() && state.running < state.limit {
                    state.running += 1;
                    return Permit { limit: self.clone(), age: state.age };
                }
                pause
            };
            match pause {
                Some(until) => tokio::time::sleep_until(until).await,
                None => freed.await,
            }
        }
    }
}

impl Permit {
    /// The server took it.
    pub(super) fn answered(self) {
        let mut state = self.limit.state.lock();
        state.answered += 1;
        if state.answered >= state.limit && state.limit < MOST {
            state.limit += 1;
            state.answered = 0;
            self.limit.freed.notify_one();
        }
    }

    /// The server has too much to do, and wants to be asked again after this
    /// time.
    pub(super) fn refused(self, after: Duration) {
        let mut state = self.limit.state.lock();
        let until = Instant::now() + after;
        state.not_before = Some(state.not_before.map_or(until, |before| before.max(until)));
        if self.age == state.age {
            state.age += 1;
            state.limit = (state.limit / 2).max(1);
            state.answered = 0;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.limit.state.lock().running -= 1;
        self.limit.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(limit: &Arc<Limit>) -> usize {
        limit.state.lock().limit
    }

    #[tokio::test]
    async fn refusals_of_one_burst_halve_once() {
        let all = Arc::new(Limit::default());
        let (first, second) = (all.permit().await, all.permit().await);
        first.refused(Duration::ZERO);
        second.refused(Duration::ZERO);
        assert_eq!(limit(&all), FIRST / 2);
        for _ in 0..10 {
            all.permit().await.refused(Duration::ZERO);
        }
        assert_eq!(limit(&all), 1, "one request is always allowed");
    }

    #[tokio::test]
    async fn answers_make_it_grow_and_no_more_than_it_are_sent() {
        let all = Arc::new(Limit::default());
        for _ in 0..10 {
            all.permit().await.refused(Duration::ZERO);
        }
        let held = all.permit().await;
        let next = tokio::time::timeout(Duration::from_millis(20), all.permit()).await;
        assert!(next.is_err(), "a second one was allowed");
        held.answered();
        assert_eq!(limit(&all), 2);
        let _both = (all.permit().await, all.permit().await);
        for _ in 0..10_000 {
            let permit = Permit { limit: all.clone(), age: 0 };
            all.state.lock().running += 1;
            permit.answered();
        }
        assert_eq!(limit(&all), MOST);
    }

    #[tokio::test]
    async fn nothing_is_sent_before_the_server_wants_it() {
        let all = Arc::new(Limit::default());
        let start = Instant::now();
        all.permit().await.refused(Duration::from_millis(40));
        drop(all.permit().await);
        assert!(start.elapsed() >= Duration::from_millis(40));
    }
}
