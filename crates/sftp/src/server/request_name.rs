//! The names of requests, as OpenSSH's sftp-server(8) has them for its lists of what is allowed, and which of them
//! change anything.

use crate::message::extension::{
    CheckFile, CheckFileHandle, CheckFileName, CopyData, ExpandPath, Fstatvfs, Fsync, Hardlink,
    HomeDirectory, Limits, Lsetstat, Md5Hash, Md5HashHandle, PosixRename, Statvfs, UsersGroupsById,
};
use crate::message::number::PacketType;

macro_rules! request_names {
    ($($(#[$doc:meta])* $name:ident = $text:literal: $packet_type:ident $($extension:ident)?;)*) => {
        /// A kind of request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum RequestName {
            $($(#[$doc])* $name,)*
        }

        impl RequestName {
            /// All that there are.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name, as sftp-server(8) has it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            const fn packet_type(self) -> PacketType {
                match self {
                    $(Self::$name => PacketType::$packet_type,)*
                }
            }

            /// What it is called in EXTENDED packets, if it is an extension.
            pub(super) const fn extension(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => request_names!(@extension $($extension)?),)*
                }
            }
        }
    };
    (@extension) => { None };
    (@extension $extension:ident) => { Some($extension::NAME) };
}

request_names! {
    /// OPEN.
    Open = "open": OPEN;
    /// CLOSE.
    Close = "close": CLOSE;
    /// READ.
    Read = "read": READ;
    /// WRITE.
    Write = "write": WRITE;
    /// LSTAT.
    Lstat = "lstat": LSTAT;
    /// FSTAT.
    Fstat = "fstat": FSTAT;
    /// SETSTAT.
    Setstat = "setstat": SETSTAT;
    /// FSETSTAT.
    Fsetstat = "fsetstat": FSETSTAT;
    /// OPENDIR.
    Opendir = "opendir": OPENDIR;
    /// READDIR.
    Readdir = "readdir": READDIR;
    /// REMOVE.
    Remove = "remove": REMOVE;
    /// MKDIR.
    Mkdir = "mkdir": MKDIR;
    /// RMDIR.
    Rmdir = "rmdir": RMDIR;
    /// REALPATH.
    Realpath = "realpath": REALPATH;
    /// STAT.
    Stat = "stat": STAT;
    /// RENAME.
    Rename = "rename": RENAME;
    /// READLINK.
    Readlink = "readlink": READLINK;
    /// SYMLINK.
    Symlink = "symlink": SYMLINK;
    /// `posix-rename@openssh.com`.
    PosixRename = "posix-rename": EXTENDED PosixRename;
    /// `statvfs@openssh.com`.
    Statvfs = "statvfs": EXTENDED Statvfs;
    /// `fstatvfs@openssh.com`.
    Fstatvfs = "fstatvfs": EXTENDED Fstatvfs;
    /// `hardlink@openssh.com`.
    Hardlink = "hardlink": EXTENDED Hardlink;
    /// `fsync@openssh.com`.
    Fsync = "fsync": EXTENDED Fsync;
    /// `lsetstat@openssh.com`.
    Lsetstat = "lsetstat": EXTENDED Lsetstat;
    /// `limits@openssh.com`.
    Limits = "limits": EXTENDED Limits;
    /// `expand-path@openssh.com`.
    ExpandPath = "expand-path": EXTENDED ExpandPath;
    /// `copy-data`.
    CopyData = "copy-data": EXTENDED CopyData;
    /// `home-directory`.
    HomeDirectory = "home-directory": EXTENDED HomeDirectory;
    /// `users-groups-by-id@openssh.com`.
    UsersGroupsById = "users-groups-by-id": EXTENDED UsersGroupsById;
    /// `check-file-name`.
    CheckFileName = "check-file-name": EXTENDED CheckFileName;
    /// `check-file-handle`.
    CheckFileHandle = "check-file-handle": EXTENDED CheckFileHandle;
    /// `check-file`, another name of the same.
    CheckFile = "check-file": EXTENDED CheckFile;
    /// `md5-hash`.
    Md5Hash = "md5-hash": EXTENDED Md5Hash;
    /// `md5-hash-handle`.
    Md5HashHandle = "md5-hash-handle": EXTENDED Md5HashHandle;
}

impl RequestName {
    /// The kind of this name, as sftp-server(8) has it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| name.as_str() == text)
    }

    /// The kind of a packet; `extension` is what an EXTENDED packet names.
    pub(super) fn of(packet_type: PacketType, extension: &[u8]) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| match name.extension() {
            None => name.packet_type() == packet_type,
            Some(text) => packet_type == PacketType::EXTENDED && text.as_bytes() == extension,
        })
    }
}

impl std::fmt::Display for RequestName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
