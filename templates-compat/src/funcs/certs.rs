//! Private keys and certificates.

use std::net::IpAddr;

use super::args::{bytes, fixed, int};
use super::encoding::decode_base64_text;
use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::gofmt::append_value;
use crate::gotime::{Duration, Time};
use crate::pki::{CertificateObject, Parent, PrivateKey, Request, check_certificate, decode_pem};
use crate::value::{List, Value};

const RESULT: Param = Param::Certificate;

pub(crate) const FUNCS: &[Func] = &[
    fixed("buildCustomCert", &[Param::Str, Param::Str], RESULT, build_custom_cert),
    fixed("genCA", &[Param::Str, Param::Int], RESULT, |cx, a| authority(cx, a, new_key(cx)?)),
    fixed("genCAWithKey", &[Param::Str, Param::Int, Param::Str], RESULT, |cx, a| authority(cx, a, given_key(a, 2)?)),
    fixed("genPrivateKey", &[Param::Str], Param::Str, gen_private_key),
    fixed("genSelfSignedCert", &[Param::Str, Param::AnyList, Param::AnyList, Param::Int], RESULT, |cx, a| {
        self_signed(cx, a, new_key(cx)?)
    }),
    fixed(
        "genSelfSignedCertWithKey",
        &[Param::Str, Param::AnyList, Param::AnyList, Param::Int, Param::Str],
        RESULT,
        |cx, a| self_signed(cx, a, given_key(a, 4)?),
    ),
    fixed(
        "genSignedCert",
        &[Param::Str, Param::AnyList, Param::AnyList, Param::Int, Param::Certificate],
        RESULT,
        |cx, a| signed(cx, a, new_key(cx)?),
    ),
    fixed(
        "genSignedCertWithKey",
        &[Param::Str, Param::AnyList, Param::AnyList, Param::Int, Param::Certificate, Param::Str],
        RESULT,
        |cx, a| signed(cx, a, given_key(a, 5)?),
    ),
];

/// The size of the RSA keys that belong to certificates.
const CERTIFICATE_KEY_BITS: usize = 2048;

/// The size of `genPrivateKey "rsa"`.
const PRIVATE_KEY_BITS: usize = 4096;

fn error(text: impl Into<String>) -> FuncError {
    FuncError::error(text)
}

fn new_key(cx: &Cx<'_>) -> Result<PrivateKey, FuncError> {
    PrivateKey::rsa(cx.host, CERTIFICATE_KEY_BITS).map_err(|e| error(format!("error generating rsa key: {e}")))
}

fn given_key(args: &[Value], index: usize) -> Result<PrivateKey, FuncError> {
    PrivateKey::from_pem(bytes(args, index)).map_err(|e| error(format!("parsing private key: {e}")))
}

fn gen_private_key(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let key = match bytes(args, 0) {
        b"" | b"rsa" => PrivateKey::rsa(cx.host, PRIVATE_KEY_BITS),
        b"dsa" => Ok(PrivateKey::dsa(cx.host)),
        b"ecdsa" => Ok(PrivateKey::ecdsa(cx.host)),
        b"ed25519" => Ok(PrivateKey::ed25519(cx.host)),
        other => return Ok(Value::str([b"Unknown type ", other].concat())),
    };
    // What goes wrong is text, too.
    let text = key.and_then(|key| key.to_pem()).unwrap_or_else(|e| format!("failed to generate private key: {e}"));
    Ok(Value::str(text))
}

fn build_custom_cert(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let cert = decode_base64_text(bytes(args, 0)).map_err(|_| error("unable to decode base64 certificate"))?;
    let key = decode_base64_text(bytes(args, 1)).map_err(|_| error("unable to decode base64 private key"))?;
    let block = decode_pem(&cert).ok_or_else(|| error("unable to decode certificate"))?;
    check_certificate(&block.data).map_err(|e| error(format!("error parsing certificate: decodedCert.Bytes: {e}")))?;
    PrivateKey::from_pem(&key).map_err(|e| error(format!("error parsing private key: {e}")))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(CertificateObject { cert: text(&cert), key: text(&key) }.value())
}

fn authority(cx: &Cx<'_>, args: &[Value], key: PrivateKey) -> FuncResult {
    let request = Request { is_ca: true, ..request(cx, bytes(args, 0), Vec::new(), Vec::new(), int(args, 1)) };
    issue(cx, &request, &key, None)
}

fn self_signed(cx: &Cx<'_>, args: &[Value], key: PrivateKey) -> FuncResult {
    issue(cx, &leaf_request(cx, args)?, &key, None)
}

fn signed(cx: &Cx<'_>, args: &[Value], key: PrivateKey) -> FuncResult {
    let Some(Value::Object(object)) = args.get(4) else {
        return Err(error("unable to decode certificate"));
    };
    let Some(ca) = object.as_any().downcast_ref::<CertificateObject>() else {
        return Err(error("unable to decode certificate"));
    };
    let block = decode_pem(ca.cert.as_bytes()).ok_or_else(|| error("unable to decode certificate"))?;
    let parsing = |e| error(format!("error parsing certificate: decodedSignerCert.Bytes: {e}"));
    check_certificate(&block.data).map_err(parsing)?;
    let ca_key =
        PrivateKey::from_pem(ca.key.as_bytes()).map_err(|e| error(format!("error parsing private key: {e}")))?;
    let request = leaf_request(cx, args)?;
    let parent = Parent::read(&block.data, ca_key).map_err(parsing)?;
    issue(cx, &request, &key, Some(&parent))
}

fn issue(cx: &Cx<'_>, request: &Request, key: &PrivateKey, parent: Option<&Parent>) -> FuncResult {
    let certificate = request
        .issue(key, parent, cx.host, cx.compat)
        .map_err(|e| error(format!("error creating certificate: {e}")))?;
    Ok(certificate.value())
}

/// Name, addresses, DNS names and days, the way all leaves take them.
fn leaf_request(cx: &Cx<'_>, args: &[Value]) -> Result<Request, FuncError> {
    let no_text = |what: &str, value: &Value| {
        let mut text = Vec::new();
        append_value(&mut text, value, cx.compat)?;
        Err(error(format!("{what}: {} is not a string", String::from_utf8_lossy(&text))))
    };
    let mut ips = Vec::new();
    for value in items(args, 1) {
        let Some(text) = value.as_bytes() else { return no_text("error parsing ip", value) };
        let text = String::from_utf8_lossy(text);
        let ip: IpAddr = text.parse().map_err(|_| error(format!("error parsing ip: {text}")))?;
        ips.push(ip);
    }
    let mut dns_names = Vec::new();
    for value in items(args, 2) {
        match value.as_bytes() {
            Some(text) => dns_names.push(text.to_vec()),
            None => return no_text("error processing alternate dns name", value),
        }
    }
    Ok(request(cx, bytes(args, 0), ips, dns_names, int(args, 3)))
}

fn items(args: &[Value], index: usize) -> &[Value] {
    args.get(index).and_then(Value::as_list).map(List::as_slice).unwrap_or_default()
}

fn request(cx: &Cx<'_>, name: &[u8], ips: Vec<IpAddr>, dns_names: Vec<Vec<u8>>, days: i64) -> Request {
    const DAY: i64 = 86_400 * 1_000_000_000;
    let not_before = Time::from_unix_nanos(cx.host.now_unix_nanos());
    // Go's durations wrap round.
    let not_after = not_before.add(Duration::from_nanos(DAY.wrapping_mul(days)));
    Request { common_name: name.to_vec(), ips, dns_names, not_before, not_after, is_ca: false }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, seeded};
    use super::*;

    fn text(value: &Value, field: &[u8]) -> String {
        let Value::Object(object) = value else { panic!("no certificate") };
        String::from_utf8(object.field(field).unwrap().as_bytes().unwrap().to_vec()).unwrap()
    }

    fn key(kind: &str) -> Value {
        call(FUNCS, "genPrivateKey", &[Value::str(kind)], &seeded(1)).unwrap()
    }

    #[test]
    fn chains_of_given_keys() {
        for kind in ["ecdsa", "ed25519"] {
            let host = seeded(2);
            let ca = call(FUNCS, "genCAWithKey", &[Value::str("ca"), Value::int(10), key(kind)], &host).unwrap();
            let args = [
                Value::str("leaf.example"),
                Value::list(vec![Value::str("127.0.0.1"), Value::str("::1")]),
                Value::list(vec![Value::str("*.example")]),
                Value::int(5),
                ca.clone(),
                key(kind),
            ];
            let leaf = call(FUNCS, "genSignedCertWithKey", &args, &host).unwrap();
            let block = decode_pem(text(&leaf, b"Cert").as_bytes()).unwrap();
            assert_eq!(block.label, "CERTIFICATE");
            check_certificate(&block.data).unwrap();
            PrivateKey::from_pem(text(&leaf, b"Key").as_bytes()).unwrap();
        }
    }

    #[test]
    fn a_seed_repeats() {
        let make = |seed| {
            let args = [Value::str("a"), Value::list(vec![]), Value::list(vec![]), Value::int(1), key("ecdsa")];
            text(&call(FUNCS, "genSelfSignedCertWithKey", &args, &seeded(seed)).unwrap(), b"Cert")
        };
        assert_eq!(make(4), make(4));
        assert_ne!(make(4), make(5));
    }

    #[test]
    fn refusals() {
        let host = seeded(1);
        let error = |name: &str, args: &[Value]| match call(FUNCS, name, args, &host) {
            Err(FuncError::Error(text)) => text,
            other => panic!("{other:?}"),
        };
        let ca = |key: &str| [Value::str("ca"), Value::int(1), Value::str(key)];
        assert_eq!(error("genCAWithKey", &ca("")), "parsing private key: no PEM data in input");
        let public = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        assert_eq!(
            error("genCAWithKey", &ca(public)),
            "parsing private key: no private key data in PEM block of type PUBLIC KEY"
        );
        let mut args =
            vec![Value::str("a"), Value::list(vec![Value::str("1.2.3")]), Value::list(vec![]), Value::int(1)];
        args.push(key("ed25519"));
        assert_eq!(error("genSelfSignedCertWithKey", &args), "error parsing ip: 1.2.3");
        assert_eq!(error("buildCustomCert", &[Value::str("!"), Value::str("")]), "unable to decode base64 certificate");
    }
}
