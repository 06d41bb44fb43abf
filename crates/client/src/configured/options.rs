//! The options of a client from a configuration.

use crate::configured::attendant::Attendant;
use crate::configured::catalogue::{algorithms, signature_rows};
use crate::configured::credentials::{credentials, keys_added_to, methods};
use crate::configured::error::Error;
use crate::configured::known_hosts::known_hosts_files;
use crate::configured::support;
use crate::host_keys::HostKeyPolicy;
use crate::options::{AddressFamily, ClientOptions};
use konko_config::{Keyword, PubkeyAuthentication, RequestTty, Resolved};
use konko_transport::ClientConfig;
use konko_transport::packet::{PacketConfig, RekeyPolicy};
use konko_transport::wire::identification::Identification;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

impl ClientOptions {
    /// How to connect and log in to the host of this configuration. The proxies that it names are the business of
    /// [`Route`](crate::configured::Route).
    ///
    /// # Errors
    ///
    /// What the configuration asks for and cannot be done. What it merely prefers and is not done is told to the
    /// log, at level debug.
    pub fn from_config(config: &Resolved, attendant: &dyn Attendant) -> Result<Self, Error> {
        support::check(config)?;
        let attendance = attendant.attend(config, known_hosts_files(config)?);
        let host_keys =
            if skips_host_keys(config) { HostKeyPolicy::InsecureAcceptAny } else { attendance.host_keys };
        let mut options = Self::new(config.user(), host_keys);
        options.port = config.port();
        options.host_key_alias = config.host_key_alias().map(str::to_owned);
        let methods = methods(config)?;
        options.credentials = credentials(config, &methods, attendance.prompter.as_ref());
        options.preferred_methods = Some(methods);
        options.password_prompts = config.number(Keyword::NumberOfPasswordPrompts);
        options.identities_only = config.flag(Keyword::IdentitiesOnly);
        if config.is_given(Keyword::PubkeyAcceptedAlgorithms) {
            options.signature_algorithms = signature_rows(&config.algorithms().pubkey);
        }
        if config.is_given(Keyword::HostbasedAcceptedAlgorithms) {
            options.host_based_algorithms = signature_rows(&config.algorithms().hostbased);
        }
        options.add_keys_to_agent = keys_added_to(config);
        options.prompter = attendance.prompter;
        options.set_connection(config)?;
        options.transport = transport(config)?;
        options.transport.auth.host_bound = config.pubkey_authentication() != PubkeyAuthentication::Unbound;
        Ok(options)
    }

    fn set_connection(&mut self, config: &Resolved) -> Result<(), Error> {
        self.compression = config.flag(Keyword::Compression);
        if config.is_given(Keyword::ConnectTimeout) {
            let timeout = config.seconds(Keyword::ConnectTimeout).filter(|seconds| *seconds != 0);
            let timeout = timeout.map(|seconds| Duration::from_secs(seconds.into()));
            self.timeouts.connect = timeout;
            self.timeouts.identification = timeout;
        }
        let interval = config.seconds(Keyword::ServerAliveInterval).filter(|seconds| *seconds != 0);
        self.keepalive = interval.map(|seconds| Duration::from_secs(seconds.into()));
        self.keepalive_maximum_missed = config.number(Keyword::ServerAliveCountMax);
        // Whoever wants a terminal types; ssh(1) thinks of everything else as bulk.
        if config.is_given(Keyword::IPQoS) {
            let (interactive, bulk) = config.traffic_classes();
            let types = matches!(config.request_tty(), RequestTty::Yes | RequestTty::Force);
            self.traffic_class = if types { interactive } else { bulk };
        }
        self.tcp_keepalive = config.flag(Keyword::TCPKeepAlive);
        self.address_family = match config.address_family() {
            konko_config::AddressFamily::Any => AddressFamily::Any,
            konko_config::AddressFamily::Inet => AddressFamily::V4,
            konko_config::AddressFamily::Inet6 => AddressFamily::V6,
        };
        self.bind_address = bind_address(config)?;
        // BindAddress says more.
        let interface = config.text(Keyword::BindInterface).filter(|_| self.bind_address.is_none());
        self.bind_interface = interface.map(str::to_owned);
        Ok(())
    }
}

/// Whether the host is this computer, and keys of this computer are not looked at
/// (`NoHostAuthenticationForLocalhost`).
fn skips_host_keys(config: &Resolved) -> bool {
    let host = config.host_name();
    let is_local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_local && config.flag(Keyword::NoHostAuthenticationForLocalhost)
}

/// An address of this computer, by number or name.
fn bind_address(config: &Resolved) -> Result<Option<IpAddr>, Error> {
    let Some(text) = config.text(Keyword::BindAddress) else { return Ok(None) };
    if let Ok(address) = text.parse() {
        return Ok(Some(address));
    }
    let wrong = |reason: String| Error::Value {
        origin: config.origin(Keyword::BindAddress),
        keyword: Keyword::BindAddress,
        reason: format!("{text}: {reason}"),
    };
    let found = (text, 0).to_socket_addrs().map_err(|error| wrong(error.to_string()))?;
    match found.map(|address| address.ip()).next() {
        Some(address) => Ok(Some(address)),
        None => Err(wrong("it has no address".to_owned())),
    }
}

fn transport(config: &Resolved) -> Result<ClientConfig, Error> {
    let mut packet = PacketConfig { algorithms: algorithms(config.algorithms()), ..PacketConfig::default() };
    let (bytes, seconds) = config.rekey_limit();
    if config.is_given(Keyword::RekeyLimit) {
        let usual = RekeyPolicy::default();
        packet.rekey = RekeyPolicy {
            bytes: bytes.unwrap_or(usual.bytes),
            interval: seconds.map(|seconds| Duration::from_secs(seconds.into())),
            ..usual
        };
    }
    packet.minimum_rsa_bits = config.number(Keyword::RequiredRSASize);
    if let Some(addendum) = config.text(Keyword::VersionAddendum).filter(|text| *text != "none") {
        let software = packet.identification.software().into_owned();
        packet.identification =
            Identification::new(&software, Some(addendum)).map_err(|error| Error::Value {
                origin: config.origin(Keyword::VersionAddendum),
                keyword: Keyword::VersionAddendum,
                reason: error.to_string(),
            })?;
    }
    let mut transport = ClientConfig::default();
    transport.packet = Arc::new(packet);
    transport.auth.host_bound = config.pubkey_authentication() != PubkeyAuthentication::Unbound;
    Ok(transport)
}

#[cfg(test)]
mod tests;
