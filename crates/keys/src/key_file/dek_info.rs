//! The encryption of old PEM files: `Proc-Type: 4,ENCRYPTED` and `DEK-Info: cipher,salt` (RFC 1421 §4.6.1), with a
//! key that is one round of MD5 over the passphrase. Such files are read and not written: nothing slows a guesser
//! down.

use crate::error::KeyFileError;
use crate::key_file::block_chain;
use konko_crypto::cipher::CipherAlgorithm;
use konko_crypto::cipher::cbc::{AES128_CBC, AES192_CBC, AES256_CBC, TRIPLE_DES_CBC};
use konko_wire::peer_text::printable_ascii;
use md5::{Digest, Md5};
use zeroize::Zeroizing;

/// Bytes of the initial vector that salt the key.
const SALT_LEN: usize = 8;

fn cipher(name: &str) -> Result<&'static CipherAlgorithm, KeyFileError> {
    match name {
        "AES-128-CBC" => Ok(&AES128_CBC),
        "AES-192-CBC" => Ok(&AES192_CBC),
        "AES-256-CBC" => Ok(&AES256_CBC),
        "DES-EDE3-CBC" => Ok(&TRIPLE_DES_CBC),
        _ => Err(KeyFileError::Unsupported {
            what: format!("the cipher {}", printable_ascii(name.as_bytes())),
        }),
    }
}

/// Decrypts under the value of the header `DEK-Info`.
pub(super) fn decrypt(
    dek_info: &str,
    encrypted: &[u8],
    passphrase: Option<&[u8]>,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let malformed = KeyFileError::Malformed { what: "its header DEK-Info" };
    let (name, iv) = dek_info.split_once(',').ok_or(malformed.clone())?;
    let row = cipher(name.trim())?;
    let iv = hexadecimal(iv.trim()).filter(|iv| iv.len() == row.iv_len).ok_or(malformed)?;
    let passphrase = passphrase.ok_or(KeyFileError::Encrypted)?;
    let salt = iv.get(..SALT_LEN).unwrap_or_default();
    block_chain::decrypt(row, &derive(passphrase, salt, row.key_len), &iv, encrypted)
}

/// Each 16 bytes of the key are the MD5 of the 16 before them, the passphrase and the salt.
fn derive(passphrase: &[u8], salt: &[u8], len: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(len + 16));
    let mut last = Zeroizing::new(Vec::with_capacity(16));
    while key.len() < len {
        let digest = Md5::new().chain_update(&*last).chain_update(passphrase).chain_update(salt).finalize();
        last.clear();
        last.extend_from_slice(&digest);
        key.extend_from_slice(&last);
    }
    key.truncate(len);
    key
}

/// Reads an even number of hexadecimal digits.
pub(super) fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            // Two digits make no more than 255.
            [high, low] => Some((digit(high)? << 4 | digit(low)?) as u8),
            _ => None,
        })
        .collect()
}
