//! `scp -f`: what the client asks for is sent.

use crate::scp::path::{is_directory, is_file, join, last_component};
use crate::scp::wire::{CHUNK, Fault, Wire, told};
use konko_scp::{ScpCommand, ScpError, Source, SourceEvent, Times};
use konko_sftp::message::attributes::Attributes;
use konko_sftp::message::number::OpenFlags;
use konko_sftp::server::failure::Failure;
use konko_sftp::server::filesystem::Filesystem;

/// How many names are read at once.
const NAMES: usize = 256;

/// Sends what a client asks for.
pub(super) struct Sender<'f, S: Filesystem> {
    filesystem: &'f S,
    recursive: bool,
    preserve: bool,
    source: Source,
    /// Whether everything went well.
    is_good: bool,
}

/// A directory that is being sent.
struct Level<D> {
    path: Vec<u8>,
    directory: D,
    names: Vec<Vec<u8>>,
}

impl<'f, S: Filesystem> Sender<'f, S> {
    pub(super) fn new(filesystem: &'f S, command: &ScpCommand) -> Self {
        let ScpCommand { recursive, preserve, .. } = *command;
        Self { filesystem, recursive, preserve, source: Source::new(), is_good: true }
    }

    /// Sends to the end; whether everything was sent.
    pub(super) fn run(mut self, wire: &mut Wire, paths: &[Vec<u8>]) -> Result<bool, Fault> {
        self.event(wire)?;
        for path in paths {
            let path = if path.is_empty() { b"." } else { &path[..] };
            if let Some(level) = self.send(wire, path)? {
                self.send_tree(wire, level)?;
            }
        }
        self.flush(wire)?;
        Ok(self.is_good)
    }

    fn flush(&mut self, wire: &mut Wire) -> Result<(), Fault> {
        if !self.source.output().is_empty() {
            wire.write(self.source.output())?;
            self.source.consume_output(usize::MAX);
        }
        Ok(())
    }

    fn event(&mut self, wire: &mut Wire) -> Result<SourceEvent, Fault> {
        loop {
            self.flush(wire)?;
            if let Some(event) = self.source.poll()? {
                return Ok(event);
            }
            if !self.source.output().is_empty() {
                continue;
            }
            match wire.read()? {
                Some(bytes) => self.source.handle_input(bytes),
                None => self.source.handle_eof(),
            }
        }
    }

    fn warn(&mut self, path: &[u8], failure: &Failure) -> Result<(), Fault> {
        self.is_good = false;
        Ok(self.source.warn(&told(path, failure))?)
    }

    /// Sends a file, or begins a directory, which is then to be gone through.
    fn send(&mut self, wire: &mut Wire, path: &[u8]) -> Result<Option<Level<S::Directory>>, Fault> {
        let attributes = match self.filesystem.attributes(path) {
            Ok(attributes) => attributes,
            Err(failure) => {
                self.warn(path, &failure)?;
                return Ok(None);
            }
        };
        if is_directory(&attributes) {
            return self.begin_directory(wire, path, &attributes);
        }
        if !is_file(&attributes) {
            self.warn(path, &Failure::other("not a regular file"))?;
            return Ok(None);
        }
        self.send_file(wire, path)?;
        Ok(None)
    }

    fn times(&self, attributes: &Attributes) -> Option<Times> {
        let times = attributes.times.filter(|_| self.preserve)?;
        Some(Times {
            modified: times.modified.into(),
            modified_microseconds: 0,
            accessed: times.accessed.into(),
            accessed_microseconds: 0,
        })
    }

    fn begin_directory(
        &mut self,
        wire: &mut Wire,
        path: &[u8],
        attributes: &Attributes,
    ) -> Result<Option<Level<S::Directory>>, Fault> {
        if !self.recursive {
            self.warn(path, &Failure::other("not a regular file"))?;
            return Ok(None);
        }
        let directory = match self.filesystem.open_directory(path) {
            Ok(directory) => directory,
            Err(failure) => {
                self.warn(path, &failure)?;
                return Ok(None);
            }
        };
        let mode = attributes.permissions.unwrap_or(0o755);
        let announced = self.source.directory(last_component(path), mode, self.times(attributes));
        if !self.was_announced(path, announced)? {
            return Ok(None);
        }
        match self.event(wire)? {
            SourceEvent::Accepted => Ok(Some(Level { path: path.to_vec(), directory, names: Vec::new() })),
            _ => {
                self.is_good = false;
                Ok(None)
            }
        }
    }

    /// A name that the protocol cannot carry, or one too deep, concerns one file; all else is the end.
    fn was_announced(&mut self, path: &[u8], announced: Result<(), ScpError>) -> Result<bool, Fault> {
        match announced {
            Ok(()) => Ok(true),
            Err(error @ (ScpError::UnsendableName(_) | ScpError::TooDeep(_))) => {
                self.warn(path, &Failure::other(error.to_string()))?;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Sends all that is in a directory, without calling itself: how deep it goes is the client's limit and ours.
    fn send_tree(&mut self, wire: &mut Wire, root: Level<S::Directory>) -> Result<(), Fault> {
        let mut levels = vec![root];
        while let Some(level) = levels.last_mut() {
            let Some(name) = level.names.pop() else {
                match self.filesystem.read_directory(&level.directory, NAMES) {
                    Ok(entries) if !entries.is_empty() => {
                        let names = entries.into_iter().map(|entry| entry.name);
                        level.names = names.filter(|name| !matches!(&name[..], b"." | b"..")).collect();
                        continue;
                    }
                    Ok(_) => {}
                    Err(failure) => {
                        let path = level.path.clone();
                        self.warn(&path, &failure)?;
                    }
                }
                levels.pop();
                self.source.end_directory()?;
                self.event(wire)?;
                continue;
            };
            let path = join(&level.path, &name);
            levels.extend(self.send(wire, &path)?);
        }
        Ok(())
    }

    fn send_file(&mut self, wire: &mut Wire, path: &[u8]) -> Result<(), Fault> {
        let opened = self.filesystem.open(path, OpenFlags::READ, &Attributes::default());
        let opened = opened.and_then(|file| Ok((self.filesystem.file_attributes(&file)?, file)));
        let (attributes, file) = match opened {
            Ok(opened) => opened,
            Err(failure) => return self.warn(path, &failure),
        };
        let (size, mode) = (attributes.size.unwrap_or(0), attributes.permissions.unwrap_or(0o644));
        let announced = self.source.file(last_component(path), size, mode, self.times(&attributes));
        if !self.was_announced(path, announced)? {
            return Ok(());
        }
        if matches!(self.event(wire)?, SourceEvent::Refused(_)) {
            self.is_good = false;
            return Ok(());
        }
        let mut offset = 0;
        while self.source.remaining() > 0 {
            let read = self.filesystem.read_at(&file, offset, self.source.slot(CHUNK));
            let failure = match read {
                Ok(read) if read > 0 => {
                    self.source.commit(read);
                    offset += read as u64;
                    self.flush(wire)?;
                    continue;
                }
                Ok(_) => Failure::end(),
                Err(failure) => failure,
            };
            self.is_good = false;
            self.source.fail_file(&told(path, &failure));
            while self.source.pad() {
                self.flush(wire)?;
            }
        }
        if self.filesystem.close(&file).is_err() {
            tracing::debug!("a file that was sent cannot be closed");
        }
        self.is_good &= matches!(self.event(wire)?, SourceEvent::Complete(None));
        Ok(())
    }
}
