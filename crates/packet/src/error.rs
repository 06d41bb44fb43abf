//! What can go wrong, sorted by who is to blame.

use konko_crypto::kex::KexError;
use konko_keys::error::{CertificateError, KeyError, SignatureError};
use konko_wire::decode::DecodeError;
use konko_wire::identification::IdentificationError;
use konko_wire::number::DisconnectReason;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// The peer's identification string is awaited (RFC 4253 §4.2).
    Identification,
    /// The peer's first `SSH_MSG_KEXINIT` is awaited.
    Negotiation,
    /// The first key exchange runs.
    KeyExchange,
    /// The peer's first `SSH_MSG_NEWKEYS` is awaited.
    NewKeys,
    /// Keys are in use.
    Established,
    /// Keys are in use and others are being exchanged.
    KeyReExchange,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Identification => "while its identification string was awaited",
            Self::Negotiation => "while its SSH_MSG_KEXINIT was awaited",
            Self::KeyExchange => "in the first key exchange",
            Self::NewKeys => "while its SSH_MSG_NEWKEYS was awaited",
            Self::Established => "while keys were in use",
            Self::KeyReExchange => "in a key re-exchange",
        })
    }
}

/// What two sides negotiate (RFC 4253 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AlgorithmKind {
    /// `kex_algorithms`
    KeyExchange,
    /// `server_host_key_algorithms`
    HostKey,
    /// `encryption_algorithms_client_to_server`
    CipherClientToServer,
    /// `encryption_algorithms_server_to_client`
    CipherServerToClient,
    /// `mac_algorithms_client_to_server`
    MacClientToServer,
    /// `mac_algorithms_server_to_client`
    MacServerToClient,
    /// `compression_algorithms_client_to_server`
    CompressionClientToServer,
    /// `compression_algorithms_server_to_client`
    CompressionServerToClient,
}

impl std::fmt::Display for AlgorithmKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::KeyExchange => "key exchange method",
            Self::HostKey => "host key algorithm",
            Self::CipherClientToServer => "cipher from client to server",
            Self::CipherServerToClient => "cipher from server to client",
            Self::MacClientToServer => "MAC from client to server",
            Self::MacServerToClient => "MAC from server to client",
            Self::CompressionClientToServer => "compression from client to server",
            Self::CompressionServerToClient => "compression from server to client",
        })
    }
}

/// Why two sides that both obey the protocol cannot talk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Incompatibility {
    /// The two lists have no entry in common.
    #[error("no common {kind}: ours are \"{ours}\", theirs are \"{theirs}\"")]
    NoCommonAlgorithm {
        /// The list.
        kind: AlgorithmKind,
        /// What we offered.
        ours: String,
        /// What the peer offered, at most 1 KiB of it.
        theirs: String,
    },
    /// `require_strict_kex` is set and the peer does not do strict key exchange.
    #[error("the peer does not support strict key exchange, which the configuration requires")]
    NoStrictKeyExchange,
    /// No group fits the sizes that the client asks for (RFC 4419 §3).
    #[error("no Diffie-Hellman group of {minimum} to {maximum} bits is known")]
    NoGroup {
        /// The client's minimum in bits.
        minimum: u32,
        /// The client's maximum in bits.
        maximum: u32,
    },
}

/// Why a connection failed at the level of packets. It is `Clone` because it is returned again by every later
/// call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PacketError {
    /// The peer broke a rule of the protocol.
    #[error("the peer broke the protocol: {0}")]
    PeerMisbehaved(&'static str),
    /// The peer sent a message that is not allowed at that point.
    #[error("the peer broke the protocol: it sent message {number} {phase}")]
    UnexpectedMessage {
        /// The message number.
        number: u8,
        /// When.
        phase: Phase,
    },
    /// The peer sent a packet whose length field is not acceptable.
    #[error("the peer broke the protocol: a packet length of {0}")]
    PacketLength(u32),
    /// The peer sent a message that does not decode.
    #[error("the peer broke the protocol: a malformed {message}: {error}")]
    Decode {
        /// The message's name.
        message: &'static str,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// Both sides are right and cannot talk.
    #[error(transparent)]
    PeerIncompatible(Incompatibility),
    /// A packet was changed on its way.
    #[error("the integrity tag of a packet does not match")]
    TagMismatch,
    /// The peer's identification string is not acceptable.
    #[error("the peer's identification string is not acceptable: {0}")]
    Identification(IdentificationError),
    /// The server's host key does not decode, or is too weak.
    #[error("the server's host key is not acceptable: {0}")]
    HostKey(KeyError),
    /// The certificate that the server shows does not decode, or its authority did not sign it.
    #[error("the server's host certificate is not acceptable: {0}")]
    HostCertificate(CertificateError),
    /// The server's RSA host key has fewer bits than the configuration asks for.
    #[error("the server's RSA host key of {bits} bits is too short")]
    HostKeyTooShort {
        /// Its bits.
        bits: u32,
    },
    /// The server's signature over the exchange hash does not verify.
    #[error("the server does not prove to own its host key: {0}")]
    HostKeySignature(SignatureError),
    /// The server came with another host key in a re-exchange.
    #[error("the server's host key changed in a key re-exchange")]
    HostKeyChanged,
    /// The application did not accept the server's host key.
    #[error("the server's host key was rejected")]
    HostKeyRejected,
    /// The key agreement failed.
    #[error("the key exchange failed: {0}")]
    Kex(KexError),
    /// Compressed data does not decompress.
    #[error("decompression failed: {0}")]
    Compression(&'static str),
    /// The peer made more of something than is allowed.
    #[error("a limit was exceeded: {0}")]
    LimitExceeded(&'static str),
    /// The peer ended the connection with `SSH_MSG_DISCONNECT`.
    #[error("the peer disconnected ({reason}): {description}")]
    Disconnected {
        /// Its reason.
        reason: DisconnectReason,
        /// Its words, escaped and cut to 1 KiB.
        description: String,
    },
    /// The stream ended.
    #[error("the connection was closed {phase}")]
    ConnectionClosed {
        /// When.
        phase: Phase,
    },
    /// The peer took too long.
    #[error("the peer took too long: the deadline passed {phase}")]
    TimedOut {
        /// When.
        phase: Phase,
    },
    /// The caller did something that makes no sense.
    #[error("the packet protocol was used wrongly: {0}")]
    ApiMisuse(&'static str),
}

impl PacketError {
    /// The reason to give the peer in `SSH_MSG_DISCONNECT`; `None` where there is nobody left to tell.
    pub fn disconnect_reason(&self) -> Option<DisconnectReason> {
        Some(match self {
            Self::PeerMisbehaved(_)
            | Self::UnexpectedMessage { .. }
            | Self::PacketLength(_)
            | Self::Decode { .. }
            | Self::LimitExceeded(_) => DisconnectReason::PROTOCOL_ERROR,
            Self::PeerIncompatible(_)
            | Self::HostKey(_)
            | Self::HostCertificate(_)
            | Self::HostKeyTooShort { .. }
            | Self::Kex(_) => DisconnectReason::KEY_EXCHANGE_FAILED,
            Self::HostKeySignature(_) | Self::HostKeyChanged => DisconnectReason::KEY_EXCHANGE_FAILED,
            Self::HostKeyRejected => DisconnectReason::HOST_KEY_NOT_VERIFIABLE,
            Self::TagMismatch => DisconnectReason::MAC_ERROR,
            Self::Compression(_) => DisconnectReason::COMPRESSION_ERROR,
            Self::Identification(IdentificationError::UnsupportedVersion) => {
                DisconnectReason::PROTOCOL_VERSION_NOT_SUPPORTED
            }
            Self::TimedOut { .. } | Self::ApiMisuse(_) => DisconnectReason::BY_APPLICATION,
            Self::Identification(_) | Self::Disconnected { .. } | Self::ConnectionClosed { .. } => {
                return None;
            }
        })
    }
}

impl From<Incompatibility> for PacketError {
    fn from(error: Incompatibility) -> Self {
        Self::PeerIncompatible(error)
    }
}

impl From<KexError> for PacketError {
    fn from(error: KexError) -> Self {
        Self::Kex(error)
    }
}

/// Names the message that does not decode.
pub(crate) fn malformed(message: &'static str) -> impl Fn(DecodeError) -> PacketError {
    move |error| PacketError::Decode { message, error }
}
