//! Rows K, first part: proposals, their markers and their guesses.

use std::sync::Arc;

use konko_crypto::kex::{KEX_ALGORITHMS, Moduli};
use konko_packet::{AlgorithmKind, Incompatibility, PacketConfig, PacketError};
use konko_transport::dispatch::Role;
use konko_transport::{Client, Error, Server};

use crate::peer::messages;
use crate::peer::null_rows::NULL_KEX;
use crate::peer::proposal::Proposal;
use crate::peer::scene::Scene;
use crate::peer::setups::{client_config, packet_config, server_config};

/// A configuration whose first method is that one.
fn preferring(role: Role, method: &str) -> PacketConfig {
    let mut config = packet_config(role);
    let row =
        KEX_ALGORITHMS.iter().copied().chain([&NULL_KEX]).find(|row| row.name == method).expect("a row");
    config.algorithms.kex.insert(0, row);
    config.moduli = Some(Arc::new(Moduli::builtin()));
    config
}

/// covers: K05
#[test]
fn g_k05_a_strict_proposal_must_be_the_first_packet() {
    for before in [messages::ignore(0), messages::debug(b""), messages::message(3).number(0).end()] {
        let mut server = Scene::server(Proposal::null(Role::Client));
        server.identify();
        server.send(&before);
        server.propose();
        server.assert_disconnected(2);
        let mut client = Scene::client(Proposal::null(Role::Server));
        client.identify();
        client.send(&before);
        client.propose();
        client.assert_disconnected(2);
        // Without the marker the same is legal.
        let mut server = Scene::server(Proposal::null(Role::Client).not_strict());
        server.identify();
        server.send(&before);
        server.propose();
        server.exchange();
        server.new_keys();
        server.assert_alive();
    }
}

/// covers: K07
#[test]
fn g_k07_markers_of_a_re_exchange_mean_nothing() {
    for strict in [true, false] {
        let first = Proposal::real(Role::Client);
        let mut scene = Scene::server(if strict { first } else { first.not_strict().without_ext_info() });
        scene.log_in();
        assert_eq!(scene.peer.strict, strict);
        let without = Proposal::real(Role::Client).not_strict().without_ext_info();
        for proposal in [without, Proposal::real(Role::Client)] {
            scene.peer.proposal = proposal;
            scene.re_exchange();
            // The sequence numbers start again or go on, as at first: the tags match.
            scene.send(&messages::global_request("x@konko.test", true));
            scene.assert_alive();
            let numbers = scene.numbers();
            assert_eq!(numbers.last(), Some(&82), "{:?}", scene.error);
            assert!(!numbers.contains(&7), "a second SSH_MSG_EXT_INFO");
            assert_eq!(scene.target.packets().is_strict_kex(), strict);
        }
    }
}

/// covers: K08
#[test]
fn g_k08_markers_are_never_chosen_as_a_method() {
    let orders = |a: &str, b: &str| {
        let kex = "curve25519-sha256";
        [[a, b, kex], [a, kex, b], [b, a, kex], [b, kex, a], [kex, a, b], [kex, b, a]]
            .map(|names| names.join(","))
    };
    for names in orders("ext-info-c", "kex-strict-c-v00@openssh.com") {
        let mut scene = Scene::server(Proposal { kex: names, ..Proposal::real(Role::Client) });
        scene.log_in();
        assert_eq!(scene.target.negotiated().map(|n| n.kex.name), Some("curve25519-sha256"));
    }
    for names in orders("ext-info-s", "kex-strict-s-v00@openssh.com") {
        let mut scene = Scene::client(Proposal { kex: names, ..Proposal::real(Role::Server) });
        scene.log_in();
        assert_eq!(scene.target.negotiated().map(|n| n.kex.name), Some("curve25519-sha256"));
    }
    let all = "ext-info-c,ext-info-s,kex-strict-c-v00@openssh.com,kex-strict-s-v00@openssh.com";
    let mut server = Scene::server(Proposal { kex: all.into(), ..Proposal::real(Role::Client) });
    server.identify();
    server.propose();
    server.assert_disconnected(3);
    let mut client = Scene::client(Proposal { kex: all.into(), ..Proposal::real(Role::Server) });
    client.identify();
    client.propose();
    client.assert_disconnected(3);
}

/// What a client does that guesses: `packets` messages of the method it prefers behind its proposal.
fn guess(method: &str, right: bool, says_so: bool, packets: usize) -> Scene<Server> {
    let mut proposal = Proposal::null(Role::Client).with_kex(method);
    if !right {
        proposal.kex.insert_str(0, "unknown@konko.test,");
    }
    proposal.first_kex_packet_follows = says_so;
    let mut scene = Scene::server_with(server_config(preferring(Role::Server, method)), proposal);
    scene.identify();
    scene.propose();
    for _ in 0..packets {
        let payload = if right { scene.peer.method_message() } else { vec![30, 0, 0, 0, 1, 9] };
        scene.send(&payload);
    }
    scene
}

const METHODS: [&str; 5] = [
    "null@konko.test",
    "curve25519-sha256",
    "mlkem768x25519-sha256",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group-exchange-sha256",
];

/// covers: K09
#[test]
fn g_k09_a_wrong_guess_costs_exactly_one_packet() {
    for method in METHODS {
        let mut scene = guess(method, false, true, 1);
        scene.exchange();
        scene.new_keys();
        scene.assert_alive();
        assert_eq!(scene.log, ["keys changed, first true"], "{method}");

        // Two packets of a wrong guess: the second counts.
        guess(method, false, true, 2).assert_disconnected_in_exchange();
        // A guess that was not announced counts, too.
        guess(method, false, false, 1).assert_disconnected_in_exchange();

        // Announced and left out: the first real message is the one that is discarded.
        let mut scene = guess(method, false, true, 0);
        scene.take();
        scene.send(&[30, 0, 0, 0, 1, 9]);
        scene.assert_alive();
        assert_eq!(scene.numbers(), [0; 0]);
    }
}

impl Scene<Server> {
    #[track_caller]
    fn assert_disconnected_in_exchange(mut self) {
        let error = self.error.clone();
        assert!(matches!(self.disconnect_reason(), Some(2 | 3)), "{error:?}");
        assert_eq!(self.log, [""; 0]);
    }
}

/// covers: K09
#[test]
fn g_k09_a_right_guess_is_taken() {
    for method in METHODS {
        for says_so in [true, false] {
            let mut scene = guess(method, true, says_so, 1);
            while scene.peer.keys.is_none() {
                let message = scene.peer.method_message();
                scene.send(&message);
            }
            scene.new_keys();
            scene.assert_alive();
            assert_eq!(scene.log, ["keys changed, first true"], "{method}");
        }
    }
}

/// A server may guess as well (RFC 4253 §7): its reply to nothing.
///
/// covers: K09
#[test]
fn g_k09_a_client_discards_a_wrong_guess_too() {
    let mut proposal = Proposal::null(Role::Server);
    proposal.kex.insert_str(0, "unknown@konko.test,");
    proposal.first_kex_packet_follows = true;
    let mut scene = Scene::client(proposal);
    scene.identify();
    scene.propose();
    scene.send(&[31, 0, 0, 0, 1, 9]);
    scene.exchange();
    scene.new_keys();
    scene.assert_alive();
    assert_eq!(scene.log.len(), 2, "{:?}", scene.log);
}

/// covers: K15
#[test]
fn g_k15_a_proposal_cut_short_or_too_long() {
    let whole = Proposal::null(Role::Client).encode();
    for len in 1..whole.len() {
        let mut scene = Scene::server(Proposal::null(Role::Client));
        scene.identify();
        scene.send(&whole[..len]);
        scene.assert_disconnected(2);
    }
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.identify();
    scene.send(&[&whole[..], &[0]].concat());
    scene.assert_disconnected(2);
}

/// covers: K15
#[test]
fn g_k15_languages_and_the_reserved_field_are_ignored() {
    for reserved in [1, u32::MAX] {
        let languages = ["en,de-AT".to_owned(), "tlh".to_owned()];
        let proposal = Proposal { reserved, languages, ..Proposal::null(Role::Client) };
        let mut scene = Scene::server(proposal);
        scene.handshake();
        scene.assert_alive();
    }
}

/// Peers have been seen to leave lists empty or to end them with a comma.
///
/// covers: I02
#[test]
fn g_i02_lists_with_an_empty_name_are_tolerated() {
    for suffix in ["", ","] {
        let mut proposal = Proposal::null(Role::Client);
        proposal.macs = [suffix.to_owned(), suffix.to_owned()];
        proposal.languages = [suffix.to_owned(), suffix.to_owned()];
        proposal.ciphers = proposal.ciphers.map(|name| name + suffix);
        proposal.kex += suffix;
        let mut scene = Scene::server(proposal.clone());
        scene.identify();
        scene.propose();
        assert!(scene.is_alive(), "{suffix:?}: {:?}", scene.error);
    }
}

/// One list of a proposal, and which it is.
type Slot = (AlgorithmKind, fn(&mut Proposal) -> &mut String);

/// covers: K39
#[test]
fn g_k39_no_common_algorithm_is_said_by_name_and_by_disconnect() {
    let slots: [Slot; 8] = [
        (AlgorithmKind::KeyExchange, |proposal| &mut proposal.kex),
        (AlgorithmKind::HostKey, |proposal| &mut proposal.host_key),
        (AlgorithmKind::CipherClientToServer, |proposal| &mut proposal.ciphers[0]),
        (AlgorithmKind::CipherServerToClient, |proposal| &mut proposal.ciphers[1]),
        (AlgorithmKind::MacClientToServer, |proposal| &mut proposal.macs[0]),
        (AlgorithmKind::MacServerToClient, |proposal| &mut proposal.macs[1]),
        (AlgorithmKind::CompressionClientToServer, |proposal| &mut proposal.compression[0]),
        (AlgorithmKind::CompressionServerToClient, |proposal| &mut proposal.compression[1]),
    ];
    for (expected, list) in slots {
        for nothing in ["other@konko.test", ""] {
            let proposal = |role| {
                let mut proposal =
                    Proposal::new(role, "null@konko.test", "aes128-ctr", "hmac-sha2-256-etm@openssh.com");
                *list(&mut proposal) = nothing.to_owned();
                proposal
            };
            let mut server = Scene::server(proposal(Role::Client));
            server.identify();
            server.propose();
            let mut client = Scene::client(proposal(Role::Server));
            client.identify();
            client.propose();
            for error in [&server.error, &client.error] {
                let Some(Error::Packet(PacketError::PeerIncompatible(Incompatibility::NoCommonAlgorithm {
                    kind,
                    ours,
                    theirs,
                }))) = error
                else {
                    panic!("{expected}: {error:?}");
                };
                assert_eq!(*kind, expected);
                assert!(!ours.is_empty() && theirs == nothing, "{ours} {theirs}");
            }
            server.assert_disconnected(3);
            client.assert_disconnected(3);
        }
    }
}

/// A policy that demands strict key exchange ends connections without it, in both roles.
///
/// covers: K01
#[test]
fn g_k01_strict_key_exchange_can_be_demanded() {
    let strict = |role| PacketConfig { require_strict_kex: true, ..packet_config(role) };
    let mut server = Scene::<Server>::server_with(
        server_config(strict(Role::Server)),
        Proposal::null(Role::Client).not_strict(),
    );
    server.identify();
    server.propose();
    server.assert_disconnected(3);
    let mut client = Scene::<Client>::client_with(
        client_config(strict(Role::Client)),
        Proposal::null(Role::Server).not_strict(),
    );
    client.identify();
    client.propose();
    client.assert_disconnected(3);
    // Both markers are in every first proposal of ours, and in no later one.
    let mut scene = Scene::server(Proposal::null(Role::Client));
    let proposal = String::from_utf8_lossy(&scene.wire).into_owned();
    assert!(proposal.contains("kex-strict-s-v00@openssh.com") && proposal.contains("ext-info-s"));
    scene.log_in();
    let before = scene.wire.len();
    scene.re_exchange();
    let proposal = String::from_utf8_lossy(&scene.wire[before..]).into_owned();
    assert!(!proposal.contains("kex-strict") && !proposal.contains("ext-info"));
}
