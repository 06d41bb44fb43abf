//! `konko ssh`.

use crate::arguments::ssh_arguments::{Invocation, Purpose, SshArguments};
use crate::background;
use crate::connection::{Destination, has_md5_fingerprints, resolve};
use crate::environment::variables;
use crate::exit::{FAILED, Failure};
use crate::log;
use crate::notice::{print, tell};
use crate::session::{Session, Start};
use crate::signals::EndSignals;
use crate::ssh_help::{HELP, VERSION};
use crate::stdio_forward;
use crate::terminal;
use konko::client::config::{Keyword, LogLevel, RequestTty, Resolved, SessionType};
use konko::client::configured::{Forwardings, agent_to_forward, catalogue};
use konko::client::{SessionInfo, Timeouts, printable};
use konko::transport::keys::identity::Identity;
use konko::transport::keys::randomart::{Digest, randomart};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// How long the server may take to read the last words.
const FAREWELL: Duration = Duration::from_secs(2);

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
        Ok(Invocation::Query(what)) => return query(&what),
        Ok(Invocation::Connect(arguments)) => arguments,
        Err(error) => {
            tell(format_args!("konko: {error}"));
            tell("Try 'konko ssh -h' for help.");
            return FAILED;
        }
    };
    if arguments.dumps {
        return dump(&arguments);
    }
    let destination = match Destination::of(&arguments).and_then(|destination| {
        purpose(&arguments, &destination.config).check()?;
        Ok(destination)
    }) {
        Ok(destination) => destination,
        Err(failure) => {
            tell(format_args!("konko: {failure}"));
            return FAILED;
        }
    };
    if destination.config.flag(Keyword::ForkAfterAuthentication) && !in_background {
        return background::start(&given).unwrap_or_else(|error| {
            tell(format_args!("konko: cannot go to the background: {error}"));
            FAILED
        });
    }
    let level = destination.config.log_level();
    if let Err(error) = log::start_for_client(level, arguments.log_file.as_deref().map(Path::new)) {
        tell(format_args!("konko: {error}"));
        return FAILED;
    }
    for warning in &arguments.warnings {
        tracing::warn!("{warning}");
    }
    terminal::restore_on_panic();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match &runtime {
        Ok(runtime) => runtime.block_on(run_until_killed(&arguments, &destination)),
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

/// `-Q`: the algorithms that there are, one on a line.
fn query(what: &str) -> u8 {
    let catalogue = catalogue();
    let plain = |name: &&String| !name.contains("-cert-v01@");
    let names: Vec<String> = match what.to_ascii_lowercase().as_str() {
        "cipher" | "ciphers" => catalogue.ciphers.all,
        "mac" | "macs" => catalogue.macs.all,
        "kex" | "kexalgorithms" => catalogue.kex.all,
        "hostkeyalgorithms" | "pubkeyacceptedalgorithms" | "hostbasedacceptedalgorithms" | "key-sig" => {
            catalogue.keys.all
        }
        "sig" | "casignaturealgorithms" => catalogue.ca_signatures.all,
        "key-cert" => catalogue.keys.all.into_iter().filter(|name| !plain(&name)).collect(),
        "key-plain" => catalogue.keys.all.into_iter().filter(|name| plain(&name)).collect(),
        "compression" => vec!["none".to_owned(), "zlib@openssh.com".to_owned()],
        "help" => {
            let kinds = "cipher compression kex key-cert key-plain key-sig mac sig";
            kinds.split(' ').map(str::to_owned).collect()
        }
        _ => {
            tell(format_args!("konko: unsupported query \"{what}\"; -Q help tells what there is"));
            return FAILED;
        }
    };
    printed(&names.join("\n"))
}

/// `-G`: what applies to the host.
fn dump(arguments: &SshArguments) -> u8 {
    match resolve(arguments) {
        Ok(config) => printed(config.dump().trim_end()),
        Err(errors) => {
            tell(format_args!("konko: {errors}"));
            FAILED
        }
    }
}

/// What the session is for.
fn purpose(arguments: &SshArguments, config: &Resolved) -> Purpose {
    Purpose {
        command: arguments.command.is_some(),
        configured_command: config.text(Keyword::RemoteCommand).is_some(),
        session_type: config.session_type(),
        forks: config.flag(Keyword::ForkAfterAuthentication),
    }
}

async fn run_until_killed(arguments: &SshArguments, destination: &Destination) -> Result<u8, Failure> {
    let mut signals = EndSignals::listen().map_err(|error| Failure::local("signals", error))?;
    tokio::select! {
        result = connect_and_run(arguments, destination) => result,
        signal = signals.next() => Err(Failure::Killed { signal }),
    }
}

async fn connect_and_run(arguments: &SshArguments, destination: &Destination) -> Result<u8, Failure> {
    let config = &destination.config;
    let client = destination.connect().await?;
    if let Ok(info) = client.info() {
        tell_connection(config, &info);
    }
    let forwardings = Forwardings::establish(&client, config).await?;
    if config.log_level() >= LogLevel::Info {
        for (to, port) in forwardings.remote_ports() {
            tell(format_args!("Allocated port {port} for remote forward to {to}"));
        }
    }
    run_local_command(config).await?;
    if config.flag(Keyword::ForkAfterAuthentication) {
        background::detach().map_err(|error| Failure::local("going to the background", error))?;
    }
    let result = match (&arguments.forward, config.session_type()) {
        (Some((host, port)), _) => {
            stdio_forward::run(&client, host, *port, Timeouts::default().channel_open).await
        }
        (None, SessionType::None) => {
            let error = client.closed().await;
            Err(Failure::Client { host: destination.host().to_owned(), error: Box::new(error) })
        }
        (None, _) => session(arguments, destination).run(&client).await,
    };
    drop(forwardings);
    // The user may be asked still.
    client.host_keys_settled().await;
    // All is done; what the server makes of the farewell is of no interest.
    let _ = tokio::time::timeout(FAREWELL, client.close()).await;
    result
}

/// `LocalCommand`, once the user is logged in. How it ends is its own business.
async fn run_local_command(config: &Resolved) -> Result<(), Failure> {
    let command =
        config.local_command().map_err(|problem| Failure::Other(format!("LocalCommand: {problem}")))?;
    let Some(command) = command else { return Ok(()) };
    let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
    let mut shell = tokio::process::Command::new(shell.unwrap_or_else(|| "/bin/sh".into()));
    let status = shell.arg("-c").arg(&command).status().await;
    match status {
        Ok(status) => tracing::debug!("LocalCommand has ended: {status}."),
        Err(error) => tracing::warn!("LocalCommand {command}: {error}."),
    }
    Ok(())
}

/// What was negotiated, for `-v`.
fn tell_connection(config: &Resolved, info: &SessionInfo) {
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
    if config.flag(Keyword::VisualHostKey) {
        let (fingerprint, key) = (info.host_key.fingerprint(), Identity::Key(info.host_key.clone()));
        let (name, picture) = if has_md5_fingerprints(config) {
            (fingerprint.md5().to_string(), randomart(&key, Digest::Md5))
        } else {
            (fingerprint.to_string(), randomart(&key, Digest::Sha256))
        };
        tell(format_args!("Host key fingerprint is {name}\n{picture}"));
    }
    tracing::debug!("Authenticated to {} port {} as {}.", config.host_name(), config.port(), config.user());
}

fn session(arguments: &SshArguments, destination: &Destination) -> Session {
    let config = &destination.config;
    let configured = config.text(Keyword::RemoteCommand).map(str::to_owned);
    let command = arguments.command.clone().or(configured);
    let stdin_null = config.flag(Keyword::StdinNull) || config.flag(Keyword::ForkAfterAuthentication);
    let subsystem = config.session_type() == SessionType::Subsystem;
    let has_terminal = terminal::stdin_is_terminal() && !stdin_null;
    let notices = config.log_level() >= LogLevel::Info;
    let pty = match wants_pty(config.request_tty(), command.is_some(), has_terminal) {
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
        variables: variables(config, std::env::vars_os()),
        pty,
        stdin_null,
        escape: config.escape_char(),
        agent: agent_to_forward(config),
        host: destination.host().to_owned(),
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
fn wants_pty(request_tty: RequestTty, has_command: bool, has_terminal: bool) -> Pty {
    let wanted = match request_tty {
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
        for (request_tty, has_command, has_terminal, expected) in [
            (RequestTty::Auto, false, true, Wanted),
            (RequestTty::Auto, true, true, NotWanted),
            (RequestTty::Auto, false, false, NotPossible),
            (RequestTty::Auto, true, false, NotWanted),
            (RequestTty::Yes, true, true, Wanted),
            (RequestTty::Yes, true, false, NotPossible),
            (RequestTty::Force, true, false, Wanted),
            (RequestTty::No, false, true, NotWanted),
        ] {
            assert_eq!(wants_pty(request_tty, has_command, has_terminal), expected, "{request_tty:?}");
        }
    }
}
