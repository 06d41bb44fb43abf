//! The bytes of one local file into one remote file: reading from the disk and writing to the network go on at the
//! same time, and the file is read straight to where it will be sent from.

use crate::sftp::background::Background;
use crate::sftp::error::Error;
use crate::sftp::meter::FileMeter;
use crate::sftp::remote_path::RemotePath;
use crate::sftp::session::{LaneGuard, Session};
use konko_sftp::answer::Handle;
use konko_sftp::client::SftpClient;
use konko_sftp::message::number::StatusCode;
use konko_sftp::upload::{Upload, WriteBatch};
use std::fs::File;
use std::future::{Future, poll_fn};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

/// What is read from the disk at once.
const BATCH: usize = 1024 * 1024;

/// What has happened next.
enum Step {
    /// There is room for so much.
    Room(WriteBatch),
    Read(io::Result<(WriteBatch, bool)>),
    Acknowledged(u64),
    Finished,
    Failed(konko_sftp::error::Error),
}

/// Writes `local` from `start` on to its end to `handle`. Returns where it ended.
///
/// A server that fails with several WRITEs under way is given one at a time, from where it failed.
pub(crate) async fn send(
    session: &Arc<Session>,
    handle: &Handle,
    start: u64,
    (local, local_path): (&Arc<File>, &Path),
    path: &RemotePath,
    meter: &mut FileMeter,
) -> Result<u64, Error> {
    let mut upload = session.with(|client, _| Upload::new(client, handle.clone()));
    let mut sending = Sending {
        session,
        lane: LaneGuard::of(session, upload.lane()),
        local,
        local_path,
        meter,
        acknowledged: 0,
    };
    let error = match sending.run(&mut upload, start).await {
        Ok(end) => return Ok(end),
        Err(error) => error,
    };
    let (Some(StatusCode::FAILURE), Some(failed_at)) = (error.status(), upload.failed_at()) else {
        return Err(error.at(path));
    };
    if error.kind() != io::ErrorKind::Other {
        return Err(error.at(path));
    }
    let mut upload = session.with(|client, _| Upload::new(client, handle.clone()));
    upload.one_at_a_time();
    sending.lane = LaneGuard::of(session, upload.lane());
    sending.acknowledged = 0;
    sending.run(&mut upload, failed_at).await.map_err(|error| error.at(path))
}

struct Sending<'a> {
    session: &'a Arc<Session>,
    lane: LaneGuard,
    local: &'a Arc<File>,
    local_path: &'a Path,
    meter: &'a mut FileMeter,
    /// What the server has acknowledged of this run.
    acknowledged: u64,
}

impl Sending<'_> {
    async fn run(&mut self, upload: &mut Upload, start: u64) -> Result<u64, Error> {
        let mut offset = start;
        let mut ended = false;
        let mut reading: Option<Background<io::Result<(WriteBatch, bool)>>> = None;
        loop {
            let before = self.acknowledged;
            let step = poll_fn(|cx| {
                if let Some(running) = &mut reading
                    && let Poll::Ready(read) = Pin::new(running).poll(cx)
                {
                    reading = None;
                    return Poll::Ready(Step::Read(read.and_then(|read| read)));
                }
                let busy = reading.is_some();
                self.session.poll(cx, self.lane.lane(), |client, now| {
                    if let Err(error) = upload.poll(client, now) {
                        return Some(Step::Failed(error));
                    }
                    if upload.acknowledged() > before {
                        return Some(Step::Acknowledged(upload.acknowledged()));
                    }
                    if ended && !busy {
                        return upload.is_flushed().then_some(Step::Finished);
                    }
                    let room = if busy || ended { 0 } else { room(upload, client) };
                    (room > 0).then(|| Step::Room(upload.batch(client, offset, room)))
                })
            })
            .await;
            match step {
                Step::Room(batch) => {
                    let local = Arc::clone(self.local);
                    reading = Some(Background::start(move || fill(batch, &local)));
                }
                Step::Read(read) => {
                    let (batch, end) = read.map_err(|error| Error::local(self.local_path, error))?;
                    offset += batch.len() as u64;
                    ended = end;
                    self.session.with(|client, now| upload.send(client, now, batch))?;
                }
                Step::Acknowledged(acknowledged) => {
                    self.acknowledged = acknowledged;
                    self.meter.pass_and_wait(acknowledged - before).await;
                }
                Step::Finished => return Ok(offset),
                Step::Failed(error) => return Err(error.into()),
            }
        }
    }
}

/// How much to read next: little reads are not worth a change of threads while others are under way.
fn room(upload: &Upload, client: &SftpClient) -> usize {
    let room = upload.room(client);
    if room >= BATCH || upload.is_flushed() { room.min(BATCH) } else { 0 }
}

/// Reads the file to where it will be sent from; whether it ends there.
fn fill(mut batch: WriteBatch, local: &File) -> io::Result<(WriteBatch, bool)> {
    let mut filled = 0;
    let mut ended = false;
    'slots: for (offset, slot) in batch.slots() {
        let mut at = 0;
        while at < slot.len() {
            match local.read_at(&mut slot[at..], offset + at as u64) {
                Ok(0) => {
                    filled += at;
                    ended = true;
                    break 'slots;
                }
                Ok(n) => at += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        filled += at;
    }
    if ended {
        batch.truncate(filled);
    }
    Ok((batch, ended))
}
