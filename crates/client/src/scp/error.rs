//! What goes wrong in a transfer by the protocol of scp.

use crate::exit_status::ExitStatus;
use crate::scp::report::ScpReport;
use konko_filesystem::local_tree::LocalTreeError;
use konko_scp::ScpError as ProtocolError;
use std::io;
use std::time::Duration;

/// Why a transfer failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScpError {
    /// The command could not be started, or the connection ended.
    #[error(transparent)]
    Client(#[from] crate::error::Error),
    /// The server has no `scp` that it could run.
    #[error("the server has no scp to run{}; try SFTP", in_brackets(.stderr))]
    NotInstalled {
        /// What the server wrote to its standard error, safe to show.
        stderr: String,
    },
    /// The server's `scp` ended the transfer or broke the protocol.
    #[error("{error}{}", in_brackets(.stderr))]
    Protocol {
        /// What happened.
        #[source]
        error: ProtocolError,
        /// What the server wrote to its standard error, safe to show.
        stderr: String,
    },
    /// The stream was cut.
    #[error("the transfer was cut: {error}{}", in_brackets(.stderr))]
    Cut {
        /// What the driver said.
        #[source]
        error: io::Error,
        /// What the server wrote to its standard error, safe to show.
        stderr: String,
    },
    /// The other side neither sent nor took anything for too long.
    #[error("nothing was transferred for {after:?}")]
    Stalled {
        /// How long was waited.
        after: Duration,
    },
    /// The protocol came to its end, but the server's `scp` says that it failed.
    #[error("the server's scp failed: {status}{}", in_brackets(.stderr))]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to its standard error, safe to show.
        stderr: String,
        /// What was transferred all the same.
        report: Box<ScpReport>,
    },
    /// Some files were not transferred.
    #[error("{}", incomplete(.0))]
    Incomplete(Box<ScpReport>),
    /// The local tree cannot be written or read.
    #[error(transparent)]
    Local(#[from] LocalTreeError),
    /// What was given to be sent or written failed.
    #[error("{what}: {error}")]
    Stream {
        /// What was attempted.
        what: &'static str,
        /// What it said.
        #[source]
        error: io::Error,
    },
    /// A path names no file or directory that could be transferred.
    #[error("\"{path}\" {problem}")]
    Path {
        /// The path, safe to show.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

fn in_brackets(text: &str) -> String {
    match text.trim() {
        "" => String::new(),
        text => format!(" ({text})"),
    }
}

fn incomplete(report: &ScpReport) -> String {
    match report.failures.first() {
        Some(first) if report.failed == 1 => first.reason.clone(),
        Some(first) => format!("{} (and {} more failures)", first.reason, report.failed - 1),
        None => "not everything was transferred".to_owned(),
    }
}
