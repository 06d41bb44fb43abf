//! `scp -t`: what the client sends is written.

use crate::scp::path::{is_directory, join};
use crate::scp::wire::{Fault, Wire, told};
use bytes::Bytes;
use konko_scp::{Entry, Expected, ScpCommand, Sink, SinkEvent, SinkOptions};
use konko_sftp::message::attributes::{Attributes, Times};
use konko_sftp::message::number::{OpenFlags, StatusCode};
use konko_sftp::server::failure::Failure;
use konko_sftp::server::filesystem::Filesystem;

/// Read, write and search for the owner.
const OWNER: u32 = 0o700;

/// The file that comes.
struct Current<F> {
    path: Vec<u8>,
    entry: Entry,
    file: F,
    offset: u64,
    failure: Option<Failure>,
}

/// A directory that the client is in.
struct Folder {
    path: Vec<u8>,
    /// What it is given when all is in it; `None` if it was there before.
    attributes: Option<Attributes>,
}

/// Receives what a client sends.
pub(super) struct Receiver<'f, S: Filesystem> {
    filesystem: &'f S,
    preserve: bool,
    target: Vec<u8>,
    target_is_directory: bool,
    /// Whether the one name that is no directory is taken.
    is_taken: bool,
    sink: Sink,
    folders: Vec<Folder>,
    current: Option<Current<S::File>>,
    /// Whether everything went well.
    is_good: bool,
}

impl<'f, S: Filesystem> Receiver<'f, S> {
    pub(super) fn new(filesystem: &'f S, command: &ScpCommand) -> Self {
        let target = match command.paths.first() {
            Some(path) if !path.is_empty() => path.clone(),
            _ => b".".to_vec(),
        };
        let found = filesystem.attributes(&target);
        let mut options = SinkOptions::new(Expected::Any);
        options.recursive = command.recursive;
        options.preserve = command.preserve;
        Self {
            filesystem,
            preserve: command.preserve,
            target_is_directory: found.is_ok_and(|found| is_directory(&found)),
            target,
            is_taken: false,
            sink: Sink::new(options),
            folders: Vec::new(),
            current: None,
            is_good: true,
        }
    }

    /// Receives to the end; whether everything is there.
    pub(super) fn run(mut self, wire: &mut Wire, must_be_directory: bool) -> Result<bool, Fault> {
        let must_be_directory = must_be_directory || self.target.ends_with(b"/");
        if must_be_directory && !self.target_is_directory && !self.may_be_made() {
            let failure = Failure::new(StatusCode::NO_SUCH_FILE, "Not a directory");
            let message = told(&self.target, &failure);
            self.sink.abort(&message);
            wire.write(self.sink.output().get(1..).unwrap_or_default())?;
            return Err(Fault::Target(message));
        }
        let received = self.receive(wire);
        if received.is_err() {
            // A client that is gone does not hear it.
            drop(wire.write(self.sink.output()));
        }
        received.map(|()| self.is_good)
    }

    /// Whether the target may become a directory by what comes.
    fn may_be_made(&self) -> bool {
        self.target.ends_with(b"/") && self.filesystem.attributes(&self.target).is_err()
    }

    fn receive(&mut self, wire: &mut Wire) -> Result<(), Fault> {
        loop {
            while let Some(event) = self.sink.poll()? {
                if matches!(event, SinkEvent::End) {
                    return Ok(());
                }
                self.handle(event)?;
            }
            if !self.sink.output().is_empty() {
                wire.write(self.sink.output())?;
                self.sink.consume_output(usize::MAX);
            }
            match wire.read()? {
                Some(bytes) => self.sink.handle_input(bytes),
                None => self.sink.handle_eof(),
            }
        }
    }

    fn handle(&mut self, event: SinkEvent) -> Result<(), Fault> {
        match event {
            SinkEvent::File(entry) => self.begin_file(entry)?,
            SinkEvent::Directory(entry) => self.begin_directory(&entry)?,
            SinkEvent::Data(data) => self.data(data),
            SinkEvent::FileEnd(warning) => self.end_file(warning.is_some())?,
            SinkEvent::DirectoryEnd => self.end_directory(),
            SinkEvent::Warning(_) => self.is_good = false,
            _ => {}
        }
        Ok(())
    }

    /// Where something of this name goes; `None` if there is no place for it.
    fn place(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        match self.folders.last() {
            Some(folder) => Some(join(&folder.path, name)),
            None if self.target_is_directory => Some(join(&self.target, name)),
            None if self.is_taken => None,
            None => {
                self.is_taken = true;
                Some(self.target.clone())
            }
        }
    }

    fn refuse(&mut self, path: &[u8], failure: &Failure) -> Result<(), Fault> {
        self.is_good = false;
        Ok(self.sink.refuse(&told(path, failure))?)
    }

    fn begin_file(&mut self, entry: Entry) -> Result<(), Fault> {
        let Some(path) = self.place(&entry.name) else {
            return self.refuse(&entry.name, &Failure::other("the target is no directory"));
        };
        let flags = OpenFlags::WRITE | OpenFlags::CREAT | OpenFlags::TRUNC;
        match self.filesystem.open(&path, flags, &Attributes::with_permissions(entry.mode & 0o777)) {
            Ok(file) => {
                self.current = Some(Current { path, entry, file, offset: 0, failure: None });
                self.sink.accept()?;
            }
            Err(failure) => self.refuse(&path, &failure)?,
        }
        Ok(())
    }

    fn begin_directory(&mut self, entry: &Entry) -> Result<(), Fault> {
        let Some(path) = self.place(&entry.name) else {
            return self.refuse(&entry.name, &Failure::other("the target is no directory"));
        };
        let made = match self.filesystem.attributes(&path) {
            Ok(found) if is_directory(&found) => Ok(None),
            Ok(_) => Err(Failure::other("Not a directory")),
            Err(_) => {
                let while_written = Attributes::with_permissions(entry.mode & 0o777 | OWNER);
                self.filesystem.create_directory(&path, &while_written).map(|()| Some(self.wanted(entry)))
            }
        };
        match made {
            Ok(attributes) => {
                self.folders.push(Folder { path, attributes });
                self.sink.accept()?;
            }
            Err(failure) => self.refuse(&path, &failure)?,
        }
        Ok(())
    }

    /// What is set at the end.
    fn wanted(&self, entry: &Entry) -> Attributes {
        let mut wanted = Attributes::default();
        if self.preserve {
            wanted.permissions = Some(entry.mode);
            wanted.times = entry.times.map(|times| Times {
                accessed: u32::try_from(times.accessed).unwrap_or(u32::MAX),
                modified: u32::try_from(times.modified).unwrap_or(u32::MAX),
            });
        }
        wanted
    }

    fn end_directory(&mut self) {
        let Some(Folder { path, attributes: Some(attributes) }) = self.folders.pop() else { return };
        if attributes != Attributes::default() {
            self.is_good &= self.filesystem.set_attributes(&path, &attributes).is_ok();
        }
    }

    fn data(&mut self, data: Bytes) {
        let Some(current) = &mut self.current else { return };
        if current.failure.is_some() {
            return;
        }
        let length = data.len() as u64;
        match self.filesystem.write_at(&current.file, current.offset, &[data]) {
            Ok(()) => current.offset += length,
            Err(failure) => current.failure = Some(failure),
        }
    }

    fn end_file(&mut self, is_broken: bool) -> Result<(), Fault> {
        let Some(Current { path, entry, file, failure, .. }) = self.current.take() else { return Ok(()) };
        let wanted = self.wanted(&entry);
        let set = match failure {
            Some(failure) => Err(failure),
            None if wanted != Attributes::default() => self.filesystem.set_file_attributes(&file, &wanted),
            None => Ok(()),
        };
        let closed = self.filesystem.close(&file);
        self.is_good &= !is_broken;
        match set.and(closed) {
            Ok(()) => self.sink.finish()?,
            Err(failure) => {
                self.is_good = false;
                self.sink.finish_with_warning(&told(&path, &failure))?;
            }
        }
        Ok(())
    }
}
