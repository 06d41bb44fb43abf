//! Reading key files, as late as possible: the public half first, the private half when it has to sign.

use crate::credential::{KeyFile, Passphrase};
use crate::off_thread::off_thread;
use konko_transport::keys::error::KeyFileError;
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
    /// The public key beside it belongs to another private key.
    #[error("{} does not belong to the public key in the file beside it, whose name ends in .pub", .0.display())]
    PublicHalfMismatch(PathBuf),
}

/// A key whose public half is known.
#[derive(Debug, Clone)]
pub(crate) enum KeySource {
    /// Both halves are there.
    Ready(Arc<PrivateKey>),
    /// The private half is still in its file.
    Locked { file: KeyFile, public: PublicKey },
}

impl KeySource {
    /// Finds out the public half with as little effort as possible. The user is asked for a passphrase only if
    /// there is no other way.
    pub(crate) async fn open(file: &KeyFile) -> Result<Self, KeySourceError> {
        let path = file.path.clone();
        let ignore_permissions = file.ignore_permissions;
        let (text, public) = work_on(&file.path, move || {
            let text = read_private(&path, ignore_permissions)?;
            let public = read_public(&path).or_else(|| PrivateKey::public_half_of(&text).ok());
            Ok((text, public))
        })
        .await?;
        match (decrypt(&file.path, text, None).await, public) {
            (Ok(key), _) => Ok(Self::Ready(key)),
            (Err(KeySourceError::File { error: KeyFileError::Encrypted, .. }), Some(public)) => {
                Ok(Self::Locked { file: file.clone(), public })
            }
            (Err(KeySourceError::File { error: KeyFileError::Encrypted, .. }), None) => {
                unlock(file).await.map(Self::Ready)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The public half.
    pub(crate) fn public_key(&self) -> &PublicKey {
        match self {
            Self::Ready(key) => key.public_key(),
            Self::Locked { public, .. } => public,
        }
    }

    /// Whether the private half is there.
    pub(crate) const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready(_))
    }

    /// The private half; the user may be asked for its passphrase.
    pub(crate) async fn unlock(&mut self) -> Result<Arc<PrivateKey>, KeySourceError> {
        match self {
            Self::Ready(key) => Ok(Arc::clone(key)),
            Self::Locked { file, public } => {
                let key = unlock(file).await?;
                if key.public_key() != public {
                    return Err(KeySourceError::PublicHalfMismatch(file.path.clone()));
                }
                *self = Self::Ready(Arc::clone(&key));
                Ok(key)
            }
        }
    }
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
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => KeySourceError::Missing(path.to_owned()),
        _ => KeySourceError::Unreadable { path: path.to_owned(), error },
    };
    let file = File::open(path).map_err(unreadable)?;
    if !ignore_permissions {
        check_permissions(path, &file)?;
    }
    let len = file.metadata().map_err(unreadable)?.len().min(LARGEST_FILE);
    // Room for all of it from the start, so that no copy is left behind by growing.
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(len).unwrap_or_default() + 2));
    file.take(LARGEST_FILE + 1).read_to_end(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// Looks at the file that is open, so that it cannot be exchanged in between.
#[cfg(unix)]
fn check_permissions(path: &Path, file: &File) -> Result<(), KeySourceError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata =
        file.metadata().map_err(|error| KeySourceError::Unreadable { path: path.to_owned(), error })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if metadata.is_file() && mode & 0o077 != 0 {
        return Err(KeySourceError::Permissions { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_permissions(_path: &Path, _file: &File) -> Result<(), KeySourceError> {
    Ok(())
}

/// The public half beside a private key. If it cannot be read there just is none.
fn read_public(path: &Path) -> Option<PublicKey> {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    let mut text = String::new();
    File::open(PathBuf::from(name)).ok()?.take(LARGEST_FILE).read_to_string(&mut text).ok()?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    PublicKey::from_openssh(line).ok().map(|(key, _)| key)
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
