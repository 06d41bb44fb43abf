//! Ed25519 (RFC 8032, RFC 8709).

use crate::error::KeyError;
use ed25519_dalek::{Signature, VerifyingKey};

pub(crate) const PUBLIC_LEN: usize = 32;
pub(crate) const SECRET_LEN: usize = 32;

/// Takes a point that is canonically encoded and not of small order; such a key signs for nothing.
pub(crate) fn public_key(bytes: &[u8]) -> Result<VerifyingKey, KeyError> {
    let bytes: &[u8; PUBLIC_LEN] =
        bytes.try_into().map_err(|_| KeyError::Invalid { what: "an Ed25519 key has 32 bytes" })?;
    let key =
        VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Invalid { what: "no point of Ed25519" })?;
    if key.is_weak() {
        return Err(KeyError::Invalid { what: "a point of small order" });
    }
    // RFC 8032 §5.1.3: "If the resulting value is >= p, decoding fails."
    if key.to_edwards().compress().as_bytes() != bytes {
        return Err(KeyError::Invalid { what: "a point that is not canonically encoded" });
    }
    Ok(key)
}

/// One rule everywhere: RFC 8032 §5.1.7 with S < L, R and the key of full order, and no multiplication by the
/// cofactor.
pub(crate) fn verify(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    Signature::from_slice(signature).is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
}
