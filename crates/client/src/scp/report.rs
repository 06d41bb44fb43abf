//! What a transfer has done.

use std::path::PathBuf;

/// How many failures are kept with their words; of more, only their number.
pub(crate) const MAXIMUM_FAILURES: usize = 1000;

/// A file or directory that was not transferred as it should have been.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileFailure {
    /// Which; its path on the side that sends, as far as it is known.
    pub path: PathBuf,
    /// Why, safe to show.
    pub reason: String,
}

/// What a transfer has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScpReport {
    /// How many files are there.
    pub files: u64,
    /// How many bytes they have together.
    pub bytes: u64,
    /// What is not there, or not as it should be; at most 1000 of them.
    pub failures: Vec<FileFailure>,
    /// How many failures there were.
    pub failed: u64,
}

impl ScpReport {
    pub(crate) fn fail(&mut self, path: impl Into<PathBuf>, reason: impl Into<String>) {
        self.failed += 1;
        if self.failures.len() < MAXIMUM_FAILURES {
            self.failures.push(FileFailure { path: path.into(), reason: reason.into() });
        }
    }
}

/// How far one file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScpProgress<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// How many bytes have been transferred.
    pub transferred: u64,
    /// How many it has.
    pub size: u64,
    /// Whether it is done, well or not.
    pub is_finished: bool,
}
