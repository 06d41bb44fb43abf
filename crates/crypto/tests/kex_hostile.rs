//! Public values that no honest peer sends are refused, in both roles.

use crypto_bigint::BoxedUint;
use konko_crypto::kex::{
    Agreement, DhGroup, Initiator, KEX_ALGORITHMS, KexError, KexMethod, SharedSecret, ValueEncoding, groups,
};
use konko_crypto::random::SystemRandom;

fn agreement(name: &str) -> &'static Agreement {
    let row = KEX_ALGORITHMS.iter().find(|row| row.name == name).unwrap();
    let KexMethod::Agreement(agreement) = &row.method else { panic!("{name} is not an agreement") };
    agreement
}

fn string_agreements() -> Vec<(&'static str, &'static Agreement)> {
    let agreements = KEX_ALGORITHMS.iter().filter_map(|row| match &row.method {
        KexMethod::Agreement(agreement) if agreement.encoding == ValueEncoding::String => {
            Some((row.name, agreement))
        }
        _ => None,
    });
    agreements.collect()
}

/// Gives `value` to a server and then to a client.
fn send(agreement: &Agreement, value: &[u8]) -> [Result<SharedSecret, KexError>; 2] {
    let server = (agreement.respond)(&mut SystemRandom, value).map(|(_, secret)| secret);
    let client = (agreement.initiate)(&mut SystemRandom).finish(value);
    [server, client]
}

#[track_caller]
fn refused(name: &str, value: &[u8], error: KexError) {
    for result in send(agreement(name), value) {
        assert_eq!(result.unwrap_err(), error, "{name} {:02x?}", &value[..value.len().min(40)]);
    }
}

// covers: K21
#[test]
fn strings_of_a_wrong_length_are_refused() {
    for (name, agreement) in string_agreements() {
        let client_value = (agreement.initiate)(&mut SystemRandom).public().to_vec();
        let (server_value, _) = (agreement.respond)(&mut SystemRandom, &client_value).unwrap();
        let nearby = [client_value.len() - 1, client_value.len() + 1];
        for len in (0..=64).chain(nearby).chain([1 << 20]).filter(|len| *len != client_value.len()) {
            let mut value = client_value.clone();
            value.resize(len, 4);
            let result = (agreement.respond)(&mut SystemRandom, &value);
            assert_eq!(result.unwrap_err(), KexError::WrongLength, "{name} {len}");
        }
        let nearby = [server_value.len() - 1, server_value.len() + 1];
        for len in (0..=64).chain(nearby).chain([1 << 20]).filter(|len| *len != server_value.len()) {
            let mut value = server_value.clone();
            value.resize(len, 4);
            let result = (agreement.initiate)(&mut SystemRandom).finish(&value);
            assert_eq!(result.unwrap_err(), KexError::WrongLength, "{name} {len}");
        }
    }
}

/// Numbers of 255 and 256 bits, little-endian, that stand for a point of small order on Curve25519.
fn small_order() -> Vec<[u8; 32]> {
    let order_8 = [
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "cdeb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
        "4c9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7",
    ];
    let mut values: Vec<[u8; 32]> = order_8
        .iter()
        .map(|hex| std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()))
        .collect();
    for (first, middle, last) in [
        (0x00, 0x00, 0x00),
        (0x01, 0x00, 0x00),
        (0xec, 0xff, 0x7f),
        (0xed, 0xff, 0x7f),
        (0xee, 0xff, 0x7f),
        (0xd9, 0xff, 0xff),
        (0xda, 0xff, 0xff),
        (0xdb, 0xff, 0xff),
        // The top bit does not count (RFC 7748 §5).
        (0x00, 0x00, 0x80),
        (0x01, 0x00, 0x80),
        (0xec, 0xff, 0xff),
        (0xed, 0xff, 0xff),
        (0xee, 0xff, 0xff),
    ] {
        let mut value = [middle; 32];
        (value[0], value[31]) = (first, last);
        values.push(value);
    }
    values
}

// covers: K20
#[test]
fn points_of_small_order_are_refused_alone_and_in_the_hybrids() {
    for value in small_order() {
        refused("curve25519-sha256", &value, KexError::InvalidValue);
        for name in ["mlkem768x25519-sha256", "sntrup761x25519-sha512"] {
            let agreement = agreement(name);
            let initiator = (agreement.initiate)(&mut SystemRandom);
            let mut client_value = initiator.public().to_vec();
            let (mut server_value, _) = (agreement.respond)(&mut SystemRandom, &client_value).unwrap();
            for message in [&mut client_value, &mut server_value] {
                let at = message.len() - 32;
                message[at..].copy_from_slice(&value);
            }
            let result = (agreement.respond)(&mut SystemRandom, &client_value);
            assert_eq!(result.unwrap_err(), KexError::InvalidValue, "{name}");
            assert_eq!(initiator.finish(&server_value).unwrap_err(), KexError::InvalidValue, "{name}");
        }
    }
}

// covers: K22
#[test]
fn points_that_are_not_valid_are_refused() {
    for (name, len, prime_ends) in [
        ("ecdh-sha2-nistp256", 32, [0xff, 0xff]),
        ("ecdh-sha2-nistp384", 48, [0xff, 0xff]),
        ("ecdh-sha2-nistp521", 66, [0x01, 0xff]),
    ] {
        let valid = (agreement(name).initiate)(&mut SystemRandom).public().to_vec();
        assert!(send(agreement(name), &valid).iter().all(Result::is_ok), "{name}");

        let mut off_curve = valid.clone();
        off_curve[2 * len] ^= 1;
        refused(name, &off_curve, KexError::InvalidValue);
        refused(name, &[&[4], &vec![0; 2 * len][..]].concat(), KexError::InvalidValue);

        // Compressed and hybrid forms, infinity, and what is none of them, at the uncompressed length.
        for tag in (0..=255).filter(|tag| *tag != 4) {
            let mut value = valid.clone();
            value[0] = tag;
            refused(name, &value, KexError::InvalidValue);
        }
        refused(name, &[0], KexError::WrongLength);
        let mut compressed = valid[..=len].to_vec();
        compressed[0] = 2 + (valid[2 * len] & 1);
        refused(name, &compressed, KexError::WrongLength);

        // A coordinate of 2^bits − 1 is above every one of the primes.
        for coordinate in [1..1 + len, 1 + len..1 + 2 * len] {
            let mut value = valid.clone();
            value[coordinate.clone()].fill(0xff);
            value[coordinate.start] = prime_ends[0];
            refused(name, &value, KexError::InvalidValue);
            value[coordinate.start] = 0xff;
            refused(name, &value, KexError::InvalidValue);
        }
    }
}

// covers: K23
#[test]
fn an_encapsulation_key_with_a_coefficient_that_is_not_reduced_is_refused() {
    let agreement = agreement("mlkem768x25519-sha256");
    let valid = (agreement.initiate)(&mut SystemRandom).public().to_vec();
    // Two coefficients of 12 bits make three bytes; 768 coefficients fill 1152 bytes.
    for pair in [0, 191, 383] {
        for too_large in [3329_u16, 3330, 4095] {
            let [high, low] = too_large.to_be_bytes();
            let mut first = valid.clone();
            first[3 * pair] = low;
            first[3 * pair + 1] = first[3 * pair + 1] & 0xf0 | high;
            let mut second = valid.clone();
            second[3 * pair + 1] = second[3 * pair + 1] & 0x0f | low << 4;
            second[3 * pair + 2] = high << 4 | low >> 4;
            for value in [first, second] {
                let result = (agreement.respond)(&mut SystemRandom, &value);
                assert_eq!(result.unwrap_err(), KexError::InvalidValue, "{pair} {too_large}");
            }
        }
    }
}

// covers: K23
#[test]
fn a_ciphertext_that_was_changed_gives_another_secret_and_no_error() {
    for name in ["mlkem768x25519-sha256", "sntrup761x25519-sha512"] {
        let agreement = agreement(name);
        let initiator = (agreement.initiate)(&mut SystemRandom);
        let (mut reply, secret) = (agreement.respond)(&mut SystemRandom, initiator.public()).unwrap();
        reply[100] ^= 1;
        let other = initiator.finish(&reply).unwrap();
        assert_eq!(other.encoded().len(), secret.encoded().len(), "{name}");
        assert_ne!(other.encoded(), secret.encoded(), "{name}");
    }
}

fn dh_groups() -> Vec<(&'static [u8], Option<&'static str>)> {
    vec![
        (&groups::GROUP1, Some("diffie-hellman-group1-sha1")),
        (&groups::GROUP14, Some("diffie-hellman-group14-sha256")),
        (&groups::GROUP14, Some("diffie-hellman-group14-sha1")),
        (&groups::GROUP15, None),
        (&groups::GROUP16, Some("diffie-hellman-group16-sha512")),
        (&groups::GROUP18, Some("diffie-hellman-group18-sha512")),
    ]
}

/// Gives a value to both roles of a fixed group, or of the same kind of group from a group exchange.
fn send_to_group(prime: &[u8], name: Option<&str>, value: &[u8]) -> [Result<SharedSecret, KexError>; 2] {
    match name {
        Some(name) => send(agreement(name), value),
        None => {
            let group = DhGroup::from_peer(prime, &[2], 2048, 8192).unwrap();
            let server = group.respond(&mut SystemRandom, value).map(|(_, secret)| secret);
            let client: Box<dyn Initiator> = group.initiate(&mut SystemRandom);
            [server, client.finish(value)]
        }
    }
}

// covers: K16
#[test]
fn diffie_hellman_values_out_of_range_are_refused() {
    for (prime_bytes, name) in dh_groups() {
        let bits = prime_bytes.len() as u32 * 8;
        let prime = BoxedUint::from_be_slice(prime_bytes, bits + 64).unwrap();
        let number = |value: u64| BoxedUint::from_be_slice(&value.to_be_bytes(), bits + 64).unwrap();
        let power = |bit: u32| number(1).shl_vartime(bit).unwrap();
        let refused = [
            ("0", number(0)),
            ("1", number(1)),
            ("2", number(2)),
            ("three bits set", number(7)),
            ("2^64", power(64)),
            ("one bit, the highest", power(bits - 1)),
            ("p - 1", prime.wrapping_sub(number(1))),
            ("p", prime.clone()),
            ("p + 1", prime.wrapping_add(number(1))),
            ("2p - 1", prime.wrapping_add(&prime).wrapping_sub(number(1))),
            ("p + g^x", prime.wrapping_add(number(0x1234_5678))),
        ];
        for (what, value) in refused {
            for result in send_to_group(prime_bytes, name, &value.to_be_bytes()) {
                assert_eq!(result.unwrap_err(), KexError::InvalidValue, "{name:?} {what}");
            }
        }
        for value in [&[][..], &[0; 3], &vec![0xff; prime_bytes.len() + 1], &vec![0xff; 1 << 20]] {
            for result in send_to_group(prime_bytes, name, value) {
                assert_eq!(result.unwrap_err(), KexError::InvalidValue, "{name:?} {} bytes", value.len());
            }
        }
        for (what, value) in [("p - 2", prime.wrapping_sub(number(2))), ("four bits set", number(15))] {
            for result in send_to_group(prime_bytes, name, &value.to_be_bytes()) {
                assert!(result.is_ok(), "{name:?} {what}");
            }
        }
    }
}
