//! The door to the files of a server.

use crate::command::Command;
use crate::sftp::error::Error;
use crate::sftp::file::File;
use crate::sftp::open_options::OpenOptions;
use crate::sftp::read_dir::ReadDir;
use crate::sftp::remote_path::RemotePath;
use crate::sftp::session::{OpenHandle, Session};
use crate::sftp::stream::{Duplex, Stream};
use crate::sftp::transfer_options::TransferOptions;
use crate::ssh_client::SshClient;
use bytes::BytesMut;
use konko_sftp::answer::{FileHashes, Principals};
use konko_sftp::call::{RenameReplacing, Request};
use konko_sftp::config::ClientConfig;
use konko_sftp::limits::Limits;
use konko_sftp::message::attributes::{Attributes, Owner, Times};
use konko_sftp::message::extension::{
    CheckFileName, ExpandPath, Hardlink, HomeDirectory, Lsetstat, Md5Hash, PosixRename, Statvfs,
    StatvfsReply, UsersGroupsById, put_numbers,
};
use konko_sftp::message::request::{
    Lstat, Mkdir, Open, Opendir, Readlink, Realpath, Remove, Rename, Rmdir, Setstat, Stat, Symlink,
};
use konko_sftp::metadata::Metadata;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// From this round-trip time on many files have to be under way at once.
const FAR: Duration = Duration::from_millis(10);
/// How many files of a tree are open at once on shorter links.
const NEAR_FILES: usize = 64;

/// In which order SYMLINK has its two paths, in versions 3 to 5. The draft puts the path of the link first; OpenSSH
/// put the target first, and nearly everybody does as OpenSSH does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SymlinkOrder {
    /// The target first, except with servers that are known to keep to the draft.
    #[default]
    Auto,
    /// The target first.
    TargetFirst,
    /// The path of the link first.
    LinkFirst,
}

impl SymlinkOrder {
    /// What suits the server with this identification string: asyncssh keeps to the draft, unless the client is
    /// OpenSSH or paramiko.
    pub(crate) fn of_server(self, identification: Option<&str>) -> Self {
        match (self, identification) {
            (Self::Auto, Some(identification)) if identification.contains("AsyncSSH") => Self::LinkFirst,
            (Self::Auto, _) => Self::TargetFirst,
            (order, _) => order,
        }
    }
}

/// How an SFTP session is begun.
#[derive(Debug, Clone, Default)]
pub struct SftpOptions {
    /// What is offered and accepted: version, packet lengths, memory.
    pub client: ClientConfig,
    /// In which order SYMLINK has its paths.
    pub symlink_order: SymlinkOrder,
    /// How long the server may take to answer a single request, such as OPEN, STAT or RENAME; for ever by default.
    /// Transfers have limits of their own in [`TransferOptions`]. What was asked may be done all the same.
    pub request_timeout: Option<Duration>,
}

/// How many files of a tree to have under way at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FilesInFlight {
    /// Those that are being opened, or whose content is not yet asked for.
    open: usize,
    /// With those whose CLOSE is on its way: a server may take an OPEN before a CLOSE that came earlier.
    handles: usize,
}

impl FilesInFlight {
    /// Whether another file may be opened, with so many under way and so many of them about to be closed.
    pub(crate) const fn has_room(self, under_way: usize, closing: usize) -> bool {
        under_way.saturating_sub(closing) < self.open && under_way < self.handles
    }
}

/// The files of a server. Cheap to clone, and many tasks may use it at once. The session ends when the last clone
/// and everything that was opened through it is dropped.
///
/// It has no task of its own: whoever waits for an answer reads and writes for all.
#[derive(Debug, Clone)]
pub struct Sftp {
    pub(crate) session: Arc<Session>,
    symlink_order: SymlinkOrder,
}

impl Sftp {
    /// Begins a session with a command or subsystem that is not started yet: `client.subsystem("sftp")`, or
    /// `client.command("/usr/lib/sftp-server")` where the server has no such subsystem. Its standard error is
    /// discarded.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] if it cannot be started; what the server said instead of SFTP.
    pub async fn start(command: Command, options: SftpOptions) -> Result<Self, Error> {
        let start_error = |error| Error::Start(Box::new(error));
        let (child, mut starting) = command.spawn_ahead().await.map_err(start_error)?;
        let info = child.running().link.info();
        let mut options = options;
        let identification = info.as_ref().map(|info| info.server_identification.as_str());
        options.symlink_order = options.symlink_order.of_server(identification);
        let stream = Stream::of_child(child)
            .ok_or(Error::Options("the standard input of an SFTP server cannot be given"))?;
        // INIT follows the request without waiting for its answer: that saves a round trip. A server that does not
        // start does not answer it either, and then why is what counts.
        let mut beginning = pin!(Self::begin(stream, options));
        tokio::select! {
            biased;
            started = &mut starting => {
                started.map_err(start_error)?;
                beginning.await
            }
            begun = &mut beginning => {
                starting.await.map_err(start_error)?;
                begun
            }
        }
    }

    /// Begins a session over any stream: a pipe to an `sftp-server` that runs here, for example.
    ///
    /// # Errors
    ///
    /// What the server said instead of SFTP, or that the stream failed.
    pub async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        options: SftpOptions,
    ) -> Result<Self, Error> {
        let stream: Box<dyn Duplex> = Box::new(stream);
        Self::begin(Stream::Other { stream, room: BytesMut::new() }, options).await
    }

    async fn begin(stream: Stream, options: SftpOptions) -> Result<Self, Error> {
        let symlink_order = options.symlink_order;
        let sftp =
            Self { session: Session::new(stream, options.client, options.request_timeout), symlink_order };
        sftp.ready().await?;
        Ok(sftp)
    }

    /// Begins a session whose bytes are carried by threads.
    pub(crate) fn over_threads(options: SftpOptions) -> Self {
        Self {
            session: Session::new(Stream::Threads, options.client, options.request_timeout),
            symlink_order: options.symlink_order,
        }
    }

    /// Waits until the server has said its version.
    pub(crate) async fn ready(&self) -> Result<(), Error> {
        let lane = self.session.lane();
        let ready = self.session.wait(lane.lane(), |client, _| match (client.version(), client.error()) {
            (_, Some(error)) => Some(Err(error.clone())),
            (Some(_), None) => Some(Ok(())),
            (None, None) => None,
        });
        Ok(ready.await?)
    }

    /// Sends one request and waits for its answer.
    pub(crate) async fn call<R: Request>(&self, path: &RemotePath, request: R) -> Result<R::Reply, Error> {
        self.session.call(&request).await.map_err(|error| Error::Sftp(error.at(path.as_bytes())))
    }

    /// The version that both speak.
    pub fn version(&self) -> u32 {
        self.session.with(|client, _| client.version().unwrap_or(0))
    }

    /// Whether the server offers an extension, for example `copy-data`.
    pub fn offers(&self, extension: &str) -> bool {
        self.session.with(|client, _| client.offers(extension))
    }

    /// The names of the extensions that the server offers.
    pub fn extensions(&self) -> Vec<String> {
        let printable = |(name, _): &(Vec<u8>, Vec<u8>)| konko_sftp::text::printable(name);
        self.session.with(|client, _| client.extensions().iter().map(printable).collect())
    }

    /// How much the server takes at once. Waits for its answer, if that is still to come.
    ///
    /// # Errors
    ///
    /// What ended the session.
    pub async fn limits(&self) -> Result<Limits, Error> {
        let lane = self.session.lane();
        let limits = self.session.wait(lane.lane(), |client, _| match client.error() {
            Some(error) => Some(Err(error.clone())),
            None => (!client.limits_pending()).then(|| Ok(client.limits())),
        });
        Ok(limits.await?)
    }

    /// Opens `path` for reading.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn open(&self, path: impl Into<RemotePath>) -> Result<File, Error> {
        self.open_with(path, OpenOptions::new().read(true)).await
    }

    /// Opens `path` for writing; it is created, or truncated if it is there.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn create(&self, path: impl Into<RemotePath>) -> Result<File, Error> {
        self.open_with(path, OpenOptions::new().write(true).create(true).truncate(true)).await
    }

    /// Opens `path` as `options` say.
    ///
    /// # Errors
    ///
    /// [`Error::Options`] for a combination that makes no sense; what the server refused.
    pub async fn open_with(&self, path: impl Into<RemotePath>, options: &OpenOptions) -> Result<File, Error> {
        let path = path.into();
        let open = Open { filename: path.wire(), pflags: options.flags()?, attributes: options.attributes() };
        let handle = self.call(&path, open).await?;
        let handle = OpenHandle::new(&self.session, handle);
        Ok(File::new(Arc::clone(&self.session), handle, path, options.is_append()))
    }

    /// What is known of `path`; a symbolic link is followed.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn metadata(&self, path: impl Into<RemotePath>) -> Result<Metadata, Error> {
        let path = path.into();
        self.call(&path, Stat { path: path.wire() }).await
    }

    /// What is known of `path` itself; a symbolic link is not followed.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn symlink_metadata(&self, path: impl Into<RemotePath>) -> Result<Metadata, Error> {
        let path = path.into();
        self.call(&path, Lstat { path: path.wire() }).await
    }

    /// Whether something is at `path`; a symbolic link is followed.
    ///
    /// # Errors
    ///
    /// What the server refused, unless it said that there is nothing.
    pub async fn try_exists(&self, path: impl Into<RemotePath>) -> Result<bool, Error> {
        match self.metadata(path).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sets what is `Some` in `attributes`; a symbolic link is followed.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn set_attributes(
        &self,
        path: impl Into<RemotePath>,
        attributes: Attributes,
    ) -> Result<(), Error> {
        let path = path.into();
        self.call(&path, Setstat { path: path.wire(), attributes }).await
    }

    /// As [`set_attributes`](Self::set_attributes), of a symbolic link itself.
    ///
    /// # Errors
    ///
    /// What the server refused, or that it does not offer `lsetstat@openssh.com`.
    pub async fn set_symlink_attributes(
        &self,
        path: impl Into<RemotePath>,
        attributes: Attributes,
    ) -> Result<(), Error> {
        let path = path.into();
        self.call(&path, Lsetstat { path: path.wire(), attributes }).await
    }

    /// Sets the permissions.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn set_permissions(&self, path: impl Into<RemotePath>, mode: u32) -> Result<(), Error> {
        self.set_attributes(path, Attributes::with_permissions(mode)).await
    }

    /// Sets owner and group, by number.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn set_owner(&self, path: impl Into<RemotePath>, uid: u32, gid: u32) -> Result<(), Error> {
        self.set_attributes(path, Attributes { owner: Some(Owner { uid, gid }), ..Attributes::default() })
            .await
    }

    /// Sets the times of the last access and modification, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn set_times(
        &self,
        path: impl Into<RemotePath>,
        accessed: u32,
        modified: u32,
    ) -> Result<(), Error> {
        let times = Some(Times { accessed, modified });
        self.set_attributes(path, Attributes { times, ..Attributes::default() }).await
    }

    /// Cuts the file off at `size` bytes, or fills it up with zeros.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn set_len(&self, path: impl Into<RemotePath>, size: u64) -> Result<(), Error> {
        self.set_attributes(path, Attributes::with_size(size)).await
    }

    /// Lists a directory. Entries come as the server sends them, in its order.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn read_dir(&self, path: impl Into<RemotePath>) -> Result<ReadDir, Error> {
        let path = path.into();
        let handle = self.call(&path, Opendir { path: path.wire() }).await?;
        Ok(ReadDir::new(&self.session, handle, path))
    }

    /// Creates a directory. Its permissions are what the server chooses.
    ///
    /// # Errors
    ///
    /// What the server refused; many servers say only "failure" where something is there already.
    pub async fn create_dir(&self, path: impl Into<RemotePath>) -> Result<(), Error> {
        let path = path.into();
        self.call(&path, Mkdir { path: path.wire(), attributes: Attributes::default() }).await
    }

    /// Creates a directory with these permissions, from which the server takes its umask.
    ///
    /// # Errors
    ///
    /// As [`create_dir`](Self::create_dir).
    pub async fn create_dir_with_mode(&self, path: impl Into<RemotePath>, mode: u32) -> Result<(), Error> {
        let path = path.into();
        let attributes = Attributes::with_permissions(mode);
        self.call(&path, Mkdir { path: path.wire(), attributes }).await
    }

    /// Removes a file or a symbolic link.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn remove_file(&self, path: impl Into<RemotePath>) -> Result<(), Error> {
        let path = path.into();
        self.call(&path, Remove { filename: path.wire() }).await
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn remove_dir(&self, path: impl Into<RemotePath>) -> Result<(), Error> {
        let path = path.into();
        self.call(&path, Rmdir { path: path.wire() }).await
    }

    /// Renames. Where the server can replace what is at `new` at once, as POSIX does, it is replaced; where it
    /// cannot, something at `new` is an error.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn rename(&self, old: impl Into<RemotePath>, new: impl Into<RemotePath>) -> Result<(), Error> {
        let (old, new) = (old.into(), new.into());
        if self.offers(PosixRename::NAME) {
            return self.call(&old, PosixRename { old_path: old.wire(), new_path: new.wire() }).await;
        }
        let rename = Rename { old_path: old.wire(), new_path: new.wire() };
        if self.version() >= 5 {
            return self.call(&old, RenameReplacing { rename }).await;
        }
        self.call(&old, rename).await
    }

    /// Renames; what is at `new` is not replaced but an error.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn rename_exclusive(
        &self,
        old: impl Into<RemotePath>,
        new: impl Into<RemotePath>,
    ) -> Result<(), Error> {
        let (old, new) = (old.into(), new.into());
        self.call(&old, Rename { old_path: old.wire(), new_path: new.wire() }).await
    }

    /// Creates a symbolic link at `link` that says `target`.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn symlink(
        &self,
        target: impl Into<RemotePath>,
        link: impl Into<RemotePath>,
    ) -> Result<(), Error> {
        let (target, link) = (target.into(), link.into());
        let (mut target_path, mut link_path) = (target.as_bytes(), link.wire());
        if self.symlink_order == SymlinkOrder::LinkFirst && self.version() < 6 {
            std::mem::swap(&mut target_path, &mut link_path);
        }
        self.call(&link, Symlink { target_path, link_path }).await
    }

    /// What a symbolic link says.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn read_link(&self, path: impl Into<RemotePath>) -> Result<RemotePath, Error> {
        let path = path.into();
        Ok(self.call(&path, Readlink { path: path.wire() }).await?.0.into())
    }

    /// The absolute path, without symbolic links, `.` and `..`.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn canonicalize(&self, path: impl Into<RemotePath>) -> Result<RemotePath, Error> {
        let path = path.into();
        Ok(self.call(&path, Realpath { path: path.wire() }).await?.0.into())
    }

    /// Creates a further name of a file.
    ///
    /// # Errors
    ///
    /// What the server refused, or that it does not offer `hardlink@openssh.com`.
    pub async fn hard_link(
        &self,
        original: impl Into<RemotePath>,
        link: impl Into<RemotePath>,
    ) -> Result<(), Error> {
        let (original, link) = (original.into(), link.into());
        self.call(&original, Hardlink { old_path: original.wire(), new_path: link.wire() }).await
    }

    /// About the filesystem that `path` is on: how large, how full.
    ///
    /// # Errors
    ///
    /// What the server refused, or that it does not offer `statvfs@openssh.com`.
    pub async fn statvfs(&self, path: impl Into<RemotePath>) -> Result<StatvfsReply, Error> {
        let path = path.into();
        self.call(&path, Statvfs { path: path.wire() }).await
    }

    /// As [`canonicalize`](Self::canonicalize), of a path that may begin with `~` or `~user`. Where the server does
    /// not offer `expand-path@openssh.com`, a path that does not begin with `~` is made absolute.
    ///
    /// # Errors
    ///
    /// What the server refused, or that it cannot expand `~`.
    pub async fn expand_path(&self, path: impl Into<RemotePath>) -> Result<RemotePath, Error> {
        let path = path.into();
        if !self.offers(ExpandPath::NAME) && path.as_bytes().first() != Some(&b'~') {
            return self.canonicalize(path).await;
        }
        Ok(self.call(&path, ExpandPath { path: path.wire() }).await?.0.into())
    }

    /// The home directory of a user; of the one who is logged in where `user` is empty.
    ///
    /// # Errors
    ///
    /// What the server refused, or that it does not offer `home-directory`.
    pub async fn home_directory(&self, user: &str) -> Result<RemotePath, Error> {
        let path = RemotePath::from(user);
        Ok(self.call(&path, HomeDirectory { username: user.as_bytes() }).await?.0.into())
    }

    /// Names of users and groups by their numbers, in the same order; empty where there is none.
    ///
    /// # Errors
    ///
    /// What the server refused, or that it does not offer `users-groups-by-id@openssh.com`.
    pub async fn users_and_groups(&self, uids: &[u32], gids: &[u32]) -> Result<Principals, Error> {
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        put_numbers(&mut users, uids);
        put_numbers(&mut groups, gids);
        let request = UsersGroupsById { uids: &users, gids: &groups };
        Ok(self.session.call(&request).await?)
    }

    /// Hashes that the server makes of a file, or of `length` bytes from `offset` on, where 0 means to the end.
    /// `algorithms` are acceptable ones, comma-separated: `sha256,sha1,md5`. With a `block_size` other than 0 there is
    /// one hash for each block. Servers that know only `md5-hash` are asked that way for one MD5.
    ///
    /// # Errors
    ///
    /// What the server refused, or that it does not offer `check-file`.
    pub async fn check_file(
        &self,
        path: impl Into<RemotePath>,
        algorithms: &str,
        offset: u64,
        length: u64,
        block_size: u32,
    ) -> Result<FileHashes, Error> {
        let path = path.into();
        let md5 = algorithms.split(',').any(|algorithm| algorithm == "md5");
        if !self.offers(CheckFileName::NAME) && self.offers(Md5Hash::NAME) && md5 && block_size == 0 {
            let request = Md5Hash { name: path.wire(), start_offset: offset, length, quick_check_hash: b"" };
            let hash = self.call(&path, request).await?;
            return Ok(FileHashes { algorithm: b"md5".to_vec(), hashes: hash.0 });
        }
        let request = CheckFileName {
            name: path.wire(),
            hash_algorithms: algorithms.as_bytes(),
            start_offset: offset,
            length,
            block_size,
        };
        self.call(&path, request).await
    }

    /// How many files of a tree to have under way at once: never more than half of the handles that the server has, and
    /// on a short link no more than it takes to keep both sides busy.
    pub(crate) async fn files_in_flight(&self, options: &TransferOptions) -> Result<FilesInFlight, Error> {
        let handles = self.limits().await?.open_handles.unwrap_or(u64::MAX);
        let handles = usize::try_from(handles).unwrap_or(usize::MAX);
        let is_far = self.session.with(|client, _| client.round_trip().is_some_and(|time| time >= FAR));
        let most = if is_far { usize::MAX } else { NEAR_FILES };
        Ok(FilesInFlight {
            open: options.files_in_flight.min(handles / 2).min(most).max(1),
            handles: (handles - handles / 8).max(1),
        })
    }

    /// Ends the session for all who use it: whatever is under way fails.
    pub fn end(&self) {
        self.session.end(konko_sftp::error::Error::Ended);
    }
}

impl SshClient {
    /// Begins SFTP: the subsystem `sftp`, with everything as it is by default. [`Sftp::start`] has the choices.
    ///
    /// # Errors
    ///
    /// As [`Sftp::start`].
    pub async fn sftp(&self) -> Result<Sftp, Error> {
        Sftp::start(self.subsystem("sftp"), SftpOptions::default()).await
    }
}
