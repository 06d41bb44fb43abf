//! Processes with their CPU time and memory, read from the kernel before they are reaped.

use rustix::process::{Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions};
use rustix::process::{kill_process, setrlimit, waitid};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// After so long a process is ended: a peer that hangs costs its cell, not the comparison.
const LONGEST: Duration = Duration::from_secs(300);
/// How long a server's children may take to end after their connections.
const LONGEST_ENDING: Duration = Duration::from_secs(5);
/// Descriptors that ten thousand connections and a proxy need.
const DESCRIPTORS: u64 = 65_536;

/// A running process.
pub struct Process {
    child: Child,
    output: Option<BufReader<std::process::ChildStdout>>,
    _watch: Watch,
}

/// What a process has used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// CPU seconds, of it and the children it waited for.
    pub cpu: f64,
    /// Largest resident memory, in KiB; only known while it runs.
    pub memory: u64,
}

impl Process {
    /// Starts `command` with its output at hand.
    pub fn start(command: &mut Command) -> Result<Self, Failure> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().map(BufReader::new);
        let watch = Watch::over(child.id());
        Ok(Self { child, output, _watch: watch })
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line it prints that begins with `prefix`, without the prefix.
    pub fn line(&mut self, prefix: &str) -> Result<String, Failure> {
        let output = self.output.as_mut().ok_or("no output")?;
        loop {
            let mut line = String::new();
            if output.read_line(&mut line)? == 0 {
                return Err(format!("the process ended without printing {prefix:?}").into());
            }
            if let Some(rest) = line.trim().strip_prefix(prefix) {
                return Ok(rest.trim().to_owned());
            }
        }
    }

    /// Seconds, and its largest memory in KiB, as a peer prints them behind `prefix`.
    pub fn result(&mut self, prefix: &str) -> Result<(f64, u64), Failure> {
        let line = self.line(prefix)?;
        let mut words = line.split_whitespace();
        let mut word = || words.next().ok_or("a peer printed something else");
        Ok((word()?.parse()?, word()?.parse()?))
    }

    /// Tells a peer that has printed `ready` to go on.
    pub fn proceed(&mut self) -> Result<(), Failure> {
        Ok(self.child.stdin.as_mut().ok_or("no input")?.write_all(b"\n")?)
    }

    /// Resident memory now, in KiB.
    pub fn resident(&self) -> u64 {
        status_field(self.id(), "VmRSS:")
    }

    /// CPU seconds until now, of it and of its children, for whose end this waits.
    pub fn cpu(&self) -> f64 {
        let begin = Instant::now();
        while has_children(self.id()) && begin.elapsed() < LONGEST_ENDING {
            thread::sleep(Duration::from_millis(2));
        }
        cpu_seconds(self.id())
    }

    /// Waits for its end and says what it used.
    pub fn finish(mut self) -> Result<Usage, Failure> {
        drop(self.child.stdin.take());
        let mut memory = 0;
        if let Some(mut output) = self.output.take() {
            let mut line = String::new();
            while output.read_line(&mut line)? > 0 {
                memory = memory.max(status_field(self.child.id(), "VmHWM:"));
                line.clear();
            }
        }
        let cpu = ended(self.child.id())?;
        let status = self.child.wait()?;
        if status.success() {
            Ok(Usage { cpu, memory })
        } else {
            Err(format!("a peer ended with {status}").into())
        }
    }

    /// Ends it, once its children have ended, and says what it used.
    pub fn stop(mut self) -> Result<Usage, Failure> {
        self.cpu();
        let memory = status_field(self.id(), "VmHWM:");
        let pid = Pid::from_raw(self.child.id() as i32).ok_or("no such process")?;
        kill_process(pid, Signal::TERM)?;
        let cpu = ended(self.child.id())?;
        self.child.wait()?;
        Ok(Usage { cpu, memory })
    }
}

impl Drop for Process {
    /// A comparison that fails leaves nothing running. A process that has ended is not there to be killed.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Ends a process that runs too long; dropped, it lets go.
struct Watch {
    _held: Sender<()>,
}

impl Watch {
    fn over(id: u32) -> Self {
        let (held, gone) = channel::<()>();
        thread::spawn(move || {
            if gone.recv_timeout(LONGEST) == Err(RecvTimeoutError::Timeout)
                && let Some(pid) = Pid::from_raw(id as i32)
            {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        Self { _held: held }
    }
}

/// Waits for `child`, whose output goes elsewhere, and says what it used.
pub fn wait(child: &mut Child) -> Result<Usage, Failure> {
    let _watch = Watch::over(child.id());
    let usage = Usage { cpu: ended(child.id())?, memory: 0 };
    let status = child.wait()?;
    if status.success() { Ok(usage) } else { Err(format!("a peer ended with {status}").into()) }
}

/// Lets this process and those it starts have many descriptors.
pub fn raise_limits() {
    let many = Some(DESCRIPTORS);
    if setrlimit(Resource::Nofile, Rlimit { current: many, maximum: many }).is_err() {
        let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
        // With fewer descriptors the rows that need them say so.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// Waits for the end of a child without reaping it; its CPU seconds.
fn ended(id: u32) -> Result<f64, Failure> {
    let pid = Pid::from_raw(id as i32).ok_or("no such process")?;
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    Ok(cpu_seconds(id))
}

/// User and system time of a process and of the children it waited for.
fn cpu_seconds(id: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let after_name = text.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}

fn has_children(id: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{id}/task")) else { return false };
    threads.flatten().any(|thread| {
        std::fs::read_to_string(thread.path().join("children"))
            .is_ok_and(|children| !children.trim().is_empty())
    })
}

fn status_field(id: u32, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
