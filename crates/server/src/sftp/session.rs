//! A session of SFTP on a channel. The channel is served here; files are read and written on threads that may block,
//! all that has come at a time, so that a thread is changed once for many requests. While one thread works, what it
//! left last time is sent and what comes next is read.

use crate::program::{Exit, Program, SessionStream};
use crate::sftp::batch::Batch;
use bytes::Bytes;
use konko_sftp::server::cancellation::Cancellation;
use konko_sftp::server::config::{ServerConfig, SymlinkOrder};
use konko_sftp::server::filesystem::Filesystem;
use konko_sftp::server::question::SlowQuestion;
use konko_sftp::server::serve::SlowAnswer;
use std::collections::VecDeque;
use std::future::pending;
use std::ops::Range;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::task::{JoinError, JoinHandle, JoinSet};

/// How much of the client's stream is read ahead, in bytes.
const READ_AHEAD: usize = 1024 * 1024;
/// The largest chunk that is taken at once, in bytes.
const CHUNK: usize = 256 * 1024;
/// How many questions that take long have a thread each at once. The threads are those of all sessions.
const SLOW_AT_ONCE: usize = 2;

/// A program that serves files to the client of a session, until the client says EOF. Its exit status is 0, or 1 if
/// the client broke the protocol.
///
/// What waits in memory for a client that is slow, or sends faster than the disk takes, is about 4 MiB at most. The
/// file system is dropped with the session, unless others hold it too. Unless the configuration says otherwise, the
/// order of SYMLINK is that of the client's software.
pub fn sftp_program<S: Filesystem>(filesystem: Arc<S>, mut config: ServerConfig) -> Program {
    Program::new(move |stream| {
        if config.symlink_order == SymlinkOrder::default() {
            config.symlink_order = SymlinkOrder::of_client(&stream.client_software);
        }
        SftpSession::new(filesystem, config).run(stream)
    })
}

/// Tells whoever still works for a session that it is over.
struct CancelOnDrop(Cancellation);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Where the server is.
enum Place<S: Filesystem> {
    Here(Box<Batch<S>>),
    Away(JoinHandle<Box<Batch<S>>>),
}

struct SftpSession<S: Filesystem> {
    filesystem: Arc<S>,
    cancellation: CancelOnDrop,
    place: Option<Place<S>>,
    /// What takes long is done by itself.
    slow: JoinSet<SlowAnswer>,
    /// What takes long and has no thread yet.
    waiting: VecDeque<SlowQuestion<S::File>>,
    answers: Vec<SlowAnswer>,
    pieces: VecDeque<Bytes>,
    /// How much of the client's stream was read and not yet taken, wherever it is.
    read_ahead: usize,
    ended: bool,
    /// Memory in which what is to be sent lies.
    output: Vec<u8>,
    unsent: Range<usize>,
    /// Whether the server had more to say than there was room for.
    has_more: bool,
}

impl<S: Filesystem> SftpSession<S> {
    fn new(filesystem: Arc<S>, config: ServerConfig) -> Self {
        Self {
            filesystem,
            cancellation: CancelOnDrop(Cancellation::default()),
            place: Some(Place::Here(Box::new(Batch::new(config)))),
            slow: JoinSet::new(),
            waiting: VecDeque::new(),
            answers: Vec::new(),
            pieces: VecDeque::new(),
            read_ahead: 0,
            ended: false,
            output: Vec::new(),
            unsent: 0..0,
            has_more: false,
        }
    }

    async fn run(mut self, stream: SessionStream) -> Exit {
        let SessionStream { mut input, mut output, mut controls, channel, .. } = stream;
        // Clients have nothing to say there, and it must not fill the window.
        channel.discard_stderr();
        loop {
            if let Some(exit) = self.go_on() {
                return exit;
            }
            tokio::select! {
                back = back(&mut self.place) => match back {
                    Ok(batch) => self.take_back(batch),
                    Err(error) => {
                        tracing::error!(target: "konko::serve", %error, "the file system of a session failed");
                        return Exit::Unknown;
                    }
                },
                read = input.read_chunk(CHUNK), if !self.ended && self.read_ahead < READ_AHEAD => match read {
                    Ok(Some(piece)) => {
                        self.read_ahead += piece.len();
                        self.pieces.push_back(piece);
                    }
                    Ok(None) => self.ended = true,
                    Err(_) => return Exit::Unknown,
                },
                written = output.write(&self.output[self.unsent.clone()]), if !self.unsent.is_empty() => {
                    match written {
                        Ok(n) if n > 0 => self.unsent.start += n,
                        _ => return Exit::Unknown,
                    }
                }
                Some(answer) = self.slow.join_next() => match answer {
                    Ok(answer) => {
                        self.answers.push(answer);
                        self.start_slow();
                    }
                    Err(_) => return Exit::Unknown,
                },
                control = controls.next() => match control {
                    Some(request) => request.answer(false),
                    None => return Exit::Unknown,
                },
            }
        }
    }

    /// Sends the server to work if there is something for it to do. `Some`: all is done.
    fn go_on(&mut self) -> Option<Exit> {
        let mut batch = match self.place.take() {
            Some(Place::Here(batch)) => batch,
            elsewhere => {
                self.place = elsewhere;
                return None;
            }
        };
        if self.unsent.is_empty() {
            self.take_output(&mut batch);
        }
        let failed = batch.failed;
        if self.unsent.is_empty() && (failed.is_some() || batch.server.is_finished()) {
            return Some(match failed {
                None => Exit::Status(0),
                Some(error) => {
                    tracing::info!(target: "konko::serve", %error, "a session of sftp ends");
                    Exit::Status(1)
                }
            });
        }
        let takes_input =
            batch.server.wants_input() && (!self.pieces.is_empty() || !batch.pieces.is_empty() || self.ended);
        if failed.is_none() && (self.has_more || takes_input || !self.answers.is_empty()) {
            self.has_more = false;
            batch.pieces.append(&mut self.pieces);
            batch.answers.append(&mut self.answers);
            batch.ended = self.ended;
            let filesystem = Arc::clone(&self.filesystem);
            self.place = Some(Place::Away(tokio::task::spawn_blocking(move || {
                batch.work(&*filesystem);
                batch
            })));
        } else {
            self.place = Some(Place::Here(batch));
        }
        None
    }

    /// Takes what there is to be sent, in exchange for the memory of what was sent.
    fn take_output(&mut self, batch: &mut Batch<S>) {
        if batch.server.output().is_empty() {
            return;
        }
        let was_full = !batch.server.wants_input();
        self.unsent = batch.server.swap_output(&mut self.output);
        // There may be questions that waited for room.
        self.has_more |= was_full;
    }

    fn start_slow(&mut self) {
        while self.slow.len() < SLOW_AT_ONCE
            && let Some(question) = self.waiting.pop_front()
        {
            let (filesystem, cancellation) = (Arc::clone(&self.filesystem), self.cancellation.0.clone());
            self.slow.spawn_blocking(move || question.perform(&*filesystem, &cancellation));
        }
    }

    fn take_back(&mut self, mut batch: Box<Batch<S>>) {
        self.waiting.extend(batch.slow.drain(..));
        self.start_slow();
        self.read_ahead = batch.waiting() + self.pieces.iter().map(Bytes::len).sum::<usize>();
        self.place = Some(Place::Here(batch));
    }
}

/// Waits until the server comes back from its work, if it is there.
async fn back<S: Filesystem>(place: &mut Option<Place<S>>) -> Result<Box<Batch<S>>, JoinError> {
    match place {
        Some(Place::Away(working)) => working.await,
        Some(Place::Here(_)) | None => pending().await,
    }
}
