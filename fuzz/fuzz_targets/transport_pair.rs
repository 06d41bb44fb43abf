//! Two ends of goodwill over a link that cuts bytes anyhow: one part of the input says how, the other what the two
//! applications do. Nothing fails, nothing is lost, nothing is invented.
#![no_main]

use konko_channel::{ChannelEvent, ChannelId, ChannelKind, OpenOptions, Progress, Stream};
use konko_fuzz::application::begin;
use konko_fuzz::choices::Choices;
use konko_fuzz::endpoints::{START, client, server, user_key};
use konko_sansio::Machine;
use konko_transport::{Client, ClientEvent, Event, Server, ServerEvent, Side, Transport};
use konko_userauth::{ClientAuthEvent, ServerAuthEvent};
use libfuzzer_sys::fuzz_target;
use std::collections::{BTreeMap, VecDeque};

/// The most channels that one end opens.
const MOST_CHANNELS: usize = 5;
/// The most that may be under way one way.
const CAPACITY: usize = 8 * 1024;

/// One end's view of one channel: what it has written is known by position alone.
#[derive(Default)]
struct Flow {
    written: u64,
    read: u64,
    sent_eof: bool,
    got_eof: bool,
    requests: u32,
    replies: u32,
}

#[derive(Default)]
struct End {
    flows: BTreeMap<u32, (ChannelId, Flow)>,
    opened: usize,
    /// The order in which channels were opened is the same at both ends, for those that one end opened.
    own: Vec<u32>,
    others: Vec<u32>,
}

fn byte_at(position: u64) -> u8 {
    (position.wrapping_mul(0x9e37_79b9) >> 11) as u8
}

impl End {
    fn serve<S: Side>(&mut self, transport: &mut Transport<S>, event: Event) {
        if let Event::OpenRequested(question) = event {
            let id = transport.accept_channel(question);
            self.others.push(id.number());
            self.flows.insert(id.number(), (id, Flow::default()));
        }
    }

    fn poll_channels<S: Side>(&mut self, transport: &mut Transport<S>) {
        for (id, flow) in self.flows.values_mut() {
            let Some(mut channel) = transport.channel(*id) else { continue };
            while let Some(event) = channel.poll_event() {
                match event {
                    ChannelEvent::Request(question) => channel.answer(question, true),
                    ChannelEvent::RequestReply { success, .. } => {
                        assert!(success, "a request that was granted is refused");
                        flow.replies += 1;
                    }
                    ChannelEvent::OpenFailed { .. } => panic!("an open that was granted failed"),
                    ChannelEvent::Eof => flow.got_eof = true,
                    _ => {}
                }
            }
        }
    }

    fn act<S: Side>(&mut self, transport: &mut Transport<S>, choices: &mut Choices<'_>) -> bool {
        let what = choices.byte() % 8;
        if what == 0 && self.opened < MOST_CHANNELS && transport.is_authenticated() {
            let id = transport.open_channel(ChannelKind::Session, OpenOptions::default()).expect("a channel");
            self.opened += 1;
            self.own.push(id.number());
            self.flows.insert(id.number(), (id, Flow::default()));
            return true;
        }
        if what == 1 {
            transport.request_key_exchange(*START);
            return true;
        }
        let Some((id, flow)) = self.flows.values_mut().nth(choices.below(10)) else { return false };
        let Some(mut channel) = transport.channel(*id) else { return false };
        match what {
            2..=4 => write(&mut channel, flow, usize::from(choices.u16()) % 5000),
            5 | 6 => read(&mut channel, flow, usize::from(choices.u16()) % 5000),
            7 if choices.byte() < 0x80 => {
                if flow.requests < 20 && !flow.sent_eof && channel.request("x", b"", true).is_ok() {
                    flow.requests += 1;
                }
            }
            _ => flow.sent_eof |= channel.send_eof().is_ok(),
        }
        true
    }
}

fn write(channel: &mut konko_transport::ChannelMut<'_>, flow: &mut Flow, length: usize) {
    if flow.sent_eof {
        return;
    }
    let data: Vec<u8> = (0..length as u64).map(|at| byte_at(flow.written + at)).collect();
    if let Progress::Moved(moved) = channel.write(Stream::Data, &data) {
        flow.written += moved as u64;
    }
}

fn read(channel: &mut konko_transport::ChannelMut<'_>, flow: &mut Flow, length: usize) {
    let mut buffer = vec![0; length];
    if let Progress::Moved(moved) = channel.read(Stream::Data, &mut buffer) {
        for byte in &buffer[..moved] {
            assert_eq!(*byte, byte_at(flow.read), "byte {} is another", flow.read);
            flow.read += 1;
        }
    }
}

fn serve_client(end: &mut End, client: &mut Transport<Client>) {
    while let Some(event) = client.poll_event() {
        match event {
            ClientEvent::Common(event) => end.serve(client, event),
            ClientEvent::HostKey(question) => {
                client.accept_host_key(question, *START).expect("a good server")
            }
            ClientEvent::Auth(ClientAuthEvent::SignatureWanted(question)) => {
                let signature = user_key().sign(question.algorithm, &question.data).expect("a signature");
                client.provide_signature(question, signature, *START).expect("the open question");
            }
            ClientEvent::Auth(ClientAuthEvent::Failure { .. }) => {
                begin(client, &mut Choices::new(&[]), *START)
            }
            _ => {}
        }
    }
    end.poll_channels(client);
}

fn serve_server(end: &mut End, server: &mut Transport<Server>) {
    while let Some(event) = server.poll_event() {
        match event {
            ServerEvent::Common(event) => end.serve(server, event),
            ServerEvent::Auth(ServerAuthEvent::Attempt(attempt)) => {
                use konko_userauth::AttemptKind as Kind;
                let result = match attempt.kind {
                    Kind::None | Kind::KeyboardInteractive { .. } => {
                        server.reject_auth(attempt, *START, *START)
                    }
                    _ => server.accept_auth(attempt),
                };
                result.expect("an attempt of a good client");
            }
            _ => {}
        }
    }
    end.poll_channels(server);
}

/// Moves bytes from one end over its side of the link to the other; says whether anything moved.
fn transfer<A: Machine, B: Machine>(
    from: &mut A,
    link: &mut VecDeque<u8>,
    to: &mut B,
    taken: usize,
    given: usize,
) -> bool {
    let taken = taken.min(from.output().len()).min(CAPACITY - link.len());
    link.extend(&from.output()[..taken]);
    from.consume_output(taken);
    let offered = to.input_buf();
    let given = given.min(link.len()).min(offered.len());
    for (place, byte) in offered.iter_mut().zip(link.drain(..given)) {
        *place = byte;
    }
    if given > 0 {
        to.handle_input(*START, given).unwrap_or_else(|error| panic!("between two good ends: {error}"));
    }
    taken + given > 0
}

/// What one end wrote the other has read, channel for channel.
fn compare(opener: &End, other: &End) {
    for (own, others) in opener.own.iter().zip(&other.others) {
        let ((_, one), (_, two)) = (&opener.flows[own], &other.flows[others]);
        for (from, to) in [(one, two), (two, one)] {
            assert_eq!(from.written, to.read, "bytes are lost");
            assert!(!from.sent_eof || to.got_eof, "an EOF is lost");
            assert_eq!(from.requests, from.replies, "a reply is lost");
        }
    }
    assert_eq!(opener.own.len(), other.others.len(), "an open is lost");
}

fuzz_target!(|data: &[u8]| {
    let (mut link, mut choices) = Choices::pair(data);
    let (mut client, mut server) = (client(), server());
    let (mut client_end, mut server_end) = (End::default(), End::default());
    let (mut there, mut back) = (VecDeque::new(), VecDeque::new());
    begin(&mut client, &mut choices, *START);
    let mut idle = 0;
    let mut rounds = 0;
    while idle < 3 {
        rounds += 1;
        assert!(rounds < 200_000, "two ends that find no rest");
        let mut size = || if link.is_empty() { usize::MAX } else { usize::from(link.byte()) * 4 };
        let mut moved = !choices.is_empty();
        moved |= transfer(&mut client, &mut there, &mut server, size(), size());
        serve_server(&mut server_end, &mut server);
        moved |= transfer(&mut server, &mut back, &mut client, size(), size());
        serve_client(&mut client_end, &mut client);
        if client.is_authenticated() && server.is_authenticated() && !choices.is_empty() {
            if choices.flag() {
                client_end.act(&mut client, &mut choices);
            } else {
                server_end.act(&mut server, &mut choices);
            }
        } else if choices.is_empty() {
            // At the end everybody reads what there is.
            for (id, flow) in client_end.flows.values_mut() {
                let before = flow.read;
                client.channel(*id).iter_mut().for_each(|channel| read(channel, flow, 20_000));
                moved |= flow.read > before;
            }
            for (id, flow) in server_end.flows.values_mut() {
                let before = flow.read;
                server.channel(*id).iter_mut().for_each(|channel| read(channel, flow, 20_000));
                moved |= flow.read > before;
            }
        }
        idle = if moved || !link.is_empty() { 0 } else { idle + 1 };
    }
    assert!(client.is_authenticated() && server.is_authenticated());
    assert!(!client.is_exchanging_keys() && !server.is_exchanging_keys(), "a key exchange without an end");
    compare(&client_end, &server_end);
    compare(&server_end, &client_end);
});
