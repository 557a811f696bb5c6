//! What kind of file somebody gave instead of a packed chart: the content
//! types that Go's `net/http` tells apart, for one error text.

/// How much of the file is looked at; a shorter one counts as padded with
/// zeros.
const WINDOW: usize = 512;

const HTML: [&str; 17] = [
    "<!DOCTYPE HTML",
    "<HTML",
    "<HEAD",
    "<SCRIPT",
    "<IFRAME",
    "<H1",
    "<DIV",
    "<FONT",
    "<TABLE",
    "<A",
    "<STYLE",
    "<TITLE",
    "<B",
    "<BODY",
    "<BR",
    "<P",
    "<!--",
];

/// Beginnings and what they mean, in the order in which they are tried.
const BEGINNINGS: [(&[u8], &str); 32] = [
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\xFE\xFF", "text/plain; charset=utf-16be"),
    (b"\xFF\xFE", "text/plain; charset=utf-16le"),
    (b"\xEF\xBB\xBF", "text/plain; charset=utf-8"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"\x00\x00\x02\x00", "image/x-icon"),
    (b"BM", "image/bmp"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"RIFF....WEBPVP", "image/webp"),
    (b"\x89PNG\r\n\x1A\n", "image/png"),
    (b"\xFF\xD8\xFF", "image/jpeg"),
    (b"FORM....AIFF", "audio/aiff"),
    (b"ID3", "audio/mpeg"),
    (b"OggS\x00", "application/ogg"),
    (b"MThd\x00\x00\x00\x06", "audio/midi"),
    (b"RIFF....AVI ", "video/avi"),
    (b"RIFF....WAVE", "audio/wave"),
    (b"....ftypmp4", "video/mp4"),
    (b"\x1A\x45\xDF\xA3", "video/webm"),
    (b"..................................LP", "application/vnd.ms-fontobject"),
    (b"\x00\x01\x00\x00", "font/ttf"),
    (b"OTTO", "font/otf"),
    (b"ttcf", "font/collection"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\x1F\x8B\x08", "application/x-gzip"),
    (b"PK\x03\x04", "application/zip"),
    (b"Rar!\x1A\x07\x00", "application/x-rar-compressed"),
    (b"Rar!\x1A\x07\x01\x00", "application/x-rar-compressed"),
    (b"\x00asm", "application/wasm"),
];

/// The content type of a file's beginning.
pub(super) fn content_type(content: &[u8]) -> &'static str {
    let mut window = [0u8; WINDOW];
    let size = content.len().min(WINDOW);
    window[..size].copy_from_slice(&content[..size]);
    let space = |b: &&u8| matches!(b, b'\t' | b'\n' | b'\x0C' | b'\r' | b' ');
    let text = &window[window.iter().take_while(space).count()..];
    if HTML.iter().any(|tag| is_tag(text, tag.as_bytes())) {
        return "text/html; charset=utf-8";
    }
    if text.starts_with(b"<?xml") {
        return "text/xml; charset=utf-8";
    }
    let found = BEGINNINGS
        .iter()
        .find(|(beginning, _)| beginning.iter().zip(&window).all(|(want, have)| *want == b'.' || want == have));
    if let Some((_, content_type)) = found {
        return content_type;
    }
    let binary = |b: &u8| matches!(b, 0..=8 | 0x0B | 0x0E..=0x1A | 0x1C..=0x1F);
    if text.iter().any(binary) { "application/octet-stream" } else { "text/plain; charset=utf-8" }
}

/// Whether an HTML tag stands at the beginning, in any case, and ends there.
fn is_tag(text: &[u8], tag: &[u8]) -> bool {
    text.len() > tag.len() && text[..tag.len()].eq_ignore_ascii_case(tag) && matches!(text[tag.len()], b' ' | b'>')
}

#[cfg(test)]
mod tests {
    use super::content_type;

    #[test]
    fn kinds() {
        assert_eq!(content_type(b"short text"), "application/octet-stream");
        assert_eq!(content_type("long text ".repeat(60).as_bytes()), "text/plain; charset=utf-8");
        assert_eq!(content_type(b"PK\x03\x04abc"), "application/zip");
        assert_eq!(content_type(b"  <html>"), "text/html; charset=utf-8");
        assert_eq!(content_type(b""), "application/octet-stream");
    }
}
