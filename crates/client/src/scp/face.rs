//! Transfers by the protocol of scp over a client's connection.

use crate::child::Child;
use crate::exit_status::ExitStatus;
use crate::scp::download::Download;
use crate::scp::error::ScpError;
use crate::scp::options::ScpOptions;
use crate::scp::relay::Relay;
use crate::scp::remote::{CloseOnDrop, Collector, RemoteWire};
use crate::scp::report::ScpReport;
use crate::scp::target::{LocalPath, Target, remote_name};
use crate::scp::transfer::{Ending, Fault, conclude};
use crate::scp::upload::{Stream, Upload};
use crate::scp::wire::Wire;
use crate::ssh_client::SshClient;
use konko_scp::text::printable;
use konko_scp::{Direction, Expected, ScpCommand};
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::runtime::Handle;

/// How long a command is waited for that was told to end.
pub(crate) const END_GRACE: Duration = Duration::from_secs(2);

/// Transfers by the protocol of scp. Cheap to clone.
///
/// Each transfer runs one command on the server. Dropping a transfer's future ends it.
#[derive(Debug, Clone)]
pub struct Scp {
    client: SshClient,
    options: ScpOptions,
}

impl SshClient {
    /// Transfers by the protocol of scp, with the default options.
    pub fn scp(&self) -> Scp {
        Scp { client: self.clone(), options: ScpOptions::default() }
    }
}

impl Scp {
    /// The same with these options.
    pub fn with_options(mut self, options: ScpOptions) -> Self {
        self.options = options;
        self
    }

    /// Downloads a file, or with [`recursive`](ScpOptions::recursive) a directory. If `local` is a directory, into
    /// it; else `local` is what it will be called.
    ///
    /// # Errors
    ///
    /// [`ScpError`]; [`ScpError::Incomplete`] if only some of the files are there.
    pub async fn get(
        &self,
        remote: impl AsRef<[u8]>,
        local: impl AsRef<Path>,
    ) -> Result<ScpReport, ScpError> {
        let (command, expected) = download_command(remote.as_ref(), &self.options)?;
        let (local, options) = (local.as_ref().to_owned(), self.options.clone());
        let names = options.names;
        let target = off_thread(move || LocalPath::new(&local, names)).await??;
        self.run(command, move |wire| Download::new(&options, expected, target.into()).run(wire)).await
    }

    /// Downloads a file into a stream.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get). What was written before an error stays written.
    pub async fn get_to(
        &self,
        remote: impl AsRef<[u8]>,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Result<ScpReport, ScpError> {
        let options = ScpOptions { recursive: false, ..self.options.clone() };
        let (command, expected) = download_command(remote.as_ref(), &options)?;
        let mut bridge = Bridge { runtime: Handle::current(), stream: writer };
        self.run(command, move |wire| {
            let report = Download::new(&options, expected, Target::Stream(&mut bridge)).run(wire)?;
            bridge.flush()?;
            Ok(report)
        })
        .await
    }

    /// Downloads a file into memory; at most `maximum` bytes.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and [`ScpError::Incomplete`] if it is larger.
    pub async fn read(&self, remote: impl AsRef<[u8]>, maximum: usize) -> Result<Vec<u8>, ScpError> {
        let options = ScpOptions { recursive: false, ..self.options.clone() };
        let (command, expected) = download_command(remote.as_ref(), &options)?;
        let (sender, content) = tokio::sync::oneshot::channel();
        self.run(command, move |wire| {
            let mut content = Bounded { content: Vec::new(), maximum };
            let report = Download::new(&options, expected, Target::Stream(&mut content)).run(wire)?;
            // Whoever waits may have given up.
            drop(sender.send(content.content));
            Ok(report)
        })
        .await?;
        Ok(content.await.unwrap_or_default())
    }

    /// Uploads a file, or with [`recursive`](ScpOptions::recursive) a directory. If `remote` is a directory, into
    /// it; else `remote` is what it will be called. An empty path is the home directory.
    ///
    /// # Errors
    ///
    /// [`ScpError`]; [`ScpError::Incomplete`] if only some of the files are there.
    pub async fn put(
        &self,
        local: impl AsRef<Path>,
        remote: impl AsRef<[u8]>,
    ) -> Result<ScpReport, ScpError> {
        self.upload(vec![local.as_ref().to_owned()], remote.as_ref(), false).await
    }

    /// Uploads files, or with [`recursive`](ScpOptions::recursive) directories, into a directory.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub async fn put_into(
        &self,
        local: impl IntoIterator<Item = impl AsRef<Path>>,
        remote: impl AsRef<[u8]>,
    ) -> Result<ScpReport, ScpError> {
        let sources = local.into_iter().map(|path| path.as_ref().to_owned()).collect();
        self.upload(sources, remote.as_ref(), true).await
    }

    async fn upload(
        &self,
        sources: Vec<PathBuf>,
        remote: &[u8],
        directory: bool,
    ) -> Result<ScpReport, ScpError> {
        reject_nul(remote)?;
        let (command, options) = (upload_command(remote, &self.options, directory), self.options.clone());
        self.run(command, move |wire| Upload::new(&options).run(wire, &sources)).await
    }

    /// Uploads what a stream holds, which is exactly `size` bytes, as a file of that mode.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put); [`ScpError::Incomplete`] if the stream ends early.
    pub async fn put_from(
        &self,
        reader: impl AsyncRead + Send + Unpin + 'static,
        size: u64,
        mode: u32,
        remote: impl AsRef<[u8]>,
    ) -> Result<ScpReport, ScpError> {
        reject_nul(remote.as_ref())?;
        let mut bridge = Bridge { runtime: Handle::current(), stream: reader };
        let name = remote_name(remote.as_ref())?.to_vec();
        let command = upload_command(remote.as_ref(), &self.options, false);
        let options = self.options.clone();
        self.run(command, move |wire| {
            let stream = Stream { name: &name, size, mode, times: None, content: &mut bridge };
            Upload::new(&options).run_stream(wire, stream)
        })
        .await
    }

    /// Uploads these bytes as a file of that mode.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub async fn write(
        &self,
        remote: impl AsRef<[u8]>,
        content: impl Into<bytes::Bytes>,
        mode: u32,
    ) -> Result<ScpReport, ScpError> {
        let content = content.into();
        let size = content.len() as u64;
        self.put_from(Cursor::new(content), size, mode, remote).await
    }

    /// Copies a file, or with [`recursive`](ScpOptions::recursive) a directory, from this server to another, through
    /// this program: what the one sends is checked as in a download before the other gets it. If `target` is a
    /// directory there, into it; else `target` is what it will be called.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`put`](Self::put).
    pub async fn relay(
        &self,
        remote: impl AsRef<[u8]>,
        other: &SshClient,
        target: impl AsRef<[u8]>,
    ) -> Result<ScpReport, ScpError> {
        let (source, expected) = download_command(remote.as_ref(), &self.options)?;
        reject_nul(target.as_ref())?;
        let (sink, options) = (upload_command(target.as_ref(), &self.options, false), self.options.clone());
        let stall = options.stall;
        let (from, mut from_wire) = Remote::start(&self.client, source, stall).await?;
        let (to, mut to_wire) = Remote::start(other, sink, stall).await?;
        let conversation = off_thread(move || {
            let relayed = Relay::new(&options, expected).run(&mut from_wire, &mut to_wire);
            (relayed, from_wire.stalled, to_wire.stalled)
        });
        let (relayed, from_stalled, to_stalled) = conversation.await?;
        let is_good = relayed.is_ok();
        let from_ending = from.end(is_good, stall.filter(|_| from_stalled)).await;
        let to_ending = to.end(is_good, stall.filter(|_| to_stalled)).await;
        match relayed {
            Ok(report) => conclude(Ok(conclude(Ok(report), from_ending)?), to_ending),
            Err(error) => conclude(Err(error), if from_stalled { from_ending } else { to_ending }),
        }
    }

    /// Runs a command and has a conversation with it, on a thread that may wait.
    async fn run(
        &self,
        command: Vec<u8>,
        converse: impl FnOnce(&mut dyn Wire) -> Result<ScpReport, Fault> + Send + 'static,
    ) -> Result<ScpReport, ScpError> {
        let stall = self.options.stall;
        let (remote, mut wire) = Remote::start(&self.client, command, stall).await?;
        let conversation = off_thread(move || {
            let transferred = converse(&mut wire);
            (transferred, wire.stalled)
        });
        let (transferred, stalled) = conversation.await?;
        let ending = remote.end(transferred.is_ok(), stall.filter(|_| stalled)).await;
        conclude(transferred, ending)
    }
}

/// A command on the server. It ends when this is dropped.
struct Remote {
    child: Child,
    closing: CloseOnDrop,
    collector: Collector,
}

impl Remote {
    async fn start(
        client: &SshClient,
        command: Vec<u8>,
        stall: Option<Duration>,
    ) -> Result<(Self, RemoteWire), ScpError> {
        let mut child = client.command(command).spawn().await?;
        let closing = CloseOnDrop(child.channel().clone());
        let (stdin, stdout, stderr) = (child.stdin(), child.stdout(), child.stderr());
        let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
            return Err(ScpError::Client(crate::error::Error::ChannelClosed));
        };
        let collector = Collector::spawn(stderr);
        let wire = RemoteWire { runtime: Handle::current(), stdin, stdout, stall, stalled: false };
        Ok((Self { child, closing, collector }, wire))
    }

    /// Waits for the end of a command whose streams are over.
    async fn end(mut self, is_good: bool, stalled: Option<Duration>) -> Ending {
        let ended = match stalled {
            None if is_good => Some(self.child.wait().await),
            None => tokio::time::timeout(END_GRACE, self.child.wait()).await.ok(),
            Some(_) => None,
        };
        drop(self.closing);
        let status = ended.unwrap_or_else(|| Ok(self.child.try_wait().unwrap_or(ExitStatus::NotReported)));
        let stderr = self.collector.finish().await;
        Ending { status, stderr, stalled }
    }
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ScpError> {
    let done = crate::off_thread::off_thread(work).await;
    done.map_err(|error| ScpError::Stream { what: "the transfer cannot go on", error })
}

/// The command that sends, and what it may send.
pub(crate) fn download_command(remote: &[u8], options: &ScpOptions) -> Result<(Vec<u8>, Expected), ScpError> {
    reject_nul(remote)?;
    let name = remote_name(remote)?.to_vec();
    let mut command = ScpCommand::new(Direction::Source, remote);
    command.recursive = options.recursive;
    command.preserve = options.preserve;
    let (command, expected) = if options.patterns {
        (command.to_pattern_command(), Expected::Patterns(vec![name]))
    } else {
        (command.to_command(), Expected::Names(vec![name]))
    };
    Ok((command, if options.any_name { Expected::Any } else { expected }))
}

/// The command that receives.
pub(crate) fn upload_command(remote: &[u8], options: &ScpOptions, directory: bool) -> Vec<u8> {
    let mut command = ScpCommand::new(Direction::Sink, remote);
    command.recursive = options.recursive;
    command.preserve = options.preserve;
    command.directory = directory;
    command.to_command()
}

pub(crate) fn reject_nul(remote: &[u8]) -> Result<(), ScpError> {
    if remote.contains(&0) {
        return Err(ScpError::Path { path: printable(remote), problem: "holds a NUL, which no path can" });
    }
    Ok(())
}

/// A stream of a runtime, from a thread that may wait.
struct Bridge<T> {
    runtime: Handle,
    stream: T,
}

impl<T: AsyncWrite + Unpin> Write for Bridge<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.runtime.block_on(self.stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.runtime.block_on(self.stream.flush())
    }
}

impl<T: AsyncRead + Unpin> Read for Bridge<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.runtime.block_on(self.stream.read(buffer))
    }
}

/// Memory that does not grow for ever.
pub(crate) struct Bounded {
    pub(crate) content: Vec<u8>,
    pub(crate) maximum: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.maximum - self.content.len() {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "it is larger than what was allowed for",
            ));
        }
        self.content.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
