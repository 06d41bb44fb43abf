//! The ChaCha20 key stream in its original form (D. J. Bernstein, "ChaCha, a variant of Salsa20"): a block
//! counter and a nonce of 64 bits each.
//!
//! The vectorised implementation pays for its set-up with every nonce, which is more than a short packet costs
//! altogether. Single blocks and short data are therefore computed by a plain scalar function.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use zeroize::Zeroize;

/// Bytes of one block of key stream.
pub(super) const BLOCK_LEN: usize = 64;
/// Up to this many bytes the scalar function is the cheaper one.
const SCALAR_LIMIT: usize = 4 * BLOCK_LEN;

/// Block number `counter` of the key stream.
pub(super) fn block(key: &[u8; 32], nonce: u64, counter: u64) -> [u8; BLOCK_LEN] {
    let mut initial = [0u32; 16];
    // "expand 32-byte k"
    initial[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
    for (word, bytes) in initial[4..12].iter_mut().zip(key.as_chunks().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    initial[12] = counter as u32;
    initial[13] = (counter >> 32) as u32;
    // The nonce of a packet is a big-endian integer that the cipher reads as two little-endian words.
    initial[14] = ((nonce >> 32) as u32).swap_bytes();
    initial[15] = (nonce as u32).swap_bytes();

    let mut state = initial;
    for _ in 0..10 {
        // The columns, then the diagonals.
        quarter_round::<0, 4, 8, 12>(&mut state);
        quarter_round::<1, 5, 9, 13>(&mut state);
        quarter_round::<2, 6, 10, 14>(&mut state);
        quarter_round::<3, 7, 11, 15>(&mut state);
        quarter_round::<0, 5, 10, 15>(&mut state);
        quarter_round::<1, 6, 11, 12>(&mut state);
        quarter_round::<2, 7, 8, 13>(&mut state);
        quarter_round::<3, 4, 9, 14>(&mut state);
    }
    let mut out = [0; BLOCK_LEN];
    for ((bytes, word), start) in out.as_chunks_mut().0.iter_mut().zip(&state).zip(&initial) {
        *bytes = word.wrapping_add(*start).to_le_bytes();
    }
    state.zeroize();
    initial.zeroize();
    out
}

#[inline(always)]
fn quarter_round<const A: usize, const B: usize, const C: usize, const D: usize>(state: &mut [u32; 16]) {
    state[A] = state[A].wrapping_add(state[B]);
    state[D] = (state[D] ^ state[A]).rotate_left(16);
    state[C] = state[C].wrapping_add(state[D]);
    state[B] = (state[B] ^ state[C]).rotate_left(12);
    state[A] = state[A].wrapping_add(state[B]);
    state[D] = (state[D] ^ state[A]).rotate_left(8);
    state[C] = state[C].wrapping_add(state[D]);
    state[B] = (state[B] ^ state[C]).rotate_left(7);
}

/// Applies the key stream from block 1 on; `data` may be of any length up to 2^32 − 2 blocks.
pub(super) fn apply_from_block_one(key: &[u8; 32], nonce: u64, data: &mut [u8]) {
    if data.len() <= SCALAR_LIMIT {
        for (chunk, counter) in data.chunks_mut(BLOCK_LEN).zip(1..) {
            let mut key_stream = block(key, nonce, counter);
            chunk.iter_mut().zip(&key_stream).for_each(|(byte, key_byte)| *byte ^= key_byte);
            key_stream.zeroize();
        }
        return;
    }
    // The crate follows RFC 8439: a counter of 32 bits and a nonce of 96, whose first 32 bits are the upper
    // half of the original counter.
    let mut wide_nonce = [0; 12];
    wide_nonce[4..].copy_from_slice(&nonce.to_be_bytes());
    let mut cipher = ChaCha20::new(key.into(), &wide_nonce.into());
    cipher.seek(BLOCK_LEN);
    cipher.apply_keystream(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalar_blocks_are_the_stream_of_the_vectorised_cipher() {
        let key: [u8; 32] = std::array::from_fn(|i| (i * 7 + 1) as u8);
        for nonce in [0, 1, 0x0102_0304, u64::from(u32::MAX)] {
            let mut wide_nonce = [0; 12];
            wide_nonce[4..].copy_from_slice(&nonce.to_be_bytes());
            let mut expected = vec![0; 40 * BLOCK_LEN];
            ChaCha20::new(&key.into(), &wide_nonce.into()).apply_keystream(&mut expected);
            for (counter, expected) in expected.chunks(BLOCK_LEN).enumerate() {
                assert_eq!(block(&key, nonce, counter as u64), *expected);
            }
            for len in (0..2 * SCALAR_LIMIT).step_by(13) {
                let mut data = vec![0; len];
                apply_from_block_one(&key, nonce, &mut data);
                assert_eq!(data, expected[BLOCK_LEN..BLOCK_LEN + len], "{len} bytes");
            }
        }
    }
}
