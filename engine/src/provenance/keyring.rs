//! Keyrings: GnuPG's old form (OpenPGP packets one after the other), its keybox
//! and armored exports. Owns which keys there are, whose they are and what they
//! may do; not what is signed.

use std::io::{BufReader, Read};

use pgp::armor::{BlockType, Dearmor};
use pgp::packet::{
    Packet, PacketParser, PublicKey, PublicSubkey, SecretKey, Signature, SignatureType, SubpacketData, UserId,
};
use pgp::types::{KeyDetails, KeyId, Tag, Timestamp};
use templates_compat::Compat;

/// A larger file is no keyring (bytes).
pub(super) const MAX_KEYRING: u64 = 64 << 20;

/// Whose key it is.
pub(super) struct Identity {
    /// `Name (comment) <mail>`
    pub(super) name: String,
    /// The newest signature of the key itself.
    pub(super) signature: Signature,
    revocations: Vec<Signature>,
}

/// A key that a primary key vouches for.
pub(super) struct Subkey {
    pub(super) key: PublicSubkey,
    pub(super) signature: Signature,
    pub(super) revocations: Vec<Signature>,
}

/// A primary key with all that belongs to it.
pub(super) struct Entity {
    pub(super) primary: PublicKey,
    pub(super) secret: Option<SecretKey>,
    pub(super) identities: Vec<Identity>,
    pub(super) subkeys: Vec<Subkey>,
    revocations: Vec<Signature>,
}

/// Reads a keyring. Keys that cannot be used are left out, as long as one can.
///
/// # Errors
/// Near to the words of Go's OpenPGP package.
pub(super) fn read(data: &[u8], compat: Compat, path: &str) -> Result<Vec<Entity>, String> {
    match compat.reads_new_keyrings() {
        true if is_keybox(data) => packets(&keyblocks(data).map_err(|e| format!("reading keybox {path}: {e}"))?[..]),
        true if data.trim_ascii().starts_with(b"-----BEGIN PGP") => {
            armored(data).map_err(|e| format!("reading armored keyring {path}: {e}"))
        }
        _ => packets(data),
    }
}

const HEADER_BLOB: u8 = 1;
const KEY_BLOB: u8 = 2;
const EPHEMERAL: u16 = 2;

fn is_keybox(data: &[u8]) -> bool {
    data.get(4) == Some(&HEADER_BLOB) && data.get(8..12) == Some(b"KBXf")
}

/// The packets of all keys in a keybox: a sequence of blobs, each with its
/// length, type, version, flags, and where in it the packets are.
fn keyblocks(data: &[u8]) -> Result<Vec<u8>, String> {
    let number = |blob: &[u8], at: usize| {
        let bytes = blob.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(bytes)).ok()
    };
    let (mut rest, mut offset, mut keys) = (data, 0, Vec::new());
    while !rest.is_empty() {
        let length = number(rest, 0).filter(|_| rest.len() > 4);
        let length = length.ok_or_else(|| format!("truncated blob header at offset {offset}"))?;
        if length < 5 {
            return Err(format!("invalid blob length {length} at offset {offset}"));
        }
        let too_long =
            || format!("blob at offset {offset} has length {length} exceeding the {} remaining bytes", rest.len());
        let (blob, after) = rest.split_at_checked(length).ok_or_else(too_long)?;
        if blob.get(4) == Some(&KEY_BLOB) {
            let too_short = || format!("OpenPGP blob at offset {offset} is too short");
            let (start, size) = number(blob, 8).zip(number(blob, 12)).ok_or_else(too_short)?;
            let block = blob.get(start..).and_then(|from| from.get(..size));
            let block = block.ok_or_else(|| format!("OpenPGP blob at offset {offset} has an out-of-range keyblock"))?;
            let flags = blob.get(6..8).and_then(|b| b.try_into().ok()).map_or(0, u16::from_be_bytes);
            if flags & EPHEMERAL == 0 {
                keys.extend_from_slice(block);
            }
        }
        offset += length;
        rest = after;
    }
    if keys.is_empty() { Err("keybox contains no OpenPGP keys".into()) } else { Ok(keys) }
}

/// Every block of an armored file.
fn armored(data: &[u8]) -> Result<Vec<Entity>, String> {
    const END: &[u8] = b"-----END PGP";
    let mut entities = Vec::new();
    let mut rest = data;
    while let Some(at) = rest.windows(END.len()).position(|window| window == END) {
        let end = rest.iter().skip(at).position(|b| *b == b'\n').map_or(rest.len(), |line| at + line + 1);
        let (block, after) = rest.split_at(end);
        rest = after;
        let mut bytes = Vec::new();
        let mut dearmor = Dearmor::new(BufReader::new(block));
        dearmor.read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        match dearmor.typ {
            Some(BlockType::PublicKey | BlockType::PrivateKey) => {}
            other => {
                let found = other.map(|typ| typ.to_string()).unwrap_or_default();
                return Err(format!("expected a public or private key block, got {found:?}"));
            }
        }
        entities.extend(packets(&bytes)?);
    }
    if entities.is_empty() { Err("no keys found".into()) } else { Ok(entities) }
}

/// What the packets after a primary key belong to.
enum Part {
    Key,
    User(UserId, Vec<Signature>),
    Subkey(Box<PublicSubkey>, Vec<Signature>),
}

fn packets(data: &[u8]) -> Result<Vec<Entity>, String> {
    const MSB: u8 = 0x80;
    if data.first().is_some_and(|first| first & MSB == 0) {
        return Err("openpgp: invalid data: tag byte does not have MSB set".into());
    }
    let mut entities = Vec::new();
    let mut why = None;
    let mut current: Option<(Entity, Part)> = None;
    for packet in PacketParser::new(data) {
        let packet = match packet {
            Ok(packet) => packet,
            // What cannot be read ends its key, not the others.
            Err(e) => {
                why = Some(format!("openpgp: invalid data: {e}"));
                continue;
            }
        };
        match packet {
            Packet::PublicKey(primary) => {
                finish(current.take(), &mut entities, &mut why);
                current = Some((Entity::new(primary, None), Part::Key));
            }
            Packet::SecretKey(secret) => {
                finish(current.take(), &mut entities, &mut why);
                current = Some((Entity::new(secret.public_key().clone(), Some(secret)), Part::Key));
            }
            packet => {
                if let Some((entity, part)) = &mut current {
                    entity.take(part, packet);
                }
            }
        }
    }
    finish(current, &mut entities, &mut why);
    match why {
        Some(why) if entities.is_empty() => Err(why),
        _ => Ok(entities),
    }
}

fn finish(current: Option<(Entity, Part)>, entities: &mut Vec<Entity>, why: &mut Option<String>) {
    let Some((mut entity, part)) = current else { return };
    entity.close(part);
    if entity.identities.is_empty() {
        let version = u8::from(entity.primary.version());
        *why = Some(format!("openpgp: invalid data: v{version} entity without any identities"));
        return;
    }
    entities.push(entity);
}

impl Entity {
    fn new(primary: PublicKey, secret: Option<SecretKey>) -> Entity {
        Entity { primary, secret, identities: Vec::new(), subkeys: Vec::new(), revocations: Vec::new() }
    }

    /// Takes the next packet of this key.
    fn take(&mut self, part: &mut Part, packet: Packet) {
        let next = match packet {
            Packet::UserId(id) => Part::User(id, Vec::new()),
            Packet::PublicSubkey(key) => Part::Subkey(Box::new(key), Vec::new()),
            Packet::SecretSubkey(key) => Part::Subkey(Box::new(key.public_key().clone()), Vec::new()),
            Packet::Signature(signature) => {
                match part {
                    Part::Key => self.add_direct(signature),
                    Part::User(_, signatures) | Part::Subkey(_, signatures) => signatures.push(signature),
                }
                return;
            }
            // Trust, pictures and the like.
            _ => return,
        };
        self.close(std::mem::replace(part, next));
    }

    fn add_direct(&mut self, signature: Signature) {
        if signature.typ() == Some(SignatureType::KeyRevocation) && signature.verify_key(&self.primary).is_ok() {
            self.revocations.push(signature);
        }
    }

    /// Keeps a part whose signatures are all there, if the key itself has made
    /// one of them.
    fn close(&mut self, part: Part) {
        match part {
            Part::Key => {}
            Part::User(id, signatures) => {
                let own = |s: &Signature| s.verify_certification(&self.primary, Tag::UserId, &id).is_ok();
                let own: Vec<Signature> = signatures.into_iter().filter(own).collect();
                let (revocations, own): (Vec<_>, Vec<_>) =
                    own.into_iter().partition(|s| s.typ() == Some(SignatureType::CertRevocation));
                if let Some(signature) = newest(own) {
                    let name = String::from_utf8_lossy(id.id()).into_owned();
                    self.identities.push(Identity { name, signature, revocations });
                }
            }
            Part::Subkey(key, signatures) => {
                let own = |s: &Signature| s.verify_subkey_binding(&self.primary, &*key).is_ok();
                let own: Vec<Signature> = signatures.into_iter().filter(own).collect();
                let (revocations, own): (Vec<_>, Vec<_>) =
                    own.into_iter().partition(|s| s.typ() == Some(SignatureType::SubkeyRevocation));
                // A key that signs must say itself to whom it belongs.
                let agrees = |s: &Signature| {
                    !s.key_flags().sign()
                        || s.embedded_signature()
                            .is_some_and(|back| back.verify_primary_key_binding(&*key, &self.primary).is_ok())
                };
                if let Some(signature) = newest(own).filter(agrees) {
                    self.subkeys.push(Subkey { key: *key, signature, revocations });
                }
            }
        }
    }

    /// The identity whose signature speaks for the whole key: one that is not
    /// revoked, called the primary one, the newest.
    pub(super) fn main_identity(&self) -> Option<&Identity> {
        self.identities.iter().max_by_key(|identity| {
            let primary = identity.signature.is_primary();
            (std::cmp::Reverse(identity.revocations.len()), primary, identity.signature.created())
        })
    }

    /// Whether the key, or its main identity, was taken back.
    pub(super) fn is_revoked(&self, now: Timestamp) -> bool {
        is_revoked(&self.revocations, now) || self.main_identity().is_some_and(|i| is_revoked(&i.revocations, now))
    }
}

fn newest(signatures: Vec<Signature>) -> Option<Signature> {
    signatures.into_iter().max_by_key(Signature::created)
}

/// Whether one of the revocations holds.
pub(super) fn is_revoked(revocations: &[Signature], now: Timestamp) -> bool {
    revocations.iter().any(|revocation| {
        let compromised =
            matches!(revocation.revocation_reason_code(), Some(pgp::packet::RevocationCode::KeyCompromised));
        compromised || !is_expired(revocation, now)
    })
}

/// Whether a signature is no longer (or not yet) worth anything.
pub(super) fn is_expired(signature: &Signature, now: Timestamp) -> bool {
    let Some(created) = signature.created() else { return true };
    let lifetime = signature.signature_expiration_time().map_or(0, |d| d.as_secs());
    is_over(created, lifetime, now)
}

/// Whether a key is no longer (or not yet) valid by the signature that binds
/// it.
pub(super) fn is_key_expired(created: Timestamp, binding: &Signature, now: Timestamp) -> bool {
    is_over(created, binding.key_expiration_time().map_or(0, |d| d.as_secs()), now)
}

/// A lifetime of 0 has no end.
fn is_over(created: Timestamp, lifetime: u32, now: Timestamp) -> bool {
    let (created, now) = (u64::from(created.as_secs()), u64::from(now.as_secs()));
    created > now || (lifetime > 0 && now > created + u64::from(lifetime))
}

/// The key that a signature says has made it.
pub(super) fn issuer(signature: &Signature) -> Option<KeyId> {
    let config = signature.config()?;
    let subpackets = || config.hashed_subpackets().chain(config.unhashed_subpackets());
    let by_id = subpackets().find_map(|p| match &p.data {
        SubpacketData::IssuerKeyId(id) => Some(*id),
        _ => None,
    });
    by_id.or_else(|| {
        subpackets().find_map(|p| match &p.data {
            // The end of a version 4 fingerprint is its identifier.
            SubpacketData::IssuerFingerprint(fingerprint) => {
                let bytes = fingerprint.as_bytes();
                let id = bytes.get(bytes.len().checked_sub(8)?..)?;
                Some(KeyId::from(<[u8; 8]>::try_from(id).ok()?))
            }
            _ => None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_keyring_says_so() {
        let said = |data: &[u8]| read(data, Compat::Helm4, "k").err().unwrap_or_default();
        assert_eq!(said(b"hello"), "openpgp: invalid data: tag byte does not have MSB set");
        assert!(said(b"").is_empty());
        let empty = [&[0, 0, 0, 12, 1, 1, 0, 0][..], b"KBXf"].concat();
        assert_eq!(said(&empty), "reading keybox k: keybox contains no OpenPGP keys");
        let cut = [&empty[..], &[0, 0, 1, 0, 2]].concat();
        assert_eq!(said(&cut), "reading keybox k: blob at offset 12 has length 256 exceeding the 5 remaining bytes");
        assert!(said(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n").starts_with("reading armored keyring k: "));
    }

    #[test]
    fn a_life_without_length_has_no_end() {
        let at = Timestamp::from_secs;
        assert!(!is_over(at(10), 0, at(u32::MAX)));
        assert!(!is_over(at(10), 5, at(15)));
        assert!(is_over(at(10), 5, at(16)));
        assert!(is_over(at(10), 0, at(9)), "not made yet");
    }
}
