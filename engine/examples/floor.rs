//! The least that an install with `--wait` can take: all objects of a manifest
//! applied side by side, and beside that a watch that sees the last Deployment
//! available. No release, no record, no order, nothing read before.
//!
//! `floor KUBECONFIG MANIFEST NAMESPACE`: `cargo xtask bench releases` measures
//! it as a process, like the others.

use std::collections::HashSet;
use std::error::Error;

use engine::cluster::{Cluster, ConnectOptions, Object};
use futures::{StreamExt, TryStreamExt};
use http::Request;
use kube::core::{DynamicObject, WatchEvent};

type Anything<T> = Result<T, Box<dyn Error>>;

/// As many as the engine sends at most.
const CONCURRENCY: usize = 64;

#[tokio::main]
async fn main() -> Anything<()> {
    let mut words = std::env::args().skip(1);
    let (Some(kubeconfig), Some(manifest), Some(namespace)) = (words.next(), words.next(), words.next()) else {
        return Err("floor KUBECONFIG MANIFEST NAMESPACE".into());
    };
    let manifest = std::fs::read_to_string(manifest)?;
    let options = ConnectOptions { kubeconfig: Some(kubeconfig.into()), ..ConnectOptions::default() };
    let cluster = Cluster::connect(&options).await?;
    let objects = cluster.build(&manifest, &namespace).await?;
    let waited = objects.iter().filter(|o| o.reference.kind == "Deployment").map(|o| o.reference.name.clone());
    let waiting = see_ready(&cluster, &namespace, waited.collect());
    let applying = futures::stream::iter(&objects).map(|object| apply(&cluster, object));
    let applying = applying.buffer_unordered(CONCURRENCY).try_collect::<Vec<()>>();
    futures::try_join!(waiting, applying)?;
    Ok(())
}

async fn apply(cluster: &Cluster, object: &Object) -> Anything<()> {
    let request = Request::patch(format!("{}?fieldManager=floor&force=true", object.path()))
        .header("content-type", "application/apply-patch+yaml")
        .body(object.json.to_string().into_bytes())?;
    cluster.client().request_text(request).await?;
    Ok(())
}

async fn see_ready(cluster: &Cluster, namespace: &str, mut names: HashSet<String>) -> Anything<()> {
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments?watch=true");
    let events = cluster.client().request_events::<DynamicObject>(Request::get(path).body(Vec::new())?).await?;
    let mut events = Box::pin(events);
    while !names.is_empty() {
        match events.next().await.ok_or("the watch ended")?? {
            WatchEvent::Added(object) | WatchEvent::Modified(object) if is_available(&object) => {
                names.remove(object.metadata.name.as_deref().unwrap_or_default());
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_available(deployment: &DynamicObject) -> bool {
    let conditions = deployment.data.pointer("/status/conditions").and_then(|c| c.as_array());
    let mut conditions = conditions.into_iter().flatten();
    let seen = deployment.data.pointer("/status/observedGeneration").and_then(serde_json::Value::as_i64);
    seen == deployment.metadata.generation && conditions.any(|c| c["type"] == "Available" && c["status"] == "True")
}
