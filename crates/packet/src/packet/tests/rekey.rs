//! Key re-exchange.

use super::pair::{Pair, client_of, ed25519, quick, server_of};
use crate::config::PacketConfig;
use crate::error::PacketError;
use crate::rekey::RekeyReason;
use konko_crypto::cipher::CIPHERS;
use konko_crypto::kex::table::{
    CURVE25519_SHA256, ECDH_SHA2_NISTP256, ECDH_SHA2_NISTP384, ECDH_SHA2_NISTP521,
};
use konko_wire::encode::MessageSink;
use konko_wire::message::transport::{Ping, Pong};

fn pairs(config: &PacketConfig) -> [Pair; 2] {
    [Pair::new(config.clone()), Pair::not_strict(config.clone())].map(Pair::established)
}

/// covers: K06, R01, K29
#[test]
fn either_side_may_begin_and_both_at_once() {
    for name in ["aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr", "3des-cbc"] {
        let mut config = quick();
        let row = CIPHERS.iter().copied().find(|row| row.name == name).expect("a row");
        config.algorithms = config.algorithms.with_ciphers(vec![row]);
        for (index, mut pair) in pairs(&config).into_iter().enumerate() {
            assert_eq!(pair.client.protocol.is_strict_kex(), index == 0);
            let session_id = pair.client.protocol.session_id().map(<[u8]>::to_vec);
            for round in 0..102 {
                if round % 3 != 0 {
                    pair.client.protocol.request_key_exchange(pair.now);
                    assert!(pair.client.protocol.is_exchanging_keys());
                }
                if round % 3 != 1 {
                    pair.server.protocol.request_key_exchange(pair.now);
                }
                // Messages that are legal in a re-exchange, strict or not.
                pair.client.inject(&[2, 0, 0, 0, 0]);
                pair.server.inject(&[4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
                pair.client.send(&[94, round]);
                pair.server.send(&[95, round]);
                pair.run();
                pair.assert_healthy();
                assert_eq!(pair.client.keys_changed.len(), usize::from(round) + 2);
                assert_eq!(pair.server.keys_changed.len(), usize::from(round) + 2);
                assert_eq!(pair.server.payloads.last(), Some(&vec![94, round]));
                assert_eq!(pair.client.payloads.last(), Some(&vec![95, round]));
                assert!(!pair.client.protocol.is_exchanging_keys());
            }
            assert_eq!(pair.client.protocol.session_id().map(<[u8]>::to_vec), session_id);
            assert_eq!(pair.server.protocol.session_id().map(<[u8]>::to_vec), session_id);
            assert_eq!(pair.client.protocol.stats().key_re_exchanges, 102);
            assert_eq!(pair.client.host_keys_asked, 1);
            assert!(pair.client.keys_changed.contains(&(false, RekeyReason::Requested)));
            assert!(pair.client.keys_changed.contains(&(false, RekeyReason::Peer)));
        }
    }
}

/// covers: K29, K30
#[test]
fn the_session_identifier_outlives_changes_of_method_and_cipher() {
    let methods = [&CURVE25519_SHA256, &ECDH_SHA2_NISTP521, &ECDH_SHA2_NISTP384, &ECDH_SHA2_NISTP256];
    let mut config = quick();
    config.algorithms.kex = methods.to_vec();
    let mut pair = Pair::new(config).established();
    let session_id = pair.server.protocol.session_id().map(<[u8]>::to_vec);
    for (index, cipher) in CIPHERS.iter().copied().cycle().take(2 * CIPHERS.len()).enumerate() {
        let method = methods[index % methods.len()];
        for side in [&mut pair.client, &mut pair.server] {
            side.protocol.key_exchange.offer(|offered| {
                offered.kex = vec![method];
                offered.cipher_client_to_server = vec![cipher];
                offered.cipher_server_to_client = vec![CIPHERS[index % 3]];
            });
        }
        pair.client.protocol.request_key_exchange(pair.now);
        pair.run();
        pair.assert_healthy();
        let negotiated = pair.server.protocol.negotiated().expect("negotiated");
        assert_eq!(
            (negotiated.kex.name, negotiated.cipher_client_to_server.name),
            (method.name, cipher.name)
        );
        assert_eq!(pair.client.protocol.session_id().map(<[u8]>::to_vec), session_id);
        pair.client.send(&[94, 1, 2, 3]);
        pair.server.send(&[94, 3, 2, 1]);
        pair.run();
        assert_eq!(pair.server.payloads.len(), index + 1);
        assert_eq!(pair.client.payloads.len(), index + 1);
    }
}

/// covers: I18, R01, R02
#[test]
fn volume_makes_keys_change_on_their_own_under_load() {
    for (bytes, packets, reason) in [
        (20_000, u64::MAX, RekeyReason::Bytes),
        (u64::MAX, 20, RekeyReason::Packets),
        (0, 0, RekeyReason::Bytes),
    ] {
        let mut config = quick();
        config.rekey.bytes = bytes;
        config.rekey.packets = packets;
        for mut pair in pairs(&config) {
            let (mut sent, mut received) = (0u32, Vec::new());
            while sent < 300 {
                // As an application does: as much as there is room for.
                while sent < 300 && pair.client.protocol.outbound().room() > 100_000 {
                    let mut payload = vec![94; 1000];
                    payload[1..5].copy_from_slice(&sent.to_be_bytes());
                    pair.client.send(&payload);
                    pair.server.send(&payload);
                    sent += 1;
                    if sent % 7 == 0 {
                        break;
                    }
                }
                pair.run();
                pair.assert_healthy();
                received.append(&mut pair.server.payloads);
                pair.client.payloads.clear();
            }
            let numbers: Vec<_> = received.iter().map(|payload| payload[1..5].to_vec()).collect();
            assert_eq!(numbers, (0..300u32).map(|n| n.to_be_bytes().to_vec()).collect::<Vec<_>>());
            assert!(pair.client.keys_changed.len() > 10, "{}", pair.client.keys_changed.len());
            let reasons = pair.client.keys_changed.iter().chain(&pair.server.keys_changed);
            assert!(reasons.clone().any(|(_, why)| *why == reason));
        }
    }
}

/// While keys are exchanged messages of upper layers wait, and then go out in their order.
#[test]
fn messages_wait_for_the_end_of_an_exchange() {
    let mut pair = Pair::new(quick()).established();
    pair.client.protocol.request_key_exchange(pair.now);
    assert!(pair.client.protocol.outbound().is_exchanging());
    assert_eq!(pair.client.protocol.outbound().room(), 0);
    let before = pair.client.protocol.stats().packets_sent;
    for number in 0..100 {
        pair.client.send(&[98, number]);
    }
    pair.client.send(&[5]);
    pair.client.protocol.outbound().send(&Pong { data: b"x" });
    assert_eq!(pair.client.protocol.stats().packets_sent, before);
    pair.run();
    pair.assert_healthy();
    assert!(pair.client.protocol.outbound().room() > 0);
    let (last, deferred) = pair.server.payloads.split_last().expect("messages");
    assert_eq!(deferred, (0..100).map(|number| vec![98, number]).collect::<Vec<_>>());
    assert_eq!(last, &[5]);
}

/// covers: T18, T19
#[test]
fn what_waits_is_bounded_by_count_and_by_bytes() {
    for (count, len) in [(4096, 1), (4, 256 * 1024)] {
        let mut pair = Pair::new(quick()).established();
        pair.client.protocol.request_key_exchange(pair.now);
        for _ in 0..count {
            pair.client.send(&vec![98; len]);
        }
        assert!(pair.client.protocol.poll(pair.now).is_ok());
        pair.client.send(&[98]);
        let expected = PacketError::LimitExceeded("messages that wait for the end of a key exchange");
        for _ in 0..3 {
            assert_eq!(pair.client.protocol.poll(pair.now).err(), Some(expected.clone()));
        }
        pair.client.send(&[98]);
        pair.run();
        assert!(pair.server.disconnected);
        assert!(pair.server.payloads.is_empty());
    }
}

/// covers: T18, I08
#[test]
fn pings_in_an_exchange_are_taken_and_not_answered() {
    let mut pair = Pair::new(quick()).established();
    pair.client.protocol.request_key_exchange(pair.now);
    let output = pair.client.output();
    pair.server.receive(&output, pair.now);
    for _ in 0..10_000 {
        pair.client.protocol.outbound.send_now(&Ping { data: b"hello" });
        let output = pair.client.output();
        pair.server.receive(&output, pair.now);
    }
    pair.run();
    pair.assert_healthy();
    assert!(pair.server.payloads.is_empty());
    assert_eq!(pair.server.keys_changed.len(), 2);
}

/// covers: K28
#[test]
fn another_host_key_in_a_re_exchange_ends_the_connection() {
    let mut pair = Pair::new(quick()).established();
    let other = ed25519(8);
    pair.server.protocol.key_exchange.replace_host_keys(vec![other.public_key().clone()]);
    pair.server.keys = vec![other];
    pair.client.protocol.request_key_exchange(pair.now);
    pair.run();
    assert_eq!(pair.client.error, Some(PacketError::HostKeyChanged));
    assert!(pair.server.disconnected);
    assert_eq!(pair.client.host_keys_asked, 1);
}

/// covers: K07
#[test]
fn markers_of_later_proposals_mean_nothing() {
    for mut pair in pairs(&quick()) {
        let strict = pair.server.protocol.is_strict_kex();
        pair.client.protocol.key_exchange.edit_proposals(|proposal| {
            let names = b"curve25519-sha256,ext-info-c,kex-strict-c-v00@openssh.com";
            let mut edited = proposal[..17].to_vec();
            edited.extend_from_slice(&(names.len() as u32).to_be_bytes());
            edited.extend_from_slice(names);
            let old = u32::from_be_bytes([proposal[17], proposal[18], proposal[19], proposal[20]]) as usize;
            edited.extend_from_slice(&proposal[21 + old..]);
            *proposal = edited;
        });
        for _ in 0..3 {
            pair.client.protocol.request_key_exchange(pair.now);
            pair.run();
            pair.exchange_payloads();
            assert_eq!(pair.server.protocol.is_strict_kex(), strict);
        }
        assert_eq!(pair.client.ext_infos, 1);
    }
}

/// covers: R03
#[test]
fn before_authentication_the_peer_may_begin_once_and_we_never() {
    let mut config = quick();
    config.rekey.packets = 1;
    let mut pair = Pair::new(config);
    pair.run();
    for _ in 0..10 {
        pair.client.send(&[50]);
        pair.server.send(&[51]);
        pair.run();
    }
    pair.client.protocol.request_key_exchange(pair.now);
    pair.run();
    pair.assert_healthy();
    assert_eq!((pair.client.keys_changed.len(), pair.server.keys_changed.len()), (1, 1));
    for round in 0..2 {
        pair.client.protocol.key_exchange.propose(RekeyReason::Requested, &mut pair.client.protocol.outbound);
        pair.run();
        assert_eq!(pair.server.error.is_some(), round == 1);
    }
    let expected = PacketError::LimitExceeded("key re-exchanges before authentication");
    assert_eq!(pair.server.error, Some(expected));
}

#[test]
fn a_wish_before_authentication_is_fulfilled_after_it() {
    let mut pair = Pair::new(quick());
    pair.run();
    pair.client.protocol.request_key_exchange(pair.now);
    pair.client.protocol.authentication_succeeded();
    pair.server.protocol.authentication_succeeded();
    pair.run();
    pair.assert_healthy();
    assert_eq!(pair.client.keys_changed.last(), Some(&(false, RekeyReason::Requested)));
}

/// A client that has one key pinned for a server with several keeps to it.
#[test]
fn a_server_with_several_keys_stays_with_the_first() {
    let config = quick();
    let mut pair =
        Pair::of(client_of(config.clone()), server_of(config, vec![ed25519(7), ed25519(8)])).established();
    for _ in 0..3 {
        pair.server.protocol.request_key_exchange(pair.now);
        pair.run();
        pair.assert_healthy();
    }
}
