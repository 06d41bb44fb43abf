//! konko as a peer of the benchmarks, both ends, with data made and dropped inside the process.

use bytes::Bytes;
use konko_tokio::{Channel, Connection};
use konko_transport::channel::config::OpenOptions;
use konko_transport::channel::event::ChannelEvent;
use konko_transport::channel::open::ChannelKind;
use konko_transport::channel::request::ChannelRequest;
use konko_transport::crypto::cipher::CIPHERS;
use konko_transport::crypto::kex::KEX_ALGORITHMS;
use konko_transport::crypto::mac::MACS;
use konko_transport::crypto::random::SystemRandom;
use konko_transport::keys::private_key::{KeyKind, PrivateKey};
use konko_transport::packet::{PacketConfig, select};
use konko_transport::userauth::{AttemptKind, ClientAuthEvent, Method, ServerAuthEvent};
use konko_transport::wire::encode::Encode;
use konko_transport::wire::message::channel::{Exec, ExitStatus};
use konko_transport::wire::number::DisconnectReason;
use konko_transport::{Client, ClientConfig, ClientEvent, Event, HostKey, Server, ServerConfig, ServerEvent};
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const PIECE: usize = 512 * 1024;
/// What every channel sends. One for all: a hundred of them would be measured with their memory.
static ZEROS: [u8; PIECE] = [0; PIECE];
/// The MAC of every peer of the benchmarks, where the cipher wants one.
const MAC: &str = "hmac-sha2-256-etm@openssh.com";

/// The peer's commands: `server`, or `client ADDRESS CIPHER KEX ACTION…`.
pub async fn run(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["server"] => serve().await,
        ["client", address, cipher, kex, action @ ..] => act(address, cipher, kex, action).await,
        _ => Err("usage: konko-bench peer server | client ADDRESS CIPHER KEX ACTION...".into()),
    }
}

async fn serve() -> Result<(), Failure> {
    let key = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom)?;
    let mut config = ServerConfig::new(vec![HostKey::from(key)]);
    config.packet = Arc::new(PacketConfig::server_default());
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (connection, driver) = Connection::server(stream, Arc::clone(&config));
        tokio::spawn(driver);
        tokio::spawn(attend(connection));
    }
}

async fn attend(connection: Connection<Server>) {
    while let Some(event) = connection.next_event().await {
        match event {
            ServerEvent::Auth(ServerAuthEvent::Attempt(attempt)) => {
                let public_key = matches!(
                    attempt.kind,
                    AttemptKind::PublicKey { .. } | AttemptKind::PublicKeyQuery { .. }
                );
                connection.with(|transport, now| {
                    if public_key {
                        transport.accept_auth(attempt)
                    } else {
                        transport.reject_auth(attempt, now, now)
                    }
                    .ok()
                });
            }
            ServerEvent::Common(Event::OpenRequested(question)) => {
                let channel = connection.accept_channel(question);
                tokio::spawn(async move { answer(channel).await.ok() });
            }
            ServerEvent::Common(Event::GlobalRequest(question)) => connection.answer_global(question, None),
            _ => {}
        }
    }
}

async fn answer(mut channel: Channel) -> Result<(), Failure> {
    while let Some(event) = channel.next_event().await {
        let ChannelEvent::Request(question) = event else { continue };
        let Ok(ChannelRequest::Exec(Exec { command })) = question.parse() else {
            channel.answer(question, false);
            continue;
        };
        let command = String::from_utf8_lossy(command).into_owned();
        channel.answer(question, true);
        match command.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["zeros", bytes] => send_zeros(&mut channel, bytes.parse()?).await?,
            ["sink"] => {
                let mut reader = channel.reader();
                while reader.read_chunk(PIECE).await?.is_some() {}
            }
            ["echo"] => {
                let mut byte = [0; 64];
                loop {
                    let n = channel.read(&mut byte).await?;
                    if n == 0 {
                        break;
                    }
                    channel.write_all(&byte[..n]).await?;
                }
            }
            _ => {}
        }
        channel.notify(ExitStatus::NAME, &ExitStatus { exit_status: 0 }.to_vec())?;
        channel.send_eof();
        channel.close();
        return Ok(());
    }
    Ok(())
}

async fn send_zeros(channel: &mut Channel, mut left: u64) -> Result<(), Failure> {
    while left > 0 {
        let n = left.min(PIECE as u64) as usize;
        channel.write_all(&ZEROS[..n]).await?;
        left -= n as u64;
    }
    Ok(())
}

fn client_config(cipher: &str, kex: &str) -> Result<Arc<ClientConfig>, Failure> {
    let mut packet = PacketConfig::default();
    if cipher != "default" {
        packet.algorithms = packet.algorithms.with_ciphers(select(&[], CIPHERS, cipher)?);
    }
    packet.algorithms = packet.algorithms.with_macs(select(&[], MACS, MAC)?);
    if kex != "default" {
        packet.algorithms.kex = select(&[], KEX_ALGORITHMS, kex)?;
    }
    let mut config = ClientConfig::default();
    config.packet = Arc::new(packet);
    Ok(Arc::new(config))
}

async fn login(
    address: &str,
    config: &Arc<ClientConfig>,
    key: &PrivateKey,
) -> Result<Connection<Client>, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (connection, driver) = Connection::client(stream, Arc::clone(config));
    tokio::spawn(driver);
    let user = std::env::var("BENCH_USER").unwrap_or_else(|_| "root".into());
    let algorithm = konko_transport::keys::signature_algorithm::by_name("ssh-ed25519").ok_or("no ed25519")?;
    let method = Method::PublicKey { key: key.public_key().clone(), algorithm, query_first: false };
    connection.with(|transport, now| transport.authenticate(&user, method, now))?;
    while let Some(event) = connection.next_event().await {
        match event {
            ClientEvent::HostKey(question) => {
                connection.with(|transport, now| transport.accept_host_key(question, now))?
            }
            ClientEvent::Auth(ClientAuthEvent::SignatureWanted(question)) => {
                let signature = key.sign(question.algorithm, &question.data)?;
                connection.with(|transport, now| transport.provide_signature(question, signature, now))?;
            }
            ClientEvent::Auth(ClientAuthEvent::Failure { .. }) => return Err("the key was refused".into()),
            ClientEvent::Common(Event::Authenticated) => return Ok(connection),
            _ => {}
        }
    }
    Err(connection.closed().await.into())
}

async fn exec(connection: &Connection<Client>, command: &str) -> Result<Channel, Failure> {
    let channel = connection.open_channel(ChannelKind::Session, OpenOptions::default(), None).await?;
    start(&channel, command).await?;
    Ok(channel)
}

async fn start(channel: &Channel, command: &str) -> Result<(), Failure> {
    if channel.request(Exec::NAME, &Exec { command: command.as_bytes() }.to_vec(), None).await? {
        Ok(())
    } else {
        Err("the command was refused".into())
    }
}

async fn act(address: &str, cipher: &str, kex: &str, action: &[&str]) -> Result<(), Failure> {
    let config = client_config(cipher, kex)?;
    let key = match std::env::var("BENCH_KEY") {
        Ok(path) => PrivateKey::from_openssh(&std::fs::read(path)?, None)?,
        Err(_) => PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom)?,
    };
    let (seconds, what) = match action {
        ["down", bytes, command @ ..] => (
            down(&login(address, &config, &key).await?, bytes.parse()?, &command.join(" ")).await?,
            "transfer",
        ),
        ["up", bytes, command @ ..] => {
            (up(&login(address, &config, &key).await?, bytes.parse()?, &command.join(" ")).await?, "transfer")
        }
        [action, source, target] if action.starts_with("sftp-") => {
            (crate::sftp_peer::run(address, config, action, source, target).await?, "transfer")
        }
        ["channels", count, bytes] => {
            let connection = login(address, &config, &key).await?;
            ready()?;
            (channels(&connection, count.parse()?, bytes.parse()?).await?, "transfer")
        }
        ["beside", count, bytes] => {
            let idle = idle(address, &config, &key, count.parse()?).await?;
            let connection = login(address, &config, &key).await?;
            ready()?;
            let seconds = down(&connection, bytes.parse()?, &format!("zeros {bytes}")).await?;
            drop(idle);
            (seconds, "transfer")
        }
        ["echo", count] => (echo(&login(address, &config, &key).await?, count.parse()?).await?, "echo"),
        ["logins", count, parallel] => {
            (logins(address, &config, &key, count.parse()?, parallel.parse()?).await?, "logins")
        }
        ["idle", count] => {
            let connections = idle(address, &config, &key, count.parse()?).await?;
            ready()?;
            drop(connections);
            return Ok(());
        }
        _ => return Err("unknown action".into()),
    };
    println!("{what} {seconds} {}", peak());
    Ok(())
}

async fn down(connection: &Connection<Client>, bytes: u64, command: &str) -> Result<f64, Failure> {
    let begin = Instant::now();
    let channel = exec(connection, command).await?;
    let (mut reader, mut got) = (channel.reader(), 0);
    while let Some(chunk) = reader.read_chunk(PIECE).await? {
        got += Bytes::len(&chunk) as u64;
    }
    let seconds = begin.elapsed().as_secs_f64();
    connection.disconnect(DisconnectReason::BY_APPLICATION, "done");
    if got == bytes { Ok(seconds) } else { Err(format!("{got} bytes came").into()) }
}

async fn up(connection: &Connection<Client>, bytes: u64, command: &str) -> Result<f64, Failure> {
    let begin = Instant::now();
    let mut channel = exec(connection, command).await?;
    send_zeros(&mut channel, bytes).await?;
    channel.send_eof();
    let (mut reader, mut rest) = (channel.reader(), Vec::new());
    reader.read_to_end(&mut rest).await?;
    let seconds = begin.elapsed().as_secs_f64();
    connection.disconnect(DisconnectReason::BY_APPLICATION, "done");
    Ok(seconds)
}

/// Says that what comes first is done, and waits until it may go on.
fn ready() -> Result<(), Failure> {
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// So many connections, logged in and left alone.
async fn idle(
    address: &str,
    config: &Arc<ClientConfig>,
    key: &PrivateKey,
    count: u64,
) -> Result<Vec<Connection<Client>>, Failure> {
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(login(address, config, key).await?);
    }
    Ok(connections)
}

/// Downloads `bytes` in all, through `count` channels of one connection at once. They are open when the time begins.
async fn channels(connection: &Connection<Client>, count: u64, bytes: u64) -> Result<f64, Failure> {
    let mut open = Vec::new();
    for _ in 0..count {
        open.push(connection.open_channel(ChannelKind::Session, OpenOptions::default(), None).await?);
    }
    let each = bytes / count;
    let begin = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for channel in open {
        tasks.spawn(async move {
            start(&channel, &format!("zeros {each}")).await?;
            let (mut reader, mut got) = (channel.reader(), 0);
            while let Some(chunk) = reader.read_chunk(PIECE).await? {
                got += Bytes::len(&chunk) as u64;
            }
            Ok::<u64, Failure>(got)
        });
    }
    let mut got = 0;
    while let Some(done) = tasks.join_next().await {
        got += done??;
    }
    let seconds = begin.elapsed().as_secs_f64();
    connection.disconnect(DisconnectReason::BY_APPLICATION, "done");
    if got == each * count { Ok(seconds) } else { Err(format!("{got} bytes came").into()) }
}

async fn echo(connection: &Connection<Client>, count: u64) -> Result<f64, Failure> {
    let mut channel = exec(connection, "echo").await?;
    let mut byte = [0u8; 1];
    let begin = Instant::now();
    for _ in 0..count {
        channel.write_all(&byte).await?;
        channel.read_exact(&mut byte).await?;
    }
    Ok(begin.elapsed().as_secs_f64())
}

async fn logins(
    address: &str,
    config: &Arc<ClientConfig>,
    key: &PrivateKey,
    count: u64,
    parallel: u64,
) -> Result<f64, Failure> {
    let begin = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..parallel {
        let (address, config, key) = (address.to_owned(), Arc::clone(config), key.clone());
        tasks.spawn(async move {
            for _ in (worker..count).step_by(parallel as usize) {
                let connection = login(&address, &config, &key).await?;
                let channel = exec(&connection, "true").await?;
                let (mut reader, mut rest) = (channel.reader(), Vec::new());
                reader.read_to_end(&mut rest).await?;
                connection.disconnect(DisconnectReason::BY_APPLICATION, "done");
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
