//! All that is in a folder, to see whether anything changed.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What is known of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    mode: u32,
    owner: (u32, u32),
    size: u64,
    modified: (i64, i64),
    links: u64,
    content: Vec<u8>,
}

/// Everything below a folder, the folder included; what is below `except` is left out.
pub fn snapshot(folder: &Path, except: Option<&Path>) -> BTreeMap<PathBuf, Seen> {
    let mut seen = BTreeMap::new();
    let mut ahead = vec![folder.to_owned()];
    while let Some(path) = ahead.pop() {
        if Some(path.as_path()) == except {
            continue;
        }
        let metadata = path.symlink_metadata().unwrap();
        let content = if metadata.is_dir() {
            ahead.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
            Vec::new()
        } else if metadata.is_symlink() {
            path.read_link().unwrap().into_os_string().into_encoded_bytes()
        } else if metadata.is_file() {
            std::fs::read(&path).unwrap()
        } else {
            Vec::new()
        };
        let seen_here = Seen {
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            size: if metadata.is_dir() { 0 } else { metadata.size() },
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            links: metadata.nlink(),
            content,
        };
        seen.insert(path, seen_here);
    }
    seen
}
