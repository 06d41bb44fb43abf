//! Requests on channels and of the connection, and their replies.

use super::{Pair, Side};
use crate::config::ChannelConfig;
use crate::error::ChannelError;
use crate::event::{ChannelEvent, ConnectionEvent, MAXIMUM_UNPOLLED_REQUESTS};
use crate::identifier::{ChannelId, RequestId};
use crate::request::{ChannelRequest, ChannelRequestQuestion, GlobalQuestion};
use konko_wire::decode::Rest;
use konko_wire::encode::Encode;
use konko_wire::message::channel::{
    ChannelClose, ChannelFailure, ChannelRequest as RequestMessage, ChannelSuccess, Exec,
};
use konko_wire::message::global::{GlobalRequest, RequestFailure, RequestSuccess};

impl Side {
    fn request(&mut self, id: ChannelId, name: &str, body: &[u8]) -> RequestId {
        let channel = self.channels.channel(id).expect("a channel");
        channel.request(name, body, true, &mut self.out).expect("sent").expect("an id")
    }

    fn questions(&mut self, id: ChannelId) -> Vec<ChannelRequestQuestion> {
        let questions = self.events(id).into_iter().map(|event| match event {
            ChannelEvent::Request(question) => question,
            other => panic!("unexpected {other:?}"),
        });
        questions.collect()
    }

    fn replies(&mut self, id: ChannelId) -> Vec<(RequestId, bool)> {
        let replies = self.events(id).into_iter().filter_map(|event| match event {
            ChannelEvent::RequestReply { id, success } => Some((id, success)),
            _ => None,
        });
        replies.collect()
    }

    fn global_questions(&mut self) -> Vec<GlobalQuestion> {
        let events = std::iter::from_fn(|| self.channels.poll_event());
        let questions = events.filter_map(|event| match event {
            ConnectionEvent::GlobalRequest(question) => Some(question),
            _ => None,
        });
        questions.collect()
    }

    fn global_replies(&mut self) -> Vec<(RequestId, Option<Vec<u8>>)> {
        let events = std::iter::from_fn(|| self.channels.poll_event());
        let replies = events.filter_map(|event| match event {
            ConnectionEvent::GlobalReply { id, reply } => Some((id, reply.map(|data| data.to_vec()))),
            _ => None,
        });
        replies.collect()
    }
}

fn request(recipient_channel: u32, name: &[u8], want_reply: bool) -> RequestMessage<'_> {
    RequestMessage { recipient_channel, request_type: name, want_reply, type_specific: Rest(b"") }
}

#[test]
fn answers_are_matched_in_order_even_if_given_in_another() {
    let (mut pair, left, right) = Pair::session();
    let command = Exec { command: b"true" }.to_vec();
    let ids = [
        pair.left.request(left, "a@example.org", b""),
        pair.left.request(left, Exec::NAME, &command),
        pair.left.request(left, "c@example.org", b""),
    ];
    pair.carry();
    let mut questions = pair.right.questions(right);
    assert_eq!(questions[1].parse(), Ok(ChannelRequest::Exec(Exec { command: b"true" })));
    assert!(questions.iter().all(|question| question.want_reply() && question.channel() == right));
    let (third, second, first) = (questions.pop(), questions.pop(), questions.pop());
    for (question, success) in [(third, true), (first, false)] {
        pair.right.channels.answer(question.expect("asked"), success, &mut pair.right.out);
    }
    pair.carry();
    assert_eq!(pair.left.replies(left), [(ids[0], false)]);
    pair.right.channels.answer(second.expect("asked"), true, &mut pair.right.out);
    pair.carry();
    assert_eq!(pair.left.replies(left), [(ids[1], true), (ids[2], true)]);
}

#[test]
fn a_question_given_to_another_channel_answers_nothing_there() {
    let (mut pair, left, right) = Pair::session();
    let (other_left, other_right) = pair.open(crate::open::ChannelKind::Session);
    pair.left.request(left, "x", b"");
    pair.left.request(other_left, "x", b"");
    pair.carry();
    let question = pair.right.questions(right).remove(0);
    let channel = pair.right.channels.channel(other_right).expect("open");
    channel.answer(question, true, &mut pair.right.out);
    assert!(pair.right.out.messages.is_empty());
}

#[test]
fn a_request_before_the_confirmation_is_an_error() {
    let mut side = Side::new(ChannelConfig::default());
    let id = side.channels.open(crate::open::ChannelKind::Session, &mut side.out).expect("a place");
    let channel = side.channels.channel(id).expect("opening");
    assert!(matches!(channel.request("x", b"", false, &mut side.out), Err(ChannelError::ApiMisuse(_))));
    assert!(matches!(channel.send_eof(&mut side.out), Err(ChannelError::ApiMisuse(_))));
    assert_eq!(side.out.numbers(), [90]);
}

/// covers: H07
#[test]
fn replies_nobody_asked_for_are_dropped_and_the_genuine_one_is_matched() {
    let mut side = Side::new(ChannelConfig::default());
    let id = side.open_against(100, 100);
    side.events(id);
    let recipient_channel = id.number();
    for _ in 0..25_000 {
        side.take(&ChannelSuccess { recipient_channel }).expect("dropped");
        side.take(&ChannelFailure { recipient_channel }).expect("dropped");
        side.take(&RequestSuccess { response_specific: Rest(b"x") }).expect("dropped");
        side.take(&RequestFailure {}).expect("dropped");
    }
    assert!(side.global_replies().is_empty());
    assert!(side.replies(id).is_empty());
    let asked = side.request(id, "x", b"");
    let global = side.channels.global_request("y", b"", true, &mut side.out).expect("sent").expect("an id");
    side.take(&ChannelSuccess { recipient_channel }).expect("due");
    side.take(&RequestSuccess { response_specific: Rest(b"port") }).expect("due");
    assert_eq!(side.replies(id), [(asked, true)]);
    assert_eq!(side.global_replies(), [(global, Some(b"port".to_vec()))]);
}

/// covers: H07
#[test]
fn replies_nobody_asked_for_have_an_end() {
    let mut side = Side::new(ChannelConfig::default());
    let message = bytes::Bytes::from(RequestFailure {}.to_vec());
    let taken = (0..2_000_000).take_while(|_| side.channels.handle(message.clone(), &mut side.out).is_ok());
    assert_eq!(taken.count(), 1 << 20);
}

/// covers: H07
#[test]
fn a_close_fails_the_requests_that_wait() {
    let (mut pair, left, right) = Pair::session();
    let asked = [pair.left.request(left, "x", b""), pair.left.request(left, "y", b"")];
    pair.carry();
    let questions = pair.right.questions(right);
    pair.right.close(right);
    for question in questions {
        pair.right.channels.answer(question, true, &mut pair.right.out);
    }
    assert_eq!(pair.right.out.messages.len(), 1);
    pair.carry();
    assert_eq!(pair.left.replies(left), [(asked[0], false), (asked[1], false)]);
}

#[test]
fn our_requests_have_a_limit() {
    let mut side = Side::new(ChannelConfig { maximum_pending_requests: 3, ..ChannelConfig::default() });
    let id = side.open_against(100, 100);
    for _ in 0..3 {
        side.request(id, "x", b"");
        side.channels.global_request("x", b"", true, &mut side.out).expect("sent");
    }
    side.out.messages.clear();
    let channel = side.channels.channel(id).expect("open");
    let refused = channel.request("x", b"", true, &mut side.out);
    assert!(matches!(refused, Err(ChannelError::LimitExceeded(_))));
    assert!(matches!(
        side.channels.global_request("x", b"", true, &mut side.out),
        Err(ChannelError::LimitExceeded(_))
    ));
    assert!(side.out.messages.is_empty());
    side.channels
        .channel(id)
        .expect("open")
        .request("x", b"", false, &mut side.out)
        .expect("no reply, no limit");
}

/// covers: H20
#[test]
fn requests_of_the_peer_without_an_answer_have_a_limit() {
    let mut side = Side::new(ChannelConfig { maximum_unanswered: 10, ..ChannelConfig::default() });
    let id = side.open_against(100, 100);
    side.events(id);
    for _ in 0..1000 {
        for _ in 0..10 {
            side.take(&request(id.number(), b"x", true)).expect("within the limit");
        }
        for question in side.questions(id) {
            side.channels.answer(question, false, &mut side.out);
        }
    }
    assert_eq!(side.out.numbers(), vec![ChannelFailure::NUMBER; 10_000]);
    for _ in 0..10 {
        side.take(&request(id.number(), b"x", true)).expect("within the limit");
    }
    assert_eq!(side.questions(id).len(), 10);
    let result = side.take(&request(id.number(), b"x", true));
    assert!(matches!(result, Err(ChannelError::LimitExceeded(_))));
}

/// covers: H20
#[test]
fn requests_nobody_looks_at_have_a_limit_in_number_and_bytes() {
    let unread = |message: &dyn Fn(u32) -> Vec<u8>| {
        let mut side = Side::new(ChannelConfig::default());
        let id = side.open_against(100, 100);
        let message = bytes::Bytes::from(message(id.number()));
        let taken = (0..10_000).take_while(|_| side.channels.handle(message.clone(), &mut side.out).is_ok());
        taken.count()
    };
    let body = vec![0; 100_000];
    assert_eq!(unread(&|id| request(id, b"x", false).to_vec()), MAXIMUM_UNPOLLED_REQUESTS);
    let large = |id| RequestMessage { type_specific: Rest(&body), ..request(id, b"x", false) }.to_vec();
    assert_eq!(unread(&large), 3);
    let global = GlobalRequest { request_name: b"x", want_reply: false, request_specific: Rest(b"") };
    assert_eq!(unread(&|_| global.to_vec()), MAXIMUM_UNPOLLED_REQUESTS);
    assert_eq!(unread(&|_| GlobalRequest { request_specific: Rest(&body), ..global.clone() }.to_vec()), 3);
}

/// covers: H20
#[test]
fn global_requests_are_answered_in_the_order_asked() {
    let mut pair = Pair::new(ChannelConfig::default());
    let asked: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|name| pair.left.channels.global_request(name, b"body", true, &mut pair.left.out))
        .map(|id| id.expect("sent").expect("an id"))
        .collect();
    assert_eq!(pair.left.channels.global_request("d", b"", false, &mut pair.left.out), Ok(None));
    pair.carry();
    let questions = pair.right.global_questions();
    let described: Vec<_> =
        questions.iter().map(|q| (q.request_name(), q.want_reply(), q.body().len())).collect();
    assert_eq!(described, [("a", true, 4), ("b", true, 4), ("c", true, 4), ("d", false, 0)]);
    for (index, question) in questions.into_iter().enumerate().rev() {
        let data = [index as u8];
        let reply = (index != 1).then_some(&data[..]);
        pair.right.channels.answer_global(question, reply, &mut pair.right.out);
    }
    assert_eq!(pair.carry(), 3);
    let replies = pair.left.global_replies();
    assert_eq!(replies, [(asked[0], Some(vec![0])), (asked[1], None), (asked[2], Some(vec![2]))]);
}

/// covers: H20
#[test]
fn names_that_nobody_can_know_are_refused_in_their_turn() {
    let mut side = Side::new(ChannelConfig::default());
    let id = side.open_against(100, 100);
    side.events(id);
    let long = [b'x'; 65];
    for name in [&b"known"[..], b"\xff", &long] {
        side.take(&request(id.number(), name, true)).expect("legal");
        side.take(&request(id.number(), name, false)).expect("legal");
        let request_specific = Rest(b"");
        side.take(&GlobalRequest { request_name: name, want_reply: true, request_specific }).expect("legal");
    }
    // Their refusals wait behind the answers to those asked before.
    assert!(side.out.messages.is_empty());
    for question in side.questions(id) {
        side.channels.answer(question, true, &mut side.out);
    }
    for question in side.global_questions() {
        side.channels.answer_global(question, Some(b""), &mut side.out);
    }
    assert_eq!(side.out.numbers(), [99, 100, 100, 81, 82, 82]);
}

#[test]
fn a_request_that_crosses_our_close_asks_nothing() {
    let mut side = Side::new(ChannelConfig::default());
    let id = side.open_against(100, 100);
    side.close(id);
    side.events(id);
    side.take(&request(id.number(), b"x", true)).expect("ignored");
    assert_eq!(side.event_names(id), "");
    assert_eq!(side.out.numbers(), [ChannelClose::NUMBER]);
}
