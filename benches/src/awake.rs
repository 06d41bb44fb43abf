//! Keeps the processors of a virtual machine from sleeping while something is measured.
//!
//! A processor that sleeps has to be given back by the host before anything on it can go on, and on a shared host that
//! takes from microseconds to milliseconds: the rates of all peers alike then vary by ten times from run to run. A
//! process a processor that only runs when nothing else wants to (`SCHED_IDLE`) keeps them.

use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{hint, thread};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How often a keeper looks whether it is still wanted, in turns of its loop.
const TURNS: u32 = 1 << 16;

/// The keepers, one a processor; they end when this is dropped.
#[derive(Debug)]
pub struct Awake {
    keepers: Vec<Child>,
}

impl Awake {
    /// Starts the keepers.
    pub fn keep() -> Result<Self, Failure> {
        let processors = thread::available_parallelism()?.get();
        let parent = std::process::id().to_string();
        let mut awake = Self { keepers: Vec::new() };
        for _ in 0..processors {
            let mut command = Command::new("chrt");
            command.args(["--idle", "0"]).arg(std::env::current_exe()?).args(["plain", "awake", &parent]);
            awake.keepers.push(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?);
        }
        thread::sleep(Duration::from_millis(100));
        for keeper in &mut awake.keepers {
            if let Some(status) = keeper.try_wait()? {
                return Err(format!(
                    "chrt --idle, of util-linux, ended with {status}; --let-sleep does without"
                )
                .into());
            }
        }
        Ok(awake)
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        for keeper in &mut self.keepers {
            // One that has ended cannot be ended.
            let _ = keeper.kill();
            let _ = keeper.wait();
        }
    }
}

/// A keeper's work, until its parent is gone, which may be before it begins.
pub fn stay(parent: u32) {
    while std::os::unix::process::parent_id() == parent {
        (0..TURNS).for_each(|_| hint::spin_loop());
    }
}

/// The share of the processors' time that the host gave to others since the last look.
#[derive(Debug)]
pub struct Stolen {
    since: (u64, u64),
}

impl Stolen {
    /// From now on.
    pub fn begin() -> Self {
        Self { since: ticks() }
    }

    /// The share until now, from 0 to 1.
    pub fn share(&self) -> f64 {
        let (all, stolen) = ticks();
        stolen.saturating_sub(self.since.1) as f64 / all.saturating_sub(self.since.0).max(1) as f64
    }
}

/// What all processors have spent, and what was stolen from them: proc(5), the fields of `cpu`.
fn ticks() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let fields: Vec<u64> =
        line.split_whitespace().skip(1).take(8).filter_map(|word| word.parse().ok()).collect();
    (fields.iter().sum(), fields.get(7).copied().unwrap_or(0))
}
