//! The requests on one session channel (RFC 4254 §6): their order, their limits, and the end of the session. What
//! they mean is the handler's business.

use crate::agent::ForwardedAgent;
use crate::handler::SessionHandler;
use crate::limits::ServerLimits;
use crate::program::{
    Control, ControlRequest, Controls, Exit, Program, PtyRequest, SessionStream, StartRequest, WindowSize,
};
use konko_tokio::{Channel, Connection};
use konko_transport::Server;
use konko_transport::channel::event::ChannelEvent;
use konko_transport::channel::request::{ChannelRequest, ChannelRequestQuestion};
use konko_transport::wire::encode::Encode;
use konko_transport::wire::message::channel::{Env, ExitSignal, ExitStatus, PtyReq, WindowChange};
use konko_transport::wire::terminal_modes::TerminalModes;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The longest TERM that is taken, in bytes.
const MAXIMUM_TERM_LEN: usize = 128;
/// The longest subsystem name that is taken, in bytes.
const MAXIMUM_SUBSYSTEM_LEN: usize = 64;

/// One session.
pub(crate) struct Session {
    connection: Connection<Server>,
    handler: Box<dyn SessionHandler>,
    limits: Arc<ServerLimits>,
    requests: Requests,
    controls: Controls,
    variables: usize,
    variable_bytes: usize,
    has_agent: bool,
}

/// The requests on a session's channel.
struct Requests {
    channel: Channel,
    /// What concerns the program goes there.
    program: mpsc::Sender<ControlRequest>,
    has_pty: bool,
}

impl Session {
    pub(crate) fn new(
        connection: Connection<Server>,
        channel: Channel,
        handler: Box<dyn SessionHandler>,
        limits: Arc<ServerLimits>,
    ) -> Self {
        let (program, controls) = Controls::new();
        let requests = Requests { channel, program, has_pty: false };
        Self {
            connection,
            handler,
            limits,
            requests,
            controls,
            variables: 0,
            variable_bytes: 0,
            has_agent: false,
        }
    }

    /// Serves the session to its end.
    pub(crate) async fn serve(mut self) {
        let Some((program, question)) = self.prepare().await else { return };
        let client_software = self.connection.with(|transport, _| {
            transport.peer_identification().map(|identification| identification.software().into_owned())
        });
        let Self { limits, requests, controls, .. } = self;
        let channel = requests.channel.clone();
        channel.answer(question, true);
        let mut running =
            program.run(SessionStream::new(channel.clone(), controls, client_software.unwrap_or_default()));
        let exit = tokio::select! {
            exit = &mut running => exit,
            // Nobody listens any more. The program learns it from its controls, whose other end is dropped.
            () = requests.serve() => match tokio::time::timeout(limits.program_end, running).await {
                Ok(exit) => exit,
                Err(_) => Exit::Unknown,
            },
        };
        end(&channel, &exit);
    }

    /// Serves requests until a program can be started. `None`: the channel has closed before.
    async fn prepare(&mut self) -> Option<(Program, ChannelRequestQuestion)> {
        loop {
            let question = match self.requests.channel.next_event().await? {
                ChannelEvent::Request(question) => question,
                ChannelEvent::Closed => return None,
                _ => continue,
            };
            let Ok(request) = question.parse() else {
                self.requests.channel.answer(question, false);
                continue;
            };
            let success = match request {
                ChannelRequest::Shell | ChannelRequest::Exec(_) | ChannelRequest::Subsystem(_) => {
                    let program = match start_request(&request) {
                        Some(request) => self.start(request).await?,
                        None => None,
                    };
                    match program {
                        Some(program) => return Some((program, question)),
                        None => false,
                    }
                }
                ChannelRequest::Env(env) => self.env(&env),
                ChannelRequest::Pty(request, modes) => self.pty(&request, modes).await?,
                ChannelRequest::AuthAgent => self.forward_agent().await?,
                // RFC 4254 §6.7: the window may change while the start is still being thought about.
                ChannelRequest::WindowChange(_) => {
                    self.requests.pass_on(question);
                    continue;
                }
                _ => false,
            };
            self.requests.channel.answer(question, success);
        }
    }

    /// Asks the handler for a program, as long as the connection lasts. The outer `None`: it does not.
    async fn start(&mut self, request: StartRequest) -> Option<Option<Program>> {
        let started = self.handler.start(request);
        unless_ended(&self.connection, started).await
    }

    /// Asks the handler whether the client's agent is wanted, as long as the connection lasts.
    async fn forward_agent(&mut self) -> Option<bool> {
        if !self.has_agent {
            let taken = self.handler.forward_agent(ForwardedAgent::new(self.connection.clone()));
            self.has_agent = unless_ended(&self.connection, taken).await?;
        }
        Some(self.has_agent)
    }

    fn env(&mut self, env: &Env<'_>) -> bool {
        // Names are those of POSIX (Base Definitions §8.1): no `=`, no control characters, nothing that a shell
        // could take for something else.
        let Ok(name) = std::str::from_utf8(env.name) else { return false };
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if name.is_empty() || !plain || env.value.contains(&0) {
            return false;
        }
        let bytes = self.variable_bytes.saturating_add(name.len()).saturating_add(env.value.len());
        if self.variables >= self.limits.maximum_environment_variables
            || bytes > self.limits.maximum_environment_bytes
        {
            return false;
        }
        let taken = self.handler.env(name, env.value);
        if taken {
            self.variables += 1;
            self.variable_bytes = bytes;
        }
        taken
    }

    /// Asks the handler for a terminal, as long as the connection lasts.
    async fn pty(&mut self, request: &PtyReq<'_>, modes: TerminalModes) -> Option<bool> {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-._:".contains(byte);
        if self.requests.has_pty
            || request.term.len() > MAXIMUM_TERM_LEN
            || !request.term.iter().all(is_plain)
        {
            return Some(false);
        }
        let request = PtyRequest {
            term: String::from_utf8_lossy(request.term).into_owned(),
            size: WindowSize {
                columns: request.width_columns,
                rows: request.height_rows,
                width_pixels: request.width_pixels,
                height_pixels: request.height_pixels,
            },
            modes,
        };
        let made = self.handler.pty(request);
        self.requests.has_pty = unless_ended(&self.connection, made).await?;
        Some(self.requests.has_pty)
    }
}

impl Requests {
    /// Serves requests while the program runs; returns when the channel has closed.
    async fn serve(self) {
        loop {
            match self.channel.next_event().await {
                Some(ChannelEvent::Request(question)) => self.pass_on(question),
                Some(ChannelEvent::Closed) | None => return,
                Some(_) => {}
            }
        }
    }

    /// Passes on what concerns a running program, and refuses all else: RFC 4254 §6.5: "Only one of these requests
    /// can succeed per channel."
    fn pass_on(&self, question: ChannelRequestQuestion) {
        let control = match question.parse() {
            Ok(ChannelRequest::WindowChange(change)) if self.has_pty => {
                Control::WindowChange(size_of(&change))
            }
            Ok(ChannelRequest::Signal(signal)) => {
                Control::Signal(String::from_utf8_lossy(signal.signal_name).into_owned())
            }
            Ok(ChannelRequest::Break(request)) => Control::Break(request.length),
            Ok(ChannelRequest::Eow) => Control::EndOfWrite,
            _ => {
                self.channel.answer(question, false);
                return;
            }
        };
        // What a program does not take is refused as it is dropped.
        drop(self.program.try_send(ControlRequest::new(control, self.channel.clone(), question)));
    }
}

/// Reports the exit, then says EOF and closes, in this order: a client may take a close without a status for a
/// failure.
fn end(channel: &Channel, exit: &Exit) {
    let reported = match exit {
        Exit::Status(exit_status) => {
            let body = ExitStatus { exit_status: *exit_status };
            channel.notify(ExitStatus::NAME, &body.to_vec())
        }
        Exit::Signal { name, core_dumped } => {
            let body = ExitSignal {
                signal_name: name.as_bytes(),
                core_dumped: *core_dumped,
                error_message: b"",
                language_tag: b"",
            };
            channel.notify(ExitSignal::NAME, &body.to_vec())
        }
        Exit::Unknown => Ok(()),
    };
    if let Err(error) = reported {
        tracing::debug!(%error, "nobody is left to be told of an exit");
    }
    channel.send_eof();
    channel.close();
}

/// Waits for the handler's answer, as long as the connection lasts. Without it nobody waits for the answer.
async fn unless_ended<T>(connection: &Connection<Server>, answer: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        answer = answer => Some(answer),
        _ = connection.closed() => None,
    }
}

const fn size_of(change: &WindowChange) -> WindowSize {
    WindowSize {
        columns: change.width_columns,
        rows: change.height_rows,
        width_pixels: change.width_pixels,
        height_pixels: change.height_pixels,
    }
}

/// What is to be started; `None` for a name that cannot be one, or a command with a NUL, which no system takes.
fn start_request(request: &ChannelRequest<'_>) -> Option<StartRequest> {
    match request {
        ChannelRequest::Shell => Some(StartRequest::Shell),
        ChannelRequest::Exec(exec) if !exec.command.contains(&0) => {
            Some(StartRequest::Exec(bytes::Bytes::copy_from_slice(exec.command)))
        }
        ChannelRequest::Subsystem(subsystem) => {
            let name = std::str::from_utf8(subsystem.name).ok()?;
            let fits = (1..=MAXIMUM_SUBSYSTEM_LEN).contains(&name.len());
            (fits && name.bytes().all(|byte| byte.is_ascii_graphic()))
                .then(|| StartRequest::Subsystem(name.to_owned()))
        }
        _ => None,
    }
}
