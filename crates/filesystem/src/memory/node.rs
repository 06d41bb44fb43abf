//! Files, directories and links in memory.

use konko_sftp::message::attributes::{Attributes, Owner, Times};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// What a node is.
#[derive(Debug)]
pub(super) enum Content {
    File(Vec<u8>),
    Directory(BTreeMap<Vec<u8>, Arc<Node>>),
    Link(Vec<u8>),
}

/// A file, directory or link, with what is known of it.
#[derive(Debug)]
pub(super) struct Inode {
    pub(super) content: Content,
    mode: u32,
    owner: Owner,
    times: Times,
    /// How many names it has.
    pub(super) links: u64,
}

/// A node of the tree, held by its names and by whoever has it open.
#[derive(Debug)]
pub(super) struct Node(Mutex<Inode>);

impl Node {
    pub(super) fn new(content: Content, mode: u32) -> Arc<Self> {
        let now = now();
        Arc::new(Self(Mutex::new(Inode {
            content,
            mode: mode & 0o777,
            owner: Owner::default(),
            times: Times { accessed: now, modified: now },
            links: 1,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inode> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inode {
    pub(super) const fn is_directory(&self) -> bool {
        matches!(self.content, Content::Directory(_))
    }

    pub(super) fn size(&self) -> u64 {
        match &self.content {
            Content::File(bytes) | Content::Link(bytes) => bytes.len() as u64,
            Content::Directory(entries) => entries.len() as u64,
        }
    }

    pub(super) fn attributes(&self) -> Attributes {
        let kind = match self.content {
            Content::File(_) => Attributes::REGULAR,
            Content::Directory(_) => Attributes::DIRECTORY,
            Content::Link(_) => Attributes::SYMLINK,
        };
        Attributes {
            size: Some(self.size()),
            owner: Some(self.owner),
            permissions: Some(kind | self.mode),
            times: Some(self.times),
            extended: Vec::new(),
        }
    }

    /// Sets what is said, but the size.
    pub(super) fn change(&mut self, attributes: &Attributes) {
        if let Some(mode) = attributes.permissions {
            self.mode = mode & 0o777;
        }
        self.owner = attributes.owner.unwrap_or(self.owner);
        self.times = attributes.times.unwrap_or(self.times);
    }

    pub(super) fn touch(&mut self) {
        self.times.modified = now();
    }
}

fn now() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    u32::try_from(now).unwrap_or(u32::MAX)
}
