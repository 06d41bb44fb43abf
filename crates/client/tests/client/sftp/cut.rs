//! The connection is cut at every message of a transfer.

use super::servers::content;
use konko_client::sftp::{Sftp, SftpOptions, TransferOptions};
use konko_filesystem::memory::filesystem::MemoryFilesystem;
use konko_sftp::server::cancellation::Cancellation;
use konko_sftp::server::filesystem::Filesystem;
use konko_sftp::server::machine::SftpServer;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

/// Answers `budget` requests, then is gone.
fn serve<S: Filesystem>(mut stream: UnixStream, files: &S, mut budget: usize) {
    let mut server: SftpServer<S::File, S::Directory> = SftpServer::new(Default::default());
    let mut buffer = vec![0; 16 * 1024];
    loop {
        while let Ok(Some(question)) = server.next_question() {
            if budget == 0 {
                // What was answered before may have arrived.
                let _ = stream.write_all(server.output());
                return;
            }
            budget -= 1;
            if let Some(slow) = server.serve(question, files) {
                let answer = slow.perform(files, &Cancellation::default());
                server.answer_slow(answer);
            }
        }
        if stream.write_all(server.output()).is_err() {
            return;
        }
        server.consume_output(server.output().len());
        if server.wants_input() {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(n) => server.handle_input(bytes::Bytes::copy_from_slice(&buffer[..n])),
            }
        }
    }
}

async fn session(files: &MemoryFilesystem, budget: usize) -> Result<Sftp, konko_client::sftp::Error> {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let files = files.clone();
    std::thread::spawn(move || serve(theirs, &files, budget));
    Sftp::over(tokio::net::UnixStream::from_std(ours).unwrap(), SftpOptions::default()).await
}

// covers: G09, G15
#[tokio::test]
async fn a_put_leaves_the_old_file_or_the_new_one_and_is_resumed() {
    let data = content(1_500_000);
    let local = tempfile::tempdir().unwrap();
    let source = local.path().join("source");
    std::fs::write(&source, &data).unwrap();
    let mut cuts = 0;
    let mut resumed = 0;
    for budget in 0.. {
        let files = MemoryFilesystem::new(100_000_000);
        files.put_file("/f", "old").unwrap();
        let mut options = TransferOptions::default();
        options.keep_partial = true;
        options.resume = true;
        let put = match session(&files, budget).await {
            Ok(sftp) => sftp.put(&source, "/f", &options).await,
            Err(error) => Err(error),
        };
        let there = files.file("/f").unwrap();
        assert!(
            there == b"old" || there == data,
            "a cut after {budget} requests leaves {} bytes",
            there.len()
        );
        if put.is_ok() {
            assert!(there == data);
            break;
        }
        cuts += 1;
        let sftp = session(&files, usize::MAX).await.unwrap();
        resumed += sftp.put(&source, "/f", &options).await.unwrap().resumed;
        assert!(files.file("/f").unwrap() == data);
    }
    assert!(cuts > 8, "{cuts} places to cut at");
    assert!(resumed > 1_000_000, "parts are of use");
}

// covers: G09, G15
#[tokio::test]
async fn a_get_leaves_the_old_file_or_the_new_one_and_is_resumed() {
    let data = content(1_500_000);
    let (mut cuts, mut resumed) = (0, 0);
    for budget in 0.. {
        let files = MemoryFilesystem::new(100_000_000);
        files.put_file("/f", data.clone()).unwrap();
        let local = tempfile::tempdir().unwrap();
        let target = local.path().join("target");
        std::fs::write(&target, "old").unwrap();
        let mut options = TransferOptions::default();
        options.keep_partial = true;
        options.resume = true;
        let got = match session(&files, budget).await {
            Ok(sftp) => sftp.get("/f", &target, &options).await,
            Err(error) => Err(error),
        };
        let there = std::fs::read(&target).unwrap();
        assert!(
            there == b"old" || there == data,
            "a cut after {budget} requests leaves {} bytes",
            there.len()
        );
        if got.is_ok() {
            assert!(there == data);
            break;
        }
        cuts += 1;
        let sftp = session(&files, usize::MAX).await.unwrap();
        resumed += sftp.get("/f", &target, &options).await.unwrap().resumed;
        assert!(std::fs::read(&target).unwrap() == data);
        assert_eq!(std::fs::read_dir(local.path()).unwrap().count(), 1);
    }
    assert!(cuts > 6, "{cuts} places to cut at");
    assert!(resumed > 1_000_000, "parts are of use");
}
