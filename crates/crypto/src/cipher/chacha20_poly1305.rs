//! `chacha20-poly1305@openssh.com`, as OpenSSH's PROTOCOL.chacha20poly1305 defines it. It is not the AEAD of
//! RFC 8439: the length field is encrypted under a key of its own, so that it can be read first, and the tag
//! covers the cipher text of length and packet without padding.
//!
//! Nothing is carried from packet to packet (the sequence number is the nonce), so each packet may take the
//! implementation that is cheapest for its size.

use crate::cipher::chacha20;
use crate::cipher::poly1305::{self, TAG_LEN};
use crate::cipher::table::{CipherAlgorithm, CipherKind};
use crate::protection::{Open, Seal, TagMismatch};
#[cfg(feature = "ring")]
use ring::aead::chacha20_poly1305_openssh::{OpeningKey, SealingKey};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const KEY_LEN: usize = 64;
const BLOCK_LEN: usize = 8;
const LENGTH_LEN: usize = 4;
/// Packets up to this many bytes go through `ring`, whose cost of starting is the smallest; above, the wider
/// vectors of the portable implementation win.
#[cfg(feature = "ring")]
const RING_LIMIT: usize = 1024;

/// The two keys of a direction, and the construction over them in portable code.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Keys {
    /// K_2: the packet and its tag.
    packet: [u8; 32],
    /// K_1: the length field.
    length: [u8; 32],
}

impl Keys {
    fn new(key: &[u8]) -> Self {
        let (packet, length) = key.split_at(32);
        Self {
            packet: packet.try_into().expect("a key of 64 bytes"),
            length: length.try_into().expect("a key of 64 bytes"),
        }
    }

    /// Encrypts or decrypts a length field.
    fn apply_to_length(&self, sequence_number: u32, length: &mut [u8]) {
        let key_stream = Zeroizing::new(chacha20::block(&self.length, sequence_number.into(), 0));
        let field = length.iter_mut().take(LENGTH_LEN);
        field.zip(key_stream.iter()).for_each(|(byte, key_byte)| *byte ^= key_byte);
    }

    /// The tag over the cipher text of a packet, length field included.
    fn tag(&self, sequence_number: u32, packet: &[u8]) -> [u8; TAG_LEN] {
        // The key of Poly1305 is the first half of block 0; the other half is not used.
        let key_stream = Zeroizing::new(chacha20::block(&self.packet, sequence_number.into(), 0));
        let key = key_stream.first_chunk().expect("a block is longer than the key");
        poly1305::tag(key, packet)
    }

    fn seal(&self, sequence_number: u32, packet: &mut [u8]) -> [u8; TAG_LEN] {
        let (length, body) = packet.split_at_mut(LENGTH_LEN);
        self.apply_to_length(sequence_number, length);
        chacha20::apply_from_block_one(&self.packet, sequence_number.into(), body);
        self.tag(sequence_number, packet)
    }

    fn open(&self, sequence_number: u32, packet: &mut [u8], tag: &[u8; TAG_LEN]) -> Result<(), TagMismatch> {
        let expected = self.tag(sequence_number, packet);
        if !bool::from(expected.ct_eq(tag)) {
            return Err(TagMismatch);
        }
        let body = packet.get_mut(LENGTH_LEN..).ok_or(TagMismatch)?;
        chacha20::apply_from_block_one(&self.packet, sequence_number.into(), body);
        Ok(())
    }
}

#[cfg(feature = "ring")]
fn ring_key(key: &[u8]) -> &[u8; KEY_LEN] {
    key.try_into().expect("a key of 64 bytes")
}

struct Sealer {
    keys: Keys,
    #[cfg(feature = "ring")]
    small: SealingKey,
}

impl Sealer {
    fn new(key: &[u8]) -> Self {
        Self {
            keys: Keys::new(key),
            #[cfg(feature = "ring")]
            small: SealingKey::new(ring_key(key)),
        }
    }
}

impl Seal for Sealer {
    fn block_len(&self) -> usize {
        BLOCK_LEN
    }

    fn tag_len(&self) -> usize {
        TAG_LEN
    }

    fn aligned_from(&self) -> usize {
        LENGTH_LEN
    }

    fn seal(&mut self, sequence_number: u32, packet: &mut [u8], tag: &mut [u8]) {
        #[cfg(feature = "ring")]
        if packet.len() <= RING_LIMIT {
            let tag = tag.try_into().expect("room for a tag of 16 bytes");
            self.small.seal_in_place(sequence_number, packet, tag);
            return;
        }
        tag.copy_from_slice(&self.keys.seal(sequence_number, packet));
    }
}

struct Opener {
    keys: Keys,
    #[cfg(feature = "ring")]
    small: OpeningKey,
}

impl Opener {
    fn new(key: &[u8]) -> Self {
        Self {
            keys: Keys::new(key),
            #[cfg(feature = "ring")]
            small: OpeningKey::new(ring_key(key)),
        }
    }
}

impl Open for Opener {
    fn block_len(&self) -> usize {
        BLOCK_LEN
    }

    fn tag_len(&self) -> usize {
        TAG_LEN
    }

    fn aligned_from(&self) -> usize {
        LENGTH_LEN
    }

    fn prefix_len(&self) -> usize {
        LENGTH_LEN
    }

    fn open_length(&mut self, sequence_number: u32, prefix: &mut [u8]) -> u32 {
        // The tag covers the encrypted length, so the prefix stays as it is.
        let mut length = *prefix.first_chunk::<LENGTH_LEN>().expect("a prefix of four bytes");
        self.keys.apply_to_length(sequence_number, &mut length);
        u32::from_be_bytes(length)
    }

    fn open(&mut self, sequence_number: u32, packet: &mut [u8], tag: &[u8]) -> Result<(), TagMismatch> {
        let tag: &[u8; TAG_LEN] = tag.try_into().map_err(|_| TagMismatch)?;
        #[cfg(feature = "ring")]
        if (LENGTH_LEN..=RING_LIMIT).contains(&packet.len()) {
            return match self.small.open_in_place(sequence_number, packet, tag) {
                Ok(_) => Ok(()),
                Err(_) => Err(TagMismatch),
            };
        }
        self.keys.open(sequence_number, packet, tag)
    }
}

/// `chacha20-poly1305@openssh.com`.
pub static CHACHA20_POLY1305: CipherAlgorithm = CipherAlgorithm {
    name: "chacha20-poly1305@openssh.com",
    key_len: KEY_LEN,
    iv_len: 0,
    block_len: BLOCK_LEN,
    legacy: false,
    kind: CipherKind::Aead {
        seal: |key, _iv| Box::new(Sealer::new(key)),
        open: |key, _iv| Box::new(Opener::new(key)),
    },
};

#[cfg(test)]
mod tests;
