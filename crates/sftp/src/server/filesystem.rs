//! What a server serves. A file system answers by blocking; who wants to answer otherwise takes the server's
//! questions into its own hands.

use crate::message::attributes::Attributes;
use crate::message::extension::StatvfsReply;
use crate::message::number::OpenFlags;
use crate::server::cancellation::Cancellation;
use crate::server::failure::Failure;
use bytes::Bytes;

/// One name of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Without the directory's path.
    pub name: Vec<u8>,
    /// As `ls -l` would show it; see [`LongName`](super::long_name::LongName).
    pub long_name: Vec<u8>,
    /// Of the name itself: a symbolic link is not followed.
    pub attributes: Attributes,
}

/// A tree of files and directories.
///
/// Paths are any bytes of the client, up to a packet long: absolute, or relative to where the file system says its
/// sessions start. Every call may block, may be made from several threads at once, and answers for itself: nothing
/// is checked before it but the kind of a handle. What is not overridden is not supported.
pub trait Filesystem: Send + Sync + 'static {
    /// An open file.
    type File: Send + Sync + 'static;
    /// An open directory, with how far it was read.
    type Directory: Send + Sync + 'static;

    /// Opens a file (§6.3). The attributes are those of a new one; only the permissions need be obeyed.
    fn open(&self, path: &[u8], flags: OpenFlags, attributes: &Attributes) -> Result<Self::File, Failure>;

    /// Opens a directory (§6.7).
    fn open_directory(&self, path: &[u8]) -> Result<Self::Directory, Failure>;

    /// Reads into the buffer, at an offset in bytes. Fewer bytes than fit is no end; none is, if any would fit.
    fn read_at(&self, file: &Self::File, offset: u64, buffer: &mut [u8]) -> Result<usize, Failure> {
        let _ = (file, offset, buffer);
        Err(Failure::unsupported())
    }

    /// Writes all pieces, one behind the other, at an offset in bytes; at the end for a file opened to append.
    fn write_at(&self, file: &Self::File, offset: u64, pieces: &[Bytes]) -> Result<(), Failure> {
        let _ = (file, offset, pieces);
        Err(Failure::unsupported())
    }

    /// The handle of a file is closed; the file itself is dropped when nothing uses it any more. A failure is
    /// reported, and the handle is closed all the same.
    fn close(&self, file: &Self::File) -> Result<(), Failure> {
        let _ = file;
        Ok(())
    }

    /// The next entries, at most `limit` of them. None: there are no more.
    fn read_directory(&self, directory: &Self::Directory, limit: usize) -> Result<Vec<Entry>, Failure> {
        let _ = (directory, limit);
        Err(Failure::unsupported())
    }

    /// Attributes of an open file (§6.8).
    fn file_attributes(&self, file: &Self::File) -> Result<Attributes, Failure> {
        let _ = file;
        Err(Failure::unsupported())
    }

    /// Sets attributes of an open file (§6.9), as far as they are said.
    fn set_file_attributes(&self, file: &Self::File, attributes: &Attributes) -> Result<(), Failure> {
        let _ = (file, attributes);
        Err(Failure::unsupported())
    }

    /// Waits until a file is on the disk (`fsync@openssh.com`).
    fn sync(&self, file: &Self::File) -> Result<(), Failure> {
        let _ = file;
        Err(Failure::unsupported())
    }

    /// About the file system of an open file (`fstatvfs@openssh.com`).
    fn file_statvfs(&self, file: &Self::File) -> Result<StatvfsReply, Failure> {
        let _ = file;
        Err(Failure::unsupported())
    }

    /// Copies bytes from one file to another (`copy-data`); `length` zero means to the end that the source has at
    /// first. It stops, failing, when it is cancelled. Source and target must not overlap.
    fn copy(
        &self,
        source: &Self::File,
        from: u64,
        length: u64,
        target: &Self::File,
        to: u64,
        cancellation: &Cancellation,
    ) -> Result<(), Failure> {
        let _ = (source, from, length, target, to, cancellation);
        Err(Failure::unsupported())
    }

    /// Attributes of what a path leads to (§6.8).
    fn attributes(&self, path: &[u8]) -> Result<Attributes, Failure> {
        let _ = path;
        Err(Failure::unsupported())
    }

    /// Attributes of a path; of a symbolic link, the link's (§6.8).
    fn link_attributes(&self, path: &[u8]) -> Result<Attributes, Failure> {
        let _ = path;
        Err(Failure::unsupported())
    }

    /// Sets attributes of what a path leads to (§6.9), as far as they are said.
    fn set_attributes(&self, path: &[u8], attributes: &Attributes) -> Result<(), Failure> {
        let _ = (path, attributes);
        Err(Failure::unsupported())
    }

    /// The same, but of a symbolic link the link's (`lsetstat@openssh.com`).
    fn set_link_attributes(&self, path: &[u8], attributes: &Attributes) -> Result<(), Failure> {
        let _ = (path, attributes);
        Err(Failure::unsupported())
    }

    /// Removes a file, or whatever is no directory (§6.5).
    fn remove(&self, path: &[u8]) -> Result<(), Failure> {
        let _ = path;
        Err(Failure::unsupported())
    }

    /// Creates a directory (§6.6). Of the attributes only the permissions need be obeyed.
    fn create_directory(&self, path: &[u8], attributes: &Attributes) -> Result<(), Failure> {
        let _ = (path, attributes);
        Err(Failure::unsupported())
    }

    /// Removes an empty directory (§6.6).
    fn remove_directory(&self, path: &[u8]) -> Result<(), Failure> {
        let _ = path;
        Err(Failure::unsupported())
    }

    /// Renames (§6.5): "It is an error if there already exists a file with the name specified by newpath."
    fn rename(&self, old_path: &[u8], new_path: &[u8]) -> Result<(), Failure> {
        let _ = (old_path, new_path);
        Err(Failure::unsupported())
    }

    /// Renames as rename(2) does: what exists is replaced in one step (`posix-rename@openssh.com`).
    fn replace(&self, old_path: &[u8], new_path: &[u8]) -> Result<(), Failure> {
        let _ = (old_path, new_path);
        Err(Failure::unsupported())
    }

    /// Creates a symbolic link that says `target`, whatever that is (§6.10).
    fn create_symbolic_link(&self, target: &[u8], path: &[u8]) -> Result<(), Failure> {
        let _ = (target, path);
        Err(Failure::unsupported())
    }

    /// Creates a further name for a file (`hardlink@openssh.com`).
    fn create_hard_link(&self, old_path: &[u8], new_path: &[u8]) -> Result<(), Failure> {
        let _ = (old_path, new_path);
        Err(Failure::unsupported())
    }

    /// What a symbolic link says (§6.10).
    fn read_link(&self, path: &[u8]) -> Result<Vec<u8>, Failure> {
        let _ = path;
        Err(Failure::unsupported())
    }

    /// The absolute path without links, `.` and `..` (§6.11). Its last name need not exist.
    fn canonicalize(&self, path: &[u8]) -> Result<Vec<u8>, Failure> {
        let _ = path;
        Err(Failure::unsupported())
    }

    /// The same for a path that may begin with `~` or `~user` (`expand-path@openssh.com`).
    fn expand_path(&self, path: &[u8]) -> Result<Vec<u8>, Failure> {
        let _ = path;
        Err(Failure::unsupported())
    }

    /// The home directory of a user, by name; of the session's own if the name is empty (`home-directory`).
    fn home_directory(&self, user_name: &[u8]) -> Result<Vec<u8>, Failure> {
        let _ = user_name;
        Err(Failure::unsupported())
    }

    /// About the file system that a path leads to (`statvfs@openssh.com`).
    fn statvfs(&self, path: &[u8]) -> Result<StatvfsReply, Failure> {
        let _ = path;
        Err(Failure::unsupported())
    }

    /// The name of a user, by number.
    fn user_name(&self, uid: u32) -> Option<Vec<u8>> {
        let _ = uid;
        None
    }

    /// The name of a group, by number.
    fn group_name(&self, gid: u32) -> Option<Vec<u8>> {
        let _ = gid;
        None
    }
}
