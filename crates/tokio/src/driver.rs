//! The future that drives one connection.

use crate::shared::{Shared, now};
use konko_transport::Side;
use konko_transport::wire::number::DisconnectReason;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// How often one poll goes round before other tasks get their turn.
const ROUNDS: usize = 8;
/// How long, after the connection has ended, the last bytes may take to leave and the peer to close its end.
const FLUSH_TIME: Duration = Duration::from_secs(2);

/// Drives one connection until it has ended, its last bytes are sent and the peer has closed its end, too; after the
/// end of the connection two seconds at most. Must be polled, usually as a task of its own; dropping it cuts the
/// connection without a word.
#[must_use = "a connection does nothing unless its driver is polled"]
pub struct Driver<S: Side> {
    shared: Arc<Shared<S>>,
    sleep: Option<Pin<Box<Sleep>>>,
    flush_until: Option<Instant>,
}

impl<S: Side> std::fmt::Debug for Driver<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

impl<S: Side> Driver<S> {
    pub(crate) fn new(shared: Arc<Shared<S>>) -> Self {
        Self { shared, sleep: None, flush_until: None }
    }

    /// Arms the timer for `due`; returns whether it has already passed. A timer that is set for an earlier time
    /// is left as it is: it fires once too often, which costs less than setting it anew for every packet.
    fn poll_timer(&mut self, due: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let due = tokio::time::Instant::from_std(due);
        loop {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
            if sleep.deadline() > due {
                sleep.as_mut().reset(due);
            }
            std::task::ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= due {
                self.sleep = None;
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due);
        }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let until = *self.flush_until.get_or_insert_with(|| now() + FLUSH_TIME);
        let late = self.poll_timer(until, cx).is_ready();
        let mut state = self.shared.lock();
        if !late && state.poll_end(cx).is_pending() {
            return Poll::Pending;
        }
        let io = state.finish();
        drop(state);
        drop(io);
        Poll::Ready(())
    }
}

impl<S: Side> Future for Driver<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let shared = Arc::clone(&self.shared);
        for _ in 0..ROUNDS {
            let mut state = shared.lock();
            state.driver_looks(cx.waker());
            if state.handles == 0 {
                state.transport.disconnect(DisconnectReason::BY_APPLICATION, "disconnected by user");
            }
            state.deliver();
            let wrote = state.ended().is_none() && state.write(cx);
            let gives_way = state.ended().is_none() && state.gives_way().is_some();
            let read = !gives_way && state.read(cx);
            if wrote {
                state.deliver();
            }
            if state.ended().is_some() {
                drop(state);
                return self.poll_end(cx);
            }
            if wrote || read {
                continue;
            }
            let due = state.driver_sleeps();
            drop(state);
            match due {
                Some(due) if self.poll_timer(due, cx).is_ready() => shared.lock().expire(),
                _ => return Poll::Pending,
            }
        }
        // There is no rest for it; what is due is due all the same.
        shared.lock().expire();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: Side> Drop for Driver<S> {
    fn drop(&mut self) {
        let io = self.shared.lock().finish();
        drop(io);
    }
}
