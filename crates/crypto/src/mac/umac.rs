//! UMAC (RFC 4418) with 64-bit and 128-bit tags, as OpenSSH applies it to packets: the nonce is the sequence
//! number as eight big-endian bytes, the message is the packet alone.
//!
//! Only the part of UHASH for messages up to 2^24 bytes is here (RFC 4418 §5.3: POLY-64 before POLY-128); a
//! packet is limited to a small fraction of that, and longer messages go through POLY-64 to their end, as in
//! the other implementations of SSH.

use crate::mac::table::{MacAlgorithm, MacContext};
use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of message that one NH key covers (RFC 4418 §5.2).
const L1_BLOCK_LEN: usize = 1024;
/// Words of NH key for the four iterations of a 128-bit tag: a block's, and four more for each further one.
const L1_KEY_WORDS: usize = L1_BLOCK_LEN / 4 + 3 * 4;
/// 2^64 − 59, the modulus of POLY-64 (RFC 4418 §5.3.2).
const PRIME_64: u64 = u64::MAX - 58;
/// 2^36 − 5, the modulus of L3-HASH (RFC 4418 §5.4).
const PRIME_36: u64 = (1 << 36) - 5;

/// A keyed UMAC of `N` iterations, that is, of `4 * N` bytes of tag.
struct Umac<const N: usize> {
    pad_cipher: Aes128,
    keys: HashKeys<N>,
}

/// The key material of UHASH (RFC 4418 §5.1).
#[derive(Zeroize, ZeroizeOnDrop)]
struct HashKeys<const N: usize> {
    l1: [u32; L1_KEY_WORDS],
    l2: [u64; N],
    l3: [[u64; 4]; N],
    l3_translation: [u32; N],
}

/// RFC 4418 §3.2: KDF, the block cipher in counter mode.
fn derive(cipher: &Aes128, index: u8, len: usize) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(len + 15));
    let mut counter = 1u64;
    while out.len() < len {
        let mut block = [0u8; 16];
        block[7] = index;
        block[8..].copy_from_slice(&counter.to_be_bytes());
        let mut block = block.into();
        cipher.encrypt_block(&mut block);
        out.extend_from_slice(&block);
        counter += 1;
    }
    out.truncate(len);
    out
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks().0.iter().map(|word| u32::from_be_bytes(*word))
}

fn double_words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.as_chunks().0.iter().map(|word| u64::from_be_bytes(*word))
}

impl<const N: usize> HashKeys<N> {
    fn derive(cipher: &Aes128) -> Self {
        let mut keys = Self { l1: [0; L1_KEY_WORDS], l2: [0; N], l3: [[0; 4]; N], l3_translation: [0; N] };
        let l1 = derive(cipher, 1, L1_BLOCK_LEN + (N - 1) * 16);
        keys.l1.iter_mut().zip(words(&l1)).for_each(|(slot, word)| *slot = word);
        // Of the 24 bytes an iteration the first eight are the key of POLY-64 (RFC 4418 §5.3.1).
        let l2 = derive(cipher, 2, N * 24);
        for (slot, key) in keys.l2.iter_mut().zip(double_words(&l2).step_by(3)) {
            *slot = key & 0x01ff_ffff_01ff_ffff;
        }
        // Of the eight words an iteration the first four meet the upper half of L2's output, which is zero.
        let l3 = derive(cipher, 3, N * 64);
        for (i, word) in double_words(&l3).enumerate() {
            if i % 8 >= 4 {
                keys.l3[i / 8][i % 4] = word % PRIME_36;
            }
        }
        let l3_translation = derive(cipher, 4, N * 4);
        keys.l3_translation.iter_mut().zip(words(&l3_translation)).for_each(|(slot, word)| *slot = word);
        keys
    }

    /// RFC 4418 §5.2.2: NH of up to 1024 bytes under the `N` shifted keys at once, with the length added
    /// (RFC 4418 §5.2.1).
    fn nh(&self, block: &[u8]) -> [u64; N] {
        let mut sums = [[0u64; 4]; N];
        let (groups, rest) = block.as_chunks::<32>();
        let mut keys = self.l1.as_slice();
        for group in groups {
            nh_group(&mut sums, keys, group);
            keys = keys.get(8..).unwrap_or_default();
        }
        // The rest is padded with zeros to 32 bytes; an empty message is padded too.
        if !rest.is_empty() || groups.is_empty() {
            let mut padded = [0u8; 32];
            padded[..rest.len()].copy_from_slice(rest);
            nh_group(&mut sums, keys, &padded);
        }
        let bits = 8 * block.len() as u64;
        sums.map(|lanes| lanes.iter().fold(bits, |sum, lane| sum.wrapping_add(*lane)))
    }

    /// RFC 4418 §5: UHASH, as one 32-bit word an iteration.
    fn hash(&self, message: &[u8]) -> [u32; N] {
        let compressed = if message.len() <= L1_BLOCK_LEN {
            self.nh(message)
        } else {
            let mut accumulators = [1u64; N];
            for block in message.chunks(L1_BLOCK_LEN) {
                let hashed = self.nh(block);
                for i in 0..N {
                    accumulators[i] = poly64(self.l2[i], accumulators[i], hashed[i]);
                }
            }
            accumulators
        };
        std::array::from_fn(|i| l3_hash(&self.l3[i], compressed[i]) ^ self.l3_translation[i])
    }
}

/// Adds eight words of message to the sums; each iteration's key begins four words after the one before
/// (RFC 4418 §5.1, the Toeplitz construction).
#[inline(always)]
fn nh_group<const N: usize>(sums: &mut [[u64; 4]; N], keys: &[u32], group: &[u8; 32]) {
    let message: [u32; 8] = std::array::from_fn(|i| {
        u32::from_le_bytes([group[4 * i], group[4 * i + 1], group[4 * i + 2], group[4 * i + 3]])
    });
    for (iteration, lanes) in sums.iter_mut().enumerate() {
        let Some(key) = keys.get(4 * iteration..).and_then(|keys| keys.first_chunk::<8>()) else { return };
        for j in 0..4 {
            let left = u64::from(message[j].wrapping_add(key[j]));
            let right = u64::from(message[j + 4].wrapping_add(key[j + 4]));
            lanes[j] = lanes[j].wrapping_add(left * right);
        }
    }
}

/// One step of POLY-64 (RFC 4418 §5.3.2), with the escape for words that do not fit under the modulus.
fn poly64(key: u64, accumulator: u64, word: u64) -> u64 {
    if word >= 0xffff_ffff_0000_0000 {
        let marked = multiply_add(key, accumulator, PRIME_64 - 1);
        multiply_add(key, marked, word - 59)
    } else {
        multiply_add(key, accumulator, word)
    }
}

/// `a * b + c` modulo 2^64 − 59, for `a` below 2^57.
fn multiply_add(a: u64, b: u64, c: u64) -> u64 {
    // 2^64 is 59 modulo the prime. The product is below 2^121, so the first fold leaves less than 2^65 and
    // the second no more than 64 bits.
    let product = u128::from(a) * u128::from(b) + u128::from(c);
    let folded = (product >> 64) * 59 + u128::from(product as u64);
    let folded = (folded >> 64) as u64 * 59 + folded as u64;
    if folded >= PRIME_64 { folded - PRIME_64 } else { folded }
}

/// RFC 4418 §5.4: L3-HASH of the lower half of a 16-byte string whose upper half is zero, without the final
/// translation.
fn l3_hash(keys: &[u64; 4], word: u64) -> u32 {
    let mut sum = 0;
    for (i, key) in keys.iter().enumerate() {
        sum += (word >> (48 - 16 * i) & 0xffff) * key;
    }
    (sum % PRIME_36) as u32
}

impl<const N: usize> Umac<N> {
    fn new(key: &[u8]) -> Self {
        let cipher = Aes128::new_from_slice(key).expect("UMAC takes a key of 16 bytes");
        let pad_key = derive(&cipher, 0, 16);
        let pad_cipher = Aes128::new_from_slice(&pad_key).expect("16 bytes were derived");
        Self { pad_cipher, keys: HashKeys::derive(&cipher) }
    }

    /// RFC 4418 §3.3.1: PDF, for a nonce of eight bytes. An eight-byte pad is one half of a block, chosen by
    /// the nonce's last bit.
    fn pad(&self, nonce: u64) -> [u8; 16] {
        let halves = if 4 * N == 8 { 1 } else { 0 };
        let mut block = [0u8; 16];
        block[..8].copy_from_slice(&(nonce & !halves).to_be_bytes());
        let mut block = block.into();
        self.pad_cipher.encrypt_block(&mut block);
        let mut pad: [u8; 16] = block.into();
        if nonce & halves == 1 {
            pad.rotate_left(8);
        }
        pad
    }

    /// RFC 4418 §4: UMAC, for a nonce of eight bytes.
    fn tag(&self, nonce: u64, message: &[u8], out: &mut [u8]) {
        let pad = self.pad(nonce);
        let hashed = self.keys.hash(message);
        for (i, byte) in out.iter_mut().enumerate().take(4 * N) {
            *byte = hashed[i / 4].to_be_bytes()[i % 4] ^ pad[i];
        }
    }
}

impl<const N: usize> MacContext for Umac<N> {
    fn compute(&mut self, sequence_number: u32, packet: &[u8], out: &mut [u8]) {
        self.tag(u64::from(sequence_number), packet, out);
    }
}

fn start<const N: usize>(key: &[u8]) -> Box<dyn MacContext> {
    Box::new(Umac::<N>::new(key))
}

/// `umac-128-etm@openssh.com`: encrypt-then-MAC with UMAC-128.
pub static UMAC_128_ETM: MacAlgorithm = MacAlgorithm {
    name: "umac-128-etm@openssh.com",
    key_len: 16,
    tag_len: 16,
    encrypt_then_mac: true,
    legacy: false,
    start: start::<4>,
};

/// `umac-64-etm@openssh.com`: encrypt-then-MAC with UMAC-64.
pub static UMAC_64_ETM: MacAlgorithm = MacAlgorithm {
    name: "umac-64-etm@openssh.com",
    key_len: 16,
    tag_len: 8,
    encrypt_then_mac: true,
    legacy: false,
    start: start::<2>,
};

/// `umac-128@openssh.com`.
pub static UMAC_128: MacAlgorithm = MacAlgorithm {
    name: "umac-128@openssh.com",
    key_len: 16,
    tag_len: 16,
    encrypt_then_mac: false,
    legacy: false,
    start: start::<4>,
};

/// `umac-64@openssh.com`.
pub static UMAC_64: MacAlgorithm = MacAlgorithm {
    name: "umac-64@openssh.com",
    key_len: 16,
    tag_len: 8,
    encrypt_then_mac: false,
    legacy: false,
    start: start::<2>,
};

#[cfg(test)]
mod tests;
