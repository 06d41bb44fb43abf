//! Every row of the key exchange table agrees with itself, and with other implementations where vectors exist.

use konko_crypto::hash::SHA256;
use konko_crypto::kex::{Agreement, KEX_ALGORITHMS, KexMethod, ValueEncoding};
use konko_crypto::random::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256, Sha512};

/// A stream made of SHA-256 over a seed and a counter.
struct Seeded {
    seed: &'static str,
    block: u64,
}

impl SecureRandom for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let block = SHA256.digest(&[self.seed.as_bytes(), &self.block.to_be_bytes()]);
            chunk.copy_from_slice(&block[..chunk.len()]);
            self.block += 1;
        }
    }
}

/// Gives the bytes it was made with, once.
struct Given(Vec<u8>);

impl SecureRandom for Given {
    fn fill(&mut self, out: &mut [u8]) {
        let rest = self.0.split_off(out.len());
        out.copy_from_slice(&std::mem::replace(&mut self.0, rest));
    }
}

fn agreements() -> impl Iterator<Item = (&'static str, &'static Agreement)> {
    KEX_ALGORITHMS.iter().filter_map(|row| match &row.method {
        KexMethod::Agreement(agreement) => Some((row.name, agreement)),
        _ => None,
    })
}

fn agreement(name: &str) -> &'static Agreement {
    agreements().find(|row| row.0 == name).unwrap().1
}

/// Runs both sides: client value, server value, secret.
fn run(
    agreement: &Agreement,
    client: &mut dyn SecureRandom,
    server: &mut dyn SecureRandom,
) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let initiator = (agreement.initiate)(client);
    let client_value = initiator.public().to_vec();
    let (server_value, server_secret) = (agreement.respond)(server, &client_value).unwrap();
    let client_secret = initiator.finish(&server_value).unwrap();
    assert_eq!(client_secret.encoded(), server_secret.encoded());
    (client_value, server_value, client_secret.encoded().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2));
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn the_table_is_in_order_of_preference() {
    let names: Vec<_> = KEX_ALGORITHMS.iter().map(|row| (row.name, row.hash.name, row.legacy)).collect();
    assert_eq!(
        names,
        [
            ("mlkem768x25519-sha256", "SHA-256", false),
            ("sntrup761x25519-sha512", "SHA-512", false),
            ("sntrup761x25519-sha512@openssh.com", "SHA-512", false),
            ("curve25519-sha256", "SHA-256", false),
            ("curve25519-sha256@libssh.org", "SHA-256", false),
            ("ecdh-sha2-nistp256", "SHA-256", false),
            ("ecdh-sha2-nistp384", "SHA-384", false),
            ("ecdh-sha2-nistp521", "SHA-512", false),
            ("diffie-hellman-group-exchange-sha256", "SHA-256", false),
            ("diffie-hellman-group16-sha512", "SHA-512", false),
            ("diffie-hellman-group18-sha512", "SHA-512", false),
            ("diffie-hellman-group14-sha256", "SHA-256", false),
            ("diffie-hellman-group-exchange-sha1", "SHA-1", true),
            ("diffie-hellman-group14-sha1", "SHA-1", true),
            ("diffie-hellman-group1-sha1", "SHA-1", true),
        ]
    );
}

#[test]
fn both_sides_agree_and_two_runs_differ() {
    for (name, agreement) in agreements() {
        let one = run(agreement, &mut SystemRandom, &mut SystemRandom);
        let two = run(agreement, &mut SystemRandom, &mut SystemRandom);
        assert!(one.0 != two.0 && one.1 != two.1 && one.2 != two.2, "{name}");
    }
}

#[test]
fn a_seeded_source_repeats_the_exchange() {
    for (name, agreement) in agreements() {
        let seeded = || {
            let (mut client, mut server) =
                (Seeded { seed: "client", block: 0 }, Seeded { seed: "server", block: 0 });
            run(agreement, &mut client, &mut server)
        };
        assert_eq!(seeded(), seeded(), "{name}");
    }
}

#[test]
fn values_have_the_encoding_and_length_of_the_method() {
    for (name, agreement) in agreements() {
        let (client, server, secret) = run(agreement, &mut SystemRandom, &mut SystemRandom);
        let lengths = (client.len(), server.len());
        let expected = match name {
            "mlkem768x25519-sha256" => (1184 + 32, 1088 + 32),
            "sntrup761x25519-sha512" | "sntrup761x25519-sha512@openssh.com" => (1158 + 32, 1039 + 32),
            "curve25519-sha256" | "curve25519-sha256@libssh.org" => (32, 32),
            "ecdh-sha2-nistp256" => (65, 65),
            "ecdh-sha2-nistp384" => (97, 97),
            "ecdh-sha2-nistp521" => (133, 133),
            _ => {
                assert_eq!(agreement.encoding, ValueEncoding::Mpint, "{name}");
                assert!(client[0] != 0 && server[0] != 0, "{name}: magnitudes have no leading zeros");
                continue;
            }
        };
        assert_eq!((agreement.encoding, lengths), (ValueEncoding::String, expected), "{name}");
        let secret_len = u32::from_be_bytes(secret[..4].try_into().unwrap()) as usize;
        assert_eq!(secret.len(), 4 + secret_len, "{name}");
    }
}

// covers: K24
#[test]
fn values_and_secrets_are_those_of_other_implementations() {
    let mut lines = 0;
    for line in include_str!("../../../vectors/kex/agreements.txt").lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let [name, case, client_random, server_random, client_value, server_value, secret, secret_begins] =
            fields[..]
        else {
            panic!("{line}");
        };
        let (client, server, encoded) =
            run(agreement(name), &mut Given(unhex(client_random)), &mut Given(unhex(server_random)));
        assert_eq!(hex(&encoded[..8]), secret_begins, "{name} {case}");
        assert_eq!(hex(&SHA256.digest(&[&encoded])), secret, "{name} {case}");
        assert_eq!(hex(&SHA256.digest(&[&client])), client_value, "{name} {case}");
        assert_eq!(hex(&SHA256.digest(&[&server])), server_value, "{name} {case}");
        lines += 1;
    }
    assert_eq!(lines, 45);
}

#[test]
fn nist_curves_agree_as_in_rfc_5903_section_8() {
    let vectors = [
        (
            "ecdh-sha2-nistp256",
            "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
            "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
            "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
        ),
        (
            "ecdh-sha2-nistp384",
            "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655\
             e35b538041e649ee3faef896783ab194",
            "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942\
             e0308312916b8ed2960e4bd55a7448fc",
            "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4\
             d603135569b9e9d09cf5d4a270f59746",
        ),
        (
            "ecdh-sha2-nistp521",
            "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a0\
             95aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d\
             4a52",
            "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e\
             9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb15168\
             5eb9",
            "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04\
             d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3\
             ddea",
        ),
    ];
    for (name, client, server, x) in vectors {
        let (_, _, secret) = run(agreement(name), &mut Given(unhex(client)), &mut Given(unhex(server)));
        let mut expected = unhex(x);
        if expected[0] & 0x80 != 0 {
            expected.insert(0, 0);
        }
        assert_eq!(secret[..4], (expected.len() as u32).to_be_bytes(), "{name}");
        assert_eq!(secret[4..], expected, "{name}");
    }
}

fn x25519_pair(seed: u8) -> (x25519_dalek::StaticSecret, [u8; 32]) {
    let secret = x25519_dalek::StaticSecret::from([seed; 32]);
    let public = x25519_dalek::PublicKey::from(&secret).to_bytes();
    (secret, public)
}

/// The peer is put together here from the primitives, so the order of the parts is checked and not only repeated.
#[test]
fn mlkem_hybrid_has_the_layout_of_the_draft() {
    use ml_kem::kem::{Decapsulate, KeyExport, KeyInit, TryKeyInit};
    use ml_kem::ml_kem_768::{DecapsulationKey, EncapsulationKey};
    let agreement = agreement("mlkem768x25519-sha256");
    let (x25519, x25519_public) = x25519_pair(3);

    let initiator = (agreement.initiate)(&mut SystemRandom);
    let (key, peer_x25519) = initiator.public().split_at(1184);
    let (ciphertext, kem_secret) =
        EncapsulationKey::new_from_slice(key).unwrap().encapsulate_deterministic(&[5; 32].into());
    let peer: [u8; 32] = peer_x25519.try_into().unwrap();
    let x25519_secret = x25519.diffie_hellman(&peer.into());
    let secret = initiator.finish(&[&ciphertext[..], &x25519_public].concat()).unwrap();
    let hash = Sha256::new().chain_update(kem_secret).chain_update(x25519_secret.as_bytes()).finalize();
    assert_eq!(secret.encoded(), [&[0, 0, 0, 32], &hash[..]].concat());

    let key = DecapsulationKey::new_from_slice(&[6; 64]).unwrap();
    let value = [&key.encapsulation_key().to_bytes()[..], &x25519_public].concat();
    let (reply, secret) = (agreement.respond)(&mut SystemRandom, &value).unwrap();
    let kem_secret = key.decapsulate_slice(&reply[..1088]).unwrap();
    let peer: [u8; 32] = reply[1088..].try_into().unwrap();
    let x25519_secret = x25519.diffie_hellman(&peer.into());
    let hash = Sha256::new().chain_update(kem_secret).chain_update(x25519_secret.as_bytes()).finalize();
    assert_eq!(secret.encoded(), [&[0, 0, 0, 32], &hash[..]].concat());
}

#[test]
fn sntrup_hybrid_has_the_layout_of_the_draft() {
    let agreement = agreement("sntrup761x25519-sha512");
    let (x25519, x25519_public) = x25519_pair(4);
    let (public, key) = sntrup::sntrup761::generate_key_deterministic(&[7; 32]);
    let value = [public.as_ref(), &x25519_public].concat();
    let (reply, secret) = (agreement.respond)(&mut SystemRandom, &value).unwrap();
    let ciphertext = sntrup::sntrup761::Ciphertext::try_from(&reply[..1039]).unwrap();
    let kem_secret = key.decapsulate(&ciphertext);
    let peer: [u8; 32] = reply[1039..].try_into().unwrap();
    let x25519_secret = x25519.diffie_hellman(&peer.into());
    let hash =
        Sha512::new().chain_update(kem_secret.as_ref()).chain_update(x25519_secret.as_bytes()).finalize();
    assert_eq!(secret.encoded(), [&[0, 0, 0, 64], &hash[..]].concat());
}

/// Frozen outputs of this implementation over ml-kem 0.3.4 and sntrup 0.4.0, with the stream `Seeded` as both sources:
/// SHA-256 of the client's value and of the server's, and the secret.
#[test]
fn hybrids_with_a_fixed_seed_are_what_they_were() {
    let vectors = [
        (
            "mlkem768x25519-sha256",
            "902cd1fbd854227805b276c3214e886719a3a1b63faa29a52f2a6d5b9388d983",
            "3ec19cc61723eb3dddc40d8811da09d620dfc0a6c798921c29be271cae4863f7",
            "00000020d4b57b7e06e424cf9334efe28f576f10d878c4958d9c7cedaf9dffceb23dfaa9",
        ),
        (
            "sntrup761x25519-sha512",
            "473986978cd45e5207849657bcdb141d7e0c1cbff8d74bec1abbb6d58cfad0fb",
            "09906b261ceeb3edb9e8940c7266e3227195dcf5a8057b93ec727161c55f0ac7",
            "000000400ca74bdf41486bc4a5d104173d556242481c33b29e13156cab3714fa304b5ffad5a1867cbf79c564cca0a37f377274e7ca3a5e4fe6483686600b51a007fa771c",
        ),
    ];
    for (name, client_value, server_value, secret) in vectors {
        let (mut client, mut server) =
            (Seeded { seed: "client", block: 0 }, Seeded { seed: "server", block: 0 });
        let (client, server, encoded) = run(agreement(name), &mut client, &mut server);
        let found = (hex(&SHA256.digest(&[&client])), hex(&SHA256.digest(&[&server])), hex(&encoded));
        assert_eq!(found, (client_value.into(), server_value.into(), secret.into()), "{name}");
    }
}
