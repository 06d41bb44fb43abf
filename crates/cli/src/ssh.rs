//! `konko ssh`.

use crate::arguments::ssh_arguments::{Invocation, SshArguments};
use crate::background;
use crate::client_options::{Target, log_level, target};
use crate::environment::variables;
use crate::exit::{FAILED, Failure};
use crate::log;
use crate::notice::{print, tell};
use crate::option::choice::{LogLevel, RequestTty, SessionType};
use crate::option::settings::Settings;
use crate::session::{Session, Start};
use crate::signals::EndSignals;
use crate::ssh_help::{HELP, VERSION};
use crate::stdio_forward;
use crate::terminal;
use konko::client::{Error, SessionInfo, SshClient, printable};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// How long the server may take to read the last words.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long to wait between attempts to connect, as ssh(1) does.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

/// Runs `konko ssh` with these arguments and returns its exit status.
pub fn run(mut arguments: Vec<OsString>) -> u8 {
    let in_background = arguments.first().is_some_and(|first| first == background::MARK);
    if in_background {
        arguments.remove(0);
    }
    let given = arguments.clone();
    if arguments.first().is_some_and(|first| first == "--help") {
        return printed(HELP.trim_end());
    }
    let arguments = match SshArguments::parse(arguments) {
        Ok(Invocation::Help) => return printed(HELP.trim_end()),
        Ok(Invocation::Version) => return printed(VERSION),
        Ok(Invocation::Connect(arguments)) => arguments,
        Err(error) => {
            tell(format_args!("konko: {error}"));
            tell("Try 'konko ssh -h' for help.");
            return FAILED;
        }
    };
    if arguments.settings.fork_after_authentication == Some(true) && !in_background {
        return background::start(&given).unwrap_or_else(|error| {
            tell(format_args!("konko: cannot go to the background: {error}"));
            FAILED
        });
    }
    let level = log_level(&arguments.settings);
    if let Err(error) = log::start_for_client(level, arguments.log_file.as_deref().map(Path::new)) {
        tell(format_args!("konko: {error}"));
        return FAILED;
    }
    terminal::restore_on_panic();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match &runtime {
        Ok(runtime) => runtime.block_on(run_until_killed(&arguments)),
        Err(error) => Err(Failure::Other(format!("no runtime: {error}"))),
    };
    terminal::restore();
    // A thread may still wait for standard input; the end of the process ends it.
    std::mem::forget(runtime);
    match result {
        Ok(status) => status,
        Err(failure) => {
            report(&failure, level, arguments.log_file.is_some());
            FAILED
        }
    }
}

fn printed(text: &str) -> u8 {
    match print(text) {
        Ok(()) => 0,
        Err(_) => FAILED,
    }
}

/// One line, to where the log goes.
fn report(failure: &Failure, level: LogLevel, to_file: bool) {
    if level == LogLevel::Quiet {
        return;
    }
    if to_file {
        tracing::error!("konko: {failure}");
    } else {
        tell(format_args!("konko: {failure}"));
    }
}

async fn run_until_killed(arguments: &SshArguments) -> Result<u8, Failure> {
    let mut signals = EndSignals::listen().map_err(|error| Failure::local("signals", error))?;
    tokio::select! {
        result = connect_and_run(arguments) => result,
        signal = signals.next() => Err(Failure::Killed { signal }),
    }
}

async fn connect_and_run(arguments: &SshArguments) -> Result<u8, Failure> {
    let settings = &arguments.settings;
    let target = target(arguments)?;
    let client = connect(&target, settings.connection_attempts.unwrap_or(1)).await?;
    if let Ok(info) = client.info() {
        tell_connection(&target, &info);
    }
    if settings.fork_after_authentication == Some(true) {
        background::detach().map_err(|error| Failure::local("going to the background", error))?;
    }
    let result = match (&arguments.forward, settings.session_type) {
        (Some((host, port)), _) => {
            stdio_forward::run(&client, host, *port, target.options.timeouts.channel_open).await
        }
        (None, Some(SessionType::None)) => {
            let error = client.closed().await;
            Err(Failure::Client { host: target.host.clone(), error: Box::new(error) })
        }
        (None, _) => session(arguments, &target).run(&client).await,
    };
    // All is done; what the server makes of the farewell is of no interest.
    let _ = tokio::time::timeout(FAREWELL, client.close()).await;
    result
}

async fn connect(target: &Target, attempts: u32) -> Result<SshClient, Failure> {
    let mut attempt = 1;
    loop {
        tracing::debug!("Connecting to {} as {}.", target.address, target.options.user);
        match SshClient::connect(target.address.as_str(), &target.options).await {
            Ok(client) => return Ok(client),
            Err(error @ Error::Connect { .. }) if attempt < attempts => {
                tracing::debug!(%error, attempt, "trying again");
                attempt += 1;
                tokio::time::sleep(BETWEEN_ATTEMPTS).await;
            }
            Err(error) => {
                if let Error::Authentication(report) = &error {
                    tracing::debug!("{report}");
                }
                return Err(Failure::Client { host: target.host.clone(), error: Box::new(error) });
            }
        }
    }
}

/// What was negotiated, for `-v`.
fn tell_connection(target: &Target, info: &SessionInfo) {
    let negotiated = &info.negotiated;
    tracing::debug!("Remote protocol identification {}", printable(&info.server_identification, false));
    tracing::debug!("kex: algorithm: {} (strict: {})", negotiated.kex.name, info.strict_key_exchange);
    tracing::debug!("kex: host key algorithm: {}", negotiated.host_key.name);
    for (direction, cipher, mac, compression) in [
        (
            "server->client",
            negotiated.cipher_server_to_client.name,
            negotiated.mac_server_to_client,
            negotiated.compression_server_to_client.name,
        ),
        (
            "client->server",
            negotiated.cipher_client_to_server.name,
            negotiated.mac_client_to_server,
            negotiated.compression_client_to_server.name,
        ),
    ] {
        let mac = mac.map_or("<implicit>", |mac| mac.name);
        tracing::debug!("kex: {direction} cipher: {cipher} MAC: {mac} compression: {compression}");
    }
    tracing::debug!("Server host key: {} {}", info.host_key.key_type(), info.host_key.fingerprint());
    for attempt in &info.login.attempts {
        tracing::debug!("{attempt}");
    }
    tracing::debug!("Authenticated to {} as {}.", target.address, target.options.user);
}

fn session(arguments: &SshArguments, target: &Target) -> Session {
    let settings = &arguments.settings;
    let command = arguments.command.clone().or_else(|| settings.remote_command.clone().flatten());
    let stdin_null = settings.stdin_null.unwrap_or(false);
    let subsystem = settings.session_type == Some(SessionType::Subsystem);
    let has_terminal = terminal::stdin_is_terminal() && !stdin_null;
    let notices = log_level(settings) >= LogLevel::Info;
    let pty = match wants_pty(settings, command.is_some(), has_terminal) {
        Pty::Wanted => true,
        Pty::NotWanted => false,
        Pty::NotPossible => {
            if notices {
                tell("Pseudo-terminal will not be allocated because stdin is not a terminal.");
            }
            false
        }
    };
    let start = match command {
        Some(name) if subsystem => Start::Subsystem(name),
        Some(command) => Start::Command(command),
        None => Start::Shell,
    };
    Session {
        start,
        variables: variables(settings, std::env::vars_os()),
        pty,
        stdin_null,
        escape: settings.escape_char.unwrap_or(Some(b'~')),
        host: target.host.clone(),
        notices,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pty {
    Wanted,
    NotWanted,
    /// Wanted, but there is no terminal at this end.
    NotPossible,
}

/// A shell has a terminal unless it is told otherwise, a command only if it is; only `-tt` does without one here.
fn wants_pty(settings: &Settings, has_command: bool, has_terminal: bool) -> Pty {
    let wanted = match settings.request_tty.unwrap_or(RequestTty::Auto) {
        RequestTty::Force => return Pty::Wanted,
        RequestTty::No => false,
        RequestTty::Yes => true,
        RequestTty::Auto => !has_command,
    };
    match (wanted, has_terminal) {
        (false, _) => Pty::NotWanted,
        (true, true) => Pty::Wanted,
        (true, false) => Pty::NotPossible,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gets_a_terminal() {
        use Pty::{NotPossible, NotWanted, Wanted};
        let auto = RequestTty::Auto;
        for (request_tty, has_command, has_terminal, expected) in [
            (None, false, true, Wanted),
            (None, true, true, NotWanted),
            (None, false, false, NotPossible),
            (Some(auto), true, false, NotWanted),
            (Some(RequestTty::Yes), true, true, Wanted),
            (Some(RequestTty::Yes), true, false, NotPossible),
            (Some(RequestTty::Force), true, false, Wanted),
            (Some(RequestTty::No), false, true, NotWanted),
        ] {
            let settings = Settings { request_tty, ..Settings::default() };
            assert_eq!(wants_pty(&settings, has_command, has_terminal), expected, "{request_tty:?}");
        }
    }
}
