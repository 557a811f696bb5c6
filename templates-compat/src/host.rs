//! What a template may ask of the world outside: time, randomness, the
//! cluster, DNS. The crate itself has none of them.

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::value::Value;

/// The world outside, as a render sees it.
///
/// One render uses one host from one thread at a time.
pub trait Host: Send + Sync {
    /// The present time as nanoseconds since the Unix epoch.
    fn now_unix_nanos(&self) -> i128;

    /// Fills `buf` with random bytes (cryptographically strong unless the
    /// host was built from a seed).
    fn random(&self, buf: &mut [u8]);

    /// Reads one object (`name` not empty) or a list of objects from the
    /// cluster, for the `lookup` function. Not found is an empty map.
    ///
    /// # Errors
    /// The text that Helm shows as `error calling lookup: <text>`.
    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Value, String>;

    /// Resolves a host name for `getHostByName`; the empty string when DNS is
    /// off (Helm's default) or nothing was found.
    fn host_by_name(&self, name: &str) -> String;

    /// What a chart that is only linted is let pass; Helm logs it.
    fn let_pass(&self, what: LetPass, message: &str) {
        let _ = (what, message);
    }
}

/// What would be an error if a chart were not only linted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetPass {
    /// `required` of nil.
    MissingValue,
    /// `required` of an empty text.
    EmptyValue,
    /// `fail`.
    Failure,
}

/// A day in nanoseconds.
const DAY: i128 = 86_400 * 1_000_000_000;

/// What makes a render give the same bytes again: a number for everything
/// that is random, and a clock that stands. Whoever knows the number knows
/// every key: not for secrets that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed {
    number: u64,
    now_unix_nanos: i128,
}

impl Seed {
    /// The clock stands at the beginning of the present day (UTC).
    pub fn of_day(number: u64, now_unix_nanos: i128) -> Self {
        Seed { number, now_unix_nanos: now_unix_nanos - now_unix_nanos.rem_euclid(DAY) }
    }

    /// The clock stands at a second of the Unix epoch.
    pub fn at(number: u64, unix_seconds: i64) -> Self {
        Seed { number, now_unix_nanos: i128::from(unix_seconds) * 1_000_000_000 }
    }
}

/// Clock and randomness of one render from a [`Seed`].
#[derive(Debug)]
pub struct Seeded {
    seed: Seed,
    stream: Mutex<Stream>,
}

impl Seeded {
    /// Begins anew: two of the same seed give the same bytes.
    pub fn new(seed: Seed) -> Self {
        let key = Sha256::new().chain_update(b"seed").chain_update(seed.number.to_be_bytes()).finalize();
        Seeded { seed, stream: Mutex::new(Stream::new(key.into())) }
    }

    /// The standing clock, for [`Host::now_unix_nanos`].
    pub fn now_unix_nanos(&self) -> i128 {
        self.seed.now_unix_nanos
    }

    /// The next random bytes, for [`Host::random`].
    pub fn random(&self, buf: &mut [u8]) {
        self.stream.lock().fill(buf);
    }
}

/// By itself, a world in which nothing is found.
impl Host for Seeded {
    fn now_unix_nanos(&self) -> i128 {
        Seeded::now_unix_nanos(self)
    }

    fn random(&self, buf: &mut [u8]) {
        Seeded::random(self, buf);
    }

    fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<Value, String> {
        Ok(Value::empty_map())
    }

    fn host_by_name(&self, _: &str) -> String {
        String::new()
    }
}

/// Random bytes without end from a seed: SHA-256 of seed and counter.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    seed: [u8; 32],
    counter: u64,
}

impl Stream {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Stream { seed, counter: 0 }
    }

    fn block(&mut self) -> [u8; 32] {
        let block = Sha256::new().chain_update(self.seed).chain_update(self.counter.to_le_bytes()).finalize();
        self.counter += 1;
        block.into()
    }

    /// Every call begins a new block.
    pub(crate) fn fill(&mut self, buf: &mut [u8]) {
        for part in buf.chunks_mut(32) {
            part.copy_from_slice(&self.block()[..part.len()]);
        }
    }

    pub(crate) fn limbs<const N: usize>(&mut self) -> [u64; N] {
        let mut limbs = [0; N];
        for four in limbs.chunks_mut(4) {
            let block = self.block();
            for (limb, bytes) in four.iter_mut().zip(block.chunks_exact(8)) {
                *limb = bytes.iter().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
            }
        }
        limbs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_bytes_and_another_gives_others() {
        let draw = |number| {
            let seeded = Seeded::new(Seed::at(number, 0));
            let mut buffer = [0; 100];
            seeded.random(&mut buffer[..40]);
            seeded.random(&mut buffer[40..]);
            buffer
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let all = draw(1);
        assert_ne!(all[..32], all[40..72], "what was drawn does not come again");
    }

    #[test]
    fn the_clock_stands_at_the_beginning_of_the_day() {
        let hour = 3_600 * 1_000_000_000;
        assert_eq!(Seed::of_day(1, 25 * hour + 7), Seed::of_day(1, 47 * hour));
        assert_eq!(Seeded::new(Seed::of_day(1, 25 * hour)).now_unix_nanos(), 24 * hour);
        assert_eq!(Seeded::new(Seed::of_day(1, -hour)).now_unix_nanos(), -24 * hour);
        assert_eq!(Seeded::new(Seed::at(1, 5)).now_unix_nanos(), 5_000_000_000);
    }
}
