//! Global requests (RFC 4254 §4), both ways: which replies are awaited, which are owed.

use crate::config::ChannelConfig;
use crate::error::ChannelError;
use crate::event::RequestBudget;
use crate::identifier::{RequestId, known_name};
use crate::reply::{AwaitedReplies, OwedReplies};
use crate::request::GlobalQuestion;
use bytes::Bytes;
use konko_wire::decode::Rest;
use konko_wire::encode::MessageSink;
use konko_wire::message::global::{GlobalRequest, RequestFailure, RequestSuccess};

/// The global requests of a connection.
#[derive(Debug)]
pub struct Globals {
    awaited: AwaitedReplies,
    owed: OwedReplies<Option<Vec<u8>>>,
    unpolled: RequestBudget,
    maximum_unanswered: usize,
}

impl Globals {
    /// Nothing is asked.
    pub fn new(config: &ChannelConfig) -> Self {
        Self {
            awaited: AwaitedReplies::new(config.maximum_pending_requests),
            owed: OwedReplies::new(),
            unpolled: RequestBudget::default(),
            maximum_unanswered: config.maximum_unanswered,
        }
    }

    /// Sends a request.
    pub fn request(
        &mut self,
        name: &str,
        body: &[u8],
        want_reply: bool,
        out: &mut impl MessageSink,
    ) -> Result<Option<RequestId>, ChannelError> {
        let id = if want_reply { Some(self.awaited.expect()?) } else { None };
        out.send(&GlobalRequest { request_name: name.as_bytes(), want_reply, request_specific: Rest(body) });
        Ok(id)
    }

    /// Gives back the memory that holds nothing.
    pub fn give_back(&mut self) {
        self.awaited.give_back();
        self.owed.give_back();
    }

    /// A reply has come: to which request? `None`: nobody asked. Also drains what will never be replied to.
    pub fn reply_arrived(&mut self) -> Option<RequestId> {
        self.awaited.arrived()
    }

    /// A request has come. `None`: no name that anybody knows, it is refused already.
    pub fn handle_request(
        &mut self,
        message: &GlobalRequest<'_>,
        out: &mut impl MessageSink,
    ) -> Result<Option<GlobalQuestion>, ChannelError> {
        if message.want_reply && self.owed.len() >= self.maximum_unanswered {
            return Err(ChannelError::LimitExceeded("global requests without an answer"));
        }
        let sequence = message.want_reply.then(|| self.owed.asked());
        let Some(name) = known_name(message.request_name) else {
            if let Some(sequence) = sequence {
                self.owed.answer(sequence, None);
                self.send_answers(out);
            }
            return Ok(None);
        };
        let body = Bytes::copy_from_slice(message.request_specific.0);
        self.unpolled.enter(body.len())?;
        Ok(Some(GlobalQuestion { sequence, request_name: name.to_owned(), body }))
    }

    /// The application has got the question.
    pub fn polled(&mut self, question: &GlobalQuestion) {
        self.unpolled.leave(question.body.len());
    }

    /// Sends an answer, or keeps it until those before it are given.
    pub fn answer(&mut self, question: GlobalQuestion, reply: Option<&[u8]>, out: &mut impl MessageSink) {
        if let Some(sequence) = question.sequence {
            self.owed.answer(sequence, reply.map(<[u8]>::to_vec));
            self.send_answers(out);
        }
    }

    fn send_answers(&mut self, out: &mut impl MessageSink) {
        while let Some(reply) = self.owed.ready() {
            match reply {
                Some(data) => out.send(&RequestSuccess { response_specific: Rest(&data) }),
                None => out.send(&RequestFailure {}),
            }
        }
    }
}
