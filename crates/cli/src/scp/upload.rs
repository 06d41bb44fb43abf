//! Copies from here, over SFTP.

use crate::exit::Failure;
use crate::scp::outcome::complete;
use konko::client::printable;
use konko::client::sftp::{RemotePath, Sftp, TransferOptions};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Copies one file or directory to a target, into it if it is a directory.
pub(super) async fn upload(
    sftp: &Sftp,
    source: &Path,
    target: &RemotePath,
    into_directory: bool,
    recursive: bool,
    options: &TransferOptions,
) -> Result<(), Failure> {
    let shown = || printable(&source.to_string_lossy(), false);
    let metadata = std::fs::metadata(source).map_err(|error| Failure::local(shown(), error))?;
    let target = match source.file_name() {
        Some(name) if into_directory => target.join(name.as_bytes()),
        // `.` and `..` say no name: what they hold is meant.
        _ => target.clone(),
    };
    let failed = |error: konko::client::sftp::Error| Failure::Other(error.to_string());
    if metadata.is_dir() {
        if !recursive {
            return Err(Failure::Other(format!("{}: it is a directory; -r copies it", shown())));
        }
        let done = sftp.put_tree(source, target, options).await.map_err(failed)?;
        complete(shown(), &done)
    } else {
        sftp.put(source, target, options).await.map_err(failed)?;
        Ok(())
    }
}
