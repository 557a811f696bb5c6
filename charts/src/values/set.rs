//! The language of `--set`, `--set-string`, `--set-file`, `--set-json` and
//! `--set-literal`: `name=value,outer.inner=value,list[0].name=value`.

use templates_compat::{Compat, Map, Value, json};

use crate::go_text::quote;

/// The largest index that a list may be given.
const MAX_INDEX: i64 = 65536;
/// How deep a name may go with dots.
const MAX_NESTED_NAME_LEVEL: usize = 30;
/// How deep a name may go in all, lists of lists included.
const MAX_DEPTH: usize = 500;

/// Which option a text was given to.
pub enum SetKind<'a> {
    /// `--set`: `true`, `null`, integers and lists are recognised.
    Set,
    /// `--set-string`: every value is a string.
    String,
    /// `--set-json`: values are JSON.
    Json,
    /// `--set-literal`: everything after `=` is one string.
    Literal,
    /// `--set-file`: the value is what the function gives for it.
    File(&'a mut dyn FnMut(&str) -> Result<Value, String>),
}

/// Reads `text` and sets what it says in `dest`, over what is there.
///
/// # Errors
/// Helm's text, such as `key "a" has no value`.
pub fn parse_into(text: &str, dest: &Map, kind: SetKind<'_>, compat: Compat) -> Result<(), String> {
    let mut parser = Parser { chars: text.chars().collect(), at: 0, kind, compat };
    loop {
        match parser.key(dest, 0, 0) {
            Ok(()) => {}
            Err(Stop::End) => return Ok(()),
            Err(Stop::Error(text)) => return Err(text),
        }
    }
}

/// Why a step did not go on.
enum Stop {
    /// The text is at its end (which may be fine).
    End,
    Error(String),
}

impl From<String> for Stop {
    fn from(text: String) -> Self {
        Stop::Error(text)
    }
}

struct Parser<'a> {
    chars: Vec<char>,
    at: usize,
    kind: SetKind<'a>,
    compat: Compat,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.get(self.at).copied()?;
        self.at += 1;
        Some(c)
    }

    /// The text before the first of `stops`, and which one it was; none at the
    /// end. A backslash takes the next character as it is.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let escapes = !matches!(self.kind, SetKind::Literal);
        let mut text = String::new();
        while let Some(c) = self.next() {
            if stops.contains(&c) {
                return (text, Some(c));
            }
            if c == '\\' && escapes {
                match self.next() {
                    Some(escaped) => text.push(escaped),
                    None => return (text, None),
                }
            } else {
                text.push(c);
            }
        }
        (text, None)
    }

    fn quote(&self, text: &str) -> String {
        quote(text, self.compat)
    }

    /// Go's text for a value that is not what the key's form says.
    fn conversion(&self, value: &Value, wanted: &str) -> Stop {
        let have = if value.is_nil() { "nil".into() } else { value.type_name(self.compat) };
        Stop::Error(format!("unable to parse key: interface conversion: interface {{}} is {have}, not {wanted}"))
    }

    /// Reads one `key=value` into `data`.
    fn key(&mut self, data: &Map, level: usize, depth: usize) -> Result<(), Stop> {
        let stops: &[char] =
            if matches!(self.kind, SetKind::Literal) { &['=', '[', '.'] } else { &['=', '[', ',', '.'] };
        let (key, stop) = self.until(stops);
        match stop {
            None if key.is_empty() => Err(Stop::End),
            None => Err(Stop::Error(format!("key {} has no value", self.quote(&key)))),
            Some('[') => self.indexed_key(data, &key, level, depth),
            Some('=') => self.value_of_key(data, &key),
            Some('.') => self.nested_key(data, &key, level + 1, depth + 1),
            Some(_) => {
                set(data, &key, Value::str(""));
                Err(Stop::Error(format!("key {} has no value (cannot end with ,)", self.quote(&key))))
            }
        }
    }

    fn indexed_key(&mut self, data: &Map, key: &str, level: usize, depth: usize) -> Result<(), Stop> {
        let index = self.index()?;
        let mut list = match data.get(key.as_bytes()) {
            None => Vec::new(),
            Some(Value::List(l)) => l.iter().cloned().collect(),
            Some(other) => return Err(self.conversion(&other, "[]interface {}")),
        };
        let result = self.list_item(&mut list, index, level, depth + 1);
        // What panics in Go leaves the key alone.
        if !matches!(&result, Err(Stop::Error(text)) if text.starts_with("unable to parse key: ")) {
            set(data, key, Value::list(list));
        }
        result
    }

    fn nested_key(&mut self, data: &Map, key: &str, level: usize, depth: usize) -> Result<(), Stop> {
        if level > MAX_NESTED_NAME_LEVEL || depth > MAX_DEPTH {
            return Err(too_deep());
        }
        let inner = match data.get(key.as_bytes()) {
            None => Map::new(),
            Some(Value::Map(m)) => m,
            Some(other) => return Err(self.conversion(&other, "map[string]interface {}")),
        };
        let result = self.key(&inner, level, depth);
        if inner.is_empty() {
            if result.is_ok() {
                return Err(Stop::Error(format!("key map {} has no value", self.quote(key))));
            }
        } else {
            set(data, key, Value::Map(inner));
        }
        result
    }

    fn value_of_key(&mut self, data: &Map, key: &str) -> Result<(), Stop> {
        match self.value() {
            Ok(value) => set(data, key, value),
            Err(Stop::End) => {
                set(data, key, Value::str(""));
                return Err(Stop::End);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What stands after `=`; at the end of the text [`Stop::End`].
    fn value(&mut self) -> Result<Value, Stop> {
        match self.kind {
            SetKind::Json => self.json_value(),
            SetKind::Literal => Ok(Value::str(self.until(&[]).0)),
            _ => match self.next() {
                None => Err(Stop::End),
                Some('{') => self.braces(),
                Some(_) => {
                    self.at -= 1;
                    let (text, _) = self.until(&[',']);
                    self.typed(&text)
                }
            },
        }
    }

    /// `{a,b}` after its brace.
    fn braces(&mut self) -> Result<Value, Stop> {
        let mut items = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            match stop {
                None => return Err(Stop::Error("list must terminate with '}'".into())),
                Some('}') => {
                    if self.chars.get(self.at) == Some(&',') {
                        self.at += 1;
                    }
                    items.push(self.typed(&text)?);
                    return Ok(Value::list(items));
                }
                Some(_) => items.push(self.typed(&text)?),
            }
        }
    }

    fn json_value(&mut self) -> Result<Value, Stop> {
        if self.skip_empty() {
            return Ok(Value::Nil);
        }
        let rest: String = self.chars[self.at..].iter().collect();
        let extent = json_extent(&rest);
        let text = rest.get(..extent).unwrap_or_default();
        let value = json::read(text.as_bytes(), self.compat).map_err(|e| Stop::Error(e.to_string()))?;
        self.at += text.chars().count();
        self.skip_empty();
        Ok(value)
    }

    /// Skips spaces and one comma; whether there was nothing else.
    fn skip_empty(&mut self) -> bool {
        while let Some(c) = self.next() {
            if c == ',' {
                return true;
            }
            if !c.is_whitespace() {
                self.at -= 1;
                return false;
            }
        }
        true
    }

    fn typed(&mut self, text: &str) -> Result<Value, Stop> {
        match &mut self.kind {
            SetKind::Set => Ok(typed_value(text)),
            SetKind::File(read) => read(text).map_err(Stop::Error),
            _ => Ok(Value::str(text)),
        }
    }

    /// A list's index, up to and with its `]`.
    fn index(&mut self) -> Result<i64, Stop> {
        let (text, stop) = self.until(&[']']);
        let problem = if stop.is_none() {
            if self.compat.index_may_stay_open() {
                // Helm 4 takes the end of the text for a good one.
                return Err(Stop::End);
            }
            "EOF".to_string()
        } else {
            match text.parse::<i64>() {
                Ok(index) => return Ok(index),
                Err(e) => {
                    let out_of_range =
                        matches!(e.kind(), std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow);
                    let why = if out_of_range { "value out of range" } else { "invalid syntax" };
                    format!("strconv.Atoi: parsing {}: {why}", self.quote(&text))
                }
            }
        };
        Err(Stop::Error(format!("error parsing index: {problem}")))
    }

    /// What follows an index: `=value`, `[index]` or `.name`.
    fn list_item(&mut self, list: &mut Vec<Value>, index: i64, level: usize, depth: usize) -> Result<(), Stop> {
        if index < 0 {
            return Err(Stop::Error(format!("negative {index} index not allowed")));
        }
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        let (text, stop) = self.until(&['[', '.', '=']);
        if !text.is_empty() {
            let runes: Vec<String> = text.chars().map(|c| crate::go_text::quote_rune(c, self.compat)).collect();
            return Err(Stop::Error(format!("unexpected data at end of array index: [{}]", runes.join(" "))));
        }
        let old = usize::try_from(index).ok().and_then(|i| list.get(i)).cloned();
        match stop {
            None => Err(Stop::End),
            Some('=') => {
                let value = match self.value() {
                    Err(Stop::End) => Value::str(""),
                    other => other?,
                };
                set_index(list, index, value)
            }
            Some('[') => {
                let next = self.index()?;
                let mut inner = match old {
                    None | Some(Value::Nil) => Vec::new(),
                    Some(Value::List(l)) => l.iter().cloned().collect(),
                    Some(other) => return Err(self.conversion(&other, "[]interface {}")),
                };
                self.list_item(&mut inner, next, level, depth + 1)?;
                set_index(list, index, Value::list(inner))
            }
            Some(_) => {
                let inner = match old {
                    Some(Value::Map(m)) => m,
                    Some(_) => {
                        let fresh = Map::new();
                        set_index(list, index, Value::Map(fresh.clone()))?;
                        fresh
                    }
                    None => Map::new(),
                };
                self.key(&inner, level, depth + 1)?;
                set_index(list, index, Value::Map(inner))
            }
        }
    }
}

fn too_deep() -> Stop {
    Stop::Error(format!(
        "value name nested level is greater than maximum supported nested level of {MAX_NESTED_NAME_LEVEL}"
    ))
}

/// An empty key sets nothing.
fn set(data: &Map, key: &str, value: Value) {
    if !key.is_empty() {
        data.insert(key, value);
    }
}

fn set_index(list: &mut Vec<Value>, index: i64, value: Value) -> Result<(), Stop> {
    if index > MAX_INDEX {
        return Err(Stop::Error(format!("index of {index} is greater than maximum supported index of {MAX_INDEX}")));
    }
    let index = usize::try_from(index).unwrap_or_default();
    if list.len() <= index {
        list.resize(index + 1, Value::Nil);
    }
    list[index] = value;
    Ok(())
}

/// What `--set` takes a text for.
fn typed_value(text: &str) -> Value {
    if fold_equal(text, "true") {
        return Value::Bool(true);
    }
    if fold_equal(text, "false") {
        return Value::Bool(false);
    }
    if fold_equal(text, "null") {
        return Value::Nil;
    }
    if text == "0" {
        return Value::int64(0);
    }
    match text.parse::<i64>() {
        Ok(number) if !text.starts_with('0') => Value::int64(number),
        _ => Value::str(text),
    }
}

/// Equal without regard to case, by Unicode's simple folding (in which the
/// long s is an s).
fn fold_equal(text: &str, word: &str) -> bool {
    let fold = |c: char| if c == 'ſ' { 's' } else { c.to_ascii_lowercase() };
    text.chars().map(fold).eq(word.chars())
}

/// How many bytes the JSON value takes that stands at the beginning.
fn json_extent(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at = string_end(bytes, at + 1);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ if depth == 0 => {
                let scalar = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
                return at + bytes[at..].iter().take_while(|b| scalar(b)).count().max(1);
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The position after a string's closing quote.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_all(texts: &[&str]) -> Result<String, String> {
        let map = Map::new();
        for text in texts {
            parse_into(text, &map, SetKind::Set, Compat::Helm4)?;
        }
        Ok(format!("{map:?}"))
    }

    fn show(text: &str) -> String {
        set_all(&[text]).unwrap_or_else(|e| format!("error: {e}"))
    }

    #[test]
    fn scalars() {
        let int = |n: i64| format!("Int(Int {{ value: {n}, kind: Int64 }})");
        for (text, want) in [
            ("a=1", format!("{{\"a\": {}}}", int(1))),
            ("a=0", format!("{{\"a\": {}}}", int(0))),
            ("a=-5", format!("{{\"a\": {}}}", int(-5))),
            ("a=007", "{\"a\": Str(\"007\")}".into()),
            ("a=1.5", "{\"a\": Str(\"1.5\")}".into()),
            ("a=TRUE", "{\"a\": Bool(true)}".into()),
            ("a=null", "{\"a\": Nil}".into()),
            ("a=", "{\"a\": Str(\"\")}".into()),
            ("a\\.b=x\\,y", "{\"a.b\": Str(\"x,y\")}".into()),
            ("a.b=c", "{\"a\": Map({\"b\": Str(\"c\")})}".into()),
            ("=x", "{}".into()),
        ] {
            assert_eq!(show(text), want, "{text}");
        }
    }

    #[test]
    fn errors() {
        for (text, want) in [
            ("a", "key \"a\" has no value"),
            ("a=1,b", "key \"b\" has no value"),
            ("a,b=1", "key \"a\" has no value (cannot end with ,)"),
            ("a={x", "list must terminate with '}'"),
            ("a[x]=1", "error parsing index: strconv.Atoi: parsing \"x\": invalid syntax"),
            ("a[-1]=1", "negative -1 index not allowed"),
            ("a[65537]=1", "index of 65537 is greater than maximum supported index of 65536"),
            ("a[0]xy=1", "unexpected data at end of array index: ['x' 'y']"),
            ("a.=1", "key map \"a\" has no value"),
        ] {
            assert_eq!(show(text), format!("error: {want}"), "{text}");
        }
        assert_eq!(
            set_all(&["a=1", "a.b=2"]).unwrap_err(),
            "unable to parse key: interface conversion: interface {} is int64, not map[string]interface {}"
        );
        assert_eq!(
            set_all(&["a=x", "a[0]=2"]).unwrap_err(),
            "unable to parse key: interface conversion: interface {} is string, not []interface {}"
        );
        let map = Map::new();
        let unclosed = parse_into("a[1=1", &map, SetKind::Set, Compat::Helm3);
        assert_eq!(unclosed.unwrap_err(), "error parsing index: EOF");
        assert_eq!(parse_into("a[1=1", &map, SetKind::Set, Compat::Helm4), Ok(()));
        let deep = format!("{}=1", vec!["a"; 32].join("."));
        assert_eq!(show(&deep), "error: value name nested level is greater than maximum supported nested level of 30");
    }

    #[test]
    fn lists() {
        let map = Map::new();
        parse_into("l[2]=x,l[0].a=1,m={p,q},n[0][1]=z", &map, SetKind::String, Compat::Helm4).unwrap();
        let text = json::write(&Value::Map(map), &json::Options::default(), Compat::Helm4).unwrap();
        let want = r#"{"l":[{"a":"1"},null,"x"],"m":["p","q"],"n":[[null,"z"]]}"#;
        assert_eq!(String::from_utf8(text).unwrap(), want);
    }

    #[test]
    fn literal_takes_everything() {
        let map = Map::new();
        parse_into("a.b=x,y={\\z}", &map, SetKind::Literal, Compat::Helm4).unwrap();
        assert_eq!(format!("{map:?}"), "{\"a\": Map({\"b\": Str(\"x,y={\\\\z}\")})}");
    }

    #[test]
    fn deep_names_end() {
        let text = format!("a{}=1", "[0]".repeat(100_000));
        assert!(show(&text).starts_with("error: value name nested level"));
        let text = "a[0].".repeat(100_000);
        assert!(show(&text).starts_with("error: "));
    }

    #[test]
    fn extent_of_json() {
        for (text, want) in
            [("{\"a\":\"}\"},b=1", 9), ("12,b", 2), ("\"x,\\\"y\",b", 7), ("null", 4), ("[1,[2]] ,", 7), ("[1", 2)]
        {
            assert_eq!(json_extent(text), want, "{text}");
        }
    }
}
