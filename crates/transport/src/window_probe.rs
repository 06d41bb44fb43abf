//! Whether receive windows may grow: arithmetic on given times and counts only.
//!
//! A window that is smaller than what the link holds makes the peer wait for adjustments; one that is larger only
//! makes it queue more. Once a window's worth has come the peer is asked for a sign of life, which tells the
//! round-trip time. Where about a window comes in a round trip from then on, and more than ever before, windows may
//! grow: a peer that the link holds back sends less, and one whose data merely queue no more than before.

use std::time::{Duration, Instant};

/// Below this round-trip time no window holds a link back: 2 MiB in 2 ms are 1 GB/s.
const SHORT: Duration = Duration::from_millis(2);
/// How much more may be granted at a time.
const GROWTH: u32 = 8;
/// Where a look allowed no more, so many windows go by before the next: what asks for the data may be speeding up, too.
const REST: u64 = 2;

/// Whether a peer of this software (RFC 4253 §4.2) answers a global request whenever it comes. Others have been seen to
/// answer in the middle of a key exchange (paramiko), where nothing of the kind may be sent.
pub fn answers_at_any_time(software: &str) -> bool {
    ["OpenSSH_", "konko_"].iter().any(|name| software.starts_with(name))
}

/// What the receive windows of a connection may grow to by now.
#[derive(Debug)]
pub struct WindowProbe {
    window: u32,
    maximum: u32,
    /// What must have been received before the next step.
    due: u64,
    state: State,
    /// The most that ever came in a second.
    best_rate: f64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The peer was not asked yet.
    Unknown,
    /// It was.
    Asked(Instant),
    /// The round-trip time is known.
    Known(Duration),
    /// Since when how much comes is counted, and what had been received then.
    Counting { round_trip: Duration, since: Instant, before: u64 },
    /// There is nothing to be gained.
    Done,
}

impl WindowProbe {
    /// Windows begin with `initial` bytes and may grow to `maximum`.
    pub fn new(initial: u32, maximum: u32) -> Self {
        let state = if initial < maximum { State::Unknown } else { State::Done };
        Self { window: initial, maximum, due: initial.into(), state, best_rate: 0.0 }
    }

    /// What windows may grow to, in bytes.
    pub const fn window(&self) -> u32 {
        self.window
    }

    /// Whether the peer is to be asked, with so many bytes of channel data received in all.
    pub const fn asks(&self, received: u64) -> bool {
        matches!(self.state, State::Unknown) && received >= self.due
    }

    /// The peer has been asked.
    pub const fn ask(&mut self, now: Instant) {
        self.state = State::Asked(now);
    }

    /// The peer has answered.
    pub fn answer(&mut self, now: Instant) {
        if let State::Asked(at) = self.state {
            let round_trip = now.saturating_duration_since(at);
            self.state = if round_trip < SHORT { State::Done } else { State::Known(round_trip) };
        }
    }

    /// Looks at how much has come by now. Says whether windows may grow further than before.
    pub fn look(&mut self, now: Instant, received: u64) -> bool {
        match self.state {
            State::Known(round_trip) if received >= self.due => {
                self.state = State::Counting { round_trip, since: now, before: received };
                false
            }
            State::Counting { round_trip, since, before } => {
                let time = now.saturating_duration_since(since);
                // What a window holds comes in bursts, but once a round trip.
                time >= round_trip && {
                    let rate = received.saturating_sub(before) as f64 / time.as_secs_f64();
                    self.judge(round_trip, rate, received)
                }
            }
            _ => false,
        }
    }

    fn judge(&mut self, round_trip: Duration, rate: f64, received: u64) -> bool {
        let filled = rate * round_trip.as_secs_f64() >= 0.6 * f64::from(self.window);
        let grows = filled && rate > self.best_rate * 1.1;
        self.best_rate = self.best_rate.max(rate);
        self.state = State::Known(round_trip);
        if grows {
            // What is under way was sent within the old window.
            self.due = received.saturating_add(self.window.into());
            self.window = self.window.saturating_mul(GROWTH).min(self.maximum);
            if self.window == self.maximum {
                self.state = State::Done;
            }
        } else {
            self.due = received.saturating_add(u64::from(self.window) * REST);
        }
        grows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// A link of that round-trip time and rate, for `seconds`: what the window has grown to. In a round trip comes
    /// a window, or what the link carries.
    fn after(seconds: u64, round_trip: Duration, rate: u64) -> u32 {
        let mut probe = WindowProbe::new(2 << 20, 64 << 20);
        let (mut now, mut received) = (Instant::now(), 0);
        let end = now + Duration::from_secs(seconds);
        while now < end {
            let carried = (rate as f64 * round_trip.as_secs_f64()) as u64;
            let asks = probe.asks(received);
            if asks {
                probe.ask(now);
            }
            received += carried.min(probe.window().into());
            now += round_trip;
            if asks {
                probe.answer(now);
            }
            probe.look(now, received);
        }
        probe.window()
    }

    #[test]
    fn a_long_fat_link_gets_a_window_that_fills_it() {
        assert_eq!(after(3, Duration::from_millis(100), 1000 * MIB), 64 << 20);
        assert!(after(3, Duration::from_millis(20), 1000 * MIB) >= 16 << 20);
    }

    #[test]
    fn a_link_that_holds_less_than_the_window_gets_no_larger_one() {
        assert_eq!(after(30, Duration::from_millis(100), 5 * MIB), 2 << 20);
        assert_eq!(after(30, Duration::from_micros(200), 2000 * MIB), 2 << 20);
    }

    #[test]
    fn what_only_queues_more_grows_once() {
        // However large the window, all of it stands in a queue: the answer, too, waits for a window's worth.
        let mut probe = WindowProbe::new(2 << 20, 64 << 20);
        let start = Instant::now();
        probe.ask(start);
        probe.answer(start + Duration::from_millis(20));
        let rate = 100 * MIB;
        for tick in 0..100_000_u64 {
            probe.look(start + Duration::from_millis(tick), 2 * MIB + tick * rate / 1000);
        }
        assert_eq!(probe.window(), 16 << 20);
    }

    #[test]
    fn a_peer_that_does_not_answer_is_asked_once() {
        let mut probe = WindowProbe::new(2 << 20, 64 << 20);
        assert!(!probe.asks(MIB));
        assert!(probe.asks(2 * MIB));
        probe.ask(Instant::now());
        assert!(!probe.asks(1 << 40));
        assert!(!probe.look(Instant::now() + Duration::from_secs(9), 1 << 40));
    }

    #[test]
    fn only_those_are_asked_who_are_known_to_answer() {
        assert!(answers_at_any_time("OpenSSH_9.2p1 Debian-2") && answers_at_any_time("konko_0.1.0"));
        assert!(!answers_at_any_time("paramiko_3.0.0") && !answers_at_any_time(""));
    }

    #[test]
    fn nobody_is_asked_where_windows_must_not_grow() {
        assert!(!WindowProbe::new(2 << 20, 2 << 20).asks(1 << 40));
    }
}
