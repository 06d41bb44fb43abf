//! One channel: what the application does with it, and what the peer's messages do to it. It holds no data to be
//! sent: what is written goes out at once or is not taken, so EOF and CLOSE can only follow it.

use crate::config::ChannelConfig;
use crate::error::ChannelError;
use crate::event::{ChannelEvent, ChannelEvents};
use crate::gather::Gather;
use crate::identifier::{ChannelId, RequestId, known_name};
use crate::incoming::Incoming;
use crate::open::ChannelKind;
use crate::reply::{AwaitedReplies, OwedReplies};
use crate::request::ChannelRequestQuestion;
use crate::state::{Arrival, ChannelState, Departure, Half, Verdict};
use crate::stream::{Progress, STDERR, Stream};
use crate::window::SendWindow;
use bytes::Bytes;
use konko_wire::decode::Rest;
use konko_wire::encode::MessageSink;
use konko_wire::message::channel::{
    ChannelClose, ChannelEof, ChannelFailure, ChannelOpenConfirmation, ChannelOpenFailure, ChannelRequest,
    ChannelSuccess, ChannelWindowAdjust,
};
use konko_wire::number::OpenFailureReason;
use std::io::IoSlice;

/// How much of the peer's explanation of a refusal is kept, in bytes as they came.
const MAXIMUM_DESCRIPTION: usize = 1024;

/// A channel (RFC 4254 §5).
#[derive(Debug)]
pub struct Channel {
    id: ChannelId,
    kind: ChannelKind,
    /// The peer's number for it.
    recipient: u32,
    state: ChannelState,
    incoming: Incoming,
    outgoing: SendWindow,
    events: ChannelEvents,
    awaited: AwaitedReplies,
    owed: OwedReplies<bool>,
    maximum_unanswered: usize,
    released: bool,
    /// The connection was lost before the peer said that it sends no more.
    cut: bool,
}

/// For the application.
impl Channel {
    /// Its number.
    pub const fn id(&self) -> ChannelId {
        self.id
    }

    /// What it is for.
    pub const fn kind(&self) -> &ChannelKind {
        &self.kind
    }

    /// Whether the open is confirmed and neither side has closed it.
    pub fn is_open(&self) -> bool {
        self.state.depart(Departure::Reply).is_some()
    }

    /// Whether the peer has not yet answered our open.
    pub const fn is_opening(&self) -> bool {
        self.state.is_opening()
    }

    /// Whether we have sent EOF or CLOSE.
    pub const fn eof_sent(&self) -> bool {
        matches!(self.state, ChannelState::Running { send: Half::Eof | Half::Closed, .. })
    }

    /// Whether the peer has sent EOF or CLOSE. Data that came before may be unread.
    pub const fn eof_received(&self) -> bool {
        matches!(self.state, ChannelState::Running { receive: Half::Eof | Half::Closed, .. })
    }

    /// Whether the peer has closed it, or the connection was lost.
    pub const fn close_received(&self) -> bool {
        matches!(self.state, ChannelState::Running { receive: Half::Closed, .. })
    }

    /// Whether the connection was lost before the peer said that it sends no more: what was read is not all that
    /// there was to be.
    pub const fn is_cut(&self) -> bool {
        self.cut
    }

    /// What the receive window is kept at, in bytes.
    pub const fn window_size(&self) -> u32 {
        self.incoming.window_size()
    }

    /// The most data we take in one packet, in bytes.
    pub const fn maximum_packet_size(&self) -> u32 {
        self.incoming.maximum_packet_size()
    }

    /// What the peer lets us send at the moment, in bytes.
    pub const fn send_window(&self) -> u32 {
        self.outgoing.credit()
    }

    /// How many bytes of the stream could be read at once.
    pub const fn unread(&self, stream: Stream) -> usize {
        self.incoming.unread(stream)
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<ChannelEvent> {
        self.events.poll()
    }

    /// Copies what has come into `buf`, as much as fits. What came before EOF or CLOSE stays readable after it.
    pub fn read(&mut self, stream: Stream, buf: &mut [u8], out: &mut impl MessageSink) -> Progress {
        let len = self.incoming.chunks(stream).map_or(0, |chunks| chunks.read(buf));
        if len > 0 || (buf.is_empty() && self.unread(stream) > 0) {
            self.consumed(len, out);
            return Progress::Moved(len);
        }
        self.nothing_to_read(stream)
    }

    /// Takes the next bytes that have come, at most `max`, without a copy.
    pub fn read_chunk(&mut self, stream: Stream, max: usize, out: &mut impl MessageSink) -> Progress<Bytes> {
        match self.incoming.chunks(stream).and_then(|chunks| chunks.take(max)) {
            Some(chunk) => {
                self.consumed(chunk.len(), out);
                Progress::Moved(chunk)
            }
            None => self.nothing_to_read(stream),
        }
    }

    fn nothing_to_read<T>(&mut self, stream: Stream) -> Progress<T> {
        if !self.state.receives_data() || !self.incoming.keeps(stream) {
            return Progress::Ended;
        }
        self.events.reader_waits(stream);
        Progress::Blocked
    }

    fn consumed(&mut self, len: usize, out: &mut impl MessageSink) {
        if let Some(bytes_to_add) = self.incoming.consume(len)
            && self.state.depart(Departure::WindowAdjust).is_some()
        {
            out.send(&ChannelWindowAdjust { recipient_channel: self.recipient, bytes_to_add });
        }
    }

    /// Drops the stream, what has come and what will; the peer may go on sending it.
    pub fn discard(&mut self, stream: Stream, out: &mut impl MessageSink) {
        let dropped = self.incoming.discard(stream);
        self.consumed(dropped, out);
        self.events.readable(stream);
    }

    /// Lets standard error come as [`Stream::Data`], in the order of arrival; what is unread of it follows what is
    /// unread of the data.
    pub fn merge_extended(&mut self) {
        self.incoming.merge_extended();
        self.events.readable(STDERR);
        if self.unread(Stream::Data) > 0 {
            self.events.readable(Stream::Data);
        }
    }

    /// Sends as much of `data` as the peer's window, its maximum packet size and the room in the output allow.
    pub fn write(&mut self, stream: Stream, data: &[u8], out: &mut impl MessageSink) -> Progress {
        self.write_vectored(stream, &[IoSlice::new(data)], out)
    }

    /// As [`write`](Self::write), of several slices that share packets.
    pub fn write_vectored(
        &mut self,
        stream: Stream,
        slices: &[IoSlice<'_>],
        out: &mut impl MessageSink,
    ) -> Progress {
        if !self.state.sends_data() {
            return Progress::Ended;
        }
        let mut gather = Gather::new(slices);
        let total = gather.len();
        let mut moved = 0;
        while moved < total {
            let len = (total - moved).min(self.outgoing.sendable()).min(out.room());
            if len == 0 {
                break;
            }
            out.send(&gather.message(self.recipient, stream, len));
            self.outgoing.spend(len);
            gather.advance(len);
            moved += len;
        }
        if moved == 0 && total > 0 {
            self.events.writer_waits();
            return Progress::Blocked;
        }
        Progress::Moved(moved)
    }

    /// Tells the peer that no more data will come. Does nothing if that has been said. Before the open is
    /// confirmed it is an error.
    pub fn send_eof(&mut self, out: &mut impl MessageSink) -> Result<(), ChannelError> {
        if self.state.is_opening() {
            return Err(ChannelError::ApiMisuse("EOF before the channel is open"));
        }
        if let Some(next) = self.state.depart(Departure::Eof) {
            self.state = next;
            out.send(&ChannelEof { recipient_channel: self.recipient });
            self.events.writable();
        }
        Ok(())
    }

    /// Closes the channel: nothing can be written or asked any more, data that comes is dropped, data that has
    /// come can be read. Does nothing if it is closed. If the open is not confirmed, the channel is closed as soon
    /// as it is.
    pub fn close(&mut self, out: &mut impl MessageSink) {
        if let Some(next) = self.state.depart(Departure::Close) {
            self.state = next;
            out.send(&ChannelClose { recipient_channel: self.recipient });
        }
        self.state = self.state.abandon();
        self.events.wake_readers();
        self.events.writable();
    }

    /// Asks the peer for something; the bodies of known names are in `konko_wire::message::channel`. With
    /// `want_reply` a `RequestReply` event with the same id follows.
    pub fn request(
        &mut self,
        request_type: &str,
        body: &[u8],
        want_reply: bool,
        out: &mut impl MessageSink,
    ) -> Result<Option<RequestId>, ChannelError> {
        if self.state.is_opening() {
            return Err(ChannelError::ApiMisuse("a request before the channel is open"));
        }
        self.state.depart(Departure::Request).ok_or(ChannelError::Closed)?;
        let id = if want_reply { Some(self.awaited.expect()?) } else { None };
        out.send(&ChannelRequest {
            recipient_channel: self.recipient,
            request_type: request_type.as_bytes(),
            want_reply,
            type_specific: Rest(body),
        });
        Ok(id)
    }

    /// Answers a request of the peer on this channel. Answers are sent in the order asked; one to a request that
    /// wanted none, or on a channel that has closed, is not sent.
    pub fn answer(&mut self, question: ChannelRequestQuestion, success: bool, out: &mut impl MessageSink) {
        if let Some(sequence) = question.sequence
            && question.channel == self.id
        {
            self.owed.answer(sequence, success);
            self.send_answers(out);
        }
    }

    fn send_answers(&mut self, out: &mut impl MessageSink) {
        while let Some(success) = self.owed.ready() {
            if self.state.depart(Departure::Reply).is_none() {
                continue;
            }
            if success {
                out.send(&ChannelSuccess { recipient_channel: self.recipient });
            } else {
                out.send(&ChannelFailure { recipient_channel: self.recipient });
            }
        }
    }

    /// The application lets go: the channel is closed if it is not, unread data is dropped, no more events come,
    /// and when the peer has closed it too it is forgotten.
    pub fn release(&mut self, out: &mut impl MessageSink) {
        self.close(out);
        self.events.mute();
        self.incoming.discard(Stream::Data);
        self.incoming.discard(STDERR);
        self.released = true;
    }
}

/// For the messages of the peer.
impl Channel {
    /// A channel that we ask the peer for.
    pub(crate) fn new(id: ChannelId, kind: ChannelKind, incoming: Incoming, config: &ChannelConfig) -> Self {
        let has_stderr = kind.has_stderr();
        Self {
            id,
            kind,
            recipient: 0,
            state: ChannelState::Opening,
            incoming,
            outgoing: SendWindow::closed(),
            events: ChannelEvents::new(has_stderr),
            awaited: AwaitedReplies::new(config.maximum_pending_requests),
            owed: OwedReplies::new(),
            maximum_unanswered: config.maximum_unanswered,
            released: false,
            cut: false,
        }
    }

    /// We have accepted the peer's open.
    pub(crate) fn accepted(mut self, recipient: u32, outgoing: SendWindow) -> Self {
        self.recipient = recipient;
        self.outgoing = outgoing;
        self.state = ChannelState::OPEN;
        self
    }

    pub(crate) const fn set_growth_limit(&mut self, limit: u32) {
        self.incoming.set_growth_limit(limit);
    }

    /// Whether events have come since this was last asked.
    pub(crate) const fn has_news(&mut self) -> bool {
        self.events.take_news()
    }

    /// Whether a writer waits for nothing but room in the output.
    pub(crate) fn waits_for_room(&self) -> bool {
        self.events.is_writer_waiting() && self.outgoing.sendable() > 0
    }

    /// There is room in the output.
    pub(crate) fn output_room(&mut self) {
        if self.outgoing.sendable() > 0 {
            self.events.writable();
        }
    }

    /// Whether neither side nor the application holds it any more.
    pub(crate) const fn is_finished(&self) -> bool {
        self.released && self.state.is_closed()
    }

    fn arrive(&mut self, arrival: Arrival) -> Result<bool, ChannelError> {
        let (next, verdict) = self.state.arrive(arrival);
        self.state = next;
        match verdict {
            Verdict::Take => Ok(true),
            Verdict::Ignore => Ok(false),
            Verdict::Violation(what) => Err(ChannelError::PeerMisbehaved(what)),
        }
    }

    pub(crate) fn handle_confirmation(
        &mut self,
        message: &ChannelOpenConfirmation<'_>,
        out: &mut impl MessageSink,
    ) -> Result<(), ChannelError> {
        self.arrive(Arrival::OpenConfirmation)?;
        self.outgoing = SendWindow::new(message.initial_window_size, message.maximum_packet_size)
            .ok_or(ChannelError::PeerMisbehaved("a maximum packet size of zero"))?;
        self.recipient = message.sender_channel;
        if self.state == ChannelState::OPEN {
            self.events.push(ChannelEvent::Opened);
            self.offer_write(out);
        } else {
            out.send(&ChannelClose { recipient_channel: self.recipient });
        }
        Ok(())
    }

    pub(crate) fn handle_failure(&mut self, message: &ChannelOpenFailure<'_>) -> Result<(), ChannelError> {
        self.arrive(Arrival::OpenFailure)?;
        let kept = message.description.get(..MAXIMUM_DESCRIPTION).unwrap_or(message.description);
        let description = String::from_utf8_lossy(kept).into_owned();
        self.events.push(ChannelEvent::OpenFailed { reason: message.reason, description });
        self.wake();
        Ok(())
    }

    pub(crate) fn handle_adjust(
        &mut self,
        bytes_to_add: u32,
        out: &mut impl MessageSink,
    ) -> Result<(), ChannelError> {
        if self.arrive(Arrival::WindowAdjust)? {
            self.outgoing
                .adjust(bytes_to_add)
                .map_err(|_| ChannelError::PeerMisbehaved("a window beyond 2^32-1 bytes"))?;
            self.offer_write(out);
        }
        Ok(())
    }

    fn offer_write(&mut self, out: &impl MessageSink) {
        if out.room() > 0 {
            self.output_room();
        }
    }

    /// Gives back the memory that holds nothing.
    pub(crate) fn give_back(&mut self) {
        self.incoming.give_back();
        self.events.give_back();
        self.awaited.give_back();
        self.owed.give_back();
    }

    pub(crate) fn handle_data(
        &mut self,
        stream: Stream,
        data: Bytes,
        out: &mut impl MessageSink,
    ) -> Result<(), ChannelError> {
        let taken = self.arrive(Arrival::Data)?;
        let len = data.len();
        self.incoming.count(len)?;
        if !taken {
            return Ok(());
        }
        match self.incoming.keep(stream, data) {
            Some(stream) => self.events.readable(stream),
            None => self.consumed(len, out),
        }
        Ok(())
    }

    pub(crate) fn handle_eof(&mut self) -> Result<(), ChannelError> {
        if self.arrive(Arrival::Eof)? {
            self.events.push(ChannelEvent::Eof);
            self.events.wake_readers();
        }
        Ok(())
    }

    pub(crate) fn handle_close(&mut self, out: &mut impl MessageSink) -> Result<(), ChannelError> {
        let close_due = self.state.depart(Departure::Close).is_some();
        self.arrive(Arrival::Close)?;
        if close_due {
            out.send(&ChannelClose { recipient_channel: self.recipient });
        }
        self.ended();
        Ok(())
    }

    pub(crate) fn handle_request(
        &mut self,
        message: &ChannelRequest<'_>,
        out: &mut impl MessageSink,
    ) -> Result<(), ChannelError> {
        if !self.arrive(Arrival::Request)? {
            return Ok(());
        }
        if message.want_reply && self.owed.len() >= self.maximum_unanswered {
            return Err(ChannelError::LimitExceeded("requests on a channel without an answer"));
        }
        let sequence = message.want_reply.then(|| self.owed.asked());
        if let Some(request_type) = known_name(message.request_type) {
            return self.events.push_request(ChannelRequestQuestion {
                channel: self.id,
                sequence,
                request_type: request_type.to_owned(),
                body: Bytes::copy_from_slice(message.type_specific.0),
            });
        }
        if let Some(sequence) = sequence {
            self.owed.answer(sequence, false);
            self.send_answers(out);
        }
        Ok(())
    }

    /// Returns whether anybody had asked.
    pub(crate) fn handle_reply(&mut self, success: bool) -> Result<bool, ChannelError> {
        self.arrive(Arrival::Reply)?;
        let Some(id) = self.awaited.arrived() else { return Ok(false) };
        self.events.push(ChannelEvent::RequestReply { id, success });
        Ok(true)
    }

    /// Nothing will ever come or go any more.
    pub(crate) fn connection_lost(&mut self) {
        if self.state.is_opening() {
            self.state = ChannelState::CLOSED;
            let reason = OpenFailureReason::CONNECT_FAILED;
            let description = "the connection was lost".to_owned();
            self.events.push(ChannelEvent::OpenFailed { reason, description });
            self.wake();
        } else if !self.close_received() {
            self.cut = !self.eof_received();
            self.state = ChannelState::CLOSED;
            self.ended();
        }
    }

    fn ended(&mut self) {
        while let Some(id) = self.awaited.arrived() {
            self.events.push(ChannelEvent::RequestReply { id, success: false });
        }
        self.wake();
        self.events.push(ChannelEvent::Closed);
    }

    fn wake(&mut self) {
        self.events.wake_readers();
        self.events.writable();
    }
}
