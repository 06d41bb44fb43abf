//! What all handles of one client hold on to: the connection, and the tasks that serve it.

use crate::agent::forwarding::AgentForwarding;
use crate::error::{Error, Phase};
use crate::host_key_updater::{HostKeyUpdater, PROOF_TIMEOUT};
use crate::info::SessionInfo;
use crate::login_report::LoginReport;
use crate::options::Timeouts;
use crate::remote_targets::RemoteTargets;
use crate::task::Task;
use konko_tokio::{Channel, Connection, Driver};
use konko_transport::channel::{ChannelEvent, ChannelKind, OpenOptions};
use konko_transport::keys::public_key::PublicKey;
use konko_transport::{Client, ClientEvent, Event};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;

/// A connection that is logged in. It is closed when the last handle is dropped.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Connection<Client>,
    pub(crate) targets: Arc<RemoteTargets>,
    pub(crate) agent: Arc<AgentForwarding>,
    pub(crate) timeouts: Timeouts,
    host_key: PublicKey,
    report: LoginReport,
    banners: Vec<String>,
    /// Serves the server's requests. It has a handle of the connection, so it must end with this link.
    _server_requests: Task,
    driver: Mutex<Option<DriverTask>>,
    /// Locked while known_hosts is being updated.
    updating: Arc<tokio::sync::Mutex<()>>,
}

/// The task that drives a connection. It ends by itself when the last handle of the connection is dropped, and
/// must not be aborted before, or the last bytes would not be sent.
#[derive(Debug)]
pub(crate) struct DriverTask(tokio::task::JoinHandle<()>);

impl DriverTask {
    pub(crate) fn spawn(driver: Driver<Client>) -> Self {
        Self(tokio::spawn(driver))
    }

    pub(crate) async fn finished(self) {
        if self.0.await.is_err() {
            tracing::error!("the driver of a connection did not end in order");
        }
    }
}

impl Link {
    pub(crate) fn new(
        connection: Connection<Client>,
        driver: DriverTask,
        timeouts: Timeouts,
        host_key: PublicKey,
        report: LoginReport,
        banners: Vec<String>,
        updater: Option<HostKeyUpdater>,
    ) -> Self {
        let targets = Arc::new(RemoteTargets::default());
        let agent = Arc::new(AgentForwarding::default());
        let updating = Arc::new(tokio::sync::Mutex::new(()));
        let updater = updater.map(|updater| Box::new((updater, Arc::clone(&updating))));
        let served = serve(connection.clone(), Arc::clone(&targets), Arc::clone(&agent), updater);
        let server_requests = Task::spawn(served);
        Self {
            connection,
            targets,
            agent,
            timeouts,
            host_key,
            report,
            banners,
            _server_requests: server_requests,
            driver: Mutex::new(Some(driver)),
            updating,
        }
    }

    pub(crate) async fn open(&self, kind: ChannelKind) -> Result<Channel, Error> {
        let opened = self.connection.open_channel(kind, OpenOptions::default(), self.timeouts.channel_open);
        opened.await.map_err(|error| self.error(error))
    }

    /// Makes an error of one of the driver's.
    pub(crate) fn error(&self, error: konko_tokio::Error) -> Error {
        match (&error, self.connection.error()) {
            // A channel is closed with its connection: what ended that says more.
            (konko_tokio::Error::ChannelClosed | konko_tokio::Error::Channel(_), Some(ended)) => {
                Error::of(ended, Phase::Connected)
            }
            _ => Error::of(error, Phase::Connected),
        }
    }

    /// Why the connection ended, if it has.
    pub(crate) fn ended(&self) -> Option<Error> {
        self.connection.error().map(|error| Error::of(error, Phase::Connected))
    }

    /// Whether the connection has ended, perhaps a moment before its last bytes are sent.
    pub(crate) fn is_ended(&self) -> bool {
        self.connection.with(|transport, _| transport.is_ended())
    }

    /// What is known of the connection; `None` if it never had keys.
    pub(crate) fn info(&self) -> Option<SessionInfo> {
        self.connection
            .with(|transport, _| SessionInfo::of(transport, &self.host_key, &self.report, &self.banners))
    }

    /// Waits until known_hosts is not being updated.
    pub(crate) async fn host_keys_settled(&self) {
        drop(self.updating.lock().await);
    }

    /// Waits until the last bytes are sent.
    pub(crate) async fn driver_finished(&self) {
        let driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner).take();
        match driver {
            Some(driver) => driver.finished().await,
            None => drop(self.connection.closed().await),
        }
    }
}

/// Answers what the server asks of the connection.
async fn serve(
    connection: Connection<Client>,
    targets: Arc<RemoteTargets>,
    agent: Arc<AgentForwarding>,
    mut updater: Option<Box<(HostKeyUpdater, Arc<tokio::sync::Mutex<()>>)>>,
) {
    // They end with this task, which ends with the link.
    let mut agent_channels = JoinSet::new();
    loop {
        let event = tokio::select! {
            event = connection.next_event() => event,
            Some(ended) = agent_channels.join_next() => {
                if ended.is_err() {
                    tracing::error!("a task of the client panicked");
                }
                continue;
            }
        };
        let Some(event) = event else { return };
        match event {
            ClientEvent::Common(Event::OpenRequested(question))
                if *question.kind() == ChannelKind::AgentConnection =>
            {
                if let Some(served) = agent.open(question, &connection) {
                    agent_channels.spawn(served);
                }
            }
            ClientEvent::Common(Event::OpenRequested(question)) => targets.open(question, &connection),
            // RFC 4254 §4: what is not known is refused. That answers keepalive requests, too.
            ClientEvent::Common(Event::GlobalRequest(question)) => {
                // Once is enough: a server that says it again has nothing new to say.
                let announcement = HostKeyUpdater::announcement(&question);
                if let Some((announcement, (updater, updating))) =
                    announcement.and_then(|it| Some((it, *updater.take()?)))
                {
                    let under_way = updating.try_lock_owned();
                    let update = update_host_keys(connection.clone(), updater, announcement);
                    agent_channels.spawn(async move {
                        update.await;
                        drop(under_way);
                    });
                }
                connection.answer_global(question, None);
            }
            event => tracing::trace!(?event, "nothing to do"),
        }
    }
}

/// Lets the server prove to own the host keys that it tells of, and writes them down.
async fn update_host_keys(connection: Connection<Client>, updater: HostKeyUpdater, announcement: Vec<u8>) {
    let session_id = connection.with(|transport, _| transport.session_id().map(<[u8]>::to_vec));
    let prove = |name, body: Vec<u8>| {
        let connection = connection.clone();
        async move {
            let reply = connection.global_request(name, &body, Some(PROOF_TIMEOUT)).await;
            reply.ok().flatten().map(|reply| reply.to_vec())
        }
    };
    updater.update(announcement, session_id.unwrap_or_default(), prove).await;
}

/// Answers what the server asks on a channel that is a mere stream: nothing is granted there.
pub(crate) async fn serve_stream(channel: Channel) {
    while let Some(event) = channel.next_event().await {
        if let ChannelEvent::Request(question) = event {
            channel.answer(question, false);
        }
    }
}
