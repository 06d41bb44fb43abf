//! The handles of one channel.

use crate::error::Error;
use crate::shared::{Shared, deadline};
use konko_transport::channel::{ChannelEvent, ChannelId, ChannelRequestQuestion, Progress, STDERR, Stream};
use konko_transport::slot::Slot;
use konko_transport::{ChannelMut, Side};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// No timeout, among nanoseconds.
const NEVER: u64 = u64::MAX;

/// A connection, whichever end it is, as its channels see it.
pub(crate) trait Host: Send + Sync {
    /// Tries `operation` on the channel, if it is still there, until it says that it is done, and serves what it
    /// brought about. The error is why the connection ended, if it has. Returns whether it was done in time.
    fn wait(&self, id: ChannelId, until: Option<Instant>, operation: &mut Operation<'_>) -> bool;
    /// Makes all waits on the connection look again.
    fn announce(&self);
    fn release(&self, id: ChannelId);
}

pub(crate) type Operation<'a> = dyn FnMut(Option<(ChannelMut<'_>, &mut Slot)>, Option<&Error>) -> bool + 'a;

impl<S: Side> Host for Shared<S> {
    fn wait(&self, id: ChannelId, until: Option<Instant>, operation: &mut Operation<'_>) -> bool {
        let done = Shared::wait(self, until, |state| {
            let ended = state.ended().cloned();
            operation(state.channel(id), ended.as_ref()).then_some(())
        });
        done.is_some()
    }

    fn announce(&self) {
        let mut state = self.lock();
        state.announce();
        self.unlock(state);
    }

    fn release(&self, id: ChannelId) {
        self.with(|state| {
            state.release(id);
            state.let_go();
        });
    }
}

/// What all handles of one channel hold on to; the channel is let go with the last of them.
pub(crate) struct Held {
    host: Arc<dyn Host>,
    id: ChannelId,
    /// How long reads and writes wait, in nanoseconds.
    timeout: AtomicU64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.host.release(self.id);
    }
}

impl Held {
    /// Runs `operation` at once.
    fn with<R>(&self, operation: impl FnOnce(Option<(ChannelMut<'_>, &mut Slot)>, Option<&Error>) -> R) -> R {
        let (mut operation, mut result) = (Some(operation), None);
        self.host.wait(self.id, None, &mut |channel, ended| {
            if let Some(operation) = operation.take() {
                result = Some(operation(channel, ended));
            }
            true
        });
        match result {
            Some(result) => result,
            None => unreachable!("a host runs the operation it is given"),
        }
    }

    /// Tries `operation` until it gives something; `None` if it does not in time.
    pub(crate) fn wait<R>(
        &self,
        until: Option<Instant>,
        mut operation: impl FnMut(Option<(ChannelMut<'_>, &mut Slot)>, Option<&Error>) -> Option<R>,
    ) -> Option<R> {
        let mut result = None;
        self.host.wait(self.id, until, &mut |channel, ended| {
            result = operation(channel, ended);
            result.is_some()
        });
        result
    }

    pub(crate) fn announce(&self) {
        self.host.announce();
    }

    fn timeout(&self) -> Option<Duration> {
        match self.timeout.load(Ordering::Relaxed) {
            NEVER => None,
            nanoseconds => Some(Duration::from_nanos(nanoseconds)),
        }
    }

    /// Waits as long as reads and writes may.
    fn wait_io<R>(
        &self,
        what: &'static str,
        operation: impl FnMut(Option<(ChannelMut<'_>, &mut Slot)>, Option<&Error>) -> Option<Result<R, Error>>,
    ) -> io::Result<R> {
        let timeout = self.timeout();
        match self.wait(deadline(timeout), operation) {
            Some(result) => Ok(result?),
            None => Err(Error::TimedOut { what, after: timeout.unwrap_or_default() }.into()),
        }
    }

    /// Reads by `take`, waiting as long as nothing is there.
    fn take<T>(
        &self,
        stream: Stream,
        mut take: impl FnMut(&mut ChannelMut<'_>) -> Progress<T>,
    ) -> io::Result<Option<T>> {
        let what = match stream {
            Stream::Data => "reading from a channel",
            Stream::Extended(_) => "reading from a channel's standard error",
        };
        self.wait_io(what, |channel, ended| {
            let Some((mut channel, _)) = channel else {
                return Some(Err(ended.cloned().unwrap_or(Error::ChannelClosed)));
            };
            match (take(&mut channel), ended) {
                (Progress::Moved(taken), _) => Some(Ok(Some(taken))),
                // A stream that was cut short must not look like one that ended.
                (Progress::Ended, Some(error)) if channel.state().is_cut() => Some(Err(error.clone())),
                (Progress::Ended, _) => Some(Ok(None)),
                (Progress::Blocked, Some(error)) => Some(Err(error.clone())),
                (Progress::Blocked, None) => None,
            }
        })
    }

    fn read(&self, stream: Stream, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        Ok(self.take(stream, |channel| channel.read(stream, buffer))?.unwrap_or(0))
    }

    fn write(&self, stream: Stream, data: &[u8]) -> io::Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        self.wait_io("writing to a channel", |channel, ended| {
            let Some((mut channel, _)) = channel else {
                return Some(Err(ended.cloned().unwrap_or(Error::ChannelClosed)));
            };
            if let Some(error) = ended {
                return Some(Err(error.clone()));
            }
            match channel.write(stream, data) {
                Progress::Moved(moved) => Some(Ok(moved)),
                Progress::Ended => Some(Err(Error::ChannelClosed)),
                Progress::Blocked => None,
            }
        })
    }
}

/// One open channel. It is closed when the last of its handles (its clones, readers and writers) is dropped; data
/// that was sent before stays sent.
///
/// `Read` and `Write` are those of the channel's data; [`stderr`](Self::stderr) reads its extended data. A `write`
/// takes what the peer's window lets it send, and waits while that is nothing; what it took is sent without a
/// `flush`.
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
    /// A handle of a channel, which counts among the handles of its connection from now on.
    pub(crate) fn new<S: Side>(shared: Arc<Shared<S>>, id: ChannelId) -> Self {
        shared.lock().handles += 1;
        Self { held: Arc::new(Held { host: shared, id, timeout: AtomicU64::new(NEVER) }) }
    }

    pub(crate) fn held(&self) -> &Arc<Held> {
        &self.held
    }

    /// Its number on this side.
    pub fn id(&self) -> ChannelId {
        self.held.id
    }

    /// How long a read or write of any handle of this channel may wait, from now on; at first for ever. After
    /// that it fails with [`TimedOut`](io::ErrorKind::TimedOut) and has moved nothing. Zero never waits.
    pub fn set_timeout(&self, timeout: Option<Duration>) {
        let nanoseconds = timeout.map_or(NEVER, |timeout| u64::try_from(timeout.as_nanos()).unwrap_or(NEVER));
        self.held.timeout.store(nanoseconds, Ordering::Relaxed);
    }

    /// What [`set_timeout`](Self::set_timeout) has set.
    pub fn timeout(&self) -> Option<Duration> {
        self.held.timeout()
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

    fn command(&self, command: impl FnOnce(&mut ChannelMut<'_>)) {
        self.held.with(|channel, _| {
            if let Some((mut channel, _)) = channel {
                command(&mut channel);
            }
        });
    }

    /// Drops standard error from now on as it comes.
    pub fn discard_stderr(&self) {
        self.command(|channel| channel.discard(STDERR));
    }

    /// Drops data from now on as it comes.
    pub fn discard_data(&self) {
        self.command(|channel| channel.discard(Stream::Data));
    }

    /// From now on standard error appears among the data, in the order of its arrival.
    pub fn merge_stderr(&self) {
        self.command(|channel| channel.merge_extended());
    }

    /// Says that no more data will be sent; reading goes on. Does nothing where that was said before.
    ///
    /// # Errors
    ///
    /// What ended the connection, or that the channel is closed.
    pub fn send_eof(&self) -> Result<(), Error> {
        self.held.with(|channel, ended| match (channel, ended) {
            (_, Some(error)) => Err(error.clone()),
            (None, None) => Err(Error::ChannelClosed),
            (Some((mut channel, _)), None) => Ok(channel.send_eof()?),
        })
    }

    /// Closes the channel; what has arrived stays readable.
    pub fn close(&self) {
        self.command(|channel| channel.close());
    }

    /// Sends a channel request without asking for a reply.
    ///
    /// # Errors
    ///
    /// What ended the connection, or that the channel is closed.
    pub fn notify(&self, request_type: &str, body: &[u8]) -> Result<(), Error> {
        self.held.with(|channel, ended| match (channel, ended) {
            (_, Some(error)) => Err(error.clone()),
            (None, None) => Err(Error::ChannelClosed),
            (Some((mut channel, _)), None) => {
                channel.request(request_type, body, false).map(|_| ()).map_err(Error::from)
            }
        })
    }

    /// Sends a channel request and waits for the answer: whether it was granted. A channel that the peer closes
    /// instead grants nothing. `None` waits for ever.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] after `timeout`; the answer is dropped if it still comes. [`Error::ChannelClosed`], or
    /// what ended the connection.
    pub fn request(&self, request_type: &str, body: &[u8], timeout: Option<Duration>) -> Result<bool, Error> {
        let until = deadline(timeout);
        let id = self.held.with(|channel, ended| match (channel, ended) {
            (_, Some(error)) => Err(error.clone()),
            (None, None) => Err(Error::ChannelClosed),
            (Some((mut channel, slot)), None) => {
                let id = channel.request(request_type, body, true)?.ok_or(Error::ChannelClosed)?;
                slot.replies.expect(id);
                Ok(id)
            }
        })?;
        let reply = self.held.wait(until, |channel, ended| {
            let ended = || ended.cloned().unwrap_or(Error::ChannelClosed);
            let Some((_, slot)) = channel else { return Some(Err(ended())) };
            match slot.replies.take(id) {
                Some(success) => Some(Ok(success)),
                None => slot.closed.then(|| Err(ended())),
            }
        });
        reply.unwrap_or_else(|| {
            self.held.with(|channel, _| {
                if let Some((_, slot)) = channel {
                    slot.replies.abandon(id);
                }
            });
            Err(Error::TimedOut { what: "channel request", after: timeout.unwrap_or_default() })
        })
    }

    /// Waits for the channel's next event: a request of the peer, EOF or its end. `Ok(None)` after its end. `None`
    /// waits for ever.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] after `timeout`.
    pub fn next_event(&self, timeout: Option<Duration>) -> Result<Option<ChannelEvent>, Error> {
        let event = self.held.wait(deadline(timeout), |channel, ended| {
            let Some((_, slot)) = channel else { return Some(None) };
            match slot.next_event() {
                Some(event) => Some(Some(event)),
                None => (slot.closed || ended.is_some()).then_some(None),
            }
        });
        event.ok_or(Error::TimedOut {
            what: "waiting for a channel's event",
            after: timeout.unwrap_or_default(),
        })
    }

    /// Answers a request of the peer.
    pub fn answer(&self, question: ChannelRequestQuestion, success: bool) {
        self.command(|channel| channel.answer(question, success));
    }

    /// Why the connection ended, if it has.
    pub fn connection_error(&self) -> Option<Error> {
        self.held.with(|_, ended| ended.cloned())
    }
}

impl Read for &Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.held.read(Stream::Data, buffer)
    }
}

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.held.read(Stream::Data, buffer)
    }
}

impl Write for &Channel {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.held.write(Stream::Data, data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Channel {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.held.write(Stream::Data, data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
    /// Takes one chunk as it arrived, without copying it, at most `maximum` bytes; `None` at the end. Waits as
    /// long as a read.
    ///
    /// # Errors
    ///
    /// What cut the connection before the stream's end, or that the wait took too long.
    pub fn read_chunk(&mut self, maximum: usize) -> io::Result<Option<bytes::Bytes>> {
        let stream = self.stream;
        self.held.take(stream, |channel| channel.read_chunk(stream, maximum))
    }
}

impl Read for ChannelReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.held.read(self.stream, buffer)
    }
}

/// Writes one stream of a channel.
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

impl Write for ChannelWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.held.write(self.stream, data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
