//! What keeps a server from starting. What goes wrong on one connection ends that connection and is logged.

use std::io;
use std::path::PathBuf;

/// What keeps a server from starting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Without a host key no client can connect.
    #[error("the server has no host key")]
    NoHostKey,
    /// A host key whose private half is elsewhere needs a signer, which this server does not have.
    #[error("a host key without its private half cannot be used by this server")]
    ExternalHostKey,
    /// A certificate that no client would be shown, or none would believe.
    #[error("a host certificate belongs to none of the host keys, or is one of a user")]
    HostCertificate,
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address as it was given.
        address: String,
        /// Why.
        error: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A line of a file is not what it should be.
    #[error("{}, line {line}: {what}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}
