//! What can go wrong with files of a server.

use crate::sftp::remote_path::RemotePath;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server refused, broke the protocol, or is gone.
    #[error("{0}")]
    Sftp(konko_sftp::error::Error),
    /// The SFTP session could not be begun.
    #[error("cannot begin SFTP: {0}")]
    Start(Box<crate::error::Error>),
    /// Something on this computer failed.
    #[error("{}: {error}", .path.display())]
    Local {
        /// The local file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// A local file could not be written, or a name of the server must not become one.
    #[error("{0}")]
    LocalTree(#[from] konko_filesystem::local_tree::LocalTreeError),
    /// A transfer as a whole, or its next step, took longer than was allowed.
    #[error("\"{path}\": nothing moved for {after:?}, or the transfer took longer than that in all")]
    TimedOut {
        /// What was transferred.
        path: RemotePath,
        /// The limit.
        after: Duration,
    },
    /// The file was changed while it was read: it is shorter than it said.
    #[error("\"{path}\" became shorter while it was read: {got} of {expected} bytes")]
    Shrunk {
        /// The file.
        path: RemotePath,
        /// The size it said.
        expected: u64,
        /// What there was.
        got: u64,
    },
    /// What is at the target does not belong to the source, so nothing can be resumed.
    #[error("\"{path}\" cannot be resumed: what is there is not the beginning of the source")]
    NotResumable {
        /// The file that was begun.
        path: RemotePath,
    },
    /// The server has something else there than what is needed.
    #[error("\"{path}\" is not {expected}")]
    WrongType {
        /// Where.
        path: RemotePath,
        /// What is needed.
        expected: &'static str,
    },
    /// The server names something in a listing that is no name.
    #[error("the server lists \"{name}\" in \"{directory}\", which is no name of a file")]
    BadName {
        /// The directory.
        directory: RemotePath,
        /// What it says.
        name: RemotePath,
    },
    /// Directories are nested deeper than is followed.
    #[error("\"{path}\" is nested more than {limit} directories deep")]
    TooDeep {
        /// Where.
        path: RemotePath,
        /// The limit.
        limit: usize,
    },
    /// More files than are accepted.
    #[error("more than {limit} files match or are listed")]
    TooMany {
        /// The limit.
        limit: u64,
    },
    /// A pattern or a combination of options makes no sense.
    #[error("{0}")]
    Options(&'static str),
}

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Sftp(error) => error.kind(),
            Self::Start(_) => io::ErrorKind::ConnectionAborted,
            Self::Local { error, .. } => error.kind(),
            Self::LocalTree(error) => error.kind(),
            Self::TimedOut { .. } => io::ErrorKind::TimedOut,
            Self::Shrunk { .. } => io::ErrorKind::UnexpectedEof,
            Self::NotResumable { .. }
            | Self::BadName { .. }
            | Self::TooDeep { .. }
            | Self::TooMany { .. } => io::ErrorKind::InvalidData,
            Self::WrongType { .. } | Self::Options(_) => io::ErrorKind::InvalidInput,
        }
    }

    /// The server's answer, if that is what it is.
    pub fn status(&self) -> Option<konko_sftp::message::number::StatusCode> {
        match self {
            Self::Sftp(error) => error.status(),
            _ => None,
        }
    }

    /// With the path it was about, where the server refused something.
    #[must_use]
    pub(crate) fn at(self, path: &RemotePath) -> Self {
        match self {
            Self::Sftp(error) => Self::Sftp(error.at(path.as_bytes())),
            error => error,
        }
    }

    pub(crate) fn local(path: impl Into<PathBuf>, error: io::Error) -> Self {
        Self::Local { path: path.into(), error }
    }
}

impl From<konko_sftp::error::Error> for Error {
    fn from(error: konko_sftp::error::Error) -> Self {
        Self::Sftp(error)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(error.kind(), error)
    }
}
