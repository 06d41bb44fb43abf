//! What the driver's thread and the handles of one connection share: the machine, the way out, and who is to be
//! told what.

use crate::error::Error;
use crate::link::Link;
use bytes::Bytes;
use konko_sansio::Machine;
use konko_transport::channel::ChannelId;
use konko_transport::replies::Replies;
use konko_transport::slot::{Opening, Slot};
use konko_transport::wire::number::DisconnectReason;
use konko_transport::{ChannelMut, Event, Side, Transport};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Events beyond which nothing more is read from the peer until the application fetches some.
const MAXIMUM_EVENTS: usize = 1024;
/// How often in a row one thread sends what others have sealed meanwhile, before it leaves that to the driver.
const SEND_ROUNDS: usize = 8;
/// Memory that the writer keeps in any case.
const KEPT: usize = 4 * 1024;
/// How many small writes in a row make the writer give memory back.
const QUIET_ROUNDS: u8 = 32;

/// Who sends the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    /// Nobody: whoever adds output sends it.
    Idle,
    /// Some thread is at it, outside the lock.
    Busy,
    /// The network took no more: the driver goes on when it does.
    Blocked,
    /// Nobody ever again.
    Failed,
}

/// What came of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Nothing,
    Some,
    /// As much as there was room for: there may be more.
    Full,
}

/// What the driver sleeps for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sleep {
    /// Until when.
    pub(crate) until: Option<Instant>,
    /// Whether it does not listen to the network, because the machine takes no more.
    pub(crate) paused: bool,
}

/// Everything of one connection that the driver and the handles share.
pub(crate) struct State<S: Side> {
    pub(crate) transport: Transport<S>,
    slots: BTreeMap<ChannelId, Slot>,
    /// Events for the application, in order.
    events: VecDeque<S::Event>,
    pub(crate) global_replies: Replies<Option<Bytes>>,
    /// Why the connection ended, for every later call.
    ended: Option<Error>,
    /// Why it is about to end, where the machine does not know.
    cause: Option<Error>,
    /// The stream, until the driver is done with it.
    pub(crate) link: Option<Arc<dyn Link>>,
    pub(crate) sending: Sending,
    pub(crate) send_error: Option<io::Error>,
    /// The peer will send no more.
    pub(crate) input_ended: bool,
    /// The stream is somebody else's now: no byte of ours may touch it.
    pub(crate) abandoned: bool,
    pub(crate) sleep: Option<Sleep>,
    pub(crate) handles: usize,
    /// How many threads wait on the condition variable.
    waiting: usize,
    /// Whether something happened that they should look at.
    news: bool,
}

/// What was sealed and taken from the machine, and is on its way to the network.
#[derive(Debug, Default)]
struct Writer {
    buffer: Vec<u8>,
    start: usize,
    quiet_rounds: u8,
}

impl Writer {
    fn is_empty(&self) -> bool {
        self.start >= self.buffer.len()
    }

    /// Writes as much as the network takes; whether that was all.
    fn send(&mut self, link: &dyn Link) -> io::Result<bool> {
        while let Some(rest) = self.buffer.get(self.start..).filter(|rest| !rest.is_empty()) {
            match link.try_write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.start += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.emptied();
        Ok(true)
    }

    /// The machine and the writer exchange two buffers: each comes by here in its turn.
    fn emptied(&mut self) {
        let used = self.buffer.len();
        self.buffer.clear();
        self.start = 0;
        if self.buffer.capacity() <= KEPT || used >= self.buffer.capacity() / 8 {
            self.quiet_rounds = 0;
        } else if self.quiet_rounds < QUIET_ROUNDS {
            self.quiet_rounds += 1;
        } else {
            self.buffer.shrink_to(KEPT);
        }
    }
}

/// The shared state behind its lock.
pub(crate) struct Shared<S: Side> {
    state: Mutex<State<S>>,
    changed: Condvar,
    /// Locked only by the thread that made `sending` busy, so never waited for.
    writer: Mutex<Writer>,
}

pub(crate) type Guard<'a, S> = MutexGuard<'a, State<S>>;

/// When a wait that begins now is over: `None`, never.
pub(crate) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

impl<S: Side> Shared<S> {
    pub(crate) fn new(transport: Transport<S>, link: Arc<dyn Link>) -> Self {
        Self {
            state: Mutex::new(State {
                transport,
                slots: BTreeMap::new(),
                events: VecDeque::new(),
                global_replies: Replies::default(),
                ended: None,
                cause: None,
                link: Some(link),
                sending: Sending::Idle,
                send_error: None,
                input_ended: false,
                abandoned: false,
                sleep: None,
                handles: 1,
                waiting: 0,
                news: false,
            }),
            changed: Condvar::new(),
            writer: Mutex::new(Writer::default()),
        }
    }

    /// The state. A panic elsewhere while it was locked leaves a machine that is still sound: it holds no
    /// half-done invariants across calls.
    pub(crate) fn lock(&self) -> Guard<'_, S> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the lock back and tells those who wait, if there is something to tell.
    pub(crate) fn unlock(&self, mut state: Guard<'_, S>) {
        let notify = std::mem::take(&mut state.news) && state.waiting > 0;
        drop(state);
        if notify {
            self.changed.notify_all();
        }
    }

    /// What follows every operation on the machine: events are delivered, output is sent, and the driver is
    /// woken if its sleep does not fit any more.
    pub(crate) fn serve<'a>(&'a self, mut state: Guard<'a, S>) -> Guard<'a, S> {
        state.deliver();
        let mut state = self.flush(state);
        state.correct_sleep();
        state
    }

    /// Runs `operation` and serves what it brought about.
    pub(crate) fn with<R>(&self, operation: impl FnOnce(&mut State<S>) -> R) -> R {
        let mut state = self.lock();
        let result = operation(&mut state);
        let state = self.serve(state);
        self.unlock(state);
        result
    }

    /// Tries `attempt` until it gives something, again whenever something happens, or until the time has come.
    pub(crate) fn wait<R>(
        &self,
        until: Option<Instant>,
        mut attempt: impl FnMut(&mut State<S>) -> Option<R>,
    ) -> Option<R> {
        let mut state = self.lock();
        loop {
            if let Some(result) = attempt(&mut state) {
                let state = self.serve(state);
                self.unlock(state);
                return Some(result);
            }
            if state.sending == Sending::Idle && state.link.is_some() && !state.transport.output().is_empty()
            {
                state = self.serve(state);
                continue;
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                self.unlock(state);
                return None;
            }
            state.waiting += 1;
            state = match left {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.waiting -= 1;
        }
    }

    /// Sends what is pending, outside the lock, unless some other thread is at it. Bytes leave in the order in
    /// which they were sealed, because one thread at a time takes and sends them.
    pub(crate) fn flush<'a>(&'a self, mut state: Guard<'a, S>) -> Guard<'a, S> {
        if state.sending != Sending::Idle {
            return state;
        }
        let Some(link) = state.link.clone() else { return state };
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        state.sending = Sending::Busy;
        for _ in 0..SEND_ROUNDS {
            if writer.is_empty() {
                if state.transport.output().is_empty() {
                    state.sending = Sending::Idle;
                    return state;
                }
                writer.start = state.transport.take_output(&mut writer.buffer);
                state.deliver();
            }
            if std::mem::take(&mut state.news) && state.waiting > 0 {
                self.changed.notify_all();
            }
            drop(state);
            let sent = writer.send(&*link);
            state = self.lock();
            if state.sending != Sending::Busy {
                return state;
            }
            match sent {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    state.sending = Sending::Failed;
                    state.send_error = Some(error);
                    state.wake_driver();
                    return state;
                }
            }
        }
        // What is left, or what others keep adding, is the driver's.
        state.sending = Sending::Blocked;
        state.wake_driver();
        state
    }
}

impl<S: Side> State<S> {
    /// Ends the driver's sleep.
    pub(crate) fn wake_driver(&mut self) {
        if self.sleep.take().is_some()
            && let Some(link) = &self.link
        {
            link.wake();
        }
    }

    fn correct_sleep(&mut self) {
        let Some(sleep) = self.sleep else { return };
        let earlier = match (self.transport.poll_timeout(), sleep.until) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(due), Some(until)) => due < until,
        };
        if earlier || self.is_over() || (sleep.paused && self.takes_input()) {
            self.wake_driver();
        }
    }

    /// Whether the connection has ended, or is about to without another byte of the peer's.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_some() || self.transport.is_ended()
    }

    pub(crate) fn ended(&self) -> Option<&Error> {
        self.ended.as_ref()
    }

    /// Whether the driver should read from the network.
    pub(crate) fn takes_input(&mut self) -> bool {
        !self.is_over() && self.events.len() < MAXIMUM_EVENTS && !self.transport.input_buf().is_empty()
    }

    /// Reads once.
    pub(crate) fn receive(&mut self, link: &dyn Link) -> Taken {
        if !self.takes_input() {
            return Taken::Nothing;
        }
        let room = self.transport.input_buf();
        let offered = room.len();
        let (result, taken) = match link.try_read(room) {
            Ok(0) => {
                self.input_ended = true;
                (self.transport.handle_eof(Instant::now()), Taken::Some)
            }
            Ok(filled) => {
                let taken = if filled < offered { Taken::Some } else { Taken::Full };
                (self.transport.handle_input(Instant::now(), filled), taken)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Taken::Full,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Taken::Nothing,
            Err(error) => {
                self.input_ended = true;
                self.fail(Error::from(&error));
                return Taken::Some;
            }
        };
        if let Err(error) = result {
            tracing::debug!(%error, "connection failed");
        }
        self.deliver();
        taken
    }

    /// A peer that has said why it goes may have closed its end before our last bytes: what it said counts more
    /// than the failed write, so it is read first.
    pub(crate) fn send_failed(&mut self, error: &io::Error, link: &dyn Link) {
        while self.receive(link) != Taken::Nothing {}
        self.fail(Error::from(error));
    }

    /// Hands events to whom they concern.
    pub(crate) fn deliver(&mut self) {
        while let Some(event) = self.transport.poll_event() {
            self.news = true;
            match S::common(&event) {
                Some(Event::Channel(id)) => self.deliver_channel(*id),
                // Whoever waits for a reply is told of the lost connection instead.
                Some(Event::GlobalReply { reply: None, .. }) if self.transport.is_ended() => {}
                Some(Event::GlobalReply { id, reply }) => {
                    if self.global_replies.come(*id, reply.clone()).is_some() {
                        self.events.push_back(event);
                    }
                }
                // Merely told, and the peer may cause any number of them.
                Some(Event::KeysChanged { .. } | Event::Pong(_))
                    if self.events.len() >= MAXIMUM_EVENTS / 2 => {}
                _ => self.events.push_back(event),
            }
        }
        if self.transport.is_ended() && self.ended.is_none() {
            let error = self.transport.error().cloned().unwrap_or(konko_transport::Error::Closed);
            self.ended = Some(self.cause.take().unwrap_or(Error::Transport(error)));
            self.news = true;
        }
    }

    fn deliver_channel(&mut self, id: ChannelId) {
        let lost = self.transport.is_ended();
        let Some(mut channel) = self.transport.channel(id) else { return };
        let mut result = Ok(());
        while let Some(event) = channel.poll_event() {
            let slot = self.slots.entry(id).or_insert_with(|| Slot::new(Opening::Pending));
            result = result.and(slot.deliver(event, lost));
        }
        if let Err(error) = result {
            self.transport.disconnect(error.disconnect_reason(), &error.to_string());
            self.cause = Some(Error::Channel(error));
        }
    }

    pub(crate) fn add_slot(&mut self, id: ChannelId, opening: Opening) {
        self.slots.entry(id).or_insert_with(|| Slot::new(Opening::Pending)).opening = opening;
    }

    pub(crate) fn slot(&mut self, id: ChannelId) -> Option<&mut Slot> {
        self.slots.get_mut(&id)
    }

    /// One channel with its waiting side.
    pub(crate) fn channel(&mut self, id: ChannelId) -> Option<(ChannelMut<'_>, &mut Slot)> {
        Some((self.transport.channel(id)?, self.slots.get_mut(&id)?))
    }

    /// Lets a channel go.
    pub(crate) fn release(&mut self, id: ChannelId) {
        self.slots.remove(&id);
        self.transport.release_channel(id);
    }

    /// Lets a handle go; with the last one the connection ends.
    pub(crate) fn let_go(&mut self) {
        self.handles -= 1;
        if self.handles == 0 {
            self.transport.disconnect(DisconnectReason::BY_APPLICATION, "disconnected by user");
        }
    }

    /// Takes the next event for the application.
    pub(crate) fn next_event(&mut self) -> Option<S::Event> {
        self.events.pop_front()
    }

    /// Those who wait are to look again.
    pub(crate) fn announce(&mut self) {
        self.news = true;
    }

    /// Ends the connection because the network failed, or is not ours any more.
    pub(crate) fn fail(&mut self, error: Error) {
        if !self.is_over() {
            self.transport.connection_lost();
            self.cause = Some(error);
        }
        self.sending = Sending::Failed;
        self.deliver();
    }
}
