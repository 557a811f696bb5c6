//! Reading what is live under the names of many objects with few requests.
//! Owns which requests; not what is made of the answers.
//!
//! Objects of one collection are read by lists where that is cheaper: one of
//! everything that Helm manages there, and one of the metadata of all others if
//! many are still missing. Where nothing is expected to be there, the names are
//! asked for first. What a list does not give is read by itself.

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

/// Whether objects are thought to be there: which list comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Most are.
    Present,
    /// Most are not.
    Absent,
}

const MANAGED: &str = "app.kubernetes.io/managed-by=Helm";

#[derive(Deserialize)]
struct ListOf {
    #[serde(default)]
    metadata: ListMeta,
    /// A list of metadata alone is null when it is empty.
    items: Option<Vec<Json>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    #[serde(default)]
    r#continue: String,
    #[serde(default)]
    resource_version: String,
}

/// A list of objects by their names.
struct Page {
    items: HashMap<String, Json>,
    /// Whether that is all.
    whole: bool,
    version: Option<u64>,
}

/// What is under a name, and up to which version.
type Found = (Key, Live, Option<u64>);

impl Cluster {
    /// Reads what is live under the names of these objects.
    pub(crate) async fn live(&self, objects: impl Iterator<Item = &Object>, expect: Expect) -> LiveObjects {
        let mut asked = HashSet::new();
        let mut collections: HashMap<String, Vec<&Object>> = HashMap::new();
        for object in objects.filter(|o| !o.reference.name.is_empty() && asked.insert(o.reference.key())) {
            let path = object.resource.collection(&object.reference.namespace);
            collections.entry(path).or_default().push(object);
        }
        let reads: Vec<BoxFuture<'_, Vec<Found>>> =
            collections.iter().map(|(path, objects)| self.read_collection(path, objects, expect).boxed()).collect();
        let found: Vec<Vec<Found>> = futures::stream::iter(reads).buffer_unordered(CONCURRENCY).collect().await;
        let mut live = LiveObjects::default();
        for (key, object, version) in found.into_iter().flatten() {
            live.versions.extend(version.map(|version| (key.clone(), version)));
            live.objects.insert(key, object);
        }
        live
    }

    async fn read_collection(&self, path: &str, objects: &[&Object], expect: Expect) -> Vec<Found> {
        let mut found = Vec::new();
        let mut missing: Vec<&Object> = objects.to_vec();
        if expect == Expect::Absent {
            self.find_absent(path, &mut missing, &mut found).await;
        }
        if missing.len() >= MANY {
            let managed = self.list(path, MANAGED, "application/json").await;
            let (mut managed, version) = managed.map_or_else(Default::default, |page| (page.items, page.version));
            missing.retain(|object| match managed.remove(object.reference.name.as_str()) {
                Some(json) => {
                    found.push((object.reference.key(), Live::Present(with_kind(json, object)), version));
                    false
                }
                None => true,
            });
        }
        if expect == Expect::Present {
            self.find_absent(path, &mut missing, &mut found).await;
        }
        let reads: Vec<BoxFuture<'_, Found>> = missing.into_iter().map(|o| self.read_live(o).boxed()).collect();
        found.extend(futures::stream::iter(reads).buffer_unordered(CONCURRENCY).collect::<Vec<_>>().await);
        found
    }

    /// Finds out by their names which of many objects are not there.
    async fn find_absent(&self, path: &str, missing: &mut Vec<&Object>, found: &mut Vec<Found>) {
        if missing.len() < MANY {
            return;
        }
        let Some(Page { items, whole: true, version }) = self.list(path, "", METADATA_ONLY).await else { return };
        missing.retain(|object| {
            let there = items.contains_key(object.reference.name.as_str());
            if !there {
                found.push((object.reference.key(), Live::Absent, version));
            }
            there
        });
    }

    /// The first page of a collection by name; `None` where lists are not
    /// allowed.
    async fn list(&self, path: &str, labels: &str, accept: &'static str) -> Option<Page> {
        let mut call = self.get_call(path).accept(accept).query("limit", PAGE);
        if !labels.is_empty() {
            call = call.query("labelSelector", labels);
        }
        let list: ListOf = call.send().await.ok()?;
        let name = |json: &Json| json.pointer("/metadata/name").and_then(Json::as_str).map(str::to_string);
        let items = list.items.unwrap_or_default().into_iter();
        let items = items.filter_map(|json| name(&json).map(|name| (name, json))).collect();
        let version = list.metadata.resource_version.parse().ok();
        Some(Page { items, whole: list.metadata.r#continue.is_empty(), version })
    }

    async fn read_live(&self, object: &Object) -> Found {
        let live = match self.read(object).await {
            Ok(Some(json)) => Live::Present(json),
            Ok(None) => Live::Absent,
            Err(e) => Live::Unreadable(e.to_string()),
        };
        (object.reference.key(), live, None)
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
