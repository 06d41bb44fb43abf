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
/// From this round-trip time on it pays not to wait for the end of the first round.
const LONG: Duration = Duration::from_millis(10);
/// What must have been answered of the first round before its pace is believed.
const FIRST_SAMPLE: usize = 1024 * 1024;
/// The first sample is timed no shorter than this.
const SHORTEST_SAMPLE: Duration = Duration::from_millis(1);

/// The pace of one transfer.
#[derive(Debug)]
pub(crate) struct Pace {
    target: usize,
    most: usize,
    round_began: Option<Instant>,
    round_bytes: usize,
    /// The first round is over.
    measured: bool,
}

impl Pace {
    /// Begins with what is known of the round-trip time; never more than `most` bytes.
    pub(crate) fn new(round_trip: Option<Duration>, most: usize) -> Self {
        let start = round_trip.map_or(FLOOR, |round_trip| {
            let milliseconds = usize::try_from(round_trip.as_millis()).unwrap_or(usize::MAX);
            milliseconds.saturating_mul(ASSUMED_RATE).clamp(FLOOR, LARGEST_START)
        });
        Self { target: start.min(most), most, round_began: None, round_bytes: 0, measured: false }
    }

    /// How many bytes to keep in flight now.
    pub(crate) const fn target(&self) -> usize {
        self.target
    }

    /// `bytes` have been answered at `now`. Where the link carried all that was in flight in one round trip, twice
    /// as much is the next aim. What of the first round comes in a burst tells the link's rate before that.
    pub(crate) fn answered(&mut self, now: Instant, bytes: usize, round_trip: Option<Duration>) {
        let Some(began) = self.round_began else {
            // What came with the first answer came before the time runs.
            self.round_began = Some(now);
            return;
        };
        self.round_bytes = self.round_bytes.saturating_add(bytes);
        let elapsed = now.saturating_duration_since(began);
        let round_trip = round_trip.unwrap_or(SHORTEST_ROUND);
        if !self.measured && round_trip >= LONG && self.round_bytes >= FIRST_SAMPLE {
            let aim = self.aim(round_trip, elapsed.max(SHORTEST_SAMPLE));
            self.target = self.target.max(aim).min(self.most);
        }
        if elapsed < round_trip.max(SHORTEST_ROUND) {
            return;
        }
        let aim = self.aim(round_trip, elapsed);
        // What is measured may be too little for a while, as when nobody takes the data; let go slowly.
        let kept = self.target - self.target / 8;
        self.target = aim.max(kept).max(FLOOR).min(self.most);
        self.round_began = Some(now);
        self.round_bytes = 0;
        self.measured = true;
    }

    /// Twice what the link carries in a round trip.
    fn aim(&self, round_trip: Duration, elapsed: Duration) -> usize {
        (2.0 * self.round_bytes as f64 * round_trip.as_secs_f64() / elapsed.as_secs_f64()) as usize
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
        // 100 ms and 500 MB/s: 50 MB are under way, so the most that is allowed here.
        assert_eq!(settle(500_000_000, Duration::from_millis(100), 8), 64 << 20);
        // 100 ms and 10 MB/s: 1 MB is under way.
        assert_eq!(settle(10_000_000, Duration::from_millis(100), 40), FLOOR);
        // 100 ms and 100 MB/s: 10 MB are under way, twice that is kept.
        let target = settle(100_000_000, Duration::from_millis(100), 30);
        assert!((19_000_000..22_000_000).contains(&target), "{target}");
    }

    #[test]
    fn the_first_burst_tells_how_deep_a_long_link_is() {
        let (start, round_trip) = (Instant::now(), Some(Duration::from_millis(100)));
        let mut pace = Pace::new(round_trip, 128 << 20);
        assert_eq!(pace.target(), 8 << 20);
        // 800 MB/s: a quarter of a mebibyte each 328 microseconds.
        for answer in 0..8 {
            pace.answered(start + Duration::from_micros(328 * answer), 1 << 18, round_trip);
        }
        assert_eq!(pace.target(), 128 << 20);
        // 10 MB/s: the burst says that there is no reason for more.
        let mut pace = Pace::new(round_trip, 128 << 20);
        for answer in 0..8 {
            pace.answered(start + Duration::from_millis(26 * answer), 1 << 18, round_trip);
        }
        assert!(pace.target() <= 8 << 20);
    }
}
