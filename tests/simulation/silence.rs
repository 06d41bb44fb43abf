//! A peer that falls silent without ending, anywhere: the other end gives up, at its deadline and not before.

use crate::endpoints::Setup;
use crate::flow::Flow;
use crate::world::World;
use konko_packet::{PacketError, Phase};
use konko_tests::{Conditions, End};
use konko_transport::{Error, Timer};
use std::collections::BTreeSet;
use std::time::Duration;

fn session(silent: Option<(End, u64)>) -> World {
    let mut world = World::new(&Setup::new(10).with_keepalive(), &Conditions::default());
    match silent {
        Some((End::A, after)) => world.pair.a.silent_after = Some(after),
        Some((End::B, after)) => world.pair.b.silent_after = Some(after),
        None => {}
    }
    world.client_opens(
        Flow { stays_open: true, ..Flow::of(b"a command".to_vec()) },
        Flow { stays_open: true, ..Flow::of(b"its output".to_vec()) },
    );
    world.run();
    world
}

/// How long the other end bears it, and in which phase it finds itself, over every byte of a session.
fn deadlines(silent: End) -> BTreeSet<(u64, String)> {
    let whole = session(None);
    let length = if silent == End::A { whole.pair.a.sent } else { whole.pair.b.sent };
    let mut all = BTreeSet::new();
    for after in (0..length).step_by(3).chain([length]) {
        let mut world = session(Some((silent, after)));
        let gave_up = world.run_until(Duration::from_secs(3600), |a, b| {
            if silent == End::A { b.transport.is_ended() } else { a.transport.is_ended() }
        });
        assert!(gave_up, "silent after {after} bytes: the other end waits for ever");
        let error = match silent {
            End::A => world.pair.b.transport.error(),
            End::B => world.pair.a.transport.error(),
        };
        let error = error.expect("why it ended");
        let known = matches!(error, Error::TimedOut(_) | Error::Packet(PacketError::TimedOut { .. }));
        assert!(known, "silent after {after} bytes: {error}");
        let passed = world.pair.clock.elapsed();
        // The machines were made a moment before the clock.
        all.insert((passed.as_millis().div_ceil(1000) as u64, error.to_string()));
    }
    all
}

fn at(seconds: u64, error: Error) -> (u64, String) {
    (seconds, error.to_string())
}

fn packet(phase: Phase) -> Error {
    Error::Packet(PacketError::TimedOut { phase })
}

/// covers: T22
#[test]
fn a_client_gives_a_silent_server_up_at_each_deadline() {
    assert_eq!(
        deadlines(End::B),
        BTreeSet::from([
            at(30, packet(Phase::Identification)),
            at(60, packet(Phase::Negotiation)),
            at(60, packet(Phase::KeyExchange)),
            at(60, packet(Phase::NewKeys)),
            at(60, Error::TimedOut(Timer::Authentication)),
            at(40, Error::TimedOut(Timer::Keepalive)),
        ])
    );
}

/// covers: T22
#[test]
fn a_server_gives_a_silent_client_up_at_each_deadline() {
    assert_eq!(
        deadlines(End::A),
        BTreeSet::from([
            at(30, packet(Phase::Identification)),
            at(60, packet(Phase::Negotiation)),
            at(60, packet(Phase::KeyExchange)),
            at(60, packet(Phase::NewKeys)),
            at(90, Error::TimedOut(Timer::Authentication)),
            at(40, Error::TimedOut(Timer::Keepalive)),
        ])
    );
}

/// covers: T03
#[test]
fn without_keepalive_the_login_has_its_grace_time() {
    let mut world = World::new(&Setup::new(11), &Conditions::default());
    world.client.methods.clear();
    assert!(world.run_until(Duration::from_secs(3600), |_, b| b.transport.is_ended()));
    assert_eq!(world.pair.b.transport.error(), Some(&Error::TimedOut(Timer::Authentication)));
    assert_eq!(world.pair.clock.elapsed().as_millis().div_ceil(1000), 90);
}

#[test]
fn a_peer_that_answers_keepalive_requests_is_never_given_up() {
    let mut world = session(None);
    let day = Duration::from_secs(24 * 3600);
    assert!(!world.run_until(day, |a, b| a.transport.is_ended() || b.transport.is_ended()));
    world.assert_alive();
    let sent = world.pair.a.transport.stats().packets_sent;
    assert!(sent > 4000, "only {sent} packets were sent in a day");
}

#[test]
fn a_re_exchange_that_stalls_ends_at_its_deadline() {
    let mut setup = Setup::new(12);
    setup.keepalive = konko_transport::keepalive::KeepaliveConfig::default();
    let mut world = World::new(&setup, &Conditions::default());
    world.run();
    world.assert_alive();
    world.pair.b.silent_after = Some(world.pair.b.sent);
    let now = world.now();
    world.pair.a.transport.request_key_exchange(now);
    assert!(world.run_until(Duration::from_secs(3600), |a, _| a.transport.is_ended()));
    assert!(matches!(world.pair.a.transport.error(), Some(Error::Packet(PacketError::TimedOut { .. }))));
    assert_eq!(world.now() - now, Duration::from_secs(60));
}
