//! What a client offers to prove who it is, and what the application makes of it.

use konko_transport::keys::public_key::PublicKey;
use konko_transport::keys::signature_algorithm::SignatureAlgorithm;
use konko_transport::userauth::attempt::{Attempt, AttemptKind};
use konko_transport::userauth::method_name::MethodName;
use konko_transport::userauth::question::Prompts;
use zeroize::Zeroizing;

/// A client's attempt to authenticate.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct AuthRequest<'a> {
    /// Who the client says it is: at most 255 bytes, possibly empty; escape it before showing it.
    pub user_name: &'a str,
    /// What it offers as proof.
    pub proof: Proof<'a>,
}

/// What a client offers as proof.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Proof<'a> {
    /// Nothing (RFC 4252 §5.2). Accepting it lets anybody in.
    None,
    /// A password (RFC 4252 §8).
    Password(&'a str),
    /// A new password in place of one that [`AuthDecision::RequirePasswordChange`] said has expired. The old one
    /// is still to be checked.
    PasswordChange {
        /// The password that has expired.
        old: &'a str,
        /// Its successor.
        new: &'a str,
    },
    /// A question and no proof: would this key do? Accepting it lets nobody in (RFC 4252 §7).
    PublicKeyQuery {
        /// The key.
        key: &'a PublicKey,
        /// The algorithm that the signature would have.
        algorithm: &'static SignatureAlgorithm,
    },
    /// A key whose possession is proved: its signature was verified for this connection and user.
    PublicKey {
        /// The key.
        key: &'a PublicKey,
        /// The algorithm of the signature.
        algorithm: &'static SignatureAlgorithm,
    },
    /// A dialogue (RFC 4256): its start in round 0, then the responses to each [`AuthDecision::Ask`].
    KeyboardInteractive {
        /// How many times the user was asked so far.
        round: u32,
        /// One response for each prompt of the round before; none in round 0.
        responses: &'a [Zeroizing<String>],
    },
}

impl std::fmt::Debug for Proof<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PublicKeyQuery { key, .. } => write!(f, "PublicKeyQuery({key:?})"),
            Self::PublicKey { key, .. } => write!(f, "PublicKey({key:?})"),
            Self::KeyboardInteractive { round, .. } => write!(f, "KeyboardInteractive(round {round})"),
            Self::None | Self::Password(_) | Self::PasswordChange { .. } => f.write_str(self.method()),
        }
    }
}

impl Proof<'_> {
    /// The method's name on the wire.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Password(_) | Self::PasswordChange { .. } => "password",
            Self::PublicKeyQuery { .. } | Self::PublicKey { .. } => "publickey",
            Self::KeyboardInteractive { .. } => "keyboard-interactive",
        }
    }
}

impl<'a> AuthRequest<'a> {
    /// The attempt as the application sees it. `None` for a kind of attempt that this server does not know.
    pub(crate) fn new(attempt: &'a Attempt, round: u32) -> Option<Self> {
        let proof = match &attempt.kind {
            AttemptKind::None => Proof::None,
            AttemptKind::Password { password } => Proof::Password(password),
            AttemptKind::PasswordChange { old, new } => Proof::PasswordChange { old, new },
            AttemptKind::PublicKeyQuery { key, algorithm } => Proof::PublicKeyQuery { key, algorithm },
            AttemptKind::PublicKey { key, algorithm } => Proof::PublicKey { key, algorithm },
            AttemptKind::KeyboardInteractive { .. } => {
                Proof::KeyboardInteractive { round: 0, responses: &[] }
            }
            AttemptKind::KeyboardInteractiveResponses { responses } => {
                Proof::KeyboardInteractive { round, responses }
            }
            _ => return None,
        };
        Some(Self { user_name: &attempt.user_name, proof })
    }
}

/// What the application makes of an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthDecision {
    /// The user is in; or, for a [`Proof::PublicKeyQuery`], the key would do.
    Accept,
    /// The proof is good and not enough: one of these methods has to follow (RFC 4252 §5.1, partial success).
    AcceptPartially(Vec<MethodName>),
    /// It is not good.
    #[default]
    Reject,
    /// Keyboard-interactive only: the user is asked this, and the responses are the next request.
    Ask(Prompts),
    /// Password only: it has expired. The text is shown to the user.
    RequirePasswordChange(String),
}
