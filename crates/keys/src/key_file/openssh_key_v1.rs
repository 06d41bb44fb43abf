//! The format openssh-key-v1 (OpenSSH's PROTOCOL.key).

use crate::ecdsa::Curve;
use crate::error::{KeyError, KeyFileError, printable};
use crate::key_file::encryption::{SectionCipher, SectionKey};
use crate::private_key::{PrivateKey, Secret};
use crate::public_key::PublicKey;
use crate::rsa_pkcs1::RsaSecret;
use konko_crypto::cipher::ctr::AES256_CTR;
use konko_crypto::random::SecureRandom;
use konko_wire::decode::{DecodeError, Reader};
use konko_wire::encode::{put_mpint, put_string, put_u32};
use zeroize::Zeroizing;

pub(super) const LABEL: &str = "OPENSSH PRIVATE KEY";
const MAGIC: &[u8] = b"openssh-key-v1\0";
const SALT_LEN: usize = 16;
/// Room for the largest key, so that writing one does not leave copies behind in freed memory.
const SECTION_CAPACITY: usize = 16 * 1024;

fn malformed(what: &'static str) -> KeyFileError {
    KeyFileError::Malformed { what }
}

fn truncated(error: DecodeError) -> KeyFileError {
    malformed(match error {
        DecodeError::Truncated => "it ends too early",
        DecodeError::TrailingBytes => "superfluous bytes follow",
        _ => "one of its fields",
    })
}

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
pub(super) fn read(contents: &[u8], passphrase: Option<&[u8]>) -> Result<PrivateKey, KeyFileError> {
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
            SectionKey::derive(row, passphrase, salt, rounds)?.open(&mut section, tag)?;
            true
        }
        (SectionCipher::None | SectionCipher::Row(_), b"none" | b"bcrypt") => {
            return Err(malformed("its cipher and its key derivation do not go together"));
        }
        (_, name) => {
            return Err(KeyFileError::Unsupported {
                what: format!("the key derivation {}", printable(name)),
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
    let key = read_fields(&mut reader)?;
    let comment = reader.read_string().map_err(truncated)?;
    // PROTOCOL.key: the padding is the bytes 1, 2, 3 and so on.
    let padding = reader.rest();
    if padding.len() > 255 || padding.iter().zip(1u8..).any(|(byte, expected)| *byte != expected) {
        return Err(malformed("its padding"));
    }
    Ok(key.with_comment(&String::from_utf8_lossy(comment)))
}

fn read_fields(reader: &mut Reader<'_>) -> Result<PrivateKey, KeyFileError> {
    let key_type = reader.read_string().map_err(truncated)?;
    let no_comment = String::new();
    match key_type {
        b"ssh-ed25519" => {
            let public = reader.read_string().map_err(truncated)?;
            let both = reader.read_string().map_err(truncated)?;
            let (seed, again) =
                both.split_at_checked(32).ok_or(malformed("the length of its Ed25519 key"))?;
            if public != again {
                return Err(KeyError::PublicHalfMismatch.into());
            }
            Ok(PrivateKey::from_ed25519(seed, Some(public), no_comment)?)
        }
        b"ssh-rsa" => {
            let [n, e, d, _inverse, p, q] = [
                positive(reader)?,
                positive(reader)?,
                positive(reader)?,
                positive(reader)?,
                positive(reader)?,
                positive(reader)?,
            ];
            Ok(PrivateKey::from_secret(Secret::Rsa(Box::new(RsaSecret::new(n, e, d, p, q)?)), no_comment)?)
        }
        name => {
            let curve = Curve::ALL.into_iter().find(|curve| curve.key_type().as_bytes() == name);
            let unsupported =
                || KeyFileError::Unsupported { what: format!("the key type {}", printable(name)) };
            let curve = curve.ok_or_else(unsupported)?;
            if reader.read_string().map_err(truncated)? != curve.identifier().as_bytes() {
                return Err(malformed("the name of its curve"));
            }
            let point = reader.read_string().map_err(truncated)?;
            Ok(PrivateKey::from_ecdsa(curve, positive(reader)?, Some(point), no_comment)?)
        }
    }
}

fn positive<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], KeyFileError> {
    let number = reader.read_mpint().map_err(truncated)?;
    number.as_unsigned().filter(|magnitude| !magnitude.is_empty()).ok_or(malformed("one of its numbers"))
}

/// Writes a whole file without its armor: with aes256-ctr and bcrypt, or in the clear.
pub(super) fn write(
    key: &PrivateKey,
    passphrase: Option<(&[u8], u32)>,
    random: &mut dyn SecureRandom,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let cipher = if passphrase.is_some() { SectionCipher::Row(&AES256_CTR) } else { SectionCipher::None };
    let mut section = write_section(key, random)?;
    for byte in 1u8.. {
        if section.len().is_multiple_of(cipher.block_len()) {
            break;
        }
        section.push(byte);
    }
    let mut out = Zeroizing::new(Vec::with_capacity(2 * SECTION_CAPACITY));
    out.extend_from_slice(MAGIC);
    match passphrase {
        Some((passphrase, rounds)) => {
            if passphrase.is_empty() {
                return Err(KeyFileError::EmptyPassphrase);
            }
            let mut salt = [0; SALT_LEN];
            random.fill(&mut salt);
            SectionKey::derive(&AES256_CTR, passphrase, &salt, rounds)?.seal_plain(&mut section)?;
            put_string(&mut out, AES256_CTR.name.as_bytes());
            put_string(&mut out, b"bcrypt");
            let mut options = Vec::new();
            put_string(&mut options, &salt);
            put_u32(&mut options, rounds);
            put_string(&mut out, &options);
        }
        None => {
            put_string(&mut out, b"none");
            put_string(&mut out, b"none");
            put_string(&mut out, b"");
        }
    }
    put_u32(&mut out, 1);
    put_string(&mut out, key.public_key().blob());
    put_string(&mut out, &section);
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
    put_string(&mut section, key.public_key().key_type().as_bytes());
    match key.secret() {
        Secret::Ed25519(secret) => {
            let public = *secret.verifying_key().as_bytes();
            put_string(&mut section, &public);
            put_string(&mut section, Zeroizing::new(secret.to_keypair_bytes()).as_slice());
        }
        Secret::Ecdsa(secret) => {
            put_string(&mut section, secret.curve().identifier().as_bytes());
            put_string(&mut section, &secret.point());
            put_mpint(&mut section, &secret.scalar());
        }
        Secret::Rsa(secret) => {
            put_mpint(&mut section, &secret.n());
            put_mpint(&mut section, &secret.e());
            let numbers = secret.private_numbers().ok_or(malformed("its RSA numbers"))?;
            numbers.iter().for_each(|number| put_mpint(&mut section, number));
        }
    }
    put_string(&mut section, key.comment().as_bytes());
    Ok(section)
}
