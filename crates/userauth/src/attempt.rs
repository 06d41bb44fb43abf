//! What a server's machine asks its application: whether what a client offers is good enough.

use konko_keys::certificate::Certificate;
use konko_keys::identity::Identity;
use konko_keys::public_key::PublicKey;
use konko_keys::security_key::SecurityKeyAssertion;
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
        /// What the authenticator said that holds the key, if one does. It satisfies the policy of the
        /// configuration; whatever more is demanded of this key is for the application to check.
        assertion: Option<SecurityKeyAssertion>,
    },
    /// A question, and no proof: whether this certificate would do. To accept it lets nobody in.
    CertificateQuery {
        /// The certificate, one for users. The signature of the authority that it names has been verified and
        /// nothing else: whether that authority is believed, and whether the certificate is good now and for the
        /// user, is for the application to find out ([`Certificate::check`]).
        certificate: Certificate,
        /// The algorithm of the request, one of those of certificates.
        algorithm: &'static SignatureAlgorithm,
    },
    /// A certificate, and the proof that the certified key is possessed: that signature has been verified for this
    /// connection, user and certificate.
    Certificate {
        /// The certificate, of which as much is known as in a query.
        certificate: Certificate,
        /// The algorithm of the request, one of those of certificates.
        algorithm: &'static SignatureAlgorithm,
        /// What the authenticator said that holds the key, if one does. It satisfies what the certificate demands,
        /// and the policy of the configuration as far as the certificate does not lift it.
        assertion: Option<SecurityKeyAssertion>,
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
    /// A host's word for its user (RFC 4252 §9): the signature has been verified for this connection, the user and
    /// the names below. That the key is this host's, that the host is believed, and that its user may log in as the
    /// user of the attempt is for the application to find out.
    HostBased {
        /// The key of the client's host, or its certificate, one for hosts, of which only the signature of the
        /// authority that it names has been verified.
        key: Identity,
        /// The algorithm of the signature.
        algorithm: &'static SignatureAlgorithm,
        /// The host's name, as the client says: ASCII letters, digits, and `.`, `-`, `_`, `:`, without the dot that
        /// may end it. OpenSSH's server compares it with the name that belongs to the client's address.
        client_host_name: String,
        /// Who the user is on that host: at most 255 bytes, not escaped.
        client_user_name: String,
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
            Self::PublicKey { key, algorithm, assertion } => write!(
                f,
                "PublicKey {{ key: {key:?}, algorithm: {:?}, assertion: {assertion:?} }}",
                algorithm.name
            ),
            Self::CertificateQuery { certificate, algorithm } => write!(
                f,
                "CertificateQuery {{ certificate: {certificate:?}, algorithm: {:?} }}",
                algorithm.name
            ),
            Self::Certificate { certificate, algorithm, assertion } => write!(
                f,
                "Certificate {{ certificate: {certificate:?}, algorithm: {:?}, assertion: {assertion:?} }}",
                algorithm.name
            ),
            Self::KeyboardInteractive { submethods } => {
                write!(f, "KeyboardInteractive {{ submethods: {submethods:?} }}")
            }
            Self::KeyboardInteractiveResponses { responses } => {
                write!(f, "KeyboardInteractiveResponses({} responses)", responses.len())
            }
            Self::HostBased { key, algorithm, client_host_name, client_user_name } => write!(
                f,
                "HostBased {{ key: {key:?}, algorithm: {:?}, client_host_name: {client_host_name:?}, \
                 client_user_name: {client_user_name:?} }}",
                algorithm.name
            ),
        }
    }
}
