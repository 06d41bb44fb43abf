//! Who waits for what on one channel.

use konko_transport::channel::error::ChannelError;
use konko_transport::channel::event::ChannelEvent;
use konko_transport::channel::stream::Stream;
use konko_transport::slot::{Opening, Slot};
use std::task::Waker;

/// What is kept for the handles of one channel, and the wakers of those that wait.
#[derive(Debug)]
pub(crate) struct WaitingSlot {
    pub(crate) slot: Slot,
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

impl WaitingSlot {
    pub(crate) fn new(opening: Opening) -> Self {
        Self {
            slot: Slot::new(opening),
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

    /// Takes one event of the channel and wakes whom it concerns. `lost`: the connection has ended already.
    ///
    /// # Errors
    ///
    /// Where the peer asks more than anybody looks at.
    pub(crate) fn deliver(&mut self, event: ChannelEvent, lost: bool) -> Result<(), ChannelError> {
        match event {
            ChannelEvent::Readable(Stream::Data) => wake(&mut self.data_readers),
            ChannelEvent::Readable(Stream::Extended(_)) => wake(&mut self.extended_readers),
            ChannelEvent::Writable => wake(&mut self.writers),
            event => {
                let ends = matches!(event, ChannelEvent::Eof | ChannelEvent::Closed);
                self.slot.deliver(event, lost)?;
                if ends {
                    self.wake_all();
                } else {
                    wake(&mut self.waiters);
                }
            }
        }
        Ok(())
    }

    /// Wakes everybody, because the channel or the connection is no more.
    pub(crate) fn wake_all(&mut self) {
        wake(&mut self.data_readers);
        wake(&mut self.extended_readers);
        wake(&mut self.writers);
        wake(&mut self.waiters);
    }
}
