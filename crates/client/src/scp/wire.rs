//! What a transfer needs of the command that runs on the server: bytes to and fro.

use bytes::Bytes;
use std::io;

/// How much is read at once.
pub(crate) const CHUNK: usize = 256 * 1024;

/// The streams of a remote `scp`. Every call waits.
pub(crate) trait Wire {
    /// What it says next; `None` at its end.
    fn read(&mut self) -> io::Result<Option<Bytes>>;
    /// Sends all of this.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Says that nothing more will be sent.
    fn end(&mut self);
}
