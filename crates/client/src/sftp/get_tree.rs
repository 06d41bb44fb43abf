//! Downloading a tree: directories are listed and files fetched many at a time, and small files reach the disk many
//! at a time, too.

use crate::sftp::background::Background;
use crate::sftp::client::{FilesInFlight, Sftp};
use crate::sftp::error::Error;
use crate::sftp::file::File;
use crate::sftp::get::{attributes, file_options, fill};
use crate::sftp::get_small::get_small;
use crate::sftp::jobs::Jobs;
use crate::sftp::meter::Meter;
use crate::sftp::read_dir::{DirEntry, ReadDir};
use crate::sftp::remote_path::RemotePath;
use crate::sftp::transfer_options::{Symlinks, TransferOptions, Transferred};
use bytes::Bytes;
use konko_filesystem::local_tree::{LocalDirectory, SymlinkTargets};
use konko_sftp::metadata::{FileType, Metadata};
use std::collections::VecDeque;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Files of at most this many bytes are held in memory until they are written with others.
const SMALL: u64 = 256 * 1024;
/// What is written to the disk at once.
const BATCH_FILES: usize = 32;
const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// Directories that are listed at once.
const LISTINGS: usize = 8;
/// With so many files waiting no further directory is listed.
const MOST_WAITING: usize = 10_000;
/// With so many bytes of small files asked for no further file is opened.
const MOST_READING: u64 = 16 * 1024 * 1024;

/// A directory that is filled.
struct Directory {
    local: LocalDirectory,
    remote: RemotePath,
    metadata: Metadata,
    depth: usize,
    parent: Option<Arc<Directory>>,
    /// What is not yet done in it: its listing, files, directories.
    unfinished: AtomicUsize,
}

/// What waits to be fetched.
struct Waiting {
    directory: Arc<Directory>,
    entry: DirEntry,
}

/// A file that was fetched, or a link that was read, and is to be written.
enum Write {
    File { directory: Arc<Directory>, name: Vec<u8>, metadata: Box<Metadata>, data: Vec<Bytes> },
    Link { directory: Arc<Directory>, name: Vec<u8>, target: Vec<u8> },
}

/// A small file that is open.
struct Opened {
    directory: Arc<Directory>,
    entry: DirEntry,
    metadata: Box<Metadata>,
    file: File,
}

/// What a job did.
enum Done {
    Listed(Arc<Directory>, Vec<DirEntry>),
    Opened(Box<Opened>),
    /// A small file is here, which has so many bytes.
    Fetched(Write, u64),
    /// A link was read.
    Linked(Write),
    /// All that was to be done is done.
    Complete(Arc<Directory>, Transferred),
    Failed(Arc<Directory>, RemotePath, Error),
    /// A small file of so many bytes was opened and cannot be read.
    Unread(u64, Arc<Directory>, RemotePath, Error),
}

impl Sftp {
    /// Downloads all that is in the directory `remote` into the directory `local`, which is created if it is not
    /// there. Names that the server makes up cannot lead outside of it. What is in `local` and not in `remote` stays.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), of the first thing that fails; with [`TransferOptions::on_error`] only of what ends the
    /// whole transfer.
    pub async fn get_tree(
        &self,
        remote: impl Into<RemotePath>,
        local: impl AsRef<Path>,
        options: &TransferOptions,
    ) -> Result<Transferred, Error> {
        let (remote, local) = (remote.into(), local.as_ref().to_owned());
        let meter = Meter::new(options);
        let got = async {
            let (listing, metadata) = self.list_and_examine(&remote).await?;
            let (path, names) = (local.clone(), options.names);
            let mode = metadata.permissions.unwrap_or(0o777) & 0o777;
            let opened =
                Background::start(move || LocalDirectory::open_or_create(&path, mode)?.with_rule(names));
            let opened = opened.await.map_err(|error| Error::local(&local, error))??;
            let root = Arc::new(Directory {
                local: opened,
                remote: remote.clone(),
                metadata,
                depth: 0,
                parent: None,
                unfinished: AtomicUsize::new(1),
            });
            TreeDownload::new(self, options, &meter).await?.run(root, listing).await
        };
        meter.watch(&self.session, &remote, options, got).await
    }
}

struct TreeDownload<'a> {
    sftp: &'a Sftp,
    options: &'a TransferOptions,
    meter: &'a Meter,
    files_in_flight: FilesInFlight,
    files: VecDeque<Waiting>,
    directories: VecDeque<Waiting>,
    listings: usize,
    /// Small files whose content is asked for, and how many bytes that are. Their handles are given back already.
    readings: usize,
    reading_bytes: u64,
    /// What is to be written next, and how many bytes that are.
    writes: Vec<Write>,
    write_bytes: usize,
    entries: u64,
    total: Transferred,
}

type Written = Vec<(Arc<Directory>, Result<(), (RemotePath, Error)>)>;

impl<'a> TreeDownload<'a> {
    async fn new(sftp: &'a Sftp, options: &'a TransferOptions, meter: &'a Meter) -> Result<Self, Error> {
        Ok(Self {
            sftp,
            options,
            meter,
            files_in_flight: sftp.files_in_flight(options).await?,
            files: VecDeque::new(),
            directories: VecDeque::new(),
            listings: 1,
            readings: 0,
            reading_bytes: 0,
            writes: Vec::new(),
            write_bytes: 0,
            entries: 0,
            total: Transferred { directories: 1, ..Transferred::default() },
        })
    }

    async fn run(mut self, root: Arc<Directory>, listing: ReadDir) -> Result<Transferred, Error> {
        let mut jobs = Jobs::new();
        let mut writing: Option<Background<Written>> = None;
        jobs.push(list(root, listing));
        loop {
            self.start(&mut jobs);
            let enough = self.writes.len() >= BATCH_FILES || self.write_bytes >= BATCH_BYTES;
            if writing.is_none() && !self.writes.is_empty() && (enough || jobs.is_empty()) {
                let writes = std::mem::take(&mut self.writes);
                self.write_bytes = 0;
                let options = self.options.clone();
                writing = Some(Background::start(move || write_all(writes, &options)));
            }
            if jobs.is_empty() || (enough && writing.is_some()) {
                let Some(running) = writing.take() else { return Ok(self.total) };
                let written = running.await.map_err(|error| Error::local("", error))?;
                for (directory, result) in written {
                    if let Err((path, error)) = result {
                        self.failed(&path, error)?;
                    }
                    self.finished(&directory).await?;
                }
                continue;
            }
            if let Some(done) = jobs.next().await {
                self.meter.step();
                self.done(&mut jobs, done).await?;
            }
        }
    }

    /// Keeps as much under way as there should be.
    fn start(&mut self, jobs: &mut Jobs<'a, Done>) {
        while self.listings < LISTINGS && self.files.len() < MOST_WAITING {
            let Some(waiting) = self.directories.pop_front() else { break };
            self.listings += 1;
            jobs.push(descend(self.sftp, self.options, waiting));
        }
        while self.files_in_flight.has_room(jobs.len().saturating_sub(self.listings), self.readings)
            && self.reading_bytes < MOST_READING
        {
            let Some(waiting) = self.files.pop_front() else { break };
            jobs.push(fetch(self.sftp, self.options, self.meter, waiting));
        }
    }

    async fn done(&mut self, jobs: &mut Jobs<'a, Done>, done: Done) -> Result<(), Error> {
        match done {
            Done::Opened(opened) => {
                self.readings += 1;
                self.reading_bytes += opened.metadata.len();
                jobs.push(read(self.sftp, self.meter, opened));
                Ok(())
            }
            Done::Listed(directory, entries) => {
                self.listings -= 1;
                self.entries += entries.len() as u64;
                if self.entries > self.options.maximum_entries {
                    return Err(Error::TooMany { limit: self.options.maximum_entries });
                }
                directory.unfinished.fetch_add(entries.len(), Ordering::Relaxed);
                for entry in entries {
                    let waiting = Waiting { directory: Arc::clone(&directory), entry };
                    if waiting.entry.file_type() == FileType::Directory {
                        self.total.directories += 1;
                        self.directories.push_back(waiting);
                    } else {
                        self.files.push_back(waiting);
                    }
                }
                self.finished(&directory).await
            }
            Done::Fetched(write, size) => {
                self.was_read(size);
                if let Write::File { data, .. } = &write {
                    let bytes = data.iter().map(Bytes::len).sum::<usize>();
                    self.write_bytes += bytes;
                    self.total.add(&Transferred { files: 1, bytes: bytes as u64, ..Transferred::default() });
                }
                self.writes.push(write);
                Ok(())
            }
            Done::Unread(size, directory, path, error) => {
                self.was_read(size);
                self.failed(&path, error)?;
                self.finished(&directory).await
            }
            Done::Linked(write) => {
                self.writes.push(write);
                Ok(())
            }
            Done::Complete(directory, transferred) => {
                self.total.add(&transferred);
                self.finished(&directory).await
            }
            Done::Failed(directory, path, error) => {
                self.failed(&path, error)?;
                self.finished(&directory).await
            }
        }
    }

    const fn was_read(&mut self, size: u64) {
        self.readings -= 1;
        self.reading_bytes -= size;
    }

    fn failed(&mut self, path: &RemotePath, error: Error) -> Result<(), Error> {
        self.total.failed += 1;
        self.options.tell_error(path, error)
    }

    /// One thing in `directory` is done. When all are, it gets its final attributes.
    async fn finished(&mut self, directory: &Arc<Directory>) -> Result<(), Error> {
        let mut at = Some(Arc::clone(directory));
        while let Some(directory) = at {
            if directory.unfinished.fetch_sub(1, Ordering::Relaxed) > 1 {
                return Ok(());
            }
            let attributes = attributes(self.options, &directory.metadata);
            let local = directory.local.clone();
            let set = Background::start(move || local.set_attributes(&attributes)).await;
            let path = directory.local.path();
            if let Err(error) = set.map_err(|error| Error::local(path, error))? {
                self.failed(&directory.remote, error.into())?;
            }
            at = directory.parent.clone();
        }
        Ok(())
    }
}

/// Lists a directory that is open on both sides.
async fn list(directory: Arc<Directory>, mut listing: ReadDir) -> Done {
    let listed = async {
        let mut entries = Vec::new();
        while let Some(entry) = listing.next_entry().await? {
            entries.push(entry);
        }
        Ok(entries)
    };
    match listed.await {
        Ok(entries) => Done::Listed(directory, entries),
        Err(error) => {
            let path = directory.remote.clone();
            Done::Failed(directory, path, error)
        }
    }
}

/// Makes a directory here and lists it there.
async fn descend(sftp: &Sftp, options: &TransferOptions, waiting: Waiting) -> Done {
    let Waiting { directory: parent, entry } = waiting;
    let remote = entry.path();
    if parent.depth >= options.maximum_depth {
        let error = Error::TooDeep { path: remote.clone(), limit: options.maximum_depth };
        return Done::Failed(parent, remote, error);
    }
    let (local, name) = (parent.local.clone(), entry.file_name().to_vec());
    let mode = entry.metadata().permissions.unwrap_or(0o777) & 0o777;
    let made = Background::start(move || local.create_directory(&name, mode)).await;
    let made = match made {
        Ok(made) => made.map_err(Error::from),
        Err(error) => Err(Error::local(parent.local.path(), error)),
    };
    match made {
        Ok(local) => {
            let directory = Directory {
                local,
                remote,
                metadata: entry.metadata().clone(),
                depth: parent.depth + 1,
                parent: Some(parent),
                unfinished: AtomicUsize::new(1),
            };
            let directory = Arc::new(directory);
            match sftp.read_dir(&directory.remote).await {
                Ok(listing) => list(directory, listing).await,
                Err(error) => {
                    let path = directory.remote.clone();
                    Done::Failed(directory, path, error)
                }
            }
        }
        Err(error) => Done::Failed(parent, remote, error),
    }
}

/// Fetches what is no directory; small files are only opened.
async fn fetch(sftp: &Sftp, options: &TransferOptions, meter: &Meter, waiting: Waiting) -> Done {
    let path = waiting.entry.path();
    let directory = Arc::clone(&waiting.directory);
    match fetch_entry(sftp, options, meter, waiting).await {
        Ok(done) => done,
        Err(error) => Done::Failed(directory, path, error),
    }
}

async fn fetch_entry(
    sftp: &Sftp,
    options: &TransferOptions,
    meter: &Meter,
    waiting: Waiting,
) -> Result<Done, Error> {
    let Waiting { directory, entry } = waiting;
    let path = entry.path();
    let skipped = Transferred { skipped: 1, ..Transferred::default() };
    let mut metadata = entry.metadata().clone();
    if metadata.file_type == FileType::Unknown {
        metadata = sftp.symlink_metadata(&path).await?;
    }
    if metadata.file_type == FileType::Symlink {
        match options.symlinks {
            Symlinks::Skip => return Ok(Done::Complete(directory, skipped)),
            Symlinks::Keep => {
                let target = sftp.read_link(&path).await?.into_bytes();
                let name = entry.file_name().to_vec();
                return Ok(Done::Linked(Write::Link { directory, name, target }));
            }
            Symlinks::Follow => metadata = sftp.metadata(&path).await?,
        }
    }
    if !metadata.is_file() {
        return Ok(Done::Complete(directory, skipped));
    }
    if metadata.len() > SMALL || options.resume || options.maximum_rate.is_some() {
        let transferred = fetch_large(sftp, options, meter, &directory, &entry, &metadata).await?;
        return Ok(Done::Complete(directory, transferred));
    }
    let file = sftp.open(&path).await?;
    Ok(Done::Opened(Box::new(Opened { directory, entry, metadata: Box::new(metadata), file })))
}

/// Reads a small file.
async fn read(sftp: &Sftp, meter: &Meter, opened: Box<Opened>) -> Done {
    let Opened { directory, entry, metadata, file } = *opened;
    let size = metadata.len();
    match get_small(sftp, file, size, meter).await {
        Ok(data) => {
            let name = entry.file_name().to_vec();
            Done::Fetched(Write::File { directory, name, metadata, data }, size)
        }
        Err(error) => Done::Unread(size, directory, entry.path(), error),
    }
}

async fn fetch_large(
    sftp: &Sftp,
    options: &TransferOptions,
    meter: &Meter,
    directory: &Arc<Directory>,
    entry: &DirEntry,
    metadata: &Metadata,
) -> Result<Transferred, Error> {
    let handle = {
        let file = sftp.open(entry.path()).await?;
        let (local, name) = (directory.local.clone(), entry.file_name().to_vec());
        let local_options = file_options(options, metadata, false);
        let new = Background::start(move || local.create_file(&name, &local_options)).await;
        let new = new.map_err(|error| Error::local(directory.local.path(), error))??;
        fill(&file, metadata, new, options, meter).await?
    };
    let (new, transferred) = handle;
    let attributes = attributes(options, metadata);
    let committed = Background::start(move || new.commit(&attributes)).await;
    committed.map_err(|error| Error::local(directory.local.path(), error))??;
    Ok(transferred)
}

/// Writes what was fetched.
fn write_all(writes: Vec<Write>, options: &TransferOptions) -> Written {
    let write = |write: Write| match write {
        Write::File { directory, name, metadata, data } => {
            let written = write_file(&directory, &name, &metadata, &data, options);
            let written = written.map_err(|error| (directory.remote.join(name), error));
            (directory, written)
        }
        Write::Link { directory, name, target } => {
            let made = directory.local.create_symlink(&name, &target, SymlinkTargets::Contained);
            let made = made.map(|_| ()).map_err(|error| (directory.remote.join(name), error.into()));
            (directory, made)
        }
    };
    writes.into_iter().map(write).collect()
}

fn write_file(
    directory: &Directory,
    name: &[u8],
    metadata: &Metadata,
    data: &[Bytes],
    options: &TransferOptions,
) -> Result<(), Error> {
    let new = directory.local.create_file(name, &file_options(options, metadata, false))?;
    let mut offset = 0;
    for chunk in data {
        new.file().write_all_at(chunk, offset).map_err(|error| Error::local(new.path(), error))?;
        offset += chunk.len() as u64;
    }
    Ok(new.commit(&attributes(options, metadata))?)
}
