//! What ends a transfer, and who is to blame.

/// Why a transfer cannot go on. What concerns one file only is an event, not an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScpError {
    /// The peer says that it cannot go on.
    #[error("the other side ended the transfer: {0}")]
    Remote(String),
    /// The peer broke the protocol.
    #[error("the other side broke the protocol: {0}")]
    Protocol(&'static str),
    /// What came is no rcp protocol: a shell or a program printed something, shown here.
    #[error("what the other side sent is not the protocol of scp: \"{0}\"")]
    NotProtocol(String),
    /// A line of the peer is longer than [`MAXIMUM_LINE`](crate::record::MAXIMUM_LINE).
    #[error("the other side sent a line that is too long")]
    LineTooLong,
    /// The peer named a file that was not asked for.
    #[error("the other side sent \"{0}\", which was not asked for")]
    Unexpected(String),
    /// The peer named a file as none can be named in one directory.
    #[error("the other side sent the name \"{0}\", which could lead elsewhere")]
    BadName(String),
    /// The peer sent a directory where only files were asked for.
    #[error("the other side sent the directory \"{0}\", and only files were asked for")]
    Directory(String),
    /// The peer nests directories deeper than the limit.
    #[error("the other side nests directories deeper than {0}")]
    TooDeep(usize),
    /// The stream of the peer ended in the middle.
    #[error("the other side ended in the middle of {0}")]
    PrematureEof(&'static str),
    /// The application named a file as the protocol cannot: names end at a newline and have no `/` or NUL.
    #[error("the name \"{0}\" cannot be sent with this protocol")]
    UnsendableName(String),
    /// The application asked for what is not its turn.
    #[error("the application asked for what is not possible now: {0}")]
    Misuse(&'static str),
}
