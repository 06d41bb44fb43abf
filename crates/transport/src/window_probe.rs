//! Whether receive windows may grow: arithmetic on given times and counts only.
//!
//! A window that is smaller than what the link holds makes the peer wait for adjustments; one that is larger only
//! promises memory that nobody needs. What the link holds is its rate times its round-trip time. The round-trip time
//! comes from the handshake, where the peer answers what it must have seen first; where that leaves doubts the peer is
//! asked for a sign of life. The rate is that at which the data of a burst arrives, so that the first window tells
//! what the next one must be.

use std::time::{Duration, Instant};

/// Below this round-trip time no window holds a link back: 2 MiB in 2 ms are 1 GB/s.
const SHORT: Duration = Duration::from_millis(2);
/// From here on what a peer needs to compute its answer is no longer taken for a link.
const LONG: Duration = Duration::from_millis(10);
/// Beyond it somebody was asked something, rather than that the link is so long.
const LONGEST: Duration = Duration::from_secs(1);
/// A burst is timed no shorter than this: what had waited in a socket comes at the speed of memory.
const SHORTEST_BURST: Duration = Duration::from_millis(1);
/// A window is so many times what the link was seen to carry in a round trip.
const ROOM: f64 = 2.0;
/// The same where most of a window came evenly over the round trip, so that perhaps the window alone gave the pace.
const ROOM_TO_TRY: f64 = 4.0;
/// A window does not grow by less than this.
const WORTHWHILE: f64 = 1.25;

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
    /// The shortest time in which the peer answered.
    round_trip: Option<Duration>,
    /// When something was sent that the peer has to see before it says what it says next.
    shown: Option<Instant>,
    question: Question,
    burst: Option<Burst>,
}

/// The sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Unasked,
    Asked(Instant),
    /// It was answered, or cannot be asked for.
    Settled,
}

/// Since when data is counted, and what had been received then.
#[derive(Debug, Clone, Copy)]
struct Burst {
    since: Instant,
    before: u64,
}

impl WindowProbe {
    /// Windows begin with `initial` bytes and may grow to `maximum`.
    pub const fn new(initial: u32, maximum: u32) -> Self {
        Self {
            window: initial,
            maximum,
            round_trip: None,
            shown: None,
            question: Question::Unasked,
            burst: None,
        }
    }

    /// What windows may grow to, in bytes.
    pub const fn window(&self) -> u32 {
        self.window
    }

    /// Something has been sent, and what [`answered`](Self::answered) is told of can only be said by who has seen it.
    pub const fn showed(&mut self, now: Instant) {
        self.shown = Some(now);
    }

    /// The peer has said it. Does nothing if nothing was shown since the last time.
    pub fn answered(&mut self, now: Instant) {
        if let Some(shown) = self.shown.take() {
            self.learn(now.saturating_duration_since(shown));
        }
    }

    /// Whether the peer is to be asked, with so many bytes of channel data received in all.
    pub fn asks(&self, received: u64) -> bool {
        let in_doubt = || self.trusted().is_none() && self.round_trip.is_none_or(|time| time >= SHORT);
        self.question == Question::Unasked
            && self.window < self.maximum
            && received >= u64::from(self.window) / 2
            && in_doubt()
    }

    /// The peer has been asked.
    pub const fn ask(&mut self, now: Instant) {
        self.question = Question::Asked(now);
    }

    /// The peer is none that can be asked: what the handshake told has to do.
    pub const fn cannot_ask(&mut self) {
        self.question = Question::Settled;
    }

    /// The peer has answered.
    pub fn answer(&mut self, now: Instant) {
        if let Question::Asked(at) = self.question {
            self.question = Question::Settled;
            self.learn(now.saturating_duration_since(at));
        }
    }

    /// All that is measured is the link and something more, so that the shortest is the nearest.
    fn learn(&mut self, time: Duration) {
        self.round_trip = Some(self.round_trip.map_or(time, |known| known.min(time)));
    }

    /// The round-trip time, where it can be relied on.
    fn trusted(&self) -> Option<Duration> {
        let time = self.round_trip?;
        let plausible = (LONG..=LONGEST).contains(&time) || self.question == Question::Settled;
        plausible.then_some(time.min(LONGEST))
    }

    /// Looks at how much has come by now. Says whether windows may grow further than before.
    pub fn look(&mut self, now: Instant, received: u64) -> bool {
        if self.window >= self.maximum || received == 0 {
            return false;
        }
        let Some(round_trip) = self.trusted().filter(|time| *time >= SHORT) else { return false };
        let fresh = Burst { since: now, before: received };
        let burst = *self.burst.get_or_insert(fresh);
        let (time, came) =
            (now.saturating_duration_since(burst.since), received.saturating_sub(burst.before));
        let window = u64::from(self.window);
        let (share, room) =
            if time * 2 < round_trip { (window / 2, ROOM) } else { (window / 4 * 3, ROOM_TO_TRY) };
        if came >= share {
            let rate = came as f64 / time.max(SHORTEST_BURST).as_secs_f64();
            let aim = rate * round_trip.as_secs_f64() * room;
            if aim > f64::from(self.window) * WORTHWHILE {
                self.window = (aim as u32).min(self.maximum);
                // What is under way was sent within the old window.
                self.burst = None;
                return true;
            }
        }
        if time >= round_trip {
            self.burst = Some(fresh);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;

    /// Reads of the socket, a millisecond apart at most, on a link of that round-trip time and rate whose peer always
    /// has something to send: what the window is after each round trip.
    fn windows(round_trips: u32, round_trip: Duration, rate: u64) -> Vec<u32> {
        let mut probe = WindowProbe::new(2 << 20, 128 << 20);
        let start = Instant::now();
        probe.showed(start);
        probe.answered(start + round_trip);
        let (mut received, mut windows) = (0, Vec::new());
        for round in 1..=round_trips {
            let begin = start + round * round_trip;
            let (granted, mut came) = (u64::from(probe.window()), 0);
            for tick in 0..round_trip.as_micros().div_ceil(500) as u64 {
                let step = (rate / 2000).min(granted - came);
                came += step;
                received += step;
                probe.look(begin + Duration::from_micros(500 * tick), received);
            }
            windows.push(probe.window());
        }
        windows
    }

    #[test]
    fn the_first_window_tells_what_a_long_fat_link_holds() {
        // 80 MB are under way at 800 MB/s and 100 ms, 16 MB at 20 ms.
        assert_eq!(windows(1, Duration::from_millis(100), 800_000_000), [128 << 20]);
        let window = windows(1, Duration::from_millis(20), 800_000_000)[0];
        assert!((24 << 20..48 << 20).contains(&window), "{window}");
        // 10 MB at 100 MB/s and 100 ms.
        let window = windows(4, Duration::from_millis(100), 100_000_000)[3];
        assert!((15 << 20..30 << 20).contains(&window), "{window}");
    }

    #[test]
    fn data_that_comes_evenly_lets_the_window_grow_fourfold() {
        // Adjustments come back one by one, so that a window arrives evenly in every round trip.
        let mut probe = WindowProbe::new(2 << 20, 128 << 20);
        let start = Instant::now();
        probe.showed(start);
        probe.answered(start + Duration::from_millis(100));
        let (mut now, mut received, mut grown) = (start, 0, Vec::new());
        while grown.len() < 4 {
            now += Duration::from_millis(1);
            received += u64::from(probe.window()) / 100;
            if probe.look(now, received) {
                grown.push((now - start, probe.window() >> 20));
            }
        }
        let windows: Vec<u32> = grown.iter().map(|(_, window)| *window).collect();
        assert!(windows[0] >= 7 && windows[1] >= 28 && windows[2] >= 110 && windows[3] == 128, "{grown:?}");
        assert!(grown[2].0 <= Duration::from_millis(300), "{grown:?}");
    }

    #[test]
    fn a_link_that_holds_less_than_the_window_gets_no_larger_one() {
        assert_eq!(windows(300, Duration::from_millis(100), 5 * MIB).last(), Some(&(2 << 20)));
        assert_eq!(windows(30_000, Duration::from_millis(1), 2000 * MIB).last(), Some(&(2 << 20)));
    }

    #[test]
    fn what_only_queues_more_grows_to_a_few_times_what_the_link_holds() {
        // However large the window, all of it stands in a queue; the round-trip time was learnt before.
        let mut probe = WindowProbe::new(2 << 20, 128 << 20);
        let start = Instant::now();
        probe.showed(start);
        probe.answered(start + Duration::from_millis(20));
        for tick in 0..100_000_u64 {
            probe.look(start + Duration::from_millis(tick), 1 + tick * 100 * MIB / 1000);
        }
        assert!(probe.window() <= 9 << 20, "{}", probe.window());
    }

    #[test]
    fn a_peer_is_asked_where_the_handshake_leaves_doubts() {
        let start = Instant::now();
        let after = |time: Duration| {
            let mut probe = WindowProbe::new(2 << 20, 64 << 20);
            probe.showed(start);
            probe.answered(start + time);
            probe.asks(MIB)
        };
        // It is near, may be near or slow, is far, or a person had to be asked.
        let [near, either, far, person] = [1, 5, 50, 5000].map(|time| after(Duration::from_millis(time)));
        assert_eq!([near, either, far, person], [false, true, false, true]);
    }

    #[test]
    fn the_shortest_answer_counts() {
        let start = Instant::now();
        let mut probe = WindowProbe::new(2 << 20, 64 << 20);
        probe.showed(start);
        probe.answered(start + Duration::from_secs(5));
        probe.answered(start + Duration::from_secs(6));
        assert!(probe.asks(MIB) && !probe.asks(MIB - 1));
        probe.ask(start);
        assert!(!probe.asks(1 << 40));
        probe.answer(start + Duration::from_micros(500));
        // It is near after all: nothing is gained by a larger window.
        probe.look(start, KIB);
        assert!(!probe.look(start + Duration::from_millis(1), 1 << 40) && !probe.asks(1 << 40));
    }

    #[test]
    fn a_peer_that_does_not_answer_is_asked_once() {
        let mut probe = WindowProbe::new(2 << 20, 64 << 20);
        assert!(probe.asks(2 * MIB));
        probe.ask(Instant::now());
        assert!(!probe.asks(1 << 40));
        assert!(!probe.look(Instant::now() + Duration::from_secs(9), 1 << 40));
    }

    #[test]
    fn a_peer_that_cannot_be_asked_is_taken_at_its_handshake() {
        let start = Instant::now();
        let mut probe = WindowProbe::new(2 << 20, 64 << 20);
        probe.showed(start);
        probe.answered(start + Duration::from_millis(5));
        assert!(probe.asks(MIB));
        probe.cannot_ask();
        assert!(!probe.asks(MIB));
        probe.look(start, KIB);
        assert!(probe.look(start + Duration::from_millis(1), 2 * MIB));
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
