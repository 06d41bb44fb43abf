//! What a receiver holds whose application takes its time.

use crate::ends::Setup;
use crate::figures::say;
use crate::simulated::{NARROW, PIECE, Simulated, take_events};

/// How much is moved.
const BYTES: u64 = 16 << 20;
/// What a receiver may hold beside its window, in bytes: room for what comes next, and memory that is kept to be used
/// again or of which an unread packet holds a part.
const MOST_BESIDE: i64 = 5 << 19;
/// What a sender may hold, in bytes: what is sealed and not yet sent, in a buffer that was grown to hold it.
const MOST_SENDING: i64 = 5 << 19;

#[test]
fn a_receiver_holds_its_window_and_no_more() {
    let setup = Setup::default();
    let window = i64::from(setup.channel.initial_window_size);
    for seed in 0..8 {
        let Simulated { mut pair, near, far } = Simulated::new(&setup, NARROW, seed);
        let piece = vec![0x5a; PIECE];
        let (mut left, mut got) = (BYTES, 0);
        while got < BYTES {
            // Everything happens that can, then the reader takes a little.
            pair.drive_with(|client, server, _| {
                let written = server.write(far, &piece[..left.min(PIECE as u64) as usize]);
                left -= written as u64;
                let any = take_events(client) | take_events(server);
                any || written > 0
            });
            let read = pair.a.read(near, PIECE);
            assert!(read > 0, "nothing has come");
            got += read as u64;
        }
        let (receiver, sender) = (pair.a.followed().heap.peak, pair.b.followed().heap.peak);
        say("bytes of a slow reader's end, and of its sender's", &(receiver, sender));
        assert!(receiver >= window, "the window was never full: {receiver} bytes at most");
        assert!(receiver <= window + MOST_BESIDE, "the receiver held {receiver} bytes");
        assert!(sender <= MOST_SENDING, "the sender held {sender} bytes");
    }
}
