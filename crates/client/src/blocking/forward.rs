//! Forwarding from here through the server, waiting.

use crate::blocking::link::{Link, spawn};
use crate::blocking::tunnel::Tunnel;
use crate::error::Error;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How many connections of one forwarding there may be at once; each has two threads.
const MAXIMUM_CONNECTIONS: usize = 256;
/// How much is copied at once, each way.
const COPY_BUFFER: usize = 64 * 1024;
/// How long accepting rests after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long it may take to reach our own listener, to tell it that it is over.
const KNOCK: Duration = Duration::from_secs(1);

/// Opens a tunnel for a connection that came from there.
type Open = dyn Fn(SocketAddr) -> Result<Tunnel, Error> + Send + Sync;

/// Listens here and forwards each connection through the server. It ends when it is dropped, and so do the connections;
/// after the end of the connection to the server it accepts nothing.
#[derive(Debug)]
pub struct LocalForward {
    shared: Arc<Shared>,
    _link: Arc<Link>,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ended: bool,
    next: u64,
    /// The two ends of each connection.
    connections: HashMap<u64, (TcpStream, Arc<Tunnel>)>,
    /// Connections that are accepted, whether they are open yet or not.
    accepted: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all connections, and the listener.
    fn end(&self) {
        let connections = {
            let mut state = self.lock();
            if state.ended {
                return;
            }
            state.ended = true;
            std::mem::take(&mut state.connections)
        };
        connections.values().for_each(|(stream, tunnel)| cut(stream, tunnel));
        // Whoever waits for a connection sees by one that it is over.
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        if let Err(error) = TcpStream::connect_timeout(&SocketAddr::new(ip, self.address.port()), KNOCK) {
            tracing::debug!(%error, "a listener is not told that it is over");
        }
    }
}

fn cut(stream: &TcpStream, tunnel: &Tunnel) {
    tunnel.close();
    if let Err(error) = stream.shutdown(Shutdown::Both) {
        tracing::trace!(%error, "a forwarded connection has ended already");
    }
}

impl LocalForward {
    pub(crate) fn bind(
        link: &Arc<Link>,
        listen: SocketAddr,
        open: impl Fn(SocketAddr) -> Result<Tunnel, Error> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let local = |error| Error::Local { what: "cannot listen for connections to forward", error };
        let listener = TcpListener::bind(listen).map_err(local)?;
        let address = listener.local_addr().map_err(local)?;
        let shared = Arc::new(Shared { address, state: Mutex::default() });
        let forward = Self { shared: Arc::clone(&shared), _link: Arc::clone(link) };
        let open: Arc<Open> = Arc::new(open);
        let connection = link.connection.clone();
        spawn("konko-forward", move || {
            accept(&listener, &shared, &open, || connection.with(|transport, _| transport.is_ended()));
        })?;
        Ok(forward)
    }

    /// The address that is listened on, with the port that the operating system chose if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }
}

impl Drop for LocalForward {
    fn drop(&mut self) {
        self.shared.end();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, open: &Arc<Open>, is_over: impl Fn() -> bool) {
    loop {
        let accepted = listener.accept();
        if is_over() {
            return;
        }
        {
            let mut state = shared.lock();
            if state.ended {
                return;
            }
            if accepted.is_ok() {
                if state.accepted == MAXIMUM_CONNECTIONS {
                    tracing::warn!("too many connections to forward; one is closed");
                    continue;
                }
                state.accepted += 1;
            }
        }
        let (stream, originator) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection to forward");
                thread::sleep(ACCEPT_PAUSE);
                continue;
            }
        };
        let (carrying, open) = (Arc::clone(shared), Arc::clone(open));
        let carried = spawn("konko-forwarded", move || {
            if let Err(error) = carry(stream, originator, &carrying, open.as_ref()) {
                tracing::warn!(%error, %originator, "a connection was not forwarded");
            }
            carrying.lock().accepted -= 1;
        });
        if let Err(error) = carried {
            tracing::warn!(%error, "a connection was not forwarded");
            shared.lock().accepted -= 1;
        }
    }
}

/// Opens a tunnel and copies both ways until both have ended.
fn carry(stream: TcpStream, originator: SocketAddr, shared: &Shared, open: &Open) -> Result<(), Error> {
    let local = |error| Error::Local { what: "cannot forward a connection", error };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let tunnel = Arc::new(open(originator)?);
    let place = {
        let mut state = shared.lock();
        if state.ended {
            return Ok(());
        }
        let kept = (stream.try_clone().map_err(local)?, Arc::clone(&tunnel));
        state.next += 1;
        let place = state.next;
        state.connections.insert(place, kept);
        place
    };
    let (there, back) = (&stream, tunnel.as_ref());
    let copied = thread::scope(|scope| {
        let upload =
            thread::Builder::new().name("konko-forwarded-up".to_owned()).spawn_scoped(scope, move || {
                let copied = copy(there, back).and_then(|()| back.send_eof());
                ended(copied, there, back);
            });
        if let Err(error) = upload {
            cut(there, back);
            return Err(local(error));
        }
        let copied = copy(back, there).and_then(|()| there.shutdown(Shutdown::Write));
        ended(copied, there, back);
        Ok(())
    });
    shared.lock().connections.remove(&place);
    copied
}

/// A direction that breaks off takes the other one with it.
fn ended(copied: io::Result<()>, stream: &TcpStream, tunnel: &Tunnel) {
    if let Err(error) = copied {
        tracing::debug!(%error, "a forwarded connection was cut");
        cut(stream, tunnel);
    }
}

fn copy(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut buffer = vec![0; COPY_BUFFER];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(len) => to.write_all(buffer.get(..len).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
