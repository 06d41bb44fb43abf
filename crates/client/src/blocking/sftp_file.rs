//! An open file of a server, waiting.

use crate::blocking::block_on::block_on;
use crate::blocking::sftp_carrier::Carrier;
use crate::sftp::error::Error;
use crate::sftp::remote_path::RemotePath;
use konko_sftp::answer::FileHashes;
use konko_sftp::message::attributes::Attributes;
use konko_sftp::message::extension::StatvfsReply;
use konko_sftp::metadata::Metadata;
use std::future::poll_fn;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

/// An open file of a server. Reading runs ahead and writing runs behind: what the server refuses of a write is told by
/// a later one, by flushing or by [`close`](Self::close). Dropping it closes it, after what was written was sent.
#[derive(Debug)]
pub struct File {
    file: crate::sftp::file::File,
    _carrier: Arc<Carrier>,
}

/// Calls that wait.
macro_rules! waits {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $reply:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// What the server refused.
        pub fn $name(&self, $($argument: $type),*) -> Result<$reply, Error> {
            block_on(self.file.$name($($argument),*))
        }
    )*};
}

impl File {
    pub(crate) const fn new(file: crate::sftp::file::File, carrier: Arc<Carrier>) -> Self {
        Self { file, _carrier: carrier }
    }

    /// Where it was opened.
    pub const fn path(&self) -> &RemotePath {
        self.file.path()
    }

    waits! {
        /// What is known of it.
        metadata() -> Metadata;
        /// Sets what is `Some` in `attributes`.
        set_attributes(attributes: Attributes) -> ();
        /// Sets the permissions.
        set_permissions(mode: u32) -> ();
        /// Sets owner and group, by number.
        set_owner(uid: u32, gid: u32) -> ();
        /// Sets the times of the last access and modification, in seconds since 1970.
        set_times(accessed: u32, modified: u32) -> ();
        /// Cuts the file off at `size` bytes, or fills it up with zeros.
        set_len(size: u64) -> ();
        /// About the filesystem that it is on.
        statvfs() -> StatvfsReply;
        /// Reads up to `length` bytes from `offset` on; less than that only at the end of the file.
        read_at(offset: u64, length: usize) -> Vec<u8>;
        /// Reads from `offset` to the end.
        read_to_end_at(offset: u64) -> Vec<u8>;
        /// Hashes that the server makes of a part of it.
        check(algorithms: &str, offset: u64, length: u64, block_size: u32) -> FileHashes;
        /// Reads several parts, all at once; each is shorter than asked for only at the end of the file.
        read_ranges(ranges: &[(u64, usize)]) -> Vec<Vec<u8>>;
        /// Writes all of `data` at `offset`, and waits until the server has answered.
        write_at(offset: u64, data: &[u8]) -> ();
    }

    /// Flushes what was written, and waits until the server has it on its disk.
    ///
    /// # Errors
    ///
    /// What the server refused of it, or that it does not offer `fsync@openssh.com`.
    pub fn sync_all(&mut self) -> Result<(), Error> {
        block_on(self.file.sync_all())
    }

    /// Flushes what was written and closes the file.
    ///
    /// # Errors
    ///
    /// The failure with the lowest offset, or what the server said on closing. The file is closed in any case.
    pub fn close(self) -> Result<(), Error> {
        block_on(self.file.close())
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        block_on(poll_fn(|cx| Pin::new(&mut self.file).poll_read(cx, &mut buffer)))?;
        Ok(buffer.filled().len())
    }
}

impl Write for File {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        block_on(poll_fn(|cx| Pin::new(&mut self.file).poll_write(cx, data)))
    }

    fn flush(&mut self) -> io::Result<()> {
        block_on(poll_fn(|cx| Pin::new(&mut self.file).poll_flush(cx)))
    }
}

impl Seek for File {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        Pin::new(&mut self.file).start_seek(position)?;
        block_on(poll_fn(|cx| Pin::new(&mut self.file).poll_complete(cx)))
    }
}
