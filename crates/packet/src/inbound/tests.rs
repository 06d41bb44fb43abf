//! Packets with lengths and paddings that cannot be, but with tags that are right.

use super::*;
use konko_crypto::cipher::CIPHERS;
use konko_crypto::cipher::none::NoneSeal;
use konko_crypto::compose;
use konko_crypto::mac::MACS;
use konko_crypto::protection::Seal;

/// One way of protecting packets, in both directions.
struct Mode {
    name: String,
    seal: Box<dyn Seal>,
    inbound: Inbound,
}

fn mode(name: &str, seal: Box<dyn Seal>, open: Box<dyn Open>, limit: u32) -> Mode {
    let mut inbound = Inbound::new(&Limits::default());
    inbound.open = open;
    inbound.maximum_packet_len = limit;
    Mode { name: name.to_owned(), seal, inbound }
}

/// Clear text, and every cipher; those without integrity with one MAC of each kind.
fn modes(limit: u32) -> Vec<Mode> {
    let mut modes = vec![mode("clear", Box::new(NoneSeal), Box::new(NoneOpen), limit)];
    for cipher in CIPHERS.iter().copied() {
        let macs = if cipher.is_aead() {
            vec![None]
        } else {
            [true, false]
                .map(|etm| MACS.iter().copied().find(|mac| mac.encrypt_then_mac == etm))
                .into_iter()
                .collect()
        };
        for mac in macs {
            let (key, iv) = (vec![1; cipher.key_len], vec![2; cipher.iv_len]);
            let mac_key = vec![3; mac.map_or(0, |row| row.key_len)];
            let seal = compose::seal(cipher, mac, &key, &iv, &mac_key).expect("rows that fit");
            let open = compose::open(cipher, mac, &key, &iv, &mac_key).expect("rows that fit");
            modes.push(mode(&format!("{} {:?}", cipher.name, mac.map(|row| row.name)), seal, open, limit));
        }
    }
    modes
}

impl Mode {
    fn receive(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let spare = self.inbound.input.spare();
            let n = rest.len().min(spare.len());
            spare[..n].copy_from_slice(&rest[..n]);
            self.inbound.input.commit(n);
            rest = &rest[n..];
        }
    }

    /// Protects a region as it is: what its length field and padding say need not be true.
    fn sealed(&mut self, mut packet: Vec<u8>) -> Vec<u8> {
        let mut tag = vec![0; self.seal.tag_len()];
        self.seal.seal(self.inbound.next_sequence_number(), &mut packet, &mut tag);
        packet.extend_from_slice(&tag);
        packet
    }

    fn aligned(&self, length: u32) -> bool {
        (length as usize + 4 - self.seal.aligned_from()).is_multiple_of(self.seal.block_len())
    }
}

/// covers: T05, T09, T14
#[test]
fn lengths_are_checked_before_anything_is_done_with_them() {
    let mut lengths = vec![0, 1, 4, 5, 7, 11, 1 << 15, 35_000, 35_004, 1 << 31, (1 << 31) - 1];
    lengths.extend(12..64);
    lengths.extend([64 * 1024, 256 * 1024].into_iter().flat_map(|limit| limit - 20..limit + 20));
    lengths.extend(u32::MAX - 5..=u32::MAX);
    for limit in [64 * 1024, 256 * 1024] {
        for length in lengths.iter().copied() {
            for mut mode in modes(limit) {
                let mut packet = vec![0; 32 + mode.seal.aligned_from()];
                packet[..4].copy_from_slice(&length.to_be_bytes());
                let legal = (5..=limit).contains(&length) && mode.aligned(length);
                let bytes = mode.sealed(packet);
                // No more than what the length is read from.
                mode.receive(&bytes[..mode.inbound.open.prefix_len()]);
                let result = mode.inbound.next_payload();
                let name = &mode.name;
                if legal {
                    assert_eq!(result, Ok(None), "{name}, {length}");
                } else {
                    assert_eq!(result, Err(PacketError::PacketLength(length)), "{name}, {length}");
                }
            }
        }
    }
}

/// covers: T06, T07, T08, T09
#[test]
fn every_padding_in_every_short_packet() {
    // What is authentic and yet refused leaves both sides in step, so that one pair of keys does for all.
    let mut modes = modes(64 * 1024);
    for length in 5..=64u32 {
        for padding in 0..=255u8 {
            for mode in &mut modes {
                if !mode.aligned(length) {
                    continue;
                }
                let mut packet = vec![0x5e; length as usize + 4];
                packet[..4].copy_from_slice(&length.to_be_bytes());
                packet[4] = padding;
                let bytes = mode.sealed(packet);
                mode.receive(&bytes);
                let result = mode.inbound.next_payload();
                let payload = (length as usize).checked_sub(1 + usize::from(padding));
                match payload {
                    Some(len @ 1..) if padding >= 4 => {
                        let payload = result.expect("legal").expect("complete");
                        assert_eq!(&payload.bytes[..], vec![0x5e; len], "{}", mode.name);
                    }
                    _ => assert!(matches!(result, Err(PacketError::PeerMisbehaved(_))), "{}", mode.name),
                }
            }
        }
    }
}

/// covers: T10
#[test]
fn a_packet_cut_inside_its_tag_waits() {
    for mut mode in modes(64 * 1024) {
        let length = 32 + mode.seal.aligned_from() as u32 - 4;
        let mut packet = vec![9; length as usize + 4];
        packet[..4].copy_from_slice(&length.to_be_bytes());
        let bytes = mode.sealed(packet);
        let (last, bytes) = bytes.split_last().expect("bytes");
        for byte in bytes {
            mode.receive(&[*byte]);
            assert_eq!(mode.inbound.next_payload(), Ok(None));
        }
        mode.receive(&[*last]);
        assert!(matches!(mode.inbound.next_payload(), Ok(Some(_))), "{}", mode.name);
    }
}

#[test]
fn payloads_are_slices_of_what_was_received_unless_they_may_hold_secrets() {
    for (number, shares) in [(94, true), (50, false), (79, false), (80, true)] {
        let mut mode = modes(64 * 1024).remove(0);
        let mut packet = vec![number; 1000];
        packet[..4].copy_from_slice(&996u32.to_be_bytes());
        packet[4] = 4;
        let bytes = mode.sealed(packet);
        mode.receive(&bytes);
        let received = mode.inbound.input.filled().as_ptr_range();
        let payload = mode.inbound.next_payload().expect("legal").expect("complete");
        assert_eq!(payload.number(), number);
        assert_eq!(received.contains(&payload.bytes.as_ptr()), shares, "{number}");
        assert!(!format!("{payload:?}").contains("94, 94"));
    }
}
