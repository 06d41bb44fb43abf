//! What a server asks of whoever has the files. Each question has a ticket, whose type says what the answer is.

use crate::message::attributes::Attributes;
use crate::message::extension::StatvfsReply;
use crate::message::number::OpenFlags;
use crate::server::answer::{Data, Hashes, Names, OpenedDirectory, OpenedFile, PathName, PrincipalNames};
use crate::server::handles::Open;
use crate::server::ticket::Ticket;
use bytes::Bytes;
use std::sync::Arc;

/// What a question about a path is.
#[derive(Debug)]
pub struct AtPath<A> {
    /// To answer with.
    pub ticket: Ticket<A>,
    /// Any bytes of the client.
    pub path: Bytes,
}

/// What a question about two paths is.
#[derive(Debug)]
pub struct AtPaths<A> {
    /// To answer with.
    pub ticket: Ticket<A>,
    /// Any bytes of the client.
    pub old_path: Bytes,
    /// Any bytes of the client.
    pub new_path: Bytes,
}

/// What a question about an open file is.
#[derive(Debug)]
pub struct AtFile<F, A> {
    /// To answer with.
    pub ticket: Ticket<A>,
    /// Which.
    pub file: Arc<F>,
}

/// Of what hashes are wanted.
#[derive(Debug)]
pub enum HashedFile<F> {
    /// An open file.
    Open(Arc<F>),
    /// A path.
    Path(Bytes),
}

/// Which hashes are wanted (`check-file`).
#[derive(Debug)]
pub struct HashRange<F> {
    /// To answer with.
    pub ticket: Ticket<Hashes>,
    /// Of what.
    pub file: HashedFile<F>,
    /// Acceptable algorithms, comma-separated, preferred first.
    pub algorithms: Bytes,
    /// From where, in bytes.
    pub offset: u64,
    /// How many bytes; zero means to the end.
    pub length: u64,
    /// Bytes of a block, at least 256; zero means all in one.
    pub block_size: u32,
    /// What the answer is: hashes as `check-file` has them, or one as `md5-hash` does.
    pub form: HashForm,
}

/// How an answer with hashes is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashForm {
    /// Of `check-file`.
    CheckFile,
    /// Of `md5-hash`. The bytes are what the first 2,048 should hash to, or none.
    Md5Hash(Bytes),
}

/// What may take long.
#[derive(Debug)]
#[non_exhaustive]
pub enum SlowQuestion<F> {
    /// Wait until a file is on the disk.
    Sync(AtFile<F, ()>),
    /// Copy from file to file.
    Copy {
        /// To answer with.
        ticket: Ticket<()>,
        /// From which file.
        source: Arc<F>,
        /// From where, in bytes.
        from: u64,
        /// How many bytes; zero means to the end.
        length: u64,
        /// To which file.
        target: Arc<F>,
        /// Where to, in bytes.
        to: u64,
    },
    /// Hashes of a part of a file.
    Hash(HashRange<F>),
}

/// What is about paths, or about nothing that is open.
#[derive(Debug)]
#[non_exhaustive]
pub enum PathQuestion {
    /// Attributes of what a path leads to.
    Attributes(AtPath<Attributes>),
    /// Attributes of a path, of a symbolic link the link's.
    LinkAttributes(AtPath<Attributes>),
    /// Set attributes of what a path leads to.
    SetAttributes {
        /// Which.
        at: AtPath<()>,
        /// To what.
        attributes: Attributes,
    },
    /// Set attributes of a path, of a symbolic link the link's.
    SetLinkAttributes {
        /// Which.
        at: AtPath<()>,
        /// To what.
        attributes: Attributes,
    },
    /// Remove a file.
    Remove(AtPath<()>),
    /// Create a directory.
    CreateDirectory {
        /// Which.
        at: AtPath<()>,
        /// Of the new one.
        attributes: Attributes,
    },
    /// Remove a directory.
    RemoveDirectory(AtPath<()>),
    /// Rename, replacing nothing.
    Rename(AtPaths<()>),
    /// Rename, replacing what exists.
    Replace(AtPaths<()>),
    /// Create a symbolic link.
    CreateSymbolicLink {
        /// Where.
        at: AtPath<()>,
        /// What it says.
        target: Bytes,
    },
    /// Create a hard link.
    CreateHardLink(AtPaths<()>),
    /// What a symbolic link says.
    ReadLink(AtPath<PathName>),
    /// The absolute path.
    Canonicalize(AtPath<PathName>),
    /// The absolute path of one that may begin with `~`.
    ExpandPath(AtPath<PathName>),
    /// The home directory of the user that the path names, or one's own.
    HomeDirectory(AtPath<PathName>),
    /// About the file system that a path leads to.
    Statvfs(AtPath<StatvfsReply>),
    /// Names of users and groups.
    PrincipalNames {
        /// To answer with.
        ticket: Ticket<PrincipalNames>,
        /// Numbers of users.
        uids: Vec<u32>,
        /// Numbers of groups.
        gids: Vec<u32>,
    },
}

/// What a client wants of the files.
#[derive(Debug)]
#[non_exhaustive]
pub enum Question<F, D> {
    /// Open a file.
    Open {
        /// To answer with.
        ticket: Ticket<OpenedFile<F>>,
        /// Which.
        path: Bytes,
        /// How.
        flags: OpenFlags,
        /// Of a new one.
        attributes: Attributes,
    },
    /// Open a directory.
    OpenDirectory(AtPath<OpenedDirectory<D>>),
    /// A handle is closed already; this may report what went wrong.
    Close {
        /// To answer with.
        ticket: Ticket<()>,
        /// What it stood for.
        open: Open<F, D>,
    },
    /// Read. See also [`SftpServer::answer_read`](super::machine::SftpServer::answer_read).
    Read {
        /// To answer with.
        ticket: Ticket<Data>,
        /// From which file.
        file: Arc<F>,
        /// From where, in bytes.
        offset: u64,
        /// How many bytes at most: not more than the server allows.
        length: u32,
    },
    /// Write all.
    Write {
        /// To answer with.
        ticket: Ticket<()>,
        /// To which file.
        file: Arc<F>,
        /// Where to, in bytes.
        offset: u64,
        /// One behind the other.
        pieces: Vec<Bytes>,
    },
    /// The next entries of a directory.
    ReadDirectory {
        /// To answer with.
        ticket: Ticket<Names>,
        /// Which.
        directory: Arc<D>,
        /// How many at most.
        limit: usize,
    },
    /// Attributes of an open file.
    FileAttributes(AtFile<F, Attributes>),
    /// Set attributes of an open file.
    SetFileAttributes {
        /// Which.
        at: AtFile<F, ()>,
        /// To what.
        attributes: Attributes,
    },
    /// About the file system of an open file.
    FileStatvfs(AtFile<F, StatvfsReply>),
    /// What is about paths, or about nothing that is open.
    Path(PathQuestion),
    /// What may take long, as it needs all of a file or the disk: others need not wait for it.
    Slow(SlowQuestion<F>),
}
