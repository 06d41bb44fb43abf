//! One file over SFTP with russh-sftp.

use crate::Failure;
use russh::Channel;
use russh::client::Msg;
use russh_sftp::client::SftpSession;
use std::time::{Duration, Instant};
use tokio::io::{AsyncWriteExt, BufReader};

/// Room for one piece between the file and the network.
const PIECE: usize = 256 * 1024;

/// Fetches `remote` to `local` and says how long it took.
pub async fn get(channel: Channel<Msg>, remote: &str, local: &str) -> Result<Duration, Failure> {
    let begin = Instant::now();
    let session = open(channel).await?;
    let mut from = BufReader::with_capacity(PIECE, session.open(remote).await?);
    let mut to = tokio::fs::File::create(local).await?;
    to.set_max_buf_size(PIECE);
    tokio::io::copy_buf(&mut from, &mut to).await?;
    to.flush().await?;
    session.close().await?;
    Ok(begin.elapsed())
}

/// Sends `local` to `remote` and says how long it took.
pub async fn put(channel: Channel<Msg>, local: &str, remote: &str) -> Result<Duration, Failure> {
    let begin = Instant::now();
    let session = open(channel).await?;
    let mut from = tokio::fs::File::open(local).await?;
    from.set_max_buf_size(PIECE);
    let mut from = BufReader::with_capacity(PIECE, from);
    let mut to = session.create(remote).await?;
    tokio::io::copy_buf(&mut from, &mut to).await?;
    to.shutdown().await?;
    session.close().await?;
    Ok(begin.elapsed())
}

async fn open(channel: Channel<Msg>) -> Result<SftpSession, Failure> {
    channel.request_subsystem(true, "sftp").await?;
    Ok(SftpSession::new(channel.into_stream()).await?)
}
