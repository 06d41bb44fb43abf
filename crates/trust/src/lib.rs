//! Which keys to believe: known_hosts, authorized_keys, allowed_signers, revocation lists, signed files.
//!
//! Nothing here reads a file, asks a clock or knows a network: it is all text in and verdicts out.

#[cfg(test)]
mod fixtures;
pub mod known_hosts;
pub mod authorized_keys;

pub use authorized_keys::{AuthorizedKey, AuthorizedKeys};
pub use known_hosts::{HostKeyVerdict, KnownHosts};
