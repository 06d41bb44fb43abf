//! The two ends of a connection, configured so that no arithmetic stands in a fuzzer's way but one signature.

use crate::null_rows::{NULL_CIPHER, NULL_KEX};
use crate::repeatable_random::RepeatableRandom;
use konko_channel::ChannelConfig;
use konko_keys::private_key::{KeyKind, PrivateKey};
use konko_keys::signature_algorithm::SSH_ED25519;
use konko_packet::{Algorithms, PacketConfig, RekeyPolicy};
use konko_transport::{Client, ClientConfig, HostKey, Server, ServerConfig, Transport};
use konko_userauth::MethodName;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// The name that every user has.
pub const USER_NAME: &str = "user";

/// The one instant that never passes unless a target lets it.
pub static START: LazyLock<Instant> = LazyLock::new(Instant::now);

static HOST_KEY: LazyLock<PrivateKey> = LazyLock::new(|| ed25519(1));
static USER_KEY: LazyLock<PrivateKey> = LazyLock::new(|| ed25519(2));
static CLIENT: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| Arc::new(client_config()));
static SERVER: LazyLock<Arc<ServerConfig>> = LazyLock::new(|| Arc::new(server_config()));

fn ed25519(seed: u64) -> PrivateKey {
    PrivateKey::generate(KeyKind::Ed25519, &mut RepeatableRandom(seed)).expect("an Ed25519 key")
}

/// The server's key.
pub fn host_key() -> &'static PrivateKey {
    &HOST_KEY
}

/// The user's key.
pub fn user_key() -> &'static PrivateKey {
    &USER_KEY
}

/// Nothing but null rows, and the host key's algorithm.
pub fn null_algorithms() -> Algorithms {
    let mut algorithms = Algorithms::default().with_ciphers(vec![&NULL_CIPHER]);
    algorithms.kex = vec![&NULL_KEX];
    algorithms.host_key = vec![&SSH_ED25519];
    algorithms
}

/// Null rows, and a re-exchange of keys every few kilobytes.
pub fn packet_config() -> PacketConfig {
    PacketConfig {
        algorithms: null_algorithms(),
        rekey: RekeyPolicy { bytes: 32 * 1024, packets: 1000, interval: Some(Duration::from_secs(3600)) },
        ..PacketConfig::default()
    }
}

/// Small windows, so that their edges are near.
pub fn channel_config() -> ChannelConfig {
    ChannelConfig {
        initial_window_size: 4096,
        maximum_window_size: 16 * 1024,
        maximum_total_window: 64 * 1024,
        maximum_packet_size: 1024,
        maximum_channels: 16,
        maximum_pending_requests: 32,
        maximum_unanswered: 32,
    }
}

fn client_config() -> ClientConfig {
    let mut config = ClientConfig::default();
    config.packet = Arc::new(packet_config());
    config.channel = channel_config();
    config.keepalive.interval = Some(Duration::from_secs(30));
    config
}

fn server_config() -> ServerConfig {
    let mut config = ServerConfig::new(vec![HostKey::from(HOST_KEY.clone())]);
    config.packet = Arc::new(packet_config());
    config.channel = channel_config();
    config.auth.methods = MethodName::ALL.to_vec();
    config.keepalive.interval = Some(Duration::from_secs(30));
    config
}

/// A client at its beginning.
pub fn client() -> Transport<Client> {
    Transport::client(Arc::clone(&CLIENT), Box::new(RepeatableRandom(3)), *START)
}

/// A server at its beginning.
pub fn server() -> Transport<Server> {
    Transport::server(Arc::clone(&SERVER), Box::new(RepeatableRandom(4)), *START)
}
