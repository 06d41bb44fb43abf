//! A short-lived view of one channel together with the way out.

use konko_channel::channel::Channel;
use konko_channel::error::ChannelError;
use konko_channel::event::ChannelEvent;
use konko_channel::identifier::RequestId;
use konko_channel::request::ChannelRequestQuestion;
use konko_channel::stream::{Progress, Stream};
use konko_packet::outbound::Outbound;
use std::io::IoSlice;

/// One channel of a [`Transport`](crate::Transport), for a moment.
#[derive(Debug)]
pub struct ChannelMut<'a> {
    channel: &'a mut Channel,
    out: &'a mut Outbound,
}

impl<'a> ChannelMut<'a> {
    pub(crate) fn new(channel: &'a mut Channel, out: &'a mut Outbound) -> Self {
        Self { channel, out }
    }

    /// The channel itself, for what it knows.
    pub fn state(&self) -> &Channel {
        self.channel
    }

    /// The channel's next event.
    pub fn poll_event(&mut self) -> Option<ChannelEvent> {
        self.channel.poll_event()
    }

    /// Takes data of `stream` into `buffer`; the peer is paid back in window.
    pub fn read(&mut self, stream: Stream, buffer: &mut [u8]) -> Progress {
        self.channel.read(stream, buffer, self.out)
    }

    /// Takes one chunk of data of `stream`, without copying, at most `maximum` bytes.
    pub fn read_chunk(&mut self, stream: Stream, maximum: usize) -> Progress<bytes::Bytes> {
        self.channel.read_chunk(stream, maximum, self.out)
    }

    /// Sends as much of `data` as window, packet size and output room allow.
    pub fn write(&mut self, stream: Stream, data: &[u8]) -> Progress {
        self.channel.write(stream, data, self.out)
    }

    /// As [`write`](Self::write), gathering from several slices.
    pub fn write_vectored(&mut self, stream: Stream, data: &[IoSlice<'_>]) -> Progress {
        self.channel.write_vectored(stream, data, self.out)
    }

    /// Drops the data of `stream` from now on as it comes, so that nobody need read it.
    pub fn discard(&mut self, stream: Stream) {
        self.channel.discard(stream, self.out);
    }

    /// From now on extended data appears in [`Stream::Data`], in the order of its arrival.
    pub fn merge_extended(&mut self) {
        self.channel.merge_extended();
    }

    /// Says that no more data will be sent. Saying it again does nothing.
    ///
    /// # Errors
    ///
    /// [`ChannelError::ApiMisuse`] where the channel is not open yet.
    pub fn send_eof(&mut self) -> Result<(), ChannelError> {
        self.channel.send_eof(self.out)
    }

    /// Closes the channel; data that has arrived stays readable.
    pub fn close(&mut self) {
        self.channel.close(self.out);
    }

    /// Sends a channel request. With `want_reply`, a `RequestReply` event follows under the returned id.
    ///
    /// # Errors
    ///
    /// [`ChannelError::ApiMisuse`] where the channel is not open, [`ChannelError::LimitExceeded`] where too many
    /// requests are unanswered.
    pub fn request(
        &mut self,
        request_type: &str,
        body: &[u8],
        want_reply: bool,
    ) -> Result<Option<RequestId>, ChannelError> {
        self.channel.request(request_type, body, want_reply, self.out)
    }

    /// Answers a request of the peer. Answers are sent in the order of the requests.
    pub fn answer(&mut self, question: ChannelRequestQuestion, success: bool) {
        self.channel.answer(question, success, self.out);
    }
}
