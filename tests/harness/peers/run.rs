//! A program run to its end with given input, under a deadline.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How long a client may take for a login and a short command.
pub const RUN: Duration = Duration::from_secs(120);

/// How a program ended and what it wrote.
#[derive(Debug)]
pub struct Finished {
    /// Its exit status; that of a kill if it was still running at the deadline.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// Whether it had to be killed at the deadline.
    pub timed_out: bool,
}

impl Finished {
    /// The exit code; nothing if a signal ended the program.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Standard output as text.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Returns itself if the program succeeded in time.
    ///
    /// # Panics
    /// With everything the program wrote, if it did not.
    pub fn expect_success(self) -> Self {
        assert!(
            self.status.success() && !self.timed_out,
            "{} (timed out: {})\nstdout:\n{}\nstderr:\n{}",
            self.status,
            self.timed_out,
            self.stdout_text(),
            self.stderr_text()
        );
        self
    }
}

enum Stream {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
}

/// Runs `command` with `input` on its standard input; kills it once `within` has passed.
///
/// The program's whole output is held in memory.
pub fn run(command: &mut Command, input: &[u8], within: Duration) -> io::Result<Finished> {
    let deadline = Instant::now() + within;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (sender, receiver) = mpsc::channel();
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        // A program that does not read all of its input is no error.
        thread::spawn(move || stdin.write_all(&input));
    }
    if let Some(stdout) = child.stdout.take() {
        collect(stdout, sender.clone(), Stream::Stdout);
    }
    if let Some(stderr) = child.stderr.take() {
        collect(stderr, sender, Stream::Stderr);
    }
    finish(child, &receiver, deadline)
}

fn collect(mut stream: impl Read + Send + 'static, sender: Sender<Stream>, kind: fn(Vec<u8>) -> Stream) {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is kept; a receiver that is gone wants nothing.
        let _ = stream.read_to_end(&mut bytes);
        let _ = sender.send(kind(bytes));
    });
}

fn finish(mut child: Child, receiver: &Receiver<Stream>, deadline: Instant) -> io::Result<Finished> {
    let (mut stdout, mut stderr, mut timed_out) = (Vec::new(), Vec::new(), false);
    let mut store = |stream| match stream {
        Stream::Stdout(bytes) => stdout = bytes,
        Stream::Stderr(bytes) => stderr = bytes,
    };
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() && !timed_out {
            timed_out = true;
            child.kill()?;
            break;
        }
        match receiver.recv_timeout(left) {
            Ok(stream) => store(stream),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    // Its output is closed, so the program is at its end or over; one that lives on in silence is killed too.
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= deadline {
            timed_out = true;
            child.kill()?;
            break child.wait()?;
        }
        thread::park_timeout(Duration::from_millis(1));
    };
    // After a kill the readers end too, unless a grandchild holds the pipe: do not wait for that one.
    while let Ok(stream) = receiver.recv_timeout(Duration::from_millis(200)) {
        store(stream);
    }
    Ok(Finished { status, stdout, stderr, timed_out })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_outputs_and_status_are_carried() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "cat; echo oops >&2; exit 3"]);
        let input = vec![b'x'; 300_000];
        let finished = run(&mut command, &input, RUN).unwrap();
        assert_eq!(finished.code(), Some(3));
        assert_eq!(finished.stdout, input);
        assert_eq!(finished.stderr_text(), "oops\n");
        assert!(!finished.timed_out);
    }

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo early; exec tail -f /dev/null"]);
        let finished = run(&mut command, b"", Duration::from_millis(700)).unwrap();
        assert!(finished.timed_out && !finished.status.success());
    }

    #[test]
    #[should_panic(expected = "exit status: 1")]
    fn expected_success_shows_what_went_wrong() {
        run(&mut Command::new("/bin/false"), b"", RUN).unwrap().expect_success();
    }
}
