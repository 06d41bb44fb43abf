//! The handles of one channel.

use crate::error::Error;
use crate::shared::Shared;
use crate::slot::WaitingSlot;
use crate::waiters::WaiterKey;
use konko_transport::channel::event::ChannelEvent;
use konko_transport::channel::identifier::{ChannelId, RequestId};
use konko_transport::channel::request::ChannelRequestQuestion;
use konko_transport::channel::stream::{Progress, STDERR, Stream};
use konko_transport::slot::{Opening, Slot};
use konko_transport::{ChannelMut, Side};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection, whichever end it is, as its channels see it.
trait Host: Send + Sync {
    /// Runs `operation` on the channel, if it is still there, then serves what it brought about. The error is
    /// why the connection ended, if it has.
    fn with(&self, id: ChannelId, operation: &mut Operation<'_>);
    fn release(&self, id: ChannelId);
}

type Operation<'a> = dyn FnMut(Option<(ChannelMut<'_>, &mut WaitingSlot)>, Option<Error>) + 'a;

impl<S: Side> Host for Shared<S> {
    fn with(&self, id: ChannelId, operation: &mut Operation<'_>) {
        let mut state = self.lock();
        let ended = state.ended().cloned();
        operation(state.channel(id), ended);
        state.touched();
    }

    fn release(&self, id: ChannelId) {
        let mut state = self.lock();
        state.release(id);
        state.let_go();
    }
}

/// What all handles of one channel hold on to; the channel is let go with the last of them.
struct Held {
    host: Arc<dyn Host>,
    id: ChannelId,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.host.release(self.id);
    }
}

impl Held {
    fn with<R>(
        &self,
        operation: impl FnOnce(Option<(ChannelMut<'_>, &mut WaitingSlot)>, Option<Error>) -> R,
    ) -> R {
        let (mut operation, mut result) = (Some(operation), None);
        self.host.with(self.id, &mut |channel, ended| {
            if let Some(operation) = operation.take() {
                result = Some(operation(channel, ended));
            }
        });
        match result {
            Some(result) => result,
            None => unreachable!("a host runs the operation it is given"),
        }
    }

    fn poll_read(&self, stream: Stream, cx: &Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read =
            self.poll_progress(stream, cx, |channel| channel.read(stream, buffer.initialize_unfilled()));
        buffer.advance(std::task::ready!(read)?.unwrap_or(0));
        Poll::Ready(Ok(()))
    }

    /// Reads by `operation`; `None` at the end of the stream.
    fn poll_progress<T>(
        &self,
        stream: Stream,
        cx: &Context<'_>,
        operation: impl FnOnce(&mut ChannelMut<'_>) -> Progress<T>,
    ) -> Poll<io::Result<Option<T>>> {
        self.with(|channel, ended| {
            let Some((mut channel, slot)) = channel else {
                return Poll::Ready(Err(ended.unwrap_or(Error::ChannelClosed).into()));
            };
            match operation(&mut channel) {
                Progress::Moved(moved) => Poll::Ready(Ok(Some(moved))),
                Progress::Ended => match ended {
                    // A channel that was cut short must not look like one that ended.
                    Some(error) if channel.state().is_cut() => Poll::Ready(Err(error.into())),
                    _ => Poll::Ready(Ok(None)),
                },
                Progress::Blocked => match ended {
                    Some(error) => Poll::Ready(Err(error.into())),
                    None => {
                        slot.wait_readable(stream, cx);
                        Poll::Pending
                    }
                },
            }
        })
    }

    fn poll_write(&self, stream: Stream, cx: &Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.with(|channel, ended| {
            let Some((mut channel, slot)) = channel else {
                return Poll::Ready(Err(ended.unwrap_or(Error::ChannelClosed).into()));
            };
            if let Some(error) = ended {
                return Poll::Ready(Err(error.into()));
            }
            match channel.write(stream, data) {
                Progress::Moved(n) => Poll::Ready(Ok(n)),
                Progress::Ended => Poll::Ready(Err(Error::ChannelClosed.into())),
                Progress::Blocked => {
                    slot.writers.wait(cx);
                    Poll::Pending
                }
            }
        })
    }

    fn send_eof(&self) {
        self.with(|channel, _| {
            if let Some((mut channel, _)) = channel
                && let Err(error) = channel.send_eof()
            {
                tracing::debug!(%error, "EOF on a channel that is not open");
            }
        });
    }

    /// Says that no more data will be sent. Where the channel is closed the peer knows that; where the connection
    /// was cut it never will, and may miss data as well.
    fn shutdown(&self) -> io::Result<()> {
        let cut = self.with(|channel, ended| {
            let cut = channel.is_none_or(|(channel, _)| channel.state().is_cut());
            ended.filter(|_| cut)
        });
        if let Some(error) = cut {
            return Err(error.into());
        }
        self.send_eof();
        Ok(())
    }
}

/// One open channel. It is closed when the last of its handles (this one, and those it was split into) is
/// dropped; data that was sent before stays sent.
///
/// Reads and writes are those of the channel's data; [`stderr`](Self::stderr) reads its extended data. Reading
/// and writing are cancel-safe: dropping the future of a read or write loses nothing.
#[derive(Clone)]
pub struct Channel {
    held: Arc<Held>,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Channel").field(&self.held.id).finish()
    }
}

impl Channel {
    pub(crate) fn new<S: Side>(shared: Arc<Shared<S>>, id: ChannelId) -> Self {
        shared.lock().hold();
        Self { held: Arc::new(Held { host: shared, id }) }
    }

    /// Its number on this side.
    pub fn id(&self) -> ChannelId {
        self.held.id
    }

    /// A reader of the channel's data.
    pub fn reader(&self) -> ChannelReader {
        ChannelReader { held: Arc::clone(&self.held), stream: Stream::Data }
    }

    /// A reader of the channel's standard error.
    pub fn stderr(&self) -> ChannelReader {
        ChannelReader { held: Arc::clone(&self.held), stream: STDERR }
    }

    /// A writer of the channel's data.
    pub fn writer(&self) -> ChannelWriter {
        ChannelWriter { held: Arc::clone(&self.held), stream: Stream::Data }
    }

    /// A writer of the channel's standard error (what a server does).
    pub fn stderr_writer(&self) -> ChannelWriter {
        ChannelWriter { held: Arc::clone(&self.held), stream: STDERR }
    }

    /// Drops standard error from now on as it comes.
    pub fn discard_stderr(&self) {
        self.held.with(|channel, _| {
            if let Some((mut channel, _)) = channel {
                channel.discard(STDERR);
            }
        });
    }

    /// Drops data from now on as it comes.
    pub fn discard_data(&self) {
        self.held.with(|channel, _| {
            if let Some((mut channel, _)) = channel {
                channel.discard(Stream::Data);
            }
        });
    }

    /// From now on standard error appears among the data, in the order of its arrival.
    pub fn merge_stderr(&self) {
        self.held.with(|channel, _| {
            if let Some((mut channel, _)) = channel {
                channel.merge_extended();
            }
        });
    }

    /// Says that no more data will be sent; reading goes on.
    pub fn send_eof(&self) {
        self.held.send_eof();
    }

    /// Closes the channel; what has arrived stays readable.
    pub fn close(&self) {
        self.held.with(|channel, _| {
            if let Some((mut channel, _)) = channel {
                channel.close();
            }
        });
    }

    /// Sends a channel request without asking for a reply.
    ///
    /// # Errors
    ///
    /// What ended the connection, or that the channel is closed.
    pub fn notify(&self, request_type: &str, body: &[u8]) -> Result<(), Error> {
        self.held.with(|channel, ended| match (channel, ended) {
            (_, Some(error)) => Err(error),
            (None, None) => Err(Error::ChannelClosed),
            (Some((mut channel, _)), None) => {
                channel.request(request_type, body, false).map(|_| ()).map_err(Error::from)
            }
        })
    }

    /// Sends a channel request and waits for the answer: whether it was granted. A channel that the peer closes
    /// instead grants nothing. `None` waits for ever.
    ///
    /// Dropping the future does not take the request back; its answer is then dropped, too.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] after `timeout`, [`Error::ChannelClosed`] if the channel is closed, or what ended the
    /// connection.
    pub async fn request(
        &self,
        request_type: &str,
        body: &[u8],
        timeout: Option<Duration>,
    ) -> Result<bool, Error> {
        let id = self.held.with(|channel, ended| match (channel, ended) {
            (_, Some(error)) => Err(error),
            (None, None) => Err(Error::ChannelClosed),
            (Some((mut channel, slot)), None) => {
                let id = channel.request(request_type, body, true)?.ok_or(Error::ChannelClosed)?;
                slot.slot.replies.expect(id);
                Ok(id)
            }
        })?;
        let mut wait = Wait { reply: Some(id), ..Wait::new(&self.held) };
        let reply = wait.until(|slot, ended| match (slot.replies.take(id), ended) {
            (Some(reply), _) => Poll::Ready(Ok(reply)),
            (None, Some(error)) => Poll::Ready(Err(error)),
            (None, None) if slot.closed => Poll::Ready(Err(Error::ChannelClosed)),
            (None, None) => Poll::Pending,
        });
        within(timeout, "channel request", reply).await
    }

    /// The channel's next event: a request of the peer, EOF or its end. `None` after its end. Cancel-safe.
    pub async fn next_event(&self) -> Option<ChannelEvent> {
        let next = |slot: &mut Slot, ended: Option<Error>| next_event(slot, ended.is_some()).map(Ok);
        // A channel that is no more has no events.
        Wait::new(&self.held).until(next).await.unwrap_or(None)
    }

    /// As [`next_event`](Self::next_event), to be polled.
    pub fn poll_next_event(&self, cx: &Context<'_>) -> Poll<Option<ChannelEvent>> {
        self.held.with(|channel, ended| {
            let Some((_, slot)) = channel else { return Poll::Ready(None) };
            let event = next_event(&mut slot.slot, ended.is_some());
            if event.is_pending() {
                slot.events.wait(cx);
            }
            event
        })
    }

    /// Waits until the peer has answered the open.
    pub(crate) async fn opened(&self) -> Result<(), Error> {
        let mut wait = Wait::new(&self.held);
        wait.until(|slot, ended| match (&slot.opening, ended) {
            (Opening::Opened, _) => Poll::Ready(Ok(())),
            (_, Some(error)) => Poll::Ready(Err(error)),
            (Opening::Failed { reason, description }, None) => {
                Poll::Ready(Err(Error::OpenRefused { reason: *reason, description: description.clone() }))
            }
            (Opening::Pending, None) => Poll::Pending,
        })
        .await
    }

    /// Answers a request of the peer.
    pub fn answer(&self, question: ChannelRequestQuestion, success: bool) {
        self.held.with(|channel, _| {
            if let Some((mut channel, _)) = channel {
                channel.answer(question, success);
            }
        });
    }

    /// Why the connection ended, if it has.
    pub fn connection_error(&self) -> Option<Error> {
        self.held.with(|_, ended| ended)
    }
}

fn next_event(slot: &mut Slot, ended: bool) -> Poll<Option<ChannelEvent>> {
    match slot.next_event() {
        Some(event) => Poll::Ready(Some(event)),
        None if slot.closed || ended => Poll::Ready(None),
        None => Poll::Pending,
    }
}

/// A future that waits. When it is dropped its waker is forgotten, and the reply it waits for.
struct Wait<'a> {
    held: &'a Held,
    key: Option<WaiterKey>,
    reply: Option<RequestId>,
}

impl<'a> Wait<'a> {
    fn new(held: &'a Held) -> Self {
        Self { held, key: None, reply: None }
    }

    /// Waits until `attempt` gives something; it is tried again whenever something has happened. It is given why
    /// the connection ended, if it has.
    async fn until<R>(
        &mut self,
        mut attempt: impl FnMut(&mut Slot, Option<Error>) -> Poll<Result<R, Error>>,
    ) -> Result<R, Error> {
        poll_fn(|cx| {
            self.held.with(|channel, ended| {
                let Some((_, slot)) = channel else {
                    return Poll::Ready(Err(ended.unwrap_or(Error::ChannelClosed)));
                };
                let result = attempt(&mut slot.slot, ended);
                if result.is_pending() {
                    slot.events.wait_as(&mut self.key, cx);
                }
                result
            })
        })
        .await
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if self.key.is_none() && self.reply.is_none() {
            return;
        }
        self.held.with(|channel, _| {
            let Some((_, slot)) = channel else { return };
            if let Some(key) = self.key {
                slot.events.forget(key);
            }
            if let Some(id) = self.reply {
                slot.slot.replies.abandon(id);
            }
        });
    }
}

/// Waits for `future` at most `timeout`.
pub(crate) async fn within<T>(
    timeout: Option<Duration>,
    what: &'static str,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match timeout {
        None => future.await,
        Some(after) => match tokio::time::timeout(after, future).await {
            Ok(result) => result,
            Err(_) => Err(Error::TimedOut { what, after }),
        },
    }
}

impl AsyncRead for Channel {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.held.poll_read(Stream::Data, cx, buffer)
    }
}

impl AsyncWrite for Channel {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.held.poll_write(Stream::Data, cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.held.shutdown())
    }
}

/// Reads one stream of a channel.
#[derive(Clone)]
pub struct ChannelReader {
    held: Arc<Held>,
    stream: Stream,
}

impl std::fmt::Debug for ChannelReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ChannelReader").field(&self.held.id).field(&self.stream).finish()
    }
}

impl ChannelReader {
    /// Takes one chunk as it arrived, without copying it, at most `maximum` bytes; `None` at the end.
    /// Cancel-safe.
    ///
    /// # Errors
    ///
    /// What cut the connection before the stream's end.
    pub async fn read_chunk(&mut self, maximum: usize) -> io::Result<Option<bytes::Bytes>> {
        poll_fn(|cx| self.poll_read_chunk(cx, maximum)).await
    }

    /// As [`read_chunk`](Self::read_chunk), to be polled.
    pub fn poll_read_chunk(
        &mut self,
        cx: &Context<'_>,
        maximum: usize,
    ) -> Poll<io::Result<Option<bytes::Bytes>>> {
        let stream = self.stream;
        self.held.poll_progress(stream, cx, |channel| channel.read_chunk(stream, maximum))
    }
}

impl AsyncRead for ChannelReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.held.poll_read(self.stream, cx, buffer)
    }
}

/// Writes one stream of a channel. Shutting it down says EOF.
#[derive(Clone)]
pub struct ChannelWriter {
    held: Arc<Held>,
    stream: Stream,
}

impl std::fmt::Debug for ChannelWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ChannelWriter").field(&self.held.id).field(&self.stream).finish()
    }
}

impl AsyncWrite for ChannelWriter {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.held.poll_write(self.stream, cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.held.shutdown())
    }
}
