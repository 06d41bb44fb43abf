//! A stream through the server: to where it connects for us, or from who connected to it.

use crate::link::{Link, serve_stream};
use crate::task::Task;
use konko_tokio::Channel;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream through the server. It keeps its connection open, may be used like any other stream, and is closed
/// when it is dropped. Shutting down its writing half says EOF; reading goes on.
#[derive(Debug)]
pub struct Tunnel {
    channel: Channel,
    _requests: Task,
    _link: Arc<Link>,
}

impl Tunnel {
    pub(crate) fn new(channel: Channel, link: Arc<Link>) -> Self {
        let requests = Task::spawn(serve_stream(channel.clone()));
        Self { channel, _requests: requests, _link: link }
    }

    /// The channel beneath. Its events are served already.
    pub const fn channel(&self) -> &Channel {
        &self.channel
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.channel).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel).poll_shutdown(cx)
    }
}
