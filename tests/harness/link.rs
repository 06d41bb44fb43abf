//! A byte stream in memory between two ends: cut into pieces, late, damaged or cut short, all from one seed.
//!
//! Like a socket it keeps order and holds a bounded number of bytes. It does not know what the bytes mean.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use crate::seed::Seed;

/// What one direction of a link does to the bytes that cross it.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// How many bytes arrive at once. Default: 1 to 4096.
    pub piece: RangeInclusive<usize>,
    /// How long each piece travels; pieces never overtake each other. Default: no time.
    pub delay: RangeInclusive<Duration>,
    /// How many bytes may be under way; the sender waits beyond that. Default: 256 KiB.
    pub capacity: usize,
    /// The stream ends after this many bytes, whatever the sender does. Default: never.
    pub end_after: Option<u64>,
    /// The bit to turn over, counted from the first bit (most significant) of the stream. Default: none.
    pub flip_bit: Option<u64>,
    /// Whether to keep a copy of every byte that was sent. Default: no.
    pub record: bool,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            piece: 1..=4096,
            delay: Duration::ZERO..=Duration::ZERO,
            capacity: 256 * 1024,
            end_after: None,
            flip_bit: None,
            record: false,
        }
    }
}

/// Both directions between end A and end B.
#[derive(Debug)]
pub struct Link {
    /// From A to B.
    pub a_to_b: Direction,
    /// From B to A.
    pub b_to_a: Direction,
}

impl Link {
    /// The same conditions both ways, each direction with its own numbers drawn from `seed`.
    pub fn new(seed: &mut Seed, conditions: &Conditions) -> Self {
        Self::with_directions(
            Direction::new(seed.fork(), conditions.clone()),
            Direction::new(seed.fork(), conditions.clone()),
        )
    }

    /// Two directions made one by one.
    pub fn with_directions(a_to_b: Direction, b_to_a: Direction) -> Self {
        Self { a_to_b, b_to_a }
    }

    /// When the next piece of either direction arrives.
    pub fn next_arrival(&self) -> Option<Instant> {
        [self.a_to_b.next_arrival(), self.b_to_a.next_arrival()].into_iter().flatten().min()
    }
}

/// One way of a link.
#[derive(Debug)]
pub struct Direction {
    seed: Seed,
    conditions: Conditions,
    under_way: VecDeque<Piece>,
    held: usize,
    sent: u64,
    received: u64,
    latest: Option<Instant>,
    end: Option<Instant>,
    recorded: Vec<u8>,
}

#[derive(Debug)]
struct Piece {
    arrives: Instant,
    bytes: Vec<u8>,
    taken: usize,
}

impl Direction {
    /// An empty direction.
    pub fn new(seed: Seed, conditions: Conditions) -> Self {
        Self {
            seed,
            conditions,
            under_way: VecDeque::new(),
            held: 0,
            sent: 0,
            received: 0,
            latest: None,
            end: None,
            recorded: Vec::new(),
        }
    }

    /// Takes what there is room for from the front of `bytes` and says how much that was.
    ///
    /// After the end everything is taken and lost, as a socket does whose peer is gone.
    pub fn send(&mut self, now: Instant, bytes: &[u8]) -> usize {
        if self.end.is_some() {
            return bytes.len();
        }
        let mut taken = 0;
        while taken < bytes.len() && self.end.is_none() {
            let room = self.conditions.capacity.saturating_sub(self.held);
            let left = self.conditions.end_after.map_or(u64::MAX, |end| end.saturating_sub(self.sent));
            let drawn = self.draw_piece_length().min(bytes.len() - taken).min(room);
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(drawn);
            if length == 0 {
                break;
            }
            self.push(now, bytes[taken..taken + length].to_vec());
            taken += length;
            self.end_if_due(now);
        }
        // What lies beyond the end is lost, not kept waiting for room that never comes.
        if self.end.is_some() { bytes.len() } else { taken }
    }

    /// The sender sends no more. What is under way still arrives.
    pub fn end(&mut self, now: Instant) {
        if self.end.is_none() {
            self.end = Some(self.arrival_of_next(now));
        }
    }

    /// Moves bytes of the first piece that has arrived into `buffer`; never more than one piece.
    pub fn receive(&mut self, now: Instant, buffer: &mut [u8]) -> usize {
        let Some(piece) = self.under_way.front_mut().filter(|piece| piece.arrives <= now) else { return 0 };
        let rest = &piece.bytes[piece.taken..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        piece.taken += length;
        self.held -= length;
        self.received += length as u64;
        if piece.taken == piece.bytes.len() {
            self.under_way.pop_front();
        }
        length
    }

    /// Whether the receiver has seen every byte and the end.
    pub fn has_ended(&self, now: Instant) -> bool {
        self.under_way.is_empty() && self.end.is_some_and(|end| end <= now)
    }

    /// When the next piece, or the end, reaches the receiver; may lie in the past if it was not taken.
    pub fn next_arrival(&self) -> Option<Instant> {
        self.under_way.front().map(|piece| piece.arrives).or(self.end)
    }

    /// How many bytes are under way.
    pub fn in_flight(&self) -> usize {
        self.held
    }

    /// How many bytes the sender has put in, up to the end.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// How many bytes the receiver has taken out.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// What was sent, before damage, if [`Conditions::record`] is set.
    pub fn recorded(&self) -> &[u8] {
        &self.recorded
    }

    /// The conditions, to change for what is sent from here on.
    pub fn conditions_mut(&mut self) -> &mut Conditions {
        &mut self.conditions
    }

    fn draw_piece_length(&mut self) -> usize {
        let (low, high) = (*self.conditions.piece.start() as u64, *self.conditions.piece.end() as u64);
        self.seed.within(&(low.max(1)..=high)) as usize
    }

    fn arrival_of_next(&mut self, now: Instant) -> Instant {
        let (low, high) = (self.conditions.delay.start(), self.conditions.delay.end());
        let travel = self.seed.within(&(low.as_nanos() as u64..=high.as_nanos() as u64));
        let arrives = now + Duration::from_nanos(travel);
        let arrives = self.latest.map_or(arrives, |latest| arrives.max(latest));
        self.latest = Some(arrives);
        arrives
    }

    fn push(&mut self, now: Instant, mut bytes: Vec<u8>) {
        if self.conditions.record {
            self.recorded.extend_from_slice(&bytes);
        }
        let flipped = self.conditions.flip_bit.and_then(|bit| bit.checked_sub(self.sent * 8));
        if let Some(bit) = flipped
            && let Some(byte) = usize::try_from(bit / 8).ok().and_then(|at| bytes.get_mut(at))
        {
            *byte ^= 0x80 >> (bit % 8);
        }
        let arrives = self.arrival_of_next(now);
        self.sent += bytes.len() as u64;
        self.held += bytes.len();
        self.under_way.push_back(Piece { arrives, bytes, taken: 0 });
    }

    fn end_if_due(&mut self, now: Instant) {
        if self.conditions.end_after.is_some_and(|end| self.sent >= end) {
            self.end(now);
        }
    }
}

#[cfg(test)]
mod tests;
