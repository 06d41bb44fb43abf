//! Key derivation (RFC 4253 §7.2): from a shared secret and an exchange hash to keys and initial vectors.

use crate::hash::HashAlgorithm;
use crate::kex::shared_secret::SharedSecret;
use zeroize::Zeroizing;

/// Which of the six outputs of RFC 4253 §7.2 is derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum KeyPurpose {
    /// "Initial IV client to server".
    ClientToServerIv = b'A',
    /// "Initial IV server to client".
    ServerToClientIv = b'B',
    /// "Encryption key client to server".
    ClientToServerKey = b'C',
    /// "Encryption key server to client".
    ServerToClientKey = b'D',
    /// "Integrity key client to server".
    ClientToServerMacKey = b'E',
    /// "Integrity key server to client".
    ServerToClientMacKey = b'F',
}

/// Derives `len` bytes for `purpose`.
///
/// RFC 4253 §7.2: "HASH(K || H || "A" || session_id)", extended with "HASH(K || H || K1)" and so on where the
/// output of the hash is too short.
pub fn derive_key(
    hash: &HashAlgorithm,
    shared_secret: &SharedSecret,
    exchange_hash: &[u8],
    purpose: KeyPurpose,
    session_id: &[u8],
    len: usize,
) -> Zeroizing<Vec<u8>> {
    let secret = shared_secret.encoded();
    let mut key = Zeroizing::new(Vec::with_capacity(len + hash.output_len));
    if len > 0 {
        key.extend_from_slice(&hash.digest(&[secret, exchange_hash, &[purpose as u8], session_id]));
    }
    while key.len() < len {
        let more = hash.digest(&[secret, exchange_hash, &key]);
        key.extend_from_slice(&more);
    }
    key.truncate(len);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{SHA1, SHA256, SHA512};

    const PURPOSES: [(KeyPurpose, u8); 6] = [
        (KeyPurpose::ClientToServerIv, b'A'),
        (KeyPurpose::ServerToClientIv, b'B'),
        (KeyPurpose::ClientToServerKey, b'C'),
        (KeyPurpose::ServerToClientKey, b'D'),
        (KeyPurpose::ClientToServerMacKey, b'E'),
        (KeyPurpose::ServerToClientMacKey, b'F'),
    ];

    /// RFC 4253 §7.2: K1 = HASH(K || H || X || session_id), K2 = HASH(K || H || K1),
    /// K3 = HASH(K || H || K1 || K2), key = K1 || K2 || K3.
    #[test]
    fn keys_longer_than_the_hash_are_extended() {
        let secret = SharedSecret::from_integer(&[0x80, 1, 2, 3]);
        let k = [0, 0, 0, 5, 0, 0x80, 1, 2, 3];
        let (h, session_id) = ([0x11; 32], [0x22; 32]);
        for hash in [&SHA1, &SHA256, &SHA512] {
            for (purpose, letter) in PURPOSES {
                let k1 = hash.digest(&[&[&k[..], &h, &[letter], &session_id].concat()]);
                let k2 = hash.digest(&[&[&k[..], &h, &k1].concat()]);
                let k3 = hash.digest(&[&[&k[..], &h, &k1, &k2].concat()]);
                let all = [&k1[..], &k2, &k3].concat();
                for len in [0, 1, 16, 20, 21, 32, 33, 40, 41, 60, 3 * hash.output_len] {
                    let derived = derive_key(hash, &secret, &h, purpose, &session_id, len);
                    assert_eq!(derived[..], all[..len], "{} {purpose:?} {len}", hash.name);
                }
            }
        }
    }
}
