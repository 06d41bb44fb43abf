//! The ports and Unix sockets that one connection has forwarded (RFC 4254 §7.1; OpenSSH PROTOCOL 2.4). They are
//! listened on as long as this is held.

use crate::accept_error::pause_after;
use crate::forward::bind_address::{self, LOOPBACK};
use crate::forward::splice::splice;
use crate::handler::{ForwardStream, ListenDecision, SocketDecision};
use crate::limits::ServerLimits;
use konko_tokio::Connection;
use konko_transport::Server;
use konko_transport::channel::config::OpenOptions;
use konko_transport::channel::open::ChannelKind;
use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::collections::HashMap;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinHandle;

/// How long a client may take to accept a forwarded connection.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// How many connections may wait to be accepted on a Unix socket.
const BACKLOG: i32 = 128;

/// What is forwarded, as the client named it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Forwarded {
    Port(String, u16),
    Socket(PathBuf),
}

/// A task that ends with its owner.
#[derive(Debug)]
struct Listening(JoinHandle<()>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What one connection has forwarded.
pub(crate) struct ForwardListeners {
    connection: Connection<Server>,
    limits: Arc<ServerLimits>,
    listening: HashMap<Forwarded, Vec<Listening>>,
}

impl ForwardListeners {
    pub(crate) fn new(connection: Connection<Server>, limits: Arc<ServerLimits>) -> Self {
        Self { connection, limits, listening: HashMap::new() }
    }

    /// Forwards a port; returns which. `address` is kept as it is: it comes back with every connection.
    pub(crate) fn add_port(&mut self, address: &str, port: u16, decision: ListenDecision) -> io::Result<u16> {
        self.check_room()?;
        let requested = bind_address::addresses(address);
        let addresses = match decision {
            ListenDecision::Refuse => return Err(io::ErrorKind::PermissionDenied.into()),
            ListenDecision::AsRequested => requested,
            // One particular loopback address is as good as any.
            ListenDecision::Loopback
                if requested.iter().all(|ip| ip.is_loopback()) && !requested.is_empty() =>
            {
                requested
            }
            ListenDecision::Loopback => LOOPBACK.to_vec(),
        };
        if port != 0 && self.listening.contains_key(&Forwarded::Port(address.to_owned(), port)) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (port, listeners) = bind_address::listen(&addresses, port)?;
        let tasks = listeners
            .into_iter()
            .map(|listener| {
                let forward = accept_tcp(listener, self.connection.clone(), address.to_owned(), port);
                Listening(tokio::spawn(forward))
            })
            .collect();
        self.listening.insert(Forwarded::Port(address.to_owned(), port), tasks);
        Ok(port)
    }

    /// Ends the forwarding of a port; connections that are there already stay.
    pub(crate) fn remove_port(&mut self, address: &str, port: u16) -> bool {
        self.listening.remove(&Forwarded::Port(address.to_owned(), port)).is_some()
    }

    /// Forwards a Unix socket at a path that was checked.
    pub(crate) fn add_socket(&mut self, path: &Path, decision: SocketDecision) -> io::Result<()> {
        self.check_room()?;
        match decision {
            SocketDecision::Refuse => return Err(io::ErrorKind::PermissionDenied.into()),
            SocketDecision::Create => {}
            SocketDecision::Replace => remove_socket(path)?,
        }
        let (listener, file) = listen_on_path(path)?;
        let forward = accept_unix(listener, file, self.connection.clone());
        self.listening.insert(Forwarded::Socket(path.to_owned()), vec![Listening(tokio::spawn(forward))]);
        Ok(())
    }

    /// Ends the forwarding of a Unix socket and removes its file.
    pub(crate) fn remove_socket(&mut self, path: &Path) -> bool {
        self.listening.remove(&Forwarded::Socket(path.to_owned())).is_some()
    }

    fn check_room(&self) -> io::Result<()> {
        if self.listening.len() >= self.limits.maximum_forward_listeners {
            return Err(io::Error::other("as many ports are forwarded as may be"));
        }
        Ok(())
    }
}

async fn accept_tcp(listener: TcpListener, connection: Connection<Server>, address: String, port: u16) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY");
                }
                let kind = ChannelKind::ForwardedTcpip {
                    address: address.clone(),
                    port,
                    originator_address: peer.ip().to_canonical().to_string(),
                    originator_port: u32::from(peer.port()),
                };
                tokio::spawn(forward(connection.clone(), kind, stream));
            }
            Err(error) => pause_after(&error).await,
        }
    }
}

async fn accept_unix(listener: UnixListener, file: SocketFile, connection: Connection<Server>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                use std::os::unix::ffi::OsStrExt;
                let socket_path = file.path.as_os_str().as_bytes().to_vec();
                let kind = ChannelKind::ForwardedStreamlocal { socket_path };
                tokio::spawn(forward(connection.clone(), kind, stream));
            }
            Err(error) => pause_after(&error).await,
        }
    }
}

/// Offers one connection to the client. It ends with the channel, and so with the connection.
async fn forward(connection: Connection<Server>, kind: ChannelKind, stream: impl ForwardStream) {
    match connection.open_channel(kind, OpenOptions::default(), Some(OPEN_TIMEOUT)).await {
        Ok(channel) => {
            drop(connection);
            splice(channel, stream).await;
        }
        Err(error) => tracing::debug!(%error, "a forwarded connection was not taken"),
    }
}

/// The file of a socket that we made; it is removed with this, if it is still the same.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = std::fs::symlink_metadata(&self.path)
            .is_ok_and(|file| file.dev() == self.device && file.ino() == self.inode);
        if ours && let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "a forwarded socket stays behind");
        }
    }
}

/// Makes a socket that only its owner can connect to.
pub(crate) fn listen_on_path(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let socket = rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    )?;
    // Before the file is there, so that there is no moment at which others could connect.
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    let made = std::fs::symlink_metadata(path)?;
    let file = SocketFile { path: path.to_owned(), device: made.dev(), inode: made.ino() };
    rustix::net::listen(&socket, BACKLOG)?;
    Ok((UnixListener::from_std(socket.into())?, file))
}

/// Removes a socket at `path`; anything else that stands there stays.
fn remove_socket(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(file) if file.file_type().is_socket() => std::fs::remove_file(path),
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
