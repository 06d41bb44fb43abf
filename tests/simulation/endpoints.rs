//! How the two ends of a simulated connection are configured.

use crate::random::SeededRandom;
use konko_channel::ChannelConfig;
use konko_crypto::cipher::{CIPHERS, CipherAlgorithm};
use konko_crypto::kex::table::CURVE25519_SHA256;
use konko_crypto::mac::MACS;
use konko_keys::private_key::{KeyKind, PrivateKey};
use konko_keys::signature_algorithm::SSH_ED25519;
use konko_packet::{Algorithms, PacketConfig, RekeyPolicy};
use konko_tests::Seed;
use konko_transport::keepalive::KeepaliveConfig;
use konko_transport::{Client, ClientConfig, HostKey, Server, ServerConfig, Transport};
use konko_userauth::MethodName;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// The user of every connection.
pub const USER_NAME: &str = "user";
/// The user's password.
pub const PASSWORD: &str = "correct horse battery staple";

static HOST_KEY: LazyLock<PrivateKey> = LazyLock::new(|| ed25519(1));
static USER_KEY: LazyLock<PrivateKey> = LazyLock::new(|| ed25519(2));

fn ed25519(seed: u64) -> PrivateKey {
    PrivateKey::generate(KeyKind::Ed25519, &mut SeededRandom(Seed::new(seed))).expect("an Ed25519 key")
}

/// The server's key.
pub fn host_key() -> &'static PrivateKey {
    &HOST_KEY
}

/// The user's key.
pub fn user_key() -> &'static PrivateKey {
    &USER_KEY
}

/// The cipher of that name.
pub fn cipher(name: &str) -> &'static CipherAlgorithm {
    CIPHERS.iter().copied().find(|row| row.name == name).expect("a cipher of the table")
}

/// What both ends of one connection share.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The seed of everything random in it.
    pub seed: u64,
    /// The algorithms. Quick ones unless set, and few, so that the first messages are short.
    pub algorithms: Algorithms,
    /// When keys are exchanged again. By default when asked to.
    pub rekey: RekeyPolicy,
    /// Windows and limits of channels.
    pub channel: ChannelConfig,
    /// Keepalive requests of both ends.
    pub keepalive: KeepaliveConfig,
}

impl Setup {
    /// The usual one.
    pub fn new(seed: u64) -> Self {
        let mut algorithms = Algorithms::default().with_ciphers(vec![cipher("aes128-gcm@openssh.com")]);
        algorithms.kex = vec![&CURVE25519_SHA256];
        algorithms.host_key = vec![&SSH_ED25519];
        let mac = MACS.iter().copied().find(|row| row.name == "hmac-sha2-256-etm@openssh.com");
        Self {
            seed,
            algorithms: algorithms.with_macs(vec![mac.expect("a MAC of the table")]),
            rekey: RekeyPolicy { bytes: u64::MAX, packets: u64::MAX, interval: None },
            channel: ChannelConfig::default(),
            keepalive: KeepaliveConfig::default(),
        }
    }

    /// With keepalive requests: a peer is given up 40 s after its last byte.
    pub fn with_keepalive(mut self) -> Self {
        self.keepalive = KeepaliveConfig { interval: Some(Duration::from_secs(10)), maximum_missed: 3 };
        self
    }

    fn packet(&self) -> Arc<PacketConfig> {
        Arc::new(PacketConfig {
            algorithms: self.algorithms.clone(),
            rekey: self.rekey.clone(),
            ..PacketConfig::default()
        })
    }

    /// The client's end.
    pub fn client(&self, now: Instant) -> Transport<Client> {
        let mut config = ClientConfig::default();
        config.packet = self.packet();
        config.channel = self.channel.clone();
        config.keepalive = self.keepalive;
        Transport::client(Arc::new(config), Box::new(SeededRandom(Seed::new(self.seed ^ 0xc11e))), now)
    }

    /// The server's end.
    pub fn server(&self, now: Instant) -> Transport<Server> {
        let mut config = ServerConfig::new(vec![HostKey::from(host_key().clone())]);
        config.packet = self.packet();
        config.channel = self.channel.clone();
        config.keepalive = self.keepalive;
        config.auth.methods = MethodName::ALL.to_vec();
        // Longer than the deadline of the key exchange, so that it can be told which one has passed.
        config.login_grace_time = Some(Duration::from_secs(90));
        Transport::server(Arc::new(config), Box::new(SeededRandom(Seed::new(self.seed ^ 0x5e7e))), now)
    }
}
