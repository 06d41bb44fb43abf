//! Keepalive requests and the verdict that a peer is dead. Arithmetic on given times only.

use std::time::{Duration, Instant};

/// When keepalive requests are sent and how many may go unanswered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepaliveConfig {
    /// How long nothing must have come from the peer before it is asked. `None`, the default, never asks.
    pub interval: Option<Duration>,
    /// How many requests in a row may go unanswered before the connection is given up; 3 by default.
    pub maximum_missed: u32,
}

impl Default for KeepaliveConfig {
    fn default() -> Self {
        Self { interval: None, maximum_missed: 3 }
    }
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepaliveStep {
    /// Nothing yet.
    Wait,
    /// Ask the peer.
    Ask,
    /// The peer is dead.
    GiveUp,
}

/// The keepalive state of a connection.
#[derive(Debug)]
pub struct Keepalive {
    config: KeepaliveConfig,
    due: Option<Instant>,
    missed: u32,
}

impl Keepalive {
    /// Stopped until [`heard`](Self::heard) is called for the first time.
    pub fn new(config: KeepaliveConfig) -> Self {
        Self { config, due: None, missed: 0 }
    }

    /// Something came from the peer.
    pub fn heard(&mut self, now: Instant) {
        self.missed = 0;
        self.due = self.config.interval.and_then(|interval| now.checked_add(interval));
    }

    /// When [`expire`](Self::expire) is to be called.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What is due at `now`. While the peer must not be asked (`may_ask`), nothing counts as missed.
    pub fn expire(&mut self, now: Instant, may_ask: bool) -> KeepaliveStep {
        if self.due.is_none_or(|due| due > now) {
            return KeepaliveStep::Wait;
        }
        if !may_ask {
            self.due = self.config.interval.and_then(|interval| now.checked_add(interval));
            return KeepaliveStep::Wait;
        }
        if self.missed >= self.config.maximum_missed {
            self.due = None;
            return KeepaliveStep::GiveUp;
        }
        self.missed += 1;
        self.due = self.config.interval.and_then(|interval| now.checked_add(interval));
        KeepaliveStep::Ask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_peer_is_asked_and_then_given_up() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut keepalive = Keepalive::new(KeepaliveConfig { interval: Some(second), maximum_missed: 2 });
        assert_eq!(keepalive.due(), None);
        keepalive.heard(start);
        assert_eq!(keepalive.expire(start, true), KeepaliveStep::Wait);
        assert_eq!(keepalive.expire(start + second, true), KeepaliveStep::Ask);
        assert_eq!(keepalive.expire(start + 2 * second, true), KeepaliveStep::Ask);
        assert_eq!(keepalive.expire(start + 3 * second, true), KeepaliveStep::GiveUp);
    }

    #[test]
    fn a_peer_that_may_not_be_asked_misses_nothing() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut keepalive = Keepalive::new(KeepaliveConfig { interval: Some(second), maximum_missed: 1 });
        keepalive.heard(start);
        for round in 1..50 {
            assert_eq!(keepalive.expire(start + round * second, false), KeepaliveStep::Wait);
        }
        assert_eq!(keepalive.expire(start + 50 * second, true), KeepaliveStep::Ask);
    }

    #[test]
    fn a_peer_that_answers_is_never_given_up() {
        let mut now = Instant::now();
        let second = Duration::from_secs(1);
        let mut keepalive = Keepalive::new(KeepaliveConfig { interval: Some(second), maximum_missed: 1 });
        keepalive.heard(now);
        for _ in 0..100 {
            now += second;
            assert_eq!(keepalive.expire(now, true), KeepaliveStep::Ask);
            keepalive.heard(now);
        }
    }
}
