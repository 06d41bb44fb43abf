//! The client's side: one request at a time, and the questions that a method asks on its way.
//!
//! Which method comes next is not decided here; neither is what is shown to the user.

use std::collections::VecDeque;

use konko_wire::decode::Rest;
use konko_wire::encode::{Encode, MessageSink};
use konko_wire::message::userauth::{
    UserauthBanner, UserauthFailure, UserauthPkOk, UserauthRequest, UserauthSuccess,
};
use konko_wire::number::service;
use zeroize::Zeroizing;

use crate::client_method::Method;
use crate::error::AuthError;
use crate::event::ClientAuthEvent;
use crate::method::host_based::HostClaim;
use crate::method::{keyboard_interactive, password, public_key};
use crate::offered_key::OfferedKey;
use crate::question::{PasswordChangeQuestion, PromptQuestion, SignatureQuestion};
use crate::signed_request::SignedRequest;
use crate::ticket::{Ticket, Tickets};

/// The longest user name that is sent, in bytes.
pub const MAXIMUM_USER_NAME_LEN: usize = 255;

/// The longest message that is sent, in bytes: what RFC 4253 §6.1 obliges every peer to take.
const MAXIMUM_PAYLOAD_LEN: usize = 32_768;

/// What a server may cost before authentication is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuthConfig {
    /// The most banners that are taken. The default is 32.
    pub maximum_banners: u32,
    /// The most bytes that all banners together may have. The default is 65,536.
    pub maximum_banner_bytes: usize,
    /// The most rounds of one keyboard-interactive dialogue. The default is 32.
    pub maximum_info_rounds: u32,
    /// The most SSH_MSG_USERAUTH_REQUESTs that are sent on one connection. The default is 64.
    pub maximum_requests: u32,
    /// Whether a proof by a key says to which server it is made, where the server knows how to read that
    /// (`publickey-hostbound-v00@openssh.com`). An agent can tell from it for whom it signs. The default is true.
    pub host_bound: bool,
}

impl Default for ClientAuthConfig {
    fn default() -> Self {
        Self {
            maximum_banners: 32,
            maximum_banner_bytes: 64 * 1024,
            maximum_info_rounds: 32,
            maximum_requests: 64,
            host_bound: true,
        }
    }
}

/// The client's machine.
pub struct ClientAuth {
    config: ClientAuthConfig,
    tickets: Tickets,
    server_sig_algs: Option<Vec<String>>,
    host_key: Option<Vec<u8>>,
    /// Whether the server knows `publickey-hostbound-v00@openssh.com`.
    server_knows_host_bound: bool,
    user_name: String,
    phase: Phase,
    events: VecDeque<ClientAuthEvent>,
    requests: u32,
    banners: u32,
    banner_bytes: usize,
}

/// Who is to speak next.
enum Phase {
    /// The application, by beginning an attempt.
    Idle,
    /// The server: a message is unanswered.
    Waiting(Running),
    /// The application, by answering a question.
    Asking(Ticket, Asked),
    /// Nobody.
    Done,
}

/// The method of the message that is unanswered. It decides what number 60 means (RFC 4252 §6).
enum Running {
    None,
    Password,
    Query(OfferedKey),
    Proof,
    HostProof,
    KeyboardInteractive { rounds: u32 },
}

/// What the application was asked.
enum Asked {
    /// With the server's host key, if it is part of what is signed.
    Signature(OfferedKey, Option<Vec<u8>>),
    HostSignature(HostClaim),
    Prompts {
        count: usize,
        rounds: u32,
    },
    PasswordChange,
}

impl std::fmt::Debug for ClientAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientAuth")
            .field("user_name", &self.user_name)
            .field("requests", &self.requests)
            .field("done", &self.is_done())
            .finish_non_exhaustive()
    }
}

impl ClientAuth {
    /// A machine that has not begun.
    pub fn new(config: ClientAuthConfig) -> Self {
        Self {
            config,
            tickets: Tickets::new(),
            server_sig_algs: None,
            host_key: None,
            server_knows_host_bound: false,
            user_name: String::new(),
            phase: Phase::Idle,
            events: VecDeque::new(),
            requests: 0,
            banners: 0,
            banner_bytes: 0,
        }
    }

    /// Tells the session identifier (RFC 4253 §7.2), once, before anything is begun.
    pub fn set_session_id(&mut self, id: &[u8]) {
        self.tickets.set_session_id(id);
    }

    /// Tells what the server's `server-sig-algs` says (RFC 8308 §3.1). It is kept for whoever chooses the
    /// algorithm; this machine does not choose.
    pub fn set_server_sig_algs(&mut self, algorithms: Option<Vec<String>>) {
        self.server_sig_algs = algorithms;
    }

    /// The signature algorithms that the server takes, if it told.
    pub fn server_sig_algs(&self) -> Option<&[String]> {
        self.server_sig_algs.as_deref()
    }

    /// Tells the host key, or host certificate, that the server showed in the first key exchange, as it came.
    pub fn set_host_key(&mut self, blob: &[u8]) {
        self.host_key = Some(blob.to_vec());
    }

    /// Tells that the server knows `publickey-hostbound-v00@openssh.com`: it has said so with the extension
    /// `publickey-hostbound@openssh.com`.
    pub const fn set_server_knows_host_bound(&mut self, knows: bool) {
        self.server_knows_host_bound = knows;
    }

    /// Whether the user is authenticated.
    pub const fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// Whether a message of ours is unanswered, so that the server is the one to speak.
    pub const fn awaits_server(&self) -> bool {
        matches!(self.phase, Phase::Waiting(_))
    }

    /// How many SSH_MSG_USERAUTH_REQUESTs have been sent.
    pub const fn requests(&self) -> u32 {
        self.requests
    }

    /// The next event that is not delivered yet. To be drained after every other call: [`Self::begin`] and the
    /// refusals raise events too, and [`Self::handle`] may raise two.
    pub fn poll_event(&mut self) -> Option<ClientAuthEvent> {
        self.events.pop_front()
    }

    /// Begins to authenticate `user_name` for the connection protocol.
    ///
    /// A publickey attempt without query sends nothing yet: its [`SignatureQuestion`] is the next event.
    ///
    /// # Errors
    /// [`AuthError::ApiMisuse`] if another attempt is not over, if all is done, if the user name or the message
    /// would be too long (255 and 32,768 bytes), or if key and algorithm do not fit;
    /// [`AuthError::LimitExceeded`] if so many requests were sent already that the server leads us in circles.
    /// An error leaves everything as it was.
    pub fn begin(
        &mut self,
        user_name: &str,
        method: Method,
        out: &mut impl MessageSink,
    ) -> Result<(), AuthError> {
        match self.phase {
            Phase::Idle => {}
            Phase::Waiting(_) | Phase::Asking(..) => {
                return Err(AuthError::ApiMisuse("an authentication request is outstanding"));
            }
            Phase::Done => return Err(AuthError::ApiMisuse("the user is authenticated already")),
        }
        if user_name.len() > MAXIMUM_USER_NAME_LEN {
            return Err(AuthError::ApiMisuse("the user name is longer than 255 bytes"));
        }
        let previous = std::mem::replace(&mut self.user_name, user_name.to_owned());
        let begun = match method {
            Method::None => self.request("none", &[], Running::None, out),
            Method::Password(secret) => {
                self.request("password", &password::request_fields(&secret), Running::Password, out)
            }
            Method::PublicKey { key, algorithm, query_first } => {
                self.begin_public_key(OfferedKey::new(key.into(), algorithm), query_first, out)
            }
            Method::Certificate { certificate, algorithm, query_first } => {
                self.begin_public_key(OfferedKey::new(certificate.into(), algorithm), query_first, out)
            }
            Method::KeyboardInteractive { submethods } => {
                let fields = keyboard_interactive::request_fields(&submethods);
                self.request("keyboard-interactive", &fields, Running::KeyboardInteractive { rounds: 0 }, out)
            }
            Method::HostBased { key, algorithm, client_host_name, client_user_name } => {
                self.begin_host_based(OfferedKey::new(key, algorithm), client_host_name, client_user_name)
            }
        };
        if begun.is_err() {
            self.user_name = previous;
        }
        begun
    }

    fn begin_public_key(
        &mut self,
        offered: Option<OfferedKey>,
        query_first: bool,
        out: &mut impl MessageSink,
    ) -> Result<(), AuthError> {
        let offered = offered.ok_or(WRONG_ALGORITHM)?;
        self.check_session()?;
        if query_first {
            let fields = public_key::query_fields(&offered);
            return self.request("publickey", &fields, Running::Query(offered), out);
        }
        self.check_request_limit()?;
        self.ask_signature(offered);
        Ok(())
    }

    fn begin_host_based(
        &mut self,
        offered: Option<OfferedKey>,
        client_host_name: String,
        client_user_name: String,
    ) -> Result<(), AuthError> {
        let claim =
            HostClaim { offered: offered.ok_or(WRONG_ALGORITHM)?, client_host_name, client_user_name };
        if !claim.is_well_formed() {
            return Err(AuthError::ApiMisuse("the client's host or user name is not one"));
        }
        self.check_session()?;
        self.check_request_limit()?;
        let data = claim.data(self.tickets.session_id(), &self.user_name);
        let offered = claim.offered.clone();
        self.ask_for_signature(offered, data, Asked::HostSignature(claim));
        Ok(())
    }

    fn check_session(&self) -> Result<(), AuthError> {
        if self.tickets.session_id().is_empty() {
            return Err(AuthError::ApiMisuse("the session identifier is not known yet"));
        }
        Ok(())
    }

    /// Takes a message 50–79 of the server.
    ///
    /// The event returned is the first one; [`Self::poll_event`] gives what else it led to.
    ///
    /// # Errors
    /// [`AuthError::UnassignedNumber`] changes nothing; after any other error the connection must end.
    pub fn handle(
        &mut self,
        payload: &[u8],
        out: &mut impl MessageSink,
    ) -> Result<Option<ClientAuthEvent>, AuthError> {
        match payload.first() {
            Some(&UserauthFailure::NUMBER) => self.handle_failure(payload)?,
            Some(&UserauthSuccess::NUMBER) => self.handle_success(payload)?,
            Some(&UserauthBanner::NUMBER) => self.handle_banner(payload)?,
            Some(&UserauthPkOk::NUMBER) => self.handle_method_message(payload, out)?,
            Some(&UserauthRequest::NUMBER) => {
                return Err(AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_REQUEST is for clients to send"));
            }
            Some(61) => {
                return Err(AuthError::PeerMisbehaved(
                    "SSH_MSG_USERAUTH_INFO_RESPONSE is for clients to send",
                ));
            }
            Some(63..=66) => {
                return Err(AuthError::PeerMisbehaved("a GSSAPI message without a GSSAPI exchange"));
            }
            Some(&number @ (54..=59 | 62 | 67..=79)) => return Err(AuthError::UnassignedNumber(number)),
            Some(_) | None => {
                return Err(AuthError::PeerMisbehaved("a message that is not one of authentication"));
            }
        }
        Ok(self.events.pop_front())
    }

    /// RFC 4252 §5.1: the answer to a request, and to nothing else.
    fn handle_failure(&mut self, payload: &[u8]) -> Result<(), AuthError> {
        if !matches!(self.phase, Phase::Waiting(_)) {
            return Err(AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_FAILURE with no request outstanding"));
        }
        let message = UserauthFailure::decode(payload).map_err(AuthError::decoding(UserauthFailure::NAME))?;
        self.phase = Phase::Idle;
        self.events.push_back(ClientAuthEvent::Failure {
            methods_that_can_continue: message.methods_that_can_continue.iter().map(str::to_owned).collect(),
            partial_success: message.partial_success,
        });
        Ok(())
    }

    /// Success that was not asked for would make the user believe in an authentication that never was, and type
    /// secrets into whatever prompt the server draws next.
    fn handle_success(&mut self, payload: &[u8]) -> Result<(), AuthError> {
        match self.phase {
            Phase::Waiting(Running::Query(_)) => {
                // RFC 4252 §7: a query is answered by SSH_MSG_USERAUTH_FAILURE or SSH_MSG_USERAUTH_PK_OK.
                return Err(AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_SUCCESS in answer to a key query"));
            }
            Phase::Waiting(
                Running::None
                | Running::Password
                | Running::Proof
                | Running::HostProof
                | Running::KeyboardInteractive { .. },
            ) => {}
            Phase::Idle | Phase::Asking(..) => {
                return Err(AuthError::PeerMisbehaved(
                    "SSH_MSG_USERAUTH_SUCCESS with no request outstanding",
                ));
            }
            Phase::Done => return Err(AuthError::PeerMisbehaved("a second SSH_MSG_USERAUTH_SUCCESS")),
        }
        UserauthSuccess::decode(payload).map_err(AuthError::decoding(UserauthSuccess::NAME))?;
        self.phase = Phase::Done;
        self.events.push_back(ClientAuthEvent::Success);
        Ok(())
    }

    fn handle_banner(&mut self, payload: &[u8]) -> Result<(), AuthError> {
        // RFC 4252 §5.4: a banner comes "at any time after this authentication protocol starts and before
        // authentication is successful".
        if self.is_done() {
            return Err(AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_BANNER after success"));
        }
        let message = UserauthBanner::decode(payload).map_err(AuthError::decoding(UserauthBanner::NAME))?;
        self.banners += 1;
        self.banner_bytes = self.banner_bytes.saturating_add(message.message.len());
        if self.banners > self.config.maximum_banners {
            return Err(AuthError::LimitExceeded("the number of banners"));
        }
        if self.banner_bytes > self.config.maximum_banner_bytes {
            return Err(AuthError::LimitExceeded("the length of all banners"));
        }
        let text = String::from_utf8_lossy(message.message).into_owned();
        self.events.push_back(ClientAuthEvent::Banner(text));
        Ok(())
    }

    /// Number 60, which means what the method that is running says.
    fn handle_method_message(&mut self, payload: &[u8], out: &mut impl MessageSink) -> Result<(), AuthError> {
        let running = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Waiting(running) => running,
            phase @ (Phase::Idle | Phase::Asking(..) | Phase::Done) => {
                self.phase = phase;
                return Err(AuthError::PeerMisbehaved("message 60 with no request outstanding"));
            }
        };
        match running {
            Running::None => Err(AuthError::PeerMisbehaved("message 60 in answer to the method none")),
            Running::Proof => {
                Err(AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_PK_OK in answer to a signed request"))
            }
            Running::HostProof => {
                Err(AuthError::PeerMisbehaved("message 60 in answer to the method hostbased"))
            }
            Running::Query(offered) => {
                public_key::check_pk_ok(payload, &offered)?;
                self.events.push_back(ClientAuthEvent::KeyAcceptable);
                self.ask_signature(offered);
                Ok(())
            }
            Running::Password => {
                let prompt = password::change_prompt(payload)?;
                let ticket = self.tickets.issue();
                self.phase = Phase::Asking(ticket.clone(), Asked::PasswordChange);
                let question = PasswordChangeQuestion { prompt, ticket };
                self.events.push_back(ClientAuthEvent::PasswordChange(question));
                Ok(())
            }
            Running::KeyboardInteractive { rounds } => self.handle_info_request(payload, rounds + 1, out),
        }
    }

    fn handle_info_request(
        &mut self,
        payload: &[u8],
        rounds: u32,
        out: &mut impl MessageSink,
    ) -> Result<(), AuthError> {
        if rounds > self.config.maximum_info_rounds {
            return Err(AuthError::LimitExceeded("the rounds of keyboard-interactive"));
        }
        let asked = keyboard_interactive::decode_prompts(payload)?;
        if asked.prompts.is_empty() {
            // RFC 4256 §3.4: "In the case that the server sends a `0' num-prompts field in the request message, the
            // client MUST send a response message with a `0' num-responses field to complete the exchange."
            send_payload(&keyboard_interactive::response_payload(&[]), out);
            self.phase = Phase::Waiting(Running::KeyboardInteractive { rounds });
            if !asked.name.is_empty() || !asked.instruction.is_empty() {
                let (name, instruction) = (asked.name, asked.instruction);
                self.events.push_back(ClientAuthEvent::Info { name, instruction });
            }
            return Ok(());
        }
        let ticket = self.tickets.issue();
        self.phase = Phase::Asking(ticket.clone(), Asked::Prompts { count: asked.prompts.len(), rounds });
        self.events.push_back(ClientAuthEvent::Prompts(PromptQuestion {
            name: asked.name,
            instruction: asked.instruction,
            prompts: asked.prompts,
            ticket,
        }));
        Ok(())
    }

    /// Answers with the signature: the whole of it, algorithm name and value (RFC 4253 §6.6).
    ///
    /// # Errors
    /// [`AuthError::ApiMisuse`] if the question is not the one that is open. If it is, and the message would be
    /// longer than 32,768 bytes ([`AuthError::ApiMisuse`]) or one request too many
    /// ([`AuthError::LimitExceeded`]), the attempt is over and another one may begin.
    pub fn provide_signature(
        &mut self,
        question: SignatureQuestion,
        signature: Vec<u8>,
        out: &mut impl MessageSink,
    ) -> Result<(), AuthError> {
        match self.answered(&question.ticket)? {
            Asked::Signature(offered, host_key) => {
                let (method_name, fields) = public_key::proof(&offered, host_key.as_deref(), &signature);
                self.request(method_name, &fields, Running::Proof, out)
            }
            Asked::HostSignature(claim) => {
                self.request("hostbased", &claim.fields(&signature), Running::HostProof, out)
            }
            // Only a signature question carries the ticket of one.
            Asked::Prompts { .. } | Asked::PasswordChange => Err(STALE),
        }
    }

    /// Answers the prompts. Their number must be that of the prompts.
    ///
    /// # Errors
    /// [`AuthError::ApiMisuse`] if the question is not the one that is open. If it is, and the number is wrong or
    /// the message would be longer than 32,768 bytes, the attempt is over and another one may begin.
    pub fn answer_prompts(
        &mut self,
        question: PromptQuestion,
        responses: Vec<Zeroizing<String>>,
        out: &mut impl MessageSink,
    ) -> Result<(), AuthError> {
        let Asked::Prompts { count, rounds } = self.answered(&question.ticket)? else {
            return Err(STALE);
        };
        if responses.len() != count {
            return Err(AuthError::ApiMisuse("the number of responses is not that of the prompts"));
        }
        let payload = keyboard_interactive::response_payload(&responses);
        check_payload_len(&payload)?;
        send_payload(&payload, out);
        self.phase = Phase::Waiting(Running::KeyboardInteractive { rounds });
        Ok(())
    }

    /// Answers with the old password, once more, and a new one.
    ///
    /// # Errors
    /// As of [`Self::provide_signature`].
    pub fn change_password(
        &mut self,
        question: PasswordChangeQuestion,
        old: Zeroizing<String>,
        new: Zeroizing<String>,
        out: &mut impl MessageSink,
    ) -> Result<(), AuthError> {
        let Asked::PasswordChange = self.answered(&question.ticket)? else {
            return Err(STALE);
        };
        self.request("password", &password::change_fields(&old, &new), Running::Password, out)
    }

    /// Gives no signature. Nothing is sent, because the server waits for nothing; the attempt ends with
    /// [`ClientAuthEvent::Abandoned`].
    ///
    /// # Errors
    /// [`AuthError::ApiMisuse`] if the question is not the one that is open.
    pub fn refuse_signature(&mut self, question: SignatureQuestion) -> Result<(), AuthError> {
        self.abandon(&question.ticket)
    }

    /// Does not answer the prompts. Nothing is sent: the next request ends the dialogue for the server too
    /// (RFC 4252 §5.1). The attempt ends with [`ClientAuthEvent::Abandoned`].
    ///
    /// # Errors
    /// [`AuthError::ApiMisuse`] if the question is not the one that is open.
    pub fn refuse_prompts(&mut self, question: PromptQuestion) -> Result<(), AuthError> {
        self.abandon(&question.ticket)
    }

    /// Does not change the password. Nothing is sent; the attempt ends with [`ClientAuthEvent::Abandoned`].
    ///
    /// # Errors
    /// [`AuthError::ApiMisuse`] if the question is not the one that is open.
    pub fn refuse_password_change(&mut self, question: PasswordChangeQuestion) -> Result<(), AuthError> {
        self.abandon(&question.ticket)
    }

    fn abandon(&mut self, ticket: &Ticket) -> Result<(), AuthError> {
        self.answered(ticket)?;
        self.events.push_back(ClientAuthEvent::Abandoned);
        Ok(())
    }

    /// Closes the open question if `ticket` is its own.
    fn answered(&mut self, ticket: &Ticket) -> Result<Asked, AuthError> {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Asking(open, asked) if open == *ticket => Ok(asked),
            phase @ (Phase::Idle | Phase::Waiting(_) | Phase::Asking(..) | Phase::Done) => {
                self.phase = phase;
                Err(STALE)
            }
        }
    }

    fn ask_signature(&mut self, offered: OfferedKey) {
        let bound = self.config.host_bound && self.server_knows_host_bound;
        let host_key = if bound { self.host_key.clone() } else { None };
        let data = SignedRequest {
            session_id: self.tickets.session_id(),
            user_name: &self.user_name,
            service_name: service::CONNECTION,
            algorithm: offered.algorithm().name,
            public_key: offered.blob(),
            host_key: host_key.as_deref(),
        }
        .to_bytes();
        self.ask_for_signature(offered.clone(), data, Asked::Signature(offered, host_key));
    }

    fn ask_for_signature(&mut self, offered: OfferedKey, data: Vec<u8>, asked: Asked) {
        let ticket = self.tickets.issue();
        self.phase = Phase::Asking(ticket.clone(), asked);
        let algorithm = offered.algorithm().of_signature();
        let key = offered.identity().public_key().clone();
        let certificate = offered.identity().certificate().cloned();
        self.events.push_back(ClientAuthEvent::SignatureWanted(SignatureQuestion {
            key,
            certificate,
            algorithm,
            data,
            ticket,
        }));
    }

    const fn check_request_limit(&self) -> Result<(), AuthError> {
        if self.requests >= self.config.maximum_requests {
            return Err(AuthError::LimitExceeded("the number of authentication requests"));
        }
        Ok(())
    }

    /// Sends one SSH_MSG_USERAUTH_REQUEST, after which `running` waits for the answer.
    fn request(
        &mut self,
        method_name: &str,
        method_fields: &[u8],
        running: Running,
        out: &mut impl MessageSink,
    ) -> Result<(), AuthError> {
        self.check_request_limit()?;
        let message = UserauthRequest {
            user_name: self.user_name.as_bytes(),
            service_name: service::CONNECTION.as_bytes(),
            method_name: method_name.as_bytes(),
            method_fields: Rest(method_fields),
        };
        let mut payload = Zeroizing::new(Vec::with_capacity(method_fields.len() + 512));
        message.encode(&mut payload);
        check_payload_len(&payload)?;
        send_payload(&payload, out);
        self.requests += 1;
        self.phase = Phase::Waiting(running);
        Ok(())
    }
}

const WRONG_ALGORITHM: AuthError =
    AuthError::ApiMisuse("the signature algorithm is not one for this type of key");

const STALE: AuthError = AuthError::ApiMisuse("the question is not the one that is open");

const fn check_payload_len(payload: &[u8]) -> Result<(), AuthError> {
    if payload.len() > MAXIMUM_PAYLOAD_LEN {
        return Err(AuthError::ApiMisuse("the message would be longer than 32,768 bytes"));
    }
    Ok(())
}

/// Sends a message that is encoded already, because it holds secrets and its memory is to be cleared.
fn send_payload(payload: &[u8], out: &mut impl MessageSink) {
    out.send(&Rest(payload));
}
