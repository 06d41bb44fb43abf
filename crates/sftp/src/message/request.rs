//! The requests of version 3 (draft-ietf-secsh-filexfer-02 §6 and §8). Paths are bytes; each struct holds the fields
//! behind the request id.

use konko_wire::decode::{DecodeError, Reader, Rest};
use konko_wire::encode::{Encode, put_string, put_u32};

use crate::message::attributes::Attributes;
use crate::message::number::{OpenFlags, PacketType};

messages! {
    /// Opens a file (§6.3). Answered with HANDLE or STATUS.
    Open<'a> = OPEN {
        /// Which.
        filename: &'a [u8],
        /// How.
        pflags: OpenFlags,
        /// The initial attributes of a new file.
        attributes: Attributes,
    }
    /// Closes a file or directory (§6.3). Answered with STATUS.
    Close<'a> = CLOSE {
        /// Which.
        handle: &'a [u8],
    }
    /// Reads from a file (§6.4). Answered with DATA or STATUS; less than asked for is no end.
    Read<'a> = READ {
        /// Which.
        handle: &'a [u8],
        /// From where, in bytes.
        offset: u64,
        /// How many bytes at most.
        length: u32,
    }
    /// Writes to a file (§6.4). Answered with STATUS.
    Write<'a> = WRITE {
        /// Which.
        handle: &'a [u8],
        /// Where to, in bytes; ignored for a file opened to append.
        offset: u64,
        /// What.
        data: &'a [u8],
    }
    /// Attributes of a path; a symbolic link is not followed (§6.8). Answered with ATTRS or STATUS.
    Lstat<'a> = LSTAT {
        /// Of what.
        path: &'a [u8],
    }
    /// Attributes of a handle (§6.8). Answered with ATTRS or STATUS.
    Fstat<'a> = FSTAT {
        /// Of what.
        handle: &'a [u8],
    }
    /// Sets attributes of a path (§6.9). Answered with STATUS.
    Setstat<'a> = SETSTAT {
        /// Of what.
        path: &'a [u8],
        /// To what.
        attributes: Attributes,
    }
    /// Sets attributes of a handle (§6.9). Answered with STATUS.
    Fsetstat<'a> = FSETSTAT {
        /// Of what.
        handle: &'a [u8],
        /// To what.
        attributes: Attributes,
    }
    /// Opens a directory (§6.7). Answered with HANDLE or STATUS.
    Opendir<'a> = OPENDIR {
        /// Which.
        path: &'a [u8],
    }
    /// The next entries of a directory (§6.7). Answered with NAME or STATUS; EOF ends.
    Readdir<'a> = READDIR {
        /// Which.
        handle: &'a [u8],
    }
    /// Removes a file (§6.5). Answered with STATUS.
    Remove<'a> = REMOVE {
        /// Which.
        filename: &'a [u8],
    }
    /// Creates a directory (§6.6). Answered with STATUS.
    Mkdir<'a> = MKDIR {
        /// Which.
        path: &'a [u8],
        /// Its initial attributes.
        attributes: Attributes,
    }
    /// Removes an empty directory (§6.6). Answered with STATUS.
    Rmdir<'a> = RMDIR {
        /// Which.
        path: &'a [u8],
    }
    /// Makes a path absolute (§6.11). Answered with NAME of one entry, or STATUS.
    Realpath<'a> = REALPATH {
        /// Which.
        path: &'a [u8],
    }
    /// Attributes of a path; a symbolic link is followed (§6.8). Answered with ATTRS or STATUS.
    Stat<'a> = STAT {
        /// Of what.
        path: &'a [u8],
    }
    /// Renames a file or directory (§6.5). Answered with STATUS; what exists is not replaced.
    Rename<'a> = RENAME {
        /// The name it has.
        old_path: &'a [u8],
        /// The name it gets.
        new_path: &'a [u8],
    }
    /// Reads a symbolic link (§6.10). Answered with NAME of one entry, or STATUS.
    Readlink<'a> = READLINK {
        /// Which.
        path: &'a [u8],
    }
    /// Creates a symbolic link (§6.10). Answered with STATUS.
    ///
    /// The draft puts the path of the link first; OpenSSH's client and server, and after them nearly everybody,
    /// put the target first (OpenSSH PROTOCOL 4.1). This is OpenSSH's order.
    Symlink<'a> = SYMLINK {
        /// What the link says.
        target_path: &'a [u8],
        /// Where the link is created.
        link_path: &'a [u8],
    }
    /// A request of an extension (§8). Answered as the extension says; with STATUS OP_UNSUPPORTED if it is not
    /// known.
    Extended<'a> = EXTENDED {
        /// Its name; see [`extension`](super::extension).
        request: &'a [u8],
        /// Its fields.
        fields: Rest<'a>,
    }
}

/// A [`Write`] without its data, for who puts the data behind it in place, or takes it from there in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteHead<'a> {
    /// Which.
    pub handle: &'a [u8],
    /// Where to, in bytes.
    pub offset: u64,
    /// How many bytes of data follow.
    pub length: u32,
}

impl<'a> WriteHead<'a> {
    /// The type of the packet.
    pub const TYPE: PacketType = PacketType::WRITE;

    /// Reads the fields before the data; the data comes next.
    pub fn decode_from(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { handle: reader.read_string()?, offset: reader.read_u64()?, length: reader.read_u32()? })
    }
}

impl Encode for WriteHead<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        put_string(out, self.handle);
        self.offset.encode(out);
        put_u32(out, self.length);
    }
}
