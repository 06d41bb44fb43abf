//! AES in Galois/counter mode (RFC 5647), under the names `aes128-gcm@openssh.com` and
//! `aes256-gcm@openssh.com`. The length field is not encrypted; it is the associated data.

use crate::cipher::table::{CipherAlgorithm, CipherKind};
use crate::protection::{Open, Seal, TagMismatch};

const BLOCK_LEN: usize = 16;
const TAG_LEN: usize = 16;
const NONCE_LEN: usize = 12;
const LENGTH_LEN: usize = 4;

/// AES-GCM under one key, stateless.
trait GcmKey: Send {
    /// Encrypts `body` in place and answers with the tag.
    fn seal(&self, nonce: [u8; NONCE_LEN], length: &[u8], body: &mut [u8]) -> [u8; TAG_LEN];
    /// Verifies the tag and decrypts `body` in place; the contents of `body` are unspecified after a failure.
    fn open(
        &self,
        nonce: [u8; NONCE_LEN],
        length: &[u8],
        body: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), TagMismatch>;
}

#[cfg(any(test, not(feature = "ring")))]
mod portable {
    use super::{GcmKey, NONCE_LEN, TAG_LEN};
    use crate::protection::TagMismatch;
    use aes_gcm::aead::AeadInOut;
    use aes_gcm::aead::consts::{U12, U16};
    use aes_gcm::{Aes128Gcm, Aes256Gcm, KeyInit};

    impl<A: AeadInOut<NonceSize = U12, TagSize = U16> + Send> GcmKey for A {
        fn seal(&self, nonce: [u8; NONCE_LEN], length: &[u8], body: &mut [u8]) -> [u8; TAG_LEN] {
            self.encrypt_inout_detached(&nonce.into(), length, body.into())
                .expect("a packet is shorter than GCM's limit of 64 GiB")
                .into()
        }

        fn open(
            &self,
            nonce: [u8; NONCE_LEN],
            length: &[u8],
            body: &mut [u8],
            tag: &[u8; TAG_LEN],
        ) -> Result<(), TagMismatch> {
            self.decrypt_inout_detached(&nonce.into(), length, body.into(), tag.into())
                .map_err(|_| TagMismatch)
        }
    }

    pub(super) fn aes128(key: &[u8]) -> impl GcmKey + 'static {
        Aes128Gcm::new_from_slice(key).expect("a key of 16 bytes")
    }

    pub(super) fn aes256(key: &[u8]) -> impl GcmKey + 'static {
        Aes256Gcm::new_from_slice(key).expect("a key of 32 bytes")
    }
}

#[cfg(feature = "ring")]
mod accelerated {
    use super::{GcmKey, NONCE_LEN, TAG_LEN};
    use crate::protection::TagMismatch;
    use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};

    struct RingKey(LessSafeKey);

    impl GcmKey for RingKey {
        fn seal(&self, nonce: [u8; NONCE_LEN], length: &[u8], body: &mut [u8]) -> [u8; TAG_LEN] {
            let nonce = Nonce::assume_unique_for_key(nonce);
            let tag = self
                .0
                .seal_in_place_separate_tag(nonce, Aad::from(length), body)
                .expect("a packet is shorter than GCM's limit of 64 GiB");
            let mut out = [0; TAG_LEN];
            out.copy_from_slice(tag.as_ref());
            out
        }

        fn open(
            &self,
            nonce: [u8; NONCE_LEN],
            length: &[u8],
            body: &mut [u8],
            tag: &[u8; TAG_LEN],
        ) -> Result<(), TagMismatch> {
            let nonce = Nonce::assume_unique_for_key(nonce);
            self.0
                .open_in_place_separate_tag(nonce, Aad::from(length), (*tag).into(), body, 0..)
                .map(|_| ())
                .map_err(|_| TagMismatch)
        }
    }

    fn key(algorithm: &'static Algorithm, key: &[u8]) -> impl GcmKey + 'static {
        RingKey(LessSafeKey::new(UnboundKey::new(algorithm, key).expect("a key of the row's length")))
    }

    pub(super) fn aes128(bytes: &[u8]) -> impl GcmKey + 'static {
        key(&AES_128_GCM, bytes)
    }

    pub(super) fn aes256(bytes: &[u8]) -> impl GcmKey + 'static {
        key(&AES_256_GCM, bytes)
    }
}

/// Also AES-GCM in the crate `graviola`. It is the quickest on vectors of 512 bits; on others only `ring` is quicker.
#[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod wide {
    use super::{GcmKey, NONCE_LEN, TAG_LEN};
    use crate::processor;
    use crate::protection::TagMismatch;
    use graviola::aead::AesGcm;

    struct GraviolaKey(AesGcm);

    impl GcmKey for GraviolaKey {
        fn seal(&self, nonce: [u8; NONCE_LEN], length: &[u8], body: &mut [u8]) -> [u8; TAG_LEN] {
            let mut tag = [0; TAG_LEN];
            self.0.encrypt(&nonce, length, body, &mut tag);
            tag
        }

        fn open(
            &self,
            nonce: [u8; NONCE_LEN],
            length: &[u8],
            body: &mut [u8],
            tag: &[u8; TAG_LEN],
        ) -> Result<(), TagMismatch> {
            self.0.decrypt(&nonce, length, body, tag).map_err(|_| TagMismatch)
        }
    }

    /// Whether this is the one to take.
    pub(super) fn is_best() -> bool {
        processor::runs_graviola() && (processor::has_wide_aes() || cfg!(not(feature = "ring")))
    }

    /// AES-128 or AES-256, by the length of the key; [`processor::runs_graviola`] must have said yes.
    pub(super) fn aes(key: &[u8]) -> impl GcmKey + 'static {
        GraviolaKey(AesGcm::new(key))
    }
}

#[cfg(feature = "ring")]
use accelerated::{aes128, aes256};
#[cfg(not(feature = "ring"))]
use portable::{aes128, aes256};

/// RFC 5647 §7.1: a fixed field of four bytes and an invocation counter of eight.
struct NonceSequence {
    fixed: [u8; 4],
    invocation_counter: u64,
}

impl NonceSequence {
    fn new(iv: &[u8]) -> Self {
        let iv: &[u8; NONCE_LEN] = iv.try_into().expect("an initial vector of 12 bytes");
        let [f0, f1, f2, f3, counter @ ..] = *iv;
        Self { fixed: [f0, f1, f2, f3], invocation_counter: u64::from_be_bytes(counter) }
    }

    fn next(&mut self) -> [u8; NONCE_LEN] {
        let mut nonce = [0; NONCE_LEN];
        nonce[..4].copy_from_slice(&self.fixed);
        nonce[4..].copy_from_slice(&self.invocation_counter.to_be_bytes());
        // RFC 5647 §7.1: the invocation counter is one 64-bit integer, incremented a packet. It begins at a random
        // place, so passing through zero is no repetition; that would take 2^64 packets.
        self.invocation_counter = self.invocation_counter.wrapping_add(1);
        nonce
    }
}

/// One direction of a connection under AES-GCM.
struct Gcm<K> {
    key: K,
    nonces: NonceSequence,
}

impl<K: GcmKey> Seal for Gcm<K> {
    fn block_len(&self) -> usize {
        BLOCK_LEN
    }

    fn tag_len(&self) -> usize {
        TAG_LEN
    }

    fn aligned_from(&self) -> usize {
        LENGTH_LEN
    }

    fn seal(&mut self, _sequence_number: u32, packet: &mut [u8], tag: &mut [u8]) {
        let (length, body) = packet.split_at_mut(LENGTH_LEN);
        tag.copy_from_slice(&self.key.seal(self.nonces.next(), length, body));
    }
}

impl<K: GcmKey> Open for Gcm<K> {
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

    fn open_length(&mut self, _sequence_number: u32, prefix: &mut [u8]) -> u32 {
        u32::from_be_bytes(*prefix.first_chunk().expect("a prefix of four bytes"))
    }

    fn open(&mut self, _sequence_number: u32, packet: &mut [u8], tag: &[u8]) -> Result<(), TagMismatch> {
        let (length, body) = packet.split_at_mut_checked(LENGTH_LEN).ok_or(TagMismatch)?;
        let tag = tag.try_into().map_err(|_| TagMismatch)?;
        self.key.open(self.nonces.next(), length, body, tag)
    }
}

fn protect<K: GcmKey>(key: K, iv: &[u8]) -> Gcm<K> {
    Gcm { key, nonces: NonceSequence::new(iv) }
}

/// Protects one direction with the quickest implementation; `$usual` makes the key where that is not `wide`.
macro_rules! direction {
    ($usual:expr) => {
        |key, iv| {
            #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
            if wide::is_best() {
                return Box::new(protect(wide::aes(key), iv));
            }
            Box::new(protect($usual(key), iv))
        }
    };
}

/// `aes128-gcm@openssh.com`: AES-128-GCM (RFC 5647).
pub static AES128_GCM: CipherAlgorithm = CipherAlgorithm {
    name: "aes128-gcm@openssh.com",
    key_len: 16,
    iv_len: NONCE_LEN,
    block_len: BLOCK_LEN,
    legacy: false,
    kind: CipherKind::Aead { seal: direction!(aes128), open: direction!(aes128) },
};

/// `aes256-gcm@openssh.com`: AES-256-GCM (RFC 5647).
pub static AES256_GCM: CipherAlgorithm = CipherAlgorithm {
    name: "aes256-gcm@openssh.com",
    key_len: 32,
    iv_len: NONCE_LEN,
    block_len: BLOCK_LEN,
    legacy: false,
    kind: CipherKind::Aead { seal: direction!(aes256), open: direction!(aes256) },
};

#[cfg(test)]
mod tests;
