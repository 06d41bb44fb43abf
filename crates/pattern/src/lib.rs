//! Patterns of names and addresses, as OpenSSH's files write them.

pub mod wildcard;
pub mod address;

pub use address::{AddressList, AddressListError, HostList, Network, NetworkList};
pub use wildcard::{ListMatch, matches, matches_list};
