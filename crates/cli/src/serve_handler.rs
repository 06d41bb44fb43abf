//! The handler of `konko serve`: the standard one, with TCP and Unix sockets told apart.

use konko::server::{
    AuthDecision, AuthRequest, BoxFuture, DirectTcpip, ForwardDecision, Handler, ListenDecision, PeerInfo,
    SessionHandler, SocketDecision, StandardHandler, StandardOptions,
};
use std::future::ready;
use std::path::Path;
use std::sync::Arc;

/// The handler of one connection.
#[derive(Debug)]
pub struct ServeHandler {
    standard: StandardHandler,
    allow_tcp: bool,
    allow_streamlocal: bool,
}

impl ServeHandler {
    /// The standard handler under these options, with forwarding only of what is allowed.
    pub fn new(
        options: Arc<StandardOptions>,
        peer: &PeerInfo,
        allow_tcp: bool,
        allow_streamlocal: bool,
    ) -> Self {
        Self { standard: StandardHandler::new(options, peer), allow_tcp, allow_streamlocal }
    }
}

impl Handler for ServeHandler {
    fn banner(&self) -> Option<String> {
        self.standard.banner()
    }

    fn authenticate<'a>(&'a self, request: AuthRequest<'a>) -> BoxFuture<'a, AuthDecision> {
        self.standard.authenticate(request)
    }

    fn authenticated(&self, user_name: &str) {
        self.standard.authenticated(user_name);
    }

    fn open_session(&self) -> BoxFuture<'_, Option<Box<dyn SessionHandler>>> {
        self.standard.open_session()
    }

    fn direct_tcpip<'a>(&'a self, target: &'a DirectTcpip) -> BoxFuture<'a, ForwardDecision> {
        match self.allow_tcp {
            true => self.standard.direct_tcpip(target),
            false => Box::pin(ready(ForwardDecision::Refuse)),
        }
    }

    fn direct_streamlocal<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, ForwardDecision> {
        match self.allow_streamlocal {
            true => self.standard.direct_streamlocal(path),
            false => Box::pin(ready(ForwardDecision::Refuse)),
        }
    }

    fn tcpip_forward<'a>(&'a self, address: &'a str, port: u16) -> BoxFuture<'a, ListenDecision> {
        match self.allow_tcp {
            true => self.standard.tcpip_forward(address, port),
            false => Box::pin(ready(ListenDecision::Refuse)),
        }
    }

    fn streamlocal_forward<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, SocketDecision> {
        match self.allow_streamlocal {
            true => self.standard.streamlocal_forward(path),
            false => Box::pin(ready(SocketDecision::Refuse)),
        }
    }

    fn disconnected(&self, reason: &konko::tokio::Error) {
        self.standard.disconnected(reason);
    }
}
