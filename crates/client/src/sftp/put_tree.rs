//! Uploading a tree: the local tree is read many files at a time, and many files are under way at once.

use crate::sftp::background::Background;
use crate::sftp::client::{FilesInFlight, Sftp};
use crate::sftp::error::Error;
use crate::sftp::jobs::Jobs;
use crate::sftp::meter::Meter;
use crate::sftp::put::{Source, upload};
use crate::sftp::put_small::{SmallFile, put_small};
use crate::sftp::remote_path::RemotePath;
use crate::sftp::transfer_options::{DiskSync, Symlinks, TransferOptions, Transferred};
use konko_filesystem::local_tree::{
    FileTimes, LocalEntry, LocalTreeError, LocalWalk, SkipReason, WalkItem, WalkOptions,
};
use konko_sftp::message::attributes::{Attributes, Times};
use std::collections::{HashMap, VecDeque};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// Files of at most this many bytes are read with others, and held in memory until they are sent.
const SMALL: u64 = 256 * 1024;
/// What is read from the disk at once.
const BATCH_ITEMS: usize = 64;
const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// With so many bytes of small files on their way no further file is opened.
const MOST_WRITING: u64 = 16 * 1024 * 1024;

/// Something of the local tree, and the content of a small file.
enum Item {
    Directory(LocalEntry),
    Small(LocalEntry, Vec<u8>),
    Large(LocalEntry),
    Symlink(LocalEntry, Vec<u8>),
    Skipped,
    Failed(Error),
}

/// Reads the next part of the local tree.
struct Reader {
    walk: LocalWalk,
    ended: bool,
}

impl Reader {
    fn read(&mut self) -> Vec<Item> {
        let (mut items, mut bytes) = (Vec::new(), 0);
        while items.len() < BATCH_ITEMS && bytes < BATCH_BYTES {
            let Some(item) = self.walk.next() else {
                self.ended = true;
                break;
            };
            let item = match item {
                Ok(WalkItem::Directory(entry)) => Item::Directory(entry),
                Ok(WalkItem::DirectoryEnd(_)) => continue,
                Ok(WalkItem::File(entry)) if entry.metadata.size <= SMALL => match read_small(&entry) {
                    Ok(Some(content)) => {
                        bytes += content.len();
                        Item::Small(entry, content)
                    }
                    Ok(None) => Item::Large(entry),
                    Err(error) => Item::Failed(error),
                },
                Ok(WalkItem::File(entry)) => Item::Large(entry),
                Ok(WalkItem::Symlink(entry, target)) => Item::Symlink(entry, target),
                Ok(WalkItem::Skipped(_, SkipReason::Special | SkipReason::Cycle)) => Item::Skipped,
                Ok(_) => Item::Skipped,
                Err(error) => Item::Failed(error.into()),
            };
            items.push(item);
        }
        items
    }
}

/// The content of a file that is small; `None` if it is not small any more.
fn read_small(entry: &LocalEntry) -> Result<Option<Vec<u8>>, Error> {
    let mut content = Vec::with_capacity(entry.metadata.size as usize + 1);
    let read = entry.open()?.take(SMALL + 1).read_to_end(&mut content);
    read.map_err(|error| Error::local(&entry.path, error))?;
    Ok((content.len() as u64 <= SMALL).then_some(content))
}

/// A directory of the server.
enum Directory {
    /// It is being made; what belongs into it waits.
    Pending(Vec<Item>),
    /// Whether it was there before.
    Ready { existed: bool },
    /// It could not be made; what belongs into it is left out.
    Failed,
}

enum Done {
    Directory {
        relative: Vec<u8>,
        path: RemotePath,
        made: Result<bool, Error>,
    },
    File {
        path: RemotePath,
        sent: Result<Transferred, Error>,
    },
    /// A small file is open.
    Opened {
        path: RemotePath,
        small: Box<SmallFile>,
    },
    /// A small file of so many bytes is written, or not.
    Small {
        size: u64,
        path: RemotePath,
        sent: Result<Transferred, Error>,
    },
}

/// What became of a file whose turn it was.
enum Sent {
    Opened(Box<SmallFile>),
    Complete(Transferred),
}

impl Sftp {
    /// Uploads all that is in the directory `local` into the directory `remote`, which is created if it is not there.
    /// What is in `remote` and not in `local` stays.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put), of the first thing that fails; with [`TransferOptions::on_error`] only of what ends the
    /// whole transfer.
    pub async fn put_tree(
        &self,
        local: impl AsRef<Path>,
        remote: impl Into<RemotePath>,
        options: &TransferOptions,
    ) -> Result<Transferred, Error> {
        let (local, remote) = (local.as_ref().to_owned(), remote.into());
        let meter = Meter::new(options);
        let put = async {
            let follow_symlinks = options.symlinks == Symlinks::Follow;
            let walk_options = WalkOptions { follow_symlinks, maximum_depth: options.maximum_depth };
            let path = local.clone();
            let walk = Background::start(move || LocalWalk::new(path, walk_options)).await;
            let walk: Result<LocalWalk, LocalTreeError> =
                walk.map_err(|error| Error::local(&local, error))?;
            let walk = walk?;
            let existed = match self.create_dir_with_mode(&remote, walk.root().mode & 0o777).await {
                Ok(()) => false,
                Err(_) => {
                    self.create_dir_all(&remote).await?;
                    true
                }
            };
            let files_in_flight = self.files_in_flight(options).await?;
            let upload = TreeUpload {
                sftp: self,
                options,
                meter: &meter,
                root: &remote,
                files_in_flight,
                writings: 0,
                writing_bytes: 0,
                directories: HashMap::from([(Vec::new(), Directory::Ready { existed })]),
                ready: VecDeque::new(),
                finals: vec![(remote.clone(), attributes(walk.root().mode, walk.root().times, options))],
                entries: 0,
                total: Transferred { directories: 1, ..Transferred::default() },
            };
            upload.run(Reader { walk, ended: false }).await
        };
        meter.watch(&self.session, &remote, options, put).await
    }
}

struct TreeUpload<'a> {
    sftp: &'a Sftp,
    options: &'a TransferOptions,
    meter: &'a Meter,
    root: &'a RemotePath,
    files_in_flight: FilesInFlight,
    /// Small files whose content is on its way, and how many bytes that are. Their handles are given back already.
    writings: usize,
    writing_bytes: u64,
    /// By their path below the root.
    directories: HashMap<Vec<u8>, Directory>,
    /// What may be begun.
    ready: VecDeque<Item>,
    /// What directories are given when everything is in them.
    finals: Vec<(RemotePath, Attributes)>,
    entries: u64,
    total: Transferred,
}

impl<'a> TreeUpload<'a> {
    async fn run(mut self, reader: Reader) -> Result<Transferred, Error> {
        let mut jobs = Jobs::new();
        let mut reading = Some(read(reader));
        loop {
            while self.has_room(&jobs)
                && let Some(item) = self.ready.pop_front()
            {
                self.begin(&mut jobs, item)?;
            }
            // The disk is read ahead, but not far.
            if let Some(running) = reading.take_if(|_| self.ready.is_empty() && self.has_room(&jobs)) {
                let (reader, items) = running.await.map_err(|error| Error::local("", error))?;
                reading = (!reader.ended).then(|| read(reader));
                self.sort(items)?;
                continue;
            }
            match jobs.next().await {
                Some(done) => {
                    self.meter.step();
                    self.done(&mut jobs, done)?;
                }
                None if reading.is_none() && self.ready.is_empty() => break,
                None => {}
            }
        }
        self.finish_directories().await?;
        Ok(self.total)
    }

    /// Whether another file may be opened.
    fn has_room(&self, jobs: &Jobs<'a, Done>) -> bool {
        self.files_in_flight.has_room(jobs.len(), self.writings) && self.writing_bytes < MOST_WRITING
    }

    /// Puts what was read where it waits.
    fn sort(&mut self, items: Vec<Item>) -> Result<(), Error> {
        self.entries += items.len() as u64;
        if self.entries > self.options.maximum_entries {
            return Err(Error::TooMany { limit: self.options.maximum_entries });
        }
        for item in items {
            let entry = match &item {
                Item::Directory(entry) | Item::Small(entry, _) | Item::Large(entry) => entry,
                Item::Symlink(_, _) if self.options.symlinks == Symlinks::Skip => {
                    self.total.skipped += 1;
                    continue;
                }
                Item::Symlink(entry, _) => entry,
                Item::Skipped => {
                    self.total.skipped += 1;
                    continue;
                }
                Item::Failed(_) => {
                    if let Item::Failed(error) = item {
                        self.total.failed += 1;
                        self.options.tell_error(self.root, error)?;
                    }
                    continue;
                }
            };
            let directory = matches!(item, Item::Directory(_)).then(|| entry.relative.clone());
            let state = match self.directories.get_mut(parent(&entry.relative)) {
                Some(Directory::Pending(waiting)) => {
                    waiting.push(item);
                    Directory::Pending(Vec::new())
                }
                Some(Directory::Ready { .. }) => {
                    self.ready.push_back(item);
                    Directory::Pending(Vec::new())
                }
                Some(Directory::Failed) | None => {
                    self.total.skipped += 1;
                    Directory::Failed
                }
            };
            // What comes next may belong into it.
            if let Some(relative) = directory {
                self.directories.insert(relative, state);
            }
        }
        Ok(())
    }

    fn begin(&mut self, jobs: &mut Jobs<'a, Done>, item: Item) -> Result<(), Error> {
        let (sftp, options, meter) = (self.sftp, self.options, self.meter);
        let (entry, content) = match item {
            Item::Directory(entry) => {
                self.begin_directory(jobs, entry);
                return Ok(());
            }
            Item::Symlink(entry, target) => {
                let path = self.root.join(&entry.relative[..]);
                jobs.push(async move {
                    let sent = link(sftp, &path, &target).await;
                    Done::File { path, sent: sent.map(|()| Transferred::default()) }
                });
                return Ok(());
            }
            Item::Small(entry, content) if !options.resume && options.maximum_rate.is_none() => {
                (entry, Some(content))
            }
            Item::Small(entry, _) | Item::Large(entry) => (entry, None),
            Item::Skipped | Item::Failed(_) => return Ok(()),
        };
        let path = self.root.join(&entry.relative[..]);
        let existed =
            matches!(self.directories.get(parent(&entry.relative)), Some(Directory::Ready { existed: true }));
        jobs.push(async move {
            match send_file(sftp, options, meter, &path, entry, content, existed).await {
                Ok(Sent::Opened(small)) => Done::Opened { path, small },
                Ok(Sent::Complete(transferred)) => Done::File { path, sent: Ok(transferred) },
                Err(error) => Done::File { path, sent: Err(error) },
            }
        });
        Ok(())
    }

    fn begin_directory(&mut self, jobs: &mut Jobs<'a, Done>, entry: LocalEntry) {
        let (sftp, path) = (self.sftp, self.root.join(&entry.relative[..]));
        self.finals.push((path.clone(), attributes(entry.metadata.mode, entry.metadata.times, self.options)));
        // It must be possible to write into it until everything is there.
        let mode = (entry.metadata.mode & 0o777) | 0o700;
        jobs.push(async move {
            let made = match sftp.create_dir_with_mode(&path, mode).await {
                Ok(()) => Ok(false),
                Err(error) => match sftp.metadata(&path).await {
                    Ok(metadata) if metadata.is_dir() => Ok(true),
                    _ => Err(error),
                },
            };
            Done::Directory { relative: entry.relative, path, made }
        });
    }

    fn done(&mut self, jobs: &mut Jobs<'a, Done>, done: Done) -> Result<(), Error> {
        match done {
            Done::Opened { path, small } => {
                let (size, options, meter) = (small.content.len() as u64, self.options, self.meter);
                self.writings += 1;
                self.writing_bytes += size;
                jobs.push(async move {
                    Done::Small { size, path, sent: put_small(*small, options, meter).await }
                });
                Ok(())
            }
            Done::Small { size, path, sent } => {
                self.writings -= 1;
                self.writing_bytes -= size;
                self.done(jobs, Done::File { path, sent })
            }
            Done::Directory { relative, path, made } => {
                let state = match made {
                    Ok(existed) => {
                        self.total.directories += 1;
                        Directory::Ready { existed }
                    }
                    Err(error) => {
                        self.total.failed += 1;
                        self.options.tell_error(&path, error)?;
                        Directory::Failed
                    }
                };
                let failed = matches!(state, Directory::Failed);
                if let Some(Directory::Pending(waiting)) = self.directories.insert(relative, state) {
                    if failed {
                        self.leave_out(waiting);
                    } else {
                        self.ready.extend(waiting);
                    }
                }
                Ok(())
            }
            Done::File { path: _, sent: Ok(transferred) } => {
                self.total.add(&transferred);
                Ok(())
            }
            Done::File { path, sent: Err(error) } => {
                self.total.failed += 1;
                self.options.tell_error(&path, error)
            }
        }
    }

    /// Leaves out what belongs into a directory that could not be made, and what belongs into directories among it.
    fn leave_out(&mut self, items: Vec<Item>) {
        let mut items = items;
        while let Some(item) = items.pop() {
            self.total.skipped += 1;
            if let Item::Directory(entry) = item
                && let Some(Directory::Pending(waiting)) =
                    self.directories.insert(entry.relative, Directory::Failed)
            {
                items.extend(waiting);
            }
        }
    }

    /// Sets what directories are to have in the end, those below first.
    async fn finish_directories(&mut self) -> Result<(), Error> {
        let sftp = self.sftp;
        let mut finals = std::mem::take(&mut self.finals);
        finals.retain(|(_, attributes)| *attributes != Attributes::default());
        let mut jobs = Jobs::new();
        while let Some((path, attributes)) = finals.pop() {
            jobs.push(async move {
                let set = sftp.set_attributes(&path, attributes).await;
                Done::File { path, sent: set.map(|()| Transferred::default()) }
            });
            if !self.files_in_flight.has_room(jobs.len(), 0)
                && let Some(done) = jobs.next().await
            {
                self.done(&mut jobs, done)?;
            }
        }
        while let Some(done) = jobs.next().await {
            self.done(&mut jobs, done)?;
        }
        Ok(())
    }
}

fn read(mut reader: Reader) -> Background<(Reader, Vec<Item>)> {
    Background::start(move || {
        let items = reader.read();
        (reader, items)
    })
}

/// The directory that a path below the root is in; empty for the root itself.
fn parent(relative: &[u8]) -> &[u8] {
    relative.iter().rposition(|byte| *byte == b'/').map_or(&[], |slash| &relative[..slash])
}

/// What a directory is given in the end.
fn attributes(mode: u32, times: FileTimes, options: &TransferOptions) -> Attributes {
    let seconds = |time: std::time::SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
    };
    let times = Times { accessed: seconds(times.accessed), modified: seconds(times.modified) };
    Attributes {
        permissions: options.preserve_permissions.then(|| options.permissions(mode)),
        times: options.preserve_times.then_some(times),
        ..Attributes::default()
    }
}

/// Makes a link; one that is there gives way.
async fn link(sftp: &Sftp, path: &RemotePath, target: &[u8]) -> Result<(), Error> {
    match sftp.symlink(target, path).await {
        Ok(()) => Ok(()),
        Err(error) => match sftp.symlink_metadata(path).await {
            Ok(metadata) if metadata.is_symlink() => {
                sftp.remove_file(path).await?;
                sftp.symlink(target, path).await
            }
            _ => Err(error),
        },
    }
}

async fn send_file(
    sftp: &Sftp,
    options: &TransferOptions,
    meter: &Meter,
    path: &RemotePath,
    entry: LocalEntry,
    content: Option<Vec<u8>>,
    existed: bool,
) -> Result<Sent, Error> {
    if let Some(content) = content {
        let metadata = entry.metadata;
        let (remote, file) = sftp.begin_upload(path, existed, metadata.mode, options).await?;
        return Ok(Sent::Opened(Box::new(SmallFile { remote, file, content, metadata })));
    }
    let (metadata, local) = (entry.metadata, entry.path.clone());
    let file =
        Background::start(move || entry.open()).await.map_err(|error| Error::local(&local, error))??;
    let source = Source { file: Arc::new(file), path: &local, metadata: &metadata };
    let sync = options.sync == DiskSync::Always;
    let begun = sftp.begin_upload(path, existed, metadata.mode, options).await?;
    upload(sftp, source, begun, options, sync, meter).await.map(Sent::Complete)
}
