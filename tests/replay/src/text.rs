//! The smaller languages, chosen by the first byte: JSON, TOML, patterns,
//! versions, formats, dates, durations, addresses, glob and ignore rules.

use charts::ignore::Rules;
use templates_compat::gotime::{Duration, Time, Zone};
use templates_compat::neturl::Url;
use templates_compat::regexp::Regexp;
use templates_compat::semver::{Constraints, Version};
use templates_compat::{Compat, Value, gofmt, json, toml};

/// The body of the target.
pub fn text(data: &[u8]) {
    let compat = if data.len() % 8 == 3 { Compat::Helm3 } else { Compat::Helm4 };
    let Some((&which, data)) = data.split_first() else { return };
    let (first, second) = match data.iter().position(|&b| b == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &data[data.len()..]),
    };
    match which {
        b'j' => read_json(data, compat),
        b't' => read_toml(data, compat),
        b'r' => pattern(first, second, compat),
        b'v' => version(first, second, compat),
        b'p' => format(first, second, compat),
        b'd' => date(first, second),
        b'u' => address(data, compat),
        b'g' => glob(first, second),
        _ => {}
    }
}

fn read_json(data: &[u8], compat: Compat) {
    let _ = json::read_partly(data, compat);
    let Ok(value) = json::read(data, compat) else { return };
    let Ok(text) = json::write(&value, &json::Options::default(), compat) else { return };
    let again = json::read(&text, compat).unwrap_or_else(|e| panic!("{e} in what was written"));
    assert_eq!(Some(text), json::write(&again, &json::Options::default(), compat).ok());
}

fn read_toml(data: &[u8], compat: Compat) {
    let Ok(map) = toml::read(data, compat) else { return };
    let _ = toml::write(&Value::Map(map), compat);
}

fn pattern(pattern: &[u8], text: &[u8], compat: Compat) {
    let Ok(regexp) = Regexp::compile(pattern, compat) else { return };
    assert_eq!(regexp.is_match(text), regexp.find_all(text, 1).is_some());
    let _ = regexp.find(text);
    let _ = regexp.find_all(text, -1);
    let _ = regexp.split(text, -1);
    let _ = regexp.replace_all(text, b"<$0${1}$x>");
    let _ = regexp.replace_all_literal(text, b"$0");
}

fn version(constraint: &[u8], text: &[u8], compat: Compat) {
    let constraint = String::from_utf8_lossy(constraint);
    let text = String::from_utf8_lossy(text);
    let version = Version::parse(&*text, compat);
    let _ = Version::parse_strict(&*text, compat);
    let constraints = Constraints::parse(&*constraint, compat);
    let _ = charts::KubeVersion::parse(&text, compat);
    if let (Ok(version), Ok(constraints)) = (version, constraints) {
        let _ = constraints.check(&version);
        let _ = (version.inc_patch(compat), version.inc_minor(compat), version.inc_major(compat));
    }
}

fn format(format: &[u8], args: &[u8], compat: Compat) {
    let args: Vec<Value> = match json::read(args, compat) {
        Ok(Value::List(list)) => list.iter().cloned().collect(),
        Ok(value) => vec![value],
        Err(_) => vec![Value::str(args), Value::int(-3), Value::Float(2.5)],
    };
    let _ = gofmt::sprintf(format, &args, compat);
    let _ = gofmt::sprint(&args, compat);
}

fn date(layout: &[u8], text: &[u8]) {
    if let Ok(time) = Time::parse(layout, text) {
        let _ = time.format(layout);
        let _ = time.to_go_syntax();
        let _ = time.to_rfc3339_nano();
    }
    let _ = Time::unix(1_700_000_000, 5).format(layout);
    if let Some(zone) = Zone::load(text) {
        let _ = Time::unix(-1, 0).in_zone(zone).format(layout);
    }
    let _ = Duration::parse(text).map(|d| (d.to_string(), d.seconds()));
}

fn address(text: &[u8], compat: Compat) {
    let Ok(url) = Url::parse(text, compat) else { return };
    let _ = url.hostname();
    let _ = url.text();
}

fn glob(pattern: &[u8], text: &[u8]) {
    let path = String::from_utf8_lossy(text);
    let _ = charts::filepath_match(&String::from_utf8_lossy(pattern), &path);
    if let Ok(rules) = Rules::parse(pattern) {
        let _ = rules.ignores(&path, false);
        let _ = rules.ignores(&path, true);
    }
}
