//! Whether a text is one of the timestamps that go-yaml knows. Their value is
//! never needed: they are read as strings and written in quotes.

/// `2006-1-2T15:4:5.9Z07:00` (also with `t`), `2006-1-2 15:4:5.9`, `2006-1-2`.
pub(super) fn is_timestamp(text: &[u8]) -> bool {
    let year_digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if year_digits != 4 || text.get(4) != Some(&b'-') {
        return false;
    }
    parse(text).is_some()
}

fn parse(text: &[u8]) -> Option<()> {
    let year = number(&text[..4])?;
    let (month, rest) = one_or_two(text.get(5..)?)?;
    let (day, rest) = one_or_two(rest.strip_prefix(b"-")?)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in(month, year) {
        return None;
    }
    match rest.split_first() {
        None => Some(()),
        Some((b'T' | b't', rest)) => zone(clock(rest)?),
        Some((b' ', rest)) => {
            let spaces = rest.iter().take_while(|b| **b == b' ').count();
            clock(&rest[spaces..])?.is_empty().then_some(())
        }
        Some(_) => None,
    }
}

/// `15:4:5` with an optional fraction; what follows it.
fn clock(text: &[u8]) -> Option<&[u8]> {
    let (hour, rest) = one_or_two(text)?;
    let (minute, rest) = one_or_two(rest.strip_prefix(b":")?)?;
    let (second, rest) = one_or_two(rest.strip_prefix(b":")?)?;
    if hour >= 24 || minute >= 60 || second >= 60 {
        return None;
    }
    match rest {
        [b'.' | b',', b'0'..=b'9', ..] => {
            let digits = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
            Some(&rest[1 + digits..])
        }
        _ => Some(rest),
    }
}

/// `Z` or `+07:00`, and nothing else.
fn zone(text: &[u8]) -> Option<()> {
    match text {
        b"Z" => Some(()),
        [b'+' | b'-', h @ .., b':', m1, m2] if h.len() == 2 => {
            (number(h)? <= 24 && number(&[*m1, *m2])? <= 60).then_some(())
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |n, b| Some(n * 10 + (*b as char).to_digit(10)?))
}

fn one_or_two(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = text.iter().take(2).take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 { None } else { Some((number(&text[..digits])?, &text[digits..])) }
}

fn days_in(month: u32, year: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
