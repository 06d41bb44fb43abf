//! The stream of an open file: its position, what is read ahead, what is written behind.

use crate::sftp::session::{LaneGuard, OpenHandle, Session};
use bytes::{Buf, Bytes};
use konko_sftp::download::{Download, Order, Until};
use konko_sftp::error::Error;
use konko_sftp::message::request::{Close, Fstat};
use konko_sftp::metadata::Metadata;
use konko_sftp::ticket::Ticket;
use konko_sftp::upload::Upload;
use std::collections::VecDeque;
use std::io::SeekFrom;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;

/// The stream of an open file.
#[derive(Debug)]
pub(crate) struct FileStream {
    session: Arc<Session>,
    handle: Arc<OpenHandle>,
    /// Writes go to the end, wherever the position is.
    append: bool,
    position: u64,
    reading: Option<Reading>,
    writing: Option<Writing>,
    /// A seek, a write in append mode or a close that waits for an answer.
    question: Option<Question>,
    seek: Option<SeekFrom>,
    closed: bool,
}

#[derive(Debug)]
struct Reading {
    download: Download,
    lane: LaneGuard,
    /// What has arrived and is not read, at the position.
    chunks: VecDeque<Bytes>,
    ended: bool,
}

#[derive(Debug)]
struct Writing {
    upload: Upload,
    lane: LaneGuard,
    /// Written and not yet worth a WRITE of its own.
    buffer: Vec<u8>,
    /// Where the buffer goes.
    offset: u64,
}

#[derive(Debug)]
struct Question {
    lane: LaneGuard,
    ticket: Ticketed,
}

#[derive(Debug)]
enum Ticketed {
    Size(Ticket<Metadata>),
    Close(Ticket<()>),
}

const CLOSED: Error = Error::ApiMisuse("the file is closed");

impl FileStream {
    pub(crate) const fn new(session: Arc<Session>, handle: Arc<OpenHandle>, append: bool) -> Self {
        Self {
            session,
            handle,
            append,
            position: 0,
            reading: None,
            writing: None,
            question: None,
            seek: None,
            closed: false,
        }
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<(), Error>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        // What was written before is read.
        ready!(self.poll_flush(cx))?;
        let reading = match self.reading.take() {
            Some(reading) => self.reading.insert(reading),
            None => {
                let Some(handle) = self.handle.get().filter(|_| !self.closed) else {
                    return Poll::Ready(Err(CLOSED));
                };
                let download = self.session.with(|client, _| {
                    let until = Until::End(None);
                    Download::new(client, handle.clone(), self.position, until, Order::File).gently()
                });
                let lane = LaneGuard::of(&self.session, download.lane());
                self.reading.insert(Reading { download, lane, chunks: VecDeque::new(), ended: false })
            }
        };
        if reading.chunks.is_empty() && !reading.ended {
            let download = &mut reading.download;
            let next = self.session.poll(cx, reading.lane.lane(), |client, now| {
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
            match ready!(next) {
                Ok(Some(piece)) => reading.chunks.extend(piece.data.into_chunks()),
                Ok(None) => reading.ended = true,
                Err(error) => {
                    self.reading = None;
                    return Poll::Ready(Err(error));
                }
            }
        }
        while buffer.remaining() > 0
            && let Some(chunk) = reading.chunks.front_mut()
        {
            let n = chunk.len().min(buffer.remaining());
            buffer.put_slice(&chunk[..n]);
            chunk.advance(n);
            self.position += n as u64;
            if chunk.is_empty() {
                reading.chunks.pop_front();
            }
        }
        if reading.ended {
            // The file may grow; the next read asks again.
            self.reading = None;
        }
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_write(&mut self, cx: &Context<'_>, data: &[u8]) -> Poll<Result<usize, Error>> {
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if self.closed {
            return Poll::Ready(Err(CLOSED));
        }
        self.reading = None;
        let writing = match self.writing.take() {
            Some(writing) => self.writing.insert(writing),
            None => {
                if self.append {
                    // Servers that take no notice of the flag are told the offset.
                    self.position = ready!(self.poll_size(cx))?;
                }
                let Some(handle) = self.handle.get() else { return Poll::Ready(Err(CLOSED)) };
                let upload = self.session.with(|client, _| Upload::new(client, handle.clone()));
                let lane = LaneGuard::of(&self.session, upload.lane());
                let (buffer, offset) = (Vec::new(), self.position);
                self.writing.insert(Writing { upload, lane, buffer, offset })
            }
        };
        let written = self.session.poll(cx, writing.lane.lane(), |client, now| {
            let longest = client.limits().write_length as usize;
            let Writing { upload, buffer, offset, .. } = &mut *writing;
            if let Err(error) = upload.poll(client, now) {
                return Some(Err(error));
            }
            if upload.failed_at().is_some() {
                // The error is told when everything is answered.
                return None;
            }
            if buffer.len() >= longest {
                if upload.room(client) < buffer.len() {
                    return None;
                }
                match upload.write(client, now, *offset, buffer) {
                    Ok(sent) => {
                        *offset += sent as u64;
                        buffer.drain(..sent);
                    }
                    Err(error) => return Some(Err(error)),
                }
            }
            if buffer.is_empty() && data.len() >= longest {
                // Whole WRITEs need not be gathered first.
                let room = upload.room(client).min(data.len());
                if room >= longest {
                    let sent = upload.write(client, now, *offset, &data[..room - room % longest]);
                    return Some(sent.inspect(|sent| *offset += *sent as u64));
                }
                return None;
            }
            let n = data.len().min(longest.saturating_sub(buffer.len()).max(1));
            buffer.extend_from_slice(&data[..n]);
            Some(Ok(n))
        });
        let written = ready!(written);
        if let Ok(n) = written {
            self.position += n as u64;
        } else {
            self.writing = None;
        }
        Poll::Ready(written)
    }

    /// Sends what was written and waits for the answers.
    pub(crate) fn poll_flush(&mut self, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        let Some(writing) = &mut self.writing else { return Poll::Ready(Ok(())) };
        let flushed = self.session.poll(cx, writing.lane.lane(), |client, now| {
            let Writing { upload, buffer, offset, .. } = &mut *writing;
            if let Err(error) = upload.poll(client, now) {
                return Some(Err(error));
            }
            if !buffer.is_empty() && upload.failed_at().is_none() {
                match upload.write(client, now, *offset, buffer) {
                    Ok(sent) => {
                        *offset += sent as u64;
                        buffer.drain(..sent);
                    }
                    Err(error) => return Some(Err(error)),
                }
            }
            (buffer.is_empty() && upload.is_flushed()).then_some(Ok(()))
        });
        let flushed = ready!(flushed);
        self.writing = None;
        Poll::Ready(flushed)
    }

    pub(crate) fn start_seek(&mut self, position: SeekFrom) -> std::io::Result<()> {
        if self.seek.is_some() {
            return Err(std::io::Error::other("a seek is under way already"));
        }
        self.seek = Some(position);
        Ok(())
    }

    /// The new position; `None` for one before the beginning.
    pub(crate) fn poll_seek(&mut self, cx: &Context<'_>) -> Poll<Result<Option<u64>, Error>> {
        let Some(seek) = self.seek else { return Poll::Ready(Ok(Some(self.position))) };
        let position = match seek {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => {
                ready!(self.poll_flush(cx))?;
                let size = ready!(self.poll_size(cx));
                self.seek = None;
                size?.checked_add_signed(by)
            }
        };
        if position != Some(self.position) {
            // What was written before has its own offset and goes on its way.
            let flushed = ready!(self.poll_flush(cx));
            self.seek = None;
            flushed?;
        }
        self.seek = None;
        if let Some(position) = position
            && position != self.position
        {
            self.reading = None;
            self.position = position;
        }
        Poll::Ready(Ok(position))
    }

    fn poll_size(&mut self, cx: &Context<'_>) -> Poll<Result<u64, Error>> {
        if self.question.is_none() {
            let lane = self.session.lane();
            let fstat = Fstat { handle: self.handle.bytes() };
            let ticket = self.session.with(|client, now| client.request(now, lane.lane(), &fstat))?;
            self.question = Some(Question { lane, ticket: Ticketed::Size(ticket) });
        }
        let Some(Question { lane, ticket: Ticketed::Size(ticket) }) = &self.question else {
            return Poll::Ready(Err(CLOSED));
        };
        let metadata = ready!(self.session.poll(cx, lane.lane(), |client, _| client.reply(ticket)));
        self.question = None;
        Poll::Ready(metadata.map(|metadata| metadata.len()))
    }

    /// Closes the handle; what was written is to be flushed before.
    pub(crate) fn poll_close(&mut self, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        if self.closed {
            return Poll::Ready(Ok(()));
        }
        if !matches!(self.question, Some(Question { ticket: Ticketed::Close(_), .. })) {
            self.reading = None;
            let lane = self.session.lane();
            let close = Close { handle: self.handle.bytes() };
            let ticket = self.session.with(|client, now| client.request(now, lane.lane(), &close))?;
            self.handle.closed();
            self.question = Some(Question { lane, ticket: Ticketed::Close(ticket) });
        }
        let Some(Question { lane, ticket: Ticketed::Close(ticket) }) = &self.question else {
            return Poll::Ready(Ok(()));
        };
        let closed = ready!(self.session.poll(cx, lane.lane(), |client, _| client.reply(ticket)));
        self.question = None;
        self.closed = true;
        Poll::Ready(closed)
    }
}

impl Drop for FileStream {
    /// What was written is sent before the handle is closed; nobody learns whether it was refused.
    fn drop(&mut self) {
        if let Some(Writing { upload, buffer, offset, .. }) = &mut self.writing
            && !buffer.is_empty()
            && upload.failed_at().is_none()
        {
            let (offset, len) = (*offset, buffer.len());
            self.session.with(|client, now| {
                let mut batch = upload.batch(client, offset, len);
                for (at, slot) in batch.slots() {
                    let from = (at - offset) as usize;
                    slot.copy_from_slice(&buffer[from..from + slot.len()]);
                }
                // A session that has ended writes nothing any more.
                let _ = upload.send(client, now, batch);
            });
        }
    }
}
