//! A point in time, as an agent needs it: nothing below the drivers has a clock.

use std::time::Instant;

/// A point in time, on two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// On the clock that never goes back: lifetimes and delays are counted on it.
    pub instant: Instant,
    /// In seconds since 1970-01-01 00:00:00 UTC: the validity of host certificates is judged by it.
    pub unix_seconds: u64,
}
