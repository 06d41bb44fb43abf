//! Downloading one file.

use crate::sftp::background::Background;
use crate::sftp::client::Sftp;
use crate::sftp::error::Error;
use crate::sftp::file::File;
use crate::sftp::meter::Meter;
use crate::sftp::open_options::OpenOptions;
use crate::sftp::read_dir::ReadDir;
use crate::sftp::receive::receive;
use crate::sftp::remote_path::RemotePath;
use crate::sftp::session::OpenHandle;
use crate::sftp::transfer_options::{DiskSync, TransferOptions, Transferred};
use crate::sftp::verify::same_beginning;
use konko_filesystem::local_tree::{
    AtName, Attributes, FileOptions, FileTimes, LocalDirectory, LocalTreeError, NewFile, Placement,
};
use konko_sftp::download::Until;
use konko_sftp::message::number::OpenFlags;
use konko_sftp::message::request::{Open, Opendir, Stat};
use konko_sftp::metadata::{FileType, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl Sftp {
    /// Downloads the file `remote` to the path `local`, which names the file and not its directory. Nothing is left
    /// there, and what was there stays, if that fails, unless the options say otherwise. Dropping the future cancels
    /// the transfer.
    ///
    /// Files of size 0 are read to their end all the same, since the files of `/proc` say so. A file that grows
    /// meanwhile is read to its new end; one that shrinks is an error.
    ///
    /// # Errors
    ///
    /// What the server refused, [`Error::WrongType`] for a directory, [`Error::Shrunk`], [`Error::TimedOut`];
    /// [`Error::LocalTree`] and [`Error::Local`] for what failed here.
    pub async fn get(
        &self,
        remote: impl Into<RemotePath>,
        local: impl AsRef<Path>,
        options: &TransferOptions,
    ) -> Result<Transferred, Error> {
        let (remote, local) = (remote.into(), local.as_ref().to_owned());
        let meter = Meter::new(options);
        let got = get_file(self, &remote, local, options, &meter);
        meter.watch(&self.session, &remote, options, got).await
    }

    /// Opens a file for reading and asks what it is at the same time.
    pub(crate) async fn open_and_examine(&self, path: &RemotePath) -> Result<(File, Metadata), Error> {
        let lane = self.session.lane();
        let (open, stat) = self.session.with(|client, now| {
            let attributes = konko_sftp::message::attributes::Attributes::default();
            let stat = client.request(now, lane.lane(), &Stat { path: path.wire() })?;
            let open = Open { filename: path.wire(), pflags: OpenFlags::READ, attributes };
            Ok::<_, konko_sftp::error::Error>((client.request(now, lane.lane(), &open)?, stat))
        })?;
        let metadata = self.session.wait(lane.lane(), |client, _| client.reply(&stat)).await;
        let metadata = metadata.map_err(|error| Error::Sftp(error.at(path.as_bytes())))?;
        let handle = self.session.wait(lane.lane(), |client, _| client.reply(&open)).await;
        if metadata.file_type == FileType::Directory {
            if let Ok(handle) = handle {
                drop(OpenHandle::new(&self.session, handle));
            }
            return Err(Error::WrongType { path: path.clone(), expected: "a file" });
        }
        let handle = handle.map_err(|error| Error::Sftp(error.at(path.as_bytes())))?;
        let handle = OpenHandle::new(&self.session, handle);
        let append = OpenOptions::new().is_append();
        Ok((File::new(Arc::clone(&self.session), handle, path.clone(), append), metadata))
    }

    /// Opens a directory for listing and asks what it is at the same time.
    pub(crate) async fn list_and_examine(&self, path: &RemotePath) -> Result<(ReadDir, Metadata), Error> {
        let lane = self.session.lane();
        let (open, stat) = self.session.with(|client, now| {
            let stat = client.request(now, lane.lane(), &Stat { path: path.wire() })?;
            Ok::<_, konko_sftp::error::Error>((
                client.request(now, lane.lane(), &Opendir { path: path.wire() })?,
                stat,
            ))
        })?;
        let metadata = self.session.wait(lane.lane(), |client, _| client.reply(&stat)).await;
        let metadata = metadata.map_err(|error| Error::Sftp(error.at(path.as_bytes())))?;
        if !metadata.is_dir() {
            return Err(Error::WrongType { path: path.clone(), expected: "a directory" });
        }
        let handle = self.session.wait(lane.lane(), |client, _| client.reply(&open)).await;
        let handle = handle.map_err(|error| Error::Sftp(error.at(path.as_bytes())))?;
        Ok((ReadDir::new(&self.session, handle, path.clone()), metadata))
    }
}

/// How a local file is written.
pub(crate) fn file_options(options: &TransferOptions, metadata: &Metadata, single: bool) -> FileOptions {
    FileOptions {
        mode: metadata.permissions.unwrap_or(0o666) & 0o777,
        placement: if options.atomic { Placement::Atomic } else { Placement::InPlace },
        resume: options.resume,
        keep_partial: options.keep_partial,
        sync: match options.sync {
            DiskSync::SingleFiles => single,
            DiskSync::Always => true,
            DiskSync::Never => false,
        },
        at_name: if single { AtName::Follow } else { AtName::Refuse },
    }
}

/// What a finished local file or directory is given.
pub(crate) fn attributes(options: &TransferOptions, metadata: &Metadata) -> Attributes {
    let modified = metadata.modified.and_then(konko_sftp::metadata::Timestamp::system_time);
    let accessed = metadata.accessed.and_then(konko_sftp::metadata::Timestamp::system_time).or(modified);
    let times = modified.zip(accessed).map(|(modified, accessed)| FileTimes { accessed, modified });
    Attributes {
        mode: metadata.permissions.filter(|_| options.preserve_permissions),
        special_bits: options.special_bits,
        times: times.filter(|_| options.preserve_times),
    }
}

/// Begins the local file: the directory is the user's, and so is the name.
fn begin_local(local: &Path, options: &FileOptions) -> Result<NewFile, LocalTreeError> {
    let directory = match local.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = local.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
    LocalDirectory::open(directory)?.create_file(name, options)
}

async fn get_file(
    sftp: &Sftp,
    remote: &RemotePath,
    local: PathBuf,
    options: &TransferOptions,
    meter: &Meter,
) -> Result<Transferred, Error> {
    let (file, metadata) = sftp.open_and_examine(remote).await?;
    meter.step();
    let local_options = file_options(options, &metadata, true);
    let path = local.clone();
    let new = Background::start(move || begin_local(&path, &local_options)).await;
    let new = new.map_err(|error| Error::local(&local, error))??;
    let (new, transferred) = fill(&file, &metadata, new, options, meter).await?;
    let attributes = attributes(options, &metadata);
    let committed = Background::start(move || new.commit(&attributes)).await;
    committed.map_err(|error| Error::local(&local, error))??;
    Ok(transferred)
}

/// Brings all of `file` into `new`.
pub(crate) async fn fill(
    file: &File,
    metadata: &Metadata,
    new: NewFile,
    options: &TransferOptions,
    meter: &Meter,
) -> Result<(NewFile, Transferred), Error> {
    let (local, path) = (Arc::clone(new.file()), new.path());
    let mut start = new.resumed_len();
    if start > 0 {
        let fits = metadata.size.is_none_or(|size| start <= size);
        if !(fits && same_beginning(file, &local, &path, start).await?) {
            if !options.atomic {
                // It is the file itself, and no part that this program made.
                return Err(Error::NotResumable { path: RemotePath::from(path) });
            }
            let local = Arc::clone(&local);
            let cut = Background::start(move || local.set_len(0)).await;
            cut.and_then(|cut| cut).map_err(|error| Error::local(&path, error))?;
            start = 0;
        }
    }
    // Where a file says that it is empty, it may be one of those that are made when they are read.
    let size = metadata.size.filter(|_| metadata.is_file() || metadata.file_type == FileType::Unknown);
    let mut file_meter = meter.file(file.path(), size.filter(|size| *size > 0), start);
    let Some(handle) = file.handle().get() else {
        return Err(Error::WrongType { path: file.path().clone(), expected: "open" });
    };
    let range = (start, Until::End(size));
    let end = receive(file.session(), handle, range, (&local, &path), file.path(), &mut file_meter).await?;
    if let Some(expected) = size
        && end < expected
    {
        return Err(Error::Shrunk { path: file.path().clone(), expected, got: end });
    }
    let transferred = Transferred { files: 1, bytes: end - start, resumed: start, ..Transferred::default() };
    Ok((new, transferred))
}
