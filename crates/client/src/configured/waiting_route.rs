//! The way to a host for those who wait.

use crate::address::Address;
use crate::blocking::ssh_client::SshClient;
use crate::configured::attendant::Attendant;
use crate::configured::error::Error;
use crate::configured::proxy_command::WaitingProxyCommand;
use crate::configured::route::{BETWEEN_ATTEMPTS, Route, connection, nowhere, proxy_command};
use crate::options::ClientOptions;
use konko_config::{Keyword, Resolved};
use std::thread;

impl Route {
    /// As [`connect`](Self::connect), waiting. Whoever is asked is asked on this thread.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_waiting(&self, attendant: &dyn Attendant) -> Result<SshClient, Error> {
        let mut client: Option<SshClient> = None;
        for (config, options) in &self.ways(attendant)? {
            tracing::debug!("Connecting to {} port {}.", config.host_name(), config.port());
            client = Some(match client {
                None => from_here(config, options)?,
                Some(before) => through(&before, config, options)?,
            });
        }
        client.ok_or_else(nowhere)
    }
}

/// Connects directly or by a command, as often as `ConnectionAttempts` says.
fn from_here(config: &Resolved, options: &ClientOptions) -> Result<SshClient, Error> {
    if let Some(command) = proxy_command(config)? {
        return by_command(&command, config, options);
    }
    let attempts = config.number(Keyword::ConnectionAttempts);
    let mut attempt = 1;
    loop {
        let address = Address::new(config.host_name(), Some(config.port()));
        let address = address.map_err(|error| connection(config, error.into(), None))?;
        match SshClient::connect(address, options) {
            Ok(client) => return Ok(client),
            Err(error @ crate::error::Error::Connect { .. }) if attempt < attempts => {
                tracing::debug!(%error, attempt, "trying again");
                attempt += 1;
                thread::sleep(BETWEEN_ATTEMPTS);
            }
            Err(error) => return Err(connection(config, error, None)),
        }
    }
}

fn by_command(command: &str, config: &Resolved, options: &ClientOptions) -> Result<SshClient, Error> {
    tracing::debug!("Executing proxy command: exec {command}");
    let proxy = WaitingProxyCommand::start(command)
        .map_err(|error| Error::ProxyCommand { command: command.to_owned(), error })?;
    let end = proxy.end();
    let client = SshClient::over(proxy, config.host_name(), config.port(), options);
    client.map_err(|error| connection(config, error, end()))
}

fn through(before: &SshClient, config: &Resolved, options: &ClientOptions) -> Result<SshClient, Error> {
    let tunnel = before.open_direct_tcpip(config.host_name(), config.port(), None);
    let tunnel = tunnel.map_err(|error| connection(config, error, None))?;
    let client = SshClient::over(tunnel, config.host_name(), config.port(), options);
    client.map_err(|error| connection(config, error, None))
}
