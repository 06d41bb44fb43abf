//! Why a file system refuses or fails: a status code and words, as the client gets them (draft-02 §7).

use crate::message::number::StatusCode;
use std::borrow::Cow;
use std::io;

/// A request that was not done. The client sees the code and the words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words} ({code})")]
pub struct Failure {
    /// What kind of failure; [`StatusCode::EOF`] for the end of a file or listing.
    pub code: StatusCode,
    /// In English words.
    pub words: Cow<'static, str>,
}

impl Failure {
    /// A failure of this kind, in these words.
    pub fn new(code: StatusCode, words: impl Into<Cow<'static, str>>) -> Self {
        Self { code, words: words.into() }
    }

    /// `SSH_FX_FAILURE` with these words.
    pub fn other(words: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FAILURE, words)
    }

    /// The end of a file or listing.
    pub const fn end() -> Self {
        Self { code: StatusCode::EOF, words: Cow::Borrowed("End of file") }
    }

    /// What the server or its file system does not do.
    pub const fn unsupported() -> Self {
        Self { code: StatusCode::OP_UNSUPPORTED, words: Cow::Borrowed("Operation unsupported") }
    }

    /// There is no such file.
    pub const fn no_such_file() -> Self {
        Self { code: StatusCode::NO_SUCH_FILE, words: Cow::Borrowed("No such file or directory") }
    }

    /// It is not allowed.
    pub const fn permission_denied() -> Self {
        Self { code: StatusCode::PERMISSION_DENIED, words: Cow::Borrowed("Permission denied") }
    }

    /// The fields of the request make no sense.
    pub const fn bad_message() -> Self {
        Self { code: StatusCode::BAD_MESSAGE, words: Cow::Borrowed("Bad message") }
    }

    /// The handle is none, or of the wrong kind for the request.
    pub const fn invalid_handle() -> Self {
        Self { code: StatusCode::FAILURE, words: Cow::Borrowed("Invalid handle") }
    }

    /// Something of this name exists.
    pub const fn exists() -> Self {
        Self { code: StatusCode::FAILURE, words: Cow::Borrowed("File exists") }
    }
}

impl From<io::Error> for Failure {
    /// The words are the system's, without its number.
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        let code = match error.kind() {
            Kind::NotFound | Kind::NotADirectory => StatusCode::NO_SUCH_FILE,
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => StatusCode::PERMISSION_DENIED,
            Kind::Unsupported => StatusCode::OP_UNSUPPORTED,
            Kind::InvalidFilename => StatusCode::BAD_MESSAGE,
            Kind::UnexpectedEof => StatusCode::EOF,
            _ => StatusCode::FAILURE,
        };
        let text = error.to_string();
        let words = match text.rfind(" (os error ") {
            Some(end) => text[..end].to_owned(),
            None => text,
        };
        Self::new(code, words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_system_come_without_its_number() {
        let failure = Failure::from(io::Error::from_raw_os_error(2));
        assert_eq!(failure, Failure::no_such_file());
        let full = Failure::from(io::Error::from_raw_os_error(28));
        assert_eq!(full, Failure::other("No space left on device"));
    }
}
