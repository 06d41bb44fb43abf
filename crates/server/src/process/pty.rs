//! A pseudo terminal: making it, its two ends, and what can be done to it from the outside.

use crate::process::terminal_modes;
use crate::program::{PtyRequest, WindowSize};
use rustix::fs::OFlags;
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, Winsize};
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use tokio::net::unix::pipe;

/// The server's end of a terminal. Closing it hangs the terminal up. Its bytes are read and written as those of
/// pipes are, and waited for in the same way.
#[derive(Debug)]
pub(crate) struct Pty {
    /// What the program writes.
    pub(crate) output: pipe::Receiver,
    /// What the program reads.
    pub(crate) input: Option<pipe::Sender>,
}

/// The program's end of a terminal, until the program is started.
#[derive(Debug)]
pub(crate) struct Terminal {
    /// Its device.
    pub(crate) device: OwnedFd,
    /// The path of the device.
    pub(crate) path: OsString,
}

/// Makes a terminal of that size, with those modes.
pub(crate) fn open(request: &PtyRequest) -> io::Result<(Pty, Terminal)> {
    let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    rustix::pty::grantpt(&master)?;
    rustix::pty::unlockpt(&master)?;
    let path = rustix::pty::ptsname(&master, Vec::new())?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let device = rustix::fs::open(&path, flags, rustix::fs::Mode::empty())?;
    let mut termios = rustix::termios::tcgetattr(&device)?;
    terminal_modes::apply(&request.modes, &mut termios);
    rustix::termios::tcsetattr(&device, OptionalActions::Now, &termios)?;
    rustix::io::ioctl_fionbio(&master, true)?;
    let input = pipe::Sender::from_owned_fd_unchecked(master.try_clone()?)?;
    let pty = Pty { output: pipe::Receiver::from_owned_fd_unchecked(master)?, input: Some(input) };
    pty.resize(request.size)?;
    Ok((pty, Terminal { device, path: OsString::from_vec(path.into_bytes()) }))
}

impl Pty {
    /// Gives the terminal another size; whoever runs in it is told by the system.
    pub(crate) fn resize(&self, size: WindowSize) -> io::Result<()> {
        let clamp = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        let size = Winsize {
            ws_row: clamp(size.rows),
            ws_col: clamp(size.columns),
            ws_xpixel: clamp(size.width_pixels),
            ws_ypixel: clamp(size.height_pixels),
        };
        Ok(rustix::termios::tcsetwinsize(&self.output, size)?)
    }

    /// Sends a break.
    pub(crate) fn send_break(&self) -> io::Result<()> {
        Ok(rustix::termios::tcsendbreak(&self.output)?)
    }

    /// Takes what is there now. `None`: nothing is, or nothing will be any more.
    pub(crate) fn read_now(&self, buffer: &mut [u8]) -> Option<usize> {
        match rustix::io::read(&self.output, buffer) {
            Ok(0) | Err(_) => None,
            Ok(len) => Some(len),
        }
    }
}
