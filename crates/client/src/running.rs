//! One command while it runs: watches for its end, and for its deadline.

use crate::exit_status::ExitStatus;
use crate::link::Link;
use crate::task::Task;
use konko_tokio::Channel;
use konko_transport::channel::{ChannelEvent, ChannelRequest, ChannelRequestQuestion};
use konko_transport::wire::encode::Encode;
use konko_transport::wire::message::channel::Signal;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How far a command has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    Running,
    /// How it ended is known; output may still come.
    Exited(ExitStatus),
    /// The deadline has passed, and the channel is closed.
    Expired,
}

/// When a command must have ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    /// What was said at the beginning.
    pub(crate) after: Duration,
    /// How long it is given between TERM and KILL.
    pub(crate) grace: Duration,
}

/// What all handles of one command share. Its channel is closed with the last of them.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) channel: Channel,
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) link: Arc<Link>,
    _watch: Task,
}

impl Running {
    pub(crate) fn new(channel: Channel, link: Arc<Link>, deadline: Option<Deadline>) -> Self {
        let (sender, progress) = watch::channel(Progress::Running);
        let watch = Task::spawn(watch_over(channel.clone(), Arc::downgrade(&link), sender, deadline));
        Self { channel, progress, deadline, link, _watch: watch }
    }

    /// Waits until it is known how the command ended, or the deadline has passed.
    pub(crate) async fn finished(&self) -> Progress {
        let mut progress = self.progress.clone();
        let finished = progress.wait_for(|progress| *progress != Progress::Running).await;
        // The watch ends with the runtime only.
        finished.map_or(Progress::Exited(ExitStatus::ConnectionLost), |progress| progress.clone())
    }
}

/// RFC 4254 §6.9
pub(crate) fn signal(channel: &Channel, name: &str) -> Result<(), konko_tokio::Error> {
    channel.notify(Signal::NAME, &Signal { signal_name: name.as_bytes() }.to_vec())
}

/// Takes the events of the channel until its end. The exit status may come before the last output or after it.
async fn watch_over(
    channel: Channel,
    link: std::sync::Weak<Link>,
    progress: watch::Sender<Progress>,
    deadline: Option<Deadline>,
) {
    let exited = |status| {
        progress.send_if_modified(|progress| {
            let first = *progress == Progress::Running;
            if first {
                *progress = Progress::Exited(status);
            }
            first
        });
    };
    let mut expiry = Expiry::new(deadline);
    loop {
        let event = tokio::select! {
            biased;
            event = channel.next_event() => event,
            () = expiry.due() => {
                let running = *progress.borrow() == Progress::Running;
                if expiry.step(&channel, running) {
                    progress.send_replace(Progress::Expired);
                    return;
                }
                continue;
            }
        };
        match event {
            Some(ChannelEvent::Request(question)) => {
                if let Some(status) = exit_status(&question) {
                    exited(status);
                }
                channel.answer(question, false);
            }
            Some(ChannelEvent::Closed) | None => break,
            Some(_) => {}
        }
    }
    let lost = channel.connection_error().is_some() || link.upgrade().is_none_or(|link| link.is_ended());
    exited(if lost { ExitStatus::ConnectionLost } else { ExitStatus::NotReported });
}

/// The end of a command, if this is what the server reports (RFC 4254 §6.10).
pub(crate) fn exit_status(question: &ChannelRequestQuestion) -> Option<ExitStatus> {
    match question.parse() {
        Ok(ChannelRequest::ExitStatus(status)) => Some(ExitStatus::Code(status.exit_status)),
        Ok(ChannelRequest::ExitSignal(signal)) => Some(ExitStatus::Signal {
            name: String::from_utf8_lossy(signal.signal_name).into_owned(),
            core_dumped: signal.core_dumped,
            message: String::from_utf8_lossy(signal.error_message).into_owned(),
        }),
        Ok(_) => None,
        Err(error) => {
            tracing::debug!(request = question.request_type(), %error, "a malformed request is passed over");
            None
        }
    }
}

/// What happens at the deadline: TERM, then KILL, then the channel is closed.
struct Expiry {
    deadline: Option<Deadline>,
    terminated: bool,
}

impl Expiry {
    const fn new(deadline: Option<Deadline>) -> Self {
        Self { deadline, terminated: false }
    }

    async fn due(&self) {
        let due = self.deadline.and_then(
            |Deadline { at, grace, .. }| {
                if self.terminated { at.checked_add(grace) } else { Some(at) }
            },
        );
        match due {
            None => std::future::pending().await,
            Some(at) => tokio::time::sleep_until(at).await,
        }
    }

    /// Returns whether that was the last step. A command that has ended itself, and only left its outputs open,
    /// needs no signal.
    fn step(&mut self, channel: &Channel, running: bool) -> bool {
        let name = if self.terminated { "KILL" } else { "TERM" };
        if running && let Err(error) = signal(channel, name) {
            tracing::debug!(%error, "no signal can be sent");
        }
        let last = self.terminated || !running;
        if last {
            channel.close();
        }
        self.terminated = true;
        last
    }
}
