//! Directories with what is above or below them.

use crate::sftp::client::Sftp;
use crate::sftp::error::Error;
use crate::sftp::remote_path::RemotePath;
use konko_sftp::message::request::{Remove, Rmdir};
use konko_sftp::metadata::FileType;
use std::io;

/// How deep directories are followed at most.
pub(crate) const MAXIMUM_DEPTH: usize = 64;
/// How many removals are under way at once.
const REMOVALS: usize = 64;

impl Sftp {
    /// Creates a directory and those above it that are missing. That it is there already is no error.
    ///
    /// # Errors
    ///
    /// What the server refused; [`Error::WrongType`] where something else stands in the way.
    pub async fn create_dir_all(&self, path: impl Into<RemotePath>) -> Result<(), Error> {
        let path = path.into();
        // From below: usually only the last one is missing.
        let mut missing = Vec::new();
        let mut at = Some(path);
        while let Some(directory) = at {
            let error = match self.create_dir(&directory).await {
                Ok(()) => break,
                Err(error) => error,
            };
            match self.metadata(&directory).await {
                Ok(metadata) if metadata.is_dir() => break,
                Ok(_) => return Err(Error::WrongType { path: directory, expected: "a directory" }),
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => {
                    at = directory.parent();
                    if at.is_none() || missing.len() == MAXIMUM_DEPTH * 4 {
                        return Err(error);
                    }
                    missing.push(directory);
                }
                Err(_) => return Err(error),
            }
        }
        for directory in missing.into_iter().rev() {
            if let Err(error) = self.create_dir(&directory).await {
                // Somebody else may have been quicker.
                match self.metadata(&directory).await {
                    Ok(metadata) if metadata.is_dir() => {}
                    _ => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Removes a directory with all that is below it. Symbolic links are removed, not followed.
    ///
    /// # Errors
    ///
    /// What the server refused first; some of it is removed then. [`Error::WrongType`] if it is no directory.
    pub async fn remove_dir_all(&self, path: impl Into<RemotePath>) -> Result<(), Error> {
        let path = path.into();
        if !self.symlink_metadata(&path).await?.is_dir() {
            return Err(Error::WrongType { path, expected: "a directory" });
        }
        // Every directory is emptied of files when it is found, and removed after those below it.
        let mut found = vec![(path, 0)];
        let mut directories = Vec::new();
        while let Some((directory, depth)) = found.pop() {
            if depth > MAXIMUM_DEPTH {
                return Err(Error::TooDeep { path: directory, limit: MAXIMUM_DEPTH });
            }
            let mut listing = self.read_dir(&directory).await?;
            let mut files = Vec::new();
            while let Some(entry) = listing.next_entry().await? {
                let file_type = match entry.file_type() {
                    FileType::Unknown => self.symlink_metadata(entry.path()).await?.file_type,
                    known => known,
                };
                if file_type == FileType::Directory {
                    found.push((entry.path(), depth + 1));
                } else {
                    files.push(entry.path());
                }
                if files.len() == REMOVALS {
                    self.remove_all(&files).await?;
                    files.clear();
                }
            }
            self.remove_all(&files).await?;
            directories.push(directory);
        }
        for directory in directories.iter().rev() {
            self.call(directory, Rmdir { path: directory.wire() }).await?;
        }
        Ok(())
    }

    /// Removes files, all at once.
    async fn remove_all(&self, files: &[RemotePath]) -> Result<(), Error> {
        let lane = self.session.lane();
        let tickets = self.session.with(|client, now| {
            let removals = files.iter().map(|file| {
                let ticket = client.request(now, lane.lane(), &Remove { filename: file.wire() });
                ticket.map(|ticket| (file, ticket))
            });
            removals.collect::<Result<Vec<_>, _>>()
        })?;
        for (file, ticket) in tickets {
            let removed = self.session.wait(lane.lane(), |client, _| client.reply(&ticket)).await;
            removed.map_err(|error| Error::Sftp(error.at(file.as_bytes())))?;
        }
        Ok(())
    }
}
