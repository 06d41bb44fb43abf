//! The agent's side of one connection. Its keys are in a [`Keyring`] that all connections share; questions to the
//! user, threads and sockets are the application's.

use crate::binding::Bindings;
use crate::buffer::WipingBuffer;
use crate::error::AgentError;
use crate::keyring::Keyring;
use crate::moment::Moment;
use crate::number::{MAXIMUM_MESSAGE, request_name};
use crate::question::SignQuestion;
use crate::reply::Reply;
use crate::serving::{self, Step};
use konko_sansio::Machine;
use std::collections::VecDeque;
use std::time::Instant;
use zeroize::Zeroizing;

/// How many bytes of answers may wait to be sent before no more requests are handled.
const MAXIMUM_OUTPUT: usize = 2 * MAXIMUM_MESSAGE;
/// How many requests that were answered are kept for whoever writes them down.
const MAXIMUM_HANDLED: usize = 64;

/// One connection of a client to this agent.
///
/// Requests are answered in their order, one at a time: [`serve`](Self::serve) handles what has arrived until a
/// [`question`](Self::question) is open, a delay runs ([`poll_timeout`](Machine::poll_timeout)) or answers wait to
/// be sent.
#[derive(Debug, Default)]
pub struct Agent {
    input: WipingBuffer,
    output: WipingBuffer,
    bindings: Bindings,
    state: State,
    ended: Option<AgentError>,
    input_ended: bool,
    handled: VecDeque<Handled>,
}

/// A request that was answered, for whoever writes down what an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handled {
    /// The request's name; nothing for a message that is no request.
    pub request: Option<&'static str>,
    /// Whether it was carried out.
    pub succeeded: bool,
}

#[derive(Default)]
enum State {
    #[default]
    Ready,
    /// A question is open, or answered and not yet acted on.
    Asking { message: Zeroizing<Vec<u8>>, question: Box<SignQuestion>, verdict: Option<bool> },
    /// An answer is held back.
    Holding { number: u8, reply: Reply, until: Instant },
    /// A request is put off.
    PutOff { message: Zeroizing<Vec<u8>>, until: Instant },
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ready => "Ready",
            Self::Asking { .. } => "Asking",
            Self::Holding { .. } => "Holding",
            Self::PutOff { .. } => "PutOff",
        })
    }
}

impl Agent {
    /// Begins; the protocol has no greeting.
    pub fn new() -> Self {
        Self::default()
    }

    /// Handles what has arrived. Call it after every input, after [`answer`](Self::answer), when the timeout is
    /// due, and when output has been sent.
    ///
    /// # Errors
    ///
    /// [`AgentError::PeerMisbehaved`] and [`AgentError::LimitExceeded`] for a length that no message has; what was
    /// answered before may still be sent. Whatever else is wrong with a request is answered to the client.
    pub fn serve(&mut self, now: Moment, keyring: &mut Keyring) -> Result<(), AgentError> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        while self.output.len() <= MAXIMUM_OUTPUT {
            let (message, confirmed) = match std::mem::take(&mut self.state) {
                State::Asking { message, verdict: Some(true), .. } => (message, true),
                State::Asking { message, verdict: Some(false), .. } => {
                    self.reply(number(&message), &Reply::Failure);
                    continue;
                }
                State::Holding { number, reply, until } if until <= now.instant => {
                    self.reply(number, &reply);
                    continue;
                }
                State::PutOff { message, until } if until <= now.instant => (message, false),
                State::Ready => match self.input.next_frame() {
                    Ok(Some(message)) => (message, false),
                    Ok(None) => return Ok(()),
                    Err(error) => {
                        self.ended = Some(error.clone());
                        return Err(error);
                    }
                },
                waiting => {
                    self.state = waiting;
                    return Ok(());
                }
            };
            match serving::handle(&message, confirmed, &mut self.bindings, keyring, now) {
                Step::Reply(reply) => self.reply(number(&message), &reply),
                Step::ReplyAt(reply, until) => {
                    self.state = State::Holding { number: number(&message), reply, until };
                }
                Step::Again(until) => self.state = State::PutOff { message, until },
                Step::Ask(question) => self.state = State::Asking { message, question, verdict: None },
            }
        }
        Ok(())
    }

    /// What has to be asked before the connection goes on.
    pub fn question(&self) -> Option<&SignQuestion> {
        match &self.state {
            State::Asking { question, verdict: None, .. } => Some(question),
            _ => None,
        }
    }

    /// Answers the question; [`serve`](Self::serve) acts on it. What has changed in the meantime counts: a key that
    /// has been removed does not sign.
    pub fn answer(&mut self, allowed: bool) {
        if let State::Asking { verdict, .. } = &mut self.state {
            verdict.get_or_insert(allowed);
        }
    }

    /// Whether nothing is left to do for a client that sends no more: everything is answered and sent.
    pub fn is_finished(&self) -> bool {
        let idle = matches!(self.state, State::Ready) && self.output.is_empty();
        self.ended.is_some() || (self.input_ended && idle && !self.has_whole_request())
    }

    /// Whether the client has said that its requests come from another host, or has failed to prove a binding.
    pub fn is_bound(&self) -> bool {
        self.bindings.is_bound()
    }

    fn has_whole_request(&self) -> bool {
        matches!(self.input.next_length(), Ok(Some(length)) if self.input.len() >= 4 + length)
    }

    /// The next request that was answered. Only the last 64 are kept.
    pub fn poll_handled(&mut self) -> Option<Handled> {
        self.handled.pop_front()
    }

    fn reply(&mut self, number: u8, reply: &Reply) {
        if self.handled.len() == MAXIMUM_HANDLED {
            self.handled.pop_front();
        }
        let succeeded = !matches!(reply, Reply::Failure | Reply::ExtensionFailure);
        self.handled.push_back(Handled { request: request_name(number), succeeded });
        self.output.push_frame(&reply.to_bytes());
    }
}

fn number(message: &[u8]) -> u8 {
    message.first().copied().unwrap_or_default()
}

impl Machine for Agent {
    type Error = AgentError;

    fn input_buf(&mut self) -> &mut [u8] {
        // One request that waits, and the beginning of another, is as much as is taken.
        if self.ended.is_some() || self.input_ended || self.has_whole_request() {
            return &mut [];
        }
        self.input.spare()
    }

    fn handle_input(&mut self, _now: Instant, filled: usize) -> Result<(), AgentError> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        self.input.commit(filled);
        Ok(())
    }

    fn handle_eof(&mut self, _now: Instant) -> Result<(), AgentError> {
        self.input_ended = true;
        Ok(())
    }

    fn output(&self) -> &[u8] {
        self.output.pending()
    }

    fn consume_output(&mut self, sent: usize) {
        self.output.consume(sent);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Holding { until, .. } | State::PutOff { until, .. } => Some(*until),
            State::Ready | State::Asking { .. } => None,
        }
    }

    /// Does nothing by itself: [`serve`](Agent::serve) does.
    fn handle_timeout(&mut self, _now: Instant) -> Result<(), AgentError> {
        match &self.ended {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
