//! The plain ciphers against published vectors, through their rows.

#[path = "../src/vectors.rs"]
mod vectors;

use konko_crypto::cipher::{CIPHERS, CipherAlgorithm, CipherKind};
use konko_crypto::compose;
use std::collections::BTreeSet;

fn row(name: &str) -> &'static CipherAlgorithm {
    CIPHERS.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row {name}"))
}

/// The vectors, and each once more in every split into two calls: stream and chain run on.
#[test]
fn plain_ciphers() {
    let mut seen = BTreeSet::new();
    for record in vectors::records(include_str!("../../../vectors/cipher/plain.txt")) {
        let row = row(record.text("cipher"));
        let CipherKind::Plain { encrypt, decrypt } = row.kind else { panic!("{} is an AEAD", row.name) };
        let (key, iv) = (record.bytes("key"), record.bytes("iv"));
        assert_eq!((key.len(), iv.len()), (row.key_len, row.iv_len), "{}", row.name);
        let (plain, encrypted) = (record.bytes("plain"), record.bytes("encrypted"));
        for split in (0..=plain.len()).step_by(row.block_len) {
            for (start, from, to) in [(encrypt, &plain, &encrypted), (decrypt, &encrypted, &plain)] {
                let mut data = from.clone();
                let (first, second) = data.split_at_mut(split);
                let mut crypt = start(&key, &iv);
                crypt.apply(first);
                crypt.apply(second);
                assert_eq!(data, *to, "{} split at {split}", row.name);
            }
        }
        seen.insert(row.name);
    }
    let plain = CIPHERS.iter().filter(|row| !row.is_aead());
    assert_eq!(plain.map(|row| row.name).collect::<BTreeSet<_>>(), seen, "every plain cipher has a vector");
}

/// Counter mode by single blocks: RFC 4344 §4, with the carry through all 16 bytes of the counter.
#[test]
fn counter_mode_over_many_batches() {
    let CipherKind::Plain { encrypt, .. } = row("aes256-ctr").kind else { panic!("aes256-ctr is an AEAD") };
    let key: Vec<u8> = (0..32).collect();
    for counter in [0, u128::from(u64::MAX) - 300, u128::MAX - 129] {
        let mut long = vec![0; 16 * 700];
        encrypt(&key, &counter.to_be_bytes()).apply(&mut long);
        for (block, i) in long.chunks(16).zip(0..) {
            let mut single = [0; 16];
            encrypt(&key, &counter.wrapping_add(i).to_be_bytes()).apply(&mut single);
            assert_eq!(block, single, "block {i} from {counter:x}");
        }
    }
}

#[test]
fn chacha20_poly1305_openssh() {
    let row = row("chacha20-poly1305@openssh.com");
    for record in vectors::records(include_str!("../../../vectors/cipher/chacha20-poly1305-openssh.txt")) {
        let sequence_number = u32::from_be_bytes(record.bytes("sequence").try_into().expect("4 bytes"));
        let key = record.bytes("key");
        let mut packet = record.bytes("plain");
        let mut tag = vec![0; 16];
        let mut seal = compose::seal(row, None, &key, &[], &[]).expect("a key of 64 bytes");
        seal.seal(sequence_number, &mut packet, &mut tag);
        assert_eq!(packet, record.bytes("encrypted"));
        assert_eq!(tag, record.bytes("tag"));

        let mut open = compose::open(row, None, &key, &[], &[]).expect("a key of 64 bytes");
        let length = open.open_length(sequence_number, &mut packet[..4]);
        open.open(sequence_number, &mut packet, &tag).expect("a right tag");
        let plain = record.bytes("plain");
        assert_eq!(length.to_be_bytes(), plain[..4]);
        assert_eq!(packet[4..], plain[4..]);
    }
}

#[test]
fn names_and_sizes_of_the_rows() {
    let names: Vec<_> = CIPHERS.iter().map(|row| row.name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "a name twice");
    assert!(!names.contains(&"none"), "none must not be negotiable");
    assert!(CIPHERS.is_sorted_by_key(|row| row.legacy), "legacy rows come last");
    for row in CIPHERS {
        assert!(row.block_len >= 8 && row.block_len.is_power_of_two(), "{}", row.name);
        assert_eq!(row.legacy, row.name.ends_with("-cbc"), "{}", row.name);
    }
}
