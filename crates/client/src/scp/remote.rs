//! The command on the server, from a thread that may wait.

use crate::child::{ChildStderr, ChildStdin, ChildStdout};
use crate::scp::transfer::MAXIMUM_STDERR;
use crate::scp::wire::{CHUNK, Wire};
use crate::task::Task;
use bytes::Bytes;
use konko_tokio::Channel;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;

/// How long standard error may go on after the command has ended.
const STDERR_GRACE: Duration = Duration::from_secs(1);

/// The streams of a command that tasks of a runtime serve.
pub(crate) struct RemoteWire {
    pub(crate) runtime: Handle,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: ChildStdout,
    pub(crate) stall: Option<Duration>,
    /// Whether nothing was transferred for too long.
    pub(crate) stalled: bool,
}

impl RemoteWire {
    fn stalled(&mut self) -> io::Error {
        self.stalled = true;
        io::ErrorKind::TimedOut.into()
    }
}

impl Wire for RemoteWire {
    fn read(&mut self) -> io::Result<Option<Bytes>> {
        let Self { runtime, stdout, stall, .. } = self;
        let read = runtime.block_on(async {
            match stall {
                Some(stall) => tokio::time::timeout(*stall, stdout.read_chunk(CHUNK)).await.ok(),
                None => Some(stdout.read_chunk(CHUNK).await),
            }
        });
        read.unwrap_or_else(|| Err(self.stalled()))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Self { runtime, stdin: Some(stdin), stall, .. } = self else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let written = runtime.block_on(async {
            let mut rest = bytes;
            while !rest.is_empty() {
                let write = stdin.write(rest);
                let written = match stall {
                    Some(stall) => match tokio::time::timeout(*stall, write).await {
                        Ok(written) => written,
                        Err(_) => return None,
                    },
                    None => write.await,
                };
                match written {
                    Ok(0) => return Some(Err(io::ErrorKind::WriteZero.into())),
                    Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                    Err(error) => return Some(Err(error)),
                }
            }
            Some(Ok(()))
        });
        written.unwrap_or_else(|| Err(self.stalled()))
    }

    fn end(&mut self) {
        self.stdin = None;
    }
}

/// Closes a channel when whoever waits for a transfer gives up.
#[derive(Debug)]
pub(crate) struct CloseOnDrop(pub(crate) Channel);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Keeps the beginning of standard error, and reads on.
#[derive(Debug)]
pub(crate) struct Collector {
    kept: Arc<Mutex<Vec<u8>>>,
    task: Task,
}

impl Collector {
    pub(crate) fn spawn(mut stderr: ChildStderr) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&kept);
        let task = Task::spawn(async move {
            while let Ok(Some(chunk)) = stderr.read_chunk(CHUNK).await {
                keep(&shared, &chunk);
            }
        });
        Self { kept, task }
    }

    pub(crate) async fn finish(mut self) -> Vec<u8> {
        if tokio::time::timeout(STDERR_GRACE, self.task.finished()).await.is_err() {
            tracing::debug!("standard error goes on after the end of the command");
        }
        std::mem::take(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Keeps what there is room for.
pub(crate) fn keep(kept: &Mutex<Vec<u8>>, chunk: &[u8]) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let room = MAXIMUM_STDERR - kept.len();
    kept.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
}
