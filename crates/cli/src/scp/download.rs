//! Copies to here, over SFTP.

use crate::exit::Failure;
use crate::scp::outcome::complete;
use konko::client::sftp::{GlobOptions, RemotePath, Sftp, TransferOptions};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The remote files that a path names, which may be a pattern.
pub(super) async fn sources(sftp: &Sftp, path: &RemotePath) -> Result<Vec<RemotePath>, Failure> {
    // A file may be called like a pattern.
    if sftp.symlink_metadata(path.clone()).await.is_ok() {
        return Ok(vec![path.clone()]);
    }
    let found = sftp.glob(path.clone(), &GlobOptions::default()).await;
    let found = found.map_err(|error| Failure::Other(error.to_string()))?;
    if found.is_empty() {
        return Err(Failure::Other(format!("{path}: no such file or directory")));
    }
    Ok(found)
}

/// Copies one file or directory to a target, into it if it is a directory.
pub(super) async fn download(
    sftp: &Sftp,
    source: &RemotePath,
    target: &Path,
    recursive: bool,
    options: &TransferOptions,
) -> Result<(), Failure> {
    let failed = |error: konko::client::sftp::Error| Failure::Other(error.to_string());
    let is_directory = sftp.metadata(source.clone()).await.map_err(failed)?.is_dir();
    if is_directory && !recursive {
        return Err(Failure::Other(format!("{source}: it is a directory; -r copies it")));
    }
    let target = match source.file_name() {
        Some(name) if target.is_dir() => target.join(OsStr::from_bytes(name)),
        Some(_) => target.to_owned(),
        // What the directory holds is meant; it has no name that could lead elsewhere.
        None if source.as_bytes() == b"." => target.to_owned(),
        None => {
            return Err(Failure::Other(format!("{source} does not say what it is to be called here")));
        }
    };
    if is_directory {
        let done = sftp.get_tree(source.clone(), target, options).await.map_err(failed)?;
        complete(source, &done)
    } else {
        sftp.get(source.clone(), target, options).await.map_err(failed)?;
        Ok(())
    }
}
