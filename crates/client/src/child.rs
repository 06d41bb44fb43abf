//! A remote command that runs.

use crate::error::Error;
use crate::exit_status::ExitStatus;
use crate::feeder::Feeder;
use crate::output::Output;
use crate::pty::WindowSize;
use crate::running::{Deadline, Progress, Running, signal};
use bytes::Bytes;
use konko_tokio::{Channel, ChannelReader, ChannelWriter};
use konko_transport::wire::encode::Encode;
use konko_transport::wire::message::channel::Break;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A remote command that runs. Its streams can be taken; they share the channel's window, so whoever takes both
/// outputs must read both, or discard one. The channel is closed when the child and all its streams are dropped.
#[derive(Debug)]
pub struct Child {
    running: Arc<Running>,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    /// Writes what was given as standard input.
    feeder: Option<Feeder>,
}

impl Child {
    pub(crate) fn new(running: Arc<Running>, piped: bool, feeder: Option<Feeder>) -> Self {
        let channel = &running.channel;
        let stdin = piped.then(|| ChildStdin { writer: channel.writer(), running: Arc::clone(&running) });
        let stdout = Some(ChildStdout { reader: channel.reader(), _running: Arc::clone(&running) });
        let stderr = Some(ChildStderr { reader: channel.stderr(), _running: Arc::clone(&running) });
        Self { running, stdin, stdout, stderr, feeder }
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
    /// outputs that were not taken are discarded: a command that waits for somebody to write or read would never
    /// end. May be called again. Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`Error::DeadlineExceeded`], without output; [`Error::Local`] once, if the stream that was given as standard
    /// input could not be read to its end. The command was not told then that its input has ended, and its channel
    /// was closed.
    pub async fn wait(&mut self) -> Result<ExitStatus, Error> {
        if self.stdin.take().is_some() {
            self.running.channel.send_eof();
        }
        if self.stdout.take().is_some() {
            self.running.channel.discard_data();
        }
        if self.stderr.take().is_some() {
            self.running.channel.discard_stderr();
        }
        let finished = self.running.finished().await;
        if let Some(error) = self.feeder_error() {
            return Err(error);
        }
        match finished {
            Progress::Exited(status) => Ok(status),
            Progress::Running | Progress::Expired => {
                Err(Error::DeadlineExceeded { after: self.deadline(), output: Box::new(Output::empty()) })
            }
        }
    }

    /// How the command ended, if that is known already.
    pub fn try_wait(&self) -> Option<ExitStatus> {
        match &*self.running.progress.borrow() {
            Progress::Exited(status) => Some(status.clone()),
            Progress::Running | Progress::Expired => None,
        }
    }

    /// Why the connection ended, if it has.
    pub fn connection_error(&self) -> Option<Error> {
        self.running.link.ended()
    }

    /// Sends a signal: `TERM`, `INT`, `USR1` or another name of RFC 4254 §6.10, with or without `SIG`. Servers are
    /// free to take no notice, and some do not deliver any.
    ///
    /// # Errors
    ///
    /// [`Error::Options`] for a name that is empty or not of letters, digits and `@`; [`Error::ChannelClosed`], or
    /// what ended the connection.
    pub fn signal(&self, name: &str) -> Result<(), Error> {
        let name = name.strip_prefix("SIG").unwrap_or(name);
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::Options("a signal has a name such as TERM"));
        }
        signal(&self.running.channel, name).map_err(|error| self.running.link.error(error))
    }

    /// Sends a break of so many milliseconds (RFC 4335); 0 leaves the length to the server. Returns whether the
    /// server did it.
    ///
    /// # Errors
    ///
    /// [`Error::NoAnswer`], [`Error::ChannelClosed`], or what ended the connection.
    pub async fn send_break(&self, milliseconds: u32) -> Result<bool, Error> {
        let body = Break { length: milliseconds }.to_vec();
        let timeout = self.running.link.timeouts.request;
        let sent = self.running.channel.request(Break::NAME, &body, timeout).await;
        sent.map_err(|error| self.running.link.error(error))
    }

    /// Says that the terminal's size has changed (RFC 4254 §6.7). Without a pseudo-terminal servers take no notice.
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
        let error = self.feeder.as_ref()?.take_error()?;
        Some(Error::Local { what: "cannot read what is to be sent to the command", error })
    }

    fn deadline(&self) -> Duration {
        self.running.deadline.map_or(Duration::ZERO, |Deadline { after, .. }| after)
    }
}

/// The standard input of a remote command. Dropping it or shutting it down says EOF.
#[derive(Debug)]
pub struct ChildStdin {
    writer: ChannelWriter,
    running: Arc<Running>,
}

impl Drop for ChildStdin {
    fn drop(&mut self) {
        self.running.channel.send_eof();
    }
}

impl AsyncWrite for ChildStdin {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(cx)
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
            /// Cancel-safe.
            ///
            /// # Errors
            ///
            /// What cut the connection before the end.
            pub async fn read_chunk(&mut self, maximum: usize) -> io::Result<Option<Bytes>> {
                self.reader.read_chunk(maximum).await
            }
        }

        impl AsyncRead for $name {
            fn poll_read(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                Pin::new(&mut self.reader).poll_read(cx, buffer)
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
