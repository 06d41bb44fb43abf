//! One SFTP session, shared by all who use it. There is no task for it: whoever waits reads and writes for all, so
//! that an answer that is there costs no change of tasks.

use crate::sftp::stream::Stream;
use bytes::Bytes;
use konko_sansio::Machine;
use konko_sftp::call::Request;
use konko_sftp::client::{Event, SftpClient};
use konko_sftp::config::ClientConfig;
use konko_sftp::error::Error as SftpError;
use konko_sftp::ticket::Lane;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// How many chunks one waiter takes before it lets others have a turn.
const CHUNKS_A_TURN: usize = 64;

/// How often whoever looks at the clock is woken where there is no runtime.
const TICK: Duration = Duration::from_millis(100);

/// One SFTP session.
pub(crate) struct Session {
    state: Mutex<State>,
    waiters: Arc<Waiters>,
    /// How long a single request may take.
    request_timeout: Option<Duration>,
    /// Wakes everybody who waits.
    all: Waker,
    /// How many want to be woken every now and then; used by the blocking face only.
    ticking: AtomicUsize,
    /// Tells the thread that writes that there is something to write; used by the blocking face only.
    writable: Condvar,
}

struct State {
    client: SftpClient,
    stream: Stream,
    /// Written, and perhaps not yet flushed.
    unflushed: bool,
    /// The stream takes no more for now.
    write_blocked: bool,
    /// Nobody uses the session any more: what waits to be sent is sent, and nothing after it.
    finishing: bool,
}

/// Who waits, by lane.
#[derive(Default)]
struct Waiters {
    wakers: Mutex<HashMap<Lane, Waker>>,
    /// The stream has said that it can be read or written again, and was not tried since.
    ready: AtomicBool,
}

impl Wake for Waiters {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.store(true, Ordering::Release);
        let wakers: Vec<Waker> = self.lock().drain().map(|(_, waker)| waker).collect();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Waiters {
    fn lock(&self) -> MutexGuard<'_, HashMap<Lane, Waker>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_lane(&self, lane: Lane) {
        let waker = self.lock().remove(&lane);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// A session over `stream` whose INIT is not yet sent.
    pub(crate) fn new(stream: Stream, config: ClientConfig, request_timeout: Option<Duration>) -> Arc<Self> {
        let waiters = Arc::new(Waiters::default());
        let all = Waker::from(Arc::clone(&waiters));
        let state = State {
            client: SftpClient::new(config),
            stream,
            unflushed: false,
            write_blocked: false,
            finishing: false,
        };
        waiters.ready.store(true, Ordering::Release);
        Arc::new(Self {
            state: Mutex::new(state),
            waiters,
            all,
            ticking: AtomicUsize::new(0),
            writable: Condvar::new(),
            request_timeout,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `operation` on the machine. What it wants to send is sent when somebody waits, or by
    /// [`kick`](Self::kick).
    pub(crate) fn with<R>(&self, operation: impl FnOnce(&mut SftpClient, Instant) -> R) -> R {
        operation(&mut self.lock().client, Instant::now())
    }

    /// Sends what can be sent without waiting.
    pub(crate) fn kick(&self) {
        self.pump(&mut self.lock());
    }

    /// A place for answers.
    pub(crate) fn lane(self: &Arc<Self>) -> LaneGuard {
        let lane = self.with(|client, _| client.open_lane());
        LaneGuard { session: Arc::clone(self), lane }
    }

    /// Sends one request and waits for its answer. When the future is dropped the answer is forgotten, and a handle
    /// that it brings is closed.
    pub(crate) async fn call<R: Request>(self: &Arc<Self>, request: &R) -> Result<R::Reply, SftpError> {
        let lane = self.lane();
        let ticket = self.with(|client, now| client.request(now, lane.lane, request))?;
        let answer = self.wait(lane.lane, |client, _| client.reply(&ticket));
        match self.request_timeout {
            None => answer.await,
            Some(after) => self.within(after, answer).await,
        }
    }

    /// Waits for an answer, but no longer than that.
    async fn within<T>(
        &self,
        after: Duration,
        answer: impl Future<Output = Result<T, SftpError>>,
    ) -> Result<T, SftpError> {
        // What lies beyond the end of time never comes.
        let Some(deadline) = Instant::now().checked_add(after) else { return answer.await };
        let _ticks = self.ticks();
        let mut answer = pin!(answer);
        let mut sleep = tokio::runtime::Handle::try_current()
            .is_ok()
            .then(|| Box::pin(tokio::time::sleep_until(deadline.into())));
        poll_fn(|cx| {
            if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                return Poll::Ready(answer);
            }
            let due = match &mut sleep {
                Some(sleep) => sleep.as_mut().poll(cx).is_ready(),
                None => Instant::now() >= deadline,
            };
            if !due {
                return Poll::Pending;
            }
            let message = format!("no answer within {after:?}");
            Poll::Ready(Err(SftpError::Stream { kind: std::io::ErrorKind::TimedOut, message }))
        })
        .await
    }

    /// Waits until `attempt` gives something; it is tried again whenever something has arrived for `lane`, or may
    /// be sent.
    pub(crate) async fn wait<T>(
        &self,
        lane: Lane,
        mut attempt: impl FnMut(&mut SftpClient, Instant) -> Option<T>,
    ) -> T {
        poll_fn(|cx| self.poll(cx, lane, &mut attempt)).await
    }

    /// As [`wait`](Self::wait), to be polled.
    pub(crate) fn poll<T>(
        &self,
        cx: &Context<'_>,
        lane: Lane,
        mut attempt: impl FnMut(&mut SftpClient, Instant) -> Option<T>,
    ) -> Poll<T> {
        let mut state = self.lock();
        loop {
            if let Some(result) = attempt(&mut state.client, Instant::now()) {
                self.pump_output(&mut state);
                drop(state);
                return Poll::Ready(result);
            }
            self.waiters.lock().insert(lane, cx.waker().clone());
            if !self.pump(&mut state) {
                return Poll::Pending;
            }
        }
    }

    /// Writes and reads until neither goes on; whether anything has arrived, or output has gone.
    fn pump(&self, state: &mut State) -> bool {
        let ready = self.waiters.ready.swap(false, Ordering::Acquire);
        if ready {
            state.write_blocked = false;
        }
        let mut progress = self.pump_output(state);
        if !ready {
            // Many may wait, and the stream need not be asked for each of them.
            return progress;
        }
        let mut cx = Context::from_waker(&self.all);
        for turn in 0.. {
            if state.client.error().is_some() {
                break;
            }
            if turn == CHUNKS_A_TURN {
                self.all.wake_by_ref();
                break;
            }
            let failed = match state.stream.poll_read(&mut cx) {
                Poll::Pending => break,
                Poll::Ready(Ok(Some(chunk))) => state.client.handle_chunk(Instant::now(), chunk).is_err(),
                Poll::Ready(Ok(None)) => state.client.handle_eof(Instant::now()).is_err(),
                Poll::Ready(Err(error)) => {
                    state.client.fail(stream_error(&error));
                    true
                }
            };
            progress = true;
            if failed {
                self.all.wake_by_ref();
            }
        }
        self.tell(state);
        progress |= self.pump_output(state);
        progress
    }

    /// Wakes those for whom something has arrived.
    fn tell(&self, state: &mut State) {
        while let Some(event) = state.client.poll_event() {
            match event {
                Event::Answered(lane) => self.waiters.wake_lane(lane),
                _ => self.all.wake_by_ref(),
            }
        }
    }

    fn pump_output(&self, state: &mut State) -> bool {
        let mut cx = Context::from_waker(&self.all);
        let mut progress = false;
        if matches!(state.stream, Stream::Threads) {
            if !state.client.output().is_empty() {
                self.writable.notify_all();
            }
            return false;
        }
        while !state.write_blocked && state.client.error().is_none() && !state.client.output().is_empty() {
            match state.stream.poll_write(&mut cx, state.client.output()) {
                Poll::Ready(Ok(0)) => state.client.fail(SftpError::Ended),
                Poll::Ready(Ok(written)) => {
                    state.client.consume_output(written);
                    state.unflushed = true;
                    progress = true;
                }
                Poll::Ready(Err(error)) => {
                    // What was received before may say why; it is read first.
                    let ended = self.read_last_words(state);
                    state.client.fail(ended.unwrap_or_else(|| stream_error(&error)));
                    self.all.wake_by_ref();
                }
                Poll::Pending => state.write_blocked = true,
            }
        }
        if state.unflushed {
            match state.stream.poll_flush(&mut cx) {
                Poll::Ready(Ok(())) => state.unflushed = false,
                Poll::Ready(Err(error)) => state.client.fail(stream_error(&error)),
                Poll::Pending => {}
            }
        }
        progress
    }

    fn read_last_words(&self, state: &mut State) -> Option<SftpError> {
        let mut cx = Context::from_waker(&self.all);
        while let Poll::Ready(Ok(chunk)) = state.stream.poll_read(&mut cx) {
            let result = match chunk {
                Some(chunk) => state.client.handle_chunk(Instant::now(), chunk),
                None => state.client.handle_eof(Instant::now()),
            };
            if let Err(error) = result {
                return Some(error);
            }
        }
        None
    }

    /// What a thread that reads has read; `None` at the end, `Err` if reading fails. Whether to go on.
    pub(crate) fn received(&self, chunk: std::io::Result<Option<Bytes>>) -> bool {
        let mut state = self.lock();
        match chunk {
            Ok(Some(chunk)) => {
                // An error is kept by the machine, for those who wait.
                let _ = state.client.handle_chunk(Instant::now(), chunk);
            }
            Ok(None) => {
                let _ = state.client.handle_eof(Instant::now());
            }
            Err(error) => state.client.fail(stream_error(&error)),
        }
        self.tell(&mut state);
        let ended = state.client.error().is_some();
        if ended {
            self.all.wake_by_ref();
        }
        if ended || !state.client.output().is_empty() {
            self.writable.notify_all();
        }
        !ended
    }

    /// For a thread that writes: moves the next bytes to `out`, waiting for some. `false` when the session is over.
    pub(crate) fn next_output(&self, out: &mut Vec<u8>, most: usize) -> bool {
        let mut state = self.lock();
        loop {
            if state.client.error().is_some() {
                return false;
            }
            out.clear();
            while out.len() < most && !state.client.output().is_empty() {
                let front = state.client.output();
                let n = front.len().min(most - out.len());
                out.extend_from_slice(&front[..n]);
                state.client.consume_output(n);
            }
            if !out.is_empty() {
                // Those who wait for room may go on.
                self.all.wake_by_ref();
                return true;
            }
            if state.finishing {
                return false;
            }
            if self.ticking.load(Ordering::Relaxed) == 0 {
                state = self.writable.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else {
                let waited = self.writable.wait_timeout(state, TICK);
                let (again, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                state = again;
                if timeout.timed_out() {
                    self.all.wake_by_ref();
                }
            }
        }
    }

    /// Until the result is dropped, whoever waits is woken every now and then where there is no runtime to do it.
    pub(crate) fn ticks(&self) -> Ticks<'_> {
        self.ticking.fetch_add(1, Ordering::Relaxed);
        self.writable.notify_all();
        Ticks(self)
    }

    /// Nobody uses the session any more; what waits to be sent still is.
    pub(crate) fn finish(&self) {
        self.lock().finishing = true;
        self.writable.notify_all();
    }

    /// Ends the session for all.
    pub(crate) fn end(&self, error: SftpError) {
        let mut state = self.lock();
        state.client.fail(error);
        self.writable.notify_all();
        self.all.wake_by_ref();
    }
}

fn stream_error(error: &std::io::Error) -> SftpError {
    SftpError::Stream { kind: error.kind(), message: error.to_string() }
}

/// Wakes whoever waits every now and then, while it lives.
pub(crate) struct Ticks<'a>(&'a Session);

impl Drop for Ticks<'_> {
    fn drop(&mut self) {
        self.0.ticking.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A place for answers; what is under way for it is forgotten when it is dropped.
#[derive(Debug)]
pub(crate) struct LaneGuard {
    session: Arc<Session>,
    lane: Lane,
}

impl LaneGuard {
    /// Takes charge of a lane that a transfer has opened.
    pub(crate) fn of(session: &Arc<Session>, lane: Lane) -> Self {
        Self { session: Arc::clone(session), lane }
    }

    pub(crate) const fn lane(&self) -> Lane {
        self.lane
    }
}

impl Drop for LaneGuard {
    fn drop(&mut self) {
        self.session.waiters.lock().remove(&self.lane);
        let mut state = self.session.lock();
        state.client.close_lane(self.lane);
        if !state.client.output().is_empty() {
            self.session.pump_output(&mut state);
        }
    }
}

/// An open file or directory; closed when it is dropped.
#[derive(Debug)]
pub(crate) struct OpenHandle {
    session: Arc<Session>,
    handle: Option<konko_sftp::answer::Handle>,
    /// Its CLOSE was sent by somebody else.
    closed: AtomicBool,
}

impl OpenHandle {
    pub(crate) fn new(session: &Arc<Session>, handle: konko_sftp::answer::Handle) -> Self {
        Self { session: Arc::clone(session), handle: Some(handle), closed: AtomicBool::new(false) }
    }

    pub(crate) const fn get(&self) -> Option<&konko_sftp::answer::Handle> {
        self.handle.as_ref()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.handle.as_ref().map_or(&[], konko_sftp::answer::Handle::as_bytes)
    }

    /// Its CLOSE was sent.
    pub(crate) fn closed(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

impl Drop for OpenHandle {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take()
            && !self.closed.load(Ordering::Relaxed)
        {
            self.session.with(|client, now| client.abandon(now, &handle));
            self.session.kick();
        }
    }
}
