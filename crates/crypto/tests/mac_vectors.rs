//! The MACs against published vectors, through their rows.

#[path = "../src/vectors.rs"]
mod vectors;

use konko_crypto::mac::{MACS, MAX_TAG_LEN};
use std::collections::BTreeSet;

/// The MAC of a packet is that of sequence number and packet (RFC 4253 §6.4), so the first four bytes of a
/// vector's data go where the sequence number is.
#[test]
fn hmac() {
    for record in vectors::records(include_str!("../../../vectors/mac/hmac.txt")) {
        let (key, data, tag) = (record.bytes("key"), record.bytes("data"), record.bytes("tag"));
        let (sequence_number, packet) = data.split_first_chunk().expect("four bytes at least");
        let name = record.text("mac");
        let both = [name.to_owned(), format!("{name}-etm@openssh.com")];
        for name in both {
            let row = MACS.iter().find(|row| row.name == name).expect("a row");
            let mut context = (row.start)(&key);
            // The same state serves one packet after another.
            for _ in 0..2 {
                let mut out = vec![0; row.tag_len];
                context.compute(u32::from_be_bytes(*sequence_number), packet, &mut out);
                assert_eq!(out, tag, "{name}");
            }
        }
    }
}

#[test]
fn names_and_sizes_of_the_rows() {
    let names: BTreeSet<_> = MACS.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), MACS.len(), "a name twice");
    assert!(MACS.is_sorted_by_key(|row| row.legacy), "legacy rows come last");
    for row in MACS {
        assert!(row.tag_len <= MAX_TAG_LEN, "{}", row.name);
        assert_eq!(row.encrypt_then_mac, row.name.contains("-etm@"), "{}", row.name);
    }
}

/// A MAC depends on every one of: key, sequence number, packet.
#[test]
fn every_input_counts() {
    for row in MACS {
        let key: Vec<u8> = (0..row.key_len as u8).collect();
        let mut other_key = key.clone();
        other_key[row.key_len - 1] ^= 1;
        let compute = |key: &[u8], sequence_number, packet: &[u8]| {
            let mut out = vec![0; row.tag_len];
            (row.start)(key).compute(sequence_number, packet, &mut out);
            out
        };
        let tag = compute(&key, 2, &[1; 40]);
        assert_ne!(tag, compute(&other_key, 2, &[1; 40]), "{}", row.name);
        assert_ne!(tag, compute(&key, 3, &[1; 40]), "{}", row.name);
        assert_ne!(tag, compute(&key, 0x8000_0002, &[1; 40]), "{}", row.name);
        assert_ne!(tag, compute(&key, 2, &[1; 39]), "{}", row.name);
        assert_ne!(tag, compute(&key, 2, &[[1; 39].as_slice(), &[0]].concat()), "{}", row.name);
    }
}
