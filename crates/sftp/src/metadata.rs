//! What is known of a file, whatever version of the protocol said it.

use std::time::{Duration, SystemTime};

use crate::message::attributes::{Attributes, ExtendedPair};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum FileType {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A socket.
    Socket,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// A FIFO.
    Fifo,
    /// Something else.
    Special,
    /// The server does not say.
    #[default]
    Unknown,
}

impl FileType {
    /// Of the bits of `st_mode`.
    pub const fn from_mode(mode: u32) -> Self {
        match mode & Attributes::TYPE_MASK {
            Attributes::REGULAR => Self::Regular,
            Attributes::DIRECTORY => Self::Directory,
            Attributes::SYMLINK => Self::Symlink,
            Attributes::SOCKET => Self::Socket,
            Attributes::CHARACTER_DEVICE => Self::CharacterDevice,
            Attributes::BLOCK_DEVICE => Self::BlockDevice,
            Attributes::FIFO => Self::Fifo,
            0 => Self::Unknown,
            _ => Self::Special,
        }
    }
}

/// A point in time, as the server says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp {
    /// Since 1970; negative before it.
    pub seconds: i64,
    /// Below 1,000,000,000.
    pub nanoseconds: u32,
}

impl Timestamp {
    /// As the standard library's time, if that can say it.
    pub fn system_time(self) -> Option<SystemTime> {
        let seconds = Duration::from_secs(self.seconds.unsigned_abs());
        let time = if self.seconds < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(seconds)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(seconds)
        };
        time?.checked_add(Duration::from_nanos(u64::from(self.nanoseconds)))
    }
}

/// What is known of a file. What is `None` the server did not say.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Metadata {
    /// What it is.
    pub file_type: FileType,
    /// In bytes.
    pub size: Option<u64>,
    /// The lower twelve bits of `st_mode`.
    pub permissions: Option<u32>,
    /// The owner's number.
    pub uid: Option<u32>,
    /// The group's number.
    pub gid: Option<u32>,
    /// The owner's name; versions 4–6 only.
    pub user: Option<Vec<u8>>,
    /// The group's name; versions 4–6 only.
    pub group: Option<Vec<u8>>,
    /// Last access.
    pub accessed: Option<Timestamp>,
    /// Last modification.
    pub modified: Option<Timestamp>,
    /// Creation; versions 4–6 only.
    pub created: Option<Timestamp>,
    /// How many names it has; version 6 only.
    pub link_count: Option<u32>,
    /// What extensions add.
    pub extended: Vec<ExtendedPair>,
}

impl Metadata {
    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.file_type == FileType::Directory
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.file_type == FileType::Regular
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.file_type == FileType::Symlink
    }

    /// The size in bytes; zero where the server does not say it.
    pub fn len(&self) -> u64 {
        self.size.unwrap_or(0)
    }

    /// Whether the size is zero, or not said.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `st_mode` with the type's bits, as far as it is known.
    pub fn mode(&self) -> Option<u32> {
        let bits = match self.file_type {
            FileType::Regular => Attributes::REGULAR,
            FileType::Directory => Attributes::DIRECTORY,
            FileType::Symlink => Attributes::SYMLINK,
            FileType::Socket => Attributes::SOCKET,
            FileType::CharacterDevice => Attributes::CHARACTER_DEVICE,
            FileType::BlockDevice => Attributes::BLOCK_DEVICE,
            FileType::Fifo => Attributes::FIFO,
            FileType::Special | FileType::Unknown => 0,
        };
        self.permissions.map(|permissions| permissions | bits)
    }
}

impl From<Attributes> for Metadata {
    fn from(attributes: Attributes) -> Self {
        let seconds = |seconds: u32| Timestamp { seconds: i64::from(seconds), nanoseconds: 0 };
        Self {
            file_type: FileType::from_mode(attributes.permissions.unwrap_or(0)),
            size: attributes.size,
            permissions: attributes.permissions.map(|mode| mode & 0o7777),
            uid: attributes.owner.map(|owner| owner.uid),
            gid: attributes.owner.map(|owner| owner.gid),
            accessed: attributes.times.map(|times| seconds(times.accessed)),
            modified: attributes.times.map(|times| seconds(times.modified)),
            extended: attributes.extended,
            ..Self::default()
        }
    }
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirectoryEntry {
    /// Its name. The server chose it: whoever makes a local path of it has to look at it first.
    pub name: Vec<u8>,
    /// As a line of `ls -l`; version 3 only, and its form is not fixed.
    pub long_name: Vec<u8>,
    /// What is known of it; symbolic links are not followed.
    pub metadata: Metadata,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::attributes::Times;

    #[test]
    fn the_mode_says_the_type() {
        let metadata = Metadata::from(Attributes {
            permissions: Some(0o104_755),
            times: Some(Times { accessed: 1, modified: u32::MAX }),
            ..Attributes::default()
        });
        assert!(metadata.is_file());
        assert_eq!(metadata.permissions, Some(0o4755));
        assert_eq!(metadata.mode(), Some(0o104_755));
        assert_eq!(metadata.modified.map(|time| time.seconds), Some(i64::from(u32::MAX)));
        assert_eq!(Metadata::default().file_type, FileType::Unknown);
    }

    #[test]
    fn times_before_1970_are_times() {
        let time = Timestamp { seconds: -1, nanoseconds: 500_000_000 }.system_time().unwrap();
        assert_eq!(SystemTime::UNIX_EPOCH.duration_since(time).unwrap(), Duration::from_millis(500));
        assert!(Timestamp { seconds: i64::MAX, nanoseconds: 999_999_999 }.system_time().is_some());
    }
}
