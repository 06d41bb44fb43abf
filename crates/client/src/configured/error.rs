//! Why a configuration does not lead to a connection.

use konko_config::{ConfigErrors, Keyword, Origin};
use std::io;

/// Why a configuration does not lead to a connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something is wrong with the configuration.
    #[error(transparent)]
    Configuration(#[from] ConfigErrors),
    /// The configuration asks for what this client cannot do.
    #[error("{origin}: {keyword}: {reason}")]
    Unsupported {
        /// Where it asks for it.
        origin: Origin,
        /// The keyword.
        keyword: Keyword,
        /// What cannot be done.
        reason: &'static str,
    },
    /// A value that only shows now to be none.
    #[error("{origin}: {keyword}: {reason}")]
    Value {
        /// Where it is given.
        origin: Origin,
        /// The keyword.
        keyword: Keyword,
        /// What is wrong with it.
        reason: String,
    },
    /// The configuration refuses the connection, in these words.
    #[error("{origin}: the connection is refused: {message}")]
    Refused {
        /// Where it does.
        origin: Origin,
        /// What it says.
        message: String,
    },
    /// The hosts on the way lead back to one of them, or there are more than 16.
    #[error("the way to {host} does not end: {reason}")]
    EndlessRoute {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// A `ProxyCommand` could not be started.
    #[error("the ProxyCommand \"{command}\" cannot be run: {error}")]
    ProxyCommand {
        /// The command.
        command: String,
        /// Why not.
        error: io::Error,
    },
    /// The connection to a host, the last one or one on the way, could not be made.
    #[error("{host}: {error}{}", proxy.as_deref().map(|end| format!(" ({end})")).unwrap_or_default())]
    Connection {
        /// The host.
        host: String,
        /// Why not.
        error: Box<crate::error::Error>,
        /// How the `ProxyCommand` ended, if there is one and it has.
        proxy: Option<String>,
    },
    /// A forwarding could not be set up.
    #[error("the forwarding {forwarding} cannot be set up: {reason}")]
    Forwarding {
        /// The forwarding, as it was written.
        forwarding: String,
        /// Why not.
        reason: String,
    },
}
