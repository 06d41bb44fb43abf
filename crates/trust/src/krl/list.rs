//! What is revoked, and the question whether something is.

use crate::krl::error::KrlError;
use crate::krl::serials::Serials;
use konko_keys::identity::Identity;
use konko_keys::public_key::PublicKey;
use sha1::{Digest, Sha1};
use sha2::Sha256;
use std::collections::BTreeSet;

/// Why a key or a certificate is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revocation {
    /// The key itself is.
    Key,
    /// Its certificate is, by the serial number.
    Serial,
    /// Its certificate is, by the key identifier.
    KeyId,
    /// The authority that signed its certificate is.
    Authority,
}

/// What is revoked of the certificates of one authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthorityRevocations {
    /// The key of the authority as it travels; `None` for any.
    pub(crate) authority: Option<Vec<u8>>,
    pub(crate) serials: Serials,
    pub(crate) key_ids: BTreeSet<String>,
}

/// A key revocation list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyRevocationList {
    /// A number that grows with each edition of the list. Nothing here looks at it.
    pub version: u64,
    /// When it was made, in seconds since 1970.
    pub generated: u64,
    /// What it says of itself.
    pub comment: String,
    pub(crate) authorities: Vec<AuthorityRevocations>,
    pub(crate) keys: BTreeSet<Vec<u8>>,
    pub(crate) sha1: BTreeSet<[u8; 20]>,
    pub(crate) sha256: BTreeSet<[u8; 32]>,
}

impl KeyRevocationList {
    /// A list of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Revokes a key; it must not be accepted in a certificate or as an authority either. The list holds all of it.
    pub fn revoke_key(&mut self, key: &PublicKey) {
        self.keys.insert(key.blob().to_vec());
    }

    /// Revokes the key of which this is the SHA-1.
    pub fn revoke_sha1(&mut self, hash: [u8; 20]) {
        self.sha1.insert(hash);
    }

    /// Revokes the key of which this is the SHA-256.
    pub fn revoke_sha256(&mut self, hash: [u8; 32]) {
        self.sha256.insert(hash);
    }

    /// Revokes certificates by their serial numbers, from the first to the last of them; without an authority those
    /// of any. A certificate with the serial number 0 has none, and is never meant.
    ///
    /// # Errors
    ///
    /// [`KrlError::Invalid`] for a range that ends before it begins.
    pub fn revoke_serials(
        &mut self,
        authority: Option<&PublicKey>,
        first: u64,
        last: u64,
    ) -> Result<(), KrlError> {
        self.of_authority(authority.map(PublicKey::blob)).serials.add_range(first, last)
    }

    /// Revokes certificates by their key identifier; without an authority those of any.
    pub fn revoke_key_id(&mut self, authority: Option<&PublicKey>, key_id: &str) {
        self.of_authority(authority.map(PublicKey::blob)).key_ids.insert(key_id.to_owned());
    }

    /// Revokes a key by its SHA-256, or a certificate by its serial number; one without a serial number by its key
    /// identifier.
    pub fn revoke(&mut self, identity: &Identity) {
        match identity {
            Identity::Key(key) => self.revoke_sha256(Sha256::digest(key.blob()).into()),
            Identity::Certificate(certificate) if certificate.serial() == 0 => {
                self.revoke_key_id(Some(certificate.signature_key()), certificate.key_id());
            }
            Identity::Certificate(certificate) => {
                let revocations = self.of_authority(Some(certificate.signature_key().blob()));
                revocations.serials.add(certificate.serial());
            }
        }
    }

    /// Puts the serial numbers into order, so that many of them are searched quickly.
    pub(crate) fn settle(&mut self) {
        self.authorities.iter_mut().for_each(|revocations| revocations.serials.settle());
    }

    pub(crate) fn of_authority(&mut self, authority: Option<&[u8]>) -> &mut AuthorityRevocations {
        let at = self.authorities.iter().position(|other| other.authority.as_deref() == authority);
        let at = at.unwrap_or_else(|| {
            let authority = authority.map(<[u8]>::to_vec);
            let (serials, key_ids) = Default::default();
            self.authorities.push(AuthorityRevocations { authority, serials, key_ids });
            self.authorities.len() - 1
        });
        &mut self.authorities[at]
    }

    /// Whether the list has nothing in it.
    pub fn is_empty(&self) -> bool {
        self.authorities.is_empty() && self.keys.is_empty() && self.sha1.is_empty() && self.sha256.is_empty()
    }

    /// Whether a key or a certificate is revoked, and why. A certificate is revoked with its key and with its
    /// authority.
    pub fn check(&self, identity: &Identity) -> Option<Revocation> {
        if self.has_key(identity.public_key()) {
            return Some(Revocation::Key);
        }
        let certificate = identity.certificate()?;
        let authority = certificate.signature_key();
        for revocations in &self.authorities {
            if revocations.authority.as_deref().is_some_and(|blob| blob != authority.blob()) {
                continue;
            }
            if revocations.key_ids.contains(certificate.key_id()) {
                return Some(Revocation::KeyId);
            }
            // A certificate whose authority does not count has the number 0.
            if certificate.serial() != 0 && revocations.serials.contains(certificate.serial()) {
                return Some(Revocation::Serial);
            }
        }
        self.has_key(authority).then_some(Revocation::Authority)
    }

    fn has_key(&self, key: &PublicKey) -> bool {
        let blob = key.blob();
        self.keys.contains(blob)
            || self.sha1.contains::<[u8; 20]>(&Sha1::digest(blob).into())
            || self.sha256.contains::<[u8; 32]>(&Sha256::digest(blob).into())
    }
}
