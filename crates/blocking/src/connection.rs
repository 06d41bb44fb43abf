//! The handle of one connection.

use crate::channel::Channel;
use crate::driver::Driver;
use crate::error::Error;
use crate::link::Stream;
use crate::shared::{Shared, deadline};
use bytes::Bytes;
use konko_transport::channel::{ChannelKind, GlobalQuestion, OpenOptions, OpenQuestion};
use konko_transport::crypto::random::SystemRandom;
use konko_transport::slot::Opening;
use konko_transport::wire::number::{DisconnectReason, OpenFailureReason};
use konko_transport::{Client, ClientConfig, Server, ServerConfig, Side, Transport};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One SSH connection. Cheap to clone; any thread may use it. When the last handle (clones and channels) is
/// dropped the peer is told, and the connection's thread ends: when the peer has closed its end, after two
/// seconds at the latest. Dropping does not wait for that.
pub struct Connection<S: Side> {
    shared: Arc<Shared<S>>,
}

impl<S: Side> std::fmt::Debug for Connection<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Connection").field(&self.shared.lock().transport).finish()
    }
}

impl<S: Side> Clone for Connection<S> {
    fn clone(&self) -> Self {
        self.shared.lock().handles += 1;
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S: Side> Drop for Connection<S> {
    fn drop(&mut self) {
        self.shared.with(|state| state.let_go());
    }
}

impl Connection<Client> {
    /// A client's connection on `stream`. It begins to speak at once, on a thread of its own.
    ///
    /// # Errors
    ///
    /// The system's, where it gives no thread or no pipe.
    pub fn client(stream: impl Stream, config: Arc<ClientConfig>) -> io::Result<Self> {
        Self::over(stream, Transport::client(config, Box::new(SystemRandom), Instant::now()))
    }
}

impl Connection<Server> {
    /// A server's connection on `stream`. It begins to speak at once, on a thread of its own.
    ///
    /// # Errors
    ///
    /// As [`client`](Connection::client).
    pub fn server(stream: impl Stream, config: Arc<ServerConfig>) -> io::Result<Self> {
        Self::over(stream, Transport::server(config, Box::new(SystemRandom), Instant::now()))
    }
}

impl<S: Side> Connection<S> {
    /// A connection on `stream` with a machine that exists already.
    ///
    /// # Errors
    ///
    /// As [`client`](Connection::client).
    pub fn over(stream: impl Stream, transport: Transport<S>) -> io::Result<Self> {
        let link = stream.into_link()?;
        let shared = Arc::new(Shared::new(transport, Arc::clone(&link)));
        let driver = Driver::new(Arc::clone(&shared), link);
        std::thread::Builder::new().name("konko".into()).spawn(move || driver.run())?;
        Ok(Self { shared })
    }

    /// Runs `command` on the machine and serves what it brings about. For everything that is not a wait:
    /// authenticating, answering questions, looking things up. It must not block, nor use this connection
    /// otherwise.
    pub fn with<R>(&self, command: impl FnOnce(&mut Transport<S>, Instant) -> R) -> R {
        self.shared.with(|state| command(&mut state.transport, Instant::now()))
    }

    /// Waits for the connection's next event; `Ok(None)` after its end. `None` waits for ever.
    ///
    /// Where a thousand events wait to be fetched nothing more is read from the peer; news of changed keys and
    /// pongs are dropped before that.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] after `timeout`.
    pub fn next_event(&self, timeout: Option<Duration>) -> Result<Option<S::Event>, Error> {
        let event = self.shared.wait(deadline(timeout), |state| match state.next_event() {
            Some(event) => Some(Some(event)),
            None => state.ended().is_some().then_some(None),
        });
        event.ok_or(Error::TimedOut { what: "waiting for an event", after: timeout.unwrap_or_default() })
    }

    /// Opens a channel and waits until the peer has confirmed it. `None` waits for ever.
    ///
    /// # Errors
    ///
    /// [`Error::OpenRefused`] with the peer's words; [`Error::TimedOut`], after which the channel is closed at
    /// once should the peer still confirm it; or what ended the connection.
    pub fn open_channel(
        &self,
        kind: ChannelKind,
        options: OpenOptions,
        timeout: Option<Duration>,
    ) -> Result<Channel, Error> {
        let until = deadline(timeout);
        let id = self.shared.with(|state| {
            if let Some(error) = state.ended() {
                return Err(error.clone());
            }
            let id = state.transport.open_channel(kind, options)?;
            state.add_slot(id, Opening::Pending);
            Ok(id)
        })?;
        let channel = Channel::new(Arc::clone(&self.shared), id);
        let opened = self.shared.wait(until, |state| {
            let ended = state.ended().cloned();
            match state.slot(id).map(|slot| slot.opening.clone()) {
                Some(Opening::Opened) => Some(Ok(())),
                Some(Opening::Failed { reason, description }) => {
                    Some(Err(Error::OpenRefused { reason, description }))
                }
                Some(Opening::Pending) | None => ended.map(Err),
            }
        });
        match opened {
            Some(result) => result.map(|()| channel),
            None => Err(Error::TimedOut { what: "opening a channel", after: timeout.unwrap_or_default() }),
        }
    }

    /// Opens the channel that the peer asked for.
    pub fn accept_channel(&self, question: OpenQuestion) -> Channel {
        let id = self.shared.with(|state| {
            let id = state.transport.accept_channel(question);
            state.add_slot(id, Opening::Opened);
            id
        });
        Channel::new(Arc::clone(&self.shared), id)
    }

    /// Refuses the channel that the peer asked for.
    pub fn reject_channel(&self, question: OpenQuestion, reason: OpenFailureReason, description: &str) {
        self.with(|transport, _| transport.reject_channel(question, reason, description));
    }

    /// Answers a global request of the peer.
    pub fn answer_global(&self, question: GlobalQuestion, reply: Option<&[u8]>) {
        self.with(|transport, _| transport.answer_global(question, reply));
    }

    /// Sends a global request and waits for the answer: `None` if it was refused, else the data of the reply.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] after `timeout`, after which the answer is dropped should it still come; or what ended
    /// the connection.
    pub fn global_request(
        &self,
        name: &str,
        body: &[u8],
        timeout: Option<Duration>,
    ) -> Result<Option<Bytes>, Error> {
        let until = deadline(timeout);
        let id = self.shared.with(|state| {
            let id = state.transport.global_request(name, body, true)?;
            if let Some(id) = id {
                state.global_replies.expect(id);
            }
            Ok::<_, Error>(id)
        })?;
        let Some(id) = id else { return Ok(None) };
        let reply = self.shared.wait(until, |state| match state.global_replies.take(id) {
            Some(reply) => Some(Ok(reply)),
            None => state.ended().cloned().map(Err),
        });
        reply.unwrap_or_else(|| {
            self.shared.with(|state| state.global_replies.abandon(id));
            Err(Error::TimedOut { what: "global request", after: timeout.unwrap_or_default() })
        })
    }

    /// Ends the connection in an orderly way: tells the peer, and nothing after that. Does not wait.
    pub fn disconnect(&self, reason: DisconnectReason, description: &str) {
        self.with(|transport, _| transport.disconnect(reason, description));
    }

    /// Lets go of the stream without a word: no byte is sent, and the socket is not shut down. For a process that
    /// shares the socket with another one, which goes on with the connection. On [`Halves`](crate::Halves) a read
    /// that is under way is not interrupted.
    pub fn abandon(&self) {
        self.shared.with(|state| {
            state.abandoned = true;
            state.fail(Error::Transport(konko_transport::Error::Closed));
            state.wake_driver();
            state.link = None;
        });
    }

    /// Waits until the connection has ended and its last bytes are sent, and says why it ended. `None` waits for
    /// ever.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] after `timeout`.
    pub fn closed(&self, timeout: Option<Duration>) -> Result<Error, Error> {
        let ended = self.shared.wait(deadline(timeout), |state| match state.link {
            Some(_) => None,
            None => state.ended().cloned(),
        });
        ended.ok_or(Error::TimedOut { what: "waiting for the end", after: timeout.unwrap_or_default() })
    }

    /// Why the connection ended, if it has.
    pub fn error(&self) -> Option<Error> {
        self.shared.lock().ended().cloned()
    }
}
