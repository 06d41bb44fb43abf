//! Ed25519 (RFC 8032, RFC 8709), in the implementation that is quickest here. Which one it is cannot be seen in any
//! result: what must be refused is refused here, before either of them looks at it.

use crate::error::KeyError;
use zeroize::Zeroizing;

pub(crate) const PUBLIC_LEN: usize = 32;
pub(crate) const SECRET_LEN: usize = 32;
const SIGNATURE_LEN: usize = 64;

/// The y coordinates of the eight points of small order; the last two are those of order 8.
const SMALL_ORDER: [[u8; PUBLIC_LEN]; 5] = [
    coordinate(0x00, 0x00, 0x00),
    coordinate(0x01, 0x00, 0x00),
    coordinate(0xec, 0xff, 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

const fn coordinate(first: u8, middle: u8, last: u8) -> [u8; PUBLIC_LEN] {
    let mut bytes = [middle; PUBLIC_LEN];
    bytes[0] = first;
    bytes[PUBLIC_LEN - 1] = last;
    bytes
}

/// Checks what can be told from the encoding of a point alone.
fn check_encoding(point: &[u8; PUBLIC_LEN]) -> Result<(), KeyError> {
    let mut y = *point;
    y[PUBLIC_LEN - 1] &= 0x7f;
    if SMALL_ORDER.contains(&y) {
        return Err(KeyError::Invalid { what: "a point of small order" });
    }
    // RFC 8032 §5.1.3: "If the resulting value is >= p, decoding fails."
    let [first, middle @ .., last] = y;
    if first >= 0xed && last == 0x7f && middle.iter().all(|byte| *byte == 0xff) {
        return Err(KeyError::Invalid { what: "a point that is not canonically encoded" });
    }
    Ok(())
}

/// A point that verifies signatures, in the form that its implementation wants.
trait Verify: Send + Sync {
    /// RFC 8032 §5.1.7 without the cofactor, and with S < L. R is compared as it is encoded.
    fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool;
}

/// A secret that signs, in the form that its implementation wants; it is wiped on drop.
trait Sign: Send + Sync {
    fn public(&self) -> [u8; PUBLIC_LEN];
    fn sign(&self, message: &[u8]) -> Option<[u8; SIGNATURE_LEN]>;
}

/// A point that is canonically encoded and not of small order; such a key would sign for nothing.
pub(crate) struct VerifyingKey {
    bytes: [u8; PUBLIC_LEN],
    point: Box<dyn Verify>,
}

impl VerifyingKey {
    pub(crate) const fn as_bytes(&self) -> &[u8; PUBLIC_LEN] {
        &self.bytes
    }
}

/// Takes a point that is canonically encoded and not of small order.
pub(crate) fn public_key(bytes: &[u8]) -> Result<VerifyingKey, KeyError> {
    let bytes: &[u8; PUBLIC_LEN] =
        bytes.try_into().map_err(|_| KeyError::Invalid { what: "an Ed25519 key has 32 bytes" })?;
    check_encoding(bytes)?;
    let point = decode(bytes).ok_or(KeyError::Invalid { what: "no point of Ed25519" })?;
    Ok(VerifyingKey { bytes: *bytes, point })
}

fn decode(bytes: &[u8; PUBLIC_LEN]) -> Option<Box<dyn Verify>> {
    #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
    if konko_crypto::processor::runs_graviola() {
        return accelerated::decode(bytes);
    }
    portable::decode(bytes)
}

/// One rule everywhere: RFC 8032 §5.1.7 with S < L, R and the key canonically encoded and not of small order, and no
/// multiplication by the cofactor.
pub(crate) fn verify(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    let Ok(signature) = <&[u8; SIGNATURE_LEN]>::try_from(signature) else { return false };
    let (r, _) = signature.split_at(PUBLIC_LEN);
    r.first_chunk().is_some_and(|r| check_encoding(r).is_ok()) && key.point.verify(message, signature)
}

/// A secret and its public half; the secret is wiped on drop.
pub(crate) struct SigningKey {
    seed: Zeroizing<[u8; SECRET_LEN]>,
    public: [u8; PUBLIC_LEN],
    secret: Box<dyn Sign>,
}

impl SigningKey {
    pub(crate) fn from_bytes(seed: &[u8; SECRET_LEN]) -> Self {
        let secret = expand(seed);
        Self { seed: Zeroizing::new(*seed), public: secret.public(), secret }
    }

    /// The seed.
    pub(crate) fn as_bytes(&self) -> &[u8; SECRET_LEN] {
        &self.seed
    }

    /// The public half.
    pub(crate) const fn public(&self) -> &[u8; PUBLIC_LEN] {
        &self.public
    }

    /// Signs; nothing where a fault was noticed.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<[u8; SIGNATURE_LEN]> {
        self.secret.sign(message)
    }
}

fn expand(seed: &[u8; SECRET_LEN]) -> Box<dyn Sign> {
    #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
    if konko_crypto::processor::runs_graviola()
        && let Some(secret) = accelerated::expand(seed)
    {
        return secret;
    }
    portable::expand(seed)
}

mod portable {
    use super::{PUBLIC_LEN, SECRET_LEN, SIGNATURE_LEN, Sign, Verify};
    use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};

    impl Verify for VerifyingKey {
        fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
            Verifier::verify(self, message, &Signature::from_bytes(signature)).is_ok()
        }
    }

    pub(super) fn decode(bytes: &[u8; PUBLIC_LEN]) -> Option<Box<dyn Verify>> {
        Some(Box::new(VerifyingKey::from_bytes(bytes).ok()?))
    }

    impl Sign for SigningKey {
        fn public(&self) -> [u8; PUBLIC_LEN] {
            self.verifying_key().to_bytes()
        }

        fn sign(&self, message: &[u8]) -> Option<[u8; SIGNATURE_LEN]> {
            self.try_sign(message).ok().map(|signature| signature.to_bytes())
        }
    }

    pub(super) fn expand(seed: &[u8; SECRET_LEN]) -> Box<dyn Sign> {
        Box::new(SigningKey::from_bytes(seed))
    }
}

#[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod accelerated {
    use super::{PUBLIC_LEN, SECRET_LEN, SIGNATURE_LEN, Sign, Verify};
    use graviola::signing::eddsa::{Ed25519SigningKey, Ed25519VerifyingKey};

    impl Verify for Ed25519VerifyingKey {
        fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
            Self::verify(self, signature, message).is_ok()
        }
    }

    pub(super) fn decode(bytes: &[u8; PUBLIC_LEN]) -> Option<Box<dyn Verify>> {
        Some(Box::new(Ed25519VerifyingKey::from_bytes(bytes).ok()?))
    }

    impl Sign for Ed25519SigningKey {
        fn public(&self) -> [u8; PUBLIC_LEN] {
            self.public_key().as_bytes()
        }

        fn sign(&self, message: &[u8]) -> Option<[u8; SIGNATURE_LEN]> {
            Some(Self::sign(self, message))
        }
    }

    pub(super) fn expand(seed: &[u8; SECRET_LEN]) -> Option<Box<dyn Sign>> {
        Some(Box::new(Ed25519SigningKey::from_bytes(seed).ok()?))
    }
}

#[cfg(test)]
mod tests;
