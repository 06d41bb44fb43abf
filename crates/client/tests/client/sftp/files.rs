//! Sessions and files.

use super::servers::{Kind, content, server};
use konko_client::sftp::{Error, OpenOptions, RemotePath, StatusCode, WalkOptions};
use std::io::SeekFrom;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

async fn files_are_written_and_read_back(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let Some((sftp, _server)) = server(kind, directory.path()).await else { return };
    for len in [0, 1, 32_767, 32_768, 32_769, 3_000_000] {
        let data = content(len);
        sftp.write("whole", &data).await.unwrap();
        assert!(std::fs::read(directory.path().join("whole")).unwrap() == data);
        assert!(sftp.read("whole").await.unwrap() == data);
        // As a stream, in pieces of all sizes.
        let mut file = sftp.create("stream").await.unwrap();
        for (index, piece) in data.chunks(70_001).enumerate() {
            if index % 2 == 0 {
                file.write_all(piece).await.unwrap();
            } else {
                for small in piece.chunks(1000) {
                    file.write_all(small).await.unwrap();
                }
            }
        }
        file.shutdown().await.unwrap();
        assert!(std::fs::read(directory.path().join("stream")).unwrap() == data);
        let mut file = sftp.open("stream").await.unwrap();
        let mut got = Vec::new();
        file.read_to_end(&mut got).await.unwrap();
        assert!(got == data);
        file.close().await.unwrap();
    }
}

async fn a_file_has_a_position(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let Some((sftp, _server)) = server(kind, directory.path()).await else { return };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    let mut file = sftp.open_with("f", &options).await.unwrap();
    file.write_all(b"hello world").await.unwrap();
    assert_eq!(file.seek(SeekFrom::End(-5)).await.unwrap(), 6);
    let mut word = String::new();
    file.read_to_string(&mut word).await.unwrap();
    assert_eq!(word, "world");
    assert_eq!(file.seek(SeekFrom::Start(0)).await.unwrap(), 0);
    file.write_all(b"J").await.unwrap();
    assert_eq!(file.seek(SeekFrom::Current(3)).await.unwrap(), 4);
    let mut two = [0; 2];
    file.read_exact(&mut two).await.unwrap();
    assert_eq!(&two, b"o ");
    assert!(file.seek(SeekFrom::Current(-100)).await.is_err());
    assert_eq!(file.read_at(1, 4).await.unwrap(), b"ello");
    let parts = file.read_ranges(&[(6, 5), (0, 1), (10, 100), (100, 1)]).await.unwrap();
    assert_eq!(parts, [&b"world"[..], b"J", b"d", b""]);
    file.write_at(6, b"there").await.unwrap();
    file.sync_all().await.unwrap();
    file.set_len(8).await.unwrap();
    assert_eq!(file.metadata().await.unwrap().len(), 8);
    assert_eq!(file.metadata().await.unwrap().permissions, Some(0o600));
    file.close().await.unwrap();
    assert_eq!(std::fs::read(directory.path().join("f")).unwrap(), b"Jello th");
    let error = sftp.open_with("f", &options).await.unwrap_err();
    assert!(matches!(error, Error::Sftp(_)), "{error}");

    let mut file = sftp.open_with("f", OpenOptions::new().append(true)).await.unwrap();
    file.write_all(b"!").await.unwrap();
    // Dropped, not closed: it is sent all the same.
    drop(file);
    assert_eq!(sftp.read("f").await.unwrap(), b"Jello th!");
}

async fn the_rest_of_the_calls(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let Some((sftp, _server)) = server(kind, directory.path()).await else { return };
    assert_eq!(sftp.version(), 3);
    assert!(sftp.limits().await.unwrap().read_length > 32_768);
    let root = sftp.canonicalize("").await.unwrap();
    assert_eq!(root, RemotePath::from(directory.path().canonicalize().unwrap()));

    sftp.create_dir_all("a/b/c").await.unwrap();
    sftp.create_dir_all("a/b/c").await.unwrap();
    sftp.write(b"a/b/c/\xff\xfe", b"bytes").await.unwrap();
    sftp.symlink("b/c", "a/link").await.unwrap();
    assert_eq!(sftp.read_link("a/link").await.unwrap(), RemotePath::from("b/c"));
    assert!(sftp.symlink_metadata("a/link").await.unwrap().is_symlink());
    assert!(sftp.metadata("a/link").await.unwrap().is_dir());
    sftp.hard_link(b"a/b/c/\xff\xfe", "a/hard").await.unwrap();
    assert_eq!(sftp.read("a/hard").await.unwrap(), b"bytes");
    sftp.set_permissions("a/hard", 0o640).await.unwrap();
    sftp.set_times("a/hard", 1000, 2000).await.unwrap();
    let metadata = sftp.metadata("a/hard").await.unwrap();
    assert_eq!(metadata.permissions, Some(0o640));
    assert_eq!(metadata.modified.unwrap().seconds, 2000);
    assert!(sftp.statvfs("a").await.unwrap().blocks > 0);
    let names = sftp.users_and_groups(&[0], &[0, 0xffff_fff0]).await.unwrap();
    assert_eq!((names.users, names.groups), (vec![b"root".to_vec()], vec![b"root".to_vec(), Vec::new()]));
    assert!(sftp.expand_path("~").await.unwrap().is_absolute());

    let mut found = Vec::new();
    let mut walk = sftp.walk("a", WalkOptions::default()).await.unwrap();
    while let Some(entry) = walk.next_entry().await.unwrap() {
        found.push(entry.path());
    }
    found.sort();
    let expected: Vec<RemotePath> =
        [&b"a/b"[..], b"a/b/c", b"a/b/c/\xff\xfe", b"a/hard", b"a/link"].map(RemotePath::from).into();
    assert_eq!(found, expected);
    let globbed = sftp.glob("*/[!b]*", &Default::default()).await.unwrap();
    assert_eq!(globbed, ["a/hard", "a/link"].map(RemotePath::from));
    assert_eq!(sftp.glob("a/*/c/", &Default::default()).await.unwrap(), [RemotePath::from("a/b/c")]);

    sftp.write("x", b"x").await.unwrap();
    assert!(sftp.rename_exclusive("x", "a/hard").await.is_err());
    sftp.rename("x", "a/hard").await.unwrap();
    assert_eq!(sftp.read("a/hard").await.unwrap(), b"x");
    sftp.remove_dir_all("a").await.unwrap();
    assert!(!sftp.try_exists("a").await.unwrap());
    let error = sftp.open("missing\x1b").await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::NO_SUCH_FILE));
    let text = "SSH_FXP_OPEN of \"missing\\u{1b}\": SSH_FX_NO_SUCH_FILE (No such file";
    assert!(error.to_string().starts_with(text), "{error}");
}

async fn many_tasks_share_a_session(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let Some((sftp, _server)) = server(kind, directory.path()).await else { return };
    let tasks: Vec<_> = (0..32)
        .map(|task| {
            let sftp = sftp.clone();
            tokio::spawn(async move {
                let (name, data) = (format!("file {task}"), content(task * 10_007));
                for _ in 0..5 {
                    sftp.write(&name, &data).await.unwrap();
                    assert_eq!(sftp.metadata(&name).await.unwrap().len(), data.len() as u64);
                    assert!(sftp.read(&name).await.unwrap() == data);
                    assert!(sftp.metadata("nowhere").await.is_err());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn the_end_of_the_server_is_told_to_everybody(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let Some((sftp, mut server)) = server(kind, directory.path()).await else { return };
    let mut file = sftp.create("f").await.unwrap();
    server.kill();
    assert!(file.write_all(&content(100_000)).await.is_ok() || file.flush().await.is_err());
    assert!(file.flush().await.is_err());
    assert!(sftp.metadata("f").await.is_err());
}

on_both! { files_are_written_and_read_back a_file_has_a_position the_rest_of_the_calls many_tasks_share_a_session the_end_of_the_server_is_told_to_everybody }
