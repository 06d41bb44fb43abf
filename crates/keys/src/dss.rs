//! Verification of DSA with SHA-1 (RFC 4253 §6.6), for servers whose only host key is as old as that.

use crate::error::KeyError;
use crate::rsa_pkcs1::bits;
use dsa::signature::hazmat::PrehashVerifier;
use dsa::{BoxedUint, Components, Signature, VerifyingKey};
use sha1::{Digest, Sha1};

/// The only size there is: SHA-1 gives 160 bits, and the standard of that time ties them to a modulus of 1024.
const P_BITS: u32 = 1024;
const Q_BITS: u32 = 160;
/// Bytes of r and of s.
const HALF_LEN: usize = 20;

/// The numbers of a public key, big-endian without leading zeros.
#[derive(Clone, Copy)]
pub(crate) struct DssNumbers<'a> {
    pub(crate) p: &'a [u8],
    pub(crate) q: &'a [u8],
    pub(crate) g: &'a [u8],
    pub(crate) y: &'a [u8],
}

impl DssNumbers<'_> {
    /// Demands the one size, and that g and y are reduced and neither 0 nor 1.
    pub(crate) fn check(&self) -> Result<(), KeyError> {
        if bits(self.p) != P_BITS as usize || bits(self.q) != Q_BITS as usize {
            return Err(KeyError::Invalid { what: "a DSA key that is not of 1024 and 160 bits" });
        }
        if self.p.last().is_none_or(|last| last & 1 == 0) || self.q.last().is_none_or(|last| last & 1 == 0) {
            return Err(KeyError::Invalid { what: "an even DSA modulus" });
        }
        let reduced = |number: &[u8]| bits(number) > 1 && (number.len(), number) < (self.p.len(), self.p);
        if !reduced(self.g) || !reduced(self.y) {
            return Err(KeyError::Invalid { what: "a DSA number that is out of range" });
        }
        Ok(())
    }

    fn verifying_key(&self) -> Option<VerifyingKey> {
        let wide = |bytes| BoxedUint::from_be_slice(bytes, P_BITS).ok();
        let q = BoxedUint::from_be_slice(self.q, Q_BITS).ok()?;
        let components = Components::from_components(wide(self.p)?, q, wide(self.g)?).ok()?;
        VerifyingKey::from_components(components, wide(self.y)?).ok()
    }

    /// RFC 4253 §6.6: the signature is "r, followed by s (which are 160-bit integers, without lengths or
    /// padding, unsigned, and in network byte order)".
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let Some((r, s)) = signature.split_at_checked(HALF_LEN) else { return false };
        if s.len() != HALF_LEN {
            return false;
        }
        let half = |bytes| BoxedUint::from_be_slice(bytes, Q_BITS).ok();
        let signature = half(r).zip(half(s)).and_then(|(r, s)| Signature::from_components(r, s));
        let (Some(key), Some(signature)) = (self.verifying_key(), signature) else { return false };
        key.verify_prehash(&Sha1::digest(message), &signature).is_ok()
    }
}
