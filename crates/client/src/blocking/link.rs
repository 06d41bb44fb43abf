//! What all handles of one client hold on to: the connection, and the thread that answers the server.

use crate::error::{Error, Phase};
use crate::info::SessionInfo;
use crate::login_driver::LoggedIn;
use crate::options::Timeouts;
use konko_blocking::{Channel, Connection};
use konko_transport::channel::{ChannelEvent, ChannelKind, OpenOptions};
use konko_transport::keys::public_key::PublicKey;
use konko_transport::wire::number::{DisconnectReason, OpenFailureReason};
use konko_transport::{Client, ClientEvent, Event};
use std::io;

/// A connection that is logged in. It is closed when the last handle is dropped.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Connection<Client>,
    pub(crate) timeouts: Timeouts,
    host_key: PublicKey,
    login: LoggedIn,
}

impl Link {
    pub(crate) fn new(
        connection: Connection<Client>,
        timeouts: Timeouts,
        host_key: PublicKey,
        login: LoggedIn,
    ) -> Result<Self, Error> {
        let served = connection.clone();
        let link = Self { connection, timeouts, host_key, login };
        spawn("konko-requests", move || serve(&served))?;
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

/// Answers what the server asks of the connection. Nothing was asked for that a server could open.
fn serve(connection: &Connection<Client>) {
    while let Ok(Some(event)) = connection.next_event(None) {
        match event {
            ClientEvent::Common(Event::OpenRequested(question)) => {
                let reason = OpenFailureReason::ADMINISTRATIVELY_PROHIBITED;
                connection.reject_channel(question, reason, "not asked for");
            }
            // RFC 4254 §4: what is not known is refused. That answers keepalive requests, too.
            ClientEvent::Common(Event::GlobalRequest(question)) => connection.answer_global(question, None),
            event => tracing::trace!(?event, "nothing to do"),
        }
    }
}

/// Answers what the server asks on a channel that is a mere stream: nothing is granted there.
pub(crate) fn serve_stream(channel: &Channel) {
    while let Ok(Some(event)) = channel.next_event(None) {
        if let ChannelEvent::Request(question) = event {
            channel.answer(question, false);
        }
    }
}
