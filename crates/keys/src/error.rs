//! What can be wrong with a key, a signature and a key file.

use crate::certificate_kind::CertificateKind;
use konko_wire::decode::DecodeError;

/// A public key that is not accepted, or a private key that does not fit together. Whoever made the key is to
/// blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes are not laid out as a key.
    #[error("the key is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// The text is not a key in one line: `type base64 comment`.
    #[error("the text is not a public key")]
    NotAKey,
    /// A key type that this library does not know.
    #[error("the key type {name:?} is not supported")]
    Unsupported {
        /// The name of the type, with what is not printable US-ASCII replaced.
        name: String,
    },
    /// The name before the base64 text and the name inside it differ.
    #[error("the key says two different types")]
    TypeMismatch,
    /// A number, a point or a length is not one that a key of this type can have.
    #[error("the key is invalid: {what}")]
    Invalid {
        /// What is wrong.
        what: &'static str,
    },
    /// The public half that is stored beside a private key does not belong to it.
    #[error("the stored public key does not belong to the private key")]
    PublicHalfMismatch,
    /// RSA keys of this size are not generated: 2048 to 16384 bits, a multiple of 8.
    #[error("an RSA key of {bits} bits is not generated")]
    UnsupportedSize {
        /// The size asked for.
        bits: usize,
    },
}

/// A signature that is not accepted. Whoever made the signature is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The bytes are not laid out as a signature.
    #[error("the signature is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// The signature names another algorithm than the one it is to be verified under.
    #[error("the signature is not one of {expected}")]
    WrongAlgorithm {
        /// The algorithm that was expected.
        expected: &'static str,
    },
    /// The algorithm does not belong to the type of the key.
    #[error("{algorithm} does not belong to a key of type {key_type}")]
    WrongKeyType {
        /// The algorithm that was asked for.
        algorithm: &'static str,
        /// The type of the key.
        key_type: &'static str,
    },
    /// It was not made with this key over this message.
    #[error("the signature does not match")]
    Mismatch,
    /// A security key was not touched for it.
    #[error("the security key was not touched")]
    NoUserPresence,
    /// A security key did not find out who touched it.
    #[error("the security key did not verify its user")]
    NoUserVerification,
    /// What a browser signed is not a request for this message.
    #[error("what the browser signed does not belong to the message")]
    ClientData,
}

/// A certificate that is not accepted. Whoever issued or presented it is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The certified key is not accepted, or the bytes are not laid out as a certificate.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key of the authority is not accepted; a certificate in its place is unsupported.
    #[error("the authority of the certificate: {0}")]
    Authority(#[source] KeyError),
    /// The authority did not sign it.
    #[error("the signature of the authority: {0}")]
    Signature(#[from] SignatureError),
    /// The authority signed under an algorithm that is not known.
    #[error("the authority signed under {name:?}, which is not supported")]
    UnknownSignatureAlgorithm {
        /// The algorithm, with what is not printable US-ASCII replaced.
        name: String,
    },
    /// Neither of users nor of hosts.
    #[error("a certificate of the unknown kind {kind}")]
    UnknownKind {
        /// The number in the certificate.
        kind: u32,
    },
    /// An option has data that it must not have, or stands there twice.
    #[error("the option {name:?} of the certificate is malformed")]
    InvalidOption {
        /// Its name.
        name: String,
    },
    /// It ends before it begins; such a certificate is not issued.
    #[error("the certificate would never be valid")]
    EmptyValidity,
    /// Another authority than the one that is believed.
    #[error("the certificate is of another authority")]
    OtherAuthority,
    /// The authority signed under an algorithm that is not allowed.
    #[error("the authority signed under {name}, which is not allowed")]
    SignatureAlgorithmNotAllowed {
        /// The algorithm.
        name: &'static str,
    },
    /// An RSA key in it is too small to be trusted.
    #[error("an RSA key of {bits} bits in the certificate is too small")]
    RsaTooSmall {
        /// Its size.
        bits: usize,
    },
    /// Of a host where a user was expected, or the other way round.
    #[error("a certificate for another purpose: {kind:?}")]
    WrongKind {
        /// What it is.
        kind: CertificateKind,
    },
    /// It is not yet good.
    #[error("the certificate is not yet valid, only from {after} on")]
    NotYetValid {
        /// From when on, in seconds since 1970.
        after: u64,
    },
    /// It is no longer good.
    #[error("the certificate has expired at {before}")]
    Expired {
        /// Since when, in seconds since 1970.
        before: u64,
    },
    /// It names nobody, so it is good for nobody.
    #[error("the certificate names no principals")]
    NoPrincipals,
    /// It names others.
    #[error("the certificate is not for {principal:?}")]
    OtherPrincipals {
        /// Who was looked for.
        principal: String,
    },
    /// A critical option that is not known, so that it cannot be obeyed.
    #[error("the certificate has the critical option {name:?}, which is not supported")]
    UnknownCriticalOption {
        /// Its name.
        name: String,
    },
}

impl From<DecodeError> for CertificateError {
    fn from(error: DecodeError) -> Self {
        Self::Key(error.into())
    }
}

/// Why a certificate was not issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// What it would say is not accepted.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The authority did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Why a private key did not sign. The caller is to blame, except for [`SignError::Failed`] and
/// [`SignError::External`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The algorithm does not belong to the type of the key.
    #[error("{algorithm} does not belong to a key of type {key_type}")]
    WrongKeyType {
        /// The algorithm that was asked for.
        algorithm: &'static str,
        /// The type of the key.
        key_type: &'static str,
    },
    /// The arithmetic did not come out: a fault in the machine, or a key whose numbers do not belong together.
    #[error("the signature could not be computed")]
    Failed,
    /// The secret is inside a security key; an agent that talks to it signs.
    #[error("the private key is inside a security key, which signs through an agent")]
    SecurityKey,
    /// Whoever holds the key does not sign.
    #[error("the holder of the key does not sign: {reason}")]
    External {
        /// Why.
        reason: String,
    },
}

/// Why a key file was not read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// No private key begins anywhere in the file.
    #[error("the file holds no private key")]
    NotAKey,
    /// It is a key file, and it is damaged.
    #[error("the key file is damaged: {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },
    /// The key inside is not accepted.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate beside the key is not accepted.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The key is encrypted and no passphrase was given.
    #[error("the key is encrypted and needs a passphrase")]
    Encrypted,
    /// The passphrase does not decrypt the key. (A damaged file can look the same.)
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The file is written with a passphrase that is empty.
    #[error("an empty passphrase protects nothing")]
    EmptyPassphrase,
    /// A format, cipher or kind of key that this library does not read.
    #[error("not supported: {what}")]
    Unsupported {
        /// What it is, with what is not printable US-ASCII replaced.
        what: String,
    },
    /// More than 1 MiB.
    #[error("the key file is larger than 1 MiB")]
    TooLarge,
    /// The file, or the caller, asks for more work or memory to make the key from the passphrase than is spent on
    /// it.
    #[error("the key derivation of the {what} file asks for too much work or memory")]
    TooMuchWork {
        /// Which format it is.
        what: &'static str,
    },
    /// The file asks for no round of bcrypt, or for more than are computed (2048 unless said otherwise); or the
    /// caller does.
    #[error("{rounds} rounds of bcrypt are not accepted")]
    TooManyRounds {
        /// How many rounds.
        rounds: u32,
    },
}
