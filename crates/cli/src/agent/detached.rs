//! Going to the background. A process with threads cannot fork safely, so the program starts itself once more; that
//! second process listens, tells where over a socket that is its standard input, and lets everything else of the first
//! go.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The longest path that is read.
const MAXIMUM_PATH: u64 = 4096;

/// Starts the second process with the arguments of this one. Gives its number and its socket; nothing if it has ended,
/// after it has told the user why.
pub(crate) fn start() -> io::Result<Option<(u32, PathBuf)>> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .arg("--detached")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .spawn()?;
    let mut path = Vec::new();
    ours.take(MAXIMUM_PATH).read_to_end(&mut path)?;
    if path.is_empty() {
        child.wait()?;
        return Ok(None);
    }
    Ok(Some((child.id(), PathBuf::from(OsStr::from_bytes(&path)))))
}

/// In the second process: tells where the socket is, and leaves the terminal, the directory and the files of the first.
pub(crate) fn detach(socket: &Path) -> io::Result<()> {
    let mut rest = socket.as_os_str().as_bytes();
    while !rest.is_empty() {
        let written = rustix::io::write(rustix::stdio::stdin(), rest)?;
        rest = rest.get(written..).unwrap_or_default();
    }
    // It leads no process group, so it can lead a session.
    rustix::process::setsid()?;
    std::env::set_current_dir("/")?;
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stderr(&nothing)?;
    // Only now does the first process end.
    rustix::stdio::dup2_stdin(&nothing)?;
    Ok(())
}
