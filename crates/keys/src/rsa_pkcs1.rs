//! RSASSA-PKCS1-v1_5 (RFC 8017 §8.2, RFC 8332 §3). Verification compares with the one right encoding; there is no
//! parser of padding that could be lenient. Nothing in SSH decrypts with RSA, and nothing here does.

use crate::error::KeyError;
use crate::signature_algorithm::Scheme;
use crypto_bigint::BoxedUint;
use konko_crypto::injected_random::InjectedRandom;
use konko_crypto::random::{SecureRandom, SystemRandom};
use rsa::pkcs1v15::{Signature, SigningKey, VerifyingKey};
use rsa::signature::{RandomizedSigner, SignatureEncoding, Verifier};
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{RsaPrivateKey, RsaPublicKey};
use zeroize::Zeroizing;

/// The smallest modulus that is read, in bits. What is used is a matter of policy.
pub(crate) const SMALLEST_BITS: usize = 1024;
/// The largest modulus that is read, in bits; OpenSSH's limit, too.
pub(crate) const LARGEST_BITS: usize = 16384;
/// The largest public exponent: a larger one only makes verification slow.
const LARGEST_EXPONENT: u64 = 1 << 32;

/// How many bits a big-endian number without leading zeros has.
pub(crate) fn bits(magnitude: &[u8]) -> usize {
    magnitude.first().map_or(0, |first| magnitude.len() * 8 - first.leading_zeros() as usize)
}

fn exponent(e: &[u8]) -> Option<u64> {
    let mut bytes = [0; 8];
    bytes.get_mut(8usize.checked_sub(e.len())?..)?.copy_from_slice(e);
    Some(u64::from_be_bytes(bytes))
}

/// Demands a modulus and an exponent that can be worked with in bounded time. Both are without leading zeros.
pub(crate) fn check_public(n: &[u8], e: &[u8]) -> Result<(), KeyError> {
    let invalid = |what| Err(KeyError::Invalid { what });
    match bits(n) {
        ..SMALLEST_BITS => return invalid("an RSA modulus below 1024 bits"),
        SMALLEST_BITS..=LARGEST_BITS => {}
        _ => return invalid("an RSA modulus beyond 16384 bits"),
    }
    if n.last().is_none_or(|last| last & 1 == 0) {
        return invalid("an even RSA modulus");
    }
    match exponent(e) {
        Some(e @ 3..=LARGEST_EXPONENT) if e & 1 == 1 => Ok(()),
        _ => invalid("an RSA exponent that is even, below 3 or beyond 2^32"),
    }
}

fn public_key(n: &[u8], e: &[u8]) -> Option<RsaPublicKey> {
    let number = BoxedUint::from_be_slice_vartime;
    RsaPublicKey::new_with_size_limits(number(n), number(e), SMALLEST_BITS..=LARGEST_BITS).ok()
}

/// Verifies in portable code; `signature` is as long as the modulus.
pub(crate) fn verify_portable(scheme: Scheme, n: &[u8], e: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Some(key) = public_key(n, e) else { return false };
    let Ok(signature) = Signature::from_bytes_with_max_len(signature, LARGEST_BITS / 8) else { return false };
    match scheme {
        Scheme::RsaSha1 => VerifyingKey::<sha1::Sha1>::new(key).verify(message, &signature).is_ok(),
        Scheme::RsaSha256 => VerifyingKey::<sha2::Sha256>::new(key).verify(message, &signature).is_ok(),
        Scheme::RsaSha512 => VerifyingKey::<sha2::Sha512>::new(key).verify(message, &signature).is_ok(),
        _ => false,
    }
}

/// Verifies by the fastest means.
pub(crate) fn verify(scheme: Scheme, n: &[u8], e: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let len = n.len();
    // Some peers strip leading zeros, though RFC 8332 §3 wants "an octet string [...] of the same length in
    // octets as the RSA modulus"; such a signature is still the same number.
    let Some(missing) = len.checked_sub(signature.len()) else { return false };
    let mut padded = vec![0; missing];
    padded.extend_from_slice(signature);
    #[cfg(feature = "ring")]
    if let Some(algorithm) = accelerated::verification(scheme, n) {
        return accelerated::verify(algorithm, n, e, message, &padded);
    }
    verify_portable(scheme, n, e, message, &padded)
}

/// A private key. Its numbers are wiped when it is dropped, except for the copy that `ring` holds and does not
/// wipe.
pub(crate) struct RsaSecret {
    key: RsaPrivateKey,
    #[cfg(feature = "ring")]
    accelerated: Option<ring::rsa::KeyPair>,
}

impl RsaSecret {
    /// Takes the numbers of a key file, big-endian without leading zeros. They must belong together: pq = n and de ≡ 1 modulo p − 1
    /// and q − 1. Whether p and q are primes is not tried; every signature is checked before it is released.
    pub(crate) fn new(n: &[u8], e: &[u8], d: &[u8], p: &[u8], q: &[u8]) -> Result<Self, KeyError> {
        check_public(n, e)?;
        if [d, p, q].iter().any(|number| number.len() > n.len()) {
            return Err(KeyError::Invalid { what: "an RSA number is longer than the modulus" });
        }
        let number = BoxedUint::from_be_slice_vartime;
        // `ring` takes the larger prime first only.
        let (p, q) = if (p.len(), p) < (q.len(), q) { (q, p) } else { (p, q) };
        let key = RsaPrivateKey::from_components(number(n), number(e), number(d), vec![number(p), number(q)])
            .map_err(|_| KeyError::Invalid { what: "the RSA numbers do not belong together" })?;
        Ok(Self {
            #[cfg(feature = "ring")]
            accelerated: accelerated::key_pair(&key),
            key,
        })
    }

    pub(crate) fn generate(bits: usize, random: &mut dyn SecureRandom) -> Result<Self, KeyError> {
        let unsupported = KeyError::UnsupportedSize { bits };
        if !(2048..=LARGEST_BITS).contains(&bits) || !bits.is_multiple_of(8) {
            return Err(unsupported);
        }
        let key = RsaPrivateKey::new(&mut InjectedRandom(random), bits).map_err(|_| unsupported.clone())?;
        let [p, q] = key.primes() else { return Err(unsupported) };
        Self::new(&key.n_bytes(), &key.e_bytes(), &bytes(key.d()), &bytes(p), &bytes(q))
    }

    #[cfg(all(test, feature = "ring"))]
    pub(crate) const fn is_accelerated(&self) -> bool {
        self.accelerated.is_some()
    }

    pub(crate) fn n(&self) -> Vec<u8> {
        self.key.n_bytes().to_vec()
    }

    pub(crate) fn e(&self) -> Vec<u8> {
        self.key.e_bytes().to_vec()
    }

    /// d, the inverse of q modulo p, p and q, in the order of an openssh-key-v1 file.
    pub(crate) fn private_numbers(&self) -> Option<[Zeroizing<Vec<u8>>; 4]> {
        let [p, q] = self.key.primes() else { return None };
        let inverse = self.key.crt_coefficient()?;
        Some([bytes(self.key.d()), bytes(&inverse), bytes(p), bytes(q)])
    }

    /// n, e, d, p, q, d modulo p − 1, d modulo q − 1 and the inverse of q modulo p (RFC 8017 §A.1.2).
    pub(crate) fn pkcs1_numbers(&self) -> Option<[Zeroizing<Vec<u8>>; 8]> {
        let [d, inverse, p, q] = self.private_numbers()?;
        let (dp, dq) = (bytes(self.key.dp()?), bytes(self.key.dq()?));
        Some([self.n().into(), self.e().into(), d, p, q, dp, dq, inverse])
    }

    /// Signs in portable code; the exponentiation is blinded.
    pub(crate) fn sign_portable(&self, scheme: Scheme, message: &[u8]) -> Option<Vec<u8>> {
        let mut system = SystemRandom;
        let mut random = InjectedRandom(&mut system);
        let key = self.key.clone();
        let signature = match scheme {
            Scheme::RsaSha1 => SigningKey::<sha1::Sha1>::new(key).try_sign_with_rng(&mut random, message),
            Scheme::RsaSha256 => SigningKey::<sha2::Sha256>::new(key).try_sign_with_rng(&mut random, message),
            Scheme::RsaSha512 => SigningKey::<sha2::Sha512>::new(key).try_sign_with_rng(&mut random, message),
            _ => return None,
        };
        Some(signature.ok()?.to_vec())
    }

    /// Signs by the fastest means. Both check the result against the public key before they release it.
    pub(crate) fn sign(&self, scheme: Scheme, message: &[u8]) -> Option<Vec<u8>> {
        #[cfg(feature = "ring")]
        if let (Some(pair), Some(padding)) = (&self.accelerated, accelerated::padding(scheme)) {
            return accelerated::sign(pair, padding, message);
        }
        self.sign_portable(scheme, message)
    }
}

/// Big-endian without leading zeros.
fn bytes(number: &BoxedUint) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(number.to_be_bytes_trimmed_vartime().into_vec())
}

#[cfg(feature = "ring")]
mod accelerated {
    use super::{Scheme, bits, bytes};
    use ring::rand::SystemRandom;
    use ring::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
    use ring::signature::{
        RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512,
        RsaEncoding, RsaParameters,
    };
    use rsa::RsaPrivateKey;
    use rsa::traits::{PrivateKeyParts, PublicKeyParts};

    pub(super) fn verification(scheme: Scheme, n: &[u8]) -> Option<&'static RsaParameters> {
        if !(2048..=8192).contains(&bits(n)) {
            return None;
        }
        match scheme {
            Scheme::RsaSha256 => Some(&RSA_PKCS1_2048_8192_SHA256),
            Scheme::RsaSha512 => Some(&RSA_PKCS1_2048_8192_SHA512),
            _ => None,
        }
    }

    pub(super) fn verify(
        algorithm: &'static RsaParameters,
        n: &[u8],
        e: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        PublicKeyComponents { n, e }.verify(algorithm, message, signature).is_ok()
    }

    pub(super) fn padding(scheme: Scheme) -> Option<&'static dyn RsaEncoding> {
        match scheme {
            Scheme::RsaSha256 => Some(&RSA_PKCS1_SHA256),
            Scheme::RsaSha512 => Some(&RSA_PKCS1_SHA512),
            _ => None,
        }
    }

    /// Nothing for keys of a size or shape that `ring` does not take.
    pub(super) fn key_pair(key: &RsaPrivateKey) -> Option<KeyPair> {
        let [p, q] = key.primes() else { return None };
        let components = KeyPairComponents {
            public_key: PublicKeyComponents { n: key.n_bytes(), e: key.e_bytes() },
            d: bytes(key.d()),
            p: bytes(p),
            q: bytes(q),
            dP: bytes(key.dp()?),
            dQ: bytes(key.dq()?),
            qInv: bytes(&key.crt_coefficient()?),
        };
        KeyPair::from_components(&components).ok()
    }

    pub(super) fn sign(pair: &KeyPair, padding: &'static dyn RsaEncoding, message: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(padding, &SystemRandom::new(), message, &mut signature).ok()?;
        Some(signature)
    }
}
