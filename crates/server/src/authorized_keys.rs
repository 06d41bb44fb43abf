//! Whose keys and certificates may log in, by files in the manner of OpenSSH's.

use crate::log_text::LogText;
use crate::peer::PeerInfo;
use crate::trusted_file::{local_time_zone, read_trusted};
use konko_transport::keys::identity::Identity;
use konko_transport::keys::public_key::PublicKey;
use konko_transport::keys::signature_algorithm::SignatureAlgorithm;
use konko_trust::authorisation::{Granted, LoginAttempt, UserTrust};
use konko_trust::authorized_keys::AuthorizedKeys;
use konko_trust::authorized_principals::AuthorizedPrincipals;
use konko_trust::permissions::Permissions;
use konko_trust::revoked_keys::RevokedKeys;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A file in the manner of OpenSSH's authorized_keys. It is read anew for each key that is offered.
#[derive(Debug, Clone)]
pub struct AuthorizedKeysFile {
    path: PathBuf,
}

impl AuthorizedKeysFile {
    /// The file at `path`; it need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The files that decide who may log in with a key or a certificate. They are read anew for each that is offered.
///
/// A file that others may write to, whose folder others may write to, that is no regular file, or that belongs to
/// neither the superuser nor the user of this process, lets nobody in.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct AuthorizationFiles {
    /// The keys that may log in, and the authorities whose certificates may.
    pub authorized_keys: Option<AuthorizedKeysFile>,
    /// Authorities that may certify every user, one key in a line (`TrustedUserCAKeys`).
    pub trusted_authorities: Option<PathBuf>,
    /// Who a certificate of a trusted authority must be for (`AuthorizedPrincipalsFile`); without this file it must
    /// name the user.
    pub authorized_principals: Option<PathBuf>,
    /// What is revoked: a key revocation list, or one key in a line (`RevokedKeys`). If it cannot be read, nobody is
    /// let in.
    pub revoked_keys: Option<PathBuf>,
    /// Under which algorithms authorities may have signed (`CASignatureAlgorithms`); `None` is all but those on SHA-1.
    pub authority_algorithms: Option<Vec<&'static SignatureAlgorithm>>,
}

impl AuthorizationFiles {
    /// Whether anybody could log in by them.
    pub const fn lets_anybody_in(&self) -> bool {
        self.authorized_keys.is_some() || self.trusted_authorities.is_some()
    }

    /// Whether `identity` may log in as `user` from where the peer is, now, and what may be done then. `None` is
    /// logged with the reason.
    ///
    /// The options `from` and `source-address` are held against the peer's address: no names are looked up, so a
    /// pattern of names lets nobody in.
    pub fn check(&self, identity: &Identity, user: &str, peer: &PeerInfo) -> Option<Permissions> {
        match self.authorise(identity, user, peer) {
            Ok(Some(granted)) => {
                tracing::debug!(target: "konko::serve", %peer, by = ?granted.by, "a key may log in");
                Some(granted.permissions)
            }
            Ok(None) => None,
            Err((path, error)) => {
                let path = path.display();
                tracing::warn!(target: "konko::serve", %path, %error, "the file cannot be used: nobody is let in");
                None
            }
        }
    }

    fn authorise(
        &self,
        identity: &Identity,
        user: &str,
        peer: &PeerInfo,
    ) -> Result<Option<Granted>, (PathBuf, io::Error)> {
        let mut revoked = RevokedKeys::new();
        if let Some(path) = &self.revoked_keys {
            let added = read_trusted(path).and_then(|bytes| revoked.add(&bytes).map_err(io::Error::other));
            added.map_err(|error| (path.clone(), error))?;
        }
        let keys = self.authorized_keys.as_ref().map(|file| usable(&file.path));
        let keys = keys.flatten().map(|bytes| AuthorizedKeys::parse(&bytes));
        if let (Some(keys), Some(file)) = (&keys, &self.authorized_keys) {
            for (line, reason) in keys.refused() {
                tracing::debug!(
                    target: "konko::serve", path = %file.path.display(), line, %reason, "a line lets nobody in"
                );
            }
        }
        let authorities = self.trusted_authorities.as_deref().and_then(usable);
        let authorities = authorities.map(|bytes| keys_in(&bytes)).unwrap_or_default();
        // A file of principals that cannot be read names none.
        let principals = self.authorized_principals.as_deref();
        let principals =
            principals.map(|path| AuthorizedPrincipals::parse(&usable(path).unwrap_or_default()));
        let mut trust = UserTrust::new(&revoked);
        trust.authorized_keys = keys.iter().collect();
        trust.trusted_authorities = &authorities;
        trust.authorized_principals = principals.as_ref();
        trust.authority_algorithms.clone_from(&self.authority_algorithms);
        let zone = local_time_zone();
        let attempt = LoginAttempt {
            user,
            address: peer.address.map(|address| address.ip()),
            host_name: None,
            now: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            zone: &zone,
        };
        match trust.authorise(identity, &attempt) {
            Ok(granted) => Ok(Some(granted)),
            Err(refused) => {
                tracing::info!(
                    target: "konko::serve",
                    %peer,
                    user = %LogText(user.as_bytes()),
                    fingerprint = %identity.fingerprint(),
                    reason = %LogText(refused.to_string().as_bytes()),
                    "a key is not let in"
                );
                Ok(None)
            }
        }
    }
}

/// What the file says, unless it cannot be trusted.
fn usable(path: &Path) -> Option<Vec<u8>> {
    match read_trusted(path) {
        Ok(contents) => Some(contents),
        Err(error) => {
            tracing::warn!(target: "konko::serve", path = %path.display(), %error, "the file cannot be used");
            None
        }
    }
}

/// The keys in a text, one in a line; lines that are none are passed over.
fn keys_in(bytes: &[u8]) -> Vec<PublicKey> {
    let text = String::from_utf8_lossy(bytes);
    let keys = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    keys.filter_map(|line| PublicKey::from_openssh(line).ok()).map(|(key, _)| key).collect()
}

#[cfg(test)]
mod tests;
