//! Places where connections to forward are waited for: ports, and sockets in the file system.

use konko_config::{Endpoint, Keyword, Resolved};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

/// How many connections may wait to be accepted, as ssh(1) has it.
const BACKLOG: i32 = 128;

/// A connection, whatever it came by.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection to forward, and who made it where that is known.
pub(crate) type Accepted = (Box<dyn Stream>, Option<SocketAddr>);

/// A place where connections are waited for.
#[derive(Debug)]
pub(crate) enum Listener {
    /// The same port at one or more addresses.
    Tcp(Vec<TcpListener>),
    #[cfg(unix)]
    Socket {
        listener: tokio::net::UnixListener,
        /// Removed with the listener.
        _file: SocketFile,
    },
}

/// A socket in the file system, removed when this is dropped.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct SocketFile(std::path::PathBuf);

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(%error, path = %self.0.display(), "the socket is not removed");
        }
    }
}

/// The addresses that a forwarding listens on here.
fn addresses(host: Option<&str>, port: u16, config: &Resolved) -> io::Result<Vec<SocketAddr>> {
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let any = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let found: Vec<SocketAddr> = match host {
        None if config.flag(Keyword::GatewayPorts) => {
            any.map(|address| SocketAddr::new(address, port)).into()
        }
        None | Some("localhost") => loopback.map(|address| SocketAddr::new(address, port)).into(),
        Some("" | "*") => any.map(|address| SocketAddr::new(address, port)).into(),
        Some(host) => (host, port).to_socket_addrs()?.collect(),
    };
    let wanted = |address: &SocketAddr| match config.address_family() {
        konko_config::AddressFamily::Any => true,
        konko_config::AddressFamily::Inet => address.is_ipv4(),
        konko_config::AddressFamily::Inet6 => address.is_ipv6(),
    };
    Ok(found.into_iter().filter(wanted).collect())
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // IPv4 has a listener of its own.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(cfg!(unix))?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(unix)]
fn bind_socket(path: &Path, config: &Resolved) -> io::Result<Listener> {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    if config.flag(Keyword::StreamLocalBindUnlink)
        && std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
    {
        std::fs::remove_file(path)?;
    }
    let listener = tokio::net::UnixListener::bind(path)?;
    let _file = SocketFile(path.to_owned());
    let mode = 0o777 & !config.number(Keyword::StreamLocalBindMask);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(Listener::Socket { listener, _file })
}

#[cfg(not(unix))]
fn bind_socket(_: &Path, _: &Resolved) -> io::Result<Listener> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "sockets in the file system are not supported here"))
}

impl Listener {
    /// Waits for connections there. Of several addresses one has to be free.
    ///
    /// # Errors
    ///
    /// Why it cannot be listened there.
    pub(crate) fn bind(listen: &Endpoint, config: &Resolved) -> io::Result<Self> {
        let (host, port) = match listen {
            Endpoint::Tcp { host, port } => (host.as_deref(), *port),
            Endpoint::Socket(path) => return bind_socket(Path::new(path), config),
            _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "nothing to listen on")),
        };
        let mut listeners = Vec::new();
        let mut first_error = None;
        for address in addresses(host, port, config)? {
            match bind_tcp(address) {
                Ok(listener) => listeners.push(listener),
                Err(error) => {
                    tracing::debug!(%address, %error, "cannot listen");
                    first_error.get_or_insert(error);
                }
            }
        }
        if listeners.is_empty() {
            let none = || io::Error::new(io::ErrorKind::AddrNotAvailable, "there is no address to listen on");
            return Err(first_error.unwrap_or_else(none));
        }
        Ok(Self::Tcp(listeners))
    }

    /// The next connection. Cancel-safe.
    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listeners) => {
                let mut waiting: Vec<_> =
                    listeners.iter().map(|listener| Box::pin(listener.accept())).collect();
                let accepted = std::future::poll_fn(|cx| {
                    for accept in &mut waiting {
                        if let std::task::Poll::Ready(accepted) = Pin::new(accept).poll(cx) {
                            return std::task::Poll::Ready(accepted);
                        }
                    }
                    std::task::Poll::Pending
                });
                let (stream, originator) = accepted.await?;
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY");
                }
                Ok((Box::new(stream), Some(originator)))
            }
            #[cfg(unix)]
            Self::Socket { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(stream), None))
            }
        }
    }
}
