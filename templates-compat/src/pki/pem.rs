//! PEM: DER in base64 between two marked lines.

use crate::funcs::encoding::{base64, decode_base64_text};

/// One block.
pub(crate) struct Block {
    /// The words after `BEGIN`.
    pub(crate) label: String,
    /// The DER.
    pub(crate) data: Vec<u8>,
}

const LINE: usize = 64;

impl Block {
    /// The text, with a newline at the end.
    pub(crate) fn text(&self) -> String {
        let mut out = format!("-----BEGIN {}-----\n", self.label);
        for line in base64(&self.data).chunks(LINE) {
            out.push_str(&String::from_utf8_lossy(line));
            out.push('\n');
        }
        out.push_str(&format!("-----END {}-----\n", self.label));
        out
    }
}

/// The first block of a text, if there is a whole one.
pub(crate) fn decode(text: &[u8]) -> Option<Block> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(label) = marked(line, "-----BEGIN ") else { continue };
        let mut body = String::new();
        let mut in_headers = true;
        for line in lines.by_ref() {
            if let Some(end) = marked(line, "-----END ") {
                if end != label {
                    break;
                }
                let data = decode_base64_text(body.as_bytes()).ok()?;
                return Some(Block { label: label.to_string(), data });
            }
            // `Proc-Type: …` and its like end with an empty line.
            in_headers = in_headers && (line.contains(':') || line.trim().is_empty());
            if !in_headers {
                body.extend(line.split_whitespace());
            }
        }
    }
    None
}

fn marked<'l>(line: &'l str, mark: &str) -> Option<&'l str> {
    line.trim_end().strip_prefix(mark)?.strip_suffix("-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back() {
        let block = Block { label: "EC PRIVATE KEY".into(), data: (0..=200).collect() };
        let text = format!("before\n{}after", block.text());
        let read = decode(text.as_bytes()).unwrap();
        assert_eq!((read.label, read.data), (block.label, block.data));
        assert!(decode(b"-----BEGIN A-----\nAAAA\n-----END B-----\n").is_none());
        assert!(decode(b"").is_none());
    }
}
