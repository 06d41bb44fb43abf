//! How both ends are configured, and how they log in over a tokio driver.

use crate::cipher::CIPHER;
use konko_tokio::{Channel, Connection};
use konko_transport::channel::{ChannelConfig, ChannelKind, OpenOptions};
use konko_transport::crypto::cipher::CIPHERS;
use konko_transport::crypto::random::SystemRandom;
use konko_transport::keepalive::KeepaliveConfig;
use konko_transport::keys::private_key::{KeyKind, PrivateKey};
use konko_transport::packet::{PacketConfig, RekeyPolicy, select};
use konko_transport::userauth::event::ServerAuthEvent;
use konko_transport::userauth::method_name::MethodName;
use konko_transport::userauth::{AttemptKind, Method};
use konko_transport::{Client, ClientConfig, ClientEvent, Event, Server, ServerConfig, ServerEvent};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// The user of every connection.
pub const USER_NAME: &str = "user";
/// The user's password.
pub const PASSWORD: &str = "secret";

static HOST_KEY: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("an Ed25519 key"));

/// What the two ends of a connection are told.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Windows of the client's channels, and of the server's.
    pub channel: ChannelConfig,
    /// Keepalive requests of the client.
    pub keepalive: KeepaliveConfig,
}

impl Default for Setup {
    /// Windows of 2 MiB that never grow, because how far they would depends on the clock; no keepalive requests,
    /// and no new keys merely because time has passed.
    fn default() -> Self {
        let mut channel = ChannelConfig::default();
        channel.maximum_window_size = channel.initial_window_size;
        Self { channel, keepalive: KeepaliveConfig::default() }
    }
}

impl Setup {
    /// With a keepalive request of the client for every minute in which nothing came.
    pub fn with_keepalive(mut self) -> Self {
        self.keepalive.interval = Some(Duration::from_secs(60));
        self
    }

    fn packet(config: PacketConfig) -> Arc<PacketConfig> {
        let ciphers = select(&[], CIPHERS, CIPHER).expect("a cipher of the table");
        let algorithms = config.algorithms.clone().with_ciphers(ciphers);
        let rekey = RekeyPolicy { interval: None, ..config.rekey.clone() };
        Arc::new(PacketConfig { algorithms, rekey, ..config })
    }

    /// The client's side.
    pub fn client(&self) -> Arc<ClientConfig> {
        let mut config = ClientConfig::default();
        config.packet = Self::packet(PacketConfig::default());
        config.channel = self.channel.clone();
        config.keepalive = self.keepalive;
        Arc::new(config)
    }

    /// The server's side.
    pub fn server(&self) -> Arc<ServerConfig> {
        let mut config = ServerConfig::new(vec![HOST_KEY.clone().into()]);
        config.packet = Self::packet(PacketConfig::server_default());
        config.channel = self.channel.clone();
        config.auth.methods = vec![MethodName::Password];
        Arc::new(config)
    }
}

/// The user's password, as a way to log in.
pub fn by_password() -> Method {
    Method::Password(PASSWORD.to_owned().into())
}

/// Whether an attempt shows the right password.
pub fn is_right(kind: &AttemptKind) -> bool {
    matches!(kind, AttemptKind::Password { password } if password.as_str() == PASSWORD)
}

/// Logs the client in.
pub async fn log_in(client: &Connection<Client>) {
    client
        .with(|transport, now| transport.authenticate(USER_NAME, by_password(), now))
        .expect("it may begin");
    loop {
        match client.next_event().await {
            Some(ClientEvent::HostKey(question)) => {
                let accepted = client.with(|transport, now| transport.accept_host_key(question, now));
                accepted.expect("accepted");
            }
            Some(ClientEvent::Common(Event::Authenticated)) => return,
            Some(_) => {}
            None => panic!("{:?}", client.error()),
        }
    }
}

/// Lets the client in.
pub async fn let_in(server: &Connection<Server>) {
    loop {
        match server.next_event().await {
            Some(ServerEvent::Auth(ServerAuthEvent::Attempt(attempt))) => {
                assert!(is_right(&attempt.kind), "another password");
                return server.with(|transport, _| transport.accept_auth(attempt)).expect("accepted");
            }
            Some(_) => {}
            None => panic!("{:?}", server.error()),
        }
    }
}

/// Answers what the client asks as long as the connection lasts.
pub async fn attend(server: Connection<Server>) {
    while let Some(event) = server.next_event().await {
        if let ServerEvent::Common(Event::GlobalRequest(question)) = event {
            server.answer_global(question, None);
        }
    }
}

/// A new channel of the client.
pub async fn open(client: &Connection<Client>) -> Channel {
    client.open_channel(ChannelKind::Session, OpenOptions::default(), None).await.expect("opened")
}

/// The channel that the client opens.
pub async fn accept(server: &Connection<Server>) -> Channel {
    loop {
        match server.next_event().await {
            Some(ServerEvent::Common(Event::OpenRequested(question))) => {
                return server.accept_channel(question);
            }
            Some(_) => {}
            None => panic!("{:?}", server.error()),
        }
    }
}
