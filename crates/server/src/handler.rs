//! What an application decides. Every default refuses.

use crate::agent::ForwardedAgent;
use crate::authentication::{AuthDecision, AuthRequest};
use crate::peer::PeerInfo;
use crate::program::{BoxFuture, Program, PtyRequest, StartRequest};
use std::future::ready;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// A stream that a forwarded connection can end in.
pub trait ForwardStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> ForwardStream for T {}

/// What becomes of a wish to be connected to somewhere (RFC 4254 §7.2).
#[derive(Default)]
#[non_exhaustive]
pub enum ForwardDecision {
    /// It is refused.
    #[default]
    Refuse,
    /// The server connects to what was asked for.
    Connect,
    /// The application has a stream of its own for it.
    Stream(Box<dyn ForwardStream>),
}

impl std::fmt::Debug for ForwardDecision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Refuse => "Refuse",
            Self::Connect => "Connect",
            Self::Stream(_) => "Stream(..)",
        })
    }
}

/// What becomes of a wish to have a port forwarded (RFC 4254 §7.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListenDecision {
    /// It is refused.
    #[default]
    Refuse,
    /// The server listens on the loopback addresses, whatever address was asked for.
    Loopback,
    /// The server listens where it was asked to.
    AsRequested,
}

/// What becomes of a wish to have a Unix socket forwarded (OpenSSH PROTOCOL 2.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketDecision {
    /// It is refused.
    #[default]
    Refuse,
    /// The server makes the socket, with mode 0600. Where something stands already, it fails.
    Create,
    /// As before, but a socket that stands there already is removed first.
    Replace,
}

/// A wish to be connected to a host (RFC 4254 §7.2). All of it is the peer's text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirectTcpip {
    /// Name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who is to be connected, as the client says.
    pub originator_address: String,
    /// Its port, as the client says.
    pub originator_port: u32,
}

impl DirectTcpip {
    pub(crate) const fn new(
        host: String,
        port: u16,
        originator_address: String,
        originator_port: u32,
    ) -> Self {
        Self { host, port, originator_address, originator_port }
    }
}

/// What an application decides about one connection. What is not overridden refuses.
///
/// Each method may take its time, and is dropped when the connection ends. Open channels never wait for it; new
/// ones wait while the forwarding of a port or socket is thought about, as those requests keep their order.
pub trait Handler: Send + Sync + 'static {
    /// A text for the user, sent before the first answer to an authentication request (RFC 4252 §5.4).
    fn banner(&self) -> Option<String> {
        None
    }

    /// Judges an attempt to authenticate. Rejects unless overridden.
    fn authenticate<'a>(&'a self, request: AuthRequest<'a>) -> BoxFuture<'a, AuthDecision> {
        let _ = request;
        Box::pin(ready(AuthDecision::Reject))
    }

    /// The user is authenticated. What follows is asked on its behalf.
    fn authenticated(&self, user_name: &str) {
        let _ = user_name;
    }

    /// Opens a session (RFC 4254 §6.1). `None` refuses.
    fn open_session(&self) -> BoxFuture<'_, Option<Box<dyn SessionHandler>>> {
        Box::pin(ready(None))
    }

    /// Connects to a host.
    fn direct_tcpip<'a>(&'a self, target: &'a DirectTcpip) -> BoxFuture<'a, ForwardDecision> {
        let _ = target;
        Box::pin(ready(ForwardDecision::Refuse))
    }

    /// Connects to a Unix socket. The path is absolute, has no `..` in it and fits a socket address.
    fn direct_streamlocal<'a>(&'a self, path: &'a std::path::Path) -> BoxFuture<'a, ForwardDecision> {
        let _ = path;
        Box::pin(ready(ForwardDecision::Refuse))
    }

    /// Forwards a port. Zero lets the server choose one.
    fn tcpip_forward<'a>(&'a self, address: &'a str, port: u16) -> BoxFuture<'a, ListenDecision> {
        let _ = (address, port);
        Box::pin(ready(ListenDecision::Refuse))
    }

    /// Forwards a Unix socket. The path is absolute, has no `..` in it and fits a socket address.
    fn streamlocal_forward<'a>(&'a self, path: &'a std::path::Path) -> BoxFuture<'a, SocketDecision> {
        let _ = path;
        Box::pin(ready(SocketDecision::Refuse))
    }

    /// The connection has ended; this is why.
    fn disconnected(&self, reason: &konko_tokio::Error) {
        let _ = reason;
    }
}

/// What an application decides about one session. Requests come in the order the client sent them. What is not
/// overridden refuses.
pub trait SessionHandler: Send + 'static {
    /// Sets an environment variable (RFC 4254 §6.4): whether it is taken. The name has letters, digits and `_`
    /// only, the value no NUL; how many there may be is limited before this.
    fn env(&mut self, name: &str, value: &[u8]) -> bool {
        let _ = (name, value);
        false
    }

    /// Makes a terminal (RFC 4254 §6.2): whether there is one. Asked at most once with success, and never after
    /// the start.
    fn pty(&mut self, request: PtyRequest) -> BoxFuture<'_, bool> {
        let _ = request;
        Box::pin(ready(false))
    }

    /// Lets what is started use the client's agent: whether it can. Asked before the start only, and not again once it
    /// was granted.
    fn forward_agent(&mut self, agent: ForwardedAgent) -> BoxFuture<'_, bool> {
        let _ = agent;
        Box::pin(ready(false))
    }

    /// Starts a program. `None` refuses; what is returned runs at once, and nothing else is ever started.
    fn start(&mut self, request: StartRequest) -> BoxFuture<'_, Option<Program>> {
        let _ = request;
        Box::pin(ready(None))
    }
}

/// Makes a handler for each connection.
pub trait HandlerFactory: Send + Sync + 'static {
    /// The handler of a connection with this peer.
    fn handler(&self, peer: &PeerInfo) -> Arc<dyn Handler>;
}

impl<F, H> HandlerFactory for F
where
    F: Fn(&PeerInfo) -> H + Send + Sync + 'static,
    H: Handler,
{
    fn handler(&self, peer: &PeerInfo) -> Arc<dyn Handler> {
        Arc::new(self(peer))
    }
}

/// A handler that refuses everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct RefuseAll;

impl Handler for RefuseAll {}
