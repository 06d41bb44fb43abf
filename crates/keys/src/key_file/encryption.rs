//! Encryption of the private section of an openssh-key-v1 file: any cipher of the transport, with key and initial
//! vector from bcrypt_pbkdf. There is no packet here, so an AEAD covers the section alone: no length field, and
//! sequence number zero where there is one.

use crate::error::KeyFileError;
use crate::key_file::limits::KeyFileLimits;
use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use konko_crypto::cipher::{CIPHERS, CipherAlgorithm, CipherKind};
use konko_wire::peer_text::printable_ascii;
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// ssh-keygen writes 16 bytes.
const LONGEST_SALT: usize = 1024;
/// Bytes of block that a section without encryption is padded to.
const PLAIN_BLOCK_LEN: usize = 8;
const TAG_LEN: usize = 16;

/// The section's cipher, by its name in the file.
#[derive(Clone, Copy)]
pub(super) enum SectionCipher {
    None,
    Row(&'static CipherAlgorithm),
}

impl SectionCipher {
    pub(super) fn by_name(name: &[u8]) -> Result<Self, KeyFileError> {
        if name == b"none" {
            return Ok(Self::None);
        }
        match CIPHERS.iter().find(|row| row.name.as_bytes() == name) {
            Some(row) => Ok(Self::Row(row)),
            None => Err(KeyFileError::Unsupported { what: format!("the cipher {}", printable_ascii(name)) }),
        }
    }

    pub(super) const fn block_len(self) -> usize {
        match self {
            Self::None => PLAIN_BLOCK_LEN,
            Self::Row(row) => row.block_len,
        }
    }

    /// Bytes of tag that follow the section.
    pub(super) fn tag_len(self) -> usize {
        match self {
            Self::Row(row) if row.is_aead() => TAG_LEN,
            _ => 0,
        }
    }
}

/// Key and initial vector, derived in one piece.
pub(super) struct SectionKey {
    row: &'static CipherAlgorithm,
    material: Zeroizing<Vec<u8>>,
}

impl SectionKey {
    /// Derives them. The limits are looked at before any work is done: the numbers are those of a file.
    pub(super) fn derive(
        row: &'static CipherAlgorithm,
        passphrase: &[u8],
        salt: &[u8],
        rounds: u32,
        limits: &KeyFileLimits,
    ) -> Result<Self, KeyFileError> {
        if rounds == 0 || rounds > limits.bcrypt_rounds {
            return Err(KeyFileError::TooManyRounds { rounds });
        }
        if salt.is_empty() || salt.len() > LONGEST_SALT {
            return Err(KeyFileError::Malformed { what: "the length of its salt" });
        }
        // The row's initial vector is that of packets; ChaCha20-Poly1305 has none there and none here.
        let mut material = Zeroizing::new(vec![0; row.key_len + row.iv_len]);
        bcrypt_pbkdf::bcrypt_pbkdf(passphrase, salt, rounds, &mut material)
            .map_err(|_| KeyFileError::WrongPassphrase)?;
        Ok(Self { row, material })
    }

    /// Decrypts `section` in place, a multiple of the cipher's block. A wrong tag is a wrong passphrase.
    pub(super) fn open(&self, section: &mut [u8], tag: &[u8]) -> Result<(), KeyFileError> {
        let (key, iv) = self.material.split_at(self.row.key_len);
        let opened = match (self.row.name, &self.row.kind) {
            (_, CipherKind::Plain { decrypt, .. }) => {
                decrypt(key, iv).apply(section);
                true
            }
            ("aes128-gcm@openssh.com", _) => open_gcm(Aes128Gcm::new_from_slice(key).ok(), iv, section, tag),
            ("aes256-gcm@openssh.com", _) => open_gcm(Aes256Gcm::new_from_slice(key).ok(), iv, section, tag),
            ("chacha20-poly1305@openssh.com", _) => open_chacha20_poly1305(key, section, tag),
            (name, _) => return Err(KeyFileError::Unsupported { what: format!("the cipher {name}") }),
        };
        if opened { Ok(()) } else { Err(KeyFileError::WrongPassphrase) }
    }

    /// Encrypts `section` in place, a multiple of the cipher's block; the tag comes back, empty where there is none.
    pub(super) fn seal(&self, section: &mut [u8]) -> Result<Vec<u8>, KeyFileError> {
        let (key, iv) = self.material.split_at(self.row.key_len);
        let tag = match (self.row.name, &self.row.kind) {
            (_, CipherKind::Plain { encrypt, .. }) => {
                encrypt(key, iv).apply(section);
                Some(Vec::new())
            }
            ("aes128-gcm@openssh.com", _) => seal_gcm(Aes128Gcm::new_from_slice(key).ok(), iv, section),
            ("aes256-gcm@openssh.com", _) => seal_gcm(Aes256Gcm::new_from_slice(key).ok(), iv, section),
            ("chacha20-poly1305@openssh.com", _) => seal_chacha20_poly1305(key, section),
            _ => None,
        };
        tag.ok_or_else(|| KeyFileError::Unsupported { what: format!("writing with {}", self.row.name) })
    }
}

fn seal_gcm<A: AeadInOut<NonceSize = U12, TagSize = U16>>(
    cipher: Option<A>,
    iv: &[u8],
    section: &mut [u8],
) -> Option<Vec<u8>> {
    let iv = <[u8; 12]>::try_from(iv).ok()?;
    Some(cipher?.encrypt_inout_detached(&iv.into(), &[], section.into()).ok()?.to_vec())
}

fn open_gcm<A: AeadInOut<NonceSize = U12, TagSize = U16>>(
    cipher: Option<A>,
    iv: &[u8],
    section: &mut [u8],
    tag: &[u8],
) -> bool {
    let (Some(cipher), Ok(iv), Ok(tag)) = (cipher, <[u8; 12]>::try_from(iv), <[u8; TAG_LEN]>::try_from(tag))
    else {
        return false;
    };
    cipher.decrypt_inout_detached(&iv.into(), &[], section.into(), &tag.into()).is_ok()
}

/// PROTOCOL.chacha20poly1305 without its length field: the second half of the key is not used, block 0 keys
/// Poly1305 and block 1 begins the key stream.
fn chacha20_poly1305(key: &[u8]) -> Option<(ChaCha20, Poly1305)> {
    let key = key.first_chunk::<32>()?;
    let mut stream = ChaCha20::new(key.into(), &[0; 12].into());
    let mut first_block = Zeroizing::new([0; 64]);
    stream.apply_keystream(first_block.as_mut_slice());
    let poly1305 = Poly1305::new(first_block.first_chunk::<32>()?.into());
    stream.seek(64u32);
    Some((stream, poly1305))
}

fn open_chacha20_poly1305(key: &[u8], section: &mut [u8], tag: &[u8]) -> bool {
    let Some((mut stream, poly1305)) = chacha20_poly1305(key) else { return false };
    let expected = poly1305.compute_unpadded(section);
    if !bool::from(expected.as_slice().ct_eq(tag)) {
        return false;
    }
    stream.apply_keystream(section);
    true
}

fn seal_chacha20_poly1305(key: &[u8], section: &mut [u8]) -> Option<Vec<u8>> {
    let (mut stream, poly1305) = chacha20_poly1305(key)?;
    stream.apply_keystream(section);
    Some(poly1305.compute_unpadded(section).to_vec())
}
