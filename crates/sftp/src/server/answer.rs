//! Answers of whoever has the files, and how they lie on the wire.

use crate::message::attributes::Attributes;
use crate::message::extension::{
    CheckFileReply, Md5HashReply, StatvfsReply, UsersGroupsByIdReply, put_strings,
};
use crate::message::number::PacketType;
use crate::message::number::StatusCode;
use crate::message::packet::put_packet;
use crate::message::reply::{Attrs, Data as DataReply, ExtendedReply, Handle, Name, NameEntry, Status};
use crate::server::failure::Failure;
use crate::server::filesystem::Entry;
use crate::server::handles::{Handles, Open};
use bytes::Bytes;
use konko_wire::decode::Rest;
use konko_wire::encode::Encode;
use std::sync::Arc;

/// A file that was opened.
#[derive(Debug)]
pub struct OpenedFile<F>(pub F);
/// A directory that was opened.
#[derive(Debug)]
pub struct OpenedDirectory<D>(pub D);
/// What was read, at most as much as was asked for. Nothing means the end, if anything was asked for.
#[derive(Debug)]
pub struct Data(pub Bytes);
/// The next names of a directory. None means that there are no more.
#[derive(Debug)]
pub struct Names(pub Vec<Entry>);
/// A path.
#[derive(Debug)]
pub struct PathName(pub Vec<u8>);
/// Names of users and groups, in the order of the question, empty where there is none.
#[derive(Debug)]
pub struct PrincipalNames {
    /// Of users.
    pub users: Vec<Vec<u8>>,
    /// Of groups.
    pub groups: Vec<Vec<u8>>,
}
/// Hashes of a file.
#[derive(Debug)]
pub enum Hashes {
    /// Of `check-file`.
    CheckFile {
        /// The algorithm that was chosen.
        algorithm: &'static str,
        /// Hash after hash.
        hashes: Vec<u8>,
    },
    /// Of `md5-hash`: one, or nothing if the quick check failed.
    Md5Hash(Vec<u8>),
}

/// What answers a request with a packet.
pub trait Answer<F, D>: sealed::Sealed<F, D> {}

pub(super) mod sealed {
    use super::{Failure, Handles};

    pub trait Sealed<F, D> {
        /// Appends the reply. A failure is answered with STATUS instead.
        fn put(self, id: u32, handles: &mut Handles<F, D>, out: &mut Vec<u8>) -> Result<(), Failure>;
    }
}

impl<F, D, A: sealed::Sealed<F, D>> Answer<F, D> for A {}

/// Appends a STATUS.
pub(super) fn put_status(out: &mut Vec<u8>, id: u32, failure: &Failure) {
    let status = Status { code: failure.code, message: failure.words.as_bytes(), language_tag: b"en" };
    put_packet(out, PacketType::STATUS, id, &status);
}

fn put_extended(out: &mut Vec<u8>, id: u32, fields: &impl Encode) {
    put_packet(out, PacketType::EXTENDED_REPLY, id, &ExtendedReply { fields: Rest(&fields.to_vec()) });
}

fn put_handle<F, D>(handles: &mut Handles<F, D>, open: Open<F, D>, id: u32, out: &mut Vec<u8>) {
    let handle = handles.insert(open);
    put_packet(out, PacketType::HANDLE, id, &Handle { handle: &handle });
}

impl<F, D> sealed::Sealed<F, D> for () {
    fn put(self, id: u32, _: &mut Handles<F, D>, out: &mut Vec<u8>) -> Result<(), Failure> {
        put_status(out, id, &Failure::new(StatusCode::OK, "Success"));
        Ok(())
    }
}

impl<F, D> sealed::Sealed<F, D> for OpenedFile<F> {
    fn put(self, id: u32, handles: &mut Handles<F, D>, out: &mut Vec<u8>) -> Result<(), Failure> {
        put_handle(handles, Open::File(Arc::new(self.0)), id, out);
        Ok(())
    }
}

impl<F, D> sealed::Sealed<F, D> for OpenedDirectory<D> {
    fn put(self, id: u32, handles: &mut Handles<F, D>, out: &mut Vec<u8>) -> Result<(), Failure> {
        put_handle(handles, Open::Directory(Arc::new(self.0)), id, out);
        Ok(())
    }
}

impl<F, D> sealed::Sealed<F, D> for Data {
    fn put(self, id: u32, _: &mut Handles<F, D>, out: &mut Vec<u8>) -> Result<(), Failure> {
        if self.0.is_empty() {
            return Err(Failure::end());
        }
        put_packet(out, PacketType::DATA, id, &DataReply { data: &self.0 });
        Ok(())
    }
}

impl<F, D> sealed::Sealed<F, D> for Names {
    fn put(self, id: u32, _: &mut Handles<F, D>, out: &mut Vec<u8>) -> Result<(), Failure> {
        if self.0.is_empty() {
            return Err(Failure::end());
        }
        let entries = self
            .0
            .iter()
            .map(|entry| NameEntry {
                filename: &entry.name,
                longname: &entry.long_name,
                attributes: entry.attributes.clone(),
            })
            .collect();
        put_packet(out, PacketType::NAME, id, &Name { entries });
        Ok(())
    }
}

impl<F, D> sealed::Sealed<F, D> for PathName {
    fn put(self, id: u32, _: &mut Handles<F, D>, out: &mut Vec<u8>) -> Result<(), Failure> {
        // §6.11: "exactly one name and dummy attributes".
        let entry = NameEntry { filename: &self.0, longname: &self.0, attributes: Attributes::default() };
        put_packet(out, PacketType::NAME, id, &Name { entries: vec![entry] });
        Ok(())
    }
}

impl<F, D> sealed::Sealed<F, D> for Attributes {
    fn put(self, id: u32, _: &mut Handles<F, D>, out: &mut Vec<u8>) -> Result<(), Failure> {
        put_packet(out, PacketType::ATTRS, id, &Attrs { attributes: self });
        Ok(())
    }
}

impl<F, D> sealed::Sealed<F, D> for StatvfsReply {
    fn put(self, id: u32, _: &mut Handles<F, D>, out: &mut Vec<u8>) -> Result<(), Failure> {
        put_extended(out, id, &self);
        Ok(())
    }
}

impl<F, D> sealed::Sealed<F, D> for PrincipalNames {
    fn put(self, id: u32, _: &mut Handles<F, D>, out: &mut Vec<u8>) -> Result<(), Failure> {
        let (mut usernames, mut groupnames) = (Vec::new(), Vec::new());
        for (out, names) in [(&mut usernames, &self.users), (&mut groupnames, &self.groups)] {
            put_strings(out, &names.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        put_extended(out, id, &UsersGroupsByIdReply { usernames: &usernames, groupnames: &groupnames });
        Ok(())
    }
}

impl<F, D> sealed::Sealed<F, D> for Hashes {
    fn put(self, id: u32, _: &mut Handles<F, D>, out: &mut Vec<u8>) -> Result<(), Failure> {
        match &self {
            Self::CheckFile { algorithm, hashes } => {
                put_extended(out, id, &CheckFileReply { hash_algorithm: algorithm.as_bytes(), hashes });
            }
            Self::Md5Hash(hash) => put_extended(out, id, &Md5HashReply { name: b"md5-hash", hash }),
        }
        Ok(())
    }
}
