//! Private keys of all the kinds that Go's `x509` knows: made, read from
//! PEM, written to PEM, and used for signing.

use ed25519_dalek::Signer as _;
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey, EncodeRsaPublicKey};
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use sha2::{Digest, Sha256};

use super::der::{self, Reader};
use super::dsa::DsaKey;
use super::prime::{PUBLIC_EXPONENT, random_primes};
use super::{Block, HostRng, decode_pem};
use crate::host::{Host, Stream};

/// A private key.
#[derive(Debug, Clone)]
pub(crate) enum PrivateKey {
    /// RSA
    Rsa(Box<RsaPrivateKey>),
    /// ECDSA on one of NIST's curves: the scalar, as long as the curve's field.
    Ec(Curve, Vec<u8>),
    /// Ed25519: the seed.
    Ed25519([u8; 32]),
    /// DSA; it cannot sign here.
    Dsa(Box<DsaKey>),
}

/// A curve for ECDSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    /// P-256
    P256,
    /// P-384
    P384,
    /// P-521
    P521,
}

const RSA_OID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const SHA256_WITH_RSA_OID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const EC_OID: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519_OID: &[u8] = &[0x2b, 0x65, 0x70];

/// `AlgorithmIdentifier` of SHA-256 and the head of an octet string of 32
/// bytes: what PKCS #1 puts before a digest.
const SHA256_PREFIX: &[u8] =
    &[0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

impl Curve {
    fn oid(self) -> &'static [u8] {
        match self {
            Curve::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Curve::P384 => &[0x2b, 0x81, 0x04, 0x00, 0x22],
            Curve::P521 => &[0x2b, 0x81, 0x04, 0x00, 0x23],
        }
    }

    fn from_oid(oid: &[u8]) -> Option<Curve> {
        [Curve::P256, Curve::P384, Curve::P521].into_iter().find(|c| c.oid() == oid)
    }

    /// ECDSA with SHA-256, SHA-384 or SHA-512.
    fn signature_oid(self) -> &'static [u8] {
        match self {
            Curve::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
            Curve::P384 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03],
            Curve::P521 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04],
        }
    }

    fn scalar_len(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }

    /// The public point, uncompressed; none if the scalar is not below the
    /// curve's order.
    fn point(self, scalar: &[u8]) -> Option<Vec<u8>> {
        Some(match self {
            Curve::P256 => p256::ecdsa::SigningKey::from_slice(scalar)
                .ok()?
                .verifying_key()
                .to_encoded_point(false)
                .as_bytes()
                .to_vec(),
            Curve::P384 => p384::ecdsa::SigningKey::from_slice(scalar)
                .ok()?
                .verifying_key()
                .to_encoded_point(false)
                .as_bytes()
                .to_vec(),
            Curve::P521 => {
                let key = p521::ecdsa::SigningKey::from_slice(scalar).ok()?;
                p521::ecdsa::VerifyingKey::from(&key).to_encoded_point(false).as_bytes().to_vec()
            }
        })
    }

    /// r and s of the signature.
    fn sign(self, scalar: &[u8], message: &[u8], host: &dyn Host) -> Option<(Vec<u8>, Vec<u8>)> {
        use p256::ecdsa::signature::{RandomizedSigner, Signer};
        let bytes = match self {
            Curve::P256 => {
                let key = p256::ecdsa::SigningKey::from_slice(scalar).ok()?;
                let signature: p256::ecdsa::Signature = key.try_sign(message).ok()?;
                signature.to_bytes().to_vec()
            }
            Curve::P384 => {
                let key = p384::ecdsa::SigningKey::from_slice(scalar).ok()?;
                let signature: p384::ecdsa::Signature = key.try_sign(message).ok()?;
                signature.to_bytes().to_vec()
            }
            Curve::P521 => {
                let key = p521::ecdsa::SigningKey::from_slice(scalar).ok()?;
                let signature: p521::ecdsa::Signature = key.try_sign_with_rng(&mut HostRng(host), message).ok()?;
                signature.to_bytes().to_vec()
            }
        };
        let (r, s) = bytes.split_at_checked(self.scalar_len())?;
        Some((r.to_vec(), s.to_vec()))
    }
}

impl PrivateKey {
    /// A new RSA key.
    pub(crate) fn rsa(host: &dyn Host, bits: usize) -> Result<PrivateKey, String> {
        let key = match bits {
            2048 => rsa_of_primes::<16>(host),
            4096 => rsa_of_primes::<32>(host),
            bits => RsaPrivateKey::new(&mut HostRng(host), bits),
        };
        Ok(PrivateKey::Rsa(Box::new(key.map_err(|e| e.to_string())?)))
    }

    /// A new ECDSA key on P-256.
    pub(crate) fn ecdsa(host: &dyn Host) -> PrivateKey {
        loop {
            let mut scalar = vec![0; Curve::P256.scalar_len()];
            host.random(&mut scalar);
            // Almost every number is one.
            if Curve::P256.point(&scalar).is_some() {
                return PrivateKey::Ec(Curve::P256, scalar);
            }
        }
    }

    /// A new Ed25519 key.
    pub(crate) fn ed25519(host: &dyn Host) -> PrivateKey {
        let mut seed = [0; 32];
        host.random(&mut seed);
        PrivateKey::Ed25519(seed)
    }

    /// A new DSA key.
    pub(crate) fn dsa(host: &dyn Host) -> PrivateKey {
        PrivateKey::Dsa(Box::new(DsaKey::generate(host)))
    }

    /// In the form that Sprig writes for its kind.
    pub(crate) fn to_pem(&self) -> Result<String, String> {
        let (label, data) = match self {
            PrivateKey::Rsa(key) => {
                let document = key.to_pkcs1_der().map_err(|e| e.to_string())?;
                ("RSA PRIVATE KEY", document.as_bytes().to_vec())
            }
            PrivateKey::Ec(curve, scalar) => {
                let point = curve.point(scalar).ok_or("invalid scalar")?;
                let data = der::sequence(&[
                    &der::integer(&[1]),
                    &der::tlv(der::OCTET_STRING, scalar),
                    &der::tlv(0xa0, &der::tlv(der::OID, curve.oid())),
                    &der::tlv(0xa1, &der::bit_string(&point)),
                ]);
                ("EC PRIVATE KEY", data)
            }
            PrivateKey::Ed25519(seed) => {
                let inner = der::tlv(der::OCTET_STRING, seed);
                let data = der::sequence(&[
                    &der::integer(&[0]),
                    &der::sequence(&[&der::tlv(der::OID, ED25519_OID)]),
                    &der::tlv(der::OCTET_STRING, &inner),
                ]);
                ("PRIVATE KEY", data)
            }
            PrivateKey::Dsa(key) => ("DSA PRIVATE KEY", key.to_der()),
        };
        Ok(Block { label: label.into(), data }.text())
    }

    /// Reads a key.
    ///
    /// # Errors
    /// Sprig's text.
    pub(crate) fn from_pem(text: &[u8]) -> Result<PrivateKey, String> {
        let block = decode_pem(text).ok_or("no PEM data in input")?;
        if block.label == "PRIVATE KEY" {
            return from_pkcs8(&block.data).map_err(|e| format!("decoding PEM as PKCS#8: {e}"));
        }
        let Some(kind) = block.label.strip_suffix(" PRIVATE KEY") else {
            return Err(format!("no private key data in PEM block of type {}", block.label));
        };
        match kind {
            "RSA" => from_pkcs1(&block.data).map_err(|e| format!("parsing RSA private key from PEM: {e}")),
            "EC" => from_sec1(&block.data, None).map_err(|e| format!("parsing EC private key from PEM: {e}")),
            "DSA" => match DsaKey::from_der(&block.data) {
                Some(key) => Ok(PrivateKey::Dsa(Box::new(key))),
                None => Err("parsing DSA private key from PEM: asn1: structure error: tags don't match".into()),
            },
            _ => Err(format!("invalid private key type {}", block.label)),
        }
    }

    /// The key as `SubjectPublicKeyInfo` has it: algorithm and bits.
    pub(super) fn public_parts(&self) -> Result<(Vec<u8>, Vec<u8>), String> {
        Ok(match self {
            PrivateKey::Rsa(key) => {
                let document = key.to_public_key().to_pkcs1_der().map_err(|e| e.to_string())?;
                (der::sequence(&[&der::tlv(der::OID, RSA_OID), der::NULL]), document.as_bytes().to_vec())
            }
            PrivateKey::Ec(curve, scalar) => {
                let algorithm = der::sequence(&[&der::tlv(der::OID, EC_OID), &der::tlv(der::OID, curve.oid())]);
                (algorithm, curve.point(scalar).ok_or("invalid scalar")?)
            }
            PrivateKey::Ed25519(seed) => {
                let key = ed25519_dalek::SigningKey::from_bytes(seed);
                (der::sequence(&[&der::tlv(der::OID, ED25519_OID)]), key.verifying_key().to_bytes().to_vec())
            }
            PrivateKey::Dsa(_) => return Err("x509: unsupported public key type: *dsa.PublicKey".into()),
        })
    }

    /// The identifier of the signatures that this key makes.
    pub(super) fn signature_algorithm(&self) -> Result<Vec<u8>, String> {
        Ok(match self {
            PrivateKey::Rsa(_) => der::sequence(&[&der::tlv(der::OID, SHA256_WITH_RSA_OID), der::NULL]),
            PrivateKey::Ec(curve, _) => der::sequence(&[&der::tlv(der::OID, curve.signature_oid())]),
            PrivateKey::Ed25519(_) => der::sequence(&[&der::tlv(der::OID, ED25519_OID)]),
            PrivateKey::Dsa(_) => {
                return Err("x509: certificate private key does not implement crypto.Signer".into());
            }
        })
    }

    pub(super) fn sign(&self, message: &[u8], host: &dyn Host) -> Result<Vec<u8>, String> {
        match self {
            PrivateKey::Rsa(key) => {
                let scheme = Pkcs1v15Sign { hash_len: Some(32), prefix: SHA256_PREFIX.into() };
                key.sign(scheme, &Sha256::digest(message)).map_err(|e| e.to_string())
            }
            PrivateKey::Ec(curve, scalar) => {
                let (r, s) = curve.sign(scalar, message, host).ok_or("ecdsa: signing failed")?;
                Ok(der::sequence(&[&der::integer(&r), &der::integer(&s)]))
            }
            PrivateKey::Ed25519(seed) => {
                Ok(ed25519_dalek::SigningKey::from_bytes(seed).sign(message).to_bytes().to_vec())
            }
            PrivateKey::Dsa(_) => Err("x509: certificate private key does not implement crypto.Signer".into()),
        }
    }
}

/// A key of two primes of `N * 64` bits, which depends only on the host's
/// randomness.
fn rsa_of_primes<const N: usize>(host: &dyn Host) -> rsa::Result<RsaPrivateKey> {
    let mut seed = [0; 32];
    host.random(&mut seed);
    let [p, q] = random_primes::<N>(&mut Stream::new(seed));
    let number = |bytes: &[u8]| rsa::BigUint::from_bytes_be(bytes);
    RsaPrivateKey::from_p_q(number(&p), number(&q), rsa::BigUint::from(PUBLIC_EXPONENT))
}

fn from_pkcs1(data: &[u8]) -> Result<PrivateKey, String> {
    let key = RsaPrivateKey::from_pkcs1_der(data).map_err(|e| e.to_string())?;
    key.validate().map_err(|e| e.to_string())?;
    Ok(PrivateKey::Rsa(Box::new(key)))
}

/// An EC key; the curve may be told from outside.
fn from_sec1(data: &[u8], curve: Option<Curve>) -> Result<PrivateKey, String> {
    let failed = "x509: failed to parse EC private key";
    let mut fields = Reader(data).enter(der::SEQUENCE).ok_or(failed)?;
    fields.take(der::INTEGER).ok_or(failed)?;
    let scalar = fields.take(der::OCTET_STRING).ok_or(failed)?.content;
    let named = fields.enter(0xa0).and_then(|mut inside| inside.take(der::OID));
    let curve =
        curve.or_else(|| named.and_then(|oid| Curve::from_oid(oid.content))).ok_or("x509: unknown elliptic curve")?;
    // Some writers leave leading zeros out, some add more.
    let significant = &scalar[scalar.iter().take_while(|b| **b == 0).count()..];
    let missing = curve.scalar_len().checked_sub(significant.len()).ok_or("x509: invalid private key length")?;
    let scalar = [&vec![0; missing], significant].concat();
    curve.point(&scalar).ok_or("x509: invalid elliptic curve private key value")?;
    Ok(PrivateKey::Ec(curve, scalar))
}

fn from_pkcs8(data: &[u8]) -> Result<PrivateKey, String> {
    let failed = "x509: failed to parse private key";
    let mut fields = Reader(data).enter(der::SEQUENCE).ok_or(failed)?;
    fields.take(der::INTEGER).ok_or(failed)?;
    let mut algorithm = fields.enter(der::SEQUENCE).ok_or(failed)?;
    let oid = algorithm.take(der::OID).ok_or(failed)?.content;
    let key = fields.take(der::OCTET_STRING).ok_or(failed)?.content;
    match oid {
        RSA_OID => {
            from_pkcs1(key).map_err(|e| format!("x509: failed to parse RSA private key embedded in PKCS#8: {e}"))
        }
        EC_OID => {
            let curve = algorithm.take(der::OID).and_then(|oid| Curve::from_oid(oid.content));
            from_sec1(key, curve).map_err(|e| format!("x509: failed to parse EC private key embedded in PKCS#8: {e}"))
        }
        ED25519_OID => {
            let seed = Reader(key).take(der::OCTET_STRING).and_then(|e| <[u8; 32]>::try_from(e.content).ok());
            seed.map(PrivateKey::Ed25519).ok_or_else(|| "x509: invalid Ed25519 private key".into())
        }
        _ => Err("x509: PKCS#8 wrapping contained private key with unknown algorithm".into()),
    }
}
