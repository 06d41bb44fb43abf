//! Reading key files, as late as possible: the public half first, the private half when it has to sign.

use crate::credential::{KeyFile, Passphrase};
use crate::off_thread::off_thread;
use konko_transport::keys::certificate::Certificate;
use konko_transport::keys::error::{CertificateError, KeyFileError};
use konko_transport::keys::key_file::{Permissions, StorageError, read_private_file};
use konko_transport::keys::private_key::PrivateKey;
use konko_transport::keys::public_key::PublicKey;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A larger file is not read, in bytes.
const LARGEST_FILE: u64 = 1024 * 1024;
/// How often the user is asked for the passphrase of one file.
const PASSPHRASE_PROMPTS: u32 = 3;

/// Why a key file cannot be used. The text names the file and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeySourceError {
    /// It does not exist.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("cannot read {}: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// Others can read it.
    #[error("{} can be read by others than its owner (mode {mode:04o}); run: chmod 600 '{}'", .path.display(), .path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is no key, is damaged, or is encrypted and no passphrase fits.
    #[error("{}: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: KeyFileError,
    },
    /// Nobody gave the passphrase.
    #[error("{}: nobody gave its passphrase", .0.display())]
    NoPassphrase(PathBuf),
    /// A certificate cannot be used.
    #[error("{}: {error}", .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: CertificateError,
    },
    /// There is no private half that could sign; an authenticator's signs through an agent.
    #[error("{0}: its private half is not in a file that can sign; add it to an agent")]
    NoPrivateHalf(String),
    /// The key of this host can be read by the system only.
    #[error("{} can be read by the system only; ssh-keysign, which could sign with it, is not called", .0.display())]
    HostKeyUnreadable(PathBuf),
    /// The public key beside it belongs to another private key.
    #[error("{} does not belong to the public key in the file beside it, whose name ends in .pub", .0.display())]
    PublicHalfMismatch(PathBuf),
}

/// A key that a file speaks of.
#[derive(Debug, Clone)]
pub(crate) enum KeySource {
    /// Both halves are there.
    Ready(Arc<PrivateKey>),
    /// The private half is still in its file.
    Locked { file: KeyFile, public: PublicKey },
    /// Both halves are still in the file, which does not tell the public one without its passphrase.
    Sealed(KeyFile),
    /// The private half is not in a file, or in one of an authenticator, with which agents can sign.
    PublicOnly(PublicKey),
}

/// What a key file and the files beside it hold.
#[derive(Debug)]
pub(crate) struct OpenedKeyFile {
    /// The key.
    pub(crate) source: KeySource,
    /// The certificate in the file beside it, or why that one cannot be used.
    pub(crate) certificate: Option<Result<Certificate, KeySourceError>>,
}

impl KeySource {
    /// Finds out the public half, if it can be had without a passphrase. The user is asked nothing.
    pub(crate) async fn open(file: &KeyFile) -> Result<OpenedKeyFile, KeySourceError> {
        let path = file.path.clone();
        let ignore_permissions = file.ignore_permissions;
        let (content, public, certificate) = work_on(&file.path, move || {
            let public = read_public(&with_suffix(&path, ".pub"));
            let certificate = read_certificate(&with_suffix(&path, "-cert.pub"));
            let content = match read_key_file(&path, ignore_permissions) {
                Ok(content) => Ok(content),
                Err(KeySourceError::Missing(path)) => {
                    public.clone().map(Content::Public).ok_or(KeySourceError::Missing(path))
                }
                Err(error) => Err(error),
            };
            Ok((content, public, certificate))
        })
        .await?;
        let source = match content? {
            Content::Public(public) => Self::PublicOnly(public),
            Content::Private(text) => Self::of_private(file, text, public).await?,
        };
        let certificate = certificate.filter(|read| match (read, source.public_key()) {
            // OpenSSH, too, lets a certificate for another key lie beside this one.
            (Ok(certificate), Some(public)) => certificate.public_key() == public,
            (Ok(_), None) | (Err(_), _) => true,
        });
        Ok(OpenedKeyFile { source, certificate })
    }

    async fn of_private(
        file: &KeyFile,
        text: Zeroizing<Vec<u8>>,
        public: Option<PublicKey>,
    ) -> Result<Self, KeySourceError> {
        let public = public.or_else(|| PrivateKey::public_half_of(&text).ok());
        match (decrypt(&file.path, text, None).await, public) {
            (Ok(key), _) if key.public_key().application().is_some() => {
                Ok(Self::PublicOnly(key.public_key().clone()))
            }
            (Ok(key), _) => Ok(Self::Ready(key)),
            (Err(KeySourceError::File { error: KeyFileError::Encrypted, .. }), Some(public)) => {
                if public.application().is_some() {
                    return Ok(Self::PublicOnly(public));
                }
                Ok(Self::Locked { file: file.clone(), public })
            }
            (Err(KeySourceError::File { error: KeyFileError::Encrypted, .. }), None) => {
                Ok(Self::Sealed(file.clone()))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The public half, if it is known.
    pub(crate) fn public_key(&self) -> Option<&PublicKey> {
        match self {
            Self::Ready(key) => Some(key.public_key()),
            Self::Locked { public, .. } | Self::PublicOnly(public) => Some(public),
            Self::Sealed(_) => None,
        }
    }

    /// The private half; the user may be asked for its passphrase.
    pub(crate) async fn unlock(&mut self) -> Result<Arc<PrivateKey>, KeySourceError> {
        let (key, path) = match self {
            Self::Ready(key) => return Ok(Arc::clone(key)),
            Self::PublicOnly(public) => {
                return Err(KeySourceError::NoPrivateHalf(public.fingerprint().to_string()));
            }
            Self::Locked { file, public } => {
                let key = unlock(file).await?;
                if key.public_key() != public {
                    return Err(KeySourceError::PublicHalfMismatch(file.path.clone()));
                }
                (key, &file.path)
            }
            Self::Sealed(file) => (unlock(file).await?, &file.path),
        };
        if key.public_key().application().is_some() {
            return Err(KeySourceError::NoPrivateHalf(path.display().to_string()));
        }
        *self = Self::Ready(Arc::clone(&key));
        Ok(key)
    }
}

/// The key of this host, which is not encrypted.
pub(crate) async fn open_host_key(path: &Path) -> Result<Arc<PrivateKey>, KeySourceError> {
    let owned = path.to_owned();
    let text = work_on(path, move || match read_private(&owned, false) {
        Err(KeySourceError::Unreadable { error, .. }) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(KeySourceError::HostKeyUnreadable(owned))
        }
        result => result,
    })
    .await?;
    decrypt(path, text, None).await
}

/// The certificate in a file.
pub(crate) async fn open_certificate(path: &Path) -> Result<Certificate, KeySourceError> {
    let owned = path.to_owned();
    work_on(path, move || read_certificate(&owned).unwrap_or(Err(KeySourceError::Missing(owned)))).await
}

async fn unlock(file: &KeyFile) -> Result<Arc<PrivateKey>, KeySourceError> {
    let (path, ignore_permissions) = (file.path.clone(), file.ignore_permissions);
    let text = work_on(&file.path, move || read_private(&path, ignore_permissions)).await?;
    match &file.passphrase {
        Passphrase::None => decrypt(&file.path, text, None).await,
        Passphrase::Fixed(passphrase) => decrypt(&file.path, text, Some(passphrase.to_zeroizing())).await,
        Passphrase::Ask(prompter) => {
            let mut attempt = 1;
            loop {
                let Some(passphrase) = prompter.passphrase(&file.path, attempt).await else {
                    return Err(KeySourceError::NoPassphrase(file.path.clone()));
                };
                match decrypt(&file.path, text.clone(), Some(passphrase.to_zeroizing())).await {
                    Err(KeySourceError::File { error: KeyFileError::WrongPassphrase, .. })
                        if attempt < PASSPHRASE_PROMPTS =>
                    {
                        attempt += 1;
                    }
                    result => return result,
                }
            }
        }
    }
}

/// Key derivation is meant to take long: it must not hold up other connections.
async fn decrypt(
    path: &Path,
    text: Zeroizing<Vec<u8>>,
    passphrase: Option<Zeroizing<String>>,
) -> Result<Arc<PrivateKey>, KeySourceError> {
    let owned = path.to_owned();
    work_on(path, move || {
        let passphrase = passphrase.as_ref().map(|passphrase| passphrase.as_bytes());
        match PrivateKey::from_openssh(&text, passphrase) {
            Ok(key) => Ok(Arc::new(key)),
            Err(error) => Err(KeySourceError::File { path: owned, error }),
        }
    })
    .await
}

fn read_private(path: &Path, ignore_permissions: bool) -> Result<Zeroizing<Vec<u8>>, KeySourceError> {
    let permissions = if ignore_permissions { Permissions::Ignore } else { Permissions::Check };
    read_private_file(path, permissions).map_err(|error| match error {
        StorageError::System { path, error } if error.kind() == io::ErrorKind::NotFound => {
            KeySourceError::Missing(path)
        }
        StorageError::System { path, error } => KeySourceError::Unreadable { path, error },
        StorageError::TooOpen { path, mode } => KeySourceError::Permissions { path, mode },
        StorageError::File { path, error } => KeySourceError::File { path, error },
        error => KeySourceError::Unreadable { path: path.to_owned(), error: io::Error::other(error) },
    })
}

/// What stands in a key file.
enum Content {
    Private(Zeroizing<Vec<u8>>),
    Public(PublicKey),
}

/// A public key may be read by everybody.
fn read_key_file(path: &Path, ignore_permissions: bool) -> Result<Content, KeySourceError> {
    match read_private(path, ignore_permissions) {
        Ok(text) => Ok(public_line(&text).map_or(Content::Private(text), Content::Public)),
        Err(error @ KeySourceError::Permissions { .. }) => {
            read_public(path).map(Content::Public).ok_or(error)
        }
        Err(error) => Err(error),
    }
}

/// The public key in a file. If it cannot be read there just is none.
fn read_public(path: &Path) -> Option<PublicKey> {
    public_line(&read_text(path).ok()?)
}

fn public_line(text: &[u8]) -> Option<PublicKey> {
    PublicKey::from_openssh(first_line(text)?).ok().map(|(key, _)| key)
}

/// The first line that says something.
fn first_line(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text)
        .ok()?
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))
}

fn read_text(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(LARGEST_FILE).read_to_end(&mut text)?;
    Ok(text)
}

/// The certificate in a file; `None` if there is no such file.
fn read_certificate(path: &Path) -> Option<Result<Certificate, KeySourceError>> {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return Some(Err(KeySourceError::Unreadable { path: path.to_owned(), error })),
    };
    let invalid = |error| KeySourceError::Certificate { path: path.to_owned(), error };
    let read = Certificate::from_openssh(first_line(&text).unwrap_or_default()).map_err(invalid);
    Some(read.map(|(certificate, _)| certificate))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

async fn work_on<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, KeySourceError> + Send + 'static,
) -> Result<T, KeySourceError> {
    let unreadable = |error| Err(KeySourceError::Unreadable { path: path.to_owned(), error });
    off_thread(work).await.unwrap_or_else(unreadable)
}

#[cfg(test)]
mod tests;
