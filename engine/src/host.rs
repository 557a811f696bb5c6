//! The world as a render sees it: clock, randomness, DNS and, with a cluster,
//! `lookup`. A render is synchronous and runs on a blocking thread; `lookup`
//! waits there for the API server.

use std::net::ToSocketAddrs;
use std::time::SystemTime;

use serde_json::Value as Json;
use templates_compat::{Compat, Host, Map, Seeded, Value, json};
use tokio::runtime::Handle;

use crate::cluster::Cluster;
use crate::error::Result;

/// What a render may ask.
pub(crate) struct RenderHost {
    /// The cluster for `lookup`, and the runtime that talks to it.
    pub(crate) cluster: Option<(Cluster, Handle)>,
    /// Whether names may be resolved.
    pub(crate) enable_dns: bool,
    pub(crate) compat: Compat,
    /// Clock and randomness that are the same again.
    pub(crate) seeded: Option<Seeded>,
}

impl Host for RenderHost {
    fn now_unix_nanos(&self) -> i128 {
        if let Some(seeded) = &self.seeded {
            return seeded.now_unix_nanos();
        }
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => since.as_nanos() as i128,
            Err(before) => -(before.duration().as_nanos() as i128),
        }
    }

    fn random(&self, buf: &mut [u8]) {
        if let Some(seeded) = &self.seeded {
            return seeded.random(buf);
        }
        // The system's source does not fail once a process runs; should it, a
        // buffer of zeros would look random: better none at all.
        if getrandom::fill(buf).is_err() {
            buf.iter_mut().zip(self.now_unix_nanos().to_le_bytes().iter().cycle()).for_each(|(b, t)| *b = *t);
        }
    }

    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Value, String> {
        let Some((cluster, runtime)) = &self.cluster else { return Ok(Value::Map(Map::new())) };
        let found = runtime.block_on(lookup(cluster, api_version, kind, namespace, name));
        match found.map_err(|e| e.to_string())? {
            None => Ok(Value::Map(Map::new())),
            Some(found) => json::read(found.to_string().as_bytes(), self.compat).map_err(|e| e.to_string()),
        }
    }

    fn host_by_name(&self, name: &str) -> String {
        if !self.enable_dns {
            return String::new();
        }
        let found = (name, 0).to_socket_addrs().ok().and_then(|mut all| all.next());
        found.map(|address| address.ip().to_string()).unwrap_or_default()
    }
}

/// One object, or the list of them; `None` if it is not there.
async fn lookup(cluster: &Cluster, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Option<Json>> {
    let discovery = cluster.discovery().await?;
    let Some(resource) = discovery.resource(api_version, kind) else {
        let text = format!("the server could not find the requested resource (no kind {kind:?} in {api_version:?})");
        return Err(crate::Error::other(crate::Stage::Render, text));
    };
    let path = if name.is_empty() { resource.collection(namespace) } else { resource.path(namespace, name) };
    match cluster.get_call(path).send::<Json>().await {
        Ok(found) => Ok(Some(found)),
        Err(e) if e.api_code() == Some(404) => Ok(None),
        Err(e) => Err(e),
    }
}
