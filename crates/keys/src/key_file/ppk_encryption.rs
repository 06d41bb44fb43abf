//! Keys and check sums of PuTTY's private key files.

use crate::error::KeyFileError;
use crate::key_file::block_chain;
use crate::key_file::limits::KeyFileLimits;
use hmac::{Hmac, KeyInit, Mac};
use konko_crypto::cipher::cbc::AES256_CBC;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

const MOST_PARALLELISM: u32 = 64;
pub(super) const SALT_LEN: usize = 16;
const LONGEST_SALT: usize = 1024;
const KEY_LEN: usize = 32;
const IV_LEN: usize = 16;
const MAC_LEN: usize = 32;

/// The three kinds of Argon2 (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argon2Flavour {
    /// Argon2id, PuTTY's choice.
    Argon2id,
    /// Argon2i.
    Argon2i,
    /// Argon2d.
    Argon2d,
}

impl std::str::FromStr for Argon2Flavour {
    type Err = KeyFileError;

    fn from_str(name: &str) -> Result<Self, KeyFileError> {
        match name {
            "Argon2id" => Ok(Self::Argon2id),
            "Argon2i" => Ok(Self::Argon2i),
            "Argon2d" => Ok(Self::Argon2d),
            _ => {
                let name = konko_wire::peer_text::printable_ascii(name.as_bytes());
                Err(KeyFileError::Unsupported { what: format!("the key derivation {name}") })
            }
        }
    }
}

impl std::fmt::Display for Argon2Flavour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

/// How a file of PuTTY is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PpkProtection {
    /// SHA-1, once.
    Version2,
    /// No passphrase, and a check sum that anybody can make.
    Version3Plain,
    /// Argon2.
    Version3 { flavour: Argon2Flavour, memory_kib: u32, passes: u32, parallelism: u32, salt: Vec<u8> },
}

impl PpkProtection {
    pub(super) const fn version(&self) -> u8 {
        match self {
            Self::Version2 => 2,
            Self::Version3Plain | Self::Version3 { .. } => 3,
        }
    }
}

/// What follows from the passphrase.
pub(super) struct PpkKeys {
    cipher_key: Zeroizing<[u8; KEY_LEN]>,
    iv: Zeroizing<[u8; IV_LEN]>,
    mac_key: Zeroizing<Vec<u8>>,
    sha256: bool,
}

impl PpkKeys {
    /// Derives the keys. The limits are looked at before any work is done.
    pub(super) fn derive(
        protection: &PpkProtection,
        passphrase: &[u8],
        limits: &KeyFileLimits,
    ) -> Result<Self, KeyFileError> {
        let mut keys = Self {
            cipher_key: Zeroizing::new([0; KEY_LEN]),
            iv: Zeroizing::new([0; IV_LEN]),
            mac_key: Zeroizing::new(Vec::with_capacity(MAC_LEN)),
            sha256: true,
        };
        match protection {
            PpkProtection::Version3Plain => {}
            PpkProtection::Version2 => {
                let hash =
                    |prefix: &[u8]| Sha1::new().chain_update(prefix).chain_update(passphrase).finalize();
                let (first, second) = (hash(&[0, 0, 0, 0]), hash(&[0, 0, 0, 1]));
                let both = first.iter().chain(&second);
                keys.cipher_key.iter_mut().zip(both).for_each(|(to, from)| *to = *from);
                keys.mac_key.extend_from_slice(&hash(b"putty-private-key-file-mac-key"));
                keys.sha256 = false;
            }
            PpkProtection::Version3 { flavour, memory_kib, passes, parallelism, salt } => {
                let memory = u64::from(*memory_kib).saturating_mul(1024);
                let work = memory.saturating_mul(u64::from(*passes));
                if memory > limits.memory || work > limits.argon2_work() || *parallelism > MOST_PARALLELISM {
                    return Err(KeyFileError::TooMuchWork { what: "PuTTY" });
                }
                if salt.len() > LONGEST_SALT {
                    return Err(KeyFileError::Malformed { what: "the length of its salt" });
                }
                let mut out = Zeroizing::new([0; KEY_LEN + IV_LEN + MAC_LEN]);
                let invalid = KeyFileError::Malformed { what: "the numbers of its Argon2" };
                let parameters = argon2::Params::new(*memory_kib, *passes, *parallelism, Some(out.len()))
                    .map_err(|_| invalid.clone())?;
                let algorithm = match flavour {
                    Argon2Flavour::Argon2id => argon2::Algorithm::Argon2id,
                    Argon2Flavour::Argon2i => argon2::Algorithm::Argon2i,
                    Argon2Flavour::Argon2d => argon2::Algorithm::Argon2d,
                };
                argon2::Argon2::new(algorithm, argon2::Version::V0x13, parameters)
                    .hash_password_into(passphrase, salt, out.as_mut_slice())
                    .map_err(|_| invalid)?;
                let (key, rest) = out.split_at(KEY_LEN);
                let (iv, mac_key) = rest.split_at(IV_LEN);
                keys.cipher_key.copy_from_slice(key);
                keys.iv.copy_from_slice(iv);
                keys.mac_key.extend_from_slice(mac_key);
            }
        }
        Ok(keys)
    }

    /// Decrypts the private part in place.
    pub(super) fn decrypt(&self, private: &mut [u8]) -> Result<(), KeyFileError> {
        block_chain::apply(&AES256_CBC, self.cipher_key.as_slice(), self.iv.as_slice(), private, false)
    }

    /// Encrypts the padded private part in place.
    pub(super) fn encrypt(&self, private: &mut [u8]) -> Result<(), KeyFileError> {
        block_chain::apply(&AES256_CBC, self.cipher_key.as_slice(), self.iv.as_slice(), private, true)
    }

    /// The check sum over what is authenticated.
    pub(super) fn mac(&self, authenticated: &[u8]) -> Result<Vec<u8>, KeyFileError> {
        // HMAC takes a key of any length.
        let failed = |_| KeyFileError::WrongPassphrase;
        if self.sha256 {
            let mac = Hmac::<sha2::Sha256>::new_from_slice(&self.mac_key).map_err(failed)?;
            Ok(mac.chain_update(authenticated).finalize().into_bytes().to_vec())
        } else {
            let mac = Hmac::<Sha1>::new_from_slice(&self.mac_key).map_err(failed)?;
            Ok(mac.chain_update(authenticated).finalize().into_bytes().to_vec())
        }
    }
}
