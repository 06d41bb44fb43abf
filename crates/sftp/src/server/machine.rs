//! The server as a machine: pieces of the client's stream in, questions about files out, answers in, replies out.
//!
//! Requests are taken as long as not too many are unanswered and not too many replies unsent; what is not taken
//! stays in the input, and [`SftpServer::wants_input`] says when there may be more of it. So a client that never
//! reads its replies holds a bounded share of memory. Answers may come in any order; questions come in the client's,
//! but those about the same file or about paths wait for each other, as far as the order could be noticed.

use crate::message::initialization::{Init, Version};
use crate::message::number::{PacketType, VERSION_3};
use crate::message::packet::{Packet, put_packet};
use crate::server::answer::{Answer, Data, put_status};
use crate::server::check_file::ALGORITHM_NAMES;
use crate::server::config::ServerConfig;
use crate::server::error::ServerError;
use crate::server::failure::Failure;
use crate::server::handles::Handles;
use crate::server::input::{ClientPacket, Input};
use crate::server::output::Output;
use crate::server::question::Question;
use crate::server::request_name::RequestName;
use crate::server::scope::Scope;
use crate::server::ticket::Ticket;
use bytes::Bytes;
use konko_wire::decode::Reader;
use konko_wire::encode::Encode;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::ops::Range;

/// A server of one session, over files `F` and directories `D` of whoever answers its questions.
#[derive(Debug)]
pub struct SftpServer<F, D> {
    pub(super) config: ServerConfig,
    pub(super) handles: Handles<F, D>,
    input: Input,
    output: Output,
    state: State,
    waiting: VecDeque<Waiting>,
    at_work: Vec<AtWork>,
    next_serial: u64,
    ended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    AwaitsInit,
    Serves,
    Failed(ServerError),
}

/// A request that was taken and not yet asked about.
#[derive(Debug)]
struct Waiting {
    name: RequestName,
    scope: Scope,
    packet: ClientPacket,
    len: usize,
}

/// A request that was asked about and not yet answered.
#[derive(Debug)]
struct AtWork {
    serial: u64,
    name: RequestName,
    scope: Scope,
    len: usize,
}

impl<F, D> SftpServer<F, D> {
    /// A server that waits for INIT.
    pub fn new(config: ServerConfig) -> Self {
        Self {
            input: Input::new(config.maximum_packet),
            config,
            handles: Handles::new(),
            output: Output::default(),
            state: State::AwaitsInit,
            waiting: VecDeque::new(),
            at_work: Vec::new(),
            next_serial: 0,
            ended: false,
        }
    }

    /// Whether more of the client's stream is of use now. If not, there will be after answers or after output.
    pub fn wants_input(&self) -> bool {
        !matches!(self.state, State::Failed(_))
            && !self.ended
            && self.may_take()
            && matches!(self.input.has_packet(), Ok(false))
    }

    /// Takes the next bytes of the client's stream. They are held until they are answered.
    pub fn handle_input(&mut self, piece: Bytes) {
        if !matches!(self.state, State::Failed(_)) {
            self.input.push(piece);
        }
    }

    /// The client's stream has ended. What came before is still served.
    pub const fn handle_end(&mut self) {
        self.ended = true;
    }

    /// What is to be sent next.
    pub fn output(&self) -> &[u8] {
        self.output.pending()
    }

    /// Removes what was sent.
    pub fn consume_output(&mut self, sent: usize) {
        self.output.consume(sent);
    }

    /// Exchanges the output for `other`, whose content does not matter, and returns where in `other` it lies then:
    /// for a driver that sends while it goes on answering.
    pub fn swap_output(&mut self, other: &mut Vec<u8>) -> Range<usize> {
        self.output.swap(other)
    }

    /// Whether the client's stream has ended, and all that was in it is answered.
    pub fn is_finished(&self) -> bool {
        self.ended && self.input.is_empty() && self.waiting.is_empty() && self.at_work.is_empty()
    }

    /// How many handles are open.
    pub const fn open_handles(&self) -> usize {
        self.handles.len()
    }

    /// The next question, if there is one now. Ask again after every answer, every piece of input and every
    /// consumption of output. After an error the session is over, its handles closed; what there is of output may
    /// still be sent.
    pub fn next_question(&mut self) -> Result<Option<Question<F, D>>, ServerError> {
        if let State::Failed(error) = self.state {
            return Err(error);
        }
        self.try_next_question().inspect_err(|error| {
            self.state = State::Failed(*error);
            self.close();
        })
    }

    /// Closes all handles and forgets all requests: the session has ended.
    pub fn close(&mut self) {
        self.handles.clear();
        self.waiting.clear();
        self.at_work.clear();
        self.input = Input::new(self.config.maximum_packet);
        self.ended = true;
    }

    /// Answers a question. What is answered after the session has ended is dropped.
    pub fn answer<A: Answer<F, D>>(&mut self, ticket: Ticket<A>, result: Result<A, Failure>) {
        if !self.settle(ticket.serial) {
            return;
        }
        let Self { output, handles, .. } = self;
        let put = result.and_then(|answer| output.put(|out| answer.put(ticket.id, handles, out)));
        if let Err(failure) = put {
            self.refuse(ticket.id, &failure);
        }
    }

    /// Answers a READ from a function that fills the reply where it is sent from, and returns how many bytes it
    /// filled. None means the end.
    pub fn answer_read(
        &mut self,
        ticket: Ticket<Data>,
        length: u32,
        read: impl FnOnce(&mut [u8]) -> Result<usize, Failure>,
    ) {
        if !self.settle(ticket.serial) {
            return;
        }
        let length = length.min(self.config.maximum_read) as usize;
        if let Err(failure) = self.output.put_data(ticket.id, length, read) {
            self.refuse(ticket.id, &failure);
        }
    }

    /// A request is answered; whether it was still waited for.
    fn settle(&mut self, serial: u64) -> bool {
        match self.at_work.iter().position(|at_work| at_work.serial == serial) {
            Some(index) => {
                self.at_work.swap_remove(index);
                true
            }
            None => false,
        }
    }

    fn may_take(&self) -> bool {
        let held = self.waiting.iter().map(|waiting| waiting.len);
        let held: usize = held.chain(self.at_work.iter().map(|at_work| at_work.len)).sum();
        held < self.config.maximum_held
            && self.waiting.len() + self.at_work.len() < self.config.maximum_requests
            && self.output.len() < self.config.maximum_output
    }

    fn try_next_question(&mut self) -> Result<Option<Question<F, D>>, ServerError> {
        while self.output.len() < self.config.maximum_output {
            if let Some(index) = self.ready_index() {
                let Some(waiting) = self.waiting.remove(index) else { continue };
                if let Some(question) = self.ask(waiting) {
                    return Ok(Some(question));
                }
                continue;
            }
            if !self.may_take() {
                break;
            }
            match self.input.next()? {
                Some(packet) => self.take(packet)?,
                None if self.ended && !self.input.is_empty() => return Err(ServerError::UnexpectedEnd),
                None => break,
            }
        }
        Ok(None)
    }

    /// The first request that need not wait for another.
    fn ready_index(&self) -> Option<usize> {
        (0..self.waiting.len()).find(|&index| {
            let later = self.waiting[index].scope;
            let held = self.at_work.iter().any(|at_work| at_work.scope.holds_back(later));
            !held && !self.waiting.range(..index).any(|waiting| waiting.scope.holds_back(later))
        })
    }

    /// Takes a packet. INIT and what cannot be done is answered at once.
    fn take(&mut self, packet: ClientPacket) -> Result<(), ServerError> {
        let mut reader = Reader::new(&packet.head);
        let packet_type = PacketType(reader.read_u8().unwrap_or_default());
        if packet_type == PacketType::INIT {
            return self.initialize(&packet.head);
        }
        if self.state == State::AwaitsInit {
            return Err(ServerError::BeforeInit { packet_type });
        }
        // §3: these are the server's.
        if packet_type == PacketType::VERSION
            || packet_type == PacketType::EXTENDED_REPLY
            || (PacketType::STATUS..=PacketType::ATTRS).contains(&packet_type)
        {
            return Err(ServerError::ServersPacket { packet_type });
        }
        let id = reader.read_u32().unwrap_or_default();
        let extension = match packet_type {
            PacketType::EXTENDED => reader.read_string().unwrap_or_default(),
            _ => &[],
        };
        let name = RequestName::of(packet_type, extension);
        let scope = name.map(|name| Scope::of(name, reader.rest()));
        match (name, scope) {
            (Some(name), Some(scope)) if self.config.allows(name) => {
                let len = packet.head.len() + packet.data.iter().map(Bytes::len).sum::<usize>();
                self.waiting.push_back(Waiting { name, scope, packet, len });
            }
            (Some(_), _) => self.refuse(id, &Failure::permission_denied()),
            // §8: "If the server does not recognize the 'extended-request' name, then the server MUST respond with
            // SSH_FXP_STATUS with error set to SSH_FX_OP_UNSUPPORTED."
            (None, _) => self.refuse(id, &Failure::unsupported()),
        }
        Ok(())
    }

    /// §4: the client says the highest version that it knows, the server the one that will be spoken.
    fn initialize(&mut self, packet: &[u8]) -> Result<(), ServerError> {
        if self.state != State::AwaitsInit {
            return Err(ServerError::RepeatedInit);
        }
        // Extensions of clients mean nothing to a server (§4: "Implementations MUST silently ignore").
        Init::decode(packet).map_err(ServerError::MalformedInit)?;
        self.state = State::Serves;
        let extensions = RequestName::ALL
            .iter()
            .filter(|name| self.config.allows(**name))
            .filter_map(|name| Some((name.extension()?.as_bytes(), extension_data(*name).as_bytes())))
            .collect();
        let version = Version { version: VERSION_3, extensions };
        self.put(|out| version.encode(out));
        Ok(())
    }

    fn refuse(&mut self, id: u32, failure: &Failure) {
        self.put(|out| put_status(out, id, failure));
    }

    /// Appends a reply that needs no answer.
    pub(super) fn reply(&mut self, packet_type: PacketType, id: u32, fields: &impl Encode) {
        self.put(|out| put_packet(out, packet_type, id, fields));
    }

    fn put(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let Ok(()) = self.output.put(|out| {
            encode(out);
            Ok::<(), Infallible>(())
        });
    }

    /// Makes a question of a request; none if it is answered already.
    fn ask(&mut self, waiting: Waiting) -> Option<Question<F, D>> {
        let Waiting { name, scope, packet, len } = waiting;
        let ClientPacket { head, data } = packet;
        let Ok(Packet { id, .. }) = Packet::split(&head) else { return None };
        let serial = self.next_serial;
        match self.question(name, id, &head, data) {
            Ok(question) => {
                if question.is_some() {
                    self.next_serial += 1;
                    self.at_work.push(AtWork { serial, name, scope, len });
                }
                question
            }
            Err(failure) => {
                self.refuse(id, &failure);
                None
            }
        }
    }

    /// The number of the next ticket.
    pub(super) const fn next_serial(&self) -> u64 {
        self.next_serial
    }

    /// Whether one more handle may be opened.
    pub(super) fn may_open(&self) -> Result<(), Failure> {
        let opening = self
            .at_work
            .iter()
            .filter(|at_work| matches!(at_work.name, RequestName::Open | RequestName::Opendir))
            .count();
        if self.handles.len() + opening < self.config.maximum_handles {
            Ok(())
        } else {
            Err(Failure::other("Too many open handles"))
        }
    }
}

/// What comes with the name of an extension in VERSION: a version number, or what is on offer.
const fn extension_data(name: RequestName) -> &'static str {
    match name {
        RequestName::Statvfs | RequestName::Fstatvfs => "2",
        RequestName::CheckFile | RequestName::CheckFileName | RequestName::CheckFileHandle => ALGORITHM_NAMES,
        _ => "1",
    }
}
