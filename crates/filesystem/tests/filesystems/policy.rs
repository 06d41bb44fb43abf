//! What a local file system is told to allow.

use crate::snapshot::snapshot;
use bytes::Bytes;
use konko_filesystem::rooted::filesystem::LocalFilesystem;
use konko_filesystem::rooted::options::{LocalOptions, Quota, Root};
use konko_sftp::message::attributes::{Attributes, Owner, Times};
use konko_sftp::message::number::{OpenFlags, StatusCode};
use konko_sftp::server::cancellation::Cancellation;
use konko_sftp::server::failure::Failure;
use konko_sftp::server::filesystem::Filesystem;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

fn served(directory: &Path, set: impl FnOnce(&mut LocalOptions)) -> LocalFilesystem {
    let mut options = LocalOptions::default();
    set(&mut options);
    LocalFilesystem::new(&Root::below(directory), options).unwrap()
}

// covers: F03
#[test]
fn nothing_changes_when_only_reading_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("d")).unwrap();
    std::fs::write(folder.path().join("f"), b"text").unwrap();
    symlink("f", folder.path().join("l")).unwrap();
    let before = snapshot(folder.path(), None);
    let files = served(folder.path(), |options| options.read_only = true);
    let denied = Err(Failure::permission_denied());
    for path in [&b"/f"[..], b"/new", b"/d", b"/l", b"/d/new"] {
        for flags in (0..128).filter(|flags| *flags != 1) {
            let opened = files.open(path, OpenFlags(flags), &Attributes::default()).map(drop);
            assert_eq!(opened, denied, "{flags}");
        }
        let change = Attributes {
            size: Some(0),
            owner: Some(Owner { uid: 1, gid: 1 }),
            permissions: Some(0o777),
            times: Some(Times::default()),
            extended: Vec::new(),
        };
        assert_eq!(files.set_attributes(path, &change), denied);
        assert_eq!(files.set_attributes(path, &Attributes::default()), denied);
        assert_eq!(files.set_link_attributes(path, &change), denied);
        assert_eq!(files.remove(path), denied);
        assert_eq!(files.remove_directory(path), denied);
        assert_eq!(files.create_directory(path, &change), denied);
        assert_eq!(files.create_symbolic_link(b"f", path), denied);
        for other in [&b"/x"[..], b"/f", b"/d"] {
            assert_eq!(files.rename(path, other), denied);
            assert_eq!(files.replace(path, other), denied);
            assert_eq!(files.create_hard_link(path, other), denied);
        }
    }
    let file = files.open(b"/f", OpenFlags::READ, &Attributes::default()).unwrap();
    assert_eq!(files.write_at(&file, 0, &[Bytes::from_static(b"x")]), denied);
    assert_eq!(files.set_file_attributes(&file, &Attributes::with_size(0)), denied);
    assert_eq!(files.sync(&file), denied);
    assert_eq!(files.copy(&file, 0, 0, &file, 9, &Cancellation::default()), denied);
    let mut buffer = [0; 9];
    assert_eq!(files.read_at(&file, 0, &mut buffer), Ok(4));
    assert_eq!(before, snapshot(folder.path(), None));
}

// covers: F14
#[test]
fn modes_are_masked() {
    let folder = tempfile::tempdir().unwrap();
    let mode_of =
        |name: &str| folder.path().join(name).symlink_metadata().unwrap().permissions().mode() & 0o7777;
    // What the umask of this process leaves.
    let allowed = {
        std::fs::write(folder.path().join("probe"), b"").unwrap();
        let open = rustix::fs::open(
            folder.path().join("all"),
            rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY,
            rustix::fs::Mode::from_raw_mode(0o777),
        );
        drop(open.unwrap());
        mode_of("all")
    };
    let create = OpenFlags::WRITE | OpenFlags::CREAT;
    for (special, umask) in [(false, 0), (false, 0o027), (true, 0o077)] {
        let files = served(folder.path(), |options| {
            options.special_bits = special;
            options.umask = umask;
        });
        for mode in [0o7777, 0o177_777, 0o4755, 0o600, 0] {
            let attributes = Attributes::with_permissions(mode);
            files.open(b"/f", create, &attributes).unwrap();
            files.create_directory(b"/d", &attributes).unwrap();
            let masked = mode & allowed & !umask;
            assert_eq!(mode_of("f") & 0o777, masked & 0o777, "{mode:o} {umask:o}");
            assert_eq!(mode_of("d") & 0o777, masked & 0o777);
            if !special {
                assert_eq!(mode_of("f") & 0o7000, 0);
                assert_eq!(mode_of("d") & 0o5000, 0);
            }
            files.set_attributes(b"/f", &attributes).unwrap();
            let kept = if special { 0o7777 } else { 0o777 };
            assert_eq!(mode_of("f"), mode & kept, "{mode:o}");
            files.remove(b"/f").unwrap();
            files.remove_directory(b"/d").unwrap();
        }
        files.open(b"/f", create, &Attributes::default()).unwrap();
        assert_eq!(mode_of("f"), 0o666 & allowed & !umask);
        files.remove(b"/f").unwrap();
    }
}

// covers: F18
#[test]
fn nothing_waits_for_a_fifo_or_touches_a_device() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o666),
        0,
    )
    .unwrap();
    assert!(fifo.metadata().unwrap().file_type().is_fifo());
    let _listener = UnixListener::bind(folder.path().join("socket")).unwrap();
    std::fs::create_dir(folder.path().join("dir")).unwrap();
    let files = served(folder.path(), |_| {});
    for name in [&b"/fifo"[..], b"/socket", b"/dir"] {
        for flags in [1, 2, 3, 2 | 8, 2 | 8 | 16, 2 | 4 | 8] {
            let failure = files.open(name, OpenFlags(flags), &Attributes::default()).map(drop).unwrap_err();
            assert_eq!(failure.code, StatusCode::FAILURE, "{} {flags}", name.escape_ascii());
        }
        assert!(files.set_attributes(name, &Attributes::with_size(0)).is_err());
        assert!(files.open_directory(name).is_ok() == (name == b"/dir"));
        assert!(files.attributes(name).is_ok());
    }
    let mut options = LocalOptions::default();
    let whole = LocalFilesystem::new(&Root::whole_system(), options.clone()).unwrap();
    assert!(whole.open(b"/dev/zero", OpenFlags::READ, &Attributes::default()).is_err());
    options.special_files = true;
    let whole = LocalFilesystem::new(&Root::whole_system(), options).unwrap();
    let zero = whole.open(b"/dev/zero", OpenFlags::READ, &Attributes::default()).unwrap();
    assert_eq!(whole.read_at(&zero, 7, &mut [1; 10]), Ok(10));
}

// covers: F19
#[test]
fn a_large_directory_comes_piece_by_piece_while_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..5_000 {
        std::fs::write(folder.path().join(format!("file{i:05}")), b"").unwrap();
    }
    let files = served(folder.path(), |_| {});
    let directory = files.open_directory(b"/").unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for round in 0.. {
        let entries = files.read_directory(&directory, 100).unwrap();
        if entries.is_empty() {
            break;
        }
        assert!(entries.len() <= 100);
        for entry in entries {
            assert!(seen.insert(entry.name), "twice");
        }
        // Those that are gone are left out, those that come may or may not be there.
        std::fs::remove_file(folder.path().join(format!("file{:05}", 4_000 + round))).unwrap();
        std::fs::write(folder.path().join(format!("new{round}")), b"").unwrap();
    }
    assert!((0..4_000).all(|i| seen.contains(format!("file{i:05}").as_bytes())));
    assert!(files.read_directory(&directory, 100).unwrap().is_empty());
}

#[derive(Debug, Default)]
struct Counted {
    bytes: AtomicI64,
    names: AtomicI64,
}

const MOST_BYTES: i64 = 1000;
const MOST_NAMES: i64 = 3;

impl Quota for Counted {
    fn may_grow(&self, bytes: u64) -> bool {
        let fits = self.bytes.load(Ordering::Relaxed) + bytes as i64 <= MOST_BYTES;
        if fits {
            self.bytes.fetch_add(bytes as i64, Ordering::Relaxed);
        }
        fits
    }

    fn shrunk(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes as i64, Ordering::Relaxed);
    }

    fn may_create(&self) -> bool {
        let fits = self.names.load(Ordering::Relaxed) < MOST_NAMES;
        self.names.fetch_add(i64::from(fits), Ordering::Relaxed);
        fits
    }

    fn removed(&self) {
        self.names.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn a_quota_counts_what_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let counted = Arc::new(Counted::default());
    let quota: Arc<dyn Quota> = Arc::<Counted>::clone(&counted);
    let files = served(folder.path(), |options| options.quota = Some(quota));
    let used = || (counted.bytes.load(Ordering::Relaxed), counted.names.load(Ordering::Relaxed));
    let new = OpenFlags::READ | OpenFlags::WRITE | OpenFlags::CREAT | OpenFlags::TRUNC;
    let a = files.open(b"/a", new, &Attributes::default()).unwrap();
    files.write_at(&a, 0, &[Bytes::from(vec![1; 600])]).unwrap();
    assert_eq!(used(), (600, 1));
    files.write_at(&a, 100, &[Bytes::from(vec![1; 600])]).unwrap();
    assert_eq!(used(), (700, 1));
    let b = files.open(b"/b", new, &Attributes::default()).unwrap();
    let full = files.write_at(&b, 0, &[Bytes::from(vec![1; 301])]).unwrap_err();
    assert_eq!(full.code, StatusCode::FAILURE);
    assert!(files.set_attributes(b"/b", &Attributes::with_size(301)).is_err());
    assert!(files.copy(&a, 0, 301, &b, 0, &Cancellation::default()).is_err());
    files.copy(&a, 0, 300, &b, 0, &Cancellation::default()).unwrap();
    assert_eq!(used(), (1000, 2));
    files.set_attributes(b"/b", &Attributes::with_size(100)).unwrap();
    assert_eq!(used(), (800, 2));
    drop(files.open(b"/a", new, &Attributes::default()).unwrap());
    assert_eq!(used(), (100, 2));
    files.create_directory(b"/d", &Attributes::default()).unwrap();
    assert!(files.create_symbolic_link(b"a", b"/l").is_err());
    assert!(files.open(b"/c", new, &Attributes::default()).is_err());
    assert!(files.create_hard_link(b"/a", b"/c").is_err());
    files.remove_directory(b"/d").unwrap();
    files.create_hard_link(b"/b", b"/c").unwrap();
    files.remove(b"/b").unwrap();
    assert_eq!(used(), (100, 2));
    files.replace(b"/a", b"/c").unwrap();
    assert_eq!(used(), (0, 1));
}
