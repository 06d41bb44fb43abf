//! How many bytes to keep in flight: what the link carries in two round trips, and a little more.

use std::time::{Duration, Instant};

/// In flight at least, which is plenty within a local network.
const FLOOR: usize = 2 * 1024 * 1024;
/// The most to begin with, where the round-trip time is known to be long.
const LARGEST_START: usize = 8 * 1024 * 1024;
/// The rate that a long link is believed to have until it is measured, in bytes per millisecond.
const ASSUMED_RATE: usize = 100 * 1024;
/// A rate is not measured over less than this, so that bursts do not look like speed.
const SHORTEST_ROUND: Duration = Duration::from_millis(5);

/// The pace of one transfer.
#[derive(Debug)]
pub(crate) struct Pace {
    target: usize,
    most: usize,
    round_began: Option<Instant>,
    round_bytes: usize,
}

impl Pace {
    /// Begins with what is known of the round-trip time; never more than `most` bytes.
    pub(crate) fn new(round_trip: Option<Duration>, most: usize) -> Self {
        let start = round_trip.map_or(FLOOR, |round_trip| {
            let milliseconds = usize::try_from(round_trip.as_millis()).unwrap_or(usize::MAX);
            milliseconds.saturating_mul(ASSUMED_RATE).clamp(FLOOR, LARGEST_START)
        });
        Self { target: start.min(most), most, round_began: None, round_bytes: 0 }
    }

    /// How many bytes to keep in flight now.
    pub(crate) const fn target(&self) -> usize {
        self.target
    }

    /// `bytes` have been answered at `now`. Where the link carried all that was in flight in one round trip, twice
    /// as much is the next aim.
    pub(crate) fn answered(&mut self, now: Instant, bytes: usize, round_trip: Option<Duration>) {
        let began = *self.round_began.get_or_insert(now);
        self.round_bytes = self.round_bytes.saturating_add(bytes);
        let elapsed = now.saturating_duration_since(began);
        let round_trip = round_trip.unwrap_or(SHORTEST_ROUND);
        if elapsed < round_trip.max(SHORTEST_ROUND) {
            return;
        }
        let carried = self.round_bytes as f64 * round_trip.as_secs_f64() / elapsed.as_secs_f64();
        let aim = (2.0 * carried) as usize;
        // What is measured may be too little for a while, as when nobody takes the data; let go slowly.
        let kept = self.target - self.target / 8;
        self.target = aim.max(kept).max(FLOOR).min(self.most);
        self.round_began = Some(now);
        self.round_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A link of `rate` bytes per second and `round_trip`, which answers in steps of a millisecond.
    fn settle(rate: usize, round_trip: Duration, rounds: u32) -> usize {
        let mut pace = Pace::new(Some(round_trip), 64 << 20);
        let start = Instant::now();
        for millisecond in 0..rounds * round_trip.as_millis().max(5) as u32 {
            let window_rate = pace.target() as f64 / round_trip.as_secs_f64();
            let bytes = (window_rate.min(rate as f64) / 1000.0) as usize;
            pace.answered(start + Duration::from_millis(u64::from(millisecond)), bytes, Some(round_trip));
        }
        pace.target()
    }

    #[test]
    fn the_depth_follows_the_link() {
        // A local network: a short queue, however fast it is.
        assert_eq!(settle(1_000_000_000, Duration::from_micros(100), 100), FLOOR);
        // 100 ms and 500 MB/s: 50 MB are under way, so the most that is allowed.
        assert_eq!(settle(500_000_000, Duration::from_millis(100), 8), 64 << 20);
        // 100 ms and 10 MB/s: 1 MB is under way.
        assert_eq!(settle(10_000_000, Duration::from_millis(100), 40), FLOOR);
        // 100 ms and 100 MB/s: 10 MB are under way, twice that is kept.
        let target = settle(100_000_000, Duration::from_millis(100), 30);
        assert!((19_000_000..22_000_000).contains(&target), "{target}");
    }
}
