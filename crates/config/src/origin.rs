//! Where a value comes from.

use std::fmt;
use std::sync::Arc;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// An option of the command line, or of the program that asks.
    CommandLine(
        /// As the user wrote it: `-o Port=2222`, `-p 2222`.
        Arc<str>,
    ),
    /// A line of a file.
    File {
        /// The file.
        path: Arc<str>,
        /// Its line, the first being 1.
        line: u32,
    },
    /// Nobody gave a value: it is what ssh_config(5) says it is by default.
    Default,
}

impl Origin {
    /// An option of the command line, as the user wrote it.
    pub fn command_line(text: impl Into<Arc<str>>) -> Self {
        Self::CommandLine(text.into())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine(text) => f.write_str(text),
            Self::File { path, line } => write!(f, "{path} line {line}"),
            Self::Default => f.write_str("default"),
        }
    }
}
