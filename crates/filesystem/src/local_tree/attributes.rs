//! What is known of a file, and what is set.

use rustix::fs::{FileType, Stat};
use std::fs::File;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The bits of a mode that everybody may have set: read, write and execute.
pub const PERMISSION_BITS: u32 = 0o777;
/// Those and the special ones: set-user-id, set-group-id, sticky.
pub const ALL_BITS: u32 = 0o7777;

/// When a file was last used and last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileTimes {
    /// When it was last read.
    pub accessed: SystemTime,
    /// When its content last changed.
    pub modified: SystemTime,
}

/// What a finished file or directory is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes {
    /// The mode to preserve, whatever the umask; by default it is what the file was created with.
    pub mode: Option<u32>,
    /// Whether [`mode`](Self::mode) may hold set-user-id, set-group-id and sticky bits. By default they are
    /// dropped: they come from another machine, where they meant another user.
    pub special_bits: bool,
    /// The times to preserve.
    pub times: Option<FileTimes>,
}

impl Attributes {
    /// The mode to set, without what may not be.
    pub(crate) fn masked_mode(&self) -> Option<u32> {
        self.mode.map(|mode| mode & if self.special_bits { ALL_BITS } else { PERMISSION_BITS })
    }

    pub(crate) fn set_times_of(&self, file: &File) -> io::Result<()> {
        match self.times {
            Some(FileTimes { accessed, modified }) => {
                file.set_times(std::fs::FileTimes::new().set_accessed(accessed).set_modified(modified))
            }
            None => Ok(()),
        }
    }
}

/// What kind of thing a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LocalKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, socket or pipe.
    Special,
}

/// What is known of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalMetadata {
    /// What it is.
    pub kind: LocalKind,
    /// Its length in bytes.
    pub size: u64,
    /// Permission and special bits.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// When it was used and changed.
    pub times: FileTimes,
    /// Its device and number, which tell whether two names are one file.
    pub identity: (u64, u64),
}

impl LocalMetadata {
    #[allow(clippy::unnecessary_cast, reason = "the types of the fields differ between systems")]
    pub(crate) fn from_stat(stat: &Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode as _) {
            FileType::RegularFile => LocalKind::File,
            FileType::Directory => LocalKind::Directory,
            FileType::Symlink => LocalKind::Symlink,
            _ => LocalKind::Special,
        };
        Self {
            kind,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mode: stat.st_mode as u32 & ALL_BITS,
            uid: stat.st_uid as u32,
            gid: stat.st_gid as u32,
            times: FileTimes {
                accessed: time(stat.st_atime as i64, stat.st_atime_nsec as i64),
                modified: time(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            },
            identity: (stat.st_dev as u64, stat.st_ino as u64),
        }
    }
}

/// A time before or after 1970; the epoch itself where the system cannot tell it.
fn time(seconds: i64, nanoseconds: i64) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let base = if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
    base.and_then(|base| base.checked_add(Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0))))
        .unwrap_or(UNIX_EPOCH)
}
