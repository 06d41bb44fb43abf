//! How much work a file may ask for.

/// What is spent at most on making the key of a file from its passphrase. The numbers stand in the file, so whoever
/// wrote it would otherwise choose how long reading it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyFileLimits {
    /// Rounds of bcrypt. 2048 by default, which are some seconds; ssh-keygen takes 24.
    pub bcrypt_rounds: u32,
    /// Rounds of PBKDF2. 10 million by default, which are some seconds; OpenSSL takes 2048.
    pub pbkdf2_iterations: u32,
    /// Memory of scrypt and Argon2, in bytes. 256 MiB by default. scrypt may go over so much memory four times, and
    /// Argon2 sixty-four times.
    pub memory: u64,
}

impl Default for KeyFileLimits {
    fn default() -> Self {
        Self { bcrypt_rounds: 2048, pbkdf2_iterations: 10_000_000, memory: 256 * 1024 * 1024 }
    }
}

impl KeyFileLimits {
    /// Bytes that scrypt may go over.
    pub(super) const fn scrypt_work(&self) -> u64 {
        self.memory.saturating_mul(4)
    }

    /// Bytes that Argon2 may go over.
    pub(super) const fn argon2_work(&self) -> u64 {
        self.memory.saturating_mul(64)
    }
}
