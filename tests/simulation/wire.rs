//! A transport at its end of the wire: it counts what passes, and can be made to fall silent.

use konko_sansio::Machine;
use konko_transport::{Error, Side, Transport};
use std::time::Instant;

/// A transport and what has passed it.
#[derive(Debug)]
pub struct Wire<S: Side> {
    /// The transport.
    pub transport: Transport<S>,
    /// Bytes received.
    pub received: u64,
    /// Bytes sent.
    pub sent: u64,
    /// After so many bytes it sends nothing more, without ending: as a peer whose cable was pulled.
    pub silent_after: Option<u64>,
}

impl<S: Side> Wire<S> {
    /// A transport that has sent nothing.
    pub fn new(transport: Transport<S>) -> Self {
        Self { transport, received: 0, sent: 0, silent_after: None }
    }
}

impl<S: Side> Machine for Wire<S> {
    type Error = Error;

    fn input_buf(&mut self) -> &mut [u8] {
        self.transport.input_buf()
    }

    fn handle_input(&mut self, now: Instant, filled: usize) -> Result<(), Error> {
        self.received += filled as u64;
        self.transport.handle_input(now, filled)
    }

    fn handle_eof(&mut self, now: Instant) -> Result<(), Error> {
        self.transport.handle_eof(now)
    }

    fn output(&self) -> &[u8] {
        let output = self.transport.output();
        let left = self.silent_after.map_or(usize::MAX, |end| end.saturating_sub(self.sent) as usize);
        &output[..output.len().min(left)]
    }

    fn consume_output(&mut self, sent: usize) {
        self.sent += sent as u64;
        self.transport.consume_output(sent);
    }

    // A silent end has no deadlines of its own: it is the other one's that are looked at.
    fn poll_timeout(&self) -> Option<Instant> {
        if self.silent_after.is_some() { None } else { self.transport.poll_timeout() }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.transport.handle_timeout(now)
    }
}
