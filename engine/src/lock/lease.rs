//! The Lease object beside a release's records: reading and writing it. Owns
//! its form; not who may have it.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::process::Process;
use crate::cluster::Cluster;
use crate::error::Result;

/// How long a lease holds without being renewed.
pub(super) const DURATION: Duration = Duration::from_secs(15);

/// Nobody is waited for longer, whatever a lease says.
const MAX_DURATION: Duration = Duration::from_secs(60);

const OPERATION: &str = "ankra-helm/operation";
const REVISION: &str = "ankra-helm/revision";
const PROCESS: &str = "ankra-helm/process";

/// Where a lease is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) namespace: String,
    pub(super) release: String,
}

impl Place {
    fn collection(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace)
    }

    /// The object's name: one per release, which Helm never looks at.
    fn name(&self) -> String {
        format!("ankra-helm.{}", self.release)
    }

    fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name())
    }

    /// What a watch of this lease alone asks for.
    pub(super) fn watched(&self) -> (String, crate::cluster::watch::Selector) {
        let field = format!("metadata.name={}", self.name());
        (self.collection(), crate::cluster::watch::Selector { field, ..Default::default() })
    }
}

/// What a lease is to say.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    /// Nobody else's.
    pub(super) holder: String,
    pub(super) process: Option<Process>,
    pub(super) operation: &'static str,
    /// The revision that is, or will be, pending; 0 if none is.
    pub(super) revision: i64,
    /// The record that takes the lease with it when it is deleted.
    pub(super) owner: Option<Json>,
}

/// A lease as it is.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    json: Json,
}

impl Lease {
    pub(super) fn of(json: Json) -> Lease {
        Lease { json }
    }

    fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
    }

    fn annotation(&self, key: &str) -> &str {
        let annotations = self.json.pointer("/metadata/annotations");
        annotations.and_then(|a| a.get(key)).and_then(Json::as_str).unwrap_or_default()
    }

    pub(super) fn holder(&self) -> &str {
        self.text("/spec/holderIdentity")
    }

    pub(super) fn renewed(&self) -> &str {
        self.text("/spec/renewTime")
    }

    pub(super) fn version(&self) -> &str {
        self.text("/metadata/resourceVersion")
    }

    pub(super) fn process(&self) -> Option<Process> {
        Process::parse(self.annotation(PROCESS))
    }

    pub(super) fn duration(&self) -> Duration {
        let seconds = self.json.pointer("/spec/leaseDurationSeconds").and_then(Json::as_u64);
        seconds.map_or(DURATION, Duration::from_secs).min(MAX_DURATION)
    }

    /// Whether its holder's process is known to have ended.
    pub(crate) fn is_surely_dead(&self) -> bool {
        self.process().is_some_and(|p| p.is_gone())
    }

    /// What its holder was doing: `install`, `upgrade`, …
    pub(crate) fn operation(&self) -> &str {
        self.annotation(OPERATION)
    }

    /// The newest revision that its holder can have left pending.
    pub(crate) fn revision(&self) -> i64 {
        self.annotation(REVISION).parse().unwrap_or_default()
    }
}

fn body(place: &Place, claim: &Claim, base: Option<&Lease>) -> Json {
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    let same = base.filter(|b| b.holder() == claim.holder);
    let acquired = same.map_or(now.as_str(), |b| b.text("/spec/acquireTime"));
    let transitions = base.and_then(|b| b.json.pointer("/spec/leaseTransitions")).and_then(Json::as_u64);
    let transitions = transitions.unwrap_or_default() + u64::from(base.is_some() && same.is_none());
    let mut metadata = json!({
        "name": place.name(),
        "labels": { "app.kubernetes.io/managed-by": "ankra-helm" },
        "annotations": { OPERATION: claim.operation, REVISION: claim.revision.to_string() },
    });
    if let Some(process) = &claim.process {
        metadata["annotations"][PROCESS] = process.to_string().into();
    }
    if let Some(owner) = &claim.owner {
        metadata["ownerReferences"] = json!([owner]);
    }
    if let Some(base) = base {
        metadata["resourceVersion"] = base.version().into();
        metadata["uid"] = base.text("/metadata/uid").into();
    }
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {
            "holderIdentity": claim.holder,
            "leaseDurationSeconds": DURATION.as_secs(),
            "acquireTime": acquired,
            "renewTime": now,
            "leaseTransitions": transitions,
        },
    })
}

/// Makes the lease; a conflict if there is one.
pub(super) async fn create(cluster: &Cluster, place: &Place, claim: &Claim) -> Result<Lease> {
    let body = body(place, claim, None);
    cluster.call(Method::POST, place.collection()).json(&body).send().await.map(Lease::of)
}

/// Writes the lease again; a conflict if it is no longer as it was.
pub(super) async fn write(cluster: &Cluster, place: &Place, claim: &Claim, base: &Lease) -> Result<Lease> {
    let body = body(place, claim, Some(base));
    cluster.call(Method::PUT, place.path()).json(&body).urgent().send().await.map(Lease::of)
}

/// Reads the lease; `None` if there is none.
pub(super) async fn read(cluster: &Cluster, place: &Place) -> Result<Option<Lease>> {
    match cluster.get_call(place.path()).send().await {
        Ok(json) => Ok(Some(Lease::of(json))),
        Err(e) if e.api_code() == Some(404) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Deletes exactly this lease: one that was made anew meanwhile stays.
pub(super) async fn delete(cluster: &Cluster, place: &Place, lease: &Lease) -> Result<()> {
    let body = json!({
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "preconditions": { "uid": lease.text("/metadata/uid") },
    });
    match cluster.call(Method::DELETE, place.path()).json(&body).send_bytes().await {
        Ok(_) => Ok(()),
        Err(e) if matches!(e.api_code(), Some(404 | 409)) => Ok(()),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_says_who_since_when_and_what() {
        let place = Place { namespace: "shop".into(), release: "web".into() };
        let claim = Claim { holder: "a".into(), process: None, operation: "upgrade", revision: 3, owner: None };
        let first = Lease::of(body(&place, &claim, None));
        assert_eq!((first.holder(), first.operation(), first.revision()), ("a", "upgrade", 3));
        assert_eq!(first.renewed().len(), "2026-01-02T03:04:05.000006Z".len());
        let other = Claim { holder: "b".into(), ..claim };
        let second = Lease::of(body(&place, &other, Some(&first)));
        assert_eq!(second.json["spec"]["leaseTransitions"], 1);
        let third = Lease::of(body(&place, &other, Some(&second)));
        assert_eq!(third.text("/spec/acquireTime"), second.text("/spec/acquireTime"));
        assert_eq!(third.json["spec"]["leaseTransitions"], 1);
    }
}
