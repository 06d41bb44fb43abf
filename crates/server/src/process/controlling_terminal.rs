//! The one thing that has to be done between fork and exec: a session of its own for the program, and its terminal
//! as the controlling one. The one place of this workspace with unsafe code.
#![allow(unsafe_code)]

use std::io;
use tokio::process::Command;

/// Lets the program lead a session, and so a process group, of its own: it has no controlling terminal, least of
/// all the server's.
pub(crate) fn lead_session(command: &mut Command) {
    // SAFETY: the closure runs in the child of a process with several threads, where only async-signal-safe
    // functions may be called. It makes one system call, allocates nothing and takes no lock; an error carries a
    // number only.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            Ok(())
        });
    }
}

/// As [`lead_session`], and the terminal that the program has as standard input becomes its controlling one.
pub(crate) fn lead_session_on_terminal(command: &mut Command) {
    lead_session(command);
    // SAFETY: as above. Standard input is in place already: closures of `pre_exec` run after that.
    unsafe {
        command
            .pre_exec(|| rustix::process::ioctl_tiocsctty(rustix::stdio::stdin()).map_err(io::Error::from));
    }
}
