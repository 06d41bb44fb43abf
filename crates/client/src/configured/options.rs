//! The options of a client from a configuration.

use crate::configured::attendant::Attendant;
use crate::configured::catalogue::{algorithms, signature_rows};
use crate::configured::credentials::{credentials, methods};
use crate::configured::error::Error;
use crate::configured::support;
use crate::host_keys::HostKeyPolicy;
use crate::known_hosts_files::KnownHostsFiles;
use crate::options::{AddressFamily, ClientOptions};
use konko_config::{Keyword, Resolved};
use konko_transport::ClientConfig;
use konko_transport::packet::{PacketConfig, RekeyPolicy};
use konko_transport::wire::identification::Identification;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::PathBuf;
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
        options.prompter = attendance.prompter;
        options.set_connection(config)?;
        options.transport = transport(config)?;
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
        self.tcp_keepalive = config.flag(Keyword::TCPKeepAlive);
        self.address_family = match config.address_family() {
            konko_config::AddressFamily::Any => AddressFamily::Any,
            konko_config::AddressFamily::Inet => AddressFamily::V4,
            konko_config::AddressFamily::Inet6 => AddressFamily::V6,
        };
        self.bind_address = bind_address(config)?;
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

fn known_hosts_files(config: &Resolved) -> Result<KnownHostsFiles, Error> {
    let paths = |files: &[String]| files.iter().map(PathBuf::from).collect();
    if config.revoked_host_keys().is_some() {
        return Err(Error::Unsupported {
            origin: config.origin(Keyword::RevokedHostKeys),
            keyword: Keyword::RevokedHostKeys,
            reason: "a list of revoked keys is not supported; @revoked lines of known_hosts are",
        });
    }
    Ok(KnownHostsFiles::default()
        .with_user(paths(config.user_known_hosts_files()))
        .with_global(paths(config.global_known_hosts_files()))
        .with_hash_names(config.flag(Keyword::HashKnownHosts)))
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
    let mut packet = PacketConfig::default();
    packet.algorithms = algorithms(config.algorithms());
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
    Ok(transport)
}

#[cfg(test)]
mod tests;
