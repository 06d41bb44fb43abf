//! A proxy that delays: what comes in leaves half a round-trip time later, at any rate.
//!
//! The bytes are spliced from socket to pipe to socket, so that they are never copied: the two ends have the cores
//! for themselves.

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The most bytes under way in one direction; more than any product of bandwidth and delay measured here.
const MOST_UNDER_WAY: usize = 512 << 20;
/// The most pipes that hold them.
const MOST_PIPES: usize = 4096;
/// How much one pipe is asked to take: it has 64 places for it, each for up to 32 KiB of a socket's data.
const PIECE: usize = 1 << 20;
const PIPE_SIZE: usize = 64 * 4096;
/// A piece that is smaller says that the sender's packets are small.
const GATHERED: usize = 128 * 1024;
/// So long their data is left to gather, so that the proxy does not wake up for each of them.
const GATHERING: Duration = Duration::from_micros(200);
/// What comes in within as much leaves together.
const TICK: Duration = Duration::from_micros(500);

/// Listens on a free port of loopback and passes every connection on to `target`, with `round_trip` added to its
/// round-trip time. Ends with the process. Returns its address.
pub fn start(target: &str, round_trip: Duration) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let target = target.to_owned();
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(&target) else { continue };
            if let Err(error) = join(&near, &far, round_trip / 2) {
                eprintln!("the proxy lost a connection: {error}");
            }
        }
    });
    Ok(address)
}

fn join(near: &TcpStream, far: &TcpStream, delay: Duration) -> io::Result<()> {
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    pass(near.try_clone()?, far.try_clone()?, delay);
    pass(far.try_clone()?, near.try_clone()?, delay);
    Ok(())
}

/// Both ends of a pipe.
struct Pipe {
    out: OwnedFd,
    into: OwnedFd,
}

impl Pipe {
    fn new() -> io::Result<Self> {
        let (out, into) = pipe_with(PipeFlags::CLOEXEC)?;
        // A pipe that may not grow holds less a piece and is as correct.
        let _ = fcntl_setpipe_size(&into, PIPE_SIZE);
        Ok(Self { out, into })
    }
}

/// Bytes that may leave at a moment; none are the end.
struct Piece {
    at: Instant,
    pipe: Option<Pipe>,
    bytes: usize,
}

#[derive(Default)]
struct Pieces {
    waiting: VecDeque<Piece>,
    bytes: usize,
    free: Vec<Pipe>,
}

/// What is under way in one direction.
#[derive(Default)]
struct Way {
    pieces: Mutex<Pieces>,
    changed: Condvar,
}

impl Way {
    /// An empty pipe, once there is room for more.
    fn pipe(&self) -> io::Result<Pipe> {
        let mut pieces = self.pieces.lock().map_err(|_| io::ErrorKind::Other)?;
        while pieces.bytes > MOST_UNDER_WAY || pieces.waiting.len() > MOST_PIPES {
            pieces = self.changed.wait(pieces).map_err(|_| io::ErrorKind::Other)?;
        }
        match pieces.free.pop() {
            Some(pipe) => Ok(pipe),
            None => Pipe::new(),
        }
    }

    fn push(&self, piece: Piece) {
        if let Ok(mut pieces) = self.pieces.lock() {
            pieces.bytes += piece.bytes;
            pieces.waiting.push_back(piece);
        }
        self.changed.notify_all();
    }

    fn pop(&self) -> Option<Piece> {
        let mut pieces = self.pieces.lock().ok()?;
        loop {
            if let Some(piece) = pieces.waiting.pop_front() {
                return Some(piece);
            }
            pieces = self.changed.wait(pieces).ok()?;
        }
    }

    fn passed(&self, pipe: Pipe, bytes: usize) {
        if let Ok(mut pieces) = self.pieces.lock() {
            pieces.bytes -= bytes;
            pieces.free.push(pipe);
        }
        self.changed.notify_all();
    }
}

fn pass(from: TcpStream, to: TcpStream, delay: Duration) {
    let way = Arc::new(Way::default());
    let behind = Arc::clone(&way);
    thread::spawn(move || leave(&behind, &to));
    thread::spawn(move || {
        let begin = Instant::now();
        loop {
            let taken = way.pipe().and_then(|pipe| {
                let bytes = splice(&from, None, &pipe.into, None, PIECE, SpliceFlags::MOVE)?;
                Ok((pipe, bytes))
            });
            // A connection that broke ends like one that was closed.
            let (pipe, bytes) = taken.map_or((None, 0), |(pipe, bytes)| (Some(pipe), bytes));
            way.push(Piece { at: tick(begin, Instant::now() + delay), pipe, bytes });
            if bytes == 0 {
                return;
            }
            if bytes < GATHERED {
                thread::sleep(GATHERING);
            }
        }
    });
}

/// The last tick since `begin` that is not after `at`.
fn tick(begin: Instant, at: Instant) -> Instant {
    let since = at.saturating_duration_since(begin).as_nanos();
    let early = since % TICK.as_nanos();
    at.checked_sub(Duration::from_nanos(early as u64)).unwrap_or(at)
}

fn leave(way: &Way, to: &TcpStream) {
    while let Some(Piece { at, pipe, bytes }) = way.pop() {
        thread::sleep(at.saturating_duration_since(Instant::now()));
        let Some(pipe) = pipe.filter(|_| bytes > 0) else { break };
        let mut left = bytes;
        while left > 0 {
            match splice(&pipe.out, None, to, None, left, SpliceFlags::MOVE) {
                Ok(passed) if passed > 0 => left -= passed,
                // Whoever sends into a connection whose other end is gone learns it from the other direction.
                _ => {
                    let _ = to.shutdown(Shutdown::Both);
                    return drain(way);
                }
            }
        }
        way.passed(pipe, bytes);
    }
    // An end that cannot be passed on has been passed on.
    let _ = to.shutdown(Shutdown::Write);
}

/// Throws away what can no longer arrive, so that its sender is not held up.
fn drain(way: &Way) {
    while let Some(piece) = way.pop() {
        if piece.bytes == 0 {
            return;
        }
        if let Ok(mut pieces) = way.pieces.lock() {
            pieces.bytes -= piece.bytes;
        }
        way.changed.notify_all();
    }
}
