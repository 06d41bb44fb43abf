//! No more than so many bytes a second.

use std::time::{Duration, Instant};

/// How much may pass at once after a pause.
const BURST: Duration = Duration::from_millis(200);

/// Holds up whoever transfers too much.
#[derive(Debug)]
pub(crate) struct Pace {
    limit: Option<u64>,
    /// When the bytes that have passed are paid for.
    paid: Instant,
}

impl Pace {
    pub(crate) fn new(limit: Option<u64>) -> Self {
        Self { limit, paid: Instant::now() }
    }

    /// How long to wait after these bytes have passed at `now`.
    fn due(&mut self, passed: u64, now: Instant) -> Duration {
        let Some(limit) = self.limit else { return Duration::ZERO };
        let cost = Duration::from_secs_f64(passed as f64 / limit.max(1) as f64);
        self.paid = self.paid.max(now - BURST.min(cost)) + cost;
        self.paid.saturating_duration_since(now)
    }

    /// Waits until these bytes are paid for.
    pub(crate) fn pass(&mut self, passed: u64) {
        let due = self.due(passed, Instant::now());
        if !due.is_zero() {
            std::thread::sleep(due);
        }
    }

    /// How much is best transferred at once.
    pub(crate) fn piece(&self, most: usize) -> usize {
        let tenth = self.limit.map_or(u64::MAX, |limit| limit / 10);
        usize::try_from(tenth).unwrap_or(usize::MAX).clamp(1024, most.max(1024)).min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_carries_no_more_than_the_limit() {
        let mut pace = Pace::new(Some(1000));
        let start = pace.paid;
        let mut now = start;
        for _ in 0..100 {
            now += pace.due(100, now);
        }
        let took = now - start;
        assert!(took > Duration::from_millis(9_700) && took < Duration::from_millis(10_100), "{took:?}");
        assert_eq!(Pace::new(None).due(1 << 40, now), Duration::ZERO);
        assert_eq!(pace.piece(1 << 18), 1024);
        assert_eq!(Pace::new(None).piece(1 << 18), 1 << 18);
    }
}
