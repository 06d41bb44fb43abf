//! The hybrid of ML-KEM-768 (FIPS 203) and X25519 (draft-ietf-sshm-mlkem-hybrid-kex).

use crate::kex::agreement::{Agreement, Initiator, KexError, ValueEncoding};
use crate::kex::curve25519::{self, EphemeralKey};
use crate::kex::ml_kem_768;
use crate::kex::shared_secret::SharedSecret;
use crate::random::SecureRandom;
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

/// Bytes of an ML-KEM-768 encapsulation key (FIPS 203 §8).
pub const ENCAPSULATION_KEY_LEN: usize = ml_kem_768::ENCAPSULATION_KEY_LEN;
/// Bytes of an ML-KEM-768 ciphertext (FIPS 203 §8).
pub const CIPHERTEXT_LEN: usize = ml_kem_768::CIPHERTEXT_LEN;

/// The agreement of `mlkem768x25519-sha256`. The client's value is an encapsulation key and an X25519 public value,
/// the server's a ciphertext and an X25519 public value; the secret is a string.
pub const AGREEMENT: Agreement = Agreement { encoding: ValueEncoding::String, initiate, respond };

struct Client {
    decapsulation_key: Box<dyn ml_kem_768::DecapsulationKey>,
    x25519: EphemeralKey,
    public: Vec<u8>,
}

fn initiate(random: &mut dyn SecureRandom) -> Box<dyn Initiator> {
    let pair = ml_kem_768::generate(random);
    let x25519 = EphemeralKey::generate(random);
    let public = [&pair.encapsulation_key[..], x25519.public()].concat();
    Box::new(Client { decapsulation_key: pair.decapsulation_key, x25519, public })
}

fn respond(random: &mut dyn SecureRandom, client_value: &[u8]) -> Result<(Vec<u8>, SharedSecret), KexError> {
    let (encapsulation_key, client_x25519) = client_value.split_first_chunk().ok_or(KexError::WrongLength)?;
    if client_x25519.len() != curve25519::PUBLIC_LEN {
        return Err(KexError::WrongLength);
    }
    let encapsulated = ml_kem_768::encapsulate(random, encapsulation_key)?;
    let x25519 = EphemeralKey::generate(random);
    let x25519_secret = x25519.agree(client_x25519)?;
    let value = [&encapsulated.ciphertext[..], x25519.public()].concat();
    Ok((value, combine(&*encapsulated.secret, &*x25519_secret)))
}

impl Initiator for Client {
    fn public(&self) -> &[u8] {
        &self.public
    }

    fn finish(self: Box<Self>, reply: &[u8]) -> Result<SharedSecret, KexError> {
        let (ciphertext, server_x25519) = reply.split_first_chunk().ok_or(KexError::WrongLength)?;
        let x25519_secret = self.x25519.agree(server_x25519)?;
        let kem_secret = self.decapsulation_key.decapsulate(ciphertext);
        Ok(combine(&*kem_secret, &*x25519_secret))
    }
}

/// The secret is the hash of both, as a string: never an mpint.
fn combine(kem_secret: &[u8], x25519_secret: &[u8]) -> SharedSecret {
    let mut hash = Sha256::new().chain_update(kem_secret).chain_update(x25519_secret).finalize();
    let secret = SharedSecret::from_string(&hash);
    hash.zeroize();
    secret
}
