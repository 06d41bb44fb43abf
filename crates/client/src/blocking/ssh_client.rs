//! A client that is logged in, waiting. It rhymes with the one that does not wait.

use crate::address::Address;
use crate::blocking::block_on::block_on;
use crate::blocking::command::Command;
use crate::blocking::connect;
use crate::blocking::forward::LocalForward;
use crate::blocking::link::Link;
use crate::blocking::tunnel::Tunnel;
use crate::error::{Error, Phase};
use crate::forward::direct_tcpip;
use crate::host_key_updater::HostKeyUpdater;
use crate::info::SessionInfo;
use crate::login_driver::establish;
use crate::options::ClientOptions;
use crate::plan::Start;
use konko_blocking::{Connection, Stream};
use konko_transport::Client;
use konko_transport::channel::ChannelKind;
use konko_transport::wire::message::global::Keepalive;
use konko_transport::wire::number::DisconnectReason;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// A client that is logged in. Cheap to clone; any thread may use it. The connection is closed when the last clone
/// is dropped, and with it whatever was made of it.
#[derive(Debug, Clone)]
pub struct SshClient {
    link: Arc<Link>,
}

impl SshClient {
    /// Connects, verifies the host key and logs in. `address` is a host, `host:port`, an IPv6 address or
    /// `[IPv6]:port`.
    ///
    /// # Errors
    ///
    /// [`Error`] says which step failed, and why.
    pub fn connect<A>(address: A, options: &ClientOptions) -> Result<Self, Error>
    where
        A: TryInto<Address>,
        Error: From<A::Error>,
    {
        let address = address.try_into()?;
        options.check()?;
        let port = address.port().unwrap_or(options.port);
        let stream = connect::connect(address.host(), port, options)?;
        Self::over(stream, address.host(), port, options)
    }

    /// As [`connect`](Self::connect), over a stream that is there already: a [`Tunnel`] through another server,
    /// for example. `host` and `port` are those whose host key is expected.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn over(stream: impl Stream, host: &str, port: u16, options: &ClientOptions) -> Result<Self, Error> {
        options.check()?;
        let name = options.host_key_name(host, port);
        let known_key_types = block_on(options.host_keys.key_types(&name))?;
        let connection = Connection::client(stream, options.connection_config(&known_key_types))
            .map_err(|error| Error::Local { what: "cannot drive the connection", error })?;
        let established = block_on(establish(&connection, &name, host, options));
        let linked = established.and_then(|(host_key, logged_in)| {
            let updater = HostKeyUpdater::new(options, &name, &host_key);
            Link::new(connection.clone(), options.timeouts.clone(), host_key, logged_in, updater)
        });
        match linked {
            Ok(link) => Ok(Self { link: Arc::new(link) }),
            Err(error) => {
                say_goodbye(&connection);
                Err(error)
            }
        }
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
    pub fn open_direct_tcpip(
        &self,
        host: &str,
        port: u16,
        originator: Option<SocketAddr>,
    ) -> Result<Tunnel, Error> {
        open_direct_tcpip(&self.link, host, port, originator)
    }

    /// Listens here on `listen` and forwards each connection to `host` at `port`, as the server reaches it; 256 at once
    /// at most, each of which has two threads.
    ///
    /// # Errors
    ///
    /// [`Error::Local`] if the address cannot be listened on.
    pub fn forward_local(&self, listen: SocketAddr, host: &str, port: u16) -> Result<LocalForward, Error> {
        // The forwarding keeps the connection, which must not be kept by what it opens tunnels with.
        let (link, host) = (Arc::downgrade(&self.link), host.to_owned());
        LocalForward::bind(&self.link, listen, move |originator| match link.upgrade() {
            Some(link) => open_direct_tcpip(&link, &host, port, Some(originator)),
            None => Err(Error::Closed { phase: Phase::Connected, report: None }),
        })
    }

    /// Lets the server connect to a Unix socket of its own (OpenSSH).
    ///
    /// # Errors
    ///
    /// As [`open_direct_tcpip`](Self::open_direct_tcpip).
    pub fn open_direct_streamlocal(&self, path: impl Into<Vec<u8>>) -> Result<Tunnel, Error> {
        let kind = ChannelKind::DirectStreamlocal { socket_path: path.into() };
        Tunnel::new(self.link.open(kind)?, Arc::clone(&self.link))
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
    pub fn ping(&self) -> Result<Duration, Error> {
        let asked = Instant::now();
        let timeout = self.link.timeouts.request;
        // Refused or granted: either is a sign of life.
        let answer = self.link.connection.global_request(Keepalive::NAME, &[], timeout);
        answer.map_err(|error| self.link.error(error))?;
        Ok(asked.elapsed())
    }

    /// Waits while the known_hosts files are being brought up to date with what the server has told of its host keys
    /// ([`KnownHostsFiles::update`](crate::known_hosts_files::KnownHostsFiles::update)), which may take the answer of a
    /// person. Closing the client before ends that.
    pub fn host_keys_settled(&self) {
        self.link.host_keys_settled();
    }

    /// Says goodbye and waits until that is sent, five seconds at most. Other clones of this client end, too. May
    /// be called again.
    pub fn close(&self) {
        say_goodbye(&self.link.connection);
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

fn open_direct_tcpip(
    link: &Arc<Link>,
    host: &str,
    port: u16,
    originator: Option<SocketAddr>,
) -> Result<Tunnel, Error> {
    Tunnel::new(link.open(direct_tcpip(host, port, originator))?, Arc::clone(link))
}

fn say_goodbye(connection: &Connection<Client>) {
    connection.disconnect(DisconnectReason::BY_APPLICATION, "disconnected by user");
    if let Err(error) = connection.closed(Some(GOODBYE)) {
        tracing::debug!(%error, "the server takes no goodbye");
    }
}
