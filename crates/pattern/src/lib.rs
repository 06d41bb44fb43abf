//! Patterns of names and addresses, as OpenSSH's files write them.

pub mod wildcard;

pub use wildcard::{ListMatch, matches, matches_list};
