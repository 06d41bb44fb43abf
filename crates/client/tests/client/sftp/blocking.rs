//! The blocking face, over the pipes of our server in a thread.

use super::servers::{content, serve};
use konko_client::blocking::sftp::Sftp;
use konko_client::sftp::{DiskSync, Error, OpenOptions, SftpOptions, TransferOptions, WalkOptions};
use konko_filesystem::memory::filesystem::MemoryFilesystem;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

fn begin() -> Sftp {
    let (ours, theirs) = UnixStream::pair().unwrap();
    std::thread::spawn(move || serve(theirs, &MemoryFilesystem::new(100_000_000)));
    Sftp::over(ours.try_clone().unwrap(), Writer(ours), SftpOptions::default()).unwrap()
}

/// A socket has no end of its own for each direction.
struct Writer(UnixStream);

impl Write for Writer {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.0.write(data)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

#[test]
fn files_are_read_written_and_listed() {
    let sftp = begin();
    let data = content(3_000_000);
    let mut options = OpenOptions::new();
    let mut file = sftp.open_with("/f", options.read(true).write(true).create(true)).unwrap();
    file.write_all(&data).unwrap();
    assert_eq!(file.seek(SeekFrom::Start(1_000_000)).unwrap(), 1_000_000);
    let mut rest = Vec::new();
    file.read_to_end(&mut rest).unwrap();
    assert!(rest == data[1_000_000..]);
    assert_eq!(file.read_at(5, 7).unwrap(), data[5..12]);
    assert_eq!(file.metadata().unwrap().len(), 3_000_000);
    file.close().unwrap();
    // Dropped with something written: it is sent all the same.
    sftp.create("/g").unwrap().write_all(b"small").unwrap();
    assert_eq!(sftp.read("/g").unwrap(), b"small");
    sftp.create_dir_all("/a/b").unwrap();
    sftp.write("/a/b/c", b"x").unwrap();
    let mut names: Vec<_> =
        sftp.read_dir("/").unwrap().map(|entry| entry.unwrap().file_name().to_vec()).collect();
    names.sort();
    assert_eq!(names, [&b"a"[..], b"f", b"g"]);
    let walked: Result<Vec<_>, _> = sftp.walk("/", WalkOptions::default()).unwrap().collect();
    assert_eq!(walked.unwrap().len(), 5);
    assert!(matches!(sftp.open("/missing"), Err(Error::Sftp(_))));
}

#[test]
fn transfers_and_threads() {
    let sftp = begin();
    let local = tempfile::tempdir().unwrap();
    let mut options = TransferOptions::default();
    options.sync = DiskSync::Never;
    std::fs::create_dir(local.path().join("tree")).unwrap();
    for file in 0..100 {
        std::fs::write(local.path().join(format!("tree/{file}")), content(file * 1000)).unwrap();
    }
    let put = sftp.put_tree(local.path().join("tree"), "/tree", &options).unwrap();
    assert_eq!(put.files, 100);
    let got = sftp.get_tree("/tree", local.path().join("back"), &options).unwrap();
    assert_eq!((got.files, got.bytes), (100, put.bytes));
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let (sftp, options) = (sftp.clone(), options.clone());
            let (source, back) =
                (local.path().join(format!("s{thread}")), local.path().join(format!("b{thread}")));
            std::thread::spawn(move || {
                let data = content(2_000_000 + thread);
                std::fs::write(&source, &data).unwrap();
                sftp.put(&source, format!("/{thread}"), &options).unwrap();
                sftp.get(format!("/{thread}"), &back, &options).unwrap();
                assert!(std::fs::read(&back).unwrap() == data);
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    // A deadline without a runtime.
    options.maximum_rate = Some(2_000_000);
    options.total_timeout = Some(Duration::from_millis(200));
    let error = sftp.put(local.path().join("s1"), "/slow", &options).unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    sftp.end();
    assert!(sftp.metadata("/").is_err());
}
