//! How a remote command ended.

/// How a remote command ended (RFC 4254 §6.10).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitStatus {
    /// It ended by itself. Zero usually means success.
    Code(u32),
    /// A signal ended it.
    Signal {
        /// The signal's name without `SIG`, as the server says it; escape it before showing it.
        name: String,
        /// Whether a core was dumped.
        core_dumped: bool,
        /// What the server says about it; may be empty; escape it before showing it.
        message: String,
    },
    /// The server closed the channel without a word about the end of the command.
    NotReported,
    /// The connection ended before the command, as far as is known.
    ConnectionLost,
}

impl ExitStatus {
    /// Whether it is the code zero.
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Code(0))
    }

    /// The code, if it ended by itself.
    pub const fn code(&self) -> Option<u32> {
        match self {
            Self::Code(code) => Some(*code),
            Self::Signal { .. } | Self::NotReported | Self::ConnectionLost => None,
        }
    }
}

impl std::fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal { name, core_dumped, message } => {
                write!(f, "ended by signal {}", crate::printable::printable(name, false))?;
                if *core_dumped {
                    f.write_str(", core dumped")?;
                }
                if !message.is_empty() {
                    write!(f, ": {}", crate::printable::printable(message, false))?;
                }
                Ok(())
            }
            Self::NotReported => f.write_str("no exit status was reported"),
            Self::ConnectionLost => f.write_str("the connection was lost before the exit status came"),
        }
    }
}
