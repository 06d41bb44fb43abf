//! Deadlines, and ends of the stream.

use super::pair::{Pair, quick};
use crate::error::{PacketError, Phase};
use crate::rekey::RekeyReason;
use konko_wire::number::DisconnectReason;
use std::time::Duration;

fn timed_out(phase: Phase) -> Result<(), PacketError> {
    Err(PacketError::TimedOut { phase })
}

/// covers: T03, T22
#[test]
fn a_peer_that_stalls_is_given_up_in_every_phase() {
    let mut pair = Pair::new(quick());
    let start = pair.now;
    let due = pair.client.protocol.poll_timeout().expect("a deadline");
    assert!(due >= start - Duration::from_secs(1) && due <= start + Duration::from_secs(31));
    pair.client.receive(b"SSH-2.0", due);
    assert_eq!(pair.client.protocol.poll_timeout(), Some(due));
    assert_eq!(pair.client.protocol.handle_timeout(due - Duration::from_millis(1)), Ok(()));
    assert_eq!(pair.client.protocol.handle_timeout(due), timed_out(Phase::Identification));
    assert_eq!(pair.client.protocol.poll_timeout(), None);
    assert_eq!(pair.client.protocol.poll(due).err(), timed_out(Phase::Identification).err());

    let mut pair = Pair::new(quick());
    let hello = pair.client.output();
    let line = hello.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
    pair.server.receive(&hello[..line], start);
    let due = pair.server.protocol.poll_timeout().expect("a deadline");
    assert_eq!(due, start + Duration::from_secs(60));
    assert_eq!(pair.server.protocol.handle_timeout(due), timed_out(Phase::Negotiation));

    let mut pair = Pair::new(quick());
    pair.server.receive(&hello, pair.now);
    let due = pair.server.protocol.poll_timeout().expect("a deadline");
    assert_eq!(pair.server.protocol.handle_timeout(due), timed_out(Phase::KeyExchange));
}

#[test]
fn the_time_that_the_application_thinks_does_not_count() {
    let mut pair = Pair::new(quick());
    pair.client.answers = false;
    pair.run();
    let question = pair.client.question.take().expect("a question");
    assert_eq!(pair.client.protocol.poll_timeout(), None);
    let later = pair.now + Duration::from_secs(100_000);
    assert_eq!(pair.client.protocol.handle_timeout(later), Ok(()));
    pair.client.protocol.accept_host_key(question);
    pair.now = later;
    pair.client.poll(later);
    // The server's packets were all there; keys have changed.
    assert_eq!(pair.client.keys_changed.len(), 1);
    pair.run();
    pair.assert_healthy();
}

/// covers: T22
#[test]
fn an_exchange_that_the_peer_does_not_take_part_in_ends() {
    let mut pair = Pair::new(quick()).established();
    pair.client.protocol.request_key_exchange(pair.now);
    let due = pair.client.protocol.poll_timeout().expect("a deadline");
    assert_eq!(due, pair.now + Duration::from_secs(60));
    assert_eq!(pair.client.protocol.handle_timeout(due), timed_out(Phase::Established));

    let mut pair = Pair::new(quick()).established();
    pair.client.protocol.request_key_exchange(pair.now);
    let proposal = pair.client.output();
    pair.server.receive(&proposal, pair.now);
    let due = pair.server.protocol.poll_timeout().expect("a deadline");
    assert_eq!(pair.server.protocol.handle_timeout(due), timed_out(Phase::KeyReExchange));
}

/// covers: R01
#[test]
fn keys_change_when_their_time_has_come() {
    let mut pair = Pair::new(quick()).established();
    for round in 2..5 {
        let due = pair.client.protocol.poll_timeout().expect("a deadline");
        assert_eq!(due, pair.now + Duration::from_secs(3600));
        pair.now = due;
        assert_eq!(pair.client.protocol.handle_timeout(due), Ok(()));
        pair.run();
        pair.assert_healthy();
        assert_eq!(pair.client.keys_changed.len(), round);
        assert_eq!(pair.client.keys_changed.last(), Some(&(false, RekeyReason::Interval)));
        assert_eq!(pair.server.keys_changed.last(), Some(&(false, RekeyReason::Peer)));
    }
    let mut config = quick();
    config.rekey.interval = None;
    let pair = Pair::new(config).established();
    assert_eq!(pair.client.protocol.poll_timeout(), None);
}

/// covers: K38, T10
#[test]
fn the_end_of_the_stream_says_where_it_was() {
    let whole = |to_server: bool| {
        let mut pair = Pair::new(quick());
        let hello = if to_server { pair.client.output() } else { pair.server.output() };
        (hello, pair)
    };
    for to_server in [true, false] {
        let (hello, _) = whole(to_server);
        let line = hello.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
        for cut in 0..=hello.len() {
            let (hello, mut pair) = whole(to_server);
            let side = if to_server { &mut pair.server } else { &mut pair.client };
            side.receive(&hello[..cut], pair.now);
            let phase = match cut {
                _ if cut < line => Phase::Identification,
                _ if cut < hello.len() => Phase::Negotiation,
                _ => Phase::KeyExchange,
            };
            let closed = PacketError::ConnectionClosed { phase };
            assert_eq!(side.protocol.handle_eof(pair.now), Err(closed.clone()));
            assert_eq!(side.protocol.poll(pair.now).err(), Some(closed));
            assert!(side.protocol.input_buf().is_empty());
        }
    }
    let mut pair = Pair::new(quick()).established();
    pair.client.send(&[94; 100]);
    let packet = pair.client.output();
    pair.server.receive(&packet[..packet.len() - 1], pair.now);
    pair.assert_healthy();
    let closed = PacketError::ConnectionClosed { phase: Phase::Established };
    assert_eq!(pair.server.protocol.handle_eof(pair.now), Err(closed));
    assert!(pair.server.payloads.is_empty());
}

#[test]
fn nothing_is_sent_or_taken_after_our_disconnect() {
    let mut pair = Pair::new(quick()).established();
    pair.client.protocol.disconnect(DisconnectReason::BY_APPLICATION, "done");
    let sent = pair.client.protocol.stats().packets_sent;
    pair.client.send(&[94]);
    pair.client.protocol.disconnect(DisconnectReason::BY_APPLICATION, "again");
    pair.client.protocol.request_key_exchange(pair.now);
    assert_eq!(pair.client.protocol.stats().packets_sent, sent);
    pair.server.send(&[94]);
    pair.run();
    assert!(pair.server.disconnected && pair.client.payloads.is_empty());
    let reason = DisconnectReason::BY_APPLICATION;
    let expected = PacketError::Disconnected { reason, description: "done".into() };
    assert_eq!(pair.server.error, Some(expected.clone()));
    assert_eq!(pair.server.protocol.handle_eof(pair.now), Err(expected));
    assert_eq!(pair.client.error, None);
    assert_eq!(pair.client.protocol.handle_eof(pair.now), Ok(()));
    assert_eq!(pair.client.protocol.poll_timeout(), None);
}
