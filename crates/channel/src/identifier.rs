//! The numbers by which the application speaks of channels and requests, and how long names may be.

/// The longest name of a request or channel type that can mean anything (RFC 4251 §6: names "MUST NOT be longer
/// than 64 characters").
pub(crate) const MAXIMUM_NAME_LEN: usize = 64;

/// A name as text: `None` if it cannot be one that anybody knows (RFC 4250 §4.6.1: names are "US-ASCII").
pub(crate) fn known_name(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|name| name.is_ascii() && name.len() <= MAXIMUM_NAME_LEN)
}

/// A channel, by the number we gave it: the peer's recipient channel (RFC 4254 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(u32);

impl ChannelId {
    pub(crate) const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number on the wire.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl std::fmt::Display for ChannelId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One of our requests that waits for a reply. Unique within its channel, or among the global requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(u64);

impl RequestId {
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }
}
