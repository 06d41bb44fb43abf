//! Why `konko add` does not do what it was told.

use konko::client::agent::Error;
use std::fmt;

/// A failure and its exit status: 2 where there is no agent, 1 for everything else.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is no agent to talk to.
    NoAgent(Error),
    /// Anything else, in words.
    Other(String),
}

impl Failure {
    pub(crate) fn other(text: impl Into<String>) -> Self {
        Self::Other(text.into())
    }

    pub(crate) const fn exit_status(&self) -> u8 {
        match self {
            Self::NoAgent(_) => 2,
            Self::Other(_) => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAgent(Error::NoAgent) => {
                f.write_str("Could not open a connection to your authentication agent.")
            }
            Self::NoAgent(error) => write!(f, "Error connecting to agent: {error}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}
