//! Certificates: what Sprig asks Go for, built and signed, and the little
//! that must be read of a parent's.

use std::any::Any;
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::der::{self, Reader};
use super::{Block, PrivateKey};
use crate::compat::Compat;
use crate::gofmt::quote::quote_text;
use crate::gotime::Time;
use crate::host::Host;
use crate::value::{GoType, Object, Value};

/// `sprig.certificate` in a template: two PEM texts.
#[derive(Debug, Clone)]
pub(crate) struct CertificateObject {
    pub(crate) cert: String,
    pub(crate) key: String,
}

impl CertificateObject {
    pub(crate) fn value(self) -> Value {
        Value::Object(Arc::new(self))
    }
}

impl Object for CertificateObject {
    fn type_name(&self, _: Compat) -> Cow<'static, str> {
        Cow::Borrowed("sprig.certificate")
    }

    fn kind(&self) -> GoType {
        GoType::Struct
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        self.fields().into_iter().find(|(known, _)| known.as_bytes() == name).map(|(_, value)| value)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Cert", Value::str(self.cert.as_str())), ("Key", Value::str(self.key.as_str()))]
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What a new certificate shall say.
pub(crate) struct Request {
    pub(crate) common_name: Vec<u8>,
    pub(crate) ips: Vec<IpAddr>,
    pub(crate) dns_names: Vec<Vec<u8>>,
    pub(crate) not_before: Time,
    pub(crate) not_after: Time,
    pub(crate) is_ca: bool,
}

/// Who signs: the parent's subject, its key's identifier and its key.
pub(crate) struct Parent {
    subject: Vec<u8>,
    key_id: Vec<u8>,
    public_key: Vec<u8>,
    key: PrivateKey,
}

impl Parent {
    /// A parent from its certificate's DER and its key.
    pub(crate) fn read(certificate: &[u8], key: PrivateKey) -> Result<Parent, String> {
        let parts = parse(certificate).ok_or("x509: malformed certificate")?;
        Ok(Parent { subject: parts.subject, key_id: parts.key_id, public_key: parts.public_key, key })
    }
}

/// Whether the DER is a certificate.
pub(crate) fn check(certificate: &[u8]) -> Result<(), String> {
    parse(certificate).map(|_| ()).ok_or_else(|| "x509: malformed certificate".into())
}

struct Parsed {
    subject: Vec<u8>,
    key_id: Vec<u8>,
    /// The whole `SubjectPublicKeyInfo`.
    public_key: Vec<u8>,
}

fn parse(data: &[u8]) -> Option<Parsed> {
    let mut outer = Reader(data).enter(der::SEQUENCE)?;
    let mut fields = outer.enter(der::SEQUENCE)?;
    outer.take(der::SEQUENCE)?;
    outer.take(der::BIT_STRING)?;
    // The version may be left out.
    let _ = fields.take(0xa0);
    fields.take(der::INTEGER)?;
    fields.take(der::SEQUENCE)?;
    fields.take(der::SEQUENCE)?;
    fields.take(der::SEQUENCE)?;
    let subject = fields.take(der::SEQUENCE)?.whole.to_vec();
    let public_key = fields.take(der::SEQUENCE)?.whole.to_vec();
    let mut key_id = Vec::new();
    while let Some(field) = fields.next() {
        if field.tag == 0xa3 {
            key_id = find_key_id(Reader(field.content)).unwrap_or_default();
        }
    }
    Some(Parsed { subject, key_id, public_key })
}

fn find_key_id(mut field: Reader<'_>) -> Option<Vec<u8>> {
    let mut extensions = field.enter(der::SEQUENCE)?;
    while let Some(mut extension) = extensions.enter(der::SEQUENCE) {
        let id = extension.take(der::OID)?;
        let _ = extension.take(der::BOOLEAN);
        let value = extension.take(der::OCTET_STRING)?;
        if id.content == SUBJECT_KEY_ID {
            return Some(Reader(value.content).take(der::OCTET_STRING)?.content.to_vec());
        }
    }
    None
}

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

impl Request {
    /// Makes and signs the certificate of `key`; signs itself without a
    /// parent. Gives both as PEM.
    pub(crate) fn issue(
        &self,
        key: &PrivateKey,
        parent: Option<&Parent>,
        host: &dyn Host,
        compat: Compat,
    ) -> Result<CertificateObject, String> {
        let signer = parent.map_or(key, |parent| &parent.key);
        let algorithm = signer.signature_algorithm()?;
        let (key_algorithm, public_key) = key.public_parts()?;
        let subject = name(&self.common_name)?;
        let issuer = parent.map_or(&subject, |parent| &parent.subject);
        if let Some(parent) = parent {
            let (algorithm, bits) = parent.key.public_parts()?;
            if parent.public_key != der::sequence(&[&algorithm, &der::bit_string(&bits)]) {
                return Err("x509: provided PrivateKey doesn't match parent's PublicKey".into());
            }
        }
        let authority = parent.filter(|_| *issuer != subject).map(|parent| parent.key_id.as_slice());
        let extensions = self.extensions(&public_key, authority.unwrap_or_default(), compat)?;
        let mut serial = [0; 16];
        host.random(&mut serial);
        let body = der::sequence(&[
            &der::tlv(0xa0, &der::integer(&[2])),
            &der::integer(&serial),
            &algorithm,
            issuer,
            &der::sequence(&[&time(&self.not_before), &time(&self.not_after)]),
            &subject,
            &der::sequence(&[&key_algorithm, &der::bit_string(&public_key)]),
            &der::tlv(0xa3, &der::tlv(der::SEQUENCE, &extensions)),
        ]);
        let signature = signer.sign(&body, host)?;
        let data = der::sequence(&[&body, &algorithm, &der::bit_string(&signature)]);
        Ok(CertificateObject { cert: Block { label: "CERTIFICATE".into(), data }.text(), key: key.to_pem()? })
    }

    fn extensions(&self, public_key: &[u8], authority: &[u8], compat: Compat) -> Result<Vec<u8>, String> {
        // Digital signature and key encipherment; a CA signs certificates, too.
        let usage: &[u8] = if self.is_ca { &[2, 0xa4] } else { &[5, 0xa0] };
        let mut out = extension(KEY_USAGE, true, &der::tlv(der::BIT_STRING, usage));
        let purposes = der::sequence(&[&der::tlv(der::OID, SERVER_AUTH), &der::tlv(der::OID, CLIENT_AUTH)]);
        out.extend(extension(EXTENDED_KEY_USAGE, false, &purposes));
        let ca = if self.is_ca { der::tlv(der::BOOLEAN, &[0xff]) } else { Vec::new() };
        out.extend(extension(BASIC_CONSTRAINTS, true, &der::tlv(der::SEQUENCE, &ca)));
        if self.is_ca {
            // Newer Gos cut SHA-256 where older ones took SHA-1.
            let id = match compat.key_ids_are_sha256() {
                false => Sha1::digest(public_key).to_vec(),
                true => Sha256::digest(public_key)[..20].to_vec(),
            };
            out.extend(extension(SUBJECT_KEY_ID, false, &der::tlv(der::OCTET_STRING, &id)));
        }
        if !authority.is_empty() {
            out.extend(extension(AUTHORITY_KEY_ID, false, &der::sequence(&[&der::tlv(0x80, authority)])));
        }
        if !self.dns_names.is_empty() || !self.ips.is_empty() {
            let names = self.alternative_names(compat)?;
            out.extend(extension(SUBJECT_ALT_NAME, self.common_name.is_empty(), &names));
        }
        Ok(out)
    }

    fn alternative_names(&self, compat: Compat) -> Result<Vec<u8>, String> {
        let mut names = Vec::new();
        for dns in &self.dns_names {
            if !dns.is_ascii() {
                return Err(format!("x509: {} cannot be encoded as an IA5String", quote_text(dns, compat)));
            }
            names.extend(der::tlv(0x82, dns));
        }
        for ip in &self.ips {
            names.extend(match ip.to_canonical() {
                IpAddr::V4(ip) => der::tlv(0x87, &ip.octets()),
                IpAddr::V6(ip) => der::tlv(0x87, &ip.octets()),
            });
        }
        Ok(der::tlv(der::SEQUENCE, &names))
    }
}

fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { der::tlv(der::BOOLEAN, &[0xff]) } else { Vec::new() };
    der::sequence(&[&der::tlv(der::OID, id), &critical, &der::tlv(der::OCTET_STRING, value)])
}

/// A name of a common name alone; without it, of nothing.
fn name(common_name: &[u8]) -> Result<Vec<u8>, String> {
    if common_name.is_empty() {
        return Ok(der::sequence(&[]));
    }
    let printable = |b: &u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(b);
    let tag = if common_name.iter().all(printable) {
        der::PRINTABLE_STRING
    } else if std::str::from_utf8(common_name).is_ok() {
        der::UTF8_STRING
    } else {
        return Err("asn1: string not valid UTF-8".into());
    };
    let attribute = der::sequence(&[&der::tlv(der::OID, COMMON_NAME), &der::tlv(tag, common_name)]);
    Ok(der::sequence(&[&der::tlv(der::SET, &attribute)]))
}

/// Two digits of the year where they are enough.
fn time(time: &Time) -> Vec<u8> {
    let time = time.clone().in_zone(crate::gotime::Zone::Utc);
    if (1950..2050).contains(&time.civil().year) {
        der::tlv(der::UTC_TIME, &time.format(b"060102150405Z"))
    } else {
        der::tlv(der::GENERALIZED_TIME, &time.format(b"20060102150405Z"))
    }
}
