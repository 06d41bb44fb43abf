//! A proxy that delays: what comes in leaves half a round-trip time later, at any rate.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The most bytes under way in one direction; more than any product of bandwidth and delay measured here.
const MOST_UNDER_WAY: usize = 512 << 20;
const PIECE: usize = 1 << 20;

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

/// What is under way: each piece with the moment when it may leave; an empty piece is the end.
#[derive(Default)]
struct Way {
    pieces: Mutex<(VecDeque<(Instant, Vec<u8>)>, usize)>,
    changed: Condvar,
}

fn pass(mut from: TcpStream, to: TcpStream, delay: Duration) {
    let way = Arc::new(Way::default());
    let behind = Arc::clone(&way);
    thread::spawn(move || leave(&behind, to));
    thread::spawn(move || {
        let mut buffer = vec![0; PIECE];
        loop {
            let read = from.read(&mut buffer).unwrap_or(0);
            let Ok(mut pieces) = way.pieces.lock() else { return };
            while pieces.1 > MOST_UNDER_WAY {
                let Ok(woken) = way.changed.wait(pieces) else { return };
                pieces = woken;
            }
            pieces.0.push_back((Instant::now() + delay, buffer[..read].to_vec()));
            pieces.1 += read;
            way.changed.notify_all();
            if read == 0 {
                return;
            }
        }
    });
}

fn leave(way: &Way, mut to: TcpStream) {
    loop {
        let Ok(mut pieces) = way.pieces.lock() else { return };
        let (at, piece) = loop {
            if let Some(next) = pieces.0.pop_front() {
                break next;
            }
            let Ok(woken) = way.changed.wait(pieces) else { return };
            pieces = woken;
        };
        drop(pieces);
        thread::sleep(at.saturating_duration_since(Instant::now()));
        if piece.is_empty() || to.write_all(&piece).is_err() {
            // An end that cannot be passed on has been passed on.
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
        if let Ok(mut pieces) = way.pieces.lock() {
            pieces.1 -= piece.len();
        }
        way.changed.notify_all();
    }
}
