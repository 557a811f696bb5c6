//! Slash-separated paths: `base`, `dir`, `clean`, `ext`, `isAbs`, and the
//! same for the operating system, which is one with slashes here.

use super::args::{Body, bytes, fixed, text};
use crate::func::{Func, Param};
use crate::value::Value;

const STR: &[Param] = &[Param::Str];

pub(crate) const FUNCS: &[Func] = &[
    fixed("base", STR, Param::Str, BASE),
    fixed("osBase", STR, Param::Str, BASE),
    fixed("dir", STR, Param::Str, DIR),
    fixed("osDir", STR, Param::Str, DIR),
    fixed("clean", STR, Param::Str, CLEAN),
    fixed("osClean", STR, Param::Str, CLEAN),
    fixed("ext", STR, Param::Str, EXT),
    fixed("osExt", STR, Param::Str, EXT),
    fixed("isAbs", STR, Param::Bool, IS_ABS),
    fixed("osIsAbs", STR, Param::Bool, IS_ABS),
];

const BASE: Body = |_, a| text(base(bytes(a, 0)).to_vec());
const DIR: Body = |_, a| text(clean(directory(bytes(a, 0))));
const CLEAN: Body = |_, a| text(clean(bytes(a, 0)));
const EXT: Body = |_, a| text(extension(bytes(a, 0)).to_vec());
const IS_ABS: Body = |_, a| Ok(Value::Bool(bytes(a, 0).starts_with(b"/")));

fn base(path: &[u8]) -> &[u8] {
    if path.is_empty() {
        return b".";
    }
    let end = path.iter().rposition(|&b| b != b'/').map_or(0, |at| at + 1);
    let name = &path[..end];
    let start = name.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1);
    if name.is_empty() { b"/" } else { &name[start..] }
}

fn directory(path: &[u8]) -> &[u8] {
    &path[..path.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1)]
}

fn extension(path: &[u8]) -> &[u8] {
    let name = &path[directory(path).len()..];
    name.iter().rposition(|&b| b == b'.').map_or(b"", |at| &name[at..])
}

fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|&last| last != b"..") => {
                parts.pop();
            }
            b".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", &joined[..]].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans() {
        for (path, want) in [
            ("", "."),
            ("/", "/"),
            ("a//b/./c/..", "a/b"),
            ("/../a", "/a"),
            ("../../a", "../../a"),
            ("a/../..", ".."),
            ("./", "."),
        ] {
            assert_eq!(clean(path.as_bytes()), want.as_bytes(), "{path}");
        }
    }

    #[test]
    fn parts() {
        assert_eq!(base(b"/a/b/"), b"b");
        assert_eq!(base(b"///"), b"/");
        assert_eq!(base(b""), b".");
        assert_eq!(clean(directory(b"/a/b/")), b"/a/b");
        assert_eq!(clean(directory(b"a")), b".");
        assert_eq!(extension(b"/a.b/c"), b"");
        assert_eq!(extension(b"c.tar.gz"), b".gz");
    }
}
