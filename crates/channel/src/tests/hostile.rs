//! A peer that breaks the rules.

use super::{Side, confirmation, session_open};
use crate::config::ChannelConfig;
use crate::error::ChannelError;
use crate::event::ConnectionEvent;
use crate::identifier::ChannelId;
use crate::open::ChannelKind;
use crate::stream::Stream;
use bytes::Bytes;
use konko_wire::decode::Rest;
use konko_wire::encode::Encode;
use konko_wire::message::channel::{
    ChannelClose, ChannelData, ChannelEof, ChannelExtendedData, ChannelFailure, ChannelOpen,
    ChannelOpenFailure, ChannelRequest, ChannelSuccess, ChannelWindowAdjust, DirectTcpip,
};
use konko_wire::message::global::{GlobalRequest, RequestFailure};
use konko_wire::number::{DisconnectReason, ExtendedDataType, OpenFailureReason};

/// Each message that names a recipient channel, 91 to 100.
fn messages_to(number: u32) -> Vec<Vec<u8>> {
    let recipient_channel = number;
    vec![
        confirmation(number, 0, 100, 100).to_vec(),
        ChannelOpenFailure {
            recipient_channel,
            reason: OpenFailureReason::CONNECT_FAILED,
            description: b"no",
            language_tag: b"",
        }
        .to_vec(),
        ChannelWindowAdjust { recipient_channel, bytes_to_add: 1 }.to_vec(),
        ChannelData { recipient_channel, data: b"data" }.to_vec(),
        ChannelExtendedData { recipient_channel, data_type: ExtendedDataType::STDERR, data: b"data" }
            .to_vec(),
        ChannelEof { recipient_channel }.to_vec(),
        ChannelClose { recipient_channel }.to_vec(),
        ChannelRequest {
            recipient_channel,
            request_type: b"shell",
            want_reply: true,
            type_specific: Rest(b""),
        }
        .to_vec(),
        ChannelSuccess { recipient_channel }.to_vec(),
        ChannelFailure { recipient_channel }.to_vec(),
    ]
}

/// A side whose channel is in some state, and its number.
type Scene = fn(&mut Side) -> u32;
/// The same of a channel we know.
type OwnScene = fn(&mut Side) -> ChannelId;

/// covers: H06 H15
#[test]
fn messages_for_channels_that_are_not_open_reach_nobody() {
    let never: Scene = |_| 0;
    let largest: Scene = |side| {
        side.open_against(100, 100);
        u32::MAX
    };
    let next: Scene = |side| side.open_against(100, 100).number() + 1;
    // Our number for it would be 0, and its own is 5.
    let pending_remote: Scene = |side| {
        side.take(&session_open(5, 100, 100)).expect("an open");
        let _ = side.open_question();
        0
    };
    let pending_remote_by_its_own_number: Scene = |side| {
        side.take(&session_open(5, 100, 100)).expect("an open");
        let _ = side.open_question();
        5
    };
    let denied: Scene = |side| {
        side.take(&session_open(0, 100, 100)).expect("an open");
        let question = side.open_question();
        side.channels.reject(question, OpenFailureReason::CONNECT_FAILED, "", &mut side.out);
        0
    };
    let forgotten: Scene = |side| {
        let id = side.open_against(100, 100);
        side.release(id);
        side.take(&ChannelClose { recipient_channel: id.number() }).expect("due");
        id.number()
    };
    for scene in [never, largest, next, pending_remote, pending_remote_by_its_own_number, denied, forgotten] {
        for message in messages_to(0).into_iter().map(|message| message[0]) {
            let mut side = Side::new(ChannelConfig::default());
            let number = scene(&mut side);
            while side.channels.poll_event().is_some() {}
            side.out.messages.clear();
            let message = messages_to(number).remove(usize::from(message - 91));
            let result = side.channels.handle(message.into(), &mut side.out);
            assert!(matches!(result, Err(ChannelError::UnknownChannel { .. })), "{result:?}");
            assert!(side.channels.poll_event().is_none());
            assert!(side.out.messages.is_empty());
        }
    }
}

/// covers: H06
#[test]
fn messages_for_a_channel_that_the_peer_has_not_confirmed_or_has_closed_are_errors() {
    let unconfirmed =
        |side: &mut Side| side.channels.open(ChannelKind::Session, &mut side.out).expect("a place");
    let closed = |side: &mut Side| {
        let id = side.open_against(100, 100);
        side.take(&ChannelClose { recipient_channel: id.number() }).expect("open");
        side.events(id);
        id
    };
    let scenes: [(OwnScene, usize); 2] = [(unconfirmed, 2), (closed, 0)];
    for (scene, skip) in scenes {
        for index in skip..10 {
            let mut side = Side::new(ChannelConfig::default());
            let id = scene(&mut side);
            side.out.messages.clear();
            let message = messages_to(id.number()).remove(index);
            let error = side.channels.handle(message.into(), &mut side.out).expect_err("a violation");
            assert_eq!(error.disconnect_reason(), DisconnectReason::PROTOCOL_ERROR);
            assert_eq!(side.event_names(id), "");
            assert_eq!(side.channel(id).unread(Stream::Data), 0);
            assert!(side.out.messages.is_empty());
        }
    }
}

/// covers: H06
#[test]
fn a_channel_is_confirmed_once() {
    let mut side = Side::new(ChannelConfig::default());
    let id = side.open_against(100, 100);
    for message in messages_to(id.number()).into_iter().take(2) {
        let result = side.channels.handle(message.into(), &mut side.out);
        assert!(matches!(result, Err(ChannelError::PeerMisbehaved(_))));
    }
    assert_eq!(side.event_names(id), "Opened");
}

/// covers: H01
#[test]
fn a_maximum_packet_size_of_zero_is_refused() {
    let mut side = Side::new(ChannelConfig::default());
    side.take(&session_open(5, 100, 0)).expect("refused");
    assert_eq!(side.out.numbers(), [ChannelOpenFailure::NUMBER]);
    assert!(side.channels.poll_event().is_none());
    let id = side.channels.open(ChannelKind::Session, &mut side.out).expect("a place");
    assert_eq!(
        side.take(&confirmation(id.number(), 0, 100, 0)),
        Err(ChannelError::PeerMisbehaved("a maximum packet size of zero"))
    );
}

/// covers: H02
#[test]
fn a_window_beyond_the_range_is_an_error() {
    let mut side = Side::new(ChannelConfig::default());
    let id = side.open_against(u32::MAX, 100);
    let adjust = |bytes_to_add| ChannelWindowAdjust { recipient_channel: id.number(), bytes_to_add };
    for _ in 0..100_000 {
        side.take(&adjust(0)).expect("useless but legal");
    }
    assert!(matches!(side.take(&adjust(1)), Err(ChannelError::PeerMisbehaved(_))));
    let id = side.open_against(0, 100);
    let adjust = ChannelWindowAdjust { recipient_channel: id.number(), bytes_to_add: u32::MAX };
    side.take(&adjust).expect("in range");
    assert!(matches!(side.take(&adjust), Err(ChannelError::PeerMisbehaved(_))));
    assert_eq!(side.channel(id).send_window(), u32::MAX);
}

/// covers: H03
#[test]
fn a_tenth_beyond_the_window_is_taken_and_no_more() {
    let window = 100_000;
    let mut side = Side::new(ChannelConfig { initial_window_size: window, ..ChannelConfig::default() });
    let id = side.open_against(0, 1);
    let data = [0; 10_000];
    let message = ChannelData { recipient_channel: id.number(), data: &data };
    for _ in 0..11 {
        side.take(&message).expect("within the tolerance");
    }
    for _ in 0..100 {
        let one = ChannelData { recipient_channel: id.number(), data: b"x" };
        assert_eq!(side.take(&one), Err(ChannelError::PeerMisbehaved("data beyond the window")));
        assert!(side.take(&message).is_err());
    }
    assert_eq!(side.channel(id).unread(Stream::Data), 110_000);
}

/// covers: H04
#[test]
fn data_beyond_the_maximum_packet_size_is_an_error() {
    for len in [32_769, 256 * 1024] {
        let mut side = Side::new(ChannelConfig::default());
        let id = side.open_against(0, 1);
        let (recipient_channel, data) = (id.number(), vec![0; len]);
        side.take(&ChannelData { recipient_channel, data: &data[..32_768] }).expect("the maximum");
        let data_type = ExtendedDataType(9);
        assert!(side.take(&ChannelData { recipient_channel, data: &data }).is_err());
        assert!(side.take(&ChannelExtendedData { recipient_channel, data_type, data: &data }).is_err());
        assert_eq!(side.channel(id).unread(Stream::Data), 32_768);
    }
}

/// covers: H14
#[test]
fn every_message_cut_or_lengthened_is_an_error() {
    let direct = DirectTcpip { host: b"h", port: 22, originator_address: b"o", originator_port: 1 }.to_vec();
    let open = ChannelOpen {
        channel_type: b"direct-tcpip",
        sender_channel: 1,
        initial_window_size: 1,
        maximum_packet_size: 1,
        type_specific: Rest(&direct),
    };
    let global = GlobalRequest { request_name: b"x", want_reply: true, request_specific: Rest(b"") };
    let mut messages = messages_to(0);
    messages.push(open.to_vec());
    messages.push(session_open(1, 100, 100).to_vec());
    messages.push(global.to_vec());
    messages.push(RequestFailure {}.to_vec());
    for message in messages {
        for cut in 0..message.len() {
            check(&message[..cut]);
        }
        // The rest of these may be anything.
        if !matches!(message[0], 80 | 91 | 98) {
            check(&[&message[..], &[0]].concat());
        }
        for position in 1..message.len().saturating_sub(3) {
            for value in [1u32 << 31, u32::MAX] {
                let mut message = message.clone();
                message[position..position + 4].copy_from_slice(&value.to_be_bytes());
                // Whatever it means now, it does not panic, and what is refused leaves nothing behind.
                let mut side = Side::new(ChannelConfig::default());
                side.open_against(100, 100);
                let _ = side.channels.handle(message.into(), &mut side.out);
                assert!(side.out.messages.len() <= 1);
            }
        }
    }

    fn check(message: &[u8]) {
        let mut side = Side::new(ChannelConfig::default());
        let id = side.open_against(100, 100);
        side.events(id);
        while side.channels.poll_event().is_some() {}
        let result = side.channels.handle(Bytes::copy_from_slice(message), &mut side.out);
        assert!(
            matches!(result, Err(ChannelError::Decode(..) | ChannelError::PeerMisbehaved(_))),
            "{message:?}: {result:?}"
        );
        assert!(side.out.messages.is_empty());
        assert_eq!(side.event_names(id), "");
    }
}

#[test]
fn numbers_without_a_meaning_are_not_implemented() {
    let mut side = Side::new(ChannelConfig::default());
    for number in (83..=89).chain(101..=127) {
        let result = side.channels.handle(vec![number, 1, 2].into(), &mut side.out);
        assert_eq!(result, Err(ChannelError::Unimplemented(number)));
    }
}

#[test]
fn opens_that_cannot_be_meant_are_refused() {
    let mut side = Side::new(ChannelConfig::default());
    let open = |channel_type, body| ChannelOpen {
        channel_type,
        sender_channel: 3,
        initial_window_size: 1,
        maximum_packet_size: 1,
        type_specific: Rest(body),
    };
    let port = DirectTcpip { host: b"h", port: 65_536, originator_address: b"", originator_port: 0 }.to_vec();
    let host = DirectTcpip { host: b"\xff", port: 1, originator_address: b"", originator_port: 0 }.to_vec();
    for (message, reason) in [
        (open(b"direct-tcpip", &port), OpenFailureReason::CONNECT_FAILED),
        (open(b"direct-tcpip", &host), OpenFailureReason::CONNECT_FAILED),
        (open(&[b'x'; 65], b""), OpenFailureReason::UNKNOWN_CHANNEL_TYPE),
        (open(b"\xff", b""), OpenFailureReason::UNKNOWN_CHANNEL_TYPE),
        (open(b"x@example.org", &[0; 20_000]), OpenFailureReason::RESOURCE_SHORTAGE),
    ] {
        side.take(&message).expect("refused");
        let answer = side.out.messages.pop_front().expect("an answer");
        let answer = ChannelOpenFailure::decode(&answer).expect("a failure");
        assert_eq!((answer.recipient_channel, answer.reason), (3, reason));
    }
    side.take(&open(b"x@example.org", b"data")).expect("a question");
    let event = side.channels.poll_event();
    let Some(ConnectionEvent::OpenRequested(question)) = event else { panic!("unexpected {event:?}") };
    let custom = ChannelKind::Custom { name: "x@example.org".into(), data: b"data".to_vec() };
    assert_eq!(question.kind(), &custom);
}
