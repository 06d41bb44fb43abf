//! What can go wrong between a client and its server, and who is to blame.

use std::io;

use konko_wire::decode::DecodeError;

use crate::message::number::{PacketType, StatusCode};
use crate::text::printable;

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server answered that it could not or would not.
    #[error("{0}")]
    Status(Box<Failure>),
    /// The server does not offer the extension, and nothing else would do.
    #[error("the server does not offer {0}")]
    NotOffered(&'static str),
    /// The server speaks a version that was not offered, or none of 3–6.
    #[error("the server speaks version {0} of SFTP, which was not offered")]
    Version(u32),
    /// Something else than SFTP came first: usually text that the account's shell start-up files write.
    #[error(
        "received shell output instead of SFTP: \"{0}\"; the account's start-up files must write nothing"
    )]
    ShellOutput(String),
    /// The server broke the protocol.
    #[error("the server broke the SFTP protocol: {0}")]
    PeerMisbehaved(Misbehaviour),
    /// A packet of the server is malformed.
    #[error("the server sent a malformed {packet}: {error}")]
    Decode {
        /// Which.
        packet: PacketType,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// The stream ended. What was under way may have happened or not.
    #[error("the SFTP session ended before the server answered")]
    Ended,
    /// The stream failed beneath. What was under way may have happened or not.
    #[error("the connection failed: {message}")]
    Stream {
        /// Its kind.
        kind: io::ErrorKind,
        /// In words.
        message: String,
    },
    /// The call makes no sense, whatever the server does.
    #[error("{0}")]
    ApiMisuse(&'static str),
}

/// How a server can break the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misbehaviour {
    /// A packet is longer than any that was asked for.
    #[error("a packet of {length} bytes, where {limit} are the most")]
    PacketLength {
        /// The length it says.
        length: u32,
        /// The most that is accepted.
        limit: u32,
    },
    /// A packet has no room for its type and request id.
    #[error("a packet of {0} bytes is too short")]
    ShortPacket(u32),
    /// No such request is outstanding.
    #[error("{packet} answers the request {id}, which is not outstanding")]
    UnknownRequest {
        /// What came.
        packet: PacketType,
        /// The id.
        id: u32,
    },
    /// The packet is no answer to this request.
    #[error("{packet} is no answer to {operation}")]
    WrongReply {
        /// What came.
        packet: PacketType,
        /// What was asked.
        operation: &'static str,
    },
    /// More data than was asked for.
    #[error("{got} bytes, where {asked} were asked for")]
    TooMuchData {
        /// How much came.
        got: u32,
        /// How much was asked for.
        asked: u32,
    },
    /// DATA without data, which is neither progress nor an end.
    #[error("a READ was answered with no data and no end")]
    EmptyData,
    /// Again and again a listing without a name.
    #[error("READDIR was answered {0} times in a row without a name and without an end")]
    EmptyNames(u32),
    /// A directory has more entries than are accepted.
    #[error("a directory of more than {0} entries")]
    TooManyEntries(u64),
    /// A handle that is longer than the protocol allows.
    #[error("a handle of {0} bytes")]
    LongHandle(usize),
    /// Something else than one name, where one was asked for.
    #[error("{count} names answer {operation}, which asks for one")]
    NotOneName {
        /// What was asked.
        operation: &'static str,
        /// How many came.
        count: usize,
    },
    /// An empty path, where a path was asked for.
    #[error("an empty path answers {0}")]
    EmptyPath(&'static str),
}

/// A request that the server refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// What was asked, in the words of the protocol, for example `SSH_FXP_OPEN`.
    pub operation: &'static str,
    /// What it was about, if that is known.
    pub path: Option<Vec<u8>>,
    /// Where in the file, for reads and writes.
    pub offset: Option<u64>,
    /// The server's answer.
    pub code: StatusCode,
    /// The server's words, made safe to show; may be empty.
    pub message: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.operation)?;
        if let Some(path) = &self.path {
            write!(f, " of \"{}\"", printable(path))?;
        }
        if let Some(offset) = self.offset {
            write!(f, " at byte {offset}")?;
        }
        write!(f, ": {}", self.code)?;
        if !self.message.is_empty() {
            write!(f, " ({})", self.message)?;
        }
        Ok(())
    }
}

impl Failure {
    /// What kind of error it is. Version 3 has few codes, so for a plain failure the words are looked at, too.
    pub fn kind(&self) -> io::ErrorKind {
        use io::ErrorKind;
        match self.code {
            StatusCode::EOF => ErrorKind::UnexpectedEof,
            StatusCode::NO_SUCH_FILE | StatusCode::NO_SUCH_PATH => ErrorKind::NotFound,
            StatusCode::PERMISSION_DENIED | StatusCode::CANNOT_DELETE => ErrorKind::PermissionDenied,
            StatusCode::BAD_MESSAGE
            | StatusCode::INVALID_HANDLE
            | StatusCode::INVALID_FILENAME
            | StatusCode::INVALID_PARAMETER => ErrorKind::InvalidInput,
            StatusCode::NO_CONNECTION | StatusCode::CONNECTION_LOST => ErrorKind::ConnectionAborted,
            StatusCode::OP_UNSUPPORTED => ErrorKind::Unsupported,
            StatusCode::FILE_ALREADY_EXISTS => ErrorKind::AlreadyExists,
            StatusCode::WRITE_PROTECT => ErrorKind::ReadOnlyFilesystem,
            StatusCode::NO_SPACE_ON_FILESYSTEM => ErrorKind::StorageFull,
            StatusCode::QUOTA_EXCEEDED => ErrorKind::QuotaExceeded,
            StatusCode::DIR_NOT_EMPTY => ErrorKind::DirectoryNotEmpty,
            StatusCode::NOT_A_DIRECTORY => ErrorKind::NotADirectory,
            StatusCode::FILE_IS_A_DIRECTORY => ErrorKind::IsADirectory,
            _ => kind_of_words(&self.message),
        }
    }
}

/// What servers say on a plain failure when they pass the words of their operating system on.
fn kind_of_words(message: &str) -> io::ErrorKind {
    use io::ErrorKind;
    const WORDS: [(&str, io::ErrorKind); 8] = [
        ("file exists", ErrorKind::AlreadyExists),
        ("directory not empty", ErrorKind::DirectoryNotEmpty),
        ("not a directory", ErrorKind::NotADirectory),
        ("is a directory", ErrorKind::IsADirectory),
        ("no space left", ErrorKind::StorageFull),
        ("quota exceeded", ErrorKind::QuotaExceeded),
        ("read-only file system", ErrorKind::ReadOnlyFilesystem),
        ("file too large", ErrorKind::FileTooLarge),
    ];
    let message = message.to_ascii_lowercase();
    WORDS.iter().find(|(words, _)| message.contains(words)).map_or(ErrorKind::Other, |(_, kind)| *kind)
}

impl Error {
    /// The server's answer, if that is what it is.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status(failure) => Some(failure.code),
            _ => None,
        }
    }

    /// What kind of error it is.
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Status(failure) => failure.kind(),
            Self::NotOffered(_) | Self::Version(_) => io::ErrorKind::Unsupported,
            Self::ShellOutput(_) | Self::PeerMisbehaved(_) | Self::Decode { .. } => {
                io::ErrorKind::InvalidData
            }
            Self::Ended => io::ErrorKind::UnexpectedEof,
            Self::Stream { kind, .. } => *kind,
            Self::ApiMisuse(_) => io::ErrorKind::InvalidInput,
        }
    }

    /// With the path it was about, where the server refused something.
    #[must_use]
    pub fn at(mut self, path: &[u8]) -> Self {
        if let Self::Status(failure) = &mut self {
            failure.path.get_or_insert_with(|| path.to_vec());
        }
        self
    }

    /// With the place in the file, where the server refused something.
    #[must_use]
    pub(crate) fn at_offset(mut self, offset: u64) -> Self {
        if let Self::Status(failure) = &mut self {
            failure.offset = Some(offset);
        }
        self
    }
}

impl From<Misbehaviour> for Error {
    fn from(misbehaviour: Misbehaviour) -> Self {
        Self::PeerMisbehaved(misbehaviour)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(error.kind(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: G14
    #[test]
    fn an_error_names_operation_path_code_and_words() {
        let error = Error::Status(Box::new(Failure {
            operation: "SSH_FXP_WRITE",
            path: None,
            offset: None,
            code: StatusCode::FAILURE,
            message: "No space left on device".to_owned(),
        }))
        .at(b"a\x1bb")
        .at_offset(32768);
        assert_eq!(
            error.to_string(),
            "SSH_FXP_WRITE of \"a\\u{1b}b\" at byte 32768: SSH_FX_FAILURE (No space left on device)"
        );
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::StorageFull);
    }
}
