//! Extensions: their names, requests and replies (OpenSSH PROTOCOL section 4;
//! draft-ietf-secsh-filexfer-extensions-00 §3 for `check-file` and `md5-hash`). A request struct holds the fields
//! behind the extension's name; [`ExtensionRequest`] puts the name before it.

use konko_wire::decode::{DecodeError, Reader, Rest};
use konko_wire::encode::{Encode, put_string, put_u32};

use crate::message::attributes::Attributes;

konko_wire::bodies! {
    /// Renames with the semantics of POSIX: what exists is replaced. Answered with STATUS.
    PosixRename<'a> = "posix-rename@openssh.com" {
        /// The name it has.
        old_path: &'a [u8],
        /// The name it gets.
        new_path: &'a [u8],
    }
    /// About the filesystem of a path. Answered with [`StatvfsReply`].
    Statvfs<'a> = "statvfs@openssh.com" {
        /// Which.
        path: &'a [u8],
    }
    /// About the filesystem of a handle. Answered with [`StatvfsReply`].
    Fstatvfs<'a> = "fstatvfs@openssh.com" {
        /// Which.
        handle: &'a [u8],
    }
    /// Creates a hard link. Answered with STATUS.
    Hardlink<'a> = "hardlink@openssh.com" {
        /// The name it has.
        old_path: &'a [u8],
        /// The further name.
        new_path: &'a [u8],
    }
    /// Waits until a file is on the disk. Answered with STATUS.
    Fsync<'a> = "fsync@openssh.com" {
        /// Which.
        handle: &'a [u8],
    }
    /// SETSTAT that does not follow a symbolic link. Answered with STATUS.
    Lsetstat<'a> = "lsetstat@openssh.com" {
        /// Of what.
        path: &'a [u8],
        /// To what.
        attributes: Attributes,
    }
    /// Asks for the server's limits. Answered with [`LimitsReply`].
    Limits = "limits@openssh.com" {
    }
    /// The server's limits; zero where it knows none.
    LimitsReply = "limits@openssh.com" {
        /// The longest packet, without its length field.
        max_packet_length: u64,
        /// The most bytes of one READ.
        max_read_length: u64,
        /// The most bytes of one WRITE.
        max_write_length: u64,
        /// The most handles open at once.
        max_open_handles: u64,
    }
    /// REALPATH that knows `~` and `~user`. Answered with NAME of one entry.
    ExpandPath<'a> = "expand-path@openssh.com" {
        /// Which.
        path: &'a [u8],
    }
    /// Copies bytes between two files of the server. Answered with STATUS.
    CopyData<'a> = "copy-data" {
        /// From which file.
        read_from_handle: &'a [u8],
        /// From where, in bytes.
        read_from_offset: u64,
        /// How many bytes; zero means to the end.
        read_data_length: u64,
        /// To which file.
        write_to_handle: &'a [u8],
        /// Where to, in bytes.
        write_to_offset: u64,
    }
    /// The home directory of a user. Answered with NAME of one entry.
    HomeDirectory<'a> = "home-directory" {
        /// Who; empty for oneself.
        username: &'a [u8],
    }
    /// Names of users and groups. Answered with [`UsersGroupsByIdReply`].
    UsersGroupsById<'a> = "users-groups-by-id@openssh.com" {
        /// uint32 after uint32.
        uids: &'a [u8],
        /// uint32 after uint32.
        gids: &'a [u8],
    }
    /// Names of users and groups, in the order of the request; empty where there is none.
    UsersGroupsByIdReply<'a> = "users-groups-by-id@openssh.com" {
        /// String after string.
        usernames: &'a [u8],
        /// String after string.
        groupnames: &'a [u8],
    }
    /// Hashes of blocks of a path. Answered with [`CheckFileReply`].
    CheckFileName<'a> = "check-file-name" {
        /// Which.
        name: &'a [u8],
        /// Acceptable algorithms, comma-separated, preferred first.
        hash_algorithms: &'a [u8],
        /// From where, in bytes.
        start_offset: u64,
        /// How many bytes; zero means to the end.
        length: u64,
        /// Bytes of a block, at least 256; zero means all in one.
        block_size: u32,
    }
    /// Hashes of blocks of a handle. Answered with [`CheckFileReply`].
    CheckFileHandle<'a> = "check-file-handle" {
        /// Which.
        handle: &'a [u8],
        /// Acceptable algorithms, comma-separated, preferred first.
        hash_algorithms: &'a [u8],
        /// From where, in bytes.
        start_offset: u64,
        /// How many bytes; zero means to the end.
        length: u64,
        /// Bytes of a block, at least 256; zero means all in one.
        block_size: u32,
    }
    /// [`CheckFileHandle`] under the name that paramiko uses. Answered with [`CheckFileReply`].
    CheckFile<'a> = "check-file" {
        /// Which.
        handle: &'a [u8],
        /// Acceptable algorithms, comma-separated, preferred first.
        hash_algorithms: &'a [u8],
        /// From where, in bytes.
        start_offset: u64,
        /// How many bytes; zero means to the end.
        length: u64,
        /// Bytes of a block, at least 256; zero means all in one.
        block_size: u32,
    }
    /// MD5 of a part of a path. Answered with [`Md5HashReply`].
    Md5Hash<'a> = "md5-hash" {
        /// Which.
        name: &'a [u8],
        /// From where, in bytes.
        start_offset: u64,
        /// How many bytes; zero means to the end.
        length: u64,
        /// What the first 2,048 bytes should hash to, or empty: if they do not, the answer is empty.
        quick_check_hash: &'a [u8],
    }
    /// MD5 of a part of a handle. Answered with [`Md5HashReply`].
    Md5HashHandle<'a> = "md5-hash-handle" {
        /// Which.
        handle: &'a [u8],
        /// From where, in bytes.
        start_offset: u64,
        /// How many bytes; zero means to the end.
        length: u64,
        /// What the first 2,048 bytes should hash to, or empty: if they do not, the answer is empty.
        quick_check_hash: &'a [u8],
    }
    /// MD5 of a part of a file.
    Md5HashReply<'a> = "md5-hash" {
        /// "md5-hash".
        name: &'a [u8],
        /// 16 bytes, or none.
        hash: &'a [u8],
    }
    /// What `statvfs` says, in the order of the system call's struct.
    StatvfsReply = "statvfs@openssh.com" {
        /// Block size in bytes.
        block_size: u64,
        /// Fundamental block size in bytes, the unit of the counts.
        fragment_size: u64,
        /// Blocks in all.
        blocks: u64,
        /// Free blocks.
        free_blocks: u64,
        /// Free blocks for ordinary users.
        available_blocks: u64,
        /// Files in all.
        files: u64,
        /// Free files.
        free_files: u64,
        /// Free files for ordinary users.
        available_files: u64,
        /// The filesystem's number.
        filesystem_id: u64,
        /// [`StatvfsReply::READ_ONLY`], [`StatvfsReply::NO_SETUID`].
        flags: u64,
        /// The longest file name in bytes.
        maximum_name_length: u64,
    }
}

impl StatvfsReply {
    /// Nothing can be written.
    pub const READ_ONLY: u64 = 1;
    /// The set-user-id bit has no effect.
    pub const NO_SETUID: u64 = 2;
}

/// Hashes of blocks of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckFileReply<'a> {
    /// The algorithm that the server chose.
    pub hash_algorithm: &'a [u8],
    /// Hash after hash.
    pub hashes: &'a [u8],
}

impl<'a> CheckFileReply<'a> {
    /// What the draft puts in front.
    pub const NAME: &'static str = "check-file";

    /// Decodes the fields. The draft puts "check-file" in front; some servers leave it out.
    pub fn decode(fields: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(fields);
        let mut hash_algorithm = reader.read_string()?;
        if hash_algorithm == Self::NAME.as_bytes() {
            hash_algorithm = reader.read_string()?;
        }
        Ok(Self { hash_algorithm, hashes: reader.rest() })
    }
}

impl Encode for CheckFileReply<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        put_string(out, Self::NAME.as_bytes());
        put_string(out, self.hash_algorithm);
        Rest(self.hashes).encode(out);
    }
}

/// The fields of an EXTENDED packet: the name, then the fields of the extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionRequest<'a, M> {
    /// The extension.
    pub name: &'a str,
    /// Its fields.
    pub fields: M,
}

impl<M: Encode> Encode for ExtensionRequest<'_, M> {
    fn encode(&self, out: &mut Vec<u8>) {
        put_string(out, self.name.as_bytes());
        self.fields.encode(out);
    }
}

/// Appends numbers as [`UsersGroupsById`] carries them.
pub fn put_numbers(out: &mut Vec<u8>, numbers: &[u32]) {
    for number in numbers {
        put_u32(out, *number);
    }
}

/// Reads numbers as [`UsersGroupsById`] carries them. More than `limit` are refused.
pub fn read_numbers(bytes: &[u8], limit: usize) -> Result<Vec<u32>, DecodeError> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(DecodeError::Truncated);
    }
    if numbers.len() > limit {
        return Err(DecodeError::TooMany);
    }
    Ok(numbers.iter().map(|number| u32::from_be_bytes(*number)).collect())
}

/// Appends strings as [`UsersGroupsByIdReply`] carries them.
pub fn put_strings(out: &mut Vec<u8>, strings: &[&[u8]]) {
    for string in strings {
        put_string(out, string);
    }
}

/// Reads strings as [`UsersGroupsByIdReply`] carries them. More than `limit` are refused.
pub fn read_strings(bytes: &[u8], limit: usize) -> Result<Vec<&[u8]>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut strings = Vec::new();
    while !reader.is_empty() {
        if strings.len() == limit {
            return Err(DecodeError::TooMany);
        }
        strings.push(reader.read_string()?);
    }
    Ok(strings)
}
