//! A program that runs in a session: how it is started, what it reads and writes, what it is told meanwhile and
//! how it ends. What the program does is not here.

use bytes::Bytes;
use konko_tokio::{Channel, ChannelReader, ChannelWriter};
use konko_transport::channel::request::ChannelRequestQuestion;
use konko_transport::wire::terminal_modes::TerminalModes;
use std::pin::Pin;
use tokio::sync::mpsc;

/// A future that is sent between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a session is to start (RFC 4254 §6.5).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartRequest {
    /// The user's shell.
    Shell,
    /// A command line. Any bytes of the peer, at most a packet long.
    Exec(Bytes),
    /// A subsystem of this name, of 1 to 64 printable ASCII characters.
    Subsystem(String),
}

/// The size of a terminal (RFC 4254 §6.2, §6.7), as the peer says: any number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WindowSize {
    /// In characters.
    pub columns: u32,
    /// In characters.
    pub rows: u32,
    /// In pixels; often zero.
    pub width_pixels: u32,
    /// In pixels; often zero.
    pub height_pixels: u32,
}

/// A wish for a terminal (RFC 4254 §6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PtyRequest {
    /// What the variable TERM is to be: at most 128 letters, digits and `+-._:`; possibly empty.
    pub term: String,
    /// Its size.
    pub size: WindowSize,
    /// Its modes.
    pub modes: TerminalModes,
}

/// How a program ended (RFC 4254 §6.10).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// By itself, with this status.
    Status(u32),
    /// By a signal.
    Signal {
        /// Its name without SIG.
        name: String,
        /// Whether a core was dumped.
        core_dumped: bool,
    },
    /// There is nothing to be said.
    Unknown,
}

/// What a running program is told by the client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control {
    /// Its terminal has a new size (RFC 4254 §6.7).
    WindowChange(WindowSize),
    /// A signal, by its name without SIG (RFC 4254 §6.9). Any text of the peer.
    Signal(String),
    /// A break of so many milliseconds (RFC 4335).
    Break(u32),
    /// The client wants no more output (`eow@openssh.com`, OpenSSH PROTOCOL 2.1).
    EndOfWrite,
}

/// A [`Control`] that waits for its answer. Dropping it refuses.
#[derive(Debug)]
#[must_use = "the client may wait for the answer"]
pub struct ControlRequest {
    /// What is wanted.
    pub control: Control,
    question: Option<(Channel, ChannelRequestQuestion)>,
}

impl ControlRequest {
    pub(crate) fn new(control: Control, channel: Channel, question: ChannelRequestQuestion) -> Self {
        Self { control, question: Some((channel, question)) }
    }

    /// Says whether it was done.
    pub fn answer(mut self, success: bool) {
        self.settle(success);
    }

    fn settle(&mut self, success: bool) {
        if let Some((channel, question)) = self.question.take() {
            channel.answer(question, success);
        }
    }
}

impl Drop for ControlRequest {
    fn drop(&mut self) {
        self.settle(false);
    }
}

/// What a running program is told, in order.
#[derive(Debug)]
pub struct Controls {
    receiver: mpsc::Receiver<ControlRequest>,
}

impl Controls {
    /// How many may wait for a program that does not ask for them; those beyond are refused.
    const MAXIMUM: usize = 64;

    pub(crate) fn new() -> (mpsc::Sender<ControlRequest>, Self) {
        let (sender, receiver) = mpsc::channel(Self::MAXIMUM);
        (sender, Self { receiver })
    }

    /// The next; `None` when the client has closed the channel or the connection has ended: the program is to come
    /// to its end. Cancel-safe.
    pub async fn next(&mut self) -> Option<ControlRequest> {
        self.receiver.recv().await
    }
}

/// The session's ends of a program's streams.
///
/// Writing waits for the client to read. When the program has ended, its exit is reported, EOF is sent and the
/// channel closed: the program need not.
#[derive(Debug)]
#[non_exhaustive]
pub struct SessionStream {
    /// What the client sends.
    pub input: ChannelReader,
    /// What the client receives.
    pub output: ChannelWriter,
    /// What the client receives as standard error.
    pub error_output: ChannelWriter,
    /// What else the client wants.
    pub controls: Controls,
    /// The software that the client says it is, as its identification string has it (RFC 4253 §4.2): any visible
    /// ASCII characters. Empty if it is not known.
    pub client_software: String,
    pub(crate) channel: Channel,
}

impl SessionStream {
    pub(crate) fn new(channel: Channel, controls: Controls, client_software: String) -> Self {
        Self {
            input: channel.reader(),
            output: channel.writer(),
            error_output: channel.stderr_writer(),
            controls,
            client_software,
            channel,
        }
    }

    /// Drops what the client sends from now on, as nobody reads it any more.
    pub fn discard_input(&self) {
        self.channel.discard_data();
    }
}

/// A program that has been granted and waits for its streams.
pub struct Program {
    run: Box<dyn FnOnce(SessionStream) -> BoxFuture<'static, Exit> + Send>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").finish_non_exhaustive()
    }
}

impl Program {
    /// The program that `run` is. Its future is dropped if it goes on for too long after the channel has closed
    /// (see [`ServerLimits::program_end`](crate::limits::ServerLimits::program_end)).
    pub fn new<F>(run: impl FnOnce(SessionStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Exit> + Send + 'static,
    {
        Self { run: Box::new(move |stream| Box::pin(run(stream))) }
    }

    pub(crate) fn run(self, stream: SessionStream) -> BoxFuture<'static, Exit> {
        (self.run)(stream)
    }
}
