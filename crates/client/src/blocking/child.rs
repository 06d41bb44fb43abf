//! A remote command that runs, waiting.

use crate::blocking::running::{Running, signal};
use crate::error::Error;
use crate::exit_status::ExitStatus;
use crate::output::Output;
use crate::pty::WindowSize;
use crate::running::Progress;
use bytes::Bytes;
use konko_blocking::{Channel, ChannelReader, ChannelWriter};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// A remote command that runs. Its streams can be taken; they share the channel's window, so whoever takes both
/// outputs must read both at the same time, or discard one. The channel is closed when the child and all its
/// streams are dropped.
#[derive(Debug)]
pub struct Child {
    running: Arc<Running>,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    feeder_error: Arc<Mutex<Option<io::Error>>>,
}

impl Child {
    pub(crate) fn new(
        running: Arc<Running>,
        piped: bool,
        feeder_error: Arc<Mutex<Option<io::Error>>>,
    ) -> Self {
        let channel = &running.channel;
        let stdin = piped.then(|| ChildStdin { writer: channel.writer(), running: Arc::clone(&running) });
        let stdout = Some(ChildStdout { reader: channel.reader(), _running: Arc::clone(&running) });
        let stderr = Some(ChildStderr { reader: channel.stderr(), _running: Arc::clone(&running) });
        Self { running, stdin, stdout, stderr, feeder_error }
    }

    /// Takes the standard input; `None` if it was taken already, or given with the command.
    pub const fn stdin(&mut self) -> Option<ChildStdin> {
        self.stdin.take()
    }

    /// Takes the standard output; `None` if it was taken already.
    pub const fn stdout(&mut self) -> Option<ChildStdout> {
        self.stdout.take()
    }

    /// Takes the standard error; `None` if it was taken already.
    pub const fn stderr(&mut self) -> Option<ChildStderr> {
        self.stderr.take()
    }

    /// Waits until the server tells how the command ended. Standard input is closed if it was not taken, and
    /// outputs that were not taken are discarded. May be called again.
    ///
    /// # Errors
    ///
    /// [`Error::DeadlineExceeded`], without output; [`Error::Local`] once, if what was given as standard input
    /// could not be read to its end.
    pub fn wait(&mut self) -> Result<ExitStatus, Error> {
        if self.stdin.take().is_some()
            && let Err(error) = self.running.channel.send_eof()
        {
            tracing::debug!(%error, "the command has ended already");
        }
        if self.stdout.take().is_some() {
            self.running.channel.discard_data();
        }
        if self.stderr.take().is_some() {
            self.running.channel.discard_stderr();
        }
        let finished = self.running.finished(None);
        if let Some(error) = self.feeder_error() {
            return Err(error);
        }
        match finished {
            Progress::Exited(status) => Ok(status),
            Progress::Running | Progress::Expired => Err(Error::DeadlineExceeded {
                after: self.running.deadline.map(|deadline| deadline.after).unwrap_or_default(),
                output: Box::new(Output::empty()),
            }),
        }
    }

    /// How the command ended, if that is known already.
    pub fn try_wait(&self) -> Option<ExitStatus> {
        match self.running.progress() {
            Progress::Exited(status) => Some(status),
            Progress::Running | Progress::Expired => None,
        }
    }

    /// Why the connection ended, if it has.
    pub fn connection_error(&self) -> Option<Error> {
        self.running.link.ended()
    }

    /// Sends a signal: `TERM`, `INT`, `USR1` or another name of RFC 4254 §6.10, with or without `SIG`.
    ///
    /// # Errors
    ///
    /// [`Error::Options`] for a name that is empty or not printable; [`Error::ChannelClosed`], or what ended the
    /// connection.
    pub fn signal(&self, name: &str) -> Result<(), Error> {
        let name = name.strip_prefix("SIG").unwrap_or(name);
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::Options("a signal has a name such as TERM"));
        }
        signal(&self.running.channel, name).map_err(|error| self.running.link.error(error))
    }

    /// Says that the terminal's size has changed (RFC 4254 §6.7).
    ///
    /// # Errors
    ///
    /// [`Error::ChannelClosed`], or what ended the connection.
    pub fn window_change(&self, size: WindowSize) -> Result<(), Error> {
        let sent = self.running.channel.notify("window-change", &size.window_change());
        sent.map_err(|error| self.running.link.error(error))
    }

    /// Sends KILL and closes the channel, without waiting. Output that has come stays readable.
    pub fn kill(&self) {
        if let Err(error) = signal(&self.running.channel, "KILL") {
            tracing::debug!(%error, "no signal can be sent");
        }
        self.running.channel.close();
    }

    /// The channel beneath. Its events are served already.
    pub fn channel(&self) -> &Channel {
        &self.running.channel
    }

    pub(crate) fn running(&self) -> &Arc<Running> {
        &self.running
    }

    /// What went wrong with the standard input that was given.
    pub(crate) fn feeder_error(&self) -> Option<Error> {
        let error = self.feeder_error.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Error::Local { what: "cannot read what is to be sent to the command", error })
    }
}

/// The standard input of a remote command. Dropping it says EOF.
#[derive(Debug)]
pub struct ChildStdin {
    writer: ChannelWriter,
    running: Arc<Running>,
}

impl Drop for ChildStdin {
    fn drop(&mut self) {
        if let Err(error) = self.running.channel.send_eof() {
            tracing::debug!(%error, "the command has ended already");
        }
    }
}

impl Write for ChildStdin {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.writer.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

macro_rules! outputs {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            reader: ChannelReader,
            _running: Arc<Running>,
        }

        impl $name {
            /// Takes one chunk as it arrived, without copying it, at most `maximum` bytes; `None` at the end.
            ///
            /// # Errors
            ///
            /// What cut the connection before the end.
            pub fn read_chunk(&mut self, maximum: usize) -> io::Result<Option<Bytes>> {
                self.reader.read_chunk(maximum)
            }
        }

        impl Read for $name {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.reader.read(buffer)
            }
        }
    )*};
}

outputs! {
    /// The standard output of a remote command.
    ChildStdout
    /// The standard error of a remote command.
    ChildStderr
}
