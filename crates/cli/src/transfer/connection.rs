//! Connects to where files are, as `konko ssh` does.

use crate::arguments::ssh_arguments::{Invocation, SshArguments};
use crate::connection::Destination;
use crate::exit::Failure;
use crate::log;
use crate::transfer::flags::SshFlags;
use crate::transfer::location::Remote;
use konko::client::SshClient;

/// What ssh(1) would do with these flags.
fn invocation(flags: &SshFlags, remote: &Remote) -> Result<Box<SshArguments>, Failure> {
    match SshArguments::parse(flags.arguments(remote))? {
        Invocation::Connect(arguments) => Ok(arguments),
        _ => Err(Failure::Other(format!("\"{}\" is no destination", remote.destination))),
    }
}

/// Starts the log, as loud as the flags for a destination say.
///
/// # Errors
///
/// [`Failure`] for flags that make no sense.
pub fn start_log(flags: &SshFlags, remote: &Remote) -> Result<(), Failure> {
    let arguments = invocation(flags, remote)?;
    log::start_for_client(Destination::of(&arguments)?.config.log_level(), None)?;
    for warning in &arguments.warnings {
        tracing::warn!("{warning}");
    }
    Ok(())
}

/// Connects and logs in.
///
/// # Errors
///
/// [`Failure`] for flags that make no sense, and for all that keeps a client from logging in.
pub async fn connect(flags: &SshFlags, remote: &Remote) -> Result<SshClient, Failure> {
    Destination::of(&*invocation(flags, remote)?)?.connect().await
}
