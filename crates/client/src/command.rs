//! A command, a shell or a subsystem on the server, in the manner of `std::process::Command`.

use crate::agent::forwarding::request_name;
use crate::agent::source::AgentSource;
use crate::child::Child;
use crate::error::Error;
use crate::exit_status::ExitStatus;
use crate::feeder::Feeder;
use crate::link::Link;
use crate::output::Output;
use crate::plan::{Plan, PlannedRequest, Start, plan_builders};
use crate::running::{Deadline, Progress, Running};
use bytes::Bytes;
use konko_tokio::{Channel, ChannelReader};
use konko_transport::channel::ChannelKind;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::io::AsyncRead;
use tokio::time::Instant;

/// How much is read at once from an output.
const CHUNK: usize = 64 * 1024;

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

/// A command, a shell or a subsystem that is to be started on the server.
///
/// The command is one line for the user's shell there, not a list of arguments.
#[derive(Debug)]
#[must_use = "a command does nothing before it is started"]
pub struct Command {
    link: Arc<Link>,
    plan: Plan,
    stdin: Option<Stdin>,
    /// The agent to forward, and whether it has to be.
    agent: Option<(AgentSource, bool)>,
}

impl Command {
    pub(crate) const fn new(link: Arc<Link>, start: Start) -> Self {
        Self { link, plan: Plan::new(start), stdin: None, agent: None }
    }

    plan_builders!();

    /// Lets it use this agent, as `ssh -A` does. From then on, until the connection ends, the server can ask the agent
    /// to sign, for as long as it likes and for whatever it likes: forward only to hosts that are trusted with that,
    /// or keys with destinations. A server that refuses is no error.
    pub fn forward_agent(mut self, agent: AgentSource) -> Self {
        self.agent = Some((agent, false));
        self
    }

    /// As [`forward_agent`](Self::forward_agent); the command is not started if the server refuses it.
    pub fn require_agent(mut self, agent: AgentSource) -> Self {
        self.agent = Some((agent, true));
        self
    }

    /// Where its standard input comes from.
    pub fn stdin(mut self, stdin: Stdin) -> Self {
        self.stdin = Some(stdin);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// [`Error::OpenRefused`], [`Error::RequestRefused`], [`Error::NoAnswer`], [`Error::DeadlineExceeded`] if the
    /// deadline passes before it is started, or what ended the connection.
    pub async fn spawn(self) -> Result<Child, Error> {
        let Self { link, plan, stdin, agent } = self;
        Job { link, plan, agent }.spawn(stdin.unwrap_or_default()).await
    }

    /// As [`spawn`](Self::spawn), for whoever writes at once what is read when it has started. It has been asked for,
    /// and [`Starting`] tells whether it was granted. A deadline is kept from there on.
    pub(crate) async fn spawn_ahead(self) -> Result<(Child, Starting), Error> {
        let Self { link, plan, stdin, agent } = self;
        let job = Job { link, plan, agent };
        let deadline = job.deadline()?;
        let (channel, starting) = within(deadline, job.asked()).await?;
        Ok((job.child(channel, stdin.unwrap_or_default(), deadline), starting))
    }

    /// Runs it to its end and returns what it wrote. Both outputs are read at the same time as the input is
    /// written, so that none holds up another.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn); [`Error::DeadlineExceeded`], [`Error::OutputLimit`] and
    /// [`Error::ConnectionLost`] with what had come until then.
    pub async fn output(self) -> Result<Output, Error> {
        let Self { link, plan, stdin, agent } = self;
        let stdin = match stdin {
            Some(Stdin::Piped) => {
                return Err(Error::Options("a piped standard input needs spawn, not output"));
            }
            Some(stdin) => stdin,
            None => Stdin::Null,
        };
        let job = Job { link, plan, agent };
        let child = job.spawn(stdin).await?;
        let running = Arc::clone(child.running());
        let mut output = Output::empty();
        let ended = job.collect(&running, &mut output).await;
        if let Some(error) = child.feeder_error() {
            return Err(error);
        }
        match ended {
            Ok(Progress::Exited(ExitStatus::ConnectionLost)) => {
                output.status = ExitStatus::ConnectionLost;
                let error = lost(&job.link).await;
                Err(Error::ConnectionLost { error: Box::new(error), output: Box::new(output) })
            }
            Ok(Progress::Exited(status)) => {
                output.status = status;
                Ok(output)
            }
            Ok(Progress::Running | Progress::Expired) => {
                let after = job.plan.deadline.unwrap_or_default();
                Err(Error::DeadlineExceeded { after, output: Box::new(output) })
            }
            Err(LimitReached) => {
                child.kill();
                Err(Error::OutputLimit { limit: job.plan.output_limit, output: Box::new(output) })
            }
        }
    }
}

/// Tells whether a command has been started.
pub(crate) type Starting = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// A plan and where it is carried out. Unlike the standard input, any thread may look at it.
struct Job {
    link: Arc<Link>,
    plan: Plan,
    /// The agent to forward, and whether it has to be.
    agent: Option<(AgentSource, bool)>,
}

impl Job {
    async fn spawn(&self, stdin: Stdin) -> Result<Child, Error> {
        let deadline = self.deadline()?;
        let started = async {
            let (channel, starting) = self.asked().await?;
            starting.await?;
            Ok(channel)
        };
        let channel = within(deadline, started).await?;
        Ok(self.child(channel, stdin, deadline))
    }

    fn deadline(&self) -> Result<Option<Deadline>, Error> {
        let Some(after) = self.plan.deadline else { return Ok(None) };
        let at = Instant::now().checked_add(after).ok_or(Error::Options("a deadline beyond all time"))?;
        Ok(Some(Deadline { at, after, grace: self.plan.kill_grace }))
    }

    fn child(&self, channel: Channel, stdin: Stdin, deadline: Option<Deadline>) -> Child {
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
        Child::new(running, piped, feeder)
    }

    /// Opens the channel and asks there for all that is planned. The answer to the last request, which starts the
    /// command, is still to come. Should this not come to its end, the channel is closed.
    async fn asked(&self) -> Result<(Channel, Starting), Error> {
        let channel = self.link.open(ChannelKind::Session).await?;
        if self.plan.merge_stderr {
            channel.merge_stderr();
        }
        if let Some((source, required)) = &self.agent {
            self.request_agent(&channel, source, *required).await?;
        }
        let mut last: Option<Starting> = None;
        for request in self.plan.requests() {
            if let Some(last) = last.take() {
                last.await?;
            }
            if request.required {
                let mut starting: Starting = Box::pin(ask(Arc::clone(&self.link), channel.clone(), request));
                // It is sent when it is polled first.
                if let Poll::Ready(answer) = poll_fn(|cx| Poll::Ready(starting.as_mut().poll(cx))).await {
                    starting = Box::pin(std::future::ready(answer));
                }
                last = Some(starting);
            } else {
                let sent = channel.notify(request.request, &request.body);
                sent.map_err(|error| self.link.error(error))?;
            }
        }
        let starting = last.unwrap_or_else(|| Box::pin(std::future::ready(Ok(()))));
        Ok((channel, starting))
    }

    /// Asks for agent forwarding.
    async fn request_agent(
        &self,
        channel: &Channel,
        source: &AgentSource,
        required: bool,
    ) -> Result<(), Error> {
        let link = &self.link;
        link.agent.allow(source.clone());
        let request = link.connection.with(|transport, _| request_name(transport));
        match channel.request(request, &[], link.timeouts.request).await {
            Ok(true) => link.agent.grant(),
            Ok(false) if link.is_ended() => return Err(link.error(konko_tokio::Error::ChannelClosed)),
            Ok(false) if required && !link.agent.is_granted() => {
                return Err(Error::RequestRefused { request, detail: String::new() });
            }
            Ok(false) => tracing::debug!("the server does not forward the agent, or does so already"),
            Err(error) => return Err(link.error(error)),
        }
        Ok(())
    }

    async fn collect(&self, running: &Running, output: &mut Output) -> Result<Progress, LimitReached> {
        let (mut stdout, mut stderr) = (running.channel.reader(), running.channel.stderr());
        let limit = self.plan.output_limit;
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
        match (self.plan.output_grace, &finished) {
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

/// Asks for something that must be granted.
async fn ask(link: Arc<Link>, channel: Channel, planned: PlannedRequest) -> Result<(), Error> {
    let PlannedRequest { request, body, detail, .. } = planned;
    match channel.request(request, &body, link.timeouts.request).await {
        Ok(true) => Ok(()),
        Ok(false) if link.is_ended() => Err(link.error(konko_tokio::Error::ChannelClosed)),
        Ok(false) => Err(Error::RequestRefused { request, detail }),
        Err(error) => Err(link.error(error)),
    }
}

/// Waits for `started` until the deadline.
async fn within<T>(
    deadline: Option<Deadline>,
    started: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match deadline {
        None => started.await,
        Some(Deadline { at, after, .. }) => match tokio::time::timeout_at(at, started).await {
            Ok(started) => started,
            Err(_) => Err(Error::DeadlineExceeded { after, output: Box::new(Output::empty()) }),
        },
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
