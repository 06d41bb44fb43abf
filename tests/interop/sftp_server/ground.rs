//! What the clients move, and how it is seen to be the same afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use konko_server::SftpOptions;
use konko_tests::Seed;
use konko_tests::peers::{Finished, Ssh, run};
use tempfile::TempDir;

use crate::our_server::{OurServer, OurServerOptions, USER};
use crate::user::User;

/// Sizes about those at which something changes.
pub(super) const SIZES: [usize; 5] = [0, 1, 32_767, 32_768, 32_769];
/// A large file.
pub(super) const LARGE: usize = 100_000_000;
/// A client that takes longer hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);

pub(super) fn server(user: &User, change: impl FnOnce(&mut SftpOptions)) -> OurServer {
    let mut sftp = SftpOptions::default();
    change(&mut sftp);
    OurServerOptions::new(user).legacy().allow(|options| options.process.sftp = Some(sftp)).start()
}

/// A folder with files of all sizes, one of them of `large` bytes.
pub(super) fn files(large: usize) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for size in SIZES.into_iter().chain([large]) {
        fs::write(folder.path().join(format!("f{size}")), Seed::new(size as u64).bytes(size))
            .expect("a file");
    }
    fs::set_permissions(folder.path().join("f1"), fs::Permissions::from_mode(0o741)).expect("a mode");
    folder
}

/// The same, and folders in folders, two hundred small files among them.
pub(super) fn tree(large: usize) -> TempDir {
    let folder = files(large);
    for number in 0..200 {
        let inner = folder.path().join(format!("sub folder/{}/{}", number % 7, number % 3));
        fs::create_dir_all(&inner).expect("a folder");
        fs::write(inner.join(format!("file {number}")), Seed::new(number).bytes(4096)).expect("a file");
    }
    folder
}

/// What is in a tree.
pub(super) fn survey(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut ahead = vec![root.to_owned()];
    while let Some(folder) = ahead.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let metadata = fs::symlink_metadata(&path).expect("metadata");
            let content = if metadata.is_dir() {
                ahead.push(path.clone());
                Vec::new()
            } else if metadata.is_symlink() {
                fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes()
            } else {
                fs::read(&path).expect("a file")
            };
            found.insert(path.strip_prefix(root).expect("it is below").to_owned(), content);
        }
    }
    found
}

pub(super) fn assert_same(expected: &Path, found: &Path) {
    let (expected, found) = (survey(expected), survey(found));
    assert_eq!(expected.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
    for (path, content) in &expected {
        assert!(found[path] == *content, "{} differs", path.display());
    }
}

pub(super) fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("metadata").mode() & 0o7777
}

pub(super) fn ssh(server: &OurServer, user: &User) -> Option<Ssh> {
    Some(Ssh::new(server.address(), USER)?.identity(&user.key().private).known_hosts(&server.known_hosts()))
}

/// Runs `sftp -b -` with these lines.
pub(super) fn batch(ssh: &Ssh, lines: &str) -> Finished {
    let mut command = ssh.companion("sftp").expect("sftp comes with ssh");
    command.args(["-b", "-"]).arg(ssh.host());
    run(&mut command, lines.as_bytes(), PATIENCE).expect("sftp")
}
