//! Where paths lead: in the whole system, or below a root that nothing leads out of. What is done there is not here.

use crate::rooted::walk::{FinalLink, SEARCH, Walk};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat};
use rustix::io::{Errno, Result};
use std::path::Path;

/// How often openat2(2) is asked again when something on the way was renamed meanwhile.
#[cfg(any(target_os = "linux", target_os = "android"))]
const RETRIES: usize = 32;

/// A tree of files.
#[derive(Debug)]
pub(super) enum Tree {
    /// All that the account may see.
    Whole,
    /// What is below a directory, which is `/` for every path and link.
    Below {
        /// The directory.
        root: OwnedFd,
        /// Whether the system resolves paths (openat2), or we walk.
        by_system: bool,
    },
}

/// A name in a directory, for the system's `*at` calls.
#[derive(Debug)]
pub(super) struct Place {
    /// None: the path is whole in itself.
    directory: Option<OwnedFd>,
    name: Vec<u8>,
    /// Whether the path leads to a directory by itself, as `/` and `..` do, and so cannot be made or removed.
    pub(super) is_directory_itself: bool,
}

impl Place {
    pub(super) fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_ref().map_or(CWD, |directory| directory.as_fd())
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.name
    }

    /// The name as one that can be made, renamed or removed.
    pub(super) fn changeable(&self) -> Result<&Self> {
        if self.is_directory_itself { Err(Errno::BUSY) } else { Ok(self) }
    }

    /// What is there; of a link, the link.
    pub(super) fn stat(&self) -> Result<Stat> {
        rustix::fs::statat(self.directory(), self.name(), AtFlags::SYMLINK_NOFOLLOW)
    }
}

impl Tree {
    /// The tree below a directory. `by_system`: openat2 is used where the system has it.
    pub(super) fn below(directory: &Path, by_system: bool) -> Result<Self> {
        let root = rustix::fs::openat(CWD, directory, SEARCH, Mode::empty())?;
        let by_system = by_system && system_resolves(root.as_fd());
        Ok(Self::Below { root, by_system })
    }

    /// Opens what an absolute path leads to, through all links unless the flags say NOFOLLOW.
    pub(super) fn open(&self, path: &[u8], flags: OFlags, mode: Mode) -> Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        match self {
            Self::Whole => retried(|| rustix::fs::openat(CWD, path, flags, mode)),
            Self::Below { root, by_system: true } => match open_by_system(root.as_fd(), path, flags, mode) {
                // Others rename what lies on the way, over and over: step by step it still comes to an end.
                Err(Errno::AGAIN) => Walk::new(root.as_fd()).open(path, flags, mode),
                other => other,
            },
            Self::Below { root, by_system: false } => Walk::new(root.as_fd()).open(path, flags, mode),
        }
    }

    /// A handle on what an absolute path leads to, only to name it.
    pub(super) fn find(&self, path: &[u8]) -> Result<OwnedFd> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const FIND: OFlags = OFlags::PATH;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const FIND: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK);
        self.open(path, FIND, Mode::empty())
    }

    /// What an absolute path leads to.
    pub(super) fn stat(&self, path: &[u8]) -> Result<Stat> {
        match self {
            Self::Whole => rustix::fs::statat(CWD, path, AtFlags::empty()),
            Self::Below { .. } => rustix::fs::fstat(self.find(path)?),
        }
    }

    /// The last name of an absolute path and the directory it is in, which exists; the name need not, and if it is
    /// a link, the link is meant.
    pub(super) fn locate(&self, path: &[u8]) -> Result<Place> {
        let trimmed = without_trailing_slashes(path);
        let (parent, name) = match trimmed.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => trimmed.split_at(slash),
            None => (trimmed, &[][..]),
        };
        let name = name.strip_prefix(b"/").unwrap_or(name);
        let is_directory_itself = matches!(name, b"" | b"." | b"..");
        if matches!(self, Self::Whole) {
            let name = if trimmed.is_empty() { b"/".to_vec() } else { trimmed.to_vec() };
            return Ok(Place { directory: None, name, is_directory_itself });
        }
        let (directory, name) = if is_directory_itself { (path, &b"."[..]) } else { (parent, name) };
        let directory = if directory.is_empty() { b"/" } else { directory };
        let directory = self.open(directory, SEARCH, Mode::empty())?;
        Ok(Place { directory: Some(directory), name: name.to_vec(), is_directory_itself })
    }

    /// The absolute path without links and `..`; the last name need not exist.
    pub(super) fn canonicalize(&self, path: &[u8]) -> Result<Vec<u8>> {
        let whole;
        let root = match self {
            Self::Whole => {
                whole = rustix::fs::openat(CWD, c"/", SEARCH, Mode::empty())?;
                whole.as_fd()
            }
            Self::Below { root, .. } => root.as_fd(),
        };
        let mut walk = Walk::new(root);
        let last = walk.go(path, FinalLink::Follow)?;
        let mut resolved = walk.absolute_path();
        if let Some(name) = last {
            if resolved != b"/" {
                resolved.push(b'/');
            }
            resolved.extend_from_slice(&name);
        }
        Ok(resolved)
    }

    /// Whether a directory is the one that is served as `/`.
    pub(super) fn is_root(&self, stat: &Stat) -> bool {
        match self {
            Self::Whole => false,
            Self::Below { root, .. } => rustix::fs::fstat(root)
                .is_ok_and(|root| (root.st_dev, root.st_ino) == (stat.st_dev, stat.st_ino)),
        }
    }
}

/// The path without slashes at its end.
fn without_trailing_slashes(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
    &path[..end]
}

/// Runs a call again that a signal interrupted.
pub(super) fn retried<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn open_by_system(root: BorrowedFd<'_>, path: &[u8], flags: OFlags, mode: Mode) -> Result<OwnedFd> {
    use rustix::fs::ResolveFlags;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    // openat2(2): a mode without a file to be made is an error.
    let mode = if flags.contains(OFlags::CREATE) { mode } else { Mode::empty() };
    let mut tries = 0;
    loop {
        match rustix::fs::openat2(root, path, flags, mode, resolve) {
            Err(Errno::AGAIN | Errno::INTR) if tries < RETRIES => tries += 1,
            Err(Errno::INTR) => return Err(Errno::AGAIN),
            other => return other,
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn open_by_system(_: BorrowedFd<'_>, _: &[u8], _: OFlags, _: Mode) -> Result<OwnedFd> {
    Err(Errno::AGAIN)
}

/// Whether the system has openat2 and is allowed to use it: some sandboxes forbid it.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn system_resolves(root: BorrowedFd<'_>) -> bool {
    open_by_system(root, b"/", SEARCH, Mode::empty()).is_ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
const fn system_resolves(_: BorrowedFd<'_>) -> bool {
    false
}
