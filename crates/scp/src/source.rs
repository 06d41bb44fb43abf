//! The half that sends files.

use crate::error::ScpError;
use crate::line::Input;
use crate::record::{MAXIMUM_DEPTH, Record, Times};
use crate::status::{FATAL, OK, Status, StatusReader, WARNING, write_message};
use bytes::Bytes;
use konko_sansio::OutputBuffer;

/// How much is made up at a time for a file that broke off.
const PADDING: usize = 64 * 1024;

/// What the sink says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceEvent {
    /// The sink is there: the first file or directory can be announced.
    Ready,
    /// What was announced is taken. The content of a file is next ([`Source::slot`]); of a directory, what it holds.
    Accepted,
    /// What was announced is not taken, for this reason. What comes after it is next.
    Refused(String),
    /// The file, or the directory that was ended, is complete, perhaps with a warning: then it is not as it should
    /// be. What comes after it is next.
    Complete(Option<String>),
}

#[derive(Debug)]
enum State {
    /// The sink has not said that it is there.
    Start,
    Ready,
    /// Times are sent, and what they belong to is to follow.
    Times(Record),
    Announced(Record),
    Ended,
    Data {
        remaining: u64,
        failed: Option<String>,
    },
    /// All of a file is sent.
    Sent,
    Failed(ScpError),
}

/// Sends files and directories, one after the other.
///
/// Announce something ([`file`](Self::file), [`directory`](Self::directory),
/// [`end_directory`](Self::end_directory)) after each event but a file's [`SourceEvent::Accepted`], and send
/// [`output`](Self::output) after every call. When all is complete, end the stream.
#[derive(Debug)]
pub struct Source {
    input: Input,
    output: OutputBuffer,
    status: StatusReader,
    state: State,
    depth: usize,
    /// How much of the output's tail is lent by [`slot`](Self::slot).
    lent: usize,
}

impl Default for Source {
    fn default() -> Self {
        Self::new()
    }
}

impl Source {
    /// A source that waits for its sink.
    pub fn new() -> Self {
        Self {
            input: Input::default(),
            output: OutputBuffer::default(),
            status: StatusReader::default(),
            state: State::Start,
            depth: 0,
            lent: 0,
        }
    }

    /// Takes what arrived. To be called when [`poll`](Self::poll) gives nothing more.
    pub fn handle_input(&mut self, bytes: Bytes) {
        self.input.push(bytes);
    }

    /// The peer sends no more.
    pub fn handle_eof(&mut self) {
        self.input.ended = true;
    }

    /// What to send next.
    pub fn output(&self) -> &[u8] {
        let pending = self.output.pending();
        &pending[..pending.len() - self.lent]
    }

    /// Removes `sent` bytes from the front of [`output`](Self::output).
    pub fn consume_output(&mut self, sent: usize) {
        self.take_back();
        self.output.consume(sent);
    }

    /// The next event, if one has arrived.
    ///
    /// # Errors
    ///
    /// [`ScpError`] if the transfer cannot go on; then every later call gives the same.
    pub fn poll(&mut self) -> Result<Option<SourceEvent>, ScpError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        self.advance().inspect_err(|error| self.state = State::Failed(error.clone()))
    }

    fn advance(&mut self) -> Result<Option<SourceEvent>, ScpError> {
        let place = match &self.state {
            State::Start => "the beginning",
            // A sink has nothing to say while it receives but that it cannot go on.
            State::Ready | State::Data { .. } if self.input.peek() == Some(FATAL) => "a message",
            State::Ready if self.input.is_empty() && !self.input.is_within_line() => return Ok(None),
            State::Ready => return Err(ScpError::Protocol("an answer without a question")),
            State::Data { .. } => {
                return if self.input.ended { Err(ScpError::PrematureEof("a file")) } else { Ok(None) };
            }
            State::Times(_) | State::Announced(_) | State::Ended => "an answer",
            State::Sent => "the answer to a file",
            State::Failed(error) => return Err(error.clone()),
        };
        let Some(status) = self.status.read(&mut self.input)? else {
            return if self.input.ended { Err(self.status.end(&self.input, place)) } else { Ok(None) };
        };
        self.answered(status)
    }

    fn answered(&mut self, status: Status) -> Result<Option<SourceEvent>, ScpError> {
        let state = std::mem::replace(&mut self.state, State::Ready);
        let event = match (state, status) {
            (State::Start, Status::Ok) => SourceEvent::Ready,
            // It cannot begin, and says so in the milder form.
            (State::Start, Status::Warning(text)) => return Err(ScpError::Remote(text)),
            (State::Times(record), Status::Ok) => {
                record.write(self.output.tail())?;
                self.state = State::Announced(record);
                return Ok(None);
            }
            (State::Times(_), Status::Warning(text)) => SourceEvent::Refused(text),
            (State::Announced(record), Status::Ok) => {
                self.accepted(&record);
                SourceEvent::Accepted
            }
            (State::Announced(_), Status::Warning(text)) => SourceEvent::Refused(text),
            (State::Ended | State::Sent, Status::Ok) => SourceEvent::Complete(None),
            (State::Ended | State::Sent, Status::Warning(text)) => SourceEvent::Complete(Some(text)),
            (State::Ready | State::Data { .. } | State::Failed(_), _) => {
                return Err(ScpError::Protocol("an answer without a question"));
            }
        };
        Ok(Some(event))
    }

    fn accepted(&mut self, record: &Record) {
        match record {
            Record::File { size, .. } => {
                self.state = State::Data { remaining: *size, failed: None };
                self.end_data();
            }
            Record::Directory { .. } => self.depth += 1,
            Record::Times(_) | Record::End => {}
        }
    }

    /// Announces a file. Its content must be exactly `size` bytes, or [fail](Self::fail_file).
    ///
    /// # Errors
    ///
    /// [`ScpError::UnsendableName`] for a name with a newline, `/` or NUL, or none: nothing is sent, and another
    /// file can be. [`ScpError::Misuse`] if something else is being sent.
    pub fn file(&mut self, name: &[u8], size: u64, mode: u32, times: Option<Times>) -> Result<(), ScpError> {
        if i64::try_from(size).is_err() {
            return Err(ScpError::Misuse("no file is so large"));
        }
        self.announce(Record::File { mode, size, name: name.to_vec() }, times)
    }

    /// Announces a directory: what comes next is in it, until [`end_directory`](Self::end_directory).
    ///
    /// # Errors
    ///
    /// As [`file`](Self::file), and [`ScpError::TooDeep`].
    pub fn directory(&mut self, name: &[u8], mode: u32, times: Option<Times>) -> Result<(), ScpError> {
        if self.depth >= MAXIMUM_DEPTH {
            return Err(ScpError::TooDeep(MAXIMUM_DEPTH));
        }
        self.announce(Record::Directory { mode, name: name.to_vec() }, times)
    }

    fn announce(&mut self, record: Record, times: Option<Times>) -> Result<(), ScpError> {
        if !matches!(self.state, State::Ready) {
            return Err(ScpError::Misuse("something else is being sent"));
        }
        let mut line = Vec::new();
        record.write(&mut line)?;
        self.state = match times {
            Some(times) => {
                Record::Times(times).write(self.output.tail())?;
                State::Times(record)
            }
            None => {
                self.output.tail().extend_from_slice(&line);
                State::Announced(record)
            }
        };
        Ok(())
    }

    /// Ends the last directory that was accepted.
    ///
    /// # Errors
    ///
    /// [`ScpError::Misuse`] if there is none, or something else is being sent.
    pub fn end_directory(&mut self) -> Result<(), ScpError> {
        if !matches!(self.state, State::Ready) || self.depth == 0 {
            return Err(ScpError::Misuse("no directory can be ended"));
        }
        self.depth -= 1;
        self.state = State::Ended;
        Record::End.write(self.output.tail())
    }

    /// How many bytes of the file are not sent yet; 0 if no file is being sent.
    pub fn remaining(&self) -> u64 {
        match &self.state {
            State::Data { remaining, .. } => *remaining,
            _ => 0,
        }
    }

    /// Where the next bytes of the file are to be read to, at most `wanted`: in the place where they are sent from.
    /// Empty if no file's content is due.
    pub fn slot(&mut self, wanted: usize) -> &mut [u8] {
        self.take_back();
        let State::Data { remaining, failed: None } = &self.state else { return &mut [] };
        self.lent = wanted.min(usize::try_from(*remaining).unwrap_or(usize::MAX));
        let tail = self.output.tail();
        let start = tail.len();
        tail.resize(start + self.lent, 0);
        &mut tail[start..]
    }

    /// Tells that the first `filled` bytes of the [`slot`](Self::slot) are content. At most what was lent.
    pub fn commit(&mut self, filled: usize) {
        let filled = filled.min(self.lent);
        self.lent -= filled;
        self.take_back();
        self.count_sent(filled as u64);
    }

    /// Tells that content was sent past this machine, after all of [`output`](Self::output): for a driver that has
    /// it in its own memory. At most what [remains](Self::remaining) counts.
    pub fn count_sent(&mut self, sent: u64) {
        if let State::Data { remaining, .. } = &mut self.state {
            *remaining = remaining.saturating_sub(sent);
            self.end_data();
        }
    }

    fn take_back(&mut self) {
        let tail = self.output.tail();
        tail.truncate(tail.len() - self.lent);
        self.lent = 0;
    }

    /// Tells that the rest of a file cannot be read: the sink is told so, after as many bytes as were promised,
    /// which [`pad`](Self::pad) makes up.
    pub fn fail_file(&mut self, message: &str) {
        if let State::Data { failed, .. } = &mut self.state {
            *failed = Some(message.to_owned());
            self.end_data();
        }
    }

    /// Makes up content for a file that [failed](Self::fail_file), some at a time; whether more is needed. To be
    /// called when the output is sent.
    pub fn pad(&mut self) -> bool {
        let State::Data { remaining, failed: Some(_) } = &mut self.state else { return false };
        let length = usize::try_from(*remaining).unwrap_or(usize::MAX).min(PADDING);
        *remaining -= length as u64;
        let tail = self.output.tail();
        tail.resize(tail.len() + length, 0);
        self.end_data();
        matches!(self.state, State::Data { .. })
    }

    /// Says how a file ended, when all of it is sent.
    fn end_data(&mut self) {
        let State::Data { remaining: 0, failed } = &mut self.state else { return };
        match failed.take() {
            Some(message) => write_message(WARNING, &message, self.output.tail()),
            None => self.output.tail().push(OK),
        }
        self.state = State::Sent;
    }

    /// Tells the sink that something cannot be sent, and why.
    ///
    /// # Errors
    ///
    /// [`ScpError::Misuse`] if something else is being sent.
    pub fn warn(&mut self, message: &str) -> Result<(), ScpError> {
        if !matches!(self.state, State::Ready) {
            return Err(ScpError::Misuse("something else is being sent"));
        }
        write_message(WARNING, message, self.output.tail());
        Ok(())
    }

    /// Tells the sink that nothing more will come, and why. Nothing can be sent afterwards.
    pub fn abort(&mut self, message: &str) {
        self.take_back();
        write_message(FATAL, message, self.output.tail());
        self.state = State::Failed(ScpError::Misuse("the transfer was ended"));
    }
}
