//! RFC 4254: the connection protocol.

use konko_channel::config::OpenOptions;
use konko_channel::open::ChannelKind;
use konko_channel::stream::{Progress, Stream};
use konko_transport::dispatch::Role;
use konko_transport::{Client, Server};

use crate::peer::messages;
use crate::peer::proposal::Proposal;
use crate::peer::scene::Scene;

/// A server with a channel, its own number 0, the peer's 7.
fn served(window: u32, packet: u32) -> Scene<Server> {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.log_in();
    scene.send(&messages::channel_open("session", 7, window, packet).end());
    scene.take();
    scene.log.clear();
    scene
}

fn written(scene: &mut Scene<Server>, bytes: usize) -> (Progress, Vec<Vec<u8>>) {
    let id = scene.channels[0];
    let progress = scene.target.channel(id).expect("open").write(Stream::Data, &vec![1; bytes]);
    scene.settle();
    (progress, scene.take())
}

// RFC 4254 §4: "If the recipient does not recognize or support the request, it simply responds with
// SSH_MSG_REQUEST_FAILURE." And only if 'want reply' is TRUE.
#[test]
fn rfc4254_4_unknown_global_requests_fail() {
    let mut scene = served(10, 10);
    scene.send(&messages::global_request("x@konko.test", true));
    scene.send(&messages::global_request("x@konko.test", false));
    assert_eq!(scene.take(), [vec![82]]);
}

// RFC 4254 §4: "it is REQUIRED that replies to SSH_MSG_GLOBAL_REQUESTS MUST be sent in the same order as the
// corresponding request messages."
#[test]
fn rfc4254_4_replies_come_in_the_order_of_the_requests() {
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.log_in();
    for name in ["first@konko.test", "second@konko.test"] {
        scene.target.global_request(name, b"", true).expect("asks");
    }
    scene.settle();
    scene.log.clear();
    scene.send(&[81]);
    scene.send(&[82]);
    assert_eq!(scene.log, ["global reply true", "global reply false"]);
}

// RFC 4254 §5.1: "If the recipient of the SSH_MSG_CHANNEL_OPEN message does not support the specified 'channel type', it
// simply responds with SSH_MSG_CHANNEL_OPEN_FAILURE."
#[test]
fn rfc4254_5_1_an_unknown_channel_type_is_refused() {
    let mut scene = served(10, 10);
    scene.accepts_channels = false;
    scene.send(&messages::channel_open("x@konko.test", 9, 10, 10).end());
    let answers = scene.take();
    assert_eq!(answers[0][..5], [92, 0, 0, 0, 9]);
    scene.assert_alive();
}

// RFC 4254 §5.1: the confirmation names "the channel number given in the original open request, and 'sender channel' is
// the channel number allocated by the other side."
#[test]
fn rfc4254_5_1_both_numbers_are_in_the_confirmation() {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.log_in();
    for (own, theirs) in [(0u8, 0xffff_ffffu32), (1, 0x8000_0000), (2, 0)] {
        scene.send(&messages::channel_open("session", theirs, 10, 10).end());
        let confirmation = scene.take().pop().expect("an answer");
        assert_eq!(confirmation[..5], [&[91][..], &theirs.to_be_bytes()].concat());
        assert_eq!(confirmation[5..9], [0, 0, 0, own]);
    }
}

// RFC 4254 §5.2: "The window size specifies how many bytes the other party can send before it must wait for the window
// to be adjusted." "The maximum amount of data allowed is determined by the maximum packet size for the channel, and the
// current window size, whichever is smaller."
#[test]
fn rfc4254_5_2_window_and_packet_size_are_kept() {
    let mut scene = served(100, 30);
    let (progress, payloads) = written(&mut scene, 1000);
    assert_eq!(progress, Progress::Moved(100));
    let lengths: Vec<usize> = payloads.iter().map(|payload| payload.len() - 9).collect();
    assert_eq!(lengths, [30, 30, 30, 10]);
    assert_eq!(written(&mut scene, 1), (Progress::Blocked, vec![]));
    scene.send(&messages::window_adjust(0, 5));
    assert_eq!(written(&mut scene, 1000).0, Progress::Moved(5));
}

// RFC 4254 §5.2: "Implementations MUST correctly handle window sizes of up to 2^32 - 1 bytes. The window MUST NOT be
// increased above 2^32 - 1 bytes."
#[test]
fn rfc4254_5_2_the_largest_window() {
    let mut scene = served(u32::MAX - 1, 1 << 15);
    scene.send(&messages::window_adjust(0, 1));
    scene.assert_alive();
    assert_eq!(written(&mut scene, 100).0, Progress::Moved(100));
    scene.send(&messages::window_adjust(0, 100));
    scene.assert_alive();
    scene.send(&messages::window_adjust(0, 1));
    scene.assert_disconnected(2);
}

// RFC 4254 §5.2: data that is read is paid back in window, so that a peer that keeps to it never stops.
#[test]
fn rfc4254_5_2_what_is_read_is_paid_back() {
    let mut scene = served(10, 10);
    let mut credit = 2u64 << 20;
    for _ in 0..1000 {
        assert!(credit >= 32_768, "the window is closed for good");
        scene.send(&messages::channel_data(0, &[1; 32_768]));
        credit -= 32_768;
        for payload in scene.take().iter().filter(|payload| payload[0] == 93) {
            credit += u64::from(u32::from_be_bytes(payload[5..9].try_into().expect("four bytes")));
        }
    }
    scene.assert_alive();
}

// RFC 4254 §5.3: "No explicit response is sent to this message. [...] the channel remains open after this message, and
// more data may still be sent in the other direction."
#[test]
fn rfc4254_5_3_eof_closes_one_direction_only() {
    let mut scene = served(1000, 1000);
    scene.send(&messages::on_channel(96, 0));
    assert!(scene.take().is_empty());
    assert_eq!(written(&mut scene, 10).0, Progress::Moved(10));
}

// RFC 4254 §5.3: "Upon receiving this message, a party MUST send back an SSH_MSG_CHANNEL_CLOSE unless it has already
// sent this message for the channel."
#[test]
fn rfc4254_5_3_close_is_answered_once() {
    let mut scene = served(1000, 1000);
    scene.send(&messages::on_channel(97, 0));
    assert_eq!(scene.take(), [messages::on_channel(97, 7)]);
    let mut scene = served(1000, 1000);
    let id = scene.channels[0];
    scene.target.channel(id).expect("open").close();
    scene.settle();
    assert_eq!(scene.take(), [messages::on_channel(97, 7)]);
    scene.send(&messages::on_channel(97, 0));
    assert!(scene.take().is_empty());
    scene.assert_alive();
}

// RFC 4254 §5.3: "This message does not consume window space and can be sent even if no window space is available."
#[test]
fn rfc4254_5_3_eof_and_close_need_no_window() {
    let mut scene = served(0, 1000);
    let id = scene.channels[0];
    let mut channel = scene.target.channel(id).expect("open");
    assert_eq!(channel.write(Stream::Data, b"x"), Progress::Blocked);
    channel.send_eof().expect("sends");
    channel.close();
    scene.settle();
    assert_eq!(scene.take(), [messages::on_channel(96, 7), messages::on_channel(97, 7)]);
}

// RFC 4254 §5.4: "If the request is not recognized or is not supported for the channel, SSH_MSG_CHANNEL_FAILURE is
// returned." "If 'want reply' is FALSE, no response will be sent to the request."
#[test]
fn rfc4254_5_4_unknown_channel_requests_fail() {
    let mut scene = served(0, 10);
    scene.send(&messages::channel_request(0, "x@konko.test", false).end());
    assert!(scene.take().is_empty());
    scene.send(&messages::channel_request(0, "x@konko.test", true).end());
    assert_eq!(scene.take(), [messages::on_channel(100, 7)]);
}

// RFC 4254 §5.4: requests need no window either, and replies on a channel come in the order of the requests.
#[test]
fn rfc4254_5_4_requests_need_no_window() {
    let mut scene: Scene<Client> = Scene::client(Proposal::null(Role::Server));
    scene.log_in();
    let id = scene.target.open_channel(ChannelKind::Session, OpenOptions::default()).expect("opens");
    scene.settle();
    scene.send(&messages::open_confirmation(0, 7, 0, 1000));
    scene.take();
    scene.log.clear();
    for name in ["env", "shell"] {
        scene.target.channel(id).expect("open").request(name, b"", true).expect("asks");
    }
    scene.settle();
    assert_eq!(scene.numbers(), [98, 98]);
    scene.send(&messages::on_channel(100, 0));
    scene.send(&messages::on_channel(99, 0));
    let successes: Vec<bool> = scene.log.iter().map(|entry| entry.contains("success: true")).collect();
    assert_eq!(successes, [false, true], "{:?}", scene.log);
}
