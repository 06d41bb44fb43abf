//! The text that `ssh-keygen -k` makes revocation lists from (ssh-keygen(1), KEY REVOCATION LISTS).

use crate::krl::error::SpecificationError;
use crate::krl::list::KeyRevocationList;
use base64ct::{Base64Unpadded, Encoding};
use konko_keys::identity::Identity;
use konko_keys::public_key::PublicKey;
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// Whose certificates the serial numbers and key identifiers of a specification are.
#[derive(Debug, Clone, Copy)]
pub enum SpecifiedAuthority<'a> {
    /// Nobody's: there must not be any.
    None,
    /// Any authority's (`-s none`).
    Any,
    /// This authority's (`-s ca.pub`).
    Key(&'a PublicKey),
}

impl KeyRevocationList {
    /// Revokes what each line of a text says: `serial: 1-10`, `id: name`, `key: ssh-ed25519 …`, `sha1: ssh-rsa …`,
    /// `sha256: ssh-rsa …`, `hash: SHA256:…`, or a key or certificate alone. Returns how many lines said something.
    ///
    /// # Errors
    ///
    /// [`SpecificationError`] with the number of the first line that is not understood; what stands before it is
    /// revoked by then.
    pub fn apply_specification(
        &mut self,
        text: &str,
        authority: SpecifiedAuthority<'_>,
    ) -> Result<usize, SpecificationError> {
        let mut applied = 0;
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.split_once('#').map_or(text, |(before, _)| before).trim();
            if !text.is_empty() {
                self.apply_line(line, text, authority)?;
                applied += 1;
            }
        }
        self.settle();
        Ok(applied)
    }

    fn apply_line(
        &mut self,
        line: usize,
        text: &str,
        authority: SpecifiedAuthority<'_>,
    ) -> Result<(), SpecificationError> {
        let value_of = |name: &str| {
            let head = text.get(..name.len())?;
            head.eq_ignore_ascii_case(name).then(|| text.get(name.len()..).unwrap_or_default().trim())
        };
        let authority = |what| match authority {
            SpecifiedAuthority::None => Err(SpecificationError::NeedsAuthority { line, what }),
            SpecifiedAuthority::Any => Ok(None),
            SpecifiedAuthority::Key(key) => Ok(Some(key)),
        };
        if let Some(range) = value_of("serial:") {
            let invalid = SpecificationError::Invalid { line, what: "serial number" };
            let (first, last) = parse_range(range).ok_or_else(|| invalid.clone())?;
            self.revoke_serials(authority("serial number")?, first, last).map_err(|_| invalid)?;
        } else if let Some(key_id) = value_of("id:") {
            self.revoke_key_id(authority("key identifier")?, key_id);
        } else if let Some(hash) = value_of("hash:") {
            let hash =
                hash.strip_prefix("SHA256:").and_then(|base64| Base64Unpadded::decode_vec(base64).ok());
            let hash = hash.and_then(|hash| hash.try_into().ok());
            self.revoke_sha256(hash.ok_or(SpecificationError::Invalid { line, what: "SHA256 hash" })?);
        } else if let Some(key) = value_of("key:") {
            self.revoke_key(&parse_key(line, key)?);
        } else if let Some(key) = value_of("sha1:") {
            self.revoke_sha1(Sha1::digest(parse_key(line, key)?.blob()).into());
        } else if let Some(key) = value_of("sha256:") {
            self.revoke_sha256(Sha256::digest(parse_key(line, key)?.blob()).into());
        } else {
            self.revoke(&parse_identity(line, text)?);
        }
        Ok(())
    }
}

fn parse_identity(line: usize, text: &str) -> Result<Identity, SpecificationError> {
    let parsed = Identity::from_openssh(text);
    parsed.map(|(identity, _)| identity).map_err(|error| SpecificationError::Key { line, error })
}

fn parse_key(line: usize, text: &str) -> Result<PublicKey, SpecificationError> {
    match parse_identity(line, text)? {
        Identity::Key(key) => Ok(key),
        Identity::Certificate(_) => Err(SpecificationError::Certificate { line }),
    }
}

/// `n` or `n-m`.
fn parse_range(text: &str) -> Option<(u64, u64)> {
    match text.split_once('-') {
        Some((first, last)) => Some((parse_number(first)?, parse_number(last)?)),
        None => parse_number(text).map(|number| (number, number)),
    }
}

/// Decimal, hexadecimal after `0x`, octal after `0`. The number 0 is no serial number.
fn parse_number(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    let all_digits = digits.chars().all(|digit| digit.is_digit(radix));
    let number = if all_digits { u64::from_str_radix(digits, radix).ok()? } else { return None };
    (number != 0).then_some(number)
}
