//! What can go wrong in a handle's operation.

use konko_transport::wire::number::OpenFailureReason;
use std::time::Duration;

/// What can go wrong in a handle's operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The connection has ended; this is why.
    #[error(transparent)]
    Transport(#[from] konko_transport::Error),
    /// The network failed under the connection.
    #[error("network error: {message}")]
    Io {
        /// Its kind.
        kind: std::io::ErrorKind,
        /// In words.
        message: String,
    },
    /// The peer refused to open the channel.
    #[error("the peer refused to open the channel: {description} ({reason})")]
    OpenRefused {
        /// Its reason.
        reason: OpenFailureReason,
        /// In the peer's words, made safe to show.
        description: String,
    },
    /// The channel was closed before the operation was over.
    #[error("the channel is closed")]
    ChannelClosed,
    /// The call makes no sense in the channel's state, or a limit is reached.
    #[error(transparent)]
    Channel(#[from] konko_transport::channel::error::ChannelError),
    /// The peer did not answer in time.
    #[error("{what}: no answer from the peer within {after:?}")]
    TimedOut {
        /// What was asked.
        what: &'static str,
        /// How long was waited.
        after: Duration,
    },
}

impl From<&std::io::Error> for Error {
    fn from(error: &std::io::Error) -> Self {
        Self::Io { kind: error.kind(), message: error.to_string() }
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Io { kind, .. } => *kind,
            Error::TimedOut { .. } => std::io::ErrorKind::TimedOut,
            Error::ChannelClosed => std::io::ErrorKind::BrokenPipe,
            Error::OpenRefused { .. } => std::io::ErrorKind::ConnectionRefused,
            Error::Channel(_) => std::io::ErrorKind::InvalidInput,
            Error::Transport(_) => std::io::ErrorKind::ConnectionAborted,
        };
        Self::new(kind, error)
    }
}
