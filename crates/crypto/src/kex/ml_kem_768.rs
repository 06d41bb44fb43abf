//! ML-KEM-768 (FIPS 203), in the implementation that is quickest here.
//!
//! The quick one draws its randomness from the operating system by itself; where bytes come from anywhere else the
//! portable one is taken, which draws from where it is told.

use crate::kex::agreement::KexError;
use crate::random::SecureRandom;
use zeroize::Zeroizing;

/// Bytes of an encapsulation key (FIPS 203 §8).
pub(super) const ENCAPSULATION_KEY_LEN: usize = 1184;
/// Bytes of a ciphertext (FIPS 203 §8).
pub(super) const CIPHERTEXT_LEN: usize = 1088;
/// Bytes of the secret.
const SECRET_LEN: usize = 32;

/// The secret half of a pair; it is wiped on drop.
pub(super) trait DecapsulationKey: Send {
    /// The secret inside `ciphertext`; another one, that nobody knows, where it was not made for this key.
    fn decapsulate(self: Box<Self>, ciphertext: &[u8; CIPHERTEXT_LEN]) -> Zeroizing<[u8; SECRET_LEN]>;
}

/// Both halves of a pair.
pub(super) struct KeyPair {
    pub(super) decapsulation_key: Box<dyn DecapsulationKey>,
    pub(super) encapsulation_key: [u8; ENCAPSULATION_KEY_LEN],
}

/// A secret and the ciphertext that carries it to the owner of an encapsulation key.
pub(super) struct Encapsulated {
    pub(super) ciphertext: [u8; CIPHERTEXT_LEN],
    pub(super) secret: Zeroizing<[u8; SECRET_LEN]>,
}

/// Draws a pair.
pub(super) fn generate(random: &mut dyn SecureRandom) -> KeyPair {
    #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
    if random.is_system() && crate::processor::runs_graviola() {
        return accelerated::generate();
    }
    portable::generate(random)
}

/// Draws a secret for the owner of `encapsulation_key`.
///
/// Fails with [`KexError::InvalidValue`] if the key does not pass the modulus check of FIPS 203 §7.2.
pub(super) fn encapsulate(
    random: &mut dyn SecureRandom,
    encapsulation_key: &[u8; ENCAPSULATION_KEY_LEN],
) -> Result<Encapsulated, KexError> {
    #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
    if random.is_system() && crate::processor::runs_graviola() {
        return accelerated::encapsulate(encapsulation_key);
    }
    portable::encapsulate(random, encapsulation_key)
}

mod portable {
    use super::{CIPHERTEXT_LEN, DecapsulationKey, ENCAPSULATION_KEY_LEN, Encapsulated, KeyPair, SECRET_LEN};
    use crate::injected_random::InjectedRandom;
    use crate::kex::agreement::KexError;
    use crate::random::SecureRandom;
    use ml_kem::kem::{Decapsulate, Encapsulate, Kem, KeyExport, TryKeyInit};
    use ml_kem::{MlKem768, ml_kem_768};
    use zeroize::Zeroizing;

    impl DecapsulationKey for ml_kem_768::DecapsulationKey {
        fn decapsulate(self: Box<Self>, ciphertext: &[u8; CIPHERTEXT_LEN]) -> Zeroizing<[u8; SECRET_LEN]> {
            Zeroizing::new(Decapsulate::decapsulate(&*self, &(*ciphertext).into()).into())
        }
    }

    pub(super) fn generate(random: &mut dyn SecureRandom) -> KeyPair {
        let (secret, public) = MlKem768::generate_keypair_from_rng(&mut InjectedRandom(random));
        KeyPair { decapsulation_key: Box::new(secret), encapsulation_key: public.to_bytes().into() }
    }

    pub(super) fn encapsulate(
        random: &mut dyn SecureRandom,
        encapsulation_key: &[u8; ENCAPSULATION_KEY_LEN],
    ) -> Result<Encapsulated, KexError> {
        // FIPS 203 §7.2: the modulus check of the encapsulation key is part of decoding it.
        let key = ml_kem_768::EncapsulationKey::new_from_slice(encapsulation_key)
            .map_err(|_| KexError::InvalidValue)?;
        let (ciphertext, secret) = key.encapsulate_with_rng(&mut InjectedRandom(random));
        Ok(Encapsulated { ciphertext: ciphertext.into(), secret: Zeroizing::new(secret.into()) })
    }
}

#[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod accelerated {
    use super::{CIPHERTEXT_LEN, DecapsulationKey, ENCAPSULATION_KEY_LEN, Encapsulated, KeyPair, SECRET_LEN};
    use crate::kex::agreement::KexError;
    use graviola::key_agreement::mlkem768::{Ciphertext, DecapKey, EncapKey};
    use zeroize::Zeroizing;

    /// As [`crate::random::SystemRandom`] says: there is no safe way to go on without randomness, and nothing else
    /// fails where this is said.
    const NO_RANDOMNESS: &str = "the operating system's random source";

    impl DecapsulationKey for DecapKey {
        fn decapsulate(self: Box<Self>, ciphertext: &[u8; CIPHERTEXT_LEN]) -> Zeroizing<[u8; SECRET_LEN]> {
            Zeroizing::new(*self.decaps(&Ciphertext::from(*ciphertext)).as_ref())
        }
    }

    pub(super) fn generate() -> KeyPair {
        let key = Box::new(DecapKey::generate().expect(NO_RANDOMNESS));
        KeyPair { encapsulation_key: key.encapsulation_key().as_bytes(), decapsulation_key: key }
    }

    pub(super) fn encapsulate(
        encapsulation_key: &[u8; ENCAPSULATION_KEY_LEN],
    ) -> Result<Encapsulated, KexError> {
        // FIPS 203 §7.2: the modulus check of the encapsulation key is part of decoding it.
        let key = EncapKey::from_bytes(encapsulation_key).map_err(|_| KexError::InvalidValue)?;
        let (secret, ciphertext) = key.encaps().expect(NO_RANDOMNESS);
        Ok(Encapsulated { ciphertext: *ciphertext.as_ref(), secret: Zeroizing::new(*secret.as_ref()) })
    }
}

#[cfg(test)]
mod tests;
