//! Random primes for RSA keys.
//!
//! Where a chart makes certificates, the search for primes is nearly all of
//! the time of its render. Numbers that small primes divide are sieved out
//! first, the rest meet a test of Miller and Rabin with base 2, and what is
//! left meets it again with random bases. Nothing here takes the same time
//! for all numbers: a render has nobody who could measure it.

use sha2::{Digest, Sha256};

/// Sieved with: the odd primes below this.
const SIEVE_PRIMES_BELOW: usize = 1 << 14;
/// How many odd numbers from a random start on are looked at, for each bit
/// of their length. The next prime is farther away once in a hundred million
/// times; then there is another start.
const WINDOW_PER_BIT: usize = 6;
/// Rounds with random bases. For random numbers of 1024 bits and more, five
/// leave a chance below 2^-100.
const ROUNDS: usize = 5;
/// The exponent of the public key: it must not divide p - 1.
pub(super) const PUBLIC_EXPONENT: u64 = 65537;

/// Random bytes without end from a seed: SHA-256 of seed and counter.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    seed: [u8; 32],
    counter: u64,
}

impl Stream {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Stream { seed, counter: 0 }
    }

    fn limbs<const N: usize>(&mut self) -> [u64; N] {
        let mut limbs = [0; N];
        for four in limbs.chunks_mut(4) {
            let block = Sha256::new().chain_update(self.seed).chain_update(self.counter.to_le_bytes()).finalize();
            self.counter += 1;
            for (limb, bytes) in four.iter_mut().zip(block.chunks_exact(8)) {
                *limb = bytes.iter().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
            }
        }
        limbs
    }
}

/// A random prime of `N * 64` bits as big-endian bytes. Its two highest bits
/// are set, so that the product of two has all its bits; `PUBLIC_EXPONENT`
/// has an inverse modulo what is below it.
pub(super) fn random_prime<const N: usize>(stream: &mut Stream) -> Vec<u8> {
    let small = small_primes();
    loop {
        let mut start: [u64; N] = stream.limbs();
        start[0] |= 1;
        start[N - 1] |= 3 << 62;
        let window = sieve(&start, &small);
        for (step, divided) in window.iter().enumerate() {
            if *divided {
                continue;
            }
            let Some(candidate) = plus(&start, 2 * step as u64) else { break };
            if remainder(&candidate, PUBLIC_EXPONENT) != 1 && is_prime(&candidate, stream) {
                return candidate.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();
            }
        }
    }
}

/// The odd primes below [`SIEVE_PRIMES_BELOW`].
fn small_primes() -> Vec<u64> {
    let mut composite = vec![false; SIEVE_PRIMES_BELOW];
    let mut primes = Vec::new();
    for n in (3..SIEVE_PRIMES_BELOW).step_by(2) {
        if !composite[n] {
            primes.push(n as u64);
            (n * n..SIEVE_PRIMES_BELOW).step_by(2 * n).for_each(|multiple| composite[multiple] = true);
        }
    }
    primes
}

/// Which of `start`, `start + 2`, `start + 4` … have small divisors.
fn sieve<const N: usize>(start: &[u64; N], small: &[u64]) -> Vec<bool> {
    let mut divided = vec![false; N * 64 * WINDOW_PER_BIT];
    for prime in small {
        let rest = remainder(start, *prime);
        // start + 2 * first is divisible: first = -rest / 2.
        let missing = (prime - rest) % prime;
        let first = if missing % 2 == 0 { missing / 2 } else { (missing + prime) / 2 };
        for step in (first as usize..divided.len()).step_by(*prime as usize) {
            divided[step] = true;
        }
    }
    divided
}

/// The rest of a division by a number below 2^32.
fn remainder<const N: usize>(limbs: &[u64; N], divisor: u64) -> u64 {
    limbs.iter().rev().fold(0, |rest, limb| {
        let high = (rest << 32 | limb >> 32) % divisor;
        (high << 32 | limb & 0xffff_ffff) % divisor
    })
}

fn plus<const N: usize>(limbs: &[u64; N], more: u64) -> Option<[u64; N]> {
    let mut sum = *limbs;
    let mut carry = more;
    for limb in &mut sum {
        let (low, over) = limb.overflowing_add(carry);
        *limb = low;
        carry = u64::from(over);
    }
    (carry == 0).then_some(sum)
}

/// Whether an odd number with its highest bit set is prime, as far as
/// [`ROUNDS`] random bases can tell.
fn is_prime<const N: usize>(candidate: &[u64; N], stream: &mut Stream) -> bool {
    let field = Montgomery::new(candidate);
    let two = field.double(&field.one);
    if !field.passes(&field.power_of_two(), &two) {
        return false;
    }
    (0..ROUNDS).all(|_| {
        let mut base: [u64; N] = stream.limbs();
        // Below the candidate, and neither 0 nor 1.
        base[N - 1] >>= 1;
        base[0] |= 2;
        let base = field.multiply(&base, &field.square_of_radix);
        field.passes(&field.power(&base), &base)
    })
}

/// Arithmetic modulo an odd number with its highest bit set, in Montgomery's
/// form.
struct Montgomery<const N: usize> {
    modulus: [u64; N],
    /// Minus the inverse of the modulus, modulo 2^64.
    inverse: u64,
    /// 1 in Montgomery's form: 2^(64 N) modulo the modulus.
    one: [u64; N],
    /// What brings a number into Montgomery's form.
    square_of_radix: [u64; N],
    /// The modulus less 1, without its factors of 2, and how many they were.
    odd: [u64; N],
    twos: usize,
}

impl<const N: usize> Montgomery<N> {
    fn new(modulus: &[u64; N]) -> Self {
        // Each round doubles the bits that are right; an odd number is its own
        // inverse modulo 8.
        let mut inverse = modulus[0];
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(modulus[0].wrapping_mul(inverse)));
        }
        // 2^(64 N) - modulus is below the modulus, whose highest bit is set.
        let one = subtract(&[0; N], modulus).0;
        let mut below = *modulus;
        below[0] -= 1;
        let twos = trailing_zeros(&below);
        let mut field = Montgomery {
            modulus: *modulus,
            inverse: inverse.wrapping_neg(),
            one,
            square_of_radix: one,
            odd: shifted_right(&below, twos),
            twos,
        };
        // 2^64 in Montgomery's form, then to the power of N by squaring: N is
        // a power of two.
        let mut radix = one;
        for _ in 0..64 {
            radix = field.double(&radix);
        }
        for _ in 0..N.ilog2() {
            radix = field.multiply(&radix, &radix);
        }
        field.square_of_radix = radix;
        field
    }

    /// a * b / 2^(64 N).
    fn multiply(&self, a: &[u64; N], b: &[u64; N]) -> [u64; N] {
        let mut sum = [0u64; N];
        let mut top = 0u64;
        for digit in b {
            let (low, mut carry) = multiply_add(a[0], *digit, sum[0], 0);
            let factor = low.wrapping_mul(self.inverse);
            let (_, mut carry_modulus) = multiply_add(self.modulus[0], factor, low, 0);
            for i in 1..N {
                let low;
                (low, carry) = multiply_add(a[i], *digit, sum[i], carry);
                (sum[i - 1], carry_modulus) = multiply_add(self.modulus[i], factor, low, carry_modulus);
            }
            let high = u128::from(top) + u128::from(carry) + u128::from(carry_modulus);
            sum[N - 1] = high as u64;
            top = (high >> 64) as u64;
        }
        self.reduced(sum, top != 0)
    }

    fn double(&self, a: &[u64; N]) -> [u64; N] {
        let mut doubled = [0; N];
        let mut carry = 0;
        for (double, limb) in doubled.iter_mut().zip(a) {
            *double = limb << 1 | carry;
            carry = limb >> 63;
        }
        self.reduced(doubled, carry != 0)
    }

    /// Less the modulus where it is not below it.
    fn reduced(&self, value: [u64; N], over: bool) -> [u64; N] {
        let (less, borrow) = subtract(&value, &self.modulus);
        if over || !borrow { less } else { value }
    }

    /// `base` to the power of `odd`, four bits at a time.
    fn power(&self, base: &[u64; N]) -> [u64; N] {
        let mut powers = [self.one; 16];
        for i in 1..powers.len() {
            powers[i] = self.multiply(&powers[i - 1], base);
        }
        let mut result = self.one;
        for limb in self.odd.iter().rev() {
            for shift in (0..64).step_by(4).rev() {
                for _ in 0..4 {
                    result = self.multiply(&result, &result);
                }
                let digit = (limb >> shift & 15) as usize;
                if digit != 0 {
                    result = self.multiply(&result, &powers[digit]);
                }
            }
        }
        result
    }

    /// 2 to the power of `odd`: multiplying is doubling.
    fn power_of_two(&self) -> [u64; N] {
        let mut result = self.one;
        for limb in self.odd.iter().rev() {
            for shift in (0..64).rev() {
                result = self.multiply(&result, &result);
                if limb >> shift & 1 == 1 {
                    result = self.double(&result);
                }
            }
        }
        result
    }

    /// Miller's and Rabin's condition for a base's power. The base itself is
    /// only there to be told from 0.
    fn passes(&self, power: &[u64; N], base: &[u64; N]) -> bool {
        let minus_one = subtract(&self.modulus, &self.one).0;
        if base.iter().all(|limb| *limb == 0) || *power == self.one || *power == minus_one {
            return true;
        }
        let mut power = *power;
        for _ in 1..self.twos {
            power = self.multiply(&power, &power);
            if power == minus_one {
                return true;
            }
        }
        false
    }
}

/// a * b + c + d, which always fits.
#[inline(always)]
fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let all = u128::from(a) * u128::from(b) + u128::from(c) + u128::from(d);
    (all as u64, (all >> 64) as u64)
}

/// a - b, and whether it went below 0.
fn subtract<const N: usize>(a: &[u64; N], b: &[u64; N]) -> ([u64; N], bool) {
    let mut difference = [0; N];
    let mut borrow = false;
    for i in 0..N {
        let (first, one) = a[i].overflowing_sub(b[i]);
        let (second, two) = first.overflowing_sub(u64::from(borrow));
        difference[i] = second;
        borrow = one || two;
    }
    (difference, borrow)
}

fn trailing_zeros<const N: usize>(limbs: &[u64; N]) -> usize {
    let zeros = limbs.iter().take_while(|limb| **limb == 0).count();
    64 * zeros + limbs.get(zeros).map_or(0, |limb| limb.trailing_zeros() as usize)
}

fn shifted_right<const N: usize>(limbs: &[u64; N], bits: usize) -> [u64; N] {
    let (whole, part) = (bits / 64, bits % 64);
    let limb = |i: usize| limbs.get(i).copied().unwrap_or(0);
    std::array::from_fn(|i| match part {
        0 => limb(i + whole),
        part => limb(i + whole) >> part | limb(i + whole + 1) << (64 - part),
    })
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::*;

    fn stream(seed: u8) -> Stream {
        Stream::new([seed; 32])
    }

    fn big<const N: usize>(limbs: &[u64; N]) -> BigUint {
        BigUint::from_bytes_le(&limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect::<Vec<_>>())
    }

    #[test]
    fn arithmetic_agrees_with_a_library() {
        let mut stream = stream(1);
        for _ in 0..50 {
            let mut modulus: [u64; 4] = stream.limbs();
            modulus[0] |= 1;
            modulus[3] |= 1 << 63;
            let field = Montgomery::new(&modulus);
            let (mut a, mut b): ([u64; 4], [u64; 4]) = (stream.limbs(), stream.limbs());
            a[3] >>= 1;
            b[3] >>= 1;
            let m = big(&modulus);
            let (in_form, odd) = (field.multiply(&a, &field.square_of_radix), big(&field.odd));
            assert_eq!(big(&field.multiply(&in_form, &b)), big(&a) * big(&b) % &m);
            let plain = |value: &[u64; 4]| {
                let mut one = [0; 4];
                one[0] = 1;
                big(&field.multiply(value, &one))
            };
            assert_eq!(plain(&field.power(&in_form)), big(&a).modpow(&odd, &m));
            assert_eq!(plain(&field.power_of_two()), BigUint::from(2u8).modpow(&odd, &m));
            assert_eq!(&odd << field.twos, &m - 1u8);
            assert_eq!(BigUint::from(remainder(&modulus, 65537)), &m % 65537u32);
        }
    }

    #[test]
    fn primes_and_other_numbers_are_told_apart() {
        // 2^128 - 159 and 2^256 - 189 are the largest primes of their lengths.
        let below = |n: u64| [u64::MAX - (n - 1), u64::MAX];
        let primes: Vec<u64> = (1..160).step_by(2).filter(|n| is_prime(&below(*n), &mut stream(2))).collect();
        assert_eq!(primes, [159]);
        let below = |n: u64| [u64::MAX - (n - 1), u64::MAX, u64::MAX, u64::MAX];
        let primes: Vec<u64> = (1..190).step_by(2).filter(|n| is_prime(&below(*n), &mut stream(3))).collect();
        assert_eq!(primes, [189]);
    }

    #[test]
    fn sieving_loses_no_number_without_small_divisors() {
        let start: [u64; 4] = [stream(4).limbs::<1>()[0] | 1, 7, 7, 3 << 62];
        let small = small_primes();
        assert_eq!((small.len(), small.first(), small.last()), (1899, Some(&3), Some(&16_381)));
        for (step, divided) in sieve(&start, &small).iter().enumerate() {
            let number = plus(&start, 2 * step as u64).unwrap();
            assert_eq!(*divided, small.iter().any(|prime| remainder(&number, *prime) == 0), "{step}");
        }
    }

    #[test]
    fn a_prime_has_its_length_and_is_one_for_others_too() {
        for seed in 0..4 {
            let bytes = random_prime::<8>(&mut stream(seed));
            assert_eq!((bytes.len(), bytes[0] >> 6), (64, 3));
            let prime = rsa::BigUint::from_bytes_be(&bytes);
            assert!(num_bigint_dig_prime(&prime), "{prime}");
            assert_eq!(bytes, random_prime::<8>(&mut stream(seed)), "the same seed gives the same prime");
        }
    }

    /// Fermat's test with the arithmetic of another crate.
    fn num_bigint_dig_prime(prime: &rsa::BigUint) -> bool {
        let one = rsa::BigUint::from(1u8);
        let below = prime - &one;
        [2u8, 3, 5, 7, 11, 13].iter().all(|base| rsa::BigUint::from(*base).modpow(&below, prime) == one)
    }
}
