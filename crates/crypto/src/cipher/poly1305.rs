//! The one-time authenticator Poly1305 (RFC 8439 §2.5).
//!
//! Every packet has a key of its own, so that setting up must cost nothing: plain integers, no vectors. The sum is
//! kept in limbs of 44, 44 and 42 bits, whose products leave room in 128 bits to be added up; four blocks are
//! multiplied by four powers of r at a time, independently of each other, and carried once.

use zeroize::Zeroize;

/// Bytes of tag.
pub(super) const TAG_LEN: usize = 16;
/// Bytes of a block.
const BLOCK_LEN: usize = 16;
/// Blocks that are absorbed together.
const STRIDE: usize = 4;
/// From so many blocks on the powers of r are worth what they cost.
const STRIDE_FROM: usize = 3 * STRIDE;

const MASK_44: u64 = (1 << 44) - 1;
const MASK_42: u64 = (1 << 42) - 1;
/// 2^128, the marker of a whole block, as it stands in the upper limb.
const WHOLE: u64 = 1 << 40;

/// A number below 2^131, in limbs of 44, 44 and 42 bits of which the middle one may be longer by a bit.
#[derive(Clone, Copy, Zeroize)]
struct Limbs([u64; 3]);

impl Limbs {
    /// A block, with `marker` above it.
    #[inline(always)]
    fn of_block(block: [u8; BLOCK_LEN], marker: u64) -> Self {
        let block = u128::from_le_bytes(block);
        let (low, high) = (block as u64, (block >> 64) as u64);
        Self([low & MASK_44, (low >> 44 | high << 20) & MASK_44, high >> 24 | marker])
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        let ([a, b, c], [x, y, z]) = (self.0, other.0);
        Self([a + x, b + y, c + z])
    }
}

/// A power of r, ready to be multiplied by.
#[derive(Clone, Copy, Zeroize)]
struct Multiplier {
    limbs: [u64; 3],
    /// The upper two limbs times 20: 2^132, where their products with other upper limbs begin, is 4 * 5 modulo the
    /// prime.
    lifted: [u64; 2],
}

impl Multiplier {
    fn new(power: Limbs) -> Self {
        let [_, r1, r2] = power.0;
        Self { limbs: power.0, lifted: [r1 * 20, r2 * 20] }
    }

    /// The product in three sums that are still to be carried. Limbs of 46 bits at most and multipliers of 50 make
    /// products below 2^96, so that many can be added up.
    #[inline(always)]
    fn times(&self, factor: Limbs) -> [u128; 3] {
        let [r0, r1, r2] = self.limbs.map(u128::from);
        let [s1, s2] = self.lifted.map(u128::from);
        let [h0, h1, h2] = factor.0.map(u128::from);
        [h0 * r0 + h1 * s2 + h2 * s1, h0 * r1 + h1 * r0 + h2 * s2, h0 * r2 + h1 * r1 + h2 * r0]
    }
}

/// Reduces three sums below 2^100 each to limbs.
#[inline(always)]
fn carried([d0, d1, d2]: [u128; 3]) -> Limbs {
    let d1 = d1 + (d0 >> 44);
    let d2 = d2 + (d1 >> 44);
    // 2^130 is 5 modulo the prime.
    let low = (d0 as u64 & MASK_44) + (d2 >> 42) as u64 * 5;
    Limbs([low & MASK_44, (d1 as u64 & MASK_44) + (low >> 44), d2 as u64 & MASK_42])
}

/// The sum of `strides` under r, computed in as many independent sums as a stride has blocks: the first sum takes the
/// first block of each stride and so on, all multiply by the same power of r, and at the last stride each by another
/// one, so that they can be added up.
fn absorbed_in_strides(r: &Multiplier, strides: &[[[u8; BLOCK_LEN]; STRIDE]]) -> Limbs {
    let mut powers = [*r; STRIDE];
    for exponent in 1..STRIDE {
        powers[exponent] = Multiplier::new(carried(powers[exponent - 1].times(Limbs(r.limbs))));
    }
    let highest = powers[STRIDE - 1];
    let mut sums = [Limbs([0; 3]); STRIDE];
    let Some((last, strides)) = strides.split_last() else { return sums[0] };
    for stride in strides {
        for (sum, block) in sums.iter_mut().zip(stride) {
            *sum = carried(highest.times(sum.plus(Limbs::of_block(*block, WHOLE))));
        }
    }
    let mut total = Limbs([0; 3]);
    for ((sum, block), power) in sums.iter().zip(last).zip(powers.iter().rev()) {
        total = total.plus(carried(power.times(sum.plus(Limbs::of_block(*block, WHOLE)))));
    }
    powers.zeroize();
    sums.zeroize();
    total
}

/// The sum reduced modulo 2^130 − 5, plus `s` modulo 2^128.
fn finished(sum: Limbs, s: u128) -> [u8; TAG_LEN] {
    let [h0, h1, h2] = sum.0;
    let h2 = h2 + (h1 >> 44);
    let low = u128::from(h0) + (u128::from(h2 >> 42) * 5) + (u128::from(h1 & MASK_44) << 44);
    let (value, carry) = low.overflowing_add(u128::from(h2) << 88);
    let above = u64::from(carry) + ((h2 & MASK_42) >> 40);
    // Adding 5 passes 2^130 exactly where the prime must be taken away (the sum is below twice the prime).
    let (plus_five, carry) = value.overflowing_add(5);
    let overflow = (above + u64::from(carry)) >> 2;
    let mask = u128::from(overflow != 0).wrapping_neg();
    let reduced = (value & !mask) | (plus_five & mask);
    reduced.wrapping_add(s).to_le_bytes()
}

/// The tag of `message` under a key that is never used again.
pub(super) fn tag(key: &[u8; 32], message: &[u8]) -> [u8; TAG_LEN] {
    let [mut r, mut s] = [0u128; 2];
    for ((slot, shift), byte) in (0..32).map(|i| (i / 16, i % 16 * 8)).zip(key) {
        let half = if slot == 0 { &mut r } else { &mut s };
        *half |= u128::from(*byte) << shift;
    }
    // RFC 8439 §2.5.1: "r &= 0x0ffffffc0ffffffc0ffffffc0fffffff"
    r &= 0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffff;
    let mut first = Multiplier::new(Limbs::of_block(r.to_le_bytes(), 0));
    let mut sum = Limbs([0; 3]);

    let (mut blocks, rest) = message.as_chunks::<BLOCK_LEN>();
    if blocks.len() >= STRIDE_FROM {
        let (strides, last) = blocks.as_chunks::<STRIDE>();
        sum = absorbed_in_strides(&first, strides);
        blocks = last;
    }
    for block in blocks {
        sum = carried(first.times(sum.plus(Limbs::of_block(*block, WHOLE))));
    }
    if !rest.is_empty() {
        let mut block = [0; BLOCK_LEN];
        block[..rest.len()].copy_from_slice(rest);
        block[rest.len()] = 1;
        sum = carried(first.times(sum.plus(Limbs::of_block(block, 0))));
    }
    let tag = finished(sum, s);
    sum.zeroize();
    first.zeroize();
    r.zeroize();
    s.zeroize();
    tag
}

#[cfg(test)]
mod tests {
    use super::*;
    use poly1305::Poly1305;
    use poly1305::universal_hash::KeyInit;

    fn vectorised_tag(key: &[u8; 32], message: &[u8]) -> [u8; TAG_LEN] {
        Poly1305::new(key.into()).compute_unpadded(message).into()
    }

    #[test]
    fn rfc_8439_section_2_5_2() {
        let key = b"\x85\xd6\xbe\x78\x57\x55\x6d\x33\x7f\x44\x52\xfe\x42\xd5\x06\xa8\
            \x01\x03\x80\x8a\xfb\x0d\xb2\xfd\x4a\xbf\xf6\xaf\x41\x49\xf5\x1b";
        let expected = b"\xa8\x06\x1d\xc1\x30\x51\x36\xc6\xc2\x2b\x8b\xaf\x0c\x01\x27\xa9";
        assert_eq!(tag(key, b"Cryptographic Forum Research Group"), *expected);
    }

    /// Keys and messages at the edges of the carries, as RFC 8439 appendix A.3 has them, and many lengths.
    #[test]
    fn it_agrees_with_other_code() {
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
                        assert_eq!(tag(&key, message), vectorised_tag(&key, message), "{r:x} {s:x} {len}");
                    }
                }
            }
        }
    }
}
