//! The hybrid of Streamlined NTRU Prime 761 and X25519 (draft-ietf-sshm-ntruprime-ssh).

use crate::injected_random::InjectedRandom;
use crate::kex::agreement::{Agreement, Initiator, KexError, ValueEncoding};
use crate::kex::curve25519::{self, EphemeralKey};
use crate::kex::shared_secret::SharedSecret;
use crate::random::SecureRandom;
use sha2::{Digest, Sha512};
use sntrup::{Sntrup761, sntrup761};
use zeroize::Zeroize;

/// Bytes of an sntrup761 public key.
pub const ENCAPSULATION_KEY_LEN: usize = 1158;
/// Bytes of an sntrup761 ciphertext.
pub const CIPHERTEXT_LEN: usize = 1039;

/// The agreement of `sntrup761x25519-sha512`. The client's value is a public key and an X25519 public value, the
/// server's a ciphertext and an X25519 public value; the secret is a string.
pub const AGREEMENT: Agreement = Agreement { encoding: ValueEncoding::String, initiate, respond };

struct Client {
    decapsulation_key: sntrup761::DecapsulationKey,
    x25519: EphemeralKey,
    public: Vec<u8>,
}

fn initiate(random: &mut dyn SecureRandom) -> Box<dyn Initiator> {
    let (encapsulation_key, decapsulation_key) = Sntrup761::generate_key(&mut InjectedRandom(&mut *random));
    let x25519 = EphemeralKey::generate(random);
    let public = [encapsulation_key.as_ref(), x25519.public()].concat();
    Box::new(Client { decapsulation_key, x25519, public })
}

fn respond(random: &mut dyn SecureRandom, client_value: &[u8]) -> Result<(Vec<u8>, SharedSecret), KexError> {
    if client_value.len() != ENCAPSULATION_KEY_LEN + curve25519::PUBLIC_LEN {
        return Err(KexError::WrongLength);
    }
    let (encapsulation_key, client_x25519) = client_value.split_at(ENCAPSULATION_KEY_LEN);
    let encapsulation_key =
        sntrup761::EncapsulationKey::try_from(encapsulation_key).map_err(|_| KexError::WrongLength)?;
    let (ciphertext, kem_secret) = encapsulation_key.encapsulate(&mut InjectedRandom(&mut *random));
    let x25519 = EphemeralKey::generate(random);
    let x25519_secret = x25519.agree(client_x25519)?;
    let value = [ciphertext.as_ref(), x25519.public()].concat();
    Ok((value, combine(kem_secret.as_ref(), &*x25519_secret)))
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
        let ciphertext = sntrup761::Ciphertext::try_from(ciphertext).map_err(|_| KexError::WrongLength)?;
        let kem_secret = self.decapsulation_key.decapsulate(&ciphertext);
        Ok(combine(kem_secret.as_ref(), &*x25519_secret))
    }
}

/// The secret is the hash of both, as a string: never an mpint.
fn combine(kem_secret: &[u8], x25519_secret: &[u8]) -> SharedSecret {
    let mut hash = Sha512::new().chain_update(kem_secret).chain_update(x25519_secret).finalize();
    let secret = SharedSecret::from_string(&hash);
    hash.zeroize();
    secret
}
