//! Private key files on disk: read only if nobody else can read them, written so that nobody else ever could.

use crate::error::KeyFileError;
use crate::key_file::private_key_file::LARGEST_FILE;
use crate::private_key::PrivateKey;
use konko_crypto::random::SecureRandom;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Why a key file on disk was not read or written. The text names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The operating system refused.
    #[error("{}: {error}", .path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// A directory, a device or a pipe.
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// Others can read the private key. Whoever does not mind reads with [`Permissions::Ignore`].
    #[error("{} can be read by others than its owner (mode {mode:04o}); run: chmod 600 '{}'", .path.display(), .path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It exists already.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// What is in it.
    #[error("{}: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: KeyFileError,
    },
}

/// Whether the permissions of a private key file matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Permissions {
    /// A file that its group or everybody can read is refused, as ssh does (on Unix).
    #[default]
    Check,
    /// They are not looked at.
    Ignore,
}

/// Whether a file that exists is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// It is left as it is.
    #[default]
    Keep,
    /// It is replaced, in one step.
    Replace,
}

fn system(path: &Path) -> impl Fn(io::Error) -> StorageError {
    move |error| StorageError::System { path: path.to_owned(), error }
}

#[cfg(unix)]
fn mode_of(metadata: &std::fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o7777
}

#[cfg(not(unix))]
fn mode_of(_: &std::fs::Metadata) -> u32 {
    0
}

/// Reads a private key file as it is, of 1 MiB at most.
///
/// # Errors
///
/// [`StorageError`].
pub fn read_private_file(path: &Path, permissions: Permissions) -> Result<Zeroizing<Vec<u8>>, StorageError> {
    // Opening a pipe would wait for somebody to write into it.
    if !std::fs::metadata(path).map_err(system(path))?.is_file() {
        return Err(StorageError::NotAFile(path.to_owned()));
    }
    let file = File::open(path).map_err(system(path))?;
    let metadata = file.metadata().map_err(system(path))?;
    if !metadata.is_file() {
        return Err(StorageError::NotAFile(path.to_owned()));
    }
    let mode = mode_of(&metadata);
    if permissions == Permissions::Check && mode & 0o077 != 0 {
        return Err(StorageError::TooOpen { path: path.to_owned(), mode });
    }
    let too_large = || StorageError::File { path: path.to_owned(), error: KeyFileError::TooLarge };
    if metadata.len() > LARGEST_FILE as u64 {
        return Err(too_large());
    }
    // Room for one byte more, so that a file that grows meanwhile is noticed and the secret is not moved about.
    let mut text = Zeroizing::new(Vec::with_capacity(LARGEST_FILE.min(metadata.len() as usize + 1024) + 1));
    let most = text.capacity() as u64;
    file.take(most).read_to_end(&mut text).map_err(system(path))?;
    if text.len() as u64 == most {
        return Err(too_large());
    }
    Ok(text)
}

/// Writes a private key file with mode 0600. The text is never visible to others, nor half written: it is written
/// beside the file, and the file appears, or is replaced, in one step.
///
/// # Errors
///
/// [`StorageError::Exists`] and [`StorageError::System`].
pub fn write_private_file(
    path: &Path,
    text: &[u8],
    existing: Existing,
    random: &mut dyn SecureRandom,
) -> Result<(), StorageError> {
    write_file(path, text, 0o600, existing, random)
}

/// Writes a public key file with mode 0644, less what the process masks, in the same way.
///
/// # Errors
///
/// [`StorageError::Exists`] and [`StorageError::System`].
pub fn write_public_file(
    path: &Path,
    text: &[u8],
    existing: Existing,
    random: &mut dyn SecureRandom,
) -> Result<(), StorageError> {
    write_file(path, text, 0o644, existing, random)
}

fn write_file(
    path: &Path,
    text: &[u8],
    mode: u32,
    existing: Existing,
    random: &mut dyn SecureRandom,
) -> Result<(), StorageError> {
    if existing == Existing::Keep && std::fs::symlink_metadata(path).is_ok() {
        return Err(StorageError::Exists(path.to_owned()));
    }
    let mut token = [0; 8];
    random.fill(&mut token);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}", u64::from_be_bytes(token)));
    let beside = path.with_file_name(name);
    let written = write_new(&beside, text, mode).and_then(|()| match existing {
        Existing::Replace => std::fs::rename(&beside, path),
        // A link does not replace anything, unlike a renaming.
        Existing::Keep => std::fs::hard_link(&beside, path).and_then(|()| std::fs::remove_file(&beside)),
    });
    written.map_err(|error| {
        // What cannot be removed was not written.
        let _ = std::fs::remove_file(&beside);
        match error.kind() {
            io::ErrorKind::AlreadyExists => StorageError::Exists(path.to_owned()),
            _ => StorageError::System { path: path.to_owned(), error },
        }
    })
}

fn write_new(path: &Path, text: &[u8], mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(mode);
    }
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

impl PrivateKey {
    /// Reads a private key file of any format from disk.
    ///
    /// # Errors
    ///
    /// [`StorageError`]; what [`from_openssh`](Self::from_openssh) says stands in [`StorageError::File`].
    pub fn load(
        path: &Path,
        passphrase: Option<&[u8]>,
        permissions: Permissions,
    ) -> Result<Self, StorageError> {
        let text = read_private_file(path, permissions)?;
        Self::from_openssh(&text, passphrase)
            .map_err(|error| StorageError::File { path: path.to_owned(), error })
    }
}

#[cfg(test)]
mod tests;
