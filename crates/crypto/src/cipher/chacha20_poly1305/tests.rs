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
