//! The passphrase that an agent is locked with (RFC 9987 §5.7).

use konko_crypto::hash::SHA256;
use konko_crypto::random::{SecureRandom, SystemRandom};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// How much longer each wrong passphrase makes the next answer take.
const DELAY_STEP: Duration = Duration::from_millis(100);
/// The longest delay.
const LONGEST_DELAY: Duration = Duration::from_secs(10);
const SALT_LEN: usize = 32;

/// What an attempt to unlock comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unlocking {
    /// It is open again.
    Unlocked,
    /// The passphrase is wrong; the answer is to be held back until then.
    Wrong(Instant),
    /// An earlier attempt, perhaps on another connection, has yet to be answered: try again then.
    TooEarly(Instant),
    /// It is not locked.
    NotLocked,
}

/// Locked or not. The passphrase itself is not kept.
#[derive(Default)]
pub(crate) struct Lock {
    verifier: Option<([u8; SALT_LEN], [u8; 32])>,
    failures: u32,
    not_before: Option<Instant>,
}

impl Lock {
    pub(crate) const fn is_locked(&self) -> bool {
        self.verifier.is_some()
    }

    /// False if it is locked already.
    pub(crate) fn lock(&mut self, passphrase: &[u8]) -> bool {
        if self.is_locked() {
            return false;
        }
        let mut salt = [0; SALT_LEN];
        SystemRandom.fill(&mut salt);
        self.verifier = Some((salt, digest(&salt, passphrase)));
        true
    }

    pub(crate) fn unlock(&mut self, passphrase: &[u8], now: Instant) -> Unlocking {
        let Some((salt, expected)) = &mut self.verifier else { return Unlocking::NotLocked };
        if let Some(not_before) = self.not_before.filter(|not_before| *not_before > now) {
            return Unlocking::TooEarly(not_before);
        }
        let mut given = digest(salt, passphrase);
        let equal = bool::from(given.ct_eq(expected));
        given.zeroize();
        if equal {
            salt.zeroize();
            expected.zeroize();
            *self = Self::default();
            return Unlocking::Unlocked;
        }
        self.failures = self.failures.saturating_add(1);
        let until = now + DELAY_STEP.saturating_mul(self.failures).min(LONGEST_DELAY);
        self.not_before = Some(until);
        Unlocking::Wrong(until)
    }
}

fn digest(salt: &[u8; SALT_LEN], passphrase: &[u8]) -> [u8; 32] {
    let output = SHA256.digest(&[salt, passphrase]);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(&output[..32]);
    bytes
}

impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lock(locked: {})", self.is_locked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: E08
    #[test]
    fn each_wrong_passphrase_makes_the_next_answer_take_longer() {
        let mut now = Instant::now();
        let mut lock = Lock::default();
        assert_eq!(lock.unlock(b"", now), Unlocking::NotLocked);
        assert!(lock.lock(b"right"));
        assert!(!lock.lock(b"other"), "a locked agent is not locked anew");
        for failure in 1..=100u32 {
            let until = now + Duration::from_millis(100) * failure;
            assert_eq!(lock.unlock(b"wrong", now), Unlocking::Wrong(until), "{failure}");
            let early = until - Duration::from_millis(1);
            assert_eq!(lock.unlock(b"right", early), Unlocking::TooEarly(until), "{failure}");
            now = until;
        }
        assert_eq!(lock.unlock(b"wrong", now), Unlocking::Wrong(now + LONGEST_DELAY));
        assert_eq!(lock.unlock(b"right", now + LONGEST_DELAY), Unlocking::Unlocked);
        assert!(!lock.is_locked());
        assert!(lock.lock(b"again"));
        let later = now + LONGEST_DELAY;
        assert_eq!(lock.unlock(b"", later), Unlocking::Wrong(later + DELAY_STEP));
    }

    /// covers: E08
    #[test]
    fn an_empty_passphrase_is_one_like_any_other() {
        let now = Instant::now();
        let mut lock = Lock::default();
        assert!(lock.lock(b""));
        assert!(matches!(lock.unlock(b"\0", now), Unlocking::Wrong(_)));
        assert_eq!(lock.unlock(b"", now + DELAY_STEP), Unlocking::Unlocked);
    }
}
