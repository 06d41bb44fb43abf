//! The handle of one connection.

use crate::channel::{Channel, within};
use crate::driver::Driver;
use crate::error::Error;
use crate::shared::{Io, Shared};
use bytes::Bytes;
use konko_transport::channel::config::OpenOptions;
use konko_transport::channel::open::{ChannelKind, OpenQuestion};
use konko_transport::channel::request::GlobalQuestion;
use konko_transport::crypto::random::SystemRandom;
use konko_transport::channel::identifier::RequestId;
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
        self.shared.lock().handles += 1;
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S: Side> Drop for Connection<S> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.handles -= 1;
        if state.handles == 0 {
            state.wake_driver();
        }
    }
}

/// Forgets the reply to a global request whose future is dropped.
struct Abandon<'a, S: Side> {
    shared: &'a Shared<S>,
    id: RequestId,
}

impl<S: Side> Drop for Abandon<'_, S> {
    fn drop(&mut self) {
        self.shared.lock().global_replies.abandon(self.id);
    }
}

impl Connection<Client> {
    /// A client's connection on `io`. Nothing happens until the driver is polled.
    pub fn client(io: impl Io, config: Arc<ClientConfig>) -> (Self, Driver<Client>) {
        Self::over(io, Transport::client(config, Box::new(SystemRandom), Instant::now()))
    }
}

impl Connection<Server> {
    /// A server's connection on `io`. Nothing happens until the driver is polled.
    pub fn server(io: impl Io, config: Arc<ServerConfig>) -> (Self, Driver<Server>) {
        Self::over(io, Transport::server(config, Box::new(SystemRandom), Instant::now()))
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
        let result = command(&mut state.transport, Instant::now());
        state.touched();
        result
    }

    /// The connection's next event; `None` after its end. Cancel-safe.
    pub async fn next_event(&self) -> Option<S::Event> {
        poll_fn(|cx| self.poll_next_event(cx)).await
    }

    /// As [`next_event`](Self::next_event), to be polled.
    pub fn poll_next_event(&self, cx: &Context<'_>) -> Poll<Option<S::Event>> {
        self.shared.lock().poll_event(cx)
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
        let id = channel.id();
        let opened = poll_fn(|cx| {
            let mut state = self.shared.lock();
            let ended = state.ended().cloned();
            match state.slot(id).map(|slot| slot.slot.opening.clone()) {
                Some(Opening::Opened) => Poll::Ready(Ok(())),
                Some(Opening::Failed { reason, description }) => {
                    Poll::Ready(Err(ended.unwrap_or(Error::OpenRefused { reason, description })))
                }
                Some(Opening::Pending) | None => match ended {
                    Some(error) => Poll::Ready(Err(error)),
                    None => {
                        if let Some(slot) = state.slot(id) {
                            slot.wait_event(cx.waker());
                        }
                        Poll::Pending
                    }
                },
            }
        });
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
            let id = state.transport.global_request(name, body, true)?;
            let id = id.ok_or(Error::Transport(konko_transport::Error::Closed))?;
            state.global_replies.expect(id);
            state.touched();
            id
        };
        let _abandon = Abandon { shared: &self.shared, id };
        let reply = poll_fn(|cx| {
            let mut state = self.shared.lock();
            if let Some(reply) = state.global_replies.take(id) {
                return Poll::Ready(Ok(reply));
            }
            if let Some(error) = state.ended() {
                return Poll::Ready(Err(error.clone()));
            }
            state.wait_for_event(cx);
            Poll::Pending
        });
        within(timeout, "global request", reply).await
    }

    /// Ends the connection in an orderly way. The driver sends the last bytes.
    pub fn disconnect(&self, reason: DisconnectReason, description: &str) {
        self.with(|transport, _| transport.disconnect(reason, description));
    }

    /// Waits until the connection has ended and says why. Cancel-safe.
    pub async fn closed(&self) -> Error {
        poll_fn(|cx| {
            let mut state = self.shared.lock();
            if let Some(error) = state.ended() {
                return Poll::Ready(error.clone());
            }
            state.wait_for_event(cx);
            Poll::Pending
        })
        .await
    }

    /// Why the connection ended, if it has.
    pub fn error(&self) -> Option<Error> {
        self.shared.lock().ended().cloned()
    }
}
