//! A server that lies: about names, about sizes, about how deep its directories are.

use konko_client::sftp::{
    Attributes, Error, GlobOptions, Sftp, SftpError, SftpOptions, TransferOptions, WalkOptions,
};
use konko_filesystem::local_tree::NameRule;
use konko_sftp::message::initialization::Version;
use konko_sftp::message::number::StatusCode;
use konko_sftp::message::packet::{Packet, put_packet};
use konko_sftp::message::reply::{Attrs, Data, Handle, Name, NameEntry, Status};
use konko_sftp::message::request::{Close, Fstat, Lstat, Open, Opendir, Read, Readdir, Stat, Write};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};

const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_644;

/// What the server says.
#[derive(Clone)]
struct Lies {
    /// In every directory: names and modes.
    listing: Vec<(Vec<u8>, u32)>,
    /// The size of every file, as it says.
    said: u64,
    /// What every file holds.
    content: Vec<u8>,
}

fn mode(name: &[u8]) -> u32 {
    let directory = name == b"/" || name.ends_with(b"d");
    if directory { DIRECTORY } else { FILE }
}

fn answer(lies: &Lies, listed: &mut Vec<Vec<u8>>, packet: Packet<'_>, out: &mut Vec<u8>) {
    let attributes = |path: &[u8]| Attrs {
        attributes: Attributes {
            size: Some(lies.said),
            permissions: Some(mode(path)),
            ..Attributes::default()
        },
    };
    let id = packet.id;
    let mut status = |code| {
        put_packet(out, Status::TYPE, id, &Status { code, message: b"\x1b[31mno", language_tag: b"" });
    };
    match packet.packet_type {
        Open::TYPE => put_packet(out, Handle::TYPE, id, &Handle { handle: b"file" }),
        Opendir::TYPE => {
            let handle = format!("dir {id}").into_bytes();
            put_packet(out, Handle::TYPE, id, &Handle { handle: &handle });
        }
        Readdir::TYPE => {
            let handle = Readdir::decode(packet.fields).unwrap().handle.to_vec();
            if listed.contains(&handle) {
                status(StatusCode::EOF);
                return;
            }
            listed.push(handle);
            let entries = lies.listing.iter().map(|(name, mode)| NameEntry {
                filename: name,
                longname: b"",
                attributes: Attributes {
                    size: Some(lies.said),
                    permissions: Some(*mode),
                    ..Attributes::default()
                },
            });
            put_packet(out, Name::TYPE, id, &Name { entries: entries.collect() });
        }
        Stat::TYPE => {
            let attributes = attributes(Stat::decode(packet.fields).unwrap().path);
            put_packet(out, Attrs::TYPE, id, &attributes);
        }
        Lstat::TYPE => {
            let attributes = attributes(Lstat::decode(packet.fields).unwrap().path);
            put_packet(out, Attrs::TYPE, id, &attributes);
        }
        Fstat::TYPE => put_packet(out, Attrs::TYPE, id, &attributes(b"f")),
        Read::TYPE => {
            let read = Read::decode(packet.fields).unwrap();
            let from = usize::try_from(read.offset).unwrap().min(lies.content.len());
            let to = lies.content.len().min(from + read.length as usize);
            if from == to {
                status(StatusCode::EOF);
            } else {
                put_packet(out, Data::TYPE, id, &Data { data: &lies.content[from..to] });
            }
        }
        Close::TYPE => status(StatusCode::OK),
        _ => status(StatusCode::PERMISSION_DENIED),
    }
}

fn serve(mut stream: UnixStream, lies: &Lies) -> std::io::Result<()> {
    let mut listed = Vec::new();
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut bytes)?;
        let mut out = Vec::new();
        if bytes.first() == Some(&1) {
            konko_wire_encode(&Version { version: 3, extensions: Vec::new() }, &mut out);
        } else {
            answer(lies, &mut listed, Packet::split(&bytes).unwrap(), &mut out);
        }
        stream.write_all(&out)?;
    }
}

fn konko_wire_encode(message: &impl konko_client::transport::wire::encode::Encode, out: &mut Vec<u8>) {
    message.encode(out);
}

async fn session(lies: Lies) -> Sftp {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    std::thread::spawn(move || serve(theirs, &lies));
    let stream = tokio::net::UnixStream::from_std(ours).unwrap();
    Sftp::over(stream, SftpOptions::default()).await.unwrap()
}

fn lies(names: &[&[u8]]) -> Lies {
    let listing = names.iter().map(|name| (name.to_vec(), mode(name))).collect();
    Lies { listing, said: 4, content: b"evil".to_vec() }
}

/// Everything below a directory.
fn everything(root: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                directories.push(path.clone());
            }
            found.push(path.strip_prefix(root).unwrap().to_owned());
        }
    }
    found.sort();
    found
}

// covers: G01
#[tokio::test]
async fn no_name_leads_outside() {
    let long = [b'x'; 300];
    let names: [&[u8]; 9] = [b"/etc/x", b"a/b", b"../x", b"", b"a\0b", &long, b"sub/../../x", b"/", b"x/"];
    for name in names {
        let outer = tempfile::tempdir().unwrap();
        std::fs::create_dir(outer.path().join("target")).unwrap();
        std::fs::write(outer.path().join("x"), "canary").unwrap();
        let sftp = session(lies(&[b"fine", name])).await;
        let got = sftp.get_tree("/", outer.path().join("target"), &TransferOptions::default()).await;
        assert!(got.is_err(), "{name:?}");
        assert_eq!(std::fs::read(outer.path().join("x")).unwrap(), b"canary");
        let left = everything(outer.path());
        assert!(
            left.iter().all(|path| ["target", "target/fine", "x"].contains(&path.to_str().unwrap())),
            "{left:?}"
        );
    }
    // `.` and `..` are in every listing, and mean nothing.
    let target = tempfile::tempdir().unwrap();
    let sftp = session(lies(&[b".", b"..", b"fine"])).await;
    let got = sftp.get_tree("/", target.path(), &TransferOptions::default()).await.unwrap();
    assert_eq!(got.files, 1);
    assert_eq!(everything(target.path()), [Path::new("fine")]);
}

// covers: G01
#[tokio::test]
async fn a_name_comes_once() {
    let target = tempfile::tempdir().unwrap();
    let sftp = session(lies(&[b"twice", b"twice"])).await;
    assert!(sftp.get_tree("/", target.path(), &TransferOptions::default()).await.is_err());
    for name in [&b"CON"[..], b"a:b", b"a\\b", b"dot.", b"\xff", b"a\x1b"] {
        let target = tempfile::tempdir().unwrap();
        let sftp = session(lies(&[name])).await;
        let mut options = TransferOptions::default();
        options.names = NameRule::Portable;
        assert!(sftp.get_tree("/", target.path(), &options).await.is_err(), "{name:?}");
        assert!(everything(target.path()).is_empty());
    }
}

// covers: G13
#[tokio::test]
async fn directories_without_end_end() {
    let sftp = session(lies(&[b"d"])).await;
    let target = tempfile::tempdir().unwrap();
    let error = sftp.get_tree("/", target.path(), &TransferOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("64"), "{error}");
    let mut walk = sftp.walk("/", WalkOptions::default()).await.unwrap();
    let error = loop {
        match walk.next_entry().await {
            Ok(entry) => assert!(entry.is_some()),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::TooDeep { limit: 64, .. }), "{error}");
    assert!(matches!(sftp.remove_dir_all("/").await, Err(Error::TooDeep { .. })));
}

// covers: G03
#[tokio::test]
async fn sizes_are_not_believed() {
    let target = tempfile::tempdir().unwrap();
    let at = target.path().join("f");
    for (said, len) in [(1 << 40, 10), (10, 9), (100_000, 99_999)] {
        std::fs::write(&at, "old").unwrap();
        let sftp = session(Lies { listing: Vec::new(), said, content: vec![7; len] }).await;
        let error = sftp.get("f", &at, &TransferOptions::default()).await.unwrap_err();
        assert!(matches!(error, Error::Shrunk { .. }), "{error}");
        assert_eq!(std::fs::read(&at).unwrap(), b"old");
    }
    // More than it says is the new end of a file that grows.
    for (said, len) in [(0, 100_000), (10, 100_000), (40_000, 40_001)] {
        let sftp = session(Lies { listing: Vec::new(), said, content: vec![7; len] }).await;
        sftp.get("f", &at, &TransferOptions::default()).await.unwrap();
        assert_eq!(std::fs::metadata(&at).unwrap().len(), len as u64);
    }
}

// covers: G14
#[tokio::test]
async fn words_of_the_server_reach_nobody_s_terminal() {
    let sftp = session(lies(&[])).await;
    let error = sftp.remove_file("a\x1b[2J").await.unwrap_err();
    assert!(!error.to_string().contains('\x1b'), "{error:?}");
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&told);
    let mut options = TransferOptions::default();
    options.progress = Some(Arc::new(move |progress| seen.lock().unwrap().push(progress.path.to_string())));
    let target = tempfile::tempdir().unwrap();
    let sftp = session(lies(&[b"a\x1b\xe2\x80\xaeb"])).await;
    sftp.get_tree("/", target.path(), &options).await.unwrap();
    let told = told.lock().unwrap();
    assert!(!told.is_empty() && told.iter().all(|path| path == "/a\\u{1b}\\u{202e}b"), "{told:?}");
}

// covers: G06
#[tokio::test]
async fn a_shell_that_talks_is_named() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    theirs.write_all(b"Welcome to the machine\n").unwrap();
    let stream = tokio::net::UnixStream::from_std(ours).unwrap();
    let error = Sftp::over(stream, SftpOptions::default()).await.unwrap_err();
    assert!(
        matches!(&error, Error::Sftp(SftpError::ShellOutput(text)) if text.starts_with("Welcome")),
        "{error}"
    );
}

/// A server that fails whenever another request waits behind the one it looks at.
fn serve_one_by_one(mut stream: UnixStream, file: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    let mut received = Vec::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        received.extend_from_slice(&buffer[..n]);
        while let Some((length, rest)) = received.split_first_chunk::<4>()
            && let Some(bytes) = rest.get(..u32::from_be_bytes(*length) as usize)
        {
            let (bytes, end) = (bytes.to_vec(), 4 + bytes.len());
            received.drain(..end);
            let mut out = Vec::new();
            if bytes[0] == 1 {
                konko_wire_encode(&Version { version: 3, extensions: Vec::new() }, &mut out);
            } else {
                let packet = Packet::split(&bytes).unwrap();
                let mut code = StatusCode::OK;
                match packet.packet_type {
                    Open::TYPE => put_packet(&mut out, Handle::TYPE, packet.id, &Handle { handle: b"f" }),
                    Lstat::TYPE => code = StatusCode::NO_SUCH_FILE,
                    Write::TYPE if !received.is_empty() => code = StatusCode::FAILURE,
                    Write::TYPE => {
                        let write = Write::decode(packet.fields).unwrap();
                        let (from, mut file) = (write.offset as usize, file.lock().unwrap());
                        let to = from + write.data.len();
                        let len = file.len().max(to);
                        file.resize(len, 0);
                        file[from..to].copy_from_slice(write.data);
                    }
                    _ => {}
                }
                if out.is_empty() {
                    let status = Status { code, message: b"", language_tag: b"" };
                    put_packet(&mut out, Status::TYPE, packet.id, &status);
                }
            }
            stream.write_all(&out)?;
        }
    }
}

#[tokio::test]
async fn a_server_that_fails_on_several_writes_gets_one_at_a_time() {
    let file = Arc::new(Mutex::new(Vec::new()));
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let kept = Arc::clone(&file);
    std::thread::spawn(move || serve_one_by_one(theirs, &kept));
    let stream = tokio::net::UnixStream::from_std(ours).unwrap();
    let sftp = Sftp::over(stream, SftpOptions::default()).await.unwrap();
    let local = tempfile::tempdir().unwrap();
    let data: Vec<u8> = (0..700_001).map(|i| (i % 251) as u8).collect();
    std::fs::write(local.path().join("source"), &data).unwrap();
    sftp.put(local.path().join("source"), "f", &TransferOptions::default()).await.unwrap();
    assert!(*file.lock().unwrap() == data);
}

// covers: G09
#[tokio::test]
async fn a_server_that_changes_nothing_refuses_and_nothing_is_left() {
    let sftp = session(lies(&[])).await;
    let local = tempfile::tempdir().unwrap();
    std::fs::write(local.path().join("source"), "text").unwrap();
    // It opens files, and refuses to write to them.
    let error = sftp.put(local.path().join("source"), "f", &TransferOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    assert_eq!(error.status(), Some(StatusCode::PERMISSION_DENIED));
    assert!(sftp.create_dir("d").await.is_err());
    assert!(sftp.rename("a", "b").await.is_err());
    // The session goes on.
    assert!(sftp.metadata("/").await.unwrap().is_dir());
}

/// A server that says its version and nothing more.
fn silent() -> UnixStream {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(&[0, 0, 0, 5, 2, 0, 0, 0, 3]).unwrap();
    std::thread::spawn(move || {
        let mut nowhere = Vec::new();
        theirs.read_to_end(&mut nowhere)
    });
    ours
}

#[tokio::test]
async fn a_request_that_is_never_answered_ends() {
    let request_timeout = Some(std::time::Duration::from_millis(50));
    let options = SftpOptions { request_timeout, ..SftpOptions::default() };
    let ours = silent();
    ours.set_nonblocking(true).unwrap();
    let stream = tokio::net::UnixStream::from_std(ours).unwrap();
    let sftp = Sftp::over(stream, options).await.unwrap();
    assert_eq!(sftp.metadata("f").await.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn a_request_that_is_never_answered_ends_without_a_runtime() {
    let request_timeout = Some(std::time::Duration::from_millis(50));
    let options = SftpOptions { request_timeout, ..SftpOptions::default() };
    let ours = silent();
    let reader = ours.try_clone().unwrap();
    let sftp = konko_client::blocking::sftp::Sftp::over(reader, ours, options).unwrap();
    assert_eq!(sftp.metadata("f").unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}

// covers: F13
#[tokio::test]
async fn patterns_do_not_grow_without_end() {
    let mut options = GlobOptions::default();
    options.maximum_entries = 5_000;
    options.maximum_matches = 2_000;
    // Each level and its way back multiply what is found.
    let sftp = session(lies(&[b"1d", b"2d", b"3d", b"4d"])).await;
    let back_and_forth = "*/../".repeat(30) + "*";
    let error = sftp.glob(format!("/{back_and_forth}"), &options).await.unwrap_err();
    assert!(matches!(error, Error::TooMany { .. }), "{error}");
    let deeper = "*/".repeat(30) + "*";
    assert!(matches!(sftp.glob(format!("/{deeper}"), &options).await, Err(Error::TooMany { .. })));
    assert_eq!(sftp.glob("/*/*", &options).await.unwrap().len(), 16);

    // One directory with too much in it.
    let names: Vec<Vec<u8>> = (0..2_500).map(|number| format!("{number}").into_bytes()).collect();
    let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    let sftp = session(lies(&names)).await;
    assert!(matches!(sftp.glob("/*", &options).await, Err(Error::TooMany { limit: 2_000 })));
    assert_eq!(sftp.glob("/12*", &options).await.unwrap().len(), 111);
    options.maximum_entries = 2_400;
    assert!(matches!(sftp.glob("/12*", &options).await, Err(Error::TooMany { limit: 2_400 })));
}
