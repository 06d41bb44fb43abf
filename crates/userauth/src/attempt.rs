//! What a server's machine asks its application: whether what a client offers is good enough.

use konko_keys::public_key::PublicKey;
use konko_keys::signature_algorithm::SignatureAlgorithm;
use zeroize::Zeroizing;

use crate::ticket::Ticket;

/// A client's attempt to authenticate. It is answered once, by value, with one of the methods of
/// [`ServerAuth`](crate::server::ServerAuth).
///
/// The machine keeps its own record of who asks and what the answer leads to: changing the fields changes nothing
/// but what the application sees.
#[derive(Debug)]
#[must_use = "the client waits until the attempt is accepted or rejected"]
pub struct Attempt {
    /// Who the client says it is: at most 255 bytes, possibly empty, not escaped.
    pub user_name: String,
    /// The service to be started: "ssh-connection", because no request for another one gets so far.
    pub service_name: String,
    /// What is offered as proof.
    pub kind: AttemptKind,
    pub(crate) ticket: Ticket,
}

/// What a client offers. Secrets are cleared when they are dropped and left out of the debug output.
#[non_exhaustive]
pub enum AttemptKind {
    /// Nothing (RFC 4252 §5.2). To accept it lets anybody in.
    None,
    /// A password (RFC 4252 §8).
    Password {
        /// It, at most as long as the configuration allows.
        password: Zeroizing<String>,
    },
    /// A new password, which this server has demanded just before (RFC 4252 §8).
    PasswordChange {
        /// The password that has expired; still to be checked.
        old: Zeroizing<String>,
        /// Its successor.
        new: Zeroizing<String>,
    },
    /// A question, and no proof: whether this key would do (RFC 4252 §7). To accept it lets nobody in.
    PublicKeyQuery {
        /// The key.
        key: PublicKey,
        /// The algorithm that the signature would have.
        algorithm: &'static SignatureAlgorithm,
    },
    /// A key whose possession is proved: the signature has been verified for this connection, user and key.
    PublicKey {
        /// The key.
        key: PublicKey,
        /// The algorithm of the signature.
        algorithm: &'static SignatureAlgorithm,
    },
    /// The start of a dialogue (RFC 4256 §3.1).
    KeyboardInteractive {
        /// What the client would like, comma-separated; usually empty.
        submethods: String,
    },
    /// The answers of one round of a dialogue (RFC 4256 §3.4).
    KeyboardInteractiveResponses {
        /// Exactly one for each prompt, in order.
        responses: Vec<Zeroizing<String>>,
    },
}

impl std::fmt::Debug for AttemptKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Password { .. } => f.write_str("Password { .. }"),
            Self::PasswordChange { .. } => f.write_str("PasswordChange { .. }"),
            Self::PublicKeyQuery { key, algorithm } => {
                write!(f, "PublicKeyQuery {{ key: {key:?}, algorithm: {:?} }}", algorithm.name)
            }
            Self::PublicKey { key, algorithm } => {
                write!(f, "PublicKey {{ key: {key:?}, algorithm: {:?} }}", algorithm.name)
            }
            Self::KeyboardInteractive { submethods } => {
                write!(f, "KeyboardInteractive {{ submethods: {submethods:?} }}")
            }
            Self::KeyboardInteractiveResponses { responses } => {
                write!(f, "KeyboardInteractiveResponses({} responses)", responses.len())
            }
        }
    }
}
