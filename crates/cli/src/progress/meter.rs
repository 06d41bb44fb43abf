//! One line for one file: its name, how much of it has come, how fast, and how long it will take.

use std::time::{Duration, Instant};

/// How long the rate takes to forget nine tenths of what was before.
const MEMORY: Duration = Duration::from_secs(4);
/// Without a byte for so long, a transfer is called stalled.
const STALLED: Duration = Duration::from_secs(5);
/// What stands behind the name.
const NUMBERS: usize = 36;

/// The progress of one file. Time is given to it.
#[derive(Debug, Clone)]
pub struct Meter {
    name: String,
    size: Option<u64>,
    begun_at: u64,
    transferred: u64,
    started: Instant,
    /// When the rate was last told, and how much had come then.
    measured: (Instant, u64),
    /// In bytes a second.
    rate: f64,
    /// When something last came.
    moved: Instant,
    ended: Option<Instant>,
}

impl Meter {
    /// A file of which `transferred` bytes are there already.
    pub fn new(name: &str, size: Option<u64>, transferred: u64, now: Instant) -> Self {
        Self {
            name: name.to_owned(),
            size,
            begun_at: transferred,
            transferred,
            started: now,
            measured: (now, transferred),
            rate: 0.0,
            moved: now,
            ended: None,
        }
    }

    /// So many bytes are there now.
    pub fn advance(&mut self, transferred: u64, now: Instant) {
        if transferred != self.transferred {
            self.transferred = transferred;
            self.moved = now;
        }
        let (since, before) = self.measured;
        let passed = now.saturating_duration_since(since);
        if passed >= Duration::from_millis(200) {
            let current = transferred.saturating_sub(before) as f64 / passed.as_secs_f64();
            let kept = if self.rate == 0.0 {
                0.0
            } else {
                0.1_f64.powf(passed.as_secs_f64() / MEMORY.as_secs_f64())
            };
            self.rate = self.rate * kept + current * (1.0 - kept);
            self.measured = (now, transferred);
        }
    }

    /// Nothing more will come.
    pub fn finish(&mut self, now: Instant) {
        self.ended = Some(now);
    }

    fn percent(&self) -> u64 {
        match self.size {
            None => 0,
            Some(0) => 100,
            Some(size) => (u128::from(self.transferred.min(size)) * 100 / u128::from(size)) as u64,
        }
    }

    /// The line, at most `width` columns wide.
    pub fn line(&self, width: usize, now: Instant) -> String {
        let elapsed = self.ended.unwrap_or(now).saturating_duration_since(self.started);
        let (rate, clock) = match self.ended {
            // Over the whole time.
            Some(_) => {
                let seconds = elapsed.as_secs_f64().max(0.001);
                (
                    (self.transferred - self.begun_at.min(self.transferred)) as f64 / seconds,
                    format!("{}    ", clock(elapsed)),
                )
            }
            None if now.saturating_duration_since(self.moved) >= STALLED => (0.0, "- stalled -".to_owned()),
            None => match self.size {
                Some(size) if self.rate >= 1.0 => {
                    let left = size.saturating_sub(self.transferred) as f64 / self.rate;
                    let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
                    (self.rate, format!("{} ETA", clock(left)))
                }
                _ => (self.rate, "--:-- ETA".to_owned()),
            },
        };
        let numbers = format!(
            "{:>3}% {:>7} {:>9} {clock:>11}",
            self.percent(),
            amount(self.transferred),
            format!("{}/s", amount(rate as u64)),
        );
        let room = width.saturating_sub(NUMBERS).max(8);
        let name: String = self.name.chars().take(room - 1).collect();
        let mut line = format!("{name:<room$}{numbers}");
        line.truncate(line.char_indices().nth(width).map_or(line.len(), |(end, _)| end));
        line
    }
}

/// Bytes in the largest unit that keeps at least one digit before the point.
pub fn amount(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KB", "MB", "GB", "TB", "PB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes}B") } else { format!("{value:.1}{}", UNITS[unit]) }
}

/// Minutes and seconds, or hours before them.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (hours, ..) if hours >= 100 => "--:--".to_owned(),
        (0, minutes, seconds) => format!("{minutes:02}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short() {
        for (bytes, text) in [
            (0, "0B"),
            (999, "999B"),
            (1000, "1.0KB"),
            (1024, "1.0KB"),
            (1_048_576, "1.0MB"),
            (5 << 30, "5.0GB"),
            (u64::MAX, "16384.0PB"),
        ] {
            assert_eq!(amount(bytes), text);
        }
    }

    #[test]
    fn a_file_comes_at_a_rate_and_ends() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut meter = Meter::new("big.iso", Some(100 << 20), 0, start);
        assert!(meter.line(80, start).contains("--:-- ETA"));
        for second in 1..=10 {
            meter.advance(second * (5 << 20), at(second));
        }
        let line = meter.line(80, at(10));
        assert!(line.starts_with("big.iso ") && line.contains(" 50%") && line.contains("50.0MB"), "{line}");
        assert!(line.contains("5.0MB/s") && line.contains("00:10 ETA"), "{line}");
        assert!(meter.line(80, at(16)).contains("- stalled -"));
        meter.advance(100 << 20, at(20));
        meter.finish(at(20));
        let line = meter.line(80, at(90));
        assert!(line.contains("100%") && line.contains("5.0MB/s") && line.contains("00:20"), "{line}");
        assert!(line.chars().count() <= 80);
    }

    #[test]
    fn lines_fit_whatever_the_name() {
        let now = Instant::now();
        for (name, size) in [("ä".repeat(300).as_str(), Some(0)), ("", None), ("x", Some(u64::MAX))] {
            for width in [0, 10, 36, 80] {
                assert!(Meter::new(name, size, 0, now).line(width, now).chars().count() <= width.max(44));
            }
        }
        let resumed = Meter::new("x", Some(100), 50, now);
        assert!(resumed.line(80, now).contains(" 50%"));
    }
}
