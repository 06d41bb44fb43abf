//! Scenes that have come as far as a test needs.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use konko_keys::private_key::{KeyKind, PrivateKey};
use konko_packet::PacketConfig;
use konko_packet::rekey::RekeyPolicy;
use konko_transport::dispatch::Role;
use konko_transport::{Client, ClientConfig, HostKey, Server, ServerConfig, Transport};
use konko_userauth::{Method, MethodName};
use zeroize::Zeroizing;

use super::byte_peer::{BytePeer, SeededRandom};
use super::messages;
use super::null_rows::{NULL_CIPHER, NULL_KEX};
use super::proposal::Proposal;
use super::scene::Scene;

/// One of three Ed25519 keys; the same whenever it is asked for.
pub fn key(index: usize) -> PrivateKey {
    static KEYS: OnceLock<Vec<PrivateKey>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        (0..3)
            .map(|seed| {
                PrivateKey::generate(KeyKind::Ed25519, SeededRandom::boxed(seed).as_mut()).expect("a key")
            })
            .collect()
    });
    keys[index].clone()
}

/// An ECDSA key, for what needs a key of another type.
pub fn ecdsa_key() -> PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| {
        PrivateKey::generate(KeyKind::EcdsaP256, SeededRandom::boxed(9).as_mut()).expect("a key")
    })
    .clone()
}

/// The defaults, with the null rows behind everything else.
pub fn packet_config(role: Role) -> PacketConfig {
    let mut config = match role {
        Role::Client => PacketConfig::default(),
        Role::Server => PacketConfig::server_default(),
    };
    config.algorithms.kex.push(&NULL_KEX);
    config.algorithms.cipher_client_to_server.push(&NULL_CIPHER);
    config.algorithms.cipher_server_to_client.push(&NULL_CIPHER);
    config.rekey = RekeyPolicy { interval: None, ..RekeyPolicy::default() };
    config
}

/// A server that offers every method of authentication and delays no refusal.
pub fn server_config(packet: PacketConfig) -> ServerConfig {
    let mut config = ServerConfig::new(vec![HostKey::from(key(0))]);
    config.packet = Arc::new(packet);
    config.auth.methods = MethodName::ALL.to_vec();
    config.failure_delay = Duration::ZERO;
    config
}

/// A client with the defaults.
pub fn client_config(packet: PacketConfig) -> ClientConfig {
    let mut config = ClientConfig::default();
    config.packet = Arc::new(packet);
    config
}

impl Scene<Server> {
    /// A server, and a client that makes this proposal.
    pub fn server(proposal: Proposal) -> Self {
        Self::server_with(server_config(packet_config(Role::Server)), proposal)
    }

    /// The same with a configuration.
    pub fn server_with(config: ServerConfig, proposal: Proposal) -> Self {
        let now = Instant::now();
        let target = Transport::server(Arc::new(config), SeededRandom::boxed(1), now);
        Self::new(target, BytePeer::new(Role::Client, proposal, key(1)), now)
    }

    /// Keys are in use and `ssh-userauth` runs.
    pub fn serve_authentication(&mut self) {
        self.handshake();
        self.send(&messages::service_request("ssh-userauth"));
        self.assert_alive();
    }

    /// `alice` is logged in.
    pub fn log_in(&mut self) {
        self.serve_authentication();
        self.send(&messages::password_request("alice", "right"));
        self.assert_alive();
        assert!(self.target.is_authenticated(), "{:?}", self.log);
        self.take();
    }
}

impl Scene<Client> {
    /// A client, and a server that makes this proposal.
    pub fn client(proposal: Proposal) -> Self {
        Self::client_with(client_config(packet_config(Role::Client)), proposal)
    }

    /// The same with a configuration.
    pub fn client_with(config: ClientConfig, proposal: Proposal) -> Self {
        let now = Instant::now();
        let target = Transport::client(Arc::new(config), SeededRandom::boxed(2), now);
        Self::new(target, BytePeer::new(Role::Server, proposal, key(0)), now)
    }

    /// Keys are in use and `ssh-userauth` runs; nothing was asked for.
    pub fn serve_authentication(&mut self) {
        self.handshake();
        self.send(&messages::service_accept("ssh-userauth"));
        self.assert_alive();
    }

    /// The client asks to be let in by `method`.
    pub fn ask(&mut self, method: Method) {
        if let Err(error) = self.target.authenticate("alice", method, self.now) {
            self.error.get_or_insert(error);
        }
        self.settle();
    }

    /// The client is logged in.
    pub fn log_in(&mut self) {
        self.serve_authentication();
        self.ask(password("right"));
        self.send(&[52]);
        self.assert_alive();
        assert!(self.target.is_authenticated(), "{:?}", self.log);
        self.take();
    }
}

/// The method `password`.
pub fn password(text: &str) -> Method {
    Method::Password(Zeroizing::new(text.to_owned()))
}
