//! The streams of bytes that share a channel and its window, and how far an operation on one came.

use konko_wire::number::ExtendedDataType;

/// The standard error of a session.
pub const STDERR: Stream = Stream::Extended(ExtendedDataType::STDERR);

/// A stream of bytes within a channel (RFC 4254 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// SSH_MSG_CHANNEL_DATA.
    Data,
    /// SSH_MSG_CHANNEL_EXTENDED_DATA. Any type can be written; of those received only [`STDERR`] is kept.
    Extended(ExtendedDataType),
}

/// How far an operation came. Zero never means two things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress<T = usize> {
    /// It moved this: a count of bytes, or the bytes.
    Moved(T),
    /// Nothing can be moved now. A `Readable` or `Writable` event will follow.
    Blocked,
    /// Nothing will be moved any more: all is read and the peer sent EOF, or the stream is closed.
    Ended,
}
