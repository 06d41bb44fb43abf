//! Paths of Unix sockets that a peer names.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// The longest path that fits into a socket address, in bytes.
const MAXIMUM_LEN: usize = 107;

/// The path, if it is one that may be used at all: absolute, without `..`, not in the abstract namespace, and not
/// cut off by the system.
pub(crate) fn checked(path: &[u8]) -> Option<PathBuf> {
    if path.len() > MAXIMUM_LEN || path.contains(&0) {
        return None;
    }
    let path = Path::new(OsStr::from_bytes(path));
    let climbs = path.components().any(|component| component == Component::ParentDir);
    (path.is_absolute() && !climbs && path.file_name().is_some()).then(|| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: H23
    #[test]
    fn only_plain_absolute_paths_pass() {
        assert_eq!(checked(b"/run/x.sock"), Some(PathBuf::from("/run/x.sock")));
        let longest = [b"/".as_slice(), &[b'x'; 106]].concat();
        assert!(checked(&longest).is_some());
        let longer = [b"/".as_slice(), &[b'x'; 107]].concat();
        for path in [b"".as_slice(), b"/", b"x.sock", b"\0x", b"/run/\0x", b"/run/../etc/x", b"/..", &longer]
        {
            assert_eq!(checked(path), None, "{}", path.escape_ascii());
        }
    }
}
