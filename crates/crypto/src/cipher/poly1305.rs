//! The one-time authenticator Poly1305 (RFC 8439 §2.5).
//!
//! The vectorised implementation pays for its set-up with every key, and here every packet has a key of its
//! own. Short messages are therefore authenticated by a plain scalar function.

use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use zeroize::Zeroize;

/// Bytes of tag.
pub(super) const TAG_LEN: usize = 16;
/// Up to this many bytes the scalar function is the cheaper one.
const SCALAR_LIMIT: usize = 1024;

/// The tag of `message` under a key that is never used again.
pub(super) fn tag(key: &[u8; 32], message: &[u8]) -> [u8; TAG_LEN] {
    if message.len() <= SCALAR_LIMIT { scalar_tag(key, message) } else { vectorised_tag(key, message) }
}

fn vectorised_tag(key: &[u8; 32], message: &[u8]) -> [u8; TAG_LEN] {
    Poly1305::new(key.into()).compute_unpadded(message).into()
}

/// The running sum and the multiplier, in limbs of 64 bits. The sum is kept below 2^131, not fully reduced.
#[derive(Zeroize)]
struct Accumulator {
    limbs: [u64; 3],
    r: [u64; 2],
}

impl Accumulator {
    /// Adds a block with its marker (`top` is what stands at 2^128) and multiplies by r modulo 2^130 − 5.
    #[inline(always)]
    fn absorb(&mut self, block: [u8; 16], top: u64) {
        let block = u128::from_le_bytes(block);
        let [r0, r1] = self.r.map(u128::from);
        // 2^130 is 5 modulo the prime, and r's upper limb is a multiple of 4: what it lifts to 2^128 comes back
        // as five quarters of itself.
        let lifted = r1 + (r1 >> 2);

        let low = u128::from(self.limbs[0]) + u128::from(block as u64);
        let middle = u128::from(self.limbs[1]) + (block >> 64) + (low >> 64);
        let h0 = u128::from(low as u64);
        let h1 = u128::from(middle as u64);
        let h2 = u128::from(self.limbs[2] + top) + (middle >> 64);

        // r's limbs are below 2^60, so none of these sums reaches 2^127.
        let d0 = h0 * r0 + h1 * lifted;
        let d1 = h0 * r1 + h1 * r0 + h2 * lifted + (d0 >> 64);
        let d2 = (h2 * r0) as u64 + (d1 >> 64) as u64;

        // Everything from 2^130 on, times 5: (d2 >> 2) * 4 + (d2 >> 2).
        let carried = u128::from(d2 & !3) + u128::from(d2 >> 2);
        let low = u128::from(d0 as u64) + carried;
        let middle = u128::from(d1 as u64) + (low >> 64);
        self.limbs = [low as u64, middle as u64, (d2 & 3) + (middle >> 64) as u64];
    }

    /// The sum reduced modulo 2^130 − 5, plus `s` modulo 2^128.
    fn finish(&self, s: u128) -> [u8; TAG_LEN] {
        let [h0, h1, h2] = self.limbs;
        let value = u128::from(h1) << 64 | u128::from(h0);
        // Adding 5 passes 2^130 exactly where the prime must be taken away (the sum is below twice the prime).
        let (plus_five, carry) = value.overflowing_add(5);
        let overflow = (h2 + u64::from(carry)) >> 2;
        let mask = u128::from(overflow != 0).wrapping_neg();
        let reduced = (value & !mask) | (plus_five & mask);
        reduced.wrapping_add(s).to_le_bytes()
    }
}

fn scalar_tag(key: &[u8; 32], message: &[u8]) -> [u8; TAG_LEN] {
    let [mut r, mut s] = [0u128; 2];
    for ((slot, shift), byte) in (0..32).map(|i| (i / 16, i % 16 * 8)).zip(key) {
        let half = if slot == 0 { &mut r } else { &mut s };
        *half |= u128::from(*byte) << shift;
    }
    // RFC 8439 §2.5.1: "r &= 0x0ffffffc0ffffffc0ffffffc0fffffff"
    r &= 0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffff;
    let mut sum = Accumulator { limbs: [0; 3], r: [r as u64, (r >> 64) as u64] };
    let (blocks, rest) = message.as_chunks::<16>();
    for block in blocks {
        sum.absorb(*block, 1);
    }
    if !rest.is_empty() {
        let mut block = [0; 16];
        block[..rest.len()].copy_from_slice(rest);
        block[rest.len()] = 1;
        sum.absorb(block, 0);
    }
    let tag = sum.finish(s);
    sum.zeroize();
    r.zeroize();
    s.zeroize();
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_8439_section_2_5_2() {
        let key = b"\x85\xd6\xbe\x78\x57\x55\x6d\x33\x7f\x44\x52\xfe\x42\xd5\x06\xa8\
            \x01\x03\x80\x8a\xfb\x0d\xb2\xfd\x4a\xbf\xf6\xaf\x41\x49\xf5\x1b";
        let tag = b"\xa8\x06\x1d\xc1\x30\x51\x36\xc6\xc2\x2b\x8b\xaf\x0c\x01\x27\xa9";
        assert_eq!(scalar_tag(key, b"Cryptographic Forum Research Group"), *tag);
    }

    /// Keys and messages at the edges of the carries, as RFC 8439 appendix A.3 has them, and many lengths.
    #[test]
    fn scalar_and_vectorised_code_agree() {
        let multipliers: [u128; 8] =
            [0, 1, 2, 4, 5, u128::MAX, 0x0fff_fffc_0fff_fffc_0000_0000_0000_0001, 0x1234_5678_9abc << 70];
        let mixed: Vec<u8> = (0..1500u32).map(|i| (i * i / 3 + i) as u8).collect();
        let near_the_prime =
            [[0xfb; 1].as_slice(), &[0xff; 15], &[0xff; 16], &[0xfe; 16], &[0x01; 16]].concat();
        for r in multipliers {
            for s in [0, 1, u128::MAX, 1 << 127] {
                let mut key = [0; 32];
                key[..16].copy_from_slice(&r.to_le_bytes());
                key[16..].copy_from_slice(&s.to_le_bytes());
                for message in [&mixed, &vec![0xff; 300], &vec![0; 300], &near_the_prime.repeat(20)] {
                    for len in (0..message.len().min(100)).chain((100..message.len()).step_by(37)) {
                        let message = &message[..len];
                        assert_eq!(
                            scalar_tag(&key, message),
                            vectorised_tag(&key, message),
                            "{r:x} {s:x} {len}"
                        );
                    }
                }
            }
        }
    }
}
