//! Rows H and I: the connection protocol over a whole connection.

use std::time::Duration;

use konko_channel::config::OpenOptions;
use konko_channel::open::ChannelKind;
use konko_channel::stream::{Progress, Stream};
use konko_transport::dispatch::Role;
use konko_transport::{Client, Error, Server, Timer};

use crate::peer::messages::{self, message};
use crate::peer::proposal::Proposal;
use crate::peer::scene::Scene;
use crate::peer::setups::{client_config, packet_config, server_config};

fn server() -> Scene<Server> {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.log_in();
    scene
}

/// A server with one open channel of the peer's, its own number 0, the peer's number 7.
fn served(window: u32, packet: u32) -> Scene<Server> {
    let mut scene = server();
    scene.send(&messages::channel_open("session", 7, window, packet).end());
    assert_eq!(scene.numbers(), [91]);
    scene.log.clear();
    scene
}

/// A client with one open session.
fn client() -> Scene<Client> {
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.log_in();
    let id = scene.target.open_channel(ChannelKind::Session, OpenOptions::default()).expect("opens");
    scene.channels.push(id);
    scene.settle();
    scene.send(&messages::open_confirmation(0, 7, 1 << 20, 1 << 15));
    scene.take();
    scene.log.clear();
    scene
}

fn data_in(payloads: &[Vec<u8>]) -> Vec<u8> {
    payloads.iter().filter(|payload| payload[0] == 94).flat_map(|payload| payload[9..].to_vec()).collect()
}

/// covers: H01
#[test]
fn g_h01_packet_sizes_of_nothing_and_of_one() {
    let mut scene = server();
    scene.send(&messages::channel_open("session", 7, 1000, 0).end());
    assert_eq!(scene.numbers(), [92]);
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.log_in();
    scene.target.open_channel(ChannelKind::Session, OpenOptions::default()).expect("opens");
    scene.settle();
    scene.send(&messages::open_confirmation(0, 7, 1000, 0));
    scene.assert_disconnected(2);
    for packet in [1, 8, u32::MAX] {
        let mut scene = served(100, packet);
        let id = scene.channels[0];
        let moved = scene.target.channel(id).expect("open").write(Stream::Data, &[5; 300]);
        assert_eq!(moved, Progress::Moved(100));
        scene.settle();
        let payloads = scene.take();
        assert_eq!(payloads.len(), 100usize.div_ceil(packet.min(1 << 15) as usize));
        assert_eq!(data_in(&payloads), [5; 100]);
    }
}

/// covers: H02, X02
#[test]
fn g_h02_a_window_beyond_its_largest_value_is_an_error() {
    let mut scene = served(u32::MAX, 1000);
    scene.send(&messages::window_adjust(0, 0));
    scene.assert_alive();
    scene.send(&messages::window_adjust(0, 1));
    scene.assert_disconnected(2);
    let mut scene = served(0, 1000);
    scene.send(&messages::window_adjust(0, u32::MAX));
    scene.assert_alive();
    scene.send(&messages::window_adjust(0, u32::MAX));
    scene.assert_disconnected(2);
}

/// covers: H03, H04
#[test]
fn g_h03_data_beyond_window_and_packet_size() {
    let mut scene = served(1000, 1000);
    scene.reads_data = false;
    let mut sent = 0;
    while scene.is_alive() {
        scene.send(&messages::channel_data(0, &[1; 32 * 1024]));
        sent += 32 * 1024;
        assert!(sent <= 4 << 20, "no limit");
    }
    scene.assert_disconnected(2);
    // The window is 2 MiB, and a tenth is forgiven.
    assert!((2 << 20..=(2 << 20) / 10 * 11 + 64 * 1024).contains(&sent), "{sent}");
    let mut scene = served(1000, 1000);
    scene.send(&messages::channel_data(0, &vec![1; 32 * 1024 + 1]));
    scene.assert_disconnected(2);
}

/// covers: H05
#[test]
fn g_h05_extended_data_that_nobody_reads_gives_its_window_back() {
    for data_type in [0, 2, u32::MAX] {
        let mut scene = served(1000, 1000);
        for _ in 0..640 {
            scene.send(&messages::extended_data(0, data_type, &[1; 32 * 1024]));
        }
        scene.assert_alive();
        assert!(scene.numbers().contains(&93));
        assert_eq!(scene.log, [""; 0]);
    }
}

/// covers: H07
#[test]
fn g_h07_replies_that_nobody_asked_for_do_not_hide_the_right_one() {
    let mut scene = client();
    for _ in 0..1000 {
        scene.send(&messages::on_channel(99, 0));
        scene.send(&[81]);
        scene.send(&[82]);
        scene.send(&messages::on_channel(100, 0));
    }
    assert_eq!(scene.log, [""; 0]);
    let id = scene.channels[0];
    scene.target.channel(id).expect("open").request("shell", b"", true).expect("asks");
    scene.target.global_request("x@konko.test", b"", true).expect("asks");
    scene.settle();
    scene.send(&messages::on_channel(99, 0));
    scene.send(&[82]);
    assert_eq!(scene.log.len(), 2);
    assert!(
        scene.log[0].contains("success: true") && scene.log[1] == "global reply false",
        "{:?}",
        scene.log
    );
    // A close ends what is still asked.
    scene.log.clear();
    scene.target.channel(id).expect("open").request("shell", b"", true).expect("asks");
    scene.settle();
    scene.send(&messages::on_channel(97, 0));
    assert!(scene.log.iter().any(|entry| entry.contains("success: false")), "{:?}", scene.log);
}

/// covers: H09
#[test]
fn g_h09_the_number_of_channels_is_limited() {
    let mut scene = server();
    for sender in 0..1100 {
        scene.send(&messages::channel_open("session", sender, 1000, 1000).end());
    }
    let payloads = scene.take();
    assert_eq!(payloads.iter().filter(|payload| payload[0] == 91).count(), 1024);
    let refusals: Vec<_> = payloads.iter().filter(|payload| payload[0] == 92).collect();
    assert_eq!(refusals.len(), 76);
    assert!(refusals.iter().all(|payload| payload[5..9] == [0, 0, 0, 4]));
}

/// covers: H08
#[test]
fn g_h08_channels_that_come_and_go_leave_nothing_behind() {
    let mut scene = server();
    for sender in 0..5000u32 {
        scene.send(&messages::channel_open("session", sender, 1000, 1000).end());
        let id = scene.channels.pop().expect("opened");
        scene.send(&messages::on_channel(97, id.number()));
        scene.target.release_channel(id);
        scene.settle();
        scene.assert_alive();
        scene.log.clear();
        scene.take();
        scene.wire.clear();
    }
    scene.accepts_channels = false;
    for sender in 0..5000 {
        scene.send(&messages::channel_open("session", sender, 1000, 1000).end());
    }
    assert!(format!("{:?}", scene.target).contains("channels: 0"));
}

/// covers: H14
#[test]
fn g_h14_connection_messages_cut_at_every_byte() {
    let whole = [
        message(80).string("x@konko.test").boolean(true).end(),
        messages::channel_open("session", 9, 1000, 1000).end(),
        messages::window_adjust(0, 5),
        messages::channel_data(0, b"data"),
        messages::extended_data(0, 1, b"data"),
        messages::on_channel(96, 0),
        messages::on_channel(97, 0),
        messages::channel_request(0, "x", true).end(),
        messages::on_channel(99, 0),
        messages::on_channel(100, 0),
    ];
    for payload in whole {
        for len in 1..payload.len() {
            let mut scene = served(1000, 1000);
            scene.send(&payload[..len]);
            scene.assert_disconnected(2);
        }
        // Lengths of strings that are not those of the strings.
        for length in [1u32 << 31, u32::MAX, 0xffff] {
            if matches!(payload[0], 94 | 98) {
                let mut scene = served(1000, 1000);
                let mut payload = payload.clone();
                payload[5..9].copy_from_slice(&length.to_be_bytes());
                scene.send(&payload);
                scene.assert_disconnected(2);
            }
        }
    }
}

/// covers: H16
#[test]
fn g_h16_one_close_is_sent_whatever_the_peer_repeats() {
    // EOF twice, data after EOF, a request after EOF, CLOSE.
    let mut scene = served(1000, 1000);
    scene.send(&messages::on_channel(96, 0));
    scene.send(&messages::on_channel(96, 0));
    scene.send(&messages::channel_data(0, b"late"));
    scene.send(&messages::channel_request(0, "x@konko.test", true).end());
    scene.send(&messages::on_channel(97, 0));
    scene.assert_alive();
    let numbers = scene.numbers();
    assert_eq!(numbers.iter().filter(|number| **number == 97).count(), 1, "{numbers:?}");
    assert!(!numbers.contains(&96), "EOF behind CLOSE: {numbers:?}");
    assert_eq!(scene.log.iter().filter(|entry| *entry == "Eof").count(), 1);
    assert_eq!(scene.log.iter().filter(|entry| *entry == "Closed").count(), 1);
    assert!(!scene.log.iter().any(|entry| entry == "4 bytes"), "{:?}", scene.log);
    scene.send(&messages::on_channel(97, 0));
    scene.assert_disconnected(2);
    // Both at once.
    let mut scene = served(1000, 1000);
    let id = scene.channels[0];
    scene.target.channel(id).expect("open").close();
    scene.settle();
    scene.send(&messages::on_channel(97, 0));
    scene.assert_alive();
    assert_eq!(scene.numbers(), [97]);
}

/// covers: H18
#[test]
fn g_h18_both_sides_full_and_the_one_that_reads_is_served() {
    let mut scene = served(50, 50);
    scene.reads_data = false;
    let id = scene.channels[0];
    assert_eq!(scene.target.channel(id).expect("open").write(Stream::Data, &[1; 100]), Progress::Moved(50));
    assert_eq!(scene.target.channel(id).expect("open").write(Stream::Data, &[1; 100]), Progress::Blocked);
    for _ in 0..64 {
        scene.send(&messages::channel_data(0, &[2; 32 * 1024]));
    }
    scene.assert_alive();
    scene.log.clear();
    scene.send(&messages::window_adjust(0, 1));
    assert_eq!(scene.log, ["Writable"]);
    assert_eq!(scene.target.channel(id).expect("open").write(Stream::Data, &[1; 100]), Progress::Moved(1));
}

/// covers: H20
#[test]
fn g_h20_global_requests_are_answered_in_order_and_limited() {
    let mut scene = server();
    for index in 0..2000 {
        scene.send(&messages::global_request(
            if index % 2 == 0 { "keepalive@openssh.com" } else { "\u{fffd}" },
            true,
        ));
        scene.send(&messages::global_request("x@konko.test", false));
    }
    scene.assert_alive();
    assert_eq!(scene.numbers(), vec![82; 2000]);
    scene.peer_reads = false;
    let request = messages::global_request("x@konko.test", true);
    let packets: Vec<u8> = (0..120_000).flat_map(|_| scene.peer.packet(&request)).collect();
    scene.feed(&packets);
    assert!(!scene.unread.is_empty() || !scene.is_alive());
    assert!(scene.output_len() < 3 << 20);
}

/// covers: I16
#[test]
fn g_i16_what_is_not_known_is_refused_or_ignored() {
    let mut scene = served(1000, 1000);
    for name in ["eow@openssh.com", "x@konko.test", ""] {
        scene.send(&messages::channel_request(0, name, false).end());
        assert_eq!(scene.numbers(), [0; 0]);
        scene.send(&messages::channel_request(0, name, true).end());
        assert_eq!(scene.take(), [messages::on_channel(100, 7)]);
        scene.send(&messages::global_request(name, false));
        assert_eq!(scene.numbers(), [0; 0]);
        scene.send(&messages::global_request(name, true));
        assert_eq!(scene.take(), [vec![82]]);
    }
    scene.accepts_channels = false;
    scene.send(&messages::channel_open("x@konko.test", 8, 10, 10).end());
    assert_eq!(scene.numbers(), [92]);
}

/// covers: I17
#[test]
fn g_i17_the_exit_status_comes_in_any_order() {
    let data = || messages::channel_data(0, b"output");
    let status = || messages::channel_request(0, "exit-status", false).number(3).end();
    let eof = || messages::on_channel(96, 0);
    for order in [[data(), eof(), status()], [data(), status(), eof()], [status(), data(), eof()]] {
        let mut scene = client();
        for payload in order {
            scene.send(&payload);
        }
        scene.send(&messages::on_channel(97, 0));
        scene.assert_alive();
        for expected in ["6 bytes", "request exit-status", "Eof", "Closed"] {
            assert_eq!(scene.log.iter().filter(|entry| *entry == expected).count(), 1, "{:?}", scene.log);
        }
        assert_eq!(scene.log.last().map(String::as_str), Some("Closed"));
    }
}

/// covers: I11
#[test]
fn g_i11_peers_with_the_largest_window() {
    for window in [(1u32 << 31) - 1, u32::MAX] {
        let mut scene = served(window, 1 << 15);
        let id = scene.channels[0];
        let mut moved = 0;
        while moved < 8 << 20 {
            match scene.target.channel(id).expect("open").write(Stream::Data, &[0; 64 * 1024]) {
                Progress::Moved(n) => moved += n,
                other => panic!("{other:?} after {moved}"),
            }
            scene.settle();
            scene.take();
            scene.wire.clear();
        }
    }
}

/// covers: H28
#[test]
fn g_h28_keepalive_requests_wait_for_authentication_and_for_keys() {
    let mut config = client_config(packet_config(Role::Client));
    config.keepalive.interval = Some(Duration::from_secs(5));
    config.authentication_timeout = None;
    let steps: [fn(&mut Scene<Client>); 4] = [
        Scene::identify,
        |scene| {
            scene.identify();
            scene.propose();
        },
        Scene::handshake,
        Scene::<Client>::serve_authentication,
    ];
    for step in steps {
        let mut scene = Scene::client_with(config.clone(), Proposal::null(Role::Server));
        step(&mut scene);
        scene.take();
        scene.pass(Duration::from_secs(12));
        assert!(!scene.numbers().contains(&80));
    }
    let mut scene = Scene::client_with(config.clone(), Proposal::null(Role::Server));
    scene.log_in();
    scene.propose();
    scene.take();
    scene.pass(Duration::from_secs(12));
    assert!(!scene.numbers().contains(&80), "in a re-exchange");
    scene.exchange();
    scene.new_keys();
    scene.take();
    scene.pass(Duration::from_secs(5));
    assert_eq!(scene.numbers(), [80]);
    scene.send(&[82]);
    scene.assert_alive();
    // Three in a row without an answer end it.
    scene.pass(Duration::from_secs(20));
    assert_eq!(scene.error, Some(Error::TimedOut(Timer::Keepalive)));
    let mut config = server_config(packet_config(Role::Server));
    config.keepalive.interval = Some(Duration::from_secs(5));
    let mut scene = Scene::server_with(config, Proposal::null(Role::Client));
    scene.serve_authentication();
    scene.take();
    scene.pass(Duration::from_secs(14));
    assert!(!scene.numbers().contains(&80));
}

/// What a server opens that a client never asked for is told to the application as a question; nothing is opened before
/// it is answered.
#[test]
fn channels_that_a_client_did_not_ask_for_are_questions() {
    let mut scene = client();
    scene.accepts_channels = false;
    let opens = [
        messages::channel_open("session", 1, 10, 10).end(),
        messages::channel_open("auth-agent@openssh.com", 1, 10, 10).end(),
        messages::channel_open("x11", 1, 10, 10).string("::1").number(6000).end(),
        messages::channel_open("forwarded-tcpip", 1, 10, 10)
            .string("a")
            .number(1)
            .string("b")
            .number(2)
            .end(),
        messages::channel_open("forwarded-streamlocal@openssh.com", 1, 10, 10).string("/x").string("").end(),
        messages::channel_open("tun@openssh.com", 1, 10, 10).number(1).number(0).end(),
    ];
    for open in opens {
        scene.send(&open);
        assert_eq!(scene.numbers(), [92]);
    }
    scene.assert_alive();
}
