//! A session: a command, a shell or a subsystem at the other end, with the standard streams of this process.

use crate::environment::Variables;
use crate::escape::{EscapeCommand, EscapeFilter};
use crate::exit::{FAILED, Failure};
use crate::notice::tell;
use crate::streams::{Output, StreamEnd, receive, send_stdin};
use crate::terminal::{self, ChangedTerminal};
use crate::terminal_modes;
use konko::client::agent::AgentSource;
use konko::client::{Child, ExitStatus, PtyOptions, SshClient, Stdin};
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// The length of a break that the user sends, in milliseconds.
const BREAK_LENGTH: u32 = 1000;

/// What runs at the other end.
#[derive(Debug)]
pub enum Start {
    /// The user's shell.
    Shell,
    /// A command line.
    Command(String),
    /// A subsystem of this name.
    Subsystem(String),
}

/// A session before it begins.
#[derive(Debug)]
pub struct Session {
    /// What runs.
    pub start: Start,
    /// Its environment.
    pub variables: Variables,
    /// Whether it has a terminal.
    pub pty: bool,
    /// Whether it has no input.
    pub stdin_null: bool,
    /// The escape character.
    pub escape: Option<u8>,
    /// The agent that it may use.
    pub agent: Option<AgentSource>,
    /// The host, for messages.
    pub host: String,
    /// Whether the end of an interactive session is told.
    pub notices: bool,
}

/// The end of a session.
enum Ended {
    Exited(ExitStatus),
    /// The user asked for it by an escape.
    Disconnected,
}

impl Session {
    /// Runs it to its end and returns its exit status, as ssh(1) has it: 255 if there is none.
    ///
    /// # Errors
    ///
    /// [`Failure`] if it cannot be started, or the connection is lost.
    pub async fn run(self, client: &SshClient) -> Result<u8, Failure> {
        let mut child = self.spawn(client).await?;
        let mut window_changes = match self.pty {
            true => Some(signal(SignalKind::window_change()).map_err(|e| Failure::local("SIGWINCH", e))?),
            false => None,
        };
        let raw = match self.pty && !self.stdin_null && terminal::stdin_is_terminal() {
            true => Some(raw_terminal().await.map_err(|error| Failure::local("the terminal", error))?),
            false => None,
        };
        let ended = self.converse(client, &mut child, &mut window_changes).await;
        drop(raw);
        let status = match ended? {
            Ended::Exited(status) => status,
            Ended::Disconnected => ExitStatus::NotReported,
        };
        if status == ExitStatus::ConnectionLost {
            let reason = child.connection_error().unwrap_or(konko::client::Error::ChannelClosed);
            return Err(Failure::Client { host: self.host, error: Box::new(reason) });
        }
        tracing::debug!(%status, "the session has ended");
        if self.pty && self.notices {
            tell(format_args!("Connection to {} closed.", self.host));
        }
        // A status has 32 bits there and 8 here.
        Ok(status.code().map_or(FAILED, |code| code as u8))
    }

    async fn spawn(&self, client: &SshClient) -> Result<Child, Failure> {
        let mut command = match &self.start {
            Start::Shell => client.shell(),
            Start::Command(command) => client.command(command),
            Start::Subsystem(name) => client.subsystem(name.as_str()),
        };
        for (name, value) in &self.variables {
            command = command.env(name.as_slice(), value.as_slice());
        }
        if self.pty {
            let term = std::env::var("TERM").unwrap_or_default();
            let mut pty = PtyOptions::new(term, terminal::stdin_size());
            if let Some(settings) = terminal::stdin_settings() {
                pty = pty.with_modes(terminal_modes::encode(&settings));
            }
            command = command.pty(pty);
        }
        if let Some(agent) = &self.agent {
            command = command.forward_agent(agent.clone());
        }
        if self.stdin_null {
            command = command.stdin(Stdin::Null);
        }
        let spawned = command.spawn().await;
        spawned.map_err(|error| Failure::Client { host: self.host.clone(), error: Box::new(error) })
    }

    /// Carries the streams until the session is over.
    async fn converse(
        &self,
        client: &SshClient,
        child: &mut Child,
        window_changes: &mut Option<Signal>,
    ) -> Result<Ended, Failure> {
        let (commands, mut escapes) = mpsc::unbounded_channel();
        let filter = self.escape.filter(|_| self.pty).map(EscapeFilter::new);
        let help = filter.as_ref().map(EscapeFilter::help).unwrap_or_default();
        if let Some(stdin) = child.stdin() {
            // Its end is of no interest: a command may end without having read everything.
            drop(send_stdin(stdin, filter.map(|filter| (filter, commands))));
        }
        // Readers of the same streams, which say more about how they end.
        let _outputs = (child.stdout(), child.stderr());
        let stdout = receive(child.channel().reader(), Output::Stdout);
        let stderr = receive(child.channel().stderr(), Output::Stderr);
        let mut over = Box::pin(async {
            tokio::join!(taken(stdout, child, client, true), taken(stderr, child, client, false));
        });
        loop {
            tokio::select! {
                () = &mut over => break,
                Some(()) = next_of(window_changes) => {
                    if let Err(error) = child.window_change(terminal::stdin_size()) {
                        tracing::debug!(%error, "the size of the window is not told");
                    }
                }
                Some(command) = escapes.recv() => match command {
                    EscapeCommand::Disconnect => return Ok(Ended::Disconnected),
                    EscapeCommand::Help => tell(&help),
                    EscapeCommand::Rekey => client.rekey(),
                    EscapeCommand::Break => {
                        // RFC 4335 §3: the length in milliseconds.
                        if let Err(error) = child.channel().notify("break", &BREAK_LENGTH.to_be_bytes()) {
                            tracing::debug!(%error, "no break is sent");
                        }
                    }
                },
            }
        }
        drop(over);
        let status = child.wait().await;
        status
            .map(Ended::Exited)
            .map_err(|error| Failure::Client { host: self.host.clone(), error: Box::new(error) })
    }
}

/// Makes the terminal raw, once no question is being asked at it.
async fn raw_terminal() -> io::Result<ChangedTerminal> {
    let made = tokio::task::spawn_blocking(|| {
        let _turn = terminal::keyboard();
        ChangedTerminal::raw(rustix::stdio::stdin())
    });
    made.await.map_err(io::Error::other)?
}

async fn next_of(signals: &mut Option<Signal>) -> Option<()> {
    match signals {
        Some(signals) => signals.recv().await,
        None => std::future::pending().await,
    }
}

/// Waits until an output has ended. If nobody takes it here any more, the other end is told and the rest dropped.
async fn taken(end: oneshot::Receiver<StreamEnd>, child: &Child, client: &SshClient, is_stdout: bool) {
    match end.await {
        Ok(StreamEnd::Local(error)) => {
            tracing::debug!(%error, is_stdout, "an output cannot be written");
            match is_stdout {
                true => stop_output(child, client),
                false => child.channel().discard_stderr(),
            }
        }
        Ok(StreamEnd::Remote(error)) => tracing::debug!(%error, is_stdout, "an output is cut off"),
        Ok(StreamEnd::Complete) | Err(_) => {}
    }
}

/// Nobody reads standard output any more. A server that knows what that means lets the command feel it; with
/// others, a command that writes without end would never end, so the channel is closed.
fn stop_output(child: &Child, client: &SshClient) {
    child.channel().discard_data();
    let knows = client.info().is_ok_and(|info| {
        let software = info.server_identification.strip_prefix("SSH-2.0-").unwrap_or_default();
        software.starts_with("OpenSSH") || software.starts_with("konko")
    });
    // OpenSSH PROTOCOL 2.1: the sender "will not accept any more data".
    if !knows || child.channel().notify("eow@openssh.com", &[]).is_err() {
        child.channel().close();
    }
}
