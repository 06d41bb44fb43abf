//! A file system whose changes and transfers are logged, one line each, under the target `konko::sftp`: what was
//! done, with what, and how it ended. Looking at attributes and listings is logged for debugging only.

use crate::log_text::LogText;
use bytes::Bytes;
use konko_sftp::message::attributes::Attributes;
use konko_sftp::message::extension::StatvfsReply;
use konko_sftp::message::number::OpenFlags;
use konko_sftp::server::cancellation::Cancellation;
use konko_sftp::server::failure::Failure;
use konko_sftp::server::filesystem::{Entry, Filesystem};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file system that says what is done with it.
#[derive(Debug)]
pub struct Logged<S> {
    inner: S,
    /// Whose doing it is.
    who: String,
}

/// An open file of which is known what was moved.
#[derive(Debug)]
pub struct LoggedFile<F> {
    inner: F,
    path: Bytes,
    read: AtomicU64,
    written: AtomicU64,
}

impl<S: Filesystem> Logged<S> {
    /// Logs what is done with a file system by `who`.
    pub fn new(inner: S, who: impl Into<String>) -> Self {
        Self { inner, who: who.into() }
    }

    fn change<T>(&self, operation: &str, path: &[u8], result: Result<T, Failure>) -> Result<T, Failure> {
        let (who, path) = (&self.who, LogText(path));
        match &result {
            Ok(_) => tracing::info!(target: "konko::sftp", %who, %path, "{operation}"),
            Err(failure) => {
                tracing::info!(target: "konko::sftp", %who, %path, %failure, "{operation} refused");
            }
        }
        result
    }

    fn change_two<T>(
        &self,
        operation: &str,
        (old_path, new_path): (&[u8], &[u8]),
        result: Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (who, path, to) = (&self.who, LogText(old_path), LogText(new_path));
        match &result {
            Ok(_) => tracing::info!(target: "konko::sftp", %who, %path, %to, "{operation}"),
            Err(failure) => {
                tracing::info!(target: "konko::sftp", %who, %path, %to, %failure, "{operation} refused");
            }
        }
        result
    }

    fn look<T>(&self, operation: &str, path: &[u8], result: Result<T, Failure>) -> Result<T, Failure> {
        let (who, path, failure) = (&self.who, LogText(path), result.as_ref().err());
        tracing::debug!(target: "konko::sftp", %who, %path, ?failure, "{operation}");
        result
    }
}

impl<S: Filesystem> Filesystem for Logged<S> {
    type File = LoggedFile<S::File>;
    type Directory = S::Directory;

    fn open(&self, path: &[u8], flags: OpenFlags, attributes: &Attributes) -> Result<Self::File, Failure> {
        let opened = self.inner.open(path, flags, attributes);
        let operation = if flags == OpenFlags::READ { "open for reading" } else { "open for writing" };
        self.change(operation, path, opened).map(|inner| LoggedFile {
            inner,
            path: Bytes::copy_from_slice(path),
            read: AtomicU64::new(0),
            written: AtomicU64::new(0),
        })
    }

    fn open_directory(&self, path: &[u8]) -> Result<S::Directory, Failure> {
        self.change("list", path, self.inner.open_directory(path))
    }

    fn read_at(&self, file: &Self::File, offset: u64, buffer: &mut [u8]) -> Result<usize, Failure> {
        let n = self.inner.read_at(&file.inner, offset, buffer)?;
        file.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }

    fn write_at(&self, file: &Self::File, offset: u64, pieces: &[Bytes]) -> Result<(), Failure> {
        let result = self.inner.write_at(&file.inner, offset, pieces);
        match &result {
            Ok(()) => {
                let n = pieces.iter().map(|piece| piece.len() as u64).sum();
                file.written.fetch_add(n, Ordering::Relaxed);
            }
            Err(failure) => {
                let (who, path) = (&self.who, LogText(&file.path));
                tracing::info!(target: "konko::sftp", %who, %path, offset, %failure, "write failed");
            }
        }
        result
    }

    fn close(&self, file: &Self::File) -> Result<(), Failure> {
        let result = self.inner.close(&file.inner);
        let (read, written) = (file.read.load(Ordering::Relaxed), file.written.load(Ordering::Relaxed));
        let (who, path, failure) = (&self.who, LogText(&file.path), result.as_ref().err());
        tracing::info!(target: "konko::sftp", %who, %path, read, written, ?failure, "close");
        result
    }

    fn read_directory(&self, directory: &S::Directory, limit: usize) -> Result<Vec<Entry>, Failure> {
        self.inner.read_directory(directory, limit)
    }

    fn file_attributes(&self, file: &Self::File) -> Result<Attributes, Failure> {
        self.look("attributes", &file.path, self.inner.file_attributes(&file.inner))
    }

    fn set_file_attributes(&self, file: &Self::File, attributes: &Attributes) -> Result<(), Failure> {
        self.change("set attributes", &file.path, self.inner.set_file_attributes(&file.inner, attributes))
    }

    fn sync(&self, file: &Self::File) -> Result<(), Failure> {
        self.look("sync", &file.path, self.inner.sync(&file.inner))
    }

    fn file_statvfs(&self, file: &Self::File) -> Result<StatvfsReply, Failure> {
        self.look("statvfs", &file.path, self.inner.file_statvfs(&file.inner))
    }

    fn copy(
        &self,
        source: &Self::File,
        from: u64,
        length: u64,
        target: &Self::File,
        to: u64,
        cancellation: &Cancellation,
    ) -> Result<(), Failure> {
        let result = self.inner.copy(&source.inner, from, length, &target.inner, to, cancellation);
        self.change_two("copy", (&source.path, &target.path), result)
    }

    fn attributes(&self, path: &[u8]) -> Result<Attributes, Failure> {
        self.look("attributes", path, self.inner.attributes(path))
    }

    fn link_attributes(&self, path: &[u8]) -> Result<Attributes, Failure> {
        self.look("attributes", path, self.inner.link_attributes(path))
    }

    fn set_attributes(&self, path: &[u8], attributes: &Attributes) -> Result<(), Failure> {
        self.change("set attributes", path, self.inner.set_attributes(path, attributes))
    }

    fn set_link_attributes(&self, path: &[u8], attributes: &Attributes) -> Result<(), Failure> {
        self.change("set attributes", path, self.inner.set_link_attributes(path, attributes))
    }

    fn remove(&self, path: &[u8]) -> Result<(), Failure> {
        self.change("remove", path, self.inner.remove(path))
    }

    fn create_directory(&self, path: &[u8], attributes: &Attributes) -> Result<(), Failure> {
        self.change("create directory", path, self.inner.create_directory(path, attributes))
    }

    fn remove_directory(&self, path: &[u8]) -> Result<(), Failure> {
        self.change("remove directory", path, self.inner.remove_directory(path))
    }

    fn rename(&self, old_path: &[u8], new_path: &[u8]) -> Result<(), Failure> {
        self.change_two("rename", (old_path, new_path), self.inner.rename(old_path, new_path))
    }

    fn replace(&self, old_path: &[u8], new_path: &[u8]) -> Result<(), Failure> {
        self.change_two("rename", (old_path, new_path), self.inner.replace(old_path, new_path))
    }

    fn create_symbolic_link(&self, target: &[u8], path: &[u8]) -> Result<(), Failure> {
        let result = self.inner.create_symbolic_link(target, path);
        self.change_two("create symbolic link", (path, target), result)
    }

    fn create_hard_link(&self, old_path: &[u8], new_path: &[u8]) -> Result<(), Failure> {
        let result = self.inner.create_hard_link(old_path, new_path);
        self.change_two("create hard link", (old_path, new_path), result)
    }

    fn read_link(&self, path: &[u8]) -> Result<Vec<u8>, Failure> {
        self.look("read link", path, self.inner.read_link(path))
    }

    fn canonicalize(&self, path: &[u8]) -> Result<Vec<u8>, Failure> {
        self.look("canonicalize", path, self.inner.canonicalize(path))
    }

    fn expand_path(&self, path: &[u8]) -> Result<Vec<u8>, Failure> {
        self.look("expand path", path, self.inner.expand_path(path))
    }

    fn home_directory(&self, user_name: &[u8]) -> Result<Vec<u8>, Failure> {
        self.inner.home_directory(user_name)
    }

    fn statvfs(&self, path: &[u8]) -> Result<StatvfsReply, Failure> {
        self.look("statvfs", path, self.inner.statvfs(path))
    }

    fn user_name(&self, uid: u32) -> Option<Vec<u8>> {
        self.inner.user_name(uid)
    }

    fn group_name(&self, gid: u32) -> Option<Vec<u8>> {
        self.inner.group_name(gid)
    }
}
