//! How files are transferred.

use crate::sftp::error::Error;
use crate::sftp::remote_path::RemotePath;
use konko_filesystem::local_tree::NameRule;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long nothing may move unless said otherwise.
const DEFAULT_STALL: Duration = Duration::from_secs(120);
/// How many files are open at once at most unless said otherwise.
const DEFAULT_FILES: usize = 256;

/// How far a file has come.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The file, as the server calls it.
    pub path: &'a RemotePath,
    /// How many bytes are transferred, those that were there from before included.
    pub transferred: u64,
    /// Its size, as far as it is known.
    pub size: Option<u64>,
    /// Whether this file is done, or given up.
    pub is_finished: bool,
}

/// Whoever is told how far files have come. It is called from the task that transfers, and should not take long.
pub type ProgressCallback = Arc<dyn Fn(&Progress<'_>) + Send + Sync>;

/// Whoever is told what of a tree failed, before the rest goes on.
pub type ErrorCallback = Arc<dyn Fn(&RemotePath, &Error) + Send + Sync>;

/// When the receiving side waits until a file is on its disk, which takes a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiskSync {
    /// For files that are transferred by themselves, and not for those of trees.
    #[default]
    SingleFiles,
    /// For every file.
    Always,
    /// Never.
    Never,
}

/// What becomes of symbolic links in trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Symlinks {
    /// What they lead to is transferred. In downloads, links to directories are not followed.
    #[default]
    Follow,
    /// They are created as links. Downloads create only those that stay within the tree.
    Keep,
    /// They are left out.
    Skip,
}

/// How files are transferred.
#[derive(Clone)]
#[non_exhaustive]
pub struct TransferOptions {
    /// Whether a file is written under another name in the same directory and renamed when it is whole, so that at
    /// any moment either the old file is there or the new one. Yes by default. Otherwise it is written where it
    /// stands, and a failed transfer leaves a part of it.
    pub atomic: bool,
    /// When the receiving side waits for its disk.
    pub sync: DiskSync,
    /// Whether what an earlier transfer left is gone on with, after it was compared with the source: by a hash where
    /// the server makes one (`check-file`), otherwise by its beginning and its end. Not by default.
    pub resume: bool,
    /// Whether the part of a file whose transfer fails or is cancelled is kept to be resumed. Not by default.
    pub keep_partial: bool,
    /// Whether times are preserved; not by default.
    pub preserve_times: bool,
    /// Whether permissions are preserved; not by default. Uploaded files are created with the local file's
    /// permissions, from which the server takes its umask, in any case.
    pub preserve_permissions: bool,
    /// Whether preserved permissions may hold set-user-id, set-group-id and sticky bits; not by default.
    pub special_bits: bool,
    /// What becomes of symbolic links in trees.
    pub symlinks: Symlinks,
    /// Which names of the server may become local files; those of Unix by default.
    pub names: NameRule,
    /// How many files of a tree are open at once at most; 256 by default, and never more than half of the handles that
    /// the server has. Where an answer takes less than 10 ms, there are never more than 64.
    pub files_in_flight: usize,
    /// How deep directories are followed; 64 by default, and at most.
    pub maximum_depth: usize,
    /// The most files and directories of a tree; 10,000,000 by default.
    pub maximum_entries: u64,
    /// The most bytes a second; as many as can be by default.
    pub maximum_rate: Option<u64>,
    /// How long the transfer may take in all; for ever by default.
    pub total_timeout: Option<Duration>,
    /// How long nothing may move; two minutes by default, `None` for ever.
    pub stall_timeout: Option<Duration>,
    /// Who is told how far files have come.
    pub progress: Option<ProgressCallback>,
    /// Who is told what of a tree failed; the rest is then transferred all the same. By default the first failure ends
    /// the transfer.
    pub on_error: Option<ErrorCallback>,
}

impl Default for TransferOptions {
    fn default() -> Self {
        Self {
            atomic: true,
            sync: DiskSync::SingleFiles,
            resume: false,
            keep_partial: false,
            preserve_times: false,
            preserve_permissions: false,
            special_bits: false,
            symlinks: Symlinks::Follow,
            names: NameRule::Unix,
            files_in_flight: DEFAULT_FILES,
            maximum_depth: 64,
            maximum_entries: 10_000_000,
            maximum_rate: None,
            total_timeout: None,
            stall_timeout: Some(DEFAULT_STALL),
            progress: None,
            on_error: None,
        }
    }
}

impl TransferOptions {
    /// What is used by default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of preserved permissions, what may be set.
    pub(crate) const fn permissions(&self, mode: u32) -> u32 {
        mode & if self.special_bits { 0o7777 } else { 0o777 }
    }

    /// What of a tree failed is told, and the rest goes on, if somebody wants that and the session is not over.
    pub(crate) fn tell_error(&self, path: &RemotePath, error: Error) -> Result<(), Error> {
        let over = matches!(&error, Error::Sftp(error) if error.status().is_none());
        match &self.on_error {
            Some(on_error) if !over => {
                on_error(path, &error);
                Ok(())
            }
            _ => Err(error),
        }
    }
}

impl fmt::Debug for TransferOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransferOptions")
            .field("atomic", &self.atomic)
            .field("sync", &self.sync)
            .field("resume", &self.resume)
            .field("keep_partial", &self.keep_partial)
            .field("preserve_times", &self.preserve_times)
            .field("preserve_permissions", &self.preserve_permissions)
            .field("symlinks", &self.symlinks)
            .finish_non_exhaustive()
    }
}

/// What a transfer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Transferred {
    /// How many files.
    pub files: u64,
    /// How many directories were created or found.
    pub directories: u64,
    /// How many bytes went over the network.
    pub bytes: u64,
    /// How many bytes were there from an earlier transfer.
    pub resumed: u64,
    /// How many things of a tree failed, with [`TransferOptions::on_error`].
    pub failed: u64,
    /// How many things were left out: devices, sockets, links that are not followed.
    pub skipped: u64,
}

impl Transferred {
    pub(crate) fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.directories += other.directories;
        self.bytes += other.bytes;
        self.resumed += other.resumed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}
