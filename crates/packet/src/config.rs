//! What a [`PacketProtocol`](crate::packet::PacketProtocol) is told beforehand.

use crate::algorithms::Algorithms;
use crate::rekey::RekeyPolicy;
use konko_crypto::kex::Moduli;
use konko_keys::public_key::MINIMUM_RSA_BITS;
use konko_keys::signature_algorithm::{SECURITY_KEY_ALGORITHMS, SIGNATURE_ALGORITHMS, SignatureAlgorithm};
use konko_wire::identification::Identification;
use std::sync::Arc;
use std::time::Duration;

/// Limits on what a peer can make us hold or do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest `packet_length` accepted, and the largest payload after decompression, in bytes.
    /// Default: 256 KiB. RFC 4253 §6.1 asks for 35,000 at least.
    pub maximum_packet_len: u32,
    /// The same before the user is authenticated. Default: 64 KiB.
    pub maximum_packet_len_before_authentication: u32,
    /// Bytes that a peer may send before the user is authenticated. Default: 1 MiB.
    pub maximum_bytes_before_authentication: u64,
    /// Packets that a peer may send before the user is authenticated. Default: 2,000.
    pub maximum_packets_before_authentication: u64,
    /// Messages of upper layers that wait for the end of a key exchange. Default: 4,096.
    pub maximum_deferred_messages: usize,
    /// Bytes of such messages. Default: 1 MiB.
    pub maximum_deferred_bytes: usize,
    /// Channel data may be sent while less than this waits for the peer to read. Default: 512 KiB.
    pub output_room: usize,
    /// With this much waiting for the peer to read the connection ends: it makes us answer and does not read.
    /// Default: 2 MiB.
    pub maximum_output_len: usize,
    /// Lines that a server may send before its identification string. Default: 1,024.
    pub maximum_lines_before_identification: usize,
    /// The longest such line in bytes. Default: 8 KiB.
    pub maximum_line_len_before_identification: usize,
    /// All such lines together in bytes. Default: 64 KiB.
    pub maximum_bytes_before_identification: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            maximum_packet_len: 256 * 1024,
            maximum_packet_len_before_authentication: 64 * 1024,
            maximum_bytes_before_authentication: 1024 * 1024,
            maximum_packets_before_authentication: 2000,
            maximum_deferred_messages: 4096,
            maximum_deferred_bytes: 1024 * 1024,
            output_room: 512 * 1024,
            maximum_output_len: 2 * 1024 * 1024,
            maximum_lines_before_identification: 1024,
            maximum_line_len_before_identification: 8 * 1024,
            maximum_bytes_before_identification: 64 * 1024,
        }
    }
}

/// The sizes of Diffie–Hellman groups that a client asks for in a group exchange (RFC 4419 §3), in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupSizes {
    /// The smallest acceptable. Default: 2048 (RFC 8270).
    pub minimum: u32,
    /// The preferred. Default: 3072.
    pub preferred: u32,
    /// The largest acceptable. Default: 8192.
    pub maximum: u32,
}

impl Default for GroupSizes {
    fn default() -> Self {
        Self { minimum: 2048, preferred: 3072, maximum: 8192 }
    }
}

/// What a [`PacketProtocol`](crate::packet::PacketProtocol) is told beforehand. One value may serve many
/// connections.
#[derive(Debug, Clone)]
pub struct PacketConfig {
    /// What is offered.
    pub algorithms: Algorithms,
    /// Our identification string.
    pub identification: Identification,
    /// Limits on the peer.
    pub limits: Limits,
    /// When keys are re-exchanged.
    pub rekey: RekeyPolicy,
    /// A server's groups for the group exchange (RFC 4419). Without them it does not offer the method.
    /// Default: none.
    pub moduli: Option<Arc<Moduli>>,
    /// The sizes that a client asks for in a group exchange.
    pub group_sizes: GroupSizes,
    /// How long the peer may take to identify itself. Default: 30 s.
    pub identification_deadline: Duration,
    /// How long a key exchange may take, the first one or a later one. The time that the application needs to
    /// answer for a host key does not count. Default: 60 s.
    pub key_exchange_deadline: Duration,
    /// Refuse peers without strict key exchange: with them, some algorithms let an attacker remove messages at
    /// the beginning of the connection (CVE-2023-48795). Default: `false`.
    pub require_strict_kex: bool,
    /// The fewest bits of a server's RSA host key. Default: 2048.
    pub minimum_rsa_bits: u32,
    /// The signature algorithms that a server announces for user authentication in `server-sig-algs`
    /// (RFC 8308 §3.1). Default: all but the legacy ones.
    pub user_signature_algorithms: Vec<&'static SignatureAlgorithm>,
}

/// The default identification string without `SSH-2.0-`.
const SOFTWARE_VERSION: &str = concat!("konko_", env!("CARGO_PKG_VERSION"));

impl Default for PacketConfig {
    /// The defaults of a client.
    fn default() -> Self {
        let identification = Identification::new(SOFTWARE_VERSION, None);
        Self {
            algorithms: Algorithms::default(),
            identification: identification.expect("a package version is printable and has no minus sign"),
            limits: Limits::default(),
            rekey: RekeyPolicy::default(),
            moduli: None,
            group_sizes: GroupSizes::default(),
            identification_deadline: Duration::from_secs(30),
            key_exchange_deadline: Duration::from_secs(60),
            require_strict_kex: false,
            minimum_rsa_bits: MINIMUM_RSA_BITS as u32,
            user_signature_algorithms: SIGNATURE_ALGORITHMS
                .iter()
                .chain(SECURITY_KEY_ALGORITHMS)
                .copied()
                .filter(|row| !row.legacy)
                .collect(),
        }
    }
}

impl PacketConfig {
    /// The defaults of a server: those of a client with [`Algorithms::server_default`].
    pub fn server_default() -> Self {
        Self { algorithms: Algorithms::server_default(), ..Self::default() }
    }
}
