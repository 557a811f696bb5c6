//! What kinds the cluster has.
//!
//! Owns one cached catalogue, read by aggregated discovery where the server
//! has it and group by group where not, and the rules by which a name finds a
//! kind. A name that is not found makes the catalogue be read anew, at most
//! every few seconds.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Deserialize;
use tokio::sync::Mutex;

use super::{
    client::{Accept, Api, parse},
    path::Path,
};
use crate::protocol::{
    Error,
    info::{KindInfo, Kinds},
    read::{Gvk, KindRef},
};

/// Age at which the catalogue is read anew.
const FRESH: Duration = Duration::from_secs(300);
/// Shortest time between two readings for names that were not found.
const RETRY: Duration = Duration::from_secs(3);
/// Most kinds that are kept; the rest of a larger cluster is not known.
const KINDS_MAX: usize = 20_000;

/// A kind of this cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The kind, fully named.
    pub gvk: Gvk,
    /// Plural name in URLs.
    pub resource: String,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// What the API server offers for it.
    pub verbs: Vec<String>,
}

impl Resolved {
    /// Whether the API server offers `verb`.
    pub fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|have| have == verb)
    }
}

/// One version of one kind.
#[derive(Clone, Debug)]
struct Entry {
    info: KindInfo,
    /// Whether it is the first of its group's versions that has it.
    preferred: bool,
}

#[derive(Debug, Default)]
struct Catalogue {
    entries: Vec<Entry>,
    missing_groups: Vec<String>,
}

/// The cached catalogue of kinds.
#[derive(Default)]
pub struct Discovery {
    state: Mutex<Option<(Arc<Catalogue>, Instant)>>,
}

impl Discovery {
    /// The kind that a request names.
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::protocol::Code::NotFound) when there is none.
    pub async fn resolve(&self, api: &Api, kind: &KindRef) -> Result<Resolved, Error> {
        let catalogue = self.catalogue(api, FRESH).await?;
        if let Some(found) = catalogue.find(kind) {
            return Ok(found);
        }
        let catalogue = self.catalogue(api, RETRY).await?;
        catalogue.find(kind).ok_or_else(|| {
            let name = kind.gvk.as_ref().map_or_else(|| kind.resource.clone(), Gvk::to_string);
            Error::not_found(format!("the server doesn't have a resource type {name:?}"))
        })
    }

    /// All kinds in their preferred versions.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn kinds(&self, api: &Api) -> Result<Kinds, Error> {
        let catalogue = self.catalogue(api, RETRY).await?;
        let kinds = catalogue.entries.iter().filter(|entry| entry.preferred).map(|entry| entry.info.clone()).collect();
        Ok(Kinds { kinds, missing_groups: catalogue.missing_groups.clone() })
    }

    /// The catalogue, read anew when it is older than `max_age`. The lock is
    /// held while reading, so that many requests cause one reading.
    async fn catalogue(&self, api: &Api, max_age: Duration) -> Result<Arc<Catalogue>, Error> {
        let mut state = self.state.lock().await;
        if let Some((catalogue, read_at)) = &*state
            && read_at.elapsed() < max_age
        {
            return Ok(Arc::clone(catalogue));
        }
        let catalogue = Arc::new(read(api).await?);
        *state = Some((Arc::clone(&catalogue), Instant::now()));
        Ok(catalogue)
    }
}

impl Catalogue {
    fn find(&self, kind: &KindRef) -> Option<Resolved> {
        let entry = match &kind.gvk {
            Some(gvk) => self.entries.iter().find(|Entry { info, preferred }| {
                info.kind == gvk.kind
                    && info.group == gvk.group
                    && if gvk.version.is_empty() { *preferred } else { info.version == gvk.version }
            }),
            None => self.find_by_name(&kind.resource),
        }?;
        let info = &entry.info;
        Some(Resolved {
            gvk: Gvk { group: info.group.clone(), version: info.version.clone(), kind: info.kind.clone() },
            resource: info.resource.clone(),
            namespaced: info.namespaced,
            verbs: info.verbs.clone(),
        })
    }

    /// `pods`, `pod`, `po`, `Pod`, then `name.group`, then
    /// `name.version.group`. The order of the catalogue decides between
    /// groups: the core group is first.
    fn find_by_name(&self, name: &str) -> Option<&Entry> {
        let lower = name.to_lowercase();
        let (first, rest) = lower.split_once('.').unwrap_or((&lower, ""));
        let (version, group) = rest.split_once('.').unwrap_or((rest, ""));
        let named = |info: &KindInfo, text: &str| {
            info.resource == text
                || info.singular == text
                || info.kind.to_lowercase() == text
                || info.short_names.iter().any(|short| short == text)
        };
        let preferred = |entry: &&Entry| entry.preferred;
        self.entries
            .iter()
            .filter(preferred)
            .find(|entry| named(&entry.info, &lower))
            .or_else(|| self.entries.iter().filter(preferred).find(|e| named(&e.info, first) && e.info.group == rest))
            .or_else(|| {
                let fits = |e: &&Entry| {
                    named(&e.info, first) && e.info.version == version && e.info.group == group && !version.is_empty()
                };
                self.entries.iter().find(fits)
            })
    }
}

async fn read(api: &Api) -> Result<Catalogue, Error> {
    let mut catalogue = Catalogue::default();
    for path in [Path::fixed("/api"), Path::fixed("/apis")] {
        let held = api.get(&path, Accept::Discovery).await?;
        if let Ok(list) = serde_json::from_slice::<GroupDiscoveryList>(&held.bytes)
            && list.kind == "APIGroupDiscoveryList"
        {
            list.items.into_iter().for_each(|group| catalogue.add_group(group));
        } else {
            let versions = legacy_versions(&held.bytes)?;
            drop(held);
            read_legacy(api, versions, &mut catalogue).await;
        }
    }
    Ok(catalogue)
}

impl Catalogue {
    fn add_group(&mut self, group: GroupDiscovery) {
        let name = group.metadata.name;
        for version in group.versions {
            if version.freshness == "Stale" && !self.missing_groups.contains(&name) {
                self.missing_groups.push(name.clone());
            }
            for resource in version.resources {
                let kind = resource.response_kind;
                self.add(KindInfo {
                    group: if kind.group.is_empty() { name.clone() } else { kind.group },
                    version: if kind.version.is_empty() { version.version.clone() } else { kind.version },
                    kind: kind.kind,
                    resource: resource.resource,
                    singular: resource.singular_resource,
                    short_names: resource.short_names,
                    namespaced: resource.scope == "Namespaced",
                    verbs: resource.verbs,
                });
            }
        }
    }

    fn add(&mut self, info: KindInfo) {
        if self.entries.len() >= KINDS_MAX || info.kind.is_empty() {
            return;
        }
        let same = |entry: &Entry| entry.info.group == info.group && entry.info.resource == info.resource;
        let preferred = !self.entries.iter().any(same);
        self.entries.push(Entry { info, preferred });
    }
}

/// The group versions that a server without aggregated discovery names:
/// `(group, version)`, the preferred version of each group first.
fn legacy_versions(bytes: &[u8]) -> Result<Vec<(String, String)>, Error> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct List {
        versions: Vec<String>,
        groups: Vec<Group>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Group {
        name: String,
        versions: Vec<Version>,
        preferred_version: Version,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Version {
        version: String,
    }
    let list: List = parse(bytes)?;
    let mut all: Vec<_> = list.versions.into_iter().map(|version| (String::new(), version)).collect();
    for group in list.groups {
        let preferred = group.preferred_version.version;
        let (mut first, rest): (Vec<_>, Vec<_>) =
            group.versions.into_iter().map(|v| v.version).partition(|version| *version == preferred);
        first.extend(rest);
        all.extend(first.into_iter().map(|version| (group.name.clone(), version)));
    }
    Ok(all)
}

async fn read_legacy(api: &Api, versions: Vec<(String, String)>, catalogue: &mut Catalogue) {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct List {
        resources: Vec<Resource>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Resource {
        name: String,
        singular_name: String,
        namespaced: bool,
        kind: String,
        verbs: Vec<String>,
        short_names: Vec<String>,
    }
    for (group, version) in versions {
        let root = if group.is_empty() { "/api" } else { "/apis" };
        let mut path = Path::fixed(root);
        if !group.is_empty() {
            path = path.segment(&group);
        }
        let list = match api.get(&path.segment(&version), Accept::Json).await {
            Ok(held) => serde_json::from_slice::<List>(&held.bytes).unwrap_or_default(),
            Err(_) => {
                catalogue.missing_groups.push(group);
                continue;
            }
        };
        for resource in list.resources.into_iter().filter(|resource| !resource.name.contains('/')) {
            catalogue.add(KindInfo {
                group: group.clone(),
                version: version.clone(),
                kind: resource.kind,
                resource: resource.name,
                singular: resource.singular_name,
                short_names: resource.short_names,
                namespaced: resource.namespaced,
                verbs: resource.verbs,
            });
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GroupDiscoveryList {
    kind: String,
    items: Vec<GroupDiscovery>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GroupDiscovery {
    metadata: Name,
    versions: Vec<VersionDiscovery>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Name {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct VersionDiscovery {
    version: String,
    freshness: String,
    resources: Vec<ResourceDiscovery>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ResourceDiscovery {
    resource: String,
    response_kind: Gvk,
    scope: String,
    singular_resource: String,
    verbs: Vec<String>,
    short_names: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        let text = r#"{"kind":"APIGroupDiscoveryList","items":[
          {"metadata":{"name":""},"versions":[{"version":"v1","resources":[
            {"resource":"pods","responseKind":{"group":"","version":"v1","kind":"Pod"},"scope":"Namespaced",
             "singularResource":"pod","verbs":["get","list","watch"],"shortNames":["po"]},
            {"resource":"events","responseKind":{"group":"","version":"v1","kind":"Event"},"scope":"Namespaced",
             "singularResource":"event","verbs":["list"]}]}]},
          {"metadata":{"name":"events.k8s.io"},"versions":[{"version":"v1","resources":[
            {"resource":"events","responseKind":{"group":"events.k8s.io","version":"v1","kind":"Event"},
             "scope":"Namespaced","singularResource":"event","verbs":["list"]}]}]},
          {"metadata":{"name":"autoscaling"},"versions":[
            {"version":"v2","resources":[{"resource":"horizontalpodautoscalers","scope":"Namespaced",
              "responseKind":{"group":"autoscaling","version":"v2","kind":"HorizontalPodAutoscaler"},
              "singularResource":"horizontalpodautoscaler","verbs":["list"],"shortNames":["hpa"]}]},
            {"version":"v1","resources":[{"resource":"horizontalpodautoscalers","scope":"Namespaced",
              "responseKind":{"group":"autoscaling","version":"v1","kind":"HorizontalPodAutoscaler"},
              "singularResource":"horizontalpodautoscaler","verbs":["list"],"shortNames":["hpa"]}]}]}]}"#;
        let list: GroupDiscoveryList = serde_json::from_str(text).unwrap();
        let mut catalogue = Catalogue::default();
        list.items.into_iter().for_each(|group| catalogue.add_group(group));
        catalogue
    }

    fn named(name: &str) -> Option<String> {
        catalogue().find(&KindRef::resource(name)).map(|found| found.gvk.to_string())
    }

    #[test]
    fn a_kind_is_found_by_any_of_its_names() {
        for name in ["pods", "pod", "po", "Pod", "PODS"] {
            assert_eq!(named(name).as_deref(), Some("v1/Pod"), "{name}");
        }
        assert_eq!(named("events").as_deref(), Some("v1/Event"));
        assert_eq!(named("events.events.k8s.io").as_deref(), Some("events.k8s.io/v1/Event"));
        assert_eq!(named("hpa").as_deref(), Some("autoscaling/v2/HorizontalPodAutoscaler"));
        assert_eq!(named("hpa.v1.autoscaling").as_deref(), Some("autoscaling/v1/HorizontalPodAutoscaler"));
        for name in ["", "pods.apps", "hpa.v3.autoscaling", "."] {
            assert_eq!(named(name), None, "{name}");
        }
    }

    #[test]
    fn a_gvk_without_version_is_the_preferred_one() {
        let gvk = |version: &str| Gvk {
            group: "autoscaling".into(),
            version: version.into(),
            kind: "HorizontalPodAutoscaler".into(),
        };
        let find = |version| {
            let kind = KindRef { gvk: Some(gvk(version)), resource: String::new() };
            catalogue().find(&kind).map(|found| found.gvk.version)
        };
        assert_eq!(find("").as_deref(), Some("v2"));
        assert_eq!(find("v1").as_deref(), Some("v1"));
        assert_eq!(find("v3"), None);
    }
}
