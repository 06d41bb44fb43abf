//! What can be wrong with a key, a signature and a key file.

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
    /// RSA keys of this size are not generated: 2048 to 8192 bits, a multiple of 8.
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
}

/// Why a private key did not sign. The caller is to blame, except for [`SignError::Failed`].
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
    /// No part of a signature was released.
    #[error("the private key could not sign")]
    Failed,
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
    /// The file asks for more rounds of bcrypt than 2048, or the caller for none or more than that.
    #[error("{rounds} rounds of bcrypt are not accepted")]
    TooManyRounds {
        /// How many rounds.
        rounds: u32,
    },
}

/// Text from outside that is put into an error: no more than 64 characters, and none that could disturb a
/// terminal or a log.
pub(crate) fn printable(text: &[u8]) -> String {
    let visible = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '?' };
    text.iter().take(64).map(visible).collect()
}
