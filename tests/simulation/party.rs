//! The application at one end: it logs in or judges, opens channels, accepts those of the peer, and drives all flows.

use crate::endpoints::{PASSWORD, USER_NAME, host_key, user_key};
use crate::flow::Flow;
use konko_channel::{ChannelId, ChannelKind, OpenOptions};
use konko_keys::signature_algorithm::SSH_ED25519;
use konko_tests::Seed;
use konko_transport::{Client, ClientEvent, Event, Server, ServerEvent, Side, Transport};
use konko_userauth::{AttemptKind, ClientAuthEvent, Method, ServerAuthEvent};
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;
use zeroize::Zeroizing;

/// What happens at one end.
#[derive(Debug)]
pub struct Party {
    /// The channels by their numbers at this end.
    pub flows: BTreeMap<ChannelId, Flow>,
    /// The channels this end opened, in order.
    pub own: Vec<ChannelId>,
    /// The channels the peer opened, in order.
    pub others: Vec<ChannelId>,
    /// What will be opened as soon as authentication is complete.
    pub to_open: VecDeque<Flow>,
    /// What this end does on the channels that the peer opens, in order. Nothing on any further ones.
    pub to_accept: VecDeque<Flow>,
    /// The most bytes written or read at once.
    pub largest_piece: usize,
    /// New keys are asked for whenever so many bytes have been moved.
    pub rekey_every: Option<usize>,
    /// How many re-exchanges of keys were completed.
    pub re_exchanges: u64,
    /// How many events came, not counting those that only point to a channel: a connection's end raises them too.
    pub events: u64,
    /// The methods with which a client still tries to log in.
    pub methods: VecDeque<Method>,
    moved: usize,
    seed: Seed,
}

impl Party {
    /// One without plans.
    pub fn new(seed: u64) -> Self {
        Self {
            flows: BTreeMap::new(),
            own: Vec::new(),
            others: Vec::new(),
            to_open: VecDeque::new(),
            to_accept: VecDeque::new(),
            largest_piece: 8192,
            rekey_every: None,
            re_exchanges: 0,
            events: 0,
            methods: VecDeque::from([Method::Password(Zeroizing::new(PASSWORD.to_owned()))]),
            moved: 0,
            seed: Seed::new(seed),
        }
    }

    /// Everything a client does at once; says whether it did anything.
    pub fn step_client(&mut self, client: &mut Transport<Client>, now: Instant) -> bool {
        let mut any = false;
        while let Some(event) = client.poll_event() {
            any = true;
            self.events += u64::from(!matches!(event, ClientEvent::Common(Event::Channel(_))));
            match event {
                ClientEvent::Common(event) => {
                    let first_keys = matches!(event, Event::KeysChanged { first: true, .. });
                    self.serve(client, event);
                    if first_keys {
                        self.next_method(client, now);
                    }
                }
                ClientEvent::HostKey(question) => {
                    assert_eq!(&question.host_key, host_key().public_key());
                    // What ended the connection is kept by it.
                    let _ = client.accept_host_key(question, now);
                }
                ClientEvent::Auth(ClientAuthEvent::Failure { .. }) => self.next_method(client, now),
                ClientEvent::Auth(ClientAuthEvent::SignatureWanted(question)) => {
                    let signature = user_key().sign(question.algorithm, &question.data).expect("a signature");
                    client.provide_signature(question, signature, now).expect("the open question");
                }
                _ => {}
            }
        }
        self.work(client, now) || any
    }

    /// Everything a server does at once; says whether it did anything.
    pub fn step_server(&mut self, server: &mut Transport<Server>, now: Instant) -> bool {
        let mut any = false;
        while let Some(event) = server.poll_event() {
            any = true;
            self.events += u64::from(!matches!(event, ServerEvent::Common(Event::Channel(_))));
            match event {
                ServerEvent::Common(event) => self.serve(server, event),
                ServerEvent::Auth(ServerAuthEvent::Attempt(attempt)) => {
                    let right = attempt.user_name == USER_NAME
                        && match &attempt.kind {
                            AttemptKind::Password { password } => password.as_str() == PASSWORD,
                            AttemptKind::PublicKeyQuery { key, .. } | AttemptKind::PublicKey { key, .. } => {
                                key == user_key().public_key()
                            }
                            _ => false,
                        };
                    // What ended the connection is kept by it.
                    let _ = if right {
                        server.accept_auth(attempt)
                    } else {
                        server.reject_auth(attempt, now, now)
                    };
                }
                _ => {}
            }
        }
        self.work(server, now) || any
    }

    fn next_method(&mut self, client: &mut Transport<Client>, now: Instant) {
        if let Some(method) = self.methods.pop_front()
            && !client.is_ended()
        {
            client.authenticate(USER_NAME, method, now).expect("no other request is outstanding");
        }
    }

    fn serve<S: Side>(&mut self, transport: &mut Transport<S>, event: Event) {
        match event {
            Event::KeysChanged { first, .. } => self.re_exchanges += u64::from(!first),
            Event::OpenRequested(question) => {
                let id = transport.accept_channel(question);
                let mut flow = self.to_accept.pop_front().unwrap_or_default();
                flow.is_open = true;
                self.flows.insert(id, flow);
                self.others.push(id);
            }
            Event::GlobalRequest(question) => transport.answer_global(question, None),
            _ => {}
        }
    }

    fn work<S: Side>(&mut self, transport: &mut Transport<S>, now: Instant) -> bool {
        let mut any = false;
        if transport.is_authenticated() {
            while let Some(flow) = self.to_open.pop_front() {
                let id =
                    transport.open_channel(ChannelKind::Session, OpenOptions::default()).expect("a channel");
                self.flows.insert(id, flow);
                self.own.push(id);
                any = true;
            }
        }
        for (id, flow) in &mut self.flows {
            any |= flow.serve(transport, *id);
            let moved = flow.advance(transport, *id, &mut self.seed, self.largest_piece);
            self.moved += moved;
            any |= moved > 0;
            if flow.sent_eof && flow.got_eof && !flow.closed && flow.received_all(transport, *id) {
                flow.closed = true;
                transport.channel(*id).iter_mut().for_each(|channel| channel.close());
            }
        }
        if self.rekey_every.is_some_and(|every| self.moved >= every) && !transport.is_exchanging_keys() {
            self.moved = 0;
            transport.request_key_exchange(now);
            any = true;
        }
        any
    }
}

impl Flow {
    fn received_all<S: Side>(&self, transport: &mut Transport<S>, id: ChannelId) -> bool {
        use konko_channel::{Progress, Stream};
        let Some(mut channel) = transport.channel(id) else { return true };
        channel.read(Stream::Data, &mut []) == Progress::Ended
    }
}

/// The user's key as a way to log in.
pub fn by_key(query_first: bool) -> Method {
    Method::PublicKey { key: user_key().public_key().clone(), algorithm: &SSH_ED25519, query_first }
}

/// A password as a way to log in.
pub fn by_password(password: &str) -> Method {
    Method::Password(Zeroizing::new(password.to_owned()))
}
