//! Two threads that carry the bytes of an SFTP session.

use crate::sftp::session::Session;
use bytes::Bytes;
use std::io::{self, Write};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// How long a server has to end by itself.
const GOODBYE: Duration = Duration::from_secs(5);
/// The most that is written at once.
const LARGEST_WRITE: usize = 256 * 1024;

/// Whoever uses the session holds this; with the last of them the threads end, after what waits to be sent is sent.
#[derive(Debug)]
pub(crate) struct Carrier {
    session: Arc<Session>,
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.session.finish();
    }
}

impl Carrier {
    /// Starts the threads. `read` gives the next chunk, and `None` at the end; `close` ends both directions when
    /// nothing more will be written, so that `read` ends as well.
    pub(crate) fn start(
        session: &Arc<Session>,
        mut read: impl FnMut() -> io::Result<Option<Bytes>> + Send + 'static,
        mut writer: impl Write + Send + 'static,
        close: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let carrier = Self { session: Arc::clone(session) };
        let (ended, reading_ended) = mpsc::channel::<()>();
        let reading = Arc::clone(session);
        thread::Builder::new().name("konko-sftp-read".to_owned()).spawn(move || {
            while reading.received(read()) {}
            // Dropping it tells that nothing is read any more.
            drop(ended);
        })?;
        let writing = Arc::clone(session);
        thread::Builder::new().name("konko-sftp-write".to_owned()).spawn(move || {
            let mut out = Vec::new();
            while writing.next_output(&mut out, LARGEST_WRITE) {
                if let Err(error) = writer.write_all(&out).and_then(|()| writer.flush()) {
                    writing.received(Err(error));
                    break;
                }
            }
            // The server is told that nothing more comes, and may do what it was asked for.
            drop(writer);
            // Whether it ended by itself or not, this is the end.
            let _ = reading_ended.recv_timeout(GOODBYE);
            close();
        })?;
        Ok(carrier)
    }
}
