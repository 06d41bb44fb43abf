//! The client's end: what only a client does with a connection.

use crate::config::ClientConfig;
use crate::dispatch::{Phase, Role};
use crate::error::Error;
use crate::event::{ClientEvent, Event};
use crate::side::{AnswerTime, Outcome, Side, SideState, Signing, sealed::Sealed};
use crate::transport::Transport;
use konko_channel::channels::Channels;
use konko_crypto::random::SecureRandom;
use konko_packet::extensions::PeerExtensions;
use konko_packet::outbound::Outbound;
use konko_packet::packet::PacketProtocol;
use konko_packet::received::{HostKeyQuestion, SignatureQuestion as ExchangeSignatureQuestion};
use konko_userauth::{
    AuthError, ClientAuth, ClientAuthEvent, Method, PasswordChangeQuestion, PromptQuestion, SignatureQuestion,
};
use konko_wire::encode::MessageSink;
use konko_wire::message::transport::{ServiceAccept, ServiceRequest};
use konko_wire::number::service;
use std::sync::Arc;
use std::time::Instant;
use zeroize::Zeroizing;

/// The client's end.
#[derive(Debug, Clone, Copy)]
pub enum Client {}

impl Sealed for Client {}

impl Side for Client {
    type Event = ClientEvent;
    type State = ClientState;
    const ROLE: Role = Role::Client;

    fn common(event: &ClientEvent) -> Option<&Event> {
        match event {
            ClientEvent::Common(event) => Some(event),
            ClientEvent::HostKey(_) | ClientEvent::Auth(_) => None,
        }
    }
}

/// The part of a connection that only a client has.
#[derive(Debug)]
pub struct ClientState {
    config: Arc<ClientConfig>,
    /// Until the user is authenticated.
    login: Option<Box<Login>>,
}

/// What a client only needs until the user is authenticated.
#[derive(Debug)]
struct Login {
    auth: ClientAuth,
    /// The service was asked for and is not granted yet.
    service_due: bool,
    /// An authentication request that was made before the service was granted.
    early: Option<(String, Method)>,
}

impl ClientState {
    fn login(&mut self) -> Result<&mut Login, Error> {
        self.login.as_deref_mut().ok_or(Error::ApiMisuse("authentication is complete"))
    }

    /// The machine that asked the question which is answered now.
    fn asker(&mut self) -> Result<&mut ClientAuth, Error> {
        let login = self.login.as_deref_mut();
        let login = login.ok_or(AuthError::ApiMisuse("the question is not the one that is open"))?;
        Ok(&mut login.auth)
    }
}

impl SideState for ClientState {
    type Event = ClientEvent;

    fn first_keys(&mut self, session_id: &[u8], host_key: &[u8], out: &mut Outbound) {
        if let Some(login) = &mut self.login {
            login.auth.set_session_id(session_id);
            login.auth.set_host_key(host_key);
            login.service_due = true;
        }
        out.send(&ServiceRequest { service_name: service::USERAUTH.as_bytes() });
    }

    fn service(&mut self, payload: &[u8], out: &mut Outbound) -> Result<Outcome<ClientEvent>, Error> {
        let accept = ServiceAccept::decode(payload)
            .map_err(|error| Error::Decode { message: ServiceAccept::NAME, error })?;
        if accept.service_name != service::USERAUTH.as_bytes() {
            return Err(Error::ServiceNotAvailable);
        }
        let login = self.login()?;
        login.service_due = false;
        if let Some((user_name, method)) = login.early.take() {
            login.auth.begin(&user_name, method, out)?;
        }
        Ok(Outcome::ServiceStarted)
    }

    fn auth(&mut self, payload: &[u8], out: &mut Outbound) -> Result<Outcome<ClientEvent>, Error> {
        Ok(told(self.login()?.auth.handle(payload, out)?))
    }

    fn auth_more(&mut self, _out: &mut Outbound) -> Result<Outcome<ClientEvent>, Error> {
        Ok(told(self.login()?.auth.poll_event()))
    }

    fn host_key(&self, question: HostKeyQuestion) -> Option<ClientEvent> {
        Some(ClientEvent::HostKey(question))
    }

    fn signature(&self, _question: ExchangeSignatureQuestion) -> Signing<ClientEvent> {
        Signing::Impossible
    }

    fn answer_time(&self) -> AnswerTime {
        let awaits_server = |login: &Login| login.service_due || login.auth.awaits_server();
        match self.config.authentication_timeout {
            Some(timeout) if self.login.as_deref().is_some_and(awaits_server) => AnswerTime::Within(timeout),
            _ => AnswerTime::NotDue,
        }
    }

    fn extensions(&mut self, extensions: &PeerExtensions) {
        if let Some(login) = &mut self.login {
            login.auth.set_server_knows_host_bound(extensions.host_bound);
        }
    }

    fn authenticated(&mut self) {
        self.login = None;
    }
}

/// What an event of the authentication machine means for the connection.
fn told(event: Option<ClientAuthEvent>) -> Outcome<ClientEvent> {
    match event {
        None => Outcome::Nothing,
        Some(event @ ClientAuthEvent::Success) => Outcome::Authenticated(Some(ClientEvent::Auth(event))),
        Some(event) => Outcome::Event(ClientEvent::Auth(event)),
    }
}

impl Transport<Client> {
    /// A client's connection. Its first output is ready at once.
    pub fn client(config: Arc<ClientConfig>, rng: Box<dyn SecureRandom>, now: Instant) -> Self {
        let packets = PacketProtocol::client(Arc::clone(&config.packet), rng, now);
        let auth = ClientAuth::new(config.auth.clone());
        let channels = Channels::new(config.channel.clone());
        let keepalive = config.keepalive;
        Self::assemble(
            packets,
            ClientState { config, login: Some(Box::new(Login { auth, service_due: false, early: None })) },
            channels,
            keepalive,
            now,
        )
    }

    /// Accepts the server's host key: the key exchange goes on.
    ///
    /// # Errors
    ///
    /// What had arrived and waited for the answer brings to light; the connection has ended then.
    pub fn accept_host_key(&mut self, question: HostKeyQuestion, now: Instant) -> Result<(), Error> {
        self.packets.accept_host_key(question);
        self.resume(now)
    }

    /// Refuses the server's host key: the connection ends, with
    /// [`HostKeyRejected`](konko_packet::PacketError::HostKeyRejected).
    pub fn reject_host_key(&mut self, question: HostKeyQuestion, now: Instant) {
        self.packets.reject_host_key(question);
        // The refusal itself is the error; it is kept as what ended the connection.
        if let Err(error) = self.resume(now) {
            tracing::debug!(%error, "host key refused");
        }
    }

    /// Asks the server to authenticate `user_name` by `method`. May be called as soon as the connection exists:
    /// the request is sent when the key exchange is over and the service is granted.
    ///
    /// # Errors
    ///
    /// [`Error::ApiMisuse`] while a request is outstanding or after success; what ended the connection after its
    /// end.
    pub fn authenticate(&mut self, user_name: &str, method: Method, now: Instant) -> Result<(), Error> {
        match self.phase {
            Phase::KeyExchange | Phase::Service => {
                let early = &mut self.state.login()?.early;
                if early.is_some() {
                    return Err(Error::ApiMisuse("an authentication request is outstanding"));
                }
                *early = Some((user_name.to_owned(), method));
            }
            Phase::Authentication => {
                self.state.login()?.auth.begin(user_name, method, self.packets.outbound())?;
            }
            Phase::Connection => return Err(Error::ApiMisuse("authentication is complete")),
            Phase::Ended => return Err(self.error().cloned().unwrap_or(Error::Closed)),
        }
        self.more_of_auth()?;
        self.time_answer(now);
        Ok(())
    }

    /// The signature algorithms the server says it accepts (RFC 8308 §3.1), if it said so.
    pub fn server_sig_algs(&self) -> Option<&[String]> {
        self.packets.peer_extensions()?.server_sig_algs.as_deref()
    }

    /// Gives the signature that a public-key attempt asked for.
    pub fn provide_signature(
        &mut self,
        question: SignatureQuestion,
        signature: Vec<u8>,
        now: Instant,
    ) -> Result<(), Error> {
        self.state.asker()?.provide_signature(question, signature, self.packets.outbound())?;
        self.time_answer(now);
        Ok(())
    }

    /// Gives up the public-key attempt that asked for a signature; another method may begin.
    pub fn refuse_signature(&mut self, question: SignatureQuestion) -> Result<(), Error> {
        self.state.asker()?.refuse_signature(question)?;
        self.more_of_auth()
    }

    /// Gives up the keyboard-interactive attempt that asked; another method may begin.
    pub fn refuse_prompts(&mut self, question: PromptQuestion) -> Result<(), Error> {
        self.state.asker()?.refuse_prompts(question)?;
        self.more_of_auth()
    }

    /// Gives up the password attempt that asked for a new password; another method may begin.
    pub fn refuse_password_change(&mut self, question: PasswordChangeQuestion) -> Result<(), Error> {
        self.state.asker()?.refuse_password_change(question)?;
        self.more_of_auth()
    }

    /// Answers the prompts of keyboard-interactive authentication, one answer for each.
    pub fn answer_prompts(
        &mut self,
        question: PromptQuestion,
        responses: Vec<Zeroizing<String>>,
        now: Instant,
    ) -> Result<(), Error> {
        self.state.asker()?.answer_prompts(question, responses, self.packets.outbound())?;
        self.time_answer(now);
        Ok(())
    }

    /// Changes the password that the server says has expired.
    pub fn change_password(
        &mut self,
        question: PasswordChangeQuestion,
        old_password: Zeroizing<String>,
        new_password: Zeroizing<String>,
        now: Instant,
    ) -> Result<(), Error> {
        self.state.asker()?.change_password(question, old_password, new_password, self.packets.outbound())?;
        self.time_answer(now);
        Ok(())
    }
}
