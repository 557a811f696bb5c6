//! Signing for an archive: the key by a part of its name, the message and its
//! signature.

use std::path::Path;

use pgp::composed::{ArmorOptions, CleartextSignedMessage};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SecretKey, SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{KeyDetails, Password, SecretParams, Timestamp};
use sha2::{Digest, Sha256};
use templates_compat::{Compat, Map, Value, yaml};

use super::{ProvenanceError, error, hex, keyring, read_limited};

/// A key that can sign.
pub struct Signer {
    key: SecretKey,
    name: String,
}

impl Signer {
    /// Finds the key whose name is, or has in it, this text.
    ///
    /// # Errors
    /// A keyring that cannot be read; no such key, several, or one without its
    /// secret part.
    pub fn find(keyring: &Path, id: &str, compat: Compat) -> Result<Signer, ProvenanceError> {
        let shown = keyring.to_string_lossy();
        let data = read_limited(keyring, keyring::MAX_KEYRING);
        let data = data.map_err(|e| error(charts::go_file_error("open", &shown, &e)))?;
        let entities = keyring::read(&data, compat, &shown).map_err(error)?;
        let all = || entities.iter().flat_map(|e| e.identities.iter().map(move |i| (e, i.name.as_str())));
        let mut fits = all().filter(|(_, name)| name.contains(id));
        let found = match all().find(|(_, name)| *name == id) {
            Some(exact) => Some(exact),
            None => {
                let first = fits.next();
                if fits.next().is_some() {
                    return Err(error(format!("more than one key contain the id {id:?}")));
                }
                first
            }
        };
        let (entity, name) = found.ok_or_else(|| error("private key not found"))?;
        let without = "provided key is not a private key. Try providing a keyring with secret keys";
        let key = entity.secret.clone().ok_or_else(|| error(without))?;
        Ok(Signer { key, name: name.to_owned() })
    }

    /// Whose key it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it needs a passphrase.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.key.secret_params(), SecretParams::Encrypted(_))
    }

    /// Makes sure that a passphrase opens the key.
    ///
    /// # Errors
    /// The wrong one.
    pub fn unlock(&self, passphrase: &[u8]) -> Result<(), ProvenanceError> {
        let opened = self.key.unlock(&Password::from(passphrase), |_, _| Ok(()));
        match opened {
            Ok(Ok(())) => Ok(()),
            _ => Err(error("openpgp: invalid data: private key checksum failure")),
        }
    }
}

/// The provenance file of an archive: its chart's metadata as YAML, and its
/// SHA-256, signed.
///
/// # Errors
/// A key that does not open, or cannot sign.
pub fn sign(
    signer: &Signer,
    passphrase: &[u8],
    archive: &[u8],
    name: &str,
    metadata: &[u8],
) -> Result<String, ProvenanceError> {
    let failed = |e: pgp::errors::Error| error(format!("failed to either sign or armor message block: {e}"));
    let text = message(archive, name, metadata)?;
    let key = &signer.key;
    let mut config = SignatureConfig::v4(SignatureType::Text, key.algorithm(), HashAlgorithm::Sha512);
    let created = SubpacketData::SignatureCreationTime(Timestamp::now());
    for data in [created, SubpacketData::IssuerFingerprint(key.fingerprint())] {
        config.hashed_subpackets.push(Subpacket::regular(data).map_err(failed)?);
    }
    let issuer = Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id())).map_err(failed)?;
    config.unhashed_subpackets.push(issuer);
    let signed = CleartextSignedMessage::new(&text, config, key, &Password::from(passphrase)).map_err(failed)?;
    let armored = signed.to_armored_string(ArmorOptions::default()).map_err(failed)?;
    Ok(armored.trim_end().to_owned())
}

/// What is signed: no line ends with blanks, which a signature does not see.
fn message(archive: &[u8], name: &str, metadata: &[u8]) -> Result<String, ProvenanceError> {
    let sum = format!("sha256:{}", hex(&Sha256::digest(archive)));
    let (files, all) = (Map::new(), Map::new());
    files.insert(name, Value::Str(sum.into()));
    all.insert("files", Value::Map(files));
    let sums = yaml::write(&Value::Map(all), Compat::default()).map_err(|e| error(e.to_string()))?;
    let text = [metadata, b"\n...\n", &sums].concat();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> =
        text.trim_end_matches('\n').split('\n').map(|l| l.trim_end_matches([' ', '\t', '\r'])).collect();
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_metadata_and_sums() {
        let text = message(b"", "web-1.tgz", b"name: web\ndescription: a  \n").unwrap();
        let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(text, format!("name: web\ndescription: a\n\n...\nfiles:\n  web-1.tgz: sha256:{sum}"));
    }
}
