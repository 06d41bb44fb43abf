//! The table of packet ciphers.

use crate::protection::{Open, Seal};

/// How a cipher comes by its integrity, with the constructors for each way.
///
/// The constructors panic where key or IV are not exactly as long as the row says;
/// [`compose`](crate::compose) checks the lengths first and answers with an error.
#[derive(Debug, Clone, Copy)]
pub enum CipherKind {
    /// The cipher authenticates by itself; no MAC is negotiated (key, IV → protection).
    Aead {
        /// Makes the sending half.
        seal: fn(key: &[u8], iv: &[u8]) -> Box<dyn Seal>,
        /// Makes the receiving half.
        open: fn(key: &[u8], iv: &[u8]) -> Box<dyn Open>,
    },
    /// A plain cipher that is fused with a negotiated MAC (key, IV → keystream or block chain).
    Plain {
        /// Makes the encrypting half.
        encrypt: fn(key: &[u8], iv: &[u8]) -> Box<dyn Crypt>,
        /// Makes the decrypting half.
        decrypt: fn(key: &[u8], iv: &[u8]) -> Box<dyn Crypt>,
    },
}

/// A plain cipher running in one direction; consecutive calls continue the stream or chain.
pub trait Crypt: Send {
    /// Encrypts or decrypts `data`, a multiple of the block length, in place. What a caller passes beyond the
    /// last whole block is not part of any packet; a block mode leaves it as it is.
    fn apply(&mut self, data: &mut [u8]);
}

/// One row: a packet cipher.
#[derive(Debug)]
pub struct CipherAlgorithm {
    /// Its name on the wire.
    pub name: &'static str,
    /// Bytes of key.
    pub key_len: usize,
    /// Bytes of initial vector.
    pub iv_len: usize,
    /// Bytes of cipher block (8 at least, as RFC 4253 §6 counts padding).
    pub block_len: usize,
    /// Only offered after an explicit opt-in.
    pub legacy: bool,
    /// How it is made.
    pub kind: CipherKind,
}

impl CipherAlgorithm {
    /// Whether the cipher carries its own integrity, so that the negotiated MAC is ignored.
    pub fn is_aead(&self) -> bool {
        matches!(self.kind, CipherKind::Aead { .. })
    }
}
