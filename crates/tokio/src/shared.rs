//! What the driver and the handles of one connection share: the machine, the stream, and who waits for what.

use crate::error::Error;
use crate::quiet::Quiet;
use crate::slot::WaitingSlot;
use crate::waiters::{WaiterKey, Waiters};
use konko_sansio::Machine;
use konko_transport::channel::identifier::ChannelId;
use konko_transport::replies::Replies;
use konko_transport::slot::Opening;
use konko_transport::{ChannelMut, Event, Side, Transport};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// Events beyond which nothing more is read from the peer until the application has looked at them.
const MAXIMUM_EVENTS: usize = 1024;
/// How often the stream is read after it took no more, for what the peer said before.
const MAXIMUM_LAST_READS: usize = 64;
/// How much of what comes after the end is dropped in one poll.
const MAXIMUM_DROPPED_READS: usize = 16;

/// How much a connection that holds no buffer reads at first.
const ROOM_ASIDE: usize = 4096;

/// A stream that a connection can run on.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// The time on the runtime's clock, which need not be the system's.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// What the driver sleeps for, besides the stream.
#[derive(Debug, Clone, Copy)]
struct Sleep {
    until: Option<Instant>,
}

/// How long the driver leaves the stream to a reader that does not come for more.
const GRACE: Duration = Duration::from_millis(1);
/// How often a reader reads the stream in one poll, while what arrives is for others.
const MAXIMUM_READS_FOR_OTHERS: usize = 8;

/// A channel's reader was woken by what has arrived, or has read the stream itself. It will take what there is and
/// come for more, and until then the stream is left to it: what it reads itself costs no change of tasks, and is
/// still in the cache.
#[derive(Debug)]
struct Duty {
    channel: ChannelId,
    /// It has come since the driver looked last.
    came: bool,
}

/// What came of a reader's attempt to read its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    Moved,
    Blocked,
    /// Nothing will come any more.
    Ended,
}

/// Everything of one connection that the driver and the handles share.
pub(crate) struct State<S: Side> {
    pub(crate) transport: Transport<S>,
    /// The stream, until the driver is done with it.
    io: Option<Box<dyn Io>>,
    driver: Option<Waker>,
    /// Set while the driver is not about to look by itself.
    sleep: Option<Sleep>,
    slots: BTreeMap<ChannelId, Box<WaitingSlot>>,
    /// Events for the application, in order.
    events: VecDeque<S::Event>,
    event_waiters: Waiters,
    pub(crate) global_replies: Replies<Option<bytes::Bytes>>,
    /// Why the connection is about to end, where the machine does not know.
    cause: Option<Error>,
    /// Why the connection ended, for every later call.
    ended: Option<Error>,
    duty: Option<Duty>,
    /// When the driver looks whether the reader on duty has come, while it waits for that.
    watch: Option<Instant>,
    /// The stream will wake the driver when it has something. Where it will not, the driver is about to look or has
    /// a watch set.
    listening: bool,
    quiet: Quiet,
    pub(crate) handles: usize,
    flushed: bool,
    /// The driver does not listen to the stream, because nothing more is taken.
    paused: bool,
    /// The peer will send no more.
    input_ended: bool,
    /// The stream takes no more.
    broken: bool,
    /// The stream was told that no more will be written.
    shut_down: bool,
    /// The last bytes are sent, or never will be.
    over: bool,
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
                io: Some(io),
                driver: None,
                sleep: None,
                slots: BTreeMap::new(),
                events: VecDeque::new(),
                event_waiters: Waiters::default(),
                global_replies: Replies::default(),
                cause: None,
                ended: None,
                duty: None,
                watch: None,
                listening: false,
                quiet: Quiet::default(),
                handles: 1,
                flushed: true,
                paused: false,
                input_ended: false,
                broken: false,
                shut_down: false,
                over: false,
            }),
        })
    }

    /// The state. A panic elsewhere while it was locked leaves a machine that is still sound: it holds no
    /// half-done invariants across calls.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For the driver.
impl<S: Side> State<S> {
    /// The driver looks: whatever was done before needs not wake it.
    pub(crate) fn driver_looks(&mut self, waker: &Waker) {
        self.sleep = None;
        // The stream wakes once; it may have been the stream.
        self.listening = false;
        if !self.driver.as_ref().is_some_and(|driver| driver.will_wake(waker)) {
            self.driver = Some(waker.clone());
        }
    }

    /// Until when the driver leaves the stream to the reader on duty, if there is one that still comes.
    pub(crate) fn gives_way(&mut self) -> Option<Instant> {
        let Some(duty) = &mut self.duty else {
            self.watch = None;
            return None;
        };
        let now = now();
        match self.watch {
            Some(until) if now < until => {}
            Some(_) if !duty.came => {
                // It may be at something else for long.
                (self.duty, self.watch) = (None, None);
            }
            _ => {
                duty.came = false;
                self.watch = now.checked_add(GRACE);
            }
        }
        self.watch
    }

    /// The driver is about to sleep. Gives when it must look again at the latest.
    pub(crate) fn driver_sleeps(&mut self) -> Option<Instant> {
        let rest = self.quiet.rest(&mut self.transport, now);
        let until = [self.transport.poll_timeout(), self.watch, rest].into_iter().flatten().min();
        self.sleep = Some(Sleep { until });
        until
    }

    /// Serves the deadlines that have passed.
    pub(crate) fn expire(&mut self) {
        let now = now();
        if self.transport.poll_timeout().is_some_and(|due| due <= now) {
            if let Err(error) = self.transport.handle_timeout(now) {
                tracing::debug!(%error, "a deadline passed");
            }
            self.deliver();
        }
    }

    fn has_to_write(&self) -> bool {
        let all_sent = self.flushed && self.transport.output().is_empty();
        !self.broken && !all_sent
    }

    /// Writes what is pending until the stream takes no more. Returns whether anything moved.
    pub(crate) fn write(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while !self.transport.output().is_empty() && !self.broken {
            let Some(io) = &mut self.io else { break };
            match Pin::new(io).poll_write(cx, self.transport.output()) {
                Poll::Ready(Ok(0)) => self.write_failed(&std::io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => {
                    self.transport.consume_output(written);
                    (moved, self.flushed) = (true, false);
                }
                Poll::Ready(Err(error)) => self.write_failed(&error),
                Poll::Pending => break,
            }
        }
        if !self.flushed
            && !self.broken
            && self.transport.output().is_empty()
            && let Some(io) = &mut self.io
        {
            match Pin::new(io).poll_flush(cx) {
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
        self.broken = true;
        // Too much output would keep us from reading, and none of it can leave.
        let unsent = self.transport.output().len();
        self.transport.consume_output(unsent);
        // Whatever comes of it the driver is woken at the end.
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..MAXIMUM_LAST_READS {
            if self.transport.is_ended() || !self.receive(&mut cx) {
                break;
            }
        }
        self.fail(Error::from(error));
    }

    /// Reads once, unless the application is behind. Returns whether anything moved.
    pub(crate) fn read(&mut self, cx: &mut Context<'_>) -> bool {
        if self.transport.is_ended() {
            return false;
        }
        self.paused = self.events.len() > MAXIMUM_EVENTS;
        !self.paused && self.receive(cx)
    }

    fn receive(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(io) = &mut self.io else { return false };
        let read = if self.transport.has_released_input() {
            let mut aside = [MaybeUninit::uninit(); ROOM_ASIDE];
            let mut aside = ReadBuf::uninit(&mut aside);
            let read = Pin::new(io).poll_read(cx, &mut aside);
            if !aside.filled().is_empty()
                && let Some(room) = self.transport.input_capacity()
            {
                room.extend_from_slice(aside.filled());
            }
            read.map_ok(|()| aside.filled().len())
        } else {
            let Some(room) = self.transport.input_capacity() else {
                self.paused = true;
                return false;
            };
            pin!(io.read_buf(room)).poll(cx)
        };
        self.listening = read.is_pending();
        let result = match read {
            Poll::Pending => return false,
            Poll::Ready(Ok(0)) => {
                self.input_ended = true;
                self.transport.handle_eof(now())
            }
            Poll::Ready(Ok(filled)) => self.transport.handle_input(now(), filled),
            Poll::Ready(Err(error)) => {
                self.input_ended = true;
                self.fail(Error::from(&error));
                return true;
            }
        };
        if let Err(error) = result {
            tracing::debug!(%error, "connection failed");
        }
        self.deliver();
        true
    }

    /// After the end of the connection: sends the last bytes, and tells the stream that they were the last. Then
    /// reads until the peer has closed its end, too, because closing a socket with unread input takes our last
    /// bytes away from the peer.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.write(cx);
        if !self.broken && (!self.transport.output().is_empty() || !self.flushed) {
            return Poll::Pending;
        }
        self.conclude();
        let Some(io) = &mut self.io else { return Poll::Ready(()) };
        if self.broken {
            return Poll::Ready(());
        }
        if !self.shut_down {
            match std::task::ready!(Pin::new(&mut *io).poll_shutdown(cx)) {
                Ok(()) => self.shut_down = true,
                Err(error) => {
                    tracing::debug!(%error, "the stream cannot be shut down");
                    return Poll::Ready(());
                }
            }
        }
        let mut dropped = [0; 4096];
        for _ in 0..MAXIMUM_DROPPED_READS {
            if self.input_ended {
                return Poll::Ready(());
            }
            let mut dropped = ReadBuf::new(&mut dropped);
            let read = std::task::ready!(Pin::new(&mut *io).poll_read(cx, &mut dropped));
            self.input_ended = read.is_err() || dropped.filled().is_empty();
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Nothing more will be sent: whoever waits for that is told.
    fn conclude(&mut self) {
        if !self.over {
            self.over = true;
            self.event_waiters.wake();
        }
    }

    /// The driver is done, whatever it was at. Gives the stream back, to be dropped outside the lock.
    #[must_use]
    pub(crate) fn finish(&mut self) -> Option<Box<dyn Io>> {
        self.transport.connection_lost();
        self.broken = true;
        self.driver = None;
        self.deliver();
        self.conclude();
        self.io.take()
    }

    fn fail(&mut self, error: Error) {
        self.broken = true;
        if !self.transport.is_ended() {
            self.cause = Some(error);
            self.transport.connection_lost();
        }
        self.deliver();
        self.wake_driver();
    }
}

/// For both.
impl<S: Side> State<S> {
    /// Hands events to whom they concern. After the connection's end, everybody is told of it.
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
                    self.event_waiters.wake();
                }
                // Merely told, and the peer may cause any number of them.
                Some(Event::KeysChanged { .. } | Event::Pong(_))
                    if self.events.len() >= MAXIMUM_EVENTS / 2 => {}
                _ => {
                    self.events.push_back(event);
                    self.event_waiters.wake();
                }
            }
        }
        if self.transport.is_ended() && self.ended.is_none() {
            let error = self.transport.error().cloned().unwrap_or(konko_transport::Error::Closed);
            self.ended = Some(self.cause.take().unwrap_or(Error::Transport(error)));
            self.event_waiters.wake();
            for slot in self.slots.values_mut() {
                slot.wake_all();
            }
        }
    }

    fn deliver_channel(&mut self, id: ChannelId) {
        let lost = self.transport.is_ended();
        let Some(mut channel) = self.transport.channel(id) else { return };
        let mut result = Ok(());
        while let Some(event) = channel.poll_event() {
            let slot = self.slots.entry(id).or_insert_with(WaitingSlot::pending);
            result = result.and(slot.deliver(event, lost));
            if std::mem::take(&mut slot.reader_woken) {
                self.duty = Some(Duty { channel: id, came: false });
            }
        }
        if let Err(error) = result
            && !lost
        {
            self.transport.disconnect(error.disconnect_reason(), &error.to_string());
            self.cause = Some(Error::Channel(error));
        }
    }

    pub(crate) fn wake_driver(&mut self) {
        self.sleep = None;
        if let Some(driver) = &self.driver {
            driver.wake_by_ref();
        }
    }

    /// Why the connection ended. Set as soon as nothing more can come, so that no stream that was cut looks like one
    /// that ended.
    pub(crate) fn ended(&self) -> Option<&Error> {
        self.ended.as_ref()
    }

    /// Why the connection ended, when also its last bytes are sent.
    pub(crate) fn over(&self) -> Option<&Error> {
        self.ended.as_ref().filter(|_| self.over)
    }
}

/// For the handles.
impl<S: Side> State<S> {
    /// What a handle does after it touched the machine: events are delivered and pending output is written at
    /// once, on the driver's behalf: the stream wakes the driver when it takes more. Only what the driver does not
    /// expect in its sleep wakes it.
    pub(crate) fn touched(&mut self) {
        self.deliver();
        if self.has_to_write() {
            let Some(driver) = self.driver.clone() else { return };
            if self.write(&mut Context::from_waker(&driver)) {
                self.deliver();
            }
        }
        self.quiet.settle(&mut self.transport);
        let Some(sleep) = self.sleep else { return };
        let earlier = match (self.transport.poll_timeout(), sleep.until) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(due), Some(until)) => due < until,
        };
        if earlier
            || self.transport.is_ended()
            || (self.paused && self.takes_input())
            || self.quiet.is_disturbed(&self.transport)
        {
            self.wake_driver();
        }
    }

    /// Runs `attempt` for a reader of the channel. As long as that is blocked the stream is read, on behalf of the
    /// driver, whom the stream wakes when there is more, and `attempt` is run again. When it is run for the last time
    /// it is told so.
    pub(crate) fn read_for(&mut self, id: ChannelId, mut attempt: impl FnMut(&mut Self, bool) -> Attempt) {
        for _ in 0..MAXIMUM_READS_FOR_OTHERS {
            let result = attempt(self, false);
            if result != Attempt::Blocked {
                return self.reader_leaves(id, result);
            }
            if self.awaits_another(id) || !self.pump() {
                break;
            }
        }
        let result = attempt(self, true);
        self.reader_leaves(id, result);
    }

    /// Another channel's reader was woken and has not come: it takes what has arrived, while that is still in the
    /// cache, before more is read. Otherwise every channel's window would fill before its reader's turn.
    fn awaits_another(&self, id: ChannelId) -> bool {
        self.duty.as_ref().is_some_and(|duty| duty.channel != id && !duty.came)
    }

    fn pump(&mut self) -> bool {
        let Some(driver) = self.driver.clone() else { return false };
        self.ended.is_none() && self.read(&mut Context::from_waker(&driver))
    }

    fn reader_leaves(&mut self, id: ChannelId, result: Attempt) {
        let on_duty = self.duty.as_ref().is_some_and(|duty| duty.channel == id);
        match result {
            Attempt::Moved if on_duty || (self.duty.is_none() && !self.listening) => {
                self.duty = Some(Duty { channel: id, came: true });
            }
            Attempt::Blocked | Attempt::Ended if on_duty => (self.duty, self.watch) = (None, None),
            _ => {}
        }
        if !self.listening && self.watch.is_none() && self.ended.is_none() {
            self.wake_driver();
        }
    }

    /// Somebody waits for what the stream brings and will not read it: the driver has to, and not to wait for a
    /// reader.
    fn stream_wanted(&mut self) {
        if self.watch.take().is_some() {
            self.duty = None;
            if !self.listening {
                self.wake_driver();
            }
        }
    }

    /// A handle of the channel did something; if it waits now, the stream must be read.
    pub(crate) fn handle_leaves(&mut self, id: ChannelId) {
        if self.slots.get_mut(&id).is_some_and(|slot| std::mem::take(&mut slot.waits)) {
            self.stream_wanted();
        }
    }

    fn takes_input(&mut self) -> bool {
        self.events.len() <= MAXIMUM_EVENTS && self.transport.input_capacity().is_some()
    }

    /// A handle more.
    pub(crate) fn hold(&mut self) {
        self.handles += 1;
    }

    /// A handle less; without any the driver ends the connection.
    pub(crate) fn let_go(&mut self) {
        self.handles -= 1;
        if self.handles == 0 {
            self.wake_driver();
        }
    }

    pub(crate) fn add_slot(&mut self, id: ChannelId, opening: Opening) {
        self.slots.entry(id).or_insert_with(WaitingSlot::pending).slot.opening = opening;
    }

    /// One channel with its waiting side.
    pub(crate) fn channel(&mut self, id: ChannelId) -> Option<(ChannelMut<'_>, &mut WaitingSlot)> {
        Some((self.transport.channel(id)?, &mut **self.slots.get_mut(&id)?))
    }

    pub(crate) fn release(&mut self, id: ChannelId) {
        self.slots.remove(&id);
        if self.duty.as_ref().is_some_and(|duty| duty.channel == id) {
            self.stream_wanted();
            self.duty = None;
        }
        self.transport.release_channel(id);
        self.touched();
    }

    /// Takes the next event for the application; `None` after the end. The caller waits while it is pending.
    pub(crate) fn next_event(&mut self) -> Poll<Option<S::Event>> {
        if let Some(event) = self.events.pop_front() {
            // Reading may have paused until somebody looks.
            if self.paused && self.events.len() <= MAXIMUM_EVENTS / 2 {
                self.wake_driver();
            }
            if self.events.is_empty() {
                self.events = VecDeque::new();
            }
            return Poll::Ready(Some(event));
        }
        if self.ended.is_some() { Poll::Ready(None) } else { Poll::Pending }
    }

    /// Waits for an event, a global reply or the end; with a key, until that is forgotten.
    pub(crate) fn wait_for_event(&mut self, key: &mut Option<WaiterKey>, cx: &Context<'_>) {
        self.event_waiters.wait_as(key, cx);
        self.stream_wanted();
    }

    /// As [`wait_for_event`](Self::wait_for_event), for a task that does not say when it waits no more.
    pub(crate) fn wait_for_any_event(&mut self, cx: &Context<'_>) {
        self.event_waiters.wait(cx);
        self.stream_wanted();
    }

    pub(crate) fn forget_waiter(&mut self, key: WaiterKey) {
        self.event_waiters.forget(key);
    }
}

/// What a connection keeps for its handles.
#[cfg(test)]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) slots: usize,
    pub(crate) events: usize,
    /// How many events there is memory for.
    pub(crate) capacity: usize,
    pub(crate) waiters: usize,
    /// Whether replies are awaited, or have come and nobody took them.
    pub(crate) replies: bool,
}

#[cfg(test)]
impl<S: Side> State<S> {
    pub(crate) fn kept(&self) -> Kept {
        let none = format!("{:?}", Replies::<()>::default());
        let slots = || self.slots.values();
        Kept {
            slots: self.slots.len(),
            events: self.events.len(),
            capacity: self.events.capacity(),
            waiters: self.event_waiters.len() + slots().map(|slot| slot.waiters()).sum::<usize>(),
            replies: format!("{:?}", self.global_replies) != none
                || slots().any(|slot| format!("{:?}", slot.slot.replies) != none),
        }
    }
}
