//! Listing a directory.

use crate::sftp::error::Error;
use crate::sftp::remote_path::RemotePath;
use crate::sftp::session::{LaneGuard, OpenHandle, Session};
use konko_sftp::answer::Handle;
use konko_sftp::metadata::{DirectoryEntry, FileType, Metadata};
use std::collections::VecDeque;
use std::sync::Arc;

/// One entry of a directory, where the server put it.
#[derive(Debug, Clone)]
pub struct DirEntry {
    entry: DirectoryEntry,
    directory: RemotePath,
}

impl DirEntry {
    /// The name. It has no `/`, and is not `.` or `..` unless those are asked for; otherwise the server chose it, and it may hold anything.
    pub fn file_name(&self) -> &[u8] {
        &self.entry.name
    }

    /// The directory's path and the name.
    pub fn path(&self) -> RemotePath {
        self.directory.join(&self.entry.name)
    }

    /// What is known of it; a symbolic link is not followed.
    pub const fn metadata(&self) -> &Metadata {
        &self.entry.metadata
    }

    /// What it is; [`FileType::Unknown`] where the server does not say.
    pub const fn file_type(&self) -> FileType {
        self.entry.metadata.file_type
    }

    /// As a line of `ls -l`, in whatever form the server likes; empty in versions 4–6.
    pub fn long_name(&self) -> &[u8] {
        &self.entry.long_name
    }
}

/// A directory that is listed. The listing runs ahead of who takes it.
#[derive(Debug)]
pub struct ReadDir {
    session: Arc<Session>,
    listing: konko_sftp::read_dir::ReadDir,
    lane: LaneGuard,
    _handle: OpenHandle,
    directory: RemotePath,
    entries: VecDeque<DirectoryEntry>,
    with_dots: bool,
}

impl ReadDir {
    pub(crate) fn new(session: &Arc<Session>, handle: Handle, directory: RemotePath) -> Self {
        let listing = session.with(|client, _| konko_sftp::read_dir::ReadDir::new(client, handle.clone()));
        Self {
            session: Arc::clone(session),
            lane: LaneGuard::of(session, listing.lane()),
            listing,
            _handle: OpenHandle::new(session, handle),
            directory,
            entries: VecDeque::new(),
            with_dots: false,
        }
    }

    /// With `.` and `..`, if the server lists them.
    #[must_use]
    pub fn with_dots(mut self) -> Self {
        self.with_dots = true;
        self
    }

    /// The directory that is listed.
    pub const fn path(&self) -> &RemotePath {
        &self.directory
    }

    /// The next entry; `None` at the end. `.` and `..` are left out unless they are [asked for](Self::with_dots).
    /// Cancel-safe.
    ///
    /// # Errors
    ///
    /// What the server refused; [`Error::BadName`] for an entry whose name is none: empty, or with a `/` or a NUL.
    pub async fn next_entry(&mut self) -> Result<Option<DirEntry>, Error> {
        loop {
            while let Some(entry) = self.entries.pop_front() {
                match entry.name.as_slice() {
                    b"." | b".." if !self.with_dots => {}
                    name if name.is_empty() || name.contains(&b'/') || name.contains(&0) => {
                        let name = RemotePath::from(entry.name);
                        return Err(Error::BadName { directory: self.directory.clone(), name });
                    }
                    _ => return Ok(Some(DirEntry { entry, directory: self.directory.clone() })),
                }
            }
            let listing = &mut self.listing;
            let batch = self.session.wait(self.lane.lane(), |client, now| {
                listing.pump(client, now);
                match listing.next(client) {
                    Some(batch) => {
                        listing.pump(client, now);
                        Some(batch.map(Some))
                    }
                    None if listing.is_finished() => Some(Ok(None)),
                    None => None,
                }
            });
            match batch.await.map_err(|error| Error::Sftp(error.at(self.directory.as_bytes())))? {
                Some(batch) => self.entries.extend(batch),
                None => return Ok(None),
            }
        }
    }
}
