//! Paths in memory.

use crate::memory::node::{Content, Node};
use konko_sftp::server::failure::Failure;
use std::sync::Arc;

/// How many symbolic links one path may lead through.
const MAXIMUM_LINKS: usize = 40;

/// A name, which need not exist, in a directory, which does.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) directory: Arc<Node>,
    pub(super) name: Vec<u8>,
}

/// What a path leads to.
#[derive(Debug)]
pub(super) enum Found {
    /// A node that is a directory by the path's form: `/`, `.` or `..`.
    Directory(Arc<Node>),
    /// A name.
    Place(Place),
}

/// The way along a path.
#[derive(Debug)]
pub(super) struct Route<'r> {
    root: &'r Arc<Node>,
    /// The directories from the root to here, with their names.
    walked: Vec<(Arc<Node>, Vec<u8>)>,
}

impl<'r> Route<'r> {
    pub(super) const fn new(root: &'r Arc<Node>) -> Self {
        Self { root, walked: Vec::new() }
    }

    fn here(&self) -> &Arc<Node> {
        self.walked.last().map_or(self.root, |(node, _)| node)
    }

    /// Goes along a path. A link at its end is followed if `follow`.
    pub(super) fn go(&mut self, path: &[u8], follow: bool) -> Result<Found, Failure> {
        let mut ahead = components(path);
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            match name.as_slice() {
                b"." => continue,
                b".." => {
                    self.walked.pop();
                    continue;
                }
                _ => {}
            }
            let is_last = ahead.is_empty();
            let place = Place { directory: Arc::clone(self.here()), name };
            let Some(node) = place.node() else {
                if is_last {
                    return Ok(Found::Place(place));
                }
                return Err(Failure::no_such_file());
            };
            let target = match &node.lock().content {
                Content::Link(target) if !is_last || follow => Some(target.clone()),
                _ => None,
            };
            match target {
                Some(target) => {
                    links += 1;
                    if links > MAXIMUM_LINKS || target.is_empty() {
                        return Err(Failure::no_such_file());
                    }
                    if target.starts_with(b"/") {
                        self.walked.clear();
                    }
                    ahead.extend(components(&target));
                }
                None if is_last => return Ok(Found::Place(place)),
                None if node.lock().is_directory() => self.walked.push((node, place.name)),
                None => return Err(Failure::no_such_file()),
            }
        }
        Ok(Found::Directory(Arc::clone(self.here())))
    }

    /// The path from the root to here.
    pub(super) fn absolute_path(&self) -> Vec<u8> {
        self.walked.iter().flat_map(|(_, name)| std::iter::once(b'/').chain(name.iter().copied())).collect()
    }
}

impl Place {
    /// What is there.
    pub(super) fn node(&self) -> Option<Arc<Node>> {
        match &self.directory.lock().content {
            Content::Directory(entries) => entries.get(&self.name).cloned(),
            Content::File(_) | Content::Link(_) => None,
        }
    }

    /// Puts a node there, in place of what was, which is returned.
    pub(super) fn put(&self, node: Arc<Node>) -> Option<Arc<Node>> {
        let mut directory = self.directory.lock();
        directory.touch();
        match &mut directory.content {
            Content::Directory(entries) => entries.insert(self.name.clone(), node),
            Content::File(_) | Content::Link(_) => None,
        }
    }

    /// Takes away what is there.
    pub(super) fn take(&self) -> Option<Arc<Node>> {
        let mut directory = self.directory.lock();
        directory.touch();
        match &mut directory.content {
            Content::Directory(entries) => entries.remove(&self.name),
            Content::File(_) | Content::Link(_) => None,
        }
    }
}

/// The names of a path, the first one last. A slash at the end says that a directory is meant.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    if path.ends_with(b"/") {
        names.push(b".".to_vec());
    }
    names.extend(path.rsplit(|&byte| byte == b'/').filter(|name| !name.is_empty()).map(<[u8]>::to_vec));
    names
}
