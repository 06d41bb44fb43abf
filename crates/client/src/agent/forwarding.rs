//! Agent forwarding, the client's side: the channels that the server opens to the user's agent, once that was asked
//! for. Every channel has a connection to the agent of its own.

use crate::agent::relay;
use crate::agent::source::AgentSource;
use konko_agent::SessionBind;
use konko_tokio::{Channel, Connection};
use konko_transport::channel::OpenQuestion;
use konko_transport::wire::message::channel::AuthAgentReq;
use konko_transport::wire::number::OpenFailureReason;
use konko_transport::{Client, Transport};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most channels to the agent at once.
const MAXIMUM_CHANNELS: usize = 64;

/// Whether the agent of a connection is forwarded, and which.
#[derive(Debug)]
pub(crate) struct AgentForwarding {
    source: Mutex<Option<AgentSource>>,
    places: Arc<Semaphore>,
    granted: AtomicBool,
}

impl Default for AgentForwarding {
    fn default() -> Self {
        let places = Arc::new(Semaphore::new(MAXIMUM_CHANNELS));
        Self { source: Mutex::default(), places, granted: AtomicBool::new(false) }
    }
}

impl AgentForwarding {
    /// From now on the server may open channels to this agent. It stays allowed until the connection ends, because
    /// a channel does not tell which session it is for.
    pub(crate) fn allow(&self, source: AgentSource) {
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = Some(source);
    }

    /// The server has granted the request of a session.
    pub(crate) fn grant(&self) {
        self.granted.store(true, Ordering::Release);
    }

    /// Whether the server has granted it before. OpenSSH's server forwards an agent for the whole connection, and
    /// refuses a second request.
    pub(crate) fn is_granted(&self) -> bool {
        self.granted.load(Ordering::Acquire)
    }

    /// The server wants to open a channel to the agent: which, and a place for the channel, or why not.
    pub(crate) fn claim(&self) -> Result<(AgentSource, OwnedSemaphorePermit), Refusal> {
        let source = self.source.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(source) = source else {
            tracing::warn!("the server wants to use the agent, which was not asked for");
            return Err((OpenFailureReason::ADMINISTRATIVELY_PROHIBITED, "not asked for"));
        };
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => Ok((source, place)),
            Err(_) => Err((OpenFailureReason::RESOURCE_SHORTAGE, "too many channels to the agent")),
        }
    }

    /// The server wants to open a channel to the agent. The future serves it; `None` if it was refused.
    pub(crate) fn open(
        &self,
        question: OpenQuestion,
        connection: &Connection<Client>,
    ) -> Option<impl Future<Output = ()> + Send + 'static> {
        let (source, place) = match self.claim() {
            Ok(claimed) => claimed,
            Err((reason, description)) => {
                connection.reject_channel(question, reason, description);
                return None;
            }
        };
        let bind = connection.with(|transport, _| forwarding_bind(transport));
        Some(serve(question, connection.clone(), source, bind, place))
    }
}

/// What a server says that knows agent forwarding under the names of RFC 9987 (RFC 8308's extension list).
const AGENT_FORWARD: &str = "agent-forward";
/// The request's name there.
const AGENT_REQ: &str = "agent-req";

/// The name of the request for agent forwarding: that of RFC 9987 where the server says that it knows it.
pub(crate) fn request_name(transport: &Transport<Client>) -> &'static str {
    let extensions = transport.peer_extensions();
    let knows =
        extensions.is_some_and(|extensions| extensions.names.iter().any(|name| name == AGENT_FORWARD));
    if knows { AGENT_REQ } else { AuthAgentReq::NAME }
}

/// Why a channel to the agent is not opened.
pub(crate) type Refusal = (OpenFailureReason, &'static str);

/// What proves to an agent to which server it is forwarded. `None` before the first key exchange.
pub(crate) fn forwarding_bind(transport: &Transport<Client>) -> Option<SessionBind> {
    Some(SessionBind {
        host_key: transport.first_host_key()?.to_vec(),
        session_id: transport.session_id()?.to_vec(),
        signature: transport.first_host_signature()?.to_vec(),
        is_forwarding: true,
    })
}

async fn serve(
    question: OpenQuestion,
    connection: Connection<Client>,
    source: AgentSource,
    bind: Option<SessionBind>,
    _place: OwnedSemaphorePermit,
) {
    let connected = async {
        let mut agent = source.open().await?;
        if let Some(bind) = &bind {
            relay::bind(&mut agent, bind).await?;
        }
        Ok::<_, crate::agent::error::Error>(agent)
    };
    let agent = match connected.await {
        Ok(agent) => agent,
        Err(error) => {
            tracing::warn!(%error, "the agent cannot be forwarded");
            return connection.reject_channel(question, OpenFailureReason::CONNECT_FAILED, "no agent");
        }
    };
    let channel = connection.accept_channel(question);
    // The channel alone does not keep the connection open.
    drop(connection);
    channel.discard_stderr();
    tokio::select! {
        relayed = relay::relay((channel.reader(), channel.writer()), agent) => {
            if let Err(error) = relayed {
                tracing::debug!(%error, "a channel to the agent has ended");
            }
        }
        () = refuse_requests(&channel) => {}
    }
    channel.close();
}

/// Returns when the channel has closed.
async fn refuse_requests(channel: &Channel) {
    use konko_transport::channel::ChannelEvent;
    loop {
        match channel.next_event().await {
            Some(ChannelEvent::Request(question)) => channel.answer(question, false),
            Some(ChannelEvent::Closed) | None => return,
            Some(_) => {}
        }
    }
}
