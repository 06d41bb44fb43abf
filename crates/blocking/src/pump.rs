//! Any pair of a blocking reader and a blocking writer, with a helper thread for each.

use crate::link::{Link, Readiness, Stream};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The most bytes that wait in each direction.
const CAPACITY: usize = 256 * 1024;
/// The most bytes read at once.
const PIECE: usize = 64 * 1024;

/// A reader and a writer that belong together, such as a child process's standard output and input.
///
/// Each is moved by a helper thread. The writer is dropped when the connection has ended. The reader's thread
/// ends when the reader ends or fails: where the writer's end does not bring that about,
/// [`on_close`](Self::on_close) has to.
pub struct Halves {
    reader: Box<dyn Read + Send>,
    writer: Box<dyn Write + Send>,
    close: Option<Box<dyn FnOnce() + Send>>,
}

impl std::fmt::Debug for Halves {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Halves").finish_non_exhaustive()
    }
}

impl Halves {
    /// A stream of these two.
    pub fn new(reader: impl Read + Send + 'static, writer: impl Write + Send + 'static) -> Self {
        Self { reader: Box::new(reader), writer: Box::new(writer), close: None }
    }

    /// Calls `close` when the connection has ended, from its own thread. It should make a read that is under
    /// way return.
    #[must_use]
    pub fn on_close(mut self, close: impl FnOnce() + Send + 'static) -> Self {
        self.close = Some(Box::new(close));
        self
    }
}

/// What the two helper threads and the driver share.
#[derive(Debug, Default)]
struct Basin {
    inbox: VecDeque<u8>,
    /// How reading ended, if it has: cleanly, or with an error.
    read_end: Option<Result<(), (io::ErrorKind, String)>>,
    outbox: Vec<u8>,
    write_error: Option<(io::ErrorKind, String)>,
    woken: bool,
    /// Nothing more will be written.
    finished: bool,
    /// Nobody reads any more.
    closed: bool,
}

#[derive(Debug, Default)]
struct Meeting {
    basin: Mutex<Basin>,
    changed: Condvar,
}

impl Meeting {
    fn lock(&self) -> MutexGuard<'_, Basin> {
        self.basin.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, basin: MutexGuard<'a, Basin>) -> MutexGuard<'a, Basin> {
        self.changed.wait(basin).unwrap_or_else(PoisonError::into_inner)
    }

    fn read_all(&self, mut reader: Box<dyn Read + Send>) {
        let mut piece = vec![0; PIECE];
        loop {
            let result = match reader.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result,
            };
            let mut basin = self.lock();
            match result {
                Ok(0) => basin.read_end = Some(Ok(())),
                Ok(n) => basin.inbox.extend(piece.get(..n).unwrap_or(&piece)),
                Err(error) => basin.read_end = Some(Err((error.kind(), error.to_string()))),
            }
            self.changed.notify_all();
            while basin.inbox.len() >= CAPACITY && !basin.closed {
                basin = self.wait(basin);
            }
            if basin.closed || basin.read_end.is_some() {
                return;
            }
        }
    }

    fn write_all(&self, mut writer: Box<dyn Write + Send>) {
        let mut piece = Vec::new();
        loop {
            let mut basin = self.lock();
            while basin.outbox.is_empty() && !basin.finished {
                basin = self.wait(basin);
            }
            if basin.outbox.is_empty() {
                return;
            }
            piece.clear();
            std::mem::swap(&mut basin.outbox, &mut piece);
            self.changed.notify_all();
            drop(basin);
            if let Err(error) = writer.write_all(&piece).and_then(|()| writer.flush()) {
                let mut basin = self.lock();
                basin.write_error = Some((error.kind(), error.to_string()));
                basin.outbox = Vec::new();
                self.changed.notify_all();
                return;
            }
        }
    }
}

/// [`Halves`] at work.
struct Pump {
    meeting: Arc<Meeting>,
    close: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Link for Pump {
    fn wait(&self, wanted: Readiness, until: Option<Instant>) -> io::Result<Readiness> {
        let mut basin = self.meeting.lock();
        loop {
            let ready = Readiness {
                readable: wanted.readable && (!basin.inbox.is_empty() || basin.read_end.is_some()),
                writable: wanted.writable && (basin.outbox.len() < CAPACITY || basin.write_error.is_some()),
            };
            if std::mem::take(&mut basin.woken) || ready != Readiness::default() {
                return Ok(ready);
            }
            basin = match until {
                None => self.meeting.wait(basin),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Ok(ready);
                    }
                    let waited = self.meeting.changed.wait_timeout(basin, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn wake(&self) {
        self.meeting.lock().woken = true;
        self.meeting.changed.notify_all();
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut basin = self.meeting.lock();
        if basin.inbox.is_empty() {
            return match &basin.read_end {
                None => Err(io::ErrorKind::WouldBlock.into()),
                Some(Ok(())) => Ok(0),
                Some(Err((kind, message))) => Err(io::Error::new(*kind, message.clone())),
            };
        }
        let read = basin.inbox.read(buffer)?;
        self.meeting.changed.notify_all();
        Ok(read)
    }

    fn try_write(&self, data: &[u8]) -> io::Result<usize> {
        let mut basin = self.meeting.lock();
        if let Some((kind, message)) = &basin.write_error {
            return Err(io::Error::new(*kind, message.clone()));
        }
        let taken = data.len().min(CAPACITY.saturating_sub(basin.outbox.len()));
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        basin.outbox.extend_from_slice(&data[..taken]);
        self.meeting.changed.notify_all();
        Ok(taken)
    }

    fn shutdown_write(&self) {
        self.meeting.lock().finished = true;
        self.meeting.changed.notify_all();
    }

    fn close(&self) {
        let mut basin = self.meeting.lock();
        (basin.finished, basin.closed) = (true, true);
        drop(basin);
        self.meeting.changed.notify_all();
        let close = self.close.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(close) = close {
            close();
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        let mut basin = self.meeting.lock();
        if !basin.finished {
            basin.outbox = Vec::new();
        }
        (basin.finished, basin.closed) = (true, true);
        drop(basin);
        self.meeting.changed.notify_all();
    }
}

impl Stream for Halves {
    fn into_link(self) -> io::Result<Arc<dyn Link>> {
        let meeting = Arc::new(Meeting::default());
        let pump = Pump { meeting: Arc::clone(&meeting), close: Mutex::new(self.close) };
        let (reading, reader) = (Arc::clone(&meeting), self.reader);
        std::thread::Builder::new().name("konko reader".into()).spawn(move || reading.read_all(reader))?;
        let writer = self.writer;
        std::thread::Builder::new().name("konko writer".into()).spawn(move || meeting.write_all(writer))?;
        Ok(Arc::new(pump))
    }
}

#[cfg(not(unix))]
impl Stream for std::net::TcpStream {
    fn into_link(self) -> io::Result<Arc<dyn Link>> {
        if let Err(error) = self.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let (reader, writer) = (self.try_clone()?, self.try_clone()?);
        let close = move || {
            if let Err(error) = self.shutdown(std::net::Shutdown::Both) {
                tracing::debug!(%error, "shutting the socket down");
            }
        };
        Halves::new(reader, writer).on_close(close).into_link()
    }
}
