//! A probabilistic test of the primes that a group exchange server proposes.
//!
//! The server signs what it proposes and knows the secret anyway, so this catches what is broken, not a server that
//! crafts a pseudoprime. RFC 4419 §3 asks for a safe prime: p = 2q + 1 with q prime.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Limb, NonZero, Odd};

/// Trial division goes up to here.
const SMALL_PRIMES_BELOW: u32 = 1 << 12;

/// Above this many bits, only p is raised to a power, not q: each costs some cubes of the length.
const BOTH_UP_TO_BITS: u32 = 4096;

/// Above this many bits, nothing is raised to a power and only trial division remains.
const NEITHER_ABOVE_BITS: u32 = 6144;

/// Whether the modulus of `params` looks like a safe prime.
///
/// Small factors of p and q = (p − 1) / 2 are always looked for. One round of Miller–Rabin to base 2 follows for p up
/// to 6144 bits and for q up to 4096 bits, which takes about a tenth of a second at worst.
pub(super) fn is_probable_safe_prime(params: &BoxedMontyParams) -> bool {
    let prime: &BoxedUint = params.modulus().as_ref();
    // q is odd, so p is 3 modulo 4.
    if !prime.bit_vartime(0) || !prime.bit_vartime(1) || has_small_factor(prime) {
        return false;
    }
    let bits = prime.bits_vartime();
    let half = prime.shr_vartime(1).and_then(|half| Odd::new(half).into_option());
    let Some(half) = half else { return false };
    if bits <= NEITHER_ABOVE_BITS && !passes_miller_rabin(params) {
        return false;
    }
    bits > BOTH_UP_TO_BITS || passes_miller_rabin(&BoxedMontyParams::new_vartime(half))
}

/// Whether a small odd prime divides p or (p − 1) / 2. p itself is taken to be larger than the small primes.
fn has_small_factor(prime: &BoxedUint) -> bool {
    let mut batch = Vec::new();
    let mut product: u32 = 1;
    for small in (3..SMALL_PRIMES_BELOW).step_by(2).filter(|number| is_small_prime(*number)) {
        match product.checked_mul(small) {
            Some(larger) => product = larger,
            None => {
                if batch_divides(prime, &batch, product) {
                    return true;
                }
                batch.clear();
                product = small;
            }
        }
        batch.push(small);
    }
    batch_divides(prime, &batch, product)
}

/// One long division by the product of several small primes answers for all of them.
fn batch_divides(prime: &BoxedUint, batch: &[u32], product: u32) -> bool {
    let Some(product) = NonZero::new(Limb::from_u32(product)).into_option() else { return false };
    let remainder = prime.rem_limb(product).0;
    // p ≡ 1 (mod r) is r | p − 1, and r is odd, so r | q.
    batch.iter().any(|small| remainder % Limb::from_u32(*small).0 <= 1)
}

fn is_small_prime(odd: u32) -> bool {
    (3..)
        .step_by(2)
        .take_while(|divisor| divisor * divisor <= odd)
        .all(|divisor| !odd.is_multiple_of(divisor))
}

/// One round of Miller–Rabin to base 2: with n − 1 = d · 2^s and d odd, 2^d is 1 or one of its first s − 1 squarings
/// is n − 1.
fn passes_miller_rabin(params: &BoxedMontyParams) -> bool {
    let modulus: &BoxedUint = params.modulus().as_ref();
    let precision = params.bits_precision();
    let one = BoxedMontyForm::one(params);
    let minus_one = -&one;
    let less_one = modulus.wrapping_sub(BoxedUint::one_with_precision(precision));
    let twos = less_one.trailing_zeros_vartime();
    let Some(odd_part) = less_one.shr_vartime(twos) else { return false };
    // To the base 2 a multiplication is a doubling, so this is a third faster than the exponentiation of the crate.
    let mut power = one.clone();
    for index in (0..odd_part.bits_vartime()).rev() {
        power = power.square();
        if odd_part.bit_vartime(index) {
            power = power.double();
        }
    }
    if power == one {
        return true;
    }
    for _ in 0..twos {
        if power == minus_one {
            return true;
        }
        power = power.square();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kex::groups;
    use crypto_bigint::ConcatenatingMul;

    fn params(big_endian: &[u8]) -> BoxedMontyParams {
        let number = BoxedUint::from_be_slice_vartime(big_endian);
        BoxedMontyParams::new_vartime(Odd::new(number).into_option().unwrap())
    }

    #[test]
    fn the_fixed_groups_are_safe_primes() {
        for prime in [&groups::GROUP1[..], &groups::GROUP14, &groups::GROUP15, &groups::GROUP16] {
            assert!(is_probable_safe_prime(&params(prime)), "{} bits", prime.len() * 8);
        }
        for prime in [&groups::GROUP17[..], &groups::GROUP18] {
            let params = params(prime);
            assert!(is_probable_safe_prime(&params), "{} bits", prime.len() * 8);
            assert!(passes_miller_rabin(&params), "{} bits", prime.len() * 8);
        }
    }

    // covers: K17
    #[test]
    fn a_product_of_two_primes_is_not_one() {
        let factor = BoxedUint::from_be_slice_vartime(&groups::GROUP1);
        let product = factor.concatenating_mul(&factor);
        assert!(!is_probable_safe_prime(&params(&product.to_be_bytes())));
        assert!(!passes_miller_rabin(&params(&product.to_be_bytes())));
    }

    // covers: K17
    #[test]
    fn a_prime_whose_half_is_composite_is_not_safe() {
        // 2^521 − 1 is prime (a Mersenne prime), and 2^520 − 1 is a multiple of 3.
        let mut mersenne = [0xff; 66];
        mersenne[0] = 0x01;
        assert!(passes_miller_rabin(&params(&mersenne)));
        assert!(has_small_factor(&BoxedUint::from_be_slice_vartime(&mersenne)));
        assert!(!is_probable_safe_prime(&params(&mersenne)));
    }

    #[test]
    fn small_primes_are_recognised() {
        let primes: Vec<u32> = (3..60).step_by(2).filter(|number| is_small_prime(*number)).collect();
        assert_eq!(primes, [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59]);
    }
}
