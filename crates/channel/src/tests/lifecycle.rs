//! Opening, EOF, CLOSE, letting go.

use super::{Pair, Side, confirmation, session_open};
use crate::config::{ChannelConfig, OpenOptions};
use crate::error::ChannelError;
use crate::event::{ChannelEvent, ConnectionEvent};
use crate::open::ChannelKind;
use crate::stream::{Progress, STDERR, Stream};
use konko_wire::message::channel::{
    ChannelClose, ChannelData, ChannelEof, ChannelOpenFailure, ChannelRequest, ChannelWindowAdjust,
};
use konko_wire::number::OpenFailureReason;

#[test]
fn a_channel_lives_from_open_to_close() {
    let (mut pair, left, right) = Pair::session();
    assert_eq!(pair.left.write(left, b"ping"), Progress::Moved(4));
    pair.left.eof(left);
    assert_eq!(pair.left.write(left, b"more"), Progress::Ended);
    pair.carry();
    assert_eq!(pair.right.event_names(right), "Readable Eof Readable");
    assert_eq!(pair.right.read_all(right, Stream::Data), (b"ping".to_vec(), Progress::Ended));
    // RFC 4254 §5.3: EOF does not end the other direction.
    assert_eq!(pair.right.write(right, b"pong"), Progress::Moved(4));
    assert_eq!(pair.right.write_to(right, STDERR, b"!"), Progress::Moved(1));
    pair.right.close(right);
    pair.carry();
    assert_eq!(pair.left.event_names(left), "Readable Readable Closed");
    assert_eq!(pair.left.read_all(left, Stream::Data), (b"pong".to_vec(), Progress::Ended));
    assert_eq!(pair.left.read_all(left, STDERR), (b"!".to_vec(), Progress::Ended));
    assert_eq!((pair.left.channels.len(), pair.right.channels.len()), (1, 1));
    pair.left.release(left);
    pair.right.release(right);
    assert_eq!(pair.carry(), 0);
    assert!(pair.left.channels.is_empty() && pair.right.channels.is_empty());
    assert!(pair.left.channels.channel(left).is_none());
    assert_eq!(pair.left.channels.total_window(), 0);
}

#[test]
fn close_does_not_eat_data() {
    let (mut pair, left, right) = Pair::session();
    let data = vec![5; 100_000];
    assert_eq!(pair.left.write(left, &data), Progress::Moved(100_000));
    pair.left.release(left);
    pair.carry();
    assert!(pair.left.channels.is_empty());
    assert_eq!(pair.right.read_all(right, Stream::Data), (data, Progress::Ended));
    assert_eq!(pair.right.write(right, b"x"), Progress::Ended);
    // After both have closed not even a window adjustment is sent.
    assert!(pair.right.out.messages.is_empty());
}

/// covers: H16
#[test]
fn exactly_one_close_is_sent_and_nothing_after_it() {
    let (mut pair, left, right) = Pair::session();
    pair.left.close(left);
    pair.left.close(left);
    pair.left.eof(left);
    let refused = pair.left.channels.channel(left).expect("kept").request("x", b"", true, &mut pair.left.out);
    assert_eq!(refused, Err(ChannelError::Closed));
    pair.right.close(right);
    pair.left.release(left);
    assert_eq!(pair.left.out.messages.iter().map(|m| m[0]).collect::<Vec<_>>(), [ChannelClose::NUMBER]);
    assert_eq!(pair.carry(), 2);
    assert!(pair.left.channels.is_empty());
    assert_eq!(pair.right.event_names(right), "Readable Readable Closed");
}

/// covers: H16
#[test]
fn eof_twice_and_data_after_eof_change_nothing() {
    let mut side = Side::new(ChannelConfig::default());
    let id = side.open_against(100, 100);
    let number = id.number();
    side.take(&ChannelData { recipient_channel: number, data: b"kept" }).expect("open");
    side.take(&ChannelEof { recipient_channel: number }).expect("open");
    side.take(&ChannelEof { recipient_channel: number }).expect("ignored");
    side.take(&ChannelData { recipient_channel: number, data: b"late" }).expect("ignored");
    assert_eq!(side.event_names(id), "Opened Readable Eof Readable");
    assert_eq!(side.read_all(id, Stream::Data), (b"kept".to_vec(), Progress::Ended));
    // A request, such as exit-status, may follow EOF.
    let request = ChannelRequest {
        recipient_channel: number,
        request_type: b"exit-status",
        want_reply: false,
        type_specific: konko_wire::decode::Rest(&[0, 0, 0, 3]),
    };
    side.take(&request).expect("open");
    assert_eq!(side.event_names(id), "Request");
    side.take(&ChannelClose { recipient_channel: number }).expect("open");
    assert_eq!(side.out.numbers(), [ChannelClose::NUMBER]);
    for error in [
        side.take(&ChannelClose { recipient_channel: number }),
        side.take(&ChannelEof { recipient_channel: number }),
        side.take(&request),
    ] {
        assert!(matches!(error, Err(ChannelError::PeerMisbehaved(_))), "{error:?}");
    }
    assert_eq!(side.event_names(id), "Closed");
}

/// covers: H02 H06
#[test]
fn what_crosses_our_close_is_ignored_but_counted() {
    let mut side = Side::new(ChannelConfig { initial_window_size: 1000, ..ChannelConfig::default() });
    let id = side.open_against(100, 100);
    let recipient_channel = id.number();
    side.close(id);
    assert_eq!(side.event_names(id), "Opened Readable Readable");
    side.out.messages.clear();
    side.take(&ChannelWindowAdjust { recipient_channel, bytes_to_add: u32::MAX }).expect("ignored");
    side.take(&ChannelData { recipient_channel, data: &[0; 1000] }).expect("ignored");
    side.take(&ChannelEof { recipient_channel }).expect("ignored");
    assert_eq!(side.channel(id).unread(Stream::Data), 0);
    assert!(side.take(&ChannelData { recipient_channel, data: &[0; 200] }).is_err());
    side.take(&ChannelClose { recipient_channel }).expect("due");
    assert!(side.out.messages.is_empty());
    assert_eq!(side.event_names(id), "Closed");
}

#[test]
fn a_refused_open_says_why() {
    let mut pair = Pair::new(ChannelConfig::default());
    let left = pair.left.channels.open(ChannelKind::AgentConnection, &mut pair.left.out).expect("a place");
    assert_eq!(pair.left.write(left, b"early"), Progress::Blocked);
    assert_eq!(pair.left.read(left, 1), Progress::Blocked);
    pair.carry();
    let question = pair.right.open_question();
    assert_eq!(question.kind(), &ChannelKind::AgentConnection);
    let reason = OpenFailureReason::ADMINISTRATIVELY_PROHIBITED;
    pair.right.channels.reject(question, reason, "not here", &mut pair.right.out);
    pair.carry();
    let mut events = pair.left.events(left).into_iter();
    match events.next() {
        Some(ChannelEvent::OpenFailed { reason: found, description }) => {
            assert_eq!((found, description.as_str()), (reason, "not here"));
        }
        other => panic!("unexpected {other:?}"),
    }
    // Whoever waits is woken.
    assert!(matches!(events.next(), Some(ChannelEvent::Readable(Stream::Data))));
    assert!(matches!(events.next(), Some(ChannelEvent::Writable)));
    assert_eq!(pair.left.write(left, b"early"), Progress::Ended);
    assert_eq!(pair.left.read(left, 1), Progress::Ended);
    pair.left.release(left);
    assert_eq!(pair.carry(), 0);
    assert!(pair.left.channels.is_empty() && pair.right.channels.is_empty());
}

#[test]
fn a_confirmation_that_comes_too_late_is_closed() {
    let mut side = Side::new(ChannelConfig::default());
    let id = side.channels.open(ChannelKind::Session, &mut side.out).expect("a place");
    side.release(id);
    assert_eq!(side.out.numbers(), [90]);
    side.take(&confirmation(id.number(), 9, 100, 100)).expect("due");
    assert_eq!(side.out.numbers(), [ChannelClose::NUMBER]);
    assert_eq!(side.channels.len(), 1);
    side.take(&ChannelClose { recipient_channel: id.number() }).expect("due");
    assert!(side.channels.is_empty() && side.out.messages.is_empty());
    let id = side.channels.open(ChannelKind::Session, &mut side.out).expect("a place");
    side.close(id);
    side.take(&ChannelOpenFailure {
        recipient_channel: id.number(),
        reason: OpenFailureReason(99),
        description: &[0xff; 5000],
        language_tag: b"",
    })
    .expect("due");
    side.release(id);
    assert!(side.channels.is_empty());
}

#[test]
fn a_lost_connection_wakes_everybody_and_keeps_what_came() {
    let (mut pair, left, right) = Pair::session();
    pair.left.write(left, b"last words");
    pair.carry();
    let side = &mut pair.right;
    let opening = side.channels.open(ChannelKind::Session, &mut side.out).expect("a place");
    let released = side.channels.open(ChannelKind::Session, &mut side.out).expect("a place");
    side.release(released);
    let global = side.channels.global_request("x", b"", true, &mut side.out).expect("sent");
    side.channels.channel(right).expect("open").request("y", b"", true, &mut side.out).expect("sent");
    side.out.messages.clear();
    side.channels.connection_lost();
    assert_eq!(side.event_names(opening), "OpenFailed Readable Readable");
    assert_eq!(side.event_names(right), "Readable RequestReply Readable Closed");
    assert_eq!(side.read_all(right, Stream::Data), (b"last words".to_vec(), Progress::Ended));
    assert_eq!(side.write(right, b"x"), Progress::Ended);
    let mut replies = 0;
    while let Some(event) = side.channels.poll_event() {
        if let ConnectionEvent::GlobalReply { id, reply } = event {
            assert_eq!((Some(id), reply), (global, None));
            replies += 1;
        }
    }
    assert_eq!(replies, 1);
    assert_eq!(side.channels.open(ChannelKind::Session, &mut side.out), Err(ChannelError::Closed));
    assert_eq!(side.channels.global_request("x", b"", false, &mut side.out), Err(ChannelError::Closed));
    side.release(opening);
    side.release(right);
    assert!(side.channels.is_empty() && side.out.messages.is_empty());
}

#[test]
fn a_question_answered_after_the_connection_is_lost_gives_a_closed_channel() {
    let mut side = Side::new(ChannelConfig::default());
    side.take(&session_open(1, 100, 100)).expect("an open");
    let question = side.open_question();
    side.channels.connection_lost();
    let id = side.channels.accept(question, &mut side.out);
    assert_eq!(side.read(id, 1), Progress::Ended);
    assert_eq!(side.event_names(id), "Readable Readable Closed");
    assert!(side.out.messages.is_empty());
}

/// covers: H08
#[test]
fn refused_and_closed_channels_leave_nothing_behind() {
    let mut pair = Pair::new(ChannelConfig { maximum_channels: 4, ..ChannelConfig::default() });
    for round in 0..5000 {
        let left = pair.left.channels.open(ChannelKind::Session, &mut pair.left.out).expect("a place");
        pair.carry();
        let question = pair.right.open_question();
        if round % 2 == 0 {
            let reason = OpenFailureReason::CONNECT_FAILED;
            pair.right.channels.reject(question, reason, "", &mut pair.right.out);
        } else {
            let right = pair.right.channels.accept(question, &mut pair.right.out);
            pair.right.release(right);
        }
        pair.carry();
        pair.left.release(left);
        pair.carry();
    }
    for side in [&mut pair.left, &mut pair.right] {
        assert!(side.channels.is_empty());
        assert_eq!(side.channels.total_window(), 0);
        assert!(side.channels.poll_event().is_none());
    }
}

/// covers: H09
#[test]
fn channels_beyond_the_limit_are_refused() {
    let mut side = Side::new(ChannelConfig { maximum_channels: 10, ..ChannelConfig::default() });
    for sender in 0..10_000 {
        side.take(&session_open(sender, 100, 100)).expect("refused, no error");
    }
    assert_eq!(side.out.numbers(), vec![ChannelOpenFailure::NUMBER; 9990]);
    assert_eq!(
        side.channels.open(ChannelKind::Session, &mut side.out),
        Err(ChannelError::LimitExceeded("channels"))
    );
    for _ in 0..10 {
        let question = side.open_question();
        side.channels.accept(question, &mut side.out);
    }
    assert!(side.channels.poll_event().is_none());
    assert_eq!(side.channels.len(), 10);
}

/// covers: H10 H15
#[test]
fn numbers_wrap_and_skip_those_in_use() {
    let mut side = Side::new(ChannelConfig::default());
    let mut open =
        || side.channels.open(ChannelKind::Session, &mut side.out).map(|id| id.number()).expect("a place");
    assert_eq!((open(), open()), (0, 1));
    side.channels.next_number = u32::MAX - 1;
    let mut open =
        || side.channels.open(ChannelKind::Session, &mut side.out).map(|id| id.number()).expect("a place");
    assert_eq!((open(), open(), open()), (u32::MAX - 1, u32::MAX, 2));
    for (number, sender) in [(u32::MAX, 1 << 31), (u32::MAX - 1, u32::MAX), (0, 0)] {
        side.take(&confirmation(number, sender, 100, 100)).expect("due");
        side.out.messages.clear();
        let id = side.channels.ids().find(|id| id.number() == number).expect("there");
        assert_eq!(side.write(id, b"x"), Progress::Moved(1));
        assert_eq!(side.out.messages[0][1..5], sender.to_be_bytes());
    }
    assert!(matches!(
        side.take(&ChannelEof { recipient_channel: 3 }),
        Err(ChannelError::UnknownChannel { number: 3, .. })
    ));
}

#[test]
fn a_channel_may_have_its_own_window_and_packet_size() {
    let mut pair = Pair::new(ChannelConfig::default());
    let options = OpenOptions {
        initial_window_size: Some(10_000),
        maximum_packet_size: std::num::NonZeroU32::new(100),
    };
    let left =
        pair.left.channels.open_with(ChannelKind::Session, options, &mut pair.left.out).expect("a place");
    pair.carry();
    let question = pair.right.open_question();
    let right = pair.right.channels.accept(question, &mut pair.right.out);
    assert_eq!(pair.right.channel(right).send_window(), 10_000);
    pair.carry();
    assert_eq!(pair.right.write(right, &[1; 1000]), Progress::Moved(1000));
    assert_eq!(pair.right.out.messages.len(), 10);
    pair.carry();
    assert_eq!(pair.left.channel(left).unread(Stream::Data), 1000);
}
