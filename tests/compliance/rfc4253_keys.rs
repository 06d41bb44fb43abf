//! RFC 4253, sections 7 to 9, RFC 4419, RFC 5656 and RFC 8731: key exchange and re-exchange.

use std::sync::Arc;

use konko_crypto::kex::Moduli;
use konko_transport::dispatch::Role;
use konko_transport::{Client, Server};

use crate::peer::messages::{self, message};
use crate::peer::proposal::Proposal;
use crate::peer::scene::{Application, Scene};
use crate::peer::setups::{client_config, key, packet_config, password, server_config};

fn proposed_by_client(proposal: Proposal) -> Scene<Server> {
    let mut scene = Scene::server(proposal);
    scene.identify();
    scene.propose();
    scene
}

// RFC 4253 §7.1: "If the other party's guess was wrong, and this field was TRUE, the next packet MUST be silently
// ignored, and both sides MUST then act as determined by the negotiated key exchange method."
#[test]
fn rfc4253_7_1_wrong_guess_is_discarded() {
    let mut proposal = Proposal::null(Role::Client);
    proposal.kex.insert_str(0, "unknown@konko.test,");
    proposal.first_kex_packet_follows = true;
    let mut scene = proposed_by_client(proposal);
    scene.take();
    scene.send(&message(30).string("of an unknown method").end());
    assert!(scene.take().is_empty());
    scene.exchange();
    scene.new_keys();
    scene.assert_alive();
}

// RFC 4253 §7.1: "If the guess was right, key exchange MUST continue using the guessed packet."
#[test]
fn rfc4253_7_1_right_guess_is_used() {
    let mut config = packet_config(Role::Server);
    config.algorithms.kex.reverse();
    let mut proposal = Proposal::null(Role::Client);
    proposal.first_kex_packet_follows = true;
    let mut scene = Scene::server_with(server_config(config), proposal);
    scene.identify();
    scene.propose();
    let guess = scene.peer.method_message();
    scene.send(&guess);
    scene.new_keys();
    scene.assert_alive();
    assert_eq!(scene.log, ["keys changed, first true"]);
}

// RFC 4253 §7.1: "The chosen encryption algorithm to each direction MUST be the first algorithm on the client's
// name-list that is also on the server's name-list."
#[test]
fn rfc4253_7_1_the_clients_order_decides() {
    let lists = "x@konko.test,aes256-ctr,chacha20-poly1305@openssh.com,aes128-gcm@openssh.com";
    let back = "aes128-gcm@openssh.com,aes256-ctr";
    let ciphers = [lists.to_owned(), back.to_owned()];
    let mut server = Scene::server(Proposal { ciphers: ciphers.clone(), ..Proposal::real(Role::Client) });
    server.log_in();
    let negotiated = server.target.negotiated().expect("keys");
    assert_eq!(negotiated.cipher_client_to_server.name, "aes256-ctr");
    assert_eq!(negotiated.cipher_server_to_client.name, "aes128-gcm@openssh.com");
    // As a client our order decides.
    let mut config = packet_config(Role::Client);
    config.algorithms.cipher_client_to_server.reverse();
    let mut client =
        Scene::client_with(client_config(config), Proposal { ciphers, ..Proposal::real(Role::Server) });
    client.log_in();
    let negotiated = client.target.negotiated().expect("keys");
    assert_eq!(negotiated.cipher_client_to_server.name, "aes256-ctr");
    assert_eq!(negotiated.cipher_server_to_client.name, "aes128-gcm@openssh.com");
}

// RFC 4253 §7.1: "If there is no such algorithm, both sides MUST disconnect."
#[test]
fn rfc4253_7_1_without_a_common_algorithm_both_disconnect() {
    let mut scene =
        proposed_by_client(Proposal { kex: "x@konko.test".into(), ..Proposal::null(Role::Client) });
    scene.assert_disconnected(3);
}

// RFC 4253 §7.1: "Once a party has sent a SSH_MSG_KEXINIT message for key exchange or re-exchange, until it has sent a
// SSH_MSG_NEWKEYS message (Section 7.3), it MUST NOT send any messages other than" those of the transport layer.
#[test]
fn rfc4253_7_1_upper_layers_are_silent_while_keys_are_exchanged() {
    let mut scene = Scene::server(Proposal::real(Role::Client));
    scene.log_in();
    scene.send(&messages::channel_open("session", 5, 1000, 1000).end());
    scene.take();
    scene.target.request_key_exchange(scene.now);
    scene.settle();
    // All of this wants an answer, and gets it under the new keys.
    scene.send(&messages::global_request("x@konko.test", true));
    scene.send(&messages::channel_request(0, "x@konko.test", true).end());
    scene.send(&messages::channel_open("session", 6, 1000, 1000).end());
    assert_eq!(scene.numbers(), [20]);
    scene.propose();
    scene.exchange();
    assert_eq!(scene.numbers(), [31, 21, 82, 100, 91]);
    scene.new_keys();
    scene.assert_alive();
}

// RFC 4253 §7.3: "All messages sent after this message MUST use the new keys and algorithms. When this message is
// received, the new keys and algorithms MUST be used for receiving."
#[test]
fn rfc4253_7_3_old_keys_are_not_taken_after_newkeys() {
    let mut scene = Scene::server(Proposal::real(Role::Client));
    scene.log_in();
    scene.propose();
    scene.exchange();
    let new_keys = scene.peer.packet(&[21]);
    let under_old_keys = scene.peer.packet(&messages::ignore(0));
    scene.feed(&new_keys);
    scene.assert_alive();
    scene.feed(&under_old_keys);
    // More bytes, should the length have come out as a long one.
    scene.feed(&[0; 300_000]);
    assert!(matches!(scene.disconnect_reason(), Some(2 | 5)), "{:?}", scene.error);
}

// RFC 4253 §7.2: "The exchange hash H from the first key exchange is additionally used as the session identifier [...].
// Once computed, the session identifier is not changed, even if keys are later re-exchanged."
#[test]
fn rfc4253_7_2_the_session_identifier_is_the_first_exchange_hash() {
    fn play<S: Application>(mut scene: Scene<S>) {
        let first = scene.peer.keys.as_ref().expect("keys").exchange_hash.clone();
        for _ in 0..3 {
            assert_eq!(scene.target.session_id(), Some(&first[..]));
            scene.re_exchange();
            assert_ne!(scene.peer.keys.as_ref().expect("keys").exchange_hash, first);
        }
        scene.assert_alive();
    }
    let mut server = Scene::server(Proposal::real(Role::Client));
    server.log_in();
    play(server);
    let mut client = Scene::client(Proposal::real(Role::Server));
    client.log_in();
    play(client);
}

// RFC 4253 §8: "[C] verifies the signature s on H."
#[test]
fn rfc4253_8_a_client_verifies_the_signature() {
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.identify();
    scene.propose();
    let mut reply = scene.peer.method_message();
    *reply.last_mut().expect("a signature") ^= 0x40;
    scene.send(&reply);
    scene.assert_disconnected(3);
    assert_eq!(scene.log, [""; 0]);
}

// RFC 4253 §8: "Values of 'e' or 'f' that are not in the range [1, p-1] MUST NOT be sent or accepted by either side."
#[test]
fn rfc4253_8_values_outside_the_group_are_refused() {
    let prime = konko_crypto::kex::groups::GROUP16;
    let values: [&[u8]; 5] = [&[], &[1], &[0, 0x80], &[0xff; 3], &[]];
    for (index, value) in values.into_iter().enumerate() {
        let proposal = Proposal::null(Role::Client).with_kex("diffie-hellman-group16-sha512");
        let mut scene = proposed_by_client(proposal);
        // The last one is p itself.
        let value = if index == 4 { [&[0], &prime[..]].concat() } else { value.to_vec() };
        scene.send(&message(30).string(value).end());
        assert!(matches!(scene.disconnect_reason(), Some(2 | 3)), "{index}");
        assert!(scene.target.session_id().is_none());
    }
}

// RFC 4253 §9: "When this message [KEXINIT] is received, a party MUST respond with its own SSH_MSG_KEXINIT message,
// except when the received SSH_MSG_KEXINIT already was a reply."
#[test]
fn rfc4253_9_a_re_exchange_is_answered_once() {
    let mut scene = Scene::server(Proposal::real(Role::Client));
    scene.log_in();
    scene.propose();
    assert_eq!(scene.numbers(), [20]);
    scene.exchange();
    scene.new_keys();
    scene.take();
    scene.target.request_key_exchange(scene.now);
    scene.settle();
    assert_eq!(scene.numbers(), [20]);
    scene.re_exchange();
    assert!(!scene.numbers().contains(&20), "a reply was answered");
    scene.assert_alive();
}

// RFC 4253 §9: "It is permissible to change some or all of the algorithms during the re-exchange."
#[test]
fn rfc4253_9_algorithms_may_change_in_a_re_exchange() {
    let mut scene = Scene::server(Proposal::real(Role::Client));
    scene.log_in();
    scene.peer.proposal =
        Proposal::new(Role::Client, "mlkem768x25519-sha256", "aes256-ctr", "hmac-sha2-512-etm@openssh.com");
    scene.re_exchange();
    scene.send(&messages::global_request("x@konko.test", true));
    assert_eq!(scene.numbers().last(), Some(&82));
    assert_eq!(scene.target.negotiated().map(|n| n.cipher_client_to_server.name), Some("aes256-ctr"));
}

// RFC 4419 §3: "The server should return the smallest group it knows that is larger than the size the client
// requested." and the client takes none outside what it asked for.
#[test]
fn rfc4419_3_a_group_is_of_the_size_that_was_asked_for() {
    for (sizes, bits) in [([2048, 2048, 8192], 2048), ([2048, 2500, 8192], 3072), ([2048, 8192, 8192], 8192)]
    {
        let mut config = packet_config(Role::Server);
        config.moduli = Some(Arc::new(Moduli::builtin()));
        let proposal = Proposal::null(Role::Client).with_kex("diffie-hellman-group-exchange-sha256");
        let mut scene = Scene::server_with(server_config(config), proposal);
        scene.peer.group_sizes = sizes;
        scene.identify();
        scene.propose();
        scene.take();
        let request = scene.peer.method_message();
        scene.send(&request);
        let group = scene.take().pop().expect("a group");
        assert_eq!(group[0], 31);
        // An mpint whose highest bit is set has a zero before it.
        assert_eq!(u32::from_be_bytes(group[1..5].try_into().expect("four bytes")) as usize, bits / 8 + 1);
    }
    for sizes in [[8192, 1, 1], [0, 0, 0], [1024, 1024, 1024], [8193, 8193, u32::MAX]] {
        let mut config = packet_config(Role::Server);
        config.moduli = Some(Arc::new(Moduli::builtin()));
        let proposal = Proposal::null(Role::Client).with_kex("diffie-hellman-group-exchange-sha256");
        let mut scene = Scene::server_with(server_config(config), proposal);
        scene.peer.group_sizes = sizes;
        scene.identify();
        scene.propose();
        let request = scene.peer.method_message();
        scene.send(&request);
        scene.assert_disconnected(3);
    }
}

// RFC 4419 §3 and RFC 8270 §3: a client refuses groups of less than 2048 bits, whatever it is sent.
#[test]
fn rfc8270_3_a_client_refuses_small_groups() {
    let small = konko_crypto::kex::groups::GROUP1;
    let mut scene = Scene::<Client>::client_with(
        client_config(packet_config(Role::Client)),
        Proposal::null(Role::Server).with_kex("diffie-hellman-group-exchange-sha256"),
    );
    scene.identify();
    scene.propose();
    scene.send(&message(31).string([&[0], &small[..]].concat()).string([2]).end());
    scene.assert_disconnected(3);
}

// RFC 8731 §3: "Clients and servers MUST also abort if the length of the received public keys are not the expected
// lengths." And so where the shared secret comes out as zero.
#[test]
fn rfc8731_3_values_of_another_length_or_of_small_order_are_refused() {
    for value in [&[][..], &[9; 31], &[9; 33], &[0; 32]] {
        let mut scene = proposed_by_client(Proposal::real(Role::Client));
        scene.send(&message(30).string(value).end());
        scene.assert_disconnected(3);
        let mut scene = Scene::client(Proposal::real(Role::Server));
        scene.identify();
        scene.propose();
        let blob = key(0).public_key().blob().to_vec();
        scene.send(&message(31).string(blob).string(value).string("").end());
        scene.assert_disconnected(3);
    }
}

// RFC 5656 §4: "All elliptic curve public keys MUST be validated after they are received."
#[test]
fn rfc5656_4_points_off_the_curve_are_refused() {
    let mut off_the_curve = vec![4; 65];
    off_the_curve[64] = 5;
    for point in [off_the_curve, vec![0], vec![2; 33], vec![4; 64]] {
        let mut config = packet_config(Role::Server);
        config.algorithms.kex.push(&konko_crypto::kex::table::ECDH_SHA2_NISTP256);
        let proposal = Proposal::null(Role::Client).with_kex("ecdh-sha2-nistp256");
        let mut scene = Scene::server_with(server_config(config), proposal);
        scene.identify();
        scene.propose();
        scene.send(&message(30).string(&point).end());
        scene.assert_disconnected(3);
    }
}

// RFC 4251 §4.1: nothing that needs the server's identity is done before it is known.
#[test]
fn rfc4251_4_1_a_refused_host_key_ends_the_connection() {
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.holds_questions = true;
    scene.target.authenticate("alice", password("secret"), scene.now).expect("is put off");
    scene.identify();
    scene.propose();
    scene.exchange();
    let question = scene.host_key_question.take().expect("a question");
    scene.take();
    scene.target.reject_host_key(question, scene.now);
    scene.settle();
    assert_eq!(scene.disconnect_reason(), Some(9));
    assert!(scene.target.is_ended());
}
