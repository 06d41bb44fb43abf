//! The shape of a key agreement: that of a KEM, because Diffie–Hellman fits it and a KEM does not fit
//! Diffie–Hellman's.

use super::shared_secret::SharedSecret;
use crate::random::SecureRandom;

/// A public value of the peer cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KexError {
    /// It has the wrong length for the method.
    #[error("the peer's public value has the wrong length")]
    WrongLength,
    /// It is outside the range, not on the curve, of small order, or not reduced.
    #[error("the peer's public value is not valid for the method")]
    InvalidValue,
    /// The Diffie–Hellman group that the peer proposes is not acceptable (RFC 4419, RFC 8270).
    #[error("the Diffie-Hellman group proposed by the peer is not acceptable")]
    UnacceptableGroup,
}

/// How the two public values travel and enter the exchange hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueEncoding {
    /// As strings (RFC 5656, RFC 8731, the hybrids).
    String,
    /// As mpints (RFC 4253 §8); the bytes handled here are the unsigned big-endian magnitude.
    Mpint,
}

/// The responder of an [`Agreement`].
pub type Respond = fn(&mut dyn SecureRandom, &[u8]) -> Result<(Vec<u8>, SharedSecret), KexError>;

/// A one-step agreement: the initiator's value, then the responder's.
#[derive(Debug, Clone, Copy)]
pub struct Agreement {
    /// How public values are encoded.
    pub encoding: ValueEncoding,
    /// The client's first half.
    pub initiate: fn(&mut dyn SecureRandom) -> Box<dyn Initiator>,
    /// The server's whole part: given the client's value, its own value and the secret.
    pub respond: Respond,
}

/// The initiator between its two halves; holds the ephemeral secret and wipes it.
pub trait Initiator: Send {
    /// The public value to send.
    fn public(&self) -> &[u8];
    /// Ends the agreement with the responder's public value.
    fn finish(self: Box<Self>, reply: &[u8]) -> Result<SharedSecret, KexError>;
}
