//! Which keys to believe: known_hosts, authorized_keys, allowed_signers, revocation lists, signed files.
//!
//! Nothing here reads a file, asks a clock or knows a network: it is all text in and verdicts out.

#[cfg(test)]
mod fixtures;
mod lines;
mod calendar;
mod zone_rule;
pub mod time_zone;
pub mod timestamp;
pub mod known_hosts;
pub mod known_hosts_store;
pub mod known_hosts_edit;
pub mod forward_permission;
mod option_list;
pub mod key_options;
pub mod authorized_keys;
pub mod krl;
pub mod revoked_keys;
pub mod authorized_principals;
pub mod permissions;
pub mod authorisation;
pub mod sshsig;
pub mod allowed_signers;
pub mod sshfp;

pub use authorized_keys::{AuthorizedKey, AuthorizedKeys};
pub use known_hosts::{HostKeyVerdict, KnownHosts};
