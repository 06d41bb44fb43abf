//! Trees are written and walked on a real disk.

use crate::local_tree::attributes::{Attributes, FileTimes};
use crate::local_tree::create::{AtName, FileOptions, Placement, SymlinkTargets};
use crate::local_tree::directory::{LocalDirectory, MAXIMUM_DEPTH};
use crate::local_tree::error::LocalTreeError;
use crate::local_tree::name::NameRule;
use crate::local_tree::new_file::partial_name;
use crate::local_tree::walk::{LocalWalk, SkipReason, WalkItem, WalkOptions};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

const IN_PLACE: FileOptions = FileOptions {
    mode: 0o666,
    placement: Placement::InPlace,
    resume: false,
    keep_partial: false,
    sync: false,
    at_name: AtName::Refuse,
};

fn options() -> FileOptions {
    FileOptions::default()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn umask_of(directory: &Path) -> u32 {
    let probe = directory.join("umask-probe");
    fs::write(&probe, b"").unwrap();
    let umask = 0o666 & !mode(&probe);
    fs::remove_file(probe).unwrap();
    umask
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

// covers: G15
#[test]
fn a_file_has_its_name_when_it_is_whole_and_not_before() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("a"), b"old").unwrap();
    let root = LocalDirectory::open(home.path()).unwrap();
    let file = root.create_file(b"a", &options()).unwrap();
    (&**file.file()).write_all(b"new content").unwrap();
    assert_eq!(fs::read(home.path().join("a")).unwrap(), b"old");
    drop(file);
    assert_eq!(names(home.path()), ["a"]);
    assert_eq!(fs::read(home.path().join("a")).unwrap(), b"old");

    let file = root.create_file(b"a", &FileOptions { sync: true, ..options() }).unwrap();
    (&**file.file()).write_all(b"new content").unwrap();
    file.commit(&Attributes::default()).unwrap();
    assert_eq!(names(home.path()), ["a"]);
    assert_eq!(fs::read(home.path().join("a")).unwrap(), b"new content");
}

// covers: G15
#[test]
fn a_kept_part_is_resumed() {
    let home = tempfile::tempdir().unwrap();
    let root = LocalDirectory::open(home.path()).unwrap();
    let keeping = FileOptions { keep_partial: true, resume: true, mode: 0o400, ..options() };
    let file = root.create_file(b"a", &keeping).unwrap();
    assert_eq!(file.resumed_len(), 0);
    (&**file.file()).write_all(b"half").unwrap();
    drop(file);
    assert_eq!(names(home.path()), [String::from_utf8(partial_name(b"a")).unwrap()]);

    let again = root.create_file(b"a", &keeping).unwrap();
    assert_eq!(again.resumed_len(), 4);
    let other = LocalDirectory::open(home.path()).unwrap().create_file(b"a", &keeping);
    assert!(matches!(other, Err(LocalTreeError::InUse { .. })));
    std::os::unix::fs::FileExt::write_all_at(&**again.file(), b" more", 4).unwrap();
    again.commit(&Attributes::default()).unwrap();
    assert_eq!(names(home.path()), ["a"]);
    assert_eq!(fs::read(home.path().join("a")).unwrap(), b"half more");
    assert_eq!(mode(&home.path().join("a")), 0o400);

    // A part that is a link, or that has another name, is not taken.
    symlink("/etc/passwd", home.path().join(".b.konko-part")).unwrap();
    assert!(matches!(root.create_file(b"b", &keeping), Err(LocalTreeError::Symlink { .. })));
    fs::write(home.path().join("precious"), b"x").unwrap();
    fs::hard_link(home.path().join("precious"), home.path().join(".c.konko-part")).unwrap();
    assert!(matches!(root.create_file(b"c", &keeping), Err(LocalTreeError::NotFile { .. })));
}

#[test]
fn in_place_a_file_is_resumed_where_it_stands() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("a"), b"half").unwrap();
    let root = LocalDirectory::open(home.path()).unwrap();
    let file = root.create_file(b"a", &FileOptions { resume: true, ..IN_PLACE }).unwrap();
    assert_eq!(file.resumed_len(), 4);
    drop(file);
    assert_eq!(fs::read(home.path().join("a")).unwrap(), b"half");
    let file = root.create_file(b"a", &IN_PLACE).unwrap();
    (&**file.file()).write_all(b"x").unwrap();
    drop(file);
    assert_eq!(fs::read(home.path().join("a")).unwrap(), b"x");
}

// covers: G11, Y06
#[test]
fn modes_are_masked_unless_preserved() {
    let home = tempfile::tempdir().unwrap();
    let umask = umask_of(home.path());
    let root = LocalDirectory::open(home.path()).unwrap();
    let make = |name: &[u8], attributes: Attributes| {
        let asked = FileOptions { mode: 0o6777, ..options() };
        root.create_file(name, &asked).unwrap().commit(&attributes).unwrap();
        mode(&home.path().join(std::str::from_utf8(name).unwrap()))
    };
    assert_eq!(make(b"plain", Attributes::default()), 0o777 & !umask);
    assert_eq!(make(b"preserved", Attributes { mode: Some(0o6766), ..Attributes::default() }), 0o766);
    let special = Attributes { mode: Some(0o6766), special_bits: true, ..Attributes::default() };
    assert_eq!(make(b"special", special), 0o6766);

    // What is replaced keeps its mode.
    fs::write(home.path().join("old"), b"").unwrap();
    fs::set_permissions(home.path().join("old"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(make(b"old", Attributes::default()), 0o640);
    let file = root.create_file(b"place", &FileOptions { mode: 0o4711, ..IN_PLACE }).unwrap();
    file.commit(&Attributes::default()).unwrap();
    assert_eq!(mode(&home.path().join("place")), 0o711 & !umask);
}

// covers: G11
#[test]
fn directories_that_were_there_stay_as_they_are() {
    let home = tempfile::tempdir().unwrap();
    let umask = umask_of(home.path());
    fs::create_dir(home.path().join("old")).unwrap();
    fs::set_permissions(home.path().join("old"), fs::Permissions::from_mode(0o710)).unwrap();
    let root = LocalDirectory::open(home.path()).unwrap();
    let times = FileTimes {
        accessed: UNIX_EPOCH + Duration::from_secs(1_000),
        modified: UNIX_EPOCH + Duration::from_secs(2_000),
    };
    let preserved = Attributes { mode: Some(0o555), times: Some(times), ..Attributes::default() };
    let old = root.create_directory(b"old", 0o777).unwrap();
    assert!(!old.was_created());
    old.set_attributes(&preserved).unwrap();
    assert_eq!(mode(&home.path().join("old")), 0o710);

    let new = root.create_directory(b"new", 0o055).unwrap();
    assert!(new.was_created());
    new.create_file(b"x", &options()).unwrap().commit(&Attributes::default()).unwrap();
    new.set_attributes(&Attributes::default()).unwrap();
    assert_eq!(mode(&home.path().join("new")), 0o055 & !umask);

    let third = root.create_directory(b"third", 0o777).unwrap();
    third.create_file(b"x", &options()).unwrap().commit(&preserved).unwrap();
    third.set_attributes(&preserved).unwrap();
    assert_eq!(mode(&home.path().join("third")), 0o555);
    for path in ["third", "third/x"] {
        let metadata = fs::metadata(home.path().join(path)).unwrap();
        assert_eq!(metadata.modified().unwrap(), times.modified, "{path}");
    }
}

// covers: G01, Y07
#[test]
fn no_name_leads_outside() {
    let home = tempfile::tempdir().unwrap();
    let outside = home.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("canary"), b"alive").unwrap();
    let inside = home.path().join("inside");
    fs::create_dir(&inside).unwrap();
    symlink(&outside, inside.join("folder")).unwrap();
    symlink(outside.join("canary"), inside.join("file")).unwrap();
    symlink(outside.join("new"), inside.join("dangling")).unwrap();
    let root = LocalDirectory::open(&inside).unwrap();
    for name in [&b".."[..], b"../outside/canary", b"", b".", b"/etc/passwd", b"a/b", b"a\0"] {
        assert!(matches!(root.create_file(name, &options()), Err(LocalTreeError::Name { .. })));
        assert!(matches!(root.create_directory(name, 0o777), Err(LocalTreeError::Name { .. })));
        assert!(matches!(root.open_directory(name), Err(LocalTreeError::Name { .. })));
        let linked = root.create_symlink(name, b"x", SymlinkTargets::Any);
        assert!(matches!(linked, Err(LocalTreeError::Name { .. })));
    }
    assert!(matches!(root.create_directory(b"folder", 0o777), Err(LocalTreeError::Symlink { .. })));
    assert!(matches!(root.open_directory(b"folder"), Err(LocalTreeError::Symlink { .. })));
    for name in [&b"file"[..], b"dangling"] {
        for options in [options(), IN_PLACE] {
            assert!(matches!(root.create_file(name, &options), Err(LocalTreeError::Symlink { .. })));
        }
    }
    let replacing = FileOptions { at_name: AtName::ReplaceLink, ..options() };
    root.create_file(b"file", &replacing).unwrap().commit(&Attributes::default()).unwrap();
    assert!(fs::symlink_metadata(inside.join("file")).unwrap().is_file());
    assert!(
        root.create_file(b"dangling", &FileOptions { at_name: AtName::ReplaceLink, ..IN_PLACE }).is_err()
    );
    assert_eq!(fs::read(outside.join("canary")).unwrap(), b"alive");
    assert_eq!(names(&outside), ["canary"]);

    // The user's own choice is followed.
    let following = FileOptions { at_name: AtName::Follow, ..options() };
    let file = root.create_file(b"dangling", &following).unwrap();
    (&**file.file()).write_all(b"x").unwrap();
    file.commit(&Attributes::default()).unwrap();
    assert_eq!(fs::read(outside.join("new")).unwrap(), b"x");
}

// covers: G01
#[test]
fn a_link_that_the_server_made_is_not_written_through() {
    let home = tempfile::tempdir().unwrap();
    let root = LocalDirectory::open(home.path()).unwrap();
    let refused = |target: &[u8]| {
        let made = root.create_symlink(b"link", target, SymlinkTargets::Contained);
        assert!(matches!(made, Err(LocalTreeError::SymlinkTarget { .. })));
    };
    refused(b"../x");
    refused(b"/tmp");
    refused(b"");
    root.create_symlink(b"link", b"elsewhere", SymlinkTargets::Contained).unwrap();
    assert!(matches!(root.create_file(b"link", &options()), Err(LocalTreeError::Repeated { .. })));
    assert!(matches!(root.create_directory(b"link", 0o777), Err(LocalTreeError::Repeated { .. })));
    let again = LocalDirectory::open(home.path()).unwrap();
    again.create_symlink(b"link", b"other", SymlinkTargets::Contained).unwrap();
    assert_eq!(fs::read_link(home.path().join("link")).unwrap(), Path::new("other"));
    fs::write(home.path().join("file"), b"").unwrap();
    assert!(again.create_symlink(b"file", b"other", SymlinkTargets::Any).is_err());
}

// covers: G01
#[test]
fn names_are_written_once_and_portable_ones_whatever_their_case() {
    let home = tempfile::tempdir().unwrap();
    let root = LocalDirectory::open(home.path()).unwrap();
    let first = root.create_file(b"a", &options()).unwrap();
    assert!(matches!(root.create_file(b"a", &options()), Err(LocalTreeError::Repeated { .. })));
    drop(first);
    root.create_file(b"a", &options()).unwrap().commit(&Attributes::default()).unwrap();
    assert!(matches!(root.create_file(b"a", &options()), Err(LocalTreeError::Repeated { .. })));
    root.create_file(b"A", &options()).unwrap().commit(&Attributes::default()).unwrap();

    let portable = root.with_rule(NameRule::Portable).unwrap();
    let folder = portable.create_directory(b"Folder", 0o777).unwrap();
    assert!(matches!(portable.create_directory(b"FOLDER", 0o777), Err(LocalTreeError::Repeated { .. })));
    assert!(matches!(folder.create_file(b"nul", &options()), Err(LocalTreeError::Name { .. })));
}

// covers: G13
#[test]
fn nesting_ends() {
    let home = tempfile::tempdir().unwrap();
    let mut directory = LocalDirectory::open(home.path()).unwrap();
    for _ in 0..MAXIMUM_DEPTH {
        directory = directory.create_directory(b"d", 0o777).unwrap();
    }
    assert!(matches!(directory.create_directory(b"d", 0o777), Err(LocalTreeError::TooDeep { .. })));
    assert_eq!(names(directory.path()), Vec::<String>::new());

    fs::create_dir(directory.path().join("one-more")).unwrap();
    let walked: Vec<_> = LocalWalk::new(home.path(), WalkOptions::default()).unwrap().collect();
    assert_eq!(walked.len(), 2 * MAXIMUM_DEPTH + 1);
    assert!(walked.iter().any(|item| matches!(item, Err(LocalTreeError::TooDeep { .. }))));
}

// covers: G13
#[test]
fn a_walk_tells_what_there_is() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    fs::create_dir_all(path("sub/deeper")).unwrap();
    fs::write(path("a"), b"1").unwrap();
    fs::write(path("sub/b\n"), b"22").unwrap();
    symlink("a", path("link")).unwrap();
    symlink("..", path("sub/up")).unwrap();
    symlink("nowhere", path("sub/dangling")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();

    let walk = |follow_symlinks| -> BTreeMap<String, String> {
        let options = WalkOptions { follow_symlinks, ..WalkOptions::default() };
        LocalWalk::new(home.path(), options)
            .unwrap()
            .map(|item| {
                let (entry, kind) = match item {
                    Ok(WalkItem::Directory(entry)) => (entry, "directory".to_owned()),
                    Ok(WalkItem::DirectoryEnd(entry)) => {
                        return (
                            format!("{}/", String::from_utf8(entry.relative).unwrap()),
                            "end".to_owned(),
                        );
                    }
                    Ok(WalkItem::File(entry)) => {
                        let content = std::io::read_to_string(entry.open().unwrap()).unwrap();
                        (entry, format!("file {content}"))
                    }
                    Ok(WalkItem::Symlink(entry, target)) => {
                        assert!(entry.open().is_err());
                        (entry, format!("link {}", String::from_utf8(target).unwrap()))
                    }
                    Ok(WalkItem::Skipped(entry, SkipReason::Cycle)) => (entry, "cycle".to_owned()),
                    Ok(WalkItem::Skipped(entry, SkipReason::Special)) => (entry, "special".to_owned()),
                    Err(error) => return ("error".to_owned(), error.kind().to_string()),
                };
                (String::from_utf8(entry.relative).unwrap(), kind)
            })
            .collect()
    };
    let table = |rows: &[(&str, &str)]| -> BTreeMap<String, String> {
        rows.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect()
    };
    let both = [
        ("a", "file 1"),
        ("sub", "directory"),
        ("sub/", "end"),
        ("sub/b\n", "file 22"),
        ("sub/deeper", "directory"),
        ("sub/deeper/", "end"),
        ("socket", "special"),
    ];
    let kept = [("link", "link a"), ("sub/up", "link .."), ("sub/dangling", "link nowhere")];
    let followed = [("link", "file 1"), ("sub/up", "cycle"), ("error", "entity not found")];
    assert_eq!(walk(false), table(&[&both[..], &kept].concat()));
    assert_eq!(walk(true), table(&[&both[..], &followed].concat()));
}

// covers: G01
#[test]
fn a_race_of_links_does_not_lead_outside() {
    let home = tempfile::tempdir().unwrap();
    let outside = home.path().join("outside");
    let inside = home.path().join("inside");
    fs::create_dir(&outside).unwrap();
    fs::create_dir(&inside).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let spot = inside.join("d");
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                drop(symlink(&outside, &spot));
                drop(fs::remove_file(&spot));
                drop(fs::create_dir(&spot));
                drop(fs::remove_dir_all(&spot));
            }
        });
        let mut written = 0;
        for _ in 0..2_000 {
            let root = LocalDirectory::open(&inside).unwrap();
            let made = root
                .create_directory(b"d", 0o777)
                .and_then(|directory| directory.create_file(b"f", &options()))
                .and_then(|file| file.commit(&Attributes::default()));
            written += usize::from(made.is_ok());
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(written > 0);
    });
    assert_eq!(names(&outside), Vec::<String>::new());
}
