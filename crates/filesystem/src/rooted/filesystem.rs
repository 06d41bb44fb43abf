//! Local files as a file system that is served.

use crate::accounts::Accounts;
use crate::errno::failure;
use crate::rooted::attributes::{Change, from_stat, set_size};
use crate::rooted::directory::LocalDirectory;
use crate::rooted::file::LocalFile;
use crate::rooted::options::{LocalOptions, Quota, Root};
use crate::rooted::tree::{Place, Tree};
use bytes::Bytes;
use konko_sftp::message::attributes::Attributes;
use konko_sftp::message::extension::StatvfsReply;
use konko_sftp::message::number::OpenFlags;
use konko_sftp::server::cancellation::Cancellation;
use konko_sftp::server::failure::Failure;
use konko_sftp::server::filesystem::{Entry, Filesystem};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, StatVfs, StatVfsMountFlags};
use rustix::io::Errno;
use std::borrow::Cow;
use std::io;
use std::sync::OnceLock;

/// The longest path, as Linux has it.
const MAXIMUM_PATH: usize = 4096;
/// What a new file may get, if the client does not say.
const NEW_FILE: u32 = 0o666;
/// What a new directory may get, if the client does not say.
const NEW_DIRECTORY: u32 = 0o777;

/// The files of this system, all or those below a directory.
#[derive(Debug)]
pub struct LocalFilesystem {
    tree: Tree,
    options: LocalOptions,
    accounts: OnceLock<Accounts>,
}

impl LocalFilesystem {
    /// Serves these files. Fails if the root cannot be opened.
    pub fn new(root: &Root, options: LocalOptions) -> io::Result<Self> {
        let tree = match root {
            Root::WholeSystem => Tree::Whole,
            Root::Below(directory) => Tree::below(directory, options.system_resolution)?,
        };
        Ok(Self { tree, options, accounts: OnceLock::new() })
    }

    fn accounts(&self) -> &Accounts {
        self.accounts.get_or_init(Accounts::of_system)
    }

    /// The path as an absolute one.
    fn absolute<'p>(&self, path: &'p [u8]) -> Result<Cow<'p, [u8]>, Failure> {
        if path.contains(&0) {
            return Err(Failure::no_such_file());
        }
        let path = match path {
            [b'/', ..] => Cow::Borrowed(path),
            [] => Cow::Owned(self.options.start_directory.clone()),
            _ => Cow::Owned([&self.options.start_directory, &b"/"[..], path].concat()),
        };
        if path.len() > MAXIMUM_PATH { Err(failure(Errno::NAMETOOLONG)) } else { Ok(path) }
    }

    fn locate(&self, path: &[u8]) -> Result<Place, Failure> {
        self.tree.locate(&self.absolute(path)?).map_err(failure)
    }

    /// A place where a name may come, go or change.
    fn locate_change(&self, path: &[u8]) -> Result<Place, Failure> {
        self.may_change()?;
        let place = self.locate(path)?;
        place.changeable().map_err(failure)?;
        Ok(place)
    }

    fn may_change(&self) -> Result<(), Failure> {
        if self.options.read_only { Err(Failure::permission_denied()) } else { Ok(()) }
    }

    fn quota(&self) -> Option<&dyn Quota> {
        self.options.quota.as_deref()
    }

    /// Whether a name may come into being; what is returned takes it back unless told to keep.
    fn may_create(&self) -> Result<(), Failure> {
        match self.quota() {
            Some(quota) if !quota.may_create() => Err(failure(Errno::DQUOT)),
            _ => Ok(()),
        }
    }

    fn may_grow(&self, from: u64, to: u64) -> Result<(), Failure> {
        match self.quota() {
            Some(quota) if to > from && !quota.may_grow(to - from) => Err(failure(Errno::DQUOT)),
            _ => Ok(()),
        }
    }

    fn shrunk(&self, from: u64, to: u64) {
        if let Some(quota) = self.quota()
            && from > to
        {
            quota.shrunk(from - to);
        }
    }

    fn removed(&self) {
        if let Some(quota) = self.quota() {
            quota.removed();
        }
    }

    /// Makes a name, and counts it unless that fails.
    fn create(&self, make: impl FnOnce() -> rustix::io::Result<()>) -> Result<(), Failure> {
        self.may_create()?;
        make().map_err(|errno| {
            self.removed();
            failure(errno)
        })
    }

    fn mode_mask(&self) -> u32 {
        if self.options.special_bits { 0o7777 } else { 0o777 }
    }

    fn new_mode(&self, attributes: &Attributes, otherwise: u32) -> Mode {
        let mode = attributes.permissions.unwrap_or(otherwise) & self.mode_mask() & !self.options.umask;
        Mode::from_raw_mode(mode as _)
    }

    /// Opens without waiting for anybody, and only what is a regular file unless more is allowed.
    fn open_descriptor(&self, path: &[u8], flags: OFlags, mode: Mode) -> Result<OwnedFd, Failure> {
        let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = self.tree.open(path, flags, mode).map_err(failure)?;
        match FileType::from_raw_mode(rustix::fs::fstat(&opened).map_err(failure)?.st_mode) {
            FileType::RegularFile => Ok(opened),
            FileType::Directory => Err(failure(Errno::ISDIR)),
            _ if self.options.special_files => Ok(opened),
            _ => Err(Failure::other("Not a regular file")),
        }
    }

    /// Opens a file that may have to be made first, and counts it if it was.
    fn open_counted(&self, path: &[u8], flags: OFlags, mode: Mode) -> Result<OwnedFd, Failure> {
        if self.quota().is_none() {
            return self.open_descriptor(path, flags, mode);
        }
        let truncates = flags.contains(OFlags::TRUNC);
        let flags = flags - OFlags::TRUNC;
        let opened = match self.open_descriptor(path, flags - OFlags::CREATE - OFlags::EXCL, Mode::empty()) {
            Ok(_) if flags.contains(OFlags::CREATE | OFlags::EXCL) => return Err(failure(Errno::EXIST)),
            Err(missing) if missing == Failure::no_such_file() && flags.contains(OFlags::CREATE) => {
                self.may_create()?;
                return self.open_descriptor(path, flags, mode).inspect_err(|_| self.removed());
            }
            other => other?,
        };
        if truncates {
            let stat = rustix::fs::fstat(&opened).map_err(failure)?;
            set_size(&opened, 0).map_err(failure)?;
            self.shrunk(u64::try_from(stat.st_size).unwrap_or(0), 0);
        }
        Ok(opened)
    }

    /// Removes a name. Its bytes are free if it was the last.
    fn unlink(&self, path: &[u8], flags: AtFlags) -> Result<(), Failure> {
        let place = self.locate_change(path)?;
        let last_size = match self.quota() {
            None => 0,
            Some(_) => match place.stat() {
                Ok(stat) if flags.is_empty() && stat.st_nlink == 1 => {
                    u64::try_from(stat.st_size).unwrap_or(0)
                }
                _ => 0,
            },
        };
        rustix::fs::unlinkat(place.directory(), place.name(), flags).map_err(failure)?;
        self.removed();
        self.shrunk(last_size, 0);
        Ok(())
    }

    fn resize(&self, file: &LocalFile, size: u64) -> Result<(), Failure> {
        if i64::try_from(size).is_err() {
            return Err(failure(Errno::FBIG));
        }
        let before = if self.quota().is_some() { file.size()? } else { 0 };
        self.may_grow(before, size)?;
        if let Err(errno) = set_size(&file.descriptor, size) {
            self.shrunk(size, before);
            return Err(failure(errno));
        }
        self.shrunk(before, size);
        Ok(())
    }

    /// Refuses what would replace anything: where the system cannot do so in one step, as OpenSSH does.
    fn rename_exclusively(old: &Place, new: &Place) -> Result<(), Failure> {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        match rustix::fs::renameat_with(
            old.directory(),
            old.name(),
            new.directory(),
            new.name(),
            rustix::fs::RenameFlags::NOREPLACE,
        ) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
            other => return other.map_err(failure),
        }
        if FileType::from_raw_mode(old.stat().map_err(failure)?.st_mode) == FileType::RegularFile {
            match rustix::fs::linkat(
                old.directory(),
                old.name(),
                new.directory(),
                new.name(),
                AtFlags::empty(),
            ) {
                Ok(()) => {
                    return rustix::fs::unlinkat(old.directory(), old.name(), AtFlags::empty())
                        .map_err(failure);
                }
                Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM | Errno::XDEV | Errno::MLINK) => {}
                Err(errno) => return Err(failure(errno)),
            }
        }
        match new.stat() {
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(failure(errno)),
            Ok(_) => return Err(Failure::exists()),
        }
        rustix::fs::renameat(old.directory(), old.name(), new.directory(), new.name()).map_err(failure)
    }
}

impl Filesystem for LocalFilesystem {
    type File = LocalFile;
    type Directory = LocalDirectory;

    fn open(&self, path: &[u8], flags: OpenFlags, attributes: &Attributes) -> Result<LocalFile, Failure> {
        // CVE-2017-15906: creating and truncating change things whether or not anything is to be written.
        if flags != OpenFlags::READ {
            self.may_change()?;
        }
        let path = self.absolute(path)?;
        let descriptor =
            self.open_counted(&path, system_flags(flags), self.new_mode(attributes, NEW_FILE))?;
        Ok(LocalFile { descriptor, appends: flags.contains(OpenFlags::APPEND) })
    }

    fn open_directory(&self, path: &[u8]) -> Result<LocalDirectory, Failure> {
        let path = self.absolute(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK;
        let descriptor = self.tree.open(&path, flags, Mode::empty()).map_err(failure)?;
        let stat = rustix::fs::fstat(&descriptor).map_err(failure)?;
        LocalDirectory::new(descriptor, self.tree.is_root(&stat))
    }

    fn read_at(&self, file: &LocalFile, offset: u64, buffer: &mut [u8]) -> Result<usize, Failure> {
        file.read_at(offset, buffer)
    }

    fn write_at(&self, file: &LocalFile, offset: u64, pieces: &[Bytes]) -> Result<(), Failure> {
        self.may_change()?;
        if self.quota().is_none() {
            return file.write_at(offset, pieces);
        }
        let size = file.size()?;
        let len = pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        let end = if file.appends { size } else { offset }.saturating_add(len).max(size);
        self.may_grow(size, end)?;
        file.write_at(offset, pieces).inspect_err(|_| {
            // What was written before it failed stays counted.
            self.shrunk(end, file.size().unwrap_or(end).max(size));
        })
    }

    fn read_directory(&self, directory: &LocalDirectory, limit: usize) -> Result<Vec<Entry>, Failure> {
        directory.read(limit, self.accounts())
    }

    fn file_attributes(&self, file: &LocalFile) -> Result<Attributes, Failure> {
        file.attributes()
    }

    fn set_file_attributes(&self, file: &LocalFile, attributes: &Attributes) -> Result<(), Failure> {
        self.may_change()?;
        if let Some(size) = attributes.size {
            self.resize(file, size)?;
        }
        Change::new(attributes, self.mode_mask()).apply(&file.descriptor).map_err(failure)
    }

    fn sync(&self, file: &LocalFile) -> Result<(), Failure> {
        self.may_change()?;
        rustix::fs::fsync(&file.descriptor).map_err(failure)
    }

    fn file_statvfs(&self, file: &LocalFile) -> Result<StatvfsReply, Failure> {
        rustix::fs::fstatvfs(&file.descriptor).map(statvfs_reply).map_err(failure)
    }

    fn copy(
        &self,
        source: &LocalFile,
        from: u64,
        length: u64,
        target: &LocalFile,
        to: u64,
        cancellation: &Cancellation,
    ) -> Result<(), Failure> {
        self.may_change()?;
        if self.quota().is_none() {
            return source.copy_to(from, length, target, to, cancellation);
        }
        let (available, before) = (source.size()?.saturating_sub(from), target.size()?);
        let length_now = if length == 0 { available } else { length.min(available) };
        let end = if target.appends { before } else { to }.saturating_add(length_now).max(before);
        self.may_grow(before, end)?;
        source.copy_to(from, length_now.max(u64::from(length != 0)), target, to, cancellation).inspect_err(
            |_| {
                self.shrunk(end, target.size().unwrap_or(end).max(before));
            },
        )
    }

    fn attributes(&self, path: &[u8]) -> Result<Attributes, Failure> {
        self.tree.stat(&self.absolute(path)?).map(|stat| from_stat(&stat)).map_err(failure)
    }

    fn link_attributes(&self, path: &[u8]) -> Result<Attributes, Failure> {
        self.locate(path)?.stat().map(|stat| from_stat(&stat)).map_err(failure)
    }

    fn set_attributes(&self, path: &[u8], attributes: &Attributes) -> Result<(), Failure> {
        self.may_change()?;
        let path = self.absolute(path)?;
        if let Some(size) = attributes.size {
            let descriptor = self.open_descriptor(&path, OFlags::WRONLY, Mode::empty())?;
            self.resize(&LocalFile { descriptor, appends: false }, size)?;
        }
        Change::new(attributes, self.mode_mask()).apply_to_path(&self.tree, &path).map_err(failure)
    }

    fn set_link_attributes(&self, path: &[u8], attributes: &Attributes) -> Result<(), Failure> {
        self.may_change()?;
        if attributes.size.is_some() {
            // As OpenSSH has it: nothing is said about sizes of links.
            return Err(Failure::bad_message());
        }
        Change::new(attributes, self.mode_mask()).apply_to_name(&self.locate(path)?).map_err(failure)
    }

    fn remove(&self, path: &[u8]) -> Result<(), Failure> {
        self.unlink(path, AtFlags::empty())
    }

    fn create_directory(&self, path: &[u8], attributes: &Attributes) -> Result<(), Failure> {
        self.may_change()?;
        let place = self.locate(path)?;
        if place.is_directory_itself {
            return Err(Failure::exists());
        }
        let mode = self.new_mode(attributes, NEW_DIRECTORY);
        self.create(|| rustix::fs::mkdirat(place.directory(), place.name(), mode))
    }

    fn remove_directory(&self, path: &[u8]) -> Result<(), Failure> {
        self.unlink(path, AtFlags::REMOVEDIR)
    }

    fn rename(&self, old_path: &[u8], new_path: &[u8]) -> Result<(), Failure> {
        let (old, new) = (self.locate_change(old_path)?, self.locate_change(new_path)?);
        Self::rename_exclusively(&old, &new)
    }

    fn replace(&self, old_path: &[u8], new_path: &[u8]) -> Result<(), Failure> {
        let (old, new) = (self.locate_change(old_path)?, self.locate_change(new_path)?);
        let replaced = self.quota().and_then(|_| new.stat().ok());
        rustix::fs::renameat(old.directory(), old.name(), new.directory(), new.name()).map_err(failure)?;
        if let Some(replaced) = replaced {
            self.removed();
            if replaced.st_nlink == 1 {
                self.shrunk(u64::try_from(replaced.st_size).unwrap_or(0), 0);
            }
        }
        Ok(())
    }

    fn create_symbolic_link(&self, target: &[u8], path: &[u8]) -> Result<(), Failure> {
        let place = self.locate_change(path)?;
        if target.contains(&0) {
            return Err(Failure::no_such_file());
        }
        self.create(|| rustix::fs::symlinkat(target, place.directory(), place.name()))
    }

    fn create_hard_link(&self, old_path: &[u8], new_path: &[u8]) -> Result<(), Failure> {
        let (old, new) = (self.locate_change(old_path)?, self.locate_change(new_path)?);
        // Not following: a link is itself the file of the further name.
        self.create(|| {
            rustix::fs::linkat(old.directory(), old.name(), new.directory(), new.name(), AtFlags::empty())
        })
    }

    fn read_link(&self, path: &[u8]) -> Result<Vec<u8>, Failure> {
        let place = self.locate(path)?;
        let target = rustix::fs::readlinkat(place.directory(), place.name(), Vec::new());
        target.map(std::ffi::CString::into_bytes).map_err(failure)
    }

    fn canonicalize(&self, path: &[u8]) -> Result<Vec<u8>, Failure> {
        self.tree.canonicalize(&self.absolute(path)?).map_err(failure)
    }

    fn expand_path(&self, path: &[u8]) -> Result<Vec<u8>, Failure> {
        let Some(rest) = path.strip_prefix(b"~") else { return self.canonicalize(path) };
        let slash = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
        let (user, below) = rest.split_at(slash);
        let mut expanded = self.home_directory(user)?;
        expanded.extend_from_slice(below);
        self.canonicalize(&expanded)
    }

    fn home_directory(&self, user_name: &[u8]) -> Result<Vec<u8>, Failure> {
        let own = || {
            let uid = rustix::process::geteuid().as_raw();
            self.accounts().user(uid) == Some(user_name)
        };
        if user_name.is_empty() || own() {
            return Ok(self.options.start_directory.clone());
        }
        match self.tree {
            Tree::Whole => self.accounts().home(user_name).map(<[u8]>::to_vec),
            Tree::Below { .. } => None,
        }
        .ok_or_else(|| Failure::other("No such user"))
    }

    fn statvfs(&self, path: &[u8]) -> Result<StatvfsReply, Failure> {
        let found = self.tree.find(&self.absolute(path)?).map_err(failure)?;
        rustix::fs::fstatvfs(found).map(statvfs_reply).map_err(failure)
    }

    fn user_name(&self, uid: u32) -> Option<Vec<u8>> {
        self.accounts().user(uid).map(<[u8]>::to_vec)
    }

    fn group_name(&self, gid: u32) -> Option<Vec<u8>> {
        self.accounts().group(gid).map(<[u8]>::to_vec)
    }
}

/// The flags of open(2) for those of OPEN.
fn system_flags(flags: OpenFlags) -> OFlags {
    let writes = flags.contains(OpenFlags::WRITE) || flags.contains(OpenFlags::APPEND);
    let mut system = match (flags.contains(OpenFlags::READ), writes) {
        (true, true) => OFlags::RDWR,
        (false, true) => OFlags::WRONLY,
        (_, false) => OFlags::RDONLY,
    };
    for (flag, value) in [
        (OpenFlags::APPEND, OFlags::APPEND),
        (OpenFlags::CREAT, OFlags::CREATE),
        (OpenFlags::EXCL, OFlags::EXCL),
    ] {
        if flags.contains(flag) {
            system |= value;
        }
    }
    // open(2) leaves it open what truncating means without writing.
    if flags.contains(OpenFlags::TRUNC) && writes {
        system |= OFlags::TRUNC;
    }
    // EXCL means something only where a file is to come into being.
    if !flags.contains(OpenFlags::CREAT) { system - OFlags::EXCL } else { system }
}

fn statvfs_reply(stat: StatVfs) -> StatvfsReply {
    let mut flags = 0;
    for (flag, value) in [
        (StatVfsMountFlags::RDONLY, StatvfsReply::READ_ONLY),
        (StatVfsMountFlags::NOSUID, StatvfsReply::NO_SETUID),
    ] {
        if stat.f_flag.contains(flag) {
            flags |= value;
        }
    }
    StatvfsReply {
        block_size: stat.f_bsize,
        fragment_size: stat.f_frsize,
        blocks: stat.f_blocks,
        free_blocks: stat.f_bfree,
        available_blocks: stat.f_bavail,
        files: stat.f_files,
        free_files: stat.f_ffree,
        available_files: stat.f_favail,
        filesystem_id: stat.f_fsid,
        flags,
        maximum_name_length: stat.f_namemax,
    }
}
