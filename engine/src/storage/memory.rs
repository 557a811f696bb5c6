//! Releases in memory: for renders without a cluster, and for tests.

use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::{Key, Query, ReleaseStore};
use crate::error::{Error, Result};
use crate::release::Release;

/// Keeps releases as long as it lives.
#[derive(Default)]
pub struct MemoryStore {
    releases: Mutex<Vec<Release>>,
}

impl MemoryStore {
    fn select(&self, query: Query<'_>) -> Vec<Release> {
        let fits = |r: &&Release| {
            query.name.is_none_or(|name| r.name == name) && query.status.is_none_or(|s| r.info.status == s)
        };
        self.releases.lock().iter().filter(fits).cloned().collect()
    }

    fn put(&self, release: &Release, new: bool) -> Result<()> {
        let mut all = self.releases.lock();
        match all.iter_mut().find(|r| r.name == release.name && r.version == release.version) {
            Some(_) if new => Err(Error::ReleaseExists),
            Some(old) => {
                *old = release.clone();
                Ok(())
            }
            None if new => {
                all.push(release.clone());
                Ok(())
            }
            None => Err(Error::ReleaseNotFound),
        }
    }
}

impl ReleaseStore for MemoryStore {
    fn get<'a>(&'a self, name: &'a str, version: i64) -> BoxFuture<'a, Result<Release>> {
        Box::pin(async move {
            let found = self.releases.lock().iter().find(|r| r.name == name && r.version == version).cloned();
            found.ok_or(Error::ReleaseNotFound)
        })
    }

    fn get_head<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Release>> {
        self.get(&key.name, key.version)
    }

    fn query<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Vec<Release>>> {
        Box::pin(async move { Ok(self.select(query)) })
    }

    fn query_heads<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Vec<Release>>> {
        self.query(query)
    }

    fn keys<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Vec<Key>>> {
        Box::pin(async move {
            let key = |r: Release| Key {
                namespace: r.namespace,
                name: r.name,
                version: r.version,
                status: r.info.status,
                labels: r.labels,
            };
            Ok(self.select(query).into_iter().map(key).collect())
        })
    }

    fn create<'a>(&'a self, release: &'a Release) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.put(release, true) })
    }

    fn update<'a>(&'a self, release: &'a Release) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.put(release, false) })
    }

    fn delete<'a>(&'a self, name: &'a str, version: i64) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut all = self.releases.lock();
            let before = all.len();
            all.retain(|r| r.name != name || r.version != version);
            if all.len() == before { Err(Error::ReleaseNotFound) } else { Ok(()) }
        })
    }
}
