//! Peers that misbehave in key exchange, in volume and in packets.

use super::order::{clear, split_clear};
use super::pair::{Pair, client_of, ed25519, edited, quick, server_of};
use crate::algorithms::Algorithms;
use crate::config::PacketConfig;
use crate::error::{Incompatibility, PacketError};
use crate::packet::PacketProtocol;
use crate::received::Received;
use crate::role::Role;
use konko_crypto::cipher::CIPHERS;
use konko_crypto::kex::table::{
    CURVE25519_SHA256, DIFFIE_HELLMAN_GROUP_EXCHANGE_SHA256, DIFFIE_HELLMAN_GROUP14_SHA256,
};
use konko_crypto::kex::{KexError, Moduli};
use konko_crypto::mac::hmac::HMAC_SHA2_256;
use konko_keys::private_key::{KeyKind, PrivateKey};
use konko_keys::signature_algorithm::SSH_ED25519;
use konko_wire::encode::{Encode, MessageSink, put_mpint, put_string};
use konko_wire::message::kex::KexDhGexRequest;
use konko_wire::message::transport::Unimplemented;
use std::sync::Arc;

/// Runs a key exchange whose signature is made by `sign`, and returns how the client ends.
fn client_end(sign: impl Fn(&PrivateKey, &[u8]) -> Vec<u8>) -> (Option<PacketError>, usize) {
    let mut pair = Pair::new(quick());
    let hello = pair.client.output();
    pair.client.receive(&pair.server.output(), pair.now);
    let init = pair.client.output();
    // The server is polled by hand, to answer its question wrongly.
    let server = &mut pair.server.protocol;
    for bytes in [&hello, &init] {
        let spare = server.input_buf();
        spare[..bytes.len()].copy_from_slice(bytes);
        server.commit_input(bytes.len());
    }
    let Ok(Some(Received::SignatureWanted(question))) = server.poll(pair.now) else { panic!("no question") };
    let signature = sign(&pair.server.keys[0], &question.data);
    server.provide_signature(question, signature);
    pair.run();
    (pair.client.error, pair.client.host_keys_asked)
}

/// covers: K11, K25
#[test]
fn a_server_must_prove_to_own_its_key() {
    let good = client_end(|key, data| key.sign(&SSH_ED25519, data).expect("a signature"));
    assert_eq!(good, (None, 1));
    let other = ed25519(9);
    type Sign<'a> = &'a dyn Fn(&PrivateKey, &[u8]) -> Vec<u8>;
    let wrong: [Sign<'_>; 6] = [
        &|_, data| other.sign(&SSH_ED25519, data).expect("a signature"),
        &|key, data| key.sign(&SSH_ED25519, &[data, &[0]].concat()).expect("a signature"),
        &|_, _| Vec::new(),
        &|_, _| {
            let mut empty = Vec::new();
            put_string(&mut empty, b"ssh-ed25519");
            put_string(&mut empty, b"");
            empty
        },
        &|key, data| {
            let mut renamed = key.sign(&SSH_ED25519, data).expect("a signature");
            renamed[8] ^= 1;
            renamed
        },
        &|key, data| {
            let mut flipped = key.sign(&SSH_ED25519, data).expect("a signature");
            flipped[40] ^= 1;
            flipped
        },
    ];
    for sign in wrong {
        let (error, asked) = client_end(sign);
        assert!(matches!(error, Some(PacketError::HostKeySignature(_))), "{error:?}");
        assert_eq!(asked, 0);
    }
}

/// covers: K11
#[test]
fn a_host_key_of_another_type_than_negotiated_is_refused() {
    let p256 = PrivateKey::generate(KeyKind::EcdsaP256, &mut super::pair::Seeded::new(5)).expect("a key");
    for host_key in [Vec::new(), b"\0\0\0\x0bssh-ed25519".to_vec(), p256.public_key().blob().to_vec()] {
        let mut pair = Pair::new(quick());
        pair.server.output();
        pair.client.receive(&edited_hello(), pair.now);
        let mut reply = vec![31];
        put_string(&mut reply, &host_key);
        let mut base = [0; 32];
        base[0] = 9;
        put_string(&mut reply, &base);
        put_string(&mut reply, b"signature");
        pair.client.receive(&clear(&reply), pair.now);
        let error = pair.client.error.expect("an error");
        assert!(matches!(error, PacketError::HostKey(_) | PacketError::HostKeySignature(_)), "{error}");
        assert_eq!(pair.client.host_keys_asked, 0);
    }
}

/// A server's identification and proposal.
fn edited_hello() -> Vec<u8> {
    server_of(quick(), vec![ed25519(7)]).output()
}

/// covers: K20, K21
#[test]
fn public_values_that_cannot_be_are_refused() {
    let low_order = [0; 32];
    for value in [&low_order[..], &[], &[1; 31], &[1; 33], &vec![1; 30_000]] {
        let mut init = vec![30];
        put_string(&mut init, value);
        let mut server = server_of(quick(), vec![ed25519(7)]);
        let mut client = client_of(quick());
        let now = Pair::new(quick()).now;
        server.receive(&client.output(), now);
        server.receive(&clear(&init), now);
        assert!(matches!(server.error, Some(PacketError::Kex(_))), "{:?}", server.error);

        let mut pair = Pair::new(quick());
        pair.client.receive(&edited_hello(), pair.now);
        let mut reply = vec![31];
        put_string(&mut reply, ed25519(7).public_key().blob());
        put_string(&mut reply, value);
        put_string(&mut reply, b"");
        pair.client.receive(&clear(&reply), pair.now);
        assert!(matches!(pair.client.error, Some(PacketError::Kex(_))), "{:?}", pair.client.error);
    }
}

/// covers: K16
#[test]
fn diffie_hellman_values_out_of_range_are_refused() {
    let mut config = quick();
    config.algorithms.kex = vec![&DIFFIE_HELLMAN_GROUP14_SHA256];
    for value in [&b"\0\0\0\0"[..], b"\0\0\0\x01\x01", b"\0\0\0\x01\x02", b"\0\0\0\x01\xff"] {
        let mut server = server_of(config.clone(), vec![ed25519(7)]);
        let now = Pair::new(quick()).now;
        server.receive(&client_of(config.clone()).output(), now);
        server.receive(&clear(&[&[30][..], value].concat()), now);
        assert_eq!(server.error, Some(PacketError::Kex(KexError::InvalidValue)));
    }
}

/// covers: K18
#[test]
fn silly_group_requests_are_refused() {
    let mut config = PacketConfig { moduli: Some(Arc::new(Moduli::builtin())), ..quick() };
    config.algorithms.kex = vec![&DIFFIE_HELLMAN_GROUP_EXCHANGE_SHA256];
    for (minimum, preferred, maximum) in
        [(0, 0, 0), (8192, 1, 1), (1, 2, 3), (4096, 3072, 2048), (8193, 8193, 9000), (2049, 2100, 2200)]
    {
        let mut server = server_of(config.clone(), vec![ed25519(7)]);
        let now = Pair::new(quick()).now;
        server.receive(&client_of(config.clone()).output(), now);
        server.receive(&clear(&KexDhGexRequest { minimum, preferred, maximum }.to_vec()), now);
        let expected = PacketError::PeerIncompatible(Incompatibility::NoGroup { minimum, maximum });
        assert_eq!(server.error, Some(expected));
    }
}

/// covers: K17
#[test]
fn groups_that_are_not_what_was_asked_for_are_refused() {
    let mut config = PacketConfig { moduli: Some(Arc::new(Moduli::builtin())), ..quick() };
    config.algorithms.kex = vec![&DIFFIE_HELLMAN_GROUP_EXCHANGE_SHA256];
    for (prime, generator) in
        [(vec![0xff; 64], 2), (vec![0xff; 128], 2), (vec![0xfe; 256], 2), (vec![0xff; 1025], 2)]
    {
        let mut client = client_of(config.clone());
        let now = Pair::new(quick()).now;
        client.receive(&server_of(config.clone(), vec![ed25519(7)]).output(), now);
        let mut group = vec![31];
        put_mpint(&mut group, &prime);
        put_mpint(&mut group, &[generator]);
        client.receive(&clear(&group), now);
        assert_eq!(client.error, Some(PacketError::Kex(KexError::UnacceptableGroup)));
    }
}

/// covers: K10
#[test]
fn a_rejected_host_key_ends_the_connection_before_anything_is_sent_under_it() {
    let mut pair = Pair::new(quick());
    pair.client.answers = false;
    pair.run();
    pair.client.send(&[5, 0, 0, 0, 0]);
    assert!(pair.client.protocol.output().is_empty());
    assert_eq!(pair.client.protocol.session_id(), None);
    let question = pair.client.question.take().expect("a question");
    assert_eq!(question.host_key, *ed25519(7).public_key());
    pair.client.protocol.reject_host_key(question);
    pair.run();
    assert_eq!(pair.client.error, Some(PacketError::HostKeyRejected));
    assert!(
        pair.server.disconnected && pair.server.payloads.is_empty() && pair.server.keys_changed.is_empty()
    );
}

#[test]
fn an_answer_to_another_connections_question_is_refused() {
    let mut one = Pair::new(quick());
    one.client.answers = false;
    one.run();
    let question = one.client.question.take().expect("a question");
    let mut other = Pair::new(quick()).established();
    other.client.protocol.accept_host_key(question);
    assert!(matches!(other.client.protocol.poll(other.now), Err(PacketError::ApiMisuse(_))));
}

/// While the application thinks about a host key, a server cannot make the client hold more and more.
#[test]
fn a_waiting_client_stops_reading() {
    let mut pair = Pair::new(quick());
    pair.client.answers = false;
    pair.run();
    let mut taken = 0;
    while taken < 10_000_000 {
        let spare = pair.client.protocol.input_buf().len();
        if spare == 0 {
            break;
        }
        pair.client.protocol.commit_input(spare);
        taken += spare;
        assert!(matches!(pair.client.protocol.poll(pair.now), Ok(None)));
    }
    assert!(taken < 1_000_000, "{taken}");
}

/// covers: T15
#[test]
fn sequence_numbers_do_not_come_around_in_the_first_exchange() {
    let mut pair = Pair::not_strict(quick());
    let pieces = split_clear(&pair.client.output());
    pair.server.receive(&pieces[0], pair.now);
    pair.server.protocol.inbound.set_sequence_number(u32::MAX - 1);
    pair.server.receive(&clear(&[2]), pair.now);
    assert_eq!(pair.server.error, None);
    pair.server.receive(&clear(&[2]), pair.now);
    let expected = PacketError::LimitExceeded("sequence numbers in the first key exchange");
    assert_eq!(pair.server.error, Some(expected.clone()));

    let mut pair = Pair::not_strict(quick());
    pair.client.protocol.outbound.set_sequence_number(u32::MAX);
    pair.run();
    assert_eq!(pair.client.protocol.poll(pair.now).err(), Some(expected));
}

/// covers: T20
#[test]
fn before_authentication_there_is_a_ceiling() {
    for (len, packets) in [(1, 2000), (30_000, 35)] {
        let mut pair = Pair::new(quick());
        pair.run();
        let mut sent = 0;
        while pair.server.error.is_none() && sent < 5000 {
            pair.client.inject(&vec![2; len]);
            pair.run();
            sent += 1;
        }
        assert!(sent <= packets && sent + 10 > packets, "{sent}");
        let expected = PacketError::LimitExceeded("bytes or packets before authentication");
        assert_eq!(pair.server.error, Some(expected));
    }
    let mut pair = Pair::new(quick()).established();
    for _ in 0..5000 {
        pair.client.inject(&[2; 1000]);
        pair.run();
    }
    pair.assert_healthy();
}

/// covers: T23, T18
#[test]
fn a_peer_that_asks_and_does_not_read_is_cut_off() {
    let mut config = quick();
    config.limits.output_room = 10_000;
    config.limits.maximum_output_len = 50_000;
    let mut pair = Pair::new(config).established();
    let mut asked = 0;
    while pair.server.error.is_none() && asked < 10_000 {
        pair.client.inject(&[9]);
        let question = pair.client.output();
        pair.server.receive(&question, pair.now);
        asked += 1;
    }
    let expected = PacketError::LimitExceeded("output that the peer does not read");
    assert_eq!(pair.server.error, Some(expected));
    assert!(pair.server.protocol.output().len() < 51_000);
}

/// covers: T23
#[test]
fn unimplemented_is_never_answered() {
    let mut pair = Pair::new(quick()).established();
    for sequence_number in [0, 1, 1000, u32::MAX] {
        pair.client.protocol.outbound().send(&Unimplemented { sequence_number });
        pair.client.protocol.send_unimplemented(sequence_number);
    }
    let bytes = pair.client.output();
    pair.server.receive(&bytes, pair.now);
    assert!(pair.server.protocol.output().is_empty());
    pair.assert_healthy();
}

/// The room for channel data is what the output may still take.
#[test]
fn room_shrinks_with_what_the_peer_has_not_read() {
    let mut config = quick();
    config.limits.output_room = 100_000;
    let mut pair = Pair::new(config).established();
    assert_eq!(pair.client.protocol.outbound().room(), 100_000);
    pair.client.send(&[94; 60_000]);
    assert!(pair.client.protocol.outbound().room() < 40_000);
    pair.client.send(&[94; 60_000]);
    assert_eq!(pair.client.protocol.outbound().room(), 0);
    pair.run();
    assert_eq!(pair.client.protocol.outbound().room(), 100_000);
    pair.assert_healthy();
}

#[test]
fn a_message_too_long_for_a_packet_is_the_callers_fault() {
    for len in [0, 256 * 1024] {
        let mut pair = Pair::new(quick()).established();
        pair.client.send(&vec![94; len]);
        assert!(matches!(pair.client.protocol.poll(pair.now), Err(PacketError::ApiMisuse(_))), "{len}");
    }
}

/// covers: T11
#[test]
fn a_changed_bit_is_noticed_and_nothing_is_handed_up() {
    for name in ["aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr", "aes128-cbc"] {
        let mut config = quick();
        let row = CIPHERS.iter().copied().find(|row| row.name == name).expect("a row");
        config.algorithms = Algorithms { kex: config.algorithms.kex, ..Algorithms::legacy() };
        config.algorithms = config.algorithms.with_ciphers(vec![row]);
        let mut pair = Pair::new(config.clone()).established();
        pair.client.send(&[94; 20]);
        let len = pair.client.output().len();
        for at in 0..len {
            let mut pair = Pair::new(config.clone()).established();
            pair.client.send(&[94; 20]);
            let mut packet = pair.client.output();
            packet[at] ^= 1 << (at % 8);
            pair.server.receive(&packet, pair.now);
            // A changed length may ask for more bytes than there are; then they come, and it is noticed.
            pair.server.receive(&vec![0; 300_000], pair.now);
            let error = pair.server.error.expect("noticed");
            assert!(matches!(error, PacketError::TagMismatch | PacketError::PacketLength(_)), "{error}");
            assert!(pair.server.payloads.is_empty());
        }
    }
}

/// covers: T13
#[test]
fn a_chained_cipher_tells_nothing_by_how_much_it_reads() {
    let mut config = quick();
    let row = CIPHERS.iter().copied().find(|row| row.name == "aes128-cbc").expect("a row");
    config.algorithms = config.algorithms.with_ciphers(vec![row]).with_macs(vec![&HMAC_SHA2_256]);
    let consumed = |at: usize, bit: u8| {
        let mut pair = Pair::new(config.clone()).established();
        pair.client.send(&[94; 100]);
        let mut stream = pair.client.output();
        stream[at] ^= bit;
        stream.resize(400_000, 0x5a);
        for (index, byte) in stream.iter().enumerate() {
            pair.server.receive(&[*byte], pair.now);
            if let Some(error) = &pair.server.error {
                assert_eq!(*error, PacketError::TagMismatch);
                return index + 1;
            }
        }
        panic!("never refused")
    };
    // Changes of the first block make the length anything; changes later leave it as it is.
    let expected = consumed(0, 1);
    for (at, bit) in [(0, 0x80), (1, 1), (3, 0x40), (20, 1), (140, 1)] {
        assert_eq!(consumed(at, bit), expected, "byte {at}");
    }
}

/// covers: K15
#[test]
fn languages_are_not_looked_at() {
    let client = edited(Role::Client, quick(), Vec::new(), |proposal| {
        let at = proposal.len() - 5 - 8;
        proposal.splice(at..at + 4, *b"\0\0\0\x05de,en");
    });
    Pair::of(client, server_of(quick(), vec![ed25519(7)])).established();
}

/// covers: K10
#[test]
fn a_client_says_nothing_of_upper_layers_before_it_has_keys() {
    let config = Arc::new(quick());
    let random = Box::new(super::pair::Seeded::new(1));
    let now = std::time::Instant::now();
    let mut client = PacketProtocol::client(config, random, now);
    client
        .outbound()
        .send(&konko_wire::message::transport::Encoded(&[50, b's', b'e', b'c', b'r', b'e', b't']));
    let output = client.output();
    assert!(!output.windows(6).any(|window| window == b"secret"));
    assert_eq!(CURVE25519_SHA256.name, "curve25519-sha256");
    assert_eq!(split_clear(output).len(), 2);
}
