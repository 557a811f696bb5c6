//! Fermat's test to base 2 of four numbers at one time, for processors with
//! AVX2.
//!
//! It says the same of nearly all numbers as the test in `mont`, in half the
//! time: what fails here fails there, and what passes is looked at again. Each
//! of four lanes has a number of its own; limbs have 27 or 28 bits, the lowest
//! first, so that a lane holds a whole column of products before anything is
//! carried. Montgomery's 2^bits is over 2^12 times the number, so that nothing
//! is ever subtracted: a square is less than twice the number.

use core::arch::x86_64::__m256i as Lane;

use pulp::x86::V3;
use pulp::{NullaryFnOnce, cast};

/// How many numbers are tested at one time.
pub(super) const LANES: usize = 4;

/// What the processor can do beyond the usual, if it can.
#[derive(Clone, Copy)]
pub(super) struct Wide(V3);

impl Wide {
    pub(super) fn of_this_processor() -> Option<Self> {
        V3::try_new().map(Wide)
    }

    /// Whether each of four odd numbers, whose two highest bits are set, may be
    /// a prime; nothing if they are too long for this.
    pub(super) fn may_be_primes<const N: usize>(self, numbers: &[[u64; N]; LANES]) -> Option<[bool; LANES]> {
        (4..=64).contains(&N).then(|| self.0.vectorize(Test(self.0, numbers)))
    }
}

/// The test, as something that can be compiled for such a processor.
struct Test<'n, const N: usize>(V3, &'n [[u64; N]; LANES]);

impl<const N: usize> NullaryFnOnce for Test<'_, N> {
    type Output = [bool; LANES];

    #[inline(always)]
    fn call(self) -> [bool; LANES] {
        test(self.0, self.1)
    }
}

/// Four odd moduli.
struct Moduli {
    /// With a zero behind the highest limb.
    n: Vec<Lane>,
    /// -1 / n modulo 2^width.
    inverse: Lane,
    /// Bits of a limb, and all of them set.
    width: u32,
    mask: Lane,
}

/// Computes 2^-(n - 1) modulo n: 1 for each prime.
///
/// A value that stands for 2^e is kept as 2^(e + bits). Where e is the highest
/// bits of -(n - 1), rounded down, that is a single bit, and from there on each
/// step squares, and doubles where a bit of what was rounded off is set.
#[inline(always)]
fn test<const N: usize>(simd: V3, numbers: &[[u64; N]; LANES]) -> [bool; LANES] {
    let moduli = Moduli::new(numbers);
    let (count, width) = (moduli.count(), moduli.width as usize);
    let bits = count * width;
    // So many of the highest bits, as a number, are fewer than the bits.
    let high = bits.ilog2() as usize;
    let steps = 64 * N - high;
    let mut power = vec![[0u64; LANES]; count + 1];
    let mut below = [[0u64; N]; LANES];
    for (lane, number) in numbers.iter().enumerate() {
        let place = bits - 1 - (number[N - 1] >> (64 - high)) as usize;
        power[place / width][lane] = 1 << (place % width);
        below[lane] = rounded_off(number, steps);
    }
    let mut power: Vec<Lane> = power.into_iter().map(cast).collect();
    let nothing = vec![zero(); count + 1];
    let mut rooms = [nothing.clone(), nothing.clone()];
    for bit in (0..steps).rev() {
        moduli.reduce(simd, &nothing, &power, &mut rooms);
        std::mem::swap(&mut power, &mut rooms[0]);
        let set: Lane = cast(below.map(|below| (below[bit / 64] >> (bit % 64) & 1).wrapping_neg()));
        for limb in &mut power {
            // Limbs may have one bit more until they are squared.
            *limb = add(simd, *limb, simd.avx2._mm256_and_si256(*limb, set));
        }
    }
    moduli.reduce(simd, &power, &nothing, &mut rooms);
    let out: Vec<[u64; LANES]> = rooms[0].iter().copied().map(cast).collect();
    let is_one = |lane: usize| out.iter().enumerate().all(|(at, limb)| limb[lane] == u64::from(at == 0));
    // Nothing was rounded off where no bit is set, but everything: 2^steps.
    std::array::from_fn(|lane| below[lane].iter().all(|limb| *limb == 0) || is_one(lane))
}

/// 2^steps less the lowest bits of n - 1, modulo 2^steps.
fn rounded_off<const N: usize>(n: &[u64; N], steps: usize) -> [u64; N] {
    let (mut out, mut carry) = (*n, true);
    out[0] &= !1;
    for (at, limb) in out.iter_mut().enumerate() {
        (*limb, carry) = (!*limb).overflowing_add(u64::from(carry));
        let kept = steps.saturating_sub(64 * at);
        *limb &= if kept < 64 { (1 << kept) - 1 } else { u64::MAX };
    }
    out
}

impl Moduli {
    fn new<const N: usize>(numbers: &[[u64; N]; LANES]) -> Self {
        // A column holds a square of limbs with one bit more, and a product, for
        // each limb: that must stay below 2^64.
        let width = if N <= 16 { 28 } else { 27 };
        let count = (64 * N + 12).div_ceil(width as usize).next_multiple_of(2);
        let mask = (1u64 << width) - 1;
        let limb = |number: &[u64; N], at: usize| {
            let (limb, shift) = (at / 64, at % 64);
            let low = number.get(limb).map_or(0, |bits| bits >> shift);
            let high = number.get(limb + 1).map_or(0, |bits| bits.checked_shl(64 - shift as u32).unwrap_or(0));
            (low | high) & mask
        };
        let limbs = |at: usize| cast(numbers.each_ref().map(|number| limb(number, at * width as usize)));
        Moduli {
            n: (0..=count).map(limbs).collect(),
            inverse: cast(numbers.each_ref().map(|number| super::mont::negative_inverse(number[0]) & mask)),
            width,
            mask: cast([mask; LANES]),
        }
    }

    /// How many limbs the moduli have.
    #[inline(always)]
    fn count(&self) -> usize {
        self.n.len() - 1
    }

    /// (start + a²) / 2^bits, into the first of two rooms.
    ///
    /// Two limbs of `a` at a time are multiplied with all of it, beside the two
    /// multiples of n that make the lowest two limbs zero; what is left moves
    /// down by two. Nothing is carried before the end but from those.
    #[inline(always)]
    fn reduce(&self, simd: V3, start: &[Lane], a: &[Lane], rooms: &mut [Vec<Lane>; 2]) {
        let count = self.count();
        let (n, a) = (&self.n[..=count], &a[..=count]);
        let shift = cast([u64::from(self.width); LANES]);
        let masked = |sum| simd.avx2._mm256_and_si256(sum, self.mask);
        let carried = |sum| simd.avx2._mm256_srlv_epi64(sum, shift);
        let [from, to] = rooms;
        from.copy_from_slice(start);
        for pair in a[..count].as_chunks::<2>().0 {
            let sum = plus(simd, from[0], pair[0], a[0]);
            let first = masked(product(simd, sum, self.inverse));
            let sum = plus(simd, from[1], first, n[1]);
            let carry = carried(plus(simd, plus(simd, from[0], pair[0], a[0]), first, n[0]));
            let sum = add(simd, plus(simd, plus(simd, sum, pair[0], a[1]), pair[1], a[0]), carry);
            let second = masked(product(simd, sum, self.inverse));
            let carry = carried(plus(simd, sum, second, n[0]));
            let (mut a_below, mut n_below) = (a[1], n[1]);
            let rest = to[..count - 1].iter_mut().zip(&from[2..=count]).zip(&a[2..]).zip(&n[2..]);
            for (((out, old), a), n) in rest {
                let one = plus(simd, plus(simd, *old, pair[0], *a), pair[1], a_below);
                let other = plus(simd, product(simd, first, *n), second, n_below);
                *out = add(simd, one, other);
                (a_below, n_below) = (*a, *n);
            }
            to[0] = add(simd, to[0], carry);
            to[count - 1] = zero();
            std::mem::swap(from, to);
        }
        let mut carry = zero();
        for limb in &mut from[..count - 1] {
            let sum = add(simd, *limb, carry);
            (*limb, carry) = (masked(sum), carried(sum));
        }
        from[count - 1] = carry;
    }
}

/// a + b * c, of the lower 32 bits of both.
#[inline(always)]
fn plus(simd: V3, a: Lane, b: Lane, c: Lane) -> Lane {
    add(simd, a, product(simd, b, c))
}

#[inline(always)]
fn zero() -> Lane {
    cast([0u64; LANES])
}

#[inline(always)]
fn add(simd: V3, a: Lane, b: Lane) -> Lane {
    simd.avx2._mm256_add_epi64(a, b)
}

/// The products of the lower 32 bits.
#[inline(always)]
fn product(simd: V3, a: Lane, b: Lane) -> Lane {
    simd.avx2._mm256_mul_epu32(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Stream;
    use crate::pki::mont::passes_base_two;

    /// Numbers of one length, some of them prime, against the other test.
    fn compare<const N: usize>(wide: Wide, stream: &mut Stream, rounds: usize, numbers: &[[u64; N]]) -> usize {
        let random = |_| {
            let mut n: [u64; N] = stream.limbs();
            (n[0], n[N - 1]) = (n[0] | 1, n[N - 1] | 3 << 62);
            n
        };
        let mut all: Vec<[u64; N]> = (0..4 * rounds).map(random).collect();
        all.extend(numbers);
        let mut passed = 0;
        for four in all.as_chunks::<LANES>().0 {
            let found = wide.may_be_primes(four).unwrap();
            for (number, found) in four.iter().zip(found) {
                let wanted = passes_base_two(number);
                // Of so long numbers hardly one passes only one of the two.
                assert_eq!(found, wanted, "{number:?}");
                passed += usize::from(found);
            }
        }
        passed
    }

    #[test]
    fn numbers_pass_where_they_do_elsewhere() {
        let Some(wide) = Wide::of_this_processor() else { return };
        let stream = &mut Stream::new([3; 32]);
        // 2^256 - 189 is prime.
        let near = [189, 187, 191, 1].map(|less| [u64::MAX - less + 1, u64::MAX, u64::MAX, u64::MAX]);
        let passed = compare(wide, stream, 500, &near);
        assert!(passed > 10, "{passed}");
        assert!(compare::<5>(wide, stream, 100, &[]) + compare::<8>(wide, stream, 100, &[]) > 1);
        compare::<16>(wide, stream, 20, &[[u64::MAX; 16]; 4]);
        compare::<17>(wide, stream, 4, &[[u64::MAX; 17]; 4]);
        compare::<32>(wide, stream, 2, &[[u64::MAX; 32]; 4]);
        compare::<64>(wide, stream, 1, &[]);
    }

    #[test]
    fn a_number_with_nothing_to_round_off_is_left_to_others() {
        let Some(wide) = Wide::of_this_processor() else { return };
        let mut number = [0u64; 16];
        (number[0], number[15]) = (1, 3 << 62);
        assert_eq!(wide.may_be_primes(&[number; LANES]), Some([true; LANES]));
        assert_eq!(wide.may_be_primes(&[[u64::MAX; 65]; LANES]), None);
    }
}
