//! Two sides of a connection, and one side against a peer that does as it likes, over plain vectors.

mod flow;
mod hostile;
mod lifecycle;
mod requests;

use crate::channel::Channel;
use crate::channels::Channels;
use crate::config::ChannelConfig;
use crate::error::ChannelError;
use crate::event::{ChannelEvent, ConnectionEvent};
use crate::identifier::ChannelId;
use crate::open::{ChannelKind, OpenQuestion};
use crate::stream::{Progress, Stream};
use bytes::Bytes;
use konko_wire::decode::Rest;
use konko_wire::encode::{Encode, MessageSink};
use konko_wire::message::channel::{ChannelOpen, ChannelOpenConfirmation};
use std::collections::VecDeque;

/// What one side has sent.
#[derive(Debug)]
struct Sink {
    messages: VecDeque<Vec<u8>>,
    room: usize,
}

impl Default for Sink {
    fn default() -> Self {
        Self { messages: VecDeque::new(), room: usize::MAX }
    }
}

impl MessageSink for Sink {
    fn send<M: Encode + ?Sized>(&mut self, message: &M) {
        let message = message.to_vec();
        match message[0] {
            94 => self.room -= message.len() - 9,
            95 => self.room -= message.len() - 13,
            _ => {}
        }
        self.messages.push_back(message);
    }

    fn room(&self) -> usize {
        self.room
    }
}

impl Sink {
    /// The numbers of the messages sent, which are forgotten.
    fn numbers(&mut self) -> Vec<u8> {
        self.messages.drain(..).map(|message| message[0]).collect()
    }
}

/// One side.
struct Side {
    channels: Channels,
    out: Sink,
}

impl Side {
    fn new(config: ChannelConfig) -> Self {
        Self { channels: Channels::new(config), out: Sink::default() }
    }

    fn take<M: Encode>(&mut self, message: &M) -> Result<(), ChannelError> {
        self.channels.handle(message.to_vec().into(), &mut self.out)
    }

    fn channel(&mut self, id: ChannelId) -> &mut Channel {
        self.channels.channel(id).expect("a channel")
    }

    fn write(&mut self, id: ChannelId, data: &[u8]) -> Progress {
        self.write_to(id, Stream::Data, data)
    }

    fn write_to(&mut self, id: ChannelId, stream: Stream, data: &[u8]) -> Progress {
        self.channels.channel(id).expect("a channel").write(stream, data, &mut self.out)
    }

    fn read(&mut self, id: ChannelId, max: usize) -> Progress<Bytes> {
        self.read_from(id, Stream::Data, max)
    }

    fn read_from(&mut self, id: ChannelId, stream: Stream, max: usize) -> Progress<Bytes> {
        self.channels.channel(id).expect("a channel").read_chunk(stream, max, &mut self.out)
    }

    /// Everything that can be read now, and how it went on.
    fn read_all(&mut self, id: ChannelId, stream: Stream) -> (Vec<u8>, Progress<Bytes>) {
        let mut all = Vec::new();
        loop {
            match self.read_from(id, stream, usize::MAX) {
                Progress::Moved(chunk) => all.extend_from_slice(&chunk),
                end => return (all, end),
            }
        }
    }

    fn eof(&mut self, id: ChannelId) {
        self.channels.channel(id).expect("a channel").send_eof(&mut self.out).expect("open");
    }

    fn close(&mut self, id: ChannelId) {
        self.channels.channel(id).expect("a channel").close(&mut self.out);
    }

    fn release(&mut self, id: ChannelId) {
        self.channels.channel(id).expect("a channel").release(&mut self.out);
    }

    /// All events of a channel.
    fn events(&mut self, id: ChannelId) -> Vec<ChannelEvent> {
        let Some(channel) = self.channels.channel(id) else { return Vec::new() };
        std::iter::from_fn(|| channel.poll_event()).collect()
    }

    /// The names of a channel's events.
    fn event_names(&mut self, id: ChannelId) -> String {
        let names = self.events(id).into_iter().map(|event| {
            let text = format!("{event:?}");
            text.split([' ', '{', '(']).next().unwrap_or_default().to_owned()
        });
        names.collect::<Vec<_>>().join(" ")
    }

    fn open_question(&mut self) -> OpenQuestion {
        loop {
            match self.channels.poll_event().expect("an event") {
                ConnectionEvent::OpenRequested(question) => return question,
                ConnectionEvent::Channel(_) => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// Opens a session whose peer allows `window` bytes in packets of `packet`.
    fn open_against(&mut self, window: u32, packet: u32) -> ChannelId {
        let id = self.channels.open(ChannelKind::Session, &mut self.out).expect("a place");
        self.take(&confirmation(id.number(), 77, window, packet)).expect("a confirmation");
        self.out.messages.clear();
        id
    }
}

fn confirmation(recipient: u32, sender: u32, window: u32, packet: u32) -> ChannelOpenConfirmation<'static> {
    ChannelOpenConfirmation {
        recipient_channel: recipient,
        sender_channel: sender,
        initial_window_size: window,
        maximum_packet_size: packet,
        type_specific: Rest(b""),
    }
}

fn session_open(sender: u32, window: u32, packet: u32) -> ChannelOpen<'static> {
    ChannelOpen {
        channel_type: b"session",
        sender_channel: sender,
        initial_window_size: window,
        maximum_packet_size: packet,
        type_specific: Rest(b""),
    }
}

/// Two sides that take what the other sends.
struct Pair {
    left: Side,
    right: Side,
}

impl Pair {
    fn new(config: ChannelConfig) -> Self {
        Self { left: Side::new(config.clone()), right: Side::new(config) }
    }

    /// Carries messages until nothing moves; returns how many.
    fn carry(&mut self) -> usize {
        let mut count = 0;
        loop {
            if let Some(message) = self.left.out.messages.pop_front() {
                self.right.channels.handle(message.into(), &mut self.right.out).expect("right takes it");
            } else if let Some(message) = self.right.out.messages.pop_front() {
                self.left.channels.handle(message.into(), &mut self.left.out).expect("left takes it");
            } else {
                return count;
            }
            count += 1;
        }
    }

    /// Opens a channel from left to right: its number on either side.
    fn open(&mut self, kind: ChannelKind) -> (ChannelId, ChannelId) {
        let left = self.left.channels.open(kind, &mut self.left.out).expect("a place");
        self.carry();
        let question = self.right.open_question();
        let right = self.right.channels.accept(question, &mut self.right.out);
        self.carry();
        assert_eq!(self.left.event_names(left), "Opened");
        (left, right)
    }

    fn session() -> (Self, ChannelId, ChannelId) {
        let mut pair = Self::new(ChannelConfig::default());
        let (left, right) = pair.open(ChannelKind::Session);
        (pair, left, right)
    }
}
