//! A server: its settings, the connections it accepts, and its end.

use crate::accept_error::pause_after;
use crate::admission::{Admission, Admitted};
use crate::connection::ServerConnection;
use crate::error::Error;
use crate::handler::{ForwardStream, HandlerFactory, RefuseAll};
use crate::limits::ServerLimits;
use crate::peer::PeerInfo;
use konko_tokio::Connection;
use konko_transport::keys::certificate::Certificate;
use konko_transport::keys::certificate_kind::CertificateKind;
use konko_transport::userauth::method_name::MethodName;
use konko_transport::{HostKey, ServerConfig};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What is said to a client that is not admitted, before it has identified itself. RFC 4253 §4.2: "The server MAY
/// send other lines of data before sending the version string."
const NOT_ADMITTED: &[u8] = b"Too many connections, try again later\r\n";

/// A server's settings; see [`Server::builder`].
pub struct ServerBuilder {
    config: ServerConfig,
    limits: ServerLimits,
    factory: Arc<dyn HandlerFactory>,
}

impl std::fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl ServerBuilder {
    /// Adds a host key, or a [certificate](HostKey::Certificate) of one. One key is needed at least; of several the
    /// client chooses by their algorithms.
    pub fn host_key(mut self, key: impl Into<HostKey>) -> Self {
        self.config.host_keys.push(key.into());
        self
    }

    /// Who decides. Without it everything is refused.
    pub fn handler(mut self, factory: impl HandlerFactory) -> Self {
        self.factory = Arc::new(factory);
        self
    }

    /// The authentication methods that are offered; `publickey` alone by default.
    pub fn methods(mut self, methods: impl IntoIterator<Item = MethodName>) -> Self {
        self.config.auth.methods = methods.into_iter().collect();
        self
    }

    /// How much the server bears.
    pub fn limits(mut self, limits: ServerLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Changes the settings of the protocol: algorithms, deadlines, windows, keepalives.
    pub fn transport_config(mut self, change: impl FnOnce(&mut ServerConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// The server.
    ///
    /// # Errors
    ///
    /// [`Error::NoHostKey`], [`Error::ExternalHostKey`] for one that this server could not sign with, or
    /// [`Error::HostCertificate`] for a certificate of something else than these keys.
    pub fn build(self) -> Result<Server, Error> {
        let keys = &self.config.host_keys;
        if !keys.iter().any(HostKey::can_sign) {
            return Err(Error::NoHostKey);
        }
        if keys.iter().any(|key| matches!(key, HostKey::External(_))) {
            return Err(Error::ExternalHostKey);
        }
        let fits = |certificate: &Certificate| {
            let mut signing = keys.iter().filter(|key| key.can_sign());
            certificate.kind() == CertificateKind::Host
                && signing.any(|key| key.public_key() == certificate.public_key())
        };
        if keys.iter().any(|key| matches!(key, HostKey::Certificate(certificate) if !fits(certificate))) {
            return Err(Error::HostCertificate);
        }
        let limits = Arc::new(self.limits);
        Ok(Server {
            config: Arc::new(self.config),
            admission: Admission::new(Arc::clone(&limits)),
            limits,
            factory: self.factory,
        })
    }
}

/// A server. Cheap to clone; clones share their counts of connections.
#[derive(Clone)]
pub struct Server {
    config: Arc<ServerConfig>,
    limits: Arc<ServerLimits>,
    admission: Arc<Admission>,
    factory: Arc<dyn HandlerFactory>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Server {
    /// A server that refuses everything until it is told otherwise.
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            config: ServerConfig::new(Vec::new()),
            limits: ServerLimits::default(),
            factory: Arc::new(|_: &PeerInfo| RefuseAll),
        }
    }

    /// Listens on an address.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] if that is not possible.
    pub async fn listen(address: impl ToSocketAddrs + std::fmt::Debug) -> Result<TcpListener, Error> {
        let text = format!("{address:?}");
        TcpListener::bind(address).await.map_err(|error| Error::Listen { address: text, error })
    }

    /// Accepts connections and serves each in a task of its own, until `shutdown` is ready. Then no more are
    /// accepted, and those that are there are ended in an orderly way and waited for. Dropping the future cuts them.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let (ended, shutting_down) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(served) = connections.join_next() => {
                    if let Err(error) = served {
                        tracing::error!(%error, "a connection failed");
                    }
                    continue;
                }
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => {
                    let peer = PeerInfo::new(Some(address), stream.local_addr().ok());
                    match self.admission.admit(Some(address.ip())) {
                        Ok(admitted) => {
                            let server = self.clone();
                            let shutting_down = shutting_down.clone();
                            connections.spawn(server.serve_admitted(stream, peer, admitted, shutting_down));
                        }
                        Err(refusal) => {
                            tracing::warn!(%peer, %refusal, "a connection is not admitted");
                            turn_away(stream);
                        }
                    }
                }
                Err(error) => tokio::select! {
                    () = &mut shutdown => break,
                    () = pause_after(&error) => {}
                },
            }
        }
        drop(listener);
        // There is a receiver, so this cannot fail.
        let _ = ended.send(true);
        while connections.join_next().await.is_some() {}
    }

    async fn serve_admitted(
        self,
        stream: TcpStream,
        peer: PeerInfo,
        admitted: Admitted,
        shutting_down: watch::Receiver<bool>,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let (connection, driver) = Connection::server(stream, Arc::clone(&self.config));
        let handler = self.factory.handler(&peer);
        let served = ServerConnection::new(connection, handler, Arc::clone(&self.limits), Some(admitted));
        // What the arguments took would be kept beside it.
        Box::pin(served.serve(driver, shutting_down)).await;
    }

    /// Serves one connection on a stream of any kind. It does not count among the server's connections. Dropping
    /// the future cuts it.
    pub async fn serve_connection(&self, stream: impl ForwardStream, peer: PeerInfo) {
        let (_running, shutting_down) = watch::channel(false);
        let (connection, driver) = Connection::server(stream, Arc::clone(&self.config));
        let handler = self.factory.handler(&peer);
        let served = ServerConnection::new(connection, handler, Arc::clone(&self.limits), None);
        served.serve(driver, shutting_down).await;
    }
}

/// Says why and closes, without waiting for anything.
fn turn_away(stream: TcpStream) {
    // A fresh socket has room for a line; should it not, nothing is lost but the reason.
    if let Err(error) = stream.try_write(NOT_ADMITTED) {
        tracing::debug!(%error, "a client was not told why it is not admitted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use konko_transport::crypto::random::SystemRandom;
    use konko_transport::keys::certificate_builder::CertificateBuilder;
    use konko_transport::keys::private_key::{KeyKind, PrivateKey};
    use konko_transport::keys::signature_algorithm::SSH_ED25519;

    fn key() -> PrivateKey {
        PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key")
    }

    fn certificate(kind: CertificateKind, key: &PrivateKey) -> HostKey {
        let builder = CertificateBuilder::new(kind, key.public_key(), "a host").principals(["host.example"]);
        let signed = builder.sign(&self::key(), &SSH_ED25519, &mut SystemRandom);
        HostKey::Certificate(signed.expect("a certificate"))
    }

    fn build(keys: Vec<HostKey>) -> Result<Server, Error> {
        keys.into_iter().fold(Server::builder(), ServerBuilder::host_key).build()
    }

    #[test]
    fn certificates_must_belong_to_the_host_keys() {
        let (one, other) = (key(), key());
        let good = certificate(CertificateKind::Host, &one);
        assert!(build(vec![one.clone().into(), good.clone()]).is_ok());
        assert!(build(vec![good.clone(), one.clone().into()]).is_ok());
        assert!(matches!(build(vec![good.clone()]), Err(Error::NoHostKey)));
        assert!(matches!(build(vec![other.into(), good]), Err(Error::HostCertificate)));
        let of_user = certificate(CertificateKind::User, &one);
        assert!(matches!(build(vec![one.into(), of_user]), Err(Error::HostCertificate)));
    }
}
