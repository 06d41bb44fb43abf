//! `LocalForward`, `RemoteForward` and `DynamicForward`.

use crate::configured::error::Error;
use crate::configured::listener::{Accepted, Listener, Stream};
use crate::configured::socks;
use crate::forward::{Incoming, RemoteForward, copy_both_ways};
use crate::ssh_client::SshClient;
use crate::task::Task;
use crate::tunnel::Tunnel;
use konko_config::{Endpoint, Forward, Keyword, Resolved};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// How many connections of one forwarding there may be at once.
const MAXIMUM_CONNECTIONS: usize = 1024;
/// How long a client of SOCKS may take to say what it wants, and a host to accept a connection.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long accepting rests after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The forwardings of a connection. They end when this is dropped, and with the connection.
#[derive(Debug)]
pub struct Forwardings {
    tasks: Vec<Task>,
    remote_ports: Vec<(String, u16)>,
}

impl Forwardings {
    /// Sets everything up that the configuration asks for.
    ///
    /// # Errors
    ///
    /// With `ExitOnForwardFailure`, [`Error::Forwarding`] for the first that cannot be set up; without it, a warning
    /// in the log.
    pub async fn establish(client: &SshClient, config: &Resolved) -> Result<Self, Error> {
        let strict = config.flag(Keyword::ExitOnForwardFailure);
        let mut forwardings = Self { tasks: Vec::new(), remote_ports: Vec::new() };
        let local = config.local_forwards().chain(config.dynamic_forwards());
        for forward in local {
            match Listener::bind(&forward.listen, config) {
                Ok(listener) => {
                    let (client, to) = (client.clone(), forward.connect.clone());
                    forwardings.tasks.push(Task::spawn(serve_local(listener, client, to)));
                }
                Err(error) => failed(forward, &error.to_string(), strict)?,
            }
        }
        let permitted = Arc::new(Permitted::of(config));
        for forward in config.remote_forwards() {
            match ask(client, &forward.listen).await {
                Ok(remote) => {
                    if matches!(forward.listen, Endpoint::Tcp { port: 0, .. }) {
                        let to = match &forward.connect {
                            Endpoint::Socks => "SOCKS".to_owned(),
                            to => to.to_string(),
                        };
                        forwardings.remote_ports.push((to, remote.port()));
                    }
                    let (to, permitted) = (forward.connect.clone(), Arc::clone(&permitted));
                    forwardings.tasks.push(Task::spawn(serve_remote(remote, to, permitted)));
                }
                Err(error) => failed(forward, &error.to_string(), strict)?,
            }
        }
        Ok(forwardings)
    }

    /// The ports that the server chose, and where they lead.
    pub fn remote_ports(&self) -> &[(String, u16)] {
        &self.remote_ports
    }

    /// How many forwardings there are.
    pub fn count(&self) -> usize {
        self.tasks.len()
    }
}

fn failed(forward: &Forward, reason: &str, strict: bool) -> Result<(), Error> {
    let forwarding = format!("from {} to {}", forward.listen, forward.connect);
    if strict {
        return Err(Error::Forwarding { forwarding, reason: reason.to_owned() });
    }
    tracing::warn!("The forwarding {forwarding} cannot be set up: {reason}.");
    Ok(())
}

/// Asks the server to listen.
async fn ask(client: &SshClient, listen: &Endpoint) -> Result<RemoteForward, crate::error::Error> {
    match listen {
        // RFC 4254 §7.1: "" is every address, "localhost" the loopback ones.
        Endpoint::Tcp { host: None, port } => client.forward_remote("localhost", *port).await,
        Endpoint::Tcp { host: Some(host), port } if host == "*" => client.forward_remote("", *port).await,
        Endpoint::Tcp { host: Some(host), port } => client.forward_remote(host.as_str(), *port).await,
        Endpoint::Socket(path) => client.forward_remote_streamlocal(path.as_bytes()).await,
        _ => Err(crate::error::Error::Options("nothing to listen on")),
    }
}

/// Accepts until the connection ends. All connections end with the set, and the set with this task.
async fn serve_local(listener: Listener, client: SshClient, to: Endpoint) {
    let mut connections = tokio::task::JoinSet::new();
    let places = Arc::new(Semaphore::new(MAXIMUM_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            _ = client.closed() => return,
        };
        match accepted {
            Ok(accepted) => {
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                    tracing::warn!("too many connections to {to}; one is closed");
                    continue;
                };
                let (client, to) = (client.clone(), to.clone());
                connections.spawn(async move {
                    if let Err(error) = forward_local(accepted, &client, &to).await {
                        tracing::debug!(%error, "a forwarded connection has ended");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection to forward");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn forward_local(accepted: Accepted, client: &SshClient, to: &Endpoint) -> io::Result<()> {
    let (mut stream, originator) = accepted;
    let opened = match to {
        Endpoint::Tcp { host, port } => {
            client.open_direct_tcpip(host.as_deref().unwrap_or_default(), *port, originator).await
        }
        Endpoint::Socket(path) => client.open_direct_streamlocal(path.as_bytes()).await,
        _ => {
            let mut tunnel = by_socks(&mut stream, client, originator).await?;
            copy_both_ways(&mut stream, &mut tunnel).await?;
            return Ok(());
        }
    };
    match opened {
        Ok(mut tunnel) => copy_both_ways(&mut stream, &mut tunnel).await.map(|_| ()),
        Err(error) => {
            tracing::warn!("A connection to {to} was not forwarded: {error}.");
            Ok(())
        }
    }
}

/// A tunnel to where the client of SOCKS wants.
async fn by_socks(
    stream: &mut Box<dyn Stream>,
    client: &SshClient,
    originator: Option<SocketAddr>,
) -> io::Result<Tunnel> {
    let wanted = in_time(socks::wanted(stream)).await?;
    match client.open_direct_tcpip(&wanted.host, wanted.port, originator).await {
        Ok(tunnel) => {
            socks::answer(stream, &wanted, true).await?;
            Ok(tunnel)
        }
        Err(error) => {
            socks::answer(stream, &wanted, false).await?;
            Err(io::Error::other(error))
        }
    }
}

async fn in_time<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// `PermitRemoteOpen`: where the server's SOCKS clients may be connected to.
#[derive(Debug)]
struct Permitted(Option<Vec<(String, String)>>);

impl Permitted {
    fn of(config: &Resolved) -> Self {
        let split = |place: &String| {
            let (host, port) = match place.strip_prefix('[') {
                Some(rest) => rest.split_once("]:")?,
                None => place.split_once(':')?,
            };
            Some((host.to_owned(), port.to_owned()))
        };
        match config.words(Keyword::PermitRemoteOpen) {
            None => Self(None),
            Some([any]) if any.eq_ignore_ascii_case("any") => Self(None),
            Some(places) => Self(Some(places.iter().filter_map(split).collect())),
        }
    }

    fn allows(&self, host: &str, port: u16) -> bool {
        let Some(places) = &self.0 else { return true };
        let port = port.to_string();
        places.iter().any(|(permitted, at)| {
            (permitted == "*" || permitted.eq_ignore_ascii_case(host)) && (at == "*" || *at == port)
        })
    }
}

async fn serve_remote(mut forward: RemoteForward, to: Endpoint, permitted: Arc<Permitted>) {
    let mut connections = tokio::task::JoinSet::new();
    let places = Arc::new(Semaphore::new(MAXIMUM_CONNECTIONS));
    loop {
        let incoming = tokio::select! {
            incoming = forward.accept() => incoming,
            Some(_) = connections.join_next() => continue,
        };
        let Some(incoming) = incoming else { return };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!("too many connections to {to}; one is closed");
            continue;
        };
        let (to, permitted) = (to.clone(), Arc::clone(&permitted));
        connections.spawn(async move {
            if let Err(error) = forward_remote(incoming, &to, &permitted).await {
                tracing::debug!(%error, "a forwarded connection has ended");
            }
            drop(place);
        });
    }
}

async fn forward_remote(incoming: Incoming, to: &Endpoint, permitted: &Permitted) -> io::Result<()> {
    let mut tunnel = incoming.tunnel;
    match to {
        Endpoint::Tcp { host, port } => {
            let address = (host.as_deref().unwrap_or_default(), *port);
            let mut stream = in_time(TcpStream::connect(address)).await?;
            stream.set_nodelay(true)?;
            copy_both_ways(&mut tunnel, &mut stream).await?;
        }
        #[cfg(unix)]
        Endpoint::Socket(path) => {
            let mut stream = in_time(tokio::net::UnixStream::connect(path)).await?;
            copy_both_ways(&mut tunnel, &mut stream).await?;
        }
        Endpoint::Socks => {
            let wanted = in_time(socks::wanted(&mut tunnel)).await?;
            if !permitted.allows(&wanted.host, wanted.port) {
                tracing::warn!("PermitRemoteOpen: a connection to {} is not permitted.", wanted.host);
                return socks::answer(&mut tunnel, &wanted, false).await;
            }
            match in_time(TcpStream::connect((wanted.host.as_str(), wanted.port))).await {
                Ok(mut stream) => {
                    stream.set_nodelay(true)?;
                    socks::answer(&mut tunnel, &wanted, true).await?;
                    copy_both_ways(&mut tunnel, &mut stream).await?;
                }
                Err(error) => {
                    socks::answer(&mut tunnel, &wanted, false).await?;
                    return Err(error);
                }
            }
        }
        _ => return Err(io::ErrorKind::Unsupported.into()),
    }
    Ok(())
}
