//! Lets crates that draw from a `rand_core` generator draw from the given [`SecureRandom`].

use crate::random::SecureRandom;
use rand_core::{TryCryptoRng, TryRng};
use std::convert::Infallible;

/// A [`SecureRandom`] seen as a `rand_core` generator.
pub struct InjectedRandom<'a>(pub &'a mut dyn SecureRandom);

impl TryRng for InjectedRandom<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for InjectedRandom<'_> {}
