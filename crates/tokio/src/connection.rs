//! The handle of one connection.

use crate::channel::Channel;
use crate::driver::Driver;
use crate::error::Error;
use crate::held::within;
use crate::shared::{Io, Shared, State, now};
use crate::waiters::WaiterKey;
use bytes::Bytes;
use konko_transport::channel::config::OpenOptions;
use konko_transport::channel::identifier::RequestId;
use konko_transport::channel::open::{ChannelKind, OpenQuestion};
use konko_transport::channel::request::GlobalQuestion;
use konko_transport::crypto::random::SystemRandom;
use konko_transport::slot::Opening;
use konko_transport::wire::number::{DisconnectReason, OpenFailureReason};
use konko_transport::{Client, ClientConfig, Server, ServerConfig, Side, Transport};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// One SSH connection. Cheap to clone; the connection is closed when the last handle (clones and channels) is
/// dropped.
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
        self.shared.lock().hold();
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S: Side> Drop for Connection<S> {
    fn drop(&mut self) {
        self.shared.lock().let_go();
    }
}

/// A future that waits. When it is dropped its waker is forgotten, and the reply it waits for.
struct Wait<'a, S: Side> {
    shared: &'a Shared<S>,
    key: Option<WaiterKey>,
    reply: Option<RequestId>,
}

impl<'a, S: Side> Wait<'a, S> {
    fn new(shared: &'a Shared<S>) -> Self {
        Self { shared, key: None, reply: None }
    }

    /// Waits until `attempt` gives something; it is tried again whenever something has happened.
    async fn until<R>(&mut self, mut attempt: impl FnMut(&mut State<S>) -> Poll<R>) -> R {
        poll_fn(|cx| {
            let mut state = self.shared.lock();
            let result = attempt(&mut state);
            if result.is_pending() {
                state.wait_for_event(&mut self.key, cx);
            }
            result
        })
        .await
    }
}

impl<S: Side> Drop for Wait<'_, S> {
    fn drop(&mut self) {
        if self.key.is_none() && self.reply.is_none() {
            return;
        }
        let mut state = self.shared.lock();
        if let Some(key) = self.key {
            state.forget_waiter(key);
        }
        if let Some(id) = self.reply {
            state.global_replies.abandon(id);
        }
    }
}

impl Connection<Client> {
    /// A client's connection on `io`. Nothing happens until the driver is polled.
    pub fn client(io: impl Io, config: Arc<ClientConfig>) -> (Self, Driver<Client>) {
        Self::over(io, Transport::client(config, Box::new(SystemRandom), now()))
    }
}

impl Connection<Server> {
    /// A server's connection on `io`. Nothing happens until the driver is polled.
    pub fn server(io: impl Io, config: Arc<ServerConfig>) -> (Self, Driver<Server>) {
        Self::over(io, Transport::server(config, Box::new(SystemRandom), now()))
    }
}

impl<S: Side> Connection<S> {
    /// A connection on `io` with a machine that exists already.
    pub fn over(io: impl Io, transport: Transport<S>) -> (Self, Driver<S>) {
        let shared = Shared::new(transport, Box::new(io));
        (Self { shared: Arc::clone(&shared) }, Driver::new(shared))
    }

    /// Runs `command` on the machine and serves what it brings about. For everything that is not a wait:
    /// authenticating, answering questions, looking things up. It must not block.
    pub fn with<R>(&self, command: impl FnOnce(&mut Transport<S>, Instant) -> R) -> R {
        let mut state = self.shared.lock();
        let result = command(&mut state.transport, now());
        state.touched();
        result
    }

    /// The connection's next event; `None` after its end. Cancel-safe.
    ///
    /// Where a thousand events wait to be fetched nothing more is read from the peer; news of changed keys and
    /// pongs are dropped before that.
    pub async fn next_event(&self) -> Option<S::Event> {
        Wait::new(&self.shared).until(State::next_event).await
    }

    /// As [`next_event`](Self::next_event), to be polled.
    pub fn poll_next_event(&self, cx: &Context<'_>) -> Poll<Option<S::Event>> {
        let mut state = self.shared.lock();
        let event = state.next_event();
        if event.is_pending() {
            state.wait_for_any_event(cx);
        }
        event
    }

    /// Opens a channel and waits until the peer has confirmed it. `None` waits for ever.
    ///
    /// Dropping the future, or running into `timeout`, lets the channel go: should the peer confirm it later, it
    /// is closed at once.
    ///
    /// # Errors
    ///
    /// [`Error::OpenRefused`] with the peer's words, [`Error::TimedOut`], or what ended the connection.
    pub async fn open_channel(
        &self,
        kind: ChannelKind,
        options: OpenOptions,
        timeout: Option<Duration>,
    ) -> Result<Channel, Error> {
        let channel = {
            let mut state = self.shared.lock();
            if let Some(error) = state.ended() {
                return Err(error.clone());
            }
            let id = state.transport.open_channel(kind, options)?;
            state.add_slot(id, Opening::Pending);
            state.touched();
            drop(state);
            Channel::new(Arc::clone(&self.shared), id)
        };
        let opened = channel.opened();
        within(timeout, "opening a channel", opened).await?;
        Ok(channel)
    }

    /// Opens the channel that the peer asked for.
    pub fn accept_channel(&self, question: OpenQuestion) -> Channel {
        let mut state = self.shared.lock();
        let id = state.transport.accept_channel(question);
        state.add_slot(id, Opening::Opened);
        state.touched();
        drop(state);
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
    /// Dropping the future does not take the request back.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], or what ended the connection.
    pub async fn global_request(
        &self,
        name: &str,
        body: &[u8],
        timeout: Option<Duration>,
    ) -> Result<Option<Bytes>, Error> {
        let id = {
            let mut state = self.shared.lock();
            if let Some(error) = state.ended() {
                return Err(error.clone());
            }
            let id = state.transport.global_request(name, body, true)?;
            let id = id.ok_or(Error::Transport(konko_transport::Error::Closed))?;
            state.global_replies.expect(id);
            state.touched();
            id
        };
        let mut wait = Wait { shared: &self.shared, key: None, reply: Some(id) };
        let reply = wait.until(|state| match (state.global_replies.take(id), state.ended()) {
            (Some(reply), _) => Poll::Ready(Ok(reply)),
            (None, Some(error)) => Poll::Ready(Err(error.clone())),
            (None, None) => Poll::Pending,
        });
        within(timeout, "global request", reply).await
    }

    /// Ends the connection in an orderly way. The driver sends the last bytes.
    pub fn disconnect(&self, reason: DisconnectReason, description: &str) {
        self.with(|transport, _| transport.disconnect(reason, description));
    }

    /// Waits until the connection has ended and its last bytes are sent, and says why it ended. Cancel-safe.
    pub async fn closed(&self) -> Error {
        let mut wait = Wait::new(&self.shared);
        wait.until(|state| state.over().cloned().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// Why the connection ended, if it has.
    pub fn error(&self) -> Option<Error> {
        self.shared.lock().ended().cloned()
    }

    #[cfg(test)]
    pub(crate) fn kept(&self) -> crate::shared::Kept {
        self.shared.lock().kept()
    }
}
