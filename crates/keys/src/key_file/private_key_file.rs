//! The door to all formats of private key files.

use crate::error::KeyFileError;
use crate::key_file::{armor, openssh_key_v1, traditional};
use crate::private_key::PrivateKey;
use crate::public_key::PublicKey;
use konko_crypto::random::SecureRandom;
use zeroize::Zeroizing;

/// The largest file that is looked at, in bytes.
const LARGEST_FILE: usize = 1024 * 1024;

impl PrivateKey {
    /// Reads a private key file of any format: openssh-key-v1, in the clear or encrypted with bcrypt and a cipher
    /// of the transport, and in the clear PKCS#1, SEC1 and PKCS#8. A passphrase that is not needed is not used.
    ///
    /// Whether others may read the file is for whoever opens it to look at.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`]; in particular [`KeyFileError::Encrypted`] where `passphrase` is missing, which is found
    /// out without any work, and [`KeyFileError::WrongPassphrase`].
    pub fn from_openssh(text: &[u8], passphrase: Option<&[u8]>) -> Result<Self, KeyFileError> {
        if text.len() > LARGEST_FILE {
            return Err(KeyFileError::TooLarge);
        }
        let armored = armor::read(text)?;
        if armored.encrypted {
            return Err(KeyFileError::Unsupported { what: format!("an encrypted {}", armored.label) });
        }
        match armored.label.as_str() {
            openssh_key_v1::LABEL => openssh_key_v1::read(&armored.contents, passphrase),
            "RSA PRIVATE KEY" => traditional::read_pkcs1(&armored.contents),
            "EC PRIVATE KEY" => traditional::read_sec1(&armored.contents, None),
            "PRIVATE KEY" => traditional::read_pkcs8(&armored.contents),
            label => Err(KeyFileError::Unsupported { what: format!("a file of the kind {label}") }),
        }
    }

    /// The public half of a private key file, where it can be had without the passphrase: of openssh-key-v1, whose
    /// public half is in the clear, and of files that are not encrypted.
    ///
    /// # Errors
    ///
    /// As [`from_openssh`](Self::from_openssh) without a passphrase.
    pub fn public_half_of(text: &[u8]) -> Result<PublicKey, KeyFileError> {
        if text.len() <= LARGEST_FILE
            && let Ok(armored) = armor::read(text)
            && armored.label == openssh_key_v1::LABEL
        {
            return openssh_key_v1::public_half(&armored.contents);
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
        let contents = openssh_key_v1::write(self, passphrase, random)?;
        Ok(armor::write(openssh_key_v1::LABEL, &contents))
    }
}

#[cfg(test)]
mod tests;
