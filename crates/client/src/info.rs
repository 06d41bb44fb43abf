//! What is known of a connection.

use crate::login_report::LoginReport;
use konko_transport::keys::public_key::PublicKey;
use konko_transport::packet::Negotiated;
use konko_transport::{Client, Transport};

/// What is known of a connection. Algorithms are those of the moment; a key re-exchange may change them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The server's identification string, such as `SSH-2.0-OpenSSH_9.9`. From the server: escape it before
    /// showing it.
    pub server_identification: String,
    /// The host key that the server has proved to own, and that was accepted.
    pub host_key: PublicKey,
    /// The algorithms in use.
    pub negotiated: Negotiated,
    /// Whether the key exchange was strict (the countermeasure to CVE-2023-48795).
    pub strict_key_exchange: bool,
    /// The session identifier (RFC 4253 §7.2).
    pub session_id: Vec<u8>,
    /// The texts that the server showed before login. From the server: escape them before showing them.
    pub banners: Vec<String>,
    /// How the user was logged in.
    pub login: LoginReport,
    /// The signature algorithms that the server takes of users' keys, if it said so.
    pub server_sig_algs: Option<Vec<String>>,
}

impl SessionInfo {
    /// What is known of a connection; `None` if it never had keys.
    pub(crate) fn of(
        transport: &Transport<Client>,
        host_key: &PublicKey,
        login: &LoginReport,
        banners: &[String],
    ) -> Option<Self> {
        Some(Self {
            server_identification: transport.peer_identification()?.to_string(),
            host_key: host_key.clone(),
            negotiated: *transport.negotiated()?,
            strict_key_exchange: transport.packets().is_strict_kex(),
            session_id: transport.session_id()?.to_vec(),
            banners: banners.to_vec(),
            login: login.clone(),
            server_sig_algs: transport.server_sig_algs().map(<[String]>::to_vec),
        })
    }
}
