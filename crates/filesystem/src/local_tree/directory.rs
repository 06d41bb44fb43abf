//! A directory that is written to, held open.

use crate::local_tree::attributes::{Attributes, LocalKind, LocalMetadata, PERMISSION_BITS};
use crate::local_tree::error::LocalTreeError;
use crate::local_tree::name::{NameRule, check_name, identity};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How deep directories may be nested below the one that the user chose (as OpenSSH's scp and sftp have it).
pub const MAXIMUM_DEPTH: usize = 64;

/// A directory below which transfers write. Clones are the same directory.
#[derive(Debug, Clone)]
pub struct LocalDirectory {
    open: Arc<Open>,
}

#[derive(Debug)]
struct Open {
    directory: File,
    path: PathBuf,
    rule: NameRule,
    depth: usize,
    /// The mode that a directory made here is to have in the end; `None` if it stood here already.
    created: Option<u32>,
    /// The names that were written through this directory.
    written: Mutex<HashSet<Vec<u8>>>,
}

const DIRECTORY_FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

impl LocalDirectory {
    /// Opens the directory at a path that the user chose; symbolic links in it are followed.
    ///
    /// # Errors
    ///
    /// [`LocalTreeError`] if there is none, or it cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LocalTreeError> {
        let path = path.as_ref();
        let named = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let opened = rustix::fs::open(named, DIRECTORY_FLAGS, Mode::empty());
        let directory = opened.map_err(|error| match error {
            Errno::NOTDIR => LocalTreeError::NotDirectory { path: path.to_owned() },
            error => LocalTreeError::io("cannot open the directory", path, error),
        })?;
        Ok(Self::new(directory, path.to_owned(), NameRule::Unix, 0, None))
    }

    /// Opens the directory at a path that the user chose, after making it (but not those above it) if nothing is
    /// there. The mode is subject to the umask.
    ///
    /// # Errors
    ///
    /// [`LocalTreeError`] if it can neither be opened nor made.
    pub fn open_or_create(path: impl AsRef<Path>, mode: u32) -> Result<Self, LocalTreeError> {
        let path = path.as_ref();
        let made = match rustix::fs::mkdir(path, Mode::from_raw_mode(mode & PERMISSION_BITS | 0o700)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(LocalTreeError::io("cannot create the directory", path, error)),
        };
        let opened = Self::open(path)?;
        Ok(if made { opened.remembering(mode) } else { opened })
    }

    fn new(directory: OwnedFd, path: PathBuf, rule: NameRule, depth: usize, created: Option<u32>) -> Self {
        let directory = File::from(directory);
        Self { open: Arc::new(Open { directory, path, rule, depth, created, written: Mutex::default() }) }
    }

    /// The same directory as one that was made with `mode`.
    fn remembering(self, mode: u32) -> Self {
        match Arc::try_unwrap(self.open) {
            Ok(open) => Self { open: Arc::new(Open { created: Some(mode), ..open }) },
            Err(open) => Self { open },
        }
    }

    /// The same directory, taking only names that the rule allows, here and below. To be chosen before anything is
    /// written: what was written through `self` is not known to the result.
    pub fn with_rule(&self, rule: NameRule) -> Result<Self, LocalTreeError> {
        let copy = self.open.directory.try_clone();
        let copy =
            copy.map_err(|error| LocalTreeError::io("cannot open the directory", &self.open.path, error))?;
        let Open { path, depth, created, .. } = &*self.open;
        Ok(Self::new(copy.into(), path.clone(), rule, *depth, *created))
    }

    /// Its path, for messages: as the user named it, and the names below that.
    pub fn path(&self) -> &Path {
        &self.open.path
    }

    /// How deep it is below the directory that the user chose, which is 0.
    pub fn depth(&self) -> usize {
        self.open.depth
    }

    /// Whether [`create_directory`](Self::create_directory) made it, rather than found it.
    pub fn was_created(&self) -> bool {
        self.open.created.is_some()
    }

    /// The path of `name` in it, for messages.
    pub fn path_of(&self, name: &[u8]) -> PathBuf {
        self.open.path.join(OsStr::from_bytes(name))
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.open.directory.as_fd()
    }

    pub(crate) fn check(&self, name: &[u8]) -> Result<(), LocalTreeError> {
        check_name(name, self.open.rule)
            .map_err(|problem| LocalTreeError::Name { name: name.to_vec(), problem })
    }

    /// Notes that `name` is written; the second time is an error.
    pub(crate) fn claim(&self, name: &[u8]) -> Result<(), LocalTreeError> {
        let mut written = self.open.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.insert(identity(name, self.open.rule)) {
            Ok(())
        } else {
            Err(LocalTreeError::Repeated { path: self.path_of(name) })
        }
    }

    /// Takes back that `name` was written.
    pub(crate) fn release(&self, name: &[u8]) {
        let mut written = self.open.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.remove(&identity(name, self.open.rule));
    }

    /// What stands at `name`, without following it if it is a symbolic link; `None` if nothing does.
    ///
    /// # Errors
    ///
    /// [`LocalTreeError`] if the name is refused or the system does not tell.
    pub fn metadata(&self, name: &[u8]) -> Result<Option<LocalMetadata>, LocalTreeError> {
        self.check(name)?;
        match rustix::fs::statat(self.descriptor(), name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(LocalMetadata::from_stat(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(LocalTreeError::io("cannot examine", &self.path_of(name), error)),
        }
    }

    /// Opens the directory `name` in it. A symbolic link to one is refused.
    ///
    /// # Errors
    ///
    /// [`LocalTreeError`] if the name is refused, or no directory is there, or it would be nested deeper than 64.
    pub fn open_directory(&self, name: &[u8]) -> Result<Self, LocalTreeError> {
        self.check(name)?;
        self.descend(name, None)
    }

    /// Makes the directory `name` in it, or opens the one that is there, whose mode stays as it is.
    ///
    /// Until [`set_attributes`](Self::set_attributes) a new one can be written to by its owner, whatever `mode`
    /// says. Naming a directory twice is an error.
    ///
    /// # Errors
    ///
    /// As [`open_directory`](Self::open_directory), and if it cannot be made.
    pub fn create_directory(&self, name: &[u8], mode: u32) -> Result<Self, LocalTreeError> {
        self.check(name)?;
        if self.open.depth >= MAXIMUM_DEPTH {
            return Err(LocalTreeError::TooDeep { path: self.path_of(name) });
        }
        self.claim(name)?;
        let while_written = Mode::from_raw_mode(mode & PERMISSION_BITS | 0o700);
        let created = match rustix::fs::mkdirat(self.descriptor(), name, while_written) {
            Ok(()) => Some(mode),
            Err(Errno::EXIST) => None,
            Err(error) => {
                self.release(name);
                return Err(LocalTreeError::io("cannot create the directory", &self.path_of(name), error));
            }
        };
        self.descend(name, created)
    }

    fn descend(&self, name: &[u8], created: Option<u32>) -> Result<Self, LocalTreeError> {
        let path = self.path_of(name);
        if self.open.depth >= MAXIMUM_DEPTH {
            return Err(LocalTreeError::TooDeep { path });
        }
        let flags = DIRECTORY_FLAGS | OFlags::NOFOLLOW;
        match rustix::fs::openat(self.descriptor(), name, flags, Mode::empty()) {
            Ok(directory) => Ok(Self::new(directory, path, self.open.rule, self.open.depth + 1, created)),
            Err(Errno::LOOP | Errno::NOTDIR) => Err(match self.metadata(name)? {
                Some(found) if found.kind == LocalKind::Symlink => LocalTreeError::Symlink { path },
                _ => LocalTreeError::NotDirectory { path },
            }),
            Err(error) => Err(LocalTreeError::io("cannot open the directory", &path, error)),
        }
    }

    /// Gives a directory that was [made](Self::was_created) its final mode and times, when what belongs into it is
    /// there. One that was there before stays as it was.
    ///
    /// # Errors
    ///
    /// [`LocalTreeError::Io`] if the system refuses.
    pub fn set_attributes(&self, attributes: &Attributes) -> Result<(), LocalTreeError> {
        let Some(asked) = self.open.created else { return Ok(()) };
        let failed = |error| LocalTreeError::io("cannot set the attributes of", &self.open.path, error);
        let directory = &self.open.directory;
        let mode = match attributes.masked_mode() {
            Some(mode) => Some(mode),
            // What mkdir granted for the time of writing beyond what was asked for.
            None if asked & 0o700 != 0o700 => {
                let stat = rustix::fs::fstat(directory).map_err(|error| failed(error.into()))?;
                Some(LocalMetadata::from_stat(&stat).mode & (asked | !PERMISSION_BITS))
            }
            None => None,
        };
        attributes.set_times_of(directory).map_err(failed)?;
        if let Some(mode) = mode {
            rustix::fs::fchmod(directory, Mode::from_raw_mode(mode)).map_err(|error| failed(error.into()))?;
        }
        Ok(())
    }

    /// Waits until the names in it are on the disk.
    ///
    /// # Errors
    ///
    /// [`LocalTreeError::Io`] if the system refuses.
    pub fn sync(&self) -> Result<(), LocalTreeError> {
        self.open
            .directory
            .sync_all()
            .map_err(|error| LocalTreeError::io("cannot write to the disk", &self.open.path, error))
    }
}
