//! How a transfer ends, from what both sides have to say about it.

use crate::error::Error;
use crate::exit_status::ExitStatus;
use crate::printable::printable;
use crate::scp::error::ScpError;
use crate::scp::report::ScpReport;
use std::io;
use std::time::Duration;

/// What a shell reports of a command that it does not find (POSIX, Shell Command Language §2.8.2).
const NOT_FOUND: u32 = 127;
/// How much of the server's standard error is kept.
pub(crate) const MAXIMUM_STDERR: usize = 16 * 1024;

/// What ended the conversation.
#[derive(Debug)]
pub(crate) enum Fault {
    Protocol(konko_scp::ScpError),
    Cut(io::Error),
}

impl From<konko_scp::ScpError> for Fault {
    fn from(error: konko_scp::ScpError) -> Self {
        Self::Protocol(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Cut(error)
    }
}

/// What is known when the command has ended.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) status: Result<ExitStatus, Error>,
    pub(crate) stderr: Vec<u8>,
    /// Whether it was ended because nothing was transferred for so long.
    pub(crate) stalled: Option<Duration>,
}

/// The result of a transfer.
pub(crate) fn conclude(transferred: Result<ScpReport, Fault>, ending: Ending) -> Result<ScpReport, ScpError> {
    if let Some(after) = ending.stalled {
        return Err(ScpError::Stalled { after });
    }
    let stderr = printable(&String::from_utf8_lossy(&ending.stderr), true);
    let status = match (ending.status, &transferred) {
        (Ok(ExitStatus::ConnectionLost) | Err(_), Err(Fault::Protocol(error))) if !is_cut(error) => {
            ExitStatus::ConnectionLost
        }
        (Ok(status), _) => status,
        (Err(error), _) => return Err(ScpError::Client(error)),
    };
    if status.code() == Some(NOT_FOUND) && !matches!(&transferred, Ok(report) if report.files > 0) {
        return Err(ScpError::NotInstalled { stderr: stderr.trim().to_owned() });
    }
    match transferred {
        Err(Fault::Protocol(error)) => Err(ScpError::Protocol { error, stderr }),
        Err(Fault::Cut(error)) => Err(ScpError::Cut { error, stderr }),
        Ok(report) if report.failed > 0 => Err(ScpError::Incomplete(Box::new(report))),
        // Small servers do not report any.
        Ok(report) if matches!(status, ExitStatus::NotReported) || status.is_success() => Ok(report),
        Ok(report) => Err(ScpError::Failed { status, stderr, report: Box::new(report) }),
    }
}

const fn is_cut(error: &konko_scp::ScpError) -> bool {
    matches!(error, konko_scp::ScpError::PrematureEof(_))
}
