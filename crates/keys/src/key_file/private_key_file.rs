//! The door to all formats of private key files.

use crate::error::KeyFileError;
use crate::key_file::armor::{OPENSSH_LINE_LEN, PEM_LINE_LEN};
use crate::key_file::limits::KeyFileLimits;
use crate::key_file::openssh_key_v1::OpenSshEncryption;
use crate::key_file::pbes2::Pbes2;
use crate::key_file::ppk_encryption::{Argon2Flavour, PpkProtection};
use crate::key_file::traditional_writer::{write_pkcs8, write_traditional};
use crate::key_file::{armor, dek_info, openssh_key_v1, pbes2, ppk, traditional};
use crate::private_key::PrivateKey;
use crate::public_key::PublicKey;
use konko_crypto::random::SecureRandom;
use zeroize::Zeroizing;

/// The largest file that is looked at, in bytes.
pub(super) const LARGEST_FILE: usize = 1024 * 1024;

/// How a file of PuTTY makes its key from the passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PpkVersion {
    /// Version 2, for PuTTY before 0.75: one round of SHA-1, so nothing slows a guesser down.
    V2,
    /// Version 3, with Argon2.
    V3 {
        /// Which Argon2.
        flavour: Argon2Flavour,
        /// Memory in KiB, 256 MiB at most; PuTTY takes 8192.
        memory_kib: u32,
        /// How often it goes over the memory; PuTTY takes what lasts 100 ms.
        passes: u32,
        /// Threads that may work on it; PuTTY takes 1.
        parallelism: u32,
    },
}

impl Default for PpkVersion {
    fn default() -> Self {
        Self::V3 { flavour: Argon2Flavour::Argon2id, memory_kib: 8192, passes: 21, parallelism: 1 }
    }
}

fn is_ppk(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').any(|line| line.starts_with(ppk::MAGIC))
}

/// What does not read as DER after decryption was decrypted under a wrong key: the padding says nothing in one
/// of 256 files.
fn decrypted(result: Result<PrivateKey, KeyFileError>) -> Result<PrivateKey, KeyFileError> {
    result.map_err(|error| match error {
        KeyFileError::Malformed { .. } => KeyFileError::WrongPassphrase,
        error => error,
    })
}

impl PrivateKey {
    /// Reads a private key file of any format, which is found out by itself: openssh-key-v1, PKCS#1, SEC1, PKCS#8,
    /// and version 2 and 3 of PuTTY; in the clear or encrypted (with bcrypt and a cipher of the transport; by
    /// `DEK-Info` with AES or 3DES; by PBES2 with PBKDF2 or scrypt and AES or 3DES; with Argon2). A passphrase that
    /// is not needed is not used.
    ///
    /// Whether others may read the file is for whoever opens it to look at.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`]; in particular [`KeyFileError::Encrypted`] where `passphrase` is missing, which is found
    /// out without any work, and [`KeyFileError::WrongPassphrase`].
    pub fn from_openssh(text: &[u8], passphrase: Option<&[u8]>) -> Result<Self, KeyFileError> {
        Self::from_openssh_within(&KeyFileLimits::default(), text, passphrase)
    }

    /// The same with other limits on the work that the file may ask for.
    ///
    /// # Errors
    ///
    /// As [`from_openssh`](Self::from_openssh).
    pub fn from_openssh_within(
        limits: &KeyFileLimits,
        text: &[u8],
        passphrase: Option<&[u8]>,
    ) -> Result<Self, KeyFileError> {
        if text.len() > LARGEST_FILE {
            return Err(KeyFileError::TooLarge);
        }
        if is_ppk(text) {
            return ppk::read(text, passphrase, limits);
        }
        let mut armored = armor::read(text, b"PRIVATE KEY")?;
        let encrypted = armored.dek_info.is_some();
        if let Some(dek_info) = &armored.dek_info {
            if !matches!(armored.label.as_str(), "RSA PRIVATE KEY" | "EC PRIVATE KEY") {
                return Err(KeyFileError::Unsupported { what: format!("an encrypted {}", armored.label) });
            }
            armored.contents = dek_info::decrypt(dek_info, &armored.contents, passphrase)?;
        }
        let key = match armored.label.as_str() {
            openssh_key_v1::LABEL => openssh_key_v1::read(&armored.contents, passphrase, limits),
            "RSA PRIVATE KEY" => traditional::read_pkcs1(&armored.contents),
            "EC PRIVATE KEY" => traditional::read_sec1(&armored.contents, None),
            "PRIVATE KEY" => traditional::read_pkcs8(&armored.contents),
            "ENCRYPTED PRIVATE KEY" => {
                let contents = pbes2::decrypt(&armored.contents, passphrase, limits)?;
                decrypted(traditional::read_pkcs8(&contents))
            }
            label => Err(KeyFileError::Unsupported { what: format!("a file of the kind {label}") }),
        };
        if encrypted { decrypted(key) } else { key }
    }

    /// The public half of a private key file, where it can be had without the passphrase: of openssh-key-v1 and
    /// PuTTY's, whose public half is in the clear, and of files that are not encrypted.
    ///
    /// # Errors
    ///
    /// As [`from_openssh`](Self::from_openssh) without a passphrase.
    pub fn public_half_of(text: &[u8]) -> Result<PublicKey, KeyFileError> {
        if text.len() <= LARGEST_FILE {
            if is_ppk(text) {
                return ppk::public_half(text).map(|(key, _)| key);
            }
            if let Ok(armored) = armor::read(text, b"PRIVATE KEY")
                && armored.label == openssh_key_v1::LABEL
            {
                return openssh_key_v1::public_half(&armored.contents);
            }
        }
        Self::from_openssh(text, None).map(|key| key.public_key().clone())
    }

    /// Writes the key as an openssh-key-v1 file: encrypted with aes256-ctr under a passphrase and so many rounds
    /// of bcrypt (1 to 2048; ssh-keygen takes 24), or in the clear.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::EmptyPassphrase`] and [`KeyFileError::TooManyRounds`].
    pub fn to_openssh(
        &self,
        passphrase: Option<(&[u8], u32)>,
        random: &mut dyn SecureRandom,
    ) -> Result<Zeroizing<String>, KeyFileError> {
        let encryption = passphrase
            .map(|(passphrase, rounds)| OpenSshEncryption { rounds, ..OpenSshEncryption::new(passphrase) });
        let contents = openssh_key_v1::write(self, encryption, random)?;
        Ok(armor::write(openssh_key_v1::LABEL, &contents, OPENSSH_LINE_LEN))
    }

    /// Writes the key as an openssh-key-v1 file under a cipher of choice.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::EmptyPassphrase`], [`KeyFileError::TooManyRounds`], and [`KeyFileError::Unsupported`] for an
    /// unknown cipher and for `none`.
    pub fn to_openssh_with(
        &self,
        encryption: OpenSshEncryption<'_>,
        random: &mut dyn SecureRandom,
    ) -> Result<Zeroizing<String>, KeyFileError> {
        let contents = openssh_key_v1::write(self, Some(encryption), random)?;
        Ok(armor::write(openssh_key_v1::LABEL, &contents, OPENSSH_LINE_LEN))
    }

    /// Writes an RSA key as PKCS#1 or an ECDSA key as SEC1, in the clear, as `ssh-keygen -m PEM` does.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::Unsupported`] for keys of other types. Encrypted files of this kind are not written: their
    /// encryption is no protection.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyFileError> {
        let (label, contents) = write_traditional(self)?;
        Ok(armor::write(label, &contents, PEM_LINE_LEN))
    }

    /// Writes the key as a PKCS#8 file: under a passphrase, or in the clear.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::Unsupported`] for a key of an authenticator, [`KeyFileError::EmptyPassphrase`] and
    /// [`KeyFileError::TooMuchWork`].
    pub fn to_pkcs8(
        &self,
        passphrase: Option<(&[u8], Pbes2)>,
        random: &mut dyn SecureRandom,
    ) -> Result<Zeroizing<String>, KeyFileError> {
        let contents = write_pkcs8(self)?;
        Ok(match passphrase {
            None => armor::write("PRIVATE KEY", &contents, PEM_LINE_LEN),
            Some((passphrase, kdf)) => {
                let encrypted = pbes2::encrypt(&contents, passphrase, kdf, random)?;
                armor::write("ENCRYPTED PRIVATE KEY", &encrypted, PEM_LINE_LEN)
            }
        })
    }

    /// Writes the key as a file of PuTTY: under a passphrase, or in the clear.
    ///
    /// # Errors
    ///
    /// As [`to_pkcs8`](Self::to_pkcs8).
    pub fn to_ppk(
        &self,
        version: PpkVersion,
        passphrase: Option<&[u8]>,
        random: &mut dyn SecureRandom,
    ) -> Result<Zeroizing<String>, KeyFileError> {
        let protection = match version {
            PpkVersion::V2 => PpkProtection::Version2,
            PpkVersion::V3 { flavour, memory_kib, passes, parallelism } => {
                PpkProtection::Version3 { flavour, memory_kib, passes, parallelism, salt: Vec::new() }
            }
        };
        ppk::write(self, passphrase, protection, random)
    }
}

#[cfg(test)]
mod tests;
