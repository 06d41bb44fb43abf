//! One run of `konko agent`.

use crate::agent::arguments::AgentArguments;
use crate::agent::confirm::AskpassConfirmer;
use crate::agent::shell_lines::ShellLines;
use crate::agent::{detached, protection};
use crate::exit::Failure;
use crate::log;
use crate::notice::tell;
use crate::option::choice::LogLevel;
use crate::signals::EndSignals;
use konko::client::agent::protocol::KeyringConfig;
use konko::client::agent::{AGENT_VARIABLE, AgentListener, LocalAgent};
use rustix::process::{Pid, Signal, kill_process};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::absolute;
use std::process::{ExitCode, ExitStatus};
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Command;
use tokio::runtime::Builder;

/// The environment variable that names the agent's process.
const PROCESS_VARIABLE: &str = "SSH_AGENT_PID";
/// The exit status where something fails.
const FAILED: u8 = 1;

/// Runs it; gives the exit status.
pub fn run(arguments: &AgentArguments) -> ExitCode {
    match dispatch(arguments) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            tell(format_args!("konko agent: {failure}"));
            ExitCode::from(FAILED)
        }
    }
}

fn dispatch(arguments: &AgentArguments) -> Result<u8, Failure> {
    let lines = ShellLines { c_shell: arguments.is_c_shell() };
    if let Some(option) = arguments.options.first() {
        let why = "this agent uses no PKCS#11 library and no FIDO authenticator";
        return Err(Failure::Other(format!("-O {option}: {why}")));
    }
    if arguments.kill {
        return kill(lines).map(|()| 0);
    }
    let stays = arguments.foreground || arguments.debug || !arguments.command.is_empty();
    if !stays && !arguments.detached {
        let started = detached::start();
        let started = started.map_err(|error| Failure::local("cannot go to the background", error))?;
        let Some((process, socket)) = started else { return Ok(FAILED) };
        return print(&lines.started(&socket, process, true)).map(|()| 0);
    }
    protection::protect().map_err(|error| Failure::local("cannot protect the keys in memory", error))?;
    if arguments.debug {
        log::start_for_client(LogLevel::Debug1, None)?;
    }
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::local("cannot start", error))?;
    runtime.block_on(serve(arguments, lines))
}

async fn serve(arguments: &AgentArguments, lines: ShellLines) -> Result<u8, Failure> {
    let mut signals =
        EndSignals::listen().map_err(|error| Failure::local("cannot listen for signals", error))?;
    let listener = match &arguments.bind_address {
        Some(path) => {
            let path = absolute(path).map_err(|error| Failure::local(path.display().to_string(), error))?;
            AgentListener::bind(path)
        }
        None => AgentListener::private(),
    };
    let listener = listener.map_err(|error| Failure::Other(error.to_string()))?;
    let default_lifetime = arguments.lifetime.map(|seconds| Duration::from_secs(seconds.into()));
    let config = KeyringConfig { default_lifetime, ..KeyringConfig::default() };
    let confirmer = AskpassConfirmer { md5: arguments.fingerprint_hash == "md5" };
    let agent = LocalAgent::with_confirmer(config, Arc::new(confirmer));
    let serving = async {
        match listener.serve(&agent).await {
            Ok(()) => Ok(0),
            Err(error) => Err(Failure::Other(error.to_string())),
        }
    };
    if !arguments.command.is_empty() {
        return tokio::select! {
            ended = run_command(arguments, &listener, &mut signals) => ended,
            failed = serving => failed,
        };
    }
    if arguments.detached {
        let left = detached::detach(listener.path());
        left.map_err(|error| Failure::local("cannot go to the background", error))?;
    } else {
        print(&lines.started(listener.path(), std::process::id(), false))?;
    }
    tokio::select! {
        _ = signals.next() => Ok(0),
        failed = serving => failed,
    }
}

/// Runs the command with the agent in its environment. Signals that ask for the end are for the command; the agent
/// ends with it.
async fn run_command(
    arguments: &AgentArguments,
    listener: &AgentListener,
    signals: &mut EndSignals,
) -> Result<u8, Failure> {
    let [program, rest @ ..] = arguments.command.as_slice() else { return Ok(0) };
    let mut child = Command::new(program)
        .args(rest)
        .env(AGENT_VARIABLE, listener.path())
        .env(PROCESS_VARIABLE, std::process::id().to_string())
        .spawn()
        .map_err(|error| Failure::local(program.display().to_string(), error))?;
    loop {
        tokio::select! {
            status = child.wait() => {
                let status = status.map_err(|error| Failure::local(program.display().to_string(), error))?;
                return Ok(exit_status(status));
            }
            signal = signals.next() => {
                // Those of the keyboard have reached it already.
                let passed_on = [Signal::HUP, Signal::TERM].into_iter().find(|named| named.as_raw() == signal);
                let process = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
                if let (Some(signal), Some(process)) = (passed_on, process) {
                    kill_process(process, signal).map_err(|error| Failure::local("cannot pass a signal on", error))?;
                }
            }
        }
    }
}

/// As shells have it: 128 and the signal for a command that a signal has ended.
fn exit_status(status: ExitStatus) -> u8 {
    let number = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    number.and_then(|number| u8::try_from(number).ok()).unwrap_or(FAILED)
}

fn kill(lines: ShellLines) -> Result<(), Failure> {
    let text = std::env::var(PROCESS_VARIABLE)
        .map_err(|_| Failure::Other(format!("{PROCESS_VARIABLE} not set, cannot kill agent")))?;
    let process = text.parse().ok().filter(|number| *number > 1).and_then(Pid::from_raw);
    let process =
        process.ok_or_else(|| Failure::Other(format!("{PROCESS_VARIABLE}={text} is no process")))?;
    kill_process(process, Signal::TERM)
        .map_err(|error| Failure::local(format!("cannot end process {text}"), error))?;
    print(&lines.killed(&text))
}

fn print(lines: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Failure::local("cannot write to standard output", error))
}
