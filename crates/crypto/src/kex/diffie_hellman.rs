//! Diffie–Hellman modulo a prime (RFC 4253 §8): the fixed groups, and the groups of RFC 4419.

use crate::kex::agreement::{Agreement, Initiator, KexError, ValueEncoding};
use crate::kex::groups;
use crate::kex::safe_prime::is_probable_safe_prime;
use crate::kex::shared_secret::SharedSecret;
use crate::random::SecureRandom;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use std::cmp::Ordering;
use std::sync::LazyLock;
use zeroize::Zeroizing;

/// The fewest bits of a prime in a group exchange (RFC 8270 §3).
pub const MIN_GROUP_BITS: u32 = 2048;
/// The most bits of a prime in a group exchange (RFC 4419 §3).
pub const MAX_GROUP_BITS: u32 = 8192;

/// Bits of a private exponent: twice 256, which is at least twice the security of any group here.
const EXPONENT_BITS: u32 = 512;

/// A public value with fewer bits set than this was not made by raising the generator to a random power.
const MIN_BITS_SET: u32 = 4;

/// A group: a prime and a generator. Cheap to clone.
#[derive(Clone)]
pub struct DhGroup {
    params: BoxedMontyParams,
    generator: BoxedUint,
}

impl DhGroup {
    /// Takes the group of a peer's `SSH_MSG_KEX_DH_GEX_GROUP`, both numbers as unsigned big-endian magnitudes.
    ///
    /// `min_bits` and `max_bits` are what was asked for, narrowed here to 2048 and 8192 bits. Fails with
    /// [`KexError::UnacceptableGroup`] if the size of the prime is outside them, if it is found not to be a safe prime
    /// (small factors always; a probabilistic test of the prime up to 6144 bits and of its half up to 4096 bits,
    /// which bounds the work), or if the generator is not in [2, prime − 2].
    pub fn from_peer(prime: &[u8], generator: &[u8], min_bits: u32, max_bits: u32) -> Result<Self, KexError> {
        let bits = magnitude_bits(prime);
        let acceptable = min_bits.max(MIN_GROUP_BITS)..=max_bits.min(MAX_GROUP_BITS);
        if !acceptable.contains(&bits) {
            return Err(KexError::UnacceptableGroup);
        }
        let group = Self::new(prime, generator).ok_or(KexError::UnacceptableGroup)?;
        let fixed =
            [&groups::GROUP14[..], &groups::GROUP15, &groups::GROUP16, &groups::GROUP17, &groups::GROUP18];
        if !fixed.contains(&trimmed(prime)) && !is_probable_safe_prime(&group.params) {
            return Err(KexError::UnacceptableGroup);
        }
        Ok(group)
    }

    /// A group from numbers that need no test of primality. `None` if the prime is even or shorter than a private
    /// exponent, or if the generator is not in [2, prime − 2].
    pub(super) fn new(prime: &[u8], generator: &[u8]) -> Option<Self> {
        if magnitude_bits(prime) <= EXPONENT_BITS {
            return None;
        }
        let prime = BoxedUint::from_be_slice_vartime(trimmed(prime));
        let params = BoxedMontyParams::new_vartime(Odd::new(prime).into_option()?);
        let generator = between_one_and_prime_less_one(&params, generator)?;
        Some(Self { params, generator })
    }

    /// The prime as an unsigned big-endian magnitude without leading zeros.
    pub fn prime_bytes(&self) -> Vec<u8> {
        self.prime().to_be_bytes_trimmed_vartime().into_vec()
    }

    /// The generator as an unsigned big-endian magnitude without leading zeros.
    pub fn generator_bytes(&self) -> Vec<u8> {
        self.generator.to_be_bytes_trimmed_vartime().into_vec()
    }

    /// Bits of the prime.
    pub fn bits(&self) -> u32 {
        self.prime().bits_vartime()
    }

    /// The client's first half: draws an exponent x and computes e = g^x mod p.
    pub fn initiate(&self, random: &mut dyn SecureRandom) -> Box<dyn Initiator> {
        Box::new(self.ephemeral_key(random))
    }

    /// The server's whole part: given the client's e, its own f = g^y mod p and the secret K = e^y mod p. Public values
    /// are unsigned big-endian magnitudes.
    ///
    /// Fails with [`KexError::InvalidValue`] if `client_value` is not in [2, p − 2], or has fewer than four bits set.
    pub fn respond(
        &self,
        random: &mut dyn SecureRandom,
        client_value: &[u8],
    ) -> Result<(Vec<u8>, SharedSecret), KexError> {
        let client_value = self.check_public(client_value)?;
        let key = self.ephemeral_key(random);
        let shared = self.shared_secret(client_value, &key.exponent)?;
        Ok((key.public, shared))
    }

    fn prime(&self) -> &BoxedUint {
        self.params.modulus().as_ref()
    }

    fn ephemeral_key(&self, random: &mut dyn SecureRandom) -> EphemeralKey {
        let exponent = draw_exponent(random);
        let public = self.power(self.generator.clone(), &exponent).to_be_bytes_trimmed_vartime().into_vec();
        EphemeralKey { group: self.clone(), exponent, public }
    }

    /// RFC 4253 §8: "Values of 'e' or 'f' that are not in the range [1, p-1] MUST NOT be sent or accepted"; 1 and p − 1
    /// are refused as well because they fix the secret.
    fn check_public(&self, value: &[u8]) -> Result<BoxedUint, KexError> {
        let bits_set: u32 = trimmed(value).iter().map(|byte| byte.count_ones()).sum();
        if bits_set < MIN_BITS_SET {
            return Err(KexError::InvalidValue);
        }
        between_one_and_prime_less_one(&self.params, value).ok_or(KexError::InvalidValue)
    }

    fn shared_secret(
        &self,
        public: BoxedUint,
        exponent: &Zeroizing<BoxedUint>,
    ) -> Result<SharedSecret, KexError> {
        let secret = Zeroizing::new(self.power(public, exponent).to_be_bytes());
        // RFC 4419 §3: "they MUST accept the shared secret K only if 1 < K < p - 1." Only a group with small subgroups,
        // whose prime is not safe, comes to anything else.
        if between_one_and_prime_less_one(&self.params, &secret).is_none() {
            return Err(KexError::InvalidValue);
        }
        Ok(SharedSecret::from_integer(&secret))
    }

    fn power(&self, base: BoxedUint, exponent: &BoxedUint) -> Zeroizing<BoxedUint> {
        let base = BoxedMontyForm::new(base, &self.params);
        let power = Zeroizing::new(base.pow_bounded_exp(exponent, EXPONENT_BITS));
        Zeroizing::new(power.retrieve())
    }
}

impl std::fmt::Debug for DhGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DhGroup({} bits)", self.bits())
    }
}

/// One side's ephemeral key pair; the exponent is wiped on drop.
struct EphemeralKey {
    group: DhGroup,
    exponent: Zeroizing<BoxedUint>,
    public: Vec<u8>,
}

impl Initiator for EphemeralKey {
    fn public(&self) -> &[u8] {
        &self.public
    }

    fn finish(self: Box<Self>, reply: &[u8]) -> Result<SharedSecret, KexError> {
        let reply = self.group.check_public(reply)?;
        self.group.shared_secret(reply, &self.exponent)
    }
}

/// A private exponent of exactly [`EXPONENT_BITS`] bits: the highest is set, the others are random.
fn draw_exponent(random: &mut dyn SecureRandom) -> Zeroizing<BoxedUint> {
    let mut bytes = Zeroizing::new([0; EXPONENT_BITS as usize / 8]);
    random.fill(&mut *bytes);
    bytes[0] |= 0x80;
    Zeroizing::new(BoxedUint::from_be_slice_truncated(&*bytes, EXPONENT_BITS))
}

/// The number, at the precision of the group, if 1 < number < p − 1.
fn between_one_and_prime_less_one(params: &BoxedMontyParams, number: &[u8]) -> Option<BoxedUint> {
    let precision = params.bits_precision();
    let number = BoxedUint::from_be_slice(trimmed(number), precision).ok()?;
    let one = BoxedUint::one_with_precision(precision);
    let prime: &BoxedUint = params.modulus().as_ref();
    let above = number.cmp_vartime(&one) == Ordering::Greater;
    let below = number.cmp_vartime(prime.wrapping_sub(&one)) == Ordering::Less;
    (above && below).then_some(number)
}

fn trimmed(magnitude: &[u8]) -> &[u8] {
    let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
    magnitude.get(zeros..).unwrap_or_default()
}

/// The bit length of a number; anything too long to count is longer than any limit here.
pub(super) fn magnitude_bits(magnitude: &[u8]) -> u32 {
    let magnitude = trimmed(magnitude);
    let Some(first) = magnitude.first() else { return 0 };
    u32::try_from(magnitude.len() * 8).map_or(u32::MAX, |bits| bits - first.leading_zeros())
}

macro_rules! fixed_group {
    ($agreement:ident, $group:ident, $prime:path, $name:literal) => {
        static $group: LazyLock<DhGroup> = LazyLock::new(|| {
            DhGroup::new(&$prime, &[groups::GENERATOR]).expect("the constants of an RFC make a group")
        });
        #[doc = concat!("The agreement of `", $name, "`.")]
        pub const $agreement: Agreement = Agreement {
            encoding: ValueEncoding::Mpint,
            initiate: |random| $group.initiate(random),
            respond: |random, client_value| $group.respond(random, client_value),
        };
    };
}

fixed_group!(GROUP1, FIXED_GROUP1, groups::GROUP1, "diffie-hellman-group1-sha1");
fixed_group!(GROUP14, FIXED_GROUP14, groups::GROUP14, "diffie-hellman-group14-*");
fixed_group!(GROUP16, FIXED_GROUP16, groups::GROUP16, "diffie-hellman-group16-sha512");
fixed_group!(GROUP18, FIXED_GROUP18, groups::GROUP18, "diffie-hellman-group18-sha512");

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u64);

    impl SecureRandom for Counting {
        fn fill(&mut self, out: &mut [u8]) {
            for chunk in out.chunks_mut(32) {
                self.0 += 1;
                let block = crate::hash::SHA256.digest(&[&self.0.to_be_bytes()]);
                chunk.copy_from_slice(&block[..chunk.len()]);
            }
        }
    }

    // covers: K19
    #[test]
    fn exponents_have_512_bits_of_which_511_are_random() {
        let mut random = Counting(0);
        let mut ones = [0_u32; EXPONENT_BITS as usize];
        for _ in 0..10_000 {
            let exponent = draw_exponent(&mut random);
            assert_eq!(exponent.bits_vartime(), EXPONENT_BITS);
            for (index, count) in (0..EXPONENT_BITS).zip(&mut ones) {
                *count += u32::from(exponent.bit_vartime(index));
            }
        }
        // Ten standard deviations of a fair coin thrown 10 000 times.
        assert!(ones[..511].iter().all(|count| (4500..=5500).contains(count)));
        assert_eq!(ones[511], 10_000);
    }

    #[test]
    fn magnitudes_are_measured_in_bits() {
        assert_eq!(magnitude_bits(&[]), 0);
        assert_eq!(magnitude_bits(&[0, 0]), 0);
        assert_eq!(magnitude_bits(&[0, 1]), 1);
        assert_eq!(magnitude_bits(&[0x80, 0]), 16);
        assert_eq!(magnitude_bits(&[0, 0x7f, 0xff]), 15);
    }

    #[test]
    fn a_secret_of_a_small_subgroup_is_refused() {
        // Modulo 2^2048 − 1, which is not prime, 2 has order 2048: to the power 2^511 it is 1.
        let group = DhGroup::new(&[0xff; 256], &[3]).unwrap();
        let mut exponent = [0; 64];
        exponent[0] = 0x80;
        let exponent = Zeroizing::new(BoxedUint::from_be_slice_truncated(&exponent, EXPONENT_BITS));
        let two = BoxedUint::from_be_slice(&[2], 2048).unwrap();
        assert_eq!(group.shared_secret(two, &exponent).unwrap_err(), KexError::InvalidValue);
    }
}
