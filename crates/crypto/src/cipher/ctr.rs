//! AES in counter mode (RFC 4344 §4): the counter is one big-endian integer over the whole block and runs on
//! from packet to packet.

use crate::cipher::table::{CipherAlgorithm, CipherKind, Crypt};
use aes::cipher::consts::U16;
use aes::cipher::{Block, BlockCipherEncrypt, BlockSizeUser, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use zeroize::Zeroize;

const BLOCK_LEN: usize = 16;
/// Blocks of keystream made at a time: enough that the setting up of the widest AES units is paid for.
const BATCH: usize = 128;

struct CounterMode<C: BlockSizeUser<BlockSize = U16>> {
    cipher: C,
    counter: u128,
    keystream: [Block<C>; BATCH],
}

impl<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit> CounterMode<C> {
    fn new(key: &[u8], iv: &[u8]) -> Self {
        Self {
            cipher: C::new_from_slice(key).expect("a key of the row's length"),
            counter: u128::from_be_bytes(iv.try_into().expect("an initial vector of 16 bytes")),
            keystream: [Block::<C>::default(); BATCH],
        }
    }
}

impl<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + Send> Crypt for CounterMode<C> {
    fn apply(&mut self, data: &mut [u8]) {
        let (blocks, _) = data.as_chunks_mut::<BLOCK_LEN>();
        for batch in blocks.chunks_mut(BATCH) {
            let keystream = &mut self.keystream[..batch.len()];
            for block in keystream.iter_mut() {
                *block = self.counter.to_be_bytes().into();
                // RFC 4344 §4: the counter is incremented modulo 2^128.
                self.counter = self.counter.wrapping_add(1);
            }
            self.cipher.encrypt_blocks(keystream);
            for (block, key_block) in batch.iter_mut().zip(keystream.iter()) {
                for (byte, key_byte) in block.iter_mut().zip(key_block.iter()) {
                    *byte ^= key_byte;
                }
            }
        }
    }
}

impl<C: BlockSizeUser<BlockSize = U16>> Drop for CounterMode<C> {
    fn drop(&mut self) {
        for block in &mut self.keystream {
            block.as_mut_slice().zeroize();
        }
    }
}

fn start<C>(key: &[u8], iv: &[u8]) -> Box<dyn Crypt>
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit + Send + 'static,
{
    Box::new(CounterMode::<C>::new(key, iv))
}

const fn row<C>(name: &'static str, key_len: usize) -> CipherAlgorithm
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit + Send + 'static,
{
    CipherAlgorithm {
        name,
        key_len,
        iv_len: BLOCK_LEN,
        block_len: BLOCK_LEN,
        legacy: false,
        kind: CipherKind::Plain { encrypt: start::<C>, decrypt: start::<C> },
    }
}

/// `aes128-ctr` (RFC 4344 §4).
pub static AES128_CTR: CipherAlgorithm = row::<Aes128>("aes128-ctr", 16);
/// `aes192-ctr` (RFC 4344 §4).
pub static AES192_CTR: CipherAlgorithm = row::<Aes192>("aes192-ctr", 24);
/// `aes256-ctr` (RFC 4344 §4).
pub static AES256_CTR: CipherAlgorithm = row::<Aes256>("aes256-ctr", 32);
