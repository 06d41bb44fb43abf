//! The standard streams of this process at the ends of a channel. Each is served by a thread of its own: a file, a
//! pipe or a terminal may keep its reader or writer waiting, and no connection must wait with it.

use crate::escape::{EscapeCommand, EscapeFilter};
use crate::terminal;
use konko::tokio::ChannelReader;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::BorrowedFd;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// How much is read or written at once, in bytes.
const PIECE: usize = 128 * 1024;

/// Waits until something can be done with a descriptor that somebody else has made non-blocking.
fn wait_for(fd: BorrowedFd<'_>, what: PollFlags) -> io::Result<()> {
    match poll(&mut [PollFd::new(&fd, what)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Reads what there is; 0 is the end.
fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match rustix::io::read(fd, &mut *buffer) {
            Ok(len) => return Ok(len),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait_for(fd, PollFlags::IN)?,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads what comes from standard input; 0 is the end. At a terminal a question to the user may be under way, and the
/// answer is not for the other end.
fn read_stdin(buffer: &mut [u8]) -> io::Result<usize> {
    let stdin = rustix::stdio::stdin();
    if !terminal::stdin_is_terminal() {
        return read(stdin, buffer);
    }
    loop {
        wait_for(stdin, PollFlags::IN)?;
        let _turn = terminal::keyboard();
        let is_there = poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&Timespec::default()));
        match is_there {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return read(stdin, buffer),
            Err(error) => return Err(error.into()),
        }
    }
}

fn write_all(fd: BorrowedFd<'_>, mut data: &[u8]) -> io::Result<()> {
    while !data.is_empty() {
        match rustix::io::write(fd, data) {
            Ok(len) => data = data.get(len..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait_for(fd, PollFlags::OUT)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// How the transfer of a stream ended.
#[derive(Debug)]
pub enum StreamEnd {
    /// At the end of what there was.
    Complete,
    /// The other end takes or gives no more.
    Remote(io::Error),
    /// This end takes or gives no more.
    Local(io::Error),
}

/// Carries standard input to `writer` until its end, which is passed on. Escapes are sent to `commands`.
pub fn send_stdin(
    mut writer: impl AsyncWrite + Send + Unpin + 'static,
    escape: Option<(EscapeFilter, mpsc::UnboundedSender<EscapeCommand>)>,
) -> oneshot::Receiver<StreamEnd> {
    let (ended, end) = oneshot::channel();
    let runtime = Handle::current();
    std::thread::spawn(move || {
        let end = match escape {
            None => carry_stdin(&runtime, &mut writer),
            Some((filter, commands)) => carry_keys(&runtime, &mut writer, filter, &commands),
        };
        if !matches!(end, StreamEnd::Remote(_)) {
            // Should the channel be closed already, nobody waits for this.
            let _ = runtime.block_on(writer.shutdown());
        }
        let _ = ended.send(end);
    });
    end
}

fn carry_stdin(runtime: &Handle, writer: &mut (impl AsyncWrite + Unpin)) -> StreamEnd {
    let mut buffer = vec![0; PIECE];
    loop {
        let data = match read_stdin(&mut buffer) {
            Ok(0) => return StreamEnd::Complete,
            Ok(len) => buffer.get(..len).unwrap_or_default(),
            Err(error) => return StreamEnd::Local(error),
        };
        if let Err(error) = runtime.block_on(writer.write_all(data)) {
            return StreamEnd::Remote(error);
        }
    }
}

fn carry_keys(
    runtime: &Handle,
    writer: &mut (impl AsyncWrite + Unpin),
    mut filter: EscapeFilter,
    commands: &mpsc::UnboundedSender<EscapeCommand>,
) -> StreamEnd {
    let mut buffer = vec![0; PIECE];
    let mut data = Vec::new();
    loop {
        let mut rest = match read_stdin(&mut buffer) {
            Ok(0) => return StreamEnd::Complete,
            Ok(len) => buffer.get(..len).unwrap_or_default(),
            Err(error) => return StreamEnd::Local(error),
        };
        while !rest.is_empty() {
            data.clear();
            let (taken, command) = filter.take(rest, &mut data);
            rest = rest.get(taken..).unwrap_or_default();
            if let Err(error) = runtime.block_on(writer.write_all(&data)) {
                return StreamEnd::Remote(error);
            }
            if let Some(command) = command {
                // Nobody listens any more when the session is over.
                let _ = commands.send(command);
            }
        }
    }
}

/// Where output of the other end goes.
#[derive(Debug, Clone, Copy)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Carries what `reader` gives to an output of this process, until its end.
pub fn receive(mut reader: ChannelReader, output: Output) -> oneshot::Receiver<StreamEnd> {
    let (ended, end) = oneshot::channel();
    let runtime = Handle::current();
    std::thread::spawn(move || {
        let fd = match output {
            Output::Stdout => rustix::stdio::stdout(),
            Output::Stderr => rustix::stdio::stderr(),
        };
        let end = loop {
            match runtime.block_on(reader.read_chunk(PIECE)) {
                Ok(None) => break StreamEnd::Complete,
                Ok(Some(chunk)) => {
                    if let Err(error) = write_all(fd, &chunk) {
                        break StreamEnd::Local(error);
                    }
                }
                Err(error) => break StreamEnd::Remote(error),
            }
        };
        let _ = ended.send(end);
    });
    end
}
