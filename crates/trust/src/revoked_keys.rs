//! The files of revoked keys (`RevokedKeys`, `RevokedHostKeys`): key revocation lists, or plain text with one key in a
//! line.

use crate::krl::decode::MAGIC;
use crate::krl::error::KrlError;
use crate::krl::list::{KeyRevocationList, Revocation};
use crate::lines::numbered;
use konko_keys::error::{CertificateError, KeyError};
use konko_keys::identity::Identity;
use konko_keys::public_key::PublicKey;
use std::collections::HashSet;

/// The longest line of a text, in bytes.
const LONGEST_LINE: usize = 256 * 1024;

/// Why a file of revoked keys cannot be used. As nobody knows then what is revoked, nothing may be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevokedKeysError {
    /// The list is not understood.
    #[error(transparent)]
    List(#[from] KrlError),
    /// A line of the text is not a key. (A key of an unknown type is, and is never accepted anyway.)
    #[error("line {line}: {error}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: CertificateError,
    },
}

/// Everything that some files say is revoked.
#[derive(Debug, Clone, Default)]
pub struct RevokedKeys {
    lists: Vec<KeyRevocationList>,
    keys: HashSet<PublicKey>,
    certificates: HashSet<Vec<u8>>,
}

impl RevokedKeys {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what a file revokes.
    ///
    /// # Errors
    ///
    /// [`RevokedKeysError`]; nothing was added then.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), RevokedKeysError> {
        if bytes.starts_with(&MAGIC) {
            self.lists.push(KeyRevocationList::decode(bytes)?);
            return Ok(());
        }
        let mut identities = Vec::new();
        for (line, text) in numbered(bytes) {
            let not_a_key = CertificateError::Key(KeyError::NotAKey);
            let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= LONGEST_LINE);
            match text.ok_or(not_a_key).and_then(Identity::from_openssh) {
                Ok((identity, _)) => identities.push(identity),
                Err(CertificateError::Key(KeyError::Unsupported { .. })) => {}
                Err(error) => return Err(RevokedKeysError::Line { line, error }),
            }
        }
        for identity in identities {
            match identity {
                Identity::Key(key) => drop(self.keys.insert(key)),
                Identity::Certificate(certificate) => {
                    self.certificates.insert(certificate.blob().to_vec());
                }
            }
        }
        Ok(())
    }

    /// Revokes a list.
    pub fn add_list(&mut self, list: KeyRevocationList) {
        self.lists.push(list);
    }

    /// Whether a key or a certificate is revoked, and why. A certificate is revoked with its key and with its
    /// authority.
    pub fn check(&self, identity: &Identity) -> Option<Revocation> {
        if self.keys.contains(identity.public_key()) || self.certificates.contains(identity.blob()) {
            return Some(Revocation::Key);
        }
        let authority = identity.certificate().map(|certificate| certificate.signature_key());
        if authority.is_some_and(|authority| self.keys.contains(authority)) {
            return Some(Revocation::Authority);
        }
        self.lists.iter().find_map(|list| list.check(identity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{private, public};
    use konko_keys::certificate_builder::CertificateBuilder;
    use konko_keys::certificate_kind::CertificateKind;
    use konko_keys::signature_algorithm::by_name;

    /// covers: A21
    #[test]
    fn keys_authorities_and_certificates_as_text() {
        let certificate: Identity = CertificateBuilder::new(CertificateKind::User, &public("ecdsa256"), "x")
            .principals(["someone"])
            .sign(
                &private("ed25519"),
                by_name("ssh-ed25519").expect("a row"),
                &mut konko_crypto::random::SystemRandom,
            )
            .expect("a certificate")
            .into();
        let check = |text: &str, identity: &Identity| {
            let mut revoked = RevokedKeys::new();
            revoked.add(text.as_bytes()).expect("a file");
            revoked.check(identity)
        };
        let key = |name: &str| public(name).to_openssh("a comment");
        assert_eq!(check("", &certificate), None);
        assert_eq!(check(&key("rsa2048"), &certificate), None);
        let leaf = format!("# comment\n\nssh-unknown AAAAC3NzaC11bmtub3du\n{}\n", key("ecdsa256"));
        assert_eq!(check(&leaf, &certificate), Some(Revocation::Key));
        assert_eq!(check(&leaf, &public("ecdsa256").into()), Some(Revocation::Key));
        assert_eq!(check(&key("ed25519"), &certificate), Some(Revocation::Authority));
        assert_eq!(check(&certificate.to_openssh(""), &certificate), Some(Revocation::Key));
        assert_eq!(check(&certificate.to_openssh(""), &public("ecdsa256").into()), None);

        let mut list = KeyRevocationList::new();
        list.revoke_key(&public("ed25519"));
        let mut revoked = RevokedKeys::new();
        revoked.add(&list.encode()).expect("a list");
        assert_eq!(revoked.check(&certificate), Some(Revocation::Authority));
    }

    /// covers: C02
    #[test]
    fn a_file_that_is_not_understood_is_an_error() {
        let mut revoked = RevokedKeys::new();
        assert!(matches!(revoked.add(b"\nssh-ed25519 AAAA\n"), Err(RevokedKeysError::Line { line: 2, .. })));
        assert!(matches!(revoked.add(b"\xff"), Err(RevokedKeysError::Line { line: 1, .. })));
        assert!(matches!(revoked.add(&MAGIC), Err(RevokedKeysError::List(_))));
    }
}
