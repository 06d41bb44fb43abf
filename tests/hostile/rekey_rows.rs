//! Rows Z and R: compression, and keys that change while a connection is in use.

use std::time::Duration;

use flate2::{Compress, Compression, Decompress, FlushCompress};
use konko_channel::config::OpenOptions;
use konko_channel::open::ChannelKind;
use konko_channel::stream::{Progress, Stream};
use konko_packet::compression::{NONE, ZLIB_OPENSSH};
use konko_packet::rekey::RekeyPolicy;
use konko_transport::dispatch::Role;
use konko_transport::{Client, Error, Server};

use crate::peer::messages;
use crate::peer::proposal::Proposal;
use crate::peer::scene::{Application, Scene};
use crate::peer::setups::{client_config, packet_config, password, server_config};

fn zlib(role: Role) -> Proposal {
    let name = "zlib@openssh.com".to_owned();
    Proposal { compression: [name.clone(), name], ..Proposal::real(role) }
}

fn compressing_server() -> Scene<Server> {
    let mut config = packet_config(Role::Server);
    config.algorithms = config.algorithms.with_compression(vec![&ZLIB_OPENSSH, &NONE]);
    Scene::server_with(server_config(config), zlib(Role::Client))
}

fn compressing_client() -> Scene<Client> {
    let mut config = packet_config(Role::Client);
    config.algorithms = config.algorithms.with_compression(vec![&ZLIB_OPENSSH, &NONE]);
    Scene::client_with(client_config(config), zlib(Role::Server))
}

impl<S: Application> Scene<S> {
    fn compress(&mut self) {
        self.peer.deflater = Some(Compress::new(Compression::default(), true));
        self.peer.inflater = Some(Decompress::new(true));
    }

    fn assert_answers(&mut self) {
        self.take();
        self.send(&messages::global_request("x@konko.test", true));
        self.assert_alive();
        assert_eq!(self.numbers(), [82]);
    }
}

/// covers: Z03
#[test]
fn g_z03_compression_begins_behind_success() {
    // log_in() itself proves that nothing is compressed up to success, success included.
    let mut server = compressing_server();
    server.log_in();
    server.compress();
    server.assert_answers();
    let mut client = compressing_client();
    client.log_in();
    client.compress();
    client.assert_answers();
}

/// covers: Z03
#[test]
fn g_z03_a_re_exchange_starts_the_streams_again() {
    let mut scene = compressing_server();
    scene.log_in();
    scene.compress();
    for compressed in [true, false, true, true, false] {
        scene.peer.proposal = if compressed { zlib(Role::Client) } else { Proposal::real(Role::Client) };
        scene.propose();
        scene.peer_reads = false;
        let message = scene.peer.method_message();
        scene.send(&message);
        // The reply and NEWKEYS are still compressed as before; what follows is not.
        scene.read_until_new_keys(compressed);
        let packet = scene.peer.new_keys();
        scene.peer.deflater = compressed.then(|| Compress::new(Compression::default(), true));
        scene.feed(&packet);
        scene.peer_reads = true;
        scene.assert_answers();
    }
}

impl Scene<Server> {
    /// Reads what waits; behind NEWKEYS nothing waits, and the stream of the next packet is another one.
    fn read_until_new_keys(&mut self, compressed: bool) {
        use konko_sansio::Machine;
        let bytes = self.target.output().to_vec();
        self.target.consume_output(bytes.len());
        let payloads = self.peer.receive(&bytes);
        assert_eq!(payloads.last(), Some(&vec![21]));
        self.peer.inflater = compressed.then(|| Decompress::new(true));
    }
}

/// covers: Z03
#[test]
fn g_z03_a_re_exchange_before_success_changes_nothing() {
    let mut scene = compressing_server();
    scene.serve_authentication();
    scene.re_exchange();
    scene.send(&messages::password_request("alice", "right"));
    assert!(scene.target.is_authenticated());
    scene.compress();
    scene.assert_answers();
}

/// covers: Z01, Z04
#[test]
fn g_z01_what_inflates_beyond_the_limit_ends_the_connection() {
    let bomb = {
        let mut stream = Compress::new(Compression::best(), true);
        let mut out = Vec::with_capacity(1 << 18);
        stream.compress_vec(&vec![2; 64 << 20], &mut out, FlushCompress::Partial).expect("compresses");
        out
    };
    assert!(bomb.len() < 200_000);
    let empty = {
        let mut stream = Compress::new(Compression::default(), true);
        let mut out = Vec::with_capacity(100);
        stream.compress_vec(b"", &mut out, FlushCompress::Sync).expect("compresses");
        out
    };
    for (payload, reasons) in [(bomb, [6, 6]), (b"no stream at all".to_vec(), [6, 6]), (empty, [2, 6])] {
        let mut scene = compressing_server();
        scene.log_in();
        scene.peer.inflater = Some(Decompress::new(true));
        scene.send(&payload);
        assert!(
            scene.disconnect_reason().is_some_and(|reason| reasons.contains(&reason)),
            "{:?}",
            scene.error
        );
    }
}

/// What is said in a whole session; the peer re-keys before the message of that index, or never.
fn session(re_key_at: Option<usize>, by_target: bool) -> (Vec<Vec<u8>>, Vec<String>) {
    let mut scene = Scene::server(Proposal::real(Role::Client));
    scene.log_in();
    let mut script = vec![
        messages::channel_open("session", 7, 1 << 20, 1 << 15).end(),
        messages::channel_request(0, "exec", true).string("cat").end(),
    ];
    script.extend((0..20).map(|index| messages::channel_data(0, &[index; 100])));
    script.push(messages::global_request("x@konko.test", true));
    script.push(messages::on_channel(96, 0));
    script.push(messages::channel_request(0, "x@konko.test", true).end());
    script.push(messages::on_channel(97, 0));
    for (index, payload) in script.iter().enumerate() {
        if re_key_at == Some(index) && by_target {
            // Its proposal is under way while the message arrives; the answer waits for the new keys.
            scene.target.request_key_exchange(scene.now);
            scene.settle();
            scene.send(payload);
            scene.re_exchange();
            continue;
        }
        if re_key_at == Some(index) {
            scene.re_exchange();
        }
        scene.send(payload);
    }
    scene.assert_alive();
    scene.log.retain(|entry| !entry.starts_with("keys changed"));
    let payloads = scene.take().into_iter().filter(|payload| !matches!(payload[0], 20..=49)).collect();
    (payloads, scene.log)
}

/// covers: R04
#[test]
fn g_r04_a_re_exchange_at_every_message_changes_nothing() {
    let expected = session(None, false);
    assert!(expected.0.len() >= 5 && expected.1.len() > 20, "{expected:?}");
    for by_target in [false, true] {
        for index in 0..26 {
            assert_eq!(session(Some(index), by_target), expected, "before message {index}, {by_target}");
        }
    }
}

/// covers: R01
#[test]
fn g_r01_keys_are_changed_by_bytes_by_packets_and_by_time() {
    let policies = [
        RekeyPolicy { bytes: 4000, packets: u64::MAX, interval: None },
        RekeyPolicy { bytes: u64::MAX, packets: 50, interval: None },
    ];
    for rekey in policies {
        let mut config = packet_config(Role::Server);
        config.rekey = rekey;
        let mut scene = Scene::server_with(server_config(config), Proposal::real(Role::Client));
        scene.log_in();
        for _ in 0..400 {
            scene.send(&messages::global_request("x@konko.test", true));
            scene.assert_alive();
            if scene.target.is_exchanging_keys() {
                scene.re_exchange();
            }
        }
        assert!(scene.target.stats().key_re_exchanges >= 4, "{:?}", scene.target.stats());
        assert_eq!(scene.numbers().iter().filter(|number| **number == 82).count(), 400);
    }
    let mut config = packet_config(Role::Client);
    config.rekey.interval = Some(Duration::from_secs(3600));
    let mut scene = Scene::client_with(client_config(config), Proposal::real(Role::Server));
    scene.log_in();
    scene.pass(Duration::from_secs(3599));
    assert!(!scene.target.is_exchanging_keys());
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.numbers(), [20]);
    scene.re_exchange();
    scene.assert_alive();
    scene.pass(Duration::from_secs(3599));
    assert!(!scene.target.is_exchanging_keys());
    scene.pass(Duration::from_secs(1));
    assert!(scene.target.is_exchanging_keys());
}

/// covers: R01
#[test]
fn g_r01_a_hundred_channels_and_their_data_survive() {
    let mut scene = Scene::client(Proposal::real(Role::Server));
    scene.log_in();
    for number in 0..100 {
        let id = scene.target.open_channel(ChannelKind::Session, OpenOptions::default()).expect("opens");
        scene.channels.push(id);
        scene.settle();
        scene.send(&messages::open_confirmation(number, number + 500, 1 << 20, 1000));
    }
    scene.take();
    for round in 0..5u8 {
        scene.target.request_key_exchange(scene.now);
        scene.settle();
        for (number, id) in scene.channels.clone().into_iter().enumerate() {
            scene.send(&messages::channel_data(number as u32, &[round; 10]));
            let written = scene.target.channel(id).expect("open").write(Stream::Data, &[round; 10]);
            assert_eq!(written, Progress::Blocked);
        }
        scene.re_exchange();
        for id in scene.channels.clone() {
            let written = scene.target.channel(id).expect("open").write(Stream::Data, &[round; 10]);
            assert_eq!(written, Progress::Moved(10));
        }
        scene.settle();
        scene.assert_alive();
        assert_eq!(scene.take().iter().filter(|payload| payload[0] == 94).count(), 100);
        assert_eq!(scene.log.iter().filter(|entry| *entry == "10 bytes").count(), 100);
        assert_eq!(scene.log.iter().filter(|entry| *entry == "Writable").count(), 100);
        scene.log.clear();
    }
}

/// covers: R03
#[test]
fn g_r03_one_re_exchange_before_authentication_and_no_second() {
    let mut scene = Scene::server(Proposal::real(Role::Client));
    scene.serve_authentication();
    scene.send(&messages::keyboard_interactive_request("alice"));
    scene.re_exchange();
    // Nothing of the dialogue is lost.
    scene.send(&messages::info_response(&["right"]));
    assert!(scene.target.is_authenticated());
    for step in 0..2 {
        let mut scene = Scene::server(Proposal::real(Role::Client));
        scene.handshake();
        scene.re_exchange();
        if step > 0 {
            scene.send(&messages::service_request("ssh-userauth"));
        }
        scene.assert_alive();
        scene.propose();
        scene.assert_disconnected(2);
    }
    let mut scene = Scene::client(Proposal::real(Role::Server));
    scene.serve_authentication();
    scene.ask(password("right"));
    scene.re_exchange();
    scene.send(&[52]);
    assert!(scene.target.is_authenticated());
}

/// covers: R06, I18
#[test]
fn g_r06_thousands_of_re_exchanges_under_strict_rules() {
    for cipher in ["chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com"] {
        let mut scene = Scene::server(Proposal::new(Role::Client, "null@konko.test", cipher, ""));
        scene.log_in();
        for round in 0..2000 {
            if round % 2 == 0 {
                scene.target.request_key_exchange(scene.now);
                scene.settle();
            }
            scene.re_exchange();
            scene.send(&messages::ignore(1000));
            if let Some(error) = &scene.error {
                panic!("{cipher} round {round}: {error}");
            }
            scene.log.clear();
            scene.wire.clear();
        }
        assert_eq!(scene.target.stats().key_re_exchanges, 2000);
        scene.assert_answers();
    }
}

/// A re-exchange that fails ends the connection with its reason, as the first one does.
#[test]
fn a_re_exchange_without_a_common_algorithm_ends_the_connection() {
    let mut scene = Scene::server(Proposal::real(Role::Client));
    scene.log_in();
    scene.peer.proposal.kex = "other@konko.test".into();
    scene.propose();
    assert!(matches!(scene.error, Some(Error::Packet(_))));
    scene.assert_disconnected(3);
}
