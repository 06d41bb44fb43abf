use super::*;
use crypto_bigint::U512;
use proptest::prelude::*;
use sha2::{Digest, Sha512};

type Decode = fn(&[u8; PUBLIC_LEN]) -> Option<Box<dyn Verify>>;

/// Every implementation that runs here.
fn decoders() -> Vec<Decode> {
    #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
    if konko_crypto::processor::runs_graviola() {
        return vec![portable::decode, accelerated::decode];
    }
    vec![portable::decode]
}

/// The same secret in every implementation that runs here.
fn secrets(seed: &[u8; SECRET_LEN]) -> Vec<Box<dyn Sign>> {
    #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
    if konko_crypto::processor::runs_graviola() {
        return vec![portable::expand(seed), accelerated::expand(seed).expect("a seed")];
    }
    vec![portable::expand(seed)]
}

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    std::array::from_fn(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).expect("hex"))
}

/// RFC 8032 §7.1, tests 1 to 3.
#[test]
fn every_implementation_signs_as_in_rfc_8032_section_7_1() {
    let vectors: [(&str, &str, &[u8], &str); 3] = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            &[],
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
             d25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            &[0x72],
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c\
             387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            &[0xaf, 0x82],
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659\
             4a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];
    for (seed, public, message, signature) in vectors {
        for secret in secrets(&bytes(seed)) {
            assert_eq!(secret.public(), bytes(public));
            assert_eq!(secret.sign(message), Some(bytes(signature)));
        }
        for decode in decoders() {
            let point = decode(&bytes(public)).expect("a point");
            assert!(point.verify(message, &bytes(signature)));
            assert!(!point.verify(b"another", &bytes(signature)));
        }
    }
}

#[test]
fn the_list_of_small_order_is_that_of_dalek() {
    let mut points = 0;
    for y in SMALL_ORDER {
        for sign in [0, 0x80] {
            let mut point = y;
            point[31] |= sign;
            assert!(check_encoding(&point).is_err());
            points += 1;
            let point = ed25519_dalek::VerifyingKey::from_bytes(&point).expect("a point");
            assert!(point.is_weak(), "{:02x?}", point.as_bytes());
        }
    }
    // Two of the ten are second encodings of a point with x = 0.
    assert_eq!(points, 10);
}

/// RFC 8032 §5.1.3, step 1: the nineteen values from the prime on that 255 bits can hold.
#[test]
fn coordinates_from_the_prime_on_are_no_encodings() {
    for first in 0..=u8::MAX {
        for last in [0x7f, 0xff] {
            let mut point = [0xff; PUBLIC_LEN];
            (point[0], point[31]) = (first, last);
            let invalid = KeyError::Invalid { what: "a point that is not canonically encoded" };
            assert_eq!(check_encoding(&point) == Err(invalid), first >= 0xed, "{first:02x}");
        }
    }
}

/// With R = 1, the point of order 1, S = k·s satisfies the equation; only the rule about R refuses it.
#[test]
fn an_r_of_small_order_is_refused_whatever_the_arithmetic_says() {
    let seed = [8; SECRET_LEN];
    let key = SigningKey::from_bytes(&seed);
    let mut signature = [0; SIGNATURE_LEN];
    signature[..PUBLIC_LEN].copy_from_slice(&SMALL_ORDER[1]);
    let hash = Sha512::new().chain_update(SMALL_ORDER[1]).chain_update(key.public());
    let k = U512::from_le_slice(&hash.chain_update(b"message").finalize());
    let mut secret = Sha512::digest(seed);
    secret[0] &= 0xf8;
    secret[31] = secret[31] & 0x7f | 0x40;
    secret[32..].fill(0);
    let order = bytes::<32>("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let order = U512::from_le_slice(&[order, [0; 32]].concat()).to_nz().expect("not zero");
    let s = k.mul_mod(&U512::from_le_slice(&secret), &order);
    signature[PUBLIC_LEN..].copy_from_slice(&s.to_le_bytes()[..32]);

    for decode in decoders() {
        assert!(decode(key.public()).expect("a point").verify(b"message", &signature));
    }
    assert!(!verify(&public_key(key.public()).expect("a key"), b"message", &signature));
}

proptest! {
    #[test]
    fn implementations_sign_and_verify_the_same(
        seed: [u8; SECRET_LEN],
        message in proptest::collection::vec(any::<u8>(), 0..300),
        flip in 0..SIGNATURE_LEN * 8,
    ) {
        let all = secrets(&seed);
        let (public, signature) = (all[0].public(), all[0].sign(&message).expect("a signature"));
        for secret in &all {
            prop_assert_eq!(secret.public(), public);
            prop_assert_eq!(secret.sign(&message), Some(signature));
        }
        let mut damaged = signature;
        damaged[flip / 8] ^= 1 << (flip % 8);
        for decode in decoders() {
            let point = decode(&public).expect("a point");
            prop_assert!(point.verify(&message, &signature));
            prop_assert!(!point.verify(&message, &damaged));
        }
    }

    /// Half of all strings are points, and everybody says so of the same half.
    #[test]
    fn implementations_decode_the_same(point: [u8; PUBLIC_LEN]) {
        let points: Vec<_> = decoders().iter().map(|decode| decode(&point).is_some()).collect();
        prop_assert!(points.iter().all(|is_point| *is_point == points[0]));
    }
}
