//! Which of several agents feeds the always-on stream: the one that holds a
//! Lease in the agents' namespace.
//!
//! Owns taking, renewing and giving back. A Lease is free when it was watched
//! for as long as it holds and nobody renewed it; no clock of another machine
//! is believed.

use std::{sync::Arc, time::Duration};

use http::{Method, Request};
use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

use super::Agent;
use crate::protocol::id::now_rfc3339;

/// Name of the Lease.
const NAME: &str = "ankra-agent-stream";
/// How long it holds without a renewal.
const HOLDS: Duration = Duration::from_secs(15);
/// Pause between two renewals, or two looks.
const RENEW: Duration = Duration::from_secs(4);
/// Time without a renewal after which the holder stops: well before another
/// one may begin.
const STOPS: Duration = Duration::from_secs(10);

/// Says by `lead` whether this agent is the one, until it stops.
pub(super) async fn run(agent: Arc<Agent>, lead: watch::Sender<bool>) {
    let mut lease = Lease::new(&agent);
    loop {
        match lease.turn().await {
            Ok(leads) => {
                lead.send_if_modified(|old| std::mem::replace(old, leads) != leads);
            }
            Err(why) => {
                tracing::debug!(%why, "the Lease of the always-on stream");
                if lease.renewed.is_none_or(|at| at.elapsed() > STOPS) {
                    lead.send_if_modified(|old| std::mem::replace(old, false));
                }
            }
        }
        tokio::select! {
            () = agent.stop.cancelled() => break,
            () = tokio::time::sleep(RENEW) => {}
        }
    }
    let led = *lead.borrow();
    lead.send_replace(false);
    if led {
        lease.give_back().await;
    }
}

struct Lease {
    client: kube::Client,
    path: String,
    me: String,
    /// What was seen of another holder, and since when.
    watched: Option<(String, Instant)>,
    /// When it was last renewed by us.
    renewed: Option<Instant>,
}

impl Lease {
    fn new(agent: &Agent) -> Self {
        let namespace = if agent.settings.pod_namespace.is_empty() { "default" } else { &agent.settings.pod_namespace };
        Lease {
            client: agent.api.client(),
            path: format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"),
            me: format!("{}/{}", agent.instance, agent.epoch),
            watched: None,
            renewed: None,
        }
    }

    /// Looks at the Lease, takes it when it is free, renews it when it is ours;
    /// says whether it is.
    async fn turn(&mut self) -> Result<bool, kube::Error> {
        let found = match self.send(Method::GET, &format!("/{NAME}"), None).await {
            Ok(found) => found,
            Err(kube::Error::Api(status)) if status.code == 404 => {
                let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                    "metadata": {"name": NAME}, "spec": self.spec(0)});
                return self.write(Method::POST, "", lease).await;
            }
            Err(error) => return Err(error),
        };
        let text = |pointer: &str| found.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let holder = text("/spec/holderIdentity");
        if holder != self.me && !holder.is_empty() {
            let rv = text("/metadata/resourceVersion").to_owned();
            let since = match self.watched.take() {
                Some((seen, since)) if seen == rv => since,
                _ => Instant::now(),
            };
            let free = since.elapsed() > HOLDS;
            self.watched = Some((rv, since));
            if !free {
                return Ok(false);
            }
        }
        let changes = found.pointer("/spec/leaseTransitions").and_then(Value::as_i64).unwrap_or(0);
        let mut lease = found.clone();
        lease["spec"] = self.spec(changes + i64::from(holder != self.me));
        self.write(Method::PUT, &format!("/{NAME}"), lease).await
    }

    async fn write(&mut self, method: Method, path: &str, lease: Value) -> Result<bool, kube::Error> {
        match self.send(method, path, Some(lease)).await {
            Ok(_) => {
                self.renewed = Some(Instant::now());
                Ok(true)
            }
            // Another one was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Leaves it to the next one at once.
    async fn give_back(&mut self) {
        let gone = json!({"spec": {"holderIdentity": null}});
        let request = self.request(Method::PATCH, &format!("/{NAME}"), Some(gone));
        if let Ok(request) = request {
            // Not given back, it runs out.
            let _ = tokio::time::timeout(RENEW, self.client.request::<Value>(request)).await;
        }
    }

    fn spec(&self, changes: i64) -> Value {
        // MicroTime wants six digits.
        let now = format!("{:.6}", jiff::Timestamp::now());
        let now = if now.ends_with('Z') { now } else { now_rfc3339() };
        json!({"holderIdentity": self.me, "leaseDurationSeconds": HOLDS.as_secs(), "renewTime": now,
            "acquireTime": now, "leaseTransitions": changes})
    }

    fn request(&self, method: Method, path: &str, body: Option<Value>) -> Result<Request<Vec<u8>>, http::Error> {
        let kind = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.path))
            .header(http::header::CONTENT_TYPE, kind)
            .body(body)
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, kube::Error> {
        let request = self.request(method, path, body).map_err(kube::Error::HttpError)?;
        match tokio::time::timeout(RENEW, self.client.request(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(kube::Error::Service("the API server did not answer in time".into())),
        }
    }
}
