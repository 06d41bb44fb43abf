//! ML-DSA-44 (FIPS 204) and Ed25519 in one: both sign, and both must verify
//! (draft-miller-sshm-mldsa44-ed25519-composite-sigs-00, on draft-ietf-lamps-pq-composite-sigs). As long as it is a
//! draft, the type has a name of OpenSSH's own and is behind a feature.

use crate::ed25519;
use crate::error::KeyError;
use konko_crypto::injected_random::InjectedRandom;
use konko_crypto::random::{SecureRandom, SystemRandom};
use ml_dsa::{MlDsa44, Signature, SigningKey, VerifyingKey};
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

const PREFIX: &[u8] = b"CompositeAlgorithmSignatures2025";
const LABEL: &[u8] = b"COMPSIG-MLDSA44-Ed25519-SHA512";
const ML_DSA_PUBLIC_LEN: usize = 1312;
const ML_DSA_SIGNATURE_LEN: usize = 2420;
const ML_DSA_SEED_LEN: usize = 32;
/// Bytes of both seeds, that of ML-DSA first.
pub(crate) const SECRET_LEN: usize = ML_DSA_SEED_LEN + ed25519::SECRET_LEN;

/// Both public halves.
pub(crate) struct CompositePublic {
    ml_dsa: VerifyingKey<MlDsa44>,
    ed25519: ed25519::VerifyingKey,
}

impl CompositePublic {
    /// Takes them one after the other.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, KeyError> {
        let wrong = KeyError::Invalid { what: "a key of ML-DSA-44 and Ed25519 has 1344 bytes" };
        let (ml_dsa, ed25519) = bytes.split_at_checked(ML_DSA_PUBLIC_LEN).ok_or(wrong.clone())?;
        let ml_dsa = ml_dsa.try_into().map_err(|_| wrong)?;
        Ok(Self { ml_dsa: VerifyingKey::decode(&ml_dsa), ed25519: ed25519::public_key(ed25519)? })
    }

    /// Whether both have signed.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let Some((ml_dsa, ed25519)) = signature.split_at_checked(ML_DSA_SIGNATURE_LEN) else { return false };
        let Ok(ml_dsa) = Signature::<MlDsa44>::try_from(ml_dsa) else { return false };
        let represented = representative(message);
        let first = self.ml_dsa.verify_with_context(&represented, LABEL, &ml_dsa);
        let second = ed25519::verify(&self.ed25519, &represented, ed25519);
        first && second
    }
}

/// What both sign in place of the message: its hash, tied to this composition and to an empty context.
fn representative(message: &[u8]) -> Vec<u8> {
    [PREFIX, LABEL, &[0], Sha512::digest(message).as_slice()].concat()
}

/// Both private halves. They are wiped when this is dropped.
pub(crate) struct CompositeSecret {
    ml_dsa: SigningKey<MlDsa44>,
    ed25519: ed25519::SigningKey,
}

impl CompositeSecret {
    /// Takes the seeds one after the other.
    pub(crate) fn new(seeds: &[u8]) -> Option<Self> {
        let (ml_dsa, ed25519) = seeds.split_at_checked(ML_DSA_SEED_LEN)?;
        let ed25519: &[u8; ed25519::SECRET_LEN] = ed25519.try_into().ok()?;
        let seed = Zeroizing::new(ml_dsa::Seed::try_from(ml_dsa).ok()?);
        let ed25519 = ed25519::SigningKey::from_bytes(ed25519);
        Some(Self { ml_dsa: SigningKey::from_seed(&seed), ed25519 })
    }

    pub(crate) fn generate(random: &mut dyn SecureRandom) -> Option<Self> {
        let mut seeds = Zeroizing::new([0; SECRET_LEN]);
        random.fill(seeds.as_mut_slice());
        Self::new(seeds.as_slice())
    }

    /// The seeds one after the other.
    pub(crate) fn seeds(&self) -> Zeroizing<Vec<u8>> {
        let mut seeds = Zeroizing::new(Vec::with_capacity(SECRET_LEN));
        seeds.extend_from_slice(self.ml_dsa.as_seed());
        seeds.extend_from_slice(self.ed25519.as_bytes());
        seeds
    }

    /// Both public halves, one after the other.
    pub(crate) fn public(&self) -> Vec<u8> {
        let mut public = self.ml_dsa.expanded_key().verifying_key().encode().to_vec();
        public.extend_from_slice(self.ed25519.public());
        public
    }

    /// Signs with both; the one of ML-DSA is another one each time (FIPS 204 §3.4, "hedged").
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let represented = representative(message);
        let mut system = SystemRandom;
        let key = self.ml_dsa.expanded_key();
        let ml_dsa = key.sign_randomized(&represented, LABEL, &mut InjectedRandom(&mut system)).ok()?;
        let mut signature = ml_dsa.encode().to_vec();
        signature.extend_from_slice(&self.ed25519.sign(&represented)?);
        Some(signature)
    }
}

#[cfg(test)]
mod tests;
