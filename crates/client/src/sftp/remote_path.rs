//! Paths of a server: bytes, with `/` between names.

use konko_sftp::text::printable;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

/// A path of a server. It is made of text, bytes or a local path, and need not be UTF-8. An empty path is the
/// directory that the session starts in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RemotePath(Vec<u8>);

impl RemotePath {
    /// As it goes over the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As it goes over the wire.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Whether it begins at the root.
    pub fn is_absolute(&self) -> bool {
        self.0.first() == Some(&b'/')
    }

    /// `name` below this; `name` itself if it begins at the root.
    #[must_use]
    pub fn join(&self, name: impl Into<Self>) -> Self {
        let name = name.into();
        if name.is_absolute() || self.0.is_empty() {
            return name;
        }
        let mut path = self.0.clone();
        if path.last() != Some(&b'/') {
            path.push(b'/');
        }
        path.extend_from_slice(&name.0);
        Self(path)
    }

    /// What comes after the last `/`, slashes at the end aside; `None` for the root, an empty path, `.` and `..`.
    pub fn file_name(&self) -> Option<&[u8]> {
        let name = self.trimmed().rsplit(|byte| *byte == b'/').next()?;
        (!matches!(name, b"" | b"." | b"..")).then_some(name)
    }

    /// What comes before the last `/`; `None` where there is no `/`, and for the root.
    pub fn parent(&self) -> Option<Self> {
        let trimmed = self.trimmed();
        let slash = trimmed.iter().rposition(|byte| *byte == b'/')?;
        let parent = Self(trimmed[..slash].to_vec());
        let parent = parent.trimmed();
        Some(Self(if parent.is_empty() { b"/".to_vec() } else { parent.to_vec() }))
            .filter(|_| trimmed.len() > 1)
    }

    /// Without slashes at the end.
    fn trimmed(&self) -> &[u8] {
        let end = self.0.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
        &self.0[..end]
    }

    /// `.` for the empty path, which some servers do not take.
    pub(crate) fn wire(&self) -> &[u8] {
        if self.0.is_empty() { b"." } else { &self.0 }
    }
}

/// Made safe to show: what could change a terminal, and what is not UTF-8, is escaped.
impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0))
    }
}

impl fmt::Debug for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

macro_rules! from {
    ($($type:ty: |$value:ident| $bytes:expr;)*) => {$(
        impl From<$type> for RemotePath {
            fn from($value: $type) -> Self {
                Self($bytes)
            }
        }
    )*};
}

from! {
    &str: |path| path.as_bytes().to_vec();
    String: |path| path.into_bytes();
    &String: |path| path.as_bytes().to_vec();
    &[u8]: |path| path.to_vec();
    Vec<u8>: |path| path;
    &Vec<u8>: |path| path.clone();
    &Path: |path| path.as_os_str().as_encoded_bytes().to_vec();
    &PathBuf: |path| path.as_os_str().as_encoded_bytes().to_vec();
    PathBuf: |path| path.into_os_string().into_encoded_bytes();
    &OsStr: |path| path.as_encoded_bytes().to_vec();
    OsString: |path| path.into_encoded_bytes();
    &RemotePath: |path| path.0.clone();
}

impl<const N: usize> From<&[u8; N]> for RemotePath {
    fn from(path: &[u8; N]) -> Self {
        Self(path.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_and_taken_apart() {
        let path = RemotePath::from("/a/b//").join("c");
        assert_eq!(path, RemotePath::from("/a/b//c"));
        assert_eq!(path.file_name(), Some(&b"c"[..]));
        assert_eq!(path.parent(), Some(RemotePath::from("/a/b")));
        assert_eq!(RemotePath::from("/a/").parent(), Some(RemotePath::from("/")));
        assert_eq!(RemotePath::from("/").parent(), None);
        assert_eq!(RemotePath::from("a").parent(), None);
        assert_eq!(RemotePath::from("a").join("/b"), RemotePath::from("/b"));
        assert_eq!(RemotePath::default().join("b"), RemotePath::from("b"));
        for no_name in ["", "/", "..", "a/..", "a/.", "."] {
            assert_eq!(RemotePath::from(no_name).file_name(), None, "{no_name}");
        }
        assert_eq!(RemotePath::from(b"a\xff\x1b").to_string(), "a\\xff\\u{1b}");
    }
}
