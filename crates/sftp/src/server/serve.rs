//! The answers of a file system to the questions of a server.

use crate::message::attributes::Attributes;
use crate::message::number::OpenFlags;
use crate::server::answer::{Hashes, Names, OpenedDirectory, OpenedFile, PathName, PrincipalNames};
use crate::server::cancellation::Cancellation;
use crate::server::check_file::HashedPart;
use crate::server::failure::Failure;
use crate::server::filesystem::Filesystem;
use crate::server::handles::Open;
use crate::server::machine::SftpServer;
use crate::server::question::{HashForm, HashRange, HashedFile, PathQuestion, Question, SlowQuestion};
use crate::server::ticket::Ticket;
use bytes::Bytes;
use std::sync::Arc;

/// The answer to a question that takes long.
#[derive(Debug)]
#[must_use = "the client waits for the answer"]
pub struct SlowAnswer(Outcome);

#[derive(Debug)]
enum Outcome {
    Done(Ticket<()>, Result<(), Failure>),
    Hashes(Ticket<Hashes>, Result<Hashes, Failure>),
}

impl<F> SlowQuestion<F> {
    /// Has it answered by a file system: on any thread, while other questions are.
    pub fn perform<S: Filesystem<File = F>>(self, filesystem: &S, cancellation: &Cancellation) -> SlowAnswer {
        SlowAnswer(match self {
            Self::Sync(at) => Outcome::Done(at.ticket, filesystem.sync(&at.file)),
            Self::Copy { ticket, source, from, length, target, to } => {
                // Between two places of one file it might never come to an end.
                let result = if Arc::ptr_eq(&source, &target) {
                    Err(Failure::other("Source and target are the same"))
                } else {
                    filesystem.copy(&source, from, length, &target, to, cancellation)
                };
                Outcome::Done(ticket, result)
            }
            Self::Hash(range) => {
                let HashRange { ticket, file, algorithms, offset, length, block_size, form } = range;
                let hashes = (|| {
                    let file = match file {
                        HashedFile::Open(file) => file,
                        HashedFile::Path(path) => {
                            Arc::new(filesystem.open(&path, OpenFlags::READ, &Attributes::default())?)
                        }
                    };
                    hash_file(
                        filesystem,
                        &file,
                        (offset, length),
                        cancellation,
                        (&algorithms, block_size, &form),
                    )
                })();
                Outcome::Hashes(ticket, hashes)
            }
        })
    }
}

fn hash_file<S: Filesystem>(
    filesystem: &S,
    file: &S::File,
    (offset, length): (u64, u64),
    cancellation: &Cancellation,
    (algorithms, block_size, form): (&Bytes, u32, &HashForm),
) -> Result<Hashes, Failure> {
    let read = |at: u64, buffer: &mut [u8]| filesystem.read_at(file, at, buffer);
    HashedPart { read: &read, offset, length, cancellation }.hashes(algorithms, block_size, form)
}

impl<F, D> SftpServer<F, D> {
    /// Answers a question that took long.
    pub fn answer_slow(&mut self, answer: SlowAnswer) {
        match answer.0 {
            Outcome::Done(ticket, result) => self.answer(ticket, result),
            Outcome::Hashes(ticket, result) => self.answer(ticket, result),
        }
    }

    /// Has a question answered by a file system, at once; one that takes long is given back.
    pub fn serve<S: Filesystem<File = F, Directory = D>>(
        &mut self,
        question: Question<F, D>,
        filesystem: &S,
    ) -> Option<SlowQuestion<F>> {
        match question {
            Question::Read { ticket, file, offset, length } => {
                self.answer_read(ticket, length, |buffer| filesystem.read_at(&file, offset, buffer));
            }
            Question::Write { ticket, file, offset, pieces } => {
                self.answer(ticket, filesystem.write_at(&file, offset, &pieces));
            }
            Question::Open { ticket, path, flags, attributes } => {
                self.answer(ticket, filesystem.open(&path, flags, &attributes).map(OpenedFile));
            }
            Question::OpenDirectory(at) => {
                self.answer(at.ticket, filesystem.open_directory(&at.path).map(OpenedDirectory));
            }
            Question::Close { ticket, open } => {
                let result = match open {
                    Open::File(file) => filesystem.close(&file),
                    Open::Directory(_) => Ok(()),
                };
                self.answer(ticket, result);
            }
            Question::ReadDirectory { ticket, directory, limit } => {
                self.answer(ticket, filesystem.read_directory(&directory, limit).map(Names));
            }
            Question::FileAttributes(at) => self.answer(at.ticket, filesystem.file_attributes(&at.file)),
            Question::SetFileAttributes { at, attributes } => {
                self.answer(at.ticket, filesystem.set_file_attributes(&at.file, &attributes));
            }
            Question::FileStatvfs(at) => self.answer(at.ticket, filesystem.file_statvfs(&at.file)),
            Question::Slow(question) => return Some(question),
            Question::Path(question) => self.serve_path(question, filesystem),
        }
        None
    }

    fn serve_path<S: Filesystem<File = F, Directory = D>>(&mut self, question: PathQuestion, filesystem: &S) {
        match question {
            PathQuestion::Attributes(at) => self.answer(at.ticket, filesystem.attributes(&at.path)),
            PathQuestion::LinkAttributes(at) => self.answer(at.ticket, filesystem.link_attributes(&at.path)),
            PathQuestion::SetAttributes { at, attributes } => {
                self.answer(at.ticket, filesystem.set_attributes(&at.path, &attributes));
            }
            PathQuestion::SetLinkAttributes { at, attributes } => {
                self.answer(at.ticket, filesystem.set_link_attributes(&at.path, &attributes));
            }
            PathQuestion::Remove(at) => self.answer(at.ticket, filesystem.remove(&at.path)),
            PathQuestion::CreateDirectory { at, attributes } => {
                self.answer(at.ticket, filesystem.create_directory(&at.path, &attributes));
            }
            PathQuestion::RemoveDirectory(at) => {
                self.answer(at.ticket, filesystem.remove_directory(&at.path))
            }
            PathQuestion::Rename(at) => {
                self.answer(at.ticket, filesystem.rename(&at.old_path, &at.new_path));
            }
            PathQuestion::Replace(at) => {
                self.answer(at.ticket, filesystem.replace(&at.old_path, &at.new_path));
            }
            PathQuestion::CreateSymbolicLink { at, target } => {
                self.answer(at.ticket, filesystem.create_symbolic_link(&target, &at.path));
            }
            PathQuestion::CreateHardLink(at) => {
                self.answer(at.ticket, filesystem.create_hard_link(&at.old_path, &at.new_path));
            }
            PathQuestion::ReadLink(at) => {
                self.answer(at.ticket, filesystem.read_link(&at.path).map(PathName))
            }
            PathQuestion::Canonicalize(at) => {
                self.answer(at.ticket, filesystem.canonicalize(&at.path).map(PathName));
            }
            PathQuestion::ExpandPath(at) => {
                self.answer(at.ticket, filesystem.expand_path(&at.path).map(PathName));
            }
            PathQuestion::HomeDirectory(at) => {
                self.answer(at.ticket, filesystem.home_directory(&at.path).map(PathName));
            }
            PathQuestion::Statvfs(at) => self.answer(at.ticket, filesystem.statvfs(&at.path)),
            PathQuestion::PrincipalNames { ticket, uids, gids } => {
                let users = uids.iter().map(|uid| filesystem.user_name(*uid).unwrap_or_default()).collect();
                let groups = gids.iter().map(|gid| filesystem.group_name(*gid).unwrap_or_default()).collect();
                self.answer(ticket, Ok(PrincipalNames { users, groups }));
            }
        }
    }
}
