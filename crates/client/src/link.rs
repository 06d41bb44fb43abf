//! What all handles of one client hold on to: the connection, and the tasks that serve it.

use crate::error::{Error, Phase};
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

/// A connection that is logged in. It is closed when the last handle is dropped.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Connection<Client>,
    pub(crate) targets: Arc<RemoteTargets>,
    pub(crate) timeouts: Timeouts,
    host_key: PublicKey,
    report: LoginReport,
    banners: Vec<String>,
    /// Serves the server's requests. It has a handle of the connection, so it must end with this link.
    _server_requests: Task,
    driver: Mutex<Option<DriverTask>>,
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
    ) -> Self {
        let targets = Arc::new(RemoteTargets::default());
        let server_requests = Task::spawn(serve(connection.clone(), Arc::clone(&targets)));
        Self {
            connection,
            targets,
            timeouts,
            host_key,
            report,
            banners,
            _server_requests: server_requests,
            driver: Mutex::new(Some(driver)),
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
async fn serve(connection: Connection<Client>, targets: Arc<RemoteTargets>) {
    while let Some(event) = connection.next_event().await {
        match event {
            ClientEvent::Common(Event::OpenRequested(question)) => targets.open(question, &connection),
            // RFC 4254 §4: what is not known is refused. That answers keepalive requests, too.
            ClientEvent::Common(Event::GlobalRequest(question)) => connection.answer_global(question, None),
            event => tracing::trace!(?event, "nothing to do"),
        }
    }
}

/// Answers what the server asks on a channel that is a mere stream: nothing is granted there.
pub(crate) async fn serve_stream(channel: Channel) {
    while let Some(event) = channel.next_event().await {
        if let ChannelEvent::Request(question) = event {
            channel.answer(question, false);
        }
    }
}
