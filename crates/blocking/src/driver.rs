//! The thread that drives one connection.

use crate::error::Error;
use crate::link::{Link, Readiness};
use crate::shared::{Guard, Sending, Shared, Sleep, Taken};
use konko_sansio::Machine;
use konko_transport::Side;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the last bytes may take to leave after the connection has ended, and the peer to take notice.
const FLUSH_TIME: Duration = Duration::from_secs(2);

/// Drives one connection until it ends.
pub(crate) struct Driver<S: Side> {
    shared: Arc<Shared<S>>,
    link: Arc<dyn Link>,
}

impl<S: Side> Driver<S> {
    pub(crate) fn new(shared: Arc<Shared<S>>, link: Arc<dyn Link>) -> Self {
        Self { shared, link }
    }

    /// The whole life of the connection.
    pub(crate) fn run(self) {
        let mut ready = Readiness { readable: true, writable: false };
        while let Some(sleep) = self.work(ready) {
            let wanted = Readiness { readable: !sleep.1.paused, writable: sleep.0 };
            ready = match self.link.wait(wanted, sleep.1.until) {
                Ok(ready) => ready,
                Err(error) => {
                    let mut state = self.shared.lock();
                    state.fail(Error::from(&error));
                    self.shared.unlock(state);
                    break;
                }
            };
        }
        self.end();
    }

    /// Does what is to be done now. Gives whether it has something to write, and what to sleep for; `None` when
    /// the connection has ended.
    fn work(&self, mut ready: Readiness) -> Option<(bool, Sleep)> {
        let mut state = self.shared.lock();
        loop {
            state.sleep = None;
            if state.is_over() {
                self.shared.unlock(state);
                return None;
            }
            self.resume(&mut state, ready);
            let again = ready.readable && state.receive(&*self.link) == Taken::Full;
            if state.transport.poll_timeout().is_some_and(|due| due <= Instant::now())
                && let Err(error) = state.transport.handle_timeout(Instant::now())
            {
                tracing::debug!(%error, "a deadline passed");
            }
            state.deliver();
            state = self.shared.flush(state);
            if let Some(error) = state.send_error.take() {
                state.send_failed(&error, &*self.link);
            }
            ready = Readiness { readable: again, writable: false };
            if !again && !state.is_over() {
                break;
            }
            // Others get their turn with the lock.
            self.shared.unlock(state);
            state = self.shared.lock();
        }
        let paused = !state.takes_input();
        let sleep = Sleep { until: state.transport.poll_timeout(), paused };
        state.sleep = Some(sleep);
        let writes = state.sending == Sending::Blocked;
        self.shared.unlock(state);
        Some((writes, sleep))
    }

    /// The network takes more.
    fn resume(&self, state: &mut Guard<'_, S>, ready: Readiness) {
        if ready.writable && state.sending == Sending::Blocked {
            state.sending = Sending::Idle;
        }
    }

    fn end(&self) {
        let until = Instant::now() + FLUSH_TIME;
        while self.send_rest(until) {}
        let mut state = self.shared.lock();
        let (abandoned, input_ended) = (state.abandoned, state.input_ended);
        state.link = None;
        state.sending = Sending::Failed;
        state.announce();
        self.shared.unlock(state);
        if !abandoned {
            self.link.shutdown_write();
            if !input_ended {
                self.linger(until);
            }
            self.link.close();
        }
    }

    /// Sends what is left after the end. Whether there is still something.
    fn send_rest(&self, until: Instant) -> bool {
        let mut state = self.shared.lock();
        state.deliver();
        state = self.shared.flush(state);
        let rest = match state.sending {
            Sending::Failed => false,
            Sending::Idle => !state.transport.output().is_empty(),
            Sending::Busy | Sending::Blocked => true,
        };
        let waits = rest && !state.abandoned && Instant::now() < until;
        if waits {
            state.sleep = Some(Sleep { until: Some(until), paused: true });
        }
        let wanted = Readiness { readable: false, writable: state.sending == Sending::Blocked };
        self.shared.unlock(state);
        if !waits {
            return false;
        }
        let ready = self.link.wait(wanted, Some(until)).unwrap_or_default();
        let mut state = self.shared.lock();
        state.sleep = None;
        self.resume(&mut state, ready);
        true
    }

    /// Closing a socket with unread input takes our last bytes away from the peer. So what still comes is read,
    /// until the peer has closed, too.
    fn linger(&self, until: Instant) {
        let mut dropped = [0; 4096];
        while Instant::now() < until {
            match self.link.try_read(&mut dropped) {
                Ok(0) => return,
                Ok(_) => continue,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
            let wanted = Readiness { readable: true, writable: false };
            if self.link.wait(wanted, Some(until)).is_err() {
                return;
            }
        }
    }
}

impl<S: Side> Drop for Driver<S> {
    /// Whatever ended the thread, nobody may wait for it any more.
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.transport.connection_lost();
        state.deliver();
        state.link = None;
        state.sending = Sending::Failed;
        state.announce();
        self.shared.unlock(state);
    }
}
