//! Walking a tree of the server.

use crate::sftp::client::Sftp;
use crate::sftp::directories::MAXIMUM_DEPTH;
use crate::sftp::error::Error;
use crate::sftp::read_dir::{DirEntry, ReadDir};
use crate::sftp::remote_path::RemotePath;
use konko_sftp::metadata::FileType;

/// What is walked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WalkOptions {
    /// How deep directories are followed; 64 by default. What is deeper is an error, since a server can make up
    /// directories without end.
    pub maximum_depth: usize,
    /// The most entries in all; 10,000,000 by default.
    pub maximum_entries: u64,
}

impl Default for WalkOptions {
    fn default() -> Self {
        Self { maximum_depth: MAXIMUM_DEPTH, maximum_entries: 10_000_000 }
    }
}

/// A walk through a tree: a directory comes before what it holds. Symbolic links are not followed, so that it ends.
#[derive(Debug)]
pub struct Walk {
    sftp: Sftp,
    options: WalkOptions,
    levels: Vec<ReadDir>,
    /// A directory that was handed out and is to be gone into next.
    next: Option<RemotePath>,
    entries: u64,
}

impl Walk {
    /// How deep the last entry is below the root, whose entries have depth 1.
    pub const fn depth(&self) -> usize {
        self.levels.len()
    }

    /// Does not go into the directory that was handed out last.
    pub fn skip_directory(&mut self) {
        self.next = None;
    }

    /// The next entry; `None` at the end.
    ///
    /// # Errors
    ///
    /// What the server refused; [`Error::TooDeep`] and [`Error::TooMany`]. The walk goes on after an error that
    /// concerns one directory.
    pub async fn next_entry(&mut self) -> Result<Option<DirEntry>, Error> {
        if let Some(path) = self.next.take() {
            if self.levels.len() > self.options.maximum_depth {
                return Err(Error::TooDeep { path, limit: self.options.maximum_depth });
            }
            self.levels.push(self.sftp.read_dir(&path).await?);
        }
        while let Some(level) = self.levels.last_mut() {
            let entry = match level.next_entry().await {
                Ok(Some(entry)) => entry,
                Ok(None) => {
                    self.levels.pop();
                    continue;
                }
                Err(error) => {
                    self.levels.pop();
                    return Err(error);
                }
            };
            self.entries += 1;
            if self.entries > self.options.maximum_entries {
                self.levels.clear();
                return Err(Error::TooMany { limit: self.options.maximum_entries });
            }
            if entry.file_type() == FileType::Directory {
                self.next = Some(entry.path());
            }
            return Ok(Some(entry));
        }
        Ok(None)
    }
}

impl Sftp {
    /// Walks the tree below `path`, which is a directory or a symbolic link to one and no entry itself.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn walk(&self, path: impl Into<RemotePath>, options: WalkOptions) -> Result<Walk, Error> {
        let levels = vec![self.read_dir(path).await?];
        Ok(Walk { sftp: self.clone(), options, levels, next: None, entries: 0 })
    }
}
