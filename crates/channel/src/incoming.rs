//! The receiving half of a channel's data: window, maximum packet size, and what is kept of which stream. No
//! message is sent and no event raised here.

use crate::chunks::Chunks;
use crate::error::ChannelError;
use crate::stream::{STDERR, Stream};
use crate::window::ReceiveWindow;
use bytes::Bytes;

/// What becomes of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is kept until it is read.
    Keep,
    /// It is dropped as it comes, and its window given back.
    Discard,
    /// It goes into the channel's data.
    Merge,
}

/// Where data of the peer goes.
#[derive(Debug)]
pub struct Incoming {
    window: ReceiveWindow,
    /// How far the window may grow at the moment.
    growth_limit: u32,
    maximum_packet_size: u32,
    data: Chunks,
    stderr: Chunks,
    data_fate: Fate,
    stderr_fate: Fate,
}

impl Incoming {
    /// Nothing has come.
    pub fn new(initial_window_size: u32, maximum_packet_size: u32, has_stderr: bool) -> Self {
        Self {
            window: ReceiveWindow::new(initial_window_size),
            growth_limit: initial_window_size,
            maximum_packet_size,
            data: Chunks::default(),
            stderr: Chunks::default(),
            data_fate: Fate::Keep,
            stderr_fate: if has_stderr { Fate::Keep } else { Fate::Discard },
        }
    }

    /// What the window is kept at, in bytes.
    pub const fn window_size(&self) -> u32 {
        self.window.target()
    }

    /// The most the peer was told it may put into one packet.
    pub const fn maximum_packet_size(&self) -> u32 {
        self.maximum_packet_size
    }

    /// How far the window may grow from now on.
    pub const fn set_growth_limit(&mut self, limit: u32) {
        self.growth_limit = limit;
    }

    /// Counts data that has arrived, kept or not.
    pub fn count(&mut self, len: usize) -> Result<(), ChannelError> {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        if len > self.maximum_packet_size {
            return Err(ChannelError::PeerMisbehaved("data beyond the maximum packet size"));
        }
        self.window.receive(len).map_err(|_| ChannelError::PeerMisbehaved("data beyond the window"))
    }

    /// Keeps data that was counted; returns the stream in which it can be read, or `None` if it is dropped.
    pub fn keep(&mut self, stream: Stream, data: Bytes) -> Option<Stream> {
        let stream = self.destination(stream)?;
        if data.is_empty() {
            return None;
        }
        self.chunks(stream)?.push(data);
        Some(stream)
    }

    /// Whether data of the stream is kept under its own name.
    pub fn keeps(&self, stream: Stream) -> bool {
        self.destination(stream) == Some(stream)
    }

    /// The stream in which data of `stream` ends up.
    fn destination(&self, stream: Stream) -> Option<Stream> {
        let fate = match stream {
            Stream::Data => self.data_fate,
            STDERR => self.stderr_fate,
            Stream::Extended(_) => Fate::Discard,
        };
        match fate {
            Fate::Keep => Some(stream),
            Fate::Merge if self.data_fate == Fate::Keep => Some(Stream::Data),
            Fate::Merge | Fate::Discard => None,
        }
    }

    /// Where unread data of the stream is.
    pub const fn chunks(&mut self, stream: Stream) -> Option<&mut Chunks> {
        match stream {
            Stream::Data => Some(&mut self.data),
            STDERR => Some(&mut self.stderr),
            Stream::Extended(_) => None,
        }
    }

    /// Drops the stream, what has come and what will; returns how many bytes had come.
    pub fn discard(&mut self, stream: Stream) -> usize {
        match stream {
            Stream::Data => self.data_fate = Fate::Discard,
            STDERR => self.stderr_fate = Fate::Discard,
            Stream::Extended(_) => return 0,
        }
        self.chunks(stream).map_or(0, Chunks::clear)
    }

    /// Standard error goes into the data from now on, and what is unread of it too.
    pub fn merge_extended(&mut self) {
        if self.stderr_fate == Fate::Keep {
            self.stderr_fate = Fate::Merge;
            self.data.append(std::mem::take(&mut self.stderr));
        }
    }

    /// How many bytes of the stream are unread.
    pub const fn unread(&self, stream: Stream) -> usize {
        match stream {
            Stream::Data => self.data.len(),
            STDERR => self.stderr.len(),
            Stream::Extended(_) => 0,
        }
    }

    /// Gives back the memory that holds nothing.
    pub fn give_back(&mut self) {
        self.data.give_back();
        self.stderr.give_back();
    }

    /// Counts bytes as consumed; returns the adjustment that is now due.
    pub fn consume(&mut self, len: usize) -> Option<u32> {
        self.window.consume(u32::try_from(len).unwrap_or(u32::MAX), self.growth_limit)
    }
}
