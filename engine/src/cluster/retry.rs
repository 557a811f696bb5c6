//! Which requests are sent again, when, and how often. Pure.

use std::time::Duration;

use http::{Method, StatusCode, header};
use tokio::time::Instant;

/// client-go's limit for answers that ask to be asked again.
const ATTEMPTS: usize = 10;

/// No server is waited for longer at once, whatever it says.
const LONGEST: Duration = Duration::from_secs(60);

/// A refusal for too many requests that does not say when to come back.
const UNSAID: Duration = Duration::from_secs(1);

/// How long an API server may be away that has answered before: a restart.
const PATIENCE: Duration = Duration::from_secs(30);

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// Errors of the server's store that Helm sends a request once more after.
const STORE_CHANGED: [&str; 2] = ["etcdserver: leader changed", "raft proposal dropped"];

/// What is known of the attempts of one request.
pub(super) struct Retries {
    /// Whether it comes to the same when the server gets it twice.
    repeatable: bool,
    /// Whether the server has been there before.
    known: bool,
    asked: usize,
    store_changed: bool,
    failing_since: Option<Instant>,
    pause: Duration,
}

impl Retries {
    pub(super) fn new(method: &Method, known: bool) -> Retries {
        Retries {
            // Patches are: each sets what it names, or names what it was made from.
            repeatable: *method != Method::POST,
            known,
            asked: 0,
            store_changed: false,
            failing_since: None,
            pause: FIRST_PAUSE,
        }
    }

    /// The pause after a request that got no answer; `None`: it has failed.
    /// `refused`: it did not even reach the server.
    pub(super) fn after_failure(&mut self, refused: bool) -> Option<Duration> {
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if !self.known || !(self.repeatable || refused) || since.elapsed() > PATIENCE {
            return None;
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(LAST_PAUSE);
        Some(pause)
    }

    /// Whether the server was away for too long: nobody waits for it again.
    pub(super) fn is_out_of_patience(&self) -> bool {
        self.failing_since.is_some_and(|since| since.elapsed() > PATIENCE)
    }

    /// The pause after an answer that is not a success; `None`: it stands.
    /// `asked`: when the server wants to be asked again.
    pub(super) fn after_answer(
        &mut self,
        status: StatusCode,
        asked: Option<Duration>,
        body: &[u8],
    ) -> Option<Duration> {
        self.known = true;
        self.failing_since = None;
        let too_many = status == StatusCode::TOO_MANY_REQUESTS;
        let wait = asked.or(too_many.then_some(UNSAID)).filter(|_| too_many || status.is_server_error());
        if let Some(wait) = wait.filter(|_| self.asked < ATTEMPTS) {
            self.asked += 1;
            return Some(wait.min(LONGEST));
        }
        let text = String::from_utf8_lossy(body);
        if status.is_server_error() && !self.store_changed && STORE_CHANGED.iter().any(|t| text.contains(t)) {
            self.store_changed = true;
            return Some(Duration::ZERO);
        }
        None
    }
}

/// When the server wants to be asked again, if it says so.
pub(super) fn asked<T>(response: &http::Response<T>) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_server_can_get_twice_is_sent_again() {
        let known = |method| Retries::new(&method, true);
        assert!(known(Method::PATCH).after_failure(false).is_some());
        assert!(known(Method::POST).after_failure(false).is_none());
        assert!(known(Method::POST).after_failure(true).is_some());
        assert!(Retries::new(&Method::GET, false).after_failure(true).is_none(), "it was never there");
    }

    #[test]
    fn the_server_says_when() {
        let mut retries = Retries::new(&Method::POST, true);
        let second = Some(Duration::from_secs(1));
        for _ in 0..ATTEMPTS {
            assert_eq!(retries.after_answer(StatusCode::TOO_MANY_REQUESTS, second, b""), second);
        }
        assert_eq!(retries.after_answer(StatusCode::TOO_MANY_REQUESTS, second, b""), None);
        let mut retries = Retries::new(&Method::POST, true);
        assert_eq!(retries.after_answer(StatusCode::INTERNAL_SERVER_ERROR, None, b"oops"), None);
        assert_eq!(retries.after_answer(StatusCode::FORBIDDEN, second, b""), None);
        let changed = b"etcdserver: leader changed";
        assert!(retries.after_answer(StatusCode::INTERNAL_SERVER_ERROR, None, changed).is_some());
        assert!(retries.after_answer(StatusCode::INTERNAL_SERVER_ERROR, None, changed).is_none());
    }
}
