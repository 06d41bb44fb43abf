//! A folder and a link that leads out change places, over and over, while both are used.

use crate::ordinary::rooted;
use crate::snapshot::snapshot;
use bytes::Bytes;
use konko_filesystem::rooted::filesystem::LocalFilesystem;
use konko_sftp::message::attributes::Attributes;
use konko_sftp::message::number::OpenFlags;
use konko_sftp::server::filesystem::Filesystem;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What the second process is told: the folder in which it exchanges `d` and `l`.
const FOLDER: &str = "KONKO_TEST_EXCHANGE";
/// How often everything is tried.
const ROUNDS: usize = 4_000;

/// The second process: not a test of its own.
#[test]
fn exchange() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    // The end of its input is the end.
    let end = std::thread::spawn(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let directory = std::fs::File::open(folder).unwrap();
    while !end.is_finished() {
        for _ in 0..100 {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            rustix::fs::renameat_with(&directory, "d", &directory, "l", flags).unwrap();
        }
    }
}

fn start_exchange(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "race::exchange"])
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// What reading a file in the folder gave, if anything.
fn read(files: &LocalFilesystem, path: &[u8]) -> Option<Vec<u8>> {
    let file = files.open(path, OpenFlags::READ, &Attributes::default()).ok()?;
    let mut buffer = [0; 100];
    let n = files.read_at(&file, 0, &mut buffer).ok()?;
    Some(buffer[..n].to_vec())
}

// covers: F02
#[cfg(any(target_os = "linux", target_os = "android"))]
#[test]
fn a_folder_that_becomes_a_link_leads_nowhere_else() {
    for (by_system, target) in [(true, "../outside"), (false, "../outside"), (true, "/"), (false, "/")] {
        let base = tempfile::tempdir().unwrap();
        let (root, outside) = (base.path().join("root"), base.path().join("outside"));
        for folder in [&outside, &root.join("d"), &root.join("outside")] {
            std::fs::create_dir_all(folder).unwrap();
        }
        std::fs::write(outside.join("f"), b"SECRET").unwrap();
        std::fs::write(root.join("d/f"), b"inside").unwrap();
        let target = if target == "/" { outside.clone() } else { target.into() };
        symlink(target, root.join("l")).unwrap();
        let before = snapshot(&outside, None);
        let mut second = start_exchange(&root);
        let files = rooted(&root, by_system);
        let mut found = 0;
        for _ in 0..ROUNDS {
            if let Some(content) = read(&files, b"/d/f") {
                assert_ne!(content, b"SECRET");
                found += 1;
            }
            if let Ok(attributes) = files.attributes(b"/d/../d/f") {
                assert_eq!(attributes.size, Some(6));
            }
            let new = OpenFlags::WRITE | OpenFlags::CREAT;
            if let Ok(file) = files.open(b"/d/new", new, &Attributes::default()) {
                files.write_at(&file, 0, &[Bytes::from_static(b"written")]).unwrap();
            }
            files.set_attributes(b"/d/f", &Attributes::with_permissions(0o600)).ok();
            files.set_link_attributes(b"/d/f", &Attributes::with_permissions(0o640)).ok();
            files.create_directory(b"/d/made", &Attributes::default()).ok();
            files.rename(b"/d/made", b"/d/moved").ok();
            files.create_symbolic_link(b"f", b"/d/link").ok();
            files.create_hard_link(b"/d/f", b"/d/hard").ok();
            for name in [&b"/d/new"[..], b"/d/link", b"/d/hard", b"/d/moved"] {
                files.remove(name).ok();
                files.remove_directory(name).ok();
            }
            if let Ok(directory) = files.open_directory(b"/d") {
                for entry in files.read_directory(&directory, 100).unwrap() {
                    assert_ne!(entry.name, b"canary");
                }
            }
        }
        drop(second.stdin.take());
        assert!(second.wait().unwrap().success());
        assert_eq!(before, snapshot(&outside, None), "by the system: {by_system}");
        assert!(found > 0, "it was never there");
    }
}
