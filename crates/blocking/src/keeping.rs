//! A stream with something that has to live as long as it does.

use crate::link::{Link, Readiness, Stream};
use std::io;
use std::sync::Arc;
use std::time::Instant;

struct Keeping<T> {
    link: Arc<dyn Link>,
    _kept: T,
}

/// A link on `stream` that keeps `kept` until the connection lets go of the stream: the process behind a socket, for
/// example, or the connection that the stream goes through.
///
/// # Errors
///
/// Those of [`Stream::into_link`].
pub fn keeping<T: Send + Sync + 'static>(stream: impl Stream, kept: T) -> io::Result<Arc<dyn Link>> {
    Ok(Arc::new(Keeping { link: stream.into_link()?, _kept: kept }))
}

impl<T: Send + Sync + 'static> Link for Keeping<T> {
    fn wait(&self, wanted: Readiness, until: Option<Instant>) -> io::Result<Readiness> {
        self.link.wait(wanted, until)
    }

    fn wake(&self) {
        self.link.wake();
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.link.try_read(buffer)
    }

    fn try_write(&self, data: &[u8]) -> io::Result<usize> {
        self.link.try_write(data)
    }

    fn shutdown_write(&self) {
        self.link.shutdown_write();
    }

    fn close(&self) {
        self.link.close();
    }
}
