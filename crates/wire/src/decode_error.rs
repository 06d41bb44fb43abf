//! What can be wrong with bytes of the peer.

/// What is wrong with the bytes. It says what and not where: the caller knows what it was decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// They end too early.
    Truncated,
    /// Something follows that does not belong there.
    TrailingBytes,
    /// The message number is another one.
    WrongMessage,
    /// A text is not UTF-8.
    InvalidUtf8,
    /// A name-list breaks the rules of RFC 4251 §5 and §6.
    InvalidNameList,
    /// An mpint has superfluous leading bytes.
    InvalidMpint,
    /// A count or length is beyond what is accepted.
    TooMany,
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Truncated => "it ends too early",
            Self::TrailingBytes => "superfluous bytes follow",
            Self::WrongMessage => "another message was expected",
            Self::InvalidUtf8 => "a text is not UTF-8",
            Self::InvalidNameList => "a name-list is malformed",
            Self::InvalidMpint => "an mpint is not in its shortest form",
            Self::TooMany => "a count is beyond what is accepted",
        })
    }
}

impl std::error::Error for DecodeError {}
