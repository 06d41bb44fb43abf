//! Assigned numbers of the SSH File Transfer Protocol (draft-ietf-secsh-filexfer-02 §3, §4 and §7; the later drafts
//! for versions 4–6): packet types, status codes, open flags.

use konko_wire::decode::{Decode, DecodeError, Reader};
use konko_wire::encode::Encode;

/// The version that nearly everybody speaks (draft-ietf-secsh-filexfer-02).
pub const VERSION_3: u32 = 3;

konko_wire::open_numbers! {
    /// The type of a packet (draft-02 §3). Numbers without a name are kept as they are.
    PacketType(u8):
    /// The client's first packet.
    INIT = 1 "SSH_FXP_INIT";
    /// The server's first packet.
    VERSION = 2 "SSH_FXP_VERSION";
    /// Opens a file.
    OPEN = 3 "SSH_FXP_OPEN";
    /// Closes a handle.
    CLOSE = 4 "SSH_FXP_CLOSE";
    /// Reads from a file.
    READ = 5 "SSH_FXP_READ";
    /// Writes to a file.
    WRITE = 6 "SSH_FXP_WRITE";
    /// Attributes of a path; a symbolic link is not followed.
    LSTAT = 7 "SSH_FXP_LSTAT";
    /// Attributes of a handle.
    FSTAT = 8 "SSH_FXP_FSTAT";
    /// Sets attributes of a path.
    SETSTAT = 9 "SSH_FXP_SETSTAT";
    /// Sets attributes of a handle.
    FSETSTAT = 10 "SSH_FXP_FSETSTAT";
    /// Opens a directory.
    OPENDIR = 11 "SSH_FXP_OPENDIR";
    /// Reads from a directory.
    READDIR = 12 "SSH_FXP_READDIR";
    /// Removes a file.
    REMOVE = 13 "SSH_FXP_REMOVE";
    /// Creates a directory.
    MKDIR = 14 "SSH_FXP_MKDIR";
    /// Removes a directory.
    RMDIR = 15 "SSH_FXP_RMDIR";
    /// Makes a path absolute.
    REALPATH = 16 "SSH_FXP_REALPATH";
    /// Attributes of a path; a symbolic link is followed.
    STAT = 17 "SSH_FXP_STAT";
    /// Renames.
    RENAME = 18 "SSH_FXP_RENAME";
    /// Reads a symbolic link.
    READLINK = 19 "SSH_FXP_READLINK";
    /// Creates a symbolic link.
    SYMLINK = 20 "SSH_FXP_SYMLINK";
    /// Creates a link; version 6 only.
    LINK = 21 "SSH_FXP_LINK";
    /// Locks a range of bytes; version 6 only.
    BLOCK = 22 "SSH_FXP_BLOCK";
    /// Unlocks a range of bytes; version 6 only.
    UNBLOCK = 23 "SSH_FXP_UNBLOCK";
    /// How a request ended.
    STATUS = 101 "SSH_FXP_STATUS";
    /// A handle.
    HANDLE = 102 "SSH_FXP_HANDLE";
    /// Bytes of a file.
    DATA = 103 "SSH_FXP_DATA";
    /// Names and attributes.
    NAME = 104 "SSH_FXP_NAME";
    /// Attributes.
    ATTRS = 105 "SSH_FXP_ATTRS";
    /// A request of an extension.
    EXTENDED = 200 "SSH_FXP_EXTENDED";
    /// The answer to a request of an extension.
    EXTENDED_REPLY = 201 "SSH_FXP_EXTENDED_REPLY";
}

konko_wire::open_numbers! {
    /// How a request ended (draft-02 §7; from 9 on the drafts of versions 4–6). Numbers without a name are kept as
    /// they are.
    StatusCode(u32):
    /// Success.
    OK = 0 "SSH_FX_OK";
    /// Nothing follows: the end of a file or of a directory.
    EOF = 1 "SSH_FX_EOF";
    /// The path does not exist.
    NO_SUCH_FILE = 2 "SSH_FX_NO_SUCH_FILE";
    /// The user may not do this.
    PERMISSION_DENIED = 3 "SSH_FX_PERMISSION_DENIED";
    /// Anything else that went wrong.
    FAILURE = 4 "SSH_FX_FAILURE";
    /// The packet is malformed.
    BAD_MESSAGE = 5 "SSH_FX_BAD_MESSAGE";
    /// Made up by a client, never sent: there is no connection.
    NO_CONNECTION = 6 "SSH_FX_NO_CONNECTION";
    /// Made up by a client, never sent: the connection is lost.
    CONNECTION_LOST = 7 "SSH_FX_CONNECTION_LOST";
    /// The server does not know the request.
    OP_UNSUPPORTED = 8 "SSH_FX_OP_UNSUPPORTED";
    /// The handle is not valid.
    INVALID_HANDLE = 9 "SSH_FX_INVALID_HANDLE";
    /// A directory of the path does not exist.
    NO_SUCH_PATH = 10 "SSH_FX_NO_SUCH_PATH";
    /// It exists already.
    FILE_ALREADY_EXISTS = 11 "SSH_FX_FILE_ALREADY_EXISTS";
    /// The medium is write-protected.
    WRITE_PROTECT = 12 "SSH_FX_WRITE_PROTECT";
    /// There is no medium in the drive.
    NO_MEDIA = 13 "SSH_FX_NO_MEDIA";
    /// The medium is full.
    NO_SPACE_ON_FILESYSTEM = 14 "SSH_FX_NO_SPACE_ON_FILESYSTEM";
    /// The user's quota is used up.
    QUOTA_EXCEEDED = 15 "SSH_FX_QUOTA_EXCEEDED";
    /// An owner or group is not known.
    UNKNOWN_PRINCIPAL = 16 "SSH_FX_UNKNOWN_PRINCIPAL";
    /// Another one holds a conflicting lock.
    LOCK_CONFLICT = 17 "SSH_FX_LOCK_CONFLICT";
    /// The directory is not empty.
    DIR_NOT_EMPTY = 18 "SSH_FX_DIR_NOT_EMPTY";
    /// It is not a directory.
    NOT_A_DIRECTORY = 19 "SSH_FX_NOT_A_DIRECTORY";
    /// The name is not allowed.
    INVALID_FILENAME = 20 "SSH_FX_INVALID_FILENAME";
    /// Too many symbolic links.
    LINK_LOOP = 21 "SSH_FX_LINK_LOOP";
    /// It cannot be deleted.
    CANNOT_DELETE = 22 "SSH_FX_CANNOT_DELETE";
    /// A parameter is not valid.
    INVALID_PARAMETER = 23 "SSH_FX_INVALID_PARAMETER";
    /// It is a directory.
    FILE_IS_A_DIRECTORY = 24 "SSH_FX_FILE_IS_A_DIRECTORY";
    /// Another one holds a lock on the range of bytes.
    BYTE_RANGE_LOCK_CONFLICT = 25 "SSH_FX_BYTE_RANGE_LOCK_CONFLICT";
    /// A lock was refused.
    BYTE_RANGE_LOCK_REFUSED = 26 "SSH_FX_BYTE_RANGE_LOCK_REFUSED";
    /// It waits to be deleted.
    DELETE_PENDING = 27 "SSH_FX_DELETE_PENDING";
    /// The file is corrupt.
    FILE_CORRUPT = 28 "SSH_FX_FILE_CORRUPT";
    /// The owner is not valid.
    OWNER_INVALID = 29 "SSH_FX_OWNER_INVALID";
    /// The group is not valid.
    GROUP_INVALID = 30 "SSH_FX_GROUP_INVALID";
    /// There is no such lock.
    NO_MATCHING_BYTE_RANGE_LOCK = 31 "SSH_FX_NO_MATCHING_BYTE_RANGE_LOCK";
}

/// How a file is opened in versions 3 and 4 (draft-02 §6.3, `pflags`). Bits without a name are kept as they are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct OpenFlags(pub u32);

impl OpenFlags {
    /// Open for reading.
    pub const READ: Self = Self(0x01);
    /// Open for writing.
    pub const WRITE: Self = Self(0x02);
    /// Writes go to the end.
    pub const APPEND: Self = Self(0x04);
    /// Create the file if it is not there.
    pub const CREAT: Self = Self(0x08);
    /// Truncate the file.
    pub const TRUNC: Self = Self(0x10);
    /// Fail if the file is there.
    pub const EXCL: Self = Self(0x20);
    /// Text; version 4 only.
    pub const TEXT: Self = Self(0x40);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// With the bits of `other` as well.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitOr for OpenFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl std::fmt::Debug for OpenFlags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenFlags({:#x})", self.0)
    }
}

impl Encode for OpenFlags {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl<'a> Decode<'a> for OpenFlags {
    fn decode_from(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.read_u32().map(Self)
    }
}
