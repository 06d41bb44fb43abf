//! The client's machine: requests go out with a ticket, answers come back by request id. Which file is read or
//! written how is not decided here but in the transfers that stand on it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use konko_sansio::{InputBuffer, Machine};
use konko_wire::decode::DecodeError;
use konko_wire::encode::Encode;

use crate::answer::{Answer, Expected, Handle, Received, Reply};
use crate::call::Request;
use crate::config::ClientConfig;
use crate::error::{Error, Misbehaviour};
use crate::incoming::Incoming;
use crate::lanes::Lanes;
use crate::limits::Limits;
use crate::message::extension::{CheckFile, Limits as LimitsRequest, LimitsReply, Md5Hash};
use crate::message::initialization::{Init, Version};
use crate::message::number::{PacketType, StatusCode, VERSION_3};
use crate::message::packet::{LENGTH_FIELD, begin_packet, end_packet};
use crate::message::request::Close;
use crate::outgoing::Outgoing;
use crate::pending::{self, Pending};
use crate::text::printable;
use crate::ticket::{Lane, Ticket};

/// The shortest packet: a type and a request id or version.
const SHORTEST_PACKET: u32 = 5;
/// What comes before the bytes of a DATA packet: its length, type, request id and the bytes' own length.
const DATA_HEAD: usize = LENGTH_FIELD + 9;
/// How much of what a shell wrote is kept for the error.
const LONGEST_NOISE: usize = 1024;

/// What a client has to tell, besides answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The server has said its version: requests may be sent.
    Ready,
    /// The server has said its limits, or that it does not.
    Limits,
    /// Something has arrived for the lane.
    Answered(Lane),
}

/// An SFTP client on a byte stream.
///
/// Bytes go in by [`handle_chunk`](Self::handle_chunk), and file data comes out as slices of these very chunks; or
/// by the [`Machine`] trait. After an error the machine is finished: every ticket is answered with that error.
#[derive(Debug)]
pub struct SftpClient {
    config: ClientConfig,
    version: Option<u32>,
    extensions: Vec<(Vec<u8>, Vec<u8>)>,
    limits: Limits,
    limits_request: Option<Ticket<LimitsReply>>,
    input: InputBuffer,
    incoming: Incoming,
    outgoing: Outgoing,
    pending: Pending,
    lanes: Lanes,
    events: VecDeque<Event>,
    /// The lane of what the machine asks itself.
    own_lane: Lane,
    /// Bytes that READs under way asked for, or that were answered and not taken, and that WRITEs carry.
    in_flight: usize,
    round_trip: Option<Duration>,
    failed: Option<Error>,
}

impl Default for SftpClient {
    fn default() -> Self {
        Self::new(ClientConfig::default())
    }
}

impl SftpClient {
    /// A client that has its INIT ready to send.
    pub fn new(config: ClientConfig) -> Self {
        let mut outgoing = Outgoing::default();
        let init = Init { version: config.maximum_version.clamp(VERSION_3, 6), extensions: Vec::new() };
        outgoing.append(|out| init.encode(out));
        let mut lanes = Lanes::default();
        let own_lane = lanes.open();
        Self {
            version: None,
            extensions: Vec::new(),
            limits: Limits::default().at_most(config.maximum_request_length),
            config,
            limits_request: None,
            input: InputBuffer::default(),
            incoming: Incoming::default(),
            outgoing,
            pending: Pending::default(),
            lanes,
            events: VecDeque::new(),
            own_lane,
            in_flight: 0,
            round_trip: None,
            failed: None,
        }
    }

    /// The version that both speak, once the server has said it.
    pub const fn version(&self) -> Option<u32> {
        self.version
    }

    /// What the server offers beyond its version: names and data.
    pub fn extensions(&self) -> &[(Vec<u8>, Vec<u8>)] {
        &self.extensions
    }

    /// Whether the server offers the extension `name`.
    pub fn offers(&self, name: &str) -> bool {
        // The family of each of these is offered under one name by some servers and under each by others.
        let family = [CheckFile::NAME, Md5Hash::NAME].into_iter().find(|family| name.starts_with(family));
        self.extensions.iter().any(|(offered, _)| {
            offered == name.as_bytes() || family.is_some_and(|family| offered.starts_with(family.as_bytes()))
        })
    }

    /// How much the server takes at once; cautious until it has said so.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether the server has still to answer what its limits are.
    pub const fn limits_pending(&self) -> bool {
        self.limits_request.is_some()
    }

    /// What was given.
    pub const fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// The shortest time between a request and its answer so far.
    pub const fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// What ended the session.
    pub const fn error(&self) -> Option<&Error> {
        self.failed.as_ref()
    }

    /// How many requests are under way or answered and not taken.
    pub fn requests(&self) -> usize {
        self.pending.len()
    }

    /// A new place for answers to arrive.
    pub fn open_lane(&mut self) -> Lane {
        self.lanes.open()
    }

    /// Forgets all requests of `lane`.
    pub fn close_lane(&mut self, lane: Lane) {
        for id in self.pending.of_lane(lane) {
            self.forget_id(id);
        }
        self.lanes.close(lane);
    }

    /// Sends a request whose answer arrives at `lane`.
    ///
    /// # Errors
    ///
    /// What ended the session; [`Error::NotOffered`] for an extension that the server does not have;
    /// [`Error::ApiMisuse`] before [`Event::Ready`], or with 16,384 requests under way.
    pub fn request<R: Request>(
        &mut self,
        now: Instant,
        lane: Lane,
        request: &R,
    ) -> Result<Ticket<R::Reply>, Error> {
        self.send(now, Some(lane), request).map(Ticket::new)
    }

    /// Sends a request whose answer nobody waits for.
    pub fn send_and_forget<R: Request>(&mut self, now: Instant, request: &R) {
        // A session that has failed holds nothing open any more.
        let _ = self.send(now, None, request);
    }

    /// Closes `handle`, and takes no interest in the answer.
    pub fn abandon(&mut self, now: Instant, handle: &Handle) {
        self.send_and_forget(now, &Close { handle: handle.as_bytes() });
    }

    fn send<R: Request>(&mut self, now: Instant, lane: Option<Lane>, request: &R) -> Result<u32, Error> {
        let version = self.usable_version()?;
        if let Some(name) = request.extension()
            && !self.offers(name)
        {
            return Err(Error::NotOffered(name));
        }
        let expected = request.expected();
        let weight = if let Expected::Data(length) = expected { length } else { 0 };
        let id = self.expect(now, lane, R::OPERATION, expected, weight)?;
        self.outgoing.append(|out| {
            let start = begin_packet(out, request.packet_type(version), id);
            request.encode_fields(version, out);
            end_packet(out, start);
        });
        Ok(id)
    }

    pub(crate) fn usable_version(&self) -> Result<u32, Error> {
        match (&self.failed, self.version) {
            (Some(error), _) => Err(error.clone()),
            (None, Some(version)) => Ok(version),
            (None, None) => Err(Error::ApiMisuse("the server has not said its version yet")),
        }
    }

    /// Makes room for the answer to a request that moves `weight` bytes of files.
    pub(crate) fn expect(
        &mut self,
        now: Instant,
        lane: Option<Lane>,
        operation: &'static str,
        expected: Expected,
        weight: u32,
    ) -> Result<u32, Error> {
        let request = pending::Request { operation, expected, lane, weight, sent: now, answer: None };
        let id = self.pending.insert(request).ok_or(Error::ApiMisuse("too many requests are under way"))?;
        self.in_flight += weight as usize;
        Ok(id)
    }

    /// The answer to a request, once it is there; it is handed out once.
    ///
    /// # Errors
    ///
    /// What the server refused, or what ended the session.
    pub fn reply<T: Reply>(&mut self, ticket: &Ticket<T>) -> Option<Result<T, Error>> {
        let (operation, answer) = match self.take_answer(ticket.id())? {
            Ok(answered) => answered,
            Err(error) => return Some(Err(error)),
        };
        Some(Received::of(operation, answer).and_then(|received| T::from_answer(operation, received)))
    }

    pub(crate) fn take_answer(&mut self, id: u32) -> Option<Result<(&'static str, Answer), Error>> {
        match self.pending.get_mut(id) {
            Some(request) if request.answer.is_none() => {
                let error = self.failed.clone()?;
                self.remove(id);
                Some(Err(error))
            }
            Some(_) => {
                let request = self.remove(id)?;
                request.answer.map(|answer| Ok((request.operation, answer)))
            }
            None => {
                let misuse = Error::ApiMisuse("the ticket was used already");
                Some(Err(self.failed.clone().unwrap_or(misuse)))
            }
        }
    }

    /// Takes no more interest in a request. A handle that it opens is closed.
    pub fn forget<T>(&mut self, now: Instant, ticket: Ticket<T>) {
        let _ = now;
        self.forget_id(ticket.id());
    }

    pub(crate) fn forget_id(&mut self, id: u32) {
        let Some(request) = self.pending.get_mut(id) else { return };
        request.lane = None;
        if request.answer.is_some() || self.failed.is_some() {
            let sent = request.sent;
            if let Some(Answer::Handle(handle)) = self.remove(id).and_then(|request| request.answer) {
                self.abandon(sent, &handle);
            }
        }
    }

    fn remove(&mut self, id: u32) -> Option<pending::Request> {
        let request = self.pending.remove(id)?;
        self.in_flight = self.in_flight.saturating_sub(request.weight as usize);
        Some(request)
    }

    /// The next request of `lane` whose answer is there and that this has not yet named.
    pub(crate) fn next_arrived(&mut self, lane: Lane) -> Option<u32> {
        self.lanes.next_arrived(lane)
    }

    /// What there is to tell. An error of the session is not among it: whoever drives the machine learns it from
    /// the call that found it, and tells all that wait.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front().or_else(|| self.lanes.next_told().map(Event::Answered))
    }

    /// Takes what arrived.
    ///
    /// # Errors
    ///
    /// What the server did wrong; the session is over then.
    pub fn handle_chunk(&mut self, now: Instant, chunk: Bytes) -> Result<(), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.incoming.push(chunk);
        let result = self.take_packets(now);
        if let Err(error) = &result {
            self.fail(error.clone());
        }
        result
    }

    /// Ends the session for a reason that lies outside of it: the stream failed.
    pub fn fail(&mut self, error: Error) {
        self.failed.get_or_insert(error);
        self.incoming = Incoming::default();
    }

    fn take_packets(&mut self, now: Instant) -> Result<(), Error> {
        while let Some(length) = self.incoming.peek::<LENGTH_FIELD>().map(u32::from_be_bytes) {
            if self.version.is_none() {
                let Some([_, _, _, _, packet_type]) = self.incoming.peek::<5>() else { return Ok(()) };
                if length > self.config.maximum_packet_length || packet_type != Version::TYPE.0 {
                    return Err(self.no_version());
                }
            }
            let limit = self.config.maximum_packet_length;
            if length > limit {
                return Err(Misbehaviour::PacketLength { length, limit }.into());
            }
            if length < SHORTEST_PACKET {
                return Err(Misbehaviour::ShortPacket(length).into());
            }
            if self.incoming.available() < LENGTH_FIELD + length as usize {
                return Ok(());
            }
            match self.version {
                None => self.take_version(now, length as usize)?,
                Some(version) => self.take_packet(now, version, length as usize)?,
            }
        }
        Ok(())
    }

    /// Something else than VERSION came first.
    fn no_version(&mut self) -> Error {
        let noise = self.incoming.take_whole(LONGEST_NOISE);
        if noise
            .iter()
            .take(LENGTH_FIELD)
            .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace() || *byte == 0x1b)
        {
            return Error::ShellOutput(printable(&noise));
        }
        match noise.get(LENGTH_FIELD) {
            Some(packet) => {
                let (packet, operation) = (PacketType(*packet), "SSH_FXP_INIT");
                Misbehaviour::WrongReply { packet, operation }.into()
            }
            None => Error::Ended,
        }
    }

    fn take_version(&mut self, now: Instant, length: usize) -> Result<(), Error> {
        self.incoming.skip(LENGTH_FIELD);
        let bytes = self.incoming.take_whole(length);
        let version =
            Version::decode(&bytes).map_err(|error| Error::Decode { packet: Version::TYPE, error })?;
        if !(VERSION_3..=self.config.maximum_version.clamp(VERSION_3, 6)).contains(&version.version) {
            return Err(Error::Version(version.version));
        }
        self.version = Some(version.version);
        let owned = |(name, data): (&[u8], &[u8])| (Vec::from(name), Vec::from(data));
        self.extensions = version.extensions.into_iter().map(owned).collect();
        self.events.push_back(Event::Ready);
        if self.offers(LimitsRequest::NAME) {
            self.limits_request = Some(self.request(now, self.own_lane, &LimitsRequest {})?);
        } else {
            self.events.push_back(Event::Limits);
        }
        Ok(())
    }

    /// Takes one whole packet, which is there.
    fn take_packet(&mut self, now: Instant, version: u32, length: usize) -> Result<(), Error> {
        let Some(head) = self.incoming.peek::<9>() else { return Ok(()) };
        let [_, _, _, _, packet, id @ ..] = head;
        let (packet, id) = (PacketType(packet), u32::from_be_bytes(id));
        let unknown = Misbehaviour::UnknownRequest { packet, id };
        let Some(request) = self.pending.get_mut(id).filter(|request| request.answer.is_none()) else {
            return Err(unknown.into());
        };
        let (expected, operation, lane) = (request.expected, request.operation, request.lane);
        let elapsed = now.saturating_duration_since(request.sent);
        if packet != PacketType::STATUS && packet != expected.packet_type() {
            return Err(Misbehaviour::WrongReply { packet, operation }.into());
        }
        let answer = match expected {
            Expected::Data(asked) if packet == PacketType::DATA => self.take_data(version, length, asked)?,
            _ => {
                self.incoming.skip(LENGTH_FIELD + 5);
                let fields = self.incoming.take_whole(length - 5);
                Answer::decode(version, packet, &fields)?
            }
        };
        if let Answer::Status { code, .. } = &answer
            && *code == StatusCode::OK
            && expected != Expected::Status
        {
            return Err(Misbehaviour::WrongReply { packet, operation }.into());
        }
        self.round_trip = Some(self.round_trip.map_or(elapsed, |shortest| shortest.min(elapsed)));
        let Some(lane) = lane else {
            self.remove(id);
            if let Answer::Handle(handle) = answer {
                self.abandon(now, &handle);
            }
            return Ok(());
        };
        if let Some(request) = self.pending.get_mut(id) {
            request.answer = Some(answer);
        }
        if lane == self.own_lane {
            return self.take_limits();
        }
        self.lanes.arrive(lane, id);
        Ok(())
    }

    fn take_data(&mut self, version: u32, length: usize, asked: u32) -> Result<Answer, Error> {
        let packet = PacketType::DATA;
        let truncated = Error::Decode { packet, error: DecodeError::Truncated };
        let Some([.., a, b, c, d]) = self.incoming.peek::<DATA_HEAD>() else { return Err(truncated) };
        let got = u32::from_be_bytes([a, b, c, d]);
        if got > asked {
            return Err(Misbehaviour::TooMuchData { got, asked }.into());
        }
        let Some(behind) = (LENGTH_FIELD + length).checked_sub(DATA_HEAD + got as usize) else {
            return Err(truncated);
        };
        // Version 6 may say behind the data whether the file ends there; the next READ says it as well.
        if behind > usize::from(version >= 6) {
            return Err(Error::Decode { packet, error: DecodeError::TrailingBytes });
        }
        if got == 0 && asked != 0 {
            return Err(Misbehaviour::EmptyData.into());
        }
        self.incoming.skip(DATA_HEAD);
        let payload = self.incoming.take_payload(got as usize);
        self.incoming.skip(behind);
        Ok(Answer::Data(payload))
    }

    fn take_limits(&mut self) -> Result<(), Error> {
        let Some(ticket) = self.limits_request.take() else { return Ok(()) };
        match self.reply(&ticket) {
            Some(Ok(reply)) => {
                self.limits = Limits::from(&reply).at_most(self.config.maximum_request_length);
            }
            // A server that refuses has the limits that every server has.
            Some(Err(Error::Status(_))) => {}
            Some(Err(error)) => return Err(error),
            None => self.limits_request = Some(ticket),
        }
        self.events.push_back(Event::Limits);
        Ok(())
    }

    /// How many more bytes of files may be under way, of all transfers together.
    pub(crate) const fn transfer_room(&self) -> usize {
        self.config.maximum_in_flight.saturating_sub(self.in_flight)
    }

    pub(crate) const fn outgoing(&mut self) -> &mut Outgoing {
        &mut self.outgoing
    }

    /// How many bytes wait to be sent.
    pub const fn output_len(&self) -> usize {
        self.outgoing.len()
    }
}

impl Machine for SftpClient {
    type Error = Error;

    fn input_buf(&mut self) -> &mut [u8] {
        if self.failed.is_some() { &mut [] } else { self.input.spare() }
    }

    fn input_capacity(&mut self) -> Option<&mut bytes::BytesMut> {
        if self.failed.is_some() { None } else { Some(self.input.spare_capacity()) }
    }

    fn handle_input(&mut self, now: Instant, filled: usize) -> Result<(), Error> {
        self.input.commit(filled);
        let arrived = self.input.len();
        let chunk = self.input.take(arrived).freeze();
        self.handle_chunk(now, chunk)
    }

    fn handle_eof(&mut self, _: Instant) -> Result<(), Error> {
        if self.failed.is_none() {
            let error = match (self.version, self.incoming.available()) {
                (None, 1..) => self.no_version(),
                (_, _) => Error::Ended,
            };
            self.fail(error);
        }
        Err(self.failed.clone().unwrap_or(Error::Ended))
    }

    /// The front of what there is; after consuming it, ask again.
    fn output(&self) -> &[u8] {
        self.outgoing.front()
    }

    fn consume_output(&mut self, sent: usize) {
        self.outgoing.consume(sent);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn handle_timeout(&mut self, _: Instant) -> Result<(), Error> {
        Ok(())
    }
}
