//! From one server to another: what the one sends is checked, and sent on as it comes.

use crate::scp::options::ScpOptions;
use crate::scp::pace::Pace;
use crate::scp::progress::Meter;
use crate::scp::report::ScpReport;
use crate::scp::transfer::Fault;
use crate::scp::wire::Wire;
use bytes::Bytes;
use konko_scp::{Entry, Expected, ScpError, Sink, SinkEvent, SinkOptions, Source, SourceEvent};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The file that is sent on.
struct Current<'a> {
    entry: Entry,
    /// What came last. It waits: only after it does the sender say whether all was as it should be.
    held: Bytes,
    meter: Meter<'a>,
}

/// A copy between two servers under way.
pub(crate) struct Relay<'a> {
    options: &'a ScpOptions,
    sink: Sink,
    source: Source,
    current: Option<Current<'a>>,
    pace: Pace,
    report: ScpReport,
    /// How many things have come.
    seen: u64,
}

impl<'a> Relay<'a> {
    pub(crate) fn new(options: &'a ScpOptions, expected: Expected) -> Self {
        let mut sink = SinkOptions::new(expected);
        sink.recursive = options.recursive;
        sink.preserve = options.preserve;
        Self {
            options,
            sink: Sink::new(sink),
            source: Source::new(),
            current: None,
            pace: Pace::new(options.limit),
            report: ScpReport::default(),
            seen: 0,
        }
    }

    /// Copies to the end.
    pub(crate) fn run(mut self, from: &mut dyn Wire, to: &mut dyn Wire) -> Result<ScpReport, Fault> {
        self.answer(to)?;
        let carried = self.carry(from, to);
        if carried.is_err() {
            // Why, to whoever still listens.
            let told = [from.write(self.sink.output()), to.write(self.source.output())];
            for error in told.into_iter().filter_map(Result::err) {
                tracing::debug!(%error, "a server is not told why the transfer ends");
            }
        }
        carried?;
        if self.seen == 0 && self.report.failed == 0 {
            return Err(Fault::Protocol(ScpError::PrematureEof("the beginning")));
        }
        Ok(self.report)
    }

    fn carry(&mut self, from: &mut dyn Wire, to: &mut dyn Wire) -> Result<(), Fault> {
        loop {
            while let Some(event) = self.sink.poll()? {
                if matches!(event, SinkEvent::End) {
                    to.end();
                    while to.read()?.is_some() {}
                    return Ok(());
                }
                self.handle(event, to)?;
            }
            if !self.sink.output().is_empty() {
                from.write(self.sink.output())?;
                self.sink.consume_output(usize::MAX);
            }
            match from.read()? {
                Some(bytes) => self.sink.handle_input(bytes),
                None => self.sink.handle_eof(),
            }
        }
    }

    fn flush(&mut self, to: &mut dyn Wire) -> Result<(), Fault> {
        if !self.source.output().is_empty() {
            to.write(self.source.output())?;
            self.source.consume_output(usize::MAX);
        }
        Ok(())
    }

    /// What the receiver says next.
    fn answer(&mut self, to: &mut dyn Wire) -> Result<SourceEvent, Fault> {
        loop {
            self.flush(to)?;
            if let Some(event) = self.source.poll()? {
                return Ok(event);
            }
            // Times are answered without an event, and what follows them is to be sent.
            if !self.source.output().is_empty() {
                continue;
            }
            match to.read()? {
                Some(bytes) => self.source.handle_input(bytes),
                None => self.source.handle_eof(),
            }
        }
    }

    fn fail(&mut self, name: &[u8], reason: String) {
        self.report.fail(PathBuf::from(OsStr::from_bytes(name)), reason);
    }

    fn handle(&mut self, event: SinkEvent, to: &mut dyn Wire) -> Result<(), Fault> {
        match event {
            SinkEvent::File(entry) => {
                self.seen += 1;
                let announced = self.source.file(&entry.name, entry.size, entry.mode, entry.times);
                if self.is_taken(&entry, announced, to)? {
                    let meter = Meter::new(self.options, &entry.name, entry.size);
                    self.current = Some(Current { entry, held: Bytes::new(), meter });
                }
            }
            SinkEvent::Directory(entry) => {
                self.seen += 1;
                let announced = self.source.directory(&entry.name, entry.mode, entry.times);
                self.is_taken(&entry, announced, to)?;
            }
            SinkEvent::Data(data) => self.data(data, to)?,
            SinkEvent::FileEnd(warning) => self.end_file(warning, to)?,
            SinkEvent::DirectoryEnd => {
                self.source.end_directory()?;
                if let SourceEvent::Complete(Some(text)) = self.answer(to)? {
                    self.fail(b"", text);
                }
            }
            SinkEvent::Warning(text) => self.fail(b"", text),
            _ => {}
        }
        Ok(())
    }

    /// Whether the receiver takes what was announced; the sender is told.
    fn is_taken(
        &mut self,
        entry: &Entry,
        announced: Result<(), ScpError>,
        to: &mut dyn Wire,
    ) -> Result<bool, Fault> {
        announced?;
        if let SourceEvent::Refused(text) = self.answer(to)? {
            self.sink.refuse(&text)?;
            self.fail(&entry.name, text);
            return Ok(false);
        }
        self.sink.accept()?;
        Ok(true)
    }

    /// Sends on what was held, and holds what has come.
    fn data(&mut self, data: Bytes, to: &mut dyn Wire) -> Result<(), Fault> {
        let Some(current) = &mut self.current else { return Ok(()) };
        let passed = data.len() as u64;
        let held = std::mem::replace(&mut current.held, data);
        current.meter.pass(passed, &mut self.pace);
        self.send(&held, to)
    }

    fn send(&mut self, data: &[u8], to: &mut dyn Wire) -> Result<(), Fault> {
        self.flush(to)?;
        to.write(data)?;
        self.source.count_sent(data.len() as u64);
        self.flush(to)
    }

    fn end_file(&mut self, warning: Option<String>, to: &mut dyn Wire) -> Result<(), Fault> {
        let Some(Current { entry, held, meter }) = self.current.take() else { return Ok(()) };
        drop(meter);
        match &warning {
            None => self.send(&held, to)?,
            Some(text) => {
                self.source.fail_file(text);
                while self.source.pad() {
                    self.flush(to)?;
                }
            }
        }
        let answered = match self.answer(to)? {
            SourceEvent::Complete(text) => text,
            _ => None,
        };
        match warning.or(answered) {
            None => {
                self.report.files += 1;
                self.report.bytes += entry.size;
                self.sink.finish()?;
            }
            Some(text) => {
                self.sink.finish_with_warning(&text)?;
                self.fail(&entry.name, text);
            }
        }
        Ok(())
    }
}
