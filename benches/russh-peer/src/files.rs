//! Files over SFTP with russh-sftp, the client's end.

use crate::Failure;
use russh::Channel;
use russh::client::Msg;
use russh_sftp::client::SftpSession;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Room for one piece between the file and the network.
const PIECE: usize = 256 * 1024;
/// How many small files are under way at once.
const AT_ONCE: usize = 64;

/// Does `action` (`sftp-get`, `sftp-put`, their `-tree` forms, and `sftp-none`) and says how long it took.
pub async fn run(
    channel: Channel<Msg>,
    action: &str,
    source: &str,
    target: &str,
) -> Result<Duration, Failure> {
    let begin = Instant::now();
    channel.request_subsystem(true, "sftp").await?;
    let session = Arc::new(SftpSession::new(channel.into_stream()).await?);
    match action {
        "sftp-get" => get(&session, source, target).await?,
        "sftp-put" => put(&session, source, target).await?,
        "sftp-get-tree" => get_tree(&session, source, target).await?,
        "sftp-put-tree" => put_tree(&session, source, target).await?,
        "sftp-none" => {}
        _ => return Err("unknown action".into()),
    }
    session.close().await?;
    Ok(begin.elapsed())
}

async fn get(session: &SftpSession, remote: &str, local: &str) -> Result<(), Failure> {
    let mut from = BufReader::with_capacity(PIECE, session.open(remote).await?);
    let mut to = tokio::fs::File::create(local).await?;
    to.set_max_buf_size(PIECE);
    tokio::io::copy_buf(&mut from, &mut to).await?;
    to.flush().await?;
    Ok(())
}

async fn put(session: &SftpSession, local: &str, remote: &str) -> Result<(), Failure> {
    let mut from = tokio::fs::File::open(local).await?;
    from.set_max_buf_size(PIECE);
    let mut from = BufReader::with_capacity(PIECE, from);
    let mut to = session.create(remote).await?;
    tokio::io::copy_buf(&mut from, &mut to).await?;
    to.shutdown().await?;
    Ok(())
}

/// Many files at once; small ones are read and written whole, which takes no time worth a thread.
async fn get_tree(session: &Arc<SftpSession>, remote: &str, local: &str) -> Result<(), Failure> {
    let (mut folders, mut files) = (vec![(remote.to_owned(), PathBuf::from(local))], Vec::new());
    while let Some((from, to)) = folders.pop() {
        std::fs::create_dir_all(&to)?;
        for entry in session.read_dir(from.as_str()).await? {
            let name = entry.file_name();
            let pair = (format!("{from}/{name}"), to.join(&name));
            if entry.file_type().is_dir() { folders.push(pair) } else { files.push(pair) }
        }
    }
    let files = Arc::new(files);
    let mut tasks = JoinSet::new();
    for worker in 0..AT_ONCE {
        let (session, files) = (Arc::clone(session), Arc::clone(&files));
        tasks.spawn(async move {
            for (from, to) in files.iter().skip(worker).step_by(AT_ONCE) {
                let (mut file, mut data) = (session.open(from.as_str()).await?, Vec::new());
                file.read_to_end(&mut data).await?;
                file.close().await?;
                std::fs::write(to, data)?;
            }
            Ok::<(), Failure>(())
        });
    }
    finish(tasks).await
}

async fn put_tree(session: &Arc<SftpSession>, local: &str, remote: &str) -> Result<(), Failure> {
    let (mut folders, mut files) = (vec![(PathBuf::from(local), remote.to_owned())], Vec::new());
    while let Some((from, to)) = folders.pop() {
        session.create_dir(to.as_str()).await?;
        for entry in std::fs::read_dir(&from)? {
            let entry = entry?;
            let pair = (entry.path(), format!("{to}/{}", entry.file_name().to_string_lossy()));
            if Path::is_dir(&pair.0) { folders.push(pair) } else { files.push(pair) }
        }
    }
    let files = Arc::new(files);
    let mut tasks = JoinSet::new();
    for worker in 0..AT_ONCE {
        let (session, files) = (Arc::clone(session), Arc::clone(&files));
        tasks.spawn(async move {
            for (from, to) in files.iter().skip(worker).step_by(AT_ONCE) {
                let mut file = session.create(to.as_str()).await?;
                file.write_all(&std::fs::read(from)?).await?;
                file.close().await?;
            }
            Ok::<(), Failure>(())
        });
    }
    finish(tasks).await
}

async fn finish(mut tasks: JoinSet<Result<(), Failure>>) -> Result<(), Failure> {
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}
