//! A program's output on its way to a channel.

use crate::process::pipe_width::widen;
use konko_tokio::ChannelWriter;
use rustix::io::Errno;
use std::io;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;

/// The most bytes that are moved at once.
const PIECE: usize = 128 * 1024;
/// How many bytes are made room for while little comes: most programs of most sessions say nothing most of the time.
const LITTLE: usize = 4 * 1024;
/// A read of as much says that the pipe was full, as the system makes pipes.
const FULL_PIPE: usize = 64 * 1024;

/// Carries bytes from a program to a channel. It can be interrupted at any time and go on later: what was read and
/// not written yet stays here.
#[derive(Debug)]
pub(crate) struct OutputPump {
    writer: ChannelWriter,
    piece: Vec<u8>,
    start: usize,
    end: usize,
    widened: bool,
}

impl OutputPump {
    pub(crate) fn new(writer: ChannelWriter) -> Self {
        Self { writer, piece: vec![0; LITTLE], start: 0, end: 0, widened: false }
    }

    /// Carries until the source ends; a terminal ends with EIO. Cancel-safe.
    pub(crate) async fn run(&mut self, source: &pipe::Receiver) -> io::Result<()> {
        loop {
            self.flush().await?;
            source.readable().await?;
            match source.try_read(&mut self.piece) {
                Ok(0) => return Ok(()),
                Ok(len) => {
                    (self.start, self.end) = (0, len);
                    if len >= FULL_PIPE && !self.widened {
                        self.widened = true;
                        widen(source);
                    }
                }
                Err(error) if Errno::from_io_error(&error) == Some(Errno::IO) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.fit(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            // A program and a client that are both fast must not keep this thread to themselves.
            tokio::task::consume_budget().await;
        }
    }

    /// Gives the room for much back where little came last. Everything that came is written.
    fn fit(&mut self) {
        if self.end <= LITTLE && self.piece.len() > LITTLE {
            self.piece = vec![0; LITTLE];
        }
    }

    /// Carries what is left and what `read_now` still yields.
    pub(crate) async fn drain(&mut self, read_now: impl Fn(&mut [u8]) -> Option<usize>) -> io::Result<()> {
        loop {
            self.flush().await?;
            let Some(len) = read_now(&mut self.piece) else { return Ok(()) };
            (self.start, self.end) = (0, len);
        }
    }

    /// Writes all that was read; makes more room where that filled it.
    async fn flush(&mut self) -> io::Result<()> {
        while self.start < self.end {
            let rest = self.piece.get(self.start..self.end).unwrap_or_default();
            self.start += self.writer.write(rest).await?;
        }
        if self.end == self.piece.len() && self.end < PIECE {
            self.piece = vec![0; (self.end * 4).min(PIECE)];
        }
        Ok(())
    }
}
