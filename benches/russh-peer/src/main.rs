//! russh as a peer of the benchmarks, in a workspace of its own because its dependencies cannot share a lock
//! file with konko's. It speaks the little command set that every peer of the benchmarks speaks.

mod files;
mod serving;

use russh::keys::{Algorithm, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::server::{Auth, Msg, Server as _, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelMsg, Disconnect, Preferred, client, server};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    // A task as those of a server are, on a thread of the runtime: as for every peer of the benchmarks.
    tokio::spawn(command(std::env::args().skip(1).collect())).await?
}

async fn command(arguments: Vec<String>) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["server"] => serve().await,
        ["client", address, cipher, kex, action @ ..] => run(address, cipher, kex, action).await,
        _ => Err("usage: russh-peer server | client ADDRESS CIPHER KEX ACTION...".into()),
    }
}

fn preferred(cipher: &str, kex: &str) -> Result<Preferred, Failure> {
    // The MAC that every peer of the benchmarks uses.
    let mac = Cow::Borrowed([russh::mac::HMAC_SHA256_ETM].as_slice());
    let mut preferred = Preferred { mac, ..Preferred::default() };
    if cipher != "default" {
        let name = russh::cipher::Name::try_from(cipher).map_err(|()| "unknown cipher")?;
        preferred.cipher = Cow::Owned(vec![name]);
    }
    if kex != "default" {
        let name = russh::kex::Name::try_from(kex).map_err(|()| "unknown kex")?;
        preferred.kex = Cow::Owned(vec![name]);
    }
    Ok(preferred)
}

struct Peer;

impl server::Server for Peer {
    type Handler = Handler;
    fn new_client(&mut self, _: Option<std::net::SocketAddr>) -> Handler {
        Handler { channels: HashMap::new() }
    }
}

struct Handler {
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl server::Handler for Handler {
    type Error = russh::Error;

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: server::ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn auth_publickey(&mut self, _: &str, _: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let command = String::from_utf8_lossy(command).into_owned();
        let _ = session.channel_success(id);
        if let Some(channel) = self.channels.remove(&id) {
            tokio::spawn(async move {
                let _ = answer(channel, &command).await;
            });
        }
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        match self.channels.remove(&id) {
            Some(channel) if name == "sftp" => {
                session.channel_success(id)?;
                russh_sftp::server::run(channel.into_stream(), serving::Files::default()).await;
            }
            _ => session.channel_failure(id)?,
        }
        Ok(())
    }
}

async fn answer(mut channel: Channel<Msg>, command: &str) -> Result<(), Failure> {
    match command.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["zeros", bytes] => {
            let mut left: u64 = bytes.parse()?;
            let zeros = bytes::Bytes::from(vec![0u8; 256 * 1024]);
            while left > 0 {
                let n = left.min(zeros.len() as u64);
                channel.data_bytes(zeros.slice(..n as usize)).await?;
                left -= n;
            }
        }
        ["sink"] => {
            while let Some(message) = channel.wait().await {
                if matches!(message, ChannelMsg::Eof) {
                    break;
                }
            }
        }
        ["echo"] => {
            while let Some(message) = channel.wait().await {
                match message {
                    ChannelMsg::Data { data } => channel.data_bytes(data).await?,
                    ChannelMsg::Eof => break,
                    _ => {}
                }
            }
        }
        _ => {}
    }
    channel.exit_status(0).await?;
    channel.eof().await?;
    channel.close().await?;
    Ok(())
}

async fn serve() -> Result<(), Failure> {
    let key = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519)?;
    let mut preferred = Preferred::default();
    let mut ciphers = vec![russh::cipher::AES_128_GCM];
    ciphers.extend(preferred.cipher.iter().copied());
    preferred.cipher = Cow::Owned(ciphers);
    let config = server::Config {
        keys: vec![key],
        preferred,
        nodelay: true,
        auth_rejection_time_initial: Some(std::time::Duration::ZERO),
        ..Default::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening {}", listener.local_addr()?);
    Peer.run_on_socket(Arc::new(config), &listener).await?;
    Ok(())
}

struct Anyone;

impl client::Handler for Anyone {
    type Error = russh::Error;
    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

async fn login(address: &str, cipher: &str, kex: &str) -> Result<client::Handle<Anyone>, Failure> {
    let config = client::Config { nodelay: true, preferred: preferred(cipher, kex)?, ..Default::default() };
    let mut session = client::connect(Arc::new(config), address, Anyone).await?;
    let key = match std::env::var("BENCH_KEY") {
        Ok(path) => russh::keys::load_secret_key(path, None)?,
        Err(_) => PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519)?,
    };
    let user = std::env::var("BENCH_USER").unwrap_or_else(|_| "root".into());
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
    if !session.authenticate_publickey(user, key).await?.success() {
        return Err("the key was refused".into());
    }
    Ok(session)
}

async fn run(address: &str, cipher: &str, kex: &str, action: &[&str]) -> Result<(), Failure> {
    let (seconds, what) = match action {
        ["down", bytes, command @ ..] => {
            let session = login(address, cipher, kex).await?;
            (down(&session, bytes.parse()?, &command.join(" ")).await?, "transfer")
        }
        ["up", bytes, command @ ..] => {
            let session = login(address, cipher, kex).await?;
            (up(&session, bytes.parse()?, &command.join(" ")).await?, "transfer")
        }
        [action, source, target] if action.starts_with("sftp-") => {
            let session = login(address, cipher, kex).await?;
            let channel = session.channel_open_session().await?;
            (files::run(channel, action, source, target).await?.as_secs_f64(), "transfer")
        }
        ["echo", count] => (echo(&login(address, cipher, kex).await?, count.parse()?).await?, "echo"),
        ["logins", count, parallel] => {
            (logins(address, cipher, kex, count.parse()?, parallel.parse()?).await?, "logins")
        }
        ["idle", count] => {
            let mut sessions = Vec::new();
            for _ in 0..count.parse::<u64>()? {
                sessions.push(login(address, cipher, kex).await?);
            }
            println!("ready");
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            return Ok(());
        }
        _ => return Err("unknown action".into()),
    };
    println!("{what} {seconds} {}", peak());
    Ok(())
}

async fn down(session: &client::Handle<Anyone>, bytes: u64, command: &str) -> Result<f64, Failure> {
    let begin = Instant::now();
    let mut channel = session.channel_open_session().await?;
    channel.exec(true, command).await?;
    let mut got = 0u64;
    while let Some(message) = channel.wait().await {
        if let ChannelMsg::Data { data } = message {
            got += data.len() as u64;
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    session.disconnect(Disconnect::ByApplication, "", "").await?;
    if got == bytes { Ok(seconds) } else { Err(format!("{got} bytes came").into()) }
}

async fn up(session: &client::Handle<Anyone>, bytes: u64, command: &str) -> Result<f64, Failure> {
    let begin = Instant::now();
    let mut channel = session.channel_open_session().await?;
    channel.exec(true, command).await?;
    let mut left = bytes;
    let zeros = bytes::Bytes::from(vec![0u8; 256 * 1024]);
    while left > 0 {
        let n = left.min(zeros.len() as u64);
        channel.data_bytes(zeros.slice(..n as usize)).await?;
        left -= n;
    }
    channel.eof().await?;
    while let Some(message) = channel.wait().await {
        if matches!(message, ChannelMsg::ExitStatus { .. } | ChannelMsg::Close) {
            break;
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    session.disconnect(Disconnect::ByApplication, "", "").await?;
    Ok(seconds)
}

async fn echo(session: &client::Handle<Anyone>, count: u64) -> Result<f64, Failure> {
    let channel = session.channel_open_session().await?;
    channel.exec(true, "echo").await?;
    let mut stream = channel.into_stream();
    let mut byte = [0u8; 1];
    let begin = Instant::now();
    for _ in 0..count {
        stream.write_all(&byte).await?;
        stream.flush().await?;
        stream.read_exact(&mut byte).await?;
    }
    Ok(begin.elapsed().as_secs_f64())
}

async fn logins(address: &str, cipher: &str, kex: &str, count: u64, parallel: u64) -> Result<f64, Failure> {
    let begin = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..parallel {
        let (address, cipher, kex) = (address.to_owned(), cipher.to_owned(), kex.to_owned());
        tasks.spawn(async move {
            for _ in (worker..count).step_by(parallel as usize) {
                let session = login(&address, &cipher, &kex).await?;
                let mut channel = session.channel_open_session().await?;
                channel.exec(true, "true").await?;
                while channel.wait().await.is_some() {}
                session.disconnect(Disconnect::ByApplication, "", "").await?;
            }
            Ok::<(), Failure>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(begin.elapsed().as_secs_f64())
}

/// The largest resident memory of this process so far, in KiB.
fn peak() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
