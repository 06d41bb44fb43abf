//! What a connection needs of the stream below it: reads and writes that never block, and one wait for both.

use std::io;
use std::sync::Arc;
use std::time::Instant;

/// Which of the two directions is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Something can be read, or reading has ended or failed.
    pub readable: bool,
    /// Something can be written, or writing fails.
    pub writable: bool,
}

/// A stream as the driver uses it. Only [`wait`](Self::wait) blocks. One thread waits and reads; one at a time
/// writes; any may wake.
///
/// Dropping a link that was not [closed](Self::close) lets go of the stream without a word.
pub trait Link: Send + Sync + 'static {
    /// Waits until one of the wanted directions is ready, until the time has come, or until
    /// [`wake`](Self::wake) was called since the last wait. May return early with nothing ready.
    ///
    /// # Errors
    ///
    /// The system's. The connection then ends.
    fn wait(&self, wanted: Readiness, until: Option<Instant>) -> io::Result<Readiness>;

    /// Ends a wait that is under way, or else the next one.
    fn wake(&self);

    /// Reads what is there. Zero is the end.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if nothing is there; anything else ends the connection.
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes as much as is taken at once.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if nothing is; anything else ends the connection.
    fn try_write(&self, data: &[u8]) -> io::Result<usize>;

    /// Says that nothing more will be written. Reading goes on.
    fn shutdown_write(&self);

    /// Ends the stream in both directions.
    fn close(&self);
}

/// A stream that a connection can run on: a TCP or Unix socket, a [`Channel`](crate::Channel) of another
/// connection, or any [`Halves`](crate::Halves).
pub trait Stream: Send + 'static {
    /// The stream as the driver uses it.
    ///
    /// # Errors
    ///
    /// The system's, where something that is needed cannot be had.
    fn into_link(self) -> io::Result<Arc<dyn Link>>;
}
