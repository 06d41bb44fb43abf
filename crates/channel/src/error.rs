//! What goes wrong in the connection protocol, and who is to blame. What the peer refuses is not here: a refused
//! open or request is an answer and comes as an event.

use konko_wire::decode::DecodeError;
use konko_wire::number::DisconnectReason;

/// Why a message was not taken or a wish not granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// The peer broke a rule of RFC 4254. The connection cannot go on.
    #[error("the peer broke the connection protocol: {0}")]
    PeerMisbehaved(&'static str),
    /// The peer sent a message for a channel that is not open. The connection cannot go on.
    #[error("the peer sent {message} for channel {number}, which is not open")]
    UnknownChannel {
        /// The message's name.
        message: &'static str,
        /// The recipient channel it named.
        number: u32,
    },
    /// The peer sent a malformed message, whose name comes first. The connection cannot go on.
    #[error("the peer sent a malformed {0}: {1}")]
    Decode(&'static str, #[source] DecodeError),
    /// A message number without a meaning (83–89, 101–127). RFC 4253 §11.4 wants it answered with
    /// SSH_MSG_UNIMPLEMENTED; nothing has changed here and the connection can go on.
    #[error("the peer sent message number {0}, which the connection protocol does not define")]
    Unimplemented(u8),
    /// A limit of [`ChannelConfig`](crate::config::ChannelConfig) was reached: by the peer when
    /// [`Channels::handle`](crate::Channels::handle) says so (the connection cannot go on), else by ourselves.
    #[error("a limit is reached: {0}")]
    LimitExceeded(&'static str),
    /// The application asked for what cannot be asked now.
    #[error("the application asked for what is not possible: {0}")]
    ApiMisuse(&'static str),
    /// The channel or the connection has closed in the meantime; nobody is to blame.
    #[error("the channel is closed")]
    Closed,
}

impl ChannelError {
    /// The reason to give if the connection is ended because of this (RFC 4253 §11.1).
    pub const fn disconnect_reason(&self) -> DisconnectReason {
        match self {
            Self::PeerMisbehaved(_)
            | Self::UnknownChannel { .. }
            | Self::Decode(..)
            | Self::Unimplemented(_)
            | Self::LimitExceeded(_) => DisconnectReason::PROTOCOL_ERROR,
            Self::ApiMisuse(_) | Self::Closed => DisconnectReason::BY_APPLICATION,
        }
    }
}
