//! Random texts and numbers, and what shuffles them. All randomness is the
//! host's, so a host built from a seed gives the same texts again.

use super::args::{bytes, check_len, fixed, int};
use super::encoding::base64;
use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::gofmt::utf8;
use crate::host::Host;
use crate::value::Value;

const INT: &[Param] = &[Param::Int];

pub(crate) const FUNCS: &[Func] = &[
    fixed("randAlpha", INT, Param::Str, |cx, a| random_text(cx, int(a, 0), u8::is_ascii_alphabetic)),
    fixed("randAlphaNum", INT, Param::Str, |cx, a| random_text(cx, int(a, 0), u8::is_ascii_alphanumeric)),
    fixed("randAscii", INT, Param::Str, |cx, a| random_text(cx, int(a, 0), |b| (b' '..=b'~').contains(b))),
    fixed("randBytes", INT, Param::Str, random_bytes),
    fixed("randInt", &[Param::Int, Param::Int], Param::Int, random_int),
    fixed("randNumeric", INT, Param::Str, |cx, a| random_text(cx, int(a, 0), u8::is_ascii_digit)),
    fixed("shuffle", &[Param::Str], Param::Str, shuffle),
    fixed("uuidv4", &[], Param::Str, |cx, _| Ok(Value::str(uuid_v4(cx.host)))),
];

/// A number below `bound`, each equally likely; 0 for a bound of 0.
pub(crate) fn below(host: &dyn Host, bound: u64) -> u64 {
    if bound <= 1 {
        return 0;
    }
    // Numbers past the last full multiple are drawn again.
    let limit = u64::MAX - (u64::MAX % bound + 1) % bound;
    loop {
        let mut buffer = [0; 8];
        host.random(&mut buffer);
        let number = u64::from_le_bytes(buffer);
        if number <= limit {
            return number % bound;
        }
    }
}

/// `count` of the ASCII characters that are allowed; none for a negative
/// count, as Sprig drops the error.
fn random_text(cx: &Cx<'_>, count: i64, allowed: fn(&u8) -> bool) -> FuncResult {
    let count = usize::try_from(count).unwrap_or(0);
    check_len(Some(count))?;
    let alphabet: Vec<u8> = (0..=127).filter(allowed).collect();
    // Bytes past the last full multiple are drawn again: no character is
    // likelier than another.
    let usable = 256 - 256 % alphabet.len();
    let mut out = Vec::with_capacity(count);
    let mut buffer = [0; 256];
    while out.len() < count {
        let wanted = (count - out.len()).min(buffer.len());
        let drawn = &mut buffer[..wanted];
        cx.host.random(drawn);
        out.extend(
            drawn.iter().filter(|b| usize::from(**b) < usable).map(|b| alphabet[usize::from(*b) % alphabet.len()]),
        );
    }
    Ok(Value::str(out))
}

fn random_bytes(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let count =
        usize::try_from(int(args, 0)).map_err(|_| FuncError::panic("runtime error: makeslice: len out of range"))?;
    check_len(count.checked_mul(2))?;
    let mut buffer = vec![0; count];
    cx.host.random(&mut buffer);
    Ok(Value::str(base64(&buffer)))
}

fn random_int(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let (min, max) = (int(args, 0), int(args, 1));
    match u64::try_from(max.wrapping_sub(min)) {
        Ok(span @ 1..) => Ok(Value::int(min.wrapping_add(below(cx.host, span) as i64))),
        _ => Err(FuncError::panic("invalid argument to Intn")),
    }
}

fn shuffle(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let mut runes: Vec<char> = utf8::runes(bytes(args, 0)).map(|(c, _)| c).collect();
    for i in (1..runes.len()).rev() {
        let other = below(cx.host, i as u64 + 1) as usize;
        runes.swap(i, other);
    }
    Ok(Value::str(runes.into_iter().collect::<String>()))
}

fn uuid_v4(host: &dyn Host) -> String {
    let mut bytes = [0u8; 16];
    host.random(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (i, b) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{b:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, seeded};
    use super::*;

    fn text(name: &str, args: &[Value]) -> String {
        String::from_utf8(call(FUNCS, name, args, &seeded(1)).unwrap().as_bytes().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn lengths_and_alphabets() {
        for (name, allowed) in [
            ("randAlpha", u8::is_ascii_alphabetic as fn(&u8) -> bool),
            ("randAlphaNum", u8::is_ascii_alphanumeric),
            ("randNumeric", u8::is_ascii_digit),
            ("randAscii", |b| (b' '..=b'~').contains(b)),
        ] {
            let drawn = text(name, &[Value::int(3_000)]);
            assert_eq!(drawn.len(), 3_000);
            assert!(drawn.bytes().all(|b| allowed(&b)), "{name}");
            let different: std::collections::BTreeSet<u8> = drawn.bytes().collect();
            assert_eq!(different.len(), (0..=127).filter(allowed).count(), "{name} draws them all");
            assert_eq!(text(name, &[Value::int(-1)]), "");
            assert!(call(FUNCS, name, &[Value::int(i64::MAX)], &seeded(1)).is_err());
        }
    }

    #[test]
    fn a_seed_repeats() {
        let draw = |seed| call(FUNCS, "uuidv4", &[], &seeded(seed)).unwrap().as_bytes().unwrap().to_vec();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let uuid = String::from_utf8(draw(7)).unwrap();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]));
    }

    #[test]
    fn numbers_stay_inside() {
        let host = seeded(3);
        let mut seen = [false; 5];
        for _ in 0..500 {
            let Value::Int(n) = call(FUNCS, "randInt", &[Value::int(-2), Value::int(3)], &host).unwrap() else {
                panic!("no int")
            };
            seen[(n.value + 2) as usize] = true;
        }
        assert_eq!(seen, [true; 5]);
        assert!(call(FUNCS, "randInt", &[Value::int(3), Value::int(3)], &host).is_err());
    }

    #[test]
    fn shuffling_keeps_the_runes() {
        let mut shuffled: Vec<char> = text("shuffle", &[Value::str("aébc日")]).chars().collect();
        shuffled.sort_unstable();
        assert_eq!(shuffled, ['a', 'b', 'c', 'é', '日']);
    }
}
