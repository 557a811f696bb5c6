//! `.Files`: the chart's other files, as templates see them.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use templates_compat::func::Param;
use templates_compat::value::{Elem, Method};
use templates_compat::{Compat, Cx, FuncError, FuncResult, GoType, List, Map, Object, Str, Value};

use crate::chart::File;
use crate::glob::Glob;
use crate::go_path::base;

/// A set of files by path.
#[derive(Debug, Clone, Default)]
pub struct Files(BTreeMap<String, Arc<[u8]>>);

impl Files {
    /// The files of a chart; of two with one name the last.
    pub fn new(files: &[File]) -> Self {
        Files(files.iter().map(|f| (f.name.clone(), f.data.clone())).collect())
    }

    /// The content of a file; empty if there is none.
    pub fn get(&self, path: &str) -> &[u8] {
        self.0.get(path).map_or(&[], |data| data)
    }

    /// The files that fit a pattern; a wrong pattern fits all.
    pub fn glob(&self, pattern: &str) -> Files {
        match Glob::compile(pattern) {
            Ok(glob) => {
                Files(self.0.iter().filter(|(k, _)| glob.matches(k)).map(|(k, v)| (k.clone(), v.clone())).collect())
            }
            Err(_) => self.clone(),
        }
    }

    /// The lines of a file; the last newline ends a line, it begins none.
    pub fn lines(&self, path: &str) -> Vec<&[u8]> {
        let data = self.get(path);
        if data.is_empty() {
            return Vec::new();
        }
        data.strip_suffix(b"\n").unwrap_or(data).split(|b| *b == b'\n').collect()
    }

    /// The files by the last element of their paths, through `encode`, as YAML.
    fn to_config(&self, encode: fn(&[u8]) -> Value, compat: Compat) -> Value {
        let map: Map = self.0.iter().map(|(k, v)| (Str::from(base(k)), encode(v))).collect();
        let map = map.with_type(templates_compat::value::MapType::String);
        let mut text = templates_compat::yaml::write(&Value::Map(map), compat).unwrap_or_default();
        if text.last() == Some(&b'\n') {
            text.pop();
        }
        Value::str(text)
    }
}

fn bytes(data: &Arc<[u8]>) -> Value {
    Value::List(List::of_bytes(data.clone()))
}

fn base64(data: &[u8]) -> Value {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::with_capacity(data.len().div_ceil(3) * 4);
    for chunk in data.chunks(3) {
        let [a, b, c] = [0, 1, 2].map(|i| u32::from(chunk.get(i).copied().unwrap_or_default()));
        let bits = a << 16 | b << 8 | c;
        for (i, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let sextet = (bits >> shift) as usize & 63;
            out.push(if i <= chunk.len() { ALPHABET[sextet] } else { b'=' });
        }
    }
    Value::str(out)
}

fn receiver(object: &dyn Object) -> Result<&Files, FuncError> {
    object.as_any().downcast_ref().ok_or_else(|| FuncError::error("not a set of files"))
}

fn argument(args: &[Value]) -> Cow<'_, str> {
    args.first().and_then(Value::as_bytes).map(String::from_utf8_lossy).unwrap_or_default()
}

fn call_get(_: &Cx<'_>, files: &dyn Object, args: &mut [Value]) -> FuncResult {
    Ok(Value::str(receiver(files)?.get(&argument(args))))
}

fn call_get_bytes(_: &Cx<'_>, files: &dyn Object, args: &mut [Value]) -> FuncResult {
    let data = receiver(files)?.0.get(&*argument(args));
    Ok(Value::List(List::of_bytes(data.cloned().unwrap_or_default())))
}

fn call_glob(_: &Cx<'_>, files: &dyn Object, args: &mut [Value]) -> FuncResult {
    Ok(Value::Object(Arc::new(receiver(files)?.glob(&argument(args)))))
}

fn call_lines(_: &Cx<'_>, files: &dyn Object, args: &mut [Value]) -> FuncResult {
    Ok(Value::strings(receiver(files)?.lines(&argument(args)).into_iter().map(Str::from)))
}

fn call_as_config(cx: &Cx<'_>, files: &dyn Object, _: &mut [Value]) -> FuncResult {
    Ok(receiver(files)?.to_config(|data| Value::str(data), cx.compat))
}

fn call_as_secrets(cx: &Cx<'_>, files: &dyn Object, _: &mut [Value]) -> FuncResult {
    Ok(receiver(files)?.to_config(base64, cx.compat))
}

impl Object for Files {
    fn type_name(&self, _: Compat) -> Cow<'static, str> {
        Cow::Borrowed("engine.files")
    }

    fn kind(&self) -> GoType {
        GoType::Map
    }

    fn map_get(&self, key: &[u8]) -> Option<Value> {
        self.0.get(std::str::from_utf8(key).ok()?).map(bytes)
    }

    fn map_zero(&self) -> Value {
        Value::List(List::nil(Elem::Byte))
    }

    fn map_entries(&self) -> Vec<(Str, Value)> {
        self.0.iter().map(|(k, v)| (Str::from(k.as_str()), bytes(v))).collect()
    }

    fn to_json_value(&self) -> Option<Value> {
        Some(Value::Map(self.map_entries().into_iter().collect()))
    }

    fn method(&self, name: &[u8]) -> Option<Method> {
        let method = |params, result, call| Some(Method { params, variadic: false, result, call });
        match name {
            b"Get" => method(&[Param::Str], Param::Str, call_get),
            b"GetBytes" => method(&[Param::Str], Param::Any, call_get_bytes),
            b"Glob" => method(&[Param::Str], Param::Any, call_glob),
            b"Lines" => method(&[Param::Str], Param::StrList, call_lines),
            b"AsConfig" => method(&[], Param::Str, call_as_config),
            b"AsSecrets" => method(&[], Param::Str, call_as_secrets),
            _ => None,
        }
    }

    fn truth(&self) -> bool {
        !self.0.is_empty()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents() {
        let files = Files::new(&[File::new("a/x.txt", &b"1\n2\n"[..]), File::new("b.txt", &b"z"[..])]);
        assert_eq!(files.lines("a/x.txt"), [b"1", b"2"]);
        assert_eq!(files.get("none"), b"");
        assert_eq!(files.glob("*.txt").0.len(), 1);
        assert_eq!(files.glob("**.txt").0.len(), 2);
        assert_eq!(files.glob("[a-zA-Z]").0.len(), 2);
    }

    #[test]
    fn base64_pads() {
        for (data, want) in [(&b""[..], ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v")] {
            assert_eq!(base64(data).as_bytes().unwrap(), want.as_bytes());
        }
    }
}
