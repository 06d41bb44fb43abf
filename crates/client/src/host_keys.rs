//! Whom to believe: what is done about the host key that a server shows.

use crate::boxed_future::BoxedFuture;
use crate::error::{ChangedHostKey, Error};
use crate::known_hosts_files::{
    CertificateVerdict, FilesVerdict, HostKeyUpdates, HostName, KnownHostsFiles, KnownKey, place,
};
use crate::off_thread::off_thread;
use crate::printable::printable;
use crate::sshfp::{SshfpAnswer, SshfpVerdict};
use konko_transport::keys::certificate::Certificate;
use konko_transport::keys::public_key::PublicKey;
use std::sync::Arc;

/// What is done about the host key that a server shows. There is no default: a client that believes any server
/// hands its password to any server.
///
/// A changed key and a revoked key are refused by all policies over files.
#[derive(Clone)]
#[non_exhaustive]
pub enum HostKeyPolicy {
    /// Only servers that the files know.
    Strict(KnownHostsFiles),
    /// Servers of which nothing is known are believed and added to the files. A host that is known by keys of other
    /// types only is refused: whoever stands in its place would show such a key.
    AcceptNew(KnownHostsFiles),
    /// Somebody is asked about servers of which nothing is known.
    Ask(KnownHostsFiles, Arc<dyn HostKeyPrompter>),
    /// Every server is believed. Whoever controls the network can read and change everything, passwords included.
    InsecureAcceptAny,
    /// Somebody else decides.
    Custom(Arc<dyn HostKeyVerifier>),
}

impl std::fmt::Debug for HostKeyPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Strict(files) => f.debug_tuple("Strict").field(files).finish(),
            Self::AcceptNew(files) => f.debug_tuple("AcceptNew").field(files).finish(),
            Self::Ask(files, _) => f.debug_tuple("Ask").field(files).finish_non_exhaustive(),
            Self::InsecureAcceptAny => f.write_str("InsecureAcceptAny"),
            Self::Custom(_) => f.write_str("Custom(..)"),
        }
    }
}

/// A host key of which the files know nothing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UnknownHostKey {
    /// The host.
    pub name: HostName,
    /// The key that it showed.
    pub key: PublicKey,
    /// Keys of other types by which the host is known; usually none.
    pub known_by: Vec<PublicKey>,
    /// What the DNS says of the key; `None` if nobody was asked. Without authentication it is a hint and no more.
    pub fingerprint_in_dns: Option<SshfpVerdict>,
}

/// What a server that is known, and the user logged in to, has told of its host keys; it has proved to own those that
/// are new.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HostKeyUpdate {
    /// The host.
    pub name: HostName,
    /// The keys that are to be added to the files.
    pub learned: Vec<PublicKey>,
    /// The keys that the host has no longer, and that are to be removed from them.
    pub removed: Vec<PublicKey>,
}

/// What somebody who was asked about a host key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKeyAnswer {
    /// It is the right one; add it to the files.
    Accept,
    /// It is the right one; do not add it.
    AcceptOnce,
    /// It is not, or that is not known.
    Refuse,
}

/// Asks somebody about unknown host keys.
pub trait HostKeyPrompter: Send + Sync {
    /// Is this the right key? The deadline of the key exchange does not run in the meantime.
    fn ask<'a>(&'a self, question: &'a UnknownHostKey) -> BoxedFuture<'a, HostKeyAnswer>;
}

/// Decides about host keys by its own lights.
pub trait HostKeyVerifier: Send + Sync {
    /// The types of keys by which the host is known, so that the server can be asked for one of them; none by
    /// default.
    fn key_types(&self, _name: &HostName) -> Vec<&'static str> {
        Vec::new()
    }

    /// Is this the right key? The server has proved to own it. An error is the reason against it, in words.
    fn verify<'a>(&'a self, name: &'a HostName, key: &'a PublicKey) -> BoxedFuture<'a, Result<(), String>>;

    /// Is this certificate, which somebody has signed for this host, to be believed? Unless it is overwritten, its
    /// key alone counts, as if it had been shown without a certificate.
    fn verify_certificate<'a>(
        &'a self,
        name: &'a HostName,
        certificate: &'a Certificate,
    ) -> BoxedFuture<'a, Result<(), String>> {
        self.verify(name, certificate.public_key())
    }
}

impl HostKeyPolicy {
    /// The types of the keys by which the host is known.
    pub(crate) async fn key_types(&self, name: &HostName) -> Result<Vec<&'static str>, Error> {
        match self {
            Self::Strict(files) | Self::AcceptNew(files) | Self::Ask(files, _) => {
                let (files, name) = (files.clone(), name.clone());
                look(move || files.key_types(&name)).await
            }
            Self::InsecureAcceptAny => Ok(Vec::new()),
            Self::Custom(verifier) => Ok(verifier.key_types(name)),
        }
    }

    /// The files that a server may keep up to date.
    pub(crate) fn updatable_files(&self) -> Option<&KnownHostsFiles> {
        match self {
            Self::Strict(files) | Self::AcceptNew(files) | Self::Ask(files, _)
                if files.update != HostKeyUpdates::Never =>
            {
                Some(files)
            }
            _ => None,
        }
    }

    /// Decides about a certificate that a server showed. If its authority is not known, or it is not good, its key
    /// is judged as if it had come alone.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub async fn verify_certificate(&self, name: &HostName, certificate: &Certificate) -> Result<(), Error> {
        let key = certificate.public_key();
        let files = match self {
            Self::InsecureAcceptAny => return self.verify(name, key).await,
            Self::Custom(verifier) => {
                return verifier.verify_certificate(name, certificate).await.map_err(|reason| {
                    Error::HostKeyRejected { name: name.to_string(), shown: key.clone(), reason }
                });
            }
            Self::Strict(files) | Self::AcceptNew(files) | Self::Ask(files, _) => files,
        };
        let (files, of, shown) = (files.clone(), name.clone(), certificate.clone());
        match look(move || files.lookup_certificate(&of, &shown)).await? {
            CertificateVerdict::SignedBy { authority } => {
                tracing::debug!(host = %name, authority = %authority.at, "the host has a certificate");
                Ok(())
            }
            CertificateVerdict::Revoked { at } => {
                let (file, line) = place(&at);
                let file = file.unwrap_or_default();
                Err(Error::HostKeyRevoked { name: name.to_string(), file, line, shown: key.clone() })
            }
            CertificateVerdict::NotGood { authority, error } => {
                tracing::warn!(
                    host = %name, authority = %authority.at, %error, "the certificate of the host is not good"
                );
                self.verify(name, key).await
            }
            // Whatever else is said of a certificate is no reason to believe it; its key may be known.
            _ => self.verify(name, key).await,
        }
    }

    /// Decides about the key that a server showed.
    ///
    /// # Errors
    ///
    /// [`Error::HostKeyUnknown`], [`Error::HostKeyChanged`], [`Error::HostKeyRevoked`],
    /// [`Error::HostKeyRejected`], [`Error::KnownHosts`]. Nothing but `Ok` is a reason to go on.
    pub async fn verify(&self, name: &HostName, key: &PublicKey) -> Result<(), Error> {
        match self {
            Self::InsecureAcceptAny => {
                tracing::warn!(host = %name, fingerprint = %key.fingerprint(), "the host key is not verified");
                Ok(())
            }
            Self::Custom(verifier) => verifier.verify(name, key).await.map_err(|reason| {
                Error::HostKeyRejected { name: name.to_string(), shown: key.clone(), reason }
            }),
            Self::Strict(files) => match lookup(files, name, key).await? {
                Familiarity::Known => Ok(()),
                Familiarity::New { .. } => Err(unknown(name, key)),
            },
            Self::AcceptNew(files) => match lookup(files, name, key).await? {
                Familiarity::Known => Ok(()),
                Familiarity::New { known_by, .. } if !known_by.is_empty() => {
                    Err(changed(known_by, name, key))
                }
                Familiarity::New { .. } => {
                    tracing::info!(host = %name, fingerprint = %key.fingerprint(), "a new host key is accepted");
                    add(files, name, key).await
                }
            },
            Self::Ask(files, prompter) => match lookup(files, name, key).await? {
                Familiarity::Known => Ok(()),
                Familiarity::New { known_by, fingerprint_in_dns } => {
                    let known_by = known_by.into_iter().map(|known| known.key).collect();
                    let (name, key) = (name.clone(), key.clone());
                    let question = UnknownHostKey { name, key, known_by, fingerprint_in_dns };
                    match prompter.ask(&question).await {
                        HostKeyAnswer::Accept => add(files, &question.name, &question.key).await,
                        HostKeyAnswer::AcceptOnce => Ok(()),
                        HostKeyAnswer::Refuse => Err(unknown(&question.name, &question.key)),
                    }
                }
            },
        }
    }
}

/// What is left of a verdict after the refusals that no policy may overrule.
enum Familiarity {
    Known,
    New {
        /// The keys of other types by which the host is known.
        known_by: Vec<KnownKey>,
        fingerprint_in_dns: Option<SshfpVerdict>,
    },
}

async fn lookup(files: &KnownHostsFiles, name: &HostName, key: &PublicKey) -> Result<Familiarity, Error> {
    let (files, of, shown) = (files.clone(), name.clone(), key.clone());
    let resolver = files.resolver.clone();
    let verdict = look(move || files.lookup(&of, &shown)).await?;
    let (known_by, resolver) = match (judge(verdict, name, key)?, resolver) {
        // What the files know counts more than what the DNS says.
        (Familiarity::New { known_by, .. }, Some(resolver)) if known_by.is_empty() => (known_by, resolver),
        (familiarity, _) => return Ok(familiarity),
    };
    let answer = resolver.0.resolve(&name.host).await.unwrap_or_else(|error| {
        tracing::warn!(host = %name, error = %printable(&error, false), "the DNS cannot be asked for fingerprints");
        SshfpAnswer::default()
    });
    let found = answer.verdict(key);
    tracing::debug!(host = %name, ?found, "fingerprints in the DNS");
    // RFC 4255 §2.4: without DNSSEC, a fingerprint in the DNS is no reason to believe a key.
    if found == (SshfpVerdict::Matched { authenticated: true }) {
        return Ok(Familiarity::Known);
    }
    Ok(Familiarity::New { known_by, fingerprint_in_dns: Some(found) })
}

async fn add(files: &KnownHostsFiles, name: &HostName, key: &PublicKey) -> Result<(), Error> {
    let (files, of, shown) = (files.clone(), name.clone(), key.clone());
    let verdict = look(move || files.add(&of, &shown)).await?;
    judge(verdict, name, key).map(|_| ())
}

fn judge(verdict: FilesVerdict, name: &HostName, key: &PublicKey) -> Result<Familiarity, Error> {
    match verdict {
        FilesVerdict::Known => Ok(Familiarity::Known),
        FilesVerdict::Unknown => Ok(Familiarity::New { known_by: Vec::new(), fingerprint_in_dns: None }),
        FilesVerdict::NewKeyType(known_by) => Ok(Familiarity::New { known_by, fingerprint_in_dns: None }),
        FilesVerdict::Changed { file, line, expected } => {
            Err(Error::HostKeyChanged(Box::new(ChangedHostKey {
                name: name.to_string(),
                file,
                line,
                expected,
                shown: key.clone(),
            })))
        }
        FilesVerdict::Revoked { file, line } => {
            Err(Error::HostKeyRevoked { name: name.to_string(), file, line, shown: key.clone() })
        }
    }
}

/// The host is known, and not by this key.
fn changed(known_by: Vec<KnownKey>, name: &HostName, key: &PublicKey) -> Error {
    let (file, line) = known_by.first().map_or((None, 0), |known| place(&known.at));
    let expected = known_by.into_iter().map(|known| known.key).collect();
    let (name, shown) = (name.to_string(), key.clone());
    Error::HostKeyChanged(Box::new(ChangedHostKey { name, file, line, expected, shown }))
}

fn unknown(name: &HostName, key: &PublicKey) -> Error {
    Error::HostKeyUnknown { name: name.to_string(), shown: key.clone() }
}

/// Files may lie on a slow disk.
async fn look<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    off_thread(work)
        .await
        .unwrap_or_else(|error| Err(Error::Local { what: "cannot look into known_hosts", error }))
}

#[cfg(test)]
mod tests;
