//! An open file of a server. Reading runs ahead and writing runs behind, so that a plain loop over it is fast.

use crate::sftp::error::Error;
use crate::sftp::file_stream::FileStream;
use crate::sftp::remote_path::RemotePath;
use crate::sftp::session::{LaneGuard, OpenHandle, Session};
use konko_sftp::answer::FileHashes;
use konko_sftp::call::Request;
use konko_sftp::download::{Download, Order, Until};
use konko_sftp::incoming::Payload;
use konko_sftp::message::attributes::{Attributes, Owner, Times};
use konko_sftp::message::extension::{CheckFileHandle, Fstatvfs, Fsync, StatvfsReply};
use konko_sftp::message::request::{Fsetstat, Fstat};
use konko_sftp::metadata::Metadata;
use konko_sftp::upload::Upload;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

/// An open file of a server.
///
/// As a stream it has one position, as a file of the standard library has: [`AsyncRead`] asks for more than is read,
/// [`AsyncWrite`] returns before the server has answered. What the server refuses of that is told by a later write,
/// by flushing, by shutting down or by [`close`](Self::close); a program that does none of these does not learn it.
/// Whatever takes `&self` does not move the position, may be called from several tasks at once, and does not wait for
/// what the stream has not flushed.
///
/// Dropping it closes it, after what was written was sent.
#[derive(Debug)]
pub struct File {
    session: Arc<Session>,
    handle: Arc<OpenHandle>,
    path: RemotePath,
    stream: FileStream,
}

impl File {
    pub(crate) fn new(session: Arc<Session>, handle: OpenHandle, path: RemotePath, append: bool) -> Self {
        let handle = Arc::new(handle);
        let stream = FileStream::new(Arc::clone(&session), Arc::clone(&handle), append);
        Self { session, handle, path, stream }
    }

    /// Where it was opened.
    pub const fn path(&self) -> &RemotePath {
        &self.path
    }

    fn error(&self, error: konko_sftp::error::Error) -> Error {
        Error::Sftp(error.at(self.path.as_bytes()))
    }

    async fn call<R: Request>(&self, request: R) -> Result<R::Reply, Error> {
        self.session.call(&request).await.map_err(|error| self.error(error))
    }

    /// What is known of it.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn metadata(&self) -> Result<Metadata, Error> {
        self.call(Fstat { handle: self.handle.bytes() }).await
    }

    /// Sets what is `Some` in `attributes`.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn set_attributes(&self, attributes: Attributes) -> Result<(), Error> {
        self.call(Fsetstat { handle: self.handle.bytes(), attributes }).await
    }

    /// Sets the permissions.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn set_permissions(&self, mode: u32) -> Result<(), Error> {
        self.set_attributes(Attributes::with_permissions(mode)).await
    }

    /// Sets owner and group, by number.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn set_owner(&self, uid: u32, gid: u32) -> Result<(), Error> {
        self.set_attributes(Attributes { owner: Some(Owner { uid, gid }), ..Attributes::default() }).await
    }

    /// Sets the times of the last access and modification, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn set_times(&self, accessed: u32, modified: u32) -> Result<(), Error> {
        let times = Some(Times { accessed, modified });
        self.set_attributes(Attributes { times, ..Attributes::default() }).await
    }

    /// Cuts the file off at `size` bytes, or fills it up with zeros.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn set_len(&self, size: u64) -> Result<(), Error> {
        self.set_attributes(Attributes::with_size(size)).await
    }

    /// About the filesystem that it is on.
    ///
    /// # Errors
    ///
    /// What the server refused, or that it does not offer `fstatvfs@openssh.com`.
    pub async fn statvfs(&self) -> Result<StatvfsReply, Error> {
        self.call(Fstatvfs { handle: self.handle.bytes() }).await
    }

    /// Flushes what was written, and waits until the server has it on its disk.
    ///
    /// # Errors
    ///
    /// What the server refused of it, or that it does not offer `fsync@openssh.com`.
    pub async fn sync_all(&mut self) -> Result<(), Error> {
        self.flush_written().await?;
        self.call(Fsync { handle: self.handle.bytes() }).await
    }

    /// As [`sync_all`](Self::sync_all): the protocol knows no difference.
    ///
    /// # Errors
    ///
    /// As [`sync_all`](Self::sync_all).
    pub async fn sync_data(&mut self) -> Result<(), Error> {
        self.sync_all().await
    }

    /// Sends what was written, and waits until the server has answered all of it.
    ///
    /// # Errors
    ///
    /// The failure with the lowest offset.
    pub async fn flush_written(&mut self) -> Result<(), Error> {
        let flushed = std::future::poll_fn(|cx| self.stream.poll_flush(cx)).await;
        flushed.map_err(|error| self.error(error))
    }

    /// Flushes what was written and closes the file.
    ///
    /// # Errors
    ///
    /// The failure with the lowest offset, or what the server said on closing: some servers find only then that
    /// there is no room. The file is closed in any case.
    pub async fn close(mut self) -> Result<(), Error> {
        let flushed = self.flush_written().await;
        let closed = std::future::poll_fn(|cx| self.stream.poll_close(cx)).await;
        flushed.and_then(|()| closed.map_err(|error| self.error(error)))
    }

    /// Reads up to `length` bytes from `offset` on; less than that only at the end of the file.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let until = Until::Offset(offset.saturating_add(length as u64));
        self.read_pieces(offset, until, |piece| {
            piece.chunks().iter().for_each(|chunk| bytes.extend_from_slice(chunk));
        })
        .await?;
        Ok(bytes)
    }

    /// Reads from `offset` to the end.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn read_to_end_at(&self, offset: u64) -> Result<Vec<u8>, Error> {
        let size = self.metadata().await?.size;
        let mut bytes = Vec::new();
        self.read_pieces(offset, Until::End(size), |piece| {
            piece.chunks().iter().for_each(|chunk| bytes.extend_from_slice(chunk));
        })
        .await?;
        Ok(bytes)
    }

    pub(crate) async fn read_pieces(
        &self,
        offset: u64,
        until: Until,
        mut take: impl FnMut(Payload),
    ) -> Result<(), Error> {
        let Some(handle) = self.handle.get() else { return Ok(()) };
        let mut download =
            self.session.with(|client, _| Download::new(client, handle.clone(), offset, until, Order::File));
        let lane = LaneGuard::of(&self.session, download.lane());
        loop {
            let next = self.session.wait(lane.lane(), |client, now| {
                download.pump(client, now);
                match download.next(client, now) {
                    Some(piece) => {
                        download.pump(client, now);
                        Some(piece.map(Some))
                    }
                    None if download.is_finished() => Some(Ok(None)),
                    None => None,
                }
            });
            match next.await.map_err(|error| self.error(error))? {
                Some(piece) => take(piece.data),
                None => return Ok(()),
            }
        }
    }

    /// Writes all of `data` at `offset`, and waits until the server has answered.
    ///
    /// # Errors
    ///
    /// The failure with the lowest offset.
    pub async fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        let Some(handle) = self.handle.get() else { return Ok(()) };
        let mut upload = self.session.with(|client, _| Upload::new(client, handle.clone()));
        let lane = LaneGuard::of(&self.session, upload.lane());
        let mut written = 0;
        let done = self.session.wait(lane.lane(), |client, now| {
            if let Err(error) = upload.poll(client, now) {
                return Some(Err(error));
            }
            match upload.write(client, now, offset + written as u64, &data[written..]) {
                Ok(sent) => written += sent,
                Err(error) => return Some(Err(error)),
            }
            (written == data.len() && upload.is_flushed()).then_some(Ok(()))
        });
        done.await.map_err(|error| self.error(error))
    }

    /// Hashes that the server makes of `length` bytes from `offset` on, where 0 means to the end. `algorithms` are
    /// acceptable ones, comma-separated. With a `block_size` other than 0 there is one hash for each block.
    ///
    /// # Errors
    ///
    /// What the server refused, or that it does not offer `check-file`.
    pub async fn check(
        &self,
        algorithms: &str,
        offset: u64,
        length: u64,
        block_size: u32,
    ) -> Result<FileHashes, Error> {
        let request = CheckFileHandle {
            handle: self.handle.bytes(),
            hash_algorithms: algorithms.as_bytes(),
            start_offset: offset,
            length,
            block_size,
        };
        self.call(request).await
    }

    pub(crate) const fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub(crate) const fn handle(&self) -> &Arc<OpenHandle> {
        &self.handle
    }

    fn io_error(&self, error: konko_sftp::error::Error) -> io::Error {
        self.error(error).into()
    }
}

impl AsyncRead for File {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream.poll_read(cx, buffer).map_err(|error| self.io_error(error))
    }
}

impl AsyncWrite for File {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.poll_write(cx, data).map_err(|error| self.io_error(error))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_flush(cx).map_err(|error| self.io_error(error))
    }

    /// Flushes and closes; what is read or written afterwards is an error.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.stream.poll_flush(cx)).map_err(|error| self.io_error(error))?;
        self.stream.poll_close(cx).map_err(|error| self.io_error(error))
    }
}

impl AsyncSeek for File {
    fn start_seek(mut self: Pin<&mut Self>, position: io::SeekFrom) -> io::Result<()> {
        self.stream.start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        match std::task::ready!(self.stream.poll_seek(cx)) {
            Ok(Some(position)) => Poll::Ready(Ok(position)),
            Ok(None) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a position before the beginning of the file",
            ))),
            Err(error) => Poll::Ready(Err(self.io_error(error))),
        }
    }
}
