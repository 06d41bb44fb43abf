//! The limits of a connection's channels. Every queue and every byte kept for the peer is bounded by one of them.

use std::num::NonZeroU32;

/// The limits of a connection's channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelConfig {
    /// What a channel lets the peer send before anything is read, in bytes. 2 MiB unless set.
    pub initial_window_size: u32,
    /// How far a channel's receive window may grow, in bytes. 64 MiB unless set. It grows when the application has read
    /// a whole window's worth and keeps up, as long as the window holds the peer back: the layer above finds that out.
    /// A window beyond what the link holds would only make the peer queue more.
    /// [`initial_window_size`](Self::initial_window_size) or less turns growing off.
    pub maximum_window_size: u32,
    /// What the receive windows of all channels may be together, in bytes. 64 MiB unless set. The last eighth is
    /// kept for new channels. When it is used up a new channel still gets 64 KiB, so the bound on unread data is
    /// this plus 64 KiB a channel.
    pub maximum_total_window: u64,
    /// The most data we take in one packet, in bytes. 32,768 unless set; 0 counts as 1.
    pub maximum_packet_size: u32,
    /// The most channels at once, opened by either side. 1,024 unless set.
    pub maximum_channels: usize,
    /// The most of our own requests that wait for the peer's reply: of each channel, and of global ones. 1,024
    /// unless set.
    pub maximum_pending_requests: usize,
    /// The most requests of the peer that may wait for the application's answer: of each channel, and of global
    /// ones. 256 unless set, as many as a client's forwarded ports may be.
    pub maximum_unanswered: usize,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            initial_window_size: 2 * 1024 * 1024,
            maximum_window_size: 64 * 1024 * 1024,
            maximum_total_window: 64 * 1024 * 1024,
            maximum_packet_size: 32 * 1024,
            maximum_channels: 1024,
            maximum_pending_requests: 1024,
            maximum_unanswered: 256,
        }
    }
}

/// What one channel has otherwise than [`ChannelConfig`] says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// The initial window size, in bytes; less is given when
    /// [`maximum_total_window`](ChannelConfig::maximum_total_window) is used up.
    pub initial_window_size: Option<u32>,
    /// The most data we take in one packet, in bytes.
    pub maximum_packet_size: Option<NonZeroU32>,
}
