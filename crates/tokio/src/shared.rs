//! What the driver and the handles of one connection share: the machine, the stream, and who waits for what.

use crate::error::Error;
use crate::slot::WaitingSlot;
use konko_sansio::Machine;
use konko_transport::channel::identifier::ChannelId;
use konko_transport::replies::Replies;
use konko_transport::slot::Opening;
use konko_transport::{ChannelMut, Event, Side, Transport};
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// Events beyond which nothing more is read from the peer until the application has looked at them.
const MAXIMUM_EVENTS: usize = 1024;

/// A stream that a connection can run on.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// Everything of one connection that the driver and the handles share.
pub(crate) struct State<S: Side> {
    pub(crate) transport: Transport<S>,
    io: Box<dyn Io>,
    driver: Option<Waker>,
    slots: HashMap<ChannelId, WaitingSlot>,
    /// Events for the application, in order.
    events: VecDeque<S::Event>,
    event_waiters: Vec<Waker>,
    pub(crate) global_replies: Replies<Option<bytes::Bytes>>,
    /// Why we ended the connection, where that is not the machine's own reason.
    cause: Option<Error>,
    /// Why the connection ended, for every later call.
    ended: Option<Error>,
    pub(crate) handles: usize,
    flushed: bool,
    buffered: bool,
}

/// The shared state behind its lock.
pub(crate) struct Shared<S: Side> {
    state: Mutex<State<S>>,
}

impl<S: Side> Shared<S> {
    pub(crate) fn new(transport: Transport<S>, io: Box<dyn Io>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                transport,
                io,
                driver: None,
                slots: HashMap::new(),
                events: VecDeque::new(),
                event_waiters: Vec::new(),
                global_replies: Replies::default(),
                cause: None,
                ended: None,
                handles: 1,
                flushed: true,
                buffered: false,
            }),
        })
    }

    /// The state. A panic elsewhere while it was locked leaves a machine that is still sound: it holds no
    /// half-done invariants across calls.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Side> State<S> {
    pub(crate) fn register_driver(&mut self, waker: &Waker) {
        if !self.driver.as_ref().is_some_and(|driver| driver.will_wake(waker)) {
            self.driver = Some(waker.clone());
        }
    }

    pub(crate) fn wake_driver(&self) {
        if let Some(driver) = &self.driver {
            driver.wake_by_ref();
        }
    }

    pub(crate) fn ended(&self) -> Option<&Error> {
        self.ended.as_ref()
    }

    /// What a handle does after it touched the machine: events are delivered and pending output is written at
    /// once, on the driver's behalf. Only what is left over needs the driver.
    pub(crate) fn touched(&mut self) {
        self.deliver();
        let Some(driver) = self.driver.clone() else { return };
        self.write(&mut Context::from_waker(&driver));
        // The timer may be due earlier, and a new end must be seen: both are the driver's.
        if self.transport.is_ended() || self.timer_moved() {
            driver.wake();
        }
    }

    fn timer_moved(&mut self) -> bool {
        !std::mem::replace(&mut self.buffered, true)
    }

    /// The driver looked at the timer; the next command must wake it again.
    pub(crate) fn timer_seen(&mut self) {
        self.buffered = false;
    }

    /// Writes what is pending until the stream takes no more. Returns whether anything moved.
    pub(crate) fn write(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while !self.transport.output().is_empty() && self.ended.is_none() {
            match Pin::new(&mut *self.io).poll_write(cx, self.transport.output()) {
                Poll::Ready(Ok(0)) => {
                    self.fail(Error::from(&std::io::Error::from(std::io::ErrorKind::WriteZero)));
                }
                Poll::Ready(Ok(written)) => {
                    self.transport.consume_output(written);
                    (moved, self.flushed) = (true, false);
                }
                Poll::Ready(Err(error)) => self.write_failed(&error),
                Poll::Pending => break,
            }
        }
        if !self.flushed && self.transport.output().is_empty() {
            match Pin::new(&mut *self.io).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.flushed = true,
                Poll::Ready(Err(error)) => self.write_failed(&error),
                Poll::Pending => {}
            }
        }
        moved
    }

    /// A peer that has said why it goes may have closed its end before our last bytes: what it said counts more
    /// than the failed write, so it is read first.
    fn write_failed(&mut self, error: &std::io::Error) {
        let mut cx = Context::from_waker(Waker::noop());
        while self.ended.is_none() && self.read(&mut cx) {}
        self.fail(Error::from(error));
    }

    /// Reads once. Returns whether anything moved.
    pub(crate) fn read(&mut self, cx: &mut Context<'_>) -> bool {
        if self.ended.is_some() || self.transport.is_ended() {
            return false;
        }
        if self.events.len() > MAXIMUM_EVENTS {
            return false;
        }
        let Some(room) = self.transport.input_capacity() else { return false };
        match std::pin::pin!(self.io.read_buf(room)).poll(cx) {
            Poll::Pending => return false,
            Poll::Ready(Ok(filled)) => {
                let result = if filled == 0 {
                    self.transport.handle_eof(Instant::now())
                } else {
                    self.transport.handle_input(Instant::now(), filled)
                };
                if let Err(error) = result {
                    tracing::debug!(%error, "connection failed");
                }
            }
            Poll::Ready(Err(error)) => self.fail(Error::from(&error)),
        }
        self.deliver();
        true
    }

    /// Hands events to whom they concern.
    pub(crate) fn deliver(&mut self) {
        while let Some(event) = self.transport.poll_event() {
            match S::common(&event) {
                Some(Event::Channel(id)) => self.deliver_channel(*id),
                // Whoever waits for a reply is told of the lost connection instead.
                Some(Event::GlobalReply { reply: None, .. }) if self.transport.is_ended() => {}
                Some(Event::GlobalReply { id, reply }) => {
                    if self.global_replies.come(*id, reply.clone()).is_some() {
                        self.events.push_back(event);
                    }
                    self.wake_event_waiters();
                }
                // Merely told, and the peer may cause any number of them.
                Some(Event::KeysChanged { .. } | Event::Pong(_)) if self.events.len() >= MAXIMUM_EVENTS / 2 => {}
                _ => {
                    self.events.push_back(event);
                    self.wake_event_waiters();
                }
            }
        }
    }

    fn deliver_channel(&mut self, id: ChannelId) {
        let lost = self.transport.is_ended();
        let Some(mut channel) = self.transport.channel(id) else { return };
        let slot = self.slots.entry(id).or_insert_with(|| WaitingSlot::new(Opening::Pending));
        let mut result = Ok(());
        while let Some(event) = channel.poll_event() {
            result = result.and(slot.deliver(event, lost));
        }
        if let Err(error) = result {
            self.transport.disconnect(error.disconnect_reason(), &error.to_string());
            self.cause = Some(Error::Channel(error));
        }
    }

    fn wake_event_waiters(&mut self) {
        for waker in self.event_waiters.drain(..) {
            waker.wake();
        }
    }

    pub(crate) fn add_slot(&mut self, id: ChannelId, opening: Opening) {
        self.slots.entry(id).or_insert_with(|| WaitingSlot::new(opening));
    }

    pub(crate) fn slot(&mut self, id: ChannelId) -> Option<&mut WaitingSlot> {
        self.slots.get_mut(&id)
    }

    /// One channel with its waiting side.
    pub(crate) fn channel(&mut self, id: ChannelId) -> Option<(ChannelMut<'_>, &mut WaitingSlot)> {
        Some((self.transport.channel(id)?, self.slots.get_mut(&id)?))
    }

    pub(crate) fn release(&mut self, id: ChannelId) {
        self.slots.remove(&id);
        self.transport.release_channel(id);
        self.touched();
    }

    /// Takes the next event for the application, or leaves a waker.
    pub(crate) fn poll_event(&mut self, cx: &Context<'_>) -> Poll<Option<S::Event>> {
        if let Some(event) = self.events.pop_front() {
            // Reading may have paused until somebody looks.
            if self.events.len() == MAXIMUM_EVENTS / 2 {
                self.wake_driver();
            }
            return Poll::Ready(Some(event));
        }
        if self.ended.is_some() {
            return Poll::Ready(None);
        }
        self.wait_for_event(cx);
        Poll::Pending
    }

    pub(crate) fn wait_for_event(&mut self, cx: &Context<'_>) {
        if !self.event_waiters.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.event_waiters.push(cx.waker().clone());
        }
    }

    /// Ends the connection for the handles: everybody is woken and told why.
    pub(crate) fn finish(&mut self) {
        if self.ended.is_none() {
            let error = self.transport.error().cloned().unwrap_or(konko_transport::Error::Closed);
            self.ended = Some(self.cause.take().unwrap_or(Error::Transport(error)));
            self.deliver();
            self.wake_event_waiters();
            for slot in self.slots.values_mut() {
                slot.wake_all();
            }
        }
    }

    pub(crate) fn fail(&mut self, error: Error) {
        self.transport.connection_lost();
        if self.ended.is_none() {
            self.ended = Some(error);
            self.deliver();
            self.wake_event_waiters();
            for slot in self.slots.values_mut() {
                slot.wake_all();
            }
        }
        self.wake_driver();
    }

    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut *self.io).poll_shutdown(cx).map(|_| ())
    }
}
