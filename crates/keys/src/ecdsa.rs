//! ECDSA over the curves of NIST (RFC 5656 §3). The numbers r and s stand here side by side, big-endian and each
//! as long as the order of the curve.

use konko_crypto::injected_random::InjectedRandom;
use konko_crypto::random::SecureRandom;
use zeroize::Zeroizing;

/// A curve of RFC 5656 §10.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    pub(crate) const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    pub(crate) const fn key_type(self) -> &'static str {
        match self {
            Self::P256 => "ecdsa-sha2-nistp256",
            Self::P384 => "ecdsa-sha2-nistp384",
            Self::P521 => "ecdsa-sha2-nistp521",
        }
    }

    pub(crate) const fn identifier(self) -> &'static str {
        match self {
            Self::P256 => "nistp256",
            Self::P384 => "nistp384",
            Self::P521 => "nistp521",
        }
    }

    pub(crate) const fn bits(self) -> usize {
        match self {
            Self::P256 => 256,
            Self::P384 => 384,
            Self::P521 => 521,
        }
    }

    /// Bytes of a scalar, of a coordinate, and of each of r and s.
    pub(crate) const fn scalar_len(self) -> usize {
        self.bits().div_ceil(8)
    }
}

/// Runs the same expression over the crate of one curve.
macro_rules! on_curve {
    ($curve:expr, $name:ident => $body:expr) => {
        match $curve {
            Curve::P256 => {
                use p256 as $name;
                $body
            }
            Curve::P384 => {
                use p384 as $name;
                $body
            }
            Curve::P521 => {
                use p521 as $name;
                $body
            }
        }
    };
}

/// Whether `point` is a point of the curve in uncompressed form, and not the one at infinity.
///
/// RFC 5656 §3.1 allows point compression; no known implementation uses it, and one key must not have two blobs.
pub(crate) fn is_point(curve: Curve, point: &[u8]) -> bool {
    point.len() == 1 + 2 * curve.scalar_len()
        && point.first() == Some(&4)
        && on_curve!(curve, c => c::ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok())
}

/// r and s at their full width; nothing where one is longer than that.
pub(crate) fn side_by_side(curve: Curve, r: &[u8], s: &[u8]) -> Option<Vec<u8>> {
    let len = curve.scalar_len();
    let mut both = vec![0; len.checked_sub(r.len())?];
    both.extend_from_slice(r);
    both.resize(both.len() + len.checked_sub(s.len())?, 0);
    both.extend_from_slice(s);
    Some(both)
}

/// Verifies in portable code. A zero and anything from the order of the curve on is refused.
pub(crate) fn verify_portable(curve: Curve, point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    on_curve!(curve, c => {
        use c::ecdsa::signature::Verifier;
        let key = c::ecdsa::VerifyingKey::from_sec1_bytes(point);
        let signature = c::ecdsa::Signature::from_slice(signature);
        matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(message, &signature).is_ok())
    })
}

/// Verifies by the fastest means.
pub(crate) fn verify(curve: Curve, point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    #[cfg(feature = "ring")]
    if curve == Curve::P256 {
        return accelerated::verify(point, message, signature);
    }
    verify_portable(curve, point, message, signature)
}

/// A private key. Its scalar is wiped when it is dropped.
#[derive(Clone)]
pub(crate) enum EcdsaSecret {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
}

impl EcdsaSecret {
    /// Takes a scalar of the curve's full width, from 1 to the order less one.
    pub(crate) fn new(curve: Curve, scalar: &[u8]) -> Option<Self> {
        if scalar.len() != curve.scalar_len() {
            return None;
        }
        Some(match curve {
            Curve::P256 => Self::P256(p256::ecdsa::SigningKey::from_slice(scalar).ok()?),
            Curve::P384 => Self::P384(p384::ecdsa::SigningKey::from_slice(scalar).ok()?),
            Curve::P521 => Self::P521(p521::ecdsa::SigningKey::from_slice(scalar).ok()?),
        })
    }

    pub(crate) fn generate(curve: Curve, random: &mut dyn SecureRandom) -> Self {
        use p256::elliptic_curve::Generate;
        let random = &mut InjectedRandom(random);
        match curve {
            Curve::P256 => Self::P256(p256::SecretKey::generate_from_rng(random).into()),
            Curve::P384 => Self::P384(p384::SecretKey::generate_from_rng(random).into()),
            Curve::P521 => Self::P521(p521::SecretKey::generate_from_rng(random).into()),
        }
    }

    pub(crate) const fn curve(&self) -> Curve {
        match self {
            Self::P256(_) => Curve::P256,
            Self::P384(_) => Curve::P384,
            Self::P521(_) => Curve::P521,
        }
    }

    /// The scalar at the curve's full width.
    pub(crate) fn scalar(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::P256(key) => Zeroizing::new(key.to_bytes()).to_vec(),
            Self::P384(key) => Zeroizing::new(key.to_bytes()).to_vec(),
            Self::P521(key) => Zeroizing::new(key.to_bytes()).to_vec(),
        })
    }

    /// The public point, uncompressed.
    pub(crate) fn point(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::P384(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::P521(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
        }
    }

    /// Signs in portable code, with the deterministic nonce of RFC 6979.
    pub(crate) fn sign_portable(&self, message: &[u8]) -> Option<Vec<u8>> {
        use p256::ecdsa::signature::Signer;
        Some(match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.try_sign(message).ok()?;
                signature.to_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = key.try_sign(message).ok()?;
                signature.to_bytes().to_vec()
            }
            Self::P521(key) => {
                let signature: p521::ecdsa::Signature = key.try_sign(message).ok()?;
                signature.to_bytes().to_vec()
            }
        })
    }

    /// Signs by the fastest means.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        #[cfg(feature = "ring")]
        if let Self::P256(_) = self {
            return accelerated::sign(&self.scalar(), &self.point(), message);
        }
        self.sign_portable(message)
    }
}

#[cfg(feature = "ring")]
pub(crate) mod accelerated {
    use ring::rand::SystemRandom;
    use ring::signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey,
    };

    pub(crate) fn verify(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
    }

    /// The key pair lives no longer than the signature takes: `ring` does not wipe it.
    pub(crate) fn sign(scalar: &[u8], point: &[u8], message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, point, &random).ok()?;
        Some(pair.sign(&random, message).ok()?.as_ref().to_vec())
    }
}
