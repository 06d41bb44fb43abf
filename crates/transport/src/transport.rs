//! The connection: routes payloads to layers, owns phase, timers and events. It knows no SSH message itself
//! beyond the few that belong to no layer (services and ping).

use crate::channel_mut::ChannelMut;
use crate::dispatch::{Phase, Role, Route, route};
use crate::error::{Error, Timer};
use crate::event::Event;
use crate::keepalive::{Keepalive, KeepaliveConfig, KeepaliveStep};
use crate::side::{AnswerTime, Outcome, Side, SideState, Signing};
use crate::window_growth::WindowGrowth;
use bytes::{Bytes, BytesMut};
use konko_channel::channels::Channels;
use konko_channel::config::OpenOptions;
use konko_channel::event::ConnectionEvent;
use konko_channel::identifier::{ChannelId, RequestId};
use konko_channel::open::{ChannelKind, OpenQuestion};
use konko_channel::request::GlobalQuestion;
use konko_packet::Negotiated;
use konko_packet::extensions::PeerExtensions;
use konko_packet::packet::{PacketProtocol, Stats};
use konko_packet::received::{Payload, Received};
use konko_sansio::{Machine, Timers};
use konko_wire::encode::MessageSink;
use konko_wire::identification::Identification;
use konko_wire::message::global::Keepalive as KeepaliveRequest;
use konko_wire::message::transport::{Ping, Pong, Unimplemented};
use konko_wire::number::{DisconnectReason, OpenFailureReason};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Output beyond which nothing more is read from the peer, so that a peer that asks and never listens cannot
/// make us hold an unbounded number of answers.
const MAXIMUM_PENDING_OUTPUT: usize = 1024 * 1024;
/// Events beyond which nothing more is read from the peer until they are fetched.
const MAXIMUM_PENDING_EVENTS: usize = 1024;
/// How many messages the peer may send that are merely ignored or unknown, after authentication.
const IGNORED_BUDGET: u32 = 4096;

/// The row of the timer table for authentication.
const AUTHENTICATION: usize = 0;

/// One SSH connection. See the [crate's page](crate) for the loop that drives it.
pub struct Transport<S: Side> {
    pub(crate) packets: PacketProtocol,
    pub(crate) state: S::State,
    pub(crate) channels: Channels,
    pub(crate) events: VecDeque<S::Event>,
    pub(crate) phase: Phase,
    timers: Timers<1>,
    keepalive: Keepalive,
    pub(crate) keepalive_requests: VecDeque<RequestId>,
    windows: WindowGrowth,
    /// When something was last done.
    latest: Instant,
    ignored: u32,
    pings_outstanding: u32,
    failed: Option<Error>,
    /// What had travelled when the buffers were released, unless room for input was asked for since.
    pub(crate) rested: Option<u64>,
}

impl<S: Side> std::fmt::Debug for Transport<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
            .field("role", &S::ROLE)
            .field("phase", &self.phase)
            .field("channels", &self.channels.len())
            .field("peer", &self.packets.peer_identification().map(ToString::to_string))
            .finish_non_exhaustive()
    }
}

impl<S: Side> Transport<S> {
    pub(crate) fn assemble(
        packets: PacketProtocol,
        state: S::State,
        mut channels: Channels,
        keepalive: KeepaliveConfig,
        now: Instant,
    ) -> Self {
        let windows = WindowGrowth::new(&mut channels);
        Self {
            packets,
            state,
            channels,
            events: VecDeque::new(),
            phase: Phase::KeyExchange,
            timers: Timers::default(),
            keepalive: Keepalive::new(keepalive),
            keepalive_requests: VecDeque::new(),
            windows,
            latest: now,
            ignored: 0,
            pings_outstanding: 0,
            failed: None,
            rested: None,
        }
    }

    /// The next event, if there is one.
    pub fn poll_event(&mut self) -> Option<S::Event> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        while let Some(event) = self.channels.poll_event() {
            let event = match event {
                ConnectionEvent::Channel(id) => Event::Channel(id),
                ConnectionEvent::OpenRequested(question) => Event::OpenRequested(question),
                ConnectionEvent::GlobalRequest(question) => Event::GlobalRequest(question),
                ConnectionEvent::GlobalReply { id, reply } => {
                    if self.windows.takes_reply(id, self.latest) {
                        continue;
                    }
                    if self.keepalive_requests.front() == Some(&id) {
                        self.keepalive_requests.pop_front();
                        continue;
                    }
                    Event::GlobalReply { id, reply }
                }
            };
            return Some(event.into());
        }
        None
    }

    /// How far the connection has come.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the connection has ended; [`error`](Self::error) says why, if it was not in an orderly way.
    pub fn is_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Whether authentication is complete and the connection has not ended.
    pub fn is_authenticated(&self) -> bool {
        self.phase == Phase::Connection
    }

    /// What ended the connection.
    pub fn error(&self) -> Option<&Error> {
        self.failed.as_ref()
    }

    /// What was negotiated, once keys are in use.
    pub fn negotiated(&self) -> Option<&Negotiated> {
        self.packets.negotiated()
    }

    /// The session identifier (RFC 4253 §7.2), once there is one.
    pub fn session_id(&self) -> Option<&[u8]> {
        self.packets.session_id()
    }

    /// The server's host key of the first key exchange, as it was sent, once it is accepted.
    pub fn first_host_key(&self) -> Option<&[u8]> {
        self.packets.first_host_key()
    }

    /// The host's signature of the session identifier, as it came in the reply of the first key exchange; on a client
    /// only. It is what `session-bind@openssh.com` shows to an agent.
    pub fn first_host_signature(&self) -> Option<&[u8]> {
        self.packets.first_host_signature()
    }

    /// What the peer has said it knows (RFC 8308), if it has.
    pub fn peer_extensions(&self) -> Option<&PeerExtensions> {
        self.packets.peer_extensions()
    }

    /// The peer's identification string, once it has come.
    pub fn peer_identification(&self) -> Option<&Identification> {
        self.packets.peer_identification()
    }

    /// Whether a key exchange is under way.
    pub fn is_exchanging_keys(&self) -> bool {
        self.packets.is_exchanging_keys()
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        self.packets.stats()
    }

    /// The packet protocol, for what it knows.
    pub fn packets(&self) -> &PacketProtocol {
        &self.packets
    }

    /// Opens a channel. Its `Opened` or `OpenFailed` event follows.
    ///
    /// # Errors
    ///
    /// [`Error::ApiMisuse`] before authentication is complete, [`Error::Channel`] where the limit of channels is
    /// reached, and what ended the connection after its end.
    pub fn open_channel(&mut self, kind: ChannelKind, options: OpenOptions) -> Result<ChannelId, Error> {
        self.check_authenticated()?;
        Ok(self.channels.open_with(kind, options, self.packets.outbound())?)
    }

    /// A view of one channel, for as long as it is not released.
    pub fn channel(&mut self, id: ChannelId) -> Option<ChannelMut<'_>> {
        let channel = self.channels.channel(id)?;
        Some(ChannelMut::new(channel, self.packets.outbound()))
    }

    /// Lets a channel go: it is closed if it is not yet, unread data is dropped, and its number becomes free when
    /// the peer has closed, too.
    pub fn release_channel(&mut self, id: ChannelId) {
        if let Some(channel) = self.channels.channel(id) {
            channel.release(self.packets.outbound());
        }
    }

    /// Opens the channel that the peer asked for.
    pub fn accept_channel(&mut self, question: OpenQuestion) -> ChannelId {
        self.channels.accept(question, self.packets.outbound())
    }

    /// Refuses the channel that the peer asked for.
    pub fn reject_channel(&mut self, question: OpenQuestion, reason: OpenFailureReason, description: &str) {
        self.channels.reject(question, reason, description, self.packets.outbound());
    }

    /// Sends a global request. With `want_reply`, [`Event::GlobalReply`] follows under the returned id.
    ///
    /// # Errors
    ///
    /// As [`open_channel`](Self::open_channel).
    pub fn global_request(
        &mut self,
        name: &str,
        body: &[u8],
        want_reply: bool,
    ) -> Result<Option<RequestId>, Error> {
        self.check_authenticated()?;
        Ok(self.channels.global_request(name, body, want_reply, self.packets.outbound())?)
    }

    /// Answers a global request of the peer: `Some` grants it with the data of the reply, `None` refuses it.
    pub fn answer_global(&mut self, question: GlobalQuestion, reply: Option<&[u8]>) {
        self.channels.answer_global(question, reply, self.packets.outbound());
    }

    /// Sends a ping; [`Event::Pong`] follows. Only for a peer that announced `ping@openssh.com`.
    ///
    /// # Errors
    ///
    /// [`Error::ApiMisuse`] before authentication, or where the peer does not know pings.
    pub fn ping(&mut self, data: &[u8]) -> Result<(), Error> {
        self.check_authenticated()?;
        if !self.packets.peer_extensions().is_some_and(|extensions| extensions.ping) {
            return Err(Error::ApiMisuse("the peer did not announce ping@openssh.com"));
        }
        self.packets.outbound().send(&Ping { data });
        self.pings_outstanding += 1;
        Ok(())
    }

    /// Begins a key re-exchange, if none is under way.
    pub fn request_key_exchange(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Connection) {
            self.packets.request_key_exchange(now);
        }
    }

    /// Ends the connection: sends DISCONNECT and nothing after it. Every channel ends.
    pub fn disconnect(&mut self, reason: DisconnectReason, description: &str) {
        if self.phase != Phase::Ended {
            self.packets.disconnect(reason, description);
            self.end(Error::Closed);
        }
    }

    /// Ends the connection as lost: the driver's socket failed. Nothing more is sent.
    pub fn connection_lost(&mut self) {
        if self.phase != Phase::Ended {
            self.end(Error::Closed);
        }
    }

    /// As [`output`](Machine::output) and [`consume_output`](Machine::consume_output) in one: exchanges the
    /// output for `buffer` and returns where in it the bytes to send begin. For drivers that write outside a
    /// lock.
    pub fn take_output(&mut self, buffer: &mut Vec<u8>) -> usize {
        let start = self.packets.take_output(buffer);
        self.output_taken();
        start
    }

    fn check_authenticated(&self) -> Result<(), Error> {
        match (&self.failed, self.phase) {
            (_, Phase::Connection) => Ok(()),
            (Some(error), _) => Err(error.clone()),
            (None, Phase::Ended) => Err(Error::Closed),
            (None, _) => Err(Error::ApiMisuse("authentication is not complete")),
        }
    }

    pub(crate) fn set_authentication_timer(&mut self, now: Instant, timeout: Option<Duration>) {
        match timeout.and_then(|timeout| now.checked_add(timeout)) {
            Some(at) => self.timers.set(AUTHENTICATION, at),
            None => self.timers.stop(AUTHENTICATION),
        }
    }

    /// Starts the timer for the peer's answer when one is due, and stops it when none is any more. The time that
    /// a person takes to answer a prompt is not the peer's.
    pub(crate) fn time_answer(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Service | Phase::Authentication) {
            return;
        }
        match self.state.answer_time() {
            AnswerTime::Elsewhere => {}
            AnswerTime::NotDue => self.timers.stop(AUTHENTICATION),
            AnswerTime::Within(time) if self.timers.get(AUTHENTICATION).is_none() => {
                self.set_authentication_timer(now, Some(time));
            }
            AnswerTime::Within(_) => {}
        }
    }

    fn end(&mut self, why: Error) {
        self.phase = Phase::Ended;
        self.timers.stop(AUTHENTICATION);
        self.failed.get_or_insert(why);
        self.channels.connection_lost();
    }

    /// Ends the connection with an error: says DISCONNECT where one is due.
    pub(crate) fn fail(&mut self, error: Error) -> Error {
        if self.phase != Phase::Ended {
            if !matches!(error, Error::Packet(_))
                && let Some(reason) = error.disconnect_reason()
            {
                self.packets.disconnect(reason, &error.to_string());
            }
            self.end(error.clone());
        }
        error
    }

    fn sticky(&self) -> Result<(), Error> {
        match &self.failed {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Serves everything that has arrived.
    fn process(&mut self, now: Instant) -> Result<(), Error> {
        self.latest = now;
        while self.phase != Phase::Ended {
            let Some(received) = self.packets.poll(now)? else { break };
            self.received(received, now)?;
        }
        self.more_of_auth()?;
        let serves_channels = self.phase == Phase::Connection;
        self.windows.step(now, serves_channels, &mut self.channels, &mut self.packets)?;
        self.time_answer(now);
        self.output_taken();
        Ok(())
    }

    /// Serves what had arrived and waited for an answer of the application.
    pub(crate) fn resume(&mut self, now: Instant) -> Result<(), Error> {
        self.sticky()?;
        self.process(now).map_err(|error| self.fail(error))
    }

    /// Fetches what the authentication machine has to tell, and lets it serve what had to wait for an answer.
    pub(crate) fn more_of_auth(&mut self) -> Result<(), Error> {
        while self.phase == Phase::Authentication {
            match self.state.auth_more(self.packets.outbound())? {
                Outcome::Nothing => break,
                outcome => self.apply(outcome),
            }
        }
        Ok(())
    }

    fn received(&mut self, received: Received, now: Instant) -> Result<(), Error> {
        match received {
            Received::Payload(payload) => self.payload(payload)?,
            Received::HostKey(question) => self.events.extend(self.state.host_key(question)),
            Received::SignatureWanted(question) => match self.state.signature(question) {
                Signing::Made(question, signature) => {
                    self.packets.provide_signature(question, signature);
                    self.showed_signature(now);
                }
                Signing::Asked(event) => self.events.push_back(event),
                Signing::Impossible => {
                    return Err(Error::ApiMisuse(
                        "the host key cannot make the signature that was negotiated",
                    ));
                }
            },
            Received::KeysChanged { first, reason } => {
                if first {
                    // The client changes keys when it has seen the server's reply, and only then.
                    self.windows.probe.answered(now);
                    self.phase = Phase::Service;
                    let session_id = self.packets.session_id().unwrap_or_default().to_vec();
                    let host_key = self.packets.first_host_key().unwrap_or_default().to_vec();
                    self.state.first_keys(&session_id, &host_key, self.packets.outbound());
                    if S::ROLE == Role::Client {
                        // Its service request is answered at once.
                        self.windows.probe.showed(now);
                    }
                    self.keepalive.heard(now);
                }
                self.events.push_back(Event::KeysChanged { first, reason }.into());
            }
            Received::ExtInfo(extensions) => {
                self.state.extensions(&extensions);
                self.events.push_back(Event::Extensions(extensions).into());
            }
            Received::Disconnected { reason, description } => {
                self.end(Error::Packet(konko_packet::error::PacketError::Disconnected {
                    reason,
                    description: description.clone(),
                }));
                self.events.push_back(Event::Disconnected { reason, description }.into());
            }
        }
        Ok(())
    }

    /// The server's reply of a key exchange is on its way.
    pub(crate) fn showed_signature(&mut self, now: Instant) {
        if self.phase == Phase::KeyExchange {
            self.windows.probe.showed(now);
        }
    }

    fn payload(&mut self, payload: Payload) -> Result<(), Error> {
        let number = payload.number();
        let out = self.packets.outbound();
        match route(S::ROLE, self.phase, number) {
            Route::Channels => {
                self.windows.probe.answered(self.latest);
                self.channels.handle(payload.bytes, out)?;
            }
            Route::Auth => {
                let outcome = self.state.auth(&payload.bytes, out)?;
                self.apply(outcome);
                self.more_of_auth()?;
            }
            Route::Service => {
                let outcome = self.state.service(&payload.bytes, out)?;
                self.windows.probe.answered(self.latest);
                self.apply(outcome);
            }
            Route::Ping => {
                let ping = Ping::decode(&payload.bytes)
                    .map_err(|error| Error::Decode { message: Ping::NAME, error })?;
                if !out.is_exchanging() {
                    out.send(&Pong { data: ping.data });
                }
            }
            Route::Pong => {
                let pong = Pong::decode(&payload.bytes)
                    .map_err(|error| Error::Decode { message: Pong::NAME, error })?;
                let data = Bytes::copy_from_slice(pong.data);
                match self.pings_outstanding.checked_sub(1) {
                    Some(left) => {
                        self.pings_outstanding = left;
                        self.events.push_back(Event::Pong(data).into());
                    }
                    None => self.count_ignored(number)?,
                }
            }
            Route::Ignore => self.count_ignored(number)?,
            Route::Unimplemented => {
                let sequence_number = payload.sequence_number;
                out.send(&Unimplemented { sequence_number });
                self.count_ignored(number)?;
            }
            Route::Violation => {
                return Err(Error::OutOfPlace { number, phase: self.phase.describe() });
            }
        }
        Ok(())
    }

    fn count_ignored(&mut self, number: u8) -> Result<(), Error> {
        self.ignored += 1;
        if self.ignored > IGNORED_BUDGET {
            return Err(Error::OutOfPlace { number, phase: "too often" });
        }
        Ok(())
    }

    pub(crate) fn apply(&mut self, outcome: Outcome<S::Event>) {
        match outcome {
            Outcome::Nothing => {}
            Outcome::Event(event) => self.events.push_back(event),
            Outcome::ServiceStarted => self.phase = Phase::Authentication,
            Outcome::Authenticated(event) => {
                self.phase = Phase::Connection;
                self.state.authenticated();
                if S::ROLE == Role::Server {
                    // No client opens a channel before it knows that it may.
                    self.windows.probe.showed(self.latest);
                }
                self.timers.stop(AUTHENTICATION);
                self.packets.authentication_succeeded();
                self.events.extend(event);
                self.events.push_back(Event::Authenticated.into());
            }
        }
    }

    pub(crate) fn wants_input(&self) -> bool {
        self.phase != Phase::Ended
            && self.packets.output().len() <= MAXIMUM_PENDING_OUTPUT
            && self.events.len() <= MAXIMUM_PENDING_EVENTS
    }

    fn output_taken(&mut self) {
        if self.phase == Phase::Connection && self.packets.outbound().room() > 0 {
            self.channels.output_room();
        }
    }

    fn keepalive_expired(&mut self, now: Instant) -> Result<(), Error> {
        // A key exchange has its own deadline, and before authentication the message is not allowed.
        let may_ask = self.phase == Phase::Connection && !self.packets.is_exchanging_keys();
        match self.keepalive.expire(now, may_ask) {
            KeepaliveStep::Wait => {}
            KeepaliveStep::Ask => {
                let out = self.packets.outbound();
                let id = self.channels.global_request(KeepaliveRequest::NAME, &[], true, out)?;
                self.keepalive_requests.extend(id);
            }
            KeepaliveStep::GiveUp => return Err(Error::TimedOut(Timer::Keepalive)),
        }
        Ok(())
    }

    fn expire(&mut self, now: Instant) -> Result<(), Error> {
        if self.timers.expired(now).is_some() {
            return Err(Error::TimedOut(Timer::Authentication));
        }
        if self.phase == Phase::Authentication {
            self.state.expire(now, self.packets.outbound())?;
        }
        self.packets.handle_timeout(now)?;
        self.keepalive_expired(now)?;
        self.process(now)
    }
}

impl<S: Side> Machine for Transport<S> {
    type Error = Error;

    fn input_buf(&mut self) -> &mut [u8] {
        self.rested = None;
        if self.wants_input() { self.packets.input_buf() } else { &mut [] }
    }

    fn input_capacity(&mut self) -> Option<&mut BytesMut> {
        self.rested = None;
        if self.wants_input() { self.packets.input_capacity() } else { None }
    }

    fn handle_input(&mut self, now: Instant, filled: usize) -> Result<(), Error> {
        self.sticky()?;
        self.packets.commit_input(filled);
        let packets_before = self.packets.stats().packets_received;
        let result = self.process(now).map_err(|error| self.fail(error));
        // Only a whole packet shows that the peer is there: single bytes may be damage, or bait.
        if self.phase != Phase::KeyExchange && self.packets.stats().packets_received > packets_before {
            self.keepalive.heard(now);
        }
        result
    }

    fn handle_eof(&mut self, now: Instant) -> Result<(), Error> {
        if self.phase == Phase::Ended {
            return Ok(());
        }
        match self.packets.handle_eof(now) {
            Ok(()) => {
                self.end(Error::Closed);
                Ok(())
            }
            Err(error) => Err(self.fail(error.into())),
        }
    }

    fn output(&self) -> &[u8] {
        self.packets.output()
    }

    fn consume_output(&mut self, sent: usize) {
        self.packets.consume_output(sent);
        self.output_taken();
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.phase == Phase::Ended {
            return None;
        }
        [self.timers.next(), self.packets.poll_timeout(), self.keepalive.due(), self.state.due()]
            .into_iter()
            .flatten()
            .min()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.sticky()?;
        self.expire(now).map_err(|error| self.fail(error))
    }
}
