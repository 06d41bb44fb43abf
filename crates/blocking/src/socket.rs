//! Sockets of Unix systems.

use crate::link::{Link, Readiness, Stream};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A connected stream socket. Its flags are left as they are, because others may hold it, too.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    woken: AtomicBool,
    alarm: (PipeReader, PipeWriter),
}

impl Socket {
    /// Takes a connected stream socket.
    ///
    /// # Errors
    ///
    /// The system's, where there is no pipe to be had for waking the driver.
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self { fd, woken: AtomicBool::new(false), alarm: io::pipe()? })
    }

    /// How long to wait at most. A wait that is too long for the system's type is one for ever.
    fn timeout(until: Option<Instant>) -> Option<Timespec> {
        let after = until?.saturating_duration_since(Instant::now());
        Timespec::try_from(after).ok()
    }
}

fn send_flags() -> SendFlags {
    #[cfg(not(target_vendor = "apple"))]
    return SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    // Here the standard library marks its sockets instead.
    #[cfg(target_vendor = "apple")]
    SendFlags::DONTWAIT
}

impl Link for Socket {
    fn wait(&self, wanted: Readiness, until: Option<Instant>) -> io::Result<Readiness> {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, wanted.readable);
        flags.set(PollFlags::OUT, wanted.writable);
        let mut waits = [PollFd::new(&self.alarm.0, PollFlags::IN), PollFd::new(&self.fd, flags)];
        // A socket that nothing is wanted of is left out: the system reports its end unasked.
        let count = if flags.is_empty() { 1 } else { 2 };
        let timeout = Self::timeout(until);
        match rustix::event::poll(&mut waits[..count], timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(Readiness::default()),
            Err(error) => return Err(error.into()),
        }
        let (alarm, found) = (waits[0].revents(), waits[1].revents());
        if !alarm.is_empty() {
            // Whoever wakes in between leaves the byte out; what it announced is then seen anyway, because it
            // was true before.
            (&self.alarm.0).read_exact(&mut [0])?;
            self.woken.store(false, Ordering::Release);
        }
        let failed = found.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL);
        Ok(Readiness {
            readable: wanted.readable && (failed || found.contains(PollFlags::IN)),
            writable: wanted.writable && (failed || found.contains(PollFlags::OUT)),
        })
    }

    fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel)
            && let Err(error) = (&self.alarm.1).write_all(&[0])
        {
            tracing::debug!(%error, "the driver cannot be woken");
        }
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::net::recv(&self.fd, buffer, RecvFlags::DONTWAIT)?.1)
    }

    fn try_write(&self, data: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(&self.fd, data, send_flags())?)
    }

    fn shutdown_write(&self) {
        if let Err(error) = rustix::net::shutdown(&self.fd, Shutdown::Write) {
            tracing::debug!(%error, "shutting the socket down");
        }
    }

    fn close(&self) {
        if let Err(error) = rustix::net::shutdown(&self.fd, Shutdown::Both) {
            tracing::debug!(%error, "shutting the socket down");
        }
    }
}

impl Stream for TcpStream {
    fn into_link(self) -> io::Result<Arc<dyn Link>> {
        // Packets are gathered in the output buffer already. A peer that has gone makes this fail; the first
        // read says so better.
        if let Err(error) = self.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        Ok(Arc::new(Socket::new(self.into())?))
    }
}

impl Stream for UnixStream {
    fn into_link(self) -> io::Result<Arc<dyn Link>> {
        Ok(Arc::new(Socket::new(self.into())?))
    }
}
