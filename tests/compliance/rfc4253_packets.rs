//! RFC 4253, sections 4 to 6 and 10 to 11: identification, packets, services and the generic messages.

use konko_packet::PacketError;
use konko_transport::dispatch::Role;
use konko_transport::{Error, Server};

use crate::peer::messages::{self, message};
use crate::peer::proposal::Proposal;
use crate::peer::scene::{Application, Scene};
use crate::peer::setups::{packet_config, server_config};

fn server() -> Scene<Server> {
    Scene::server(Proposal::null(Role::Client))
}

fn both(act: impl Fn(&mut dyn Acted)) {
    act(&mut server());
    act(&mut Scene::client(Proposal::null(Role::Server)));
}

/// A scene of either role.
trait Acted {
    fn wire(&self) -> &[u8];
    fn feed_bytes(&mut self, bytes: &[u8]);
    fn alive(&self) -> bool;
    fn payloads(&mut self) -> Vec<Vec<u8>>;
    fn log_in_and_send(&mut self, payloads: &[Vec<u8>]) -> Vec<Vec<u8>>;
    fn told(&self) -> &[String];
}

macro_rules! acted {
    ($($side:ty),*) => {$(
        impl Acted for Scene<$side> {
            fn wire(&self) -> &[u8] {
                &self.wire
            }
            fn feed_bytes(&mut self, bytes: &[u8]) {
                self.feed(bytes);
            }
            fn alive(&self) -> bool {
                self.is_alive()
            }
            fn payloads(&mut self) -> Vec<Vec<u8>> {
                self.take()
            }
            fn log_in_and_send(&mut self, payloads: &[Vec<u8>]) -> Vec<Vec<u8>> {
                self.log_in();
                self.log.clear();
                for payload in payloads {
                    self.send(payload);
                }
                self.take()
            }
            fn told(&self) -> &[String] {
                &self.log
            }
        }
    )*};
}

acted!(konko_transport::Client, Server);

// RFC 4253 §4.2: "When the connection has been established, both sides MUST send an identification string. This
// identification string MUST be SSH-protoversion-softwareversion SP comments CR LF"
#[test]
fn rfc4253_4_2_both_sides_identify_themselves() {
    both(|scene| {
        let wire = scene.wire();
        let end = wire.windows(2).position(|pair| pair == b"\r\n").expect("a line");
        assert!(wire.starts_with(b"SSH-2.0-"));
        assert!(wire[8..end].iter().all(|byte| byte.is_ascii_graphic() && *byte != b'-'));
    });
}

// RFC 4253 §4.2: "The maximum length of the string is 255 characters, including the Carriage Return and Line Feed."
#[test]
fn rfc4253_4_2_an_identification_string_has_255_characters_at_most() {
    both(|scene| {
        assert!(scene.wire().iter().position(|byte| *byte == b'\n').is_some_and(|end| end < 255));
    });
    for (len, accepted) in [(253, true), (254, false)] {
        both(|scene| {
            let mut line = b"SSH-2.0-".to_vec();
            line.resize(len, b'x');
            scene.feed_bytes(&[&line[..], b"\r\n"].concat());
            assert_eq!(scene.alive(), accepted, "{len}");
        });
    }
}

// RFC 4253 §4.2: "The null character MUST NOT be sent."
#[test]
fn rfc4253_4_2_the_null_character_is_not_taken() {
    both(|scene| {
        scene.feed_bytes(b"SSH-2.0-a\0b\r\n");
        assert!(!scene.alive());
    });
}

// RFC 4253 §4.2: "The server MAY send other lines of data before sending the version string. [...] Clients MUST be
// able to process such lines."
#[test]
fn rfc4253_4_2_a_client_takes_lines_before_the_version_string() {
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.feed(b"Welcome!\r\n\r\nSSHnot\r\nmore\n");
    scene.handshake();
    scene.assert_alive();
    assert_eq!(scene.target.packets().pre_identification_lines(), ["Welcome!", "", "SSHnot", "more"]);
    let mut scene = server();
    scene.feed(b"Welcome!\r\nSSH-2.0-x\r\n");
    assert!(!scene.is_alive(), "only servers may");
}

// RFC 4253 §5.1: "Clients using protocol 2.0 MUST be able to identify this as identical to '2.0'." ("1.99")
#[test]
fn rfc4253_5_1_a_client_takes_1_99_for_2_0() {
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.peer.identification = b"SSH-1.99-old".to_vec();
    scene.handshake();
    scene.assert_alive();
    for version in ["1.5", "2.1", "3.0", "20.0", ""] {
        both(|scene| {
            scene.feed_bytes(format!("SSH-{version}-x\r\n").as_bytes());
            assert!(!scene.alive(), "{version}");
        });
    }
}

/// Padding lengths and packet lengths of a stream of packets in clear.
fn packets_in_clear(wire: &[u8]) -> Vec<(usize, usize)> {
    let start = wire.windows(2).position(|pair| pair == b"\r\n").expect("a line") + 2;
    let mut rest = &wire[start..];
    let mut packets = Vec::new();
    while rest.len() > 5 {
        let length = u32::from_be_bytes(rest[..4].try_into().expect("four bytes")) as usize;
        packets.push((length, usize::from(rest[4])));
        rest = &rest[4 + length..];
    }
    packets
}

// RFC 4253 §6: "the length of the concatenation of 'packet_length', 'padding_length', 'payload', and 'random padding'
// MUST be a multiple of the cipher block size or 8, whichever is larger. There MUST be at least four bytes of padding."
// "the minimum size of a packet is 16 (or the cipher block size, whichever is larger) bytes"
#[test]
fn rfc4253_6_packets_are_padded_as_they_must_be() {
    let mut scene = server();
    scene.log_in();
    for len in 0..40 {
        scene.send(&message(192).string(vec![0; len]).end());
    }
    let packets = packets_in_clear(&scene.wire);
    assert!(packets.len() > 40);
    for (length, padding) in packets {
        assert!((length + 4).is_multiple_of(8) && padding >= 4 && length + 4 >= 16, "{length} {padding}");
    }
}

// RFC 4253 §6.1: "All implementations MUST be able to process packets with an uncompressed payload length of 32768
// bytes or less and a total packet size of 35000 bytes or less"
#[test]
fn rfc4253_6_1_payloads_of_32768_bytes_are_taken() {
    both(|scene| {
        let mut payload = messages::global_request("x@konko.test", true);
        payload.resize(32_768, 7);
        let answers = scene.log_in_and_send(&[payload.clone()]);
        assert_eq!(answers, [vec![82]]);
    });
    // Before authentication as well.
    let mut scene = server();
    scene.handshake();
    scene.send(&messages::ignore(32_768 - 5));
    scene.assert_alive();
}

// RFC 4253 §6: "Arbitrary-length padding [...] The maximum amount of padding is 255 bytes."
#[test]
fn rfc4253_6_any_amount_of_padding_is_taken() {
    for padding in (4..=255u8).filter(|padding| (5 + 7 + usize::from(*padding)).is_multiple_of(8)) {
        let mut scene = server();
        scene.handshake();
        let payload = [2, 0, 0, 0, 2, 1, 1];
        let length = 1 + payload.len() + usize::from(padding);
        let rest = [&payload[..], &vec![9; usize::from(padding)]].concat();
        let packet = scene.peer.packet_of(length as u32, padding, &rest);
        scene.feed(&packet);
        scene.assert_alive();
    }
}

// RFC 4253 §6.4: the sequence number "is initialized to zero for the first packet, and is incremented after every
// packet [...]. It is never reset, even if keys/algorithms are renegotiated later."
#[test]
fn rfc4253_6_4_without_strict_key_exchange_sequence_numbers_go_on() {
    let mut scene = Scene::server(Proposal::real(Role::Client).not_strict());
    scene.log_in();
    let before = (scene.peer.next_out, scene.peer.next_in);
    assert!(before.0 > 4 && before.1 > 4);
    scene.re_exchange();
    scene.send(&messages::global_request("x@konko.test", true));
    assert_eq!(scene.numbers().last(), Some(&82));
    assert!(scene.peer.next_out > before.0 && scene.peer.next_in > before.1);
}

// RFC 4253 §6.4: a packet whose MAC does not match was changed, and nothing of it is taken.
#[test]
fn rfc4253_6_4_a_changed_packet_ends_the_connection() {
    let mut scene = Scene::server(Proposal::real(Role::Client));
    scene.log_in();
    scene.log.clear();
    let mut packet = scene.peer.packet(&messages::global_request("x@konko.test", true));
    let last = packet.len() - 20;
    packet[last] ^= 1;
    scene.feed(&packet);
    assert_eq!(scene.error, Some(Error::Packet(PacketError::TagMismatch)));
    scene.assert_disconnected(5);
    assert_eq!(scene.log, [""; 0]);
}

// RFC 4253 §10: "If the server rejects the service request, it SHOULD send an appropriate SSH_MSG_DISCONNECT message
// and MUST disconnect."
#[test]
fn rfc4253_10_an_unknown_service_is_answered_by_disconnect() {
    let mut scene = server();
    scene.handshake();
    scene.send(&messages::service_request("ssh-connection"));
    scene.assert_disconnected(7);
}

// RFC 4253 §10: "If the server supports the service (and permits the client to use it), it MUST respond with the
// following: byte SSH_MSG_SERVICE_ACCEPT, string service name"
#[test]
fn rfc4253_10_a_known_service_is_accepted_by_name() {
    let mut scene = server();
    scene.handshake();
    scene.take();
    scene.send(&messages::service_request("ssh-userauth"));
    assert_eq!(scene.take(), [messages::service_accept("ssh-userauth")]);
}

// RFC 4253 §11.1: "The sender MUST NOT send or receive any data after this message, and the recipient MUST NOT accept
// any data after receiving this message."
#[test]
fn rfc4253_11_1_nothing_is_accepted_after_disconnect() {
    both(|scene| {
        let answers = scene.log_in_and_send(&[
            message(1).number(11).string("bye").string("").end(),
            messages::global_request("x@konko.test", true),
        ]);
        assert!(answers.is_empty());
        assert_eq!(scene.told(), ["disconnected 11 bye"]);
    });
}

// RFC 4253 §11.2: "All implementations MUST understand (and ignore) this message at any time (after receiving the
// identification string)."
#[test]
fn rfc4253_11_2_ignore_is_ignored_at_any_time() {
    fn play<S: Application>(mut scene: Scene<S>) {
        scene.identify();
        scene.send(&messages::ignore(10));
        scene.propose();
        scene.send(&messages::ignore(10));
        scene.exchange();
        scene.send(&messages::ignore(10));
        scene.new_keys();
        scene.send(&messages::ignore(10));
        scene.assert_alive();
    }
    play(Scene::server(Proposal::null(Role::Client).not_strict()));
    play(Scene::client(Proposal::null(Role::Server).not_strict()));
    both(|scene| {
        let answers = scene.log_in_and_send(&[messages::ignore(0), messages::ignore(30_000)]);
        assert!(answers.is_empty() && scene.alive() && scene.told().is_empty());
    });
}

// RFC 4253 §11.3: "All implementations MUST understand this message, but they are allowed to ignore it."
#[test]
fn rfc4253_11_3_debug_is_understood() {
    both(|scene| {
        let answers = scene.log_in_and_send(&[messages::debug(b"\x1b[2J"), messages::debug(&[0xff; 5000])]);
        assert!(answers.is_empty() && scene.alive());
    });
}

// RFC 4253 §11.4: "An implementation MUST respond to all unrecognized messages with an SSH_MSG_UNIMPLEMENTED message in
// the order in which the messages were received. Such messages MUST be otherwise ignored."
#[test]
fn rfc4253_11_4_unknown_messages_get_unimplemented() {
    let mut scene = server();
    scene.log_in();
    scene.log.clear();
    let first = scene.peer.next_out;
    for number in [9, 19, 22, 54, 79, 83, 101, 127, 128, 191, 194, 255] {
        scene.send(&[number, 1, 2, 3]);
    }
    let expected: Vec<Vec<u8>> =
        (first..first + 12).map(|sequence| message(3).number(sequence).end()).collect();
    assert_eq!(scene.take(), expected);
    assert_eq!(scene.log, [""; 0]);
    scene.assert_alive();
    assert!(scene.payloads().is_empty());
}

// RFC 4344 §3.2: a key is changed before it has protected too much; the limits of the policy are kept to the byte.
#[test]
fn rfc4344_3_keys_are_changed_before_the_limit() {
    let mut config = packet_config(Role::Server);
    config.rekey.packets = 10;
    let mut scene = Scene::server_with(server_config(config), Proposal::real(Role::Client));
    scene.log_in();
    let mut requests = 0;
    while !scene.target.is_exchanging_keys() {
        scene.send(&messages::global_request("x@konko.test", true));
        requests += 1;
        assert!(requests <= 10);
    }
}
