//! Walking a local tree that is to be sent.

use crate::local_tree::attributes::{LocalKind, LocalMetadata};
use crate::local_tree::directory::MAXIMUM_DEPTH;
use crate::local_tree::error::LocalTreeError;
use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkOptions {
    /// Whether symbolic links stand for what they lead to, rather than for themselves. Yes by default, as OpenSSH's
    /// scp and sftp have it.
    pub follow_symlinks: bool,
    /// How deep directories may be nested; 64 by default, and at most.
    pub maximum_depth: usize,
}

impl Default for WalkOptions {
    fn default() -> Self {
        Self { follow_symlinks: true, maximum_depth: MAXIMUM_DEPTH }
    }
}

/// Something in a tree.
#[derive(Debug, Clone)]
pub struct LocalEntry {
    directory: Arc<OwnedFd>,
    follow: bool,
    /// Its name in its directory.
    pub name: Vec<u8>,
    /// Its path below the root of the walk, the components joined by `/`.
    pub relative: Vec<u8>,
    /// Its path, for messages.
    pub path: PathBuf,
    /// What it is; of a link that is followed, what it leads to.
    pub metadata: LocalMetadata,
}

impl LocalEntry {
    /// Opens a file for reading. It is the one that was found, or at least a regular file in the same directory: a
    /// pipe or device that took its place is refused, and does not block.
    ///
    /// # Errors
    ///
    /// [`LocalTreeError`] if it cannot be opened or is no regular file any more.
    pub fn open(&self) -> Result<File, LocalTreeError> {
        let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        flags.set(OFlags::NOFOLLOW, !self.follow);
        let opened = rustix::fs::openat(&*self.directory, self.name.as_slice(), flags, Mode::empty());
        let file = opened.map_err(|error| LocalTreeError::io("cannot open", &self.path, error))?;
        let stat = rustix::fs::fstat(&file)
            .map_err(|error| LocalTreeError::io("cannot examine", &self.path, error))?;
        if LocalMetadata::from_stat(&stat).kind != LocalKind::File {
            return Err(LocalTreeError::NotFile { path: self.path.clone() });
        }
        Ok(File::from(file))
    }
}

/// Why something is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// It is a device, socket or pipe.
    Special,
    /// It is a directory above itself, by way of a symbolic link.
    Cycle,
}

/// What a walk comes by.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum WalkItem {
    /// A directory, before what it holds.
    Directory(LocalEntry),
    /// The end of what the last directory that has not ended holds.
    DirectoryEnd(LocalEntry),
    /// A regular file.
    File(LocalEntry),
    /// A symbolic link that is not followed, and its target.
    Symlink(LocalEntry, Vec<u8>),
    /// What is not sent.
    Skipped(LocalEntry, SkipReason),
}

struct Level {
    directory: Arc<OwnedFd>,
    listing: Dir,
    /// What is told when the listing ends; `None` for the root.
    entry: Option<LocalEntry>,
    relative: Vec<u8>,
    path: PathBuf,
    identity: (u64, u64),
}

/// A walk through a tree: what a directory holds comes between the directory and its end, in the order of the disk.
///
/// An error concerns one entry; the walk goes on after it. Memory and open descriptors grow with the depth only.
pub struct LocalWalk {
    levels: Vec<Level>,
    options: WalkOptions,
    root: LocalMetadata,
}

impl std::fmt::Debug for LocalWalk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalWalk").field("depth", &self.levels.len()).finish_non_exhaustive()
    }
}

impl LocalWalk {
    /// A walk of the directory at a path that the user chose; it itself may be a symbolic link to one. The root is
    /// no item of the walk.
    ///
    /// # Errors
    ///
    /// [`LocalTreeError`] if it cannot be read.
    pub fn new(root: impl AsRef<Path>, options: WalkOptions) -> Result<Self, LocalTreeError> {
        let path = root.as_ref();
        let named = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let opened = rustix::fs::open(named, flags, Mode::empty());
        let directory =
            opened.map_err(|error| LocalTreeError::io("cannot open the directory", path, error))?;
        let (level, root) = level(directory, None, Vec::new(), path.to_owned())?;
        Ok(Self { levels: vec![level], options, root })
    }

    /// What is known of the root.
    pub fn root(&self) -> &LocalMetadata {
        &self.root
    }

    /// Goes into a directory, unless it is too deep or one of those above it.
    fn descend(&mut self, entry: LocalEntry) -> Result<WalkItem, LocalTreeError> {
        // Only a link leads up again. One that is made meanwhile ends at the depth limit.
        if self.levels.iter().any(|level| level.identity == entry.metadata.identity) {
            return Ok(WalkItem::Skipped(entry, SkipReason::Cycle));
        }
        if self.levels.len() > self.options.maximum_depth.min(MAXIMUM_DEPTH) {
            return Err(LocalTreeError::TooDeep { path: entry.path });
        }
        let mut flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        flags.set(OFlags::NOFOLLOW, !self.options.follow_symlinks);
        let opened = rustix::fs::openat(&*entry.directory, entry.name.as_slice(), flags, Mode::empty());
        let directory =
            opened.map_err(|error| LocalTreeError::io("cannot open the directory", &entry.path, error))?;
        let (level, _) = level(directory, Some(entry.clone()), entry.relative.clone(), entry.path.clone())?;
        self.levels.push(level);
        Ok(WalkItem::Directory(entry))
    }

    fn item(&mut self, entry: LocalEntry) -> Result<WalkItem, LocalTreeError> {
        match entry.metadata.kind {
            LocalKind::File => Ok(WalkItem::File(entry)),
            LocalKind::Special => Ok(WalkItem::Skipped(entry, SkipReason::Special)),
            LocalKind::Directory => self.descend(entry),
            LocalKind::Symlink => {
                let target = rustix::fs::readlinkat(&*entry.directory, entry.name.as_slice(), Vec::new());
                match target {
                    Ok(target) => Ok(WalkItem::Symlink(entry, target.into_bytes())),
                    Err(error) => {
                        Err(LocalTreeError::io("cannot read the symbolic link", &entry.path, error))
                    }
                }
            }
        }
    }
}

fn level(
    directory: OwnedFd,
    entry: Option<LocalEntry>,
    relative: Vec<u8>,
    path: PathBuf,
) -> Result<(Level, LocalMetadata), LocalTreeError> {
    let read = |operation, error: rustix::io::Errno| LocalTreeError::io(operation, &path, error);
    let stat = rustix::fs::fstat(&directory).map_err(|error| read("cannot examine", error))?;
    let metadata = LocalMetadata::from_stat(&stat);
    let listing = Dir::read_from(&directory).map_err(|error| read("cannot read the directory", error))?;
    let identity = metadata.identity;
    Ok((Level { directory: Arc::new(directory), listing, entry, relative, path, identity }, metadata))
}

impl Iterator for LocalWalk {
    type Item = Result<WalkItem, LocalTreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let level = self.levels.last_mut()?;
            let name = match level.listing.read() {
                Some(Ok(found)) => found.file_name().to_bytes().to_vec(),
                Some(Err(error)) => {
                    let error = LocalTreeError::io("cannot read the directory", &level.path, error);
                    // The rest of it will not come either.
                    self.levels.pop();
                    return Some(Err(error));
                }
                None => match self.levels.pop().and_then(|level| level.entry) {
                    Some(entry) => return Some(Ok(WalkItem::DirectoryEnd(entry))),
                    None => return None,
                },
            };
            if matches!(name.as_slice(), b"." | b"..") {
                continue;
            }
            let mut relative = level.relative.clone();
            if !relative.is_empty() {
                relative.push(b'/');
            }
            relative.extend_from_slice(&name);
            let path = level.path.join(OsStr::from_bytes(&name));
            let directory = Arc::clone(&level.directory);
            let follow = self.options.follow_symlinks;
            let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
            let stat = match rustix::fs::statat(&*directory, name.as_slice(), flags) {
                Ok(stat) => stat,
                Err(error) => return Some(Err(LocalTreeError::io("cannot examine", &path, error))),
            };
            let metadata = LocalMetadata::from_stat(&stat);
            let entry = LocalEntry { directory, follow, name, relative, path, metadata };
            return Some(self.item(entry));
        }
    }
}
