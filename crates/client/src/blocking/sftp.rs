//! The files of a server, waiting. It rhymes with [`crate::sftp`], whose options, paths and errors it uses.
//!
//! A session costs two threads, which carry its bytes; any thread may use it, and many at once.

use crate::blocking::block_on::block_on;
use crate::blocking::command::Command;
use crate::blocking::sftp_carrier::Carrier;
use crate::blocking::ssh_client::SshClient;
use crate::sftp::client::SftpOptions;
use crate::sftp::error::Error;
use crate::sftp::glob::GlobOptions;
use crate::sftp::open_options::OpenOptions;
use crate::sftp::read_dir::DirEntry;
use crate::sftp::remote_path::RemotePath;
use crate::sftp::transfer_options::{TransferOptions, Transferred};
use crate::sftp::walk::WalkOptions;
use bytes::BytesMut;
use konko_sftp::answer::{FileHashes, Principals};
use konko_sftp::limits::Limits;
use konko_sftp::message::attributes::Attributes;
use konko_sftp::message::extension::StatvfsReply;
use konko_sftp::metadata::Metadata;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

pub use crate::blocking::sftp_file::File;

/// The room that a read of a plain stream is offered.
const READ_ROOM: usize = 256 * 1024;

/// The files of a server. Cheap to clone; any thread may use it, and many at once. The session ends when the last
/// clone and everything that was opened through it is dropped.
#[derive(Debug, Clone)]
pub struct Sftp {
    sftp: crate::sftp::client::Sftp,
    carrier: Arc<Carrier>,
}

/// Calls that wait.
macro_rules! waits {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $reply:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// As the method of [`crate::sftp::client::Sftp`] of the same name.
        pub fn $name(&self, $($argument: $type),*) -> Result<$reply, Error> {
            block_on(self.sftp.$name($($argument),*))
        }
    )*};
}

impl Sftp {
    /// Begins a session with a command or subsystem that is not started yet.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] if it cannot be started; what the server said instead of SFTP.
    pub fn start(command: Command, options: SftpOptions) -> Result<Self, Error> {
        let mut child = command.spawn().map_err(|error| Error::Start(Box::new(error)))?;
        let info = child.running().link.info();
        let mut options = options;
        let identification = info.as_ref().map(|info| info.server_identification.as_str());
        options.symlink_order = options.symlink_order.of_server(identification);
        let sftp = crate::sftp::client::Sftp::over_threads(options);
        let Some(stdin) = child.stdin() else {
            return Err(Error::Options("the standard input of an SFTP server cannot be given"));
        };
        child.channel().discard_stderr();
        let (mut reader, channel) = (child.channel().reader(), child.channel().clone());
        let close = move || {
            channel.close();
            drop(child);
        };
        let carrier = Carrier::start(&sftp.session, move || reader.read_chunk(READ_ROOM), stdin, close);
        Self::begin(sftp, carrier)
    }

    /// Begins a session over two plain streams: the pipes of an `sftp-server` that runs here, for example. When the
    /// session ends the writer is dropped, which is to make the reader end.
    ///
    /// # Errors
    ///
    /// What the server said instead of SFTP, or that a stream failed.
    pub fn over(
        mut reader: impl Read + Send + 'static,
        writer: impl Write + Send + 'static,
        options: SftpOptions,
    ) -> Result<Self, Error> {
        let sftp = crate::sftp::client::Sftp::over_threads(options);
        let mut room = BytesMut::new();
        let read = move || {
            if room.len() < READ_ROOM / 4 {
                room.resize(READ_ROOM, 0);
            }
            let n = loop {
                match reader.read(&mut room) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    read => break read?,
                }
            };
            Ok((n > 0).then(|| room.split_to(n).freeze()))
        };
        let carrier = Carrier::start(&sftp.session, read, writer, || ());
        Self::begin(sftp, carrier)
    }

    fn begin(sftp: crate::sftp::client::Sftp, carrier: std::io::Result<Carrier>) -> Result<Self, Error> {
        let carrier = carrier.map_err(|error| Error::local("", error))?;
        block_on(sftp.ready())?;
        Ok(Self { sftp, carrier: Arc::new(carrier) })
    }

    /// The version that both speak.
    pub fn version(&self) -> u32 {
        self.sftp.version()
    }

    /// Whether the server offers an extension, for example `copy-data`.
    pub fn offers(&self, extension: &str) -> bool {
        self.sftp.offers(extension)
    }

    /// The names of the extensions that the server offers.
    pub fn extensions(&self) -> Vec<String> {
        self.sftp.extensions()
    }

    /// Opens `path` for reading.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub fn open(&self, path: impl Into<RemotePath>) -> Result<File, Error> {
        let file = block_on(self.sftp.open(path))?;
        Ok(File::new(file, Arc::clone(&self.carrier)))
    }

    /// Opens `path` for writing; it is created, or truncated if it is there.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub fn create(&self, path: impl Into<RemotePath>) -> Result<File, Error> {
        let file = block_on(self.sftp.create(path))?;
        Ok(File::new(file, Arc::clone(&self.carrier)))
    }

    /// Opens `path` as `options` say.
    ///
    /// # Errors
    ///
    /// [`Error::Options`] for a combination that makes no sense; what the server refused.
    pub fn open_with(&self, path: impl Into<RemotePath>, options: &OpenOptions) -> Result<File, Error> {
        let file = block_on(self.sftp.open_with(path, options))?;
        Ok(File::new(file, Arc::clone(&self.carrier)))
    }

    /// Lists a directory.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub fn read_dir(&self, path: impl Into<RemotePath>) -> Result<ReadDir, Error> {
        let listing = block_on(self.sftp.read_dir(path))?;
        Ok(ReadDir { listing, _carrier: Arc::clone(&self.carrier) })
    }

    /// Walks the tree below `path`.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub fn walk(&self, path: impl Into<RemotePath>, options: WalkOptions) -> Result<Walk, Error> {
        let walk = block_on(self.sftp.walk(path, options))?;
        Ok(Walk { walk, _carrier: Arc::clone(&self.carrier) })
    }

    waits! {
        /// How much the server takes at once.
        limits() -> Limits;
        /// What is known of `path`; a symbolic link is followed.
        metadata(path: impl Into<RemotePath>) -> Metadata;
        /// What is known of `path` itself; a symbolic link is not followed.
        symlink_metadata(path: impl Into<RemotePath>) -> Metadata;
        /// Whether something is at `path`.
        try_exists(path: impl Into<RemotePath>) -> bool;
        /// Sets what is `Some` in `attributes`; a symbolic link is followed.
        set_attributes(path: impl Into<RemotePath>, attributes: Attributes) -> ();
        /// As [`set_attributes`](Self::set_attributes), of a symbolic link itself.
        set_symlink_attributes(path: impl Into<RemotePath>, attributes: Attributes) -> ();
        /// Sets the permissions.
        set_permissions(path: impl Into<RemotePath>, mode: u32) -> ();
        /// Sets owner and group, by number.
        set_owner(path: impl Into<RemotePath>, uid: u32, gid: u32) -> ();
        /// Sets the times of the last access and modification, in seconds since 1970.
        set_times(path: impl Into<RemotePath>, accessed: u32, modified: u32) -> ();
        /// Cuts the file off at `size` bytes, or fills it up with zeros.
        set_len(path: impl Into<RemotePath>, size: u64) -> ();
        /// Creates a directory.
        create_dir(path: impl Into<RemotePath>) -> ();
        /// Creates a directory with these permissions.
        create_dir_with_mode(path: impl Into<RemotePath>, mode: u32) -> ();
        /// Creates a directory and those above it that are missing.
        create_dir_all(path: impl Into<RemotePath>) -> ();
        /// Removes a file or a symbolic link.
        remove_file(path: impl Into<RemotePath>) -> ();
        /// Removes an empty directory.
        remove_dir(path: impl Into<RemotePath>) -> ();
        /// Removes a directory with all that is below it.
        remove_dir_all(path: impl Into<RemotePath>) -> ();
        /// Renames; what is at `new` is replaced where the server can do that at once.
        rename(old: impl Into<RemotePath>, new: impl Into<RemotePath>) -> ();
        /// Renames; what is at `new` is not replaced but an error.
        rename_exclusive(old: impl Into<RemotePath>, new: impl Into<RemotePath>) -> ();
        /// Creates a symbolic link at `link` that says `target`.
        symlink(target: impl Into<RemotePath>, link: impl Into<RemotePath>) -> ();
        /// What a symbolic link says.
        read_link(path: impl Into<RemotePath>) -> RemotePath;
        /// The absolute path, without symbolic links, `.` and `..`.
        canonicalize(path: impl Into<RemotePath>) -> RemotePath;
        /// Creates a further name of a file.
        hard_link(original: impl Into<RemotePath>, link: impl Into<RemotePath>) -> ();
        /// About the filesystem that `path` is on.
        statvfs(path: impl Into<RemotePath>) -> StatvfsReply;
        /// As [`canonicalize`](Self::canonicalize), of a path that may begin with `~` or `~user`.
        expand_path(path: impl Into<RemotePath>) -> RemotePath;
        /// The home directory of a user; of the one who is logged in where `user` is empty.
        home_directory(user: &str) -> RemotePath;
        /// Names of users and groups by their numbers.
        users_and_groups(uids: &[u32], gids: &[u32]) -> Principals;
        /// Hashes that the server makes of a file.
        check_file(
            path: impl Into<RemotePath>, algorithms: &str, offset: u64, length: u64, block_size: u32
        ) -> FileHashes;
        /// The paths that match `pattern`, sorted.
        glob(pattern: impl Into<RemotePath>, options: &GlobOptions) -> Vec<RemotePath>;
        /// Reads a whole file into memory.
        read(path: impl Into<RemotePath>) -> Vec<u8>;
        /// Writes a whole file, where it stands.
        write(path: impl Into<RemotePath>, data: impl AsRef<[u8]>) -> ();
        /// Downloads one file.
        get(remote: impl Into<RemotePath>, local: impl AsRef<Path>, options: &TransferOptions) -> Transferred;
        /// Uploads one file.
        put(local: impl AsRef<Path>, remote: impl Into<RemotePath>, options: &TransferOptions) -> Transferred;
        /// Downloads all that is in a directory.
        get_tree(remote: impl Into<RemotePath>, local: impl AsRef<Path>, options: &TransferOptions) -> Transferred;
        /// Uploads all that is in a directory.
        put_tree(local: impl AsRef<Path>, remote: impl Into<RemotePath>, options: &TransferOptions) -> Transferred;
        /// Copies a file, on the server where it can do that.
        copy(
            from: impl Into<RemotePath>, to: impl Into<RemotePath>, options: &TransferOptions
        ) -> Transferred;
    }

    /// Copies the file `from` to the path `to` of another session.
    ///
    /// # Errors
    ///
    /// What a server refused; [`Error::TimedOut`].
    pub fn copy_to(
        &self,
        from: impl Into<RemotePath>,
        target: &Self,
        to: impl Into<RemotePath>,
        options: &TransferOptions,
    ) -> Result<Transferred, Error> {
        block_on(self.sftp.copy_to(from, &target.sftp, to, options))
    }

    /// Ends the session for all who use it: whatever is under way fails.
    pub fn end(&self) {
        self.sftp.end();
    }
}

/// A directory that is listed, as an iterator; `.` and `..` are left out.
#[derive(Debug)]
pub struct ReadDir {
    listing: crate::sftp::read_dir::ReadDir,
    _carrier: Arc<Carrier>,
}

impl Iterator for ReadDir {
    type Item = Result<DirEntry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        block_on(self.listing.next_entry()).transpose()
    }
}

/// A walk through a tree, as an iterator.
#[derive(Debug)]
pub struct Walk {
    walk: crate::sftp::walk::Walk,
    _carrier: Arc<Carrier>,
}

impl Walk {
    /// How deep the last entry is below the root, whose entries have depth 1.
    pub const fn depth(&self) -> usize {
        self.walk.depth()
    }

    /// Does not go into the directory that was handed out last.
    pub fn skip_directory(&mut self) {
        self.walk.skip_directory();
    }
}

impl Iterator for Walk {
    type Item = Result<DirEntry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        block_on(self.walk.next_entry()).transpose()
    }
}

impl SshClient {
    /// Begins SFTP: the subsystem `sftp`, with everything as it is by default. [`Sftp::start`] has the choices.
    ///
    /// # Errors
    ///
    /// As [`Sftp::start`].
    pub fn sftp(&self) -> Result<Sftp, Error> {
        Sftp::start(self.subsystem("sftp"), SftpOptions::default())
    }
}
