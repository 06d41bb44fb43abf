//! Tells how far files have come, keeps to a rate, and ends transfers that take too long.

use crate::sftp::background::pause;
use crate::sftp::error::Error;
use crate::sftp::remote_path::RemotePath;
use crate::sftp::session::Session;
use crate::sftp::transfer_options::{Progress, ProgressCallback, TransferOptions};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

/// What all files of one transfer count on.
#[derive(Clone)]
pub(crate) struct Meter {
    moved: Arc<AtomicU64>,
    began: Instant,
    rate: Option<u64>,
    progress: Option<ProgressCallback>,
}

impl Meter {
    pub(crate) fn new(options: &TransferOptions) -> Self {
        Self {
            moved: Arc::default(),
            began: Instant::now(),
            rate: options.maximum_rate,
            progress: options.progress.clone(),
        }
    }

    /// A file begins, `resumed` bytes of which are there already.
    pub(crate) fn file(&self, path: &RemotePath, size: Option<u64>, resumed: u64) -> FileMeter {
        let meter = FileMeter { meter: self.clone(), path: path.clone(), transferred: resumed, size };
        meter.tell(false);
        meter
    }

    /// Something was answered, though no byte of a file.
    pub(crate) fn step(&self) {
        self.moved.fetch_add(1, Ordering::Relaxed);
    }

    /// Runs `transfer` within the limits of time that `options` set.
    pub(crate) async fn watch<T>(
        &self,
        session: &Session,
        path: &RemotePath,
        options: &TransferOptions,
        transfer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        if options.total_timeout.is_none() && options.stall_timeout.is_none() {
            return transfer.await;
        }
        let _ticks = session.ticks();
        let has_runtime = tokio::runtime::Handle::try_current().is_ok();
        let mut transfer = pin!(transfer);
        let mut sleep = None;
        let (mut seen, mut moved_at) = (self.moved.load(Ordering::Relaxed), self.began);
        poll_fn(|cx| {
            if let Poll::Ready(result) = transfer.as_mut().poll(cx) {
                return Poll::Ready(result);
            }
            loop {
                let now = Instant::now();
                let moved = self.moved.load(Ordering::Relaxed);
                if moved != seen {
                    (seen, moved_at) = (moved, now);
                }
                let ends = [(options.total_timeout, self.began), (options.stall_timeout, moved_at)];
                // What lies beyond the end of time never comes.
                let next = ends.into_iter().filter_map(|(after, since)| {
                    after.and_then(|after| Some((since.checked_add(after)?, after)))
                });
                let Some((at, after)) = next.min() else { return Poll::Pending };
                if now >= at {
                    return Poll::Ready(Err(Error::TimedOut { path: path.clone(), after }));
                }
                if !has_runtime {
                    return Poll::Pending;
                }
                let sleep = sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at.into())));
                if sleep.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                sleep.as_mut().reset(at.into());
            }
        })
        .await
    }
}

/// One file of a transfer.
pub(crate) struct FileMeter {
    meter: Meter,
    path: RemotePath,
    transferred: u64,
    size: Option<u64>,
}

impl FileMeter {
    /// `bytes` more are transferred. How long to wait to keep to the rate, if at all.
    pub(crate) fn pass(&mut self, bytes: u64) -> Option<Duration> {
        self.transferred += bytes;
        let moved = self.meter.moved.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.tell(false);
        let rate = self.meter.rate?.max(1);
        let due = Duration::from_secs_f64(moved as f64 / rate as f64);
        due.checked_sub(self.meter.began.elapsed()).filter(|wait| *wait > Duration::from_millis(1))
    }

    /// As [`pass`](Self::pass), and waits.
    pub(crate) async fn pass_and_wait(&mut self, bytes: u64) {
        if let Some(wait) = self.pass(bytes) {
            pause(wait).await;
        }
    }

    fn tell(&self, is_finished: bool) {
        if let Some(progress) = &self.meter.progress {
            let Self { path, transferred, size, .. } = self;
            progress(&Progress { path, transferred: *transferred, size: *size, is_finished });
        }
    }
}

impl Drop for FileMeter {
    fn drop(&mut self) {
        self.tell(true);
    }
}
