//! Signals that ask the program to end.

use rustix::process::Signal;
use std::io;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// Signals that ask the program to end. Those that were ignored when it was started (by `nohup`, or by a shell for
/// what runs in the background) stay ignored.
#[derive(Debug)]
pub struct EndSignals {
    hangup: Option<Stream>,
    interrupt: Option<Stream>,
    quit: Option<Stream>,
    terminate: Option<Stream>,
}

impl EndSignals {
    /// Listens for them. It needs a tokio runtime with I/O.
    ///
    /// # Errors
    ///
    /// If the system does not let us.
    pub fn listen() -> io::Result<Self> {
        let ignored = ignored();
        let listen = |named: Signal| {
            let number = named.as_raw();
            let is_ignored = ignored >> (number - 1) & 1 == 1;
            if is_ignored { Ok(None) } else { signal(SignalKind::from_raw(number)).map(Some) }
        };
        Ok(Self {
            hangup: listen(Signal::HUP)?,
            interrupt: listen(Signal::INT)?,
            quit: listen(Signal::QUIT)?,
            terminate: listen(Signal::TERM)?,
        })
    }

    /// The next one, by its number. Cancel-safe.
    pub async fn next(&mut self) -> i32 {
        let named = tokio::select! {
            () = next_of(&mut self.hangup) => Signal::HUP,
            () = next_of(&mut self.interrupt) => Signal::INT,
            () = next_of(&mut self.quit) => Signal::QUIT,
            () = next_of(&mut self.terminate) => Signal::TERM,
        };
        named.as_raw()
    }
}

async fn next_of(stream: &mut Option<Stream>) {
    if let Some(stream) = stream
        && stream.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}

/// The signals that are ignored, as a set of bits; none where the system does not tell in a file.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}
