//! The test of Miller and Rabin to base 2.
//!
//! Nearly every number that a search for a prime looks at fails it, and a
//! search does little else, so its arithmetic is our own: to multiply by two
//! is to shift, a square needs half the products of a multiplication, and
//! nothing has to take the same time for all numbers. Limbs are 64 bits, the
//! lowest first; residues are Montgomery's.

/// An odd modulus.
struct Modulus<const N: usize> {
    n: [u64; N],
    /// -1 / n modulo 2^64.
    inverse: u64,
}

/// Whether an odd number of at least 3 passes: all primes do, and very few
/// others.
pub(super) fn passes_base_two<const N: usize>(n: &[u64; N]) -> bool {
    let modulus = Modulus::new(*n);
    let one = modulus.one();
    let minus_one = less(n, &one);
    // n - 1 = odd * 2^twos; n is odd, so only its lowest bit differs.
    let mut below = *n;
    below[0] &= !1;
    let twos = trailing_zeros(&below);
    let bits = bit_length(&below);
    let mut power = one;
    for bit in (twos..bits).rev() {
        power = modulus.square(&power);
        if below[bit / 64] >> (bit % 64) & 1 == 1 {
            power = modulus.double(&power);
        }
    }
    if power == one || power == minus_one {
        return true;
    }
    for _ in 1..twos {
        power = modulus.square(&power);
        if power == minus_one {
            return true;
        }
    }
    false
}

impl<const N: usize> Modulus<N> {
    fn new(n: [u64; N]) -> Self {
        Modulus { n, inverse: negative_inverse(n[0]) }
    }

    /// 2^(64 N) modulo n: what stands for 1.
    fn one(&self) -> [u64; N] {
        let bits = bit_length(&self.n);
        let mut one = [0; N];
        one[(bits - 1) / 64] = 1 << ((bits - 1) % 64);
        for _ in bits - 1..64 * N {
            one = self.double(&one);
        }
        one
    }

    fn double(&self, a: &[u64; N]) -> [u64; N] {
        let (mut out, mut carry) = (*a, 0);
        for limb in &mut out {
            (*limb, carry) = (*limb << 1 | carry, *limb >> 63);
        }
        self.below(out, carry != 0)
    }

    /// a² / 2^(64 N).
    #[inline(always)]
    fn square(&self, a: &[u64; N]) -> [u64; N] {
        let mut wide = [[0u64; N]; 2];
        let t = wide.as_flattened_mut();
        // Each product of two different limbs, once.
        for i in 0..N {
            let mut carry = 0;
            for (out, other) in t[2 * i + 1..i + N].iter_mut().zip(&a[i + 1..]) {
                (*out, carry) = multiply_add(a[i], *other, *out, carry);
            }
            t[i + N] = carry;
        }
        // They count twice; and the squares of the limbs.
        let (mut shifted, mut carry) = (0, 0);
        for (pair, limb) in t.chunks_exact_mut(2).zip(a) {
            let (low, high) = (pair[0] << 1 | shifted, pair[1] << 1 | pair[0] >> 63);
            shifted = pair[1] >> 63;
            let (low, over) = multiply_add(*limb, *limb, low, carry);
            let sum = u128::from(high) + u128::from(over);
            (pair[0], pair[1], carry) = (low, sum as u64, (sum >> 64) as u64);
        }
        // Multiples of n make the lower half zero.
        let mut top = 0;
        for i in 0..N {
            let factor = t[i].wrapping_mul(self.inverse);
            let mut carry = 0;
            for (out, limb) in t[i..i + N].iter_mut().zip(&self.n) {
                (*out, carry) = multiply_add(factor, *limb, *out, carry);
            }
            let sum = u128::from(t[i + N]) + u128::from(carry) + top;
            (t[i + N], top) = (sum as u64, sum >> 64);
        }
        self.below(wide[1], top != 0)
    }

    /// A number below 2n, of which `over` is the bit beyond its limbs, modulo n.
    fn below(&self, a: [u64; N], over: bool) -> [u64; N] {
        if over || a.iter().rev().ge(self.n.iter().rev()) { less(&a, &self.n) } else { a }
    }
}

/// -1 / n modulo 2^64, of an odd number.
pub(super) fn negative_inverse(n: u64) -> u64 {
    // Newton's iteration: each step doubles the bits that are right, from three
    // on.
    let mut inverse = n;
    for _ in 0..5 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(n.wrapping_mul(inverse)));
    }
    inverse.wrapping_neg()
}

/// a * b + c + d: the lower limb, and the higher one.
#[inline(always)]
fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let sum = u128::from(a) * u128::from(b) + u128::from(c) + u128::from(d);
    (sum as u64, (sum >> 64) as u64)
}

/// a - b, without what is beyond the limbs.
fn less<const N: usize>(a: &[u64; N], b: &[u64; N]) -> [u64; N] {
    let (mut out, mut borrow) = (*a, false);
    for (limb, taken) in out.iter_mut().zip(b) {
        let (rest, first) = limb.overflowing_sub(*taken);
        let (rest, second) = rest.overflowing_sub(u64::from(borrow));
        (*limb, borrow) = (rest, first || second);
    }
    out
}

fn bit_length<const N: usize>(a: &[u64; N]) -> usize {
    let leading = a.iter().rev().take_while(|limb| **limb == 0).count();
    let highest = a[N - 1 - leading.min(N - 1)];
    64 * (N - leading) - if leading < N { highest.leading_zeros() as usize } else { 0 }
}

fn trailing_zeros<const N: usize>(a: &[u64; N]) -> usize {
    let empty = a.iter().take_while(|limb| **limb == 0).count();
    64 * empty + a.get(empty).map_or(0, |limb| limb.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Stream;
    use crypto_bigint::{Odd, Uint};
    use crypto_primes::hazmat::MillerRabin;

    /// What another implementation says.
    fn wanted<const N: usize>(n: [u64; N]) -> bool {
        let odd = Odd::new(Uint::<N>::from_words(n)).into_option().unwrap();
        MillerRabin::new(odd).test_base_two().is_probably_prime()
    }

    #[test]
    fn small_numbers_pass_if_they_are_prime_or_known_to_pass() {
        let passed: Vec<u64> = (3..10_000).step_by(2).filter(|n| passes_base_two(&[*n, 0])).collect();
        let prime = |n: u64| (3..).step_by(2).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
        let others: Vec<u64> = passed.iter().copied().filter(|n| !prime(*n)).collect();
        assert_eq!(others, [2047, 3277, 4033, 4681, 8321], "the strong pseudoprimes to base 2");
        assert_eq!(passed.len() - others.len(), 1228, "every odd prime passes");
    }

    #[test]
    fn long_numbers_pass_where_they_do_elsewhere() {
        let mut stream = Stream::new([9; 32]);
        let (mut passed, mut failed) = (0, 0);
        for length in 0..64 {
            for _ in 0..40 {
                let mut n: [u64; 2] = stream.limbs();
                // Of every length, and with many twos below.
                n[1] >>= length;
                n[0] = n[0] >> (length % 7) << (length % 7) | 1;
                let found = passes_base_two(&n);
                assert_eq!(found, wanted(n), "{n:?}");
                if found { passed += 1 } else { failed += 1 }
            }
        }
        assert!(passed > 20 && failed > 2000, "{passed} {failed}");
        for n in [[u64::MAX; 4], [u64::MAX - 188, u64::MAX, u64::MAX, u64::MAX], [1, 0, 0, 1 << 63]] {
            assert_eq!(passes_base_two(&n), wanted(n), "{n:?}");
        }
        let n: [u64; 16] = stream.limbs();
        assert_eq!(passes_base_two(&n.map(|limb| limb | 1)), wanted(n.map(|limb| limb | 1)));
    }
}
