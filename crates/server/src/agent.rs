//! A client's agent, as a session's programs may use it (RFC 9987; `auth-agent@openssh.com`).

use konko_tokio::{Channel, Connection, Error};
use konko_transport::Server;
use konko_transport::channel::config::OpenOptions;
use konko_transport::channel::open::ChannelKind;
use std::time::Duration;

/// How long a client may take to connect its agent.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// The agent of a client that has offered to forward it.
#[derive(Debug, Clone)]
pub struct ForwardedAgent {
    connection: Connection<Server>,
}

impl ForwardedAgent {
    pub(crate) const fn new(connection: Connection<Server>) -> Self {
        Self { connection }
    }

    /// Connects to it: messages of the agent protocol go over the channel. Each program wants a connection of its own.
    ///
    /// # Errors
    ///
    /// [`Error`] if the client has no agent after all, or has gone.
    pub async fn connect(&self) -> Result<Channel, Error> {
        let kind = ChannelKind::AgentConnection;
        self.connection.open_channel(kind, OpenOptions::default(), Some(OPEN_TIMEOUT)).await
    }
}
