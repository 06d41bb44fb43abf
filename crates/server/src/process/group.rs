//! A program's process group, for as long as its leader is not reaped: afterwards its number may be another's.

use rustix::process::{Pid, Signal};
use std::process::ExitStatus;
use tokio::process::Child;

/// A program and its process group. If the session ends before the program does, the group is told with SIGHUP,
/// and the leader is reaped when it ends.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    child: Option<Child>,
}

impl ProcessGroup {
    /// The group that `child` leads.
    pub(crate) const fn new(child: Child) -> Self {
        Self { child: Some(child) }
    }

    /// Sends a signal to all of the group: whether that was possible.
    pub(crate) fn signal(&self, signal: Signal) -> bool {
        // A child that is reaped has no number any more, and no other number is ever signalled.
        let leader = self.child.as_ref().and_then(Child::id).and_then(|id| Pid::from_raw(id.cast_signed()));
        leader.is_some_and(|leader| rustix::process::kill_process_group(leader, signal).is_ok())
    }

    /// Waits until the leader has ended. Cancel-safe.
    pub(crate) async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        match &mut self.child {
            Some(child) => child.wait().await,
            None => Err(std::io::ErrorKind::NotFound.into()),
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        let running = self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)));
        if !running {
            return;
        }
        self.signal(Signal::HUP);
        // Whoever was stopped has to go on to hear it.
        self.signal(Signal::CONT);
        if let (Some(mut child), Ok(runtime)) = (self.child.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                if let Err(error) = child.wait().await {
                    tracing::debug!(%error, "a program could not be waited for");
                }
            });
        }
    }
}
