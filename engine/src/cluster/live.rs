//! Reading what is live under the names of many objects with few requests.
//! Owns which requests; not what is made of the answers.
//!
//! Objects of one collection are read by lists where that is cheaper: one of
//! everything that Helm manages there, and one of the metadata of all others if
//! many are still missing. What a list does not give is read by itself.

use std::collections::{HashMap, HashSet};

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use serde::Deserialize;
use serde_json::Value as Json;

use super::Cluster;
use super::apply::CONCURRENCY;
use super::object::Object;
use super::request::METADATA_ONLY;
use crate::plan::{Key, Live, LiveObjects};

/// From so many objects of one collection on, lists are cheaper.
const MANY: usize = 8;

/// A collection with more objects is not read as a whole.
const PAGE: &str = "500";

const MANAGED: &str = "app.kubernetes.io/managed-by=Helm";

#[derive(Deserialize)]
struct ListOf {
    #[serde(default)]
    metadata: ListMeta,
    /// A list of metadata alone is null when it is empty.
    items: Option<Vec<Json>>,
}

#[derive(Default, Deserialize)]
struct ListMeta {
    #[serde(default)]
    r#continue: String,
}

impl Cluster {
    /// Reads what is live under the names of these objects.
    pub(crate) async fn live(&self, objects: impl Iterator<Item = &Object>) -> LiveObjects {
        let mut asked = HashSet::new();
        let mut collections: HashMap<String, Vec<&Object>> = HashMap::new();
        for object in objects.filter(|o| !o.reference.name.is_empty() && asked.insert(o.reference.key())) {
            let path = object.resource.collection(&object.reference.namespace);
            collections.entry(path).or_default().push(object);
        }
        let reads: Vec<BoxFuture<'_, Vec<(Key, Live)>>> =
            collections.iter().map(|(path, objects)| self.read_collection(path, objects).boxed()).collect();
        let found: Vec<Vec<(Key, Live)>> = futures::stream::iter(reads).buffer_unordered(CONCURRENCY).collect().await;
        LiveObjects { objects: found.into_iter().flatten().collect(), ..LiveObjects::default() }
    }

    async fn read_collection(&self, path: &str, objects: &[&Object]) -> Vec<(Key, Live)> {
        let mut found = Vec::new();
        let mut missing: Vec<&Object> = objects.to_vec();
        if missing.len() >= MANY {
            let managed = self.list(path, MANAGED, "application/json").await;
            let mut managed = managed.map(|(items, _)| items).unwrap_or_default();
            missing.retain(|object| match managed.remove(object.reference.name.as_str()) {
                Some(json) => {
                    found.push((object.reference.key(), Live::Present(with_kind(json, object))));
                    false
                }
                None => true,
            });
        }
        if missing.len() >= MANY
            && let Some((all, true)) = self.list(path, "", METADATA_ONLY).await
        {
            missing.retain(|object| {
                let there = all.contains_key(object.reference.name.as_str());
                if !there {
                    found.push((object.reference.key(), Live::Absent));
                }
                there
            });
        }
        let reads: Vec<BoxFuture<'_, (Key, Live)>> = missing.into_iter().map(|o| self.read_live(o).boxed()).collect();
        found.extend(futures::stream::iter(reads).buffer_unordered(CONCURRENCY).collect::<Vec<_>>().await);
        found
    }

    /// The first page of a collection by name, and whether that is all;
    /// `None` where lists are not allowed.
    async fn list(&self, path: &str, labels: &str, accept: &'static str) -> Option<(HashMap<String, Json>, bool)> {
        let mut call = self.get_call(path).accept(accept).query("limit", PAGE);
        if !labels.is_empty() {
            call = call.query("labelSelector", labels);
        }
        let list: ListOf = call.send().await.ok()?;
        let name = |json: &Json| json.pointer("/metadata/name").and_then(Json::as_str).map(str::to_string);
        let items = list.items.unwrap_or_default().into_iter();
        let items = items.filter_map(|json| name(&json).map(|name| (name, json))).collect();
        Some((items, list.metadata.r#continue.is_empty()))
    }

    async fn read_live(&self, object: &Object) -> (Key, Live) {
        let live = match self.read(object).await {
            Ok(Some(json)) => Live::Present(json),
            Ok(None) => Live::Absent,
            Err(e) => Live::Unreadable(e.to_string()),
        };
        (object.reference.key(), live)
    }
}

/// Items of a list do not say what they are.
fn with_kind(mut json: Json, object: &Object) -> Json {
    if let Some(map) = json.as_object_mut() {
        map.entry("kind").or_insert_with(|| object.resource.kind.clone().into());
        map.entry("apiVersion").or_insert_with(|| object.resource.api_version.clone().into());
    }
    json
}
