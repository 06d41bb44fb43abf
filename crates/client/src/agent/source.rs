//! Which agent a program uses: to log in with, and to forward.

use crate::agent::connection::AgentConnection;
use crate::agent::error::Error;
use crate::agent::local_agent::LocalAgent;
use crate::agent::location::{self, AgentStream, environment_agents};
use std::path::PathBuf;

/// Which agent is used.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum AgentSource {
    /// The one that the environment names; see [`environment_agents`].
    #[default]
    Environment,
    /// The one that listens there.
    Path(PathBuf),
    /// One in this process.
    Local(LocalAgent),
}

impl AgentSource {
    /// Connects.
    ///
    /// # Errors
    ///
    /// [`Error::NoAgent`], [`Error::Connect`].
    pub async fn connect(&self) -> Result<AgentConnection, Error> {
        match self {
            Self::Environment => AgentConnection::connect_env().await,
            Self::Path(path) => AgentConnection::connect(path).await,
            Self::Local(agent) => Ok(agent.connect()),
        }
    }

    /// A stream to it, within a runtime.
    pub(crate) async fn open(&self) -> Result<Box<dyn AgentStream>, Error> {
        match self {
            Self::Environment => {
                let mut first = None;
                for path in environment_agents()? {
                    match location::connect(&path).await {
                        Ok(stream) => return Ok(stream),
                        Err(error) => drop(first.get_or_insert(error)),
                    }
                }
                Err(first.unwrap_or(Error::NoAgent))
            }
            Self::Path(path) => location::connect(path).await,
            Self::Local(agent) => {
                let (ours, theirs) = tokio::io::duplex(16 * 1024);
                let agent = agent.clone();
                tokio::spawn(async move {
                    if let Err(error) = agent.serve_stream(theirs).await {
                        tracing::debug!(%error, "a connection within the process has ended");
                    }
                });
                Ok(Box::new(ours))
            }
        }
    }
}

impl std::fmt::Display for AgentSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment => match environment_agents().ok().and_then(|mut found| found.drain(..).next())
            {
                Some(path) => write!(f, "the agent at {}", path.display()),
                None => f.write_str("the agent of the environment"),
            },
            Self::Path(path) => write!(f, "the agent at {}", path.display()),
            Self::Local(_) => f.write_str("the agent in this process"),
        }
    }
}
