use super::*;
use crate::vectors::records;

#[test]
fn portable_code_agrees_with_openssl() {
    for record in records(include_str!("../../../../../vectors/cipher/chacha20-poly1305-openssh.txt")) {
        let sequence_number = u32::from_be_bytes(record.bytes("sequence").try_into().expect("4 bytes"));
        let keys = Keys::new(&record.bytes("key"));
        let mut packet = record.bytes("plain");
        let tag = keys.seal(sequence_number, &mut packet);
        assert_eq!(packet, record.bytes("encrypted"));
        assert_eq!(tag[..], record.bytes("tag"));
    }
}

/// Portable code and `ring` on both sides of every switch between implementations.
#[cfg(feature = "ring")]
#[test]
fn portable_code_agrees_with_ring() {
    let key: [u8; KEY_LEN] = std::array::from_fn(|i| (i * 29 + 5) as u8);
    let (keys, sealing, opening) = (Keys::new(&key), SealingKey::new(&key), OpeningKey::new(&key));
    let lengths = (4..700).chain(RING_LIMIT - 70..RING_LIMIT + 70).chain([8192, 16_384, 32_772, 262_148]);
    for (len, i) in lengths.zip(0u32..) {
        let sequence_number = i.wrapping_mul(0x9e37_79b9);
        let plain: Vec<u8> = (0..len).map(|i| (i % 253) as u8).collect();
        let (mut ours, mut rings, mut rings_tag) = (plain.clone(), plain.clone(), [0; TAG_LEN]);
        let our_tag = keys.seal(sequence_number, &mut ours);
        sealing.seal_in_place(sequence_number, &mut rings, &mut rings_tag);
        assert_eq!(ours, rings, "{len} bytes");
        assert_eq!(our_tag, rings_tag, "{len} bytes");

        let mut length: [u8; LENGTH_LEN] = ours[..LENGTH_LEN].try_into().expect("4 bytes");
        assert_eq!(opening.decrypt_packet_length(sequence_number, length)[..], plain[..LENGTH_LEN]);
        keys.apply_to_length(sequence_number, &mut length);
        assert_eq!(length[..], plain[..LENGTH_LEN]);

        keys.open(sequence_number, &mut rings, &our_tag).expect("a right tag");
        assert_eq!(rings[LENGTH_LEN..], plain[LENGTH_LEN..]);
        assert!(opening.open_in_place(sequence_number, &mut ours, &rings_tag).is_ok());
        assert_eq!(ours[LENGTH_LEN..], plain[LENGTH_LEN..]);
    }
}

#[test]
fn a_wrong_tag_leaves_the_packet_encrypted() {
    let key: [u8; KEY_LEN] = std::array::from_fn(|i| i as u8);
    let keys = Keys::new(&key);
    let mut packet = vec![7; 300];
    let mut tag = keys.seal(9, &mut packet);
    let sealed = packet.clone();
    tag[15] ^= 0x80;
    assert_eq!(keys.open(9, &mut packet, &tag), Err(TagMismatch));
    assert_eq!(packet, sealed);
}

#[test]
fn a_packet_too_short_for_its_length_is_refused() {
    let key = [0; KEY_LEN];
    for len in 0..LENGTH_LEN {
        let mut packet = vec![0; len];
        let tag = Keys::new(&key).tag(0, &packet);
        assert_eq!(Opener::new(&key).open(0, &mut packet, &tag), Err(TagMismatch));
    }
}

/// The block counter begins anew with every packet, and the longest packet that can be named at all, 2^32 bytes, takes
/// fewer blocks than 32 bits count. No block of key stream comes twice.
///
/// covers: T17
#[test]
fn every_packet_has_blocks_of_its_own() {
    assert!((1_u64 << 32) / chacha20::BLOCK_LEN as u64 + 2 < 1 << 32);
    let key: [u8; KEY_LEN] = std::array::from_fn(|i| (i * 3 + 1) as u8);
    let keys = Keys::new(&key);
    let mut seen = std::collections::HashSet::new();
    for sequence_number in [0, 1, 2, 1 << 16, u32::MAX - 1, u32::MAX] {
        let mut packet = vec![0; LENGTH_LEN + 256 * 1024];
        keys.seal(sequence_number, &mut packet);
        for (block, counter) in packet[LENGTH_LEN..].chunks_exact(chacha20::BLOCK_LEN).zip(1..) {
            assert_eq!(block, chacha20::block(&keys.packet, sequence_number.into(), counter));
            assert!(seen.insert(block.to_vec()), "packet {sequence_number}, block {counter}");
        }
    }
    // Not even where 32 bits of a counter end.
    let last = u64::from(u32::MAX);
    assert_ne!(chacha20::block(&keys.packet, 0, last + 1), chacha20::block(&keys.packet, 0, 0));
}
