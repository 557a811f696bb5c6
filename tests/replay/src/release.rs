//! A release record is decoded, as a whole and as its head; what was decoded is
//! encoded, and decoded again as the same.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::release::codec;
use templates_compat::Compat;

/// The body of the target. Bytes that begin with `{` or as gzip stand for the
/// record that has them inside.
pub fn release(data: &[u8]) {
    let packed;
    let data = if data.starts_with(b"{") || data.starts_with(b"\x1f\x8b") {
        packed = STANDARD.encode(data).into_bytes();
        &packed
    } else {
        data
    };
    let head = codec::decode_head(data);
    let Ok(release) = codec::decode(data) else { return };
    if let Ok(head) = head {
        assert_eq!((head.name, head.version), (release.name.clone(), release.version));
    }
    for compat in [Compat::Helm3, Compat::Helm4] {
        let Ok(text) = codec::encode(&release, compat) else { continue };
        let again = codec::decode(text.as_bytes()).unwrap_or_else(|e| panic!("{e} in what was encoded"));
        let (one, two) = (codec::to_json_of(&release, compat), codec::to_json_of(&again, compat));
        assert_eq!(one.ok(), two.ok(), "after encode and decode");
    }
}
