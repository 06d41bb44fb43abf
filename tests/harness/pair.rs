//! Two machines, one link, one clock: whoever has something to do does it, and time jumps to whatever is next.
//!
//! The pair moves bytes and time only. What the machines mean to their application (events, commands) goes through
//! the closure of [`Pair::drive_with`] or happens between two drives.

use std::time::{Duration, Instant};

use konko_sansio::machine::Machine;

use crate::clock::Clock;
use crate::link::{Conditions, Direction, Link};
use crate::seed::Seed;

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The first machine.
    A,
    /// The second machine.
    B,
}

/// Two machines that talk to each other over a simulated link.
///
/// A machine that returned an error is called no more, except to flush what it still has to say; then its side of
/// the link ends, as a driver would close the socket.
#[derive(Debug)]
pub struct Pair<A: Machine, B: Machine> {
    /// The first machine.
    pub a: A,
    /// The second machine.
    pub b: B,
    /// The clock both live by.
    pub clock: Clock,
    /// What lies between them.
    pub link: Link,
    a_end: Socket<A::Error>,
    b_end: Socket<B::Error>,
    seed: u64,
    most_steps: u64,
}

/// What the driver of one end would know.
#[derive(Debug)]
struct Socket<E> {
    error: Option<E>,
    told_eof: bool,
    closing: bool,
}

impl<E> Default for Socket<E> {
    fn default() -> Self {
        Self { error: None, told_eof: false, closing: false }
    }
}

impl<A: Machine, B: Machine> Pair<A, B> {
    /// How many rounds one drive may take before it is called endless.
    pub const DEFAULT_MOST_STEPS: u64 = 2_000_000;

    /// A pair over a link of `conditions`, drawn from `seed`.
    pub fn new(a: A, b: B, seed: u64, conditions: &Conditions) -> Self {
        Self::over(a, b, Link::new(&mut Seed::new(seed), conditions), seed)
    }

    /// A pair over a link made elsewhere; `seed` is only named when a drive fails.
    pub fn over(a: A, b: B, link: Link, seed: u64) -> Self {
        Self {
            a,
            b,
            clock: Clock::default(),
            link,
            a_end: Socket::default(),
            b_end: Socket::default(),
            seed,
            most_steps: Self::DEFAULT_MOST_STEPS,
        }
    }

    /// Changes how many rounds one drive may take.
    pub fn set_most_steps(&mut self, most_steps: u64) {
        self.most_steps = most_steps;
    }

    /// The present.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Why machine A ended, if it did.
    pub fn a_error(&self) -> Option<&A::Error> {
        self.a_end.error.as_ref()
    }

    /// Why machine B ended, if it did.
    pub fn b_error(&self) -> Option<&B::Error> {
        self.b_end.error.as_ref()
    }

    /// Closes one end once its output is flushed: its peer then sees the end of the stream.
    pub fn close(&mut self, end: End) {
        match end {
            End::A => self.a_end.closing = true,
            End::B => self.b_end.closing = true,
        }
    }

    /// Runs until no byte is under way and nobody has anything to send. Timeouts fire only if they fall due while
    /// bytes travel; what merely waits for a timeout is idle.
    ///
    /// # Panics
    /// When the step bound is exceeded: the machines keep each other busy for ever.
    pub fn drive(&mut self) {
        self.drive_with(|_, _, _| false);
    }

    /// As [`drive`](Pair::drive), asking `application` in every round; it says whether it did anything.
    ///
    /// # Panics
    /// As [`drive`](Pair::drive).
    pub fn drive_with(&mut self, mut application: impl FnMut(&mut A, &mut B, Instant) -> bool) {
        for _ in 0..self.most_steps {
            if self.step(&mut application) {
                continue;
            }
            let Some(arrival) = self.next_travelling() else { return };
            let due = self.next_timeout().map_or(arrival, |timeout| timeout.min(arrival));
            self.clock.advance_to(due);
        }
        self.endless();
    }

    /// Runs, through timeouts too, until `application` returns true.
    ///
    /// Returns false if that never happens: nothing is under way and no timeout is set, or `limit` of virtual time
    /// has passed.
    ///
    /// # Panics
    /// As [`drive`](Pair::drive).
    pub fn drive_until(
        &mut self,
        limit: Duration,
        mut application: impl FnMut(&mut A, &mut B, Instant) -> bool,
    ) -> bool {
        let last = self.clock.now() + limit;
        for _ in 0..self.most_steps {
            if application(&mut self.a, &mut self.b, self.clock.now()) {
                return true;
            }
            if self.step(&mut |_, _, _| false) {
                continue;
            }
            let next = [self.next_travelling(), self.next_timeout()].into_iter().flatten().min();
            match next.filter(|next| *next <= last) {
                Some(next) => self.clock.advance_to(next),
                None => return false,
            }
        }
        self.endless();
    }

    /// Lets `duration` of virtual time pass, with everything that falls due in it.
    ///
    /// # Panics
    /// As [`drive`](Pair::drive).
    pub fn drive_for(&mut self, duration: Duration) {
        let last = self.clock.now() + duration;
        self.drive_until(duration, |_, _, _| false);
        self.clock.advance_to(last);
        self.settle();
    }

    /// Does everything that can be done without time passing.
    ///
    /// # Panics
    /// As [`drive`](Pair::drive).
    pub fn settle(&mut self) {
        for _ in 0..self.most_steps {
            if !self.step(&mut |_, _, _| false) {
                return;
            }
        }
        self.endless();
    }

    /// When the earlier of the two machines wants to be woken.
    pub fn next_timeout(&self) -> Option<Instant> {
        let a = if self.a_end.error.is_none() { self.a.poll_timeout() } else { None };
        let b = if self.b_end.error.is_none() { self.b.poll_timeout() } else { None };
        [a, b].into_iter().flatten().min()
    }

    /// When something that is still on its way arrives. What has arrived and is not taken does not count: its
    /// machine wants no input now, and time alone will not change that.
    fn next_travelling(&self) -> Option<Instant> {
        let now = self.clock.now();
        [self.link.a_to_b.next_arrival(), self.link.b_to_a.next_arrival()]
            .into_iter()
            .flatten()
            .filter(|arrival| *arrival > now)
            .min()
    }

    fn step(&mut self, application: &mut impl FnMut(&mut A, &mut B, Instant) -> bool) -> bool {
        let now = self.clock.now();
        // The application first, so that what it caused is seen to move in the same round.
        let mut moved = application(&mut self.a, &mut self.b, now);
        let Link { a_to_b, b_to_a } = &mut self.link;
        moved |= self.a_end.pump(&mut self.a, now, a_to_b, b_to_a);
        moved |= self.b_end.pump(&mut self.b, now, b_to_a, a_to_b);
        moved
    }

    fn endless(&self) -> ! {
        panic!(
            "seed {}: the pair is not at rest after {} rounds and {:?}; A has {} bytes to send, B {}; {} and {} are under way",
            self.seed,
            self.most_steps,
            self.clock.elapsed(),
            self.a.output().len(),
            self.b.output().len(),
            self.link.a_to_b.in_flight(),
            self.link.b_to_a.in_flight(),
        );
    }
}

impl<E> Socket<E> {
    /// One round of what a driver does: wake, read, write. Says whether anything moved.
    fn pump<M: Machine<Error = E>>(
        &mut self,
        machine: &mut M,
        now: Instant,
        outgoing: &mut Direction,
        incoming: &mut Direction,
    ) -> bool {
        let mut moved = false;
        if self.error.is_none() && machine.poll_timeout().is_some_and(|due| due <= now) {
            moved = true;
            self.keep(machine.handle_timeout(now));
        }
        moved |= self.read(machine, now, incoming);

        let waiting = machine.output().len();
        if waiting > 0 {
            let taken = outgoing.send(now, machine.output());
            machine.consume_output(taken);
            moved |= taken > 0;
        }
        if machine.output().is_empty() && (self.closing || self.error.is_some()) {
            outgoing.end(now);
        }
        moved
    }

    fn read<M: Machine<Error = E>>(
        &mut self,
        machine: &mut M,
        now: Instant,
        incoming: &mut Direction,
    ) -> bool {
        if self.error.is_some() || self.closing {
            // The socket is closed: what still arrives is lost.
            return incoming.receive(now, &mut [0; 4096]) > 0;
        }
        let received = incoming.receive(now, machine.input_buf());
        if received > 0 {
            let result = machine.handle_input(now, received);
            self.keep(result);
            return true;
        }
        if incoming.has_ended(now) && !self.told_eof {
            self.told_eof = true;
            let result = machine.handle_eof(now);
            self.keep(result);
            return true;
        }
        false
    }

    fn keep(&mut self, result: Result<(), E>) {
        if let Err(error) = result {
            self.error = Some(error);
        }
    }
}

#[cfg(test)]
mod tests;
