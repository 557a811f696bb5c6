//! What kinds the API server has: aggregated discovery (two requests), or on
//! old servers one request per group and version. Owns the mapping from kind
//! to resource; not capabilities' defaults (`charts`).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use serde::Deserialize;

use super::Cluster;
use crate::error::Result;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// Requests at once when an old server is asked version by version.
const LEGACY_CONCURRENCY: usize = 16;

/// A kind, and where its objects are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// `group/version`, or `v1`.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The name in paths.
    pub plural: String,
    /// Whether its objects are in a namespace.
    pub namespaced: bool,
}

impl Resource {
    /// The path of a collection; an empty namespace means all.
    pub fn collection(&self, namespace: &str) -> String {
        let root = if self.api_version.contains('/') { "/apis" } else { "/api" };
        let Resource { api_version, plural, .. } = self;
        if self.namespaced && !namespace.is_empty() {
            format!("{root}/{api_version}/namespaces/{namespace}/{plural}")
        } else {
            format!("{root}/{api_version}/{plural}")
        }
    }

    /// The path of one object.
    pub fn path(&self, namespace: &str, name: &str) -> String {
        format!("{}/{name}", self.collection(namespace))
    }
}

/// Everything that discovery said.
#[derive(Debug, Default)]
pub struct Discovery {
    /// By `group/version` and kind.
    resources: HashMap<String, HashMap<String, Arc<Resource>>>,
    /// `group/version` and `group/version/Kind`, kinds of subresources
    /// included: what `.Capabilities.APIVersions` has.
    api_versions: BTreeSet<String>,
    /// Groups whose API service did not answer.
    stale: Vec<String>,
}

/// What serves a `kind: List`, which discovery does not know but decoders do.
fn list_resource(api_version: &str) -> Resource {
    Resource { api_version: api_version.into(), kind: "List".into(), plural: "lists".into(), namespaced: false }
}

impl Discovery {
    /// The resource of a kind; `None` if the server does not have it.
    pub fn resource(&self, api_version: &str, kind: &str) -> Option<Arc<Resource>> {
        let kinds = self.resources.get(api_version)?;
        if let Some(resource) = kinds.get(kind) {
            return Some(resource.clone());
        }
        if kind == "List" {
            return Some(Arc::new(list_resource(api_version)));
        }
        // client-go also finds a kind by its lower-case name and its list kind.
        let item = kind.strip_suffix("List").and_then(|k| kinds.get(k));
        item.or_else(|| kinds.values().find(|r| r.kind.to_lowercase() == kind)).cloned()
    }

    /// `.Capabilities.APIVersions`.
    pub fn api_versions(&self) -> impl Iterator<Item = &str> {
        self.api_versions.iter().map(String::as_str)
    }

    /// Groups that are registered but did not answer.
    pub fn stale_groups(&self) -> &[String] {
        &self.stale
    }

    fn add(&mut self, api_version: &str, kind: &str, plural: &str, namespaced: bool) {
        let resource = Resource {
            api_version: api_version.to_string(),
            kind: kind.to_string(),
            plural: plural.to_string(),
            namespaced,
        };
        let kinds = self.resources.entry(api_version.to_string()).or_default();
        kinds.entry(kind.to_string()).or_insert_with(|| Arc::new(resource));
        self.api_versions.insert(format!("{api_version}/{kind}"));
    }

    fn add_version(&mut self, api_version: &str) {
        self.resources.entry(api_version.to_string()).or_default();
        self.api_versions.insert(api_version.to_string());
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    kind: String,
    #[serde(default)]
    items: Vec<Group>,
    /// Old servers: `APIGroupList`.
    #[serde(default)]
    groups: Vec<LegacyGroup>,
    /// Old servers: `APIVersions`.
    #[serde(default)]
    versions: Vec<String>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: GroupMeta,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Default, Deserialize)]
struct GroupMeta {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<VersionResource>,
    #[serde(default)]
    freshness: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionResource {
    resource: String,
    response_kind: Option<ResponseKind>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    subresources: Vec<Subresource>,
}

#[derive(Deserialize)]
struct ResponseKind {
    #[serde(default)]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subresource {
    response_kind: Option<ResponseKind>,
}

#[derive(Deserialize)]
struct LegacyGroup {
    versions: Vec<LegacyVersion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LegacyVersion {
    group_version: String,
}

#[derive(Deserialize)]
struct LegacyResources {
    #[serde(default)]
    resources: Vec<LegacyResource>,
}

#[derive(Deserialize)]
struct LegacyResource {
    name: String,
    #[serde(default)]
    namespaced: bool,
    kind: String,
}

impl Cluster {
    /// What kinds there are; asked once per cluster until
    /// [`Cluster::forget_discovery`].
    ///
    /// # Errors
    /// The API server's.
    pub async fn discovery(&self) -> Result<Arc<Discovery>> {
        let mut kept = self.inner.discovery.lock().await;
        if let Some(discovery) = kept.as_ref() {
            return Ok(discovery.clone());
        }
        let discovery = Arc::new(self.discover().await?);
        *kept = Some(discovery.clone());
        Ok(discovery)
    }

    /// Asks again at the next use: there may be new kinds.
    pub async fn forget_discovery(&self) {
        *self.inner.discovery.lock().await = None;
    }

    async fn discover(&self) -> Result<Discovery> {
        let root = |path| self.get_call(path).accept(AGGREGATED).send::<Groups>();
        let (core, groups) = futures::try_join!(root("/api"), root("/apis"))?;
        let mut discovery = Discovery::default();
        let mut legacy = Vec::new();
        for answer in [core, groups] {
            if answer.kind == "APIGroupDiscoveryList" {
                answer.items.into_iter().for_each(|group| discovery.add_group(group));
            } else {
                legacy.extend(answer.versions);
                legacy.extend(answer.groups.into_iter().flat_map(|g| g.versions).map(|v| v.group_version));
            }
        }
        self.discover_legacy(&mut discovery, legacy).await?;
        Ok(discovery)
    }

    async fn discover_legacy(&self, discovery: &mut Discovery, versions: Vec<String>) -> Result<()> {
        let ask = |version: String| async move {
            let root = if version.contains('/') { "/apis" } else { "/api" };
            let answer = self.get_call(format!("{root}/{version}")).send::<LegacyResources>().await;
            (version, answer)
        };
        let asks: Vec<BoxFuture<'_, _>> = versions.into_iter().map(|version| ask(version).boxed()).collect();
        let mut answers = futures::stream::iter(asks).buffer_unordered(LEGACY_CONCURRENCY);
        while let Some((version, answer)) = answers.next().await {
            discovery.add_version(&version);
            match answer {
                Ok(list) => discovery.add_legacy(&version, list),
                Err(e) if e.api_code() == Some(503) => discovery.stale.push(version),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl Discovery {
    fn add_group(&mut self, group: Group) {
        for version in group.versions {
            let api_version = if group.metadata.name.is_empty() {
                version.version
            } else {
                format!("{}/{}", group.metadata.name, version.version)
            };
            self.add_version(&api_version);
            if version.freshness == "Stale" {
                self.stale.push(api_version.clone());
            }
            for resource in version.resources {
                let namespaced = resource.scope == "Namespaced";
                if let Some(kind) = resource.response_kind.filter(|k| !k.kind.is_empty()) {
                    self.add(&api_version, &kind.kind, &resource.resource, namespaced);
                }
                for kind in resource.subresources.into_iter().filter_map(|s| s.response_kind) {
                    if !kind.kind.is_empty() {
                        self.api_versions.insert(format!("{api_version}/{}", kind.kind));
                    }
                }
            }
        }
    }

    fn add_legacy(&mut self, version: &str, list: LegacyResources) {
        for resource in list.resources {
            if resource.name.contains('/') {
                self.api_versions.insert(format!("{version}/{}", resource.kind));
            } else {
                self.add(version, &resource.kind, &resource.name, resource.namespaced);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn discovery() -> Discovery {
        let groups: Groups = serde_json::from_str(
            r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"apps"},"versions":[{"version":"v1",
            "freshness":"Current","resources":[{"resource":"deployments","responseKind":{"kind":"Deployment"},
            "scope":"Namespaced","subresources":[{"subresource":"scale","responseKind":{"kind":"Scale"}}]}]}]}]}"#,
        )
        .unwrap();
        let mut discovery = Discovery::default();
        groups.items.into_iter().for_each(|g| discovery.add_group(g));
        discovery
    }

    #[test]
    fn kinds_are_found_as_client_go_finds_them() {
        let d = discovery();
        for kind in ["Deployment", "deployment", "DeploymentList"] {
            assert_eq!(d.resource("apps/v1", kind).unwrap().plural, "deployments", "{kind}");
        }
        assert!(d.resource("apps/v1", "List").is_some());
        assert!(d.resource("apps/v1", "Nope").is_none());
        assert!(d.resource("apps/v2", "Deployment").is_none());
    }

    #[test]
    fn api_versions_have_kinds_of_subresources() {
        let d = discovery();
        assert_eq!(d.api_versions().collect::<Vec<_>>(), ["apps/v1", "apps/v1/Deployment", "apps/v1/Scale"]);
    }

    #[test]
    fn paths_know_group_and_scope() {
        let r = discovery().resource("apps/v1", "Deployment").unwrap();
        assert_eq!(r.path("ns", "x"), "/apis/apps/v1/namespaces/ns/deployments/x");
        let r = Resource { api_version: "v1".into(), kind: "Node".into(), plural: "nodes".into(), namespaced: false };
        assert_eq!(r.path("ignored", "x"), "/api/v1/nodes/x");
    }
}
