//! The server's end: what only a server does with a connection.

use crate::config::{HostKey, ServerConfig};
use crate::dispatch::Role;
use crate::error::Error;
use crate::event::{Event, ServerEvent};
use crate::host_key_proof::{HOST_KEYS, announcement, prove};
use crate::side::{Outcome, Side, SideState, Signing, sealed::Sealed};
use crate::transport::Transport;
use konko_channel::channels::Channels;
use konko_crypto::random::SecureRandom;
use konko_keys::public_key::PublicKey;
use konko_packet::extensions::PeerExtensions;
use konko_packet::outbound::Outbound;
use konko_packet::packet::PacketProtocol;
use konko_packet::received::{HostKeyQuestion, SignatureQuestion};
use konko_userauth::{Attempt, AttemptKind, AuthError, Prompts, ServerAuth};
use konko_wire::encode::MessageSink;
use konko_wire::message::transport::{ServiceAccept, ServiceRequest};
use konko_wire::number::service;
use std::sync::Arc;
use std::time::Instant;

/// The server's end.
#[derive(Debug, Clone, Copy)]
pub enum Server {}

impl Sealed for Server {}

impl Side for Server {
    type Event = ServerEvent;
    type State = ServerState;
    const ROLE: Role = Role::Server;

    fn common(event: &ServerEvent) -> Option<&Event> {
        match event {
            ServerEvent::Common(event) => Some(event),
            ServerEvent::SignatureWanted(_) | ServerEvent::Auth(_) => None,
        }
    }
}

/// The part of a connection that only a server has.
#[derive(Debug)]
pub struct ServerState {
    config: Arc<ServerConfig>,
    /// Until the user is authenticated.
    login: Option<Box<Login>>,
    /// Who was authenticated.
    user_name: Option<String>,
}

/// What a server only needs until the user is authenticated.
#[derive(Debug)]
struct Login {
    auth: ServerAuth,
    /// A refusal that waits for its time, so that the time tells nothing.
    held: Option<(Instant, Attempt)>,
}

impl ServerState {
    fn login(&mut self) -> Result<&mut Login, AuthError> {
        self.login.as_deref_mut().ok_or(AuthError::ApiMisuse("the user is authenticated already"))
    }
}

impl SideState for ServerState {
    type Event = ServerEvent;

    fn first_keys(&mut self, session_id: &[u8], host_key: &[u8], _out: &mut Outbound) {
        if let Some(login) = &mut self.login {
            login.auth.set_session_id(session_id);
            login.auth.set_host_key(host_key);
        }
    }

    fn service(&mut self, payload: &[u8], out: &mut Outbound) -> Result<Outcome<ServerEvent>, Error> {
        let request = ServiceRequest::decode(payload)
            .map_err(|error| Error::Decode { message: ServiceRequest::NAME, error })?;
        // RFC 4253 §10: "If the server rejects the service request, it SHOULD send an appropriate
        // SSH_MSG_DISCONNECT message and MUST disconnect."
        if request.service_name != service::USERAUTH.as_bytes() {
            return Err(Error::ServiceNotAvailable);
        }
        out.send(&ServiceAccept { service_name: request.service_name });
        Ok(Outcome::ServiceStarted)
    }

    fn auth(&mut self, payload: &[u8], out: &mut Outbound) -> Result<Outcome<ServerEvent>, Error> {
        Ok(match self.login()?.auth.handle(payload, out)? {
            None => Outcome::Nothing,
            Some(event) => Outcome::Event(ServerEvent::Auth(event)),
        })
    }

    fn auth_more(&mut self, out: &mut Outbound) -> Result<Outcome<ServerEvent>, Error> {
        let login = self.login()?;
        if login.held.is_some() {
            return Ok(Outcome::Nothing);
        }
        Ok(match login.auth.poll_deferred(out)? {
            None => Outcome::Nothing,
            Some(event) => Outcome::Event(ServerEvent::Auth(event)),
        })
    }

    fn host_key(&self, _question: HostKeyQuestion) -> Option<ServerEvent> {
        None
    }

    fn signature(&self, question: SignatureQuestion) -> Signing<ServerEvent> {
        let keys = self.config.host_keys.iter().filter(|key| key.can_sign());
        let key = keys.into_iter().find(|key| *key.public_key() == question.host_key);
        match key {
            Some(HostKey::Private(key)) => match key.sign(question.algorithm, &question.data) {
                Ok(signature) => Signing::Made(question, signature),
                Err(_) => Signing::Impossible,
            },
            Some(HostKey::External(_)) => Signing::Asked(ServerEvent::SignatureWanted(question)),
            Some(HostKey::Certificate(_)) | None => Signing::Impossible,
        }
    }

    fn extensions(&mut self, _extensions: &PeerExtensions) {}

    fn authenticated(&mut self) {
        let login = self.login.take();
        self.user_name = login.and_then(|login| login.auth.user_name().map(str::to_owned));
    }

    fn due(&self) -> Option<Instant> {
        self.login.as_ref()?.held.as_ref().map(|(due, _)| *due)
    }

    fn expire(&mut self, now: Instant, out: &mut Outbound) -> Result<(), Error> {
        let login = self.login()?;
        match login.held.take_if(|(due, _)| *due <= now) {
            Some((_, attempt)) => Ok(login.auth.reject(attempt, out)?),
            None => Ok(()),
        }
    }
}

impl Transport<Server> {
    /// Tells the client of all host keys, so that it can learn those that it has not seen yet, unless the
    /// configuration does not want that. To be called once after authentication.
    ///
    /// # Errors
    ///
    /// What ended the connection.
    pub fn announce_host_keys(&mut self) -> Result<(), Error> {
        let body = announcement(&self.state.config.host_keys);
        if body.is_empty() || !self.state.config.announce_host_keys {
            return Ok(());
        }
        self.global_request(HOST_KEYS, &body, false).map(drop)
    }

    /// The reply to a request for [`HOST_KEYS_PROVE`](crate::host_key_proof::HOST_KEYS_PROVE) with this body; `None`
    /// refuses it. Each key signs once at most.
    pub fn prove_host_keys(&self, body: &[u8]) -> Option<Vec<u8>> {
        prove(&self.state.config.host_keys, self.session_id()?, body)
    }

    /// A server's connection. Its first output is ready at once.
    pub fn server(config: Arc<ServerConfig>, rng: Box<dyn SecureRandom>, now: Instant) -> Self {
        let can_sign = |key: &PublicKey| {
            config.host_keys.iter().any(|other| other.can_sign() && other.public_key() == key)
        };
        let shown = config.host_keys.iter().filter(|key| can_sign(key.public_key()));
        let host_keys: Vec<_> = shown.map(HostKey::identity).collect();
        let packets = PacketProtocol::server(Arc::clone(&config.packet), rng, now, host_keys);
        let auth = ServerAuth::new(config.auth.clone());
        let channels = Channels::new(config.channel.clone());
        let (keepalive, grace) = (config.keepalive, config.login_grace_time);
        let login = Some(Box::new(Login { auth, held: None }));
        let state = ServerState { config, login, user_name: None };
        let mut transport = Self::assemble(packets, state, channels, keepalive, now);
        transport.set_authentication_timer(now, grace);
        transport
    }

    /// Gives the signature of an external host key.
    ///
    /// # Errors
    ///
    /// What had arrived and waited for it brings to light; the connection has ended then.
    pub fn provide_signature(
        &mut self,
        question: SignatureQuestion,
        signature: Vec<u8>,
        now: Instant,
    ) -> Result<(), Error> {
        self.packets.provide_signature(question, signature);
        self.showed_signature(now);
        self.resume(now)
    }

    /// Shows the user a text before authentication is complete (RFC 4252 §5.4). After that it is left out.
    pub fn send_banner(&mut self, text: &str) {
        if self.phase == crate::dispatch::Phase::Authentication
            && let Some(login) = &mut self.state.login
            && let Err(error) = login.auth.send_banner(text, self.packets.outbound())
        {
            tracing::debug!(%error, "the banner is left out");
        }
    }

    /// Lets the user in; or, for a public-key query, says that the key would do.
    ///
    /// # Errors
    ///
    /// [`Error::Auth`] where the attempt was answered already; what a message that waited for this answer brings
    /// to light, and then the connection has ended.
    pub fn accept_auth(&mut self, attempt: Attempt) -> Result<(), Error> {
        let result = self.state.login()?.auth.accept(attempt, self.packets.outbound());
        self.answered(result)?;
        if self.state.login()?.auth.is_done() {
            self.apply(Outcome::Authenticated(None));
        }
        self.deferred()
    }

    /// Says that the attempt succeeded but is not enough (RFC 4252 §5.1, partial success).
    ///
    /// # Errors
    ///
    /// As [`accept_auth`](Self::accept_auth).
    pub fn accept_auth_partially(&mut self, attempt: Attempt, methods: &[&str]) -> Result<(), Error> {
        let result = self.state.login()?.auth.accept_partially(attempt, methods, self.packets.outbound());
        self.answered(result)?;
        self.deferred()
    }

    /// Refuses the attempt; where a secret was guessed, no sooner than the configured delay after `arrived`.
    ///
    /// # Errors
    ///
    /// As [`accept_auth`](Self::accept_auth).
    pub fn reject_auth(&mut self, attempt: Attempt, arrived: Instant, now: Instant) -> Result<(), Error> {
        let due = arrived.checked_add(self.state.config.failure_delay).unwrap_or(now);
        let guessed = matches!(
            attempt.kind,
            AttemptKind::Password { .. }
                | AttemptKind::PasswordChange { .. }
                | AttemptKind::KeyboardInteractiveResponses { .. }
        );
        if guessed && due > now {
            self.state.login()?.held = Some((due, attempt));
            return Ok(());
        }
        let result = self.state.login()?.auth.reject(attempt, self.packets.outbound());
        self.answered(result)?;
        self.deferred()
    }

    /// Asks the user something (keyboard-interactive, RFC 4256): the first round or another one.
    ///
    /// # Errors
    ///
    /// As [`accept_auth`](Self::accept_auth).
    pub fn ask_prompts(&mut self, attempt: Attempt, prompts: Prompts) -> Result<(), Error> {
        let result = self.state.login()?.auth.ask(attempt, prompts, self.packets.outbound());
        self.answered(result)?;
        self.deferred()
    }

    /// Says that the password has expired (RFC 4252 §8).
    ///
    /// # Errors
    ///
    /// As [`accept_auth`](Self::accept_auth).
    pub fn require_password_change(&mut self, attempt: Attempt, prompt: &str) -> Result<(), Error> {
        let result =
            self.state.login()?.auth.require_password_change(attempt, prompt, self.packets.outbound());
        self.answered(result)?;
        self.deferred()
    }

    /// Who was authenticated.
    pub fn user_name(&self) -> Option<&str> {
        self.state.user_name.as_deref()
    }

    /// Ends the connection where an answer brought a limit to light; a misuse of ours ends nothing.
    fn answered(&mut self, result: Result<(), AuthError>) -> Result<(), Error> {
        match result {
            Ok(()) => Ok(()),
            Err(error @ AuthError::ApiMisuse(_)) => Err(error.into()),
            Err(error) => Err(self.fail(error.into())),
        }
    }

    fn deferred(&mut self) -> Result<(), Error> {
        self.more_of_auth().map_err(|error| self.fail(error))
    }
}
