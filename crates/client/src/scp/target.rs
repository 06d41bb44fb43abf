//! Where a download goes.

use crate::scp::error::ScpError;
use konko_filesystem::local_tree::{LocalDirectory, NameRule};
use konko_scp::text::printable;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Where what comes at the top of a download goes.
pub(crate) enum Target<'a> {
    /// Into a directory, under the name that it has.
    Into(LocalDirectory),
    /// To this name, which the user chose, in a directory.
    As(LocalDirectory, Vec<u8>),
    /// To a stream.
    Stream(&'a mut dyn Write),
}

impl std::fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Into(directory) => f.debug_tuple("Into").field(directory).finish(),
            Self::As(directory, name) => f.debug_tuple("As").field(directory).field(name).finish(),
            Self::Stream(_) => f.write_str("Stream(..)"),
        }
    }
}

/// What a local path stands for: a directory that is there, or a name in one.
#[derive(Debug)]
pub(crate) struct LocalPath {
    directory: LocalDirectory,
    name: Option<Vec<u8>>,
}

impl LocalPath {
    pub(crate) fn new(path: &Path, names: NameRule) -> Result<Self, ScpError> {
        let bytes = path.as_os_str().as_bytes();
        let problem = |problem| ScpError::Path { path: printable(bytes), problem };
        if bytes.is_empty() || path.is_dir() {
            return Ok(Self { directory: LocalDirectory::open(path)?.with_rule(names)?, name: None });
        }
        if bytes.ends_with(b"/") {
            return Err(problem("is not a directory"));
        }
        let name = path.file_name().ok_or_else(|| problem("names no file"))?;
        let parent = path.parent().unwrap_or(Path::new(""));
        // The user's own name need not be portable.
        Ok(Self { directory: LocalDirectory::open(parent)?, name: Some(name.as_bytes().to_vec()) })
    }
}

impl From<LocalPath> for Target<'static> {
    fn from(LocalPath { directory, name }: LocalPath) -> Self {
        match name {
            Some(name) => Self::As(directory, name),
            None => Self::Into(directory),
        }
    }
}

/// The last component of a remote path: the name under which it will be sent.
pub(crate) fn remote_name(path: &[u8]) -> Result<&[u8], ScpError> {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    let start = path[..end].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    match &path[start..end] {
        b"" | b"." | b".." => Err(ScpError::Path {
            path: printable(path),
            problem: "does not say what it is to be called here",
        }),
        [b'~', ..] if start == 0 && end == path.len() => Err(ScpError::Path {
            path: printable(path),
            problem: "does not say what it is to be called here",
        }),
        name => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: G12
    #[test]
    fn a_remote_path_says_its_name() {
        for (path, name) in
            [("a", "a"), ("/x/a", "a"), ("a/", "a"), ("x/a//", "a"), ("~/a", "a"), ("...", "...")]
        {
            assert_eq!(remote_name(path.as_bytes()).unwrap(), name.as_bytes());
        }
        for path in ["", "/", ".", "..", "x/..", "x/../", "/.", "~", "~joe"] {
            assert!(matches!(remote_name(path.as_bytes()), Err(ScpError::Path { .. })), "{path}");
        }
    }

    #[test]
    fn a_local_path_is_a_directory_or_a_name_in_one() {
        let home = tempfile::tempdir().unwrap();
        let of = |path: &str| LocalPath::new(&home.path().join(path), NameRule::Unix).map(Target::from);
        assert!(matches!(of(""), Ok(Target::Into(_))));
        assert!(matches!(of("new"), Ok(Target::As(_, name)) if name == b"new"));
        assert!(matches!(of("new/"), Err(ScpError::Path { .. })));
        assert!(matches!(of("missing/new"), Err(ScpError::Local(_))));
    }
}
