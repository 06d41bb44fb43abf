//! Lets the receive windows of a connection grow: tells the [`WindowProbe`] what happens, asks the peer for a sign of
//! life where that is wanted, and gives the channels their limit.

use crate::error::Error;
use crate::window_probe::{WindowProbe, answers_at_any_time};
use konko_channel::channels::Channels;
use konko_channel::identifier::RequestId;
use konko_packet::packet::PacketProtocol;
use konko_wire::message::global::Keepalive;
use std::time::Instant;

/// The growth of a connection's receive windows.
#[derive(Debug)]
pub struct WindowGrowth {
    /// What is known of the link.
    pub probe: WindowProbe,
    /// The request that asks the peer for a sign of life.
    request: Option<RequestId>,
}

impl WindowGrowth {
    /// Windows keep the size with which they begin until the link is known.
    pub fn new(channels: &mut Channels) -> Self {
        let config = channels.config();
        let probe = WindowProbe::new(config.initial_window_size, config.maximum_window_size);
        channels.set_growth_limit(probe.window());
        Self { probe, request: None }
    }

    /// Looks at what has come. The peer can be asked while channels are served and no keys are exchanged.
    pub fn step(
        &mut self,
        now: Instant,
        serves_channels: bool,
        channels: &mut Channels,
        packets: &mut PacketProtocol,
    ) -> Result<(), Error> {
        let received = channels.data_received();
        if self.probe.look(now, received) {
            channels.set_growth_limit(self.probe.window());
        }
        if !self.probe.asks(received) || !serves_channels || packets.is_exchanging_keys() {
            return Ok(());
        }
        if packets.peer_identification().is_some_and(|peer| answers_at_any_time(&peer.software())) {
            self.request = channels.global_request(Keepalive::NAME, &[], true, packets.outbound())?;
            self.probe.ask(now);
        } else {
            self.probe.cannot_ask();
        }
        Ok(())
    }

    /// The peer has answered a global request; whether it was the one that asked for a sign of life.
    pub fn takes_reply(&mut self, id: RequestId, now: Instant) -> bool {
        let is_ours = self.request == Some(id);
        if is_ours {
            self.request = None;
            self.probe.answer(now);
        }
        is_ours
    }
}
