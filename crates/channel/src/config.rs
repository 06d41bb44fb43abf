//! The limits of a connection's channels. Every queue and every byte kept for the peer is bounded by one of them.

use std::num::NonZeroU32;

/// The limits of a connection's channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelConfig {
    /// What a channel lets the peer send before anything is read, in bytes. 2 MiB unless set.
    pub initial_window_size: u32,
    /// How far a channel's receive window may grow, in bytes. 128 MiB unless set, with which a round trip of 100 ms
    /// carries more than 1 GB/s. It grows when the application has read half a window's worth and keeps up, as long as
    /// the window holds the peer back: the layer above finds that out, and to about twice or four times what it saw
    /// the link hold in a round trip. [`initial_window_size`](Self::initial_window_size) or less turns growing off.
    ///
    /// A window costs nothing while its data is read as it comes. It is a promise to keep as much where it is not: a
    /// reader that was quick and then stops is sent a window's worth, which stays in memory until it is read.
    pub maximum_window_size: u32,
    /// What the receive windows of all channels may be together, in bytes. 128 MiB unless set. The last eighth is
    /// kept for new channels. When it is used up a new channel still gets 64 KiB, so the bound on unread data of a
    /// connection is this plus 64 KiB a channel. A server of many users whom it does not trust with as much memory
    /// sets it lower; 2 MiB for each channel there may be is enough within 2 ms.
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
            maximum_window_size: 128 * 1024 * 1024,
            maximum_total_window: 128 * 1024 * 1024,
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
