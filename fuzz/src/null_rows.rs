//! Rows of the algorithm tables that protect nothing.

use konko_crypto::cipher::none::{NoneOpen, NoneSeal};
use konko_crypto::cipher::{CipherAlgorithm, CipherKind};
use konko_crypto::hash::{SHA256, SHA512};
use konko_crypto::kex::{
    Agreement, Initiator, KexAlgorithm, KexError, KexMethod, SharedSecret, ValueEncoding,
};
use konko_crypto::random::SecureRandom;

/// A key agreement whose secret everybody knows.
pub static NULL_KEX: KexAlgorithm = row("null@fuzz.invalid", ValueEncoding::String);
/// Another one, with values that travel as mpints.
pub static NULL_MPINT_KEX: KexAlgorithm = row("null-mpint@fuzz.invalid", ValueEncoding::Mpint);
/// A third one, with another hash.
pub static NULL_SHA512_KEX: KexAlgorithm =
    KexAlgorithm { hash: &SHA512, ..row("null-sha512@fuzz.invalid", ValueEncoding::String) };

/// A cipher that leaves packets as they are, and has no tag.
pub static NULL_CIPHER: CipherAlgorithm = CipherAlgorithm {
    name: "null@fuzz.invalid",
    key_len: 0,
    iv_len: 0,
    block_len: 8,
    legacy: false,
    kind: CipherKind::Aead { seal: |_, _| Box::new(NoneSeal), open: |_, _| Box::new(NoneOpen) },
};

const fn row(name: &'static str, encoding: ValueEncoding) -> KexAlgorithm {
    let agreement = Agreement { encoding, initiate: |_| Box::new(NullInitiator), respond };
    KexAlgorithm { name, hash: &SHA256, legacy: false, method: KexMethod::Agreement(agreement) }
}

const PUBLIC_VALUE: &[u8] = &[1];

struct NullInitiator;

impl Initiator for NullInitiator {
    fn public(&self) -> &[u8] {
        PUBLIC_VALUE
    }

    fn finish(self: Box<Self>, reply: &[u8]) -> Result<SharedSecret, KexError> {
        secret(reply)
    }
}

fn respond(_random: &mut dyn SecureRandom, value: &[u8]) -> Result<(Vec<u8>, SharedSecret), KexError> {
    secret(value).map(|secret| (PUBLIC_VALUE.to_vec(), secret))
}

fn secret(value: &[u8]) -> Result<SharedSecret, KexError> {
    if value.len() > 64 {
        return Err(KexError::WrongLength);
    }
    Ok(SharedSecret::from_string(b"known to everybody"))
}
