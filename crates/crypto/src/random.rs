//! Where unpredictable bytes come from. Every draw of the library goes through [`SecureRandom`], so a seeded
//! source makes a whole connection repeatable.

/// A source of cryptographically secure random bytes.
pub trait SecureRandom: Send {
    /// Fills `out` with random bytes.
    fn fill(&mut self, out: &mut [u8]);
}

/// The operating system's random source.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRandom;

impl SecureRandom for SystemRandom {
    /// # Panics
    ///
    /// If the operating system has no random source at all: there is no safe way to go on without one.
    fn fill(&mut self, out: &mut [u8]) {
        getrandom::fill(out).expect("the operating system's random source");
    }
}
