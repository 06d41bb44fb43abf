//! Why a server stops: what a client must not send. After any of these nothing of the stream can be believed.

use crate::message::number::PacketType;
use konko_wire::decode::DecodeError;

/// A breach of the protocol by the client. The channel is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A packet longer than is taken.
    #[error("the client sends a packet of {length} bytes, more than {maximum}")]
    PacketTooLong {
        /// As the client says.
        length: u32,
        /// What is taken.
        maximum: u32,
    },
    /// A packet too short for a type and a request id.
    #[error("the client sends a packet of {length} bytes, too short for any")]
    PacketTooShort {
        /// As the client says.
        length: u32,
    },
    /// INIT does not come first, as §4 wants it.
    #[error("the client sends {packet_type} before SSH_FXP_INIT")]
    BeforeInit {
        /// What came instead.
        packet_type: PacketType,
    },
    /// INIT comes again.
    #[error("the client sends SSH_FXP_INIT again")]
    RepeatedInit,
    /// INIT does not parse.
    #[error("the client sends a malformed SSH_FXP_INIT: {0}")]
    MalformedInit(DecodeError),
    /// What only servers send.
    #[error("the client sends {packet_type}, which only servers send")]
    ServersPacket {
        /// What came.
        packet_type: PacketType,
    },
    /// The stream ends within a packet.
    #[error("the client's stream ends within a packet")]
    UnexpectedEnd,
}
