//! One command while it runs: a thread watches for its end, and for its deadline.

use crate::blocking::link::{Link, spawn};
use crate::error::Error;
use crate::exit_status::ExitStatus;
use crate::running::{Progress, exit_status};
use konko_blocking::Channel;
use konko_transport::channel::ChannelEvent;
use konko_transport::wire::encode::Encode;
use konko_transport::wire::message::channel::Signal;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When a command must have ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    /// What was said at the beginning.
    pub(crate) after: Duration,
    /// How long it is given between TERM and KILL.
    pub(crate) grace: Duration,
}

/// How far a command has come, for all who wait.
#[derive(Debug)]
struct Board {
    progress: Mutex<Progress>,
    changed: Condvar,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first end counts, but for the deadline.
    fn set(&self, next: Progress) {
        let mut progress = self.lock();
        if *progress == Progress::Running || next == Progress::Expired {
            *progress = next;
        }
        self.changed.notify_all();
    }
}

/// What all handles of one command share. Its channel is closed with the last of them.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) channel: Channel,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) link: Arc<Link>,
    board: Arc<Board>,
}

impl Running {
    pub(crate) fn new(channel: Channel, link: Arc<Link>, deadline: Option<Deadline>) -> Result<Self, Error> {
        let board = Arc::new(Board { progress: Mutex::new(Progress::Running), changed: Condvar::new() });
        let running = Self { channel, deadline, link, board };
        let (channel, board) = (running.channel.clone(), Arc::clone(&running.board));
        let link = Arc::downgrade(&running.link);
        spawn("konko-command", move || {
            let ended = watch_over(&channel, &board, deadline);
            if ended {
                let lost =
                    channel.connection_error().is_some() || link.upgrade().is_none_or(|link| link.is_ended());
                board.set(Progress::Exited(if lost {
                    ExitStatus::ConnectionLost
                } else {
                    ExitStatus::NotReported
                }));
            }
        })?;
        Ok(running)
    }

    /// How far it has come.
    pub(crate) fn progress(&self) -> Progress {
        self.board.lock().clone()
    }

    /// Waits until it is known how the command ended, or the deadline has passed; at most until `until`.
    pub(crate) fn finished(&self, until: Option<Instant>) -> Progress {
        let mut progress = self.board.lock();
        while *progress == Progress::Running {
            progress = match until {
                None => self.board.changed.wait(progress).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    let waited = self.board.changed.wait_timeout(progress, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        progress.clone()
    }
}

impl Drop for Running {
    /// The thread has a handle of the channel: it ends with the channel.
    fn drop(&mut self) {
        self.channel.close();
    }
}

/// RFC 4254 §6.9
pub(crate) fn signal(channel: &Channel, name: &str) -> Result<(), konko_blocking::Error> {
    channel.notify(Signal::NAME, &Signal { signal_name: name.as_bytes() }.to_vec())
}

/// Takes the events of the channel until its end, or until the deadline has passed: then `false`.
fn watch_over(channel: &Channel, board: &Board, deadline: Option<Deadline>) -> bool {
    let mut terminated = false;
    loop {
        let due = deadline.and_then(|deadline| {
            if terminated { deadline.at.checked_add(deadline.grace) } else { Some(deadline.at) }
        });
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        match channel.next_event(left) {
            Ok(Some(ChannelEvent::Request(question))) => {
                if let Some(status) = exit_status(&question) {
                    board.set(Progress::Exited(status));
                }
                channel.answer(question, false);
            }
            Ok(Some(ChannelEvent::Closed) | None) => return true,
            Ok(Some(_)) => {}
            Err(_) => {
                let running = *board.lock() == Progress::Running;
                let name = if terminated { "KILL" } else { "TERM" };
                if running && let Err(error) = signal(channel, name) {
                    tracing::debug!(%error, "no signal can be sent");
                }
                if terminated || !running {
                    channel.close();
                    board.set(Progress::Expired);
                    return false;
                }
                terminated = true;
            }
        }
    }
}
