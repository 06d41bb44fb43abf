//! What one end does with one channel: it writes what it has, reads what comes, and ends in order.

use konko_channel::{ChannelEvent, ChannelId, Progress, Stream};
use konko_tests::Seed;
use konko_transport::{Side, Transport};

/// One end's plan for a channel, and how far it has come.
#[derive(Debug, Clone, Default)]
pub struct Flow {
    /// What it writes.
    pub source: Vec<u8>,
    /// How much of it is written.
    pub written: usize,
    /// What it has read.
    pub received: Vec<u8>,
    /// Whether it reads at all.
    pub idle_reader: bool,
    /// Whether it keeps the channel open when everything is done.
    pub stays_open: bool,
    /// Whether the peer has confirmed the open, or asked for it.
    pub is_open: bool,
    /// Whether it has sent EOF.
    pub sent_eof: bool,
    /// Whether the peer has.
    pub got_eof: bool,
    /// Whether the channel was closed or lost.
    pub closed: bool,
    /// How many requests of the peer were granted.
    pub requests: usize,
    /// The peer's replies to requests of this end.
    pub replies: Vec<bool>,
}

impl Flow {
    /// A flow of these bytes.
    pub fn of(source: Vec<u8>) -> Self {
        Self { source, ..Self::default() }
    }

    /// Serves the channel's events; says whether there were any.
    pub fn serve<S: Side>(&mut self, transport: &mut Transport<S>, id: ChannelId) -> bool {
        let Some(mut channel) = transport.channel(id) else { return false };
        let mut any = false;
        while let Some(event) = channel.poll_event() {
            any = true;
            match event {
                ChannelEvent::Opened => self.is_open = true,
                ChannelEvent::Request(question) => {
                    self.requests += 1;
                    channel.answer(question, true);
                }
                ChannelEvent::RequestReply { success, .. } => self.replies.push(success),
                ChannelEvent::Eof => self.got_eof = true,
                ChannelEvent::Closed | ChannelEvent::OpenFailed { .. } => self.closed = true,
                _ => {}
            }
        }
        any
    }

    /// Writes and reads once, at most `largest` bytes each; says whether anything moved.
    pub fn advance<S: Side>(
        &mut self,
        transport: &mut Transport<S>,
        id: ChannelId,
        seed: &mut Seed,
        largest: usize,
    ) -> usize {
        let Some(mut channel) = transport.channel(id) else { return 0 };
        let mut moved = 0;
        if self.is_open && self.written < self.source.len() {
            let end = self.source.len().min(self.written + 1 + seed.below(largest));
            if let Progress::Moved(written) = channel.write(Stream::Data, &self.source[self.written..end]) {
                self.written += written;
                moved += written;
            }
        }
        if self.is_open && self.written == self.source.len() && !self.sent_eof && !self.stays_open {
            self.sent_eof = channel.send_eof().is_ok();
            moved += 1;
        }
        if !self.idle_reader {
            let unread = channel.state().unread(Stream::Data);
            let mut buffer = vec![0; (1 + seed.below(largest)).min(unread.max(1))];
            if let Progress::Moved(read) = channel.read(Stream::Data, &mut buffer) {
                self.received.extend_from_slice(&buffer[..read]);
                moved += read;
            }
        }
        moved
    }
}
