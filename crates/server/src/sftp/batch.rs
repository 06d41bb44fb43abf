//! A server at work on all that has come so far: what a thread that may block does at once.

use bytes::Bytes;
use konko_sftp::server::config::ServerConfig;
use konko_sftp::server::error::ServerError;
use konko_sftp::server::filesystem::Filesystem;
use konko_sftp::server::machine::SftpServer;
use konko_sftp::server::question::SlowQuestion;
use konko_sftp::server::serve::SlowAnswer;
use std::collections::VecDeque;

/// A server, what came for it, and what came of it.
pub(super) struct Batch<S: Filesystem> {
    pub(super) server: SftpServer<S::File, S::Directory>,
    /// What the client sent and the server has not taken yet.
    pub(super) pieces: VecDeque<Bytes>,
    /// Whether nothing comes behind them.
    pub(super) ended: bool,
    /// What others answered meanwhile.
    pub(super) answers: Vec<SlowAnswer>,
    /// What others are to answer.
    pub(super) slow: Vec<SlowQuestion<S::File>>,
    /// Why the session is over, if it is.
    pub(super) failed: Option<ServerError>,
}

impl<S: Filesystem> Batch<S> {
    pub(super) fn new(config: ServerConfig) -> Self {
        Self {
            server: SftpServer::new(config),
            pieces: VecDeque::new(),
            ended: false,
            answers: Vec::new(),
            slow: Vec::new(),
            failed: None,
        }
    }

    /// How many bytes wait to be taken.
    pub(super) fn waiting(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    /// Serves until there is nothing to be done, or enough to be sent.
    pub(super) fn work(&mut self, filesystem: &S) {
        if let Err(error) = self.try_work(filesystem) {
            self.failed = Some(error);
        }
    }

    fn try_work(&mut self, filesystem: &S) -> Result<(), ServerError> {
        for answer in self.answers.drain(..) {
            self.server.answer_slow(answer);
        }
        loop {
            while let Some(question) = self.server.next_question()? {
                self.slow.extend(self.server.serve(question, filesystem));
            }
            if !self.server.wants_input() {
                return Ok(());
            }
            match self.pieces.pop_front() {
                Some(piece) => self.server.handle_input(piece),
                None if self.ended => self.server.handle_end(),
                None => return Ok(()),
            }
        }
    }
}
