//! `konko scp`.

use crate::exit::{FAILED, Failure};
use crate::notice::{print, tell};
use crate::scp::arguments::{Invocation, ScpArguments};
use crate::scp::copier::Copier;
use crate::scp::help::HELP;
use crate::signals::EndSignals;
use crate::terminal;
use crate::transfer::connection;
use crate::transfer::location::Location;
use std::ffi::OsString;
use std::time::Duration;

/// The exit status where a copy fails.
const COPY_FAILED: u8 = 1;
/// How long a transfer that was broken off may take to clean up.
const CLEANING: Duration = Duration::from_secs(2);

/// Runs `konko scp` with these arguments and returns its exit status.
pub fn run(arguments: Vec<OsString>) -> u8 {
    let arguments = match ScpArguments::parse(arguments) {
        Ok(Invocation::Help) => return u8::from(print(HELP.trim_end()).is_err()),
        Ok(Invocation::Copy(arguments)) => arguments,
        Err(error) => {
            tell(format_args!("konko: {error}"));
            tell("Try 'konko scp -h' for help.");
            return FAILED;
        }
    };
    let remote = arguments.sources.iter().chain(&arguments.target).find_map(|location| match location {
        Location::Remote(remote) => Some(remote),
        Location::Local(_) => None,
    });
    if let Some(remote) = remote
        && let Err(failure) = connection::start_log(&arguments.ssh, remote)
    {
        tell(format_args!("konko: {failure}"));
        return FAILED;
    }
    terminal::restore_on_panic();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell(format_args!("konko: no runtime: {error}"));
            return FAILED;
        }
    };
    let result = runtime.block_on(run_until_killed(&arguments));
    terminal::restore();
    runtime.shutdown_timeout(CLEANING);
    match result {
        Ok(true) => 0,
        Ok(false) => COPY_FAILED,
        Err(failure) => {
            tell(format_args!("konko: {failure}"));
            FAILED
        }
    }
}

async fn run_until_killed(arguments: &ScpArguments) -> Result<bool, Failure> {
    let Some(target) = &arguments.target else {
        return Err(Failure::Other("no target is named".to_owned()));
    };
    let mut signals = EndSignals::listen().map_err(|error| Failure::local("signals", error))?;
    let mut copier = Copier::new(arguments);
    tokio::select! {
        result = copier.run(target) => result,
        signal = signals.next() => Err(Failure::Killed { signal }),
    }
}
