//! What a client offers to prove who it is, and what the application makes of it.

use konko_transport::keys::certificate::Certificate;
use konko_transport::keys::identity::Identity;
use konko_transport::keys::public_key::PublicKey;
use konko_transport::keys::security_key::SecurityKeyAssertion;
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
        /// What the authenticator said that holds the key, if one does. It satisfies the policy of the server
        /// ([`ServerAuthConfig::security_keys`](konko_transport::userauth::ServerAuthConfig::security_keys)).
        assertion: Option<SecurityKeyAssertion>,
    },
    /// A question and no proof: would this certificate do? Accepting it lets nobody in.
    CertificateQuery {
        /// The certificate, one for users. Only the signature of the authority that it names has been verified:
        /// whether that authority is believed and the rest holds, [`Certificate::check`] tells.
        certificate: &'a Certificate,
        /// The algorithm of the request, one of those of certificates.
        algorithm: &'static SignatureAlgorithm,
    },
    /// A certificate, and the proof that its key is possessed: that signature was verified for this connection, user
    /// and certificate.
    Certificate {
        /// The certificate, of which as much is known as in a query.
        certificate: &'a Certificate,
        /// The algorithm of the request, one of those of certificates.
        algorithm: &'static SignatureAlgorithm,
        /// What the authenticator said that holds the key, if one does. It satisfies what the certificate demands.
        assertion: Option<SecurityKeyAssertion>,
    },
    /// A dialogue (RFC 4256): its start in round 0, then the responses to each [`AuthDecision::Ask`].
    KeyboardInteractive {
        /// How many times the user was asked so far.
        round: u32,
        /// One response for each prompt of the round before; none in round 0.
        responses: &'a [Zeroizing<String>],
    },
    /// A host's word for its user (RFC 4252 §9): the signature was verified. Whether the key is that host's, the
    /// host is believed, and its user may log in under the name of the request, is still to be decided.
    HostBased {
        /// The key of the client's host, or its certificate, of which only the signature of the authority that it
        /// names has been verified.
        key: &'a Identity,
        /// The algorithm of the signature.
        algorithm: &'static SignatureAlgorithm,
        /// The host's name as the client says, without the dot that may end it; ASCII letters, digits and `.`,
        /// `-`, `_`, `:`. To be compared with what is known of the peer's address.
        client_host_name: &'a str,
        /// Who the user is on that host; escape it before showing it.
        client_user_name: &'a str,
    },
}

impl std::fmt::Debug for Proof<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PublicKeyQuery { key, .. } => write!(f, "PublicKeyQuery({key:?})"),
            Self::PublicKey { key, .. } => write!(f, "PublicKey({key:?})"),
            Self::CertificateQuery { certificate, .. } => write!(f, "CertificateQuery({certificate:?})"),
            Self::Certificate { certificate, .. } => write!(f, "Certificate({certificate:?})"),
            Self::KeyboardInteractive { round, .. } => write!(f, "KeyboardInteractive(round {round})"),
            Self::HostBased { key, client_host_name, client_user_name, .. } => {
                write!(f, "HostBased({key:?}, {client_user_name:?} on {client_host_name:?})")
            }
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
            Self::PublicKeyQuery { .. }
            | Self::PublicKey { .. }
            | Self::CertificateQuery { .. }
            | Self::Certificate { .. } => "publickey",
            Self::KeyboardInteractive { .. } => "keyboard-interactive",
            Self::HostBased { .. } => "hostbased",
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
            AttemptKind::PublicKey { key, algorithm, assertion } => {
                Proof::PublicKey { key, algorithm, assertion: *assertion }
            }
            AttemptKind::CertificateQuery { certificate, algorithm } => {
                Proof::CertificateQuery { certificate, algorithm }
            }
            AttemptKind::Certificate { certificate, algorithm, assertion } => {
                Proof::Certificate { certificate, algorithm, assertion: *assertion }
            }
            AttemptKind::KeyboardInteractive { .. } => {
                Proof::KeyboardInteractive { round: 0, responses: &[] }
            }
            AttemptKind::KeyboardInteractiveResponses { responses } => {
                Proof::KeyboardInteractive { round, responses }
            }
            AttemptKind::HostBased { key, algorithm, client_host_name, client_user_name } => {
                Proof::HostBased { key, algorithm, client_host_name, client_user_name }
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
