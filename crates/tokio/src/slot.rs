//! Who waits for what on one channel.

use crate::waiters::Waiters;
use konko_transport::channel::error::ChannelError;
use konko_transport::channel::event::ChannelEvent;
use konko_transport::channel::stream::Stream;
use konko_transport::slot::{Opening, Slot};
use std::task::Context;

/// What is kept for the handles of one channel, and who waits for it.
#[derive(Debug)]
pub(crate) struct WaitingSlot {
    pub(crate) slot: Slot,
    data_readers: Waiters,
    extended_readers: Waiters,
    pub(crate) writers: Waiters,
    /// For everything else.
    pub(crate) events: Waiters,
    /// A reader that waited was woken and has not yet taken all there is.
    pub(crate) behind: bool,
}

impl WaitingSlot {
    pub(crate) fn new(opening: Opening) -> Self {
        Self {
            slot: Slot::new(opening),
            data_readers: Waiters::default(),
            extended_readers: Waiters::default(),
            writers: Waiters::default(),
            events: Waiters::default(),
            behind: false,
        }
    }

    pub(crate) fn wait_readable(&mut self, stream: Stream, cx: &Context<'_>) {
        match stream {
            Stream::Data => self.data_readers.wait(cx),
            Stream::Extended(_) => self.extended_readers.wait(cx),
        }
    }

    /// Takes one event of the channel and wakes whom it concerns. `lost`: the connection has ended already.
    ///
    /// # Errors
    ///
    /// Where the peer asks more than anybody looks at.
    pub(crate) fn deliver(&mut self, event: ChannelEvent, lost: bool) -> Result<(), ChannelError> {
        match event {
            ChannelEvent::Readable(stream) => {
                let readers = match stream {
                    Stream::Data => &mut self.data_readers,
                    Stream::Extended(_) => &mut self.extended_readers,
                };
                self.behind |= !readers.is_empty();
                readers.wake();
            }
            ChannelEvent::Writable => self.writers.wake(),
            event => {
                let ends = matches!(event, ChannelEvent::Eof | ChannelEvent::Closed);
                self.slot.deliver(event, lost)?;
                if ends {
                    self.wake_all();
                } else {
                    self.events.wake();
                }
            }
        }
        Ok(())
    }

    /// Wakes everybody, because the channel or the connection is no more.
    pub(crate) fn wake_all(&mut self) {
        self.data_readers.wake();
        self.extended_readers.wake();
        self.writers.wake();
        self.events.wake();
    }

    #[cfg(test)]
    pub(crate) fn waiters(&self) -> usize {
        self.data_readers.len() + self.extended_readers.len() + self.writers.len() + self.events.len()
    }
}
