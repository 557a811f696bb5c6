//! What the functions' own tests need: a host from a seed, and a call by name.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::compat::Compat;
use crate::func::{Cx, Func, FuncResult};
use crate::host::Host;
use crate::value::Value;

/// A host whose clock stands still and whose randomness is a simple
/// generator: the same seed gives the same bytes.
pub(crate) struct Seeded(AtomicU64);

pub(crate) fn seeded(seed: u64) -> Seeded {
    Seeded(AtomicU64::new(seed))
}

impl Host for Seeded {
    fn now_unix_nanos(&self) -> i128 {
        1_700_000_000_123_456_789
    }

    fn random(&self, buf: &mut [u8]) {
        for b in buf {
            // SplitMix64: every state gives a well mixed number.
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *b = (z ^ (z >> 31)) as u8;
        }
    }

    fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<Value, String> {
        Ok(Value::empty_map())
    }

    fn host_by_name(&self, _: &str) -> String {
        String::new()
    }
}

/// Calls the function of a table with arguments of the right kinds.
pub(crate) fn call(table: &[Func], name: &str, args: &[Value], host: &dyn Host) -> FuncResult {
    let func = table.iter().find(|f| f.name == name).unwrap();
    assert_eq!(func.params.len(), args.len(), "{name}");
    let steps = AtomicU64::new(u64::MAX);
    (func.call)(&Cx { compat: Compat::Helm4, host, lint: false, steps: &steps }, &mut args.to_vec())
}
