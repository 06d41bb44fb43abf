//! `-f`: the program goes on in the background once the user is authenticated.
//!
//! A process with threads cannot fork safely. So the program starts itself once more before it does anything, and
//! that second process connects, asks and logs in; its standard input, which `-f` does not use otherwise, is a
//! socket over which it says that the user is authenticated. The first process then ends.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

/// The first argument of the second process.
pub(crate) const MARK: &str = "--in-background";

/// Starts the second process and waits until it is logged in, or has ended. Gives the exit status of the first.
pub(crate) fn start(arguments: &[OsString]) -> io::Result<u8> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut child = Command::new(std::env::current_exe()?)
        .arg("ssh")
        .arg(MARK)
        .args(arguments)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()?;
    if ours.read(&mut [0])? > 0 {
        return Ok(0);
    }
    let status = child.wait()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(crate::exit::FAILED))
}

/// In the second process: the user is authenticated. Lets the first one end and leaves its terminal.
pub(crate) fn detach() -> io::Result<()> {
    rustix::io::write(rustix::stdio::stdin(), &[1])?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    // It leads no process group, so it can lead a session.
    rustix::process::setsid()?;
    Ok(())
}
