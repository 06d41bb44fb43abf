//! The packet protocol as a whole: the two halves, the key exchange beside them, and what may arrive when.

use crate::config::PacketConfig;
use crate::error::{PacketError, Phase, malformed};
use crate::extensions::PeerExtensions;
use crate::identification::IdentificationReader;
use crate::inbound::Inbound;
use crate::key_exchange::machine::{KeyExchange, Step};
use crate::negotiation::Negotiated;
use crate::outbound::Outbound;
use crate::peer_text;
use crate::received::{HostKeyQuestion, Payload, Received, SignatureQuestion};
use crate::rekey::RekeyReason;
use crate::role::Role;
use bytes::BytesMut;
use konko_crypto::random::SecureRandom;
use konko_keys::identity::Identity;
use konko_sansio::Timers;
use konko_wire::decode::Reader;
use konko_wire::encode::MessageSink;
use konko_wire::identification::Identification;
use konko_wire::message::transport::{Debug, Disconnect, Unimplemented};
use konko_wire::message::userauth::UserauthSuccess;
use konko_wire::number::DisconnectReason;
use std::sync::Arc;
use std::time::Instant;

/// Rows of the timer table.
const IDENTIFICATION: usize = 0;
const KEY_EXCHANGE: usize = 1;
const REKEY: usize = 2;

/// The most `SSH_MSG_EXT_INFO` that a server may send (RFC 8308 §2.4).
const MAXIMUM_EXT_INFO: u8 = 2;
/// The most bytes of our own description in `SSH_MSG_DISCONNECT`.
const MAXIMUM_DESCRIPTION_LEN: usize = 1024;

/// What has travelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes of packets sent, everything included.
    pub bytes_sent: u64,
    /// Packets sent.
    pub packets_sent: u64,
    /// Bytes of packets received, everything included.
    pub bytes_received: u64,
    /// Packets received.
    pub packets_received: u64,
    /// Key re-exchanges completed.
    pub key_re_exchanges: u64,
}

/// One side of a connection at the level of packets. See the [crate page](crate) for its loop.
///
/// After an error it is finished: every later call returns the same error, and [`output`](Self::output) may still
/// hold an `SSH_MSG_DISCONNECT` to flush.
pub struct PacketProtocol {
    role: Role,
    config: Arc<PacketConfig>,
    inbound: Inbound,
    outbound: Outbound,
    key_exchange: KeyExchange,
    identification: IdentificationReader,
    timers: Timers<3>,
    extensions: Option<PeerExtensions>,
    ext_info_received: u8,
    /// RFC 8308 §2.4 allows the second `SSH_MSG_EXT_INFO` directly before `SSH_MSG_USERAUTH_SUCCESS`.
    success_due: bool,
    service_accepted: bool,
    authenticated: bool,
    /// Whether the peer's first `SSH_MSG_NEWKEYS` is behind us.
    receives_encrypted: bool,
    /// Whether the next packet is the first one after that.
    after_first_new_keys: bool,
    exchanges_before_authentication: u8,
    /// Why keys are to be exchanged as soon as that may be.
    rekey_due: Option<RekeyReason>,
    /// Whether the deadline of the key exchange stands still while the application thinks.
    deadline_suspended: bool,
    key_re_exchanges: u64,
    failure: Option<PacketError>,
    /// Whether we have sent `SSH_MSG_DISCONNECT` of our own will.
    closed: bool,
}

impl PacketProtocol {
    /// The client of a connection. Its identification string and first proposal are in the output at once.
    pub fn client(config: Arc<PacketConfig>, random: Box<dyn SecureRandom>, now: Instant) -> Self {
        Self::new(Role::Client, config, random, Vec::new(), now)
    }

    /// The server of a connection, which can sign with the private halves of `host_keys`: they decide which of the
    /// configured host key algorithms it offers. Its identification string and first proposal are in the output at
    /// once.
    pub fn server(
        config: Arc<PacketConfig>,
        random: Box<dyn SecureRandom>,
        now: Instant,
        host_keys: impl IntoIterator<Item = impl Into<Identity>>,
    ) -> Self {
        let host_keys = host_keys.into_iter().map(Into::into).collect();
        Self::new(Role::Server, config, random, host_keys, now)
    }

    fn new(
        role: Role,
        config: Arc<PacketConfig>,
        random: Box<dyn SecureRandom>,
        host_keys: Vec<Identity>,
        now: Instant,
    ) -> Self {
        let key_exchange = KeyExchange::new(role, config.clone(), host_keys);
        Self::start(role, config, random, key_exchange, now)
    }

    fn start(
        role: Role,
        config: Arc<PacketConfig>,
        random: Box<dyn SecureRandom>,
        mut key_exchange: KeyExchange,
        now: Instant,
    ) -> Self {
        let mut outbound = Outbound::new(&config.limits, random);
        outbound.send_raw(config.identification.as_bytes());
        outbound.send_raw(b"\r\n");
        // RFC 4253 §7: each side may send its proposal without waiting for the other's identification.
        key_exchange.propose(RekeyReason::Initial, &mut outbound);
        let mut timers = Timers::default();
        timers.set_after(IDENTIFICATION, now, config.identification_deadline);
        Self {
            role,
            inbound: Inbound::new(&config.limits),
            outbound,
            key_exchange,
            identification: IdentificationReader::default(),
            timers,
            extensions: None,
            ext_info_received: 0,
            success_due: false,
            service_accepted: false,
            authenticated: false,
            receives_encrypted: false,
            after_first_new_keys: false,
            exchanges_before_authentication: 0,
            rekey_due: None,
            deadline_suspended: false,
            key_re_exchanges: 0,
            failure: None,
            closed: false,
            config,
        }
    }

    /// Where the next received bytes go. Empty while no input is wanted: the caller then stops reading.
    pub fn input_buf(&mut self) -> &mut [u8] {
        if self.wants_input() { self.inbound.input.spare() } else { &mut [] }
    }

    /// The same room as spare capacity, to append to; `None` while no input is wanted.
    pub fn input_capacity(&mut self) -> Option<&mut BytesMut> {
        if self.wants_input() { Some(self.inbound.input.spare_capacity()) } else { None }
    }

    fn wants_input(&self) -> bool {
        let full =
            self.inbound.input.len() > self.config.limits.maximum_packet_len_before_authentication as usize;
        self.failure.is_none() && !self.closed && !(full && self.key_exchange.waits_for_answer())
    }

    /// Tells that `filled` bytes were written to the front of [`input_buf`](Self::input_buf), or appended to
    /// [`input_capacity`](Self::input_capacity).
    pub fn commit_input(&mut self, filled: usize) {
        if filled > 0 && self.failure.is_none() && !self.closed {
            self.inbound.input.commit(filled);
        }
    }

    /// The next event, or `None` when there is nothing to do before more input comes or a question is answered.
    /// To be called until it gives `None`.
    ///
    /// # Errors
    ///
    /// Whatever ends the connection; the output then holds `SSH_MSG_DISCONNECT`, if the peer is to be told.
    pub fn poll(&mut self, now: Instant) -> Result<Option<Received>, PacketError> {
        if let Some(error) = &self.failure {
            return Err(error.clone());
        }
        if self.closed {
            return Ok(None);
        }
        self.next_event(now).map_err(|error| self.fail(error))
    }

    fn next_event(&mut self, now: Instant) -> Result<Option<Received>, PacketError> {
        loop {
            if let Some(error) = self.outbound.failure() {
                return Err(error.clone());
            }
            if self.key_exchange.waits_for_answer() {
                return Ok(None);
            }
            if std::mem::take(&mut self.deadline_suspended) {
                self.timers.set_after(KEY_EXCHANGE, now, self.config.key_exchange_deadline);
            }
            if self.key_exchange.peer_identification().is_none() && !self.identify(now)? {
                return Ok(None);
            }
            self.start_due_exchange(now);
            let Some(payload) = self.inbound.next_payload()? else { return Ok(None) };
            self.check_ceilings()?;
            if let Some(event) = self.dispatch(payload, now)? {
                return Ok(Some(event));
            }
        }
    }

    /// Reads the peer's identification string; `false` while it is not there.
    fn identify(&mut self, now: Instant) -> Result<bool, PacketError> {
        let input = &mut self.inbound.input;
        let Some(identification) = self.identification.read(input, self.role, &self.config.limits)? else {
            return Ok(false);
        };
        tracing::debug!(software = peer_text::escape(identification.as_bytes()), "peer identified");
        self.key_exchange.set_peer_identification(identification);
        self.timers.stop(IDENTIFICATION);
        self.timers.set_after(KEY_EXCHANGE, now, self.config.key_exchange_deadline);
        Ok(true)
    }

    /// What a peer may send before it has authenticated, and before it has changed keys at all.
    fn check_ceilings(&self) -> Result<(), PacketError> {
        let limits = &self.config.limits;
        if !self.authenticated
            && (self.inbound.total_bytes > limits.maximum_bytes_before_authentication
                || self.inbound.total_packets > limits.maximum_packets_before_authentication)
        {
            return Err(PacketError::LimitExceeded("bytes or packets before authentication"));
        }
        if !self.receives_encrypted && self.inbound.next_sequence_number() == 0 {
            return Err(PacketError::LimitExceeded("sequence numbers in the first key exchange"));
        }
        Ok(())
    }

    /// One place decides what may arrive when: by number, and by where the peer stands.
    fn dispatch(&mut self, payload: Payload, now: Instant) -> Result<Option<Received>, PacketError> {
        let phase = self.key_exchange.phase();
        let number = payload.number();
        let unexpected = Err(PacketError::UnexpectedMessage { number, phase });
        let after_first_new_keys = std::mem::take(&mut self.after_first_new_keys);
        match number {
            Disconnect::NUMBER => Ok(Some(self.disconnected(&payload.bytes))),
            2..=4 => self.handle_generic(&payload, phase),
            // Requests for services go to a server, and their acceptance to a client.
            5 if self.role == Role::Server && phase == Phase::Established => {
                Ok(Some(Received::Payload(payload)))
            }
            6 if self.role == Role::Client && phase == Phase::Established => {
                self.service_accepted = true;
                Ok(Some(Received::Payload(payload)))
            }
            7 if phase == Phase::Established => self.handle_ext_info(&payload, after_first_new_keys),
            9..=19 | 22..=29 if phase == Phase::Established => {
                self.send_unimplemented(payload.sequence_number);
                Ok(None)
            }
            20 if self.key_exchange.awaits_kex_init() => self.handle_kex_init(&payload, now),
            21 if self.key_exchange.awaits_new_keys() => self.handle_new_keys(&payload, now),
            30..=49 if self.key_exchange.takes(number) => {
                let step = self.key_exchange.handle_method(&payload.bytes, &mut self.outbound)?;
                Ok(self.ask(step))
            }
            50.. if phase == Phase::Established => {
                if std::mem::take(&mut self.success_due) && number != UserauthSuccess::NUMBER {
                    return Err(PacketError::PeerMisbehaved(
                        "SSH_MSG_EXT_INFO at a time that RFC 8308 does not allow",
                    ));
                }
                Ok(Some(Received::Payload(payload)))
            }
            // OpenSSH sends pings at any time, and answers none while keys are exchanged.
            192 if phase == Phase::KeyReExchange && self.authenticated => Ok(None),
            193 if phase == Phase::KeyReExchange && self.authenticated => {
                Ok(Some(Received::Payload(payload)))
            }
            _ => unexpected,
        }
    }

    /// `SSH_MSG_IGNORE`, `SSH_MSG_UNIMPLEMENTED` and `SSH_MSG_DEBUG`.
    fn handle_generic(&mut self, payload: &Payload, phase: Phase) -> Result<Option<Received>, PacketError> {
        let first_exchange = matches!(phase, Phase::Negotiation | Phase::KeyExchange | Phase::NewKeys);
        if first_exchange && self.key_exchange.is_strict() {
            return Err(PacketError::UnexpectedMessage { number: payload.number(), phase });
        }
        match payload.number() {
            Debug::NUMBER => {
                let message = Debug::decode(&payload.bytes).map_err(malformed(Debug::NAME))?;
                tracing::debug!(message = peer_text::escape(message.message), "SSH_MSG_DEBUG");
            }
            Unimplemented::NUMBER => {
                let message =
                    Unimplemented::decode(&payload.bytes).map_err(malformed(Unimplemented::NAME))?;
                tracing::debug!(sequence_number = message.sequence_number, "SSH_MSG_UNIMPLEMENTED");
            }
            _ => {}
        }
        Ok(None)
    }

    /// Some peers leave the language tag out, or the description too; they end the connection all the same.
    fn disconnected(&mut self, payload: &[u8]) -> Received {
        let mut reader = Reader::new(payload.get(1..).unwrap_or_default());
        let reason = reader.read_u32().map_or(DisconnectReason::CONNECTION_LOST, DisconnectReason);
        let description = peer_text::escape(reader.read_string().unwrap_or_default());
        self.outbound.close();
        self.failure = Some(PacketError::Disconnected { reason, description: description.clone() });
        Received::Disconnected { reason, description }
    }

    /// RFC 8308 §2.4: directly after the first `SSH_MSG_NEWKEYS`, and from a server once more directly before
    /// `SSH_MSG_USERAUTH_SUCCESS`.
    fn handle_ext_info(&mut self, payload: &Payload, first: bool) -> Result<Option<Received>, PacketError> {
        let before_success = self.role == Role::Client && self.service_accepted && !self.authenticated;
        self.ext_info_received += 1;
        if !(first || before_success) || self.success_due || self.ext_info_received > MAXIMUM_EXT_INFO {
            return Err(PacketError::PeerMisbehaved(
                "SSH_MSG_EXT_INFO at a time that RFC 8308 does not allow",
            ));
        }
        self.success_due = !first;
        let extensions = self.extensions.get_or_insert_default();
        extensions.update(&payload.bytes)?;
        Ok(Some(Received::ExtInfo(extensions.clone())))
    }

    fn handle_kex_init(&mut self, payload: &Payload, now: Instant) -> Result<Option<Received>, PacketError> {
        if self.receives_encrypted && !self.authenticated {
            self.exchanges_before_authentication += 1;
            if self.exchanges_before_authentication > 1 {
                return Err(PacketError::LimitExceeded("key re-exchanges before authentication"));
            }
        }
        if self.timers.get(KEY_EXCHANGE).is_none() {
            self.timers.set_after(KEY_EXCHANGE, now, self.config.key_exchange_deadline);
        }
        self.key_exchange.handle_kex_init(payload.sequence_number, &payload.bytes, &mut self.outbound)?;
        Ok(None)
    }

    fn ask(&mut self, step: Step) -> Option<Received> {
        match step {
            Step::AskHostKey(question) => {
                self.timers.stop(KEY_EXCHANGE);
                self.deadline_suspended = true;
                Some(Received::HostKey(question))
            }
            Step::AskSignature(question) => Some(Received::SignatureWanted(question)),
            Step::Nothing | Step::InstallReceivingKeys { .. } => None,
        }
    }

    fn handle_new_keys(&mut self, payload: &Payload, now: Instant) -> Result<Option<Received>, PacketError> {
        let step = self.key_exchange.handle_new_keys(&payload.bytes)?;
        let Step::InstallReceivingKeys { keys, first, reason } = step else { return Ok(None) };
        let strict = self.key_exchange.is_strict();
        self.inbound.install_keys(&keys, &self.config.rekey, strict, self.authenticated)?;
        self.receives_encrypted = true;
        self.after_first_new_keys = first;
        self.key_re_exchanges += u64::from(!first);
        self.timers.stop(KEY_EXCHANGE);
        match self.config.rekey.interval {
            Some(interval) => self.timers.set_after(REKEY, now, interval),
            None => self.timers.stop(REKEY),
        }
        self.rekey_due = None;
        tracing::debug!(?reason, first, "keys changed");
        Ok(Some(Received::KeysChanged { first, reason }))
    }

    /// Begins a re-exchange if one is due. Before authentication we never do.
    fn start_due_exchange(&mut self, now: Instant) {
        if !self.authenticated || !self.key_exchange.is_idle() {
            return;
        }
        let due = self.rekey_due.take();
        let due = due.or_else(|| self.inbound.used().due()).or_else(|| self.outbound.used().due());
        if let Some(reason) = due {
            self.key_exchange.propose(reason, &mut self.outbound);
            self.timers.set_after(KEY_EXCHANGE, now, self.config.key_exchange_deadline);
        }
    }

    /// Ends with `error`, and tells the peer if it is there to be told.
    fn fail(&mut self, error: PacketError) -> PacketError {
        if let Some(reason) = error.disconnect_reason() {
            self.send_disconnect(reason, &error.to_string());
        }
        self.outbound.close();
        self.timers = Timers::default();
        self.failure.get_or_insert(error).clone()
    }

    fn send_disconnect(&mut self, reason: DisconnectReason, description: &str) {
        let mut end = description.len().min(MAXIMUM_DESCRIPTION_LEN);
        while !description.is_char_boundary(end) {
            end -= 1;
        }
        let description = &description.as_bytes()[..end];
        self.outbound.send_now(&Disconnect { reason, description, language_tag: b"" });
    }

    /// Where upper layers send their messages.
    pub fn outbound(&mut self) -> &mut Outbound {
        &mut self.outbound
    }

    /// What to send next.
    pub fn output(&self) -> &[u8] {
        self.outbound.buffer().pending()
    }

    /// Removes `sent` bytes from the front of [`output`](Self::output).
    pub fn consume_output(&mut self, sent: usize) {
        self.outbound.buffer_mut().consume(sent);
    }

    /// Exchanges the output for `other`, which is cleared first, and returns where in `other` the bytes to send
    /// begin: for a driver that writes outside its lock.
    pub fn take_output(&mut self, other: &mut Vec<u8>) -> usize {
        self.outbound.buffer_mut().swap(other)
    }

    /// Answers [`Received::HostKey`]: the key is the server's. An answer that does not belong to the open question
    /// ends the connection.
    pub fn accept_host_key(&mut self, question: HostKeyQuestion) {
        if self.failure.is_some() || self.closed {
            return;
        }
        if let Err(error) = self.key_exchange.accept_host_key(&question, &mut self.outbound) {
            self.fail(error);
        }
    }

    /// Answers [`Received::HostKey`]: the key is not the server's. The connection ends with
    /// [`PacketError::HostKeyRejected`].
    pub fn reject_host_key(&mut self, question: HostKeyQuestion) {
        drop(question);
        if self.failure.is_none() && !self.closed {
            self.fail(PacketError::HostKeyRejected);
        }
    }

    /// Answers [`Received::SignatureWanted`] with a whole signature: its algorithm's name and its value, as RFC 4253
    /// §6.6 lays it out. A server that cannot sign calls [`disconnect`](Self::disconnect).
    pub fn provide_signature(&mut self, question: SignatureQuestion, signature: Vec<u8>) {
        if self.failure.is_some() || self.closed {
            return;
        }
        if let Err(error) = self.key_exchange.provide_signature(&question, &signature, &mut self.outbound) {
            self.fail(error);
        }
    }

    /// Asks for new keys. If keys are being exchanged, those will do; before authentication the wish waits.
    pub fn request_key_exchange(&mut self, now: Instant) {
        if self.failure.is_none() && !self.closed && self.key_exchange.is_idle() {
            self.rekey_due = Some(RekeyReason::Requested);
            self.start_due_exchange(now);
        }
    }

    /// Sends `SSH_MSG_DISCONNECT` with at most 1 KiB of `description`. Nothing is sent or taken after it.
    pub fn disconnect(&mut self, reason: DisconnectReason, description: &str) {
        if self.failure.is_none() && !self.closed {
            self.send_disconnect(reason, description);
            self.outbound.close();
            self.timers = Timers::default();
            self.closed = true;
        }
    }

    /// Tells that `SSH_MSG_USERAUTH_SUCCESS` was sent or received: the limits before authentication end, and delayed
    /// compression begins both ways.
    pub fn authentication_succeeded(&mut self) {
        self.authenticated = true;
        // If SSH_MSG_USERAUTH_SUCCESS of a server waits for the end of a key exchange, its client cannot know.
        let success_waits = self.role == Role::Server && self.outbound.is_exchanging();
        self.inbound.authentication_succeeded(&self.config.limits, !success_waits);
        self.outbound.authentication_succeeded();
    }

    /// Tells the peer that the message in its packet of that number is not known here (RFC 4253 §11.4).
    pub fn send_unimplemented(&mut self, sequence_number: u32) {
        self.outbound.send(&Unimplemented { sequence_number });
    }

    /// The session identifier: the exchange hash of the first key exchange, once it is known.
    pub fn session_id(&self) -> Option<&[u8]> {
        self.key_exchange.session_id()
    }

    /// The server's host key of the first key exchange, as it was sent, once a client has accepted it or a server
    /// has signed with it.
    pub fn first_host_key(&self) -> Option<&[u8]> {
        self.key_exchange.first_host_key()
    }

    /// The host's signature of the session identifier, as it came in the reply of the first key exchange; on a client
    /// whose first keys are in use. It is what `session-bind@openssh.com` shows to an agent.
    pub fn first_host_signature(&self) -> Option<&[u8]> {
        self.key_exchange.first_host_signature()
    }

    /// What the last key exchange agreed on.
    pub fn negotiated(&self) -> Option<&Negotiated> {
        self.key_exchange.negotiated()
    }

    /// The peer's identification string.
    pub fn peer_identification(&self) -> Option<&Identification> {
        self.key_exchange.peer_identification()
    }

    /// The lines that the server sent before its identification string, escaped; at most 1 KiB of each and 16 KiB
    /// of all.
    pub fn pre_identification_lines(&self) -> &[String] {
        self.identification.lines_before()
    }

    /// What the peer said in `SSH_MSG_EXT_INFO`.
    pub fn peer_extensions(&self) -> Option<&PeerExtensions> {
        self.extensions.as_ref()
    }

    /// Whether both sides do strict key exchange.
    pub fn is_strict_kex(&self) -> bool {
        self.key_exchange.is_strict()
    }

    /// Whether keys are being exchanged.
    pub fn is_exchanging_keys(&self) -> bool {
        !self.key_exchange.is_idle()
    }

    /// What has travelled so far.
    pub fn stats(&self) -> Stats {
        Stats {
            bytes_sent: self.outbound.total_bytes,
            packets_sent: self.outbound.total_packets,
            bytes_received: self.inbound.total_bytes,
            packets_received: self.inbound.total_packets,
            key_re_exchanges: self.key_re_exchanges,
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Tells that the time of [`poll_timeout`](Self::poll_timeout) has come.
    ///
    /// # Errors
    ///
    /// [`PacketError::TimedOut`] if the peer missed a deadline, or the error that ended the connection before.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), PacketError> {
        if let Some(error) = &self.failure {
            return Err(error.clone());
        }
        while let Some(timer) = self.timers.expired(now) {
            if timer == REKEY {
                self.rekey_due.get_or_insert(RekeyReason::Interval);
            } else {
                let phase = self.key_exchange.phase();
                return Err(self.fail(PacketError::TimedOut { phase }));
            }
        }
        self.start_due_exchange(now);
        Ok(())
    }

    /// Tells that the peer will send no more. Complete packets are to be polled for before.
    ///
    /// # Errors
    ///
    /// [`PacketError::ConnectionClosed`], or the error that ended the connection before. No error after
    /// [`disconnect`](Self::disconnect).
    pub fn handle_eof(&mut self, _now: Instant) -> Result<(), PacketError> {
        if let Some(error) = &self.failure {
            return Err(error.clone());
        }
        if self.closed {
            return Ok(());
        }
        let closed = PacketError::ConnectionClosed { phase: self.key_exchange.phase() };
        Err(self.fail(self.inbound.refusal().cloned().unwrap_or(closed)))
    }

    /// Gives the memory of the buffers back while they are empty, for a connection that has gone quiet.
    pub fn release_buffers(&mut self) {
        self.inbound.input.release();
        self.outbound.release();
    }
}

impl std::fmt::Debug for PacketProtocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PacketProtocol")
            .field("role", &self.role)
            .field("phase", &self.key_exchange.phase())
            .field("authenticated", &self.authenticated)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
