//! The handles of one channel.

use crate::error::Error;
use crate::held::{Held, Wait, within};
use crate::shared::Shared;
use konko_transport::Side;
use konko_transport::channel::event::ChannelEvent;
use konko_transport::channel::identifier::ChannelId;
use konko_transport::channel::request::ChannelRequestQuestion;
use konko_transport::channel::stream::{STDERR, Stream};
use konko_transport::slot::{Opening, Slot};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One open channel. It is closed when the last of its handles (this one, and those it was split into) is
/// dropped; data that was sent before stays sent.
///
/// Reads and writes are those of the channel's data; [`stderr`](Self::stderr) reads its extended data. Reading
/// and writing are cancel-safe: dropping the future of a read or write loses nothing.
/// Shutting a writer down says EOF; where the connection was cut before the peer was done, that is an error.
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
        Self { held: Held::new(shared, id) }
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
        let mut wait = Wait::for_reply(&self.held, id);
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
                slot.wait_for_any_event(cx);
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
