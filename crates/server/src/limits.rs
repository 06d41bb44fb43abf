//! How much a server bears.

use std::time::Duration;

/// How much a server bears. Windows, packets and authentication attempts have their own limits in
/// [`ServerConfig`](konko_transport::ServerConfig).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerLimits {
    /// Connections at once. 1,024 by default.
    pub maximum_connections: usize,
    /// Connections at once whose user is not authenticated yet. 256 by default.
    pub maximum_unauthenticated: usize,
    /// The same from one source: an IPv4 address, or a /64 network of IPv6. 16 by default.
    pub maximum_unauthenticated_per_source: usize,
    /// Sessions at once on one connection. 10 by default.
    pub maximum_sessions: usize,
    /// Ports and Unix sockets that one connection may have forwarded at once. 64 by default.
    pub maximum_forward_listeners: usize,
    /// Outgoing connections that one connection may be waiting for at once. 64 by default.
    pub maximum_connecting: usize,
    /// How long an outgoing connection may take, for each address tried. 15 s by default.
    pub connect_timeout: Duration,
    /// Environment variables that one session may set. 128 by default.
    pub maximum_environment_variables: usize,
    /// The bytes of their names and values together. 32 KiB by default.
    pub maximum_environment_bytes: usize,
    /// How long a program may go on after its channel has closed before it is dropped. 5 s by default.
    pub program_end: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            maximum_connections: 1024,
            maximum_unauthenticated: 256,
            maximum_unauthenticated_per_source: 16,
            maximum_sessions: 10,
            maximum_forward_listeners: 64,
            maximum_connecting: 64,
            connect_timeout: Duration::from_secs(15),
            maximum_environment_variables: 128,
            maximum_environment_bytes: 32 * 1024,
            program_end: Duration::from_secs(5),
        }
    }
}
