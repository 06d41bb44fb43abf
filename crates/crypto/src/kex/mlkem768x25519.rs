//! The hybrid of ML-KEM-768 (FIPS 203) and X25519 (draft-ietf-sshm-mlkem-hybrid-kex).

use crate::kex::agreement::{Agreement, Initiator, KexError, ValueEncoding};
use crate::kex::curve25519::{self, EphemeralKey};
use crate::kex::injected_random::InjectedRandom;
use crate::kex::shared_secret::SharedSecret;
use crate::random::SecureRandom;
use ml_kem::kem::{Decapsulate, Encapsulate, Kem, KeyExport, TryKeyInit};
use ml_kem::{MlKem768, ml_kem_768};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of an ML-KEM-768 encapsulation key (FIPS 203 §8).
pub const ENCAPSULATION_KEY_LEN: usize = 1184;
/// Bytes of an ML-KEM-768 ciphertext (FIPS 203 §8).
pub const CIPHERTEXT_LEN: usize = 1088;

/// The agreement of `mlkem768x25519-sha256`. The client's value is an encapsulation key and an X25519 public value,
/// the server's a ciphertext and an X25519 public value; the secret is a string.
pub const AGREEMENT: Agreement = Agreement { encoding: ValueEncoding::String, initiate, respond };

struct Client {
    decapsulation_key: ml_kem_768::DecapsulationKey,
    x25519: EphemeralKey,
    public: Vec<u8>,
}

fn initiate(random: &mut dyn SecureRandom) -> Box<dyn Initiator> {
    let (decapsulation_key, encapsulation_key) =
        MlKem768::generate_keypair_from_rng(&mut InjectedRandom(&mut *random));
    let x25519 = EphemeralKey::generate(random);
    let public = [encapsulation_key.to_bytes().as_slice(), x25519.public()].concat();
    Box::new(Client { decapsulation_key, x25519, public })
}

fn respond(random: &mut dyn SecureRandom, client_value: &[u8]) -> Result<(Vec<u8>, SharedSecret), KexError> {
    if client_value.len() != ENCAPSULATION_KEY_LEN + curve25519::PUBLIC_LEN {
        return Err(KexError::WrongLength);
    }
    let (encapsulation_key, client_x25519) = client_value.split_at(ENCAPSULATION_KEY_LEN);
    // FIPS 203 §7.2: the modulus check of the encapsulation key is part of decoding it.
    let encapsulation_key = ml_kem_768::EncapsulationKey::new_from_slice(encapsulation_key)
        .map_err(|_| KexError::InvalidValue)?;
    let (ciphertext, kem_secret) = encapsulation_key.encapsulate_with_rng(&mut InjectedRandom(&mut *random));
    let kem_secret = Zeroizing::new(kem_secret);
    let x25519 = EphemeralKey::generate(random);
    let x25519_secret = x25519.agree(client_x25519)?;
    let value = [ciphertext.as_slice(), x25519.public()].concat();
    Ok((value, combine(&kem_secret, &*x25519_secret)))
}

impl Initiator for Client {
    fn public(&self) -> &[u8] {
        &self.public
    }

    fn finish(self: Box<Self>, reply: &[u8]) -> Result<SharedSecret, KexError> {
        if reply.len() != CIPHERTEXT_LEN + curve25519::PUBLIC_LEN {
            return Err(KexError::WrongLength);
        }
        let (ciphertext, server_x25519) = reply.split_at(CIPHERTEXT_LEN);
        let x25519_secret = self.x25519.agree(server_x25519)?;
        let kem_secret = Zeroizing::new(
            self.decapsulation_key.decapsulate_slice(ciphertext).map_err(|_| KexError::WrongLength)?,
        );
        Ok(combine(&kem_secret, &*x25519_secret))
    }
}

/// The secret is the hash of both, as a string: never an mpint.
fn combine(kem_secret: &[u8], x25519_secret: &[u8]) -> SharedSecret {
    let mut hash = Sha256::new().chain_update(kem_secret).chain_update(x25519_secret).finalize();
    let secret = SharedSecret::from_string(&hash);
    hash.zeroize();
    secret
}
