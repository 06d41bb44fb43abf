//! A program of the operating system as the program of a session: its streams, its signals and its end.

use crate::process::controlling_terminal::{lead_session, lead_session_on_terminal};
use crate::process::group::ProcessGroup;
use crate::process::output_pump::OutputPump;
use crate::process::pipe_width::widen;
use crate::process::pty::{Pty, Terminal};
use crate::process::signal;
use crate::program::{Control, ControlRequest, Exit, SessionStream};
use konko_tokio::{ChannelReader, ChannelWriter};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::process::Command;

/// The most bytes of input that are taken at once.
const PIECE: usize = 64 * 1024;

/// A program with pipes as standard input, output and error output.
pub(crate) struct PipedProcess {
    group: ProcessGroup,
    input: pipe::Sender,
    output: pipe::Receiver,
    error_output: pipe::Receiver,
}

/// A program on a terminal.
pub(crate) struct TerminalProcess {
    group: ProcessGroup,
    pty: Pty,
}

/// A stream of output until its end.
struct Output {
    pump: OutputPump,
    source: Option<pipe::Receiver>,
}

impl Output {
    fn new(writer: ChannelWriter, source: pipe::Receiver) -> Self {
        Self { pump: OutputPump::new(writer), source: Some(source) }
    }

    /// Carries until the end; then the pipe is closed. Cancel-safe.
    async fn run(&mut self) {
        if let Some(source) = &self.source
            && let Err(error) = self.pump.run(source).await
        {
            tracing::debug!(%error, "output is left behind");
        }
        self.source = None;
    }

    const fn is_done(&self) -> bool {
        self.source.is_none()
    }
}

impl PipedProcess {
    /// Starts the program.
    pub(crate) fn spawn(mut command: Command) -> io::Result<Self> {
        let (child_input, input) = io::pipe()?;
        let (output, child_output) = io::pipe()?;
        let (error_output, child_error_output) = io::pipe()?;
        command
            .stdin(Stdio::from(child_input))
            .stdout(Stdio::from(child_output))
            .stderr(Stdio::from(child_error_output));
        lead_session(&mut command);
        // The pipes come before the program, so that nothing can fail after it is started.
        let input = pipe::Sender::from_owned_fd(input.into())?;
        let output = pipe::Receiver::from_owned_fd(output.into())?;
        let error_output = pipe::Receiver::from_owned_fd(error_output.into())?;
        let group = ProcessGroup::new(command.spawn()?);
        Ok(Self { group, input, output, error_output })
    }

    /// Serves the program until it has ended and nobody has its output open any more, as OpenSSH does; or until the
    /// client is gone.
    pub(crate) async fn run(self, stream: SessionStream) -> Exit {
        let Self { mut group, input, output, error_output } = self;
        let SessionStream {
            input: from_client,
            output: to_client,
            error_output: errors,
            mut controls,
            channel,
            ..
        } = stream;
        let mut input = pin!(carry_input(from_client, input, widen));
        let mut output = Output::new(to_client, output);
        let mut error_output = Output::new(errors, error_output);
        let (mut input_done, mut exit) = (false, None);
        loop {
            if let Some(exit) = &exit
                && output.is_done()
                && error_output.is_done()
            {
                return report(exit);
            }
            tokio::select! {
                result = &mut input, if !input_done => {
                    input_done = true;
                    if result.is_err() {
                        // Nobody reads it any more, and it must not hold up what else the client says.
                        channel.discard_data();
                    }
                }
                () = output.run(), if !output.is_done() => {}
                () = error_output.run(), if !error_output.is_done() => {}
                status = group.wait(), if exit.is_none() => exit = Some(status),
                request = controls.next() => match request {
                    // Dropping the group tells it.
                    None => return Exit::Unknown,
                    Some(request) if request.control == Control::EndOfWrite => {
                        output.source = None;
                        request.answer(true);
                    }
                    Some(request) => control(request, &group),
                },
            }
        }
    }
}

impl TerminalProcess {
    /// Starts the program.
    pub(crate) fn spawn(mut command: Command, pty: Pty, terminal: Terminal) -> io::Result<Self> {
        let device = terminal.device;
        command
            .stdin(Stdio::from(device.try_clone()?))
            .stdout(Stdio::from(device.try_clone()?))
            .stderr(Stdio::from(device));
        lead_session_on_terminal(&mut command);
        let group = ProcessGroup::new(command.spawn()?);
        Ok(Self { group, pty })
    }

    /// Serves the program until it has ended, whoever else may have the terminal open; or until the client is gone.
    pub(crate) async fn run(self, stream: SessionStream) -> Exit {
        let Self { mut group, mut pty } = self;
        let Some(to_program) = pty.input.take() else { return Exit::Unknown };
        let SessionStream { input, output, mut controls, channel, .. } = stream;
        let mut input = pin!(carry_input(input, to_program, |_| {}));
        let mut pump = OutputPump::new(output);
        let (mut input_done, mut output_done) = (false, false);
        let exit = loop {
            tokio::select! {
                result = &mut input, if !input_done => {
                    input_done = true;
                    if result.is_err() {
                        channel.discard_data();
                    }
                }
                result = pump.run(&pty.output), if !output_done => {
                    output_done = true;
                    if let Err(error) = result {
                        tracing::debug!(%error, "output is left behind");
                    }
                }
                status = group.wait() => break status,
                request = controls.next() => match request {
                    None => return Exit::Unknown,
                    Some(request) => control_terminal(request, &group, &pty),
                },
            }
        };
        let mut drain = pin!(pump.drain(|buffer| pty.read_now(buffer)));
        loop {
            tokio::select! {
                _ = &mut drain => return report(&exit),
                request = controls.next() => match request {
                    None => return Exit::Unknown,
                    Some(request) => request.answer(false),
                },
            }
        }
    }
}

/// Carries input to the program, and closes the program's end with its own. `when_full` is told once, when the program
/// takes less than there is.
async fn carry_input<W: AsyncWrite + Unpin>(
    mut reader: ChannelReader,
    mut sink: W,
    when_full: impl FnOnce(&W),
) -> io::Result<()> {
    let mut when_full = Some(when_full);
    while let Some(chunk) = reader.read_chunk(PIECE).await? {
        let written = sink.write(&chunk).await?;
        let rest = chunk.get(written..).unwrap_or_default();
        if !rest.is_empty() {
            if let Some(when_full) = when_full.take() {
                when_full(&sink);
            }
            sink.write_all(rest).await?;
        }
    }
    Ok(())
}

fn control(request: ControlRequest, group: &ProcessGroup) {
    let done = match &request.control {
        Control::Signal(name) => signal::by_name(name).is_some_and(|signal| group.signal(signal)),
        Control::WindowChange(_) | Control::Break(_) | Control::EndOfWrite => false,
    };
    request.answer(done);
}

fn control_terminal(request: ControlRequest, group: &ProcessGroup, pty: &Pty) {
    let done = match &request.control {
        Control::WindowChange(size) => pty.resize(*size).is_ok(),
        Control::Break(_) => pty.send_break().is_ok(),
        Control::Signal(_) | Control::EndOfWrite => return control(request, group),
    };
    request.answer(done);
}

fn report(exit: &io::Result<ExitStatus>) -> Exit {
    let Ok(status) = exit else { return Exit::Unknown };
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Status(code.cast_unsigned()),
        (None, Some(number)) => {
            Exit::Signal { name: signal::name(number).to_owned(), core_dumped: status.core_dumped() }
        }
        (None, None) => Exit::Unknown,
    }
}
