//! A program that runs beside the test, its output kept as a log, ended when the test lets go of it.

use std::io::{self, BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a program may take to come up, on a machine that has other things to do.
pub const START: Duration = Duration::from_secs(60);

/// The log keeps this many bytes, then only counts on.
const MOST_LOG: usize = 16 * 1024 * 1024;

/// A running program. Dropping it kills it, by its own process handle, and reaps it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: Arc<Log>,
}

/// Why a line was not seen.
#[derive(Debug)]
pub enum NoLine {
    /// The deadline passed.
    TimedOut,
    /// The program closed its output.
    Ended,
}

#[derive(Debug, Default)]
struct Log {
    state: Mutex<LogState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct LogState {
    lines: Vec<String>,
    bytes: usize,
    open: usize,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(self: &Arc<Self>, stream: impl Read + Send + 'static) {
        self.lock().open += 1;
        let log = Arc::clone(self);
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                let mut state = log.lock();
                if state.bytes + text.len() <= MOST_LOG {
                    state.bytes += text.len() + 1;
                    state.lines.push(text);
                }
                log.changed.notify_all();
            }
            log.lock().open -= 1;
            log.changed.notify_all();
        });
    }
}

impl Process {
    /// Starts `command` with its input empty and both outputs going to the log.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        Self::logged(command.stdin(Stdio::null()).stdout(Stdio::piped()))
    }

    /// Starts `command` on a connection: only its standard error goes to the log.
    pub fn spawn_on(command: &mut Command, input: OwnedFd, output: OwnedFd) -> io::Result<Self> {
        let process = Self::logged(command.stdin(input).stdout(output));
        // The command would keep its copies of the connection open.
        command.stdin(Stdio::null()).stdout(Stdio::null());
        process
    }

    fn logged(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let log = Arc::new(Log::default());
        if let Some(stdout) = child.stdout.take() {
            log.read(stdout);
        }
        if let Some(stderr) = child.stderr.take() {
            log.read(stderr);
        }
        Ok(Self { child, log })
    }

    /// Waits for a line that contains `needle`, anywhere in the log so far or to come, and returns it.
    pub fn wait_for_line(&self, needle: &str, within: Duration) -> Result<String, NoLine> {
        self.wait_for_line_after(0, needle, within)
    }

    /// As [`wait_for_line`](Process::wait_for_line), beyond the first `start` lines; see
    /// [`line_count`](Process::line_count).
    pub fn wait_for_line_after(
        &self,
        start: usize,
        needle: &str,
        within: Duration,
    ) -> Result<String, NoLine> {
        let deadline = Instant::now() + within;
        let mut state = self.log.lock();
        let mut seen = start;
        loop {
            if let Some(line) = state.lines.iter().skip(seen).find(|line| line.contains(needle)) {
                return Ok(line.clone());
            }
            seen = seen.max(state.lines.len());
            if state.open == 0 {
                return Err(NoLine::Ended);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(NoLine::TimedOut);
            }
            state = self.log.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Everything the program has written so far.
    pub fn log(&self) -> String {
        self.log.lock().lines.join("\n")
    }

    /// How many lines the program has written so far.
    pub fn line_count(&self) -> usize {
        self.log.lock().lines.len()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the program ended, if it did.
    pub fn exit_status(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if the program is gone already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback address nobody listens on at the moment. Somebody may take it before it is used: whoever uses it must
/// be ready to ask for another.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Starts a server on a free port, again on another if the port was taken in between, until it says `ready`.
///
/// # Panics
/// With the log, when the server does not come up.
pub fn start_server(
    name: &str,
    ready: &str,
    mut command: impl FnMut(SocketAddr) -> Command,
) -> (Process, SocketAddr) {
    let mut last_log = String::new();
    for _ in 0..10 {
        let address = free_address().expect("a free loopback port");
        let process = Process::spawn(&mut command(address))
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        match process.wait_for_line(ready, START) {
            Ok(_) => return (process, address),
            Err(NoLine::TimedOut) => panic!("{name} is not ready in {START:?}; its log:\n{}", process.log()),
            Err(NoLine::Ended) => last_log = process.log(),
        }
        if !last_log.contains("in use") {
            break;
        }
    }
    panic!("{name} ended instead of serving; its log:\n{last_log}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        Process::spawn(Command::new("/bin/sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn lines_of_both_outputs_are_seen_and_the_end_is_noticed() {
        let process = shell("echo one; echo two >&2");
        assert_eq!(process.wait_for_line("one", START).unwrap(), "one");
        assert_eq!(process.wait_for_line("two", START).unwrap(), "two");
        assert!(matches!(process.wait_for_line("three", START), Err(NoLine::Ended)));
        assert_eq!(process.line_count(), 2);
        assert!(matches!(process.wait_for_line_after(2, "o", START), Err(NoLine::Ended)));
    }

    #[test]
    fn a_silent_program_is_given_up_and_killed_on_drop() {
        let mut process = shell("echo up; exec cat /dev/zero >/dev/null");
        process.wait_for_line("up", START).unwrap();
        assert!(process.exit_status().unwrap().is_none());
        let waited = process.wait_for_line_after(1, "never", Duration::from_millis(1));
        assert!(matches!(waited, Err(NoLine::TimedOut | NoLine::Ended)));
        let id = process.id();
        drop(process);
        assert!(!std::path::Path::new(&format!("/proc/{id}/exe")).exists());
    }
}
