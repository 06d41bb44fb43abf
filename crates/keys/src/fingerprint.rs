//! Short names of public keys that people can compare.

use base64ct::{Base64Unpadded, Encoding};
use sha2::{Digest, Sha256};

/// The SHA-256 of a public key blob, written as OpenSSH writes it: `SHA256:` and base64 without padding.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    sha256: [u8; 32],
    md5: [u8; 16],
}

/// The MD5 of a public key blob, written as RFC 4716 §4 describes it after `MD5:`. Only for people who compare
/// with an old note: MD5 does not resist an attacker.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Md5Fingerprint([u8; 16]);

impl Fingerprint {
    /// Of a public key blob.
    pub fn of(blob: &[u8]) -> Self {
        Self { sha256: Sha256::digest(blob).into(), md5: md5::Md5::digest(blob).into() }
    }

    /// The 32 bytes of SHA-256.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The same key in the old notation.
    pub const fn md5(&self) -> Md5Fingerprint {
        Md5Fingerprint(self.md5)
    }
}

impl Md5Fingerprint {
    /// The 16 bytes of MD5.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SHA256:{}", Base64Unpadded::encode_string(&self.sha256))
    }
}

impl std::fmt::Display for Md5Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MD5")?;
        self.0.iter().try_for_each(|byte| write!(f, ":{byte:02x}"))
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Debug for Md5Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
