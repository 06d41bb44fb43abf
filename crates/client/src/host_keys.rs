//! Whom to believe: what is done about the host key that a server shows.

use crate::boxed_future::BoxedFuture;
use crate::error::{ChangedHostKey, Error};
use crate::known_hosts_files::{FilesVerdict, HostName, KnownHostsFiles};
use crate::off_thread::off_thread;
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
    /// Servers of which nothing is known are believed and added to the files, and so is a key of a type by which
    /// the host was not known until now (as OpenSSH does for `accept-new`).
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
                Familiarity::New(_) => Err(unknown(name, key)),
            },
            Self::AcceptNew(files) => match lookup(files, name, key).await? {
                Familiarity::Known => Ok(()),
                Familiarity::New(_) => {
                    tracing::info!(host = %name, fingerprint = %key.fingerprint(), "a new host key is accepted");
                    add(files, name, key).await
                }
            },
            Self::Ask(files, prompter) => match lookup(files, name, key).await? {
                Familiarity::Known => Ok(()),
                Familiarity::New(known_by) => {
                    let question = UnknownHostKey { name: name.clone(), key: key.clone(), known_by };
                    match prompter.ask(&question).await {
                        HostKeyAnswer::Accept => add(files, name, key).await,
                        HostKeyAnswer::AcceptOnce => Ok(()),
                        HostKeyAnswer::Refuse => Err(unknown(name, key)),
                    }
                }
            },
        }
    }
}

/// What is left of a verdict after the refusals that no policy may overrule.
enum Familiarity {
    Known,
    /// With the keys of other types by which the host is known.
    New(Vec<PublicKey>),
}

async fn lookup(files: &KnownHostsFiles, name: &HostName, key: &PublicKey) -> Result<Familiarity, Error> {
    let (files, of, shown) = (files.clone(), name.clone(), key.clone());
    let verdict = look(move || files.lookup(&of, &shown)).await?;
    judge(verdict, name, key)
}

async fn add(files: &KnownHostsFiles, name: &HostName, key: &PublicKey) -> Result<(), Error> {
    let (files, of, shown) = (files.clone(), name.clone(), key.clone());
    let verdict = look(move || files.add(&of, &shown)).await?;
    judge(verdict, name, key).map(|_| ())
}

fn judge(verdict: FilesVerdict, name: &HostName, key: &PublicKey) -> Result<Familiarity, Error> {
    match verdict {
        FilesVerdict::Known => Ok(Familiarity::Known),
        FilesVerdict::Unknown => Ok(Familiarity::New(Vec::new())),
        FilesVerdict::NewKeyType(known_by) => Ok(Familiarity::New(known_by)),
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
