//! Who is at the other end of a connection.

use std::fmt::{Display, Formatter, Result};
use std::net::SocketAddr;

/// Who is at the other end of a connection, as far as the network knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerInfo {
    /// Its address; none where the stream is not of a network.
    pub address: Option<SocketAddr>,
    /// Our address, as it reached it.
    pub local_address: Option<SocketAddr>,
}

impl PeerInfo {
    /// A peer on a stream that has no addresses.
    pub const UNKNOWN: Self = Self { address: None, local_address: None };

    /// A peer and the address it reached us at. IPv4 addresses that are written as IPv6 ones are taken as what they
    /// are.
    pub fn new(address: Option<SocketAddr>, local_address: Option<SocketAddr>) -> Self {
        Self { address: address.map(canonical), local_address: local_address.map(canonical) }
    }
}

impl Display for PeerInfo {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.address {
            Some(address) => Display::fmt(&address, f),
            None => f.write_str("an unknown address"),
        }
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
