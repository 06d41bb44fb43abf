//! Copying a file of a server: on the server where it can do that, otherwise through this program, and to another
//! server in any case.

use crate::sftp::client::Sftp;
use crate::sftp::error::Error;
use crate::sftp::file::File;
use crate::sftp::meter::{FileMeter, Meter};
use crate::sftp::open_options::OpenOptions;
use crate::sftp::remote_path::RemotePath;
use crate::sftp::session::LaneGuard;
use crate::sftp::transfer_options::{TransferOptions, Transferred};
use bytes::Bytes;
use konko_sftp::download::{Download, Order, Until};
use konko_sftp::message::extension::CopyData;
use konko_sftp::upload::Upload;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

/// What one request copies on the server, so that progress can be told and a copy be cancelled.
const STEP: u64 = 64 << 20;
/// What is held at most between two servers.
const MOST_HELD: usize = 4 << 20;

impl Sftp {
    /// Copies the file `from` to `to`, which names the file and not its directory: on the server where it offers
    /// `copy-data`, otherwise through this program. The copy is written where it stands.
    ///
    /// # Errors
    ///
    /// What the server refused; [`Error::TimedOut`].
    pub async fn copy(
        &self,
        from: impl Into<RemotePath>,
        to: impl Into<RemotePath>,
        options: &TransferOptions,
    ) -> Result<Transferred, Error> {
        self.copy_to(from, self, to, options).await
    }

    /// Copies the file `from` to the path `to` of another session, through this program unless both are the same.
    ///
    /// # Errors
    ///
    /// What a server refused; [`Error::TimedOut`].
    pub async fn copy_to(
        &self,
        from: impl Into<RemotePath>,
        target: &Self,
        to: impl Into<RemotePath>,
        options: &TransferOptions,
    ) -> Result<Transferred, Error> {
        let (from, to) = (from.into(), to.into());
        let meter = Meter::new(options);
        let copied = async {
            let (source, metadata) = self.open_and_examine(&from).await?;
            let mode = metadata.permissions.unwrap_or(0o666) & 0o777;
            let mut open = OpenOptions::new();
            open.write(true).create(true).truncate(true).mode(mode);
            let copy = target.open_with(&to, &open).await?;
            let mut file_meter = meter.file(&from, metadata.size, 0);
            let same = Arc::ptr_eq(&self.session, &target.session);
            let bytes = match metadata.size.filter(|size| *size > 0) {
                Some(size) if same && self.offers(CopyData::NAME) => {
                    copy_on_server(self, &source, &copy, size, &mut file_meter).await?
                }
                size => pass_through(&source, size, &copy, &mut file_meter).await?,
            };
            let permissions = options.preserve_permissions.then(|| options.permissions(mode));
            let times = options.preserve_times.then_some(()).and(metadata.accessed.zip(metadata.modified));
            if let Some(permissions) = permissions {
                copy.set_permissions(permissions).await?;
            }
            if let Some((accessed, modified)) = times {
                let seconds = |seconds: i64| u32::try_from(seconds).unwrap_or(0);
                copy.set_times(seconds(accessed.seconds), seconds(modified.seconds)).await?;
            }
            copy.close().await?;
            Ok(Transferred { files: 1, bytes, ..Transferred::default() })
        };
        meter.watch(&self.session, &from, options, copied).await
    }
}

async fn copy_on_server(
    sftp: &Sftp,
    source: &File,
    copy: &File,
    size: u64,
    meter: &mut FileMeter,
) -> Result<u64, Error> {
    let mut offset = 0;
    while offset < size {
        let length = STEP.min(size - offset);
        let request = CopyData {
            read_from_handle: source.handle().bytes(),
            read_from_offset: offset,
            read_data_length: length,
            write_to_handle: copy.handle().bytes(),
            write_to_offset: offset,
        };
        sftp.call(copy.path(), request).await?;
        offset += length;
        meter.pass_and_wait(length).await;
    }
    Ok(size)
}

/// Reads here and writes there, both at the same time.
async fn pass_through(
    source: &File,
    size: Option<u64>,
    copy: &File,
    meter: &mut FileMeter,
) -> Result<u64, Error> {
    let (Some(from), Some(to)) = (source.handle().get(), copy.handle().get()) else { return Ok(0) };
    let mut download = source
        .session()
        .with(|client, _| Download::new(client, from.clone(), 0, Until::End(size), Order::File));
    let reading = LaneGuard::of(source.session(), download.lane());
    let mut upload = copy.session().with(|client, _| Upload::new(client, to.clone()));
    let writing = LaneGuard::of(copy.session(), upload.lane());
    let mut held: VecDeque<Bytes> = VecDeque::new();
    let (mut held_bytes, mut offset, mut ended) = (0, 0, false);
    loop {
        // Whichever goes on: reading while little is held, and writing.
        let step = poll_fn(|cx| {
            let mut moved = false;
            if !ended && held_bytes < MOST_HELD {
                let next = source.session().poll(cx, reading.lane(), |client, now| {
                    download.pump(client, now);
                    match download.next(client, now) {
                        Some(piece) => Some(piece.map(Some)),
                        None => download.is_finished().then_some(Ok(None)),
                    }
                });
                match next {
                    Poll::Ready(Ok(Some(piece))) => {
                        held_bytes += piece.data.len();
                        held.extend(piece.data.into_chunks());
                        moved = true;
                    }
                    Poll::Ready(Ok(None)) => {
                        ended = true;
                        moved = true;
                    }
                    Poll::Ready(Err(error)) => {
                        return Poll::Ready(Err(Error::Sftp(error.at(source.path().as_bytes()))));
                    }
                    Poll::Pending => {}
                }
            }
            let wrote = copy.session().poll(cx, writing.lane(), |client, now| {
                if let Err(error) = upload.poll(client, now) {
                    return Some(Err(error));
                }
                let mut written = 0;
                while let Some(chunk) = held.front_mut() {
                    match upload.write(client, now, offset, chunk) {
                        Ok(0) => break,
                        Ok(n) => {
                            offset += n as u64;
                            held_bytes -= n;
                            written += n as u64;
                            bytes::Buf::advance(chunk, n);
                            if chunk.is_empty() {
                                held.pop_front();
                            }
                        }
                        Err(error) => return Some(Err(error)),
                    }
                }
                let finished = ended && held.is_empty() && upload.is_flushed();
                (written > 0 || finished).then_some(Ok((written, finished)))
            });
            match wrote {
                Poll::Ready(Ok(step)) => Poll::Ready(Ok(step)),
                Poll::Ready(Err(error)) => Poll::Ready(Err(Error::Sftp(error.at(copy.path().as_bytes())))),
                Poll::Pending if moved => Poll::Ready(Ok((0, false))),
                Poll::Pending => Poll::Pending,
            }
        })
        .await?;
        meter.pass_and_wait(step.0).await;
        if step.1 {
            return Ok(offset);
        }
    }
}
