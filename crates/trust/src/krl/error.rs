//! What can be wrong with a revocation list, and with the text that one is made from.

use konko_keys::error::{CertificateError, KeyError, SignatureError};
use konko_wire::decode::DecodeError;

/// A revocation list that is not used. Whoever made it is to blame. Nothing may be accepted on the word of such a
/// list: whoever configured it wanted something revoked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KrlError {
    /// The file does not begin as a revocation list.
    #[error("the file is not a key revocation list")]
    NotAList,
    /// Larger than 64 MiB.
    #[error("the key revocation list is larger than 64 MiB")]
    TooLarge,
    /// The bytes are not laid out as a list.
    #[error("the key revocation list is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A version of the format that is not known.
    #[error("key revocation lists of version {version} are not supported")]
    UnsupportedVersion {
        /// The version of the format.
        version: u32,
    },
    /// A section that is not known.
    #[error("a section of type {section:#04x} in the key revocation list is not supported")]
    UnsupportedSection {
        /// Its type.
        section: u8,
    },
    /// An extension that must be known to whoever uses the list.
    #[error("the critical extension {name:?} of the key revocation list is not supported")]
    CriticalExtension {
        /// Its name.
        name: String,
    },
    /// A range that ends before it begins, a bitmap that leads beyond 2^64, or a hash of another length.
    #[error("the key revocation list is invalid: {what}")]
    Invalid {
        /// What is wrong.
        what: &'static str,
    },
    /// The key of a signature is not accepted.
    #[error("the key that signed the key revocation list: {0}")]
    SignatureKey(#[source] KeyError),
    /// A signature of the list does not match.
    #[error("the signature of the key revocation list: {0}")]
    Signature(#[from] SignatureError),
}

/// A line of a specification that is not understood (ssh-keygen(1), KEY REVOCATION LISTS).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecificationError {
    /// A number, a range or a hash of another shape.
    #[error("line {line}: invalid {what}")]
    Invalid {
        /// The line, from 1.
        line: usize,
        /// What it should be.
        what: &'static str,
    },
    /// Serial numbers and key identifiers need an authority whose they are.
    #[error("line {line}: revoking by {what} needs the key of the authority")]
    NeedsAuthority {
        /// The line, from 1.
        line: usize,
        /// What it revokes by.
        what: &'static str,
    },
    /// A key or certificate that is not accepted.
    #[error("line {line}: {error}")]
    Key {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: CertificateError,
    },
    /// `key:`, `sha1:` and `sha256:` take keys, no certificates.
    #[error("line {line}: a certificate cannot be revoked so")]
    Certificate {
        /// The line, from 1.
        line: usize,
    },
}
