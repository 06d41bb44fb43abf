//! A stream through the server, waiting.

use crate::blocking::link::{Link, serve_stream, spawn};
use crate::error::Error;
use konko_blocking::Channel;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// A stream through the server. It keeps its connection open and is closed when it is dropped. Another connection
/// may run on it.
#[derive(Debug)]
pub struct Tunnel {
    channel: Channel,
    _link: Arc<Link>,
}

impl Tunnel {
    pub(crate) fn new(channel: Channel, link: Arc<Link>) -> Result<Self, Error> {
        let served = channel.clone();
        let tunnel = Self { channel, _link: link };
        spawn("konko-tunnel", move || serve_stream(&served))?;
        Ok(tunnel)
    }

    /// How long a read or write may wait from now on; at first for ever.
    pub fn set_timeout(&self, timeout: Option<Duration>) {
        self.channel.set_timeout(timeout);
    }

    /// Ends both directions; whoever waits for one of them is told.
    pub(crate) fn close(&self) {
        self.channel.close();
    }

    /// Says that no more will be written. Reading goes on.
    ///
    /// # Errors
    ///
    /// The tunnel is closed.
    pub fn send_eof(&self) -> io::Result<()> {
        Ok(self.channel.send_eof()?)
    }
}

impl Drop for Tunnel {
    /// The thread that answers the server has a handle of the channel: it ends with the channel.
    fn drop(&mut self) {
        self.channel.close();
    }
}

impl Read for &Tunnel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.channel).read(buffer)
    }
}

impl Read for Tunnel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.channel.read(buffer)
    }
}

impl Write for &Tunnel {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&self.channel).write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Tunnel {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.channel.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl konko_blocking::Stream for Tunnel {
    /// The connection runs on the channel, which keeps the tunnel.
    fn into_link(self) -> io::Result<Arc<dyn konko_blocking::Link>> {
        konko_blocking::keeping(self.channel.clone(), self)
    }
}
