//! Copies from here, over SFTP.

use crate::exit::Failure;
use crate::scp::outcome::complete;
use konko::client::printable;
use konko::client::sftp::{RemotePath, Sftp, TransferOptions};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What the copies of one command line to one target have in common.
#[derive(Clone)]
pub(super) struct Upload {
    pub(super) sftp: Sftp,
    pub(super) target: RemotePath,
    /// Whether files go into the target, or are to be called so.
    pub(super) into_directory: bool,
    pub(super) recursive: bool,
    pub(super) options: TransferOptions,
}

impl Upload {
    /// Copies one file or directory.
    pub(super) async fn run(self, source: PathBuf) -> Result<(), Failure> {
        let shown = || printable(&source.to_string_lossy(), false);
        let metadata = std::fs::metadata(&source).map_err(|error| Failure::local(shown(), error))?;
        let target = match source.file_name() {
            Some(name) if self.into_directory => self.target.join(name.as_bytes()),
            // `.` and `..` say no name: what they hold is meant.
            _ => self.target.clone(),
        };
        let failed = |error: konko::client::sftp::Error| Failure::Other(error.to_string());
        if !metadata.is_dir() {
            self.sftp.put(&source, target, &self.options).await.map_err(failed)?;
            return Ok(());
        }
        if !self.recursive {
            return Err(Failure::Other(format!("{}: it is a directory; -r copies it", shown())));
        }
        complete(shown(), &self.sftp.put_tree(&source, target, &self.options).await.map_err(failed)?)
    }
}
