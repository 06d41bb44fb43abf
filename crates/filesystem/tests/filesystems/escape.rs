//! Every known trick to get out of the folder that is served.

use crate::ordinary::rooted;
use crate::snapshot::snapshot;
use bytes::Bytes;
use konko_sftp::message::attributes::{Attributes, Owner, Times};
use konko_sftp::message::number::OpenFlags;
use konko_sftp::server::failure::Failure;
use konko_sftp::server::filesystem::Filesystem;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use tempfile::TempDir;

/// What must never be seen, nor anything of its size.
const SECRET: &[u8] = b"SECRET of 4242 bytes";
const SECRET_SIZE: u64 = 4242;

/// A folder `r/user1` that is served, in the midst of others that are not.
fn surroundings() -> TempDir {
    let base = tempfile::tempdir().unwrap();
    let mut secret = SECRET.to_vec();
    secret.resize(SECRET_SIZE as usize, b'.');
    for folder in ["r/user1/inner", "r/user10", "r/user1_x", "etc"] {
        std::fs::create_dir_all(base.path().join(folder)).unwrap();
    }
    for file in ["secret", "r/secret", "r/user10/secret", "r/user1_x/secret", "etc/secret"] {
        std::fs::write(base.path().join(file), &secret).unwrap();
        std::fs::set_permissions(base.path().join(file), PermissionsExt::from_mode(0o640)).unwrap();
    }
    std::fs::write(base.path().join("r/user1/inner/mine"), b"mine").unwrap();
    base
}

/// Paths that would lead out, with the links that some of them need.
fn hostile_paths(base: &Path) -> Vec<Vec<u8>> {
    let root = base.join("r/user1");
    let outside = base.join("secret").into_os_string().into_encoded_bytes();
    let mut paths: Vec<Vec<u8>> = [
        "..",
        "../secret",
        "/..",
        "/../secret",
        "/../../secret",
        "/../user10/secret",
        "/../user1_x/secret",
        "0/secret",
        "/0/secret",
        "inner/../../secret",
        "/inner/../../user10/secret",
        "//..//secret",
        "/./../secret",
        "/inner/..",
        "/inner/../..",
        "/inner/../../..",
        "/.../../../secret",
        "/inner/mine/../../../secret",
        "..\\secret",
        "/%2e%2e/secret",
        "/..;/secret",
        "/proc/self/root/secret",
        "/proc/self/cwd",
        "~/../../secret",
        "~root",
    ]
    .map(|path| path.as_bytes().to_vec())
    .to_vec();
    // Overlong UTF-8 of `..` and `/`, which some systems decode.
    paths.extend(
        [&b"/\xc0\xae\xc0\xae/secret"[..], b"/..\xc0\xafsecret", b"/../secret\0", b"/inner\0/../../secret"]
            .map(<[u8]>::to_vec),
    );
    paths.push(outside.clone());
    paths.push([b"/inner/../..", outside.as_slice()].concat());
    let links: [(&str, Vec<u8>); 12] = [
        ("up", b"..".to_vec()),
        ("up2", b"../..".to_vec()),
        ("file", b"../../secret".to_vec()),
        ("sibling", b"../user10/secret".to_vec()),
        ("absolute", outside),
        ("slash", b"/".to_vec()),
        ("proc", b"/proc/self/root".to_vec()),
        ("proc-file", [b"/proc/self/root", base.as_os_str().as_encoded_bytes(), b"/secret"].concat()),
        ("cwd", b"/proc/self/cwd".to_vec()),
        ("base", base.as_os_str().as_encoded_bytes().to_vec()),
        ("inner/out", b"../../../r/user10".to_vec()),
        ("new", b"../created-outside".to_vec()),
    ];
    for (name, target) in links {
        symlink(std::ffi::OsStr::from_bytes(&target), root.join(name)).unwrap();
        paths.extend(
            ["", "/secret", "/user10/secret", "/r/secret", "/../secret", "/new-file"]
                .map(|tail| format!("/{name}{tail}").into_bytes()),
        );
    }
    // A chain of links that is longer than any system follows, and one that just is not.
    for (prefix, length) in [("long", 41), ("chain", 39)] {
        symlink("../../secret", root.join(format!("{prefix}0"))).unwrap();
        for i in 1..=length {
            symlink(format!("{prefix}{}", i - 1), root.join(format!("{prefix}{i}"))).unwrap();
        }
        paths.push(format!("/{prefix}{length}").into_bytes());
    }
    paths
}

/// What was read or said of a file outside.
fn must_be_inside(attributes: Result<Attributes, Failure>, path: &[u8]) {
    if let Ok(attributes) = attributes {
        assert_ne!(attributes.size, Some(SECRET_SIZE), "{}", path.escape_ascii());
    }
}

/// Does all that can be done with a path and another.
fn try_everything<S: Filesystem>(files: &S, path: &[u8]) {
    for flags in 0..64 {
        let Ok(file) = files.open(path, OpenFlags(flags), &Attributes::with_permissions(0o666)) else {
            continue;
        };
        let mut buffer = [0; 5000];
        let n = files.read_at(&file, 0, &mut buffer).unwrap_or(0);
        assert!(!buffer[..n].starts_with(SECRET), "{}", path.escape_ascii());
        must_be_inside(files.file_attributes(&file), path);
        files.write_at(&file, 0, &[Bytes::from_static(b"overwritten")]).ok();
    }
    must_be_inside(files.attributes(path), path);
    must_be_inside(files.link_attributes(path), path);
    if let Ok(directory) = files.open_directory(path) {
        for entry in files.read_directory(&directory, 1000).unwrap() {
            assert_ne!(entry.attributes.size, Some(SECRET_SIZE), "{}", path.escape_ascii());
            assert!(
                ![&b"user10"[..], b"r", b"secret"].contains(&entry.name.as_slice()),
                "{}",
                path.escape_ascii()
            );
        }
    }
    let change = Attributes {
        size: Some(1),
        owner: Some(Owner { uid: 12_345, gid: 12_345 }),
        permissions: Some(0o777),
        times: Some(Times { accessed: 1, modified: 1 }),
        extended: Vec::new(),
    };
    files.set_attributes(path, &change).ok();
    files.set_attributes(path, &Attributes { size: None, ..change.clone() }).ok();
    files.set_link_attributes(path, &Attributes { size: None, ..change }).ok();
    for resolved in [files.canonicalize(path), files.expand_path(path)].into_iter().flatten() {
        assert!(resolved.starts_with(b"/"));
        assert!(!resolved.split(|&byte| byte == b'/').any(|name| name == b".."));
    }
    files.read_link(path).ok();
    files.statvfs(path).ok();
    let other = b"/inner/other";
    files.create_directory(path, &Attributes::default()).ok();
    files.create_hard_link(path, other).ok();
    must_be_inside(files.attributes(other), path);
    files.remove(other).ok();
    files.create_hard_link(b"/inner/mine", path).ok();
    files.create_symbolic_link(b"../../secret", path).ok();
    files.rename(path, other).ok();
    must_be_inside(files.attributes(other), path);
    files.rename(other, path).ok();
    files.replace(b"/inner/mine", path).ok();
    files.replace(path, b"/inner/mine").ok();
    files.remove(path).ok();
    files.remove_directory(path).ok();
}

// covers: F01, F02, F17
#[test]
fn nothing_leads_out() {
    for by_system in [true, false] {
        let count = hostile_paths(surroundings().path()).len();
        // Each path has surroundings of its own, in which all links are as they are at first.
        for index in 0..count {
            let base = surroundings();
            let root = base.path().join("r/user1");
            let path = hostile_paths(base.path()).swap_remove(index);
            let before = snapshot(base.path(), Some(&root));
            assert_eq!(before.len(), 10);
            try_everything(&rooted(&root, by_system), &path);
            let after = snapshot(base.path(), Some(&root));
            assert_eq!(before, after, "{} by the system: {by_system}", path.escape_ascii());
        }
    }
}

#[test]
fn the_root_is_its_own_parent() {
    for by_system in [true, false] {
        let base = surroundings();
        let files = rooted(&base.path().join("r/user1"), by_system);
        for path in ["/", "..", "/../..", "", ".", "inner/..", "/inner/../../.."] {
            assert_eq!(files.canonicalize(path.as_bytes()).unwrap(), b"/", "{path}");
        }
        let directory = files.open_directory(b"/").unwrap();
        let entries = files.read_directory(&directory, 1000).unwrap();
        let of = |name: &[u8]| entries.iter().find(|entry| entry.name == name).unwrap().attributes.clone();
        assert_eq!(of(b"."), of(b".."));
        assert_eq!(files.home_directory(b"").unwrap(), b"/");
        assert!(files.home_directory(b"daemon").is_err());
    }
}

#[test]
fn links_within_the_root_work_as_in_a_world_of_its_own() {
    for by_system in [true, false] {
        let base = surroundings();
        let files = rooted(&base.path().join("r/user1"), by_system);
        files.create_symbolic_link(b"/inner/mine", b"absolute").unwrap();
        files.create_symbolic_link(b"../../../inner", b"/inner/up").unwrap();
        assert_eq!(files.attributes(b"absolute").unwrap().size, Some(4));
        assert_eq!(files.attributes(b"/inner/up/up/mine").unwrap().size, Some(4));
        assert_eq!(files.canonicalize(b"inner/up/up/mine").unwrap(), b"/inner/mine");
        assert_eq!(files.read_link(b"absolute").unwrap(), b"/inner/mine");
    }
}
