//! Two connections of this process that speak with each other.

use crate::channel::Channel;
use crate::connection::Connection;
use crate::driver::Driver;
use crate::shared::Io;
use konko_transport::channel::{ChannelKind, OpenOptions};
use konko_transport::crypto::random::SystemRandom;
use konko_transport::keys::private_key::{KeyKind, PrivateKey};
use konko_transport::userauth::Method;
use konko_transport::userauth::event::ServerAuthEvent;
use konko_transport::userauth::method_name::MethodName;
use konko_transport::{Client, ClientConfig, ClientEvent, Event, Server, ServerConfig, ServerEvent};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::runtime::Builder;
use tokio::task::JoinHandle;

pub(super) const MIB: usize = 1024 * 1024;
/// More than anything here takes, so that what hangs is told from what is slow.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a test whose clock stands while anything can be done, and jumps to the next deadline when nothing can: what
/// waits for ever fails at once.
pub(super) fn run<F: Future>(test: F) -> F::Output {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
    // There is all the time in the world.
    runtime.block_on(patiently(10 * PATIENCE, test))
}

/// Runs a test on several threads, by the system's clock.
pub(super) fn run_on_threads<F: Future>(test: F) -> F::Output {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime");
    runtime.block_on(patiently(PATIENCE, test))
}

async fn patiently<F: Future>(patience: Duration, test: F) -> F::Output {
    tokio::time::timeout(patience, test).await.expect("nothing hangs")
}

/// Polls once.
pub(super) async fn poll_once<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// Polls once, which must not be enough, and drops the future.
pub(super) async fn poll_and_drop<F: Future>(future: F) {
    assert!(poll_once(&mut Box::pin(future)).await.is_pending(), "nothing has happened yet");
}

/// Lets everything else happen that can happen by itself.
pub(super) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

pub(super) fn server_config() -> ServerConfig {
    let key = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key");
    let mut config = ServerConfig::new(vec![key.into()]);
    config.auth.methods = vec![MethodName::Password];
    config
}

/// Two ends and the tasks that drive them.
pub(super) struct Pair {
    pub(super) client: Connection<Client>,
    pub(super) server: Connection<Server>,
    pub(super) client_driver: JoinHandle<()>,
    pub(super) server_driver: JoinHandle<()>,
}

/// Lets the client in, on both sides.
async fn log_in(client: &Connection<Client>, server: &Connection<Server>) {
    begin_log_in(client).await;
    let attempt = loop {
        match server.next_event().await {
            Some(ServerEvent::Auth(ServerAuthEvent::Attempt(attempt))) => break attempt,
            Some(_) => {}
            None => panic!("{:?}", server.error()),
        }
    };
    server.with(|transport, _| transport.accept_auth(attempt)).expect("accepted");
    loop {
        match client.next_event().await {
            Some(ClientEvent::Common(Event::Authenticated)) => return,
            Some(_) => {}
            None => panic!("{:?}", client.error()),
        }
    }
}

/// Accepts the host key and asks to be let in.
pub(super) async fn begin_log_in(client: &Connection<Client>) {
    let method = Method::Password("secret".to_owned().into());
    client.with(|transport, now| transport.authenticate("user", method, now)).expect("it may begin");
    loop {
        match client.next_event().await {
            Some(ClientEvent::HostKey(question)) => {
                let accepted = client.with(|transport, now| transport.accept_host_key(question, now));
                return accepted.expect("accepted");
            }
            Some(_) => {}
            None => panic!("{:?}", client.error()),
        }
    }
}

/// Two ends on these streams, that have not spoken yet.
pub(super) fn strangers(
    one: impl Io,
    other: impl Io,
    client: ClientConfig,
    server: ServerConfig,
) -> (Connection<Client>, Driver<Client>, Connection<Server>, Driver<Server>) {
    let (server, server_driver) = Connection::server(other, Arc::new(server));
    let (client, client_driver) = Connection::client(one, Arc::new(client));
    (client, client_driver, server, server_driver)
}

/// Two authenticated ends on these streams.
pub(super) async fn connected_on(
    one: impl Io,
    other: impl Io,
    client: ClientConfig,
    server: ServerConfig,
) -> Pair {
    let (client, client_driver, server, server_driver) = strangers(one, other, client, server);
    let (client_driver, server_driver) = (tokio::spawn(client_driver), tokio::spawn(server_driver));
    log_in(&client, &server).await;
    Pair { client, server, client_driver, server_driver }
}

/// Two authenticated ends on a pipe in memory.
pub(super) async fn connected() -> Pair {
    let (one, other) = tokio::io::duplex(64 * 1024);
    connected_on(one, other, ClientConfig::default(), server_config()).await
}

/// Two connected sockets.
pub(super) async fn sockets() -> (tokio::net::TcpStream, tokio::net::TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (one, other) = tokio::join!(tokio::net::TcpStream::connect(address), listener.accept());
    (one.expect("connected"), other.expect("accepted").0)
}

/// Waits until the peer wants a channel, and opens it.
pub(super) async fn accept(server: &Connection<Server>) -> Channel {
    loop {
        match server.next_event().await {
            Some(ServerEvent::Common(Event::OpenRequested(question))) => {
                return server.accept_channel(question);
            }
            Some(_) => {}
            None => panic!("{:?}", server.error()),
        }
    }
}

impl Pair {
    /// A new channel, by both its ends.
    pub(super) async fn open(&self) -> (Channel, Channel) {
        let opening = self.client.open_channel(ChannelKind::Session, OpenOptions::default(), None);
        let (near, far) = tokio::join!(opening, accept(&self.server));
        (near.expect("opened"), far)
    }

    /// Carries a little both ways over a new channel: the connection can be used.
    pub(super) async fn check(&self) {
        let (mut near, mut far) = self.open().await;
        let (from, to) = (&mut near, &mut far);
        {
            from.write_all(b"ping").await.expect("written");
            let mut four = [0; 4];
            to.read_exact(&mut four).await.expect("read");
            assert_eq!(&four, b"ping");
            to.write_all(b"pong").await.expect("written");
            from.read_exact(&mut four).await.expect("read");
            assert_eq!(&four, b"pong");
        }
    }
}

/// The bytes at some place of a stream that repeats only after a while.
fn pattern(position: usize, into: &mut [u8]) {
    for (index, byte) in into.iter_mut().enumerate() {
        let position = position + index;
        *byte = (position ^ (position >> 8) ^ (position >> 16)) as u8;
    }
}

/// Writes `len` bytes in pieces of changing size.
pub(super) async fn write_pattern(mut to: impl AsyncWrite + Unpin, len: usize) -> io::Result<()> {
    let mut piece = vec![0; 200_000];
    let (mut position, mut size) = (0, 1);
    while position < len {
        let n = size.min(len - position);
        pattern(position, &mut piece[..n]);
        to.write_all(&piece[..n]).await?;
        position += n;
        size = size * 7 % 199_999 + 1;
    }
    to.flush().await
}

/// Checks bytes that were read against those that were written.
#[derive(Default)]
pub(super) struct Checker {
    pub(super) position: usize,
}

impl Checker {
    pub(super) fn check(&mut self, read: &[u8]) {
        let mut expected = vec![0; read.len()];
        pattern(self.position, &mut expected);
        assert!(read == expected, "other bytes than were sent, at {}", self.position);
        self.position += read.len();
    }
}

/// Reads `len` bytes by `size` at most, which must be those that were written.
pub(super) async fn read_pattern(
    mut from: impl AsyncRead + Unpin,
    len: usize,
    size: usize,
) -> io::Result<()> {
    let mut piece = vec![0; size];
    let mut checker = Checker::default();
    while checker.position < len {
        let room = size.min(len - checker.position);
        let n = from.read(&mut piece[..room]).await?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        checker.check(&piece[..n]);
    }
    Ok(())
}
