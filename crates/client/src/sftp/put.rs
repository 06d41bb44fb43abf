//! Uploading one file.

use crate::sftp::background::Background;
use crate::sftp::client::Sftp;
use crate::sftp::error::Error;
use crate::sftp::file::File as RemoteHandle;
use crate::sftp::meter::Meter;
use crate::sftp::remote_file::RemoteFile;
use crate::sftp::remote_path::RemotePath;
use crate::sftp::send::send;
use crate::sftp::transfer_options::{DiskSync, TransferOptions, Transferred};
use crate::sftp::verify::same_beginning;
use konko_filesystem::local_tree::{FileTimes, LocalKind, LocalMetadata};
use konko_sftp::metadata::{FileType, Metadata};
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

impl Sftp {
    /// Uploads the file at the path `local` to `remote`, which names the file and not its directory. What was there
    /// stays if that fails, unless the options say otherwise. Every WRITE is answered before the transfer counts as
    /// done. Dropping the future cancels the transfer.
    ///
    /// # Errors
    ///
    /// What the server refused: of the writes, the failure with the lowest offset; [`Error::WrongType`] for a
    /// directory, [`Error::TimedOut`]; [`Error::Local`] for what failed here.
    pub async fn put(
        &self,
        local: impl AsRef<Path>,
        remote: impl Into<RemotePath>,
        options: &TransferOptions,
    ) -> Result<Transferred, Error> {
        let (local, remote) = (local.as_ref().to_owned(), remote.into());
        let meter = Meter::new(options);
        let put = put_file(self, local, &remote, options, &meter);
        meter.watch(&self.session, &remote, options, put).await
    }

    /// What is at the place of an upload. Where it is a symbolic link the file that it leads to is the place.
    pub(crate) async fn upload_target(
        &self,
        path: &RemotePath,
    ) -> Result<(RemotePath, Option<Metadata>), Error> {
        let metadata = match self.symlink_metadata(path).await {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((path.clone(), None)),
            Err(error) => return Err(error),
        };
        match metadata.file_type {
            FileType::Directory => {
                Err(Error::WrongType { path: path.clone(), expected: "a file, but a directory" })
            }
            FileType::Symlink => match self.metadata(path).await {
                Ok(metadata) if metadata.is_dir() => {
                    Err(Error::WrongType { path: path.clone(), expected: "a file, but leads to a directory" })
                }
                Ok(metadata) => Ok((self.canonicalize(path).await?, Some(metadata))),
                // It leads nowhere: the server creates what it leads to, or does not.
                Err(_) => Ok((path.clone(), Some(metadata))),
            },
            _ => Ok((path.clone(), Some(metadata))),
        }
    }

    /// Begins the upload of a file of these permissions to `path`, and looks first at what `is_there`. Where an
    /// ordinary file or nothing is there, as nearly always, that costs no round trip of its own.
    pub(crate) async fn begin_upload(
        &self,
        path: &RemotePath,
        is_there: bool,
        mode: u32,
        options: &TransferOptions,
    ) -> Result<(RemoteFile, RemoteHandle), Error> {
        if !is_there {
            return RemoteFile::begin(self, path.clone(), None, mode, options).await;
        }
        // Without a temporary file the OPEN cuts what is there: nothing is cut before it is known that it may be.
        if options.resume || !options.atomic {
            let (target, replaced) = self.upload_target(path).await?;
            return RemoteFile::begin(self, target, replaced, mode, options).await;
        }
        let begin = RemoteFile::begin(self, path.clone(), None, mode, options);
        // The question goes first, and requests about one path are answered in their order.
        let (looked, begun) = tokio::join!(biased; self.upload_target(path), begin);
        let (target, replaced) = looked?;
        let is_ordinary = target == *path
            && replaced
                .as_ref()
                .is_none_or(|metadata| matches!(metadata.file_type, FileType::Regular | FileType::Unknown));
        if is_ordinary {
            let (mut remote, file) = begun?;
            remote.replaced = replaced;
            return Ok((remote, file));
        }
        // What was begun beside it is taken away again.
        drop(begun);
        RemoteFile::begin(self, target, replaced, mode, options).await
    }
}

/// Opens a local file and looks at it; a symbolic link that the user named is followed.
fn open_local(path: &Path) -> io::Result<(File, LocalMetadata)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let kind = if metadata.is_dir() {
        LocalKind::Directory
    } else if metadata.is_file() {
        LocalKind::File
    } else {
        LocalKind::Special
    };
    let times = FileTimes {
        accessed: metadata.accessed().unwrap_or(UNIX_EPOCH),
        modified: metadata.modified().unwrap_or(UNIX_EPOCH),
    };
    let metadata = LocalMetadata {
        kind,
        size: metadata.size(),
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        times,
        identity: (metadata.dev(), metadata.ino()),
    };
    Ok((file, metadata))
}

async fn put_file(
    sftp: &Sftp,
    local: PathBuf,
    remote: &RemotePath,
    options: &TransferOptions,
    meter: &Meter,
) -> Result<Transferred, Error> {
    let path = local.clone();
    let opened = Background::start(move || open_local(&path)).await.and_then(|opened| opened);
    let (file, metadata) = opened.map_err(|error| Error::local(&local, error))?;
    match metadata.kind {
        LocalKind::File => {}
        LocalKind::Directory => return Err(Error::local(local, io::ErrorKind::IsADirectory.into())),
        LocalKind::Symlink | LocalKind::Special => {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
            return Err(Error::local(local, error));
        }
    }
    let sync = options.sync != DiskSync::Never;
    let begun = sftp.begin_upload(remote, true, metadata.mode, options).await?;
    meter.step();
    let source = Source { file: Arc::new(file), path: &local, metadata: &metadata };
    upload(sftp, source, begun, options, sync, meter).await
}

/// What is uploaded.
pub(crate) struct Source<'a> {
    pub(crate) file: Arc<File>,
    pub(crate) path: &'a Path,
    pub(crate) metadata: &'a LocalMetadata,
}

/// Brings a local file to where an upload was begun.
pub(crate) async fn upload(
    sftp: &Sftp,
    source: Source<'_>,
    begun: (RemoteFile, RemoteHandle),
    options: &TransferOptions,
    sync: bool,
    meter: &Meter,
) -> Result<Transferred, Error> {
    let Source { file: local, path, metadata } = source;
    let (remote, file) = begun;
    let target = remote.target.clone();
    let mut start = remote.resumable;
    if start > 0 && !(start <= metadata.size && same_beginning(&file, &local, path, start).await?) {
        if !options.atomic {
            // It is the file itself, and no part that this program made.
            return Err(Error::NotResumable { path: target });
        }
        file.set_len(0).await?;
        start = 0;
    }
    let mut file_meter = meter.file(&target, Some(metadata.size), start);
    let Some(handle) = file.handle().get().cloned() else {
        return Err(Error::WrongType { path: target, expected: "open" });
    };
    let end = send(&sftp.session, &handle, start, (&local, path), &target, &mut file_meter).await?;
    remote.finish(file, metadata, options, sync, meter).await?;
    Ok(Transferred { files: 1, bytes: end - start, resumed: start, ..Transferred::default() })
}
