use super::*;
use crate::vectors::records;

fn tag<const N: usize>(key: &[u8], nonce: u64, message: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 4 * N];
    Umac::<N>::new(key).tag(nonce, message, &mut out);
    out
}

#[test]
fn rfc_4418_appendix() {
    let nonce = u64::from_be_bytes(*b"bcdefghi");
    for record in records(include_str!("../../../../../vectors/mac/umac.txt")) {
        let times = record.text("times").parse().expect("a number");
        let message = record.bytes("unit").repeat(times);
        assert_eq!(tag::<2>(b"abcdefghijklmnop", nonce, &message), record.bytes("umac-64"), "{times}");
        assert_eq!(tag::<4>(b"abcdefghijklmnop", nonce, &message), record.bytes("umac-128"), "{times}");
    }
}

/// UHASH and PDF as RFC 4418 writes them down: byte strings and one iteration after the other.
mod by_the_letter {
    use aes::Aes128;
    use aes::cipher::{BlockCipherEncrypt, KeyInit};

    fn encipher(key: &[u8], block: &[u8]) -> Vec<u8> {
        let mut block: aes::Block = block.try_into().expect("16 bytes");
        Aes128::new_from_slice(key).expect("16 bytes").encrypt_block(&mut block);
        block.to_vec()
    }

    fn kdf(key: &[u8], index: u64, len: usize) -> Vec<u8> {
        let blocks = (1..=len.div_ceil(16) as u64)
            .flat_map(|i| encipher(key, &[index.to_be_bytes(), i.to_be_bytes()].concat()));
        blocks.take(len).collect()
    }

    fn integer(bytes: &[u8]) -> u128 {
        bytes.iter().fold(0, |value, byte| value << 8 | u128::from(*byte))
    }

    fn nh(key: &[u8], message: &[u8]) -> u64 {
        let key_word = |i: usize| integer(&key[4 * i..4 * i + 4]) as u32;
        // ENDIAN-SWAP of the message, then big-endian integers.
        let word = |i: usize| message[4 * i..4 * i + 4].iter().rev().fold(0, |v, b| v << 8 | u32::from(*b));
        let mut sum = 0u64;
        for i in (0..message.len() / 4).step_by(8) {
            for j in i..i + 4 {
                let left = word(j).wrapping_add(key_word(j));
                let right = word(j + 4).wrapping_add(key_word(j + 4));
                sum = sum.wrapping_add(u64::from(left) * u64::from(right));
            }
        }
        sum
    }

    /// `a * b mod p` by doubling and adding, for `p` up to 64 bits.
    fn times(a: u128, b: u128, p: u128) -> u128 {
        (0..64).rev().fold(0, |sum, bit| (2 * sum + if b >> bit & 1 == 1 { a } else { 0 }) % p)
    }

    pub(super) fn tag(key: &[u8], nonce: u64, message: &[u8], tag_len: usize) -> Vec<u8> {
        let iterations = tag_len / 4;
        let l1_key = kdf(key, 1, 1024 + 16 * (iterations - 1));
        let l2_key = kdf(key, 2, 24 * iterations);
        let l3_key = kdf(key, 3, 64 * iterations);
        let translation = kdf(key, 4, 4 * iterations);
        let mut hashed = Vec::new();
        for i in 0..iterations {
            let mut compressed = Vec::new();
            for start in (0..message.len().max(1)).step_by(1024) {
                let block = &message[start..message.len().min(start + 1024)];
                let mut padded = block.to_vec();
                padded.resize(block.len().next_multiple_of(32).max(32), 0);
                let sum = nh(&l1_key[16 * i..], &padded).wrapping_add(8 * block.len() as u64);
                compressed.push(sum);
            }
            let mut upper_and_lower = compressed[0];
            if message.len() > 1024 {
                let prime = (1u128 << 64) - 59;
                let k = integer(&l2_key[24 * i..24 * i + 8]) & 0x01ff_ffff_01ff_ffff;
                let mut y = 1;
                for word in compressed {
                    let word = u128::from(word);
                    if word >= (1 << 64) - (1 << 32) {
                        y = (times(k, y, prime) + prime - 1) % prime;
                        y = (times(k, y, prime) + word - 59) % prime;
                    } else {
                        y = (times(k, y, prime) + word) % prime;
                    }
                }
                upper_and_lower = y as u64;
            }
            let prime = (1u128 << 36) - 5;
            let string = [0u64.to_be_bytes(), upper_and_lower.to_be_bytes()].concat();
            let mut y = 0;
            for j in 0..8 {
                let key = integer(&l3_key[64 * i + 8 * j..64 * i + 8 * j + 8]) % prime;
                y = (y + integer(&string[2 * j..2 * j + 2]) * key) % prime;
            }
            let word = (y as u32) ^ integer(&translation[4 * i..4 * i + 4]) as u32;
            hashed.extend_from_slice(&word.to_be_bytes());
        }
        let pad_key = kdf(key, 0, 16);
        let index = if tag_len == 8 { nonce % 2 } else { 0 };
        let block = [(nonce ^ index).to_be_bytes(), [0; 8]].concat();
        let pad = encipher(&pad_key, &block);
        let pad = &pad[index as usize * tag_len..];
        hashed.iter().zip(pad).map(|(byte, pad)| byte ^ pad).collect()
    }
}

#[test]
fn every_length_agrees_with_the_text_of_the_rfc() {
    let message: Vec<u8> = (0..9000u32).map(|i| (i * i / 7 + i) as u8).collect();
    let lengths = (0..200).chain(990..1100).chain(2040..2060).chain([3071, 3072, 3073, 8192, 8999]);
    for (len, nonce) in lengths.zip(0..) {
        let message = &message[..len];
        let key: [u8; 16] = std::array::from_fn(|i| (i * 31 + len) as u8);
        assert_eq!(tag::<2>(&key, nonce, message), by_the_letter::tag(&key, nonce, message, 8), "{len}");
        assert_eq!(tag::<4>(&key, nonce, message), by_the_letter::tag(&key, nonce, message, 16), "{len}");
    }
}

#[test]
fn poly64_escapes_words_beyond_the_modulus() {
    // RFC 4418 §5.3.2: from 2^64 - 2^32 on, "k * y + marker" goes in first, and the word less the offset 59.
    let (k, y, prime) = (0x01ff_ffff_01ff_fffe, PRIME_64 - 1, u128::from(PRIME_64));
    let step = |y: u128, m: u64| (u128::from(k) * y + u128::from(m)) % prime;
    for word in [0xffff_ffff_0000_0000, 0xffff_ffff_0000_003b, u64::MAX - 58, u64::MAX] {
        let expected = step(step(y.into(), PRIME_64 - 1), word - 59);
        assert_eq!(u128::from(poly64(k, y, word)), expected);
    }
    let largest = 0xffff_fffe_ffff_ffff;
    assert_eq!(u128::from(poly64(k, y, largest)), step(y.into(), largest));
}

#[test]
fn multiply_add_is_reduced() {
    let prime = u128::from(PRIME_64);
    for a in [0, 1, 2, (1 << 57) - 1] {
        for b in [0, 1, 59, PRIME_64 - 1] {
            for c in [0, 1, 58, 59, PRIME_64 - 1] {
                let expected = (u128::from(a) * u128::from(b) + u128::from(c)) % prime;
                assert_eq!(u128::from(multiply_add(a, b, c)), expected, "{a} * {b} + {c}");
            }
        }
    }
}
