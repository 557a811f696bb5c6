//! Identities: requests, sessions and operations are named by ULIDs.
//!
//! Owns how one is made. A ULID is 48 bits of Unix milliseconds and 80 random
//! bits in Crockford's base 32, so identities sort by time and cannot be
//! guessed.

use std::time::{SystemTime, UNIX_EPOCH};

/// Crockford's digits: no I, L, O or U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Length of a ULID in characters.
pub const ULID_LEN: usize = 26;

/// A new ULID.
pub fn ulid() -> String {
    let random = rand::random::<u128>() & ((1 << 80) - 1);
    encode((u128::from(unix_ms() & ((1 << 48) - 1)) << 80) | random)
}

/// Now, in milliseconds since 1970.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Now, as RFC 3339 in UTC with milliseconds.
pub fn now_rfc3339() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

fn encode(value: u128) -> String {
    (0..ULID_LEN).rev().map(|at| char::from(DIGITS[((value >> (5 * at)) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ulids_are_26_digits_and_sort_by_time() {
        let first = ulid();
        assert_eq!(first.len(), ULID_LEN);
        assert!(first.bytes().all(|b| DIGITS.contains(&b)));
        assert!(encode(1 << 80) > encode((1 << 80) - 1));
        assert_eq!(encode(0), "0".repeat(ULID_LEN));
        assert_eq!(encode(u128::MAX), format!("7{}", "Z".repeat(25)));
        assert_ne!(first, ulid());
    }

    #[test]
    fn now_has_milliseconds() {
        let now = now_rfc3339();
        assert!(now.ends_with('Z') && now.as_bytes()[now.len() - 5] == b'.', "{now}");
    }
}
