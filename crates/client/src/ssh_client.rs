//! A client that is logged in: the door to everything else.

use crate::address::Address;
use crate::command::Command;
use crate::connect;
use crate::error::{Error, Phase};
use crate::forward::{LocalForward, RemoteForward, open_direct_tcpip};
use crate::host_key_updater::HostKeyUpdater;
use crate::info::SessionInfo;
use crate::link::{DriverTask, Link};
use crate::login_driver::establish;
use crate::options::ClientOptions;
use crate::plan::Start;
use crate::remote_targets::RemoteTarget;
use crate::tunnel::Tunnel;
use konko_tokio::Connection;
use konko_transport::Client;
use konko_transport::channel::ChannelKind;
use konko_transport::wire::message::global::Keepalive;
use konko_transport::wire::number::DisconnectReason;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};

/// A client that is logged in. Cheap to clone. The connection is closed when the last clone is dropped, and with
/// it whatever was made of it: commands, tunnels, forwardings.
///
/// It needs a tokio runtime with I/O and time.
#[derive(Debug, Clone)]
pub struct SshClient {
    link: Arc<Link>,
}

impl SshClient {
    /// Connects, verifies the host key and logs in. `address` is a host, `host:port`, an IPv6 address or
    /// `[IPv6]:port`.
    ///
    /// Dropping the future closes the connection.
    ///
    /// # Errors
    ///
    /// [`Error`] says which step failed, and why.
    pub async fn connect<A>(address: A, options: &ClientOptions) -> Result<Self, Error>
    where
        A: TryInto<Address>,
        Error: From<A::Error>,
    {
        let address = address.try_into()?;
        options.check()?;
        let port = address.port().unwrap_or(options.port);
        let stream = connect::connect(address.host(), port, options).await?;
        Self::over(stream, address.host(), port, options).await
    }

    /// As [`connect`](Self::connect), over a stream that is there already: a [`Tunnel`] through another server,
    /// for example. `host` and `port` are those whose host key is expected.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        host: &str,
        port: u16,
        options: &ClientOptions,
    ) -> Result<Self, Error> {
        options.check()?;
        let name = options.host_key_name(host, port);
        let known_key_types = options.host_keys.key_types(&name).await?;
        let (connection, driver) = Connection::client(stream, options.connection_config(&known_key_types));
        let driver = DriverTask::spawn(driver);
        let established = establish(&connection, &name, host, options).await;
        let (host_key, logged_in) = match established {
            Ok(established) => established,
            Err(error) => {
                // The server is told before the program perhaps ends; a server that does not listen is not waited
                // for long.
                connection.disconnect(DisconnectReason::BY_APPLICATION, "disconnected by user");
                driver.finished().await;
                return Err(error);
            }
        };
        let timeouts = options.timeouts.clone();
        let updater = HostKeyUpdater::new(options, &name, &host_key);
        let (report, banners) = (logged_in.report, logged_in.banners);
        let link = Link::new(connection, driver, timeouts, host_key, report, banners, updater);
        Ok(Self { link: Arc::new(link) })
    }

    /// A command line for the user's shell, not started yet.
    pub fn command(&self, command: impl AsRef<[u8]>) -> Command {
        Command::new(Arc::clone(&self.link), Start::Exec(command.as_ref().to_vec()))
    }

    /// The user's shell, not started yet.
    pub fn shell(&self) -> Command {
        Command::new(Arc::clone(&self.link), Start::Shell)
    }

    /// A subsystem such as `sftp`, not started yet.
    pub fn subsystem(&self, name: impl Into<String>) -> Command {
        Command::new(Arc::clone(&self.link), Start::Subsystem(name.into()))
    }

    /// Lets the server connect to `host` at `port`. `originator` is who asked for it; servers may log it.
    ///
    /// # Errors
    ///
    /// [`Error::OpenRefused`], [`Error::NoAnswer`], or what ended the connection.
    pub async fn open_direct_tcpip(
        &self,
        host: &str,
        port: u16,
        originator: Option<SocketAddr>,
    ) -> Result<Tunnel, Error> {
        open_direct_tcpip(&self.link, host, port, originator).await
    }

    /// Lets the server connect to a Unix socket of its own (OpenSSH).
    ///
    /// # Errors
    ///
    /// As [`open_direct_tcpip`](Self::open_direct_tcpip).
    pub async fn open_direct_streamlocal(&self, path: impl Into<Vec<u8>>) -> Result<Tunnel, Error> {
        let channel = self.link.open(ChannelKind::DirectStreamlocal { socket_path: path.into() }).await?;
        Ok(Tunnel::new(channel, Arc::clone(&self.link)))
    }

    /// Listens here on `listen` and forwards each connection to `host` at `port`, as the server reaches it.
    ///
    /// # Errors
    ///
    /// [`Error::Local`] if the address cannot be listened on.
    pub async fn forward_local(
        &self,
        listen: SocketAddr,
        host: &str,
        port: u16,
    ) -> Result<LocalForward, Error> {
        LocalForward::bind(Arc::clone(&self.link), listen, host, port).await
    }

    /// Lets the server listen on `address` and `port` (RFC 4254 §7.1). An empty address means all, `localhost` the
    /// loopback interface; with port 0 the server chooses one.
    ///
    /// # Errors
    ///
    /// [`Error::ForwardRefused`], [`Error::ForwardExists`], [`Error::NoAnswer`], or what ended the connection.
    pub async fn forward_remote(
        &self,
        address: impl Into<String>,
        port: u16,
    ) -> Result<RemoteForward, Error> {
        RemoteForward::ask(Arc::clone(&self.link), RemoteTarget::Tcp { address: address.into(), port }).await
    }

    /// Lets the server listen on a Unix socket (OpenSSH).
    ///
    /// # Errors
    ///
    /// As [`forward_remote`](Self::forward_remote).
    pub async fn forward_remote_streamlocal(&self, path: impl Into<Vec<u8>>) -> Result<RemoteForward, Error> {
        RemoteForward::ask(Arc::clone(&self.link), RemoteTarget::Streamlocal { path: path.into() }).await
    }

    /// What is known of the connection: who the server is, what was negotiated, how the user was logged in.
    ///
    /// # Errors
    ///
    /// What ended the connection.
    pub fn info(&self) -> Result<SessionInfo, Error> {
        let ended = || self.link.ended().unwrap_or(Error::Closed { phase: Phase::Connected, report: None });
        self.link.info().ok_or_else(ended)
    }

    /// Begins a key re-exchange (RFC 4253 §9), if none is under way. Nothing has to wait for it.
    pub fn rekey(&self) {
        self.link.connection.with(|transport, now| transport.request_key_exchange(now));
    }

    /// Asks the server for a sign of life and returns how long the answer took. Any server answers.
    ///
    /// # Errors
    ///
    /// [`Error::NoAnswer`] after the timeout for requests, or what ended the connection.
    pub async fn ping(&self) -> Result<Duration, Error> {
        let asked = Instant::now();
        let timeout = self.link.timeouts.request;
        // Refused or granted: either is a sign of life.
        let answer = self.link.connection.global_request(Keepalive::NAME, &[], timeout).await;
        answer.map_err(|error| self.link.error(error))?;
        Ok(asked.elapsed())
    }

    /// Waits while the known_hosts files are being brought up to date with what the server has told of its host keys
    /// ([`KnownHostsFiles::update`](crate::known_hosts_files::KnownHostsFiles::update)), which may take the answer of a
    /// person. Closing the client before ends that.
    pub async fn host_keys_settled(&self) {
        self.link.host_keys_settled().await;
    }

    /// Says goodbye and waits until that is sent. Other clones of this client end, too. May be called again.
    pub async fn close(&self) {
        self.link.connection.disconnect(DisconnectReason::BY_APPLICATION, "disconnected by user");
        self.link.driver_finished().await;
    }

    /// Waits until the connection has ended and says why.
    pub async fn closed(&self) -> Error {
        Error::of(self.link.connection.closed().await, Phase::Connected)
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.link.is_ended()
    }

    /// The connection beneath. Its events are served already.
    pub fn connection(&self) -> &Connection<Client> {
        &self.link.connection
    }
}
