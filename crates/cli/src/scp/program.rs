//! `konko scp`.

use crate::exit::Failure;
use crate::scp::arguments::ScpArguments;
use crate::scp::copier::Copier;
use crate::scp::help::HELP;
use crate::signals::EndSignals;
use crate::transfer::location::Location;
use crate::transfer::program::Program;
use std::ffi::OsString;
use std::time::Duration;

/// The exit status where a copy fails.
const COPY_FAILED: u8 = 1;
/// How long a transfer that was broken off may take to clean up.
const CLEANING: Duration = Duration::from_secs(2);

const PROGRAM: Program = Program { name: "scp", help: HELP, cleaning: Some(CLEANING) };

/// Runs `konko scp` with these arguments and returns its exit status.
pub fn run(arguments: Vec<OsString>) -> u8 {
    let arguments = match PROGRAM.begin(ScpArguments::parse(arguments)) {
        Ok(arguments) => arguments,
        Err(status) => return status,
    };
    let remote = arguments.sources.iter().chain(&arguments.target).find_map(|location| match location {
        Location::Remote(remote) => Some(remote),
        Location::Local(_) => None,
    });
    PROGRAM.run(&arguments.ssh, remote, run_until_killed(&arguments))
}

async fn run_until_killed(arguments: &ScpArguments) -> Result<u8, Failure> {
    let Some(target) = &arguments.target else {
        return Err(Failure::Other("no target is named".to_owned()));
    };
    let mut signals = EndSignals::listen().map_err(|error| Failure::local("signals", error))?;
    let mut copier = Copier::new(arguments);
    tokio::select! {
        result = copier.run(target) => Ok(if result? { 0 } else { COPY_FAILED }),
        signal = signals.next() => Err(Failure::Killed { signal }),
    }
}
