//! Where unpredictable bytes come from. Every draw of the library goes through [`SecureRandom`], so a seeded
//! source makes a whole connection repeatable.

/// A source of cryptographically secure random bytes.
pub trait SecureRandom: Send {
    /// Fills `out` with random bytes.
    fn fill(&mut self, out: &mut [u8]);

    /// Whether this is the operating system's source and nothing else, so that code which can draw from there only by
    /// itself may do so in place of [`fill`](Self::fill). A source that shall be repeatable, recorded or counted says
    /// no, as every source does that does not say otherwise.
    fn is_system(&self) -> bool {
        false
    }
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

    fn is_system(&self) -> bool {
        true
    }
}
