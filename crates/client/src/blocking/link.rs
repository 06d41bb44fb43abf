//! What all handles of one client hold on to: the connection, and the thread that answers the server.

use crate::agent::forwarding::AgentForwarding;
#[cfg(unix)]
use crate::blocking::agent_forwarding;
use crate::blocking::block_on::block_on;
use crate::error::{Error, Phase};
use crate::host_key_updater::{HostKeyUpdater, PROOF_TIMEOUT};
use crate::info::SessionInfo;
use crate::login_driver::LoggedIn;
use crate::options::Timeouts;
use konko_blocking::{Channel, Connection};
use konko_transport::channel::{ChannelEvent, ChannelKind, OpenOptions};
use konko_transport::keys::public_key::PublicKey;
use konko_transport::wire::number::{DisconnectReason, OpenFailureReason};
use konko_transport::{Client, ClientEvent, Event};
use std::io;
use std::sync::Arc;
use tokio::sync::Mutex;

/// A connection that is logged in. It is closed when the last handle is dropped.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Connection<Client>,
    pub(crate) timeouts: Timeouts,
    host_key: PublicKey,
    login: LoggedIn,
    pub(crate) agent: Arc<AgentForwarding>,
    /// Locked while known_hosts is being updated.
    updating: Arc<Mutex<()>>,
}

impl Link {
    pub(crate) fn new(
        connection: Connection<Client>,
        timeouts: Timeouts,
        host_key: PublicKey,
        login: LoggedIn,
        updater: Option<HostKeyUpdater>,
    ) -> Result<Self, Error> {
        let served = connection.clone();
        let agent = Arc::new(AgentForwarding::default());
        let updating = Arc::new(Mutex::new(()));
        let updater = updater.map(|updater| (updater, Arc::clone(&updating)));
        let link = Self { connection, timeouts, host_key, login, agent: Arc::clone(&agent), updating };
        spawn("konko-requests", move || serve(&served, &agent, updater))?;
        Ok(link)
    }

    pub(crate) fn open(&self, kind: ChannelKind) -> Result<Channel, Error> {
        let opened = self.connection.open_channel(kind, OpenOptions::default(), self.timeouts.channel_open);
        opened.map_err(|error| self.error(error))
    }

    /// Makes an error of one of the driver's.
    pub(crate) fn error(&self, error: konko_blocking::Error) -> Error {
        match (&error, self.connection.error()) {
            (konko_blocking::Error::ChannelClosed | konko_blocking::Error::Channel(_), Some(ended)) => {
                Error::of_blocking(ended, Phase::Connected)
            }
            _ => Error::of_blocking(error, Phase::Connected),
        }
    }

    /// Why the connection ended, if it has.
    pub(crate) fn ended(&self) -> Option<Error> {
        self.connection.error().map(|error| Error::of_blocking(error, Phase::Connected))
    }

    /// Whether the connection has ended, perhaps a moment before its last bytes are sent.
    pub(crate) fn is_ended(&self) -> bool {
        self.connection.with(|transport, _| transport.is_ended())
    }

    /// Waits until known_hosts is not being updated.
    pub(crate) fn host_keys_settled(&self) {
        drop(block_on(self.updating.lock()));
    }

    pub(crate) fn info(&self) -> Option<SessionInfo> {
        let LoggedIn { report, banners } = &self.login;
        self.connection.with(|transport, _| SessionInfo::of(transport, &self.host_key, report, banners))
    }
}

impl Drop for Link {
    /// The thread that answers the server has a handle of the connection: it ends with the connection.
    fn drop(&mut self) {
        self.connection.disconnect(DisconnectReason::BY_APPLICATION, "disconnected by user");
    }
}

/// Starts a thread that ends by itself.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(drop).map_err(|error: io::Error| Error::Local { what: "cannot start a thread", error })
}

/// Answers what the server asks of the connection. But for the agent, nothing was asked for that a server could open.
fn serve(
    connection: &Connection<Client>,
    agent: &AgentForwarding,
    mut updater: Option<(HostKeyUpdater, Arc<Mutex<()>>)>,
) {
    while let Ok(Some(event)) = connection.next_event(None) {
        match event {
            #[cfg(unix)]
            ClientEvent::Common(Event::OpenRequested(question))
                if *question.kind() == ChannelKind::AgentConnection =>
            {
                agent_forwarding::open(agent, question, connection);
            }
            ClientEvent::Common(Event::OpenRequested(question)) => {
                let reason = OpenFailureReason::ADMINISTRATIVELY_PROHIBITED;
                connection.reject_channel(question, reason, "not asked for");
            }
            // RFC 4254 §4: what is not known is refused. That answers keepalive requests, too.
            ClientEvent::Common(Event::GlobalRequest(question)) => {
                let announcement = HostKeyUpdater::announcement(&question);
                if let Some((announcement, (updater, updating))) =
                    announcement.and_then(|it| Some((it, updater.take()?)))
                {
                    let connection = connection.clone();
                    let under_way = updating.try_lock_owned();
                    let update = move || {
                        block_on(update_host_keys(&connection, updater, announcement));
                        drop(under_way);
                    };
                    if let Err(error) = spawn("konko-host-keys", update) {
                        tracing::warn!(%error, "known_hosts is not updated");
                    }
                }
                connection.answer_global(question, None);
            }
            event => tracing::trace!(?event, "nothing to do"),
        }
    }
}

/// Lets the server prove to own the host keys that it tells of, and writes them down.
async fn update_host_keys(connection: &Connection<Client>, updater: HostKeyUpdater, announcement: Vec<u8>) {
    let session_id = connection.with(|transport, _| transport.session_id().map(<[u8]>::to_vec));
    let prove = |name, body: Vec<u8>| async move {
        let reply = connection.global_request(name, &body, Some(PROOF_TIMEOUT));
        reply.ok().flatten().map(|reply| reply.to_vec())
    };
    updater.update(announcement, session_id.unwrap_or_default(), prove).await;
}

/// Answers what the server asks on a channel that is a mere stream: nothing is granted there.
pub(crate) fn serve_stream(channel: &Channel) {
    while let Ok(Some(event)) = channel.next_event(None) {
        if let ChannelEvent::Request(question) = event {
            channel.answer(question, false);
        }
    }
}
