//! Keys that an agent holds, for signatures and certificates.

use crate::keygen::error::KeygenError;
use konko::client::agent::AgentConnection;
use konko::keys::error::SignError;
use konko::keys::identity::Identity;
use konko::keys::public_key::PublicKey;
use konko::keys::signature_algorithm::SignatureAlgorithm;
use konko::keys::signer::Signer;
use tokio::runtime::{Builder, Runtime};

/// A key in the agent that the environment names.
pub struct AgentSigner {
    public_key: PublicKey,
    /// What the agent calls the key: its blob, or that of its certificate.
    blob: Vec<u8>,
    connection: AgentConnection,
    runtime: Runtime,
}

impl AgentSigner {
    /// The holder of this key or certificate, if there is an agent and it has it.
    ///
    /// # Errors
    ///
    /// If there is an agent that does not answer.
    pub fn find(identity: &Identity) -> Result<Option<Self>, KeygenError> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let Ok(connection) = runtime.block_on(AgentConnection::connect_env()) else { return Ok(None) };
        let listed = runtime
            .block_on(connection.identities())
            .map_err(|error| KeygenError::Other(format!("the agent: {error}")))?;
        let has = |blob: &[u8]| listed.iter().any(|listed| listed.blob == blob);
        // An agent with the bare key signs for its certificates, too.
        let blob = [identity.blob(), identity.public_key().blob()].into_iter().find(|blob| has(blob));
        let Some(blob) = blob.map(<[u8]>::to_vec) else { return Ok(None) };
        Ok(Some(Self { public_key: identity.public_key().clone(), blob, connection, runtime }))
    }
}

impl Signer for AgentSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, algorithm: &SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.runtime
            .block_on(self.connection.sign(&self.blob, message, algorithm.name))
            .map_err(|error| SignError::External { reason: error.to_string() })
    }
}
