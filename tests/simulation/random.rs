//! A random source that a seed repeats.

use konko_crypto::random::SecureRandom;
use konko_tests::Seed;

/// The stream of a seed.
#[derive(Debug)]
pub struct SeededRandom(pub Seed);

impl SecureRandom for SeededRandom {
    fn fill(&mut self, out: &mut [u8]) {
        self.0.fill(out);
    }
}
