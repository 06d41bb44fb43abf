//! What a [`PacketProtocol`](crate::packet::PacketProtocol) hands up, and the questions that it asks.

use crate::extensions::PeerExtensions;
use crate::rekey::RekeyReason;
use bytes::Bytes;
use konko_keys::certificate::Certificate;
use konko_keys::public_key::PublicKey;
use konko_keys::signature_algorithm::SignatureAlgorithm;
use konko_wire::number::DisconnectReason;

/// Something that the user of the packet protocol has to know or to answer. Closed on purpose: whoever composes
/// the layers must serve every one.
#[derive(Debug)]
pub enum Received {
    /// A message of an upper layer: the numbers 5, 6, and 50 and above.
    Payload(Payload),
    /// A client must know whether the host key is the server's. It has already proved to own it. Nothing more
    /// comes until [`accept_host_key`](crate::packet::PacketProtocol::accept_host_key) or
    /// [`reject_host_key`](crate::packet::PacketProtocol::reject_host_key).
    HostKey(HostKeyQuestion),
    /// A server must sign the exchange hash. Nothing more comes until
    /// [`provide_signature`](crate::packet::PacketProtocol::provide_signature).
    SignatureWanted(SignatureQuestion),
    /// New keys are in use in both directions.
    KeysChanged {
        /// Whether they are the first.
        first: bool,
        /// Why they were exchanged.
        reason: RekeyReason,
    },
    /// The peer's extensions; all that it said so far.
    ExtInfo(PeerExtensions),
    /// The peer ended the connection. Every later call returns the same as an error.
    Disconnected {
        /// Its reason.
        reason: DisconnectReason,
        /// Its words, escaped and cut to 1 KiB.
        description: String,
    },
}

/// A message of an upper layer.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    /// The sequence number of its packet, for `SSH_MSG_UNIMPLEMENTED`.
    pub sequence_number: u32,
    /// Its bytes, the number first; at least one. For data it is a slice of what the socket wrote into; the memory
    /// of messages of user authentication (50 to 79) is wiped when the last handle is dropped.
    pub bytes: Bytes,
}

impl Payload {
    /// The message number.
    pub fn number(&self) -> u8 {
        self.bytes.first().copied().unwrap_or_default()
    }
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payload(#{}, number {}, {} bytes)", self.sequence_number, self.number(), self.bytes.len())
    }
}

/// Is this the host key of that server? To be answered once, by value.
#[derive(Debug)]
#[must_use = "the connection waits for the answer"]
pub struct HostKeyQuestion {
    /// The key.
    pub host_key: PublicKey,
    /// The certificate that the server showed with it, signed by its authority. Nothing is said yet of whether the
    /// authority is to be believed, nor for which hosts and how long the certificate is good.
    pub certificate: Option<Certificate>,
    /// The algorithm that was agreed on; one of certificates if there is a certificate.
    pub algorithm: &'static SignatureAlgorithm,
    pub(crate) generation: u64,
}

/// The signature of [`data`](Self::data) is wanted. To be answered once, by value.
#[derive(Debug)]
#[must_use = "the connection waits for the answer"]
pub struct SignatureQuestion {
    /// The algorithm to sign under.
    pub algorithm: &'static SignatureAlgorithm,
    /// The key to sign with.
    pub host_key: PublicKey,
    /// What to sign: the exchange hash.
    pub data: Vec<u8>,
    pub(crate) generation: u64,
}
