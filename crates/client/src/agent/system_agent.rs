//! An agent as a credential: for every login it has a connection of its own, bound to that login's session, as
//! destination constraints demand.

use crate::agent::connection::AgentConnection;
use crate::agent::error::Error;
use crate::agent::source::AgentSource;
use crate::boxed_future::BoxedFuture;
use crate::signer::{AddedKey, AgentBinding, AgentIdentity, KeyAgent, SignatureRequest, SignerError};
use konko_agent::{AddIdentity, AgentError, AgentKey, Constraint, SessionBind};
use konko_transport::wire::decode::Reader;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many logins may be under way at once, each with its own connection; the oldest connection is closed for another.
const MAXIMUM_BOUND: usize = 16;

/// An agent that keys are taken from to log in.
///
/// It is connected to when it is first asked. One that is not there is no error of the login: it has no keys then, and
/// the report says why.
#[derive(Debug, Default)]
pub struct SystemAgent {
    source: AgentSource,
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
struct Connections {
    /// For what belongs to no session.
    unbound: Option<AgentConnection>,
    bound: VecDeque<(Vec<u8>, AgentConnection)>,
}

impl SystemAgent {
    /// The agent of this source.
    pub fn new(source: AgentSource) -> Self {
        Self { source, connections: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn unbound(&self) -> Result<AgentConnection, Error> {
        if let Some(connection) = self.lock().unbound.clone() {
            return Ok(connection);
        }
        let connection = self.source.connect().await?;
        Ok(self.lock().unbound.insert(connection).clone())
    }

    /// The keys the agent holds, as it lists them.
    async fn list(&self) -> Result<Vec<konko_agent::AgentIdentity>, Error> {
        match self.unbound().await?.identities().await {
            // An agent may have been started anew since it was last asked.
            Err(Error::Agent(AgentError::Closed)) => {
                self.lock().unbound = None;
                self.unbound().await?.identities().await
            }
            listed => listed,
        }
    }

    /// The connection that was bound to the session of what is to be signed, which begins with its identifier
    /// (RFC 4252 §7).
    async fn for_message(&self, message: &[u8]) -> Result<AgentConnection, Error> {
        match self.bound_to(Reader::new(message).read_string().unwrap_or_default()) {
            Some(connection) => Ok(connection),
            None => self.unbound().await,
        }
    }

    fn bound_to(&self, session_id: &[u8]) -> Option<AgentConnection> {
        let connections = self.lock();
        connections
            .bound
            .iter()
            .find(|(bound, _)| bound == session_id)
            .map(|(_, connection)| connection.clone())
    }
}

fn failed(error: Error) -> SignerError {
    match error {
        Error::Agent(AgentError::Refused { .. }) => SignerError::Refused,
        error => SignerError::Failed(error.to_string()),
    }
}

/// Those of known types.
fn known(listed: Vec<konko_agent::AgentIdentity>) -> Vec<AgentIdentity> {
    let known = listed.into_iter().filter_map(|listed| match listed.decode() {
        Ok(identity) => Some(AgentIdentity { identity, comment: listed.comment }),
        Err(error) => {
            tracing::debug!(%error, "a key of the agent is passed over");
            None
        }
    });
    known.collect()
}

impl KeyAgent for SystemAgent {
    fn identities(&self) -> BoxedFuture<'_, Result<Vec<AgentIdentity>, SignerError>> {
        Box::pin(async { Ok(known(self.list().await.map_err(failed)?)) })
    }

    /// Over a connection that is bound, an agent leaves out the keys whose destinations do not fit: they are not worth an
    /// attempt.
    fn identities_for<'a>(
        &'a self,
        session_id: &'a [u8],
    ) -> BoxedFuture<'a, Result<Vec<AgentIdentity>, SignerError>> {
        Box::pin(async move {
            match self.bound_to(session_id) {
                Some(connection) => Ok(known(connection.identities().await.map_err(failed)?)),
                None => self.identities().await,
            }
        })
    }

    fn sign(&self, request: SignatureRequest) -> BoxedFuture<'_, Result<Vec<u8>, SignerError>> {
        Box::pin(async move {
            let connection = self.for_message(&request.message).await.map_err(failed)?;
            let SignatureRequest { identity, algorithm, message } = request;
            connection.sign(identity.blob(), &message, algorithm.name).await.map_err(failed)
        })
    }

    fn bind(&self, binding: AgentBinding) -> BoxedFuture<'_, Result<(), SignerError>> {
        Box::pin(async move {
            let AgentBinding { host_key, session_id, signature } = binding;
            let connection = self.source.connect().await.map_err(failed)?;
            let bind =
                SessionBind { host_key, session_id: session_id.clone(), signature, is_forwarding: false };
            let bound = connection.bind(&bind).await;
            let mut connections = self.lock();
            if connections.bound.len() == MAXIMUM_BOUND {
                connections.bound.pop_front();
            }
            connections.bound.push_back((session_id, connection));
            drop(connections);
            bound.map_err(failed)
        })
    }

    fn add(&self, added: AddedKey) -> BoxedFuture<'_, Result<(), SignerError>> {
        Box::pin(async move {
            let AddedKey { key, comment, lifetime, confirm } = added;
            let mut identity = AddIdentity::new(AgentKey::new((*key).clone()), &comment);
            if let Some(lifetime) = lifetime {
                let seconds = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX).max(1);
                identity.constraints.push(Constraint::Lifetime { seconds });
            }
            if confirm {
                identity.constraints.push(Constraint::Confirm);
            }
            self.unbound().await.map_err(failed)?.add(&identity).await.map_err(failed)
        })
    }

    fn origin(&self) -> String {
        self.source.to_string()
    }
}
