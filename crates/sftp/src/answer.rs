//! What the server answers, decoded as it arrives: whatever is not the answer to the request ends the session.

use bytes::Bytes;
use konko_wire::decode::{DecodeError, Reader};

use crate::attributes_v4::read_metadata;
use crate::error::{Error, Failure, Misbehaviour};
use crate::incoming::Payload;
use crate::message::extension::{
    CheckFileReply, LimitsReply, Md5HashReply, StatvfsReply, UsersGroupsByIdReply, read_strings,
};
use crate::message::number::{PacketType, StatusCode, VERSION_3};
use crate::message::reply::{Attrs, Handle as HandleMessage, MAXIMUM_HANDLE, Name, Status};
use crate::metadata::{DirectoryEntry, Metadata};
use crate::text::printable;

/// The longest of the server's words that is kept.
const LONGEST_WORDS: usize = 1024;
/// The most names of users or groups that one answer may carry.
const MOST_PRINCIPALS: usize = 4096;

/// A file or directory that the server holds open for us.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Handle(Bytes);

impl Handle {
    /// As it is on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Status { code: StatusCode, message: Bytes },
    Handle(Handle),
    Data(Payload),
    Names(Vec<DirectoryEntry>),
    Attributes(Box<Metadata>),
    Extended(Bytes),
}

/// Which answer a request expects, besides a STATUS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Only STATUS.
    Status,
    /// HANDLE.
    Handle,
    /// DATA of at most so many bytes.
    Data(u32),
    /// NAME.
    Names,
    /// ATTRS.
    Attributes,
    /// EXTENDED_REPLY.
    Extended,
}

impl Expected {
    /// The packet it comes in.
    pub const fn packet_type(self) -> PacketType {
        match self {
            Self::Status => PacketType::STATUS,
            Self::Handle => PacketType::HANDLE,
            Self::Data(_) => PacketType::DATA,
            Self::Names => PacketType::NAME,
            Self::Attributes => PacketType::ATTRS,
            Self::Extended => PacketType::EXTENDED_REPLY,
        }
    }
}

impl Answer {
    /// Decodes what stands behind the request id of anything but DATA.
    pub(crate) fn decode(version: u32, packet: PacketType, fields: &Bytes) -> Result<Self, Error> {
        let decoded = match packet {
            PacketType::STATUS => Status::decode(fields).map(|status| Self::Status {
                code: status.code,
                message: Bytes::copy_from_slice(&status.message[..status.message.len().min(LONGEST_WORDS)]),
            }),
            PacketType::HANDLE => {
                let handle =
                    HandleMessage::decode(fields).map_err(|error| Error::Decode { packet, error })?;
                if handle.handle.len() > MAXIMUM_HANDLE {
                    return Err(Misbehaviour::LongHandle(handle.handle.len()).into());
                }
                Ok(Self::Handle(Handle(Bytes::copy_from_slice(handle.handle))))
            }
            PacketType::NAME => names(version, fields).map(Self::Names),
            PacketType::ATTRS => {
                attributes(version, fields).map(|metadata| Self::Attributes(Box::new(metadata)))
            }
            // What follows depends on the extension.
            _ => Ok(Self::Extended(fields.clone())),
        };
        decoded.map_err(|error| Error::Decode { packet, error })
    }

    /// The answer, unless it says that the request failed.
    fn or_failure(self, operation: &'static str) -> Result<Self, Error> {
        match self {
            Self::Status { code, message } if code != StatusCode::OK => {
                Err(failure(operation, code, &message))
            }
            answer => Ok(answer),
        }
    }
}

/// The server refused.
pub(crate) fn failure(operation: &'static str, code: StatusCode, message: &[u8]) -> Error {
    Error::Status(Box::new(Failure {
        operation,
        path: None,
        offset: None,
        code,
        message: printable(message),
    }))
}

fn names(version: u32, fields: &[u8]) -> Result<Vec<DirectoryEntry>, DecodeError> {
    if version > VERSION_3 {
        return names_v4(version, fields);
    }
    let names = Name::decode(fields)?;
    let entries = names.entries.into_iter().map(|entry| DirectoryEntry {
        name: Vec::from(entry.filename),
        long_name: Vec::from(entry.longname),
        metadata: Metadata::from(entry.attributes),
    });
    Ok(entries.collect())
}

/// From version 4 on there are no long names; version 6 may say at the end whether the listing is complete.
fn names_v4(version: u32, fields: &[u8]) -> Result<Vec<DirectoryEntry>, DecodeError> {
    /// An empty string, flags and a type.
    const SMALLEST_ENTRY: usize = 9;
    let mut reader = Reader::new(fields);
    let count = reader.read_u32()? as usize;
    if count > reader.remaining() / SMALLEST_ENTRY {
        return Err(DecodeError::Truncated);
    }
    let mut entries = Vec::new();
    for _ in 0..count {
        let name = Vec::from(reader.read_string()?);
        let metadata = read_metadata(&mut reader, version)?;
        entries.push(DirectoryEntry { name, long_name: Vec::new(), metadata });
    }
    if version >= 6 && !reader.is_empty() {
        reader.read_bool()?;
    }
    reader.finish()?;
    Ok(entries)
}

fn attributes(version: u32, fields: &[u8]) -> Result<Metadata, DecodeError> {
    if version > VERSION_3 {
        let mut reader = Reader::new(fields);
        let metadata = read_metadata(&mut reader, version)?;
        reader.finish()?;
        return Ok(metadata);
    }
    Attrs::decode(fields).map(|attrs| Metadata::from(attrs.attributes))
}

/// What a request is answered with.
pub trait Reply: Sized {
    /// Which packet it comes in.
    const EXPECTED: Expected;

    /// Makes it of what arrived.
    fn from_answer(operation: &'static str, answer: Received) -> Result<Self, Error>;
}

/// An answer that arrived, of the kind that its request expects.
#[derive(Debug)]
pub struct Received(Answer);

impl Received {
    /// Unless it says that the request failed.
    pub(crate) fn of(operation: &'static str, answer: Answer) -> Result<Self, Error> {
        answer.or_failure(operation).map(Self)
    }

    fn extended(&self) -> &[u8] {
        match &self.0 {
            Answer::Extended(fields) => fields,
            _ => &[],
        }
    }
}

/// A reply whose packet was checked when it arrived cannot be another one; this is for the compiler.
const MIXED_UP: Error = Error::ApiMisuse("the ticket belongs to another request");

impl Reply for () {
    const EXPECTED: Expected = Expected::Status;

    fn from_answer(_: &'static str, _: Received) -> Result<Self, Error> {
        Ok(())
    }
}

impl Reply for Handle {
    const EXPECTED: Expected = Expected::Handle;

    fn from_answer(_: &'static str, answer: Received) -> Result<Self, Error> {
        match answer.0 {
            Answer::Handle(handle) => Ok(handle),
            _ => Err(MIXED_UP),
        }
    }
}

impl Reply for Payload {
    const EXPECTED: Expected = Expected::Data(0);

    fn from_answer(_: &'static str, answer: Received) -> Result<Self, Error> {
        match answer.0 {
            Answer::Data(payload) => Ok(payload),
            _ => Err(MIXED_UP),
        }
    }
}

impl Reply for Vec<DirectoryEntry> {
    const EXPECTED: Expected = Expected::Names;

    fn from_answer(_: &'static str, answer: Received) -> Result<Self, Error> {
        match answer.0 {
            Answer::Names(names) => Ok(names),
            _ => Err(MIXED_UP),
        }
    }
}

impl Reply for Metadata {
    const EXPECTED: Expected = Expected::Attributes;

    fn from_answer(_: &'static str, answer: Received) -> Result<Self, Error> {
        match answer.0 {
            Answer::Attributes(metadata) => Ok(*metadata),
            _ => Err(MIXED_UP),
        }
    }
}

/// One path, where NAME must carry exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnePath(pub Vec<u8>);

impl Reply for OnePath {
    const EXPECTED: Expected = Expected::Names;

    fn from_answer(operation: &'static str, answer: Received) -> Result<Self, Error> {
        let names = Vec::<DirectoryEntry>::from_answer(operation, answer)?;
        match <[DirectoryEntry; 1]>::try_from(names) {
            Ok([entry]) if entry.name.is_empty() => Err(Misbehaviour::EmptyPath(operation).into()),
            Ok([entry]) => Ok(Self(entry.name)),
            Err(names) => Err(Misbehaviour::NotOneName { operation, count: names.len() }.into()),
        }
    }
}

const fn malformed(error: DecodeError) -> Error {
    Error::Decode { packet: PacketType::EXTENDED_REPLY, error }
}

macro_rules! extended {
    ($($type:ty)*) => {$(
        impl Reply for $type {
            const EXPECTED: Expected = Expected::Extended;

            fn from_answer(_: &'static str, answer: Received) -> Result<Self, Error> {
                Self::decode(answer.extended()).map_err(malformed)
            }
        }
    )*};
}

extended! { LimitsReply StatvfsReply }

/// Hashes of a file, made by the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHashes {
    /// The algorithm that the server chose.
    pub algorithm: Vec<u8>,
    /// Hash after hash.
    pub hashes: Vec<u8>,
}

impl Reply for FileHashes {
    const EXPECTED: Expected = Expected::Extended;

    fn from_answer(_: &'static str, answer: Received) -> Result<Self, Error> {
        let reply = CheckFileReply::decode(answer.extended()).map_err(malformed)?;
        Ok(Self { algorithm: reply.hash_algorithm.to_vec(), hashes: reply.hashes.to_vec() })
    }
}

/// MD5 of a file, made by the server; empty where its beginning was not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Md5(pub Vec<u8>);

impl Reply for Md5 {
    const EXPECTED: Expected = Expected::Extended;

    fn from_answer(_: &'static str, answer: Received) -> Result<Self, Error> {
        Md5HashReply::decode(answer.extended()).map(|reply| Self(reply.hash.to_vec())).map_err(malformed)
    }
}

/// Names of users and groups, in the order they were asked for; empty where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Principals {
    /// Of the users.
    pub users: Vec<Vec<u8>>,
    /// Of the groups.
    pub groups: Vec<Vec<u8>>,
}

impl Reply for Principals {
    const EXPECTED: Expected = Expected::Extended;

    fn from_answer(_: &'static str, answer: Received) -> Result<Self, Error> {
        let list = |bytes| {
            let strings = read_strings(bytes, MOST_PRINCIPALS)?;
            Ok(strings.into_iter().map(<[u8]>::to_vec).collect())
        };
        let decode = || {
            let reply = UsersGroupsByIdReply::decode(answer.extended())?;
            Ok(Self { users: list(reply.usernames)?, groups: list(reply.groupnames)? })
        };
        decode().map_err(malformed)
    }
}
