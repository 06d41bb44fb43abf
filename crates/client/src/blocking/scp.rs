//! Transfers by the protocol of scp, waiting.

use crate::blocking::child::{ChildStdin, ChildStdout};
use crate::blocking::ssh_client::SshClient;
use crate::exit_status::ExitStatus;
use crate::running::Progress;
use crate::scp::download::Download;
use crate::scp::error::ScpError;
use crate::scp::face::{Bounded, END_GRACE, download_command, reject_nul, upload_command};
use crate::scp::options::ScpOptions;
use crate::scp::report::ScpReport;
use crate::scp::target::{LocalPath, Target, remote_name};
use crate::scp::transfer::{Ending, Fault, MAXIMUM_STDERR, conclude};
use crate::scp::upload::{Stream, Upload};
use crate::scp::wire::{CHUNK, Wire};
use bytes::Bytes;
use konko_blocking::Channel;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Transfers by the protocol of scp. Cheap to clone. Each transfer runs one command on the server.
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
    pub fn get(&self, remote: impl AsRef<[u8]>, local: impl AsRef<Path>) -> Result<ScpReport, ScpError> {
        let (command, expected) = download_command(remote.as_ref(), &self.options)?;
        let target = LocalPath::new(local.as_ref(), self.options.names)?;
        self.run(command, |wire| Download::new(&self.options, expected, target.into()).run(wire))
    }

    /// Downloads a file into a stream.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get). What was written before an error stays written.
    pub fn get_to(&self, remote: impl AsRef<[u8]>, writer: &mut dyn Write) -> Result<ScpReport, ScpError> {
        let options = ScpOptions { recursive: false, ..self.options.clone() };
        let (command, expected) = download_command(remote.as_ref(), &options)?;
        self.run(command, |wire| Download::new(&options, expected, Target::Stream(writer)).run(wire))
    }

    /// Downloads a file into memory; at most `maximum` bytes.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and [`ScpError::Incomplete`] if it is larger.
    pub fn read(&self, remote: impl AsRef<[u8]>, maximum: usize) -> Result<Vec<u8>, ScpError> {
        let mut content = Bounded { content: Vec::new(), maximum };
        self.get_to(remote, &mut content)?;
        Ok(content.content)
    }

    /// Uploads a file, or with [`recursive`](ScpOptions::recursive) a directory. If `remote` is a directory, into
    /// it; else `remote` is what it will be called. An empty path is the home directory.
    ///
    /// # Errors
    ///
    /// [`ScpError`]; [`ScpError::Incomplete`] if only some of the files are there.
    pub fn put(&self, local: impl AsRef<Path>, remote: impl AsRef<[u8]>) -> Result<ScpReport, ScpError> {
        self.upload(&[local.as_ref().to_owned()], remote.as_ref(), false)
    }

    /// Uploads files, or with [`recursive`](ScpOptions::recursive) directories, into a directory.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub fn put_into(
        &self,
        local: impl IntoIterator<Item = impl AsRef<Path>>,
        remote: impl AsRef<[u8]>,
    ) -> Result<ScpReport, ScpError> {
        let sources: Vec<PathBuf> = local.into_iter().map(|path| path.as_ref().to_owned()).collect();
        self.upload(&sources, remote.as_ref(), true)
    }

    fn upload(&self, sources: &[PathBuf], remote: &[u8], directory: bool) -> Result<ScpReport, ScpError> {
        reject_nul(remote)?;
        let command = upload_command(remote, &self.options, directory);
        self.run(command, |wire| Upload::new(&self.options).run(wire, sources))
    }

    /// Uploads what a stream holds, which is exactly `size` bytes, as a file of that mode.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put); [`ScpError::Incomplete`] if the stream ends early.
    pub fn put_from(
        &self,
        reader: &mut dyn Read,
        size: u64,
        mode: u32,
        remote: impl AsRef<[u8]>,
    ) -> Result<ScpReport, ScpError> {
        let remote = remote.as_ref();
        reject_nul(remote)?;
        let name = remote_name(remote)?;
        let command = upload_command(remote, &self.options, false);
        self.run(command, |wire| {
            let stream = Stream { name, size, mode, times: None, content: reader };
            Upload::new(&self.options).run_stream(wire, stream)
        })
    }

    /// Uploads these bytes as a file of that mode.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub fn write(&self, remote: impl AsRef<[u8]>, content: &[u8], mode: u32) -> Result<ScpReport, ScpError> {
        let mut reader = content;
        self.put_from(&mut reader, content.len() as u64, mode, remote)
    }

    /// Runs a command and has a conversation with it.
    fn run(
        &self,
        command: Vec<u8>,
        converse: impl FnOnce(&mut dyn Wire) -> Result<ScpReport, Fault>,
    ) -> Result<ScpReport, ScpError> {
        let mut child = self.client.command(command).spawn()?;
        let (stdin, stdout, stderr) = (child.stdin(), child.stdout(), child.stderr());
        let (Some(stdout), Some(mut stderr)) = (stdout, stderr) else {
            return Err(ScpError::Client(crate::error::Error::ChannelClosed));
        };
        let stall = self.options.stall;
        let watch = Watch::default();
        std::thread::scope(|scope| {
            let collected = scope.spawn(move || {
                let mut kept = Vec::new();
                while let Ok(Some(chunk)) = stderr.read_chunk(CHUNK) {
                    let room = MAXIMUM_STDERR - kept.len();
                    kept.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
                }
                kept
            });
            if let Some(stall) = stall {
                let (watch, channel) = (&watch, child.channel().clone());
                scope.spawn(move || watch.over(&channel, stall));
            }
            let mut wire = WaitingWire { stdin, stdout, watch: &watch };
            let transferred = converse(&mut wire);
            drop(wire);
            let status = if transferred.is_ok() {
                child.wait()
            } else {
                match child.running().finished(Some(Instant::now() + END_GRACE)) {
                    Progress::Exited(status) => Ok(status),
                    Progress::Running | Progress::Expired => Ok(ExitStatus::NotReported),
                }
            };
            let stalled = stall.filter(|_| watch.finish());
            // The threads end with it.
            child.channel().close();
            let stderr = collected.join().unwrap_or_default();
            conclude(transferred, Ending { status, stderr, stalled })
        })
    }
}

/// The streams of a command, and who watches over them.
struct WaitingWire<'w> {
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    watch: &'w Watch,
}

impl Wire for WaitingWire<'_> {
    fn read(&mut self) -> io::Result<Option<Bytes>> {
        let Self { stdout, watch, .. } = self;
        watch.during(|| stdout.read_chunk(CHUNK))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stdin = self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = self.watch.during(|| stdin.write(rest))?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = rest.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    fn end(&mut self) {
        self.stdin = None;
    }
}

/// Ends a transfer in which nothing happens.
#[derive(Debug, Default)]
struct Watch {
    state: Mutex<WatchState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct WatchState {
    /// Since when one call waits for the other side.
    waiting_since: Option<Instant>,
    is_finished: bool,
    has_stalled: bool,
}

impl Watch {
    fn state(&self) -> MutexGuard<'_, WatchState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn during<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.state().waiting_since = Some(Instant::now());
        let result = wait();
        self.state().waiting_since = None;
        result
    }

    /// Ends the watch; whether the transfer has stalled.
    fn finish(&self) -> bool {
        let mut state = self.state();
        state.is_finished = true;
        self.changed.notify_all();
        state.has_stalled
    }

    /// Closes the channel when one call has waited for so long.
    fn over(&self, channel: &Channel, stall: Duration) {
        let mut state = self.state();
        while !state.is_finished {
            let waited = state.waiting_since.map_or(Duration::ZERO, |since| since.elapsed());
            let Some(left) = stall.checked_sub(waited).filter(|left| !left.is_zero()) else {
                state.has_stalled = true;
                drop(state);
                channel.close();
                return;
            };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
