//! Somebody who logs in: a folder with key pairs of their own.

use std::fs;
use std::path::PathBuf;

use konko_tests::peers::{KeyFile, KeyKind};
use tempfile::TempDir;

/// Every kind of key that there is, with a name for its file.
pub const ALL_KINDS: [KeyKind; 5] =
    [KeyKind::Ed25519, KeyKind::Ecdsa(256), KeyKind::Ecdsa(384), KeyKind::Ecdsa(521), KeyKind::Rsa(2048)];

/// Somebody who logs in.
#[derive(Debug)]
pub struct User {
    folder: TempDir,
    /// Their keys, in the order asked for.
    pub keys: Vec<KeyFile>,
}

impl User {
    /// With an Ed25519 key.
    pub fn new() -> Self {
        Self::with(&[KeyKind::Ed25519])
    }

    /// With keys of these kinds.
    pub fn with(kinds: &[KeyKind]) -> Self {
        let folder = TempDir::new().expect("a folder for keys");
        let keys = kinds
            .iter()
            .enumerate()
            .map(|(number, kind)| KeyFile::generate(&folder.path().join(format!("key_{number}")), *kind, ""));
        Self { keys: keys.collect(), folder }
    }

    /// Their first key.
    pub fn key(&self) -> &KeyFile {
        &self.keys[0]
    }

    /// A file in the manner of `authorized_keys` with all keys.
    pub fn authorized_keys(&self) -> PathBuf {
        let lines: Vec<_> = self.keys.iter().map(KeyFile::public_line).collect();
        self.file("authorized_keys", &(lines.join("\n") + "\n"))
    }

    /// Where a file in their folder is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file in their folder.
    pub fn file(&self, name: &str, contents: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, contents).expect("a file in the user's folder");
        path
    }
}
