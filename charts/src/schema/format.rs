//! The formats that strings can be asked to have.

use templates_compat::Compat;
use templates_compat::gotime::Time;
use templates_compat::neturl::{Url, parse_address};
use templates_compat::regexp::Regexp;

use crate::go_text::quote_rune;

/// Whether a text has a format; an unknown format lets everything pass.
///
/// # Errors
/// Why not.
pub(super) fn check(name: &str, text: &str, compat: Compat) -> Result<(), String> {
    match name {
        "regex" => Regexp::compile(text.as_bytes(), compat).map(drop).map_err(|e| e.to_string()),
        "json-pointer" => json_pointer(text),
        "relative-json-pointer" => relative_json_pointer(text),
        "uuid" => uuid(text, compat),
        "duration" => duration(text, compat),
        "period" => period(text, compat),
        "ipv4" => ipv4(text, compat),
        "ipv6" => ipv6(text, compat),
        "hostname" => hostname(text, compat),
        "email" => email(text, compat),
        "date" => date(text),
        "time" => time(text),
        "date-time" => date_time(text),
        "uri" | "iri" => uri(text, compat),
        "uri-reference" | "iri-reference" => uri_reference(text, compat),
        "uri-template" => uri_template(text, compat),
        "semver" => semver(text, compat),
        _ => Ok(()),
    }
}

fn fail<T>(text: impl Into<String>) -> Result<T, String> {
    Err(text.into())
}

fn json_pointer(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    let Some(tokens) = text.strip_prefix('/') else { return fail("not starting with /") };
    let escapes = |token: &str| token.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if tokens.split('/').all(escapes) { Ok(()) } else { fail("~ must be followed by 0 or 1") }
}

fn relative_json_pointer(text: &str) -> Result<(), String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match digits {
        0 => fail("must start with non-negative integer"),
        2.. if text.starts_with('0') => fail("starts with zero"),
        _ if &text[digits..] == "#" => Ok(()),
        _ => json_pointer(&text[digits..]),
    }
}

fn uuid(text: &str, compat: Compat) -> Result<(), String> {
    const SIZES: [usize; 5] = [8, 4, 4, 4, 12];
    let groups: Vec<&str> = text.split('-').collect();
    if groups.len() != SIZES.len() {
        return fail("must have 5 elements");
    }
    for (i, (group, size)) in groups.iter().zip(SIZES).enumerate() {
        if group.len() != size {
            return fail(format!("element {} must be {size} characters long", i + 1));
        }
        if let Some(c) = group.chars().find(|c| !c.is_ascii_hexdigit()) {
            return fail(format!("non-hex character {}", quote_rune(c, compat)));
        }
    }
    Ok(())
}

fn duration(text: &str, compat: Compat) -> Result<(), String> {
    let Some(rest) = text.strip_prefix('P') else { return fail("must start with P") };
    if rest.is_empty() {
        return fail("nothing after P");
    }
    if let Some(weeks) = rest.strip_suffix('W') {
        return match weeks {
            "" => fail("no number in week"),
            w if w.bytes().all(|b| b.is_ascii_digit()) => Ok(()),
            _ => fail("invalid week"),
        };
    }
    for (i, part) in rest.split('T').enumerate() {
        if i != 0 && part.is_empty() {
            return fail("no time elements");
        }
        let Some(all) = ["YMD", "HMS"].get(i) else { return fail("more than one T") };
        let (mut units, mut part) = (*all, part);
        while !part.is_empty() {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return fail("missing number");
            }
            let Some(unit) = part[digits..].chars().next() else { return fail("missing unit") };
            match units.find(unit) {
                Some(at) => units = &units[at + 1..],
                None if all.contains(unit) => return fail(format!("unit {} out of order", quote_rune(unit, compat))),
                None => return fail(format!("invalid unit {}", quote_rune(unit, compat))),
            }
            part = &part[digits + unit.len_utf8()..];
        }
    }
    Ok(())
}

fn period(text: &str, compat: Compat) -> Result<(), String> {
    let Some((start, end)) = text.split_once('/') else { return fail("missing slash") };
    if start.starts_with('P') {
        duration(start, compat).map_err(|e| format!("invalid start duration: {e}"))?;
        return date_time(end).map_err(|e| format!("invalid end date-time: {e}"));
    }
    date_time(start).map_err(|e| format!("invalid start date-time: {e}"))?;
    if end.starts_with('P') {
        return duration(end, compat).map_err(|e| format!("invalid end duration: {e}"));
    }
    date_time(end).map_err(|e| format!("invalid end date-time: {e}"))
}

fn ipv4(text: &str, compat: Compat) -> Result<(), String> {
    let groups: Vec<&str> = text.split('.').collect();
    if groups.len() != 4 {
        return fail("expected four decimals");
    }
    for group in groups {
        if group.len() > 1 && group.starts_with('0') {
            return fail("leading zeros");
        }
        let shown = || crate::go_text::quote(group, compat);
        match group.parse::<i64>() {
            Ok(0..=255) => {}
            Ok(_) => return fail("decimal must be between 0 and 255"),
            Err(_) => return fail(format!("strconv.Atoi: parsing {}: invalid syntax", shown())),
        }
    }
    Ok(())
}

fn ipv6(text: &str, compat: Compat) -> Result<(), String> {
    if !text.contains(':') {
        return fail("missing colon");
    }
    if text.contains('%') {
        return fail("zone id is not a part of ipv6 address");
    }
    parse_address(text.as_bytes(), compat)
}

fn hostname(text: &str, compat: Compat) -> Result<(), String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.len() > 253 {
        return fail("more than 253 characters long");
    }
    for label in text.split('.') {
        if label.is_empty() || label.len() > 63 {
            return fail("label must be 1 to 63 characters long");
        }
        if label.starts_with('-') {
            return fail("label starts with hyphen");
        }
        if label.ends_with('-') {
            return fail("label ends with hyphen");
        }
        if let Some(c) = label.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '-')) {
            return fail(format!("invalid character {}", quote_rune(c, compat)));
        }
    }
    Ok(())
}

fn email(text: &str, compat: Compat) -> Result<(), String> {
    if text.len() > 254 {
        return fail("more than 255 characters long");
    }
    let Some((local, domain)) = text.rsplit_once('@') else { return fail("missing @") };
    if local.len() > 64 {
        return fail("local part more than 64 characters long");
    }
    if local.len() > 1 && local.starts_with('"') && local.ends_with('"') {
        let inner = local.get(1..local.len() - 1).unwrap_or_default();
        if inner.contains(['\\', '"']) {
            return fail("backslash and quote are not allowed within quoted local part");
        }
    } else {
        if local.starts_with('.') {
            return fail("starts with dot");
        }
        if local.ends_with('.') {
            return fail("ends with dot");
        }
        if local.contains("..") {
            return fail("consecutive dots");
        }
        let allowed = |c: &char| c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(*c);
        if let Some(c) = local.chars().find(|c| !allowed(c)) {
            return fail(format!("invalid character {}", quote_rune(c, compat)));
        }
    }
    if let Some(address) = domain.strip_prefix('[').and_then(|d| d.strip_suffix(']')) {
        return match address.strip_prefix("IPv6:") {
            Some(v6) => ipv6(v6, compat).map_err(|e| format!("invalid ipv6 address: {e}")),
            None => ipv4(address, compat).map_err(|e| format!("invalid ipv4 address: {e}")),
        };
    }
    hostname(domain, compat).map_err(|e| format!("invalid domain: {e}"))
}

fn date(text: &str) -> Result<(), String> {
    Time::parse(b"2006-01-02", text.as_bytes()).map(drop)
}

fn time(text: &str) -> Result<(), String> {
    if text.len() < 9 {
        return fail("less than 9 characters long");
    }
    let bytes = text.as_bytes();
    if bytes[2] != b':' || bytes[5] != b':' {
        return fail("missing colon in correct place");
    }
    let number = |at: std::ops::Range<usize>| text.get(at).and_then(|t| t.parse::<i32>().ok());
    let (Some(hour), Some(minute), Some(second)) = (number(0..2), number(3..5), number(6..8)) else {
        return fail("invalid hour/min/sec");
    };
    if hour < 0 || minute < 0 || second < 0 {
        return fail("non-positive hour/min/sec");
    }
    if hour > 23 || minute > 59 || second > 60 {
        return fail("hour/min/sec out of range");
    }
    let mut rest = text.get(8..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return fail("no digits in second fraction");
        }
        rest = &fraction[digits..];
    }
    let mut of_day = hour * 60 + minute;
    if !rest.eq_ignore_ascii_case("z") {
        of_day = (of_day - offset(rest)?).rem_euclid(24 * 60);
    }
    if second >= 60 && of_day != 23 * 60 + 59 { fail("invalid leap second") } else { Ok(()) }
}

/// Minutes east of Greenwich.
fn offset(text: &str) -> Result<i32, String> {
    if text.len() != 6 {
        return fail("offset must be 6 characters long");
    }
    let sign = match text.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return fail("offset must begin with plus/minus"),
    };
    if text.as_bytes()[3] != b':' {
        return fail("missing colon in offset in correct place");
    }
    let number = |at: std::ops::Range<usize>| text.get(at).and_then(|t| t.parse::<i32>().ok());
    match (number(1..3), number(4..6)) {
        (Some(hours @ 0..=23), Some(minutes @ 0..=59)) => Ok(sign * (hours * 60 + minutes)),
        (Some(_), Some(_)) => fail("hour/min in offset out of range"),
        _ => fail("invalid hour/min in offset"),
    }
}

fn date_time(text: &str) -> Result<(), String> {
    if text.len() < 20 {
        return fail("less than 20 characters long");
    }
    let (Some(day), Some(clock)) = (text.get(..10), text.get(11..)) else {
        return fail("11th character must be t or T");
    };
    if !matches!(text.as_bytes()[10], b't' | b'T') {
        return fail("11th character must be t or T");
    }
    date(day).map_err(|e| format!("invalid date element: {e}"))?;
    time(clock).map_err(|e| format!("invalid time element: {e}"))
}

fn url(text: &str, compat: Compat) -> Result<Url, String> {
    let url = Url::parse(text.as_bytes(), compat)?;
    let host = String::from_utf8_lossy(url.hostname()).into_owned();
    if host.contains(':') {
        if !text.contains('[') || !text.contains(']') {
            return fail("ipv6 address not enclosed in brackets");
        }
        ipv6(&host, compat).map_err(|e| format!("invalid ipv6 address: {e}"))?;
    }
    Ok(url)
}

fn uri(text: &str, compat: Compat) -> Result<(), String> {
    url(text, compat)?;
    if super::uri::scheme(text).is_some() { Ok(()) } else { fail("relative url") }
}

fn uri_reference(text: &str, compat: Compat) -> Result<(), String> {
    if text.contains('\\') {
        return fail("contains \\");
    }
    url(text, compat).map(drop)
}

fn uri_template(text: &str, compat: Compat) -> Result<(), String> {
    let url = url(text, compat)?;
    for part in String::from_utf8_lossy(&url.path).split('/') {
        let mut open = false;
        for brace in part.chars().filter(|c| matches!(c, '{' | '}')) {
            if open == (brace == '{') {
                return fail("nested curly braces");
            }
            open = !open;
        }
        if open {
            return fail("no matching closing brace");
        }
    }
    Ok(())
}

fn semver(text: &str, compat: Compat) -> Result<(), String> {
    match templates_compat::semver::Version::parse_strict(text, compat) {
        Ok(_) => Ok(()),
        Err(_) => fail("versionCore must have 3 numbers separated by dot"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        for (name, text, want) in [
            ("ipv4", "1.2.3.4", Ok(())),
            ("ipv4", "1.2.3", Err("expected four decimals")),
            ("ipv4", "1.2.3.256", Err("decimal must be between 0 and 255")),
            ("hostname", "a-b.c", Ok(())),
            ("hostname", "a_b", Err("invalid character '_'")),
            ("date-time", "2024-02-29T23:59:60Z", Ok(())),
            ("date-time", "2024-02-29T22:59:60-01:00", Ok(())),
            ("date-time", "2024-02-29 22:59:60Z.", Err("11th character must be t or T")),
            ("date", "2024-02-29T", Err("parsing time \"2024-02-29T\": extra text: \"T\"")),
            (
                "ipv6",
                "1:2:::8",
                Err("ParseAddr(\"1:2:::8\"): each colon-separated field must have at least one digit (at \":8\")"),
            ),
            ("ipv6", "::ffff:192.168.0.1", Ok(())),
            ("email", "\"a\" <b@c.d> (e)", Err("invalid character '\"'")),
            ("uri-template", "a/{b}", Ok(())),
            ("uri-template", "{?b}", Err("no matching closing brace")),
            ("date", "2023-02-29", Err("parsing time \"2023-02-29\": day out of range")),
            ("duration", "P1Y2M3DT4H", Ok(())),
            ("duration", "P1D2Y", Err("unit 'Y' out of order")),
            ("uuid", "123", Err("must have 5 elements")),
            ("email", "a@b.c", Ok(())),
            ("email", "a.b", Err("missing @")),
            ("uri", "x/y", Err("relative url")),
            ("uri", "https://x/y", Ok(())),
            ("no-such-format", "?", Ok(())),
        ] {
            assert_eq!(check(name, text, Compat::Helm4), want.map_err(String::from), "{name} {text}");
        }
    }
}
