//! A table of deadlines, one row each.

use std::time::{Duration, Instant};

/// `N` independent deadlines, addressed by row.
#[derive(Debug, Clone)]
pub struct Timers<const N: usize> {
    due: [Option<Instant>; N],
}

impl<const N: usize> Default for Timers<N> {
    fn default() -> Self {
        Self { due: [None; N] }
    }
}

impl<const N: usize> Timers<N> {
    /// Sets row `timer` to expire at `at`, replacing what was there. A row outside the table is ignored.
    pub fn set(&mut self, timer: usize, at: Instant) {
        if let Some(slot) = self.due.get_mut(timer) {
            *slot = Some(at);
        }
    }

    /// Sets row `timer` to expire `after` from `now`. A time beyond what an [`Instant`] can hold never comes, so the row
    /// is stopped.
    pub fn set_after(&mut self, timer: usize, now: Instant, after: Duration) {
        match now.checked_add(after) {
            Some(at) => self.set(timer, at),
            None => self.stop(timer),
        }
    }

    /// Stops row `timer`.
    pub fn stop(&mut self, timer: usize) {
        if let Some(slot) = self.due.get_mut(timer) {
            *slot = None;
        }
    }

    /// The deadline of row `timer`, if it runs.
    pub fn get(&self, timer: usize) -> Option<Instant> {
        self.due.get(timer).copied().flatten()
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Instant> {
        self.due.iter().flatten().min().copied()
    }

    /// Takes the first row that is due at `now`, if any, and stops it.
    pub fn expired(&mut self, now: Instant) -> Option<usize> {
        let timer = self.due.iter().position(|due| due.is_some_and(|at| at <= now))?;
        self.due[timer] = None;
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_expire_once_each_and_the_earliest_is_next() {
        let start = Instant::now();
        let mut timers = Timers::<2>::default();
        timers.set(0, start + Duration::from_secs(2));
        timers.set(1, start + Duration::from_secs(1));
        assert_eq!(timers.next(), Some(start + Duration::from_secs(1)));
        assert_eq!(timers.expired(start), None);
        let late = start + Duration::from_secs(3);
        assert_eq!(timers.expired(late), Some(0));
        assert_eq!(timers.expired(late), Some(1));
        assert_eq!(timers.expired(late), None);
        assert_eq!(timers.next(), None);
    }

    // covers: O07
    #[test]
    fn a_time_beyond_all_time_never_comes() {
        let start = Instant::now();
        let mut timers = Timers::<1>::default();
        timers.set_after(0, start, Duration::from_secs(7));
        assert_eq!(timers.next(), Some(start + Duration::from_secs(7)));
        for after in [Duration::MAX, Duration::from_secs(u64::MAX)] {
            timers.set_after(0, start, after);
            assert_eq!(timers.next(), None);
        }
    }
}
