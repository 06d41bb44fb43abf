use super::*;
use crate::fixtures::{file, public};
use konko_crypto::random::SystemRandom;

/// A directory that is removed in the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("konko-keys-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// covers: P19
#[test]
#[cfg(unix)]
fn a_private_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new("owner");
    let path = directory.0.join("key");
    write_private_file(&path, &file("ed25519"), Existing::Keep, &mut SystemRandom).expect("written");
    assert_eq!(std::fs::metadata(&path).expect("it").permissions().mode() & 0o7777, 0o600);
    let key = PrivateKey::load(&path, None, Permissions::Check).expect("a key");
    assert_eq!(key.public_key(), &public("ed25519"));
    for mode in [0o640, 0o604, 0o660, 0o601, 0o644, 0o777] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("chmod");
        let refused = PrivateKey::load(&path, None, Permissions::Check).expect_err("too open");
        assert!(matches!(&refused, StorageError::TooOpen { mode: told, .. } if *told == mode));
        assert!(refused.to_string().contains(&format!("{mode:04o}")), "{refused}");
        assert!(PrivateKey::load(&path, None, Permissions::Ignore).is_ok());
    }
}

#[test]
fn what_exists_is_replaced_only_on_demand() {
    let directory = Directory::new("exists");
    let path = directory.0.join("key");
    let write = |text: &[u8], existing| write_private_file(&path, text, existing, &mut SystemRandom);
    write(b"one", Existing::Keep).expect("written");
    assert!(matches!(write(b"two", Existing::Keep), Err(StorageError::Exists(_))));
    assert_eq!(std::fs::read(&path).expect("it"), b"one");
    write(b"three", Existing::Replace).expect("written");
    assert_eq!(std::fs::read(&path).expect("it"), b"three");
    // Nothing is left beside it.
    assert_eq!(std::fs::read_dir(&directory.0).expect("it").count(), 1);
    let nowhere = directory.0.join("missing").join("key");
    let refused = write_private_file(&nowhere, b"", Existing::Keep, &mut SystemRandom);
    assert!(matches!(refused, Err(StorageError::System { .. })));
}

#[test]
fn what_is_no_key_file() {
    let directory = Directory::new("no-file");
    assert!(matches!(read_private_file(&directory.0, Permissions::Ignore), Err(StorageError::NotAFile(_))));
    let missing = read_private_file(&directory.0.join("missing"), Permissions::Ignore);
    assert!(matches!(missing, Err(StorageError::System { .. })));
    let path = directory.0.join("large");
    std::fs::write(&path, vec![b'\n'; LARGEST_FILE + 1]).expect("written");
    let large = read_private_file(&path, Permissions::Ignore);
    assert!(matches!(large, Err(StorageError::File { error: KeyFileError::TooLarge, .. })));
    std::fs::write(&path, vec![b'\n'; LARGEST_FILE]).expect("written");
    assert_eq!(read_private_file(&path, Permissions::Ignore).expect("read").len(), LARGEST_FILE);
    let no_key = PrivateKey::load(&path, None, Permissions::Ignore);
    assert!(matches!(no_key, Err(StorageError::File { error: KeyFileError::NotAKey, .. })));
}
