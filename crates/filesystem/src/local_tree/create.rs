//! How files and symbolic links come into a directory.

use crate::local_tree::attributes::{LocalKind, LocalMetadata, PERMISSION_BITS};
use crate::local_tree::directory::LocalDirectory;
use crate::local_tree::error::LocalTreeError;
use crate::local_tree::new_file::{NewFile, partial_name, permissions_of, temporary_name};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::sync::Arc;

/// How a file comes to its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// It is written under another name in the same directory and renamed when it is whole: at any moment either
    /// the old file is there or the new one.
    #[default]
    Atomic,
    /// It is written where it stands, as OpenSSH's scp and sftp do it. A failed transfer leaves a part of it.
    InPlace,
}

/// What is done about a symbolic link, device, socket or pipe that stands where a file is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AtName {
    /// It is an error.
    #[default]
    Refuse,
    /// A link gives way to the file, with [`Placement::Atomic`]; all else is an error.
    ReplaceLink,
    /// Links are followed and devices written to: for a name that the user chose, and never for one that another
    /// machine chose.
    Follow,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileOptions {
    /// The mode of a new file, subject to the umask and without special bits. A file that is replaced keeps the one
    /// it has. 0o666 by default.
    pub mode: u32,
    /// How it comes to its name; atomic by default.
    pub placement: Placement,
    /// Whether what an earlier transfer left is gone on with: with [`Placement::Atomic`] the kept part, with
    /// [`Placement::InPlace`] the file itself. Not by default.
    pub resume: bool,
    /// Whether a part is kept to be resumed, if the file is not committed. Not by default.
    pub keep_partial: bool,
    /// Whether committing waits for the disk. Not by default.
    pub sync: bool,
    /// What is done about symbolic links and devices; refused by default.
    pub at_name: AtName,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self {
            mode: 0o666,
            placement: Placement::Atomic,
            resume: false,
            keep_partial: false,
            sync: false,
            at_name: AtName::Refuse,
        }
    }
}

/// Which symbolic links are created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SymlinkTargets {
    /// Those that stay within the tree: relative, with `..` only at the front and no more of them than the tree
    /// has levels there.
    #[default]
    Contained,
    /// All, as they are.
    Any,
}

const NEW: OFlags = OFlags::RDWR.union(OFlags::CREATE).union(OFlags::EXCL);
const SAFE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
/// How often a name is chosen anew if others have the same.
const ATTEMPTS: u32 = 16;

impl LocalDirectory {
    /// Begins to write the file `name` in it.
    ///
    /// # Errors
    ///
    /// [`LocalTreeError`] if the name is refused or was written before, if what stands there cannot be replaced, or
    /// if the system refuses. Nothing is changed then.
    pub fn create_file(&self, name: &[u8], options: &FileOptions) -> Result<NewFile, LocalTreeError> {
        self.check(name)?;
        self.claim(name)?;
        self.begin(name, options).inspect_err(|_| self.release(name))
    }

    fn begin(&self, name: &[u8], options: &FileOptions) -> Result<NewFile, LocalTreeError> {
        let standing = self.metadata(name)?;
        match (standing.map(|standing| standing.kind), options.at_name, options.placement) {
            (Some(LocalKind::Symlink | LocalKind::Special), AtName::Follow, _) => self.follow(name, options),
            (Some(LocalKind::Symlink), AtName::ReplaceLink, Placement::Atomic) => {
                self.begin_atomic(name, options, None)
            }
            (Some(LocalKind::Symlink), ..) => Err(LocalTreeError::Symlink { path: self.path_of(name) }),
            (Some(LocalKind::Directory | LocalKind::Special), ..) => {
                Err(LocalTreeError::NotFile { path: self.path_of(name) })
            }
            (None | Some(LocalKind::File), _, Placement::Atomic) => {
                self.begin_atomic(name, options, standing)
            }
            (None | Some(LocalKind::File), _, Placement::InPlace) => self.begin_in_place(name, options),
        }
    }

    fn begin_atomic(
        &self,
        name: &[u8],
        options: &FileOptions,
        standing: Option<LocalMetadata>,
    ) -> Result<NewFile, LocalTreeError> {
        let partial = partial_name(name);
        let resumed = if options.resume { self.open_partial(&partial)? } else { None };
        let (file, temporary, resumed_len) = match resumed {
            Some((file, len)) => (file, partial, len),
            None => {
                let (file, temporary) = self.create_temporary(name, options.mode)?;
                (file, temporary, 0)
            }
        };
        let mut new = self.new_file(file, name, options);
        new.temporary = Some(temporary);
        new.resumed_len = resumed_len;
        let granted = permissions_of(&new.file)
            .map_err(|error| LocalTreeError::io("cannot examine", &self.path_of(name), error))?;
        let wanted = match standing {
            // As if it had been written where it stands.
            Some(standing) if standing.uid == rustix::process::geteuid().as_raw() => {
                standing.mode & PERMISSION_BITS
            }
            _ => granted & options.mode,
        };
        new.pending_mode = (wanted != granted).then_some(wanted);
        Ok(new)
    }

    /// The part that an earlier transfer left, if it is ours alone.
    fn open_partial(&self, partial: &[u8]) -> Result<Option<(File, u64)>, LocalTreeError> {
        let path = self.path_of(partial);
        let file = match rustix::fs::openat(self.descriptor(), partial, OFlags::RDWR | SAFE, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(LocalTreeError::Symlink { path }),
            Err(error) => return Err(LocalTreeError::io("cannot open", &path, error)),
        };
        let stat =
            rustix::fs::fstat(&file).map_err(|error| LocalTreeError::io("cannot examine", &path, error))?;
        let metadata = LocalMetadata::from_stat(&stat);
        // One that somebody else made, or that has another name somewhere, is not ours to give a name to.
        let is_ours =
            metadata.uid == rustix::process::geteuid().as_raw() && u64::from(stat.st_nlink as u32) == 1;
        if metadata.kind != LocalKind::File || !is_ours {
            return Err(LocalTreeError::NotFile { path });
        }
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some((file, metadata.size))),
            Err(Errno::WOULDBLOCK) => Err(LocalTreeError::InUse { path }),
            Err(error) => Err(LocalTreeError::io("cannot lock", &path, error)),
        }
    }

    fn create_temporary(&self, name: &[u8], mode: u32) -> Result<(File, Vec<u8>), LocalTreeError> {
        // Readable and writable by its owner, so that a kept part can be resumed.
        let mode = Mode::from_raw_mode(mode & PERMISSION_BITS | 0o600);
        let mut attempt = 0;
        loop {
            let temporary = temporary_name(name);
            attempt += 1;
            match rustix::fs::openat(self.descriptor(), temporary.as_slice(), NEW | SAFE, mode) {
                Ok(file) => {
                    let file = File::from(file);
                    // It may become a part that another transfer wants to resume. Where there are no locks, nothing
                    // is lost but that.
                    let _ = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
                    return Ok((file, temporary));
                }
                Err(Errno::EXIST) if attempt < ATTEMPTS => {}
                Err(error) => {
                    return Err(LocalTreeError::io("cannot create", &self.path_of(name), error));
                }
            }
        }
    }

    fn begin_in_place(&self, name: &[u8], options: &FileOptions) -> Result<NewFile, LocalTreeError> {
        let path = self.path_of(name);
        let access = if options.resume { OFlags::RDWR } else { OFlags::WRONLY };
        let mode = Mode::from_raw_mode(options.mode & PERMISSION_BITS);
        let opened = rustix::fs::openat(self.descriptor(), name, access | OFlags::CREATE | SAFE, mode);
        let file = match opened {
            Ok(file) => File::from(file),
            Err(Errno::LOOP) => return Err(LocalTreeError::Symlink { path }),
            Err(error) => return Err(LocalTreeError::io("cannot open", &path, error)),
        };
        let stat =
            rustix::fs::fstat(&file).map_err(|error| LocalTreeError::io("cannot examine", &path, error))?;
        let metadata = LocalMetadata::from_stat(&stat);
        // Something may have taken its place since it was looked at.
        if metadata.kind != LocalKind::File {
            return Err(LocalTreeError::NotFile { path });
        }
        if !options.resume {
            file.set_len(0).map_err(|error| LocalTreeError::io("cannot empty", &path, error))?;
        }
        let mut new = self.new_file(file, name, options);
        new.resumed_len = if options.resume { metadata.size } else { 0 };
        Ok(new)
    }

    /// Opens what the user chose, whatever it is.
    fn follow(&self, name: &[u8], options: &FileOptions) -> Result<NewFile, LocalTreeError> {
        let path = self.path_of(name);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY;
        let mode = Mode::from_raw_mode(options.mode & PERMISSION_BITS);
        let file = rustix::fs::openat(self.descriptor(), name, flags, mode)
            .map(File::from)
            .map_err(|error| LocalTreeError::io("cannot open", &path, error))?;
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        if is_file {
            file.set_len(0).map_err(|error| LocalTreeError::io("cannot empty", &path, error))?;
        }
        let mut new = self.new_file(file, name, options);
        // A device has nothing to wait for.
        new.sync &= is_file;
        Ok(new)
    }

    fn new_file(&self, file: File, name: &[u8], options: &FileOptions) -> NewFile {
        NewFile {
            file: Arc::new(file),
            directory: self.clone(),
            name: name.to_vec(),
            temporary: None,
            pending_mode: None,
            resumed_len: 0,
            keep_partial: options.keep_partial,
            sync: options.sync,
            committed: false,
        }
    }

    /// Creates the symbolic link `name` to `target`. A link that stands there gives way; nothing else does.
    ///
    /// # Errors
    ///
    /// [`LocalTreeError`] if the name is refused or was written before, the target is not among those allowed, or
    /// something other than a link stands there.
    pub fn create_symlink(
        &self,
        name: &[u8],
        target: &[u8],
        targets: SymlinkTargets,
    ) -> Result<(), LocalTreeError> {
        self.check(name)?;
        let path = self.path_of(name);
        let allowed = targets == SymlinkTargets::Any || stays_within(target, self.depth());
        if !allowed || target.is_empty() || target.contains(&0) {
            return Err(LocalTreeError::SymlinkTarget { path, target: target.to_vec() });
        }
        self.claim(name)?;
        self.place_symlink(name, target).inspect_err(|_| self.release(name))
    }

    fn place_symlink(&self, name: &[u8], target: &[u8]) -> Result<(), LocalTreeError> {
        let path = self.path_of(name);
        let failed = |error| LocalTreeError::io("cannot create the symbolic link", &path, error);
        let directory = self.descriptor();
        match rustix::fs::symlinkat(target, directory, name) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(error)),
        }
        if self.metadata(name)?.is_some_and(|standing| standing.kind != LocalKind::Symlink) {
            return Err(failed(Errno::EXIST));
        }
        let temporary = temporary_name(name);
        rustix::fs::symlinkat(target, directory, temporary.as_slice()).map_err(failed)?;
        rustix::fs::renameat(directory, temporary.as_slice(), directory, name).map_err(|error| {
            let _ = rustix::fs::unlinkat(directory, temporary.as_slice(), AtFlags::empty());
            failed(error)
        })
    }
}

/// Whether a link at `depth` levels below the root of a tree stays within it. After a name, `..` may lead elsewhere
/// than to where the name stands, if that is a link itself; so it is allowed at the front only.
fn stays_within(target: &[u8], depth: usize) -> bool {
    if target.first() == Some(&b'/') {
        return false;
    }
    let mut ups = 0;
    let mut named = false;
    for component in target.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." if named => return false,
            b".." => ups += 1,
            _ => named = true,
        }
    }
    ups <= depth
}

#[cfg(test)]
mod tests {
    use super::stays_within;

    // covers: G01
    #[test]
    fn links_stay_within_the_tree() {
        for (target, depth, within) in [
            ("a", 0, true),
            ("./a//b", 0, true),
            ("..", 0, false),
            ("../a", 1, true),
            ("../../a", 1, false),
            ("../../a", 2, true),
            ("a/..", 5, false),
            ("./../a", 0, false),
            ("/etc/passwd", 9, false),
        ] {
            assert_eq!(stays_within(target.as_bytes(), depth), within, "{target} at {depth}");
        }
    }
}
