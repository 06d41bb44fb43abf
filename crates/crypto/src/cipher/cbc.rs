//! Block ciphers in CBC mode (RFC 4253 §6.3), for old peers: the chain runs on from packet to packet.

use crate::cipher::table::{CipherAlgorithm, CipherKind, Crypt};
use ::cbc::cipher::{
    Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit,
};
use ::cbc::{Decryptor, Encryptor};
use aes::{Aes128, Aes192, Aes256};
use des::TdesEde3;

struct Encrypting<M>(M);

impl<M: BlockModeEncrypt + Send> Crypt for Encrypting<M> {
    fn apply(&mut self, data: &mut [u8]) {
        let (blocks, _) = Array::slice_as_chunks_mut(data);
        self.0.encrypt_blocks(blocks);
    }
}

struct Decrypting<M>(M);

impl<M: BlockModeDecrypt + Send> Crypt for Decrypting<M> {
    fn apply(&mut self, data: &mut [u8]) {
        let (blocks, _) = Array::slice_as_chunks_mut(data);
        self.0.decrypt_blocks(blocks);
    }
}

fn encrypt<C>(key: &[u8], iv: &[u8]) -> Box<dyn Crypt>
where
    C: BlockCipherEncrypt + KeyInit + Send + 'static,
{
    let cipher = C::new_from_slice(key).expect("a key of the row's length");
    let mode = Encryptor::inner_iv_slice_init(cipher, iv).expect("an initial vector of one block");
    Box::new(Encrypting(mode))
}

fn decrypt<C>(key: &[u8], iv: &[u8]) -> Box<dyn Crypt>
where
    C: BlockCipherDecrypt + KeyInit + Send + 'static,
{
    let cipher = C::new_from_slice(key).expect("a key of the row's length");
    let mode = Decryptor::inner_iv_slice_init(cipher, iv).expect("an initial vector of one block");
    Box::new(Decrypting(mode))
}

const fn row<C>(name: &'static str, key_len: usize, block_len: usize) -> CipherAlgorithm
where
    C: BlockCipherEncrypt + BlockCipherDecrypt + KeyInit + Send + 'static,
{
    CipherAlgorithm {
        name,
        key_len,
        iv_len: block_len,
        block_len,
        legacy: true,
        kind: CipherKind::Plain { encrypt: encrypt::<C>, decrypt: decrypt::<C> },
    }
}

/// `aes128-cbc` (RFC 4253 §6.3).
pub static AES128_CBC: CipherAlgorithm = row::<Aes128>("aes128-cbc", 16, 16);
/// `aes192-cbc` (RFC 4253 §6.3).
pub static AES192_CBC: CipherAlgorithm = row::<Aes192>("aes192-cbc", 24, 16);
/// `aes256-cbc` (RFC 4253 §6.3).
pub static AES256_CBC: CipherAlgorithm = row::<Aes256>("aes256-cbc", 32, 16);
/// `3des-cbc` (RFC 4253 §6.3). The S-boxes are tables, so its running time may depend on the key.
pub static TRIPLE_DES_CBC: CipherAlgorithm = row::<TdesEde3>("3des-cbc", 24, 8);
