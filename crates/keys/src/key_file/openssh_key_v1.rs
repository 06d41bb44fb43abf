//! The format openssh-key-v1 (OpenSSH's PROTOCOL.key).

use crate::error::{KeyError, KeyFileError};
use crate::key_file::encryption::{SectionCipher, SectionKey};
use crate::key_file::limits::KeyFileLimits;
use crate::private_fields::{malformed, truncated};
use crate::private_key::PrivateKey;
use crate::public_key::PublicKey;
use konko_crypto::random::SecureRandom;
use konko_wire::decode::Reader;
use konko_wire::encode::{put_string, put_u32};
use konko_wire::peer_text::printable_ascii;
use zeroize::Zeroizing;

pub(super) const LABEL: &str = "OPENSSH PRIVATE KEY";
const MAGIC: &[u8] = b"openssh-key-v1\0";
const SALT_LEN: usize = 16;
/// Room for the largest key, so that writing one does not leave copies behind in freed memory.
const SECTION_CAPACITY: usize = 16 * 1024;

/// The public half, which stands in the clear before the private section.
pub(super) fn public_half(contents: &[u8]) -> Result<PublicKey, KeyFileError> {
    let mut reader = Reader::new(contents.strip_prefix(MAGIC).ok_or(malformed("its first bytes"))?);
    for _cipher_kdf_options in 0..3 {
        reader.read_string().map_err(truncated)?;
    }
    if reader.read_u32().map_err(truncated)? != 1 {
        return Err(KeyFileError::Unsupported { what: "a file of other than one key".into() });
    }
    Ok(PublicKey::decode(reader.read_string().map_err(truncated)?)?)
}

/// Reads a whole file without its armor.
pub(super) fn read(
    contents: &[u8],
    passphrase: Option<&[u8]>,
    limits: &KeyFileLimits,
) -> Result<PrivateKey, KeyFileError> {
    let mut reader = Reader::new(contents.strip_prefix(MAGIC).ok_or(malformed("its first bytes"))?);
    let cipher = SectionCipher::by_name(reader.read_string().map_err(truncated)?)?;
    let kdf = reader.read_string().map_err(truncated)?;
    let kdf_options = reader.read_string().map_err(truncated)?;
    if reader.read_u32().map_err(truncated)? != 1 {
        return Err(KeyFileError::Unsupported { what: "a file of other than one key".into() });
    }
    let public = reader.read_string().map_err(truncated)?;
    let encrypted = reader.read_string().map_err(truncated)?;
    let tag = reader.read_bytes(cipher.tag_len()).map_err(truncated)?;
    reader.finish().map_err(truncated)?;
    if encrypted.is_empty() || !encrypted.len().is_multiple_of(cipher.block_len()) {
        return Err(malformed("the length of its private section"));
    }

    let mut section = Zeroizing::new(encrypted.to_vec());
    let is_encrypted = match (cipher, kdf) {
        (SectionCipher::None, b"none") if kdf_options.is_empty() => false,
        (SectionCipher::Row(row), b"bcrypt") => {
            let mut options = Reader::new(kdf_options);
            let salt = options.read_string().map_err(truncated)?;
            let rounds = options.read_u32().map_err(truncated)?;
            options.finish().map_err(truncated)?;
            let passphrase = passphrase.ok_or(KeyFileError::Encrypted)?;
            SectionKey::derive(row, passphrase, salt, rounds, limits)?.open(&mut section, tag)?;
            true
        }
        (SectionCipher::None | SectionCipher::Row(_), b"none" | b"bcrypt") => {
            return Err(malformed("its cipher and its key derivation do not go together"));
        }
        (_, name) => {
            return Err(KeyFileError::Unsupported {
                what: format!("the key derivation {}", printable_ascii(name)),
            });
        }
    };
    let key = read_section(&section, is_encrypted)?;
    if key.public_key().blob() != public {
        return Err(KeyError::PublicHalfMismatch.into());
    }
    Ok(key)
}

fn read_section(section: &[u8], is_encrypted: bool) -> Result<PrivateKey, KeyFileError> {
    let mut reader = Reader::new(section);
    let (first, second) = (reader.read_u32().map_err(truncated)?, reader.read_u32().map_err(truncated)?);
    if first != second {
        let damaged = malformed("its check numbers differ");
        return Err(if is_encrypted { KeyFileError::WrongPassphrase } else { damaged });
    }
    let key = match PrivateKey::read_fields(&mut reader)? {
        (key, None) => key,
        (_, Some(_)) => {
            return Err(KeyFileError::Unsupported { what: "a certificate in a private file".into() });
        }
    };
    let comment = reader.read_string().map_err(truncated)?;
    // PROTOCOL.key: the padding is the bytes 1, 2, 3 and so on.
    let padding = reader.rest();
    if padding.len() > 255 || padding.iter().zip(1u8..).any(|(byte, expected)| *byte != expected) {
        return Err(malformed("its padding"));
    }
    Ok(key.with_comment(&String::from_utf8_lossy(comment)))
}

/// How an openssh-key-v1 file is encrypted.
#[derive(Clone, Copy)]
pub struct OpenSshEncryption<'a> {
    /// The passphrase, not empty.
    pub passphrase: &'a [u8],
    /// Rounds of bcrypt, 1 to 2048; ssh-keygen takes 24.
    pub rounds: u32,
    /// The cipher, one of the transport by its name there; ssh-keygen takes `aes256-ctr`.
    pub cipher: &'a str,
}

impl<'a> OpenSshEncryption<'a> {
    /// As ssh-keygen does it.
    pub const fn new(passphrase: &'a [u8]) -> Self {
        Self { passphrase, rounds: 24, cipher: "aes256-ctr" }
    }
}

impl std::fmt::Debug for OpenSshEncryption<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenSshEncryption({}, {} rounds)", self.cipher, self.rounds)
    }
}

/// Writes a whole file without its armor, encrypted or in the clear.
pub(super) fn write(
    key: &PrivateKey,
    encryption: Option<OpenSshEncryption<'_>>,
    random: &mut dyn SecureRandom,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let cipher = match encryption {
        Some(encryption) => SectionCipher::by_name(encryption.cipher.as_bytes())?,
        None => SectionCipher::None,
    };
    let mut section = write_section(key, random)?;
    for byte in 1u8.. {
        if section.len().is_multiple_of(cipher.block_len()) {
            break;
        }
        section.push(byte);
    }
    let mut out = Zeroizing::new(Vec::with_capacity(2 * SECTION_CAPACITY));
    out.extend_from_slice(MAGIC);
    let tag = match (cipher, encryption) {
        (SectionCipher::Row(row), Some(encryption)) => {
            if encryption.passphrase.is_empty() {
                return Err(KeyFileError::EmptyPassphrase);
            }
            let mut salt = [0; SALT_LEN];
            random.fill(&mut salt);
            let key = SectionKey::derive(
                row,
                encryption.passphrase,
                &salt,
                encryption.rounds,
                &KeyFileLimits::default(),
            )?;
            put_string(&mut out, row.name.as_bytes());
            put_string(&mut out, b"bcrypt");
            let mut options = Vec::new();
            put_string(&mut options, &salt);
            put_u32(&mut options, encryption.rounds);
            put_string(&mut out, &options);
            key.seal(&mut section)?
        }
        // The name "none" with a passphrase would throw the passphrase away.
        (SectionCipher::None, Some(_)) => {
            return Err(KeyFileError::Unsupported { what: "a passphrase without a cipher".into() });
        }
        (_, None) => {
            put_string(&mut out, b"none");
            put_string(&mut out, b"none");
            put_string(&mut out, b"");
            Vec::new()
        }
    };
    put_u32(&mut out, 1);
    put_string(&mut out, key.public_key().blob());
    put_string(&mut out, &section);
    out.extend_from_slice(&tag);
    Ok(out)
}

fn write_section(
    key: &PrivateKey,
    random: &mut dyn SecureRandom,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let mut section = Zeroizing::new(Vec::with_capacity(SECTION_CAPACITY));
    let mut check = [0; 4];
    random.fill(&mut check);
    section.extend_from_slice(&check);
    section.extend_from_slice(&check);
    section.extend_from_slice(&key.write_fields(None)?);
    put_string(&mut section, key.comment().as_bytes());
    Ok(section)
}
