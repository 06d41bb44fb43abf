//! What goes wrong between a client and its agent, and who is to blame.

use konko_keys::KeyError;
use konko_wire::decode::DecodeError;

/// Why an agent's answer was not taken, or a wish was not granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The other side broke a rule of RFC 9987. The connection cannot go on.
    #[error("the other side broke the agent protocol: {0}")]
    PeerMisbehaved(&'static str),
    /// The other side sent a malformed message, whose name comes first. The connection cannot go on.
    #[error("the other side sent a malformed {0}: {1}")]
    Decode(&'static str, #[source] DecodeError),
    /// The agent answered with a message that does not answer the request. The connection cannot go on.
    #[error("the agent answered {request} with message number {number}")]
    WrongReply {
        /// The request's name.
        request: &'static str,
        /// The number of the message that came.
        number: u8,
    },
    /// The agent says no: SSH_AGENT_FAILURE, for whatever reason of its own. The connection goes on.
    #[error("the agent refused {request}")]
    Refused {
        /// The request's name.
        request: &'static str,
    },
    /// The agent knows the extension and could not do what was asked: SSH_AGENT_EXTENSION_FAILURE. The connection
    /// goes on.
    #[error("the agent failed to do what the extension asks")]
    ExtensionFailed,
    /// The agent signed under another algorithm than the one asked for, as agents do that do not know the flags.
    /// The connection goes on.
    #[error("the agent did not sign under {expected}")]
    WrongAlgorithm {
        /// The algorithm asked for.
        expected: String,
    },
    /// A limit was reached: by the other side (the connection cannot go on), or by ourselves.
    #[error("a limit is reached: {0}")]
    LimitExceeded(&'static str),
    /// A key cannot be written as the protocol wants it.
    #[error("the key cannot be given to an agent: {0}")]
    Key(#[from] KeyError),
    /// The application asked for what cannot be asked.
    #[error("the application asked for what is not possible: {0}")]
    ApiMisuse(&'static str),
    /// The connection has ended.
    #[error("the connection to the agent is closed")]
    Closed,
}

/// Why a key is not taken into a [`Keyring`](crate::keyring::Keyring). Whoever gave it is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// The bytes are not laid out as the message.
    #[error("the request is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A key type that cannot be held here.
    #[error("the key type {name:?} is not supported")]
    UnsupportedKey {
        /// The name of the type, with what is not printable US-ASCII replaced.
        name: String,
    },
    /// The numbers of the key do not belong together, or are out of range.
    #[error("the private key is not accepted: {0}")]
    InvalidKey(String),
    /// The certificate does not belong to the private key, or is malformed.
    #[error("the certificate is not accepted: {0}")]
    InvalidCertificate(&'static str),
    /// A constraint that this agent does not know or cannot enforce. RFC 9987 wants the key refused then.
    #[error("the constraint {0} cannot be enforced")]
    UnsupportedConstraint(String),
    /// A constraint that contradicts itself or is given twice.
    #[error("the constraint is not valid: {0}")]
    InvalidConstraint(&'static str),
    /// The key is there and must not be seen or changed over this connection.
    #[error("the key is held already and is not visible to the one who adds it")]
    NotPermitted,
    /// No more keys fit into the answer to a list request.
    #[error("the agent holds as many keys as it can list")]
    Full,
}
