//! A file system in memory, whole in itself: for tests, for examples, and for servers whose files are none.

use crate::memory::fault::Faults;
use crate::memory::node::{Content, Node};
use crate::memory::tree::{Found, Place, Route};
use bytes::Bytes;
use konko_sftp::message::attributes::Attributes;
use konko_sftp::message::extension::StatvfsReply;
use konko_sftp::message::number::OpenFlags;
use konko_sftp::server::cancellation::Cancellation;
use konko_sftp::server::failure::Failure;
use konko_sftp::server::filesystem::{Entry, Filesystem};
use konko_sftp::server::long_name::LongName;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many bytes a file system holds unless set, its names counted.
const CAPACITY: u64 = 64 * 1024 * 1024;
/// What a node counts beside its bytes.
const NODE: u64 = 256;
/// The longest name and path.
const MAXIMUM_NAME: usize = 255;
const MAXIMUM_PATH: usize = 4096;
/// How much is copied between two looks at whether anybody still waits.
const COPIED_AT_ONCE: usize = 1024 * 1024;

/// Files in memory. Clones share them.
#[derive(Debug, Clone)]
pub struct MemoryFilesystem {
    root: Arc<Node>,
    /// Held while names change.
    books: Arc<Mutex<Books>>,
}

#[derive(Debug)]
struct Books {
    faults: Faults,
    capacity: u64,
    used: u64,
}

/// An open file in memory.
#[derive(Debug)]
pub struct MemoryFile {
    node: Arc<Node>,
    flags: OpenFlags,
}

/// An open directory in memory: its entries as they were when it was opened.
#[derive(Debug)]
pub struct MemoryDirectory {
    left: Mutex<std::vec::IntoIter<Entry>>,
}

impl Default for MemoryFilesystem {
    fn default() -> Self {
        Self::new(CAPACITY)
    }
}

impl MemoryFilesystem {
    /// An empty one that holds so many bytes, each name counted as 256.
    pub fn new(capacity: u64) -> Self {
        let books = Books { faults: Faults::default(), capacity, used: 0 };
        Self {
            root: Node::new(Content::Directory(std::collections::BTreeMap::new()), 0o755),
            books: Arc::new(Mutex::new(books)),
        }
    }

    /// What goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.books().faults = faults;
    }

    /// Makes a file of these bytes, or replaces what it holds; directories on the way are made.
    pub fn put_file(&self, path: &str, bytes: impl Into<Vec<u8>>) -> Result<(), Failure> {
        for (slash, _) in path.match_indices('/').skip(1) {
            let directory = &path.as_bytes()[..slash];
            if self.attributes(directory).is_err() {
                self.create_directory(directory, &Attributes::default())?;
            }
        }
        let flags = OpenFlags::WRITE | OpenFlags::CREAT | OpenFlags::TRUNC;
        let file = self.open(path.as_bytes(), flags, &Attributes::default())?;
        self.write_at(&file, 0, &[Bytes::from(bytes.into())])
    }

    /// What a file holds.
    pub fn file(&self, path: &str) -> Result<Vec<u8>, Failure> {
        match &self.node(path.as_bytes(), true)?.lock().content {
            Content::File(bytes) => Ok(bytes.clone()),
            Content::Directory(_) | Content::Link(_) => Err(Failure::other("Not a regular file")),
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The books, if anything may be changed.
    fn change(&self) -> Result<MutexGuard<'_, Books>, Failure> {
        let books = self.books();
        if books.faults.read_only { Err(Failure::permission_denied()) } else { Ok(books) }
    }

    fn find(&self, path: &[u8], follow: bool) -> Result<Found, Failure> {
        Route::new(&self.root).go(&absolute(path)?, follow)
    }

    fn node(&self, path: &[u8], follow: bool) -> Result<Arc<Node>, Failure> {
        match self.find(path, follow)? {
            Found::Directory(node) => Ok(node),
            Found::Place(place) => place.node().ok_or_else(Failure::no_such_file),
        }
    }

    /// A name that may come, go or change.
    fn place(&self, path: &[u8]) -> Result<Place, Failure> {
        let trimmed = path.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
        match self.find(if trimmed == 0 { path } else { &path[..trimmed] }, false)? {
            Found::Directory(_) => Err(Failure::other("Device or resource busy")),
            Found::Place(place) if place.name.len() > MAXIMUM_NAME => {
                Err(Failure::other("File name too long"))
            }
            Found::Place(place) => Ok(place),
        }
    }

    fn insert(
        &self,
        place: &Place,
        books: &mut Books,
        content: Content,
        mode: u32,
    ) -> Result<Arc<Node>, Failure> {
        if place.node().is_some() {
            return Err(Failure::exists());
        }
        books.reserve(NODE)?;
        let node = Node::new(content, mode);
        place.put(Arc::clone(&node));
        Ok(node)
    }

    fn remove_name(place: &Place, books: &mut Books) {
        if let Some(node) = place.take() {
            let mut inode = node.lock();
            inode.links = inode.links.saturating_sub(1);
            if inode.links == 0 {
                // What is still open is counted no more; it is gone soon.
                books.release(NODE + inode.size());
            }
        }
    }

    fn resize(books: &mut Books, bytes: &mut Vec<u8>, size: u64) -> Result<(), Failure> {
        let old = bytes.len() as u64;
        books.reserve(size.saturating_sub(old))?;
        books.release(old.saturating_sub(size));
        bytes.resize(size as usize, 0);
        Ok(())
    }

    fn set(&self, node: &Node, attributes: &Attributes) -> Result<(), Failure> {
        let mut books = self.change()?;
        let mut inode = node.lock();
        if let Some(size) = attributes.size {
            match &mut inode.content {
                Content::File(bytes) => Self::resize(&mut books, bytes, size)?,
                Content::Directory(_) | Content::Link(_) => return Err(Failure::other("Not a regular file")),
            }
        }
        inode.change(attributes);
        Ok(())
    }

    /// Writes what the space allows; whether that was all.
    fn write(&self, file: &MemoryFile, offset: u64, data: &[u8]) -> Result<(), Failure> {
        let mut books = self.change()?;
        let mut inode = file.node.lock();
        inode.touch();
        let Content::File(bytes) = &mut inode.content else {
            return Err(Failure::other("Not a regular file"));
        };
        let offset = if file.flags.contains(OpenFlags::APPEND) { bytes.len() as u64 } else { offset };
        let fits = match &mut books.faults.space {
            None => data.len(),
            Some(space) => {
                let fits = usize::try_from(*space).unwrap_or(usize::MAX).min(data.len());
                *space -= fits as u64;
                fits
            }
        };
        let end = offset.checked_add(fits as u64).ok_or_else(|| Failure::other("File too large"))?;
        if end > bytes.len() as u64 && fits > 0 {
            Self::resize(&mut books, bytes, end)?;
        }
        if fits > 0 {
            bytes[offset as usize..end as usize].copy_from_slice(&data[..fits]);
        }
        if fits < data.len() { Err(no_space()) } else { Ok(()) }
    }
}

impl Books {
    fn reserve(&mut self, bytes: u64) -> Result<(), Failure> {
        let used = self.used.checked_add(bytes).filter(|used| *used <= self.capacity);
        self.used = used.ok_or_else(no_space)?;
        Ok(())
    }

    const fn release(&mut self, bytes: u64) {
        self.used = self.used.saturating_sub(bytes);
    }
}

fn no_space() -> Failure {
    Failure::other("No space left on device")
}

fn absolute(path: &[u8]) -> Result<Cow<'_, [u8]>, Failure> {
    if path.contains(&0) || path.len() > MAXIMUM_PATH {
        return Err(Failure::no_such_file());
    }
    Ok(if path.starts_with(b"/") { Cow::Borrowed(path) } else { Cow::Owned([b"/", path].concat()) })
}

impl Filesystem for MemoryFilesystem {
    type File = MemoryFile;
    type Directory = MemoryDirectory;

    fn open(&self, path: &[u8], flags: OpenFlags, attributes: &Attributes) -> Result<MemoryFile, Failure> {
        let mut books = if flags == OpenFlags::READ { self.books() } else { self.change()? };
        let creates = flags.contains(OpenFlags::CREAT);
        let exclusive = creates && flags.contains(OpenFlags::EXCL);
        let node = match self.find(path, !exclusive)? {
            Found::Directory(node) => node,
            Found::Place(place) => match place.node() {
                Some(_) if exclusive => return Err(Failure::exists()),
                Some(node) => node,
                None if !creates => return Err(Failure::no_such_file()),
                None if place.name.len() > MAXIMUM_NAME => return Err(Failure::other("File name too long")),
                None => {
                    let mode = attributes.permissions.unwrap_or(0o666);
                    self.insert(&place, &mut books, Content::File(Vec::new()), mode)?
                }
            },
        };
        match &mut node.lock().content {
            Content::File(bytes) => {
                if flags.contains(OpenFlags::TRUNC) && flags.contains(OpenFlags::WRITE) {
                    Self::resize(&mut books, bytes, 0)?;
                }
            }
            Content::Directory(_) => return Err(Failure::other("Is a directory")),
            Content::Link(_) => return Err(Failure::no_such_file()),
        }
        drop(books);
        Ok(MemoryFile { node, flags })
    }

    fn open_directory(&self, path: &[u8]) -> Result<MemoryDirectory, Failure> {
        let books = self.books();
        let node = self.node(path, true)?;
        let children: Vec<(Vec<u8>, Arc<Node>)> = match &node.lock().content {
            Content::Directory(entries) => {
                entries.iter().map(|(name, node)| (name.clone(), Arc::clone(node))).collect()
            }
            Content::File(_) | Content::Link(_) => return Err(Failure::no_such_file()),
        };
        let entries = children.into_iter().map(|(name, node)| {
            let inode = node.lock();
            let attributes = inode.attributes();
            let line = LongName {
                name: &name,
                attributes: &attributes,
                links: inode.links,
                user: None,
                group: None,
                now: 0,
            };
            let long_name = line.to_vec();
            Entry { name, long_name, attributes }
        });
        let entries: Vec<Entry> = entries.collect();
        drop(books);
        Ok(MemoryDirectory { left: Mutex::new(entries.into_iter()) })
    }

    fn read_at(&self, file: &MemoryFile, offset: u64, buffer: &mut [u8]) -> Result<usize, Failure> {
        if !file.flags.contains(OpenFlags::READ) {
            return Err(Failure::other("File is not open for reading"));
        }
        let (most, fails_at) = {
            let books = self.books();
            (books.faults.maximum_read.unwrap_or(usize::MAX), books.faults.fail_read_at)
        };
        match &file.node.lock().content {
            Content::File(bytes) => {
                let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or(&[]);
                let n = rest.len().min(buffer.len()).min(most);
                if fails_at.is_some_and(|at| offset.saturating_add(n as u64) > at) {
                    return Err(Failure::other("Input/output error"));
                }
                buffer[..n].copy_from_slice(&rest[..n]);
                Ok(n)
            }
            Content::Directory(_) | Content::Link(_) => Err(Failure::other("Not a regular file")),
        }
    }

    fn write_at(&self, file: &MemoryFile, mut offset: u64, pieces: &[Bytes]) -> Result<(), Failure> {
        if !file.flags.contains(OpenFlags::WRITE) && !file.flags.contains(OpenFlags::APPEND) {
            return Err(Failure::other("File is not open for writing"));
        }
        for piece in pieces {
            self.write(file, offset, piece)?;
            offset = offset.saturating_add(piece.len() as u64);
        }
        Ok(())
    }

    fn close(&self, _: &MemoryFile) -> Result<(), Failure> {
        if self.books().faults.fail_close { Err(Failure::other("Input/output error")) } else { Ok(()) }
    }

    fn read_directory(&self, directory: &MemoryDirectory, limit: usize) -> Result<Vec<Entry>, Failure> {
        let mut left = directory.left.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(left.by_ref().take(limit).collect())
    }

    fn file_attributes(&self, file: &MemoryFile) -> Result<Attributes, Failure> {
        Ok(file.node.lock().attributes())
    }

    fn set_file_attributes(&self, file: &MemoryFile, attributes: &Attributes) -> Result<(), Failure> {
        if attributes.size.is_some() && !file.flags.contains(OpenFlags::WRITE) {
            return Err(Failure::other("File is not open for writing"));
        }
        self.set(&file.node, attributes)
    }

    fn sync(&self, _: &MemoryFile) -> Result<(), Failure> {
        if self.change()?.faults.fail_sync { Err(Failure::other("Input/output error")) } else { Ok(()) }
    }

    fn file_statvfs(&self, _: &MemoryFile) -> Result<StatvfsReply, Failure> {
        self.statvfs(b"/")
    }

    fn copy(
        &self,
        source: &MemoryFile,
        from: u64,
        length: u64,
        target: &MemoryFile,
        to: u64,
        cancellation: &Cancellation,
    ) -> Result<(), Failure> {
        let size = source.node.lock().size();
        let end = if length == 0 { size } else { from.saturating_add(length).min(size) };
        let appends = target.flags.contains(OpenFlags::APPEND);
        let to_end = to.saturating_add(end.saturating_sub(from));
        if Arc::ptr_eq(&source.node, &target.node) && (appends || (from < to_end && to < end)) {
            return Err(Failure::other("Source and target overlap"));
        }
        let (mut from, mut to) = (from, to);
        let mut buffer = vec![0; COPIED_AT_ONCE];
        while from < end {
            if cancellation.is_cancelled() {
                return Err(Failure::other("Cancelled"));
            }
            let room = usize::try_from(end - from).unwrap_or(COPIED_AT_ONCE).min(COPIED_AT_ONCE);
            let n = self.read_at(source, from, &mut buffer[..room])?;
            if n == 0 {
                break;
            }
            self.write_at(target, to, &[Bytes::copy_from_slice(&buffer[..n])])?;
            from += n as u64;
            to = to.saturating_add(n as u64);
        }
        Ok(())
    }

    fn attributes(&self, path: &[u8]) -> Result<Attributes, Failure> {
        self.node(path, true).map(|node| node.lock().attributes())
    }

    fn link_attributes(&self, path: &[u8]) -> Result<Attributes, Failure> {
        self.node(path, false).map(|node| node.lock().attributes())
    }

    fn set_attributes(&self, path: &[u8], attributes: &Attributes) -> Result<(), Failure> {
        self.set(&*self.node(path, true)?, attributes)
    }

    fn set_link_attributes(&self, path: &[u8], attributes: &Attributes) -> Result<(), Failure> {
        if attributes.size.is_some() {
            return Err(Failure::bad_message());
        }
        self.set(&*self.node(path, false)?, attributes)
    }

    fn remove(&self, path: &[u8]) -> Result<(), Failure> {
        let mut books = self.change()?;
        let place = self.place(path)?;
        match place.node() {
            None => Err(Failure::no_such_file()),
            Some(node) if node.lock().is_directory() => Err(Failure::other("Is a directory")),
            Some(_) => {
                Self::remove_name(&place, &mut books);
                Ok(())
            }
        }
    }

    fn create_directory(&self, path: &[u8], attributes: &Attributes) -> Result<(), Failure> {
        let mut books = self.change()?;
        let place = self.place(path)?;
        let content = Content::Directory(std::collections::BTreeMap::new());
        self.insert(&place, &mut books, content, attributes.permissions.unwrap_or(0o777)).map(drop)
    }

    fn remove_directory(&self, path: &[u8]) -> Result<(), Failure> {
        let mut books = self.change()?;
        let place = self.place(path)?;
        let node = place.node().ok_or_else(Failure::no_such_file)?;
        match &node.lock().content {
            Content::Directory(entries) if entries.is_empty() => {}
            Content::Directory(_) => return Err(Failure::other("Directory not empty")),
            Content::File(_) | Content::Link(_) => return Err(Failure::no_such_file()),
        }
        Self::remove_name(&place, &mut books);
        Ok(())
    }

    fn rename(&self, old_path: &[u8], new_path: &[u8]) -> Result<(), Failure> {
        drop(self.change()?);
        if self.place(new_path)?.node().is_some() {
            return Err(Failure::exists());
        }
        self.replace(old_path, new_path)
    }

    fn replace(&self, old_path: &[u8], new_path: &[u8]) -> Result<(), Failure> {
        let mut books = self.change()?;
        let (old, new) = (self.place(old_path)?, self.place(new_path)?);
        let node = old.node().ok_or_else(Failure::no_such_file)?;
        if let Some(replaced) = new.node() {
            if Arc::ptr_eq(&node, &replaced) {
                return Ok(());
            }
            let (from, to) = (node.lock().is_directory(), &replaced.lock().content);
            match to {
                Content::Directory(entries) if from && entries.is_empty() => {}
                Content::Directory(_) if from => return Err(Failure::other("Directory not empty")),
                Content::Directory(_) => return Err(Failure::other("Is a directory")),
                Content::File(_) | Content::Link(_) if from => return Err(Failure::no_such_file()),
                Content::File(_) | Content::Link(_) => {}
            }
        }
        if is_above(&node, &new.directory) {
            return Err(Failure::other("Invalid argument"));
        }
        Self::remove_name(&new, &mut books);
        old.take();
        new.put(node);
        Ok(())
    }

    fn create_symbolic_link(&self, target: &[u8], path: &[u8]) -> Result<(), Failure> {
        let mut books = self.change()?;
        let place = self.place(path)?;
        if target.is_empty() || target.contains(&0) || target.len() > MAXIMUM_PATH {
            return Err(Failure::no_such_file());
        }
        books.reserve(target.len() as u64)?;
        let inserted = self.insert(&place, &mut books, Content::Link(target.to_vec()), 0o777);
        inserted.map(drop).inspect_err(|_| books.release(target.len() as u64))
    }

    fn create_hard_link(&self, old_path: &[u8], new_path: &[u8]) -> Result<(), Failure> {
        let _books = self.change()?;
        let node = self.node(old_path, false)?;
        if node.lock().is_directory() {
            return Err(Failure::permission_denied());
        }
        let place = self.place(new_path)?;
        if place.node().is_some() {
            return Err(Failure::exists());
        }
        node.lock().links += 1;
        place.put(node);
        Ok(())
    }

    fn read_link(&self, path: &[u8]) -> Result<Vec<u8>, Failure> {
        match &self.node(path, false)?.lock().content {
            Content::Link(target) => Ok(target.clone()),
            Content::File(_) | Content::Directory(_) => Err(Failure::other("Invalid argument")),
        }
    }

    fn canonicalize(&self, path: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut route = Route::new(&self.root);
        let found = route.go(&absolute(path)?, true)?;
        let mut resolved = route.absolute_path();
        if let Found::Place(place) = found {
            resolved.push(b'/');
            resolved.extend_from_slice(&place.name);
        }
        if resolved.is_empty() {
            resolved.push(b'/');
        }
        Ok(resolved)
    }

    fn expand_path(&self, path: &[u8]) -> Result<Vec<u8>, Failure> {
        match path {
            b"~" => Ok(b"/".to_vec()),
            [b'~', b'/', below @ ..] => self.canonicalize(below),
            [b'~', ..] => Err(Failure::other("No such user")),
            _ => self.canonicalize(path),
        }
    }

    fn home_directory(&self, user_name: &[u8]) -> Result<Vec<u8>, Failure> {
        if user_name.is_empty() { Ok(b"/".to_vec()) } else { Err(Failure::other("No such user")) }
    }

    fn statvfs(&self, path: &[u8]) -> Result<StatvfsReply, Failure> {
        self.node(path, true)?;
        let books = self.books();
        let free = books.capacity.saturating_sub(books.used);
        Ok(StatvfsReply {
            block_size: 1,
            fragment_size: 1,
            blocks: books.capacity,
            free_blocks: free,
            available_blocks: free,
            files: books.capacity / NODE,
            free_files: free / NODE,
            available_files: free / NODE,
            filesystem_id: 0,
            flags: if books.faults.read_only { StatvfsReply::READ_ONLY } else { StatvfsReply::NO_SETUID },
            maximum_name_length: MAXIMUM_NAME as u64,
        })
    }
}

/// Whether a directory is `below`, or has it in itself at any depth.
fn is_above(node: &Arc<Node>, below: &Arc<Node>) -> bool {
    let mut stack = vec![Arc::clone(node)];
    while let Some(next) = stack.pop() {
        if Arc::ptr_eq(&next, below) {
            return true;
        }
        if let Content::Directory(entries) = &next.lock().content {
            stack.extend(entries.values().cloned());
        }
    }
    false
}
