//! Resolution of a path below a root by our own steps, one directory at a time, for systems without openat2(2).
//!
//! Every step opens one name of one directory without following a link; links are read and walked by the same
//! rules, `..` goes back along the directories that were opened. So neither a link nor a race leads out: whatever
//! is swapped meanwhile, only names in directories below the root are ever opened.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, Result};

/// How many symbolic links one path may lead through, as Linux has it.
const MAXIMUM_LINKS: usize = 40;
/// How deep below the root a path may lead: each directory of it is held open meanwhile.
const MAXIMUM_DEPTH: usize = 256;

/// How a directory is opened that is only passed through.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) const SEARCH: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) const SEARCH: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// What becomes of a link that a path ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FinalLink {
    /// The path leads on to what it names.
    Follow,
    /// The path ends there.
    Keep,
}

/// A place that is reached step by step.
#[derive(Debug)]
pub(super) struct Walk<'r> {
    root: BorrowedFd<'r>,
    /// The directories from the root to here, with their names.
    path: Vec<(OwnedFd, Vec<u8>)>,
    links: usize,
}

impl<'r> Walk<'r> {
    /// At the root.
    pub(super) const fn new(root: BorrowedFd<'r>) -> Self {
        Self { root, path: Vec::new(), links: 0 }
    }

    /// The directory where it stands.
    pub(super) fn directory(&self) -> BorrowedFd<'_> {
        self.path.last().map_or(self.root, |(directory, _)| directory.as_fd())
    }

    /// The path from the root to here.
    pub(super) fn absolute_path(&self) -> Vec<u8> {
        if self.path.is_empty() {
            return b"/".to_vec();
        }
        self.path.iter().flat_map(|(_, name)| std::iter::once(b'/').chain(name.iter().copied())).collect()
    }

    /// Goes along the path to the directory that has its last name in it, and returns that name. Without one the
    /// path leads to the directory itself. The last name need not exist.
    pub(super) fn go(&mut self, path: &[u8], last: FinalLink) -> Result<Option<Vec<u8>>> {
        let mut ahead = Vec::new();
        push_components(&mut ahead, path);
        while let Some(name) = ahead.pop() {
            match name.as_slice() {
                b"." => {}
                b".." => drop(self.path.pop()),
                _ if !ahead.is_empty() => self.enter(name, &mut ahead)?,
                _ if last == FinalLink::Keep => return Ok(Some(name)),
                _ => match rustix::fs::readlinkat(self.directory(), name.as_slice(), Vec::new()) {
                    Ok(target) => self.follow(target.as_bytes(), &mut ahead)?,
                    Err(Errno::INVAL | Errno::NOENT) => return Ok(Some(name)),
                    Err(error) => return Err(error),
                },
            }
        }
        Ok(None)
    }

    /// Opens what the path leads to. Nothing on the way and not the last name is followed by the system itself.
    pub(super) fn open(mut self, path: &[u8], flags: OFlags, mode: Mode) -> Result<OwnedFd> {
        let keep = flags.contains(OFlags::NOFOLLOW) || flags.contains(OFlags::CREATE | OFlags::EXCL);
        let last = if keep { FinalLink::Keep } else { FinalLink::Follow };
        match self.go(path, last)? {
            Some(name) => rustix::fs::openat(self.directory(), name, flags | OFlags::NOFOLLOW, mode),
            None if flags.contains(OFlags::CREATE) => Err(Errno::ISDIR),
            None => rustix::fs::openat(self.directory(), c".", flags | OFlags::NOFOLLOW, mode),
        }
    }

    /// Enters a directory, or goes where a link leads.
    fn enter(&mut self, name: Vec<u8>, ahead: &mut Vec<Vec<u8>>) -> Result<()> {
        if self.path.len() >= MAXIMUM_DEPTH {
            return Err(Errno::NAMETOOLONG);
        }
        let opened =
            rustix::fs::openat(self.directory(), name.as_slice(), SEARCH | OFlags::NOFOLLOW, Mode::empty());
        match opened {
            Ok(directory) => {
                self.path.push((directory, name));
                Ok(())
            }
            Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => {
                match rustix::fs::readlinkat(self.directory(), name.as_slice(), Vec::new()) {
                    Ok(target) => self.follow(target.as_bytes(), ahead),
                    Err(Errno::INVAL) => Err(Errno::NOTDIR),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Puts what a link names before what is still ahead. An absolute one starts at the root that is served.
    fn follow(&mut self, target: &[u8], ahead: &mut Vec<Vec<u8>>) -> Result<()> {
        self.links += 1;
        if self.links > MAXIMUM_LINKS {
            return Err(Errno::LOOP);
        }
        match target.first() {
            None => return Err(Errno::NOENT),
            Some(b'/') => self.path.clear(),
            Some(_) => {}
        }
        push_components(ahead, target);
        Ok(())
    }
}

/// Puts the names of a path on a stack, the first one on top. A slash at the end says that a directory is meant.
fn push_components(ahead: &mut Vec<Vec<u8>>, path: &[u8]) {
    if path.ends_with(b"/") {
        ahead.push(b".".to_vec());
    }
    ahead.extend(path.rsplit(|&byte| byte == b'/').filter(|name| !name.is_empty()).map(<[u8]>::to_vec));
}
