//! Private keys in memory.

use crate::ecdsa::{Curve, EcdsaSecret};
use crate::ed25519::{self, SigningKey};
use crate::error::{KeyError, SignError};
#[cfg(feature = "mldsa")]
use crate::mldsa44_ed25519::CompositeSecret;
use crate::public_key::PublicKey;
use crate::rsa_pkcs1::RsaSecret;
use crate::signature_algorithm::SignatureAlgorithm;
use konko_crypto::random::SecureRandom;
use konko_wire::encode::{put_mpint, put_string};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What kind of key to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyKind {
    /// `ssh-ed25519`, the one to take.
    Ed25519,
    /// `ecdsa-sha2-nistp256`.
    EcdsaP256,
    /// `ecdsa-sha2-nistp384`.
    EcdsaP384,
    /// `ecdsa-sha2-nistp521`.
    EcdsaP521,
    /// `ssh-rsa` with the exponent 65537.
    Rsa {
        /// Size of the modulus: 2048 to 16384, a multiple of 8. ssh-keygen takes 3072.
        bits: usize,
    },
    /// `ssh-mldsa44-ed25519@openssh.com`, whose specification is a draft.
    #[cfg(feature = "mldsa")]
    MlDsa44Ed25519,
}

/// The secret numbers. They are wiped when the last clone of the key is dropped.
pub(crate) enum Secret {
    Ed25519(SigningKey),
    Ecdsa(EcdsaSecret),
    Rsa(Box<RsaSecret>),
    SecurityKey(SecurityKeyHandle),
    #[cfg(feature = "mldsa")]
    Composite(Box<CompositeSecret>),
}

/// What stands in the private file of a key that lives in a FIDO authenticator (PROTOCOL.u2f): no secret of the
/// key itself, but what its authenticator needs to find or to unwrap it. It is wiped all the same.
#[derive(Clone, PartialEq, Eq)]
pub struct SecurityKeyHandle {
    pub(crate) public: PublicKey,
    pub(crate) flags: u8,
    pub(crate) key_handle: Zeroizing<Vec<u8>>,
    pub(crate) reserved: Zeroizing<Vec<u8>>,
}

impl SecurityKeyHandle {
    /// Puts one together; `public` must be a key of an authenticator.
    ///
    /// # Errors
    ///
    /// [`KeyError::Invalid`] where it is another key.
    pub fn new(public: PublicKey, flags: u8, key_handle: &[u8], reserved: &[u8]) -> Result<Self, KeyError> {
        if public.application().is_none() {
            return Err(KeyError::Invalid { what: "it is not the key of an authenticator" });
        }
        let (key_handle, reserved) = (key_handle.to_vec().into(), reserved.to_vec().into());
        Ok(Self { public, flags, key_handle, reserved })
    }

    /// With which flags the key was enrolled: 1 touch, 4 PIN, 0x20 resident.
    pub const fn flags(&self) -> u8 {
        self.flags
    }

    /// What the authenticator calls the key.
    pub fn key_handle(&self) -> &[u8] {
        &self.key_handle
    }

    /// The field that PROTOCOL.u2f reserves.
    pub fn reserved(&self) -> &[u8] {
        &self.reserved
    }
}

impl std::fmt::Debug for SecurityKeyHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecurityKeyHandle(of {:?})", self.public)
    }
}

/// A private key with its public half. Clones share one allocation. `Debug` shows the public half only.
#[derive(Clone)]
pub struct PrivateKey {
    public: PublicKey,
    secret: Arc<Secret>,
    comment: String,
}

impl PrivateKey {
    pub(crate) fn from_secret(secret: Secret, comment: String) -> Result<Self, KeyError> {
        let public = match &secret {
            Secret::Ed25519(key) => PublicKey::from_ed25519(key.public())?,
            Secret::Ecdsa(key) => PublicKey::from_ecdsa(key.curve(), &key.point())?,
            Secret::Rsa(key) => PublicKey::from_rsa(&key.n(), &key.e())?,
            Secret::SecurityKey(handle) => handle.public.clone(),
            #[cfg(feature = "mldsa")]
            Secret::Composite(key) => PublicKey::from_composite(&key.public())?,
        };
        Ok(Self { public, secret: Arc::new(secret), comment })
    }

    /// Makes a key of an Ed25519 seed and the public half that was stored beside it.
    ///
    /// # Errors
    ///
    /// [`KeyError::PublicHalfMismatch`] unless `public` is the one that follows from `seed`: a signature made
    /// under a foreign public half gives the private key away (RUSTSEC-2022-0093).
    pub(crate) fn from_ed25519(
        seed: &[u8],
        public: Option<&[u8]>,
        comment: String,
    ) -> Result<Self, KeyError> {
        let seed: &[u8; ed25519::SECRET_LEN] =
            seed.try_into().map_err(|_| KeyError::Invalid { what: "an Ed25519 seed has 32 bytes" })?;
        let key = SigningKey::from_bytes(seed);
        if public.is_some_and(|public| public != key.public()) {
            return Err(KeyError::PublicHalfMismatch);
        }
        Self::from_secret(Secret::Ed25519(key), comment)
    }

    /// Makes a key of a big-endian scalar of any length and the point that was stored beside it.
    pub(crate) fn from_ecdsa(
        curve: Curve,
        scalar: &[u8],
        point: Option<&[u8]>,
        comment: String,
    ) -> Result<Self, KeyError> {
        let invalid = KeyError::Invalid { what: "a scalar that is not one of the curve" };
        let zeros = scalar.iter().take_while(|byte| **byte == 0).count();
        let magnitude = scalar.get(zeros..).unwrap_or_default();
        let Some(missing) = curve.scalar_len().checked_sub(magnitude.len()) else { return Err(invalid) };
        let mut full = Zeroizing::new(Vec::with_capacity(curve.scalar_len()));
        full.resize(missing, 0);
        full.extend_from_slice(magnitude);
        let secret = EcdsaSecret::new(curve, &full).ok_or(invalid)?;
        if point.is_some_and(|point| point != secret.point()) {
            return Err(KeyError::PublicHalfMismatch);
        }
        Self::from_secret(Secret::Ecdsa(secret), comment)
    }

    /// Generates a key. RSA takes seconds, beyond 4096 bits minutes; everything else is immediate.
    ///
    /// # Errors
    ///
    /// [`KeyError::UnsupportedSize`] for an RSA key of another size than [`KeyKind::Rsa`] says.
    pub fn generate(kind: KeyKind, random: &mut dyn SecureRandom) -> Result<Self, KeyError> {
        let secret = match kind {
            KeyKind::Ed25519 => {
                let mut seed = Zeroizing::new([0; ed25519::SECRET_LEN]);
                random.fill(seed.as_mut_slice());
                Secret::Ed25519(SigningKey::from_bytes(&seed))
            }
            KeyKind::EcdsaP256 => Secret::Ecdsa(EcdsaSecret::generate(Curve::P256, random)),
            KeyKind::EcdsaP384 => Secret::Ecdsa(EcdsaSecret::generate(Curve::P384, random)),
            KeyKind::EcdsaP521 => Secret::Ecdsa(EcdsaSecret::generate(Curve::P521, random)),
            KeyKind::Rsa { bits } => Secret::Rsa(Box::new(RsaSecret::generate(bits, random)?)),
            #[cfg(feature = "mldsa")]
            KeyKind::MlDsa44Ed25519 => {
                let impossible = KeyError::Invalid { what: "a seed of ML-DSA" };
                Secret::Composite(Box::new(CompositeSecret::generate(random).ok_or(impossible)?))
            }
        };
        Self::from_secret(secret, String::new())
    }

    /// Makes the private half of a key that lives in an authenticator; it cannot sign by itself.
    pub fn from_security_key(handle: SecurityKeyHandle, comment: &str) -> Self {
        let public = handle.public.clone();
        Self { public, secret: Arc::new(Secret::SecurityKey(handle)), comment: comment.to_owned() }
    }

    /// What a key that lives in an authenticator has in place of a secret; nothing for other keys.
    pub fn security_key_handle(&self) -> Option<&SecurityKeyHandle> {
        match &*self.secret {
            Secret::SecurityKey(handle) => Some(handle),
            _ => None,
        }
    }

    /// The public half.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The comment that stood in the key file; empty where there is none.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// The same key with another comment.
    #[must_use]
    pub fn with_comment(mut self, comment: &str) -> Self {
        comment.clone_into(&mut self.comment);
        self
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Signs `message`; the result is the whole signature blob (`string algorithm ‖ string value`).
    ///
    /// Any algorithm that belongs to the type of the key is used, `ssh-rsa` with SHA-1 too: whether it may be is
    /// the caller's policy. Ed25519 and RSA give the same signature each time; so does ECDSA (RFC 6979), except
    /// on P-256 with the feature `ring`.
    ///
    /// # Errors
    ///
    /// [`SignError::WrongKeyType`], [`SignError::SecurityKey`] for a key that lives in an authenticator, or
    /// [`SignError::Failed`] where a fault was noticed.
    pub fn sign(&self, algorithm: &SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        if algorithm.key_type != self.public.key_type() {
            let (algorithm, key_type) = (algorithm.name, self.public.key_type());
            return Err(SignError::WrongKeyType { algorithm, key_type });
        }
        let value = match &*self.secret {
            Secret::Ed25519(key) => key.sign(message).ok_or(SignError::Failed)?.to_vec(),
            Secret::Ecdsa(key) => {
                let both = key.sign(message).ok_or(SignError::Failed)?;
                let (r, s) = both.split_at_checked(key.curve().scalar_len()).ok_or(SignError::Failed)?;
                let mut value = Vec::new();
                put_mpint(&mut value, r);
                put_mpint(&mut value, s);
                value
            }
            Secret::Rsa(key) => key.sign(algorithm.scheme, message).ok_or(SignError::Failed)?,
            Secret::SecurityKey(_) => return Err(SignError::SecurityKey),
            #[cfg(feature = "mldsa")]
            Secret::Composite(key) => key.sign(message).ok_or(SignError::Failed)?,
        };
        let mut blob = Vec::new();
        put_string(&mut blob, algorithm.name.as_bytes());
        put_string(&mut blob, &value);
        Ok(blob)
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey(of {:?})", self.public)
    }
}

#[cfg(test)]
mod tests;
