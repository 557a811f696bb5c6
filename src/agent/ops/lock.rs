//! One operation at a time on a release, over all agents of a cluster.
//!
//! Owns waiting in line. A lock is an entry beside the ledger that its holder
//! renews; it counts as left behind when it was watched for a while and nobody
//! renewed it, so no clock of another machine is believed. That nobody else
//! changes the release either, a person with Helm for one, is the engine's
//! Lease.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::store::Store;
use crate::{
    agent::{link::jittered, reply::hex},
    protocol::{Code, Error},
};

/// Pause between two looks at a lock that another one holds.
const LOOK: Duration = Duration::from_secs(1);
/// Time without a renewal after which a lock was left behind.
pub(super) const LEFT: Duration = Duration::from_secs(25);
/// Bytes of the digest that names a lock.
const NAME_LEN: usize = 16;

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    /// The operation.
    pub(super) op_id: String,
    /// The agent process.
    pub(super) instance: String,
    /// Its start.
    pub(super) epoch: String,
}

/// A lock that is held.
pub(super) struct Held {
    store: Arc<Store>,
    key: String,
    holder: Holder,
    revision: u64,
}

/// Key of the lock of what `serial` names.
pub(super) fn key(cluster: &str, serial: &str) -> String {
    let digest = Sha256::digest(serial.as_bytes());
    format!("{cluster}.lock.{}", hex(&digest[..NAME_LEN]))
}

/// Waits until the lock is ours.
///
/// # Errors
/// JetStream's.
pub(super) async fn acquire(store: &Arc<Store>, key: String, holder: Holder) -> Result<Held, Error> {
    let mut watched: Option<(u64, Instant)> = None;
    let revision = loop {
        let taken = match store.lock(&key).await? {
            None => store.create(&key, &holder).await,
            Some((other, revision)) => {
                let since = match watched {
                    Some((seen, since)) if seen == revision => since,
                    _ => Instant::now(),
                };
                watched = Some((revision, since));
                // An operation that comes back has its own lock still.
                if other.op_id == holder.op_id || since.elapsed() > LEFT {
                    store.update(&key, &holder, revision).await
                } else {
                    Err(Error::new(Code::Conflict, "another operation has the lock"))
                }
            }
        };
        match taken {
            Ok(revision) => break revision,
            Err(error) if error.code == Code::Conflict => {}
            Err(error) => return Err(error),
        }
        tokio::time::sleep(jittered(LOOK, rand::random())).await;
    };
    Ok(Held { store: Arc::clone(store), key, holder, revision })
}

impl Held {
    /// Shows that it is still held.
    ///
    /// # Errors
    /// When someone else has it now, or JetStream fails.
    pub(super) async fn renew(&mut self) -> Result<(), Error> {
        self.revision = match self.store.update(&self.key, &self.holder, self.revision).await {
            Err(error) if error.code == Code::Conflict => {
                let revision = self.found().await?.ok_or(error)?;
                self.store.update(&self.key, &self.holder, revision).await?
            }
            renewed => renewed?,
        };
        Ok(())
    }

    /// Gives it to the next one.
    pub(super) async fn release(self) {
        if self.store.forget(&self.key, self.revision).await.is_ok() {
            return;
        }
        let again = match self.found().await {
            Ok(Some(revision)) => self.store.forget(&self.key, revision).await,
            Ok(None) => return,
            Err(error) => Err(error),
        };
        if let Err(error) = again {
            tracing::debug!(%error, "a lock is left to run out");
        }
    }

    /// The revision of the lock, if it is still ours: the answer to a renewal
    /// may have been lost.
    async fn found(&self) -> Result<Option<u64>, Error> {
        let found = self.store.lock(&self.key).await?;
        Ok(found.filter(|(holder, _)| *holder == self.holder).map(|(_, revision)| revision))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_no_operation_and_one_for_each_release() {
        let (one, other) = (key("c", "helm/a/x"), key("c", "helm/a/y"));
        assert_ne!(one, other);
        assert_eq!(one.split('.').count(), 3, "the ledger's entries have two parts");
    }
}
