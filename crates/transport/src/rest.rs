//! What a quiet connection gives back.

use crate::dispatch::Phase;
use crate::side::Side;
use crate::transport::Transport;
use std::collections::VecDeque;

impl<S: Side> Transport<S> {
    /// Gives memory back while the connection is quiet. Cheap; the next byte takes it again.
    ///
    /// Not between [`input_buf`](konko_sansio::Machine::input_buf) and the
    /// [`handle_input`](konko_sansio::Machine::handle_input) that belongs to it: what was written there would be lost.
    pub fn release_buffers(&mut self) {
        self.packets.release_buffers();
        self.channels.give_back();
        if self.events.is_empty() {
            self.events = VecDeque::new();
        }
        if self.keepalive_requests.is_empty() {
            self.keepalive_requests = VecDeque::new();
        }
        self.rested = Some(self.travelled());
    }

    /// How many packets have come and gone.
    pub fn travelled(&self) -> u64 {
        let stats = self.packets.stats();
        stats.packets_sent.wrapping_add(stats.packets_received)
    }

    /// Whether there may be something for [`release_buffers`](Self::release_buffers) to give back: since its last call
    /// something has travelled, or room for input was asked for.
    pub fn holds_buffers(&self) -> bool {
        self.rested != Some(self.travelled())
    }

    /// Whether input is welcome and no memory stands ready for it. A driver that only looks whether anything has come
    /// reads a few KiB aside then, and asks for [`input_capacity`](konko_sansio::Machine::input_capacity) when there is
    /// something to put there; otherwise it would take memory to find nothing.
    pub fn has_released_input(&self) -> bool {
        self.rested.is_some()
            && self.phase == Phase::Connection
            && !self.packets.is_exchanging_keys()
            && self.wants_input()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;
    use crate::config::ClientConfig;
    use crate::server::Server;
    use konko_crypto::random::SystemRandom;
    use konko_sansio::Machine;
    use std::time::Instant;

    /// Every idle connection has one of these. What only the login needs belongs into what is dropped after it.
    #[test]
    fn a_connection_is_small() {
        let sizes = (size_of::<Transport<Client>>(), size_of::<Transport<Server>>());
        assert!(sizes.0 <= 2700 && sizes.1 <= 2700, "{sizes:?}");
    }

    #[test]
    fn input_is_taken_aside_by_authenticated_connections_only() {
        let now = Instant::now();
        let mut transport = Transport::client(ClientConfig::default().into(), Box::new(SystemRandom), now);
        assert!(transport.holds_buffers());
        transport.release_buffers();
        assert!(!transport.holds_buffers() && !transport.has_released_input());
        assert!(!transport.output().is_empty(), "what waits to be sent is kept");
        transport.phase = Phase::Connection;
        // The first key exchange has begun.
        assert!(!transport.has_released_input());
        transport.input_buf();
        assert!(transport.holds_buffers());
    }
}
