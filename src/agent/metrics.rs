//! Counters of the agent, in Prometheus' text form.
//!
//! Owns names and help texts. Values carry no names of objects, users or
//! secrets.

use std::{
    fmt::Write,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

/// All counters and gauges.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Requests answered.
    pub requests: AtomicU64,
    /// Requests answered with an error.
    pub request_errors: AtomicU64,
    /// Requests refused because all workers were in use.
    pub requests_refused: AtomicU64,
    /// Events sent in watch sessions.
    pub watch_events: AtomicU64,
    /// Events that a newer one of the same object replaced before they were
    /// sent.
    pub watch_events_coalesced: AtomicU64,
    /// Events of the always-on stream that the rate left out, a newer state of
    /// the object being sent instead.
    pub watch_events_rate_limited: AtomicU64,
    /// Whether this agent feeds the always-on stream.
    pub stream_leader: AtomicI64,
    /// Frames that could not be published.
    pub publish_failures: AtomicU64,
    /// Bytes of log lines sent.
    pub log_bytes: AtomicU64,
    /// Sessions opened.
    pub sessions_opened: AtomicU64,
    /// Sessions open now.
    pub sessions: AtomicI64,
    /// Log streams open now.
    pub log_streams: AtomicI64,
    /// Operations begun.
    pub operations: AtomicU64,
    /// Operations that did not succeed.
    pub operations_failed: AtomicU64,
    /// Operations running now.
    pub operations_running: AtomicI64,
    /// Connections to NATS made.
    pub nats_connects: AtomicU64,
    /// Refusals of the credentials by NATS.
    pub nats_refusals: AtomicU64,
    /// Registrations that were granted.
    pub registrations: AtomicU64,
    /// Registrations that failed.
    pub register_failures: AtomicU64,
    /// How long messages waited until the connection took them.
    pub publish_seconds: Histogram,
    /// How long operations on releases took.
    pub apply_seconds: Histogram,
}

/// Upper bounds of a histogram's buckets, in milliseconds.
const BOUNDS_MS: [u64; 13] = [1, 5, 10, 50, 100, 500, 1000, 5000, 10_000, 30_000, 60_000, 300_000, 600_000];

/// How long something took, counted in buckets.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS_MS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

impl Histogram {
    /// Counts one.
    pub fn observe(&self, took: Duration) {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS_MS) {
            if ms < bound {
                add(bucket, 1);
            }
        }
        add(&self.micros, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        add(&self.count, 1);
    }

    fn text(&self, out: &mut String, name: &str, help: &str) {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram");
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS_MS) {
            let _ =
                writeln!(out, "{name}_bucket{{le=\"{}\"}} {}", Duration::from_millis(bound).as_secs_f64(), get(bucket));
        }
        let sum = Duration::from_micros(get(&self.micros)).as_secs_f64();
        let count = get(&self.count);
        let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}");
    }
}

/// Adds to a counter.
pub fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

/// Counts as one more in a gauge while it lives.
pub struct InUse<'a>(&'a AtomicI64);

impl<'a> InUse<'a> {
    /// One more, until this is dropped.
    pub fn new(gauge: &'a AtomicI64) -> Self {
        gauge.fetch_add(1, Ordering::Relaxed);
        InUse(gauge)
    }
}

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// All of it as text. `up` says whether the agent is ready.
    pub fn text(&self, up: bool) -> String {
        let counters = [
            ("requests_total", "Requests answered.", &self.requests),
            ("request_errors_total", "Requests answered with an error.", &self.request_errors),
            ("requests_refused_total", "Requests refused because all workers were in use.", &self.requests_refused),
            ("watch_events_total", "Events sent in watch sessions.", &self.watch_events),
            (
                "watch_events_coalesced_total",
                "Events replaced by a newer one before they were sent.",
                &self.watch_events_coalesced,
            ),
            (
                "watch_events_rate_limited_total",
                "Events of the always-on stream that a newer state replaced because of the rate.",
                &self.watch_events_rate_limited,
            ),
            ("watch_publish_failures_total", "Frames that could not be published.", &self.publish_failures),
            ("log_bytes_total", "Bytes of log lines sent.", &self.log_bytes),
            ("sessions_opened_total", "Sessions opened.", &self.sessions_opened),
            ("operations_total", "Operations begun.", &self.operations),
            ("operations_failed_total", "Operations that did not succeed.", &self.operations_failed),
            ("nats_connects_total", "Connections to NATS made.", &self.nats_connects),
            ("nats_refusals_total", "Refusals of the credentials by NATS.", &self.nats_refusals),
            ("registrations_total", "Registrations that were granted.", &self.registrations),
            ("register_failures_total", "Registrations that failed.", &self.register_failures),
        ];
        let gauges = [
            ("sessions", "Sessions open now.", &self.sessions),
            ("stream_leader", "1 when this agent feeds the always-on stream.", &self.stream_leader),
            ("log_streams", "Log streams open now.", &self.log_streams),
            ("operations_running", "Operations running now.", &self.operations_running),
        ];
        let mut out = String::new();
        for (name, help, counter) in counters {
            line(&mut out, name, help, "counter", &counter.load(Ordering::Relaxed).to_string());
        }
        for (name, help, gauge) in gauges {
            line(&mut out, name, help, "gauge", &gauge.load(Ordering::Relaxed).to_string());
        }
        line(&mut out, "ready", "1 when connected to NATS and the API server.", "gauge", if up { "1" } else { "0" });
        let help = "How long messages waited until the connection took them.";
        self.publish_seconds.text(&mut out, "ankra_agent_in_flight_publish_duration_seconds", help);
        let help = "How long operations on releases took.";
        self.apply_seconds.text(&mut out, "ankra_native_release_apply_duration_seconds", help);
        if let Some(bytes) = resident_bytes() {
            out.push_str("# HELP process_resident_memory_bytes Resident memory size in bytes.\n");
            let _ = writeln!(out, "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {bytes}");
        }
        out
    }
}

fn line(out: &mut String, name: &str, help: &str, kind: &str, value: &str) {
    // Writing to a string does not fail.
    let _ =
        writeln!(out, "# HELP ankra_agent_{name} {help}\n# TYPE ankra_agent_{name} {kind}\nankra_agent_{name} {value}");
}

/// Resident memory of this process; `None` where there is no `/proc`.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_has_help_type_and_value() {
        let metrics = Metrics::default();
        add(&metrics.requests, 3);
        metrics.apply_seconds.observe(Duration::from_millis(700));
        let running = InUse::new(&metrics.operations_running);
        let text = metrics.text(true);
        assert!(text.contains("\nankra_agent_requests_total 3\n"), "{text}");
        assert!(text.contains("\nankra_agent_operations_running 1\n"), "{text}");
        assert!(text.contains("\nankra_agent_ready 1\n"), "{text}");
        assert!(text.contains("apply_duration_seconds_bucket{le=\"0.5\"} 0\n"), "{text}");
        assert!(text.contains("apply_duration_seconds_bucket{le=\"1\"} 1\n"), "{text}");
        drop(running);
        assert!(metrics.text(false).contains("\nankra_agent_operations_running 0\n"));
        for line in text.lines() {
            assert!(line.starts_with("# ") || line.split(' ').count() == 2, "{line}");
        }
    }
}
