//! `status`: a release and its live objects.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use serde_json::Value as Json;

use super::common;
use crate::cluster::apply::CONCURRENCY;
use crate::cluster::{Cluster, Object};
use crate::error::Result;
use crate::release::Release;
use crate::{Engine, Run};

/// Asks for tables, as `kubectl` shows them.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,\
    application/json";

/// Reads a release and, into [`crate::Info::resources`], its live objects.
/// With `table` they are the API's tables (with whole objects in their rows),
/// else objects.
///
/// # Errors
/// `release: not found`, and the API server's.
pub async fn status(engine: &Engine, run: &Run, name: &str, revision: i64, table: bool) -> Result<Release> {
    let mut release = super::get(engine, run, name, revision).await?;
    let resources = common::cancellable(run, resources(engine, &release, table)).await?;
    // Go leaves an empty map out.
    release.info.resources = Some(resources).filter(|r| !r.is_empty());
    Ok(release)
}

type Resources = BTreeMap<String, Vec<Json>>;

/// By `version/Kind`; the pods that workloads select by `v1/Pod(related)`.
/// What cannot be read is left out, as in Helm.
async fn resources(engine: &Engine, release: &Release, table: bool) -> Result<Resources> {
    let cluster = engine.cluster();
    let objects = cluster.build(&release.manifest, &release.namespace).await?;
    let reads: Vec<BoxFuture<'_, _>> = objects.iter().map(|object| read(cluster, object, table).boxed()).collect();
    let found: Vec<Option<Json>> = futures::stream::iter(reads).buffered(CONCURRENCY).collect().await;
    let mut resources = Resources::new();
    let mut selectors: Vec<String> = Vec::new();
    for (object, found) in objects.iter().zip(found) {
        let Some(found) = found else { continue };
        let kind = format!("{}/{}", object.reference.version(), object.reference.kind);
        resources.entry(kind).or_default().push(found);
        let Some(selector) = pod_selector(&object.json).filter(|s| !selectors.contains(s)) else { continue };
        let path = format!("/api/v1/namespaces/{}/pods", object.reference.namespace);
        let mut call = cluster.get_call(path).query("labelSelector", &selector);
        selectors.push(selector);
        if table {
            call = call.accept(TABLE).query("includeObject", "Object");
        }
        let Ok(mut pods) = call.send::<Json>().await else { continue };
        let related = resources.entry("v1/Pod(related)".into()).or_default();
        match pods.get_mut("items").map(Json::take) {
            Some(Json::Array(items)) => related.extend(items),
            _ => related.push(pods),
        }
    }
    Ok(resources)
}

async fn read(cluster: &Cluster, object: &Object, table: bool) -> Option<Json> {
    let mut call = cluster.get_call(object.path());
    if table {
        call = call.accept(TABLE).query("includeObject", "Object");
    }
    call.send().await.ok()
}

/// The labels by which a workload finds its pods.
fn pod_selector(object: &Json) -> Option<String> {
    let pointer = match object.get("kind")?.as_str()? {
        "ReplicaSet" | "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => "/spec/selector/matchLabels",
        "ReplicationController" => "/spec/selector",
        _ => return None,
    };
    let labels = object.pointer(pointer)?.as_object()?;
    let pairs: Vec<String> = labels.iter().filter_map(|(k, v)| Some(format!("{k}={}", v.as_str()?))).collect();
    Some(pairs.join(","))
}
