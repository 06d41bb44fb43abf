//! How to connect and log in.

use crate::address::DEFAULT_PORT;
use crate::credential::Credential;
use crate::error::Error;
use crate::host_keys::HostKeyPolicy;
use crate::known_hosts_files::HostName;
use crate::login::LoginPolicy;
use crate::prompter::Prompter;
use crate::signer::KeyAgent;
use konko_transport::ClientConfig;
use konko_transport::keys::signature_algorithm::{
    CERTIFICATE_ALGORITHMS, SECURITY_KEY_ALGORITHMS, SIGNATURE_ALGORITHMS, SignatureAlgorithm,
    WEBAUTHN_SK_ECDSA_SHA2_NISTP256,
};
use konko_transport::packet::compression::{NONE, ZLIB_OPENSSH};
use konko_transport::userauth::MethodName;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Where "no limit" has to be said as a duration: more than a hundred years.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);
/// The longest user name, in bytes.
const MAXIMUM_USER_NAME_LEN: usize = 255;

/// How long the server may take. `None` waits for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// To accept a TCP connection, for each of its addresses. 15 s by default.
    pub connect: Option<Duration>,
    /// To identify itself (RFC 4253 §4.2). 30 s by default.
    pub identification: Option<Duration>,
    /// For a key exchange, the first one and later ones. What a person takes to answer for the host key does not
    /// count. 60 s by default.
    pub key_exchange: Option<Duration>,
    /// To answer one authentication message. What a person takes to answer a prompt does not count. 60 s by
    /// default.
    pub authentication: Option<Duration>,
    /// To open a channel. 30 s by default.
    pub channel_open: Option<Duration>,
    /// To answer a request, on a channel or global. 30 s by default.
    pub request: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Some(Duration::from_secs(15)),
            identification: Some(Duration::from_secs(30)),
            key_exchange: Some(Duration::from_secs(60)),
            authentication: Some(Duration::from_secs(60)),
            channel_open: Some(Duration::from_secs(30)),
            request: Some(Duration::from_secs(30)),
        }
    }
}

/// Which addresses of a host are connected to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AddressFamily {
    /// All, in the order of the resolver.
    #[default]
    Any,
    /// Those of IPv4.
    V4,
    /// Those of IPv6.
    V6,
}

/// Which agent is given the keys of files that were opened to sign (`AddKeysToAgent`).
#[derive(Clone)]
#[non_exhaustive]
pub struct AddKeysToAgent {
    /// The agent.
    pub agent: Arc<dyn KeyAgent>,
    /// For how long it holds them; for ever if there is none.
    pub lifetime: Option<Duration>,
    /// Whether it asks its user before every signature.
    pub confirm: bool,
    /// Whether the [`prompter`](ClientOptions::prompter) is asked before a key is given to it; where there is none, no
    /// key is.
    pub ask: bool,
}

impl AddKeysToAgent {
    /// To this agent, for ever, without a question now or at a signature.
    pub fn new(agent: Arc<dyn KeyAgent>) -> Self {
        Self { agent, lifetime: None, confirm: false, ask: false }
    }
}

/// How to connect and log in. What has no safe default is asked for by [`new`](Self::new); the rest are fields.
#[derive(Clone)]
#[non_exhaustive]
pub struct ClientOptions {
    /// The user's name on the server, at most 255 bytes.
    pub user: String,
    /// Which servers are believed.
    pub host_keys: HostKeyPolicy,
    /// The name under which the host's keys are looked up, without a port, instead of the one that is connected
    /// to. Default: none.
    pub host_key_alias: Option<String>,
    /// The port, where the address has none. Default: 22.
    pub port: u16,
    /// What the user can prove themselves with, in the order in which it is tried. Default: nothing.
    pub credentials: Vec<Credential>,
    /// The methods that may be used, in order; credentials of one method keep their order. Default: `None`, which
    /// leaves the order to the credentials.
    pub preferred_methods: Option<Vec<MethodName>>,
    /// How often the user is asked for one password, or one dialogue, before it is given up. Default: 3.
    pub password_prompts: u32,
    /// Whether an agent's keys serve only where another credential names them, by a key file, a public key file or a
    /// certificate. Default: `false`.
    pub identities_only: bool,
    /// Which agent is given the keys of files that were opened to sign, and how. Default: none.
    pub add_keys_to_agent: Option<AddKeysToAgent>,
    /// The algorithms that the user's keys and certificates may be offered under; those of certificates are named
    /// too. Default: all that are not legacy.
    pub signature_algorithms: Vec<&'static SignatureAlgorithm>,
    /// The algorithms that the keys of this host may vouch under. Default: all that are not legacy.
    pub host_based_algorithms: Vec<&'static SignatureAlgorithm>,
    /// Is shown banners, and asked for a new password where the given one has expired, and for leave where that is wanted.
    /// Default: nobody; banners are kept in [`SessionInfo`](crate::info::SessionInfo).
    pub prompter: Option<Arc<dyn Prompter>>,
    /// How long the server may take.
    pub timeouts: Timeouts,
    /// After how long without a sign of life the server is asked for one. Default: `None`, never.
    pub keepalive: Option<Duration>,
    /// How many such questions in a row may go unanswered before the connection is given up. Default: 3.
    pub keepalive_maximum_missed: u32,
    /// Whether compression is preferred, once the user is logged in. Default: `false`.
    pub compression: bool,
    /// Algorithms, limits, windows, re-exchange. Deadlines, keepalive and compression are taken from the fields
    /// above.
    pub transport: ClientConfig,
    /// Which addresses of the host are connected to.
    pub address_family: AddressFamily,
    /// The local address to connect from. Default: the operating system chooses.
    pub bind_address: Option<IpAddr>,
    /// The network interface to connect through, by its name; on Linux only. Default: the operating system chooses.
    pub bind_interface: Option<String>,
    /// The class of traffic in the IP headers (RFC 2474, the whole byte). Default: the operating system's.
    pub traffic_class: Option<u8>,
    /// Whether the operating system looks whether the other end is still there (SO_KEEPALIVE). Default: `true`.
    pub tcp_keepalive: bool,
}

impl std::fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientOptions")
            .field("user", &self.user)
            .field("host_keys", &self.host_keys)
            .field("port", &self.port)
            .field("credentials", &self.credentials)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

impl ClientOptions {
    // covers: C01
    /// For this user, believing these servers. Nothing connects without a decision about host keys:
    ///
    /// ```compile_fail,E0061
    /// let options = konko_client::ClientOptions::new("user");
    /// ```
    ///
    /// ```compile_fail,E0277
    /// fn is_default<T: Default>() {}
    /// is_default::<konko_client::ClientOptions>();
    /// ```
    ///
    /// ```
    /// use konko_client::{ClientOptions, HostKeyPolicy};
    /// let options = ClientOptions::new("user", HostKeyPolicy::InsecureAcceptAny);
    /// ```
    pub fn new(user: impl Into<String>, host_keys: HostKeyPolicy) -> Self {
        Self {
            user: user.into(),
            host_keys,
            host_key_alias: None,
            port: DEFAULT_PORT,
            credentials: Vec::new(),
            preferred_methods: None,
            password_prompts: 3,
            identities_only: false,
            add_keys_to_agent: None,
            signature_algorithms: default_signature_algorithms(),
            host_based_algorithms: default_signature_algorithms(),
            prompter: None,
            timeouts: Timeouts::default(),
            keepalive: None,
            keepalive_maximum_missed: 3,
            compression: false,
            transport: ClientConfig::default(),
            address_family: AddressFamily::Any,
            bind_address: None,
            bind_interface: None,
            traffic_class: None,
            tcp_keepalive: true,
        }
    }

    /// With one more credential, tried after those before.
    #[must_use]
    pub fn with_credential(mut self, credential: Credential) -> Self {
        self.credentials.push(credential);
        self
    }

    /// With a password, tried after the credentials before.
    #[must_use]
    pub fn with_password(self, password: impl Into<String>) -> Self {
        self.with_credential(Credential::password(password))
    }

    /// With another port, for addresses without one.
    #[must_use]
    pub const fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// With these deadlines.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// With somebody to show banners to and to ask for new passwords.
    #[must_use]
    pub fn with_prompter(mut self, prompter: Arc<dyn Prompter>) -> Self {
        self.prompter = Some(prompter);
        self
    }

    /// With this configuration of the transport.
    #[must_use]
    pub fn with_transport(mut self, transport: ClientConfig) -> Self {
        self.transport = transport;
        self
    }

    /// With keepalive questions after so much silence.
    #[must_use]
    pub const fn with_keepalive(mut self, interval: Duration) -> Self {
        self.keepalive = Some(interval);
        self
    }

    /// Refuses what cannot work before anything is sent. covers: C08
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.user.len() > MAXIMUM_USER_NAME_LEN {
            return Err(Error::Options("the user name is longer than 255 bytes"));
        }
        if self.port == 0 {
            return Err(Error::Options("there is no port 0 to connect to"));
        }
        if self.keepalive == Some(Duration::ZERO) {
            return Err(Error::Options("a keepalive interval of zero"));
        }
        Ok(())
    }

    /// The name under which the keys of a host are looked up.
    pub(crate) fn host_key_name(&self, host: &str, port: u16) -> HostName {
        match &self.host_key_alias {
            Some(alias) => HostName::new(alias.as_str(), DEFAULT_PORT),
            None => HostName::new(host, port),
        }
    }

    /// The configuration of one connection to a host whose keys of these types are known: they are asked for
    /// first, so that a host that has got a new kind of key is recognised by its old one.
    pub(crate) fn connection_config(&self, known_key_types: &[&'static str]) -> Arc<ClientConfig> {
        let mut config = self.transport.clone();
        let mut packet = (*config.packet).clone();
        packet.identification_deadline = self.timeouts.identification.unwrap_or(FOREVER);
        packet.key_exchange_deadline = self.timeouts.key_exchange.unwrap_or(FOREVER);
        packet.algorithms.host_key.sort_by_key(|row| {
            // Certificates come before keys, where an authority is known.
            let is_known = known_key_types.contains(&row.key_type);
            (!is_known, !(is_known && row.is_certificate()))
        });
        if self.compression {
            packet.algorithms = packet.algorithms.with_compression(vec![&ZLIB_OPENSSH, &NONE]);
        }
        // Connections with the same settings share them.
        let same = packet.identification_deadline == config.packet.identification_deadline
            && packet.key_exchange_deadline == config.packet.key_exchange_deadline
            && packet.algorithms.host_key == config.packet.algorithms.host_key
            && !self.compression;
        if !same {
            config.packet = Arc::new(packet);
        }
        config.authentication_timeout = self.timeouts.authentication;
        config.keepalive.interval = self.keepalive;
        config.keepalive.maximum_missed = self.keepalive_maximum_missed;
        Arc::new(config)
    }

    pub(crate) fn login_policy(&self) -> LoginPolicy {
        LoginPolicy {
            preferred_methods: self.preferred_methods.clone(),
            password_prompts: self.password_prompts,
            signature_algorithms: self.signature_algorithms.clone(),
            host_based_algorithms: self.host_based_algorithms.clone(),
            identities_only: self.identities_only,
        }
    }
}

/// All that are not legacy. Browsers sign under the one for WebAuthn, which no agent does.
fn default_signature_algorithms() -> Vec<&'static SignatureAlgorithm> {
    [CERTIFICATE_ALGORITHMS, SIGNATURE_ALGORITHMS, SECURITY_KEY_ALGORITHMS]
        .concat()
        .into_iter()
        .filter(|row| !row.legacy && *row != &WEBAUTHN_SK_ECDSA_SHA2_NISTP256)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> ClientOptions {
        ClientOptions::new("user", HostKeyPolicy::InsecureAcceptAny)
    }

    /// covers: K26
    #[test]
    fn known_key_types_are_asked_for_first() {
        let offered = |known: &[&'static str]| -> Vec<&str> {
            options().connection_config(known).packet.algorithms.host_key.iter().map(|row| row.name).collect()
        };
        assert_eq!(offered(&[])[0], "ssh-ed25519");
        let rsa = offered(&["ssh-rsa"]);
        assert_eq!(rsa[..3], ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]);
        assert_eq!(rsa.len(), offered(&[]).len());
        assert_eq!(offered(&["ecdsa-sha2-nistp521", "ssh-rsa"])[0], "ecdsa-sha2-nistp521");
    }

    #[test]
    fn what_cannot_work_is_refused_before_anything_is_sent() {
        assert!(options().check().is_ok());
        for broken in [
            ClientOptions { user: "u".repeat(256), ..options() },
            options().with_port(0),
            options().with_keepalive(Duration::ZERO),
        ] {
            assert!(matches!(broken.check(), Err(Error::Options(_))));
        }
        assert!(ClientOptions { user: "u".repeat(255), ..options() }.check().is_ok());
    }

    #[test]
    fn no_secret_is_shown() {
        let shown = format!("{:?}", options().with_password("tell nobody"));
        assert!(!shown.contains("tell nobody"), "{shown}");
    }

    #[test]
    fn compression_is_off_unless_asked_for() {
        let names = |options: ClientOptions| -> Vec<&str> {
            let config = options.connection_config(&[]);
            config.packet.algorithms.compression_client_to_server.iter().map(|row| row.name).collect()
        };
        assert_eq!(names(options()), ["none"]);
        assert_eq!(names(ClientOptions { compression: true, ..options() }), ["zlib@openssh.com", "none"]);
    }
}
