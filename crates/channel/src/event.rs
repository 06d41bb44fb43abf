//! What the application is told: of a channel by its own queue, of the connection by the connection's. A channel's
//! queue is bounded by construction: one `Readable` a stream, one `Writable`, and a limit on requests.

use crate::error::ChannelError;
use crate::identifier::{ChannelId, RequestId};
use crate::open::OpenQuestion;
use crate::request::{ChannelRequestQuestion, GlobalQuestion};
use crate::stream::{STDERR, Stream};
use bytes::Bytes;
use konko_wire::number::OpenFailureReason;
use std::collections::VecDeque;

/// What happened on a channel.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChannelEvent {
    /// The peer confirmed the open.
    Opened,
    /// The peer refused the open, or the connection was lost before it answered. The channel is closed.
    OpenFailed {
        /// Why.
        reason: OpenFailureReason,
        /// In words; from the peer, so escape it before showing it. Cut after 1,024 bytes.
        description: String,
    },
    /// There is something to read, or the stream has ended. Comes first by itself, then once after each
    /// [`Progress::Blocked`](crate::stream::Progress::Blocked).
    Readable(Stream),
    /// Something can be written, or nothing ever again. Comes once after each
    /// [`Progress::Blocked`](crate::stream::Progress::Blocked).
    Writable,
    /// The peer will send no more data. What has arrived can still be read.
    Eof,
    /// The peer asks for something.
    Request(ChannelRequestQuestion),
    /// The peer answered a request of ours, or never will: then `success` is false.
    RequestReply {
        /// Which.
        id: RequestId,
        /// Whether it was granted.
        success: bool,
    },
    /// The peer has closed the channel, or the connection was lost. What has arrived can still be read.
    Closed,
}

/// What happened on the connection. Closed on purpose: whoever composes the layers must serve every one.
#[derive(Debug)]
pub enum ConnectionEvent {
    /// Something happened on a channel: look at its own `poll_event`. Comes again only when something else has
    /// happened, not because events were left.
    Channel(ChannelId),
    /// The peer wants to open a channel.
    OpenRequested(OpenQuestion),
    /// The peer asks for something.
    GlobalRequest(GlobalQuestion),
    /// The peer answered a request of ours.
    GlobalReply {
        /// Which.
        id: RequestId,
        /// What the answer carries if it is granted; `None` if it is refused or the connection was lost.
        reply: Option<Bytes>,
    },
}

/// The most requests that want no reply and wait to be polled.
pub const MAXIMUM_UNPOLLED_REQUESTS: usize = 1024;
/// When the requests that wait to be polled are beyond this many bytes, no further one is taken.
pub const MAXIMUM_UNPOLLED_REQUEST_BYTES: usize = 256 * 1024;

/// How many requests wait to be polled, and how large they are.
#[derive(Debug, Default)]
pub struct RequestBudget {
    count: usize,
    bytes: usize,
}

impl RequestBudget {
    /// Counts a request of `len` bytes.
    pub fn enter(&mut self, len: usize) -> Result<(), ChannelError> {
        if self.count >= MAXIMUM_UNPOLLED_REQUESTS || self.bytes > MAXIMUM_UNPOLLED_REQUEST_BYTES {
            return Err(ChannelError::LimitExceeded("requests that nobody has looked at"));
        }
        self.count += 1;
        self.bytes = self.bytes.saturating_add(len);
        Ok(())
    }

    /// It has been polled.
    pub const fn leave(&mut self, len: usize) {
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(len);
    }
}

/// Whether an event is wanted, and whether it already waits to be polled.
#[derive(Debug, Clone, Copy)]
struct Wish {
    wanted: bool,
    queued: bool,
}

impl Wish {
    /// The thing wished for has come true: is an event to be queued?
    const fn fulfil(&mut self) -> bool {
        let news = self.wanted && !self.queued;
        self.wanted = false;
        self.queued |= news;
        news
    }
}

/// A channel's events in order.
#[derive(Debug)]
pub struct ChannelEvents {
    queue: VecDeque<ChannelEvent>,
    read: Wish,
    read_stderr: Wish,
    write: Wish,
    requests: RequestBudget,
    /// Whether any was queued since the application was last told to look.
    news: bool,
    muted: bool,
}

impl ChannelEvents {
    /// The first data is news, and the first chance to write is not: who wants to write tries.
    pub const fn new(has_stderr: bool) -> Self {
        Self {
            queue: VecDeque::new(),
            read: Wish { wanted: true, queued: false },
            read_stderr: Wish { wanted: has_stderr, queued: false },
            write: Wish { wanted: false, queued: false },
            requests: RequestBudget { count: 0, bytes: 0 },
            news: false,
            muted: false,
        }
    }

    /// The next event.
    pub fn poll(&mut self) -> Option<ChannelEvent> {
        let event = self.queue.pop_front()?;
        match &event {
            ChannelEvent::Readable(Stream::Data) => self.read.queued = false,
            ChannelEvent::Readable(Stream::Extended(_)) => self.read_stderr.queued = false,
            ChannelEvent::Writable => self.write.queued = false,
            ChannelEvent::Request(question) => self.requests.leave(question.body.len()),
            ChannelEvent::Opened
            | ChannelEvent::OpenFailed { .. }
            | ChannelEvent::Eof
            | ChannelEvent::RequestReply { .. }
            | ChannelEvent::Closed => {}
        }
        Some(event)
    }

    /// Whether any was queued since this was last asked.
    pub const fn take_news(&mut self) -> bool {
        std::mem::replace(&mut self.news, false)
    }

    /// Gives back the memory that holds nothing.
    pub fn give_back(&mut self) {
        self.queue.shrink_to_fit();
    }

    /// Nobody listens any more.
    pub fn mute(&mut self) {
        self.muted = true;
        self.news = false;
        self.queue = VecDeque::new();
    }

    /// Queues what comes at most once, or once for something of ours.
    pub fn push(&mut self, event: ChannelEvent) {
        if !self.muted {
            self.queue.push_back(event);
            self.news = true;
        }
    }

    /// Queues a request of the peer.
    pub fn push_request(&mut self, question: ChannelRequestQuestion) -> Result<(), ChannelError> {
        self.requests.enter(question.body.len())?;
        self.push(ChannelEvent::Request(question));
        Ok(())
    }

    /// A reader was told `Blocked`.
    pub const fn reader_waits(&mut self, stream: Stream) {
        match stream {
            Stream::Data => self.read.wanted = true,
            Stream::Extended(_) => self.read_stderr.wanted = true,
        }
    }

    /// A writer was told `Blocked`.
    pub const fn writer_waits(&mut self) {
        self.write.wanted = true;
    }

    /// Whether a writer was told `Blocked` and nothing since.
    pub const fn is_writer_waiting(&self) -> bool {
        self.write.wanted
    }

    /// There is something to read.
    pub fn readable(&mut self, stream: Stream) {
        let news = match stream {
            Stream::Data => self.read.fulfil(),
            Stream::Extended(_) => self.read_stderr.fulfil(),
        };
        if news {
            self.push(ChannelEvent::Readable(stream));
        }
    }

    /// Something can be written.
    pub fn writable(&mut self) {
        if self.write.fulfil() {
            self.push(ChannelEvent::Writable);
        }
    }

    /// The streams to be read have ended: nobody must wait for them.
    pub fn wake_readers(&mut self) {
        self.readable(Stream::Data);
        self.readable(STDERR);
    }
}
