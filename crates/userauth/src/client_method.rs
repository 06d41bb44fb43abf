//! The methods as a client begins them.

use konko_keys::certificate::Certificate;
use konko_keys::identity::Identity;
use konko_keys::public_key::PublicKey;
use konko_keys::signature_algorithm::SignatureAlgorithm;
use zeroize::Zeroizing;

/// How to authenticate. Passwords are cleared when they are dropped and left out of the debug output.
#[non_exhaustive]
pub enum Method {
    /// By nothing (RFC 4252 §5.2): it succeeds where no authentication is needed, and else tells the methods.
    None,
    /// By a password (RFC 4252 §8).
    Password(Zeroizing<String>),
    /// By a key (RFC 4252 §7). The private half is not needed here: a
    /// [`SignatureQuestion`](crate::question::SignatureQuestion) is asked.
    PublicKey {
        /// The public half.
        key: PublicKey,
        /// The algorithm to sign with; it must be one for keys of this type. Which of them a server takes, its
        /// `server-sig-algs` tells (RFC 8308 §3.1).
        algorithm: &'static SignatureAlgorithm,
        /// Whether to ask the server first if the key would do. It saves signatures that cost a touch or a
        /// confirmation, for one round trip.
        query_first: bool,
    },
    /// By a key that an authority has certified. The private half is asked for as before.
    Certificate {
        /// The certificate.
        certificate: Certificate,
        /// The algorithm, one of those of certificates, and for certificates of this type.
        algorithm: &'static SignatureAlgorithm,
        /// Whether to ask the server first if the certificate would do.
        query_first: bool,
    },
    /// By a dialogue (RFC 4256).
    KeyboardInteractive {
        /// What to ask for, comma-separated; usually empty.
        submethods: String,
    },
    /// By the word of the client's host (RFC 4252 §9). The private half of its key is not needed here: a
    /// [`SignatureQuestion`](crate::question::SignatureQuestion) is asked.
    HostBased {
        /// The public half of the host's key, or a certificate for it.
        key: Identity,
        /// The algorithm to sign with; it must be one for keys or certificates of this type.
        algorithm: &'static SignatureAlgorithm,
        /// The host's name, fully qualified, at most 256 bytes of ASCII. OpenSSH ends it with a dot, and servers
        /// take that off.
        client_host_name: String,
        /// Who the user is on the client's host; at most 255 bytes.
        client_user_name: String,
    },
}

impl std::fmt::Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Password(_) => f.write_str("Password(..)"),
            Self::PublicKey { key, algorithm, query_first } => f
                .debug_struct("PublicKey")
                .field("key", key)
                .field("algorithm", &algorithm.name)
                .field("query_first", query_first)
                .finish(),
            Self::Certificate { certificate, algorithm, query_first } => f
                .debug_struct("Certificate")
                .field("certificate", certificate)
                .field("algorithm", &algorithm.name)
                .field("query_first", query_first)
                .finish(),
            Self::KeyboardInteractive { submethods } => {
                f.debug_struct("KeyboardInteractive").field("submethods", submethods).finish()
            }
            Self::HostBased { key, algorithm, client_host_name, client_user_name } => f
                .debug_struct("HostBased")
                .field("key", key)
                .field("algorithm", &algorithm.name)
                .field("client_host_name", client_host_name)
                .field("client_user_name", client_user_name)
                .finish(),
        }
    }
}
