//! What ends a connection, sorted by who is to blame, and which DISCONNECT it is answered with.

use konko_channel::error::ChannelError;
use konko_packet::error::PacketError;
use konko_userauth::AuthError;
use konko_wire::number::DisconnectReason;

/// Which deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timer {
    /// Authentication did not end in time (the server's login grace time, or the peer's answer to a request).
    Authentication,
    /// The peer answered none of the keepalive requests.
    Keepalive,
}

impl std::fmt::Display for Timer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Authentication => "authentication did not end in time",
            Self::Keepalive => "the peer answers no more (keepalive requests went unanswered)",
        })
    }
}

/// What ended the connection. After it every later call returns the same error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The transport layer: identification, key exchange, packets, or the peer's own DISCONNECT.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// The authentication protocol.
    #[error("user authentication: {0}")]
    Auth(#[from] AuthError),
    /// The connection protocol.
    #[error("connection protocol: {0}")]
    Channel(#[from] ChannelError),
    /// The peer sent a message that is not allowed in this phase of the connection.
    #[error("the peer sent message {number} {phase}, where it is not allowed")]
    OutOfPlace {
        /// The message number.
        number: u8,
        /// When, for example "before authentication".
        phase: &'static str,
    },
    /// The peer asked for, or granted, another service than the one that is due.
    #[error("the peer named a service that is not available here")]
    ServiceNotAvailable,
    /// A message that cannot be decoded.
    #[error("cannot decode {message}: {error}")]
    Decode {
        /// Its name in the RFC.
        message: &'static str,
        /// What is wrong with it.
        error: konko_wire::decode::DecodeError,
    },
    /// A deadline passed.
    #[error("{0}")]
    TimedOut(Timer),
    /// A call that makes no sense in the connection's state; never caused by the peer.
    #[error("wrong use of the connection: {0}")]
    ApiMisuse(&'static str),
    /// The connection was closed from this side.
    #[error("the connection is closed")]
    Closed,
}

impl Error {
    /// The reason to put into the DISCONNECT that answers this error; `None` where none is due.
    pub fn disconnect_reason(&self) -> Option<DisconnectReason> {
        match self {
            Self::Packet(error) => error.disconnect_reason(),
            Self::Auth(error) => Some(error.disconnect_reason()),
            Self::Channel(error) => Some(error.disconnect_reason()),
            Self::OutOfPlace { .. } | Self::Decode { .. } => Some(DisconnectReason::PROTOCOL_ERROR),
            Self::ServiceNotAvailable => Some(DisconnectReason::SERVICE_NOT_AVAILABLE),
            Self::TimedOut(Timer::Authentication) => Some(DisconnectReason::BY_APPLICATION),
            Self::TimedOut(Timer::Keepalive) => Some(DisconnectReason::CONNECTION_LOST),
            Self::ApiMisuse(_) | Self::Closed => None,
        }
    }
}
