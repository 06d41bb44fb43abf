//! Paths of a served file system.

use konko_sftp::message::attributes::Attributes;

/// A name in a directory.
pub(super) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = directory.to_vec();
    if !path.is_empty() && !path.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// The last component, without the slashes behind it; empty for a root.
pub(super) fn last_component(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    let start = path[..end].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    &path[start..end]
}

/// What attributes tell about the kind of a file.
pub(super) fn is_directory(attributes: &Attributes) -> bool {
    attributes.file_type_bits() == Some(Attributes::DIRECTORY)
}

/// What attributes tell about the kind of a file.
pub(super) fn is_file(attributes: &Attributes) -> bool {
    attributes.file_type_bits() == Some(Attributes::REGULAR)
}

#[cfg(test)]
mod tests {
    use super::{join, last_component};

    #[test]
    fn paths_are_joined_and_taken_apart() {
        assert_eq!(join(b"/a", b"b"), b"/a/b");
        assert_eq!(join(b"/", b"b"), b"/b");
        assert_eq!(join(b"", b"b"), b"b");
        for (path, last) in [("/a/b", "b"), ("a//", "a"), ("a", "a"), ("/", ""), ("", ""), ("a/..", "..")] {
            assert_eq!(last_component(path.as_bytes()), last.as_bytes(), "{path}");
        }
    }
}
