//! Processes with their CPU time and memory, read from the kernel before they are reaped.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A running process.
pub struct Process {
    child: Child,
    output: Option<BufReader<std::process::ChildStdout>>,
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
        Ok(Self { child, output })
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

    /// Resident memory now, in KiB.
    pub fn resident(&self) -> u64 {
        status_field(self.id(), "VmRSS:")
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
        let pid = Pid::from_raw(self.child.id() as i32).ok_or("no such process")?;
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
        let usage = Usage { cpu: cpu_seconds(self.child.id()), memory };
        let status = self.child.wait()?;
        if status.code() == Some(0) || status.code().is_none() {
            Ok(usage)
        } else {
            Err(format!("a peer ended with {status}").into())
        }
    }

    /// Ends it and says what it used.
    pub fn stop(mut self) -> Result<Usage, Failure> {
        let memory = status_field(self.id(), "VmHWM:");
        let pid = Pid::from_raw(self.child.id() as i32).ok_or("no such process")?;
        kill_process(pid, Signal::TERM)?;
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
        let cpu = cpu_seconds(self.child.id());
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

/// User and system time of a process and of the children it waited for.
fn cpu_seconds(id: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let after_name = text.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}

fn status_field(id: u32, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Waits for `child`, whose output goes elsewhere, and says what it used.
pub fn wait(child: &mut Child) -> Result<Usage, Failure> {
    let pid = Pid::from_raw(child.id() as i32).ok_or("no such process")?;
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    let usage = Usage { cpu: cpu_seconds(child.id()), memory: 0 };
    let status = child.wait()?;
    if status.success() { Ok(usage) } else { Err(format!("a peer ended with {status}").into()) }
}
