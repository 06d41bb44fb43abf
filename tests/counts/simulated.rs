//! Two transports on a simulated link, logged in, with one channel.

use crate::ends::{Setup, USER_NAME, by_password, is_right};
use crate::watched::{Followed, Watched};
use konko_tests::{Conditions, Pair};
use konko_transport::channel::event::ChannelEvent;
use konko_transport::channel::identifier::ChannelId;
use konko_transport::channel::{ChannelKind, OpenOptions};
use konko_transport::crypto::random::SystemRandom;
use konko_transport::userauth::event::ServerAuthEvent;
use konko_transport::{Client, ClientEvent, Event, Server, ServerEvent, Transport};
use std::time::Instant;

/// How much an application writes, or takes, at once.
pub const PIECE: usize = 256 * 1024;

/// How much is under way on a link that takes whatever a window lets through.
pub const WIDE: usize = 16 * PIECE;
/// How much is under way on one that is full most of the time.
pub const NARROW: usize = 2 * PIECE;

/// A connection on a link without delay.
pub struct Simulated {
    /// The two ends; A is the client's.
    pub pair: Pair<Watched<Client>, Watched<Server>>,
    /// The channel as the client knows it.
    pub near: ChannelId,
    /// The channel as the server knows it.
    pub far: ChannelId,
}

impl Simulated {
    /// A connection over a link that holds `capacity` bytes and cuts what is sent into pieces of random sizes.
    pub fn new(setup: &Setup, capacity: usize, seed: u64) -> Self {
        let conditions = Conditions { piece: 16_384..=PIECE, capacity, ..Conditions::default() };
        let (client, server) = (setup.client(), setup.server());
        let now = Instant::now();
        let client = Watched::new(|| Transport::client(client, Box::new(SystemRandom), now));
        let server = Watched::new(|| Transport::server(server, Box::new(SystemRandom), now));
        let mut pair = Pair::new(client, server, seed, &conditions);
        let (mut near, mut far) = (None, None);
        pair.a.with(|client| client.authenticate(USER_NAME, by_password(), now)).expect("it may begin");
        pair.drive_with(|client, server, now| {
            let one = client.with(|client| step_client(client, &mut near, now));
            let other = server.with(|server| step_server(server, &mut far));
            one | other
        });
        Self { pair, near: near.expect("opened"), far: far.expect("accepted") }
    }

    /// Moves `bytes` from the server to the client. Says what the sender did, and the receiver.
    pub fn transfer(&mut self, bytes: u64) -> (Followed, Followed) {
        let (sent, received) = (self.pair.b.followed(), self.pair.a.followed());
        let piece = vec![0x5a; PIECE];
        let (near, far) = (self.near, self.far);
        let (mut left, mut got) = (bytes, 0);
        self.pair.drive_with(|client, server, _| {
            let mut any = false;
            while left > 0 {
                let written = server.write(far, &piece[..left.min(PIECE as u64) as usize]);
                if written == 0 {
                    break;
                }
                left -= written as u64;
                any = true;
            }
            any |= take_events(client) | take_events(server);
            loop {
                let read = client.read(near, PIECE);
                if read == 0 {
                    return any;
                }
                got += read as u64;
                any = true;
            }
        });
        assert_eq!((left, got), (0, bytes), "not everything has come");
        (self.pair.b.followed().since(&sent), self.pair.a.followed().since(&received))
    }
}

/// Looks at what happened. Nothing happens in a transfer but that something can be read or written.
pub fn take_events<S: konko_transport::Side>(end: &mut Watched<S>) -> bool {
    end.with(|transport| {
        let mut any = false;
        while let Some(event) = transport.poll_event() {
            any = true;
            if let Some(Event::Channel(id)) = S::common(&event)
                && let Some(mut channel) = transport.channel(*id)
            {
                while channel.poll_event().is_some() {}
            }
        }
        any
    })
}

fn step_client(client: &mut Transport<Client>, opened: &mut Option<ChannelId>, now: Instant) -> bool {
    let mut any = false;
    while let Some(event) = client.poll_event() {
        any = true;
        match event {
            ClientEvent::HostKey(question) => client.accept_host_key(question, now).expect("accepted"),
            ClientEvent::Common(Event::Authenticated) => {
                client.open_channel(ChannelKind::Session, OpenOptions::default()).expect("a channel");
            }
            ClientEvent::Common(Event::Channel(id)) => {
                let mut channel = client.channel(id).expect("a channel");
                while let Some(event) = channel.poll_event() {
                    if matches!(event, ChannelEvent::Opened) {
                        *opened = Some(id);
                    }
                }
            }
            ClientEvent::Common(Event::GlobalRequest(question)) => client.answer_global(question, None),
            _ => {}
        }
    }
    any
}

fn step_server(server: &mut Transport<Server>, accepted: &mut Option<ChannelId>) -> bool {
    let mut any = false;
    while let Some(event) = server.poll_event() {
        any = true;
        match event {
            ServerEvent::Auth(ServerAuthEvent::Attempt(attempt)) => {
                assert!(is_right(&attempt.kind), "another password");
                server.accept_auth(attempt).expect("accepted");
            }
            ServerEvent::Common(Event::OpenRequested(question)) => {
                *accepted = Some(server.accept_channel(question));
            }
            ServerEvent::Common(Event::GlobalRequest(question)) => server.answer_global(question, None),
            _ => {}
        }
    }
    any
}
