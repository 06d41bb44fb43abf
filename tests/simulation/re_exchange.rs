//! Many re-exchanges of keys while data flows both ways.

use crate::endpoints::{Setup, cipher};
use crate::flow::Flow;
use crate::world::World;
use konko_packet::RekeyPolicy;
use konko_tests::{Conditions, Seed};
use std::time::Duration;

const LENGTH: usize = 3 << 20;

fn transfer(setup: &Setup, every: Option<usize>) -> World {
    let mut seed = Seed::new(setup.seed);
    let mut world = World::new(setup, &Conditions { piece: 1000..=60_000, ..Conditions::default() });
    let (there, back) = (Flow::of(seed.bytes(LENGTH)), Flow::of(seed.bytes(LENGTH)));
    world.client_opens(there, back);
    for party in [&mut world.client, &mut world.server] {
        party.largest_piece = 3000;
    }
    world.client.rekey_every = every;
    world.server.rekey_every = every.map(|every| every / 2 * 3);
    world.run();
    world.assert_complete();
    assert!(world.pair.a.transport.packets().is_strict_kex());
    world
}

/// The nonce of this cipher is the sequence number, so both ends keep the same count through every reset of strict
/// key exchange.
///
/// covers: R01
#[test]
fn a_thousand_re_exchanges_lose_no_byte() {
    let mut setup = Setup::new(5);
    setup.algorithms = setup.algorithms.with_ciphers(vec![cipher("chacha20-poly1305@openssh.com")]);
    let world = transfer(&setup, Some(2_000));
    for (party, transport) in
        [(&world.client, world.pair.a.transport.stats()), (&world.server, world.pair.b.transport.stats())]
    {
        assert!(party.re_exchanges >= 1000, "only {} re-exchanges", party.re_exchanges);
        assert_eq!(party.re_exchanges, transport.key_re_exchanges);
    }
}

#[test]
fn keys_change_when_the_policy_says_so() {
    for (bytes, packets) in [(30_000, u64::MAX), (u64::MAX, 20)] {
        let mut setup = Setup::new(6);
        setup.rekey = RekeyPolicy { bytes, packets, interval: None };
        let world = transfer(&setup, None);
        assert!(world.client.re_exchanges >= 20, "only {} re-exchanges", world.client.re_exchanges);
        assert_eq!(world.client.re_exchanges, world.server.re_exchanges);
    }
}

#[test]
fn keys_change_when_time_passes() {
    let mut setup = Setup::new(7);
    setup.rekey.interval = Some(Duration::from_secs(600));
    let mut world = World::new(&setup, &Conditions::default());
    world.run();
    assert!(!world.run_until(Duration::from_secs(3600 + 60), |_, _| false));
    world.run();
    world.assert_alive();
    assert_eq!((world.client.re_exchanges, world.server.re_exchanges), (6, 6));
}
