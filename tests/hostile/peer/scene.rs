//! A connection of the library and the byte peer, face to face in memory and in virtual time.
//!
//! The application behind the connection is simple and fixed: it takes the host key, lets `alice` in with the
//! password `right` or with any proven key, answers `half` with a partial success, and says no to what else it is asked.
//! It writes down everything that it is told.

use std::time::{Duration, Instant};

use konko_channel::event::ChannelEvent;
use konko_channel::identifier::ChannelId;
use konko_keys::private_key::PrivateKey;
use konko_packet::received::HostKeyQuestion;
use konko_sansio::Machine;
use konko_transport::{Client, ClientEvent, Error, Event, Server, ServerEvent, Side, Transport};
use konko_userauth::{Attempt, AttemptKind, ClientAuthEvent, Prompt, Prompts, ServerAuthEvent};
use konko_wire::number::OpenFailureReason;

use super::byte_peer::BytePeer;

/// The part of the application that depends on the role.
pub trait Application: Side {
    /// Takes one event.
    fn told(scene: &mut Scene<Self>, event: Self::Event);
}

/// The connection, its application and the peer.
pub struct Scene<S: Side> {
    pub target: Transport<S>,
    pub peer: BytePeer,
    pub now: Instant,
    /// What the application was told, in words.
    pub log: Vec<String>,
    /// The payloads that the peer has received and nobody has taken yet.
    pub sent: Vec<Vec<u8>>,
    /// What ended the connection.
    pub error: Option<Error>,
    /// Bytes that the connection did not want to read.
    pub unread: Vec<u8>,
    /// Whether the peer reads what it is sent.
    pub peer_reads: bool,
    /// Whether channels that the peer opens are accepted.
    pub accepts_channels: bool,
    /// Whether data is read as it comes.
    pub reads_data: bool,
    /// Whether questions about host keys and attempts are left open.
    pub holds_questions: bool,
    pub host_key_question: Option<HostKeyQuestion>,
    pub attempts: Vec<Attempt>,
    pub channels: Vec<ChannelId>,
    /// Everything that the connection has sent, as it was on the wire.
    pub wire: Vec<u8>,
    /// Everything that the connection was given, if that is wanted.
    pub recorded: Option<Vec<u8>>,
    /// The connection reads that many bytes at a time.
    pub piece: usize,
    /// Signs for the client.
    pub user_key: Option<PrivateKey>,
}

impl<S: Application> Scene<S> {
    /// Nothing has been sent yet by the peer; what the connection says first has been read.
    pub fn new(target: Transport<S>, peer: BytePeer, now: Instant) -> Self {
        let mut scene = Self {
            target,
            peer,
            now,
            log: Vec::new(),
            sent: Vec::new(),
            error: None,
            unread: Vec::new(),
            peer_reads: true,
            accepts_channels: true,
            reads_data: true,
            holds_questions: false,
            host_key_question: None,
            attempts: Vec::new(),
            channels: Vec::new(),
            wire: Vec::new(),
            recorded: None,
            piece: usize::MAX,
            user_key: None,
        };
        scene.settle();
        scene
    }

    /// Gives the connection bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        if let Some(recorded) = &mut self.recorded {
            recorded.extend_from_slice(bytes);
        }
        loop {
            let buffer = self.target.input_buf();
            let n = buffer.len().min(self.unread.len()).min(self.piece);
            if n == 0 {
                return self.settle();
            }
            buffer[..n].copy_from_slice(&self.unread[..n]);
            self.unread.drain(..n);
            if let Err(error) = self.target.handle_input(self.now, n) {
                self.error.get_or_insert(error);
            }
            self.settle();
        }
    }

    /// Keeps what the connection is given from here on.
    pub fn record(&mut self) {
        self.recorded = Some(Vec::new());
    }

    /// Sends one payload in a packet.
    pub fn send(&mut self, payload: &[u8]) {
        let packet = self.peer.packet(payload);
        self.feed(&packet);
    }

    /// Lets the application act, and the peer read.
    pub fn settle(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(event) = self.target.poll_event() {
                quiet = false;
                S::told(self, event);
            }
            if self.peer_reads && !self.target.output().is_empty() {
                quiet = false;
                let bytes = self.target.output().to_vec();
                self.target.consume_output(bytes.len());
                self.wire.extend_from_slice(&bytes);
                let payloads = self.peer.receive(&bytes);
                self.sent.extend(payloads);
            }
            if quiet {
                break;
            }
        }
        if self.error.is_none() {
            self.error = self.target.error().cloned();
        }
    }

    /// Lets time pass, with what falls due in it.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(due) = self.target.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            if let Err(error) = self.target.handle_timeout(self.now) {
                self.error.get_or_insert(error);
            }
            self.settle();
        }
        self.now = end;
    }

    /// The stream of the peer ends.
    pub fn eof(&mut self) {
        if let Err(error) = self.target.handle_eof(self.now) {
            self.error.get_or_insert(error);
        }
        self.settle();
    }

    /// Takes the payloads that the peer has received.
    pub fn take(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.sent)
    }

    /// Takes their numbers.
    pub fn numbers(&mut self) -> Vec<u8> {
        self.take().iter().map(|payload| payload[0]).collect()
    }

    /// Whether the connection goes on.
    pub fn is_alive(&self) -> bool {
        self.error.is_none() && !self.target.is_ended()
    }

    /// Takes the reason of the SSH_MSG_DISCONNECT that the connection has sent last.
    pub fn disconnect_reason(&mut self) -> Option<u32> {
        let payloads = self.take();
        let last = payloads.last().filter(|payload| payload[0] == 1)?;
        Some(u32::from_be_bytes(last[1..5].try_into().expect("four bytes")))
    }

    /// The connection has ended with SSH_MSG_DISCONNECT of that reason.
    #[track_caller]
    pub fn assert_disconnected(&mut self, reason: u32) {
        assert!(self.error.is_some(), "the connection goes on; log: {:?}", self.log);
        let error = self.error.clone();
        assert_eq!(self.disconnect_reason(), Some(reason), "{error:?}");
    }

    /// The connection goes on.
    #[track_caller]
    pub fn assert_alive(&self) {
        assert!(self.is_alive(), "{:?}", self.error);
    }

    /// Sends our identification string.
    pub fn identify(&mut self) {
        let line = [&self.peer.identification[..], b"\r\n"].concat();
        self.feed(&line);
    }

    /// Sends our proposal.
    pub fn propose(&mut self) {
        let payload = self.peer.kex_init();
        self.send(&payload);
    }

    /// Sends the messages of the method until its result is there, or the connection ends.
    pub fn exchange(&mut self) {
        let before = self.peer.keys.take();
        while self.peer.keys.is_none() && self.is_alive() {
            let message = self.peer.method_message();
            self.send(&message);
        }
        if self.peer.keys.is_none() {
            self.peer.keys = before;
        }
    }

    /// Sends SSH_MSG_NEWKEYS.
    pub fn new_keys(&mut self) {
        let packet = self.peer.new_keys();
        self.feed(&packet);
    }

    /// From the beginning to keys in use.
    pub fn handshake(&mut self) {
        self.identify();
        self.propose();
        self.exchange();
        self.new_keys();
    }

    /// A whole key re-exchange that the peer begins, or answers.
    pub fn re_exchange(&mut self) {
        self.propose();
        self.exchange();
        self.new_keys();
    }

    /// What either role is told.
    pub fn told_in_general(&mut self, event: Event) {
        match event {
            Event::KeysChanged { first, .. } => self.log.push(format!("keys changed, first {first}")),
            Event::Extensions(extensions) => self.log.push(format!("extensions {:?}", extensions.names)),
            Event::Authenticated => self.log.push("authenticated".into()),
            Event::Channel(id) => self.told_of_channel(id),
            Event::OpenRequested(question) => {
                self.log.push(format!("open {}", question.kind().channel_type()));
                if self.accepts_channels {
                    let id = self.target.accept_channel(question);
                    self.channels.push(id);
                } else {
                    let reason = OpenFailureReason::ADMINISTRATIVELY_PROHIBITED;
                    self.target.reject_channel(question, reason, "no");
                }
            }
            Event::GlobalRequest(question) => {
                self.log.push(format!("global {}", question.request_name()));
                self.target.answer_global(question, None);
            }
            Event::GlobalReply { reply, .. } => self.log.push(format!("global reply {}", reply.is_some())),
            Event::Pong(data) => self.log.push(format!("pong {data:?}")),
            Event::Disconnected { reason, description } => {
                self.log.push(format!("disconnected {} {description}", reason.0));
            }
            other => self.log.push(format!("{other:?}")),
        }
    }

    fn told_of_channel(&mut self, id: ChannelId) {
        let reads_data = self.reads_data;
        let Some(mut channel) = self.target.channel(id) else { return };
        while let Some(event) = channel.poll_event() {
            match event {
                ChannelEvent::Request(question) => {
                    self.log.push(format!("request {}", question.request_type()));
                    channel.answer(question, false);
                }
                ChannelEvent::Readable(stream) => {
                    let mut buffer = vec![0; 1 << 16];
                    while reads_data
                        && let konko_channel::stream::Progress::Moved(n) = channel.read(stream, &mut buffer)
                    {
                        self.log.push(format!("{n} bytes"));
                    }
                }
                other => self.log.push(format!("{other:?}")),
            }
        }
    }
}

impl Application for Client {
    fn told(scene: &mut Scene<Self>, event: ClientEvent) {
        match event {
            ClientEvent::Common(event) => scene.told_in_general(event),
            ClientEvent::HostKey(question) => {
                scene.log.push(format!("host key {}", question.host_key.fingerprint()));
                if scene.holds_questions {
                    scene.host_key_question = Some(question);
                } else if let Err(error) = scene.target.accept_host_key(question, scene.now) {
                    scene.error.get_or_insert(error);
                }
            }
            ClientEvent::Auth(ClientAuthEvent::Success) => scene.log.push("success".into()),
            ClientEvent::Auth(ClientAuthEvent::SignatureWanted(question)) => {
                scene.log.push("signature wanted".into());
                if let Some(key) = &scene.user_key {
                    let signature = key.sign(question.algorithm, &question.data).expect("signs");
                    scene.target.provide_signature(question, signature, scene.now).expect("takes it");
                }
            }
            ClientEvent::Auth(event) => scene.log.push(format!("{event:?}")),
            other => scene.log.push(format!("{other:?}")),
        }
    }
}

impl Application for Server {
    fn told(scene: &mut Scene<Self>, event: ServerEvent) {
        match event {
            ServerEvent::Common(event) => scene.told_in_general(event),
            ServerEvent::Auth(ServerAuthEvent::Attempt(attempt)) => {
                scene.log.push(format!("attempt {} {:?}", attempt.user_name, attempt.kind));
                if scene.holds_questions {
                    scene.attempts.push(attempt);
                } else {
                    scene.judge(attempt);
                }
            }
            other => scene.log.push(format!("{other:?}")),
        }
    }
}

impl Scene<Server> {
    fn judge(&mut self, attempt: Attempt) {
        let alice = attempt.user_name == "alice";
        let result = match &attempt.kind {
            AttemptKind::Password { password } if alice && password.as_str() == "right" => {
                self.target.accept_auth(attempt)
            }
            AttemptKind::Password { password } if alice && password.as_str() == "half" => {
                self.target.accept_auth_partially(attempt, &["publickey"])
            }
            AttemptKind::Password { password } if alice && password.as_str() == "old" => {
                self.target.require_password_change(attempt, "a new one")
            }
            AttemptKind::PublicKeyQuery { .. } | AttemptKind::PublicKey { .. } if alice => {
                self.target.accept_auth(attempt)
            }
            AttemptKind::KeyboardInteractive { .. } => {
                let prompts = vec![Prompt { text: "Password: ".into(), echo: false }];
                self.target.ask_prompts(attempt, Prompts { prompts, ..Prompts::default() })
            }
            AttemptKind::KeyboardInteractiveResponses { responses }
                if alice && responses.iter().all(|response| response.as_str() == "right") =>
            {
                self.target.accept_auth(attempt)
            }
            _ => self.target.reject_auth(attempt, self.now, self.now),
        };
        if let Err(error) = result {
            self.error.get_or_insert(error);
        }
    }
}
