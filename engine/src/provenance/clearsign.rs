//! The form of a provenance file: a clear-signed message (RFC 9580, 7). Owns
//! where its parts are; not what they are worth.

const BEGIN: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const END: &[u8] = b"-----END PGP SIGNATURE-----";

/// The hashes that a header may name. Which one counts is in the signature.
const HASHES: [&str; 9] = ["MD5", "SHA1", "RIPEMD160", "SHA224", "SHA256", "SHA384", "SHA512", "SHA3-256", "SHA3-512"];

/// A message and its signature.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    /// As people read it.
    pub(super) text: Vec<u8>,
    /// As it was signed: lines end with CR and LF.
    pub(super) signed: Vec<u8>,
    /// The signature in its armor.
    pub(super) signature: &'a [u8],
}

/// The first message in some text, which may stand before and after it.
pub(super) fn decode(data: &[u8]) -> Option<Message<'_>> {
    let mut rest = after_line(data, BEGIN)?;
    loop {
        let (line, after) = line(rest)?;
        rest = after;
        if line.trim_ascii().is_empty() {
            break;
        }
        if !is_header(line) {
            return None;
        }
    }
    let (mut text, mut signed) = (Vec::new(), Vec::new());
    loop {
        let (line, after) = line(rest)?;
        if line == SIGNATURE {
            break;
        }
        rest = after;
        if !text.is_empty() {
            signed.extend_from_slice(b"\r\n");
        }
        // A line that begins with a dash has another before it.
        let line = line.strip_prefix(b"- ").unwrap_or(line);
        let end = line.iter().rposition(|b| !matches!(b, b' ' | b'\t')).map_or(0, |last| last + 1);
        let line = line.get(..end).unwrap_or_default();
        signed.extend_from_slice(line);
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.pop();
    let end = position(rest, END).filter(|at| *at > 0 && rest.get(at - 1) == Some(&b'\n'))? + END.len();
    Some(Message { text, signed, signature: rest.get(..end)? })
}

/// What follows the line that has exactly these words.
fn after_line<'a>(data: &'a [u8], words: &[u8]) -> Option<&'a [u8]> {
    let mut from = 0;
    loop {
        let at = from + position(data.get(from..)?, words)?;
        let after = data.get(at + words.len()..)?;
        if at == 0 || data.get(at - 1) == Some(&b'\n') {
            let (suffix, rest) = line(after)?;
            return suffix.is_empty().then_some(rest);
        }
        from = at + words.len();
    }
}

fn position(data: &[u8], words: &[u8]) -> Option<usize> {
    data.windows(words.len()).position(|window| window == words)
}

/// The first line, without its end, and the rest; `None` at the end.
fn line(data: &[u8]) -> Option<(&[u8], &[u8])> {
    if data.is_empty() {
        return None;
    }
    let Some(end) = data.iter().position(|b| *b == b'\n') else { return Some((data, &[])) };
    let line = data.get(..end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), data.get(end + 1..)?))
}

/// `Hash: SHA512, …`: no other header is allowed.
fn is_header(line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(line) else { return false };
    let printable = line.chars().all(|c| matches!(c, ' '..='~'));
    let known = |value: &str| HASHES.contains(&value.trim().to_ascii_uppercase().as_str());
    match line.split_once(':') {
        Some((key, values)) => printable && key.trim() == "Hash" && values.split(',').all(known),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "before\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nname: a \t\n- - b\n\n...\nfiles:\n\
                           -----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\nafter\n";

    #[test]
    fn a_message_has_three_parts() {
        let message = decode(MESSAGE.as_bytes()).unwrap();
        assert_eq!(message.text, b"name: a\n- b\n\n...\nfiles:");
        assert_eq!(message.signed, b"name: a\r\n- b\r\n\r\n...\r\nfiles:");
        assert!(message.signature.starts_with(SIGNATURE) && message.signature.ends_with(END));
        let windows = MESSAGE.replace('\n', "\r\n");
        assert_eq!(decode(windows.as_bytes()).unwrap().signed, message.signed);
    }

    #[test]
    fn what_is_no_message_has_none() {
        for (from, to) in [
            ("SIGNED MESSAGE-----", "SIGNED MESSAGE----- x"),
            ("Hash: SHA512", "Comment: x"),
            ("Hash: SHA512", "Hash: SHA9"),
            ("-----BEGIN PGP SIGNATURE-----", "-----BEGIN PGP SIGNATURE---"),
            ("-----END PGP SIGNATURE-----", ""),
        ] {
            assert_eq!(decode(MESSAGE.replace(from, to).as_bytes()), None, "{to}");
        }
        assert_eq!(decode(b""), None);
    }
}
