//! Why `konko keygen` does not do what it was asked.

use konko::keys::error::{CertificateError, IssueError, KeyError, KeyFileError};
use konko::keys::key_file::StorageError;
use konko::trust::krl::{KrlError, SpecificationError};
use konko::trust::sshsig::SshSigError;
use std::io;
use std::path::PathBuf;

/// Why the program ends early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeygenError {
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// What ssh-keygen can do and this program cannot.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// A file cannot be read or written.
    #[error("{}: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// A private key file on disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A private key was not loaded.
    #[error("Load key \"{}\": {error}", .path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: KeyFileError,
    },
    /// A public key was not read.
    #[error("{}: {error}", .path.display())]
    Public {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: KeyFileError,
    },
    /// A key was not made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key file was not written.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A certificate was not issued.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// A certificate is not accepted.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A signature was not made or does not hold.
    #[error(transparent)]
    Signature(#[from] SshSigError),
    /// A revocation list is not accepted.
    #[error("{}: {error}", .path.display())]
    Krl {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: KrlError,
    },
    /// The text that a revocation list is made from is not understood.
    #[error("{}: {error}", .path.display())]
    Specification {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: SpecificationError,
    },
    /// The streams of this process failed.
    #[error("{0}")]
    Streams(#[from] io::Error),
    /// Anything else, in the words of ssh-keygen.
    #[error("{0}")]
    Other(String),
}

impl KeygenError {
    /// Of the operating system about a file.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::File { path, error }
    }
}
