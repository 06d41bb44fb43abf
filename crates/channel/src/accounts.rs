//! What is counted over all channels: the events that announce them, the writers that wait for room, and the sum
//! of their receive windows.

use crate::channel::Channel;
use crate::config::ChannelConfig;
use crate::event::ConnectionEvent;
use crate::identifier::ChannelId;
use std::collections::VecDeque;

/// The window a new channel gets when the total is used up.
const SMALLEST_WINDOW: u32 = 64 * 1024;
/// Growing leaves this part of the total to new channels.
const RESERVED_DIVISOR: u64 = 8;

/// A channel, and what has been counted of it.
#[derive(Debug)]
pub struct Entry {
    /// The channel.
    pub channel: Channel,
    /// What it counts for in the sum of windows.
    window: u32,
    /// Whether an announcement of its events waits to be polled.
    announced: bool,
    /// Whether it stands in the queue of writers.
    in_queue: bool,
}

/// The sums and queues over all channels.
#[derive(Debug)]
pub struct Accounts {
    events: VecDeque<ConnectionEvent>,
    writers: VecDeque<ChannelId>,
    total_window: u64,
    maximum_total_window: u64,
    maximum_window_size: u32,
    /// What windows may grow to for now.
    growth_limit: u32,
}

impl Accounts {
    /// Nothing to count.
    pub const fn new(config: &ChannelConfig) -> Self {
        Self {
            events: VecDeque::new(),
            writers: VecDeque::new(),
            total_window: 0,
            maximum_total_window: config.maximum_total_window,
            maximum_window_size: config.maximum_window_size,
            growth_limit: config.maximum_window_size,
        }
    }

    /// The initial window of a channel that would like `wanted` bytes.
    pub fn initial_window(&self, wanted: u32) -> u32 {
        let spare = self.maximum_total_window.saturating_sub(self.total_window);
        let spare = u32::try_from(spare).unwrap_or(u32::MAX);
        wanted.min(spare.max(SMALLEST_WINDOW))
    }

    /// Counts a new channel.
    pub fn enter(&mut self, channel: Channel) -> Entry {
        let window = channel.window_size();
        self.total_window += u64::from(window);
        let mut entry = Entry { channel, window, announced: false, in_queue: false };
        self.settle(&mut entry);
        entry
    }

    /// A channel is forgotten.
    pub fn leave(&mut self, entry: &Entry) {
        self.total_window = self.total_window.saturating_sub(u64::from(entry.window));
    }

    /// Tells a channel how far it may grow, before it is used.
    pub fn prepare(&self, entry: &mut Entry) {
        let usable = self.maximum_total_window - self.maximum_total_window / RESERVED_DIVISOR;
        let spare = usable.saturating_sub(self.total_window);
        let limit = u64::from(entry.window).saturating_add(spare);
        let limit = u32::try_from(limit).unwrap_or(u32::MAX).min(self.maximum_window_size);
        let limit = limit.min(self.growth_limit);
        entry.channel.set_growth_limit(limit);
    }

    /// What windows may grow to from now on, if the configuration allows as much.
    pub const fn set_growth_limit(&mut self, limit: u32) {
        self.growth_limit = limit;
    }

    /// Takes notice of what has changed in a channel, after it was used.
    pub fn settle(&mut self, entry: &mut Entry) {
        let window = entry.channel.window_size();
        self.total_window = self.total_window.saturating_sub(u64::from(entry.window)) + u64::from(window);
        entry.window = window;
        if entry.channel.has_news() && !entry.announced {
            entry.announced = true;
            self.events.push_back(ConnectionEvent::Channel(entry.channel.id()));
        }
        if !entry.in_queue && entry.channel.waits_for_room() {
            entry.in_queue = true;
            self.writers.push_back(entry.channel.id());
        }
    }

    /// Queues an event of the connection.
    pub fn push(&mut self, event: ConnectionEvent) {
        self.events.push_back(event);
    }

    /// The next event of the connection.
    pub fn poll(&mut self) -> Option<ConnectionEvent> {
        self.events.pop_front()
    }

    /// A channel's event has been polled: its next ones are to be announced again.
    pub const fn announced(entry: &mut Entry) {
        entry.announced = false;
    }

    /// Gives back the memory that holds nothing.
    pub fn give_back(&mut self) {
        self.events.shrink_to_fit();
        self.writers.shrink_to_fit();
    }

    /// How many wait for room.
    pub fn writers(&self) -> usize {
        self.writers.len()
    }

    /// Who waits for room longest, and waits no more.
    pub fn next_writer(&mut self) -> Option<ChannelId> {
        self.writers.pop_front()
    }

    /// A writer is told that there is room.
    pub fn serve(&mut self, entry: &mut Entry) {
        entry.in_queue = false;
        if entry.channel.waits_for_room() {
            entry.channel.output_room();
        }
        self.settle(entry);
    }

    /// The receive windows of all channels together, in bytes.
    pub const fn total_window(&self) -> u64 {
        self.total_window
    }
}
