//! When a connection has been quiet for long enough to give its buffers back.

use konko_sansio::Machine;
use konko_transport::{Side, Transport};
use std::time::{Duration, Instant};

/// How long nothing must have travelled.
const QUIET_TIME: Duration = Duration::from_secs(1);

/// A look at a connection that may be going quiet.
#[derive(Debug)]
struct Look {
    /// When to look again.
    again: Instant,
    /// What had travelled.
    travelled: u64,
}

/// What becomes of the buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// They are kept, until this moment at least.
    Keep(Instant),
    /// Nothing has needed them for a while.
    GiveBack,
}

/// Looks now and then whether anything has travelled, which costs a busy connection nothing for each packet.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    last: Option<Look>,
    /// What only the beginning of the connection needed was given back.
    settled: bool,
}

impl Quiet {
    /// Gives back what only the beginning of a connection needed, once that is over.
    pub(crate) fn settle<S: Side>(&mut self, transport: &mut Transport<S>) {
        if !self.settled && transport.is_authenticated() && transport.output().is_empty() {
            self.settled = true;
            self.last = None;
            transport.release_buffers();
        }
    }

    /// Whether buffers were taken since they were given back, and no look is due.
    pub(crate) fn is_disturbed<S: Side>(&self, transport: &Transport<S>) -> bool {
        self.last.is_none() && transport.is_authenticated() && transport.holds_buffers()
    }

    /// Gives buffers back that nothing has needed for a while. Returns when to look again.
    pub(crate) fn rest<S: Side>(
        &mut self,
        transport: &mut Transport<S>,
        now: impl FnOnce() -> Instant,
    ) -> Option<Instant> {
        self.settle(transport);
        if !transport.is_authenticated() || !transport.holds_buffers() {
            self.last = None;
            return None;
        }
        match self.look(transport.travelled(), now()) {
            Verdict::Keep(again) => Some(again),
            Verdict::GiveBack => {
                transport.release_buffers();
                None
            }
        }
    }

    /// Looks at a connection on which so much has travelled.
    fn look(&mut self, travelled: u64, now: Instant) -> Verdict {
        match &self.last {
            Some(last) if now < last.again => return Verdict::Keep(last.again),
            Some(last) if last.travelled == travelled => {
                self.last = None;
                return Verdict::GiveBack;
            }
            _ => {}
        }
        let again = now + QUIET_TIME;
        self.last = Some(Look { again, travelled });
        Verdict::Keep(again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_given_back_when_nothing_travelled_for_a_while() {
        let start = Instant::now();
        let mut quiet = Quiet::default();
        assert_eq!(quiet.look(5, start), Verdict::Keep(start + QUIET_TIME));
        assert_eq!(quiet.look(9, start + QUIET_TIME / 2), Verdict::Keep(start + QUIET_TIME));
        assert_eq!(quiet.look(9, start + QUIET_TIME), Verdict::Keep(start + 2 * QUIET_TIME));
        assert_eq!(quiet.look(9, start + 2 * QUIET_TIME), Verdict::GiveBack);
        let later = start + 5 * QUIET_TIME;
        assert_eq!(quiet.look(9, later), Verdict::Keep(later + QUIET_TIME));
    }
}
