//! What the handles of one channel wait for.

use konko_transport::channel::stream::Stream;
use konko_transport::channel::event::ChannelEvent;
use konko_transport::channel::identifier::RequestId;
use konko_transport::wire::number::OpenFailureReason;
use std::collections::VecDeque;
use std::task::Waker;

/// How far the opening of a channel has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Opening {
    Pending,
    Opened,
    Failed { reason: OpenFailureReason, description: String },
}

/// The waiting side of one channel.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) opening: Opening,
    pub(crate) events: VecDeque<ChannelEvent>,
    pub(crate) replies: Vec<(RequestId, bool)>,
    pub(crate) closed: bool,
    /// The peer said that it sends no more, before the connection was lost.
    pub(crate) eof: bool,
    data_readers: Vec<Waker>,
    extended_readers: Vec<Waker>,
    writers: Vec<Waker>,
    waiters: Vec<Waker>,
}

fn remember(wakers: &mut Vec<Waker>, waker: &Waker) {
    if !wakers.iter().any(|other| other.will_wake(waker)) {
        wakers.push(waker.clone());
    }
}

fn wake(wakers: &mut Vec<Waker>) {
    for waker in wakers.drain(..) {
        waker.wake();
    }
}

impl Slot {
    pub(crate) fn new(opening: Opening) -> Self {
        Self {
            opening,
            events: VecDeque::new(),
            replies: Vec::new(),
            closed: false,
            eof: false,
            data_readers: Vec::new(),
            extended_readers: Vec::new(),
            writers: Vec::new(),
            waiters: Vec::new(),
        }
    }

    pub(crate) fn wait_readable(&mut self, stream: Stream, waker: &Waker) {
        match stream {
            Stream::Data => remember(&mut self.data_readers, waker),
            Stream::Extended(_) => remember(&mut self.extended_readers, waker),
        }
    }

    pub(crate) fn wait_writable(&mut self, waker: &Waker) {
        remember(&mut self.writers, waker);
    }

    pub(crate) fn wait_event(&mut self, waker: &Waker) {
        remember(&mut self.waiters, waker);
    }

    /// Takes one event of the channel: wakes whom it concerns and keeps what must be kept.
    pub(crate) fn deliver(&mut self, event: ChannelEvent) {
        match event {
            ChannelEvent::Readable(Stream::Data) => return wake(&mut self.data_readers),
            ChannelEvent::Readable(Stream::Extended(_)) => return wake(&mut self.extended_readers),
            ChannelEvent::Writable => return wake(&mut self.writers),
            ChannelEvent::Opened => self.opening = Opening::Opened,
            ChannelEvent::OpenFailed { reason, description } => {
                self.opening = Opening::Failed { reason, description };
                self.closed = true;
            }
            ChannelEvent::RequestReply { id, success } => self.replies.push((id, success)),
            ChannelEvent::Eof => {
                self.eof = true;
                wake(&mut self.data_readers);
                wake(&mut self.extended_readers);
                self.events.push_back(ChannelEvent::Eof);
            }
            ChannelEvent::Closed => {
                self.closed = true;
                self.events.push_back(ChannelEvent::Closed);
                self.wake_all();
            }
            event => self.events.push_back(event),
        }
        wake(&mut self.waiters);
    }

    /// Wakes everybody, because the channel or the connection is no more.
    pub(crate) fn wake_all(&mut self) {
        wake(&mut self.data_readers);
        wake(&mut self.extended_readers);
        wake(&mut self.writers);
        wake(&mut self.waiters);
    }
}
