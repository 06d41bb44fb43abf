//! Every cipher, and every plain cipher with every MAC, as the protection of a stream of packets.

use konko_crypto::cipher::{CIPHERS, CipherAlgorithm};
use konko_crypto::compose;
use konko_crypto::mac::{MACS, MacAlgorithm};
use konko_crypto::protection::{Open, Seal, TagMismatch};

#[derive(Clone, Copy)]
struct Suite {
    cipher: &'static CipherAlgorithm,
    mac: Option<&'static MacAlgorithm>,
}

impl Suite {
    fn all() -> impl Iterator<Item = Suite> {
        CIPHERS.iter().flat_map(|&cipher| {
            let macs: Vec<_> =
                if cipher.is_aead() { vec![None] } else { MACS.iter().copied().map(Some).collect() };
            macs.into_iter().map(move |mac| Suite { cipher, mac })
        })
    }

    fn name(&self) -> String {
        format!("{} with {}", self.cipher.name, self.mac.map_or("no MAC", |mac| mac.name))
    }

    fn keys(&self) -> [Vec<u8>; 3] {
        let bytes = |len: usize, by: usize| (0..len).map(|i| (i * by + 3) as u8).collect();
        let mac_key_len = self.mac.map_or(0, |mac| mac.key_len);
        [bytes(self.cipher.key_len, 7), bytes(self.cipher.iv_len, 13), bytes(mac_key_len, 31)]
    }

    fn seal(&self) -> Box<dyn Seal> {
        let [key, iv, mac_key] = self.keys();
        compose::seal(self.cipher, self.mac, &key, &iv, &mac_key).expect("keys of the right lengths")
    }

    fn open(&self) -> Box<dyn Open> {
        let [key, iv, mac_key] = self.keys();
        compose::open(self.cipher, self.mac, &key, &iv, &mac_key).expect("keys of the right lengths")
    }

    fn hides_text_of_refused_packets(&self) -> bool {
        self.mac.is_none_or(|mac| mac.encrypt_then_mac)
    }
}

/// A packet (RFC 4253 §6): length, padding length, payload, padding of four bytes at least.
fn packet(payload_len: usize, block_len: usize, aligned_from: usize) -> Vec<u8> {
    let unpadded = 5 + payload_len;
    let total = (unpadded + 4 - aligned_from).next_multiple_of(block_len) + aligned_from;
    let padding = total - unpadded;
    let mut packet = ((total - 4) as u32).to_be_bytes().to_vec();
    packet.push(padding as u8);
    packet.extend((0..payload_len).map(|i| (i % 241) as u8));
    packet.extend(std::iter::repeat_n(0xee, padding));
    packet
}

fn sealed(seal: &mut dyn Seal, sequence_number: u32, payload_len: usize) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let plain = packet(payload_len, seal.block_len(), seal.aligned_from());
    let mut on_the_wire = plain.clone();
    let mut tag = vec![0; seal.tag_len()];
    seal.seal(sequence_number, &mut on_the_wire, &mut tag);
    (plain, on_the_wire, tag)
}

fn opened(
    open: &mut dyn Open,
    sequence_number: u32,
    packet: &mut [u8],
    tag: &[u8],
) -> (u32, Result<(), TagMismatch>) {
    let prefix_len = open.prefix_len();
    let length = open.open_length(sequence_number, &mut packet[..prefix_len]);
    (length, open.open(sequence_number, packet, tag))
}

#[test]
fn packets_of_every_size_arrive() {
    for suite in Suite::all() {
        let (mut seal, mut open) = (suite.seal(), suite.open());
        assert_eq!(seal.block_len(), open.block_len(), "{}", suite.name());
        assert_eq!(seal.tag_len(), open.tag_len(), "{}", suite.name());
        assert_eq!(seal.aligned_from(), open.aligned_from(), "{}", suite.name());
        assert!(open.prefix_len() >= 4, "{}", suite.name());
        // The sequence number passes through zero on the way.
        let mut sequence_number = u32::MAX - 100;
        for payload_len in (0..=300).chain([5000, 32_768, 0, 1]) {
            let (plain, mut packet, tag) = sealed(&mut *seal, sequence_number, payload_len);
            assert_ne!(packet[4..], plain[4..], "{}: in clear", suite.name());
            let (length, result) = opened(&mut *open, sequence_number, &mut packet, &tag);
            assert_eq!(length as usize, plain.len() - 4, "{}", suite.name());
            assert_eq!(result, Ok(()), "{}: payload of {payload_len} bytes", suite.name());
            assert_eq!(packet[4..], plain[4..], "{}: payload of {payload_len} bytes", suite.name());
            sequence_number = sequence_number.wrapping_add(1);
        }
    }
}

// covers: T11
#[test]
fn every_flipped_bit_is_refused() {
    for suite in Suite::all() {
        let mut seal = suite.seal();
        let (plain, packet, tag) = sealed(&mut *seal, 0, 10);
        for bit in 0..8 * (packet.len() + tag.len()) {
            let (mut packet, mut tag) = (packet.clone(), tag.clone());
            match packet.get_mut(bit / 8) {
                Some(byte) => *byte ^= 1 << (bit % 8),
                None => tag[bit / 8 - packet.len()] ^= 1 << (bit % 8),
            }
            let (_, result) = opened(&mut *suite.open(), 0, &mut packet, &tag);
            assert_eq!(result, Err(TagMismatch), "{}: bit {bit}", suite.name());
            if suite.hides_text_of_refused_packets() {
                assert_ne!(packet[5..15], plain[5..15], "{}: bit {bit}: text of a forgery", suite.name());
            }
        }
    }
}

// covers: T11
#[test]
fn truncated_and_misshapen_packets_are_refused() {
    for suite in Suite::all() {
        let mut seal = suite.seal();
        let (_, packet, tag) = sealed(&mut *seal, 0, 60);
        let prefix_len = suite.open().prefix_len();
        for len in prefix_len..packet.len() {
            let (_, result) = opened(&mut *suite.open(), 0, &mut packet[..len].to_vec(), &tag);
            assert_eq!(result, Err(TagMismatch), "{}: {len} bytes of packet", suite.name());
        }
        for len in 0..tag.len() {
            let (_, result) = opened(&mut *suite.open(), 0, &mut packet.clone(), &tag[..len]);
            assert_eq!(result, Err(TagMismatch), "{}: {len} bytes of tag", suite.name());
        }
        for len in 0..prefix_len {
            let result = suite.open().open(0, &mut vec![0; len], &tag);
            assert_eq!(result, Err(TagMismatch), "{}: a packet of {len} bytes", suite.name());
        }
    }
}

/// A packet again, a packet left out, and a packet under another sequence number.
#[test]
fn packets_out_of_their_order_are_refused() {
    for suite in Suite::all() {
        let mut seal = suite.seal();
        let (_, first, first_tag) = sealed(&mut *seal, 0, 20);
        let (_, second, second_tag) = sealed(&mut *seal, 1, 20);

        let mut open = suite.open();
        let (_, result) = opened(&mut *open, 0, &mut first.clone(), &first_tag);
        assert_eq!(result, Ok(()), "{}", suite.name());
        let (_, again) = opened(&mut *open, 1, &mut first.clone(), &first_tag);
        assert_eq!(again, Err(TagMismatch), "{}: the first packet again", suite.name());

        let (_, early) = opened(&mut *suite.open(), 0, &mut second.clone(), &second_tag);
        assert_eq!(early, Err(TagMismatch), "{}: the second packet first", suite.name());
    }
}

/// Equal packets must not look equal: nonce, counter or chain go on.
#[test]
fn equal_packets_differ_on_the_wire() {
    for suite in Suite::all() {
        let mut seal = suite.seal();
        let (_, first, first_tag) = sealed(&mut *seal, 0, 100);
        let (_, second, second_tag) = sealed(&mut *seal, 1, 100);
        assert_ne!(first[4..], second[4..], "{}", suite.name());
        assert_ne!(first_tag, second_tag, "{}", suite.name());
    }
}
