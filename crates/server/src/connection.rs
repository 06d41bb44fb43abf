//! One connection from its first byte to its last: what the client asks is put to the handler, and what the handler
//! allows is done.

use crate::admission::Admitted;
use crate::authentication::{AuthDecision, AuthRequest};
use crate::forward::connect::{connect, within};
use crate::forward::listeners::ForwardListeners;
use crate::forward::socket_path;
use crate::forward::splice::splice;
use crate::handler::{DirectTcpip, ForwardDecision, ForwardStream, Handler};
use crate::limits::ServerLimits;
use crate::log_text::LogText;
use crate::session::Session;
use konko_tokio::{Connection, Driver};
use konko_transport::channel::open::{ChannelKind, OpenQuestion};
use konko_transport::channel::request::GlobalQuestion;
use konko_transport::host_key_proof::HOST_KEYS_PROVE;
use konko_transport::userauth::attempt::Attempt;
use konko_transport::userauth::event::ServerAuthEvent;
use konko_transport::wire::encode::Encode;
use konko_transport::wire::message::global::{
    CancelStreamlocalForward, CancelTcpipForward, Keepalive, NoMoreSessions, StreamlocalForward,
    TcpipForward, TcpipForwardReply,
};
use konko_transport::wire::number::{DisconnectReason, OpenFailureReason};
use konko_transport::{Event, Server, ServerEvent};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

/// How often a client may ask for proof of host keys: a client asks once.
const MOST_HOST_KEY_PROOFS: usize = 4;

/// A driver in a task of its own. It is dropped with this, which cuts the connection if it has not ended.
struct Driving(JoinHandle<()>);

impl Drop for Driving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One connection.
pub(crate) struct ServerConnection {
    connection: Connection<Server>,
    handler: Arc<dyn Handler>,
    limits: Arc<ServerLimits>,
    admitted: Option<Admitted>,
    forwards: ForwardListeners,
    sessions: Arc<Semaphore>,
    connecting: Arc<Semaphore>,
    tasks: JoinSet<()>,
    banner_sent: bool,
    round: u32,
    /// Set by `no-more-sessions@openssh.com`.
    no_more_sessions: bool,
    /// How often the client has asked for proof of host keys.
    host_key_proofs: usize,
}

impl ServerConnection {
    pub(crate) fn new(
        connection: Connection<Server>,
        handler: Arc<dyn Handler>,
        limits: Arc<ServerLimits>,
        admitted: Option<Admitted>,
    ) -> Self {
        Self {
            forwards: ForwardListeners::new(connection.clone(), Arc::clone(&limits)),
            sessions: Arc::new(Semaphore::new(limits.maximum_sessions)),
            connecting: Arc::new(Semaphore::new(limits.maximum_connecting)),
            connection,
            handler,
            limits,
            admitted,
            tasks: JoinSet::new(),
            banner_sent: false,
            round: 0,
            no_more_sessions: false,
            host_key_proofs: 0,
        }
    }

    /// Serves the connection to its end. When `shutdown` becomes true it is ended in an orderly way.
    pub(crate) async fn serve(mut self, driver: Driver<Server>, mut shutdown: watch::Receiver<bool>) {
        let mut driving = Driving(tokio::spawn(driver));
        let connection = self.connection.clone();
        let handler = Arc::clone(&self.handler);
        {
            let mut events = std::pin::pin!(self.serve_events());
            // An error means that the server is gone, which is a shutdown, too.
            let shutdown = async { drop(shutdown.wait_for(|shutdown| *shutdown).await) };
            tokio::select! {
                () = &mut events => {}
                () = shutdown => {
                    connection.disconnect(DisconnectReason::BY_APPLICATION, "the server is shutting down");
                    events.await;
                }
            }
        }
        handler.disconnected(&connection.closed().await);
        drop((connection, self));
        if let Err(error) = (&mut driving.0).await {
            tracing::error!(%error, "the driver of a connection failed");
        }
    }

    async fn serve_events(&mut self) {
        loop {
            let event = tokio::select! {
                event = self.connection.next_event() => event,
                Some(ended) = self.tasks.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a task of a connection failed");
                        // What it owed the client an answer to would wait for ever.
                        self.connection.disconnect(DisconnectReason::BY_APPLICATION, "an internal error");
                    }
                    continue;
                }
            };
            match event {
                None => break,
                // What is rare is kept apart, so that waiting for it takes little memory.
                Some(ServerEvent::Auth(ServerAuthEvent::Attempt(attempt))) => {
                    Box::pin(self.judge(attempt)).await;
                }
                Some(ServerEvent::Common(Event::GlobalRequest(question))) => {
                    Box::pin(self.global_request(question)).await;
                }
                Some(ServerEvent::Common(event)) => self.serve_event(event),
                // External host keys are refused when the server is built.
                Some(_) => {}
            }
        }
        // The channels have ended with the connection, and the sessions learn it from them.
        let programs = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.limits.program_end, programs).await.is_err() {
            self.tasks.shutdown().await;
        }
    }

    /// Puts an attempt to the handler, as long as the connection lasts.
    async fn judge(&mut self, attempt: Attempt) {
        let arrived = Instant::now();
        if !std::mem::replace(&mut self.banner_sent, true)
            && let Some(banner) = self.handler.banner()
        {
            self.connection.with(|transport, _| transport.send_banner(&banner));
        }
        let Some(request) = AuthRequest::new(&attempt, self.round) else {
            return self.answered(self.connection.with(|t, now| t.reject_auth(attempt, arrived, now)));
        };
        let decision = tokio::select! {
            decision = self.handler.authenticate(request) => decision,
            _ = self.connection.closed() => return,
        };
        self.round = if matches!(decision, AuthDecision::Ask(_)) { self.round + 1 } else { 0 };
        let result = self.connection.with(|transport, now| match decision {
            AuthDecision::Accept => transport.accept_auth(attempt),
            AuthDecision::AcceptPartially(methods) => {
                let names: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
                transport.accept_auth_partially(attempt, &names)
            }
            AuthDecision::Reject => transport.reject_auth(attempt, arrived, now),
            AuthDecision::Ask(prompts) => transport.ask_prompts(attempt, prompts),
            AuthDecision::RequirePasswordChange(prompt) => {
                transport.require_password_change(attempt, &prompt)
            }
        });
        self.answered(result);
    }

    /// An answer that ends the authentication, such as one refusal too many, ends the connection.
    fn answered(&self, result: Result<(), konko_transport::Error>) {
        if let Err(error) = result {
            tracing::debug!(%error, "authentication ends");
            let reason = error.disconnect_reason().unwrap_or(DisconnectReason::BY_APPLICATION);
            self.connection.disconnect(reason, &error.to_string());
        }
    }

    fn serve_event(&mut self, event: Event) {
        match event {
            Event::Authenticated => {
                if let Some(admitted) = &mut self.admitted {
                    admitted.authenticated();
                }
                let user_name = self.connection.with(|t, _| t.user_name().map(str::to_owned));
                self.handler.authenticated(&user_name.unwrap_or_default());
                let announced = self.connection.with(|transport, _| transport.announce_host_keys());
                self.answered(announced);
            }
            Event::OpenRequested(question) => self.open(question),
            _ => {}
        }
    }

    fn open(&mut self, question: OpenQuestion) {
        match question.kind().clone() {
            ChannelKind::Session if self.no_more_sessions => {
                // OpenSSH PROTOCOL 2.2: after "no-more-sessions@openssh.com" the server is to refuse sessions and
                // may take one for an attack.
                self.connection
                    .disconnect(DisconnectReason::PROTOCOL_ERROR, "no more sessions were to be opened");
            }
            ChannelKind::Session => match Arc::clone(&self.sessions).try_acquire_owned() {
                Ok(permit) => {
                    self.tasks.spawn(open_session(
                        self.connection.clone(),
                        Arc::clone(&self.handler),
                        Arc::clone(&self.limits),
                        question,
                        permit,
                    ));
                }
                Err(_) => self.refuse(question, OpenFailureReason::RESOURCE_SHORTAGE, "too many sessions"),
            },
            ChannelKind::DirectTcpip { host, port, originator_address, originator_port } => {
                let target = DirectTcpip::new(host, port, originator_address, originator_port);
                self.open_forward(question, Target::Host(target));
            }
            ChannelKind::DirectStreamlocal { socket_path } => match socket_path::checked(&socket_path) {
                Some(path) => self.open_forward(question, Target::Socket(path)),
                None => self.refuse(question, OpenFailureReason::CONNECT_FAILED, "no such socket"),
            },
            _ => self.refuse(question, OpenFailureReason::UNKNOWN_CHANNEL_TYPE, "unknown channel type"),
        }
    }

    fn open_forward(&mut self, question: OpenQuestion, target: Target) {
        match Arc::clone(&self.connecting).try_acquire_owned() {
            Ok(permit) => {
                self.tasks.spawn(open_forward(
                    self.connection.clone(),
                    Arc::clone(&self.handler),
                    Arc::clone(&self.limits),
                    question,
                    target,
                    permit,
                ));
            }
            Err(_) => {
                self.refuse(question, OpenFailureReason::RESOURCE_SHORTAGE, "too many connections at once");
            }
        }
    }

    fn refuse(&self, question: OpenQuestion, reason: OpenFailureReason, description: &str) {
        self.connection.reject_channel(question, reason, description);
    }

    /// Global requests are served one after the other, so that a cancellation never overtakes its request.
    async fn global_request(&mut self, question: GlobalQuestion) {
        let name = question.request_name().to_owned();
        let body = question.body().clone();
        let (port, proof);
        let reply: Option<&[u8]> = match name.as_str() {
            TcpipForward::NAME => {
                port = self.forward_port(&body).await;
                port.as_deref()
            }
            CancelTcpipForward::NAME => granted(self.cancel_port(&body)),
            StreamlocalForward::NAME => granted(self.forward_socket(&body).await),
            CancelStreamlocalForward::NAME => granted(self.cancel_socket(&body)),
            NoMoreSessions::NAME => {
                self.no_more_sessions = true;
                granted(true)
            }
            HOST_KEYS_PROVE if self.host_key_proofs < MOST_HOST_KEY_PROOFS => {
                self.host_key_proofs += 1;
                proof = self.connection.with(|transport, _| transport.prove_host_keys(&body));
                proof.as_deref()
            }
            Keepalive::NAME => None,
            _ => {
                tracing::debug!(name = %LogText(name.as_bytes()), "a global request that is not known");
                None
            }
        };
        self.connection.answer_global(question, reply);
    }

    /// Forwards a port; returns the body of the reply if it is granted.
    async fn forward_port(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        let request = TcpipForward::decode(body).ok()?;
        let address = std::str::from_utf8(request.address).ok()?;
        let port = u16::try_from(request.port).ok()?;
        let decision = tokio::select! {
            decision = self.handler.tcpip_forward(address, port) => decision,
            _ = self.connection.closed() => return None,
        };
        match self.forwards.add_port(address, port, decision) {
            // RFC 4254 §7.1: "If a client passes 0 as port number to bind and has 'want reply' as TRUE, then the
            // server allocates the next available unprivileged port number and replies with the following message".
            Ok(bound) if port == 0 => Some(TcpipForwardReply { port: u32::from(bound) }.to_vec()),
            Ok(_) => Some(Vec::new()),
            Err(error) => {
                tracing::debug!(%error, address = %LogText(address.as_bytes()), port, "a port is not forwarded");
                None
            }
        }
    }

    fn cancel_port(&mut self, body: &[u8]) -> bool {
        let Ok(request) = CancelTcpipForward::decode(body) else { return false };
        match (std::str::from_utf8(request.address), u16::try_from(request.port)) {
            (Ok(address), Ok(port)) => self.forwards.remove_port(address, port),
            _ => false,
        }
    }

    async fn forward_socket(&mut self, body: &[u8]) -> bool {
        let Ok(request) = StreamlocalForward::decode(body) else { return false };
        let Some(path) = socket_path::checked(request.socket_path) else { return false };
        let decision = tokio::select! {
            decision = self.handler.streamlocal_forward(&path) => decision,
            _ = self.connection.closed() => return false,
        };
        match self.forwards.add_socket(&path, decision) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(%error, path = %LogText(request.socket_path), "a socket is not forwarded");
                false
            }
        }
    }

    fn cancel_socket(&mut self, body: &[u8]) -> bool {
        let Ok(request) = CancelStreamlocalForward::decode(body) else { return false };
        socket_path::checked(request.socket_path).is_some_and(|path| self.forwards.remove_socket(&path))
    }
}

const fn granted(granted: bool) -> Option<&'static [u8]> {
    if granted { Some(&[]) } else { None }
}

async fn open_session(
    connection: Connection<Server>,
    handler: Arc<dyn Handler>,
    limits: Arc<ServerLimits>,
    question: OpenQuestion,
    _place: OwnedSemaphorePermit,
) {
    let session = tokio::select! {
        session = handler.open_session() => session,
        _ = connection.closed() => return,
    };
    match session {
        Some(session) => {
            let channel = connection.accept_channel(question);
            Session::new(connection, channel, session, limits).serve().await;
        }
        None => connection.reject_channel(
            question,
            OpenFailureReason::ADMINISTRATIVELY_PROHIBITED,
            "sessions are not allowed",
        ),
    }
}

/// Where a client wants to be connected to.
enum Target {
    Host(DirectTcpip),
    Socket(std::path::PathBuf),
}

async fn open_forward(
    connection: Connection<Server>,
    handler: Arc<dyn Handler>,
    limits: Arc<ServerLimits>,
    question: OpenQuestion,
    target: Target,
    place: OwnedSemaphorePermit,
) {
    let opened = tokio::select! {
        opened = open_target(&*handler, &limits, &target) => opened,
        _ = connection.closed() => return,
    };
    match opened {
        Ok(Some(stream)) => {
            let channel = connection.accept_channel(question);
            drop((place, connection));
            splice(channel, stream).await;
        }
        Ok(None) => connection.reject_channel(
            question,
            OpenFailureReason::ADMINISTRATIVELY_PROHIBITED,
            "forwarding is not allowed",
        ),
        Err(error) => {
            tracing::debug!(%error, "a connection on a client's behalf failed");
            connection.reject_channel(question, OpenFailureReason::CONNECT_FAILED, &error.kind().to_string());
        }
    }
}

/// Asks the handler, and connects if it says so. `None`: it does not allow it.
async fn open_target(
    handler: &dyn Handler,
    limits: &ServerLimits,
    target: &Target,
) -> io::Result<Option<Box<dyn ForwardStream>>> {
    let decision = match target {
        Target::Host(target) => handler.direct_tcpip(target).await,
        Target::Socket(path) => handler.direct_streamlocal(path).await,
    };
    Ok(match decision {
        ForwardDecision::Refuse => None,
        ForwardDecision::Stream(stream) => Some(stream),
        ForwardDecision::Connect => Some(connect_to(target, limits).await?),
    })
}

async fn connect_to(target: &Target, limits: &ServerLimits) -> io::Result<Box<dyn ForwardStream>> {
    Ok(match target {
        Target::Host(target) => Box::new(connect(&target.host, target.port, limits.connect_timeout).await?),
        Target::Socket(path) => Box::new(connect_socket(path, limits).await?),
    })
}

async fn connect_socket(path: &Path, limits: &ServerLimits) -> io::Result<UnixStream> {
    within(limits.connect_timeout, UnixStream::connect(path)).await
}
