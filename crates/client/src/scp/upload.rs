//! An upload: local files are sent to the server's scp.

use crate::scp::options::ScpOptions;
use crate::scp::pace::Pace;
use crate::scp::progress::Meter;
use crate::scp::report::ScpReport;
use crate::scp::transfer::Fault;
use crate::scp::wire::{CHUNK, Wire};
use konko_filesystem::local_tree::{
    FileTimes, LocalEntry, LocalMetadata, LocalTreeError, LocalWalk, SkipReason, WalkItem, WalkOptions,
};
use konko_scp::text::printable;
use konko_scp::{ScpError, Source, SourceEvent, Times};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// What is sent in place of files: one stream of a size that is known.
pub(crate) struct Stream<'s> {
    pub(crate) name: &'s [u8],
    pub(crate) size: u64,
    pub(crate) mode: u32,
    pub(crate) times: Option<Times>,
    pub(crate) content: &'s mut dyn Read,
}

/// An upload under way.
pub(crate) struct Upload<'a> {
    options: &'a ScpOptions,
    source: Source,
    pace: Pace,
    report: ScpReport,
}

impl<'a> Upload<'a> {
    pub(crate) fn new(options: &'a ScpOptions) -> Self {
        Self { options, source: Source::new(), pace: Pace::new(options.limit), report: ScpReport::default() }
    }

    /// Sends files and directories to the end.
    pub(crate) fn run(mut self, wire: &mut dyn Wire, sources: &[PathBuf]) -> Result<ScpReport, Fault> {
        self.event(wire)?;
        for path in sources {
            self.send_path(wire, path)?;
        }
        self.finish(wire)
    }

    /// Sends one stream to the end.
    pub(crate) fn run_stream(mut self, wire: &mut dyn Wire, stream: Stream<'_>) -> Result<ScpReport, Fault> {
        self.event(wire)?;
        self.send_file(wire, Path::new("what is to be sent"), stream)?;
        self.finish(wire)
    }

    fn finish(mut self, wire: &mut dyn Wire) -> Result<ScpReport, Fault> {
        self.flush(wire)?;
        wire.end();
        while let Some(bytes) = wire.read()? {
            self.source.handle_input(bytes);
            self.source.poll()?;
        }
        Ok(self.report)
    }

    /// Sends what is to be sent. Where that fails, the sink may have said why.
    fn flush(&mut self, wire: &mut dyn Wire) -> Result<(), Fault> {
        if self.source.output().is_empty() {
            return Ok(());
        }
        let written = wire.write(self.source.output());
        self.source.consume_output(usize::MAX);
        let Err(error) = written else { return Ok(()) };
        while let Ok(Some(bytes)) = wire.read() {
            self.source.handle_input(bytes);
            self.source.poll()?;
        }
        Err(Fault::Cut(error))
    }

    /// What the sink says next.
    fn event(&mut self, wire: &mut dyn Wire) -> Result<SourceEvent, Fault> {
        loop {
            self.flush(wire)?;
            if let Some(event) = self.source.poll()? {
                return Ok(event);
            }
            // Times are answered without an event, and what follows them is to be sent.
            if !self.source.output().is_empty() {
                continue;
            }
            match wire.read()? {
                Some(bytes) => self.source.handle_input(bytes),
                None => self.source.handle_eof(),
            }
        }
    }

    fn fail(&mut self, path: &Path, reason: impl std::fmt::Display) {
        let shown = printable(path.as_os_str().as_bytes());
        self.report.fail(path, format!("{shown}: {reason}"));
    }

    fn send_path(&mut self, wire: &mut dyn Wire, path: &Path) -> Result<(), Fault> {
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => {
                self.fail(path, error);
                return Ok(());
            }
        };
        if metadata.is_dir() {
            if self.options.recursive {
                return self.send_tree(wire, path);
            }
            self.fail(path, "it is a directory, and they are sent only if that is asked for");
            return Ok(());
        }
        if !metadata.is_file() {
            self.fail(path, "it is not a regular file");
            return Ok(());
        }
        let (Some(name), opened) = (path.file_name(), File::open(path)) else {
            self.fail(path, "it has no name");
            return Ok(());
        };
        let opened = opened.and_then(|file| Ok((file.metadata()?, file)));
        match opened {
            // Of the file that is open, should another have taken its place.
            Ok((metadata, mut file)) => {
                let stream = Stream {
                    name: name.as_bytes(),
                    size: metadata.len(),
                    mode: metadata.mode(),
                    times: self.times(metadata.modified().ok(), metadata.accessed().ok()),
                    content: &mut file,
                };
                self.send_file(wire, path, stream)
            }
            Err(error) => {
                self.fail(path, error);
                Ok(())
            }
        }
    }

    fn times(&self, modified: Option<SystemTime>, accessed: Option<SystemTime>) -> Option<Times> {
        if !self.options.preserve {
            return None;
        }
        let (modified, modified_microseconds) = since_epoch(modified?);
        let (accessed, accessed_microseconds) = since_epoch(accessed?);
        Some(Times { modified, modified_microseconds, accessed, accessed_microseconds })
    }

    fn times_of(&self, FileTimes { accessed, modified }: FileTimes) -> Option<Times> {
        self.times(Some(modified), Some(accessed))
    }

    /// Sends a directory with all that is in it; of one that has no name of its own, only what is in it.
    fn send_tree(&mut self, wire: &mut dyn Wire, root: &Path) -> Result<(), Fault> {
        let walk = match LocalWalk::new(root, WalkOptions::default()) {
            Ok(walk) => walk,
            Err(error) => {
                self.report.fail(root, error.to_string());
                return Ok(());
            }
        };
        let named = match root.file_name() {
            Some(name) => {
                let root_metadata = *walk.root();
                if !self.begin_directory(wire, root, name.as_bytes(), &root_metadata)? {
                    return Ok(());
                }
                true
            }
            None => false,
        };
        // How deep in a directory that was not taken.
        let mut skipping = 0_usize;
        for item in walk {
            match item {
                Ok(WalkItem::Directory(_)) if skipping > 0 => skipping += 1,
                Ok(WalkItem::DirectoryEnd(_)) if skipping > 0 => skipping -= 1,
                _ if skipping > 0 => {}
                Ok(WalkItem::Directory(entry)) => {
                    if !self.begin_directory(wire, &entry.path, &entry.name, &entry.metadata)? {
                        skipping = 1;
                    }
                }
                Ok(WalkItem::DirectoryEnd(_)) => self.end_directory(wire)?,
                Ok(WalkItem::File(entry)) => self.send_entry(wire, &entry)?,
                Ok(WalkItem::Skipped(entry, SkipReason::Cycle)) => {
                    self.fail(&entry.path, "it leads to a directory above it");
                }
                Ok(WalkItem::Skipped(entry, _)) => self.fail(&entry.path, "it is not a regular file"),
                Ok(_) => {}
                Err(error) => self.report.fail(root, error.to_string()),
            }
        }
        if named { self.end_directory(wire) } else { Ok(()) }
    }

    /// Whether the sink took it.
    fn begin_directory(
        &mut self,
        wire: &mut dyn Wire,
        path: &Path,
        name: &[u8],
        metadata: &LocalMetadata,
    ) -> Result<bool, Fault> {
        let times = self.times_of(metadata.times);
        if let Err(error) = self.source.directory(name, metadata.mode, times) {
            return self.not_announced(path, error).map(|()| false);
        }
        match self.event(wire)? {
            SourceEvent::Refused(text) => {
                self.report.fail(path, text);
                Ok(false)
            }
            _ => Ok(true),
        }
    }

    fn end_directory(&mut self, wire: &mut dyn Wire) -> Result<(), Fault> {
        self.source.end_directory()?;
        if let SourceEvent::Complete(Some(text)) = self.event(wire)? {
            self.report.fail(PathBuf::new(), text);
        }
        Ok(())
    }

    fn send_entry(&mut self, wire: &mut dyn Wire, entry: &LocalEntry) -> Result<(), Fault> {
        let opened = entry.open().and_then(|file| {
            let operation = "cannot examine";
            let failed = |source| LocalTreeError::Io { operation, path: entry.path.clone(), source };
            Ok((file.metadata().map_err(failed)?.len(), file))
        });
        match opened {
            Ok((size, mut file)) => {
                let (mode, times) = (entry.metadata.mode, self.times_of(entry.metadata.times));
                let stream = Stream { name: &entry.name, size, mode, times, content: &mut file };
                self.send_file(wire, &entry.path, stream)
            }
            Err(error) => {
                self.report.fail(&entry.path, error.to_string());
                Ok(())
            }
        }
    }

    /// A name that the protocol cannot carry concerns one file; all else is the end.
    fn not_announced(&mut self, path: &Path, error: ScpError) -> Result<(), Fault> {
        match error {
            ScpError::UnsendableName(_) | ScpError::TooDeep(_) => {
                self.report.fail(path, error.to_string());
                Ok(())
            }
            error => Err(Fault::Protocol(error)),
        }
    }

    fn send_file(&mut self, wire: &mut dyn Wire, path: &Path, stream: Stream<'_>) -> Result<(), Fault> {
        let Stream { name, size, mode, times, content } = stream;
        if let Err(error) = self.source.file(name, size, mode, times) {
            return self.not_announced(path, error);
        }
        if let SourceEvent::Refused(text) = self.event(wire)? {
            self.report.fail(path, text);
            return Ok(());
        }
        let broken = self.send_content(wire, name, size, content)?;
        let warning = match self.event(wire)? {
            SourceEvent::Complete(warning) => warning,
            _ => None,
        };
        match (broken, warning) {
            (Some(reason), _) => self.fail(path, reason),
            (None, Some(text)) => self.report.fail(path, text),
            (None, None) => {
                self.report.files += 1;
                self.report.bytes += size;
            }
        }
        Ok(())
    }

    /// Sends what was announced; why it broke off, if it did.
    fn send_content(
        &mut self,
        wire: &mut dyn Wire,
        name: &[u8],
        size: u64,
        content: &mut dyn Read,
    ) -> Result<Option<String>, Fault> {
        let mut meter = Meter::new(self.options, name, size);
        let piece = self.pace.piece(CHUNK);
        let mut broken = None;
        while self.source.remaining() > 0 && broken.is_none() {
            let read = match content.read(self.source.slot(piece)) {
                Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it has become shorter")),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read,
            };
            match read {
                Ok(read) => {
                    self.source.commit(read);
                    self.flush(wire)?;
                    meter.pass(read as u64, &mut self.pace);
                }
                Err(error) => {
                    self.source.fail_file(&format!("{}: {error}", printable(name)));
                    while self.source.pad() {
                        self.flush(wire)?;
                    }
                    broken = Some(error.to_string());
                }
            }
        }
        Ok(broken)
    }
}

/// What was before 1970 is told as 1970.
fn since_epoch(time: SystemTime) -> (u64, u32) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_secs(), since.subsec_micros())
}
