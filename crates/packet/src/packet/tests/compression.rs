//! Compression in the life of a connection.

use super::pair::{Pair, quick};
use crate::compression::{NONE, ZLIB, ZLIB_OPENSSH};
use crate::config::PacketConfig;
use crate::error::PacketError;

fn with(rows: &[&'static crate::compression::CompressionAlgorithm]) -> PacketConfig {
    let mut config = quick();
    config.algorithms = config.algorithms.with_compression(rows.to_vec());
    config
}

/// How many bytes a payload of 10,000 equal bytes takes from client to server.
fn cost(pair: &mut Pair) -> u64 {
    let before = pair.client.protocol.stats().bytes_sent;
    let received = pair.server.payloads.len();
    pair.client.send(&[94; 10_000]);
    pair.run();
    pair.assert_healthy();
    assert_eq!(pair.server.payloads.len(), received + 1);
    assert_eq!(pair.server.payloads.last(), Some(&vec![94; 10_000]));
    pair.client.protocol.stats().bytes_sent - before
}

/// covers: Z03
#[test]
fn delayed_compression_begins_with_the_message_after_success() {
    let mut pair = Pair::new(with(&[&ZLIB_OPENSSH]));
    pair.run();
    assert!(cost(&mut pair) > 10_000);
    pair.server.send(&[52]);
    pair.server.protocol.authentication_succeeded();
    pair.server.send(&[94; 10_000]);
    let output = pair.server.output();
    assert!(output.len() < 1_000);
    // The client acts on each payload before it asks for the next, as a transport does.
    for byte in &output {
        pair.client.receive(&[*byte], pair.now);
        if pair.client.payloads.last() == Some(&vec![52]) {
            pair.client.protocol.authentication_succeeded();
        }
    }
    assert_eq!(pair.client.payloads.last(), Some(&vec![94; 10_000]));
    assert!(cost(&mut pair) < 1_000);
    pair.exchange_payloads();
}

/// covers: Z03
#[test]
fn compression_starts_anew_with_every_key() {
    for (rows, small_before) in [(&ZLIB_OPENSSH, false), (&ZLIB, true), (&NONE, false)] {
        let mut pair = Pair::new(with(&[rows]));
        pair.run();
        assert_eq!(cost(&mut pair) < 1_000, small_before);
        pair.client.protocol.authentication_succeeded();
        pair.server.protocol.authentication_succeeded();
        let small_after = rows.name != "none";
        for _ in 0..4 {
            assert_eq!(cost(&mut pair) < 1_000, small_after, "{}", rows.name);
            pair.client.protocol.request_key_exchange(pair.now);
            pair.exchange_payloads();
        }
    }
}

/// Success that had to wait for the end of an exchange travels as it would have before.
#[test]
fn success_that_waited_is_not_compressed() {
    let mut pair = Pair::new(with(&[&ZLIB_OPENSSH]));
    pair.run();
    pair.client
        .protocol
        .key_exchange
        .propose(crate::rekey::RekeyReason::Requested, &mut pair.client.protocol.outbound);
    let proposal = pair.client.output();
    pair.server.receive(&proposal, pair.now);
    pair.server.send(&[52]);
    pair.server.protocol.authentication_succeeded();
    pair.server.send(&[94; 10_000]);
    let proposal = pair.server.output();
    pair.client.receive(&proposal, pair.now);
    let init = pair.client.output();
    pair.server.receive(&init, pair.now);
    for byte in &pair.server.output() {
        pair.client.receive(&[*byte], pair.now);
        if pair.client.payloads.last() == Some(&vec![52]) {
            pair.client.protocol.authentication_succeeded();
        }
    }
    pair.assert_healthy();
    assert_eq!(pair.client.payloads.last(), Some(&vec![94; 10_000]));
    pair.exchange_payloads();
}

/// covers: Z01
#[test]
fn a_payload_that_grows_beyond_the_limit_ends_the_connection() {
    let mut config = with(&[&ZLIB_OPENSSH]);
    config.limits.maximum_packet_len = 35_000;
    let mut pair = Pair::new(config).established();
    pair.client.send(&[94; 35_000]);
    pair.run();
    pair.assert_healthy();
    pair.client.send(&[94; 35_001]);
    pair.run();
    let expected = PacketError::Compression("a payload is beyond the limit");
    assert_eq!(pair.server.error, Some(expected));
    assert_eq!(pair.server.payloads.len(), 1);
    assert!(pair.client.disconnected);
}
