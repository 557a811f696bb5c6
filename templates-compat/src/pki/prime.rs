//! Random primes for RSA keys.
//!
//! Where a chart makes certificates, the search for primes is nearly all of
//! the time of its render. Numbers that small primes divide are sieved out
//! first; deeper than `crypto-primes` does it by itself, because a number
//! that is left costs half a millisecond and more. Nothing here takes the
//! same time for all numbers: a render has nobody who could measure it.

use std::ops::Range;

use crypto_bigint::{Limb, NonZero, Odd, Reciprocal, Uint};
use crypto_primes::hazmat::{AStarBase, LucasCheck, MillerRabin, lucas_test};

use crate::host::Stream;

/// How many odd numbers from a random start on are looked at, for each bit
/// of their length. The next prime is farther away once in a hundred million
/// times; then there is another start.
const WINDOW_PER_BIT: usize = 6;
/// The exponent of the public key: it must not divide p - 1.
pub(super) const PUBLIC_EXPONENT: u64 = 65537;

/// A random prime of `N * 64` bits as big-endian bytes. Its two highest bits
/// are set, so that the product of two has all its bits; `PUBLIC_EXPONENT`
/// has an inverse modulo what is below it.
pub(super) fn random_prime<const N: usize>(stream: &mut Stream) -> Vec<u8> {
    let small = SmallPrimes::below(sieve_limit(N));
    let exponent = Limb(PUBLIC_EXPONENT);
    loop {
        let mut start: [u64; N] = stream.limbs();
        start[0] |= 1;
        start[N - 1] |= 3 << 62;
        let start = Uint::from_words(start);
        for (step, divided) in small.sieve(&start).into_iter().enumerate() {
            if divided {
                continue;
            }
            let candidate = start.wrapping_add(&Uint::from(2 * step as u64));
            // Past the end of the numbers of this length.
            if candidate < start {
                break;
            }
            let fits = NonZero::new(exponent).into_option().is_some_and(|e| candidate.rem_limb(e) != Limb::ONE);
            if fits && is_prime(candidate) {
                return candidate.to_words().iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();
            }
        }
    }
}

/// The test of Baillie, Pomerance, Selfridge and Wagstaff.
pub(super) fn is_prime<const N: usize>(candidate: Uint<N>) -> bool {
    let Some(odd) = Odd::new(candidate).into_option() else { return false };
    MillerRabin::new(odd).test_base_two().is_probably_prime()
        && lucas_test(odd, AStarBase, LucasCheck::Bpsw21).is_probably_prime()
}

/// Where sieving by one more prime costs about as much as it saves: testing
/// grows with the third power of the length, dividing with the first.
const fn sieve_limit(limbs: usize) -> usize {
    let bits = limbs * 64;
    bits * bits / 8
}

/// The odd primes below a limit, in groups whose products fill a limb: a long
/// number is divided once for each group.
struct SmallPrimes {
    primes: Vec<u32>,
    groups: Vec<(Reciprocal, Range<usize>)>,
}

impl SmallPrimes {
    fn below(limit: usize) -> Self {
        // Of the odd numbers: 1, 3, 5 …
        let mut composite = vec![false; limit / 2];
        let mut primes: Vec<u32> = Vec::new();
        for half in 1..composite.len() {
            if !composite[half] {
                let prime = 2 * half + 1;
                primes.push(prime as u32);
                (prime * prime / 2..composite.len()).step_by(prime).for_each(|multiple| composite[multiple] = true);
            }
        }
        let mut groups = Vec::new();
        let mut from = 0;
        while from < primes.len() {
            let (mut product, mut to) = (1u64, from);
            while let Some(more) = primes.get(to).and_then(|prime| product.checked_mul(u64::from(*prime))) {
                (product, to) = (more, to + 1);
            }
            if let Some(product) = NonZero::new(Limb(product)).into_option() {
                groups.push((Reciprocal::new(product), from..to));
            }
            from = to;
        }
        SmallPrimes { primes, groups }
    }

    /// Which of `start`, `start + 2`, `start + 4` … have small divisors.
    fn sieve<const N: usize>(&self, start: &Uint<N>) -> Vec<bool> {
        let mut divided = vec![false; N * 64 * WINDOW_PER_BIT];
        for (reciprocal, group) in &self.groups {
            let rest = start.rem_limb_with_reciprocal(reciprocal).0;
            for prime in &self.primes[group.clone()] {
                // start + 2 * first is divisible: first = -rest / 2.
                let missing = (prime - (rest % u64::from(*prime)) as u32) % prime;
                let first = if missing.is_multiple_of(2) { missing / 2 } else { (missing + prime) / 2 };
                let mut step = first as usize;
                while let Some(divided) = divided.get_mut(step) {
                    *divided = true;
                    step += *prime as usize;
                }
            }
        }
        divided
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(seed: u8) -> Stream {
        Stream::new([seed; 32])
    }

    #[test]
    fn primes_and_other_numbers_are_told_apart() {
        // 2^128 - 159 and 2^256 - 189 are the largest primes of their lengths.
        let below = |n: u64| Uint::<2>::MAX.wrapping_sub(&Uint::from(n - 1));
        assert_eq!((1..160).step_by(2).filter(|n| is_prime(below(*n))).collect::<Vec<u64>>(), [159]);
        let below = |n: u64| Uint::<4>::MAX.wrapping_sub(&Uint::from(n - 1));
        assert_eq!((1..190).step_by(2).filter(|n| is_prime(below(*n))).collect::<Vec<u64>>(), [189]);
    }

    #[test]
    fn sieving_marks_what_has_small_divisors() {
        let start = Uint::from_words([stream(4).limbs::<1>()[0] | 1, 7, 7, 3 << 62]);
        let small = SmallPrimes::below(1 << 14);
        assert_eq!((small.primes.len(), small.primes.first(), small.primes.last()), (1899, Some(&3), Some(&16_381)));
        let divides =
            |number: &Uint<4>, prime: u32| number.rem_limb(NonZero::new(Limb(u64::from(prime))).unwrap()) == Limb::ZERO;
        for (step, divided) in small.sieve(&start).into_iter().enumerate() {
            let number = start.wrapping_add(&Uint::from(2 * step as u64));
            assert_eq!(divided, small.primes.iter().any(|prime| divides(&number, *prime)), "{step}");
        }
    }

    #[test]
    fn a_prime_has_its_length_and_is_one_for_others_too() {
        for seed in 0..4 {
            let bytes = random_prime::<8>(&mut stream(seed));
            assert_eq!((bytes.len(), bytes[0] >> 6), (64, 3));
            let prime = rsa::BigUint::from_bytes_be(&bytes);
            assert!(passes_fermat(&prime), "{prime}");
            assert_eq!(bytes, random_prime::<8>(&mut stream(seed)), "the same seed gives the same prime");
        }
    }

    /// Fermat's test with the arithmetic of another crate.
    fn passes_fermat(prime: &rsa::BigUint) -> bool {
        let one = rsa::BigUint::from(1u8);
        let below = prime - &one;
        [2u8, 3, 5, 7, 11, 13].iter().all(|base| rsa::BigUint::from(*base).modpow(&below, prime) == one)
    }
}
