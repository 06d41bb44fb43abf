//! What a local file system allows, and who counts what is used of it.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

/// Which files there are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Root {
    /// All that the process may see, as with OpenSSH's sftp-server.
    WholeSystem,
    /// Those below a directory, which is `/` to the client. Nothing leads out of it.
    Below(PathBuf),
}

impl Root {
    /// All that the process may see.
    pub const fn whole_system() -> Self {
        Self::WholeSystem
    }

    /// Those below a directory.
    pub fn below(directory: impl Into<PathBuf>) -> Self {
        Self::Below(directory.into())
    }
}

/// What a local file system allows.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LocalOptions {
    /// Where relative paths start: an absolute path as the client sees it. `/` unless set.
    pub start_directory: Vec<u8>,
    /// Refuses everything that would change anything. Off unless set.
    pub read_only: bool,
    /// Permission bits that new files and directories do not get, beside those of the process's own umask. None
    /// unless set.
    pub umask: u32,
    /// Whether clients may set the set-user-id, set-group-id and sticky bits. If not, these are left out silently,
    /// as chmod(2) does for whoever may not. Off unless set.
    pub special_bits: bool,
    /// Whether FIFOs, devices and other things that are no regular files may be opened. Off unless set.
    pub special_files: bool,
    /// Whether the system's own resolution of paths below a root (openat2) is used where it exists; if not, or where
    /// it does not, every path is walked step by step. On unless unset.
    pub system_resolution: bool,
    /// Counts what is used.
    pub quota: Option<Arc<dyn Quota>>,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            start_directory: b"/".to_vec(),
            read_only: false,
            umask: 0,
            special_bits: false,
            special_files: false,
            system_resolution: true,
            quota: None,
        }
    }
}

/// Decides how much may be used. It is asked before something grows, and told after something shrank; between the
/// two others may be at work, and what fails after it was allowed is told as having shrunk.
pub trait Quota: Debug + Send + Sync {
    /// Whether files may become so many bytes longer, in all.
    fn may_grow(&self, bytes: u64) -> bool;
    /// Files have become shorter or are gone.
    fn shrunk(&self, bytes: u64);
    /// Whether one more name may come into being.
    fn may_create(&self) -> bool;
    /// A name is gone.
    fn removed(&self);
}
