//! Negotiation between two sides: failures, guesses, and changes on the way.

use super::order::{clear, split_clear};
use super::pair::{Pair, Side, client_of, ed25519, edited, quick, server_of};
use crate::algorithms::Algorithms;
use crate::compression::{NONE, ZLIB_OPENSSH};
use crate::config::PacketConfig;
use crate::error::{AlgorithmKind, Incompatibility, PacketError};
use crate::role::Role;
use konko_crypto::cipher::CIPHERS;
use konko_crypto::kex::Moduli;
use konko_crypto::kex::table::{
    CURVE25519_SHA256, DIFFIE_HELLMAN_GROUP_EXCHANGE_SHA256, DIFFIE_HELLMAN_GROUP14_SHA256,
    ECDH_SHA2_NISTP256, MLKEM768X25519_SHA256,
};
use konko_crypto::mac::MACS;
use konko_keys::signature_algorithm::{ECDSA_SHA2_NISTP256, SSH_ED25519};
use std::sync::Arc;

/// covers: K39
#[test]
fn a_list_without_a_common_entry_is_named() {
    type Edit = fn(&mut Algorithms, bool);
    let ctr = CIPHERS.iter().copied().find(|row| row.name == "aes128-ctr").expect("a row");
    assert_eq!(ctr.name, "aes128-ctr");
    let slots: [(AlgorithmKind, Edit); 8] = [
        (AlgorithmKind::KeyExchange, |a, one| {
            a.kex = vec![if one { &CURVE25519_SHA256 } else { &ECDH_SHA2_NISTP256 }];
        }),
        (AlgorithmKind::HostKey, |a, one| {
            a.host_key = vec![if one { &ECDSA_SHA2_NISTP256 } else { &SSH_ED25519 }];
        }),
        (AlgorithmKind::CipherClientToServer, |a, one| {
            a.cipher_client_to_server = vec![CIPHERS[usize::from(one)]];
        }),
        (AlgorithmKind::CipherServerToClient, |a, one| {
            a.cipher_server_to_client = vec![CIPHERS[usize::from(one)]];
        }),
        (AlgorithmKind::MacClientToServer, |a, one| {
            a.cipher_client_to_server = vec![CIPHERS[4]];
            a.mac_client_to_server = vec![MACS[usize::from(one)]];
        }),
        (AlgorithmKind::MacServerToClient, |a, one| {
            a.cipher_server_to_client = vec![CIPHERS[4]];
            a.mac_server_to_client = vec![MACS[usize::from(one)]];
        }),
        (AlgorithmKind::CompressionClientToServer, |a, one| {
            a.compression_client_to_server = vec![if one { &ZLIB_OPENSSH } else { &NONE }];
        }),
        (AlgorithmKind::CompressionServerToClient, |a, one| {
            a.compression_server_to_client = vec![if one { &ZLIB_OPENSSH } else { &NONE }];
        }),
    ];
    for (expected, edit) in slots {
        let (mut one, mut other) = (quick(), quick());
        edit(&mut one.algorithms, true);
        edit(&mut other.algorithms, false);
        let mut pair = Pair::of(client_of(one), server_of(other, vec![ed25519(7)]));
        pair.run();
        for side in [&pair.client, &pair.server] {
            let error = side.error.as_ref().expect("an error");
            let PacketError::PeerIncompatible(Incompatibility::NoCommonAlgorithm { kind, ours, theirs }) =
                error
            else {
                panic!("{error}")
            };
            assert_eq!(*kind, expected);
            assert!(!ours.is_empty() && !theirs.is_empty() && ours != theirs);
            assert!(error.to_string().contains(ours.as_str()) && error.to_string().contains(theirs.as_str()));
            assert_eq!(error.disconnect_reason().map(|reason| reason.0), Some(3));
        }
    }
}

/// covers: K13
#[test]
fn an_offer_of_no_protection_at_all_finds_nobody() {
    let client = edited(Role::Client, quick(), Vec::new(), |proposal| {
        // The cookie, and then ten lists: ciphers are the third and fourth.
        let mut edited = proposal[..17].to_vec();
        let mut at = 17;
        for list in 0..10 {
            let len = proposal[at..at + 4].iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
            let names: &[u8] = if matches!(list, 2..=5) { b"none" } else { &proposal[at + 4..at + 4 + len] };
            edited.extend_from_slice(&(names.len() as u32).to_be_bytes());
            edited.extend_from_slice(names);
            at += 4 + len;
        }
        edited.extend_from_slice(&proposal[at..]);
        *proposal = edited;
    });
    let mut pair = Pair::of(client, server_of(quick(), vec![ed25519(7)]));
    pair.run();
    let error = pair.server.error.as_ref().expect("an error");
    assert!(matches!(
        error,
        PacketError::PeerIncompatible(Incompatibility::NoCommonAlgorithm {
            kind: AlgorithmKind::CipherClientToServer,
            theirs,
            ..
        }) if theirs == "none"
    ));
}

/// covers: K01
#[test]
fn strict_key_exchange_can_be_demanded() {
    let mut config = quick();
    config.require_strict_kex = true;
    Pair::new(config.clone()).established();
    let mut pair = Pair::not_strict(config);
    pair.run();
    let expected = PacketError::PeerIncompatible(Incompatibility::NoStrictKeyExchange);
    assert_eq!(pair.server.error, Some(expected));
}

fn guess(proposal: &mut [u8]) {
    let at = proposal.len() - 5;
    proposal[at] = 1;
}

/// covers: K09
#[test]
fn exactly_one_packet_is_thrown_away_after_a_wrong_guess() {
    let moduli = Some(Arc::new(Moduli::builtin()));
    for kex in [
        &CURVE25519_SHA256,
        &MLKEM768X25519_SHA256,
        &DIFFIE_HELLMAN_GROUP14_SHA256,
        &DIFFIE_HELLMAN_GROUP_EXCHANGE_SHA256,
    ] {
        // The client prefers what the server does not know, so its guess is wrong.
        let mut theirs = quick();
        theirs.algorithms.kex = vec![&ECDH_SHA2_NISTP256, kex];
        let mut ours = PacketConfig { moduli: moduli.clone(), ..quick() };
        ours.algorithms.kex = vec![kex];
        for bogus in 0..3 {
            let mut client = edited(Role::Client, theirs.clone(), Vec::new(), |proposal| guess(proposal));
            for _ in 0..bogus {
                client.inject(&[30, 0, 0, 0, 1, 7]);
            }
            let mut pair = Pair::of(client, server_of(ours.clone(), vec![ed25519(7)]));
            pair.run();
            let failed = pair.server.error.is_some();
            let done = pair.server.keys_changed.len() == 1 && pair.client.keys_changed.len() == 1;
            // With no packet at all the real one is thrown away, and the client waits in vain.
            assert_eq!((failed, done), (bogus == 2, bogus == 1), "{}, {bogus}", kex.name);
        }
        // A right guess is the real first packet.
        theirs.algorithms.kex = vec![kex];
        let client = edited(Role::Client, theirs.clone(), Vec::new(), |proposal| guess(proposal));
        Pair::of(client, server_of(ours.clone(), vec![ed25519(7)])).established();
    }
}

/// covers: K09
#[test]
fn a_wrong_guess_of_the_server_is_thrown_away_too() {
    let mut theirs = quick();
    theirs.algorithms.kex = vec![&ECDH_SHA2_NISTP256, &CURVE25519_SHA256];
    let mut server = edited(Role::Server, theirs, vec![ed25519(7)], |proposal| guess(proposal));
    server.inject(&[31, 1, 2, 3]);
    Pair::of(client_of(quick()), server).established();
}

/// One side's first output with a byte changed, and whether both sides still come to keys.
fn survives(to_server: bool, at: usize) -> Option<bool> {
    let mut pair = Pair::new(quick());
    let (mut hello, other) = (pair.client.output(), pair.server.output());
    let mut other = other;
    let changed = if to_server { &mut hello } else { &mut other };
    *changed.get_mut(at)? ^= 1;
    pair.server.receive(&hello, pair.now);
    pair.client.receive(&other, pair.now);
    pair.run();
    Some(!pair.client.keys_changed.is_empty() || !pair.server.keys_changed.is_empty())
}

/// covers: K27
#[test]
fn no_byte_of_identification_or_proposal_can_be_changed_on_the_way() {
    for to_server in [true, false] {
        let mut pair = Pair::new(quick());
        let output = if to_server { pair.client.output() } else { pair.server.output() };
        let pieces = split_clear(&output);
        let padding = usize::from(pieces[1][4]);
        // Line ends and the random padding enter no hash; one of the two line ends is not even needed.
        let line = pieces[0].len();
        for at in (0..line - 2).chain((line..output.len() - padding).step_by(5)) {
            assert_eq!(survives(to_server, at), Some(false), "to server {to_server}, byte {at}");
        }
    }
}

/// covers: K15
#[test]
fn a_proposal_that_ends_early_or_late_is_refused() {
    let mut pair = Pair::new(quick());
    let pieces = split_clear(&pair.client.output());
    let padding = usize::from(pieces[1][4]);
    let payload = pieces[1][5..pieces[1].len() - padding].to_vec();
    let result = |payload: &[u8]| {
        let mut server = server_of(quick(), vec![ed25519(7)]);
        server.receive(&pieces[0], pair.now);
        server.receive(&clear(payload), pair.now);
        server.error
    };
    for end in 1..payload.len() {
        assert!(matches!(
            result(&payload[..end]),
            Some(PacketError::Decode { message: "SSH_MSG_KEXINIT", .. })
        ));
    }
    let mut longer = payload.clone();
    longer.push(0);
    assert!(matches!(result(&longer), Some(PacketError::Decode { .. })));
    let mut reserved = payload.clone();
    let at = reserved.len() - 1;
    reserved[at] = 1;
    assert_eq!(result(&reserved), None);
    assert_eq!(result(&payload), None);
}

/// covers: K14
#[test]
fn lists_beyond_every_limit_are_refused() {
    for list in [",".repeat(60_000), "a,".repeat(20_000) + "a", "x".repeat(50_000)] {
        let mut payload = vec![20; 17];
        payload.extend_from_slice(&(list.len() as u32).to_be_bytes());
        payload.extend_from_slice(list.as_bytes());
        payload.extend_from_slice(&[0; 9 * 4 + 5]);
        let mut server = server_of(quick(), vec![ed25519(7)]);
        let pair = Pair::new(quick());
        server.receive(b"SSH-2.0-x\r\n", pair.now);
        server.receive(&clear(&payload), pair.now);
        assert!(matches!(server.error, Some(PacketError::Decode { message: "SSH_MSG_KEXINIT", .. })));
    }
}

/// covers: T21
#[test]
fn a_second_proposal_in_one_exchange_is_refused() {
    let mut pair = Pair::not_strict(quick());
    let pieces = split_clear(&pair.client.output());
    for piece in [&pieces[0], &pieces[1], &pieces[1]] {
        assert_eq!(pair.server.error, None);
        pair.server.receive(piece, pair.now);
    }
    assert!(matches!(pair.server.error, Some(PacketError::UnexpectedMessage { number: 20, .. })));
}

/// covers: K26
#[test]
fn the_clients_order_of_host_key_algorithms_is_its_own() {
    let mut config = quick();
    config.algorithms.host_key = vec![&ECDSA_SHA2_NISTP256, &SSH_ED25519];
    let mut client: Side = client_of(config);
    let hello = client.output();
    let text = String::from_utf8_lossy(&hello).into_owned();
    assert!(text.contains("ecdsa-sha2-nistp256,ssh-ed25519"));
}
