//! CBC with the padding of PKCS#7 (RFC 8018 §6.1.1), over the block ciphers of the transport.

use crate::error::KeyFileError;
use konko_crypto::cipher::{CipherAlgorithm, CipherKind};
use zeroize::Zeroizing;

/// Decrypts; whatever does not come out as padding is a wrong passphrase. Key and initial vector have the lengths
/// of the row.
pub(super) fn decrypt(
    row: &'static CipherAlgorithm,
    key: &[u8],
    iv: &[u8],
    encrypted: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    if encrypted.is_empty() || !encrypted.len().is_multiple_of(row.block_len) {
        return Err(KeyFileError::Malformed { what: "the length of its encrypted part" });
    }
    let mut plain = Zeroizing::new(encrypted.to_vec());
    apply(row, key, iv, &mut plain, false)?;
    let padding = usize::from(plain.last().copied().unwrap_or(0));
    let Some(len) = plain.len().checked_sub(padding).filter(|_| (1..=row.block_len).contains(&padding))
    else {
        return Err(KeyFileError::WrongPassphrase);
    };
    if plain.iter().skip(len).any(|byte| usize::from(*byte) != padding) {
        return Err(KeyFileError::WrongPassphrase);
    }
    plain.truncate(len);
    Ok(plain)
}

/// Encrypts.
pub(super) fn encrypt(
    row: &'static CipherAlgorithm,
    key: &[u8],
    iv: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, KeyFileError> {
    let padding = row.block_len - plain.len() % row.block_len;
    let mut out = Vec::with_capacity(plain.len() + padding);
    out.extend_from_slice(plain);
    // A block is shorter than 256 bytes.
    out.resize(plain.len() + padding, padding as u8);
    apply(row, key, iv, &mut out, true)?;
    Ok(out)
}

/// Runs the chain over whole blocks, without any padding.
pub(super) fn apply(
    row: &'static CipherAlgorithm,
    key: &[u8],
    iv: &[u8],
    data: &mut [u8],
    encrypting: bool,
) -> Result<(), KeyFileError> {
    let lengths_fit = key.len() == row.key_len && iv.len() == row.iv_len;
    let CipherKind::Plain { encrypt, decrypt } = row.kind else {
        return Err(KeyFileError::Unsupported { what: format!("{} in this kind of file", row.name) });
    };
    if !lengths_fit || !data.len().is_multiple_of(row.block_len) {
        return Err(KeyFileError::Malformed { what: "the length of its initial vector" });
    }
    let make = if encrypting { encrypt } else { decrypt };
    make(key, iv).apply(data);
    Ok(())
}
