//! The one trait that every protocol machine implements, so that one pump, one simulated link and one fuzz
//! harness serve them all.

use std::time::Instant;

/// A protocol machine on a byte stream.
///
/// After a call returns an error the machine is finished: every later call returns an error too, and
/// [`output`](Machine::output) may still hold a last message to flush.
pub trait Machine {
    /// What can go wrong.
    type Error: std::error::Error;

    /// Where the next received bytes go. Empty while the machine wants no input: the driver then stops reading.
    fn input_buf(&mut self) -> &mut [u8];

    /// The same room as [`input_buf`](Machine::input_buf), for a reader that appends to a buffer's spare capacity,
    /// which then need not be initialised. `None` while the machine wants no input, or where it keeps no such
    /// buffer. After appending, and after nothing else, call [`handle_input`](Machine::handle_input).
    fn input_capacity(&mut self) -> Option<&mut bytes::BytesMut> {
        None
    }

    /// Tells the machine that `filled` bytes were written to the front of [`input_buf`](Machine::input_buf), or
    /// appended to [`input_capacity`](Machine::input_capacity).
    fn handle_input(&mut self, now: Instant, filled: usize) -> Result<(), Self::Error>;

    /// Tells the machine that the peer will send no more.
    fn handle_eof(&mut self, now: Instant) -> Result<(), Self::Error>;

    /// What to send next; may be empty.
    fn output(&self) -> &[u8];

    /// Removes `sent` bytes from the front of [`output`](Machine::output).
    fn consume_output(&mut self, sent: usize);

    /// When [`handle_timeout`](Machine::handle_timeout) is due, if ever.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Tells the machine that the time of [`poll_timeout`](Machine::poll_timeout) has come.
    fn handle_timeout(&mut self, now: Instant) -> Result<(), Self::Error>;
}
