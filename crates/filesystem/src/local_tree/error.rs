//! What goes wrong in a local tree, and where.

use crate::local_tree::name::{NameProblem, shown};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Why something in a local tree was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalTreeError {
    /// The other side named a file as none can be named here.
    #[error("the name \"{}\" is refused: {problem}", shown(name))]
    Name {
        /// The name.
        name: Vec<u8>,
        /// What is wrong with it.
        #[source]
        problem: NameProblem,
    },
    /// The other side named the same file twice.
    #[error("{} is named twice", display(path))]
    Repeated {
        /// The file.
        path: PathBuf,
    },
    /// A symbolic link stands where a file or directory was to be written.
    #[error("{} is a symbolic link, which is not followed", display(path))]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// A symbolic link was to be created that leads out of the tree.
    #[error("the symbolic link {} is refused: \"{}\" leads out of the tree", display(path), shown(target))]
    SymlinkTarget {
        /// The link.
        path: PathBuf,
        /// Where it was to lead.
        target: Vec<u8>,
    },
    /// A directory was expected, and something else is there.
    #[error("{} is not a directory", display(path))]
    NotDirectory {
        /// What is there.
        path: PathBuf,
    },
    /// A file was expected, and something else is there.
    #[error("{} is not a regular file", display(path))]
    NotFile {
        /// What is there.
        path: PathBuf,
    },
    /// Directories are nested deeper than the limit.
    #[error("{} is nested too deep", display(path))]
    TooDeep {
        /// The directory.
        path: PathBuf,
    },
    /// Another transfer writes the same file at this moment.
    #[error("{} is being written by another transfer", display(path))]
    InUse {
        /// The partial file.
        path: PathBuf,
    },
    /// The local system refused.
    #[error("{} {}: {source}", operation, display(path))]
    Io {
        /// What was to be done, as "cannot open".
        operation: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl LocalTreeError {
    pub(crate) fn io(operation: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { operation, path: path.to_owned(), source: source.into() }
    }

    /// What kind of error of the system it is like.
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Name { .. } | Self::SymlinkTarget { .. } => io::ErrorKind::InvalidInput,
            Self::Repeated { .. } => io::ErrorKind::AlreadyExists,
            Self::Symlink { .. } | Self::NotFile { .. } | Self::TooDeep { .. } => io::ErrorKind::Other,
            Self::NotDirectory { .. } => io::ErrorKind::NotADirectory,
            Self::InUse { .. } => io::ErrorKind::ResourceBusy,
            Self::Io { source, .. } => source.kind(),
        }
    }
}

impl From<LocalTreeError> for io::Error {
    fn from(error: LocalTreeError) -> Self {
        Self::new(error.kind(), error)
    }
}

fn display(path: &Path) -> String {
    shown(path.as_os_str().as_bytes())
}
