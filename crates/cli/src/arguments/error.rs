//! What is wrong with a command line.

use konko::client::config::ConfigErrors;

/// What is wrong with a command line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// There is no such flag.
    #[error("unknown option -- {0}")]
    UnknownFlag(char),
    /// OpenSSH has it.
    #[error("option not supported yet -- {0}")]
    UnsupportedFlag(char),
    /// Nothing follows a flag that needs a value.
    #[error("option requires an argument -- {0}")]
    MissingValue(char),
    /// The value of a flag is not one.
    #[error("-{flag}: \"{value}\" is not {expected}")]
    InvalidValue {
        /// The flag.
        flag: char,
        /// Its value.
        value: String,
        /// What would be one, with its article.
        expected: &'static str,
    },
    /// Two flags exclude each other.
    #[error("{0}")]
    Conflict(&'static str),
    /// An option.
    #[error("{0}")]
    Option(#[from] ConfigErrors),
    /// No host is named.
    #[error("no destination: usage: konko ssh [options] destination [command [argument ...]]")]
    NoDestination,
    /// It names no host.
    #[error("\"{0}\" is not a destination: user@host or ssh://user@host:port")]
    BadDestination(String),
    /// An argument is not UTF-8.
    #[error("an argument is not UTF-8: {0}")]
    NotUtf8(String),
}
