//! A stream that counts how often it is asked for something, and a future that counts its polls.

use crate::heap::uncounted;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What one end asked of its stream, and how often it was polled.
#[derive(Debug, Default)]
pub struct Tally {
    reads: AtomicU64,
    empty_reads: AtomicU64,
    writes: AtomicU64,
    refused_writes: AtomicU64,
    driver_polls: AtomicU64,
    other_polls: AtomicU64,
}

/// The counts of a [`Tally`] at some moment, or between two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// Reads that brought something, or the end.
    pub reads: u64,
    /// Reads for which nothing had come. Not all of them reach the system.
    pub empty_reads: u64,
    /// Writes that took something.
    pub writes: u64,
    /// Writes for which there was no room. Not all of them reach the system.
    pub refused_writes: u64,
    /// How often the connection's driver was polled.
    pub driver_polls: u64,
    /// How often the application was polled.
    pub other_polls: u64,
}

impl std::ops::Sub for Asked {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            reads: self.reads - earlier.reads,
            empty_reads: self.empty_reads - earlier.empty_reads,
            writes: self.writes - earlier.writes,
            refused_writes: self.refused_writes - earlier.refused_writes,
            driver_polls: self.driver_polls - earlier.driver_polls,
            other_polls: self.other_polls - earlier.other_polls,
        }
    }
}

impl Tally {
    /// The counts so far.
    pub fn asked(&self) -> Asked {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Asked {
            reads: get(&self.reads),
            empty_reads: get(&self.empty_reads),
            writes: get(&self.writes),
            refused_writes: get(&self.refused_writes),
            driver_polls: get(&self.driver_polls),
            other_polls: get(&self.other_polls),
        }
    }

    /// Counts the polls of a driver.
    pub fn driver<F: Future>(self: &Arc<Self>, future: F) -> impl Future<Output = F::Output> + use<F> {
        counted(Arc::clone(self), future, |tally| &tally.driver_polls)
    }

    /// Counts the polls of an application.
    pub fn application<F: Future>(self: &Arc<Self>, future: F) -> impl Future<Output = F::Output> + use<F> {
        counted(Arc::clone(self), future, |tally| &tally.other_polls)
    }
}

async fn counted<F: Future>(tally: Arc<Tally>, future: F, count: fn(&Tally) -> &AtomicU64) -> F::Output {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        add(count(&tally));
        future.as_mut().poll(cx)
    })
    .await
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// A stream whose use is counted. What it takes from the heap itself is not.
#[derive(Debug)]
pub struct Counted<T> {
    inner: T,
    tally: Arc<Tally>,
}

impl<T> Counted<T> {
    /// A stream that counts into `tally`.
    pub fn new(inner: T, tally: &Arc<Tally>) -> Self {
        Self { inner, tally: Arc::clone(tally) }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = uncounted(|| Pin::new(&mut self.inner).poll_read(cx, buffer));
        add(if result.is_ready() { &self.tally.reads } else { &self.tally.empty_reads });
        result
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let result = uncounted(|| Pin::new(&mut self.inner).poll_write(cx, data));
        add(if result.is_ready() { &self.tally.writes } else { &self.tally.refused_writes });
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        uncounted(|| Pin::new(&mut self.inner).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        uncounted(|| Pin::new(&mut self.inner).poll_shutdown(cx))
    }
}
