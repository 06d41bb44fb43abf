//! What a connection is told before it begins.

use crate::keepalive::KeepaliveConfig;
use konko_channel::config::ChannelConfig;
use konko_keys::certificate::Certificate;
use konko_keys::identity::Identity;
use konko_keys::private_key::PrivateKey;
use konko_keys::public_key::PublicKey;
use konko_packet::config::PacketConfig;
use konko_userauth::{ClientAuthConfig, ServerAuthConfig};
use std::sync::Arc;
use std::time::Duration;

/// The client's side of a connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientConfig {
    /// Algorithms, limits, re-exchange and the deadlines of the transport layer.
    pub packet: Arc<PacketConfig>,
    /// Limits of the authentication protocol.
    pub auth: ClientAuthConfig,
    /// Windows and limits of channels.
    pub channel: ChannelConfig,
    /// How long the server may take to answer one authentication message; the time a person takes to answer a
    /// prompt does not count. 60 s by default; `None` waits for ever.
    pub authentication_timeout: Option<Duration>,
    /// Keepalive requests; none by default.
    pub keepalive: KeepaliveConfig,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            packet: Arc::new(PacketConfig::default()),
            auth: ClientAuthConfig::default(),
            channel: ChannelConfig::default(),
            authentication_timeout: Some(Duration::from_secs(60)),
            keepalive: KeepaliveConfig::default(),
        }
    }
}

/// A host key of a server: one that it holds, or one that somebody else signs with.
#[derive(Debug, Clone)]
pub enum HostKey {
    /// Signatures are made at once, inside the machine.
    Private(Arc<PrivateKey>),
    /// Signatures are asked for with [`ServerEvent::SignatureWanted`](crate::event::ServerEvent::SignatureWanted).
    External(PublicKey),
    /// A certificate of one of the other keys, which signs. It is shown to clients that ask for one; to others the
    /// bare key is. A certificate of a key that is not there is of no use.
    Certificate(Certificate),
}

impl HostKey {
    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        match self {
            Self::Private(key) => key.public_key(),
            Self::External(key) => key,
            Self::Certificate(certificate) => certificate.public_key(),
        }
    }

    /// What a client is shown.
    pub fn identity(&self) -> Identity {
        match self {
            Self::Certificate(certificate) => certificate.clone().into(),
            key => key.public_key().clone().into(),
        }
    }

    /// Whether this is a key to sign with, and no certificate.
    pub const fn can_sign(&self) -> bool {
        !matches!(self, Self::Certificate(_))
    }
}

impl From<PrivateKey> for HostKey {
    fn from(key: PrivateKey) -> Self {
        Self::Private(Arc::new(key))
    }
}

/// The server's side of a connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Algorithms, limits, re-exchange and the deadlines of the transport layer.
    pub packet: Arc<PacketConfig>,
    /// The keys the server proves itself with. Without any, no client can connect.
    pub host_keys: Vec<HostKey>,
    /// Methods and limits of the authentication protocol.
    pub auth: ServerAuthConfig,
    /// Windows and limits of channels.
    pub channel: ChannelConfig,
    /// How long a client may take from connecting to being authenticated. 60 s by default; `None` waits for
    /// ever.
    pub login_grace_time: Option<Duration>,
    /// How long after its arrival a failed password or keyboard-interactive attempt is answered at the
    /// earliest, so that the time tells nothing. 250 ms by default.
    pub failure_delay: Duration,
    /// Keepalive requests; none by default.
    pub keepalive: KeepaliveConfig,
    /// Whether clients are told of all host keys once they are logged in (`hostkeys-00@openssh.com`), so that they can
    /// learn those that they have not seen yet. Default: `true`, as OpenSSH does.
    pub announce_host_keys: bool,
}

impl ServerConfig {
    /// The defaults, with these host keys.
    pub fn new(host_keys: Vec<HostKey>) -> Self {
        Self {
            packet: Arc::new(PacketConfig::server_default()),
            host_keys,
            auth: ServerAuthConfig::default(),
            channel: ChannelConfig::default(),
            login_grace_time: Some(Duration::from_secs(60)),
            failure_delay: Duration::from_millis(250),
            keepalive: KeepaliveConfig::default(),
            announce_host_keys: true,
        }
    }
}
