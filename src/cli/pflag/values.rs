//! Values as Go's libraries read them: numbers and comma-separated lists.

/// Go's `strconv.ParseInt` with base 0: `0x1f`, `0o17`, `017`, `1_000`.
pub(super) fn parse_int(text: &str) -> Result<i64, String> {
    let invalid = || format!("strconv.ParseInt: parsing {text:?}: invalid syntax");
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &*lower),
    };
    let digits = digits.replace('_', "");
    if digits.is_empty() || digits.starts_with(['+', '-']) || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(invalid());
    }
    let number = i128::from_str_radix(&digits, radix).unwrap_or(i128::MAX);
    let number = if negative { number.saturating_neg() } else { number };
    i64::try_from(number).map_err(|_| format!("strconv.ParseInt: parsing {text:?}: value out of range"))
}

/// Whether Go's `strconv.ParseFloat` takes it.
pub(super) fn parse_float(text: &str) -> Result<(), String> {
    match text.parse::<f32>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("strconv.ParseFloat: parsing {text:?}: invalid syntax")),
    }
}

/// The fields of one line of comma-separated values, by the rules of Go's
/// `encoding/csv`.
pub(super) fn csv_fields(text: &str) -> Result<Vec<String>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let text = text.split('\n').next().unwrap_or_default();
    let (mut fields, mut at) = (Vec::new(), 0);
    loop {
        let rest = &text[at..];
        if let Some(quoted) = rest.strip_prefix('"') {
            let (field, length) = quoted_field(quoted, at + 1, text)?;
            fields.push(field);
            at += 1 + length;
            match text[at..].strip_prefix(',') {
                Some(_) => at += 1,
                None => return Ok(fields),
            }
            continue;
        }
        let end = rest.find(',').unwrap_or(rest.len());
        if let Some(quote) = rest[..end].find('"') {
            let column = at + quote + 1;
            return Err(format!("parse error on line 1, column {column}: bare \" in non-quoted-field"));
        }
        fields.push(rest[..end].to_owned());
        if end == rest.len() {
            return Ok(fields);
        }
        at += end + 1;
    }
}

/// A field after its opening quote, and how much of the text it takes.
fn quoted_field(text: &str, at: usize, whole: &str) -> Result<(String, usize), String> {
    let mut field = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((i, c)) = chars.next() {
        if c != '"' {
            field.push(c);
            continue;
        }
        match chars.peek() {
            Some((_, '"')) => {
                chars.next();
                field.push('"');
            }
            None | Some((_, ',')) => return Ok((field, i + 1)),
            Some(_) => {
                let column = at + i + 1;
                return Err(format!(
                    "parse error on line 1, column {column}: extraneous or missing \" in quoted-field"
                ));
            }
        }
    }
    let column = whole.len() + 1;
    Err(format!("parse error on line 1, column {column}: extraneous or missing \" in quoted-field"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        for (text, want) in [("12", 12), ("-0x1F", -31), ("017", 15), ("0b11", 3), ("1_000", 1000), ("0", 0)] {
            assert_eq!(parse_int(text), Ok(want), "{text}");
        }
        for bad in ["", "x", "1.5", "--1", "0x", "9223372036854775808"] {
            assert!(parse_int(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn fields() {
        assert_eq!(csv_fields("a,\"b,c\"\"\",,d").unwrap(), ["a", "b,c\"", "", "d"]);
        assert_eq!(csv_fields("").unwrap(), Vec::<String>::new());
        assert!(csv_fields("a\"b").unwrap_err().ends_with("column 2: bare \" in non-quoted-field"));
        assert!(csv_fields("\"a\"b").is_err());
    }
}
