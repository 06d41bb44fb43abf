//! Virtual time: it moves only when told to, so that an hour passes in no time at all.

use std::time::{Duration, Instant};

/// A clock over one real instant taken at its start.
#[derive(Debug, Clone)]
pub struct Clock {
    base: Instant,
    elapsed: Duration,
}

impl Default for Clock {
    fn default() -> Self {
        Self { base: Instant::now(), elapsed: Duration::ZERO }
    }
}

impl Clock {
    /// The present.
    pub fn now(&self) -> Instant {
        self.base + self.elapsed
    }

    /// How much virtual time has passed since the start.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Lets `duration` pass.
    pub fn advance(&mut self, duration: Duration) {
        self.elapsed += duration;
    }

    /// Moves to `instant`; the clock never goes back.
    pub fn advance_to(&mut self, instant: Instant) {
        self.elapsed = self.elapsed.max(instant.saturating_duration_since(self.base));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_moves_when_told_and_never_back() {
        let mut clock = Clock::default();
        let start = clock.now();
        clock.advance(Duration::from_secs(3600));
        assert_eq!(clock.now(), start + Duration::from_secs(3600));
        clock.advance_to(start);
        assert_eq!(clock.elapsed(), Duration::from_secs(3600));
        clock.advance_to(start + Duration::from_secs(3601));
        assert_eq!(clock.elapsed(), Duration::from_secs(3601));
    }
}
