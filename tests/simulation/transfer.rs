//! Several channels in both directions at once, under random pieces, windows, delays, ciphers and re-exchanges.

use crate::endpoints::{Setup, cipher};
use crate::flow::Flow;
use crate::world::World;
use konko_channel::ChannelConfig;
use konko_tests::{Conditions, Seed};
use std::time::Duration;

const CIPHERS: [&str; 4] =
    ["aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr", "aes128-ctr"];

fn conditions(seed: &mut Seed) -> Conditions {
    let pieces = [1..=1, 1..=16, 1..=700, 4096..=65_536, 1..=65_536];
    let delays = [0, 0, 3, 200];
    Conditions {
        piece: seed.choose(&pieces).expect("some pieces").clone(),
        delay: Duration::ZERO..=Duration::from_millis(*seed.choose(&delays).expect("some delays")),
        capacity: *seed.choose(&[512, 20_000, 1 << 20]).expect("some capacities"),
        ..Conditions::default()
    }
}

fn windows(seed: &mut Seed) -> ChannelConfig {
    ChannelConfig {
        initial_window_size: *seed.choose(&[1, 100, 5000, 2 << 20]).expect("some windows"),
        maximum_window_size: *seed.choose(&[1, 10_000, 64 << 20]).expect("some windows"),
        maximum_packet_size: *seed.choose(&[7, 1024, 32_768]).expect("some packet sizes"),
        ..ChannelConfig::default()
    }
}

fn plan(seed: &mut Seed, world: &mut World, most: usize) {
    for _ in 0..1 + seed.below(4) {
        let (length_there, length_back) = (seed.below(most), seed.below(most));
        let (there, back) = (Flow::of(seed.bytes(length_there)), Flow::of(seed.bytes(length_back)));
        if seed.happens(1, 2) {
            world.client_opens(there, back);
        } else {
            world.server_opens(there, back);
        }
    }
    for party in [&mut world.client, &mut world.server] {
        party.largest_piece = *seed.choose(&[50, 3000, 100_000]).expect("some pieces");
        party.rekey_every = *seed.choose(&[None, Some(3000), Some(20_000)]).expect("some intervals");
    }
}

fn world(seed: u64) -> World {
    let mut draw = Seed::new(seed);
    let mut setup = Setup::new(seed);
    let row = cipher(draw.choose(&CIPHERS).expect("some ciphers"));
    setup.algorithms = setup.algorithms.with_ciphers(vec![row]);
    setup.channel = windows(&mut draw);
    // Where a byte costs a packet, few will do.
    let narrow = setup.channel.initial_window_size == 1 || setup.channel.maximum_packet_size == 7;
    let (there, back) = (conditions(&mut draw), conditions(&mut draw));
    let tiny = there.piece == (1..=1) || back.piece == (1..=1);
    let most = match (narrow, tiny) {
        (true, true) => 100,
        (true, false) | (false, true) => 600,
        (false, false) => 30_000,
    };
    let mut world = World::with_directions(&setup, there, back);
    plan(&mut draw, &mut world, most);
    world
}

#[test]
fn what_is_received_is_what_was_sent() {
    for seed in 0..24 {
        let mut world = world(seed);
        world.run();
        world.assert_complete();
    }
}

#[test]
fn what_is_received_before_a_cut_is_the_beginning_of_what_was_sent() {
    for seed in 100..116 {
        let mut whole = world(seed);
        whole.run();
        let (there, back) = (whole.pair.link.a_to_b.sent(), whole.pair.link.b_to_a.sent());

        let mut draw = Seed::new(!seed);
        let mut world = world(seed);
        let (direction, length) = if draw.happens(1, 2) {
            (&mut world.pair.link.a_to_b, there)
        } else {
            (&mut world.pair.link.b_to_a, back)
        };
        direction.conditions_mut().end_after = Some(draw.within(&(0..=length - 1)));
        // In the same steps as the whole one, so that the cut is reached.
        world.run();
        world.run_to_the_end();
        world.assert_prefixes();
        for party in [&world.client, &world.server] {
            assert!(
                party.flows.values().all(|flow| flow.closed),
                "seed {seed}: a channel outlives its connection"
            );
        }
    }
}
