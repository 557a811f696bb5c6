//! DSA keys, which Sprig still makes: 2048 bits with a subgroup of 256.
//! They cannot sign certificates in Go.

use crypto_bigint::Uint;
use num_bigint::BigUint;

use super::{der, prime};
use crate::host::Host;

const L: usize = 2048;
const N: usize = 256;

/// A key in the form of OpenSSL and Go: all numbers, big-endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DsaKey {
    /// p, q, g, y, x
    pub(super) numbers: [Vec<u8>; 5],
}

impl DsaKey {
    pub(super) fn generate(host: &dyn Host) -> DsaKey {
        let (p, q) = parameters(host);
        let one = BigUint::from(1u8);
        let exponent = (&p - &one) / &q;
        let mut h = BigUint::from(2u8);
        let mut g = h.modpow(&exponent, &p);
        while g == one {
            h += 1u8;
            g = h.modpow(&exponent, &p);
        }
        let mut x = random(host, N);
        while x >= q || x == BigUint::ZERO {
            x = random(host, N);
        }
        let y = g.modpow(&x, &p);
        DsaKey { numbers: [p, q, g, y, x].map(|n| n.to_bytes_be()) }
    }

    pub(super) fn to_der(&self) -> Vec<u8> {
        let mut parts = der::integer(&[0]);
        for number in &self.numbers {
            parts.extend(der::integer(number));
        }
        der::tlv(der::SEQUENCE, &parts)
    }

    pub(super) fn from_der(data: &[u8]) -> Option<DsaKey> {
        let mut fields = der::Reader(data).enter(der::SEQUENCE)?;
        fields.take(der::INTEGER)?;
        let mut numbers: [Vec<u8>; 5] = Default::default();
        for number in &mut numbers {
            *number = fields.take(der::INTEGER)?.content.to_vec();
        }
        Some(DsaKey { numbers })
    }
}

/// A random number of at most so many bits (a multiple of eight).
fn random(host: &dyn Host, bits: usize) -> BigUint {
    let mut bytes = vec![0; bits / 8];
    host.random(&mut bytes);
    BigUint::from_bytes_be(&bytes)
}

/// Primes p and q with q dividing p - 1.
fn parameters(host: &dyn Host) -> (BigUint, BigUint) {
    let primes = small_primes();
    loop {
        let mut q = random(host, N);
        q.set_bit(N as u64 - 1, true);
        q.set_bit(0, true);
        if !is_prime(&q, &primes) {
            continue;
        }
        for _ in 0..4 * L {
            let mut p = random(host, L);
            p.set_bit(L as u64 - 1, true);
            let rest = &p % (&q * 2u8);
            p = p - rest + 1u8;
            if p.bits() == L as u64 && is_prime(&p, &primes) {
                return (p, q);
            }
        }
    }
}

fn small_primes() -> Vec<u32> {
    (3u32..4_000).step_by(2).filter(|n| (3..).step_by(2).take_while(|d| d * d <= *n).all(|d| n % d != 0)).collect()
}

/// Whether an odd number of at most [`L`] bits is prime, after a look at its
/// small divisors.
fn is_prime(n: &BigUint, small: &[u32]) -> bool {
    const LIMBS: usize = L / 64;
    if small.iter().any(|p| (n % p) == BigUint::ZERO) {
        return false;
    }
    let mut limbs = [0; LIMBS];
    limbs.iter_mut().zip(n.iter_u64_digits()).for_each(|(limb, digit)| *limb = digit);
    prime::is_prime(Uint::<LIMBS>::from_words(limbs))
}
