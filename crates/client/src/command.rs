//! A command, a shell or a subsystem on the server, in the manner of `std::process::Command`.

use crate::child::Child;
use crate::error::Error;
use crate::exit_status::ExitStatus;
use crate::feeder::Feeder;
use crate::link::Link;
use crate::output::Output;
use crate::pty::PtyOptions;
use crate::running::{Deadline, Progress, Running};
use bytes::Bytes;
use konko_tokio::{Channel, ChannelReader};
use konko_transport::channel::ChannelKind;
use konko_transport::wire::encode::Encode;
use konko_transport::wire::message::channel::{Env, Exec, PtyReq, Shell, Subsystem};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncRead;
use tokio::time::Instant;

/// How much one output of a command may be unless said otherwise: 256 MiB.
pub const DEFAULT_OUTPUT_LIMIT: usize = 256 * 1024 * 1024;
/// How much is read at once from an output.
const CHUNK: usize = 64 * 1024;
/// How long a command is given between TERM and KILL unless said otherwise.
const DEFAULT_KILL_GRACE: Duration = Duration::from_secs(2);

/// Where a command's standard input comes from.
#[derive(Default)]
#[non_exhaustive]
pub enum Stdin {
    /// Nowhere: it ends at once. The default of [`Command::output`].
    Null,
    /// From [`Child::stdin`](crate::child::Child::stdin). The default of [`Command::spawn`].
    #[default]
    Piped,
    /// These bytes.
    Bytes(Bytes),
    /// What can be read here.
    Stream(Box<dyn AsyncRead + Send + Unpin>),
}

impl std::fmt::Debug for Stdin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Piped => f.write_str("Piped"),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Stream(..)"),
        }
    }
}

/// What is to be started.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    Exec(Vec<u8>),
    Shell,
    Subsystem(String),
}

#[derive(Debug)]
struct Variable {
    name: Vec<u8>,
    value: Vec<u8>,
    required: bool,
}

/// A command, a shell or a subsystem that is to be started on the server.
///
/// The command is one line for the user's shell there, not a list of arguments.
#[derive(Debug)]
#[must_use = "a command does nothing before it is started"]
pub struct Command {
    plan: Plan,
    stdin: Option<Stdin>,
}

/// Everything but the standard input, which not every thread may look at.
#[derive(Debug)]
struct Plan {
    link: Arc<Link>,
    start: Start,
    environment: Vec<Variable>,
    pty: Option<PtyOptions>,
    deadline: Option<Duration>,
    kill_grace: Duration,
    output_limit: usize,
    output_grace: Option<Duration>,
    merge_stderr: bool,
}

impl Command {
    pub(crate) const fn new(link: Arc<Link>, start: Start) -> Self {
        let plan = Plan {
            link,
            start,
            environment: Vec::new(),
            pty: None,
            deadline: None,
            kill_grace: DEFAULT_KILL_GRACE,
            output_limit: DEFAULT_OUTPUT_LIMIT,
            output_grace: None,
            merge_stderr: false,
        };
        Self { plan, stdin: None }
    }

    /// Sets an environment variable (RFC 4254 §6.4). Servers take few names, and whether they did is not asked.
    pub fn env(mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.plan.environment.push(Variable { name: name.into(), value: value.into(), required: false });
        self
    }

    /// As [`env`](Self::env); the command is not started if the server refuses it.
    pub fn require_env(mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.plan.environment.push(Variable { name: name.into(), value: value.into(), required: true });
        self
    }

    /// Runs it on a pseudo-terminal. It has one output then.
    pub fn pty(mut self, pty: PtyOptions) -> Self {
        self.plan.pty = Some(pty);
        self
    }

    /// Where its standard input comes from.
    pub fn stdin(mut self, stdin: Stdin) -> Self {
        self.stdin = Some(stdin);
        self
    }

    /// How long it may take altogether, from opening the channel to its end. After that it is sent TERM, then
    /// KILL, and its channel is closed. Default: as long as it likes.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.plan.deadline = Some(deadline);
        self
    }

    /// How long it is given between TERM and KILL at the deadline. Default: 2 s.
    pub const fn kill_grace(mut self, grace: Duration) -> Self {
        self.plan.kill_grace = grace;
        self
    }

    /// How many bytes each output may have in [`output`](Self::output). Default: [`DEFAULT_OUTPUT_LIMIT`].
    pub const fn output_limit(mut self, limit: usize) -> Self {
        self.plan.output_limit = limit;
        self
    }

    /// How long [`output`](Self::output) waits for the end of the outputs after the command itself has ended: a
    /// process that it left in the background may hold them open. Default: until they end.
    pub const fn output_grace(mut self, grace: Duration) -> Self {
        self.plan.output_grace = Some(grace);
        self
    }

    /// Lets standard error appear among the standard output, in the order of its arrival.
    pub const fn merge_stderr(mut self) -> Self {
        self.plan.merge_stderr = true;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// [`Error::OpenRefused`], [`Error::RequestRefused`], [`Error::NoAnswer`], [`Error::DeadlineExceeded`] if the
    /// deadline passes before it is started, or what ended the connection.
    pub async fn spawn(self) -> Result<Child, Error> {
        self.plan.spawn(self.stdin.unwrap_or_default()).await
    }

    /// Runs it to its end and returns what it wrote. Both outputs are read at the same time as the input is
    /// written, so that none holds up another.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn); [`Error::DeadlineExceeded`], [`Error::OutputLimit`] and
    /// [`Error::ConnectionLost`] with what had come until then.
    pub async fn output(self) -> Result<Output, Error> {
        let Self { plan, stdin } = self;
        let stdin = match stdin {
            Some(Stdin::Piped) => {
                return Err(Error::Options("a piped standard input needs spawn, not output"));
            }
            Some(stdin) => stdin,
            None => Stdin::Null,
        };
        let child = plan.spawn(stdin).await?;
        let running = Arc::clone(child.running());
        let mut output = Output::empty();
        let ended = plan.collect(&running, &mut output).await;
        if let Some(error) = child.feeder_error() {
            return Err(error);
        }
        match ended {
            Ok(Progress::Exited(ExitStatus::ConnectionLost)) => {
                output.status = ExitStatus::ConnectionLost;
                let error = lost(&plan.link).await;
                Err(Error::ConnectionLost { error: Box::new(error), output: Box::new(output) })
            }
            Ok(Progress::Exited(status)) => {
                output.status = status;
                Ok(output)
            }
            Ok(Progress::Running | Progress::Expired) => {
                let after = plan.deadline.unwrap_or_default();
                Err(Error::DeadlineExceeded { after, output: Box::new(output) })
            }
            Err(LimitReached) => {
                child.kill();
                Err(Error::OutputLimit { limit: plan.output_limit, output: Box::new(output) })
            }
        }
    }
}

impl Plan {
    async fn spawn(&self, stdin: Stdin) -> Result<Child, Error> {
        let deadline = match self.deadline {
            None => None,
            Some(after) => {
                let at =
                    Instant::now().checked_add(after).ok_or(Error::Options("a deadline beyond all time"))?;
                Some(Deadline { at, after, grace: self.kill_grace })
            }
        };
        let channel = match deadline {
            None => self.started().await?,
            Some(Deadline { at, after, .. }) => match tokio::time::timeout_at(at, self.started()).await {
                Ok(channel) => channel?,
                Err(_) => return Err(Error::DeadlineExceeded { after, output: Box::new(Output::empty()) }),
            },
        };
        let piped = matches!(stdin, Stdin::Piped);
        let feeder = match stdin {
            Stdin::Piped => None,
            Stdin::Null => {
                channel.send_eof();
                None
            }
            Stdin::Bytes(bytes) => Some(Feeder::spawn(channel.clone(), std::io::Cursor::new(bytes))),
            Stdin::Stream(stream) => Some(Feeder::spawn(channel.clone(), stream)),
        };
        let running = Arc::new(Running::new(channel, Arc::clone(&self.link), deadline));
        Ok(Child::new(running, piped, feeder))
    }

    /// Opens the channel and starts it there. Should this not come to its end, the channel is closed.
    async fn started(&self) -> Result<Channel, Error> {
        let channel = self.link.open(ChannelKind::Session).await?;
        if self.merge_stderr {
            channel.merge_stderr();
        }
        for Variable { name, value, required } in &self.environment {
            let body = Env { name, value }.to_vec();
            if *required {
                self.ask(&channel, Env::NAME, &body, &String::from_utf8_lossy(name)).await?;
            } else {
                channel.notify(Env::NAME, &body).map_err(|error| self.link.error(error))?;
            }
        }
        if let Some(pty) = &self.pty {
            self.ask(&channel, PtyReq::NAME, &pty.pty_req(), "").await?;
        }
        match &self.start {
            Start::Exec(command) => {
                self.ask(&channel, Exec::NAME, &Exec { command }.to_vec(), "").await?;
            }
            Start::Shell => self.ask(&channel, Shell::NAME, &[], "").await?,
            Start::Subsystem(name) => {
                let body = Subsystem { name: name.as_bytes() }.to_vec();
                self.ask(&channel, Subsystem::NAME, &body, name).await?;
            }
        }
        Ok(channel)
    }

    async fn ask(
        &self,
        channel: &Channel,
        request: &'static str,
        body: &[u8],
        detail: &str,
    ) -> Result<(), Error> {
        match channel.request(request, body, self.link.timeouts.request).await {
            Ok(true) => Ok(()),
            Ok(false) if self.link.is_ended() => Err(self.link.error(konko_tokio::Error::ChannelClosed)),
            Ok(false) => {
                let detail = crate::printable::printable(detail, false);
                Err(Error::RequestRefused { request, detail })
            }
            Err(error) => Err(self.link.error(error)),
        }
    }

    async fn collect(&self, running: &Running, output: &mut Output) -> Result<Progress, LimitReached> {
        let (mut stdout, mut stderr) = (running.channel.reader(), running.channel.stderr());
        let limit = self.output_limit;
        let (out, err) = (&mut output.stdout, &mut output.stderr);
        let drained = async {
            tokio::try_join!(drain(&mut stdout, out, limit), drain(&mut stderr, err, limit)).map(|_| ())
        };
        tokio::pin!(drained);
        let finished = tokio::select! {
            result = &mut drained => {
                result?;
                return Ok(running.finished().await);
            }
            finished = running.finished() => finished,
        };
        match (self.output_grace, &finished) {
            (Some(grace), Progress::Exited(_)) => {
                if let Ok(result) = tokio::time::timeout(grace, drained).await {
                    result?;
                }
                Ok(finished)
            }
            // The deadline may still pass while the outputs are open.
            (None, _) | (Some(_), Progress::Running | Progress::Expired) => {
                drained.await?;
                Ok(running.progress.borrow().clone())
            }
        }
    }
}

struct LimitReached;

/// Reads to the end. That the connection was cut is told by how the command ended.
async fn drain(reader: &mut ChannelReader, into: &mut Vec<u8>, limit: usize) -> Result<(), LimitReached> {
    while let Ok(Some(chunk)) = reader.read_chunk(CHUNK).await {
        let room = limit - into.len();
        into.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() > room {
            return Err(LimitReached);
        }
    }
    Ok(())
}

/// The reason is known when the driver has ended, which it does at once.
async fn lost(link: &Link) -> Error {
    Error::of(link.connection.closed().await, crate::error::Phase::Connected)
}
