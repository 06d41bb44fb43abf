//! `ProxyCommand`: a program whose standard streams are the connection.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How often, and how long, it is looked whether a command has ended after its streams have.
const LOOKS: u32 = 50;
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// The standard input and output of a command. The command is told to end when this, and what knows of its end, is
/// dropped.
#[derive(Debug)]
pub(crate) struct ProxyCommand {
    stream: Stream,
    child: Arc<Child>,
}

#[cfg(unix)]
type Stream = tokio::net::UnixStream;
#[cfg(not(unix))]
type Stream = tokio::io::DuplexStream;

/// A process that is reaped when it has ended.
#[derive(Debug)]
struct Child(Mutex<Option<std::process::Child>>);

/// Knows how a command ended.
#[derive(Debug)]
pub(crate) struct CommandEnd(Arc<Child>);

impl ProxyCommand {
    /// Runs the command by the user's shell, which it replaces. Its standard error is ours.
    ///
    /// # Errors
    ///
    /// The shell cannot be started, or this system has no sockets for it.
    #[cfg(unix)]
    pub(crate) fn start(command: &str) -> io::Result<Self> {
        let (ours, child) = spawn(command)?;
        ours.set_nonblocking(true)?;
        Ok(Self { stream: Stream::from_std(ours)?, child })
    }

    /// Not on this system.
    ///
    /// # Errors
    ///
    /// Always.
    #[cfg(not(unix))]
    pub(crate) fn start(_: &str) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "not supported on this system"))
    }

    /// For who wants to know how it ended.
    pub(crate) fn end(&self) -> CommandEnd {
        CommandEnd(Arc::clone(&self.child))
    }
}

/// Runs the command; the other end of its standard streams, and the process.
#[cfg(unix)]
fn spawn(command: &str) -> io::Result<(std::os::unix::net::UnixStream, Arc<Child>)> {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::process::{Command, Stdio};
    let (ours, theirs) = UnixStream::pair()?;
    let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
    let child = Command::new(shell.unwrap_or_else(|| "/bin/sh".into()))
        .arg("-c")
        .arg(format!("exec {command}"))
        .stdin(Stdio::from(OwnedFd::from(theirs.try_clone()?)))
        .stdout(Stdio::from(OwnedFd::from(theirs)))
        .spawn()?;
    Ok((ours, Arc::new(Child(Mutex::new(Some(child))))))
}

impl CommandEnd {
    /// How the command ended, if it has, or does within half a second.
    pub(crate) async fn status(&self) -> Option<String> {
        for _ in 0..LOOKS {
            if let Some(status) = self.now() {
                return Some(status);
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        None
    }

    /// The same, waiting.
    #[cfg(unix)]
    fn status_waiting(&self) -> Option<String> {
        for _ in 0..LOOKS {
            if let Some(status) = self.now() {
                return Some(status);
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
        None
    }

    fn now(&self) -> Option<String> {
        self.0.status().map(|status| format!("the ProxyCommand has ended: {status}"))
    }
}

/// A command as a stream for those who wait.
#[cfg(unix)]
pub(crate) struct WaitingProxyCommand {
    stream: std::os::unix::net::UnixStream,
    child: Arc<Child>,
}

#[cfg(unix)]
impl WaitingProxyCommand {
    /// As [`ProxyCommand::start`].
    ///
    /// # Errors
    ///
    /// The shell cannot be started.
    pub(crate) fn start(command: &str) -> io::Result<Self> {
        let (stream, child) = spawn(command)?;
        Ok(Self { stream, child })
    }

    /// What tells how the command ended, to be called after its streams have.
    pub(crate) fn end(&self) -> impl Fn() -> Option<String> + use<> {
        let end = CommandEnd(Arc::clone(&self.child));
        move || end.status_waiting()
    }
}

#[cfg(unix)]
impl konko_blocking::Stream for WaitingProxyCommand {
    fn into_link(self) -> io::Result<Arc<dyn konko_blocking::Link>> {
        konko_blocking::keeping(self.stream, self.child)
    }
}

impl Child {
    fn status(&self) -> Option<std::process::ExitStatus> {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        child.as_mut().and_then(|child| child.try_wait().ok().flatten())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.status().is_some() {
            return;
        }
        let Some(mut child) = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take() else { return };
        #[cfg(unix)]
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            // As ssh(1) does. Its streams are closed, too.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::HUP);
        }
        // Whoever ignores that is waited for by nobody who has to go on.
        let reaper = std::thread::Builder::new().name("ProxyCommand".to_owned());
        if let Err(error) = reaper.spawn(move || child.wait()) {
            tracing::debug!(%error, "nobody waits for the ProxyCommand");
        }
    }
}

impl AsyncRead for ProxyCommand {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ProxyCommand {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
