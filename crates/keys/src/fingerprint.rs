//! Short names of public keys that people can compare.

use base64ct::{Base64Unpadded, Encoding};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

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

/// A hash that a fingerprint can be made with. [`Fingerprint`] has the two that everybody shows; the others are for
/// people who compare with what `ssh-keygen -l -E` wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FingerprintHash {
    /// MD5, which does not resist an attacker.
    Md5,
    /// SHA-1, which hardly does.
    Sha1,
    /// SHA-256, the usual one.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl FingerprintHash {
    const ALL: [Self; 5] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Its name in capitals, as it stands before a fingerprint.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha384 => "SHA384",
            Self::Sha512 => "SHA512",
        }
    }

    /// The one of this name, in any case.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.name().eq_ignore_ascii_case(name))
    }

    /// The digest of a public key blob.
    pub fn digest(self, blob: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => md5::Md5::digest(blob).to_vec(),
            Self::Sha1 => Sha1::digest(blob).to_vec(),
            Self::Sha256 => Sha256::digest(blob).to_vec(),
            Self::Sha384 => Sha384::digest(blob).to_vec(),
            Self::Sha512 => Sha512::digest(blob).to_vec(),
        }
    }

    /// The fingerprint of a public key blob, as OpenSSH writes it.
    pub fn fingerprint(self, blob: &[u8]) -> String {
        let digest = self.digest(blob);
        if self == Self::Md5 {
            return digest.iter().fold(self.name().to_owned(), |text, byte| format!("{text}:{byte:02x}"));
        }
        format!("{}:{}", self.name(), Base64Unpadded::encode_string(&digest))
    }
}

/// The digest of a public key blob by SHA-1 in syllables that can be spoken ("bubble babble"), as `ssh-keygen -B`
/// writes it.
pub fn bubble_babble(blob: &[u8]) -> String {
    babble(&FingerprintHash::Sha1.digest(blob))
}

/// Writes an even number of bytes.
fn babble(digest: &[u8]) -> String {
    let vowel = |index: usize| b"aeiouy".get(index % 6).map_or('x', |letter| char::from(*letter));
    let consonant =
        |index: usize| b"bcdfghklmnprstvz".get(index % 16).map_or('x', |letter| char::from(*letter));
    let mut seed = 1usize;
    let mut text = String::from("x");
    for [first, second] in digest.as_chunks::<2>().0 {
        let (first, second) = (usize::from(*first), usize::from(*second));
        text.extend([vowel((first >> 6) + seed), consonant(first >> 2), vowel((first & 3) + seed / 6)]);
        text.extend([consonant(second >> 4), '-', consonant(second)]);
        seed = (seed * 5 + first * 7 + second) % 36;
    }
    text.extend([vowel(seed), 'x', vowel(seed / 6), 'x']);
    text
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{public, text};

    /// The examples of the specification of bubble babble (Huima, 2000), and what ssh-keygen writes.
    #[test]
    fn syllables() {
        assert_eq!(babble(b""), "xexax");
        assert_eq!(babble(b"1234567890"), "xesef-disof-gytuf-katof-movif-baxux");
        let expected = "xuziz-zadac-nukur-setym-vifys-horec-nebit-limad-zatup-gulig-kuxox";
        assert_eq!(bubble_babble(public("ed25519").blob()), expected);
    }

    #[test]
    fn every_hash_has_its_notation() {
        let key = public("ed25519");
        for hash in FingerprintHash::ALL {
            assert_eq!(FingerprintHash::by_name(&hash.name().to_lowercase()), Some(hash));
        }
        let known = text("fingerprints");
        for hash in [FingerprintHash::Sha256, FingerprintHash::Md5] {
            assert!(known.contains(&format!("256 {} ", hash.fingerprint(key.blob()))));
        }
        assert_eq!(FingerprintHash::by_name("sha3"), None);
    }
}
