//! A download: what the server's scp sends is written.

use crate::scp::options::ScpOptions;
use crate::scp::pace::Pace;
use crate::scp::progress::Meter;
use crate::scp::report::ScpReport;
use crate::scp::target::Target;
use crate::scp::transfer::Fault;
use crate::scp::wire::Wire;
use bytes::Bytes;
use konko_filesystem::local_tree::{
    AtName, Attributes, FileOptions, FileTimes, LocalDirectory, LocalTreeError, NewFile, Placement,
};
use konko_scp::{Entry, Expected, Sink, SinkEvent, SinkOptions, Times};
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the content of the file that comes goes.
enum Destination {
    File(NewFile),
    Stream,
    /// It could not be written, for this reason.
    Nowhere(String),
}

struct Current<'a> {
    entry: Entry,
    destination: Destination,
    meter: Meter<'a>,
}

/// A download under way.
pub(crate) struct Download<'a, 't> {
    options: &'a ScpOptions,
    target: Target<'t>,
    sink: Sink,
    /// The directories that the source is in, with what they are to be like.
    directories: Vec<(LocalDirectory, Attributes)>,
    current: Option<Current<'a>>,
    pace: Pace,
    report: ScpReport,
    /// How many things have come.
    seen: u64,
}

impl<'a, 't> Download<'a, 't> {
    pub(crate) fn new(options: &'a ScpOptions, expected: Expected, target: Target<'t>) -> Self {
        let mut sink = SinkOptions::new(expected);
        sink.recursive = options.recursive;
        sink.preserve = options.preserve;
        Self {
            options,
            target,
            sink: Sink::new(sink),
            directories: Vec::new(),
            current: None,
            pace: Pace::new(options.limit),
            report: ScpReport::default(),
            seen: 0,
        }
    }

    /// Receives to the end.
    pub(crate) fn run(mut self, wire: &mut dyn Wire) -> Result<ScpReport, Fault> {
        let result = self.receive(wire);
        if result.is_err() && !self.sink.output().is_empty() {
            // Why; a server that is gone does not hear it.
            if let Err(error) = wire.write(self.sink.output()) {
                tracing::debug!(%error, "the server is not told why the transfer ends");
            }
        }
        result?;
        if self.seen == 0 && self.report.failed == 0 {
            return Err(Fault::Protocol(konko_scp::ScpError::PrematureEof("the beginning")));
        }
        Ok(self.report)
    }

    fn receive(&mut self, wire: &mut dyn Wire) -> Result<(), Fault> {
        // A server may have said all, and be gone without hearing the answers.
        let mut gone = None;
        loop {
            while let Some(event) = self.sink.poll()? {
                if matches!(event, SinkEvent::End) {
                    return Ok(());
                }
                self.handle(event)?;
            }
            if !self.sink.output().is_empty() {
                if gone.is_none() {
                    gone = wire.write(self.sink.output()).err();
                }
                self.sink.consume_output(usize::MAX);
            }
            match (wire.read(), &mut gone) {
                (Ok(Some(bytes)), _) => self.sink.handle_input(bytes),
                (Ok(None), _) => self.sink.handle_eof(),
                (Err(error), gone) => return Err(Fault::Cut(gone.take().unwrap_or(error))),
            }
        }
    }

    fn handle(&mut self, event: SinkEvent) -> Result<(), Fault> {
        match event {
            SinkEvent::File(entry) => self.begin_file(entry)?,
            SinkEvent::Directory(entry) => self.begin_directory(&entry)?,
            SinkEvent::Data(data) => self.data(&data),
            SinkEvent::FileEnd(warning) => self.end_file(warning)?,
            SinkEvent::DirectoryEnd => {
                if let Some((directory, attributes)) = self.directories.pop()
                    && let Err(error) = directory.set_attributes(&attributes)
                {
                    self.report.fail(directory.path(), error.to_string());
                }
            }
            SinkEvent::Warning(text) => self.report.fail(PathBuf::new(), text),
            _ => {}
        }
        Ok(())
    }

    /// Where something of this name goes.
    fn place(&self, name: &[u8]) -> Place {
        match (self.directories.last(), &self.target) {
            (Some((directory, _)), _) => Place::Name(directory.clone(), name.to_vec(), AtName::Refuse),
            (None, Target::Into(directory)) => Place::Name(directory.clone(), name.to_vec(), AtName::Refuse),
            (None, Target::As(directory, own)) => Place::Name(directory.clone(), own.clone(), AtName::Follow),
            (None, Target::Stream(_)) => Place::Stream,
        }
    }

    fn begin_file(&mut self, entry: Entry) -> Result<(), Fault> {
        self.seen += 1;
        let placement = if self.options.atomic { Placement::Atomic } else { Placement::InPlace };
        let (mode, sync) = (entry.mode, self.options.sync);
        let begun = match self.place(&entry.name) {
            Place::Name(directory, name, at_name) => {
                let options = FileOptions { mode, placement, sync, at_name, ..FileOptions::default() };
                directory.create_file(&name, &options).map(Destination::File)
            }
            Place::Stream => Ok(Destination::Stream),
        };
        match begun {
            Ok(destination) => {
                self.sink.accept()?;
                let meter = Meter::new(self.options, &entry.name, entry.size);
                self.current = Some(Current { entry, destination, meter });
            }
            Err(error) => self.refuse(&entry.name, &error)?,
        }
        Ok(())
    }

    fn begin_directory(&mut self, entry: &Entry) -> Result<(), Fault> {
        self.seen += 1;
        let made = match self.place(&entry.name) {
            Place::Name(directory, name, _) => directory.create_directory(&name, entry.mode),
            Place::Stream => {
                let path = PathBuf::from(OsStr::from_bytes(&entry.name));
                Err(LocalTreeError::NotFile { path })
            }
        };
        match made {
            Ok(directory) => {
                self.directories.push((directory, self.attributes(entry)));
                self.sink.accept()?;
            }
            Err(error) => self.refuse(&entry.name, &error)?,
        }
        Ok(())
    }

    fn refuse(&mut self, name: &[u8], error: &LocalTreeError) -> Result<(), Fault> {
        let text = error.to_string();
        self.sink.refuse(&text)?;
        self.report.fail(PathBuf::from(OsStr::from_bytes(name)), text);
        Ok(())
    }

    fn data(&mut self, data: &Bytes) {
        let Some(current) = &mut self.current else { return };
        let written = match (&mut current.destination, &mut self.target) {
            (Destination::File(file), _) => (&**file.file()).write_all(data),
            (Destination::Stream, Target::Stream(stream)) => stream.write_all(data),
            (Destination::Stream | Destination::Nowhere(_), _) => Ok(()),
        };
        if let Err(error) = written {
            current.destination = Destination::Nowhere(format!("cannot be written: {error}"));
        }
        current.meter.pass(data.len() as u64, &mut self.pace);
    }

    fn end_file(&mut self, warning: Option<String>) -> Result<(), Fault> {
        let Some(Current { entry, destination, meter }) = self.current.take() else { return Ok(()) };
        drop(meter);
        let path = PathBuf::from(OsStr::from_bytes(&entry.name));
        if let Some(warning) = warning {
            // What has come is not what the file holds.
            self.report.fail(path, warning);
            self.sink.finish()?;
            return Ok(());
        }
        let ended = match destination {
            Destination::File(file) => {
                file.commit(&self.attributes(&entry)).map_err(|error| error.to_string())
            }
            Destination::Stream => Ok(()),
            Destination::Nowhere(reason) => {
                Err(format!("{}: {reason}", konko_scp::text::printable(&entry.name)))
            }
        };
        match ended {
            Ok(()) => {
                self.report.files += 1;
                self.report.bytes += entry.size;
                self.sink.finish()?;
            }
            Err(reason) => {
                self.sink.finish_with_warning(&reason)?;
                self.report.fail(path, reason);
            }
        }
        Ok(())
    }

    fn attributes(&self, entry: &Entry) -> Attributes {
        let mut attributes = Attributes::default();
        if self.options.preserve {
            attributes.mode = Some(entry.mode);
            attributes.special_bits = self.options.special_bits;
            attributes.times = entry.times.map(file_times);
        }
        attributes
    }
}

enum Place {
    Name(LocalDirectory, Vec<u8>, AtName),
    Stream,
}

fn file_times(times: Times) -> FileTimes {
    FileTimes {
        accessed: time(times.accessed, times.accessed_microseconds),
        modified: time(times.modified, times.modified_microseconds),
    }
}

fn time(seconds: u64, microseconds: u32) -> SystemTime {
    let since = Duration::from_secs(seconds) + Duration::from_micros(u64::from(microseconds));
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}
