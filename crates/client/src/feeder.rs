//! Writes the standard input of a command while it runs.

use crate::task::Task;
use konko_tokio::Channel;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

/// How much is read from the source at once.
const CHUNK: usize = 64 * 1024;

/// Writes all of a source to a channel. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Feeder {
    error: Arc<Mutex<Option<io::Error>>>,
    _task: Task,
}

impl Feeder {
    pub(crate) fn spawn(channel: Channel, source: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let error = Arc::new(Mutex::new(None));
        let task = Task::spawn(feed(channel, source, Arc::clone(&error)));
        Self { error, _task: task }
    }

    /// Why the source could not be read to its end.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

async fn feed(
    channel: Channel,
    mut source: impl AsyncRead + Send + Unpin,
    failed: Arc<Mutex<Option<io::Error>>>,
) {
    let mut writer = channel.writer();
    let mut buffer = vec![0; CHUNK];
    loop {
        match source.read(&mut buffer).await {
            Ok(0) => return channel.send_eof(),
            Ok(len) => {
                let data = buffer.get(..len).unwrap_or_default();
                if let Err(error) = writer.write_all(data).await {
                    // A command may end without having read everything: that is nobody's fault.
                    tracing::debug!(%error, "the command reads no more");
                    return;
                }
            }
            Err(error) => {
                *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                // An EOF would tell the command that half the input is all of it.
                return channel.close();
            }
        }
    }
}
