//! The first key exchange and what follows, for every row of every table.

use super::pair::{Pair, Seeded, Side, client_of, ed25519, quick, server_of};
use crate::algorithms::Algorithms;
use crate::config::PacketConfig;
use crate::packet::PacketProtocol;
use konko_crypto::cipher::CIPHERS;
use konko_crypto::kex::table::{DIFFIE_HELLMAN_GROUP_EXCHANGE_SHA256, KEX_ALGORITHMS};
use konko_crypto::kex::{KexMethod, Moduli};
use konko_crypto::mac::MACS;
use konko_crypto::random::SystemRandom;
use konko_keys::private_key::{KeyKind, PrivateKey};
use konko_keys::signature_algorithm::SIGNATURE_ALGORITHMS;
use std::sync::Arc;
use std::time::Instant;

#[test]
fn it_can_move_to_another_thread() {
    fn sends<T: Send>() {}
    sends::<PacketProtocol>();
}

#[test]
fn every_key_exchange_method() {
    for kex in KEX_ALGORITHMS.iter().copied() {
        let mut config = quick();
        config.algorithms.kex = vec![kex];
        config.moduli = Some(Arc::new(Moduli::builtin()));
        let mut pair = Pair::new(config).established();
        assert_eq!(pair.client.protocol.negotiated().map(|n| n.kex.name), Some(kex.name));
        assert_eq!(pair.client.protocol.session_id(), pair.server.protocol.session_id());
        assert_eq!(pair.client.protocol.session_id().map(<[u8]>::len), Some(kex.hash.output_len));
        assert!(pair.client.protocol.is_strict_kex() && pair.server.protocol.is_strict_kex());
        pair.client.send(&[94, 1]);
        pair.run();
        assert_eq!(pair.server.payloads, [[94, 1]], "{}", kex.name);
    }
}

#[test]
fn every_cipher_with_every_mac() {
    for cipher in CIPHERS.iter().copied() {
        let macs = if cipher.is_aead() { &MACS[..1] } else { MACS };
        for mac in macs.iter().copied() {
            let mut config = quick();
            config.algorithms = config.algorithms.with_ciphers(vec![cipher]).with_macs(vec![mac]);
            let mut pair = Pair::new(config).established();
            let negotiated = pair.server.protocol.negotiated().expect("negotiated");
            assert_eq!(
                negotiated.mac_client_to_server.map(|m| m.name),
                (!cipher.is_aead()).then_some(mac.name)
            );
            pair.exchange_payloads();
        }
    }
}

/// covers: K37
#[test]
fn directions_have_algorithms_of_their_own() {
    for (there, back) in CIPHERS.iter().zip(CIPHERS.iter().rev()) {
        for (mac_there, mac_back) in [(0, 1), (4, 0), (2, 8)] {
            let mut config = quick();
            config.algorithms.cipher_client_to_server = vec![there];
            config.algorithms.cipher_server_to_client = vec![back];
            config.algorithms.mac_client_to_server = vec![MACS[mac_there]];
            config.algorithms.mac_server_to_client = vec![MACS[mac_back]];
            Pair::new(config).established().exchange_payloads();
        }
    }
}

#[test]
fn every_host_key_algorithm_that_signs() {
    let kinds = [
        KeyKind::Ed25519,
        KeyKind::EcdsaP256,
        KeyKind::EcdsaP384,
        KeyKind::EcdsaP521,
        KeyKind::Rsa { bits: 2048 },
    ];
    let generate = |kind| PrivateKey::generate(kind, &mut SystemRandom).expect("a key");
    let keys: Vec<_> = kinds.into_iter().map(generate).collect();
    for algorithm in SIGNATURE_ALGORITHMS.iter().copied().filter(|row| row.name != "ssh-dss") {
        let mut config = quick();
        config.algorithms.host_key = vec![algorithm];
        let pair = Pair::of(client_of(config.clone()), server_of(config, keys.clone())).established();
        assert_eq!(pair.server.protocol.negotiated().map(|n| n.host_key.name), Some(algorithm.name));
    }
}

#[test]
fn the_default_configurations_fit_together() {
    let client = client_of(PacketConfig::default());
    let server = server_of(PacketConfig::server_default(), vec![ed25519(7)]);
    let mut pair = Pair::of(client, server).established();
    let negotiated = pair.client.protocol.negotiated().expect("negotiated");
    assert_eq!(negotiated.kex.name, "mlkem768x25519-sha256");
    assert_eq!(negotiated.cipher_client_to_server.name, "aes128-gcm@openssh.com");
    let extensions = pair.client.protocol.peer_extensions().expect("extensions");
    assert!(extensions.ping);
    let algorithms = extensions.server_sig_algs.as_ref().expect("server-sig-algs");
    assert!(algorithms.iter().any(|name| name == "rsa-sha2-256"));
    assert!(!algorithms.iter().any(|name| name == "ssh-rsa"));
    assert!(pair.server.protocol.peer_extensions().is_none());
    pair.exchange_payloads();
}

/// RFC 4419 is only offered by a server that has groups.
#[test]
fn a_server_without_groups_does_not_offer_the_group_exchange() {
    let mut config = quick();
    config.algorithms.kex.insert(0, &DIFFIE_HELLMAN_GROUP_EXCHANGE_SHA256);
    let pair = Pair::new(config).established();
    let kex = pair.client.protocol.negotiated().expect("negotiated").kex;
    assert!(matches!(kex.method, KexMethod::Agreement(_)));
}

/// covers: T24, T29
#[test]
fn bytes_may_come_in_any_pieces() {
    for cipher in ["aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr", "aes256-cbc"] {
        for piece in [1, 2, 3, 7, 16, 255, 4096] {
            let mut config = quick();
            let row = CIPHERS.iter().copied().find(|row| row.name == cipher).expect("a row");
            config.algorithms = Algorithms { kex: config.algorithms.kex, ..Algorithms::legacy() };
            config.algorithms = config.algorithms.with_ciphers(vec![row]);
            let mut pair = Pair::new(config);
            pair.piece = piece;
            let mut pair = pair.established();
            for len in [1, 2, 100, 5000] {
                pair.client.send(&vec![94; len]);
                pair.server.send(&vec![95; len]);
            }
            pair.run();
            assert_eq!(pair.client.payloads.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 100, 5000]);
            assert_eq!(pair.server.payloads.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 100, 5000]);
        }
    }
}

/// covers: T24
#[test]
fn many_small_packets_in_one_read() {
    let mut pair = Pair::new(quick()).established();
    let mut expected = 0;
    for _ in 0..20 {
        for _ in 0..5_000 {
            pair.client.send(&[94]);
        }
        expected += 5_000;
        pair.run();
        assert_eq!(pair.server.payloads.len(), expected);
    }
    assert_eq!(pair.server.protocol.stats().packets_received, pair.client.protocol.stats().packets_sent);
    assert_eq!(pair.server.protocol.stats().bytes_received, pair.client.protocol.stats().bytes_sent);
}

/// covers: K35
#[test]
fn a_seed_makes_a_transcript_repeatable_and_another_seed_another_one() {
    let transcript = |seed: u32| {
        let key = ed25519(7);
        let config = Arc::new(quick());
        let now = Instant::now();
        let client = PacketProtocol::client(config.clone(), Box::new(Seeded::new(seed)), now);
        let public = vec![key.public_key().clone()];
        let server = PacketProtocol::server(config, Box::new(Seeded::new(seed + 1)), now, public);
        let (mut client, mut server) = (Side::new(client, Vec::new()), Side::new(server, vec![key]));
        let mut said = Vec::new();
        for _ in 0..4 {
            let output = client.output();
            server.receive(&output, now);
            said.push(output);
            let output = server.output();
            client.receive(&output, now);
            said.push(output);
        }
        assert_eq!((client.keys_changed.len(), server.keys_changed.len()), (1, 1));
        said
    };
    assert_eq!(transcript(10), transcript(10));
    let (one, other) = (transcript(10), transcript(20));
    assert_ne!(one[0], other[0]);
    assert_ne!(one[1], other[1]);
}

#[test]
fn a_client_sees_what_the_server_says_first() {
    let mut pair = Pair::new(quick());
    pair.client.receive(b"Welcome\x1b[31m\r\nto nowhere\n", pair.now);
    let pair = pair.established();
    assert_eq!(pair.client.protocol.pre_identification_lines(), ["Welcome\\u{1b}[31m", "to nowhere"]);
    let identification = pair.client.protocol.peer_identification().expect("identified");
    assert!(identification.software().starts_with("konko_"));
}

#[test]
fn memory_can_be_given_back_at_any_quiet_time() {
    let mut pair = Pair::new(quick()).established();
    for _ in 0..3 {
        pair.client.protocol.release_buffers();
        pair.server.protocol.release_buffers();
        pair.exchange_payloads();
    }
}

#[test]
fn the_output_can_be_taken_as_a_whole() {
    let mut pair = Pair::new(quick()).established();
    let mut taken = vec![1, 2, 3];
    pair.client.send(&[94, 1, 2, 3]);
    let start = pair.client.protocol.take_output(&mut taken);
    assert!(pair.client.protocol.output().is_empty());
    pair.server.receive(&taken[start..], pair.now);
    assert_eq!(pair.server.payloads, [[94, 1, 2, 3]]);
}
