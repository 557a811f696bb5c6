//! The NATS credentials in use, which may change while the agent runs.
//!
//! Owns where they come from (a file, or a registration) and how a connection
//! proves with them who it is. A connection asks for them each time that it is
//! made, so that an old one comes back with new credentials.

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use async_nats::{Auth, AuthError, ConnectOptions};
use nkeys::KeyPair;
use sha2::{Digest, Sha256};

use crate::protocol::Error;

/// Longest file of credentials, in bytes.
const FILE_MAX: u64 = 64 * 1024;

/// A user's JWT and its key.
struct Pair {
    jwt: String,
    key: KeyPair,
    digest: [u8; 32],
}

/// The credentials in use, shared by all connections made with them.
#[derive(Clone, Default)]
pub(super) struct Credentials(Arc<RwLock<Option<Pair>>>);

impl Credentials {
    /// Takes the text of a credentials file from now on; says whether it is
    /// another than before.
    ///
    /// # Errors
    /// When it holds no JWT or no seed. The text is not repeated.
    pub(super) fn set(&self, text: &str) -> Result<bool, Error> {
        let pair = parse(text).ok_or_else(|| Error::invalid("these are no NATS credentials (a JWT and a seed)"))?;
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let new = inner.as_ref().is_none_or(|old| old.digest != pair.digest);
        *inner = Some(pair);
        Ok(new)
    }

    /// The same from a file.
    ///
    /// # Errors
    /// When it cannot be read or holds no credentials.
    pub(super) async fn read(&self, path: &Path) -> Result<bool, Error> {
        let shown = path.display();
        let failed = |error: std::io::Error| Error::invalid(format!("reading NATS credentials {shown}: {error}"));
        if tokio::fs::metadata(path).await.map_err(failed)?.len() > FILE_MAX {
            return Err(Error::invalid(format!("{shown} is over {FILE_MAX} bytes")));
        }
        let text = tokio::fs::read_to_string(path).await.map_err(failed)?;
        self.set(&text).map_err(|error| Error::invalid(format!("{shown}: {error}")))
    }

    /// Options of a connection that proves itself with what is in use then.
    pub(super) fn options(&self) -> ConnectOptions {
        let credentials = self.clone();
        ConnectOptions::with_auth_callback(move |nonce| std::future::ready(credentials.prove(&nonce)))
    }

    fn prove(&self, nonce: &[u8]) -> Result<Auth, AuthError> {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let pair = inner.as_ref().ok_or_else(|| AuthError::new("there are no credentials"))?;
        let mut auth = Auth::new();
        auth.jwt = Some(pair.jwt.clone());
        auth.signature = Some(pair.key.sign(nonce).map_err(AuthError::new)?);
        Ok(auth)
    }
}

/// A credentials file: a JWT and a seed, each between two lines of hyphens.
fn parse(text: &str) -> Option<Pair> {
    let mut parts = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('-'));
    let jwt = parts.find(|line| line.matches('.').count() == 2)?;
    let seed = parts.find(|line| line.starts_with('S'))?;
    let key = KeyPair::from_seed(seed).ok()?;
    Some(Pair { jwt: jwt.to_owned(), key, digest: Sha256::digest(format!("{jwt}\n{seed}")).into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(key: &KeyPair) -> String {
        let seed = key.seed().unwrap();
        format!(
            "-----BEGIN NATS USER JWT-----\na.b.c\n------END NATS USER JWT------\n\n*** keep it ***\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )
    }

    #[test]
    fn a_connection_proves_itself_with_what_is_in_use() {
        let credentials = Credentials::default();
        assert!(credentials.prove(b"nonce").is_err());
        assert!(credentials.set("nothing").is_err());
        let (one, two) = (KeyPair::new_user(), KeyPair::new_user());
        assert!(credentials.set(&file(&one)).unwrap());
        assert!(!credentials.set(&file(&one)).unwrap());
        let auth = credentials.prove(b"nonce").unwrap();
        assert!(one.verify(b"nonce", &auth.signature.unwrap()).is_ok());
        assert!(credentials.set(&file(&two)).unwrap());
        assert!(two.verify(b"x", &credentials.prove(b"x").unwrap().signature.unwrap()).is_ok());
    }
}
