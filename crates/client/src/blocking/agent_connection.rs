//! A connection to an agent for programs without a runtime: every call waits.

use crate::agent::connection::{self, AgentConnection as Connection};
use crate::agent::error::Error;
use crate::blocking::block_on::block_on;
use konko_agent::{AddIdentity, AgentIdentity, Constraint, SessionBind};
use std::path::Path;
use std::time::Duration;

/// A connection to an agent. Cheap to clone; any thread may use it; it costs one thread.
#[derive(Debug, Clone)]
pub struct AgentConnection(Connection);

impl AgentConnection {
    /// Connects to the agent that the environment names.
    ///
    /// # Errors
    ///
    /// As [`connect_env`](Connection::connect_env) of the connection that does not wait; so everywhere here.
    pub fn connect_env() -> Result<Self, Error> {
        block_on(Connection::connect_env()).map(Self)
    }

    /// Connects to an agent, which may take five minutes to answer.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`].
    pub fn connect(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::connect_with(path, Some(connection::DEFAULT_REPLY_TIMEOUT))
    }

    /// As [`connect`](Self::connect), with another time that the agent may take to answer.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`].
    pub fn connect_with(path: impl AsRef<Path>, reply_timeout: Option<Duration>) -> Result<Self, Error> {
        block_on(Connection::connect_with(path, reply_timeout)).map(Self)
    }

    /// The keys that the agent holds.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn identities(&self) -> Result<Vec<AgentIdentity>, Error> {
        block_on(self.0.identities())
    }

    /// Signs; gives the whole signature blob.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn sign(&self, key_blob: &[u8], data: &[u8], algorithm: &str) -> Result<Vec<u8>, Error> {
        block_on(self.0.sign(key_blob, data, algorithm))
    }

    /// Gives a key to the agent.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn add(&self, identity: &AddIdentity) -> Result<(), Error> {
        block_on(self.0.add(identity))
    }

    /// Makes the agent forget one key.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn remove(&self, key_blob: &[u8]) -> Result<(), Error> {
        block_on(self.0.remove(key_blob))
    }

    /// Makes the agent forget all keys.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn remove_all(&self) -> Result<(), Error> {
        block_on(self.0.remove_all())
    }

    /// Makes the agent use no key until it is unlocked.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn lock(&self, passphrase: &[u8]) -> Result<(), Error> {
        block_on(self.0.lock(passphrase))
    }

    /// Lifts that again.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn unlock(&self, passphrase: &[u8]) -> Result<(), Error> {
        block_on(self.0.unlock(passphrase))
    }

    /// Gives the keys of a smartcard to the agent.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn add_smartcard(&self, id: &[u8], pin: &[u8], constraints: &[Constraint]) -> Result<(), Error> {
        block_on(self.0.add_smartcard(id, pin, constraints))
    }

    /// Makes the agent forget the keys of a smartcard.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn remove_smartcard(&self, id: &[u8], pin: &[u8]) -> Result<(), Error> {
        block_on(self.0.remove_smartcard(id, pin))
    }

    /// The names of the extensions that the agent knows.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn extensions(&self) -> Result<Vec<String>, Error> {
        block_on(self.0.extensions())
    }

    /// Uses an extension; gives what it answers.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn extension(&self, name: &str, contents: &[u8]) -> Result<Vec<u8>, Error> {
        block_on(self.0.extension(name, contents))
    }

    /// Tells the agent which SSH connection its signatures over this one are for.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn bind(&self, bind: &SessionBind) -> Result<(), Error> {
        block_on(self.0.bind(bind))
    }
}
