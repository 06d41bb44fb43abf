//! The groups of a group exchange: what a client accepts and what a server offers.

use konko_crypto::kex::{DhGroup, KexError, Moduli, groups};
use konko_crypto::random::{SecureRandom, SystemRandom};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn bad_modulus(name: &str) -> Vec<u8> {
    let line = include_str!("../../../vectors/kex/bad_moduli.txt")
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .unwrap();
    (0..line.len()).step_by(2).map(|at| u8::from_str_radix(&line[at..at + 2], 16).unwrap()).collect()
}

#[track_caller]
fn unacceptable(prime: &[u8], generator: &[u8], min: u32, max: u32) {
    let result = DhGroup::from_peer(prime, generator, min, max);
    assert_eq!(result.unwrap_err(), KexError::UnacceptableGroup);
}

#[test]
fn both_sides_agree_over_a_group_of_the_peer() {
    let offered = Moduli::builtin().choose(2048, 3072, 8192, &mut SystemRandom).unwrap();
    let accepted =
        DhGroup::from_peer(&offered.prime_bytes(), &offered.generator_bytes(), 2048, 8192).unwrap();
    assert_eq!(accepted.bits(), 3072);
    let initiator = accepted.initiate(&mut SystemRandom);
    let (reply, server) = offered.respond(&mut SystemRandom, initiator.public()).unwrap();
    assert_eq!(initiator.finish(&reply).unwrap().encoded(), server.encoded());
}

#[test]
fn numbers_may_have_leading_zeros_and_are_given_back_without() {
    let prime = [&[0; 5][..], &groups::GROUP14].concat();
    let group = DhGroup::from_peer(&prime, &[0, 0, 2], 2048, 8192).unwrap();
    assert_eq!(group.prime_bytes(), groups::GROUP14);
    assert_eq!(group.generator_bytes(), [2]);
}

// covers: K17
#[test]
fn a_prime_outside_the_sizes_asked_for_is_not_acceptable() {
    let odd = |bits: usize| {
        let mut number = vec![0xff; bits.div_ceil(8)];
        if !bits.is_multiple_of(8) {
            number[0] = 0xff >> (8 - bits % 8);
        }
        number
    };
    for bits in [0, 1, 512, 1024, 2047, 8193, 16_384, 1 << 20] {
        unacceptable(&odd(bits), &[2], 0, u32::MAX);
    }
    unacceptable(&groups::GROUP1, &[2], 1024, 8192);
    unacceptable(&groups::GROUP14, &[2], 2049, 8192);
    unacceptable(&groups::GROUP15, &[2], 2048, 3071);
    unacceptable(&groups::GROUP15, &[2], 8192, 2048);
    for (prime, bits) in [(&groups::GROUP15[..], 3072), (&groups::GROUP18, 8192)] {
        assert_eq!(DhGroup::from_peer(prime, &[2], bits, bits).unwrap().bits(), bits);
    }
}

// covers: K17
#[test]
fn a_modulus_that_is_not_a_safe_prime_is_not_acceptable() {
    let mut even = groups::GROUP14;
    even[255] ^= 1;
    unacceptable(&even, &[2], 2048, 8192);
    unacceptable(&bad_modulus("prime-but-not-safe"), &[2], 2048, 8192);
    unacceptable(&bad_modulus("product-of-two-primes"), &[2], 2048, 8192);
    unacceptable(&[0xff; 256], &[2], 2048, 8192);
    // 2^8192 − 1 has small factors: it is refused although so large a prime is not tested in full.
    unacceptable(&[0xff; 1024], &[2], 2048, 8192);
}

// covers: K17
#[test]
fn a_safe_prime_that_is_not_of_an_rfc_is_acceptable() {
    let moduli = Moduli::parse(include_str!("../../../vectors/kex/moduli.txt"));
    let group = moduli.choose(2048, 2048, 2048, &mut SystemRandom).unwrap();
    let group = DhGroup::from_peer(&group.prime_bytes(), &group.generator_bytes(), 2048, 2048).unwrap();
    assert_ne!(group.prime_bytes(), groups::GROUP14);
}

// covers: K17
#[test]
fn a_generator_that_generates_nothing_is_not_acceptable() {
    let prime = groups::GROUP14;
    let mut less_one = prime;
    less_one[255] -= 1;
    for generator in [&[][..], &[0], &[1], &less_one, &prime, &[0xff; 256], &[2; 257]] {
        unacceptable(&prime, generator, 2048, 8192);
    }
    let mut less_two = prime;
    less_two[255] -= 2;
    assert!(DhGroup::from_peer(&prime, &less_two, 2048, 8192).is_ok());
}

// covers: K18
#[test]
fn a_window_that_makes_no_sense_has_no_group() {
    let moduli = Moduli::builtin();
    for (min, preferred, max) in [
        (0, 0, 0),
        (8192, 1, 1),
        (1, 2, 3),
        (4096, 4096, 2048),
        (8193, 8193, 8193),
        (u32::MAX, u32::MAX, u32::MAX),
        (3072, 2048, 8192),
        (2048, 8192, 4096),
        (2049, 2049, 3071),
    ] {
        assert!(moduli.choose(min, preferred, max, &mut SystemRandom).is_none(), "{min} {preferred} {max}");
    }
}

// covers: K18
#[test]
fn the_smallest_group_that_is_large_enough_is_chosen() {
    let moduli = Moduli::builtin();
    for (min, preferred, max, bits) in [
        (2048, 1 << 31, u32::MAX, 8192),
        (0, 2048, 8192, 2048),
        (1024, 1024, 8192, 2048),
        (2048, 2049, 8192, 3072),
        (2048, 3072, 8192, 3072),
        (2048, 4097, 8192, 6144),
        (2048, 4097, 6143, 4096),
        (2048, 8192, 8192, 8192),
        (2048, 5000, 5000, 4096),
    ] {
        let group = moduli.choose(min, preferred, max, &mut SystemRandom).unwrap();
        assert_eq!(group.bits(), bits, "{min} {preferred} {max}");
    }
}

/// Draws the numbers 0, 1, 2 and so on.
struct Counter(u64);

impl SecureRandom for Counter {
    fn fill(&mut self, out: &mut [u8]) {
        out.copy_from_slice(&self.0.to_be_bytes());
        self.0 += 1;
    }
}

#[test]
fn among_groups_of_one_size_the_random_source_chooses() {
    let moduli = Moduli::parse(include_str!("../../../vectors/kex/moduli.txt"));
    let mut random = Counter(0);
    let mut primes: Vec<_> =
        (0..6).map(|_| moduli.choose(2048, 2048, 8192, &mut random).unwrap().prime_bytes()).collect();
    assert_eq!(primes[..3], primes[3..]);
    primes.sort();
    primes.dedup();
    assert_eq!(primes.len(), 3);
}

#[test]
fn a_moduli_file_is_read() {
    let moduli = Moduli::parse(include_str!("../../../vectors/kex/moduli.txt"));
    assert_eq!((moduli.len(), moduli.skipped()), (4, 0));
    assert!(!moduli.is_empty());
    assert_eq!(moduli.choose(2048, 3000, 8192, &mut SystemRandom).unwrap().bits(), 3072);
}

#[test]
fn lines_of_a_moduli_file_that_are_no_use_are_counted() {
    let prime = hex(&groups::GROUP14);
    let short = hex(&groups::GROUP1);
    let even = format!("{}E", &prime[..511]);
    let good = format!("20260101000000 2 6 100 2047 2 {prime}");
    let text = [
        "# Time Type Tests Tries Size Generator Modulus".to_owned(),
        String::new(),
        good.clone(),
        good.replace(" 2047 2 ", " 2047 0 "),
        good.replace(" 2047 2 ", " 2047 1 "),
        good.replace(" 2047 2 ", " 2048 2 "),
        good.replace(" 2047 2 ", " 4294967295 2 "),
        good.replace(" 2047 2 ", " -1 2 "),
        good.replace(" 2 6 100 ", " 4 6 100 "),
        good.replace(" 2 6 100 ", " 2 7 100 "),
        good.replace(" 2 6 100 ", " 2 0 100 "),
        good.replace(&prime, &short),
        good.replace(&prime, &short).replace(" 2047 ", " 1023 "),
        good.replace(&prime, &even),
        good.replace(&prime, "xyz"),
        format!("{good} more"),
        "20260101000000 2 6 100 2047 2".to_owned(),
        "é".to_owned(),
        "\0".to_owned(),
    ]
    .join("\r\n");
    let moduli = Moduli::parse(&text);
    assert_eq!((moduli.len(), moduli.skipped()), (1, 16));
    assert_eq!(Moduli::parse("").len(), 0);
    assert!(Moduli::parse("").choose(2048, 2048, 8192, &mut SystemRandom).is_none());
}

#[test]
fn no_more_than_a_hundred_groups_of_a_size_are_kept() {
    let line = format!("20260101000000 2 6 100 2047 2 {}\n", hex(&groups::GROUP14));
    let moduli = Moduli::parse(&line.repeat(150));
    assert_eq!((moduli.len(), moduli.skipped()), (100, 50));
}
