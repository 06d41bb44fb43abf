//! A small deterministic stream of numbers, so that a failing run can be repeated from one number.
//!
//! Never a source of secrets.

use std::ops::RangeInclusive;

/// SplitMix64: every number follows from the seed and from how many were drawn before.
#[derive(Debug, Clone)]
pub struct Seed {
    state: u64,
}

impl Seed {
    /// The stream that starts at `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of `range`, each about as likely as the next; the lower end if the range is empty.
    pub fn within(&mut self, range: &RangeInclusive<u64>) -> u64 {
        let (low, high) = (*range.start(), *range.end());
        match high.checked_sub(low) {
            None | Some(0) => low,
            Some(u64::MAX) => self.next_u64(),
            Some(width) => low + self.next_u64() % (width + 1),
        }
    }

    /// A number below `end`; zero if `end` is zero.
    pub fn below(&mut self, end: usize) -> usize {
        self.within(&(0..=end.saturating_sub(1) as u64)) as usize
    }

    /// True `chances` times in `of`.
    pub fn happens(&mut self, chances: u32, of: u32) -> bool {
        self.below(of as usize) < chances as usize
    }

    /// One of `choices`, or nothing if there are none.
    pub fn choose<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len()))
    }

    /// `length` bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes);
        bytes
    }

    /// Overwrites `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let drawn = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&drawn[..chunk.len()]);
        }
    }

    /// A stream of its own that follows from this one.
    pub fn fork(&mut self) -> Self {
        Self::new(self.next_u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_splitmix64() {
        // The first outputs of the published algorithm for seed 1234567.
        let mut seed = Seed::new(1_234_567);
        assert_eq!(seed.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(seed.next_u64(), 3_203_168_211_198_807_973);
        assert_eq!(seed.next_u64(), 9_817_491_932_198_370_423);
    }

    #[test]
    fn a_range_is_kept_and_reached() {
        let mut seed = Seed::new(7);
        let mut seen = [false; 4];
        for _ in 0..200 {
            seen[(seed.within(&(3..=6)) - 3) as usize] = true;
        }
        assert_eq!(seen, [true; 4]);
        assert_eq!(seed.within(&(5..=5)), 5);
        assert_eq!(seed.below(0), 0);
        assert!(seed.choose::<u8>(&[]).is_none());
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_a_fork_others() {
        let (mut one, mut two) = (Seed::new(9), Seed::new(9));
        assert_eq!(one.bytes(21), two.bytes(21));
        assert_ne!(one.fork().bytes(16), two.bytes(16));
    }
}
