//! One bit turned over on the way, anywhere under the first keys.

use crate::endpoints::{Setup, cipher};
use crate::flow::Flow;
use crate::world::World;
use konko_tests::{Conditions, Direction, End};
use konko_transport::Error;
use std::time::Duration;

const CIPHERS: [&str; 3] = ["aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr"];

fn session(name: &str, flip: Option<(End, u64)>) -> World {
    let mut setup = Setup::new(13).with_keepalive();
    setup.algorithms = setup.algorithms.with_ciphers(vec![cipher(name)]);
    let conditions = |end| Conditions {
        // Byte for byte, so that what is told after the damage can be told from what was told before.
        piece: 1..=1,
        record: true,
        flip_bit: flip.and_then(|(flipped, bit)| (flipped == end).then_some(bit)),
        ..Conditions::default()
    };
    let mut world = World::with_directions(&setup, conditions(End::A), conditions(End::B));
    world.client_opens(
        Flow { stays_open: true, ..Flow::of(vec![1; 200]) },
        Flow { stays_open: true, ..Flow::of(vec![2; 200]) },
    );
    world
}

/// The first byte after the packet of SSH_MSG_NEWKEYS, by RFC 4253 §4.2 and §6.
fn first_protected_byte(direction: &Direction) -> u64 {
    let stream = direction.recorded();
    let mut at = 1 + stream.iter().position(|byte| *byte == b'\n').expect("an identification string");
    loop {
        let packet = &stream[at..];
        let length = u32::from_be_bytes(*packet.first_chunk().expect("a packet length")) as usize;
        at += 4 + length;
        if packet[5] == 21 {
            return at as u64;
        }
    }
}

fn progress(world: &World, receiver: End) -> (u64, u64, usize) {
    let (party, wire) = match receiver {
        End::A => (&world.client, world.pair.a.received),
        End::B => (&world.server, world.pair.b.received),
    };
    (wire, party.events, party.flows.values().map(|flow| flow.received.len()).sum())
}

/// Nothing is told that came after the damage, and the end that finds it says so.
fn check(name: &str, sender: End, bit: u64) {
    let receiver = if sender == End::A { End::B } else { End::A };
    let mut world = session(name, Some((sender, bit)));
    let mut told = None;
    // Each round hands over one byte at most each way.
    for _ in 0..40 {
        let World { pair, client, server } = &mut world;
        // A length in clear that has become larger waits for as many bytes, even if only keepalive requests come.
        let ended = pair.drive_until(Duration::from_secs(24 * 3600), |a, b, now| {
            while client.step_client(&mut a.transport, now) {}
            while server.step_server(&mut b.transport, now) {}
            let received = if receiver == End::A { a.received } else { b.received };
            (told.is_none() && received > bit / 8) || (a.transport.is_ended() && b.transport.is_ended())
        });
        assert!(ended, "{name}, bit {bit}: nobody notices");
        if told.is_none() {
            told = Some(progress(&world, receiver));
        } else {
            break;
        }
    }
    let (_, events, read) = told.expect("the bit was reached");
    let (_, later_events, later_read) = progress(&world, receiver);
    assert_eq!(read, later_read, "{name}, bit {bit}: data was told that came after the damage");
    assert_eq!(events, later_events, "{name}, bit {bit}: something was told that came after the damage");
    let error = match receiver {
        End::A => world.pair.a.transport.error(),
        End::B => world.pair.b.transport.error(),
    };
    let error = error.expect("an end that is damaged");
    assert!(
        matches!(error, Error::Packet(_) | Error::TimedOut(_)),
        "{name}, bit {bit}: it is not the packet that is blamed, but {error}"
    );
    assert!(!matches!(error, Error::Packet(konko_packet::PacketError::Decode { .. })));
}

/// covers: T11, T12
#[test]
fn a_bit_turned_over_ends_the_connection_before_anything_is_told() {
    for name in CIPHERS {
        let mut whole = session(name, None);
        whole.run();
        whole.assert_alive();
        for sender in [End::A, End::B] {
            let direction = if sender == End::A { &whole.pair.link.a_to_b } else { &whole.pair.link.b_to_a };
            let first = first_protected_byte(direction);
            assert!(direction.sent() > first + 100);
            for (count, byte) in (first..direction.sent()).step_by(7).enumerate() {
                check(name, sender, byte * 8 + count as u64 % 8);
            }
        }
    }
}
