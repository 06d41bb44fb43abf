//! How the program ends when it does not end well.

use crate::arguments::error::ArgumentError;
use crate::option::error::OptionError;
use konko::client::{AttemptResult, LoginReport, printable};
use std::fmt;
use std::io;

/// The exit status of `konko ssh` where it is not that of the remote command, as ssh(1) has it.
pub const FAILED: u8 = 255;

/// Why the program ends.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The command line is wrong.
    Arguments(ArgumentError),
    /// An option is wrong.
    Option(OptionError),
    /// The client could not do it.
    Client { host: String, error: Box<konko::client::Error> },
    /// The server could not be started.
    Server(konko::server::Error),
    /// A file, or the system, is to blame.
    Local { what: String, error: io::Error },
    /// Anything else, in words.
    Other(String),
    /// A signal asked for the end.
    Killed { signal: i32 },
}

impl Failure {
    /// Of something on this computer.
    pub fn local(what: impl Into<String>, error: impl Into<io::Error>) -> Self {
        Self::Local { what: what.into(), error: error.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(error) => error.fmt(f),
            Self::Option(error) => error.fmt(f),
            Self::Client { host, error } => match error.as_ref() {
                konko::client::Error::Authentication(report) => write_refusal(f, host, report),
                error => error.fmt(f),
            },
            Self::Server(error) => error.fmt(f),
            Self::Local { what, error } => write!(f, "{what}: {error}"),
            Self::Other(text) => f.write_str(text),
            Self::Killed { signal } => write!(f, "killed by signal {signal}"),
        }
    }
}

/// One line; what was refused can be read in the log (`-v`).
fn write_refusal(f: &mut fmt::Formatter<'_>, host: &str, report: &LoginReport) -> fmt::Result {
    let methods = printable(&report.methods_that_can_continue.join(","), false);
    write!(f, "{}@{host}: permission denied ({methods})", printable(&report.user, false))?;
    for attempt in &report.attempts {
        if let AttemptResult::Unusable(why) = &attempt.result {
            write!(f, "; not used: {}", why.replace('\n', " "))?;
        }
    }
    Ok(())
}

impl From<ArgumentError> for Failure {
    fn from(error: ArgumentError) -> Self {
        Self::Arguments(error)
    }
}

impl From<OptionError> for Failure {
    fn from(error: OptionError) -> Self {
        Self::Option(error)
    }
}

/// A refusal of the server is told in one line, whatever the way to it.
impl From<konko::client::configured::Error> for Failure {
    fn from(error: konko::client::configured::Error) -> Self {
        match error {
            konko::client::configured::Error::Connection { host, error, proxy: None } => {
                Self::Client { host, error }
            }
            error => Self::Other(error.to_string()),
        }
    }
}

impl From<konko::server::Error> for Failure {
    fn from(error: konko::server::Error) -> Self {
        Self::Server(error)
    }
}
