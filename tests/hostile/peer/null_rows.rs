//! Rows of the algorithm tables that do nothing, so that a key exchange costs next to nothing: for suites of many
//! thousand connections in which cryptography is not what is tested.

use konko_crypto::cipher::none::{NoneOpen, NoneSeal};
use konko_crypto::cipher::table::{CipherAlgorithm, CipherKind};
use konko_crypto::hash::SHA256;
use konko_crypto::kex::{
    Agreement, Initiator, KexAlgorithm, KexError, KexMethod, SharedSecret, ValueEncoding,
};

pub const CLIENT_VALUE: &[u8] = b"the client's value";
pub const SERVER_VALUE: &[u8] = b"the server's value";

/// A key exchange method whose secret everybody knows.
pub static NULL_KEX: KexAlgorithm = KexAlgorithm {
    name: "null@konko.test",
    hash: &SHA256,
    legacy: true,
    method: KexMethod::Agreement(Agreement {
        encoding: ValueEncoding::String,
        initiate: |_| Box::new(NullInitiator),
        respond: |_, value| {
            if value != CLIENT_VALUE {
                return Err(KexError::InvalidValue);
            }
            Ok((SERVER_VALUE.to_vec(), SharedSecret::from_string(b"no secret")))
        },
    }),
};

/// A cipher that leaves packets as they are.
pub static NULL_CIPHER: CipherAlgorithm = CipherAlgorithm {
    name: "null@konko.test",
    key_len: 0,
    iv_len: 0,
    block_len: 8,
    legacy: true,
    kind: CipherKind::Aead { seal: |_, _| Box::new(NoneSeal), open: |_, _| Box::new(NoneOpen) },
};

struct NullInitiator;

impl Initiator for NullInitiator {
    fn public(&self) -> &[u8] {
        CLIENT_VALUE
    }

    fn finish(self: Box<Self>, reply: &[u8]) -> Result<SharedSecret, KexError> {
        if reply != SERVER_VALUE {
            return Err(KexError::InvalidValue);
        }
        Ok(SharedSecret::from_string(b"no secret"))
    }
}
