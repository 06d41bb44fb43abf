//! How `konko scp` and `konko sftp` begin and end.

use crate::exit::{FAILED, Failure};
use crate::notice::{print, tell};
use crate::terminal;
use crate::transfer::command_line::Invocation;
use crate::transfer::flags::{FlagError, SshFlags};
use crate::transfer::location::Remote;
use crate::transfer::{connection, help};
use std::time::Duration;

/// The threads that do the work.
const THREADS: usize = 2;

/// A program that moves files.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// What stands behind `konko`.
    pub name: &'static str,
    /// What `-h` prints, but for the flags that say how to connect.
    pub help: &'static str,
    /// How long what was broken off may take to clean up. Without a time nothing is waited for: a thread may still wait
    /// for standard input, and ends with the process.
    pub cleaning: Option<Duration>,
}

impl Program {
    /// What the command line asks for; the exit status if nothing is left to be done.
    ///
    /// # Errors
    ///
    /// The exit status.
    pub fn begin<A>(&self, parsed: Result<Invocation<A>, FlagError>) -> Result<Box<A>, u8> {
        match parsed {
            Ok(Invocation::Run(arguments)) => Ok(arguments),
            Ok(Invocation::Help) => {
                Err(u8::from(print(format_args!("{}{}", self.help, help::CONNECTION)).is_err()))
            }
            Err(error) => {
                tell(format_args!("konko: {error}"));
                tell(format_args!("Try 'konko {} -h' for help.", self.name));
                Err(FAILED)
            }
        }
    }

    /// Starts the log as it is to be for a connection, does the work, and returns the exit status.
    pub fn run(
        &self,
        ssh: &SshFlags,
        remote: Option<&Remote>,
        work: impl Future<Output = Result<u8, Failure>>,
    ) -> u8 {
        let begun = remote.map_or(Ok(()), |remote| connection::start_log(ssh, remote));
        begun.and_then(|()| self.finish(work)).unwrap_or_else(|failure| {
            tell(format_args!("konko: {failure}"));
            FAILED
        })
    }

    fn finish(&self, work: impl Future<Output = Result<u8, Failure>>) -> Result<u8, Failure> {
        terminal::restore_on_panic();
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(THREADS).enable_all().build();
        let runtime = runtime.map_err(|error| Failure::Other(format!("no runtime: {error}")))?;
        let result = runtime.block_on(work);
        terminal::restore();
        match self.cleaning {
            Some(cleaning) => runtime.shutdown_timeout(cleaning),
            None => std::mem::forget(runtime),
        }
        result
    }
}
