//! Rows T: the identification string and the packet protocol.

use std::time::Duration;

use konko_packet::{PacketError, Phase};
use konko_transport::dispatch::Role;
use konko_transport::{Client, Error, Server};

use crate::peer::messages::{self, message};
use crate::peer::proposal::Proposal;
use crate::peer::scene::{Application, Scene};
use crate::peer::setups::{packet_config, server_config};

/// Name of the cipher, name of the MAC, block, and where the block counts from.
pub const MODES: [(&str, &str, u32, u32); 5] = [
    ("aes128-ctr", "hmac-sha2-256", 16, 0),
    ("aes256-ctr", "hmac-sha2-512-etm@openssh.com", 16, 4),
    ("aes128-gcm@openssh.com", "", 16, 4),
    ("chacha20-poly1305@openssh.com", "", 8, 4),
    ("null@konko.test", "", 8, 0),
];

/// A server with all MACs, and a client that uses that mode; keys are not yet in use.
pub fn server_in_mode(cipher: &str, mac: &str) -> Scene<Server> {
    let mut config = packet_config(Role::Server);
    config.algorithms = config.algorithms.with_macs(konko_crypto::mac::MACS.to_vec());
    config.algorithms.cipher_client_to_server.push(&konko_crypto::cipher::cbc::AES128_CBC);
    config.algorithms.cipher_server_to_client.push(&konko_crypto::cipher::cbc::AES128_CBC);
    let proposal = Proposal::new(Role::Client, "null@konko.test", cipher, mac);
    Scene::server_with(server_config(config), proposal)
}

fn ended_in(phase: Phase) -> Option<Error> {
    Some(Error::Packet(PacketError::TimedOut { phase }))
}

/// covers: T03
#[test]
fn g_t03_a_stalled_identification_string_ends_at_its_deadline() {
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.feed(b"SSH-2.0");
    scene.pass(Duration::from_millis(29_999));
    scene.assert_alive();
    scene.pass(Duration::from_millis(1));
    assert_eq!(scene.error, ended_in(Phase::Identification));

    let mut scene = Scene::client(Proposal::null(Role::Server));
    for _ in 0..31 {
        scene.feed(b"x");
        scene.pass(Duration::from_secs(1));
    }
    assert_eq!(scene.error, ended_in(Phase::Identification));
}

/// covers: T05, T14
#[test]
fn g_t05_packet_lengths_are_checked_before_anything_is_done_with_them() {
    const K: u64 = 1024;
    let values = [
        0,
        1,
        4,
        5,
        7,
        11,
        12,
        16,
        28,
        32,
        1 << 15,
        35_000,
        64 * K - 4,
        64 * K,
        64 * K + 4,
        64 * K + 16,
        256 * K - 4,
        256 * K - 1,
        256 * K,
        256 * K + 1,
        256 * K + 16,
        (1 << 31) - 1,
        1 << 31,
        (1 << 32) - 5,
        (1 << 32) - 4,
        (1 << 32) - 1,
    ];
    for (cipher, mac, block, counts_from) in MODES {
        for (authenticated, limit) in [(false, 64 * 1024), (true, 256 * 1024)] {
            for value in values {
                let length = value as u32;
                let mut scene = server_in_mode(cipher, mac);
                if authenticated {
                    scene.log_in()
                } else {
                    scene.handshake()
                }
                scene.take();
                let packet = scene.peer.packet_of(length, 4, &[2; 27]);
                scene.feed(&packet[..block.max(4) as usize]);
                let aligned = (value + 4 - u64::from(counts_from)).is_multiple_of(u64::from(block));
                let whole = value + 4 >= if counts_from == 0 && block == 16 { 16 } else { 4 };
                let legal = (5..=limit).contains(&value) && aligned && whole;
                let what = format!("{cipher} {mac} {length} {:?}", scene.error);
                assert_eq!(scene.is_alive(), legal, "{what}");
                if !legal {
                    assert_eq!(scene.error, Some(Error::Packet(PacketError::PacketLength(length))));
                    assert_eq!(scene.disconnect_reason(), Some(2), "{what}");
                }
            }
        }
    }
}

/// covers: T05
#[test]
fn g_t05_in_clear() {
    for length in [0u32, 1, 4, 5, 7, 11, 12, 13, 20, 65_532, 65_536, 65_540, 1 << 31, u32::MAX - 3, u32::MAX]
    {
        let mut server = Scene::server(Proposal::null(Role::Client));
        server.identify();
        let mut client = Scene::client(Proposal::null(Role::Server));
        client.identify();
        let legal = (5..=65_536).contains(&length) && (u64::from(length) + 4).is_multiple_of(8);
        let header = length.to_be_bytes();
        server.feed(&header);
        client.feed(&header);
        for (alive, error) in [(server.is_alive(), &server.error), (client.is_alive(), &client.error)] {
            assert_eq!(alive, legal, "{length} {error:?}");
        }
    }
}

/// The tags are valid, so that nothing but the form can be the reason.
///
/// covers: T06, T07, T08, T14
#[test]
fn g_t06_every_padding_length_with_a_valid_tag() {
    let paddings: Vec<u8> = (0..=70).chain([127, 128, 254, 255]).collect();
    for (cipher, mac, block, counts_from) in MODES {
        for length in
            (1..=64u32).filter(|length| *length >= 5 && (length + 4 - counts_from).is_multiple_of(block))
        {
            for padding in paddings.iter().copied() {
                let mut scene = server_in_mode(cipher, mac);
                scene.handshake();
                let packet = scene.peer.packet_of(length, padding, &vec![2; length as usize - 1]);
                scene.feed(&packet);
                let payload = length as i64 - 1 - i64::from(padding);
                let legal = padding >= 4 && payload >= 1;
                assert_eq!(scene.is_alive(), legal, "{cipher} {mac}: {length} {padding} {:?}", scene.error);
                if !legal {
                    scene.assert_disconnected(2);
                }
            }
        }
    }
}

/// covers: T06, T07, T14
#[test]
fn g_t07_no_payload_in_clear() {
    for (length, padding) in [(12u32, 11u8), (12, 12), (12, 255), (12, 0), (12, 3), (20, 19), (28, 28)] {
        let mut scene = Scene::client(Proposal::null(Role::Server));
        scene.identify();
        scene.take();
        let packet = scene.peer.packet_of(length, padding, &vec![20; length as usize - 1]);
        scene.feed(&packet);
        scene.assert_disconnected(2);
    }
}

/// covers: T08, T09
#[test]
fn g_t09_lengths_that_are_no_multiple_of_the_block() {
    for (cipher, mac, block, counts_from) in MODES {
        for length in (1..=64u32).filter(|length| !(length + 4 - counts_from).is_multiple_of(block)) {
            let mut scene = server_in_mode(cipher, mac);
            scene.handshake();
            let mut contents = vec![2; 95];
            contents.resize(95.max(length as usize - 1), 2);
            let packet = scene.peer.packet_of(length, 4, &contents);
            scene.feed(&packet);
            scene.assert_disconnected(2);
        }
    }
}

/// covers: T10, T29
#[test]
fn g_t10_a_stream_that_ends_inside_a_packet_or_its_tag() {
    for (cipher, mac, ..) in MODES {
        let whole = server_in_mode(cipher, mac).peer_packet_len();
        for cut in 1..whole {
            let mut scene = server_in_mode(cipher, mac);
            scene.log_in();
            let packet = scene.peer.packet(&messages::global_request("x@konko.test", true));
            scene.feed(&packet[..packet.len() - cut.min(packet.len())]);
            scene.assert_alive();
            assert!(!scene.log.iter().any(|entry| entry.starts_with("global")), "{cipher} {mac} {cut}");
            scene.eof();
            let phase = Phase::Established;
            assert_eq!(scene.error, Some(Error::Packet(PacketError::ConnectionClosed { phase })));
        }
    }
}

impl Scene<Server> {
    /// How long the packet of the test above is.
    fn peer_packet_len(mut self) -> usize {
        self.log_in();
        self.peer.packet(&messages::global_request("x@konko.test", true)).len()
    }
}

/// What the first block decrypts to must not show in when the connection ends (CVE-2008-5161).
///
/// covers: T13
#[test]
fn g_t13_cbc_ends_after_the_same_number_of_bytes_whatever_the_length() {
    let mut swallowed = Vec::new();
    for first in [0u8, 1, 7, 99, 200, 255] {
        let mut scene = server_in_mode("aes128-cbc", "hmac-sha2-256");
        scene.log_in();
        let mut fed = 0;
        let mut block = [first; 16];
        while scene.is_alive() && fed < 1 << 20 {
            scene.feed(&block);
            fed += 16;
            block = block.map(|byte| byte.wrapping_mul(31).wrapping_add(first).wrapping_add(1));
        }
        assert_eq!(scene.error, Some(Error::Packet(PacketError::TagMismatch)));
        assert_eq!(scene.disconnect_reason(), Some(5));
        swallowed.push(fed);
    }
    assert!(swallowed.iter().all(|fed| *fed == swallowed[0]), "{swallowed:?}");
    assert!(swallowed[0] >= 256 * 1024);
}

/// covers: T18
#[test]
fn g_t18_no_ping_is_answered_before_authentication() {
    let ping = message(192).string([0; 100]).end();
    let steps: [fn(&mut Scene<Server>); 5] = [
        Scene::identify,
        |scene| {
            scene.identify();
            scene.propose();
        },
        Scene::handshake,
        Scene::<Server>::serve_authentication,
        |scene| {
            scene.serve_authentication();
            scene.propose();
        },
    ];
    for step in steps {
        let mut scene = Scene::server(Proposal::null(Role::Client));
        step(&mut scene);
        scene.take();
        scene.send(&ping);
        scene.assert_disconnected(2);
        let mut scene = Scene::server(Proposal::null(Role::Client));
        step(&mut scene);
        scene.take();
        scene.send(&message(193).string("pong").end());
        scene.assert_disconnected(2);
    }
}

/// covers: T18
#[test]
fn g_t18_pings_that_nobody_reads_the_answers_of_do_not_pile_up() {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.log_in();
    scene.peer_reads = false;
    let ping = message(192).string([0; 200]).end();
    let packets: Vec<u8> = (0..20_000).flat_map(|_| scene.peer.packet(&ping)).collect();
    scene.feed(&packets);
    assert!(!scene.unread.is_empty(), "all of it was taken");
    assert!(scene.output_len() < 3 << 20, "{} bytes of answers", scene.output_len());
    // Whoever reads again is served again, every ping once.
    scene.assert_alive();
    scene.peer_reads = true;
    while !scene.unread.is_empty() && scene.is_alive() {
        scene.feed(&[]);
    }
    assert_eq!(scene.numbers().iter().filter(|number| **number == 193).count(), 20_000);
}

impl<S: Application> Scene<S> {
    /// What waits for the peer to read.
    pub fn output_len(&self) -> usize {
        use konko_sansio::Machine;
        self.target.output().len()
    }
}

/// covers: T18, I08
#[test]
fn g_t18_pings_in_a_key_re_exchange_are_not_answered() {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.log_in();
    scene.propose();
    for _ in 0..1000 {
        scene.send(&message(192).string("ping").end());
    }
    scene.exchange();
    scene.new_keys();
    scene.assert_alive();
    assert!(!scene.numbers().contains(&193));
    scene.send(&message(192).string("ping").end());
    assert_eq!(scene.numbers(), [193]);
}

/// FIXME-LEAD: an SSH2_MSG_PONG that nobody asked for reaches the application.
///
/// covers: T18
#[test]
fn g_t18_a_pong_without_a_ping_is_dropped() {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.log_in();
    scene.log.clear();
    scene.send(&message(193).string("pong").end());
    scene.assert_alive();
    assert_eq!(scene.log, [""; 0]);
}

/// covers: T20
#[test]
fn g_t20_what_may_come_before_authentication_is_limited() {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.handshake();
    // KEXINIT, KEX_ECDH_INIT and NEWKEYS have gone before.
    for _ in 3..2000 {
        scene.send(&messages::ignore(0));
    }
    scene.assert_alive();
    scene.send(&messages::ignore(0));
    scene.assert_disconnected(2);

    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.handshake();
    let mut sent = 0;
    while scene.is_alive() {
        scene.send(&messages::ignore(32 * 1024));
        sent += 32 * 1024;
        assert!(sent < 2 << 20, "no limit of bytes");
    }
    assert!(sent > 900 << 10);
    scene.assert_disconnected(2);
}

/// covers: T19
#[test]
fn g_t19_a_key_re_exchange_that_the_peer_never_answers() {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.log_in();
    scene.send(&messages::channel_open("session", 0, u32::MAX, 1 << 15).end());
    scene.target.request_key_exchange(scene.now);
    let id = scene.channels[0];
    // No data is taken, so none waits.
    let written =
        scene.target.channel(id).expect("open").write(konko_channel::stream::Stream::Data, &[0; 4096]);
    assert_eq!(written, konko_channel::stream::Progress::Blocked);
    scene.pass(Duration::from_secs(59));
    scene.assert_alive();
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.error, ended_in(Phase::Established));
}

/// covers: T19
#[test]
fn g_t19_messages_that_wait_for_new_keys_are_limited() {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.log_in();
    scene.target.request_key_exchange(scene.now);
    for _ in 0..10_000 {
        if scene.target.global_request("x@konko.test", &[0; 100], false).is_err() {
            break;
        }
    }
    scene.send(&messages::ignore(0));
    scene.assert_disconnected(2);
}

/// covers: T23
#[test]
fn g_t23_unknown_messages_are_answered_within_a_budget() {
    for number in [9u8, 83, 101, 255] {
        let mut scene = Scene::client(Proposal::null(Role::Server));
        scene.log_in();
        scene.peer_reads = false;
        let packets: Vec<u8> = (0..120_000).flat_map(|_| scene.peer.packet(&[number])).collect();
        scene.feed(&packets);
        assert!(scene.output_len() < 3 << 20);
        assert!(!scene.unread.is_empty() || !scene.is_alive(), "{number}: all of it was answered");
    }
}

/// covers: T23
#[test]
fn g_t23_unimplemented_is_never_answered() {
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.log_in();
    for sequence_number in [0, 1, 1000, u32::MAX] {
        scene.send(&message(3).number(sequence_number).end());
    }
    scene.assert_alive();
    assert_eq!(scene.numbers(), [0; 0]);
}

/// covers: T24
#[test]
fn g_t24_many_tiny_packets_in_one_read() {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.log_in();
    let packets: Vec<u8> = (0..100_000).flat_map(|_| scene.peer.packet(&messages::ignore(0))).collect();
    scene.feed(&packets);
    scene.send(&messages::global_request("x@konko.test", true));
    assert_eq!(scene.numbers(), [82]);
}

/// covers: T24, T29
#[test]
fn g_t29_a_session_comes_out_the_same_in_pieces_of_any_size() {
    let play = |piece| {
        let mut scene = Scene::server(Proposal::real(Role::Client));
        scene.piece = piece;
        scene.log_in();
        scene.send(&messages::channel_open("session", 3, 1 << 20, 1 << 15).end());
        scene.send(&messages::channel_request(0, "shell", true).end());
        scene.send(&messages::channel_data(0, b"some data"));
        scene.re_exchange();
        scene.send(&messages::on_channel(96, 0));
        scene.send(&messages::on_channel(97, 0));
        scene.assert_alive();
        (scene.wire, scene.log)
    };
    let whole = play(usize::MAX);
    assert!(whole.1.len() > 8, "{:?}", whole.1);
    for piece in [1, 2, 3, 7, 64] {
        assert!(play(piece) == whole, "pieces of {piece}");
    }
}

/// covers: T29, K38
#[test]
fn g_k38_the_stream_ends_after_every_byte_of_a_handshake() {
    fn play<S: Application>(build: impl Fn() -> Scene<S>, handshake: impl Fn(&mut Scene<S>)) {
        let mut whole = build();
        whole.record();
        handshake(&mut whole);
        whole.assert_alive();
        let bytes = whole.recorded.expect("recorded");
        for cut in 0..bytes.len() {
            let mut scene = build();
            scene.peer_reads = false;
            scene.feed(&bytes[..cut]);
            scene.assert_alive();
            scene.eof();
            let closed = matches!(scene.error, Some(Error::Packet(PacketError::ConnectionClosed { .. })));
            assert!(closed, "{cut}: {:?}", scene.error);
        }
    }
    play(|| Scene::server(Proposal::null(Role::Client)), Scene::<Server>::log_in);
    play(|| Scene::client(Proposal::null(Role::Server)), Scene::<Client>::handshake);
}

/// covers: T26
#[test]
fn g_t26_what_a_disconnect_says_is_shown_safely() {
    let texts: [&[u8]; 6] = [
        b"",
        b"\x1b[2J\x1b]0;owned\x07\r\n\0",
        b"\xff\xfe\x80",
        "\u{202e}\u{9b}31m \u{7f}".as_bytes(),
        &[b'a'; 30_000],
        &[0x1b; 30_000],
    ];
    for text in texts {
        for reason in [0, 2, 11, 15, u32::MAX] {
            let mut scene = Scene::client(Proposal::null(Role::Server));
            scene.log_in();
            scene.send(&message(1).number(reason).string(text).string("en").end());
            let Some(Error::Packet(error @ PacketError::Disconnected { description, .. })) = &scene.error
            else {
                panic!("{:?}", scene.error);
            };
            assert!(description.len() <= 1024 && error.to_string().len() <= 1200);
            let unsafe_to_show = |c: char| {
                c.is_control()
                    || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            };
            assert!(!error.to_string().contains(unsafe_to_show), "{error}");
            assert!(scene.log.iter().any(|entry| entry.starts_with("disconnected")));
        }
    }
    // Bodies that are cut short end the connection just the same.
    for body in [&[1][..], &[1, 0, 0], &[1, 0, 0, 0, 2], &[1, 0, 0, 0, 2, 255, 255, 255, 255, b'x']] {
        let mut scene = Scene::server(Proposal::null(Role::Client));
        scene.log_in();
        scene.send(body);
        assert!(matches!(scene.error, Some(Error::Packet(PacketError::Disconnected { .. }))));
    }
}

/// After DISCONNECT nothing is taken and nothing is said, by either side's.
#[test]
fn nothing_happens_after_a_disconnect() {
    for ours in [false, true] {
        let mut scene = Scene::server(Proposal::null(Role::Client));
        scene.log_in();
        if ours {
            scene.target.disconnect(konko_wire::number::DisconnectReason::BY_APPLICATION, "enough");
            scene.settle();
            assert_eq!(scene.numbers(), [1]);
        } else {
            scene.send(&message(1).number(11).string("").string("").end());
        }
        scene.log.clear();
        for number in 0..=255u8 {
            scene.send(&message(number).string("session").number(0).end());
        }
        assert_eq!(scene.numbers(), [0; 0]);
        assert_eq!(scene.log, [""; 0]);
        assert_eq!(konko_sansio::Machine::poll_timeout(&scene.target), None);
    }
}
