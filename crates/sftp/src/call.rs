//! One SFTP call, one row: which packet it is, in which version it lies how, and what answers it.

use konko_wire::encode::{Encode, put_string, put_u32};

use crate::answer::{Expected, FileHashes, Handle, Md5, OnePath, Principals, Reply};
use crate::attributes_v4::{WANTED, put_attributes};
use crate::incoming::Payload;
use crate::message::attributes::Attributes;
use crate::message::extension::{
    CheckFile, CheckFileHandle, CheckFileName, CopyData, ExpandPath, ExtensionRequest, Fstatvfs, Fsync,
    Hardlink, HomeDirectory, Limits, LimitsReply, Lsetstat, Md5Hash, Md5HashHandle, PosixRename, Statvfs,
    StatvfsReply, UsersGroupsById,
};
use crate::message::number::{OpenFlags, PacketType, VERSION_3};
use crate::message::request::{
    Close, Fsetstat, Fstat, Lstat, Mkdir, Open, Opendir, Read, Readdir, Readlink, Realpath, Remove, Rename,
    Rmdir, Setstat, Stat, Symlink, Write,
};
use crate::metadata::{DirectoryEntry, Metadata};

/// A request, and what answers it.
pub trait Request {
    /// What answers it.
    type Reply: Reply;

    /// Its name in errors.
    const OPERATION: &'static str;

    /// The packet's type in `version` of the protocol.
    fn packet_type(&self, version: u32) -> PacketType;

    /// Appends its fields as they lie in `version` of the protocol.
    fn encode_fields(&self, version: u32, out: &mut Vec<u8>);

    /// What may answer it.
    fn expected(&self) -> Expected {
        Self::Reply::EXPECTED
    }

    /// The extension it belongs to, which the server must have offered.
    fn extension(&self) -> Option<&'static str> {
        None
    }
}

macro_rules! calls {
    ($($name:ident $operation:literal => $reply:ty;)*) => {$(
        impl Request for $name<'_> {
            type Reply = $reply;

            const OPERATION: &'static str = $operation;

            fn packet_type(&self, _: u32) -> PacketType {
                Self::TYPE
            }

            fn encode_fields(&self, _: u32, out: &mut Vec<u8>) {
                self.encode(out);
            }
        }
    )*};
}

calls! {
    Close "SSH_FXP_CLOSE" => ();
    Write "SSH_FXP_WRITE" => ();
    Opendir "SSH_FXP_OPENDIR" => Handle;
    Readdir "SSH_FXP_READDIR" => Vec<DirectoryEntry>;
    Remove "SSH_FXP_REMOVE" => ();
    Rmdir "SSH_FXP_RMDIR" => ();
    Readlink "SSH_FXP_READLINK" => OnePath;
}

/// Calls whose layout depends on the version.
macro_rules! versioned_calls {
    ($($name:ident $operation:literal => $reply:ty, $encode:expr;)*) => {$(
        impl Request for $name<'_> {
            type Reply = $reply;

            const OPERATION: &'static str = $operation;

            fn packet_type(&self, _: u32) -> PacketType {
                Self::TYPE
            }

            fn encode_fields(&self, version: u32, out: &mut Vec<u8>) {
                let encode: fn(&Self, u32, &mut Vec<u8>) = $encode;
                encode(self, version, out);
            }
        }
    )*};
}

versioned_calls! {
    Open "SSH_FXP_OPEN" => Handle, |open, version, out| {
        put_string(out, open.filename);
        if version >= 5 {
            put_access(out, open.pflags);
        } else {
            open.pflags.encode(out);
        }
        put_versioned(out, version, &open.attributes);
    };
    Mkdir "SSH_FXP_MKDIR" => (), |mkdir, version, out| {
        put_string(out, mkdir.path);
        put_versioned(out, version, &mkdir.attributes);
    };
    Setstat "SSH_FXP_SETSTAT" => (), |setstat, version, out| {
        put_string(out, setstat.path);
        put_versioned(out, version, &setstat.attributes);
    };
    Fsetstat "SSH_FXP_FSETSTAT" => (), |fsetstat, version, out| {
        put_string(out, fsetstat.handle);
        put_versioned(out, version, &fsetstat.attributes);
    };
    Stat "SSH_FXP_STAT" => Metadata, |stat, version, out| put_wanted(out, version, stat.path);
    Lstat "SSH_FXP_LSTAT" => Metadata, |lstat, version, out| put_wanted(out, version, lstat.path);
    Fstat "SSH_FXP_FSTAT" => Metadata, |fstat, version, out| put_wanted(out, version, fstat.handle);
    Realpath "SSH_FXP_REALPATH" => OnePath, |realpath, version, out| {
        realpath.encode(out);
        if version >= 6 {
            // SSH_FXP_REALPATH_NO_CHECK: as in the other versions. The draft lets it be left out, some servers do not.
            out.push(1);
        }
    };
    Rename "SSH_FXP_RENAME" => (), |rename, version, out| {
        rename.encode(out);
        if version >= 5 {
            put_u32(out, 0);
        }
    };
}

/// RENAME of versions 5 and 6 that replaces what exists, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenameReplacing<'a> {
    /// The names.
    pub rename: Rename<'a>,
}

impl Request for RenameReplacing<'_> {
    type Reply = ();

    const OPERATION: &'static str = "SSH_FXP_RENAME";

    fn packet_type(&self, _: u32) -> PacketType {
        PacketType::RENAME
    }

    fn encode_fields(&self, _: u32, out: &mut Vec<u8>) {
        /// SSH_FXF_RENAME_OVERWRITE and SSH_FXF_RENAME_ATOMIC.
        const REPLACE: u32 = 0x3;
        self.rename.encode(out);
        put_u32(out, REPLACE);
    }
}

impl Request for Symlink<'_> {
    type Reply = ();

    const OPERATION: &'static str = "SSH_FXP_SYMLINK";

    fn packet_type(&self, version: u32) -> PacketType {
        if version >= 6 { PacketType::LINK } else { Self::TYPE }
    }

    fn encode_fields(&self, version: u32, out: &mut Vec<u8>) {
        if version >= 6 {
            put_string(out, self.link_path);
            put_string(out, self.target_path);
            true.encode(out);
        } else {
            self.encode(out);
        }
    }
}

fn put_versioned(out: &mut Vec<u8>, version: u32, attributes: &Attributes) {
    if version > VERSION_3 {
        put_attributes(out, attributes);
    } else {
        attributes.encode(out);
    }
}

fn put_wanted(out: &mut Vec<u8>, version: u32, of: &[u8]) {
    put_string(out, of);
    if version > VERSION_3 {
        put_u32(out, WANTED);
    }
}

/// `pflags` as versions 5 and 6 say them: desired access and flags (draft-ietf-secsh-filexfer-05 §6.3).
fn put_access(out: &mut Vec<u8>, pflags: OpenFlags) {
    const READ: u32 = 0x1 | 0x80;
    const WRITE: u32 = 0x2 | 0x100;
    const APPEND: u32 = 0x4;
    const APPEND_DATA: u32 = 0x8;
    let has = |flag| pflags.contains(flag);
    let mut access = 0;
    for (flag, bits) in [(OpenFlags::READ, READ), (OpenFlags::WRITE, WRITE), (OpenFlags::APPEND, APPEND)] {
        if has(flag) {
            access |= bits;
        }
    }
    let disposition = match (has(OpenFlags::CREAT), has(OpenFlags::EXCL), has(OpenFlags::TRUNC)) {
        (true, true, _) => 0,
        (true, false, true) => 1,
        (false, _, false) => 2,
        (true, false, false) => 3,
        (false, _, true) => 4,
    };
    put_u32(out, access);
    put_u32(out, disposition | if has(OpenFlags::APPEND) { APPEND_DATA } else { 0 });
}

impl Request for Read<'_> {
    type Reply = Payload;

    const OPERATION: &'static str = "SSH_FXP_READ";

    fn packet_type(&self, _: u32) -> PacketType {
        Self::TYPE
    }

    fn encode_fields(&self, _: u32, out: &mut Vec<u8>) {
        self.encode(out);
    }

    fn expected(&self) -> Expected {
        Expected::Data(self.length)
    }
}

macro_rules! extension_calls {
    ($($name:ty => $reply:ty;)*) => {$(
        impl Request for $name {
            type Reply = $reply;

            const OPERATION: &'static str = Self::NAME;

            fn packet_type(&self, _: u32) -> PacketType {
                PacketType::EXTENDED
            }

            fn encode_fields(&self, _: u32, out: &mut Vec<u8>) {
                ExtensionRequest { name: Self::NAME, fields: self.clone() }.encode(out);
            }

            fn extension(&self) -> Option<&'static str> {
                Some(Self::NAME)
            }
        }
    )*};
}

impl Request for Lsetstat<'_> {
    type Reply = ();

    const OPERATION: &'static str = Self::NAME;

    fn packet_type(&self, _: u32) -> PacketType {
        PacketType::EXTENDED
    }

    fn encode_fields(&self, version: u32, out: &mut Vec<u8>) {
        put_string(out, Self::NAME.as_bytes());
        put_string(out, self.path);
        put_versioned(out, version, &self.attributes);
    }

    fn extension(&self) -> Option<&'static str> {
        Some(Self::NAME)
    }
}

extension_calls! {
    PosixRename<'_> => ();
    Statvfs<'_> => StatvfsReply;
    Fstatvfs<'_> => StatvfsReply;
    Hardlink<'_> => ();
    Fsync<'_> => ();
    Limits => LimitsReply;
    ExpandPath<'_> => OnePath;
    CopyData<'_> => ();
    HomeDirectory<'_> => OnePath;
    UsersGroupsById<'_> => Principals;
    CheckFileName<'_> => FileHashes;
    CheckFileHandle<'_> => FileHashes;
    CheckFile<'_> => FileHashes;
    Md5Hash<'_> => Md5;
    Md5HashHandle<'_> => Md5;
}
