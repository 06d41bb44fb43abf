//! Two connections of this process that speak with each other.

use crate::channel::Channel;
use crate::connection::Connection;
use crate::link::{Link, Readiness, Stream};
use konko_transport::channel::{ChannelKind, OpenOptions};
use konko_transport::crypto::random::SystemRandom;
use konko_transport::keys::private_key::{KeyKind, PrivateKey};
use konko_transport::userauth::Method;
use konko_transport::userauth::event::ServerAuthEvent;
use konko_transport::userauth::method_name::MethodName;
use konko_transport::{Client, ClientConfig, ClientEvent, Event, Server, ServerConfig, ServerEvent};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// More than anything here takes, so that what hangs is told from what is slow.
pub(super) const PATIENCE: Option<Duration> = Some(Duration::from_secs(120));

pub(super) fn server_config() -> ServerConfig {
    let key = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key");
    let mut config = ServerConfig::new(vec![key.into()]);
    config.auth.methods = vec![MethodName::Password];
    config
}

/// Lets the client in, on both sides.
pub(super) fn log_in(client: &Connection<Client>, server: &Connection<Server>) {
    client
        .with(|transport, now| {
            transport.authenticate("user", Method::Password("secret".to_owned().into()), now)
        })
        .expect("an authentication may begin");
    loop {
        match client.next_event(PATIENCE).expect("in time") {
            Some(ClientEvent::HostKey(question)) => {
                client.with(|transport, now| transport.accept_host_key(question, now)).expect("accepted");
                break;
            }
            Some(_) => {}
            None => panic!("{:?}", client.error()),
        }
    }
    loop {
        match server.next_event(PATIENCE).expect("in time") {
            Some(ServerEvent::Auth(ServerAuthEvent::Attempt(attempt))) => {
                server.with(|transport, _| transport.accept_auth(attempt)).expect("accepted");
                break;
            }
            Some(_) => {}
            None => panic!("{:?}", server.error()),
        }
    }
    loop {
        match client.next_event(PATIENCE).expect("in time") {
            Some(ClientEvent::Common(Event::Authenticated)) => return,
            Some(_) => {}
            None => panic!("{:?}", client.error()),
        }
    }
}

/// Two authenticated ends on these streams.
pub(super) fn connected_on(
    one: impl Stream,
    other: impl Stream,
    client: ClientConfig,
    server: ServerConfig,
) -> (Connection<Client>, Connection<Server>) {
    let server = Connection::server(other, Arc::new(server)).expect("a server");
    let client = Connection::client(one, Arc::new(client)).expect("a client");
    log_in(&client, &server);
    (client, server)
}

/// Two authenticated ends on a pair of sockets.
pub(super) fn connected() -> (Connection<Client>, Connection<Server>) {
    let (one, other) = UnixStream::pair().expect("a pair");
    connected_on(one, other, ClientConfig::default(), server_config())
}

/// Waits until the peer wants a channel, and opens it.
pub(super) fn accept(server: &Connection<Server>) -> Channel {
    loop {
        match server.next_event(PATIENCE).expect("in time") {
            Some(ServerEvent::Common(Event::OpenRequested(question))) => {
                return server.accept_channel(question);
            }
            Some(_) => {}
            None => panic!("{:?}", server.error()),
        }
    }
}

/// A new channel, by both its ends.
pub(super) fn open(client: &Connection<Client>, server: &Connection<Server>) -> (Channel, Channel) {
    std::thread::scope(|scope| {
        let accepting = scope.spawn(|| accept(server));
        let opened = client.open_channel(ChannelKind::Session, OpenOptions::default(), PATIENCE);
        let ends = (opened.expect("opened"), accepting.join().expect("accepted"));
        ends.0.set_timeout(PATIENCE);
        ends.1.set_timeout(PATIENCE);
        ends
    })
}

/// The bytes at some place of a stream that repeats only after a while.
fn pattern(position: usize, into: &mut [u8]) {
    for (index, byte) in into.iter_mut().enumerate() {
        let position = position + index;
        *byte = (position ^ (position >> 8) ^ (position >> 16)) as u8;
    }
}

/// Writes `len` bytes in pieces of changing size.
pub(super) fn write_pattern(mut to: impl Write, len: usize) -> io::Result<()> {
    let mut piece = vec![0; 200_000];
    let (mut position, mut size) = (0, 1);
    while position < len {
        let n = size.min(len - position);
        pattern(position, &mut piece[..n]);
        to.write_all(&piece[..n])?;
        position += n;
        size = size * 7 % 199_999 + 1;
    }
    to.flush()
}

/// Reads `len` bytes by `size` at most, which must be those that were written.
pub(super) fn read_pattern(mut from: impl Read, len: usize, size: usize) -> io::Result<()> {
    let (mut piece, mut expected) = (vec![0; size], vec![0; size]);
    let mut position = 0;
    while position < len {
        let room = size.min(len - position);
        let n = from.read(&mut piece[..room])?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        pattern(position, &mut expected[..n]);
        assert!(piece[..n] == expected[..n], "other bytes than were sent, at {position}");
        position += n;
    }
    Ok(())
}

/// What a [`Watched`] stream was last asked to wait for.
#[derive(Debug, Default)]
pub(super) struct Watch {
    last: Mutex<Option<(Readiness, Option<Instant>)>>,
    changed: Condvar,
}

impl Watch {
    /// Waits until the driver waits like this.
    pub(super) fn until(&self, accepted: impl Fn(Readiness, Option<Instant>) -> bool) -> bool {
        let last = self.last.lock().expect("not poisoned");
        let waited = self.changed.wait_timeout_while(last, PATIENCE.expect("some"), |last| {
            !last.is_some_and(|(wanted, until)| accepted(wanted, until))
        });
        !waited.expect("not poisoned").1.timed_out()
    }
}

/// A stream that tells what the driver does with it.
pub(super) struct Watched {
    stream: UnixStream,
    watch: Arc<Watch>,
    gone: Sender<()>,
}

impl Watched {
    /// The stream, its watch, and what hears when the last part of the driver has let it go.
    pub(super) fn new(stream: UnixStream) -> (Self, Arc<Watch>, Receiver<()>) {
        let (gone, hears) = channel();
        let watch = Arc::new(Watch::default());
        (Self { stream, watch: Arc::clone(&watch), gone }, watch, hears)
    }
}

struct WatchedLink {
    link: Arc<dyn Link>,
    watch: Arc<Watch>,
    gone: Sender<()>,
}

impl Stream for Watched {
    fn into_link(self) -> io::Result<Arc<dyn Link>> {
        Ok(Arc::new(WatchedLink { link: self.stream.into_link()?, watch: self.watch, gone: self.gone }))
    }
}

impl Link for WatchedLink {
    fn wait(&self, wanted: Readiness, until: Option<Instant>) -> io::Result<Readiness> {
        *self.watch.last.lock().expect("not poisoned") = Some((wanted, until));
        self.watch.changed.notify_all();
        self.link.wait(wanted, until)
    }

    fn wake(&self) {
        self.link.wake();
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.link.try_read(buffer)
    }

    fn try_write(&self, data: &[u8]) -> io::Result<usize> {
        self.link.try_write(data)
    }

    fn shutdown_write(&self) {
        self.link.shutdown_write();
    }

    fn close(&self) {
        self.link.close();
    }
}

impl Drop for WatchedLink {
    fn drop(&mut self) {
        // Who does not listen does not care.
        let _ = self.gone.send(());
    }
}
