//! The server's side: reads requests, refuses what needs no judgement, and asks the application about the rest.
//!
//! Who may log in is not decided here, and time is unknown here: a delay of refusals belongs to whoever owns time.

use std::collections::VecDeque;

use konko_keys::public_key::MINIMUM_RSA_BITS;
use konko_keys::security_key::SecurityKeyPolicy;
use konko_keys::signature_algorithm::{
    CERTIFICATE_ALGORITHMS, SECURITY_KEY_ALGORITHMS, SIGNATURE_ALGORITHMS, SignatureAlgorithm,
};
use konko_wire::encode::MessageSink;
use konko_wire::message::userauth::{
    UserauthBanner, UserauthFailure, UserauthInfoResponse, UserauthPasswdChangereq, UserauthPkOk,
    UserauthRequest, UserauthSuccess,
};
use konko_wire::name_list::NameList;
use konko_wire::number::service;
use zeroize::Zeroizing;

use crate::attempt::{Attempt, AttemptKind};
use crate::error::AuthError;
use crate::event::ServerAuthEvent;
use crate::method::public_key::{HOST_BOUND, KeyRequest, Requester};
use crate::method::{host_based, keyboard_interactive, password};
use crate::method_name::MethodName;
use crate::offered_key::KeyPolicy;
use crate::question::Prompts;
use crate::ticket::{Ticket, Tickets};

/// The longest user name that is accepted, in bytes. A longer one is refused like a wrong password.
pub const MAXIMUM_USER_NAME_LEN: usize = 255;

/// How many requests may wait while an attempt is judged.
pub const MAXIMUM_HELD_REQUESTS: usize = 4;

/// What a server offers and what it bears.
#[derive(Debug, Clone)]
pub struct ServerAuthConfig {
    /// The methods that are offered at first. The default is `publickey` alone.
    pub methods: Vec<MethodName>,
    /// The number of failures that ends the connection: the last of them is answered by disconnecting. The method
    /// `none` and key queries do not count. The default is 6.
    pub maximum_attempts: u32,
    /// The most SSH_MSG_USERAUTH_REQUESTs of any kind. The default is 64.
    pub maximum_requests: u32,
    /// The most key queries, whatever their answer. The default is 16.
    pub maximum_queries: u32,
    /// The signature algorithms that are accepted, of users and of hosts; those of certificates are named here too.
    /// The default is all that are not legacy.
    pub signature_algorithms: Vec<&'static SignatureAlgorithm>,
    /// The least size of the modulus of an RSA key, in bits. The default is 2,048.
    pub minimum_rsa_bits: usize,
    /// What every signature of a security key must say. The default demands a touch. An application that judges the
    /// assertion of each attempt itself, because some keys need no touch, demands nothing here.
    pub security_keys: SecurityKeyPolicy,
    /// The longest password or response that reaches the application, in bytes. The default is 1,024.
    pub maximum_password_len: usize,
    /// Whether a request may name another user than the one before it. If so, the change resets everything but
    /// the counts (RFC 4252 §5); after a partial success it ends the connection all the same. The default is
    /// false: a change ends the connection.
    pub user_name_may_change: bool,
}

impl Default for ServerAuthConfig {
    fn default() -> Self {
        Self {
            methods: vec![MethodName::PublicKey],
            maximum_attempts: 6,
            maximum_requests: 64,
            maximum_queries: 16,
            signature_algorithms: [CERTIFICATE_ALGORITHMS, SIGNATURE_ALGORITHMS, SECURITY_KEY_ALGORITHMS]
                .concat()
                .into_iter()
                .filter(|row| !row.legacy)
                .collect(),
            minimum_rsa_bits: MINIMUM_RSA_BITS,
            security_keys: SecurityKeyPolicy::default(),
            maximum_password_len: 1024,
            user_name_may_change: false,
        }
    }
}

/// The server's machine.
pub struct ServerAuth {
    config: ServerAuthConfig,
    tickets: Tickets,
    /// The host key that was shown in the first key exchange.
    host_key: Option<Vec<u8>>,
    /// "authentications that can continue".
    methods: Vec<MethodName>,
    user_name: Option<String>,
    partially_authenticated: bool,
    phase: Phase,
    held: VecDeque<Zeroizing<Vec<u8>>>,
    failures: u32,
    requests: u32,
    queries: u32,
    /// Whether the client has used up what it may try.
    exhausted: bool,
}

/// What is due.
enum Phase {
    /// A request.
    Idle,
    /// The application's answer to an attempt.
    Judging(Ticket, Proof),
    /// Responses to so many prompts, or another request.
    AwaitingResponses(usize),
    /// A request that changes the password, or another one.
    AwaitingPasswordChange,
    /// Nothing.
    Done,
}

/// What the attempt that is being judged can lead to.
enum Proof {
    None,
    Password,
    /// No proof at all: algorithm and key, to be echoed.
    Query {
        algorithm: Vec<u8>,
        public_key: Vec<u8>,
    },
    PublicKey,
    KeyboardInteractive,
    HostBased,
}

/// What the machine itself makes of a request.
enum Judgement {
    /// The application is to judge.
    Ask(AttemptKind, Proof),
    /// Refused, and it counts.
    Fail,
    /// Refused, and it does not count.
    FailUncounted,
}

impl std::fmt::Debug for ServerAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerAuth")
            .field("user_name", &self.user_name)
            .field("methods", &self.methods)
            .field("failures", &self.failures)
            .field("requests", &self.requests)
            .field("done", &self.is_done())
            .finish_non_exhaustive()
    }
}

impl ServerAuth {
    /// A machine that waits for the first request.
    pub fn new(config: ServerAuthConfig) -> Self {
        Self {
            methods: config.methods.clone(),
            config,
            tickets: Tickets::new(),
            host_key: None,
            user_name: None,
            partially_authenticated: false,
            phase: Phase::Idle,
            held: VecDeque::new(),
            failures: 0,
            requests: 0,
            queries: 0,
            exhausted: false,
        }
    }

    /// Tells the session identifier (RFC 4253 §7.2), once, before the first request.
    pub fn set_session_id(&mut self, id: &[u8]) {
        self.tickets.set_session_id(id);
    }

    /// Tells the host key, or host certificate, that was shown in the first key exchange, as it was sent. Without it
    /// the method `publickey-hostbound-v00@openssh.com` is unknown.
    pub fn set_host_key(&mut self, blob: &[u8]) {
        self.host_key = Some(blob.to_vec());
    }

    /// Whether the user is authenticated.
    pub const fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// Who is authenticated; `None` before success.
    pub fn user_name(&self) -> Option<&str> {
        if self.is_done() { self.user_name.as_deref() } else { None }
    }

    /// How many requests have failed that count. It rises with refusals that the application was not asked about
    /// too, so that whoever owns time can delay those as well.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// How many SSH_MSG_USERAUTH_REQUESTs have been read.
    pub const fn requests(&self) -> u32 {
        self.requests
    }

    /// Takes a message 50–79 of the client.
    ///
    /// A request that comes while an attempt is being judged waits, and four may wait; see
    /// [`Self::poll_deferred`]. Requests after success are ignored.
    ///
    /// # Errors
    /// [`AuthError::UnassignedNumber`] changes nothing; after any other error the connection must end.
    pub fn handle(
        &mut self,
        payload: &[u8],
        out: &mut impl MessageSink,
    ) -> Result<Option<ServerAuthEvent>, AuthError> {
        self.check_exhausted()?;
        match payload.first() {
            Some(&UserauthRequest::NUMBER) => self.handle_request(payload, out),
            Some(&UserauthInfoResponse::NUMBER) => self.handle_info_response(payload, out),
            Some(&UserauthFailure::NUMBER) => {
                Err(AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_FAILURE is for servers to send"))
            }
            Some(&UserauthSuccess::NUMBER) => {
                Err(AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_SUCCESS is for servers to send"))
            }
            Some(&UserauthBanner::NUMBER) => {
                Err(AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_BANNER is for servers to send"))
            }
            Some(&UserauthPkOk::NUMBER) => {
                Err(AuthError::PeerMisbehaved("message 60 of authentication is for servers to send"))
            }
            Some(63..=66) => Err(AuthError::PeerMisbehaved("a GSSAPI message without a GSSAPI exchange")),
            Some(&number @ (54..=59 | 62 | 67..=79)) => Err(AuthError::UnassignedNumber(number)),
            Some(_) | None => Err(AuthError::PeerMisbehaved("a message that is not one of authentication")),
        }
    }

    /// Takes up requests that had to wait. To be called after every answer to an attempt.
    ///
    /// # Errors
    /// As of [`Self::handle`].
    pub fn poll_deferred(
        &mut self,
        out: &mut impl MessageSink,
    ) -> Result<Option<ServerAuthEvent>, AuthError> {
        self.check_exhausted()?;
        while !matches!(self.phase, Phase::Judging(..)) {
            let Some(payload) = self.held.pop_front() else {
                return Ok(None);
            };
            if let Some(event) = self.judge(&payload, out)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    fn handle_request(
        &mut self,
        payload: &[u8],
        out: &mut impl MessageSink,
    ) -> Result<Option<ServerAuthEvent>, AuthError> {
        if self.is_done() {
            // RFC 4252 §5.1: "any further authentication requests received after that SHOULD be silently ignored."
            return Ok(None);
        }
        if self.held.is_empty() && !matches!(self.phase, Phase::Judging(..)) {
            return self.judge(payload, out);
        }
        // RFC 4252 §5.1: "The server MUST process each request completely and acknowledge any failed requests with a
        // SSH_MSG_USERAUTH_FAILURE message before processing the next request."
        if self.held.len() >= MAXIMUM_HELD_REQUESTS {
            return Err(AuthError::LimitExceeded("the number of unanswered authentication requests"));
        }
        self.held.push_back(Zeroizing::new(payload.to_vec()));
        self.poll_deferred(out)
    }

    /// Reads a request when its turn has come.
    fn judge(
        &mut self,
        payload: &[u8],
        out: &mut impl MessageSink,
    ) -> Result<Option<ServerAuthEvent>, AuthError> {
        if self.tickets.session_id().is_empty() {
            return Err(AuthError::ApiMisuse("the session identifier is not known yet"));
        }
        self.requests += 1;
        if self.requests > self.config.maximum_requests {
            return Err(self.exhaust());
        }
        let request = UserauthRequest::decode(payload).map_err(AuthError::decoding(UserauthRequest::NAME))?;
        // RFC 4252 §5: "if the service does not exist, authentication MUST NOT be accepted."
        if request.service_name != service::CONNECTION.as_bytes() {
            return Err(AuthError::ServiceNotAvailable);
        }
        let Some(user_name) = self.take_user_name(request.user_name)? else {
            self.phase = Phase::Idle;
            self.fail(out)?;
            return Ok(None);
        };
        // RFC 4252 §5.1: "A request that requires further messages to be exchanged will be aborted by a subsequent
        // request." and "A SSH_MSG_USERAUTH_FAILURE message MUST NOT be sent for an aborted method."
        let previous = std::mem::replace(&mut self.phase, Phase::Idle);
        let change_demanded = matches!(previous, Phase::AwaitingPasswordChange);
        match self.judgement(&request, &user_name, change_demanded)? {
            Judgement::Ask(kind, proof) => Ok(Some(self.ask_application(user_name, kind, proof))),
            Judgement::Fail => self.fail(out).map(|()| None),
            Judgement::FailUncounted => {
                self.send_failure(false, out);
                Ok(None)
            }
        }
    }

    /// The name that a request is for; `None` if it cannot be anybody's.
    fn take_user_name(&mut self, name: &[u8]) -> Result<Option<String>, AuthError> {
        if self.user_name.as_ref().is_some_and(|before| before.as_bytes() != name) {
            if self.partially_authenticated {
                return Err(AuthError::PeerMisbehaved("the user name changed after a partial success"));
            }
            if !self.config.user_name_may_change {
                return Err(AuthError::PeerMisbehaved("the user name changed between requests"));
            }
            // RFC 4252 §5: "MUST flush any accumulated authentication states if they change."
            self.methods.clone_from(&self.config.methods);
            self.phase = Phase::Idle;
            self.user_name = None;
        }
        if name.len() > MAXIMUM_USER_NAME_LEN {
            return Ok(None);
        }
        let Ok(name) = std::str::from_utf8(name) else {
            return Ok(None);
        };
        self.user_name = Some(name.to_owned());
        Ok(Some(name.to_owned()))
    }

    fn judgement(
        &mut self,
        request: &UserauthRequest<'_>,
        user_name: &str,
        change_demanded: bool,
    ) -> Result<Judgement, AuthError> {
        if request.method_name == b"none" {
            // After a partial success the methods that continue are known, and this is none of them.
            return Ok(if self.partially_authenticated {
                Judgement::FailUncounted
            } else {
                Judgement::Ask(AttemptKind::None, Proof::None)
            });
        }
        let fields = request.method_fields.0;
        let host_bound = self.host_key.is_some() && request.method_name == HOST_BOUND.as_bytes();
        let method =
            if host_bound { Some(MethodName::PublicKey) } else { MethodName::by_name(request.method_name) };
        let method = method.filter(|name| self.methods.contains(name));
        let (kind, proof) = match method {
            None => return Ok(Judgement::Fail),
            Some(MethodName::PublicKey) if host_bound => {
                return self.key_judgement(&KeyRequest::decode_host_bound(fields)?, user_name);
            }
            Some(MethodName::PublicKey) => {
                return self.key_judgement(&KeyRequest::decode(fields)?, user_name);
            }
            Some(MethodName::HostBased) => {
                let kind = host_based::attempt(fields, &self.key_policy(), &self.requester(user_name))?;
                (kind, Proof::HostBased)
            }
            Some(MethodName::Password) => {
                let maximum_len = self.config.maximum_password_len;
                (password::attempt(fields, maximum_len, change_demanded)?, Proof::Password)
            }
            Some(MethodName::KeyboardInteractive) => {
                (keyboard_interactive::attempt(fields)?, Proof::KeyboardInteractive)
            }
        };
        Ok(kind.map_or(Judgement::Fail, |kind| Judgement::Ask(kind, proof)))
    }

    fn key_policy(&self) -> KeyPolicy<'_> {
        KeyPolicy {
            algorithms: &self.config.signature_algorithms,
            minimum_rsa_bits: self.config.minimum_rsa_bits,
            security_keys: self.config.security_keys,
        }
    }

    fn requester<'a>(&'a self, user_name: &'a str) -> Requester<'a> {
        Requester { session_id: self.tickets.session_id(), user_name, host_key: self.host_key.as_deref() }
    }

    fn key_judgement(&mut self, request: &KeyRequest<'_>, user_name: &str) -> Result<Judgement, AuthError> {
        let refusal = if request.is_query() {
            self.queries += 1;
            if self.queries > self.config.maximum_queries {
                return Err(self.exhaust());
            }
            Judgement::FailUncounted
        } else {
            Judgement::Fail
        };
        let Some(kind) = request.attempt(&self.key_policy(), &self.requester(user_name)) else {
            return Ok(refusal);
        };
        let proof = if request.is_query() {
            let (algorithm, public_key) = request.as_received();
            Proof::Query { algorithm: algorithm.to_vec(), public_key: public_key.to_vec() }
        } else {
            Proof::PublicKey
        };
        Ok(Judgement::Ask(kind, proof))
    }

    fn handle_info_response(
        &mut self,
        payload: &[u8],
        out: &mut impl MessageSink,
    ) -> Result<Option<ServerAuthEvent>, AuthError> {
        let Phase::AwaitingResponses(asked) = self.phase else {
            return Err(AuthError::PeerMisbehaved(
                "SSH_MSG_USERAUTH_INFO_RESPONSE with no information requested",
            ));
        };
        let Some(user_name) = self.user_name.clone() else {
            return Err(AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_INFO_RESPONSE before any request"));
        };
        self.phase = Phase::Idle;
        match keyboard_interactive::responses(payload, asked, self.config.maximum_password_len)? {
            Some(kind) => Ok(Some(self.ask_application(user_name, kind, Proof::KeyboardInteractive))),
            None => self.fail(out).map(|()| None),
        }
    }

    fn ask_application(&mut self, user_name: String, kind: AttemptKind, proof: Proof) -> ServerAuthEvent {
        let ticket = self.tickets.issue();
        self.phase = Phase::Judging(ticket.clone(), proof);
        let service_name = service::CONNECTION.to_owned();
        ServerAuthEvent::Attempt(Attempt { user_name, service_name, kind, ticket })
    }

    /// Sends a text for the user, in UTF-8 (RFC 4252 §5.4).
    ///
    /// # Errors
    /// [`AuthError::ApiMisuse`] after success.
    pub fn send_banner(&mut self, text: &str, out: &mut impl MessageSink) -> Result<(), AuthError> {
        if self.is_done() {
            return Err(AuthError::ApiMisuse("a banner cannot follow success"));
        }
        out.send(&UserauthBanner { message: text.as_bytes(), language_tag: b"" });
        Ok(())
    }

    /// The attempt is good enough: the user is authenticated. A key *query* is answered that the key would do,
    /// and authenticates nobody.
    ///
    /// # Errors
    /// [`AuthError::ApiMisuse`] if the attempt is not the one that is being judged.
    pub fn accept(&mut self, attempt: Attempt, out: &mut impl MessageSink) -> Result<(), AuthError> {
        match self.answered(&attempt)? {
            Proof::Query { algorithm, public_key } => {
                out.send(&UserauthPkOk { algorithm: &algorithm, public_key: &public_key });
            }
            Proof::None
            | Proof::Password
            | Proof::PublicKey
            | Proof::KeyboardInteractive
            | Proof::HostBased => {
                out.send(&UserauthSuccess {});
                self.phase = Phase::Done;
                self.held.clear();
            }
        }
        Ok(())
    }

    /// The attempt is good and not enough: one of these methods has to succeed too. They replace the methods that
    /// were offered before, also for the failures to come.
    ///
    /// # Errors
    /// [`AuthError::ApiMisuse`] if the attempt is not the one that is being judged; or if it is a key query or
    /// the method `none`, which prove nothing, or if there is no method or one that [`MethodName`] does not know:
    /// then the attempt is rejected. [`AuthError::TooManyAttempts`] as of [`Self::reject`].
    pub fn accept_partially(
        &mut self,
        attempt: Attempt,
        methods_that_can_continue: &[&str],
        out: &mut impl MessageSink,
    ) -> Result<(), AuthError> {
        let proof = self.answered(&attempt)?;
        let methods: Option<Vec<_>> =
            methods_that_can_continue.iter().map(|name| MethodName::by_name(name.as_bytes())).collect();
        let misuse = match (&proof, &methods) {
            (Proof::None | Proof::Query { .. }, _) => Some("what proves nothing cannot succeed partially"),
            (_, None) => Some("a method that can continue is not implemented"),
            (_, Some(methods)) if methods.is_empty() => Some("no method can continue"),
            (Proof::Password | Proof::PublicKey | Proof::KeyboardInteractive | Proof::HostBased, Some(_)) => {
                None
            }
        };
        if let Some(misuse) = misuse {
            return self.reject_misuse(&proof, misuse, out);
        }
        self.methods = methods.unwrap_or_default();
        self.partially_authenticated = true;
        self.send_failure(true, out);
        Ok(())
    }

    /// The attempt is not good enough.
    ///
    /// # Errors
    /// [`AuthError::ApiMisuse`] if the attempt is not the one that is being judged;
    /// [`AuthError::TooManyAttempts`] if this failure is the last one: nothing is sent and the connection must
    /// end. [`Self::poll_deferred`] and [`Self::handle`] repeat it.
    pub fn reject(&mut self, attempt: Attempt, out: &mut impl MessageSink) -> Result<(), AuthError> {
        let proof = self.answered(&attempt)?;
        self.refuse(&proof, out)
    }

    /// Asks the user something: the next round of keyboard-interactive (RFC 4256 §3.2). The responses are an
    /// attempt of their own.
    ///
    /// # Errors
    /// [`AuthError::ApiMisuse`] if the attempt is not the one that is being judged; or if it is not one of
    /// keyboard-interactive, or if there are more than 100 prompts or one without text: then the attempt is
    /// rejected. [`AuthError::TooManyAttempts`] as of [`Self::reject`].
    pub fn ask(
        &mut self,
        attempt: Attempt,
        prompts: Prompts,
        out: &mut impl MessageSink,
    ) -> Result<(), AuthError> {
        let proof = self.answered(&attempt)?;
        if !matches!(proof, Proof::KeyboardInteractive) {
            return self.reject_misuse(&proof, "prompts belong to keyboard-interactive", out);
        }
        if !keyboard_interactive::can_be_asked(&prompts) {
            return self.reject_misuse(&proof, "more than 100 prompts, or one without text", out);
        }
        out.send(&keyboard_interactive::info_request(&prompts));
        self.phase = Phase::AwaitingResponses(prompts.prompts.len());
        Ok(())
    }

    /// The password has expired (RFC 4252 §8): the client is asked for a new one, which is an attempt of its own.
    ///
    /// # Errors
    /// [`AuthError::ApiMisuse`] if the attempt is not the one that is being judged; or if it is not one of the
    /// method `password`: then it is rejected. [`AuthError::TooManyAttempts`] as of [`Self::reject`].
    pub fn require_password_change(
        &mut self,
        attempt: Attempt,
        prompt: &str,
        out: &mut impl MessageSink,
    ) -> Result<(), AuthError> {
        let proof = self.answered(&attempt)?;
        if !matches!(proof, Proof::Password) {
            return self.reject_misuse(&proof, "a password change belongs to the method password", out);
        }
        out.send(&UserauthPasswdChangereq { prompt: prompt.as_bytes(), language_tag: b"" });
        self.phase = Phase::AwaitingPasswordChange;
        Ok(())
    }

    /// Closes the judging if `attempt` is what is judged.
    fn answered(&mut self, attempt: &Attempt) -> Result<Proof, AuthError> {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Judging(ticket, proof) if ticket == attempt.ticket => Ok(proof),
            phase @ (Phase::Idle
            | Phase::Judging(..)
            | Phase::AwaitingResponses(_)
            | Phase::AwaitingPasswordChange
            | Phase::Done) => {
                self.phase = phase;
                Err(AuthError::ApiMisuse("the attempt is not the one that is being judged"))
            }
        }
    }

    /// An answer that does not fit leaves the client without one; so it gets a refusal.
    fn reject_misuse(
        &mut self,
        proof: &Proof,
        misuse: &'static str,
        out: &mut impl MessageSink,
    ) -> Result<(), AuthError> {
        self.refuse(proof, out)?;
        Err(AuthError::ApiMisuse(misuse))
    }

    fn refuse(&mut self, proof: &Proof, out: &mut impl MessageSink) -> Result<(), AuthError> {
        match proof {
            Proof::None | Proof::Query { .. } => {
                self.send_failure(false, out);
                Ok(())
            }
            Proof::Password | Proof::PublicKey | Proof::KeyboardInteractive | Proof::HostBased => {
                self.fail(out)
            }
        }
    }

    /// Refuses a request that counts.
    fn fail(&mut self, out: &mut impl MessageSink) -> Result<(), AuthError> {
        self.failures += 1;
        if self.failures >= self.config.maximum_attempts {
            return Err(self.exhaust());
        }
        self.send_failure(false, out);
        Ok(())
    }

    /// Ends all trying: what is called next says so too, even if this error is not passed on.
    const fn exhaust(&mut self) -> AuthError {
        self.exhausted = true;
        AuthError::TooManyAttempts
    }

    const fn check_exhausted(&self) -> Result<(), AuthError> {
        if self.exhausted { Err(AuthError::TooManyAttempts) } else { Ok(()) }
    }

    fn send_failure(&self, partial_success: bool, out: &mut impl MessageSink) {
        let names = self.methods.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(",");
        out.send(&UserauthFailure { methods_that_can_continue: NameList::of(&names), partial_success });
    }
}
