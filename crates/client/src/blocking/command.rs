//! A command, a shell or a subsystem on the server, waiting. It rhymes with the one that does not wait.

use crate::agent::forwarding::request_name;
use crate::agent::source::AgentSource;
use crate::blocking::child::Child;
use crate::blocking::link::{Link, spawn};
use crate::blocking::running::{Deadline, Running};
use crate::error::{Error, Phase};
use crate::exit_status::ExitStatus;
use crate::output::Output;
use crate::plan::{Plan, PlannedRequest, Start, plan_builders};
use crate::running::Progress;
use bytes::Bytes;
use konko_blocking::{Channel, ChannelReader};
use konko_transport::channel::ChannelKind;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// Where a command's standard input comes from.
#[derive(Default)]
#[non_exhaustive]
pub enum Stdin {
    /// Nowhere: it ends at once. The default of [`Command::output`].
    Null,
    /// From [`Child::stdin`](crate::blocking::child::Child::stdin). The default of [`Command::spawn`].
    #[default]
    Piped,
    /// These bytes.
    Bytes(Bytes),
    /// What can be read here. A thread reads it; if it never ends, neither does the thread.
    Reader(Box<dyn Read + Send>),
}

impl std::fmt::Debug for Stdin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Piped => f.write_str("Piped"),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Reader(_) => f.write_str("Reader(..)"),
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

    /// Lets it use this agent, as `ssh -A` does; see [`Command::forward_agent`](crate::Command::forward_agent). Each
    /// channel to the agent costs three threads. On Unix only; elsewhere the server's channels are refused.
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
    pub fn spawn(mut self) -> Result<Child, Error> {
        let stdin = self.stdin.take().unwrap_or_default();
        self.start(stdin)
    }

    fn start(&self, stdin: Stdin) -> Result<Child, Error> {
        let deadline = match self.plan.deadline {
            None => None,
            Some(after) => {
                let at = Instant::now().checked_add(after);
                let at = at.ok_or(Error::Options("a deadline beyond all time"))?;
                Some(Deadline { at, after, grace: self.plan.kill_grace })
            }
        };
        let channel = self.started(deadline).map_err(|error| match (deadline, error) {
            (Some(Deadline { at, after, .. }), Error::NoAnswer { .. }) if at <= Instant::now() => {
                Error::DeadlineExceeded { after, output: Box::new(Output::empty()) }
            }
            (_, error) => error,
        })?;
        let running = Arc::new(Running::new(channel, Arc::clone(&self.link), deadline)?);
        let feeder_error = Arc::default();
        let piped = matches!(stdin, Stdin::Piped);
        match stdin {
            Stdin::Piped => {}
            Stdin::Null => {
                // It has been started: how it ended is to be told, even if that has happened already.
                if let Err(error) = running.channel.send_eof() {
                    tracing::debug!(%error, "the command has ended already");
                }
            }
            Stdin::Bytes(bytes) => feed(running.channel.clone(), io::Cursor::new(bytes), &feeder_error)?,
            Stdin::Reader(reader) => feed(running.channel.clone(), reader, &feeder_error)?,
        }
        Ok(Child::new(running, piped, feeder_error))
    }

    /// Opens the channel and starts it there. Should this not come to its end, the channel is closed.
    fn started(&self, deadline: Option<Deadline>) -> Result<Channel, Error> {
        let within = |timeout: Option<Duration>| {
            let left = deadline.map(|deadline| deadline.at.saturating_duration_since(Instant::now()));
            [timeout, left].into_iter().flatten().min()
        };
        let opened = self.link.connection.open_channel(
            ChannelKind::Session,
            konko_transport::channel::OpenOptions::default(),
            within(self.link.timeouts.channel_open),
        );
        let channel = opened.map_err(|error| self.link.error(error))?;
        if self.plan.merge_stderr {
            channel.merge_stderr();
        }
        if let Some((source, required)) = &self.agent {
            self.request_agent(&channel, source, *required, within(self.link.timeouts.request))?;
        }
        for PlannedRequest { request, body, detail, required } in self.plan.requests() {
            if !required {
                channel.notify(request, &body).map_err(|error| self.link.error(error))?;
                continue;
            }
            match channel.request(request, &body, within(self.link.timeouts.request)) {
                Ok(true) => {}
                Ok(false) if self.link.is_ended() => {
                    return Err(self.link.error(konko_blocking::Error::ChannelClosed));
                }
                Ok(false) => return Err(Error::RequestRefused { request, detail }),
                Err(error) => return Err(self.link.error(error)),
            }
        }
        Ok(channel)
    }

    /// Asks for agent forwarding.
    fn request_agent(
        &self,
        channel: &Channel,
        source: &AgentSource,
        required: bool,
        timeout: Option<Duration>,
    ) -> Result<(), Error> {
        let link = &self.link;
        link.agent.allow(source.clone());
        let request = link.connection.with(|transport, _| request_name(transport));
        match channel.request(request, &[], timeout) {
            Ok(true) => link.agent.grant(),
            Ok(false) if link.is_ended() => return Err(link.error(konko_blocking::Error::ChannelClosed)),
            Ok(false) if required && !link.agent.is_granted() => {
                return Err(Error::RequestRefused { request, detail: String::new() });
            }
            Ok(false) => tracing::debug!("the server does not forward the agent, or does so already"),
            Err(error) => return Err(link.error(error)),
        }
        Ok(())
    }

    /// Runs it to its end and returns what it wrote. Both outputs are read at the same time as the input is
    /// written, so that none holds up another.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn); [`Error::DeadlineExceeded`], [`Error::OutputLimit`] and
    /// [`Error::ConnectionLost`] with what had come until then.
    pub fn output(mut self) -> Result<Output, Error> {
        let stdin = match self.stdin.take() {
            Some(Stdin::Piped) => {
                return Err(Error::Options("a piped standard input needs spawn, not output"));
            }
            Some(stdin) => stdin,
            None => Stdin::Null,
        };
        let child = self.start(stdin)?;
        let mut output = Output::empty();
        let within_limit = self.collect(child.running(), &mut output);
        if let Some(error) = child.feeder_error() {
            return Err(error);
        }
        if !within_limit {
            child.kill();
            return Err(Error::OutputLimit { limit: self.plan.output_limit, output: Box::new(output) });
        }
        match child.running().finished(None) {
            Progress::Exited(ExitStatus::ConnectionLost) => {
                output.status = ExitStatus::ConnectionLost;
                let ended = self.link.connection.closed(None);
                let error = ended.map_or_else(
                    |error| Error::of_blocking(error, Phase::Connected),
                    |error| Error::of_blocking(error, Phase::Connected),
                );
                Err(Error::ConnectionLost { error: Box::new(error), output: Box::new(output) })
            }
            Progress::Exited(status) => {
                output.status = status;
                Ok(output)
            }
            Progress::Running | Progress::Expired => {
                let after = self.plan.deadline.unwrap_or_default();
                Err(Error::DeadlineExceeded { after, output: Box::new(output) })
            }
        }
    }

    /// Reads both outputs to their end; `false` if one was beyond the limit.
    fn collect(&self, running: &Running, output: &mut Output) -> bool {
        let limit = self.plan.output_limit;
        let (out, err) = (&mut output.stdout, &mut output.stderr);
        let (stdout, stderr) = (running.channel.reader(), running.channel.stderr());
        // Beyond the limit, or after the grace, the other reader is freed by closing the channel.
        let drain = |reader, into| {
            let within_limit = drain(reader, into, limit);
            if !within_limit {
                running.channel.close();
            }
            within_limit
        };
        let drained = (Mutex::new(false), std::sync::Condvar::new());
        std::thread::scope(|scope| {
            let other = scope.spawn(|| drain(stderr, err));
            if let Some(grace) = self.plan.output_grace {
                let drained = &drained;
                scope.spawn(move || close_after_exit(running, grace, drained));
            }
            let within_limit = drain(stdout, out);
            let other_within_limit = other.join().unwrap_or(false);
            *drained.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
            drained.1.notify_all();
            within_limit && other_within_limit
        })
    }
}

/// Closes the channel when the command has ended and its outputs are still open after the grace.
fn close_after_exit(running: &Running, grace: Duration, drained: &(Mutex<bool>, std::sync::Condvar)) {
    // The outputs of a command that goes on may end first; it is known of every command how it ended once its
    // channel is closed.
    running.finished(None);
    let done = drained.0.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = drained.1.wait_timeout_while(done, grace, |done| !*done);
    if waited.unwrap_or_else(PoisonError::into_inner).1.timed_out() {
        running.channel.close();
    }
}

/// Reads to the end. That the connection was cut is told by how the command ended.
fn drain(mut reader: ChannelReader, into: &mut Vec<u8>, limit: usize) -> bool {
    while let Ok(Some(chunk)) = reader.read_chunk(CHUNK) {
        let room = limit - into.len();
        into.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() > room {
            return false;
        }
    }
    true
}

/// Starts a thread that writes all of `source` and says EOF.
fn feed(
    channel: Channel,
    mut source: impl Read + Send + 'static,
    failed: &Arc<Mutex<Option<io::Error>>>,
) -> Result<(), Error> {
    let failed = Arc::clone(failed);
    spawn("konko-stdin", move || {
        let mut writer = channel.writer();
        let mut buffer = vec![0; CHUNK];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => {
                    if let Err(error) = writer.write_all(buffer.get(..len).unwrap_or_default()) {
                        // A command may end without having read everything: that is nobody's fault.
                        tracing::debug!(%error, "the command reads no more");
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    // An EOF would tell the command that half the input is all of it.
                    return channel.close();
                }
            }
        }
        if let Err(error) = channel.send_eof() {
            tracing::debug!(%error, "the command has ended already");
        }
    })
}
