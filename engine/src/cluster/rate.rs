//! `--qps` and `--burst-limit`: how many requests a second, where somebody
//! wants fewer than the server takes. Owns the times; Helm sets none unless
//! told to, and neither is there a limit here then.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// client-go's rate where only a burst is said.
const DEFAULT_QPS: f64 = 5.0;

/// Helm's burst where only a rate is said.
const DEFAULT_BURST: f64 = 100.0;

/// A bucket of rights to send a request, which fills up evenly.
pub(super) struct Rate {
    qps: f64,
    burst: f64,
    state: Mutex<State>,
}

struct State {
    /// Below zero: so many wait.
    tokens: f64,
    at: Instant,
}

impl Rate {
    /// The limit that is asked for; `None` if none is: nothing was said, or a
    /// rate below zero.
    pub(super) fn of(qps: Option<f32>, burst: Option<i64>) -> Option<Rate> {
        if qps.is_none_or(|q| q == 0.0) && burst.is_none() {
            return None;
        }
        let qps = qps.map_or(0.0, f64::from);
        if qps < 0.0 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "nobody has so many requests")]
        let burst = burst.map_or(DEFAULT_BURST, |b| b.max(1) as f64);
        let qps = if qps > 0.0 { qps } else { DEFAULT_QPS };
        Some(Rate { qps, burst, state: Mutex::new(State { tokens: burst, at: Instant::now() }) })
    }

    /// Waits until one more request may be sent.
    pub(super) async fn wait(&self) {
        let pause = self.take(Instant::now());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }

    fn take(&self, now: Instant) -> Duration {
        let mut state = self.state.lock();
        let passed = now.saturating_duration_since(state.at).as_secs_f64();
        state.at = now;
        state.tokens = (state.tokens + passed * self.qps).min(self.burst) - 1.0;
        // A rate near zero may mean for ever.
        Duration::try_from_secs_f64((-state.tokens / self.qps).max(0.0)).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_evenly() {
        let rate = Rate::of(Some(10.0), Some(3)).unwrap();
        let now = Instant::now();
        let pauses: Vec<u128> = (0..5).map(|_| rate.take(now).as_millis()).collect();
        assert_eq!(pauses, [0, 0, 0, 100, 200]);
        assert_eq!(rate.take(now + Duration::from_secs(60)), Duration::ZERO);
    }

    #[test]
    fn there_is_a_limit_where_one_is_said() {
        assert!(Rate::of(None, None).is_none());
        assert!(Rate::of(Some(0.0), None).is_none());
        assert!(Rate::of(Some(-1.0), Some(5)).is_none());
        assert_eq!(Rate::of(None, Some(7)).map(|r| (r.qps, r.burst)), Some((5.0, 7.0)));
        assert_eq!(Rate::of(Some(2.0), None).map(|r| (r.qps, r.burst)), Some((2.0, 100.0)));
    }
}
