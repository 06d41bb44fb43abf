//! The harness that every suite stands on: a seeded link with virtual time between two machines, and the real
//! SSH programs that the interoperability suite talks to.
//!
//! Nothing here knows SSH: a suite brings its machines, this brings bytes, time and processes.

pub mod seed;
pub mod clock;
pub mod link;
pub mod pair;
pub mod peers;

pub use clock::Clock;
pub use link::{Conditions, Direction, Link};
pub use pair::{End, Pair};
pub use seed::Seed;
