//! A session's streams, from a thread that may wait.

use bytes::Bytes;
use konko_scp::ScpError;
use konko_sftp::server::failure::Failure;
use konko_tokio::{ChannelReader, ChannelWriter};
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;

/// How much is taken at once.
pub(super) const CHUNK: usize = 256 * 1024;

/// What ends a conversation.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The client broke the protocol, or says that it ends.
    #[error(transparent)]
    Protocol(#[from] ScpError),
    /// The client is gone, or silent.
    #[error(transparent)]
    Cut(#[from] io::Error),
    /// What the command names cannot be served at all.
    #[error("{0}")]
    Target(String),
}

/// The streams of a session.
pub(super) struct Wire {
    pub(super) runtime: Handle,
    pub(super) input: ChannelReader,
    pub(super) output: ChannelWriter,
    pub(super) stall: Option<Duration>,
}

impl Wire {
    /// What the client says next; `None` at its end.
    pub(super) fn read(&mut self) -> io::Result<Option<Bytes>> {
        let Self { runtime, input, stall, .. } = self;
        runtime.block_on(within(*stall, input.read_chunk(CHUNK)))
    }

    /// Sends all of this.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Self { runtime, output, stall, .. } = self;
        runtime.block_on(async {
            let mut rest = bytes;
            while !rest.is_empty() {
                match within(*stall, output.write(rest)).await? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    written => rest = rest.get(written..).unwrap_or_default(),
                }
            }
            Ok(())
        })
    }
}

async fn within<T>(stall: Option<Duration>, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match stall {
        None => step.await,
        Some(stall) => match tokio::time::timeout(stall, step).await {
            Ok(result) => result,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client is silent")),
        },
    }
}

/// A failure as the client is told it.
pub(super) fn told(path: &[u8], failure: &Failure) -> String {
    format!("scp: {}: {}", konko_scp::text::printable(path), failure.words)
}
