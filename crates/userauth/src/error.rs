//! What can go wrong while authenticating, by blame, and the disconnect reason of each.

use konko_wire::decode::DecodeError;
use konko_wire::number::DisconnectReason;

/// Why authentication cannot go on.
///
/// A refusal is not an error: it is an event of the client and an SSH_MSG_USERAUTH_FAILURE of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The peer sent what it may not send now. The text names the rule.
    #[error("the peer broke the authentication protocol: {0}")]
    PeerMisbehaved(&'static str),
    /// The peer sent a message whose fields cannot be read.
    #[error("{0} is malformed: {1}")]
    Decode(&'static str, DecodeError),
    /// The peer sent a number of 50–79 that means nothing. Nothing has changed; RFC 4253 §11.4 asks for an
    /// SSH_MSG_UNIMPLEMENTED, which whoever knows the packet's sequence number sends instead of disconnecting.
    #[error("message {0} is not one of the authentication protocol")]
    UnassignedNumber(u8),
    /// The client of a server failed, asked or queried too often.
    #[error("Too many authentication failures")]
    TooManyAttempts,
    /// The peer went beyond a limit of the configuration. The text names the limit.
    #[error("the peer exceeded a limit: {0}")]
    LimitExceeded(&'static str),
    /// The client asks to be authenticated for a service that does not exist.
    #[error("the service is not available")]
    ServiceNotAvailable,
    /// The caller did what this state does not allow; bytes of the peer never cause it.
    #[error("misuse of the interface: {0}")]
    ApiMisuse(&'static str),
}

impl AuthError {
    /// The reason of the SSH_MSG_DISCONNECT to send (RFC 4253 §11.1). Its description is the error's text.
    pub const fn disconnect_reason(&self) -> DisconnectReason {
        match self {
            Self::PeerMisbehaved(_)
            | Self::Decode(..)
            | Self::UnassignedNumber(_)
            | Self::LimitExceeded(_) => DisconnectReason::PROTOCOL_ERROR,
            Self::TooManyAttempts => DisconnectReason::NO_MORE_AUTH_METHODS_AVAILABLE,
            Self::ServiceNotAvailable => DisconnectReason::SERVICE_NOT_AVAILABLE,
            Self::ApiMisuse(_) => DisconnectReason::BY_APPLICATION,
        }
    }

    /// Turns a decoding error of the message `name` into one of this crate.
    pub(crate) fn decoding(name: &'static str) -> impl Fn(DecodeError) -> Self {
        move |error| Self::Decode(name, error)
    }
}
