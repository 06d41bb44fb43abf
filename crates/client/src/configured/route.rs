//! The way to a host: directly, by a `ProxyCommand`, or through other hosts.

use crate::configured::attendant::Attendant;
use crate::configured::error::Error;
use crate::configured::proxy_command::ProxyCommand;
use crate::options::ClientOptions;
use crate::ssh_client::SshClient;
use konko_config::{Configuration, JumpHost, Keyword, Origin, Problem, Request, Resolved, Source, Value};
use std::time::Duration;

/// The most hosts on the way.
const MAXIMUM_HOSTS: usize = 16;
/// How long to wait between attempts to connect, as ssh(1) does.
pub(super) const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

/// The hosts on the way to one, and that one. Each has a configuration of its own.
#[derive(Debug, Clone)]
pub struct Route {
    /// The host that is connected to from here first, the destination last.
    hosts: Vec<Resolved>,
    /// Whether somebody will type.
    interactive: bool,
}

impl Route {
    /// Finds the way to a host (`ProxyJump`). The hosts on it are looked up in the files of `request`, without the
    /// options of `configuration`, which are those of the destination; the first of them may have a way of its own.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration of a host on the way, or [`Error::EndlessRoute`].
    pub fn find(
        destination: Resolved,
        request: &Request,
        configuration: &Configuration,
        source: &mut dyn Source,
    ) -> Result<Self, Error> {
        let mut hosts = vec![destination];
        while let Some(nearest) = hosts.last() {
            let origin = nearest.origin(Keyword::ProxyJump);
            let jumps =
                nearest.proxy_jump().map_err(|problem| value(nearest, Keyword::ProxyJump, &problem))?;
            if jumps.is_empty() {
                break;
            }
            for jump in jumps.iter().rev() {
                let host = resolve(jump, &origin, request, configuration, source)?;
                let same = |other: &&Resolved| {
                    (other.host_name(), other.port(), other.user())
                        == (host.host_name(), host.port(), host.user())
                };
                let reason = match hosts.iter().find(same) {
                    Some(again) => {
                        format!("{} stands on it twice; ProxyJump is at {origin}", again.host_name())
                    }
                    None if hosts.len() > MAXIMUM_HOSTS => {
                        format!("more than {MAXIMUM_HOSTS} hosts stand on it")
                    }
                    None => {
                        hosts.push(host);
                        continue;
                    }
                };
                let destination = hosts.first().map_or_else(String::new, |host| host.host().to_owned());
                return Err(Error::EndlessRoute { host: destination, reason });
            }
        }
        hosts.reverse();
        Ok(Self { hosts, interactive: false })
    }

    /// For a session in which somebody types, or not, which `IPQoS` tells apart.
    #[must_use]
    pub const fn for_typing(mut self, interactive: bool) -> Self {
        self.interactive = interactive;
        self
    }

    /// The hosts in the order in which they are connected to; the last one is the destination.
    pub fn hosts(&self) -> &[Resolved] {
        &self.hosts
    }

    /// Connects to each host on the way through the one before it, and logs in. The hosts on the way are left when
    /// the client of the destination is closed or dropped.
    ///
    /// # Errors
    ///
    /// What the configuration of a host asks for and cannot be done, before anything is connected to; and
    /// [`Error::Connection`], with the host that could not be reached.
    pub async fn connect(&self, attendant: &dyn Attendant) -> Result<SshClient, Error> {
        let ways = self.ways(attendant)?;
        let mut client: Option<SshClient> = None;
        for (config, options) in &ways {
            tracing::debug!("Connecting to {} port {}.", config.host_name(), config.port());
            client = Some(match client {
                None => from_here(config, options).await?,
                Some(before) => through(&before, config, options).await?,
            });
        }
        client.ok_or_else(nowhere)
    }

    /// How to connect to each host.
    pub(super) fn ways(&self, attendant: &dyn Attendant) -> Result<Vec<(&Resolved, ClientOptions)>, Error> {
        let mut ways = Vec::with_capacity(self.hosts.len());
        for config in &self.hosts {
            let mut options = ClientOptions::from_config(config, attendant)?;
            if self.interactive && config.is_given(Keyword::IPQoS) {
                options.traffic_class = config.traffic_classes().0;
            }
            ways.push((config, options));
        }
        Ok(ways)
    }
}

pub(super) fn nowhere() -> Error {
    Error::EndlessRoute { host: String::new(), reason: "it has no hosts".to_owned() }
}

/// The command that makes the connection, if the configuration names one.
pub(super) fn proxy_command(config: &Resolved) -> Result<Option<String>, Error> {
    let command = config.proxy_command().map_err(|problem| value(config, Keyword::ProxyCommand, &problem))?;
    if command.as_ref().is_some_and(|command| command.trim() == "-") {
        return Err(Error::Unsupported {
            origin: config.origin(Keyword::ProxyCommand),
            keyword: Keyword::ProxyCommand,
            reason: "standard input and output as the connection are not supported",
        });
    }
    Ok(command)
}

fn value(config: &Resolved, keyword: Keyword, problem: &Problem) -> Error {
    Error::Value { origin: config.origin(keyword), keyword, reason: problem.to_string() }
}

fn resolve(
    jump: &JumpHost,
    origin: &Origin,
    request: &Request,
    configuration: &Configuration,
    source: &mut dyn Source,
) -> Result<Resolved, Error> {
    let mut configuration = configuration.without_options();
    if let Some(user) = &jump.user {
        configuration.give(Keyword::User, Value::Text(user.clone()), origin.clone())?;
    }
    if let Some(port) = jump.port {
        configuration.give(Keyword::Port, Value::Number(port.into()), origin.clone())?;
    }
    let request = Request::new(jump.host.as_str()).with_files(request.files.clone());
    Ok(configuration.resolve(&request, source)?)
}

pub(super) fn connection(config: &Resolved, error: crate::error::Error, proxy: Option<String>) -> Error {
    Error::Connection { host: config.host_name().to_owned(), error: Box::new(error), proxy }
}

/// Connects directly or by a command, as often as `ConnectionAttempts` says.
async fn from_here(config: &Resolved, options: &ClientOptions) -> Result<SshClient, Error> {
    if let Some(command) = proxy_command(config)? {
        return by_command(&command, config, options).await;
    }
    let attempts = config.number(Keyword::ConnectionAttempts);
    let mut attempt = 1;
    loop {
        let address = crate::address::Address::new(config.host_name(), Some(config.port()));
        let address = address.map_err(|error| connection(config, error.into(), None))?;
        match SshClient::connect(address, options).await {
            Ok(client) => return Ok(client),
            Err(error @ crate::error::Error::Connect { .. }) if attempt < attempts => {
                tracing::debug!(%error, attempt, "trying again");
                attempt += 1;
                tokio::time::sleep(BETWEEN_ATTEMPTS).await;
            }
            Err(error) => return Err(connection(config, error, None)),
        }
    }
}

async fn by_command(command: &str, config: &Resolved, options: &ClientOptions) -> Result<SshClient, Error> {
    tracing::debug!("Executing proxy command: exec {command}");
    let proxy = ProxyCommand::start(command)
        .map_err(|error| Error::ProxyCommand { command: command.to_owned(), error })?;
    let end = proxy.end();
    match SshClient::over(proxy, config.host_name(), config.port(), options).await {
        Ok(client) => Ok(client),
        Err(error) => Err(connection(config, error, end.status().await)),
    }
}

async fn through(before: &SshClient, config: &Resolved, options: &ClientOptions) -> Result<SshClient, Error> {
    let tunnel = before.open_direct_tcpip(config.host_name(), config.port(), None).await;
    let tunnel = tunnel.map_err(|error| connection(config, error, None))?;
    let client = SshClient::over(tunnel, config.host_name(), config.port(), options).await;
    client.map_err(|error| connection(config, error, None))
}

#[cfg(test)]
mod tests;
