//! The client's side of a connection to an agent: requests in, answers out, several of them on the way at once.
//! Which agent is asked and when is decided above; so is how long its user may take to answer a question.

use crate::buffer::WipingBuffer;
use crate::constraint::{self, Constraint};
use crate::error::AgentError;
use crate::identity::AgentIdentity;
use crate::number::{MAXIMUM_MESSAGE, RSA_SHA2_256_FLAG, RSA_SHA2_512_FLAG};
use crate::reply::Reply;
use crate::request::{AddIdentity, Request};
use crate::session_bind::{SESSION_BIND, SessionBind};
use crate::ticket::{Answer, AnyAnswer, Done, ExtensionAnswer, Outcome, Signature, Ticket};
use konko_sansio::Machine;
use konko_wire::decode::{DecodeError, Reader, Secret};
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;
use zeroize::Zeroizing;

/// The most requests that may be on the way, or answered and not taken.
pub const MAXIMUM_IN_FLIGHT: usize = 64;
/// The most extensions that an answer to `query` may name.
const MAXIMUM_EXTENSIONS: usize = 1024;
/// The name of the extension that lists the others (RFC 9987 §5.8.1).
pub(crate) const QUERY: &str = "query";

/// What the next reply must be.
#[derive(Debug)]
enum Expected {
    Success,
    Identities,
    Signature { algorithm: Option<String> },
    Extension { name: String },
}

#[derive(Debug)]
struct Waiting {
    id: u64,
    request: &'static str,
    expected: Expected,
    forgotten: bool,
}

/// A connection to an agent.
///
/// An agent answers requests in their order (RFC 9987 §5), so a reply belongs to the oldest request that has none.
#[derive(Debug, Default)]
pub struct AgentClient {
    input: WipingBuffer,
    output: WipingBuffer,
    waiting: VecDeque<Waiting>,
    arrived: BTreeMap<u64, Outcome>,
    next: u64,
    ended: Option<AgentError>,
}

impl AgentClient {
    /// Begins; the protocol has no greeting.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks which keys the agent holds.
    ///
    /// # Errors
    ///
    /// Here as everywhere: [`AgentError::LimitExceeded`] beyond [`MAXIMUM_IN_FLIGHT`] requests or for one of more
    /// than 256 KiB, and the reason why the connection has ended if it has.
    pub fn identities(&mut self) -> Result<Ticket<Vec<AgentIdentity>>, AgentError> {
        self.ask(&Request::RequestIdentities, Expected::Identities)
    }

    /// Asks for a signature of `data` by the key of the blob, as it stood in the list, under the algorithm of that
    /// name: of a key (`rsa-sha2-512`) or of a certificate (`rsa-sha2-512-cert-v01@openssh.com`).
    ///
    /// The signature is refused with [`AgentError::WrongAlgorithm`] if it names another algorithm, as those of
    /// agents do that do not know the flags for RSA.
    pub fn sign(
        &mut self,
        key_blob: &[u8],
        data: &[u8],
        algorithm: &str,
    ) -> Result<Ticket<Signature>, AgentError> {
        let expected = signature_name(algorithm);
        // RFC 9987 §5.6.1: the flags are for keys of the type ssh-rsa only.
        let flags = match expected.as_str() {
            "rsa-sha2-256" => RSA_SHA2_256_FLAG,
            "rsa-sha2-512" => RSA_SHA2_512_FLAG,
            _ => 0,
        };
        let request = Request::SignRequest { key_blob, data, flags };
        self.ask(&request, Expected::Signature { algorithm: Some(expected) })
    }

    /// Asks for a signature with flags of the caller's choice, and takes it under whatever algorithm it is.
    pub fn sign_with_flags(
        &mut self,
        key_blob: &[u8],
        data: &[u8],
        flags: u32,
    ) -> Result<Ticket<Signature>, AgentError> {
        let request = Request::SignRequest { key_blob, data, flags };
        self.ask(&request, Expected::Signature { algorithm: None })
    }

    /// Gives a key to the agent. Every constraint goes with it; an agent that does not know one has to refuse the
    /// key.
    pub fn add(&mut self, identity: &AddIdentity) -> Result<Ticket<Done>, AgentError> {
        if identity
            .constraints
            .iter()
            .any(|constraint| matches!(constraint, Constraint::Lifetime { seconds: 0 }))
        {
            return Err(AgentError::ApiMisuse("a lifetime of no seconds"));
        }
        let mut fields = Zeroizing::new(Vec::with_capacity(64 * 1024));
        identity.encode(&mut fields)?;
        let constrained = !identity.constraints.is_empty();
        self.ask(&Request::AddIdentity { fields: Secret(&fields), constrained }, Expected::Success)
    }

    /// Makes the agent forget one key.
    pub fn remove(&mut self, key_blob: &[u8]) -> Result<Ticket<Done>, AgentError> {
        self.ask(&Request::RemoveIdentity { key_blob }, Expected::Success)
    }

    /// Makes the agent forget all keys.
    pub fn remove_all(&mut self) -> Result<Ticket<Done>, AgentError> {
        self.ask(&Request::RemoveAllIdentities, Expected::Success)
    }

    /// Makes the agent use no key until it is unlocked.
    pub fn lock(&mut self, passphrase: &[u8]) -> Result<Ticket<Done>, AgentError> {
        self.ask(&Request::Lock { passphrase: Secret(passphrase) }, Expected::Success)
    }

    /// Lifts that again. Agents take their time to answer a wrong passphrase.
    pub fn unlock(&mut self, passphrase: &[u8]) -> Result<Ticket<Done>, AgentError> {
        self.ask(&Request::Unlock { passphrase: Secret(passphrase) }, Expected::Success)
    }

    /// Gives the keys of a smartcard to the agent: of a reader, or of a PKCS#11 library.
    pub fn add_smartcard(
        &mut self,
        id: &[u8],
        pin: &[u8],
        constraints: &[Constraint],
    ) -> Result<Ticket<Done>, AgentError> {
        let mut encoded = Vec::new();
        constraint::encode_all(constraints, &mut encoded);
        let request = Request::AddSmartcardKey {
            id,
            pin: Secret(pin),
            constraints: &encoded,
            constrained: !constraints.is_empty(),
        };
        self.ask(&request, Expected::Success)
    }

    /// Makes the agent forget the keys of a smartcard.
    pub fn remove_smartcard(&mut self, id: &[u8], pin: &[u8]) -> Result<Ticket<Done>, AgentError> {
        self.ask(&Request::RemoveSmartcardKey { id, pin: Secret(pin) }, Expected::Success)
    }

    /// Uses an extension. An agent that does not know it answers [`AgentError::Refused`].
    pub fn extension(&mut self, name: &str, contents: &[u8]) -> Result<Ticket<ExtensionAnswer>, AgentError> {
        let request = Request::Extension { name: name.as_bytes(), contents };
        self.ask(&request, Expected::Extension { name: name.to_owned() })
    }

    /// Asks for the names of the extensions that the agent knows; [`extension_names`] reads the answer.
    pub fn query(&mut self) -> Result<Ticket<ExtensionAnswer>, AgentError> {
        self.extension(QUERY, &[])
    }

    /// Tells the agent which connection its signatures are for, as its destination constraints want it.
    pub fn bind(&mut self, bind: &SessionBind) -> Result<Ticket<ExtensionAnswer>, AgentError> {
        self.extension(SESSION_BIND, &bind.to_bytes())
    }

    /// The answer to a request, once it has come; `None` before and after.
    pub fn take<T: Answer>(&mut self, ticket: &Ticket<T>) -> Option<Result<T, AgentError>> {
        Some(self.arrived.remove(&ticket.id)?.and_then(|any| T::from_any(any).ok_or(AgentError::Closed)))
    }

    /// Nobody will take the answer.
    pub fn forget<T>(&mut self, ticket: &Ticket<T>) {
        self.arrived.remove(&ticket.id);
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.id == ticket.id) {
            waiting.forgotten = true;
        }
    }

    /// Whether an answer is still to come.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Ends the connection: the socket is lost, say. What waits gets [`AgentError::Closed`].
    pub fn close(&mut self) {
        self.end(AgentError::Closed);
    }

    fn ask<T>(&mut self, request: &Request<'_>, expected: Expected) -> Result<Ticket<T>, AgentError> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        if self.waiting.len() + self.arrived.len() >= MAXIMUM_IN_FLIGHT {
            return Err(AgentError::LimitExceeded("requests that wait for the agent's answer"));
        }
        let mut message = Zeroizing::new(Vec::with_capacity(request.encoded_len()));
        request.encode(&mut message);
        if message.len() > MAXIMUM_MESSAGE {
            return Err(AgentError::LimitExceeded("a request of more than 256 KiB"));
        }
        self.output.push_frame(&message);
        let id = self.next;
        self.next += 1;
        self.waiting.push_back(Waiting { id, request: request.name(), expected, forgotten: false });
        Ok(Ticket::new(id))
    }

    fn handle_message(&mut self, message: &[u8]) -> Result<(), AgentError> {
        let Some(waiting) = self.waiting.front() else {
            return Err(AgentError::PeerMisbehaved("a reply that nobody asked for"));
        };
        let number = message.first().copied().unwrap_or_default();
        let reply = match Reply::decode(message) {
            Ok(reply) => reply,
            Err(DecodeError::WrongMessage) => {
                return Err(AgentError::WrongReply { request: waiting.request, number });
            }
            Err(error) => return Err(AgentError::Decode(waiting.request, error)),
        };
        let outcome = outcome(waiting, reply)?;
        if let Some(Waiting { id, forgotten: false, .. }) = self.waiting.pop_front() {
            self.arrived.insert(id, outcome);
        }
        Ok(())
    }

    fn end(&mut self, error: AgentError) {
        for waiting in self.waiting.drain(..).filter(|waiting| !waiting.forgotten) {
            self.arrived.insert(waiting.id, Err(error.clone()));
        }
        self.ended.get_or_insert(error);
    }

    fn fail(&mut self, error: AgentError) -> AgentError {
        self.end(error.clone());
        error
    }
}

/// What the reply means to the request; an error where it cannot be one to it.
fn outcome(waiting: &Waiting, reply: Reply) -> Result<Outcome, AgentError> {
    let request = waiting.request;
    let wrong = AgentError::WrongReply { request, number: reply.number() };
    Ok(match (&waiting.expected, reply) {
        (_, Reply::Failure) => Err(AgentError::Refused { request }),
        (Expected::Success, Reply::Success(rest)) if rest.is_empty() => Ok(AnyAnswer::Done(Done)),
        (Expected::Identities, Reply::Identities(identities)) => Ok(AnyAnswer::Identities(identities)),
        (Expected::Signature { algorithm }, Reply::Signature(signature)) => {
            let named = Reader::new(&signature)
                .read_string()
                .map_err(|error| AgentError::Decode("SSH_AGENT_SIGN_RESPONSE", error))?;
            match algorithm {
                Some(expected) if expected.as_bytes() != named => {
                    Err(AgentError::WrongAlgorithm { expected: expected.clone() })
                }
                _ => Ok(AnyAnswer::Signature(Signature(signature))),
            }
        }
        (Expected::Extension { .. }, Reply::ExtensionFailure) => Err(AgentError::ExtensionFailed),
        (Expected::Extension { .. }, Reply::Success(contents)) => {
            Ok(AnyAnswer::Extension(ExtensionAnswer(contents)))
        }
        // RFC 9987 §5.8: the response begins with the name of the extension.
        (Expected::Extension { name }, Reply::ExtensionResponse { name: named, contents })
            if name.as_bytes() == named =>
        {
            Ok(AnyAnswer::Extension(ExtensionAnswer(contents)))
        }
        _ => return Err(wrong),
    })
}

/// The name inside the signatures of this algorithm: that of the key's, for a certificate's.
fn signature_name(algorithm: &str) -> String {
    match algorithm.strip_suffix("-cert-v01@openssh.com") {
        Some(stem) if stem.starts_with("sk-") => format!("{stem}@openssh.com"),
        Some(stem) => stem.to_owned(),
        None => algorithm.to_owned(),
    }
}

/// The names in an answer to [`AgentClient::query`], in whichever of the three layouts that agents write it: one
/// string after the other (RFC 9987 §5.8.1), the same inside a string, or behind a count.
///
/// # Errors
///
/// [`AgentError::Decode`] for any other layout.
pub fn extension_names(answer: &ExtensionAnswer) -> Result<Vec<String>, AgentError> {
    let bytes = answer.0.as_slice();
    let inside =
        bytes.split_first_chunk::<4>().map(|(head, tail)| (u32::from_be_bytes(*head) as usize, tail));
    let layouts = [
        inside.filter(|(length, tail)| *length == tail.len()).and_then(|(_, tail)| names(tail)),
        names(bytes),
        inside.and_then(|(count, tail)| names(tail).filter(|names| names.len() == count)),
    ];
    let found = layouts.into_iter().flatten().next();
    found.ok_or(AgentError::Decode("answer to the extension query", DecodeError::Truncated))
}

fn names(bytes: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader::new(bytes);
    let mut names = Vec::new();
    while !reader.is_empty() {
        let name = reader.read_str().ok()?;
        if name.is_empty() || names.len() == MAXIMUM_EXTENSIONS {
            return None;
        }
        names.push(name.to_owned());
    }
    Some(names)
}

impl Machine for AgentClient {
    type Error = AgentError;

    fn input_buf(&mut self) -> &mut [u8] {
        if self.ended.is_some() {
            return &mut [];
        }
        self.input.spare()
    }

    fn handle_input(&mut self, _now: Instant, filled: usize) -> Result<(), AgentError> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        self.input.commit(filled);
        loop {
            let handled = match self.input.next_frame() {
                Ok(None) => return Ok(()),
                Ok(Some(message)) => self.handle_message(&message),
                Err(error) => Err(error),
            };
            handled.map_err(|error| self.fail(error))?;
        }
    }

    fn handle_eof(&mut self, _now: Instant) -> Result<(), AgentError> {
        let in_order = self.waiting.is_empty() && self.input.is_empty();
        self.end(AgentError::Closed);
        if in_order { Ok(()) } else { Err(AgentError::Closed) }
    }

    fn output(&self) -> &[u8] {
        self.output.pending()
    }

    fn consume_output(&mut self, sent: usize) {
        self.output.consume(sent);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn handle_timeout(&mut self, _now: Instant) -> Result<(), AgentError> {
        match &self.ended {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
