//! What the handles of one channel share, and how they wait.

use crate::error::Error;
use crate::shared::{Attempt, Shared};
use crate::slot::WaitingSlot;
use crate::waiters::WaiterKey;
use konko_transport::channel::identifier::{ChannelId, RequestId};
use konko_transport::channel::stream::{Progress, Stream};
use konko_transport::slot::Slot;
use konko_transport::{ChannelMut, Side};
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::ReadBuf;

/// A connection, whichever end it is, as its channels see it.
trait Host: Send + Sync {
    /// Runs `operation` on the channel, if it is still there, then serves what it brought about. The error is
    /// why the connection ended, if it has.
    fn with(&self, id: ChannelId, operation: &mut Operation<'_>);
    /// As [`with`](Self::with), for a reader: while `attempt` is blocked the stream is read and it is run again.
    /// When it is run for the last time it is told so.
    fn read(&self, id: ChannelId, attempt: &mut ReadAttempt<'_>);
    fn release(&self, id: ChannelId);
}

type Operation<'a> = dyn FnMut(Option<(ChannelMut<'_>, &mut WaitingSlot)>, Option<Error>) + 'a;
type ReadAttempt<'a> =
    dyn FnMut(Option<(ChannelMut<'_>, &mut WaitingSlot)>, Option<Error>, bool) -> Attempt + 'a;

impl<S: Side> Host for Shared<S> {
    fn with(&self, id: ChannelId, operation: &mut Operation<'_>) {
        let mut state = self.lock();
        let ended = state.ended().cloned();
        operation(state.channel(id), ended);
        state.handle_leaves(id);
        state.touched();
    }

    fn read(&self, id: ChannelId, attempt: &mut ReadAttempt<'_>) {
        let mut state = self.lock();
        state.read_for(id, |state, last| {
            let ended = state.ended().cloned();
            attempt(state.channel(id), ended, last)
        });
        state.touched();
    }

    fn release(&self, id: ChannelId) {
        let mut state = self.lock();
        state.release(id);
        state.let_go();
    }
}

/// What all handles of one channel hold on to; the channel is let go with the last of them.
pub(crate) struct Held {
    host: Arc<dyn Host>,
    pub(crate) id: ChannelId,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.host.release(self.id);
    }
}

impl Held {
    /// A handle of a channel, which counts among the handles of its connection from now on.
    pub(crate) fn new<S: Side>(shared: Arc<Shared<S>>, id: ChannelId) -> Arc<Self> {
        shared.lock().hold();
        Arc::new(Self { host: shared, id })
    }

    pub(crate) fn with<R>(
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

    pub(crate) fn poll_read(
        &self,
        stream: Stream,
        cx: &Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read =
            self.poll_progress(stream, cx, |channel| channel.read(stream, buffer.initialize_unfilled()));
        buffer.advance(std::task::ready!(read)?.unwrap_or(0));
        Poll::Ready(Ok(()))
    }

    /// Reads by `operation`; `None` at the end of the stream.
    pub(crate) fn poll_progress<T>(
        &self,
        stream: Stream,
        cx: &Context<'_>,
        mut operation: impl FnMut(&mut ChannelMut<'_>) -> Progress<T>,
    ) -> Poll<io::Result<Option<T>>> {
        let mut result = Poll::Pending;
        self.host.read(self.id, &mut |channel, ended, last| {
            let Some((mut channel, slot)) = channel else {
                result = Poll::Ready(Err(ended.unwrap_or(Error::ChannelClosed).into()));
                return Attempt::Ended;
            };
            let read = match (operation(&mut channel), ended) {
                (Progress::Moved(moved), _) => {
                    result = Poll::Ready(Ok(Some(moved)));
                    return Attempt::Moved;
                }
                // A channel that was cut short must not look like one that ended.
                (Progress::Ended, Some(error)) if channel.state().is_cut() => Err(error.into()),
                (Progress::Ended, _) => Ok(None),
                (Progress::Blocked, Some(error)) => Err(error.into()),
                (Progress::Blocked, None) => {
                    if last {
                        slot.wait_readable(stream, cx);
                    }
                    return Attempt::Blocked;
                }
            };
            result = Poll::Ready(read);
            Attempt::Ended
        });
        result
    }

    pub(crate) fn poll_write(
        &self,
        stream: Stream,
        cx: &Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
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
                    slot.wait_writable(cx);
                    Poll::Pending
                }
            }
        })
    }

    pub(crate) fn send_eof(&self) {
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
    pub(crate) fn shutdown(&self) -> io::Result<()> {
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

/// A future that waits. When it is dropped its waker is forgotten, and the reply it waits for.
pub(crate) struct Wait<'a> {
    held: &'a Held,
    key: Option<WaiterKey>,
    reply: Option<RequestId>,
}

impl<'a> Wait<'a> {
    pub(crate) fn new(held: &'a Held) -> Self {
        Self { held, key: None, reply: None }
    }

    pub(crate) fn for_reply(held: &'a Held, reply: RequestId) -> Self {
        Self { held, key: None, reply: Some(reply) }
    }

    /// Waits until `attempt` gives something; it is tried again whenever something has happened. It is given why
    /// the connection ended, if it has.
    pub(crate) async fn until<R>(
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
                    slot.wait_for_event(&mut self.key, cx);
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
                slot.forget_waiter(key);
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
