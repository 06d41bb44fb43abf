//! Both ends, their applications, and the link between them.

use crate::endpoints::Setup;
use crate::flow::Flow;
use crate::party::Party;
use crate::wire::Wire;
use konko_tests::{Clock, Conditions, Direction, Link, Pair, Seed};
use konko_transport::{Client, Server};
use std::time::{Duration, Instant};

/// A connection with everything around it.
pub struct World {
    /// The machines, the link and the clock. End A is the client's.
    pub pair: Pair<Wire<Client>, Wire<Server>>,
    /// The client's application.
    pub client: Party,
    /// The server's application.
    pub server: Party,
}

impl World {
    /// The same conditions both ways.
    pub fn new(setup: &Setup, conditions: &Conditions) -> Self {
        Self::with_directions(setup, conditions.clone(), conditions.clone())
    }

    /// Conditions from the client to the server, and back.
    pub fn with_directions(setup: &Setup, there: Conditions, back: Conditions) -> Self {
        let mut seed = Seed::new(setup.seed);
        let link =
            Link::with_directions(Direction::new(seed.fork(), there), Direction::new(seed.fork(), back));
        // The pair's own clock starts at its making, so the machines begin a moment before it.
        let now = Clock::default().now();
        let (a, b) = (Wire::new(setup.client(now)), Wire::new(setup.server(now)));
        Self {
            pair: Pair::over(a, b, link, setup.seed),
            client: Party::new(seed.next_u64()),
            server: Party::new(seed.next_u64()),
        }
    }

    /// A channel that the client opens: what it writes there, and what the server does.
    pub fn client_opens(&mut self, client: Flow, server: Flow) {
        self.client.to_open.push_back(client);
        self.server.to_accept.push_back(server);
    }

    /// A channel that the server opens.
    pub fn server_opens(&mut self, server: Flow, client: Flow) {
        self.server.to_open.push_back(server);
        self.client.to_accept.push_back(client);
    }

    /// Runs until nothing moves and both applications have nothing to do.
    pub fn run(&mut self) {
        let Self { pair, client, server } = self;
        pair.drive_with(|a, b, now| {
            let one = client.step_client(&mut a.transport, now);
            server.step_server(&mut b.transport, now) | one
        });
    }

    /// Runs, through timeouts too, until `done`; says whether that came within `limit` of virtual time.
    pub fn run_until(
        &mut self,
        limit: Duration,
        mut done: impl FnMut(&Wire<Client>, &Wire<Server>) -> bool,
    ) -> bool {
        let Self { pair, client, server } = self;
        pair.drive_until(limit, |a, b, now| {
            while client.step_client(&mut a.transport, now) {}
            while server.step_server(&mut b.transport, now) {}
            done(a, b)
        })
    }

    /// Runs until both ends have ended, which must happen.
    #[track_caller]
    pub fn run_to_the_end(&mut self) {
        let ended =
            self.run_until(Duration::from_secs(600), |a, b| a.transport.is_ended() && b.transport.is_ended());
        assert!(ended, "an end waits for ever: {:?}, {:?}", self.pair.a, self.pair.b);
    }

    /// The present.
    pub fn now(&self) -> Instant {
        self.pair.now()
    }

    /// Both ends are alive and logged in.
    #[track_caller]
    pub fn assert_alive(&self) {
        let (a, b) = (&self.pair.a.transport, &self.pair.b.transport);
        assert!(a.is_authenticated(), "the client ended: {:?}", a.error());
        assert!(b.is_authenticated(), "the server ended: {:?}", b.error());
        assert!(!a.is_exchanging_keys() && !b.is_exchanging_keys(), "a key exchange without an end");
    }

    /// What each end wrote and the other read, channel by channel and both ways.
    pub fn exchanges(&self) -> Vec<(&Flow, &Flow)> {
        let mut all = Vec::new();
        for (opener, other) in [(&self.client, &self.server), (&self.server, &self.client)] {
            for (own, others) in opener.own.iter().zip(&other.others) {
                let (one, two) = (&opener.flows[own], &other.flows[others]);
                all.extend([(one, two), (two, one)]);
            }
        }
        all
    }

    /// Nothing was invented or put out of order.
    #[track_caller]
    pub fn assert_prefixes(&self) {
        for (writer, reader) in self.exchanges() {
            assert!(writer.source[..writer.written].starts_with(&reader.received), "other bytes have come");
        }
    }

    /// Everything has come, and every channel has ended in order.
    #[track_caller]
    pub fn assert_complete(&self) {
        self.assert_alive();
        assert!(self.client.to_open.is_empty() && self.server.to_open.is_empty());
        for (writer, reader) in self.exchanges() {
            assert_eq!(writer.written, writer.source.len(), "not everything was written");
            assert!(
                reader.received == writer.source,
                "{} of {} bytes came",
                reader.received.len(),
                writer.written
            );
            assert!(reader.got_eof && reader.closed, "a channel has not ended");
        }
    }
}
