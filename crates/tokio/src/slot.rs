//! Who waits for what on one channel.

use crate::waiters::{WaiterKey, Waiters};
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
    writers: Waiters,
    /// For everything else.
    events: Waiters,
    /// A reader that waited was woken.
    pub(crate) reader_woken: bool,
    /// Somebody began to wait who does not read.
    pub(crate) waits: bool,
}

impl WaitingSlot {
    /// Of a channel whose open is not answered.
    pub(crate) fn pending() -> Box<Self> {
        Box::new(Self {
            slot: Slot::new(Opening::Pending),
            data_readers: Waiters::default(),
            extended_readers: Waiters::default(),
            writers: Waiters::default(),
            events: Waiters::default(),
            reader_woken: false,
            waits: false,
        })
    }

    pub(crate) fn wait_readable(&mut self, stream: Stream, cx: &Context<'_>) {
        match stream {
            Stream::Data => self.data_readers.wait(cx),
            Stream::Extended(_) => self.extended_readers.wait(cx),
        }
    }

    pub(crate) fn wait_writable(&mut self, cx: &Context<'_>) {
        self.writers.wait(cx);
        self.waits = true;
    }

    /// Waits for anything but data; with a key, until that is forgotten.
    pub(crate) fn wait_for_event(&mut self, key: &mut Option<WaiterKey>, cx: &Context<'_>) {
        self.events.wait_as(key, cx);
        self.waits = true;
    }

    /// As [`wait_for_event`](Self::wait_for_event), for a task that does not say when it waits no more.
    pub(crate) fn wait_for_any_event(&mut self, cx: &Context<'_>) {
        self.events.wait(cx);
        self.waits = true;
    }

    pub(crate) fn forget_waiter(&mut self, key: WaiterKey) {
        self.events.forget(key);
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
                self.reader_woken |= !readers.is_empty();
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
