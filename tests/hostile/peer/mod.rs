//! A peer at the level of bytes: it exchanges keys for real and then sends whatever it is told to, in any state.
//!
//! It shares the algorithm tables with the library and none of its state machines: what it sends, when, and what it
//! hashes is written here once more.

pub mod null_rows;
pub mod proposal;
pub mod chosen;
pub mod byte_peer;
pub mod scene;
pub mod setups;
pub mod messages;
