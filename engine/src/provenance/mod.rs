//! Provenance: whether a chart's archive is the one that somebody signed for.
//! A `.prov` file is a clear-signed message with the chart's metadata and the
//! SHA-256 of the archive; whom to believe is in a keyring. Owns what is
//! checked and Helm's words on it; cryptography is the OpenPGP crate's.

mod clearsign;
mod keyring;
mod sign;

pub use sign::{Signer, sign};

use std::path::Path;

use pgp::packet::{Packet, PacketParser, Signature};
use pgp::types::{KeyDetails, Timestamp};
use sha2::{Digest, Sha256};
use templates_compat::yaml::{self, Field, Shape, StructShape};
use templates_compat::{Compat, Value};

use keyring::{Entity, Subkey, is_expired, is_key_expired, is_revoked, issuer};

/// A larger file is no provenance file (bytes).
pub const MAX_PROVENANCE_BYTES: u64 = 4 << 20;

/// Why an archive is not believed, in Helm's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProvenanceError(pub(crate) String);

/// An archive that was signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The names that the signing key has.
    pub identities: Vec<String>,
    /// The primary key's fingerprint in upper-case hex.
    pub fingerprint: String,
    /// `sha256:<hex>` of the archive.
    pub hash: String,
}

fn error(text: impl Into<String>) -> ProvenanceError {
    ProvenanceError(text.into())
}

/// Checks an archive on this machine, whose provenance file stands beside it.
///
/// # Errors
/// What keeps it from being believed.
pub fn verify_file(path: &Path, keyring: &Path, compat: Compat) -> Result<Verified, ProvenanceError> {
    let shown = path.to_string_lossy();
    let meta = std::fs::metadata(path).map_err(|e| error(charts::go_file_error("stat", &shown, &e)))?;
    if meta.is_dir() {
        return Err(error("unpacked charts cannot be verified"));
    }
    if !path.extension().is_some_and(|e| e.eq_ignore_ascii_case("tgz")) {
        return Err(error("chart must be a tgz file"));
    }
    let beside = format!("{shown}.prov");
    let failed = |e: &std::io::Error| {
        error(format!("could not load provenance file {beside}: {}", charts::go_file_error("stat", &beside, e)))
    };
    std::fs::metadata(&beside).map_err(|e| failed(&e))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let read = |path: &Path, limit| {
        let shown = path.to_string_lossy();
        read_limited(path, limit).map_err(|e| error(charts::go_file_error("open", &shown, &e)))
    };
    let keys = read_keyring(keyring, compat)?;
    let archive = read(path, crate::pull::MAX_ARCHIVE_BYTES)?;
    let provenance = read(Path::new(&beside), MAX_PROVENANCE_BYTES)?;
    verify_with(&archive, &provenance, &name, &keys, compat)
}

/// Checks an archive that has this file name by its provenance file.
///
/// # Errors
/// What keeps it from being believed.
pub fn verify(
    archive: &[u8],
    provenance: &[u8],
    name: &str,
    keyring: &Path,
    compat: Compat,
) -> Result<Verified, ProvenanceError> {
    if !name.to_ascii_lowercase().ends_with(".tgz") {
        return Err(error("chart must be a tgz file"));
    }
    verify_with(archive, provenance, name, &read_keyring(keyring, compat)?, compat)
}

fn read_limited(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    if std::fs::metadata(path)?.len() > limit {
        return Err(std::io::Error::other(format!("larger than {limit} bytes")));
    }
    std::fs::read(path)
}

fn read_keyring(path: &Path, compat: Compat) -> Result<Vec<Entity>, ProvenanceError> {
    let shown = path.to_string_lossy();
    let keys = read_limited(path, keyring::MAX_KEYRING).map_err(|e| charts::go_file_error("open", &shown, &e));
    let keys = keys.and_then(|data| keyring::read(&data, compat, &shown));
    keys.map_err(|e| error(format!("failed to load keyring: {e}")))
}

fn verify_with(
    archive: &[u8],
    provenance: &[u8],
    name: &str,
    keys: &[Entity],
    compat: Compat,
) -> Result<Verified, ProvenanceError> {
    let before = compat.signature_error_prefix();
    let message = clearsign::decode(provenance);
    let message = message.ok_or_else(|| error(format!("{before}signature block not found")))?;
    let signer = signer(&message, keys)?;
    let sum = format!("sha256:{}", hex(&Sha256::digest(archive)));
    match listed_sum(&message.text, name, compat)? {
        None => Err(error(format!("provenance does not contain a SHA for a file named {name:?}"))),
        Some(listed) if listed != sum => {
            Err(error(format!("sha256 sum does not match for {name}: {listed:?} != {sum:?}")))
        }
        Some(_) => {
            let mut identities: Vec<String> = signer.identities.iter().map(|i| i.name.clone()).collect();
            identities.sort();
            identities.dedup();
            let fingerprint = format!("{:X}", signer.primary.fingerprint());
            Ok(Verified { identities, fingerprint, hash: sum })
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The second part of a message.
static SUMS: StructShape = StructShape {
    name: "SumCollection",
    full_name: "provenance.SumCollection",
    fields: &[
        Field { json: "files", pointer: false, shape: Shape::Map(&Shape::Str) },
        Field { json: "images", pointer: false, shape: Shape::Map(&Shape::Str) },
    ],
};

/// What the message says of a file: the part after the line `...` is YAML.
/// Helm 3 looks at the metadata before it, too.
fn listed_sum(text: &[u8], name: &str, compat: Compat) -> Result<Option<String>, ProvenanceError> {
    const BETWEEN: &[u8] = b"\n...\n";
    let at = text.windows(BETWEEN.len()).position(|window| window == BETWEEN);
    let at = at.ok_or_else(|| error("message block must have at least two parts"))?;
    let rest = text.get(at + BETWEEN.len()..).unwrap_or_default();
    let end = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN).unwrap_or(rest.len());
    if compat.reads_signed_metadata() {
        let metadata = text.get(..at).unwrap_or_default();
        charts::Metadata::parse(metadata, compat).map_err(|e| error(e.to_string()))?;
    }
    let sums = yaml::decode(rest.get(..end).unwrap_or_default(), &Shape::Struct(&SUMS), compat);
    let sums = sums.map_err(|e| error(e.to_string()))?;
    let files = sums.as_map().and_then(|sums| sums.get(b"files"));
    let sum = files.as_ref().and_then(Value::as_map).and_then(|files| files.get(name.as_bytes()));
    Ok(sum.as_ref().and_then(Value::as_bytes).map(|sum| String::from_utf8_lossy(sum).into_owned()))
}

/// A key of a keyring that may sign.
#[derive(Clone, Copy)]
struct Key<'a> {
    entity: &'a Entity,
    subkey: Option<&'a Subkey>,
    /// What binds it: the signature of the main identity, or of the subkey.
    binding: &'a Signature,
}

impl Key<'_> {
    fn verifies(&self, signature: &Signature, data: &[u8]) -> bool {
        match self.subkey {
            Some(subkey) => signature.verify(&subkey.key, data).is_ok(),
            None => signature.verify(&self.entity.primary, data).is_ok(),
        }
    }

    fn algorithm(&self) -> &'static str {
        use pgp::crypto::public_key::PublicKeyAlgorithm as A;
        let algorithm = match self.subkey {
            Some(subkey) => subkey.key.algorithm(),
            None => self.entity.primary.algorithm(),
        };
        match algorithm {
            A::RSA | A::RSASign => "RSA",
            A::DSA => "DSA",
            A::ECDSA => "ECDSA",
            A::EdDSALegacy => "EdDSA",
            A::Ed25519 => "Ed25519",
            _ => "signature",
        }
    }
}

/// Who signed a message, if that is somebody whom the keyring knows.
fn signer<'a>(message: &clearsign::Message<'_>, keys: &'a [Entity]) -> Result<&'a Entity, ProvenanceError> {
    let mut dearmored = Vec::new();
    let mut armor = pgp::armor::Dearmor::new(std::io::BufReader::new(message.signature));
    // What is no armor is no message to Go either.
    std::io::Read::read_to_end(&mut armor, &mut dearmored).map_err(|_| error("signature block not found"))?;
    for packet in PacketParser::new(&dearmored[..]) {
        let packet = packet.map_err(|e| error(format!("openpgp: invalid data: {e}")))?;
        let Packet::Signature(signature) = packet else {
            return Err(error("openpgp: invalid data: non signature packet found"));
        };
        let candidates = candidates(&signature, keys)?;
        let Some(last) = candidates.last() else { continue };
        return match candidates.iter().find(|key| key.verifies(&signature, &message.signed)) {
            Some(key) => check(key, &signature).map(|()| key.entity),
            None => Err(error(format!("openpgp: invalid signature: {} verification failure", last.algorithm()))),
        };
    }
    Err(error("openpgp: signature made by unknown entity"))
}

/// The keys that can have made a signature, and may.
fn candidates<'a>(signature: &Signature, keys: &'a [Entity]) -> Result<Vec<Key<'a>>, ProvenanceError> {
    let issuer = issuer(signature).ok_or_else(|| error("openpgp: invalid data: signature doesn't have an issuer"))?;
    let mut found = Vec::new();
    for entity in keys {
        if let Some(main) = entity.main_identity().filter(|_| entity.primary.legacy_key_id() == issuer) {
            found.push(Key { entity, subkey: None, binding: &main.signature });
        }
        let subkeys = entity.subkeys.iter().filter(|subkey| subkey.key.legacy_key_id() == issuer);
        found.extend(subkeys.map(|subkey| Key { entity, subkey: Some(subkey), binding: &subkey.signature }));
    }
    found.retain(|key| key.binding.key_flags().sign());
    Ok(found)
}

/// Whether a signature, and all that it stands on, still holds.
fn check(key: &Key<'_>, signature: &Signature) -> Result<(), ProvenanceError> {
    let now = Timestamp::now();
    let main = key.entity.main_identity().map(|identity| &identity.signature);
    let subkey_revoked = key.subkey.is_some_and(|subkey| is_revoked(&subkey.revocations, now));
    if key.entity.is_revoked(now) || subkey_revoked {
        return Err(error("openpgp: signature made by revoked key"));
    }
    let primary_expired = main.is_none_or(|main| is_key_expired(key.entity.primary.created_at(), main, now));
    let subkey_expired = key.subkey.is_some_and(|s| is_key_expired(s.key.created_at(), &s.signature, now));
    if primary_expired || subkey_expired {
        return Err(error("openpgp: key expired"));
    }
    let back = key.subkey.and_then(|subkey| subkey.signature.embedded_signature());
    let others = main.into_iter().chain(key.subkey.map(|subkey| &subkey.signature)).chain(back);
    if std::iter::once(signature).chain(others).any(|signature| is_expired(signature, now)) {
        return Err(error("openpgp: signature expired"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_listed_after_the_metadata() {
        let text = b"name: web\n...\nfiles:\n  web-1.tgz: sha256:ab";
        let listed = |text: &[u8], name: &str| listed_sum(text, name, Compat::Helm4);
        assert_eq!(listed(text, "web-1.tgz").unwrap().as_deref(), Some("sha256:ab"));
        assert_eq!(listed(text, "web-2.tgz").unwrap(), None);
        assert_eq!(listed(b"name: web", "x").unwrap_err().to_string(), "message block must have at least two parts");
    }
}
