//! `urlParse` and `urlJoin`.

use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::neturl::Url;
use crate::value::{Map, Value};

pub(crate) const FUNCS: &[Func] = &[
    Func { name: "urlJoin", params: &[Param::Map], variadic: false, result: Param::Str, call: url_join },
    Func { name: "urlParse", params: &[Param::Str], variadic: false, result: Param::Map, call: url_parse },
];

fn url_parse(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let text = args.first().and_then(Value::as_bytes).unwrap_or_default();
    let url = Url::parse(text, cx.compat).map_err(|e| FuncError::panic(format!("unable to parse url: {e}")))?;
    let map = Map::new();
    map.insert("hostname", Value::str(url.hostname()));
    map.insert("userinfo", Value::str(url.user.map(|user| user.text()).unwrap_or_default()));
    map.insert("scheme", Value::str(url.scheme));
    map.insert("host", Value::str(url.host));
    map.insert("path", Value::str(url.path));
    map.insert("query", Value::str(url.raw_query));
    map.insert("opaque", Value::str(url.opaque));
    map.insert("fragment", Value::str(url.fragment));
    Ok(Value::Map(map))
}

fn url_join(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let empty = Map::new();
    let map = args.first().and_then(Value::as_map).unwrap_or(&empty);
    let mut url = Url {
        scheme: part(map, "scheme")?,
        host: part(map, "host")?,
        path: part(map, "path")?,
        raw_query: part(map, "query")?,
        opaque: part(map, "opaque")?,
        fragment: part(map, "fragment")?,
        user: None,
    };
    let user = part(map, "userinfo")?;
    if !user.is_empty() {
        let text = [b"proto://", user.as_slice(), b"@host"].concat();
        let parsed = Url::parse(&text, cx.compat)
            .map_err(|e| FuncError::panic(format!("unable to parse userinfo in dict: {e}")))?;
        url.user = parsed.user;
    }
    Ok(Value::str(url.text()))
}

/// A text of the map, empty when the key is not there.
fn part(map: &Map, key: &str) -> Result<Vec<u8>, FuncError> {
    match map.get(key.as_bytes()) {
        None => Ok(Vec::new()),
        Some(Value::Str(text)) => Ok(text.as_bytes().to_vec()),
        Some(Value::Nil) => Err(FuncError::panic("runtime error: invalid memory address or nil pointer dereference")),
        Some(other) => Err(FuncError::panic(format!(
            "unable to parse {key} key, must be of type string, but {} found",
            other.kind().name()
        ))),
    }
}
