//! Keys whose private half is somewhere else: in a piece of hardware, at a service, in an agent.

use crate::boxed_future::BoxedFuture;
use konko_transport::keys::identity::Identity;
use konko_transport::keys::private_key::PrivateKey;
pub use konko_transport::keys::signer::SignatureRequest;
use std::sync::Arc;
use std::time::Duration;

/// Why somebody gave no signature, or no list of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// It does not want to, or the user did not.
    #[error("the signature was refused")]
    Refused,
    /// It cannot; in words.
    #[error("{0}")]
    Failed(String),
}

/// One key that signs somewhere else. It may take its time: the server's deadlines do not run while it signs.
pub trait Signer: Send + Sync {
    /// The public half, or a certificate for it. Always the same.
    fn identity(&self) -> Identity;

    /// Signs [`message`](SignatureRequest::message) under [`algorithm`](SignatureRequest::algorithm), and gives the
    /// whole signature blob (`string algorithm ‖ string value`, RFC 4253 §6.6).
    ///
    /// # Errors
    ///
    /// [`SignerError`]; the next credential is tried then.
    fn sign(&self, request: SignatureRequest) -> BoxedFuture<'_, Result<Vec<u8>, SignerError>>;

    /// Where the key is, in words for reports: `the HSM in slot 3`.
    fn origin(&self) -> String {
        "a signer of the application".to_owned()
    }
}

/// A key of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentIdentity {
    /// The public half, or a certificate for it, as the agent lists it.
    pub identity: Identity,
    /// What the agent says of it; escape it before showing it.
    pub comment: String,
}

/// What proves to an agent on which connection its signatures will be used (`session-bind@openssh.com`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentBinding {
    /// The host key of the first key exchange, as it was sent.
    pub host_key: Vec<u8>,
    /// The identifier of the connection.
    pub session_id: Vec<u8>,
    /// The signature of the identifier by the host key: that of the first key exchange.
    pub signature: Vec<u8>,
}

/// A key that an agent is given to hold.
#[derive(Debug, Clone)]
pub struct AddedKey {
    /// Both halves.
    pub key: Arc<PrivateKey>,
    /// What the agent is to say of it.
    pub comment: String,
    /// For how long; for ever if there is none.
    pub lifetime: Option<Duration>,
    /// Whether the agent is to ask its user before every signature.
    pub confirm: bool,
}

/// Somebody who holds several keys and signs with them (RFC 9987).
pub trait KeyAgent: Send + Sync {
    /// The keys that are known here, in the agent's order. Those of unknown types are left out.
    ///
    /// # Errors
    ///
    /// [`SignerError`]; the login goes on without the agent.
    fn identities(&self) -> BoxedFuture<'_, Result<Vec<AgentIdentity>, SignerError>>;

    /// The keys that may be used on the connection of this identifier, which it was [bound](Self::bind) to. By default
    /// all of them.
    ///
    /// # Errors
    ///
    /// As [`identities`](Self::identities).
    fn identities_for<'a>(
        &'a self,
        session_id: &'a [u8],
    ) -> BoxedFuture<'a, Result<Vec<AgentIdentity>, SignerError>> {
        let _ = session_id;
        self.identities()
    }

    /// Signs with the key whose [`identity`](SignatureRequest::identity) it listed; see [`Signer::sign`].
    ///
    /// # Errors
    ///
    /// [`SignerError`]; the next credential is tried then.
    fn sign(&self, request: SignatureRequest) -> BoxedFuture<'_, Result<Vec<u8>, SignerError>>;

    /// Tells the agent for which connection it is going to sign, before it does. By default nothing is told: an
    /// agent that knows no bindings answers all the same.
    ///
    /// # Errors
    ///
    /// [`SignerError`]; the login goes on, and the agent refuses what it does not sign unbound.
    fn bind(&self, binding: AgentBinding) -> BoxedFuture<'_, Result<(), SignerError>> {
        let _ = binding;
        Box::pin(async { Ok(()) })
    }

    /// Gives the agent a key to hold. By default it is given none.
    ///
    /// # Errors
    ///
    /// [`SignerError`]; a login goes on without it.
    fn add(&self, key: AddedKey) -> BoxedFuture<'_, Result<(), SignerError>> {
        let _ = key;
        Box::pin(async { Err(SignerError::Failed("this agent is given no keys".to_owned())) })
    }

    /// Which agent it is, in words for reports: `the agent at /run/user/1000/agent`.
    fn origin(&self) -> String {
        "the agent".to_owned()
    }
}
