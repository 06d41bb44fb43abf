//! Streams that misbehave.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// What becomes of writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    /// They go through.
    Pass = 0,
    /// Nothing is taken, and nothing will be.
    Stall = 1,
    /// They fail.
    Fail = 2,
}

/// Sets what becomes of a [`Switched`] stream's writes.
#[derive(Debug, Clone, Default)]
pub(super) struct Switch {
    writes: Arc<AtomicU8>,
    stalled: Arc<Mutex<Option<Waker>>>,
}

impl Switch {
    pub(super) fn set(&self, writes: Writes) {
        self.writes.store(writes as u8, Ordering::SeqCst);
        if let Some(waker) = self.stalled.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
    }

    fn get(&self) -> Writes {
        match self.writes.load(Ordering::SeqCst) {
            0 => Writes::Pass,
            1 => Writes::Stall,
            _ => Writes::Fail,
        }
    }
}

/// A stream whose writes may stall or fail while reading goes on.
pub(super) struct Switched {
    stream: DuplexStream,
    switch: Switch,
}

impl Switched {
    pub(super) fn new(stream: DuplexStream) -> (Self, Switch) {
        let switch = Switch::default();
        (Self { stream, switch: switch.clone() }, switch)
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        *self.switch.stalled.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        match self.switch.get() {
            Writes::Pass => Poll::Ready(Ok(())),
            Writes::Stall => Poll::Pending,
            Writes::Fail => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }
}

impl AsyncRead for Switched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Switched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll(cx))?;
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A stream that moves one byte at a time and wants to be asked again for each, as does its flush.
pub(super) struct Halting {
    stream: DuplexStream,
    rested: [bool; 3],
}

impl Halting {
    pub(super) fn new(stream: DuplexStream) -> Self {
        Self { stream, rested: [false; 3] }
    }

    /// Every other time the answer is that there is none yet.
    fn rests(&mut self, what: usize, cx: &Context<'_>) -> bool {
        self.rested[what] = !self.rested[what];
        if self.rested[what] {
            cx.waker().wake_by_ref();
        }
        self.rested[what]
    }
}

impl AsyncRead for Halting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rests(0, cx) {
            return Poll::Pending;
        }
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, &mut one))?;
        buffer.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Halting {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.rests(1, cx) {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_write(cx, &data[..1])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.rests(2, cx) {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
