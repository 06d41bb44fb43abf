//! The binary packet protocol of RFC 4253, with RFC 4419, RFC 5656, RFC 8308 and strict key exchange:
//! identification, packets, key exchange and re-exchange. What is called the transport layer protocol there is
//! called `packet` here; `konko-transport` is the whole connection.
//!
//! [`PacketProtocol`] takes bytes and time and gives bytes and [`Received`] events. The loop of its user:
//!
//! 1. put bytes of the peer into [`PacketProtocol::input_buf`] and call [`PacketProtocol::commit_input`];
//! 2. call [`PacketProtocol::poll`] until it gives nothing more, and act on each event before the next call;
//! 3. send messages of upper layers into [`PacketProtocol::outbound`];
//! 4. write [`PacketProtocol::output`] to the peer;
//! 5. read [`PacketProtocol::poll_timeout`] and call [`PacketProtocol::handle_timeout`] when it is due.
//!
//! Algorithms are rows of tables that the configuration names; nothing here looks one up by itself.

mod role;
mod peer_text;
pub mod error;
pub mod compression;
pub mod selection;
pub mod algorithms;
pub mod rekey;
pub mod config;
pub mod extensions;
pub mod received;
mod identification;
mod negotiation;
mod direction_keys;
mod inbound;
pub mod outbound;
mod key_exchange;
pub mod packet;

pub use algorithms::Algorithms;
pub use compression::{COMPRESSION_ALGORITHMS, CompressionAlgorithm};
pub use config::{GroupSizes, Limits, PacketConfig};
pub use error::{AlgorithmKind, Incompatibility, PacketError, Phase};
pub use extensions::PeerExtensions;
pub use negotiation::Negotiated;
pub use outbound::Outbound;
pub use packet::{PacketProtocol, Stats};
pub use received::{HostKeyQuestion, Payload, Received, SignatureQuestion};
pub use rekey::{RekeyPolicy, RekeyReason};
pub use selection::{ListError, Row, select};
