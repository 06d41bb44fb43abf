//! Copies to here, over SFTP.

use crate::exit::Failure;
use crate::scp::outcome::complete;
use konko::client::printable;
use konko::client::sftp::{GlobOptions, RemotePath, Sftp, TransferOptions};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

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

/// What the copies of one source to here have in common.
#[derive(Clone)]
pub(super) struct Download {
    pub(super) sftp: Sftp,
    pub(super) target: PathBuf,
    pub(super) recursive: bool,
    pub(super) options: TransferOptions,
}

impl Download {
    /// Copies one file or directory, into the target if it is a directory.
    pub(super) async fn run(self, source: RemotePath) -> Result<(), Failure> {
        let Self { sftp, target, recursive, options } = self;
        let failed = |error: konko::client::sftp::Error| Failure::Other(error.to_string());
        let is_directory = sftp.metadata(source.clone()).await.map_err(failed)?.is_dir();
        if is_directory && !recursive {
            return Err(Failure::Other(format!("{source}: it is a directory; -r copies it")));
        }
        let target = match source.file_name() {
            Some(name) if target.is_dir() => {
                let target = target.join(OsStr::from_bytes(name));
                // The server may have chosen the name; where a link leads was never asked for.
                if target.is_symlink() {
                    let shown = printable(&target.to_string_lossy(), false);
                    return Err(Failure::Other(format!("{shown} is a symbolic link, which is not followed")));
                }
                target
            }
            Some(_) => target,
            // What the directory holds is meant; it has no name that could lead elsewhere.
            None if source.as_bytes() == b"." => target,
            None => {
                return Err(Failure::Other(format!("{source} does not say what it is to be called here")));
            }
        };
        if !is_directory {
            sftp.get(source, target, &options).await.map_err(failed)?;
            return Ok(());
        }
        let done = sftp.get_tree(source.clone(), target, &options).await.map_err(failed)?;
        complete(&source, &done)
    }
}
