//! known_hosts files on disk: read whole, appended to and replaced under a lock.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A larger file is not read, in bytes.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;

/// Reads a whole file.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    File::open(path).and_then(|file| read_to_end(&file))
}

/// Appends what `addition` makes of the contents, in one write and under a lock; the file and its directory are
/// created where they do not exist, for the user alone. Returns what else `addition` says.
pub(crate) fn append<T>(path: &Path, addition: impl FnOnce(&[u8]) -> (Option<Vec<u8>>, T)) -> io::Result<T> {
    let (mut file, existing) = open_locked(path)?;
    let (bytes, said) = addition(&existing);
    if let Some(bytes) = bytes {
        // One write in append mode, so that a program that takes no lock cannot come in between either.
        file.write_all(&bytes)?;
    }
    Ok(said)
}

/// Replaces the contents by what `change` makes of them, under the same lock; at every moment the file has either
/// the old contents or the new ones. Returns whether anything was changed.
pub(crate) fn replace<E>(
    path: &Path,
    change: impl FnOnce(&[u8]) -> Result<Option<Vec<u8>>, E>,
) -> io::Result<Result<bool, E>> {
    // Through a symbolic link, the file is replaced and not the link.
    let path = fs::canonicalize(path)?;
    let (file, existing) = open_locked(&path)?;
    let bytes = match change(&existing) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(Ok(false)),
        Err(error) => return Ok(Err(error)),
    };
    let temporary = temporary_name(&path)?;
    let written = write_new(&temporary, &bytes)
        .and_then(|()| fs::set_permissions(&temporary, file.metadata()?.permissions()))
        .and_then(|()| fs::rename(&temporary, &path));
    if let Err(error) = written {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    Ok(Ok(true))
}

/// Opens a file and locks it until it is closed; another process that changes it waits in here.
fn open_locked(path: &Path) -> io::Result<(File, Vec<u8>)> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        create_directory(directory)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    loop {
        let file = options.open(path)?;
        file.lock()?;
        // While this one was waiting, another may have put a new file in the place of this one.
        if is_still(&file, path)? {
            let existing = read_to_end(&file)?;
            return Ok((file, existing));
        }
    }
}

#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    match fs::metadata(path) {
        Ok(now) => {
            let locked = file.metadata()?;
            Ok((locked.dev(), locked.ino()) == (now.dev(), now.ino()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_still(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

/// A name beside the file that nobody has; the lock is held, so no other writer of this kind looks for one now.
fn temporary_name(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut temporary = name.to_owned();
    temporary.push(format!(".{}.new", std::process::id()));
    Ok(path.with_file_name(temporary))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What a process that died left behind.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn create_directory(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Reads all of it, up to 64 MiB.
pub(crate) fn read_to_end(mut source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Read::by_ref(&mut source).take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 64 MiB"));
    }
    Ok(bytes)
}
