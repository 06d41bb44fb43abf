//! The bytes of one remote file into one local file: reading from the network and writing to the disk go on at the
//! same time, and the disk gets much at once.

use crate::sftp::background::Background;
use crate::sftp::error::Error;
use crate::sftp::meter::FileMeter;
use crate::sftp::remote_path::RemotePath;
use crate::sftp::session::{LaneGuard, Session};
use bytes::Bytes;
use konko_sftp::answer::Handle;
use konko_sftp::download::{Download, Order, Until};
use std::fs::File;
use std::future::{Future, poll_fn};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

/// What is gathered at most before it is written: enough that threads are changed seldom, and so little that it is
/// still in the cache.
const LARGEST_BATCH: usize = 1024 * 1024;

/// What is written at once: chunks that follow each other.
#[derive(Default)]
struct Batch {
    offset: u64,
    chunks: Vec<Bytes>,
    len: usize,
}

impl Batch {
    fn write(self, file: &File) -> io::Result<()> {
        let mut offset = self.offset;
        for chunk in self.chunks {
            file.write_all_at(&chunk, offset)?;
            offset += chunk.len() as u64;
        }
        Ok(())
    }
}

/// What has happened next.
enum Step {
    Arrived,
    Written(io::Result<()>),
    Finished,
    Failed(konko_sftp::error::Error),
}

/// Reads `handle` from `start` on, as far as `until`, into `local`. Returns where it ended; `local` has no more than
/// that from `start` on, in order, whatever happens.
pub(crate) async fn receive(
    session: &Arc<Session>,
    handle: &Handle,
    (start, until): (u64, Until),
    (local, local_path): (&Arc<File>, &Path),
    path: &RemotePath,
    meter: &mut FileMeter,
) -> Result<u64, Error> {
    let mut download =
        session.with(|client, _| Download::new(client, handle.clone(), start, until, Order::File));
    let lane = LaneGuard::of(session, download.lane());
    let mut batch = Batch { offset: start, ..Batch::default() };
    let mut writing: Option<Background<io::Result<()>>> = None;
    let mut end = start;
    loop {
        let mut arrived = 0;
        let step = poll_fn(|cx| {
            if let Some(running) = &mut writing
                && let Poll::Ready(written) = Pin::new(running).poll(cx)
            {
                writing = None;
                return Poll::Ready(Step::Written(written.and_then(|written| written)));
            }
            if batch.len >= LARGEST_BATCH && writing.is_some() {
                return Poll::Pending;
            }
            session.poll(cx, lane.lane(), |client, now| {
                download.pump(client, now);
                while batch.len < LARGEST_BATCH {
                    match download.next(client, now) {
                        Some(Ok(piece)) => {
                            arrived += piece.data.len() as u64;
                            batch.len += piece.data.len();
                            batch.chunks.extend(piece.data.into_chunks());
                        }
                        Some(Err(error)) if arrived == 0 => return Some(Step::Failed(error)),
                        _ => break,
                    }
                }
                download.pump(client, now);
                match (arrived, download.is_finished()) {
                    (1.., _) => Some(Step::Arrived),
                    (0, true) => Some(Step::Finished),
                    (0, false) => None,
                }
            })
        })
        .await;
        let finished = match step {
            Step::Arrived => {
                end += arrived;
                meter.pass_and_wait(arrived).await;
                false
            }
            Step::Written(written) => {
                written.map_err(|error| Error::local(local_path, error))?;
                false
            }
            Step::Finished => true,
            Step::Failed(error) => {
                // What has come is written, so that it can be gone on with.
                drain(&mut writing, batch, local).await.map_err(|error| Error::local(local_path, error))?;
                return Err(Error::Sftp(error.at(path.as_bytes())));
            }
        };
        if finished {
            drain(&mut writing, batch, local).await.map_err(|error| Error::local(local_path, error))?;
            return Ok(end);
        }
        if writing.is_none() && batch.len > 0 {
            let next = Batch { offset: batch.offset + batch.len as u64, ..Batch::default() };
            let (batch, local) = (std::mem::replace(&mut batch, next), Arc::clone(local));
            writing = Some(Background::start(move || batch.write(&local)));
        }
    }
}

/// Waits for what is being written, and writes the rest.
async fn drain(
    writing: &mut Option<Background<io::Result<()>>>,
    batch: Batch,
    local: &Arc<File>,
) -> io::Result<()> {
    if let Some(running) = writing.take() {
        running.await.and_then(|written| written)?;
    }
    if batch.len > 0 {
        let local = Arc::clone(local);
        Background::start(move || batch.write(&local)).await.and_then(|written| written)?;
    }
    Ok(())
}
