//! HMAC (RFC 2104) over SHA-1 and SHA-2, as RFC 4253 §6.4 and RFC 6668 apply it to packets.

use crate::mac::table::{MacAlgorithm, MacContext};
use ::hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

/// An HMAC after its key: both key blocks are absorbed, so that a packet costs a copy of the state and no more.
struct KeyedHmac<M>(M);

impl<M: Mac + Clone + Send> MacContext for KeyedHmac<M> {
    fn compute(&mut self, sequence_number: u32, packet: &[u8], out: &mut [u8]) {
        // RFC 4253 §6.4: "mac = MAC(key, sequence_number || unencrypted_packet)"
        let mut running = self.0.clone();
        running.update(&sequence_number.to_be_bytes());
        running.update(packet);
        out.copy_from_slice(&running.finalize().into_bytes());
    }
}

fn start<M: Mac + KeyInit + Clone + Send + 'static>(key: &[u8]) -> Box<dyn MacContext> {
    let keyed = <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    Box::new(KeyedHmac(keyed))
}

/// `hmac-sha2-256-etm@openssh.com`: encrypt-then-MAC with HMAC-SHA-256.
pub static HMAC_SHA2_256_ETM: MacAlgorithm = MacAlgorithm {
    name: "hmac-sha2-256-etm@openssh.com",
    key_len: 32,
    tag_len: 32,
    encrypt_then_mac: true,
    legacy: false,
    start: start::<Hmac<Sha256>>,
};

/// `hmac-sha2-512-etm@openssh.com`: encrypt-then-MAC with HMAC-SHA-512.
pub static HMAC_SHA2_512_ETM: MacAlgorithm = MacAlgorithm {
    name: "hmac-sha2-512-etm@openssh.com",
    key_len: 64,
    tag_len: 64,
    encrypt_then_mac: true,
    legacy: false,
    start: start::<Hmac<Sha512>>,
};

/// `hmac-sha2-256` (RFC 6668).
pub static HMAC_SHA2_256: MacAlgorithm = MacAlgorithm {
    name: "hmac-sha2-256",
    key_len: 32,
    tag_len: 32,
    encrypt_then_mac: false,
    legacy: false,
    start: start::<Hmac<Sha256>>,
};

/// `hmac-sha2-512` (RFC 6668).
pub static HMAC_SHA2_512: MacAlgorithm = MacAlgorithm {
    name: "hmac-sha2-512",
    key_len: 64,
    tag_len: 64,
    encrypt_then_mac: false,
    legacy: false,
    start: start::<Hmac<Sha512>>,
};

/// `hmac-sha1-etm@openssh.com`: encrypt-then-MAC with HMAC-SHA-1, for old peers.
pub static HMAC_SHA1_ETM: MacAlgorithm = MacAlgorithm {
    name: "hmac-sha1-etm@openssh.com",
    key_len: 20,
    tag_len: 20,
    encrypt_then_mac: true,
    legacy: true,
    start: start::<Hmac<Sha1>>,
};

/// `hmac-sha1` (RFC 4253 §6.4), for old peers.
pub static HMAC_SHA1: MacAlgorithm = MacAlgorithm {
    name: "hmac-sha1",
    key_len: 20,
    tag_len: 20,
    encrypt_then_mac: false,
    legacy: true,
    start: start::<Hmac<Sha1>>,
};
