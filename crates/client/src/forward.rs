//! Forwarding: from here through the server, and from the server to here.

use crate::error::Error;
use crate::link::Link;
use crate::remote_targets::{Arrived, RemoteTarget};
use crate::task::Task;
use crate::tunnel::Tunnel;
use konko_transport::channel::ChannelKind;
use konko_transport::wire::encode::Encode;
use konko_transport::wire::message::global::{
    CancelStreamlocalForward, CancelTcpipForward, StreamlocalForward, TcpipForward, TcpipForwardReply,
};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// How much is copied at once, each way.
const COPY_BUFFER: usize = 64 * 1024;
/// How long accepting rests after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Copies between two streams until both have ended. The end of one direction is passed on and leaves the other
/// one open. Returns the bytes from `a` to `b`, and from `b` to `a`.
///
/// # Errors
///
/// The first error of either stream; both are to be dropped then.
pub async fn copy_both_ways(
    a: &mut (impl AsyncRead + AsyncWrite + Unpin),
    b: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> io::Result<(u64, u64)> {
    tokio::io::copy_bidirectional_with_sizes(a, b, COPY_BUFFER, COPY_BUFFER).await
}

/// Listens here and forwards each connection through the server. It ends when it is dropped, and so do the
/// connections.
#[derive(Debug)]
pub struct LocalForward {
    address: SocketAddr,
    task: Task,
}

impl LocalForward {
    pub(crate) async fn bind(
        link: Arc<Link>,
        listen: SocketAddr,
        host: &str,
        port: u16,
    ) -> Result<Self, Error> {
        let local = |error| Error::Local { what: "cannot listen for connections to forward", error };
        let listener = TcpListener::bind(listen).await.map_err(local)?;
        let address = listener.local_addr().map_err(local)?;
        let task = Task::spawn(accept(listener, link, host.to_owned(), port));
        Ok(Self { address, task })
    }

    /// The address that is listened on, with the port that the operating system chose if 0 was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it has ended, which it does with the connection.
    pub async fn finished(&mut self) {
        self.task.finished().await;
    }
}

async fn accept(listener: TcpListener, link: Arc<Link>, host: String, port: u16) {
    // All connections end with the set, and the set with this task.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            _ = link.connection.closed() => return,
        };
        match accepted {
            Ok((mut stream, originator)) => {
                let (link, host) = (Arc::clone(&link), host.clone());
                connections.spawn(async move {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY");
                    }
                    match open_direct_tcpip(&link, &host, port, Some(originator)).await {
                        Ok(mut tunnel) => {
                            if let Err(error) = copy_both_ways(&mut stream, &mut tunnel).await {
                                tracing::debug!(%error, %originator, "a forwarded connection was cut");
                            }
                        }
                        Err(error) => tracing::warn!(%error, %originator, "a connection was not forwarded"),
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection to forward");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A channel to a port that the server reaches, for whoever connected to us (RFC 4254 §7.2).
pub(crate) fn direct_tcpip(host: &str, port: u16, originator: Option<SocketAddr>) -> ChannelKind {
    let (originator_address, originator_port) = match originator {
        Some(address) => (address.ip().to_string(), u32::from(address.port())),
        None => ("127.0.0.1".to_owned(), 0),
    };
    ChannelKind::DirectTcpip { host: host.to_owned(), port, originator_address, originator_port }
}

pub(crate) async fn open_direct_tcpip(
    link: &Arc<Link>,
    host: &str,
    port: u16,
    originator: Option<SocketAddr>,
) -> Result<Tunnel, Error> {
    Ok(Tunnel::new(link.open(direct_tcpip(host, port, originator)).await?, Arc::clone(link)))
}

/// Somebody connected to what the server forwards to us.
#[derive(Debug)]
#[non_exhaustive]
pub struct Incoming {
    /// The stream to it.
    pub tunnel: Tunnel,
    /// Who connected, as the server says: its address and port. Nothing for Unix sockets.
    pub originator: Option<(String, u32)>,
}

/// Something that the server listens on for us. It stops when this is dropped; connections that were fetched live
/// on.
#[derive(Debug)]
pub struct RemoteForward {
    link: Arc<Link>,
    target: RemoteTarget,
    id: u64,
    arrived: mpsc::Receiver<Arrived>,
    granted: bool,
}

impl RemoteForward {
    pub(crate) async fn ask(link: Arc<Link>, target: RemoteTarget) -> Result<Self, Error> {
        // Connections may come before the answer does, so they are expected before it is asked for.
        let Some((id, arrived)) = link.targets.expect(target.clone()) else {
            return Err(Error::ForwardExists(target.to_string()));
        };
        let mut forward = Self { link, target, id, arrived, granted: false };
        forward.request().await?;
        Ok(forward)
    }

    async fn request(&mut self) -> Result<(), Error> {
        let (name, body) = match &self.target {
            RemoteTarget::Tcp { address, port } => {
                let body = TcpipForward { address: address.as_bytes(), port: u32::from(*port) };
                (TcpipForward::NAME, body.to_vec())
            }
            RemoteTarget::Streamlocal { path } => {
                (StreamlocalForward::NAME, StreamlocalForward { socket_path: path }.to_vec())
            }
        };
        let asked = self.link.connection.global_request(name, &body, self.link.timeouts.request).await;
        let Some(reply) = asked.map_err(|error| self.link.error(error))? else {
            return Err(Error::ForwardRefused(self.target.to_string()));
        };
        self.granted = true;
        if let RemoteTarget::Tcp { port: port @ 0, .. } = &mut self.target {
            // RFC 4254 §7.1: the port is told "if it was 0 in the request".
            let chosen =
                TcpipForwardReply::decode(&reply).ok().and_then(|reply| u16::try_from(reply.port).ok());
            let Some(chosen) = chosen.filter(|chosen| *chosen != 0) else {
                return Err(Error::ForwardRefused(
                    "port 0, for which the server did not tell the port".to_owned(),
                ));
            };
            *port = chosen;
            self.link.targets.port_chosen(self.id, chosen, &self.link.connection);
        }
        Ok(())
    }

    /// The port that the server listens on; 0 for a Unix socket.
    pub const fn port(&self) -> u16 {
        match self.target {
            RemoteTarget::Tcp { port, .. } => port,
            RemoteTarget::Streamlocal { .. } => 0,
        }
    }

    /// The next connection; `None` when the connection to the server has ended. Cancel-safe.
    pub async fn accept(&mut self) -> Option<Incoming> {
        let arrived = tokio::select! {
            biased;
            arrived = self.arrived.recv() => arrived?,
            _ = self.link.connection.closed() => return None,
        };
        Some(Incoming {
            tunnel: Tunnel::new(arrived.channel, Arc::clone(&self.link)),
            originator: arrived.originator,
        })
    }

    /// Asks the server to stop, and waits for its answer.
    ///
    /// # Errors
    ///
    /// [`Error::ForwardRefused`] if it does not know of it, [`Error::NoAnswer`], or what ended the connection.
    pub async fn cancel(mut self) -> Result<(), Error> {
        self.granted = false;
        let (name, body) = self.cancellation();
        let asked = self.link.connection.global_request(name, &body, self.link.timeouts.request).await;
        match asked.map_err(|error| self.link.error(error))? {
            Some(_) => Ok(()),
            None => Err(Error::ForwardRefused(self.target.to_string())),
        }
    }

    fn cancellation(&self) -> (&'static str, Vec<u8>) {
        match &self.target {
            RemoteTarget::Tcp { address, port } => {
                let body = CancelTcpipForward { address: address.as_bytes(), port: u32::from(*port) };
                (CancelTcpipForward::NAME, body.to_vec())
            }
            RemoteTarget::Streamlocal { path } => {
                (CancelStreamlocalForward::NAME, CancelStreamlocalForward { socket_path: path }.to_vec())
            }
        }
    }
}

impl Drop for RemoteForward {
    fn drop(&mut self) {
        self.link.targets.forget(self.id, &self.link.connection);
        if self.granted {
            let (name, body) = self.cancellation();
            let asked =
                self.link.connection.with(|transport, _| transport.global_request(name, &body, false));
            if let Err(error) = asked {
                tracing::debug!(%error, "a forwarding ends with its connection");
            }
        }
    }
}
