//! What an SFTP session runs over: a channel, any other stream, or two threads that read and write.

use crate::child::{Child, ChildStdin};
use bytes::{Bytes, BytesMut};
use konko_tokio::ChannelReader;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// The most that is taken from a channel at once.
const LARGEST_CHUNK: usize = 256 * 1024;
/// The room that a read of another stream is offered.
const READ_ROOM: usize = 256 * 1024;

/// A stream in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// What an SFTP session runs over.
pub(crate) enum Stream {
    /// A channel; chunks are taken as they arrived.
    Channel { stdin: ChildStdin, reader: ChannelReader, _child: Box<Child> },
    /// Any stream.
    Other { stream: Box<dyn Duplex>, room: BytesMut },
    /// Threads of the blocking face read and write.
    Threads,
}

impl Stream {
    /// The streams of a command that was started with its standard input piped.
    pub(crate) fn of_child(mut child: Child) -> Option<Self> {
        child.channel().discard_stderr();
        let (stdin, reader) = (child.stdin()?, child.channel().reader());
        Some(Self::Channel { stdin, reader, _child: Box::new(child) })
    }

    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Channel { stdin, .. } => Pin::new(stdin).poll_write(cx, data),
            Self::Other { stream, .. } => Pin::new(&mut **stream).poll_write(cx, data),
            Self::Threads => Poll::Pending,
        }
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Channel { stdin, .. } => Pin::new(stdin).poll_flush(cx),
            Self::Other { stream, .. } => Pin::new(&mut **stream).poll_flush(cx),
            Self::Threads => Poll::Ready(Ok(())),
        }
    }

    /// What arrived next; `None` at the end.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        match self {
            Self::Channel { reader, .. } => reader.poll_read_chunk(cx, LARGEST_CHUNK),
            Self::Other { stream, room } => {
                if room.capacity() < READ_ROOM / 4 {
                    room.reserve(READ_ROOM);
                }
                let read = std::task::ready!(pin!(stream.read_buf(room)).poll(cx))?;
                Poll::Ready(Ok((read > 0).then(|| room.split().freeze())))
            }
            Self::Threads => Poll::Pending,
        }
    }
}
