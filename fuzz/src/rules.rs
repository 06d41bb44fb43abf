//! What every machine keeps to, whatever it is fed.

use konko_sansio::Machine;
use std::time::Instant;

/// The most output that may ever wait: the limit of the packet layer (2 MiB), one packet beyond it, and what is
/// said in answer to one reading.
pub const MOST_OUTPUT: usize = 4 * 1024 * 1024;

/// Feeds `bytes` in one or more readings, as a driver would: as much as is asked for at once. Returns how many
/// were taken, which is all unless the machine wants no more, or the error that ended it.
pub fn feed<M: Machine>(machine: &mut M, now: Instant, bytes: &[u8]) -> Result<usize, M::Error> {
    let mut taken = 0;
    while taken < bytes.len() {
        let offered = machine.input_buf();
        let length = offered.len().min(bytes.len() - taken);
        if length == 0 {
            break;
        }
        offered[..length].copy_from_slice(&bytes[taken..taken + length]);
        taken += length;
        let result = machine.handle_input(now, length);
        assert!(machine.output().len() <= MOST_OUTPUT, "{} bytes of output wait", machine.output().len());
        result?;
    }
    Ok(taken)
}

/// Takes all output, in pieces of `piece` bytes, and returns it.
pub fn drain<M: Machine>(machine: &mut M, piece: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while !machine.output().is_empty() {
        let before = machine.output().len();
        let length = before.min(piece.max(1));
        all.extend_from_slice(&machine.output()[..length]);
        machine.consume_output(length);
        assert!(machine.output().len() <= before, "taking output made it longer");
        assert!(all.len() <= 2 * MOST_OUTPUT, "output has no end");
    }
    all
}

/// After its end a machine stays ended: it wants no input, sets no timer, and says so again.
pub fn check_finished<M: Machine>(machine: &mut M, now: Instant) {
    assert!(machine.input_buf().is_empty(), "an ended machine wants input");
    assert_eq!(machine.poll_timeout(), None, "an ended machine sets a timer");
    assert!(machine.handle_input(now, 0).is_err(), "an ended machine took input");
    assert!(machine.handle_timeout(now).is_err(), "an ended machine took a timeout");
}
