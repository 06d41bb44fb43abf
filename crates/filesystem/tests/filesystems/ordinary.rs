//! What every file system does alike.

use bytes::Bytes;
use konko_filesystem::memory::filesystem::MemoryFilesystem;
use konko_filesystem::rooted::filesystem::LocalFilesystem;
use konko_filesystem::rooted::options::{LocalOptions, Root};
use konko_sftp::message::attributes::{Attributes, Times};
use konko_sftp::message::number::{OpenFlags, StatusCode};
use konko_sftp::server::cancellation::Cancellation;
use konko_sftp::server::failure::Failure;
use konko_sftp::server::filesystem::Filesystem;
use std::path::Path;

const NEW: OpenFlags = OpenFlags(OpenFlags::WRITE.0 | OpenFlags::CREAT.0 | OpenFlags::TRUNC.0);

pub fn rooted(directory: &Path, by_system: bool) -> LocalFilesystem {
    let mut options = LocalOptions::default();
    options.system_resolution = by_system;
    LocalFilesystem::new(&Root::below(directory), options).unwrap()
}

/// Each kind of file system, and where in it there is room.
fn with_each(check: impl Fn(&dyn Fn(&str) -> Vec<u8>, Kind)) {
    let at_root = |name: &str| format!("/{name}").into_bytes();
    check(&at_root, Kind::Memory(MemoryFilesystem::default()));
    for by_system in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        check(&at_root, Kind::Local(rooted(folder.path(), by_system)));
    }
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().to_str().unwrap().to_owned();
    let whole = LocalFilesystem::new(&Root::whole_system(), LocalOptions::default()).unwrap();
    check(&move |name: &str| format!("{base}/{name}").into_bytes(), Kind::Local(whole));
}

enum Kind {
    Memory(MemoryFilesystem),
    Local(LocalFilesystem),
}

macro_rules! on_each {
    ($name:ident, $check:ident) => {
        #[test]
        fn $name() {
            with_each(|at, kind| match kind {
                Kind::Memory(filesystem) => $check(&filesystem, at),
                Kind::Local(filesystem) => $check(&filesystem, at),
            });
        }
    };
}

fn put<S: Filesystem>(files: &S, path: &[u8], bytes: &[u8]) {
    let file = files.open(path, NEW, &Attributes::default()).unwrap();
    files.write_at(&file, 0, &[Bytes::copy_from_slice(bytes)]).unwrap();
    files.close(&file).unwrap();
}

fn get<S: Filesystem>(files: &S, path: &[u8]) -> Result<Vec<u8>, Failure> {
    let file = files.open(path, OpenFlags::READ, &Attributes::default())?;
    let mut bytes = vec![0; 1 << 20];
    let mut len = 0;
    loop {
        match files.read_at(&file, len as u64, &mut bytes[len..])? {
            0 => break,
            n => len += n,
        }
    }
    bytes.truncate(len);
    Ok(bytes)
}

fn names<S: Filesystem>(files: &S, path: &[u8]) -> Vec<Vec<u8>> {
    let directory = files.open_directory(path).unwrap();
    let mut names = Vec::new();
    loop {
        let entries = files.read_directory(&directory, 3).unwrap();
        if entries.is_empty() {
            break;
        }
        assert!(entries.len() <= 3);
        names.extend(entries.into_iter().map(|entry| entry.name));
    }
    names.retain(|name| name != b"." && name != b"..");
    names.sort();
    names
}

fn files_hold_what_is_written<S: Filesystem>(files: &S, at: &dyn Fn(&str) -> Vec<u8>) {
    let path = at("f");
    let file = files.open(&path, OpenFlags::READ | NEW, &Attributes::default()).unwrap();
    let pieces: Vec<Bytes> = (0..1500u32).map(|i| Bytes::from(vec![i as u8; 3])).collect();
    files.write_at(&file, 0, &pieces).unwrap();
    assert_eq!(get(files, &path).unwrap(), pieces.concat());
    files.write_at(&file, 10_000, &[Bytes::from_static(b"end")]).unwrap();
    assert_eq!(files.file_attributes(&file).unwrap().size, Some(10_003));
    let mut buffer = [1; 8];
    assert_eq!(files.read_at(&file, 9_998, &mut buffer).unwrap(), 5);
    assert_eq!(&buffer[..5], b"\0\0end");
    assert_eq!(files.read_at(&file, 10_003, &mut buffer).unwrap(), 0);
    // covers: F06
    for far in [1 << 40, i64::MAX as u64 - 3, i64::MAX as u64, 1 << 63, u64::MAX] {
        assert_eq!(files.read_at(&file, far, &mut buffer).unwrap(), 0, "{far}");
    }
    for far in [i64::MAX as u64, 1 << 63, u64::MAX] {
        assert!(files.write_at(&file, far, &[Bytes::from_static(b"xyz")]).is_err(), "{far}");
    }
    files.set_file_attributes(&file, &Attributes::with_size(3)).unwrap();
    assert_eq!(get(files, &path).unwrap(), [0, 0, 0]);
    files.set_attributes(&path, &Attributes::with_size(5)).unwrap();
    assert_eq!(get(files, &path).unwrap().len(), 5);
    files.sync(&file).unwrap();
    let reader = files.open(&path, OpenFlags::READ, &Attributes::default()).unwrap();
    assert!(files.write_at(&reader, 0, &[Bytes::from_static(b"x")]).is_err());
    let writer = files.open(&path, OpenFlags::WRITE, &Attributes::default()).unwrap();
    assert!(files.read_at(&writer, 0, &mut buffer).is_err());
}

fn appending_ignores_the_offset<S: Filesystem>(files: &S, at: &dyn Fn(&str) -> Vec<u8>) {
    put(files, &at("f"), b"one");
    let flags = OpenFlags::WRITE | OpenFlags::APPEND;
    let file = files.open(&at("f"), flags, &Attributes::default()).unwrap();
    let pieces = [Bytes::from_static(b"tw"), Bytes::from_static(b"o")];
    files.write_at(&file, 0, &pieces).unwrap();
    assert_eq!(get(files, &at("f")).unwrap(), b"onetwo");
}

fn opening_obeys_its_flags<S: Filesystem>(files: &S, at: &dyn Fn(&str) -> Vec<u8>) {
    let open = |name: &str, flags| files.open(&at(name), flags, &Attributes::default()).map(drop);
    assert_eq!(open("no", OpenFlags::READ), Err(Failure::no_such_file()));
    assert_eq!(open("no", OpenFlags::WRITE), Err(Failure::no_such_file()));
    assert_eq!(open("no/such", NEW), Err(Failure::no_such_file()));
    open("f", OpenFlags::WRITE | OpenFlags::CREAT | OpenFlags::EXCL).unwrap();
    assert_eq!(open("f", OpenFlags::WRITE | OpenFlags::CREAT | OpenFlags::EXCL), Err(Failure::exists()));
    put(files, &at("f"), b"text");
    open("f", OpenFlags::WRITE | OpenFlags::CREAT).unwrap();
    assert_eq!(get(files, &at("f")).unwrap(), b"text");
    open("f", OpenFlags::READ | OpenFlags::TRUNC).unwrap();
    assert_eq!(get(files, &at("f")).unwrap(), b"text");
    open("f", NEW).unwrap();
    assert_eq!(get(files, &at("f")).unwrap(), b"");
    files.create_directory(&at("d"), &Attributes::default()).unwrap();
    for flags in [OpenFlags::READ, OpenFlags::WRITE, NEW] {
        assert_eq!(open("d", flags).unwrap_err().code, StatusCode::FAILURE);
    }
    assert_eq!(files.open_directory(&at("f")).map(drop).unwrap_err().code, StatusCode::NO_SUCH_FILE);
    assert_eq!(
        open("f/below", OpenFlags::READ),
        Err(Failure {
            words: open("f/below", OpenFlags::READ).unwrap_err().words,
            ..Failure::no_such_file()
        })
    );
}

// covers: F16
fn renaming_replaces_only_when_told<S: Filesystem>(files: &S, at: &dyn Fn(&str) -> Vec<u8>) {
    put(files, &at("a"), b"a");
    put(files, &at("b"), b"b");
    files.create_directory(&at("d"), &Attributes::default()).unwrap();
    files.create_directory(&at("e"), &Attributes::default()).unwrap();
    files.create_symbolic_link(b"b", &at("l")).unwrap();
    for taken in ["a", "b", "d", "l"] {
        assert_eq!(files.rename(&at("a"), &at(taken)), Err(Failure::exists()), "{taken}");
    }
    assert_eq!(files.rename(&at("d"), &at("e")), Err(Failure::exists()));
    assert_eq!(files.rename(&at("none"), &at("x")), Err(Failure::no_such_file()));
    files.rename(&at("a"), &at("c")).unwrap();
    files.replace(&at("c"), &at("b")).unwrap();
    assert_eq!(get(files, &at("b")).unwrap(), b"a");
    files.replace(&at("b"), &at("b")).unwrap();
    // A link that is replaced does not lead to what it names.
    put(files, &at("n"), b"n");
    files.replace(&at("n"), &at("l")).unwrap();
    assert_eq!(files.link_attributes(&at("l")).unwrap().file_type_bits(), Some(Attributes::REGULAR));
    files.replace(&at("d"), &at("e")).unwrap();
    files.create_directory(&at("e/sub"), &Attributes::default()).unwrap();
    assert!(files.replace(&at("e"), &at("e/sub/e")).is_err());
    assert!(files.replace(&at("b"), &at("e")).is_err());
    assert!(files.replace(&at("e"), &at("b")).is_err());
    assert_eq!(names(files, &at("")), [b"b".to_vec(), b"e".to_vec(), b"l".to_vec()]);
}

fn directories_come_and_go<S: Filesystem>(files: &S, at: &dyn Fn(&str) -> Vec<u8>) {
    let default = Attributes::default();
    files.create_directory(&at("d"), &default).unwrap();
    files.create_directory(&at("d/e/"), &default).unwrap();
    assert_eq!(files.create_directory(&at("d"), &default), Err(Failure::exists()));
    assert_eq!(files.create_directory(&at("x/y"), &default), Err(Failure::no_such_file()));
    for name in [&b"plain"[..], b"with space", b"new\nline", b"\x1b[31m", b"not \xff utf-8", b"-rf", b"\\"] {
        put(files, &[&at("d/")[..], name].concat(), name);
    }
    assert_eq!(names(files, &at("d")).len(), 8);
    assert_eq!(get(files, &[&at("d/")[..], b"not \xff utf-8"].concat()).unwrap(), b"not \xff utf-8");
    assert_eq!(files.remove_directory(&at("d")).unwrap_err().code, StatusCode::FAILURE);
    assert!(files.remove(&at("d/e")).is_err());
    assert!(files.remove_directory(&at("d/plain")).is_err());
    files.remove_directory(&at("d/e")).unwrap();
    files.remove(&at("d/plain")).unwrap();
    assert_eq!(files.remove(&at("d/plain")), Err(Failure::no_such_file()));
    // covers: F11
    for len in [1, 100, 255] {
        put(files, &at(&"n".repeat(len)), b"");
    }
    assert!(files.open(&at(&"n".repeat(256)), NEW, &default).is_err());
}

fn links_are_followed_where_they_should_be<S: Filesystem>(files: &S, at: &dyn Fn(&str) -> Vec<u8>) {
    put(files, &at("f"), b"text");
    files.create_directory(&at("d"), &Attributes::default()).unwrap();
    files.create_symbolic_link(b"../f", &at("d/up")).unwrap();
    files.create_symbolic_link(&at("d"), &at("abs")).unwrap();
    files.create_symbolic_link(b"nowhere", &at("broken")).unwrap();
    assert_eq!(files.create_symbolic_link(b"x", &at("broken")), Err(Failure::exists()));
    assert_eq!(get(files, &at("abs/up")).unwrap(), b"text");
    assert_eq!(files.read_link(&at("d/up")).unwrap(), b"../f");
    assert!(files.read_link(&at("f")).is_err());
    assert_eq!(files.attributes(&at("abs/up")).unwrap().size, Some(4));
    let link = files.link_attributes(&at("d/up")).unwrap();
    assert_eq!((link.size, link.file_type_bits()), (Some(4), Some(Attributes::SYMLINK)));
    assert_eq!(files.attributes(&at("broken")), Err(Failure::no_such_file()));
    assert_eq!(files.canonicalize(&at("abs/../abs/./up")).unwrap(), at("f"));
    assert_eq!(files.canonicalize(&at("d/new")).unwrap(), at("d/new"));
    assert!(files.canonicalize(&at("no/new")).is_err());
    files.set_attributes(&at("abs/up"), &Attributes::with_permissions(0o600)).unwrap();
    assert_eq!(files.attributes(&at("f")).unwrap().permissions, Some(0o100_600));
    // Creating through a link that leads nowhere creates what it names.
    put(files, &at("broken"), b"made");
    assert_eq!(get(files, &at("nowhere")).unwrap(), b"made");
    let times = Some(Times { accessed: 5, modified: 6 });
    files.set_link_attributes(&at("broken"), &Attributes { times, ..Attributes::default() }).unwrap();
    assert_eq!(files.link_attributes(&at("broken")).unwrap().times, times);
    assert_ne!(files.attributes(&at("nowhere")).unwrap().times, times);
    files.create_symbolic_link(b"loop", &at("loop")).unwrap();
    assert_eq!(files.attributes(&at("loop")).unwrap_err().code, StatusCode::NO_SUCH_FILE);
    files.create_hard_link(&at("f"), &at("hard")).unwrap();
    assert_eq!(files.create_hard_link(&at("f"), &at("hard")), Err(Failure::exists()));
    put(files, &at("hard"), b"both");
    assert_eq!(get(files, &at("f")).unwrap(), b"both");
    files.remove(&at("f")).unwrap();
    assert_eq!(get(files, &at("hard")).unwrap(), b"both");
}

// covers: F12
fn copying_is_bounded<S: Filesystem>(files: &S, at: &dyn Fn(&str) -> Vec<u8>) {
    let content: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
    put(files, &at("from"), &content);
    let both = OpenFlags::READ | OpenFlags::WRITE | OpenFlags::CREAT;
    let open = |name: &str| files.open(&at(name), both, &Attributes::default()).unwrap();
    let (from, to) = (open("from"), open("to"));
    let none = Cancellation::default();
    files.copy(&from, 0, 0, &to, 0, &none).unwrap();
    assert_eq!(get(files, &at("to")).unwrap(), content);
    files.copy(&from, 10, 20, &to, 300_000, &none).unwrap();
    assert_eq!(get(files, &at("to")).unwrap()[300_000..], content[10..30]);
    // More than there is copies what there is.
    files.copy(&from, 299_990, 1 << 63, &to, 0, &none).unwrap();
    assert_eq!(get(files, &at("to")).unwrap()[..10], content[299_990..]);
    files.copy(&from, 1 << 63, 0, &to, 0, &none).unwrap();
    files.create_hard_link(&at("from"), &at("same")).unwrap();
    let same = open("same");
    for (offset, length, target) in [(0, 0, 0), (0, 0, 299_999), (0, 100, 99), (100, 100, 1)] {
        assert!(
            files.copy(&from, offset, length, &same, target, &none).is_err(),
            "{offset} {length} {target}"
        );
    }
    let append = OpenFlags::WRITE | OpenFlags::APPEND;
    let end = files.open(&at("same"), append, &Attributes::default()).unwrap();
    assert!(files.copy(&from, 0, 0, &end, 0, &none).is_err());
    assert_eq!(files.attributes(&at("from")).unwrap().size, Some(300_000));
    files.copy(&from, 0, 100, &same, 300_000, &none).unwrap();
    assert_eq!(files.attributes(&at("from")).unwrap().size, Some(300_100));
    let cancelled = Cancellation::default();
    cancelled.cancel();
    assert!(files.copy(&from, 0, 0, &to, 0, &cancelled).is_err());
}

// covers: F01
fn what_is_no_path_is_refused<S: Filesystem>(files: &S, at: &dyn Fn(&str) -> Vec<u8>) {
    let default = Attributes::default();
    for bad in [&at("nul\0x")[..], &[&at("")[..], &b"/x".repeat(5000)].concat()] {
        assert!(files.open(bad, NEW, &default).is_err());
        assert!(files.attributes(bad).is_err());
        assert!(files.create_directory(bad, &default).is_err());
        assert!(files.rename(bad, &at("x")).is_err());
        assert!(files.canonicalize(bad).is_err());
        assert!(files.create_symbolic_link(b"a\0b", &at("x")).is_err());
    }
    files.create_directory(&at("d"), &default).unwrap();
    for itself in ["d/.", "d/..", "."] {
        assert!(files.remove_directory(&at(itself)).is_err());
        assert!(files.rename(&at(itself), &at("x")).is_err());
        assert!(files.create_directory(&at(itself), &default).is_err());
        assert!(files.attributes(&at(itself)).is_ok());
        assert!(files.link_attributes(&at(itself)).is_ok());
    }
    assert_eq!(names(files, &at("")), [b"d".to_vec()]);
}

on_each!(files_hold_what_is_written_in_each, files_hold_what_is_written);
on_each!(appending_ignores_the_offset_in_each, appending_ignores_the_offset);
on_each!(opening_obeys_its_flags_in_each, opening_obeys_its_flags);
on_each!(renaming_replaces_only_when_told_in_each, renaming_replaces_only_when_told);
on_each!(directories_come_and_go_in_each, directories_come_and_go);
on_each!(links_are_followed_where_they_should_be_in_each, links_are_followed_where_they_should_be);
on_each!(copying_is_bounded_in_each, copying_is_bounded);
on_each!(what_is_no_path_is_refused_in_each, what_is_no_path_is_refused);
