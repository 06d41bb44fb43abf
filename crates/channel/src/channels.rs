//! All channels of a connection and its global requests: which message is whose, and the limits on their number.
//! What a message does to a channel is the channel's business.

use crate::accounts::{Accounts, Entry};
use crate::channel::Channel;
use crate::config::{ChannelConfig, OpenOptions};
use crate::error::ChannelError;
use crate::event::ConnectionEvent;
use crate::global::Globals;
use crate::identifier::{ChannelId, RequestId, known_name};
use crate::incoming::Incoming;
use crate::open::{ChannelKind, KindError, OpenQuestion};
use crate::request::{ChannelRequestQuestion, GlobalQuestion};
use crate::stream::Stream;
use crate::window::SendWindow;
use bytes::Bytes;
use konko_wire::decode::{DecodeError, Rest};
use konko_wire::encode::MessageSink;
use konko_wire::message::channel::{
    ChannelClose, ChannelData, ChannelEof, ChannelExtendedData, ChannelFailure, ChannelOpen,
    ChannelOpenConfirmation, ChannelOpenFailure, ChannelRequest, ChannelSuccess, ChannelWindowAdjust,
};
use konko_wire::message::global::{GlobalRequest, RequestFailure, RequestSuccess};
use konko_wire::number::OpenFailureReason;
use std::collections::BTreeMap;

/// Replies nobody asked for are dropped, up to this many on a connection.
const MAXIMUM_UNSOLICITED_REPLIES: u32 = 1 << 20;
/// The most bytes that an open may carry beyond its fixed fields: questions wait for the application.
const MAXIMUM_TYPE_SPECIFIC: usize = 16 * 1024;

/// The connection protocol of one connection, either side of it.
///
/// It knows neither sockets nor keys: payloads come in by [`handle`](Self::handle), messages leave by the
/// [`MessageSink`] that every sending method is given.
#[derive(Debug)]
pub struct Channels {
    config: ChannelConfig,
    /// By number. Mostly there are few, and each is looked up several times for every packet.
    entries: BTreeMap<u32, Box<Entry>>,
    accounts: Accounts,
    globals: Globals,
    pub(crate) next_number: u32,
    /// The channel last given to the application, which may have changed since it was last looked at.
    lent: Option<u32>,
    /// Opens of the peer that are not answered.
    open_questions: usize,
    unsolicited_replies: u32,
    data_received: u64,
    lost: bool,
}

/// For the layer below.
impl Channels {
    /// No channel.
    pub fn new(mut config: ChannelConfig) -> Self {
        config.maximum_packet_size = config.maximum_packet_size.max(1);
        // A number must be free to be found: RFC 4254 gives 2^32 of them.
        config.maximum_channels = config.maximum_channels.min(1 << 24);
        Self {
            entries: BTreeMap::new(),
            accounts: Accounts::new(&config),
            globals: Globals::new(&config),
            next_number: 0,
            lent: None,
            open_questions: 0,
            unsolicited_replies: 0,
            data_received: 0,
            lost: false,
            config,
        }
    }

    /// Takes a payload whose message number is 80 to 127. After an error other than
    /// [`ChannelError::Unimplemented`] the connection cannot go on.
    pub fn handle(&mut self, payload: Bytes, out: &mut impl MessageSink) -> Result<(), ChannelError> {
        if self.lost {
            return Err(ChannelError::Closed);
        }
        let Some(&number) = payload.first() else {
            return Err(ChannelError::PeerMisbehaved("an empty message"));
        };
        match number {
            ChannelData::NUMBER => {
                let message = decoded(ChannelData::NAME, ChannelData::decode(&payload))?;
                let data = payload.slice_ref(message.data);
                self.data_received += data.len() as u64;
                self.deliver(message.recipient_channel, ChannelData::NAME, |channel| {
                    channel.handle_data(Stream::Data, data, out)
                })
            }
            ChannelExtendedData::NUMBER => {
                let message = decoded(ChannelExtendedData::NAME, ChannelExtendedData::decode(&payload))?;
                let data = payload.slice_ref(message.data);
                self.data_received += data.len() as u64;
                self.deliver(message.recipient_channel, ChannelExtendedData::NAME, |channel| {
                    channel.handle_data(Stream::Extended(message.data_type), data, out)
                })
            }
            ChannelWindowAdjust::NUMBER => {
                let message = decoded(ChannelWindowAdjust::NAME, ChannelWindowAdjust::decode(&payload))?;
                self.deliver(message.recipient_channel, ChannelWindowAdjust::NAME, |channel| {
                    channel.handle_adjust(message.bytes_to_add, out)
                })
            }
            90..=100 => self.handle_control(number, &payload, out),
            80..=82 => self.handle_global(number, &payload, out),
            number => Err(ChannelError::Unimplemented(number)),
        }
    }

    /// How many bytes of data have come on all channels, ever.
    pub const fn data_received(&self) -> u64 {
        self.data_received
    }

    /// Lets receive windows grow to `limit` bytes from now on, and to
    /// [`maximum_window_size`](ChannelConfig::maximum_window_size) at most.
    pub const fn set_growth_limit(&mut self, limit: u32) {
        self.accounts.set_growth_limit(limit);
    }

    /// The limits.
    pub const fn config(&self) -> &ChannelConfig {
        &self.config
    }

    /// Tells that [`MessageSink::room`], after it was zero, is not zero any more: wakes the writers that wait for
    /// it, first come first served.
    pub fn output_room(&mut self) {
        self.settle();
        // Whoever waits again afterwards waits for the next time.
        for _ in 0..self.accounts.writers() {
            let Some(id) = self.accounts.next_writer() else { break };
            if let Some(entry) = self.entries.get_mut(&id.number()) {
                self.accounts.serve(entry);
            }
        }
    }

    /// Tells that the connection is lost. What has arrived can still be read; whoever waits for anything else is
    /// told that it will not come.
    pub fn connection_lost(&mut self) {
        self.settle();
        self.lost = true;
        while let Some(id) = self.globals.reply_arrived() {
            self.accounts.push(ConnectionEvent::GlobalReply { id, reply: None });
        }
        let accounts = &mut self.accounts;
        self.entries.retain(|_, entry| {
            entry.channel.connection_lost();
            accounts.settle(entry);
            let finished = entry.channel.is_finished();
            if finished {
                accounts.leave(entry);
            }
            !finished
        });
    }

    /// Gives back the memory that holds nothing, for a connection that has gone quiet.
    pub fn give_back(&mut self) {
        for entry in self.entries.values_mut() {
            entry.channel.give_back();
        }
        self.accounts.give_back();
        self.globals.give_back();
    }

    fn handle_control(
        &mut self,
        number: u8,
        payload: &[u8],
        out: &mut impl MessageSink,
    ) -> Result<(), ChannelError> {
        match number {
            ChannelOpen::NUMBER => {
                let message = decoded(ChannelOpen::NAME, ChannelOpen::decode(payload))?;
                self.handle_open(&message, out)
            }
            ChannelOpenConfirmation::NUMBER => {
                const NAME: &str = ChannelOpenConfirmation::NAME;
                let message = decoded(NAME, ChannelOpenConfirmation::decode(payload))?;
                self.deliver(message.recipient_channel, NAME, |channel| {
                    channel.handle_confirmation(&message, out)
                })
            }
            ChannelOpenFailure::NUMBER => {
                const NAME: &str = ChannelOpenFailure::NAME;
                let message = decoded(NAME, ChannelOpenFailure::decode(payload))?;
                self.deliver(message.recipient_channel, NAME, |channel| channel.handle_failure(&message))
            }
            ChannelEof::NUMBER => {
                let message = decoded(ChannelEof::NAME, ChannelEof::decode(payload))?;
                self.deliver(message.recipient_channel, ChannelEof::NAME, Channel::handle_eof)
            }
            ChannelClose::NUMBER => {
                const NAME: &str = ChannelClose::NAME;
                let message = decoded(NAME, ChannelClose::decode(payload))?;
                self.deliver(message.recipient_channel, NAME, |channel| channel.handle_close(out))
            }
            ChannelRequest::NUMBER => {
                const NAME: &str = ChannelRequest::NAME;
                let message = decoded(NAME, ChannelRequest::decode(payload))?;
                self.deliver(message.recipient_channel, NAME, |channel| channel.handle_request(&message, out))
            }
            ChannelSuccess::NUMBER => {
                let message = decoded(ChannelSuccess::NAME, ChannelSuccess::decode(payload))?;
                self.handle_reply(message.recipient_channel, ChannelSuccess::NAME, true)
            }
            ChannelFailure::NUMBER => {
                let message = decoded(ChannelFailure::NAME, ChannelFailure::decode(payload))?;
                self.handle_reply(message.recipient_channel, ChannelFailure::NAME, false)
            }
            number => Err(ChannelError::Unimplemented(number)),
        }
    }

    fn handle_global(
        &mut self,
        number: u8,
        payload: &[u8],
        out: &mut impl MessageSink,
    ) -> Result<(), ChannelError> {
        let reply = match number {
            GlobalRequest::NUMBER => {
                let message = decoded(GlobalRequest::NAME, GlobalRequest::decode(payload))?;
                if let Some(question) = self.globals.handle_request(&message, out)? {
                    self.accounts.push(ConnectionEvent::GlobalRequest(question));
                }
                return Ok(());
            }
            RequestSuccess::NUMBER => {
                let message = decoded(RequestSuccess::NAME, RequestSuccess::decode(payload))?;
                Some(Bytes::copy_from_slice(message.response_specific.0))
            }
            RequestFailure::NUMBER => {
                decoded(RequestFailure::NAME, RequestFailure::decode(payload))?;
                None
            }
            number => return Err(ChannelError::Unimplemented(number)),
        };
        match self.globals.reply_arrived() {
            Some(id) => {
                self.accounts.push(ConnectionEvent::GlobalReply { id, reply });
                Ok(())
            }
            None => self.unsolicited_reply(),
        }
    }

    fn handle_reply(
        &mut self,
        recipient_channel: u32,
        name: &'static str,
        success: bool,
    ) -> Result<(), ChannelError> {
        if self.deliver(recipient_channel, name, |channel| channel.handle_reply(success))? {
            return Ok(());
        }
        self.unsolicited_reply()
    }

    fn unsolicited_reply(&mut self) -> Result<(), ChannelError> {
        self.unsolicited_replies += 1;
        if self.unsolicited_replies > MAXIMUM_UNSOLICITED_REPLIES {
            return Err(ChannelError::PeerMisbehaved("too many replies that nobody asked for"));
        }
        Ok(())
    }

    fn handle_open(
        &mut self,
        message: &ChannelOpen<'_>,
        out: &mut impl MessageSink,
    ) -> Result<(), ChannelError> {
        self.settle();
        let (reason, description) = match self.question(message) {
            Ok(question) => {
                self.open_questions += 1;
                self.accounts.push(ConnectionEvent::OpenRequested(question));
                return Ok(());
            }
            Err(Refusal::Violation(error)) => return Err(ChannelError::Decode(ChannelOpen::NAME, error)),
            Err(Refusal::Answer(reason, description)) => (reason, description),
        };
        send_failure(message.sender_channel, reason, description, out);
        Ok(())
    }

    fn question(&self, message: &ChannelOpen<'_>) -> Result<OpenQuestion, Refusal> {
        use OpenFailureReason as Reason;
        let kind = match known_name(message.channel_type) {
            Some(channel_type) if message.type_specific.0.len() <= MAXIMUM_TYPE_SPECIFIC => {
                ChannelKind::decode(channel_type, message.type_specific.0)
            }
            Some(_) => return Err(Refusal::Answer(Reason::RESOURCE_SHORTAGE, "the request is too long")),
            None => return Err(Refusal::Answer(Reason::UNKNOWN_CHANNEL_TYPE, "no such channel type")),
        };
        let kind = match kind {
            Ok(kind) => kind,
            Err(KindError::Malformed(error)) => return Err(Refusal::Violation(error)),
            Err(KindError::Impossible(why)) => return Err(Refusal::Answer(Reason::CONNECT_FAILED, why)),
        };
        if message.maximum_packet_size == 0 {
            return Err(Refusal::Answer(Reason::CONNECT_FAILED, "a maximum packet size of zero"));
        }
        if !self.has_place() {
            return Err(Refusal::Answer(Reason::RESOURCE_SHORTAGE, "too many channels"));
        }
        Ok(OpenQuestion {
            kind,
            sender_channel: message.sender_channel,
            initial_window_size: message.initial_window_size,
            maximum_packet_size: message.maximum_packet_size,
        })
    }

    fn deliver<T>(
        &mut self,
        number: u32,
        message: &'static str,
        act: impl FnOnce(&mut Channel) -> Result<T, ChannelError>,
    ) -> Result<T, ChannelError> {
        self.settle();
        let Some(entry) = self.entries.get_mut(&number) else {
            return Err(ChannelError::UnknownChannel { message, number });
        };
        self.accounts.prepare(entry);
        let result = act(&mut entry.channel);
        self.accounts.settle(entry);
        if entry.channel.is_finished() {
            self.forget(number);
        }
        result
    }
}

/// For the application.
impl Channels {
    /// The next event.
    pub fn poll_event(&mut self) -> Option<ConnectionEvent> {
        self.settle();
        while let Some(event) = self.accounts.poll() {
            match &event {
                ConnectionEvent::Channel(id) => match self.entries.get_mut(&id.number()) {
                    Some(entry) => Accounts::announced(entry),
                    // It has been released and forgotten since.
                    None => continue,
                },
                ConnectionEvent::GlobalRequest(question) => self.globals.polled(question),
                ConnectionEvent::OpenRequested(_) | ConnectionEvent::GlobalReply { .. } => {}
            }
            return Some(event);
        }
        None
    }

    /// Asks the peer to open a channel. `Opened` or `OpenFailed` follows.
    pub fn open(&mut self, kind: ChannelKind, out: &mut impl MessageSink) -> Result<ChannelId, ChannelError> {
        self.open_with(kind, OpenOptions::default(), out)
    }

    /// As [`open`](Self::open), with a window and packet size of its own.
    pub fn open_with(
        &mut self,
        kind: ChannelKind,
        options: OpenOptions,
        out: &mut impl MessageSink,
    ) -> Result<ChannelId, ChannelError> {
        if self.lost {
            return Err(ChannelError::Closed);
        }
        self.settle();
        if !self.has_place() {
            return Err(ChannelError::LimitExceeded("channels"));
        }
        let channel = self.new_channel(kind, options);
        out.send(&ChannelOpen {
            channel_type: channel.kind().channel_type().as_bytes(),
            sender_channel: channel.id().number(),
            initial_window_size: channel.window_size(),
            maximum_packet_size: channel.maximum_packet_size(),
            type_specific: Rest(&channel.kind().type_specific()),
        });
        Ok(self.enter(channel))
    }

    /// Opens the channel the peer asks for.
    pub fn accept(&mut self, question: OpenQuestion, out: &mut impl MessageSink) -> ChannelId {
        self.accept_with(question, OpenOptions::default(), out)
    }

    /// As [`accept`](Self::accept), with a window and packet size of its own.
    pub fn accept_with(
        &mut self,
        question: OpenQuestion,
        options: OpenOptions,
        out: &mut impl MessageSink,
    ) -> ChannelId {
        self.settle();
        self.open_questions = self.open_questions.saturating_sub(1);
        // A maximum packet size of zero never becomes a question.
        let outgoing = SendWindow::new(question.initial_window_size, question.maximum_packet_size)
            .unwrap_or(SendWindow::closed());
        let mut channel =
            self.new_channel(question.kind, options).accepted(question.sender_channel, outgoing);
        if self.lost {
            channel.connection_lost();
        } else {
            out.send(&ChannelOpenConfirmation {
                recipient_channel: question.sender_channel,
                sender_channel: channel.id().number(),
                initial_window_size: channel.window_size(),
                maximum_packet_size: channel.maximum_packet_size(),
                type_specific: Rest(b""),
            });
        }
        self.enter(channel)
    }

    /// Refuses the channel the peer asks for.
    pub fn reject(
        &mut self,
        question: OpenQuestion,
        reason: OpenFailureReason,
        description: &str,
        out: &mut impl MessageSink,
    ) {
        self.open_questions = self.open_questions.saturating_sub(1);
        if !self.lost {
            send_failure(question.sender_channel, reason, description, out);
        }
    }

    /// Asks the peer for something that concerns no channel. With `want_reply` a `GlobalReply` event with the same
    /// id follows.
    pub fn global_request(
        &mut self,
        name: &str,
        body: &[u8],
        want_reply: bool,
        out: &mut impl MessageSink,
    ) -> Result<Option<RequestId>, ChannelError> {
        if self.lost {
            return Err(ChannelError::Closed);
        }
        self.globals.request(name, body, want_reply, out)
    }

    /// Answers a global request: `Some` with what the answer carries, `None` to refuse. Answers are sent in the
    /// order asked; one to a request that wanted none is not sent.
    pub fn answer_global(
        &mut self,
        question: GlobalQuestion,
        reply: Option<&[u8]>,
        out: &mut impl MessageSink,
    ) {
        if !self.lost {
            self.globals.answer(question, reply, out);
        }
    }

    /// Answers a request on whichever channel it was asked.
    pub fn answer(&mut self, question: ChannelRequestQuestion, success: bool, out: &mut impl MessageSink) {
        if let Some(channel) = self.channel(question.channel()) {
            channel.answer(question, success, out);
        }
    }

    /// A channel, until it is released and both sides have closed it.
    pub fn channel(&mut self, id: ChannelId) -> Option<&mut Channel> {
        self.settle();
        let entry = self.entries.get_mut(&id.number())?;
        self.accounts.prepare(entry);
        self.lent = Some(id.number());
        Some(&mut entry.channel)
    }

    /// The channels there are, in no order.
    pub fn ids(&self) -> impl Iterator<Item = ChannelId> + '_ {
        self.entries.values().filter(|entry| !entry.channel.is_finished()).map(|entry| entry.channel.id())
    }

    /// How many channels there are.
    pub fn len(&self) -> usize {
        self.ids().count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids().next().is_none()
    }

    /// The receive windows of all channels together, in bytes.
    pub fn total_window(&mut self) -> u64 {
        self.settle();
        self.accounts.total_window()
    }

    fn has_place(&self) -> bool {
        self.entries.len().saturating_add(self.open_questions) < self.config.maximum_channels
    }

    fn new_channel(&mut self, kind: ChannelKind, options: OpenOptions) -> Channel {
        let wanted = options.initial_window_size.unwrap_or(self.config.initial_window_size);
        let window = self.accounts.initial_window(wanted);
        let packet = options.maximum_packet_size.map_or(self.config.maximum_packet_size, |size| size.get());
        let incoming = Incoming::new(window, packet, kind.has_stderr());
        Channel::new(self.free_number(), kind, incoming, &self.config)
    }

    /// A number that neither side holds. Numbers are not used again before all others were.
    fn free_number(&mut self) -> ChannelId {
        loop {
            let number = self.next_number;
            self.next_number = number.wrapping_add(1);
            if !self.entries.contains_key(&number) {
                return ChannelId::new(number);
            }
        }
    }

    fn enter(&mut self, channel: Channel) -> ChannelId {
        let id = channel.id();
        let entry = Box::new(self.accounts.enter(channel));
        self.entries.insert(id.number(), entry);
        id
    }

    /// Takes notice of what the application did to the channel it had.
    fn settle(&mut self) {
        let Some(number) = self.lent.take() else { return };
        if let Some(entry) = self.entries.get_mut(&number) {
            self.accounts.settle(entry);
            if entry.channel.is_finished() {
                self.forget(number);
            }
        }
    }

    fn forget(&mut self, number: u32) {
        if let Some(entry) = self.entries.remove(&number) {
            self.accounts.leave(&entry);
        }
    }
}

/// Why an open does not become a question.
enum Refusal {
    /// It is malformed.
    Violation(DecodeError),
    /// The peer is told.
    Answer(OpenFailureReason, &'static str),
}

fn send_failure(
    recipient_channel: u32,
    reason: OpenFailureReason,
    description: &str,
    out: &mut impl MessageSink,
) {
    let description = description.as_bytes();
    out.send(&ChannelOpenFailure { recipient_channel, reason, description, language_tag: b"" });
}

fn decoded<T>(name: &'static str, result: Result<T, DecodeError>) -> Result<T, ChannelError> {
    result.map_err(|error| ChannelError::Decode(name, error))
}
