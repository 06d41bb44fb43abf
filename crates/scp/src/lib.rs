//! The rcp protocol, which scp spoke before SFTP and still speaks with `-O`, as machines on a byte stream.
//!
//! A [`Source`] sends files and a [`Sink`] receives them; which of them is the client makes no difference. Both take
//! the bytes that arrive as [`bytes::Bytes`] and give events and bytes to send; neither knows files, channels,
//! clocks or tasks. The client starts the other half with a command, which [`ScpCommand`] writes and reads.
//!
//! The protocol has no document of its own; it is what rcp(1) of 4.2BSD and scp(1) of OpenSSH do:
//!
//! | record | meaning | answer |
//! |---|---|---|
//! | `T<modified> 0 <accessed> 0\n` | the times of what comes next | status |
//! | `C<mode> <size> <name>\n` | a file | status, then the content and a status, then a status |
//! | `D<mode> 0 <name>\n` | what follows is in this directory | status |
//! | `E\n` | the directory ends | status |
//!
//! A status is a NUL for success, 1 and a line of text for a warning, 2 and a line for the end of all.

pub mod text;
pub mod error;
pub mod record;
mod line;
mod status;
pub mod expected;
pub mod source;
pub mod sink;
pub mod words;
pub mod command_line;

#[cfg(test)]
mod tests;

pub use command_line::{CommandLineError, Direction, ScpCommand};
pub use error::ScpError;
pub use expected::Expected;
pub use record::{MAXIMUM_LINE, Times};
pub use sink::{Entry, Sink, SinkEvent, SinkOptions};
pub use source::{Source, SourceEvent};
