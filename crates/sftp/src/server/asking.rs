//! From the fields of a request to the question about files.

use crate::message::extension::{
    CheckFile, CheckFileHandle, CheckFileName, CopyData, ExpandPath, Fstatvfs, Fsync, Hardlink,
    HomeDirectory, Limits, LimitsReply, Lsetstat, Md5Hash, Md5HashHandle, PosixRename, Statvfs,
    UsersGroupsById, read_numbers,
};
use crate::message::number::PacketType;
use crate::message::reply::Data as DataReply;
use crate::message::request::{
    Close, Fsetstat, Fstat, Lstat, Mkdir, Open, Opendir, Read, Readdir, Readlink, Realpath, Remove, Rename,
    Rmdir, Setstat, Stat, Symlink, WriteHead,
};
use crate::server::config::SymlinkOrder;
use crate::server::failure::Failure;
use crate::server::machine::SftpServer;
use crate::server::question::{
    AtFile, AtPath, AtPaths, HashForm, HashRange, HashedFile, PathQuestion, Question, SlowQuestion,
};
use crate::server::request_name::RequestName;
use crate::server::ticket::Ticket;
use bytes::Bytes;
use konko_wire::decode::{DecodeError, Reader};

/// How many users and groups one request may ask about.
const MAXIMUM_PRINCIPALS: usize = 4096;

impl From<DecodeError> for Failure {
    fn from(_: DecodeError) -> Self {
        Self::bad_message()
    }
}

/// A request whose fields are being read.
struct Request<'a> {
    head: &'a Bytes,
    fields: &'a [u8],
    id: u32,
    serial: u64,
}

impl Request<'_> {
    fn ticket<A>(&self) -> Ticket<A> {
        Ticket::new(self.id, self.serial)
    }

    /// A part of the fields, to be kept without a copy.
    fn keep(&self, part: &[u8]) -> Bytes {
        self.head.slice_ref(part)
    }

    fn at_path<A>(&self, path: &[u8]) -> AtPath<A> {
        AtPath { ticket: self.ticket(), path: self.keep(path) }
    }

    fn at_paths<A>(&self, old_path: &[u8], new_path: &[u8]) -> AtPaths<A> {
        AtPaths { ticket: self.ticket(), old_path: self.keep(old_path), new_path: self.keep(new_path) }
    }
}

impl<F, D> SftpServer<F, D> {
    /// The question that a request is. None: it is answered already.
    pub(super) fn question(
        &mut self,
        name: RequestName,
        id: u32,
        head: &Bytes,
        data: Vec<Bytes>,
    ) -> Result<Option<Question<F, D>>, Failure> {
        let mut reader = Reader::new(head);
        reader.read_bytes(5)?;
        if name.extension().is_some() {
            reader.read_string()?;
        }
        let request = Request { head, fields: reader.rest(), id, serial: self.next_serial() };
        match name {
            RequestName::Open | RequestName::Opendir | RequestName::Close => self.ask_handle(name, &request),
            RequestName::Read
            | RequestName::Write
            | RequestName::Readdir
            | RequestName::Fstat
            | RequestName::Fsetstat
            | RequestName::Fstatvfs => self.ask_open(name, &request, data),
            RequestName::Fsync
            | RequestName::CopyData
            | RequestName::CheckFileName
            | RequestName::CheckFileHandle
            | RequestName::CheckFile
            | RequestName::Md5Hash
            | RequestName::Md5HashHandle => {
                self.ask_slow(name, &request).map(|question| Some(Question::Slow(question)))
            }
            RequestName::Limits => {
                Limits::decode(request.fields)?;
                self.put_limits(id);
                Ok(None)
            }
            RequestName::Rename
            | RequestName::PosixRename
            | RequestName::Hardlink
            | RequestName::Symlink
            | RequestName::Remove
            | RequestName::Mkdir
            | RequestName::Rmdir
            | RequestName::Setstat
            | RequestName::Lsetstat => {
                Ok(Some(Question::Path(ask_change(name, &request, self.config.symlink_order)?)))
            }
            RequestName::Lstat
            | RequestName::Stat
            | RequestName::Realpath
            | RequestName::Readlink
            | RequestName::Statvfs
            | RequestName::ExpandPath
            | RequestName::HomeDirectory
            | RequestName::UsersGroupsById => Ok(Some(Question::Path(ask_look(name, &request)?))),
        }
    }

    fn ask_handle(
        &mut self,
        name: RequestName,
        request: &Request<'_>,
    ) -> Result<Option<Question<F, D>>, Failure> {
        Ok(Some(match name {
            RequestName::Open => {
                let Open { filename, pflags, attributes } = Open::decode(request.fields)?;
                self.may_open()?;
                Question::Open {
                    ticket: request.ticket(),
                    path: request.keep(filename),
                    flags: pflags,
                    attributes,
                }
            }
            RequestName::Opendir => {
                let Opendir { path } = Opendir::decode(request.fields)?;
                self.may_open()?;
                Question::OpenDirectory(request.at_path(path))
            }
            _ => {
                let Close { handle } = Close::decode(request.fields)?;
                Question::Close { ticket: request.ticket(), open: self.handles.remove(handle)? }
            }
        }))
    }

    fn ask_open(
        &mut self,
        name: RequestName,
        request: &Request<'_>,
        pieces: Vec<Bytes>,
    ) -> Result<Option<Question<F, D>>, Failure> {
        Ok(Some(match name {
            RequestName::Read => {
                let Read { handle, offset, length } = Read::decode(request.fields)?;
                let file = self.handles.file(handle)?;
                if length == 0 {
                    self.reply(PacketType::DATA, request.id, &DataReply { data: &[] });
                    return Ok(None);
                }
                let length = length.min(self.config.maximum_read);
                Question::Read { ticket: request.ticket(), file, offset, length }
            }
            RequestName::Write => {
                let mut reader = Reader::new(request.fields);
                let WriteHead { handle, offset, length } = WriteHead::decode_from(&mut reader)?;
                reader.finish()?;
                if pieces.iter().map(Bytes::len).sum::<usize>() != length as usize {
                    return Err(Failure::bad_message());
                }
                let file = self.handles.file(handle)?;
                Question::Write { ticket: request.ticket(), file, offset, pieces }
            }
            RequestName::Readdir => {
                let Readdir { handle } = Readdir::decode(request.fields)?;
                let directory = self.handles.directory(handle)?;
                Question::ReadDirectory {
                    ticket: request.ticket(),
                    directory,
                    limit: self.config.maximum_names,
                }
            }
            RequestName::Fstat => {
                let Fstat { handle } = Fstat::decode(request.fields)?;
                let file = self.handles.file(handle)?;
                Question::FileAttributes(AtFile { ticket: request.ticket(), file })
            }
            RequestName::Fsetstat => {
                let Fsetstat { handle, attributes } = Fsetstat::decode(request.fields)?;
                let at = AtFile { ticket: request.ticket(), file: self.handles.file(handle)? };
                Question::SetFileAttributes { at, attributes }
            }
            _ => {
                let Fstatvfs { handle } = Fstatvfs::decode(request.fields)?;
                let file = self.handles.file(handle)?;
                Question::FileStatvfs(AtFile { ticket: request.ticket(), file })
            }
        }))
    }

    fn ask_slow(&self, name: RequestName, request: &Request<'_>) -> Result<SlowQuestion<F>, Failure> {
        let fields = request.fields;
        let hash = |file, algorithms: &[u8], offset, length, block_size, form| {
            SlowQuestion::Hash(HashRange {
                ticket: request.ticket(),
                file,
                algorithms: Bytes::copy_from_slice(algorithms),
                offset,
                length,
                block_size,
                form,
            })
        };
        Ok(match name {
            RequestName::Fsync => {
                let Fsync { handle } = Fsync::decode(fields)?;
                SlowQuestion::Sync(AtFile { ticket: request.ticket(), file: self.handles.file(handle)? })
            }
            RequestName::CopyData => {
                let copy = CopyData::decode(fields)?;
                SlowQuestion::Copy {
                    ticket: request.ticket(),
                    source: self.handles.file(copy.read_from_handle)?,
                    from: copy.read_from_offset,
                    length: copy.read_data_length,
                    target: self.handles.file(copy.write_to_handle)?,
                    to: copy.write_to_offset,
                }
            }
            RequestName::CheckFileName => {
                let check = CheckFileName::decode(fields)?;
                let file = HashedFile::Path(request.keep(check.name));
                let form = HashForm::CheckFile;
                hash(file, check.hash_algorithms, check.start_offset, check.length, check.block_size, form)
            }
            RequestName::CheckFileHandle => {
                let check = CheckFileHandle::decode(fields)?;
                let file = HashedFile::Open(self.handles.file(check.handle)?);
                let form = HashForm::CheckFile;
                hash(file, check.hash_algorithms, check.start_offset, check.length, check.block_size, form)
            }
            RequestName::CheckFile => {
                let check = CheckFile::decode(fields)?;
                let file = HashedFile::Open(self.handles.file(check.handle)?);
                let form = HashForm::CheckFile;
                hash(file, check.hash_algorithms, check.start_offset, check.length, check.block_size, form)
            }
            RequestName::Md5Hash => {
                let check = Md5Hash::decode(fields)?;
                let form = HashForm::Md5Hash(request.keep(check.quick_check_hash));
                let file = HashedFile::Path(request.keep(check.name));
                hash(file, b"md5", check.start_offset, check.length, 0, form)
            }
            _ => {
                let check = Md5HashHandle::decode(fields)?;
                let form = HashForm::Md5Hash(request.keep(check.quick_check_hash));
                let file = HashedFile::Open(self.handles.file(check.handle)?);
                hash(file, b"md5", check.start_offset, check.length, 0, form)
            }
        })
    }

    fn put_limits(&mut self, id: u32) {
        let limits = LimitsReply {
            max_packet_length: u64::from(self.config.maximum_packet),
            max_read_length: u64::from(self.config.maximum_read),
            max_write_length: u64::from(self.config.maximum_packet.saturating_sub(1024)),
            max_open_handles: self.config.maximum_handles as u64,
        };
        self.reply(PacketType::EXTENDED_REPLY, id, &limits);
    }
}

fn ask_change(
    name: RequestName,
    request: &Request<'_>,
    order: SymlinkOrder,
) -> Result<PathQuestion, Failure> {
    let fields = request.fields;
    Ok(match name {
        RequestName::Rename => {
            let Rename { old_path, new_path } = Rename::decode(fields)?;
            PathQuestion::Rename(request.at_paths(old_path, new_path))
        }
        RequestName::PosixRename => {
            let PosixRename { old_path, new_path } = PosixRename::decode(fields)?;
            PathQuestion::Replace(request.at_paths(old_path, new_path))
        }
        RequestName::Hardlink => {
            let Hardlink { old_path, new_path } = Hardlink::decode(fields)?;
            PathQuestion::CreateHardLink(request.at_paths(old_path, new_path))
        }
        RequestName::Symlink => {
            let Symlink { target_path, link_path } = Symlink::decode(fields)?;
            let (target_path, link_path) = match order {
                SymlinkOrder::TargetFirst => (target_path, link_path),
                SymlinkOrder::LinkFirst => (link_path, target_path),
            };
            PathQuestion::CreateSymbolicLink {
                at: request.at_path(link_path),
                target: request.keep(target_path),
            }
        }
        RequestName::Remove => PathQuestion::Remove(request.at_path(Remove::decode(fields)?.filename)),
        RequestName::Mkdir => {
            let Mkdir { path, attributes } = Mkdir::decode(fields)?;
            PathQuestion::CreateDirectory { at: request.at_path(path), attributes }
        }
        RequestName::Rmdir => PathQuestion::RemoveDirectory(request.at_path(Rmdir::decode(fields)?.path)),
        RequestName::Setstat => {
            let Setstat { path, attributes } = Setstat::decode(fields)?;
            PathQuestion::SetAttributes { at: request.at_path(path), attributes }
        }
        _ => {
            let Lsetstat { path, attributes } = Lsetstat::decode(fields)?;
            PathQuestion::SetLinkAttributes { at: request.at_path(path), attributes }
        }
    })
}

fn ask_look(name: RequestName, request: &Request<'_>) -> Result<PathQuestion, Failure> {
    let fields = request.fields;
    Ok(match name {
        RequestName::Lstat => PathQuestion::LinkAttributes(request.at_path(Lstat::decode(fields)?.path)),
        RequestName::Stat => PathQuestion::Attributes(request.at_path(Stat::decode(fields)?.path)),
        RequestName::Realpath => PathQuestion::Canonicalize(request.at_path(Realpath::decode(fields)?.path)),
        RequestName::Readlink => PathQuestion::ReadLink(request.at_path(Readlink::decode(fields)?.path)),
        RequestName::Statvfs => PathQuestion::Statvfs(request.at_path(Statvfs::decode(fields)?.path)),
        RequestName::ExpandPath => {
            PathQuestion::ExpandPath(request.at_path(ExpandPath::decode(fields)?.path))
        }
        RequestName::HomeDirectory => {
            PathQuestion::HomeDirectory(request.at_path(HomeDirectory::decode(fields)?.username))
        }
        _ => {
            let UsersGroupsById { uids, gids } = UsersGroupsById::decode(fields)?;
            let uids = read_numbers(uids, MAXIMUM_PRINCIPALS)?;
            let gids = read_numbers(gids, MAXIMUM_PRINCIPALS)?;
            PathQuestion::PrincipalNames { ticket: request.ticket(), uids, gids }
        }
    })
}
