//! Makes the protection of one direction from a negotiated cipher and MAC: an AEAD cipher stands alone, a plain
//! cipher is fused with its MAC into one [`Seal`] or [`Open`].

use crate::cipher::table::{CipherAlgorithm, CipherKind, Crypt};
use crate::mac::table::{MAX_TAG_LEN, MacAlgorithm, MacContext};
use crate::protection::{Open, Seal, TagMismatch};
use subtle::ConstantTimeEq;

const LENGTH_LEN: usize = 4;

/// Why a cipher, a MAC and their keys cannot be put together. The fault is the caller's, never the peer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComposeError {
    /// The cipher has no integrity of its own and no MAC was given.
    #[error("the cipher {cipher} needs a MAC")]
    MissingMac {
        /// The cipher's name.
        cipher: &'static str,
    },
    /// A key or initial vector is not as long as its row says.
    #[error("{algorithm} takes {expected} bytes of {what}, not {given}")]
    WrongLength {
        /// The name of the cipher or MAC.
        algorithm: &'static str,
        /// `key` or `initial vector`.
        what: &'static str,
        /// The length that the row names, in bytes.
        expected: usize,
        /// The length given, in bytes.
        given: usize,
    },
}

/// Makes the sending half of `cipher`, fused with `mac` where the cipher is not an AEAD; for an AEAD, `mac` and
/// `mac_key` are not looked at (OpenSSH PROTOCOL §1.6: the MAC that was negotiated is ignored).
///
/// # Errors
///
/// [`ComposeError`] where the MAC is missing or a key or initial vector has the wrong length.
pub fn seal(
    cipher: &'static CipherAlgorithm,
    mac: Option<&'static MacAlgorithm>,
    key: &[u8],
    iv: &[u8],
    mac_key: &[u8],
) -> Result<Box<dyn Seal>, ComposeError> {
    check_cipher(cipher, key, iv)?;
    Ok(match cipher.kind {
        CipherKind::Aead { seal, .. } => seal(key, iv),
        CipherKind::Plain { encrypt, .. } => {
            let mac = checked_mac(cipher, mac, mac_key)?;
            let halves = Halves::new(cipher, encrypt(key, iv), mac, mac_key);
            if mac.encrypt_then_mac {
                Box::new(EncryptThenMac(halves))
            } else {
                Box::new(EncryptAndMac(halves))
            }
        }
    })
}

/// Makes the receiving half of `cipher`; otherwise as [`seal`].
///
/// # Errors
///
/// As [`seal`].
pub fn open(
    cipher: &'static CipherAlgorithm,
    mac: Option<&'static MacAlgorithm>,
    key: &[u8],
    iv: &[u8],
    mac_key: &[u8],
) -> Result<Box<dyn Open>, ComposeError> {
    check_cipher(cipher, key, iv)?;
    Ok(match cipher.kind {
        CipherKind::Aead { open, .. } => open(key, iv),
        CipherKind::Plain { decrypt, .. } => {
            let mac = checked_mac(cipher, mac, mac_key)?;
            let halves = Halves::new(cipher, decrypt(key, iv), mac, mac_key);
            if mac.encrypt_then_mac {
                Box::new(EncryptThenMac(halves))
            } else {
                Box::new(EncryptAndMac(halves))
            }
        }
    })
}

fn check_length(
    algorithm: &'static str,
    what: &'static str,
    expected: usize,
    bytes: &[u8],
) -> Result<(), ComposeError> {
    if bytes.len() == expected {
        return Ok(());
    }
    Err(ComposeError::WrongLength { algorithm, what, expected, given: bytes.len() })
}

fn check_cipher(cipher: &CipherAlgorithm, key: &[u8], iv: &[u8]) -> Result<(), ComposeError> {
    check_length(cipher.name, "key", cipher.key_len, key)?;
    check_length(cipher.name, "initial vector", cipher.iv_len, iv)
}

fn checked_mac(
    cipher: &CipherAlgorithm,
    mac: Option<&'static MacAlgorithm>,
    mac_key: &[u8],
) -> Result<&'static MacAlgorithm, ComposeError> {
    let mac = mac.ok_or(ComposeError::MissingMac { cipher: cipher.name })?;
    check_length(mac.name, "key", mac.key_len, mac_key)?;
    Ok(mac)
}

/// A plain cipher running in one direction, and a MAC.
struct Halves {
    crypt: Box<dyn Crypt>,
    mac: Box<dyn MacContext>,
    block_len: usize,
    tag_len: usize,
}

impl Halves {
    fn new(cipher: &CipherAlgorithm, crypt: Box<dyn Crypt>, mac: &MacAlgorithm, mac_key: &[u8]) -> Self {
        Self { crypt, mac: (mac.start)(mac_key), block_len: cipher.block_len, tag_len: mac.tag_len }
    }

    fn verify(&mut self, sequence_number: u32, packet: &[u8], tag: &[u8]) -> Result<(), TagMismatch> {
        let mut expected = [0; MAX_TAG_LEN];
        let expected = &mut expected[..self.tag_len];
        self.mac.compute(sequence_number, packet, expected);
        if bool::from(expected.ct_eq(tag)) { Ok(()) } else { Err(TagMismatch) }
    }
}

/// Encrypt-then-MAC (OpenSSH PROTOCOL §1.5): the length field stays in clear, everything after it is encrypted,
/// and the MAC covers both.
struct EncryptThenMac(Halves);

impl Seal for EncryptThenMac {
    fn block_len(&self) -> usize {
        self.0.block_len
    }

    fn tag_len(&self) -> usize {
        self.0.tag_len
    }

    fn aligned_from(&self) -> usize {
        LENGTH_LEN
    }

    fn seal(&mut self, sequence_number: u32, packet: &mut [u8], tag: &mut [u8]) {
        self.0.crypt.apply(&mut packet[LENGTH_LEN..]);
        self.0.mac.compute(sequence_number, packet, tag);
    }
}

impl Open for EncryptThenMac {
    fn block_len(&self) -> usize {
        self.0.block_len
    }

    fn tag_len(&self) -> usize {
        self.0.tag_len
    }

    fn aligned_from(&self) -> usize {
        LENGTH_LEN
    }

    fn prefix_len(&self) -> usize {
        LENGTH_LEN
    }

    fn open_length(&mut self, _sequence_number: u32, prefix: &mut [u8]) -> u32 {
        u32::from_be_bytes(*prefix.first_chunk().expect("a prefix of four bytes"))
    }

    fn open(&mut self, sequence_number: u32, packet: &mut [u8], tag: &[u8]) -> Result<(), TagMismatch> {
        self.0.verify(sequence_number, packet, tag)?;
        let encrypted = packet.get_mut(LENGTH_LEN..).ok_or(TagMismatch)?;
        if !encrypted.len().is_multiple_of(self.0.block_len) {
            return Err(TagMismatch);
        }
        self.0.crypt.apply(encrypted);
        Ok(())
    }
}

/// Encrypt-and-MAC (RFC 4253 §6.4): the whole packet is encrypted, length field included, and the MAC covers
/// the plain text.
struct EncryptAndMac(Halves);

impl Seal for EncryptAndMac {
    fn block_len(&self) -> usize {
        self.0.block_len
    }

    fn tag_len(&self) -> usize {
        self.0.tag_len
    }

    fn aligned_from(&self) -> usize {
        0
    }

    fn seal(&mut self, sequence_number: u32, packet: &mut [u8], tag: &mut [u8]) {
        self.0.mac.compute(sequence_number, packet, tag);
        self.0.crypt.apply(packet);
    }
}

impl Open for EncryptAndMac {
    fn block_len(&self) -> usize {
        self.0.block_len
    }

    fn tag_len(&self) -> usize {
        self.0.tag_len
    }

    fn aligned_from(&self) -> usize {
        0
    }

    fn prefix_len(&self) -> usize {
        self.0.block_len
    }

    /// Decrypts the first block in place; `open` goes on behind it.
    fn open_length(&mut self, _sequence_number: u32, prefix: &mut [u8]) -> u32 {
        self.0.crypt.apply(prefix);
        u32::from_be_bytes(*prefix.first_chunk().expect("a prefix of one block"))
    }

    fn open(&mut self, sequence_number: u32, packet: &mut [u8], tag: &[u8]) -> Result<(), TagMismatch> {
        let rest = packet.get_mut(self.0.block_len..).ok_or(TagMismatch)?;
        if !rest.len().is_multiple_of(self.0.block_len) {
            return Err(TagMismatch);
        }
        self.0.crypt.apply(rest);
        self.0.verify(sequence_number, packet, tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::ctr::AES128_CTR;
    use crate::cipher::gcm::AES128_GCM;
    use crate::mac::hmac::HMAC_SHA2_256;

    #[test]
    fn a_plain_cipher_without_a_mac_is_refused() {
        let missing = ComposeError::MissingMac { cipher: "aes128-ctr" };
        assert_eq!(seal(&AES128_CTR, None, &[0; 16], &[0; 16], &[]).err(), Some(missing));
        assert_eq!(open(&AES128_CTR, None, &[0; 16], &[0; 16], &[]).err(), Some(missing));
    }

    #[test]
    fn an_aead_needs_no_mac_and_ignores_one() {
        assert!(seal(&AES128_GCM, None, &[0; 16], &[0; 12], &[]).is_ok());
        assert!(open(&AES128_GCM, Some(&HMAC_SHA2_256), &[0; 16], &[0; 12], &[]).is_ok());
    }

    #[test]
    fn keys_of_another_length_than_the_rows_are_refused() {
        let mac = Some(&HMAC_SHA2_256);
        for (key_len, iv_len, mac_key_len, what) in
            [(15, 16, 32, "key"), (16, 17, 32, "initial vector"), (16, 16, 31, "key"), (0, 0, 0, "key")]
        {
            let (key, iv, mac_key) = (vec![0; key_len], vec![0; iv_len], vec![0; mac_key_len]);
            let refusals = [
                seal(&AES128_CTR, mac, &key, &iv, &mac_key).err(),
                open(&AES128_CTR, mac, &key, &iv, &mac_key).err(),
            ];
            for refusal in refusals {
                let Some(ComposeError::WrongLength { what: refused, .. }) = refusal else {
                    panic!("accepted {key_len}, {iv_len}, {mac_key_len}: {refusal:?}");
                };
                assert_eq!(refused, what);
            }
        }
    }
}
