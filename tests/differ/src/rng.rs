//! Numbers that look random and are the same for the same seed (SplitMix64).

/// The source of all choices of one try.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// A source for one try of a run.
    #[must_use]
    pub fn new(seed: u64, number: u64) -> Self {
        let mut rng = Rng(seed ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03));
        rng.number();
        rng
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not zero.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end.max(1) as u64) as usize
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}
