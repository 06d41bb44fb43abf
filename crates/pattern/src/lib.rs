//! Patterns of names, files and addresses, as OpenSSH's files and the shell write them.

mod walk;
pub mod wildcard;
pub mod glob;
pub mod address;

pub use address::{AddressList, AddressListError, HostList, Network, NetworkList};
pub use glob::Glob;
pub use wildcard::{ListMatch, matches, matches_exactly, matches_list, matches_list_exactly};
