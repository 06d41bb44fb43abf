//! Which side of the connection this is.

/// The side that a [`PacketProtocol`](crate::packet::PacketProtocol) plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}
