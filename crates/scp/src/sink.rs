//! The half that receives files.

use crate::error::ScpError;
use crate::expected::Expected;
use crate::line::Input;
use crate::record::{MAXIMUM_DEPTH, PERMISSION_BITS, Record, Times};
use crate::status::{FATAL, OK, Status, StatusReader, WARNING, write_message};
use crate::text::printable;
use bytes::Bytes;
use konko_sansio::OutputBuffer;

/// What a sink takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkOptions {
    /// The names that are taken at the top.
    pub expected: Expected,
    /// Whether directories are taken; not by default.
    pub recursive: bool,
    /// Whether times, and the special bits of modes, are told; not by default.
    pub preserve: bool,
    /// How deep directories may be nested; 64 by default, and at most.
    pub maximum_depth: usize,
}

impl SinkOptions {
    /// A sink of files of these names, without directories and times.
    pub fn new(expected: Expected) -> Self {
        Self { expected, recursive: false, preserve: false, maximum_depth: MAXIMUM_DEPTH }
    }
}

/// A file or directory that the source has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name: one component, checked.
    pub name: Vec<u8>,
    /// Its mode; without special bits, unless attributes are preserved.
    pub mode: u32,
    /// Its size in bytes; 0 for a directory.
    pub size: u64,
    /// Its times, if attributes are preserved and the source tells them.
    pub times: Option<Times>,
}

/// What the source sends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SinkEvent {
    /// A file, to [accept](Sink::accept) or [refuse](Sink::refuse).
    File(Entry),
    /// A directory, to [accept](Sink::accept) or [refuse](Sink::refuse). What follows is in it, if it is accepted.
    Directory(Entry),
    /// A piece of the file that was accepted.
    Data(Bytes),
    /// All of the file has come, to [finish](Sink::finish) or to [finish with a warning](Sink::finish_with_warning).
    /// A warning of the source here says that its content is not what it should be.
    FileEnd(Option<String>),
    /// The last directory that was accepted and has not ended, ends.
    DirectoryEnd,
    /// The source could not send something.
    Warning(String),
    /// Nothing more will come.
    End,
}

#[derive(Debug)]
enum State {
    /// A record is to come.
    Record,
    /// The application is asked about a file of this size, or about a directory.
    Asked(Option<u64>),
    Data(u64),
    /// The source is to say how the file ended.
    Trailer,
    /// The application is to say how it ended.
    Received,
    Ended,
    Failed(ScpError),
}

/// Receives files and directories, one after the other.
///
/// Take every event of [`poll`](Self::poll), answer those that ask, and send [`output`](Self::output) after every
/// call.
#[derive(Debug)]
pub struct Sink {
    options: SinkOptions,
    input: Input,
    output: OutputBuffer,
    status: StatusReader,
    state: State,
    times: Option<Times>,
    depth: usize,
}

impl Sink {
    /// A sink that tells its source to begin.
    pub fn new(mut options: SinkOptions) -> Self {
        options.maximum_depth = options.maximum_depth.min(MAXIMUM_DEPTH);
        let mut output = OutputBuffer::default();
        output.tail().push(OK);
        Self {
            options,
            input: Input::default(),
            output,
            status: StatusReader::default(),
            state: State::Record,
            times: None,
            depth: 0,
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
        self.output.pending()
    }

    /// Removes `sent` bytes from the front of [`output`](Self::output).
    pub fn consume_output(&mut self, sent: usize) {
        self.output.consume(sent);
    }

    /// How deep in directories the source is.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The next event, if one has arrived and the last question is answered.
    ///
    /// # Errors
    ///
    /// [`ScpError`] if the transfer cannot go on; then every later call gives the same, and the last output tells
    /// the source why. A file that was not [finished](SinkEvent::FileEnd) is incomplete.
    pub fn poll(&mut self) -> Result<Option<SinkEvent>, ScpError> {
        let result = self.advance();
        if let Err(error) = &result {
            let is_first = !matches!(self.state, State::Failed(_));
            let is_told = !matches!(error, ScpError::Remote(_) | ScpError::PrematureEof(_));
            if is_first && is_told {
                write_message(FATAL, &format!("scp: {error}"), self.output.tail());
            }
            self.state = State::Failed(error.clone());
        }
        result
    }

    fn advance(&mut self) -> Result<Option<SinkEvent>, ScpError> {
        loop {
            match &mut self.state {
                State::Failed(error) => return Err(error.clone()),
                State::Asked(_) | State::Received | State::Ended => return Ok(None),
                State::Data(remaining) => {
                    let Some(data) = self.input.data(*remaining) else {
                        return self.nothing("a file");
                    };
                    *remaining -= data.len() as u64;
                    if *remaining == 0 {
                        self.state = State::Trailer;
                    }
                    return Ok(Some(SinkEvent::Data(data)));
                }
                State::Trailer => {
                    let Some(status) = self.status.read(&mut self.input)? else {
                        return self.nothing("the end of a file");
                    };
                    self.state = State::Received;
                    return Ok(Some(SinkEvent::FileEnd(match status {
                        Status::Ok => None,
                        Status::Warning(text) => Some(text),
                    })));
                }
                State::Record => match self.record()? {
                    Some(event) => return Ok(Some(event)),
                    None if self.input.is_empty() => return self.end(),
                    None => {}
                },
            }
        }
    }

    /// There is no input; more may come, or the middle of something was the end.
    fn nothing(&self, place: &'static str) -> Result<Option<SinkEvent>, ScpError> {
        if self.input.ended { Err(ScpError::PrematureEof(place)) } else { Ok(None) }
    }

    /// There is no input where a record may begin.
    fn end(&mut self) -> Result<Option<SinkEvent>, ScpError> {
        if !self.input.ended {
            return Ok(None);
        }
        match self.input.unfinished() {
            [] if self.depth > 0 => Err(ScpError::PrematureEof("a directory")),
            [] if self.times.is_some() => Err(ScpError::PrematureEof("what is told of a file")),
            [] => {
                self.state = State::Ended;
                Ok(Some(SinkEvent::End))
            }
            [FATAL, text @ ..] => Err(ScpError::Remote(printable(text))),
            [b'C' | b'D' | b'T' | b'E' | WARNING, ..] => Err(ScpError::PrematureEof("a line")),
            text => Err(ScpError::NotProtocol(printable(text))),
        }
    }

    /// Reads one record, if a whole one is there; it may be one without an event.
    fn record(&mut self) -> Result<Option<SinkEvent>, ScpError> {
        let Some(line) = self.input.line()? else { return Ok(None) };
        match line.as_slice() {
            [WARNING, text @ ..] => {
                // What was told of the file goes with it.
                self.times = None;
                return Ok(Some(SinkEvent::Warning(printable(text))));
            }
            [FATAL, text @ ..] => return Err(ScpError::Remote(printable(text))),
            _ => {}
        }
        match Record::parse(&line)? {
            Record::Times(times) => {
                if self.times.replace(times).is_some() {
                    return Err(ScpError::Protocol("times twice"));
                }
                self.output.tail().push(OK);
                Ok(None)
            }
            Record::End => {
                if self.times.is_some() {
                    return Err(ScpError::Protocol("times of nothing"));
                }
                self.depth =
                    self.depth.checked_sub(1).ok_or(ScpError::Protocol("the end of no directory"))?;
                self.output.tail().push(OK);
                Ok(Some(SinkEvent::DirectoryEnd))
            }
            Record::File { mode, size, name } => {
                let entry = self.entry(name, mode, size)?;
                self.state = State::Asked(Some(size));
                Ok(Some(SinkEvent::File(entry)))
            }
            Record::Directory { mode, name } => {
                if !self.options.recursive {
                    return Err(ScpError::Directory(printable(&name)));
                }
                if self.depth >= self.options.maximum_depth {
                    return Err(ScpError::TooDeep(self.options.maximum_depth));
                }
                let entry = self.entry(name, mode, 0)?;
                self.state = State::Asked(None);
                Ok(Some(SinkEvent::Directory(entry)))
            }
        }
    }

    fn entry(&mut self, name: Vec<u8>, mode: u32, size: u64) -> Result<Entry, ScpError> {
        if self.depth == 0 {
            self.options.expected.take(&name)?;
        }
        let times = self.times.take();
        if self.options.preserve {
            Ok(Entry { name, mode, size, times })
        } else {
            Ok(Entry { name, mode: mode & PERMISSION_BITS, size, times: None })
        }
    }

    /// Takes the file or directory that was asked about.
    ///
    /// # Errors
    ///
    /// [`ScpError::Misuse`] if nothing was.
    pub fn accept(&mut self) -> Result<(), ScpError> {
        self.state = match self.state {
            State::Asked(Some(0)) => State::Trailer,
            State::Asked(Some(size)) => State::Data(size),
            State::Asked(None) => {
                self.depth += 1;
                State::Record
            }
            _ => return Err(ScpError::Misuse("nothing was asked")),
        };
        self.output.tail().push(OK);
        Ok(())
    }

    /// Refuses the file or directory that was asked about, with all that is in it. The source goes on with what
    /// comes next.
    ///
    /// # Errors
    ///
    /// [`ScpError::Misuse`] if nothing was asked.
    pub fn refuse(&mut self, message: &str) -> Result<(), ScpError> {
        if !matches!(self.state, State::Asked(_)) {
            return Err(ScpError::Misuse("nothing was asked"));
        }
        self.state = State::Record;
        write_message(WARNING, message, self.output.tail());
        Ok(())
    }

    /// Tells the source that the file is written.
    ///
    /// # Errors
    ///
    /// [`ScpError::Misuse`] if no file has come to its end.
    pub fn finish(&mut self) -> Result<(), ScpError> {
        self.finished()?;
        self.output.tail().push(OK);
        Ok(())
    }

    /// Tells the source that the file was received, but is not written as it should be.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn finish_with_warning(&mut self, message: &str) -> Result<(), ScpError> {
        self.finished()?;
        write_message(WARNING, message, self.output.tail());
        Ok(())
    }

    fn finished(&mut self) -> Result<(), ScpError> {
        if !matches!(self.state, State::Received) {
            return Err(ScpError::Misuse("no file has come to its end"));
        }
        self.state = State::Record;
        Ok(())
    }

    /// Tells the source that nothing more is taken, and why.
    pub fn abort(&mut self, message: &str) {
        write_message(FATAL, message, self.output.tail());
        self.state = State::Failed(ScpError::Misuse("the transfer was ended"));
    }
}
