//! What goes wrong with an agent, seen from outside the protocol.

use konko_agent::AgentError;
use std::io;
use std::path::PathBuf;

/// Why an agent did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The environment names no agent.
    #[error("no agent is running: SSH_AUTH_SOCK is not set")]
    NoAgent,
    /// Nobody listens there, or we may not connect.
    #[error("cannot connect to the agent at {}: {error}", .path.display())]
    Connect {
        /// Where.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// The agent refused, broke the protocol, or the connection has ended.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// The agent did not answer in time; the connection to it is closed.
    #[error("the agent did not answer in time")]
    TimedOut,
    /// The operating system failed us here.
    #[error("{what}: {error}")]
    Local {
        /// What we wanted to do.
        what: &'static str,
        /// What it said.
        error: io::Error,
    },
}
