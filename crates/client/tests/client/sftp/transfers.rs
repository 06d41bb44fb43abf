//! Whole files and trees.

use super::servers::{Kind, content, memory, server};
use konko_client::sftp::{DiskSync, Error, Progress, Symlinks, TransferOptions};
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn options() -> TransferOptions {
    let mut options = TransferOptions::default();
    options.sync = DiskSync::Never;
    options
}

async fn files_of_all_sizes_there_and_back(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let Some((sftp, _server)) = server(kind, directory.path()).await else { return };
    let local = tempfile::tempdir().unwrap();
    let (source, back) = (local.path().join("source"), local.path().join("back"));
    for atomic in [true, false] {
        let mut options = options();
        options.atomic = atomic;
        options.preserve_times = true;
        options.preserve_permissions = true;
        for len in [0, 1, 32_767, 32_768, 32_769, 5_000_001] {
            std::fs::write(&source, content(len)).unwrap();
            std::fs::set_permissions(&source, std::fs::Permissions::from_mode(0o640)).unwrap();
            let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            std::fs::File::options().write(true).open(&source).unwrap().set_modified(time).unwrap();
            let put = sftp.put(&source, "there", &options).await.unwrap();
            assert_eq!((put.files, put.bytes), (1, len as u64));
            let there = std::fs::metadata(directory.path().join("there")).unwrap();
            assert_eq!((there.mode() & 0o7777, there.mtime()), (0o640, 1_000_000_000));
            let got = sftp.get("there", &back, &options).await.unwrap();
            assert_eq!((got.files, got.bytes), (1, len as u64));
            assert!(std::fs::read(&back).unwrap() == content(len));
            let here = std::fs::metadata(&back).unwrap();
            assert_eq!((here.mode() & 0o7777, here.mtime()), (0o640, 1_000_000_000));
        }
    }
    // Nothing but the files is left, here and there.
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    assert_eq!(std::fs::read_dir(local.path()).unwrap().count(), 2);
}

async fn files_that_say_they_are_empty_are_read_to_their_end(kind: Kind) {
    let Some((sftp, _server)) = server(kind, Path::new("/proc")).await else { return };
    let local = tempfile::tempdir().unwrap();
    let got = sftp.get("/proc/version", local.path().join("v"), &options()).await.unwrap();
    let version = std::fs::read("/proc/version").unwrap();
    assert_eq!(got.bytes, version.len() as u64);
    assert_eq!(std::fs::read(local.path().join("v")).unwrap(), version);
}

async fn what_fails_leaves_everything_as_it_was(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let Some((sftp, _server)) = server(kind, directory.path()).await else { return };
    let local = tempfile::tempdir().unwrap();
    let here = local.path().join("here");
    std::fs::write(&here, "old").unwrap();
    let error = sftp.get("missing", &here, &options()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    assert_eq!(std::fs::read(&here).unwrap(), b"old");
    std::fs::create_dir(directory.path().join("d")).unwrap();
    assert!(matches!(sftp.get("d", &here, &options()).await, Err(Error::WrongType { .. })));
    assert!(matches!(sftp.put(&here, "d", &options()).await, Err(Error::WrongType { .. })));
    assert!(sftp.put(local.path(), "x", &options()).await.is_err());
    assert!(sftp.put(local.path().join("missing"), "x", &options()).await.is_err());
    assert!(sftp.put(&here, "no/such/directory", &options()).await.is_err());
    assert_eq!(std::fs::read_dir(local.path()).unwrap().count(), 1);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

// covers: G08
async fn a_full_disk_is_an_error_with_an_offset(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let local = tempfile::tempdir().unwrap();
    let source = local.path().join("source");
    std::fs::write(&source, content(3_000_000)).unwrap();
    if kind == Kind::Ours {
        let (sftp, _server) = memory(1_000_000).await;
        let error = sftp.put(&source, "/f", &options()).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
        assert!(error.to_string().contains("SSH_FXP_WRITE of \"/f\" at byte "), "{error}");
        let mut listing = sftp.read_dir("/").await.unwrap();
        assert!(listing.next_entry().await.unwrap().is_none(), "the part is gone");
        return;
    }
    let Some((sftp, _server)) = server(kind, directory.path()).await else { return };
    if !Path::new("/dev/full").exists() {
        return;
    }
    let error = sftp.put(&source, "/dev/full", &options()).await.unwrap_err();
    assert!(error.to_string().starts_with("SSH_FXP_WRITE of \"/dev/full\" at byte 0: "), "{error}");
}

async fn a_file_that_is_replaced_keeps_its_permissions_and_a_link_its_target(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let Some((sftp, _server)) = server(kind, directory.path()).await else { return };
    let target = directory.path().join("target");
    std::fs::write(&target, "old").unwrap();
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o604)).unwrap();
    std::os::unix::fs::symlink("target", directory.path().join("link")).unwrap();
    let local = tempfile::tempdir().unwrap();
    let source = local.path().join("source");
    std::fs::write(&source, "new").unwrap();
    sftp.put(&source, "link", &options()).await.unwrap();
    assert!(std::fs::symlink_metadata(directory.path().join("link")).unwrap().is_symlink());
    assert_eq!(std::fs::read(&target).unwrap(), b"new");
    assert_eq!(std::fs::metadata(&target).unwrap().mode() & 0o7777, 0o604);
}

// covers: G15
async fn what_was_begun_is_gone_on_with_if_it_is_the_same(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let Some((sftp, _server)) = server(kind, directory.path()).await else { return };
    let local = tempfile::tempdir().unwrap();
    let data = content(4_000_000);
    let mut options = options();
    options.resume = true;
    for same in [true, false] {
        let mut part = data[..2_500_000].to_vec();
        if !same {
            part[2_400_000] ^= 1;
        }
        let resumed = if same { 2_500_000 } else { 0 };
        // Up.
        let source = local.path().join("source");
        std::fs::write(&source, &data).unwrap();
        std::fs::write(directory.path().join(".up.konko-part"), &part).unwrap();
        let put = sftp.put(&source, "up", &options).await.unwrap();
        assert_eq!((put.resumed, put.bytes), (resumed, 4_000_000 - resumed));
        assert!(std::fs::read(directory.path().join("up")).unwrap() == data);
        // Down.
        std::fs::write(directory.path().join("down"), &data).unwrap();
        std::fs::write(local.path().join(".down.konko-part"), &part).unwrap();
        let got = sftp.get("down", local.path().join("down"), &options).await.unwrap();
        assert_eq!((got.resumed, got.bytes), (resumed, 4_000_000 - resumed));
        assert!(std::fs::read(local.path().join("down")).unwrap() == data);
        // In place, as OpenSSH's reget and reput do it: what is no part of the source is not touched.
        let mut in_place = options.clone();
        in_place.atomic = false;
        std::fs::write(directory.path().join("up"), &part).unwrap();
        let put = sftp.put(&source, "up", &in_place).await;
        if same {
            assert_eq!(put.unwrap().resumed, resumed);
            assert!(std::fs::read(directory.path().join("up")).unwrap() == data);
        } else {
            assert!(matches!(put, Err(Error::NotResumable { .. })));
            assert!(std::fs::read(directory.path().join("up")).unwrap() == part);
        }
    }
    assert_eq!(std::fs::read_dir(local.path()).unwrap().count(), 2);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
}

async fn a_cancelled_transfer_leaves_a_part_if_that_is_wanted(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let Some((sftp, _server)) = server(kind, directory.path()).await else { return };
    let local = tempfile::tempdir().unwrap();
    let data = content(40_000_000);
    let source = local.path().join("source");
    std::fs::write(&source, &data).unwrap();
    for keep in [true, false] {
        let mut options = options();
        options.keep_partial = keep;
        options.resume = keep;
        // Cancelled from within, when some of it has moved.
        let (tell, told) = tokio::sync::oneshot::channel();
        let tell = Mutex::new(Some(tell));
        options.progress = Some(Arc::new(move |progress: &Progress<'_>| {
            if progress.transferred > 1_000_000
                && let Some(tell) = tell.lock().unwrap().take()
            {
                tell.send(()).unwrap();
            }
        }));
        options.maximum_rate = Some(20_000_000);
        tokio::select! {
            _ = sftp.put(&source, "up", &options) => panic!("too fast"),
            _ = told => {}
        }
        // The session goes on.
        sftp.metadata(".").await.unwrap();
        let left = std::fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(left, usize::from(keep));
        if keep {
            options.progress = None;
            options.maximum_rate = None;
            let put = sftp.put(&source, "up", &options).await.unwrap();
            assert!(put.resumed > 1_000_000);
            assert!(std::fs::read(directory.path().join("up")).unwrap() == data);
            std::fs::remove_file(directory.path().join("up")).unwrap();
        }
    }
}

async fn what_takes_too_long_ends(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let Some((sftp, _server)) = server(kind, directory.path()).await else { return };
    let local = tempfile::tempdir().unwrap();
    let source = local.path().join("source");
    std::fs::write(&source, content(40_000_000)).unwrap();
    let mut options = options();
    options.maximum_rate = Some(10_000_000);
    options.total_timeout = Some(Duration::from_millis(300));
    let error = sftp.put(&source, "up", &options).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    sftp.metadata(".").await.unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// Everything below a directory: kind, mode and content.
fn tree(root: &Path) -> BTreeMap<Vec<u8>, (u32, Vec<u8>)> {
    fn add(root: &Path, at: &Path, tree: &mut BTreeMap<Vec<u8>, (u32, Vec<u8>)>) {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let metadata = std::fs::symlink_metadata(&path).unwrap();
            let content = if metadata.is_symlink() {
                std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else if metadata.is_file() {
                std::fs::read(&path).unwrap()
            } else {
                add(root, &path, tree);
                Vec::new()
            };
            let relative = path.strip_prefix(root).unwrap().as_os_str().as_encoded_bytes().to_vec();
            tree.insert(relative, (metadata.mode(), content));
        }
    }
    let mut found = BTreeMap::new();
    add(root, root, &mut found);
    found
}

fn make_tree(root: &Path) {
    for folder in 0..20 {
        let path = root.join(format!("f{}/g{folder}", folder % 4));
        std::fs::create_dir_all(&path).unwrap();
        for file in 0..30 {
            std::fs::write(path.join(format!("file {file}")), content(file * 300 + folder)).unwrap();
        }
    }
    std::fs::write(root.join("large"), content(3_000_000)).unwrap();
    std::fs::create_dir(root.join("empty")).unwrap();
    std::os::unix::fs::symlink("large", root.join("link")).unwrap();
    std::fs::set_permissions(root.join("f1"), std::fs::Permissions::from_mode(0o750)).unwrap();
    std::fs::set_permissions(root.join("f1/g1/file 1"), std::fs::Permissions::from_mode(0o600)).unwrap();
}

async fn trees_there_and_back(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let Some((sftp, _server)) = server(kind, directory.path()).await else { return };
    let local = tempfile::tempdir().unwrap();
    let source = local.path().join("source");
    std::fs::create_dir(&source).unwrap();
    make_tree(&source);
    let original = tree(&source);
    for atomic in [true, false] {
        let mut options = options();
        options.atomic = atomic;
        options.symlinks = Symlinks::Keep;
        options.preserve_times = true;
        options.preserve_permissions = true;
        let files = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&files);
        options.progress = Some(Arc::new(move |progress: &Progress<'_>| {
            count.fetch_add(u64::from(progress.is_finished), Ordering::Relaxed);
        }));
        // The second time everything is there already.
        for _ in 0..2 {
            let put = sftp.put_tree(&source, "there", &options).await.unwrap();
            assert_eq!((put.files, put.directories, put.failed, put.skipped), (601, 26, 0, 0));
            assert!(tree(&directory.path().join("there")) == original);
        }
        assert_eq!(files.load(Ordering::Relaxed), 1202);
        let back = local.path().join(format!("back {atomic}"));
        for _ in 0..2 {
            let got = sftp.get_tree("there", &back, &options).await.unwrap();
            assert_eq!((got.files, got.directories, got.failed, got.skipped), (601, 26, 0, 0));
            assert!(tree(&back) == original);
        }
        std::fs::remove_dir_all(directory.path().join("there")).unwrap();
    }
    // Followed, the link is a file.
    let put = sftp.put_tree(&source, "there", &options()).await.unwrap();
    assert_eq!(put.files, 602);
    sftp.symlink("large", "there/again").await.unwrap();
    let back = local.path().join("back");
    let got = sftp.get_tree("there", &back, &options()).await.unwrap();
    assert_eq!(got.files, 603);
    assert!(std::fs::symlink_metadata(back.join("again")).unwrap().is_file());
}

// covers: G01
async fn a_tree_stays_where_it_belongs(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let Some((sftp, _server)) = server(kind, directory.path()).await else { return };
    let outside = tempfile::tempdir().unwrap();
    let local = tempfile::tempdir().unwrap();
    let there = directory.path().join("there");
    std::fs::create_dir_all(there.join("way")).unwrap();
    std::fs::write(there.join("way/canary"), "bad").unwrap();
    std::os::unix::fs::symlink("../../../../etc/passwd", there.join("escape")).unwrap();
    std::fs::write(there.join("fine"), "fine").unwrap();
    // A link at a place that the tree has a directory at leads nowhere.
    std::os::unix::fs::symlink(outside.path(), local.path().join("way")).unwrap();
    let mut options = options();
    options.symlinks = Symlinks::Keep;
    assert!(sftp.get_tree("there", local.path(), &options).await.is_err());
    let failures = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&failures);
    options.on_error = Some(Arc::new(move |path, _| seen.lock().unwrap().push(path.to_string())));
    let got = sftp.get_tree("there", local.path(), &options).await.unwrap();
    assert_eq!(got.failed, 2);
    let mut failures = failures.lock().unwrap().clone();
    failures.sort();
    assert_eq!(failures, ["there/escape", "there/way"]);
    assert_eq!(std::fs::read(local.path().join("fine")).unwrap(), b"fine");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    assert!(!local.path().join("escape").exists());
}

async fn files_are_copied_on_the_server_and_through_us(kind: Kind) {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let Some((sftp, _server)) = server(kind, first.path()).await else { return };
    let Some((other, _other_server)) = server(kind, second.path()).await else { return };
    for len in [0, 1, 3_000_001] {
        std::fs::write(first.path().join("f"), content(len)).unwrap();
        let copied = sftp.copy("f", "g", &options()).await.unwrap();
        assert_eq!(copied.bytes, len as u64);
        assert!(std::fs::read(first.path().join("g")).unwrap() == content(len));
        let copied = sftp.copy_to("f", &other, "h", &options()).await.unwrap();
        assert_eq!(copied.bytes, len as u64);
        assert!(std::fs::read(second.path().join("h")).unwrap() == content(len));
    }
}

on_both! { files_of_all_sizes_there_and_back files_that_say_they_are_empty_are_read_to_their_end what_fails_leaves_everything_as_it_was a_full_disk_is_an_error_with_an_offset a_file_that_is_replaced_keeps_its_permissions_and_a_link_its_target what_was_begun_is_gone_on_with_if_it_is_the_same a_cancelled_transfer_leaves_a_part_if_that_is_wanted what_takes_too_long_ends trees_there_and_back a_tree_stays_where_it_belongs files_are_copied_on_the_server_and_through_us }
