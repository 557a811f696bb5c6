//! The always-on stream: every change of the configured kinds on
//! `evt.<group>.<kind>`, by one agent of the cluster.
//!
//! Owns its settings, its batches and its rate. When more changes than may be
//! sent, the newest state of each object waits and the ones in between are left
//! out; nothing is lost, and what waits is bounded in bytes.

use std::{sync::Arc, time::Duration};

use clap::Args;
use serde_json::value::RawValue;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use super::{
    pump::{FRAME_ROOM, shorten},
    queue::{Event, Front, Mark, Next, Queue},
    source::{Pace, Source},
};
use crate::{
    agent::{
        Agent,
        metrics::{InUse, add},
        reply,
    },
    protocol::{
        Error, header,
        read::{KindRef, Projection},
        sum::Sums,
        watch::{Scope, WatchFrame, WatchRequest},
    },
};

/// The kinds of the stream when none are named: those that a cluster's state
/// is made of.
pub const KINDS: &str = "pods,services,endpoints,configmaps,secrets,serviceaccounts,namespaces,nodes,\
    persistentvolumes,persistentvolumeclaims,replicationcontrollers,limitranges,resourcequotas,events,\
    deployments.apps,replicasets.apps,statefulsets.apps,daemonsets.apps,jobs.batch,cronjobs.batch,\
    ingresses.networking.k8s.io,networkpolicies.networking.k8s.io,horizontalpodautoscalers.autoscaling,\
    poddisruptionbudgets.policy,storageclasses.storage.k8s.io";
/// Bytes that may wait in the stream before its sources stop reading.
const QUEUE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Pause between two checksums.
const SUMS: Duration = Duration::from_secs(600);
/// Pause before a kind that cannot be watched is tried again.
const LATER: Duration = Duration::from_secs(300);

type Frame = WatchFrame<Box<RawValue>>;

/// `k8s_watch.*` of the chart.
#[derive(Clone, Debug, Args)]
pub struct Stream {
    /// Publish every change of the kinds below
    #[arg(long, env = "K8S_WATCH_ENABLED", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub k8s_watch_enabled: bool,
    /// Most events of one message
    #[arg(long, env = "K8S_WATCH_BATCH_SIZE", default_value_t = 20)]
    pub k8s_watch_batch_size: usize,
    /// Longest wait for a message to fill, in milliseconds
    #[arg(long, env = "K8S_WATCH_BATCH_TIMEOUT_MS", default_value_t = 500)]
    pub k8s_watch_batch_timeout_ms: u64,
    /// First pause after the API server failed, in milliseconds
    #[arg(long, env = "K8S_WATCH_RECONNECT_DELAY_MS", default_value_t = 1000)]
    pub k8s_watch_reconnect_delay_ms: u64,
    /// Longest such pause, in milliseconds
    #[arg(long, env = "K8S_WATCH_MAX_RECONNECT_DELAY_MS", default_value_t = 30_000)]
    pub k8s_watch_max_reconnect_delay_ms: u64,
    /// Most events of one second; beyond it only the newest state of an object is sent
    #[arg(long, env = "K8S_WATCH_MAX_EVENTS_PER_SEC", default_value_t = 500)]
    pub k8s_watch_max_events_per_sec: u64,
    /// Leave out managed fields
    #[arg(long, env = "K8S_WATCH_STRIP_FIELDS", default_value_t = true, action = clap::ArgAction::Set)]
    pub k8s_watch_strip_fields: bool,
    /// How long the API server keeps a watch open
    #[arg(long, env = "K8S_WATCH_TIMEOUT_SECONDS", default_value_t = 300)]
    pub k8s_watch_timeout_seconds: u64,
    /// Watch all kinds of the cluster, custom ones too
    #[arg(long, env = "K8S_WATCH_DYNAMIC_DISCOVERY", default_value_t = false, action = clap::ArgAction::Set)]
    pub k8s_watch_dynamic_discovery: bool,
    /// Send digests instead of the values of Secrets
    #[arg(long, env = "K8S_WATCH_REDACT_SECRETS", default_value_t = true, action = clap::ArgAction::Set)]
    pub k8s_watch_redact_secrets: bool,
    /// The kinds, separated by commas
    #[arg(long, env = "K8S_WATCH_KINDS", default_value = KINDS, hide_default_value = true)]
    pub k8s_watch_kinds: String,
    /// Namespaces, separated by commas; empty for all
    #[arg(long, env = "K8S_WATCH_NAMESPACES", default_value = "", hide_default_value = true)]
    pub k8s_watch_namespaces: String,
}

impl Stream {
    /// Checks the numbers.
    ///
    /// # Errors
    /// With a sentence that names the setting.
    pub fn check(&self) -> Result<(), Error> {
        let within = |name: &str, value: u64, from: u64, to: u64| {
            if (from..=to).contains(&value) {
                return Ok(());
            }
            Err(Error::invalid(format!("k8s_watch.{name} is {value}, it must be {from} to {to}")))
        };
        within("batch_size", self.k8s_watch_batch_size as u64, 1, 500)?;
        within("batch_timeout_ms", self.k8s_watch_batch_timeout_ms, 1, 60_000)?;
        within("reconnect_delay_ms", self.k8s_watch_reconnect_delay_ms, 1, 600_000)?;
        within("max_reconnect_delay_ms", self.k8s_watch_max_reconnect_delay_ms, 1, 600_000)?;
        within("max_events_per_sec", self.k8s_watch_max_events_per_sec, 1, 100_000)?;
        within("timeout_seconds", self.k8s_watch_timeout_seconds, 10, 3600)?;
        self.request().check()
    }

    fn request(&self) -> WatchRequest {
        let words = |text: &str| text.split(',').map(str::trim).filter(|w| !w.is_empty()).map(str::to_owned).collect();
        WatchRequest {
            resources: words(&self.k8s_watch_kinds),
            namespaces: words(&self.k8s_watch_namespaces),
            projection: Projection::Full,
            ..WatchRequest::default()
        }
    }

    fn pace(&self) -> Pace {
        Pace {
            first: Duration::from_millis(self.k8s_watch_reconnect_delay_ms),
            longest: Duration::from_millis(self.k8s_watch_max_reconnect_delay_ms),
            watch: Duration::from_secs(self.k8s_watch_timeout_seconds),
            keep_fields: !self.k8s_watch_strip_fields,
            reveal: !self.k8s_watch_redact_secrets,
        }
    }
}

/// Publishes while `lead` says so, until the agent stops.
pub(in crate::agent) async fn run(agent: Arc<Agent>, mut lead: watch::Receiver<bool>) {
    loop {
        if lead.wait_for(|leads| *leads).await.is_err() {
            return;
        }
        tracing::info!("this agent feeds the always-on stream");
        let _counted = InUse::new(&agent.metrics.stream_leader);
        tokio::select! {
            () = feed(&agent) => {}
            _ = lead.wait_for(|leads| !*leads) => tracing::info!("another agent feeds the always-on stream"),
            () = agent.stop.cancelled() => return,
        }
    }
}

/// Publishes until something ends all of it, which a pause follows.
async fn feed(agent: &Arc<Agent>) {
    let settings = &agent.settings.stream;
    let mut request = settings.request();
    if settings.k8s_watch_dynamic_discovery {
        match discovered(agent).await {
            Ok(kinds) => request.resources = kinds,
            Err(error) => {
                tracing::warn!(%error, "the kinds of the always-on stream cannot be read");
                return tokio::time::sleep(settings.pace().longest).await;
            }
        }
    }
    let sources = sources(agent, &request).await;
    if sources.is_empty() {
        return tokio::time::sleep(settings.pace().longest).await;
    }
    let scopes: Vec<_> = sources.iter().map(Source::scope).collect();
    let queue = Arc::new(Queue::new(vec![None; sources.len()], QUEUE_BYTES_MAX));
    let mut feeds = tokio::task::JoinSet::new();
    let request = Arc::new(request);
    for (at, source) in sources.into_iter().enumerate() {
        feeds.spawn(keep(source, at, agent.api.clone(), Arc::clone(&request), settings.pace(), Arc::clone(&queue)));
    }
    let mut pump = Pump { agent: Arc::clone(agent), scopes, sums: Sums::default(), seq: 0 };
    pump.run(&queue).await;
}

/// Runs one source for ever: a kind that may not be read now may be later.
async fn keep(
    source: Source,
    at: usize,
    api: crate::agent::api::Api,
    request: Arc<WatchRequest>,
    pace: Pace,
    queue: Arc<Queue>,
) {
    loop {
        let (api, request, queue) = (api.clone(), Arc::clone(&request), Arc::clone(&queue));
        if let Err(error) = source.clone().run(at, api, request, None, queue, pace).await {
            tracing::warn!(kind = %source.kind.gvk, %error, "a kind is left out of the always-on stream for a while");
        }
        tokio::time::sleep(LATER).await;
    }
}

async fn discovered(agent: &Agent) -> Result<Vec<String>, Error> {
    let kinds = agent.api.discovery().kinds(&agent.api).await?;
    let can = |verbs: &[String], verb: &str| verbs.iter().any(|v| v == verb);
    let watchable = kinds.kinds.into_iter().filter(|kind| can(&kind.verbs, "list") && can(&kind.verbs, "watch"));
    Ok(watchable
        .map(|kind| if kind.group.is_empty() { kind.resource } else { format!("{}.{}", kind.resource, kind.group) })
        .collect())
}

/// The kinds that this cluster has, in each namespace.
async fn sources(agent: &Agent, request: &WatchRequest) -> Vec<Source> {
    let mut sources = Vec::new();
    for name in &request.resources {
        match agent.api.resolve(&KindRef::resource(name)).await {
            Ok(kind) => {
                let kind = Arc::new(kind);
                let namespaces: &[String] = if kind.namespaced { &request.namespaces } else { &[] };
                if namespaces.is_empty() {
                    sources.push(Source { kind, namespace: String::new() });
                } else {
                    let each = namespaces.iter().cloned();
                    sources.extend(each.map(|namespace| Source { kind: Arc::clone(&kind), namespace }));
                }
            }
            Err(error) => tracing::warn!(kind = %name, %error, "a kind is not in the always-on stream"),
        }
    }
    sources
}

/// Sends what waits, at the allowed rate.
struct Pump {
    agent: Arc<Agent>,
    scopes: Vec<Scope>,
    sums: Sums,
    seq: u64,
}

impl Pump {
    async fn run(&mut self, queue: &Queue) {
        let settings = self.agent.settings.stream.clone();
        let batch = settings.k8s_watch_batch_size;
        let mut rate = Rate::new(settings.k8s_watch_max_events_per_sec);
        let mut summed = Instant::now();
        loop {
            if summed.elapsed() > SUMS {
                summed = Instant::now();
                self.tell_sums().await;
            }
            let Ok(front) = timeout(SUMS.saturating_sub(summed.elapsed()), queue.front(batch)).await else { continue };
            match front {
                Front::Mark => {
                    if let Next::Mark(source, mark) = queue.take(1, 0) {
                        self.mark(source, mark).await;
                    }
                }
                Front::Events(count) => {
                    if count < batch {
                        let wait = Duration::from_millis(settings.k8s_watch_batch_timeout_ms);
                        // Not being filled in time is the usual case.
                        let _ = timeout(wait, queue.filled(batch)).await;
                    }
                    let pause = rate.pause();
                    if !pause.is_zero() {
                        tokio::time::sleep(pause).await;
                    }
                    let room = self.agent.message_max().saturating_sub(FRAME_ROOM);
                    match queue.take(batch, room) {
                        Next::Events(events, _) => {
                            rate.spend(events.len());
                            self.events(events, room).await;
                            add(&self.agent.metrics.watch_events_rate_limited, queue.coalesced());
                        }
                        Next::Mark(source, mark) => self.mark(source, mark).await,
                        Next::Nothing => {}
                    }
                }
            }
        }
    }

    /// A message for each run of events of one kind.
    async fn events(&mut self, events: Vec<Event>, room: usize) {
        add(&self.agent.metrics.watch_events, events.len() as u64);
        let mut run: Vec<Event> = Vec::new();
        for mut event in events {
            shorten(&mut event, room);
            if run.first().is_some_and(|first| first.gvk != event.gvk) {
                self.batch(std::mem::take(&mut run)).await;
            }
            run.push(event);
        }
        self.batch(run).await;
    }

    async fn batch(&mut self, events: Vec<Event>) {
        let Some(first) = events.first() else { return };
        let gvk = first.gvk.clone();
        let frame = Frame::Batch { events, resume: None };
        self.sums.frame(&frame);
        self.send(&gvk, &frame).await;
    }

    async fn mark(&mut self, source: usize, mark: Mark) {
        let Some(scope) = self.scopes.get(source).cloned() else { return };
        let gvk = scope.gvk.clone();
        let frame = match mark {
            Mark::Columns(columns) => Frame::Columns { scope, columns },
            Mark::SyncBegin => Frame::SyncBegin { scope },
            Mark::SyncEnd => Frame::SyncEnd { scope },
            Mark::Reset(reason) => Frame::Reset { scope, reason },
        };
        self.sums.frame(&frame);
        self.send(&gvk, &frame).await;
    }

    async fn tell_sums(&mut self) {
        for sum in self.sums.all() {
            let gvk = sum.scope.gvk.clone();
            self.send(&gvk, &Frame::Bookmark { resume: None, sums: vec![sum] }).await;
        }
    }

    async fn send(&mut self, gvk: &str, frame: &Frame) {
        self.seq += 1;
        let mut headers = reply::headers();
        headers.insert(header::SEQ, self.seq.to_string());
        headers.insert(header::EPOCH, self.agent.epoch.as_str());
        let subject = self.agent.subjects.event(gvk);
        let body = serde_json::to_vec(frame).unwrap_or_default();
        if let Err(error) = self.agent.link.publish(subject, headers, body.into()).await {
            add(&self.agent.metrics.publish_failures, 1);
            tracing::warn!(%error, "a message of the always-on stream could not be sent");
        }
    }
}

/// So many events a second: a bucket that holds one second's worth.
struct Rate {
    per_second: f64,
    left: f64,
    at: Instant,
}

impl Rate {
    fn new(per_second: u64) -> Self {
        let per_second = u32::try_from(per_second).map_or(f64::from(u32::MAX), f64::from);
        Rate { per_second, left: per_second, at: Instant::now() }
    }

    /// How long to wait before the next events.
    fn pause(&mut self) -> Duration {
        let now = Instant::now();
        self.left = (self.left + now.duration_since(self.at).as_secs_f64() * self.per_second).min(self.per_second);
        self.at = now;
        if self.left >= 1.0 { Duration::ZERO } else { Duration::from_secs_f64((1.0 - self.left) / self.per_second) }
    }

    fn spend(&mut self, events: usize) {
        self.left -= u32::try_from(events).map_or(f64::from(u32::MAX), f64::from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept() {
        let mut rate = Rate::new(100);
        assert_eq!(rate.pause(), Duration::ZERO);
        rate.spend(200);
        let pause = rate.pause();
        assert!((1.0..1.2).contains(&pause.as_secs_f64()), "{pause:?}");
        tokio::time::advance(pause).await;
        assert!(rate.pause() < Duration::from_millis(1));
    }
}
