//! Fingerprints of host keys in the DNS (RFC 4255, RFC 6594, RFC 7479).

use konko_keys::public_key::PublicKey;
use sha1::{Digest, Sha1};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The kind of fingerprint.
const SHA1: u8 = 1;
const SHA256: u8 = 2;
/// A longer fingerprint is not read.
const LONGEST_FINGERPRINT: usize = 64;

/// A resource record: a key algorithm, a kind of fingerprint, the fingerprint. Either number may be unknown here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SshfpRecord {
    /// 1 RSA, 2 DSA, 3 ECDSA, 4 Ed25519.
    pub algorithm: u8,
    /// 1 SHA-1, 2 SHA-256.
    pub fingerprint_type: u8,
    /// The fingerprint.
    pub fingerprint: Vec<u8>,
}

/// The answer of a resolver.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SshfpAnswer {
    /// The records of the host.
    pub records: Vec<SshfpRecord>,
    /// Whether the answer was authenticated by DNSSEC on the way from a resolver that is trusted.
    pub authenticated: bool,
}

/// What the records say of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SshfpVerdict {
    /// No record is about keys of this type.
    None,
    /// A record has this key. RFC 4255 §2.4: without DNSSEC that is no reason to believe it.
    Matched {
        /// Whether the answer was authenticated.
        authenticated: bool,
    },
    /// There are records about keys of this type, and none has this key.
    Mismatch,
}

/// A record that is not laid out as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an SSHFP record")]
pub struct SshfpError;

impl SshfpRecord {
    /// Reads the data of a record as it travels (RFC 4255 §3.1).
    ///
    /// # Errors
    ///
    /// [`SshfpError`] for data without a fingerprint or with one that is too long.
    pub fn decode(data: &[u8]) -> Result<Self, SshfpError> {
        match data {
            [algorithm, fingerprint_type, fingerprint @ ..]
                if (1..=LONGEST_FINGERPRINT).contains(&fingerprint.len()) =>
            {
                let (algorithm, fingerprint_type) = (*algorithm, *fingerprint_type);
                Ok(Self { algorithm, fingerprint_type, fingerprint: fingerprint.to_vec() })
            }
            _ => Err(SshfpError),
        }
    }

    /// Reads the data as zone files have it (RFC 4255 §3.2): `4 2 0123…`; the digits may be in groups.
    ///
    /// # Errors
    ///
    /// [`SshfpError`] for a text of another shape.
    pub fn parse(text: &str) -> Result<Self, SshfpError> {
        let mut words = text.split_ascii_whitespace();
        let mut number = || words.next().and_then(|word| word.parse::<u8>().ok()).ok_or(SshfpError);
        let (algorithm, fingerprint_type) = (number()?, number()?);
        let digits: Vec<u8> = words.flat_map(str::bytes).take(2 * LONGEST_FINGERPRINT + 1).collect();
        let (pairs, rest) = digits.as_chunks::<2>();
        let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let byte = |[high, low]: &[u8; 2]| Some(hex(*high)? << 4 | hex(*low)?);
        let fingerprint = pairs.iter().map(byte).collect::<Option<Vec<u8>>>().ok_or(SshfpError)?;
        if fingerprint.is_empty() || !rest.is_empty() {
            return Err(SshfpError);
        }
        Ok(Self { algorithm, fingerprint_type, fingerprint })
    }

    /// The records of a key: SHA-1 and SHA-256, as `ssh-keygen -r` prints them. None for a type without a number.
    pub fn of(key: &PublicKey) -> Vec<Self> {
        let Some(algorithm) = algorithm_of(key) else { return Vec::new() };
        let record = |fingerprint_type| {
            let fingerprint = fingerprint(key, fingerprint_type)?;
            Some(Self { algorithm, fingerprint_type, fingerprint })
        };
        [SHA1, SHA256].into_iter().filter_map(record).collect()
    }
}

impl std::fmt::Display for SshfpRecord {
    /// As [`SshfpRecord::parse`] reads it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ", self.algorithm, self.fingerprint_type)?;
        self.fingerprint.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl SshfpAnswer {
    /// What the records say of a key. Where a host has fingerprints of both kinds for a type, those of SHA-1 do not
    /// count.
    pub fn verdict(&self, key: &PublicKey) -> SshfpVerdict {
        let algorithm = algorithm_of(key);
        let of_type: Vec<_> =
            self.records.iter().filter(|record| Some(record.algorithm) == algorithm).collect();
        // RFC 6594 §4.1: "validating implementations MUST ... ignore SHA-1 ... if SHA-256 fingerprints are present".
        let kind = if of_type.iter().any(|record| record.fingerprint_type == SHA256) { SHA256 } else { SHA1 };
        let wanted = fingerprint(key, kind).unwrap_or_default();
        let mut verdict = SshfpVerdict::None;
        for record in of_type.iter().filter(|record| record.fingerprint_type == kind) {
            if bool::from(record.fingerprint.ct_eq(&wanted)) {
                return SshfpVerdict::Matched { authenticated: self.authenticated };
            }
            verdict = SshfpVerdict::Mismatch;
        }
        verdict
    }
}

/// The number of its algorithm (RFC 4255 §3.1.1, RFC 6594 §5.1, RFC 7479).
fn algorithm_of(key: &PublicKey) -> Option<u8> {
    match key.key_type() {
        "ssh-rsa" => Some(1),
        "ssh-dss" => Some(2),
        "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "ecdsa-sha2-nistp521" => Some(3),
        "ssh-ed25519" => Some(4),
        _ => None,
    }
}

fn fingerprint(key: &PublicKey, fingerprint_type: u8) -> Option<Vec<u8>> {
    match fingerprint_type {
        SHA1 => Some(Sha1::digest(key.blob()).to_vec()),
        SHA256 => Some(Sha256::digest(key.blob()).to_vec()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::public;

    fn answer(records: &[SshfpRecord], authenticated: bool) -> SshfpAnswer {
        SshfpAnswer { records: records.to_vec(), authenticated }
    }

    /// covers: C12
    #[test]
    fn what_records_say() {
        let (key, other) = (public("ed25519"), public("rsa2048"));
        let records = SshfpRecord::of(&key);
        assert_eq!(answer(&records, true).verdict(&key), SshfpVerdict::Matched { authenticated: true });
        assert_eq!(answer(&records, false).verdict(&key), SshfpVerdict::Matched { authenticated: false });
        assert_eq!(answer(&records, true).verdict(&other), SshfpVerdict::None);
        assert_eq!(answer(&[], true).verdict(&key), SshfpVerdict::None);
        let mut wrong = records.clone();
        wrong[1].fingerprint[0] ^= 1;
        // SHA-1 alone would match; SHA-256 is there and decides.
        assert_eq!(answer(&wrong, true).verdict(&key), SshfpVerdict::Mismatch);
        assert_eq!(answer(&wrong[..1], true).verdict(&key), SshfpVerdict::Matched { authenticated: true });
        wrong[1].fingerprint.clear();
        assert_eq!(answer(&wrong[1..], true).verdict(&key), SshfpVerdict::Mismatch);
        // Two keys of a type while one replaces the other.
        let both: Vec<_> =
            [&public("ecdsa256"), &public("ecdsa384")].into_iter().flat_map(SshfpRecord::of).collect();
        assert_eq!(
            answer(&both, true).verdict(&public("ecdsa384")),
            SshfpVerdict::Matched { authenticated: true }
        );
        assert_eq!(answer(&both, true).verdict(&public("ecdsa521")), SshfpVerdict::Mismatch);
        let unknown = SshfpRecord { algorithm: 4, fingerprint_type: 9, fingerprint: vec![1] };
        assert_eq!(answer(&[unknown], true).verdict(&key), SshfpVerdict::None);
    }

    #[test]
    fn records_as_text_and_as_they_travel() {
        for name in ["ed25519", "ecdsa256", "rsa2048"] {
            for record in SshfpRecord::of(&public(name)) {
                assert_eq!(SshfpRecord::parse(&record.to_string()), Ok(record.clone()));
                let mut data = vec![record.algorithm, record.fingerprint_type];
                data.extend(&record.fingerprint);
                assert_eq!(SshfpRecord::decode(&data), Ok(record));
            }
        }
        let record = SshfpRecord { algorithm: 2, fingerprint_type: 1, fingerprint: vec![0x12, 0xab] };
        assert_eq!(SshfpRecord::parse("2 1 12 AB"), Ok(record));
        let long = format!("2 1 {}", "a".repeat(2 * LONGEST_FINGERPRINT + 2));
        for bad in ["", "2", "2 1", "2 1 1", "2 1 xy", "256 1 12", "2 -1 12", "2 1 12é4", &long] {
            assert_eq!(SshfpRecord::parse(bad), Err(SshfpError), "{bad}");
        }
        assert_eq!(SshfpRecord::decode(&[1, 2]), Err(SshfpError));
        assert_eq!(SshfpRecord::decode(&[0; LONGEST_FINGERPRINT + 3]), Err(SshfpError));
    }
}
