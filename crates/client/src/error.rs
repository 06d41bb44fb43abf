//! What can go wrong, sorted by who is to blame. Each text says what happened and what can be done about it.

use crate::address::AddressError;
use crate::login_report::LoginReport;
use crate::output::Output;
use crate::printable::printable;
use konko_transport::Timer;
use konko_transport::channel::error::ChannelError;
use konko_transport::keys::public_key::PublicKey;
use konko_transport::packet::error::{Incompatibility, PacketError, Phase as PacketPhase};
use konko_transport::wire::number::{DisconnectReason, OpenFailureReason};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How far a connection had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// A network connection is being made.
    Connect,
    /// The server's identification string is awaited (RFC 4253 §4.2).
    Identification,
    /// The first key exchange (RFC 4253 §7).
    KeyExchange,
    /// User authentication (RFC 4252).
    Authentication,
    /// After login.
    Connected,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "while connecting",
            Self::Identification => "before it identified itself",
            Self::KeyExchange => "during the key exchange",
            Self::Authentication => "during authentication",
            Self::Connected => "after login",
        })
    }
}

/// One address that was tried, and why it did not work.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConnectAttempt {
    /// The address.
    pub address: SocketAddr,
    /// What the operating system said, or that it took too long.
    pub error: io::Error,
}

/// The host is known by another key than the one it showed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedHostKey {
    /// The name that was looked up, `host` or `[host]:port`.
    pub name: String,
    /// The file that knows the host; `None` if it was learnt by this process and never written.
    pub file: Option<PathBuf>,
    /// The line in it, from 1.
    pub line: usize,
    /// The keys it knows; usually of the type that was shown.
    pub expected: Vec<PublicKey>,
    /// The key that was shown.
    pub shown: PublicKey,
}

impl fmt::Display for ChangedHostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the host key of {} has changed: somebody may be listening in, or the server was set up anew. ",
            self.name
        )?;
        write!(f, "It showed the {} key {}", self.shown.key_type(), self.shown.fingerprint())?;
        let expected: Vec<_> = self.expected.iter().map(|key| key.fingerprint().to_string()).collect();
        match &self.file {
            Some(file) => {
                write!(f, "; line {} of {} expects {}. ", self.line, file.display(), expected.join(" or "))?;
                write!(
                    f,
                    "If the change is legitimate, remove the old key: ssh-keygen -f {} -R '{}'",
                    file.display(),
                    self.name
                )
            }
            None => write!(f, "; earlier it showed {}", expected.join(" or ")),
        }
    }
}

/// A line of a file, or a file.
fn place(file: &std::path::Path, line: usize) -> String {
    match line {
        0 => file.display().to_string(),
        line => format!("line {line} of {}", file.display()),
    }
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not an address.
    #[error("not an address: {0}")]
    Address(#[from] AddressError),
    /// A configuration that makes no sense: the caller is to blame.
    #[error("the options make no sense: {0}")]
    Options(&'static str),
    /// The host name has no address.
    #[error("cannot resolve the host name \"{host}\": {error}; check its spelling and the name server")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        error: io::Error,
    },
    /// No address of the host could be connected to.
    #[error("cannot connect to \"{host}\" port {port}: {}", list(.attempts))]
    Connect {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Every address that was tried, with its own reason.
        attempts: Vec<ConnectAttempt>,
    },
    /// The server took too long.
    #[error("the server took too long {phase}; it may be overloaded, or something else listens on that port")]
    TimedOut {
        /// When.
        phase: Phase,
    },
    /// The server answers no more: keepalive requests went unanswered.
    #[error("the server answers no more: keepalive requests went unanswered")]
    ServerGone,
    /// The server closed the connection without a word.
    #[error("the server closed the connection {phase} without giving a reason")]
    Closed {
        /// When.
        phase: Phase,
        /// What had been tried, if it was during authentication.
        report: Option<Box<LoginReport>>,
    },
    /// The server closed the connection and said why.
    #[error("the server ended the connection {phase}: {description} ({reason}){}", tried(.report))]
    Disconnected {
        /// When.
        phase: Phase,
        /// Its reason.
        reason: DisconnectReason,
        /// Its words, made safe to show.
        description: String,
        /// What had been tried, if it was during authentication.
        report: Option<Box<LoginReport>>,
    },
    /// The network failed under the connection.
    #[error("the network failed {phase}: {message}")]
    Network {
        /// When.
        phase: Phase,
        /// Its kind.
        kind: io::ErrorKind,
        /// In the words of the operating system.
        message: String,
    },
    /// Server and client are both right and have nothing in common.
    #[error("{0}; old servers may need algorithms that are not offered unless they are enabled")]
    Incompatible(Incompatibility),
    /// The server broke the protocol, or a limit, or a packet was damaged.
    #[error("{error} ({phase})")]
    Protocol {
        /// When.
        phase: Phase,
        /// What it did.
        error: konko_transport::Error,
    },
    /// Nothing is known of the host, and the policy is not to trust it for that reason.
    #[error(
        "the host key of {name} is not known: it showed the {} key {}. Compare the fingerprint with the server's own \
         (ssh-keygen -lf on its console), then add the key to known_hosts",
        .shown.key_type(), .shown.fingerprint()
    )]
    HostKeyUnknown {
        /// The name that was looked up, `host` or `[host]:port`.
        name: String,
        /// The key that was shown.
        shown: PublicKey,
    },
    /// The host is known by another key.
    #[error("{0}")]
    HostKeyChanged(Box<ChangedHostKey>),
    /// The key that was shown is marked as revoked.
    #[error(
        "the host key of {name}, {} {}, is revoked by {}: it must not be used any more",
        .shown.key_type(), .shown.fingerprint(), place(.file, *.line)
    )]
    HostKeyRevoked {
        /// The name that was looked up.
        name: String,
        /// The file that says so.
        file: PathBuf,
        /// The line in it, from 1; 0 for a file of revoked keys, which says nothing of lines.
        line: usize,
        /// The key that was shown.
        shown: PublicKey,
    },
    /// Whoever was asked did not accept the host key.
    #[error("the host key of {name}, {} {}, was not accepted: {reason}", .shown.key_type(), .shown.fingerprint())]
    HostKeyRejected {
        /// The name of the host.
        name: String,
        /// The key that was shown.
        shown: PublicKey,
        /// Why.
        reason: String,
    },
    /// A known_hosts file could not be read, so nothing can be said about the host key.
    #[error("cannot read {}: {error}; the host key was not accepted for that reason", .path.display())]
    KnownHosts {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// All credentials were refused.
    #[error("authentication failed: {0}")]
    Authentication(Box<LoginReport>),
    /// The server did not open the channel.
    #[error("the server refused to open the channel: {description} ({reason})")]
    OpenRefused {
        /// Its reason.
        reason: OpenFailureReason,
        /// Its words, made safe to show.
        description: String,
    },
    /// The server did not do what was asked for on a channel.
    #[error("the server refused the request \"{request}\"{}", in_brackets(.detail))]
    RequestRefused {
        /// The request, for example `exec` or `pty-req`.
        request: &'static str,
        /// What it was about, for example the name of an environment variable; may be empty.
        detail: String,
    },
    /// The server did not forward the address; it may be in use, or forwarding may be forbidden there.
    #[error("the server refused to forward \"{0}\"; it may be in use there, or forbidden")]
    ForwardRefused(String),
    /// This client already has a forwarding of the same address.
    #[error("\"{0}\" is forwarded by this connection already")]
    ForwardExists(String),
    /// The server did not answer a request in time.
    #[error("{what}: no answer from the server within {after:?}")]
    NoAnswer {
        /// What was asked.
        what: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The channel was closed before the operation was over.
    #[error("the server closed the channel before the operation was over")]
    ChannelClosed,
    /// The call makes no sense in the channel's state, or a limit is reached.
    #[error(transparent)]
    Channel(ChannelError),
    /// A command did not end in time. It was sent TERM, then KILL, and its channel was closed.
    #[error("the command did not end within {after:?}")]
    DeadlineExceeded {
        /// The time it had.
        after: Duration,
        /// What had come until then.
        output: Box<Output>,
    },
    /// A command wrote more than was allowed for. Its channel was closed.
    #[error("the command wrote more than {limit} bytes to one of its outputs")]
    OutputLimit {
        /// The limit in bytes.
        limit: usize,
        /// What had come until then.
        output: Box<Output>,
    },
    /// The connection was lost while a command ran: it may have ended or not.
    #[error("the connection was lost while the command ran: {error}")]
    ConnectionLost {
        /// Why.
        error: Box<Error>,
        /// What had come until then.
        output: Box<Output>,
    },
    /// Something on this computer failed: binding a port, reading what is to be sent.
    #[error("{what}: {error}")]
    Local {
        /// What was attempted.
        what: &'static str,
        /// What the operating system said.
        error: io::Error,
    },
}

/// An [`Address`](crate::address::Address) is one already.
impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl Error {
    /// Makes one of what ended a connection, or an operation on it, in `phase`.
    pub(crate) fn of(error: konko_tokio::Error, phase: Phase) -> Self {
        match error {
            konko_tokio::Error::Transport(error) => Self::of_transport(error, phase),
            konko_tokio::Error::Io { kind, message } => Self::Network { phase, kind, message },
            konko_tokio::Error::OpenRefused { reason, description } => {
                Self::OpenRefused { reason, description: printable(&description, false) }
            }
            konko_tokio::Error::ChannelClosed | konko_tokio::Error::Channel(ChannelError::Closed) => {
                Self::ChannelClosed
            }
            konko_tokio::Error::Channel(error) => Self::Channel(error),
            konko_tokio::Error::TimedOut { what, after } => Self::NoAnswer { what, after },
            error => Self::Network { phase, kind: io::ErrorKind::Other, message: error.to_string() },
        }
    }

    /// As [`of`](Self::of), of the other driver.
    pub(crate) fn of_blocking(error: konko_blocking::Error, phase: Phase) -> Self {
        use konko_blocking::Error as Blocking;
        let error = match error {
            Blocking::Transport(error) => konko_tokio::Error::Transport(error),
            Blocking::Io { kind, message } => konko_tokio::Error::Io { kind, message },
            Blocking::OpenRefused { reason, description } => {
                konko_tokio::Error::OpenRefused { reason, description }
            }
            Blocking::ChannelClosed => konko_tokio::Error::ChannelClosed,
            Blocking::Channel(error) => konko_tokio::Error::Channel(error),
            Blocking::TimedOut { what, after } => konko_tokio::Error::TimedOut { what, after },
            error => konko_tokio::Error::Io { kind: io::ErrorKind::Other, message: error.to_string() },
        };
        Self::of(error, phase)
    }

    /// Makes one of what ended a connection in `phase`.
    pub(crate) fn of_transport(error: konko_transport::Error, phase: Phase) -> Self {
        match error {
            konko_transport::Error::Packet(PacketError::PeerIncompatible(error)) => Self::Incompatible(error),
            konko_transport::Error::Packet(PacketError::TimedOut { phase: at }) => {
                Self::TimedOut { phase: refined(at, phase) }
            }
            konko_transport::Error::Packet(PacketError::ConnectionClosed { phase: at }) => {
                Self::Closed { phase: refined(at, phase), report: None }
            }
            konko_transport::Error::Packet(PacketError::Disconnected { reason, description }) => {
                Self::Disconnected { phase, reason, description, report: None }
            }
            konko_transport::Error::TimedOut(Timer::Authentication) => {
                Self::TimedOut { phase: Phase::Authentication }
            }
            konko_transport::Error::TimedOut(Timer::Keepalive) => Self::ServerGone,
            konko_transport::Error::Closed => Self::Closed { phase, report: None },
            error => Self::Protocol { phase, error },
        }
    }

    /// Adds what was tried to log in.
    pub(crate) fn with_report(self, tried: LoginReport) -> Self {
        match self {
            Self::Closed { phase, .. } => Self::Closed { phase, report: Some(Box::new(tried)) },
            Self::Disconnected { phase, reason, description, .. } => {
                Self::Disconnected { phase, reason, description, report: Some(Box::new(tried)) }
            }
            error => error,
        }
    }
}

impl From<konko_tokio::Error> for Error {
    fn from(error: konko_tokio::Error) -> Self {
        Self::of(error, Phase::Connected)
    }
}

/// The packet layer knows better which part of the handshake it was.
fn refined(at: PacketPhase, phase: Phase) -> Phase {
    match (phase, at) {
        (Phase::KeyExchange | Phase::Identification | Phase::Connect, PacketPhase::Identification) => {
            Phase::Identification
        }
        (Phase::Identification | Phase::Connect, _) => Phase::KeyExchange,
        (phase, _) => phase,
    }
}

fn list(attempts: &[ConnectAttempt]) -> String {
    if attempts.is_empty() {
        return "it has no address of the family that was asked for".to_owned();
    }
    let list: Vec<_> =
        attempts.iter().map(|attempt| format!("{}: {}", attempt.address, attempt.error)).collect();
    list.join("; ")
}

fn in_brackets(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(" ({detail})") }
}

fn tried(report: &Option<Box<LoginReport>>) -> String {
    report.as_ref().map(|report| format!("\n{report}")).unwrap_or_default()
}
