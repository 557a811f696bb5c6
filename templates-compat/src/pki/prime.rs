//! Random primes for RSA keys.
//!
//! Where a chart makes certificates, the search for primes is nearly all of
//! the time of its render. Numbers that small primes divide are sieved out
//! first; deeper than `crypto-primes` does it by itself, because a number
//! that is left costs half a millisecond and more. Nothing here takes the
//! same time for all numbers: a render has nobody who could measure it.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crypto_bigint::{Limb, NonZero, Odd, Reciprocal, Uint};
use crypto_primes::hazmat::{AStarBase, LucasCheck, lucas_test};

use super::mont;
use crate::apart::Apart;
use crate::host::Stream;

/// How many odd numbers from a random start on are looked at, for each bit
/// of their length. The next prime is farther away once in a hundred million
/// times; then there is another start.
const WINDOW_PER_BIT: usize = 6;
/// The exponent of the public key: it must not divide p - 1.
pub(super) const PUBLIC_EXPONENT: u64 = 65537;

/// Two random primes of `N * 64` bits as big-endian bytes. The two highest
/// bits of each are set, so that their product has all its bits;
/// `PUBLIC_EXPONENT` has an inverse modulo what is below each.
///
/// Two threads look for both of them: how long the search for one prime takes
/// is a matter of luck, and neither waits for the other's. The same stream
/// gives the same primes however the work was shared.
pub(super) fn random_primes<const N: usize>(stream: &mut Stream) -> [Vec<u8>; 2] {
    let small = SmallPrimes::below(sieve_limit(N));
    let windows = [Window::<N>::at(stream), Window::at(stream)];
    let apart = Apart::here();
    std::thread::scope(|scope| {
        // Without a second thread this one tests all of them.
        let _helper = std::thread::Builder::new().name("prime".into()).spawn_scoped(scope, || {
            apart.leave();
            // The second is sieved while the other thread sieves the first.
            windows[1].candidates(&small);
            windows.iter().for_each(|window| window.search(&small));
        });
        apart.let_go();
        windows.iter().for_each(|window| window.search(&small));
    });
    windows.map(|mut window| {
        loop {
            if let Some(prime) = window.prime() {
                return prime.to_words().iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();
            }
            window = Window::at(stream);
            window.search(&small);
        }
    })
}

/// The odd numbers from a random start on, and how far they have been tested.
struct Window<const N: usize> {
    start: Uint<N>,
    /// What the sieve left of them.
    candidates: OnceLock<Vec<Uint<N>>>,
    /// The first candidate that no thread has taken yet.
    next: AtomicUsize,
    /// The first prime among those that were tested.
    found: AtomicUsize,
}

impl<const N: usize> Window<N> {
    fn at(stream: &mut Stream) -> Self {
        let mut start: [u64; N] = stream.limbs();
        start[0] |= 1;
        start[N - 1] |= 3 << 62;
        Window {
            start: Uint::from_words(start),
            candidates: OnceLock::new(),
            next: AtomicUsize::new(0),
            found: AtomicUsize::new(usize::MAX),
        }
    }

    fn candidates(&self, small: &SmallPrimes) -> &[Uint<N>] {
        self.candidates.get_or_init(|| {
            let exponent = NonZero::new(Limb(PUBLIC_EXPONENT)).into_option();
            let fits = |number: &Uint<N>| exponent.is_some_and(|e| number.rem_limb(e) != Limb::ONE);
            let left = small.sieve(&self.start).into_iter().enumerate().filter(|(_, divided)| !divided);
            left.map(|(step, _)| self.start.wrapping_add(&Uint::from(2 * step as u64)))
                // The end of the numbers of this length may be in between.
                .take_while(|candidate| *candidate >= self.start)
                .filter(fits)
                .collect()
        })
    }

    /// Tests candidates until a prime is known with none before it. Any number
    /// of threads may do so at once.
    fn search(&self, small: &SmallPrimes) {
        let candidates = self.candidates(small);
        let sift = Sift::of_this_processor();
        loop {
            let from = self.next.fetch_add(sift.at_once(), Ordering::Relaxed);
            let to = candidates.len().min(from + sift.at_once());
            if from >= to || from >= self.found.load(Ordering::Relaxed) {
                return;
            }
            let part = &candidates[from..to];
            let may_be = sift.may_be_primes(part);
            if let Some(at) = (0..part.len()).find(|at| may_be[*at] && is_prime(part[*at])) {
                self.found.fetch_min(from + at, Ordering::Relaxed);
            }
        }
    }

    /// What was found when all threads have searched; none if there is no
    /// prime so near.
    fn prime(&self) -> Option<Uint<N>> {
        self.candidates.get()?.get(self.found.load(Ordering::Relaxed)).copied()
    }
}

/// What tells at once that several numbers are no primes, where the processor
/// can do that; elsewhere all may be. Which primes are found is the same.
struct Sift {
    #[cfg(target_arch = "x86_64")]
    wide: Option<super::lanes::Wide>,
}

/// Most numbers that are looked at in one go.
const MOST: usize = 4;

impl Sift {
    fn of_this_processor() -> Self {
        Sift {
            #[cfg(target_arch = "x86_64")]
            wide: super::lanes::Wide::of_this_processor(),
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn at_once(&self) -> usize {
        if self.wide.is_some() { MOST } else { 1 }
    }

    #[cfg(target_arch = "x86_64")]
    fn may_be_primes<const N: usize>(&self, numbers: &[Uint<N>]) -> [bool; MOST] {
        // The last numbers of a window may be fewer.
        let number = |at: usize| numbers[at.min(numbers.len() - 1)].to_words();
        let sifted = self.wide.and_then(|wide| wide.may_be_primes(&std::array::from_fn(number)));
        sifted.unwrap_or([true; MOST])
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn at_once(&self) -> usize {
        1
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn may_be_primes<const N: usize>(&self, _: &[Uint<N>]) -> [bool; MOST] {
        [true; MOST]
    }
}

/// The test of Baillie, Pomerance, Selfridge and Wagstaff.
pub(super) fn is_prime<const N: usize>(candidate: Uint<N>) -> bool {
    let Some(odd) = Odd::new(candidate).into_option() else { return false };
    mont::passes_base_two(&candidate.to_words()) && lucas_test(odd, AStarBase, LucasCheck::Bpsw21).is_probably_prime()
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
    fn primes_have_their_length_and_are_such_for_others_too() {
        for seed in 0..4 {
            let both = random_primes::<8>(&mut stream(seed));
            for bytes in &both {
                assert_eq!((bytes.len(), bytes[0] >> 6), (64, 3));
                let prime = rsa::BigUint::from_bytes_be(bytes);
                assert!(passes_fermat(&prime), "{prime}");
            }
            assert_ne!(both[0], both[1]);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_primes_however_the_work_is_shared() {
        let alone = |stream: &mut Stream| {
            let small = SmallPrimes::below(sieve_limit(8));
            let window = Window::<8>::at(stream);
            let prime = window.candidates(&small).iter().copied().find(|candidate| is_prime(*candidate));
            prime.unwrap().to_words()[0].to_be_bytes()
        };
        for seed in 0..16 {
            let stream = &mut stream(seed);
            let [p, q] = random_primes::<8>(&mut self::stream(seed));
            assert_eq!((&p[56..], &q[56..]), (&alone(stream)[..], &alone(stream)[..]), "{seed}");
        }
    }

    /// Fermat's test with the arithmetic of another crate.
    fn passes_fermat(prime: &rsa::BigUint) -> bool {
        let one = rsa::BigUint::from(1u8);
        let below = prime - &one;
        [2u8, 3, 5, 7, 11, 13].iter().all(|base| rsa::BigUint::from(*base).modpow(&below, prime) == one)
    }
}
