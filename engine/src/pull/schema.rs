//! Schemas that a chart's schema refers to by http or https: fetched while
//! values are checked, within limits, each once.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::{PullError, http};

/// The largest schema that is fetched (bytes).
pub const MAX_SCHEMA_BYTES: u64 = 16 * 1024 * 1024;
/// How many schemas one check of values may fetch.
pub const MAX_FETCHED_SCHEMAS: usize = 128;
/// How long one schema may take; it is Helm's limit.
pub const SCHEMA_TIMEOUT: Duration = Duration::from_secs(15);
/// How long all of them may take.
pub const ALL_SCHEMAS_TIMEOUT: Duration = Duration::from_secs(60);

/// Fetches schemas for one check of values.
#[derive(Debug, Default)]
pub struct SchemaFetcher {
    known: RefCell<HashMap<String, Result<Vec<u8>, String>>>,
    spent: Cell<Duration>,
}

impl SchemaFetcher {
    /// Whether an address is one that is fetched.
    #[must_use]
    pub fn is_for(address: &str) -> bool {
        address.starts_with("http://") || address.starts_with("https://")
    }

    /// The document at an address.
    ///
    /// # Errors
    /// Why it cannot be had, in Helm's words, or the limit that was met.
    pub async fn fetch(&self, address: &str) -> Result<Vec<u8>, String> {
        if let Some(known) = self.known.borrow().get(address) {
            return known.clone();
        }
        if self.known.borrow().len() >= MAX_FETCHED_SCHEMAS {
            return Err(format!("more than {MAX_FETCHED_SCHEMAS} schemas by http"));
        }
        let too_long =
            || format!("schemas by http took longer than {} seconds together", ALL_SCHEMAS_TIMEOUT.as_secs());
        let left = ALL_SCHEMAS_TIMEOUT.saturating_sub(self.spent.get());
        if left.is_zero() {
            return Err(too_long());
        }
        let begun = Instant::now();
        let fetched = match tokio::time::timeout(left.min(SCHEMA_TIMEOUT), get(address)).await {
            Ok(fetched) => fetched.map_err(|e| words(address, &e)),
            Err(_) if left < SCHEMA_TIMEOUT => Err(too_long()),
            Err(_) => Err(format!("HTTP request failed for {address}: {}", http::timed_out(address))),
        };
        self.spent.set(self.spent.get() + begun.elapsed());
        self.known.borrow_mut().insert(address.to_string(), fetched.clone());
        fetched
    }
}

async fn get(address: &str) -> Result<Vec<u8>, PullError> {
    let client = http::client(&http::Tls::default())?;
    http::get(&client, address, http::Credentials::none(), MAX_SCHEMA_BYTES).await
}

fn words(address: &str, error: &PullError) -> String {
    match error {
        PullError::Status { status, .. } => {
            let (code, text) = status.split_once(' ').unwrap_or((status, ""));
            format!("HTTP request to {address} returned status {code} ({text})")
        }
        PullError::Request { .. } => format!("HTTP request failed for {address}: {error}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(fetcher: &SchemaFetcher, address: &str) -> Result<Vec<u8>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(fetcher.fetch(address))
    }

    #[test]
    fn limits_of_count_and_time() {
        let fetcher = SchemaFetcher::default();
        for i in 0..MAX_FETCHED_SCHEMAS {
            fetcher.known.borrow_mut().insert(format!("http://h/{i}"), Ok(b"true".to_vec()));
        }
        assert_eq!(fetch(&fetcher, "http://h/0").unwrap(), b"true", "what is known is not fetched again");
        assert_eq!(fetch(&fetcher, "http://127.0.0.1:1/").unwrap_err(), "more than 128 schemas by http");

        let fetcher = SchemaFetcher::default();
        fetcher.spent.set(ALL_SCHEMAS_TIMEOUT);
        let refused = fetch(&fetcher, "http://127.0.0.1:1/").unwrap_err();
        assert_eq!(refused, "schemas by http took longer than 60 seconds together");
    }

    #[test]
    fn words_are_those_of_helm() {
        let refused = fetch(&SchemaFetcher::default(), "http://127.0.0.1:1/x.json").unwrap_err();
        assert_eq!(
            refused,
            "HTTP request failed for http://127.0.0.1:1/x.json: Get \"http://127.0.0.1:1/x.json\": \
             dial tcp 127.0.0.1:1: connect: connection refused"
        );
    }
}
