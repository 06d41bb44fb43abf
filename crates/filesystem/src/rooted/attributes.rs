//! Attributes of local files, read and set.

use crate::rooted::tree::{Place, Tree, retried};
use konko_sftp::message::attributes::{Attributes, Owner, Times};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd};
use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid};
use rustix::io::{Errno, Result};

/// What stat(2) says, as version 3 has it: times that do not fit are the nearest that do.
// The fields are not of the same types on all systems.
#[allow(clippy::unnecessary_cast)]
pub(super) fn from_stat(stat: &Stat) -> Attributes {
    let seconds = |seconds: i64| u32::try_from(seconds.max(0)).unwrap_or(u32::MAX);
    Attributes {
        size: Some(u64::try_from(stat.st_size).unwrap_or(0)),
        owner: Some(Owner { uid: stat.st_uid, gid: stat.st_gid }),
        permissions: Some(stat.st_mode as u32),
        times: Some(Times {
            accessed: seconds(stat.st_atime as i64),
            modified: seconds(stat.st_mtime as i64),
        }),
        extended: Vec::new(),
    }
}

/// What is to be set beside the size.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) mode: Option<Mode>,
    times: Option<Timestamps>,
    owner: Option<(Uid, Gid)>,
}

impl Change {
    /// Of what a client says, the permission bits in `mask`.
    pub(super) fn new(attributes: &Attributes, mask: u32) -> Self {
        let time = |seconds: u32| Timespec { tv_sec: i64::from(seconds), tv_nsec: 0 };
        Self {
            mode: attributes.permissions.map(|mode| Mode::from_raw_mode((mode & mask) as _)),
            times: attributes.times.map(|times| Timestamps {
                last_access: time(times.accessed),
                last_modification: time(times.modified),
            }),
            owner: attributes.owner.map(|owner| (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid))),
        }
    }

    const fn is_empty(&self) -> bool {
        self.mode.is_none() && self.times.is_none() && self.owner.is_none()
    }

    /// Of an open file.
    pub(super) fn apply(&self, file: impl AsFd) -> Result<()> {
        if let Some(mode) = self.mode {
            rustix::fs::fchmod(&file, mode)?;
        }
        if let Some(times) = &self.times {
            rustix::fs::futimens(&file, times)?;
        }
        if let Some((uid, gid)) = self.owner {
            rustix::fs::fchown(&file, Some(uid), Some(gid))?;
        }
        Ok(())
    }

    /// Of what an absolute path leads to.
    pub(super) fn apply_to_path(&self, tree: &Tree, path: &[u8]) -> Result<()> {
        if self.is_empty() {
            return tree.stat(path).map(drop);
        }
        if matches!(tree, Tree::Whole) {
            return self.apply_at(CWD, path);
        }
        self.apply_to_found(tree.find(path)?.as_fd(), || {
            tree.open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY, Mode::empty())
        })
    }

    /// Of a name; of a symbolic link the link's.
    pub(super) fn apply_to_name(&self, place: &Place) -> Result<()> {
        if let Some(mode) = self.mode {
            if FileType::from_raw_mode(place.stat()?.st_mode) == FileType::Symlink {
                return Err(Errno::OPNOTSUPP);
            }
            let only_mode = Self { mode: Some(mode), times: None, owner: None };
            let open = |flags| {
                let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                rustix::fs::openat(place.directory(), place.name(), flags, Mode::empty())
            };
            let found = open(FOUND)?;
            // What was swapped for a link meanwhile: its own mode is none, and nothing else is to change.
            if FileType::from_raw_mode(rustix::fs::fstat(&found)?.st_mode) == FileType::Symlink {
                return Err(Errno::OPNOTSUPP);
            }
            only_mode
                .apply_to_found(found.as_fd(), || open(OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY))?;
        }
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        if let Some(times) = &self.times {
            rustix::fs::utimensat(place.directory(), place.name(), times, flags)?;
        }
        if let Some((uid, gid)) = self.owner {
            rustix::fs::chownat(place.directory(), place.name(), Some(uid), Some(gid), flags)?;
        }
        Ok(())
    }

    /// Of what a handle names that cannot be read or written through: by the name that the system has for the
    /// handle, which needs no permission to read the file. Without such names the file is opened.
    fn apply_to_found<T: AsFd>(&self, found: BorrowedFd<'_>, open: impl FnOnce() -> Result<T>) -> Result<()> {
        if cfg!(any(target_os = "linux", target_os = "android")) {
            let name = format!("/proc/self/fd/{}", found.as_raw_fd());
            match self.apply_at(CWD, name.as_bytes()) {
                Err(Errno::NOENT) => {}
                other => return other,
            }
        }
        self.apply(open()?)
    }

    /// Of a path, through links.
    fn apply_at(&self, directory: BorrowedFd<'_>, path: &[u8]) -> Result<()> {
        let flags = AtFlags::empty();
        if let Some(mode) = self.mode {
            rustix::fs::chmodat(directory, path, mode, flags)?;
        }
        if let Some(times) = &self.times {
            rustix::fs::utimensat(directory, path, times, flags)?;
        }
        if let Some((uid, gid)) = self.owner {
            rustix::fs::chownat(directory, path, Some(uid), Some(gid), flags)?;
        }
        Ok(())
    }
}

/// Sets the size of an open file.
pub(super) fn set_size(file: impl AsFd, size: u64) -> Result<()> {
    retried(|| rustix::fs::ftruncate(&file, size))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const FOUND: OFlags = OFlags::PATH;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const FOUND: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK);
