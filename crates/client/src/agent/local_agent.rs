//! An agent in this process: a keyring that any number of streams are served from.

use crate::agent::connection::AgentConnection;
use crate::agent::error::Error;
use crate::boxed_future::BoxedFuture;
use konko_agent::sansio::Machine;
use konko_agent::{AddError, AddIdentity, Agent, Handled, Keyring, KeyringConfig, Moment, SignQuestion};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

/// How much is read at a time, in bytes.
const PIECE: usize = 16 * 1024;

/// Who is asked whether a key may be used.
pub trait SignConfirmer: Send + Sync {
    /// Whether this may be signed. The future is dropped when the client goes away.
    fn confirm(&self, question: SignQuestion) -> BoxedFuture<'_, bool>;
}

/// An agent in this process. Cheap to clone: clones share the keys.
#[derive(Clone)]
pub struct LocalAgent {
    shared: Arc<Shared>,
}

struct Shared {
    keyring: Mutex<Keyring>,
    confirmer: Option<Arc<dyn SignConfirmer>>,
    /// The keys have changed, and so perhaps has the time of the next expiry.
    changed: Notify,
}

impl LocalAgent {
    /// Without keys, and without anybody to ask: keys that want every use confirmed are refused, whatever
    /// [`can_confirm`](KeyringConfig::can_confirm) says.
    pub fn new(config: KeyringConfig) -> Self {
        Self::build(KeyringConfig { can_confirm: false, ..config }, None)
    }

    /// Without keys; `confirmer` is asked where a key or the configuration wants it.
    pub fn with_confirmer(config: KeyringConfig, confirmer: Arc<dyn SignConfirmer>) -> Self {
        Self::build(KeyringConfig { can_confirm: true, ..config }, Some(confirmer))
    }

    fn build(config: KeyringConfig, confirmer: Option<Arc<dyn SignConfirmer>>) -> Self {
        let keyring = Mutex::new(Keyring::new(config));
        Self { shared: Arc::new(Shared { keyring, confirmer, changed: Notify::new() }) }
    }

    /// Takes a key.
    ///
    /// # Errors
    ///
    /// As [`Keyring::add`].
    pub fn add(&self, identity: AddIdentity) -> Result<(), AddError> {
        let added = self.lock().add(identity, Instant::now());
        self.shared.changed.notify_one();
        added
    }

    /// Looks at the keys, or changes them.
    pub fn with<T>(&self, look: impl FnOnce(&mut Keyring) -> T) -> T {
        let result = look(&mut self.lock());
        self.shared.changed.notify_one();
        result
    }

    fn lock(&self) -> MutexGuard<'_, Keyring> {
        self.shared.keyring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection to this agent within the process. It needs a tokio runtime.
    pub fn connect(&self) -> AgentConnection {
        let (ours, theirs) = tokio::io::duplex(PIECE);
        let agent = self.clone();
        tokio::spawn(async move {
            if let Err(error) = agent.serve_stream(theirs).await {
                tracing::debug!(%error, "a connection within the process has ended");
            }
        });
        AgentConnection::over(ours, None)
    }

    /// Serves one client until it goes away.
    ///
    /// # Errors
    ///
    /// [`Error::Agent`] if the client broke the protocol, [`Error::Local`] if the stream is lost.
    pub async fn serve_stream(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin,
    ) -> Result<(), Error> {
        let lost = |error| Error::Local { what: "the connection to a client of the agent is lost", error };
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut agent = Agent::new();
        loop {
            let served = agent.serve(moment(), &mut self.lock());
            self.shared.changed.notify_one();
            while let Some(Handled { request, succeeded }) = agent.poll_handled() {
                let request = request.unwrap_or("a message that is no request");
                tracing::debug!(request, succeeded, "answered");
            }
            if let Err(error) = served {
                writer.write_all(agent.output()).await.map_err(lost)?;
                return Err(error.into());
            }
            if agent.is_finished() {
                return Ok(());
            }
            let due = agent.poll_timeout();
            let question = agent.question().cloned();
            let output = agent.output().get(..PIECE).unwrap_or(agent.output()).to_vec();
            let wants_input = !agent.input_buf().is_empty();
            tokio::select! {
                read = receive(&mut reader, &mut agent), if wants_input => read.map_err(lost)?,
                written = writer.write(&output), if !output.is_empty() => {
                    agent.consume_output(written.map_err(lost)?);
                }
                allowed = self.confirm(question.as_ref()), if question.is_some() => agent.answer(allowed),
                () = sleep_until(due), if due.is_some() => {}
            }
        }
    }

    async fn confirm(&self, question: Option<&SignQuestion>) -> bool {
        match (&self.shared.confirmer, question) {
            (Some(confirmer), Some(question)) => confirmer.confirm(question.clone()).await,
            _ => false,
        }
    }

    /// Forgets keys at the time that they are given. It never ends; whoever serves a listener runs it beside.
    #[cfg(unix)]
    pub(crate) async fn expire(&self) {
        loop {
            let due = {
                let mut keyring = self.lock();
                keyring.expire(Instant::now());
                keyring.next_expiry()
            };
            tokio::select! {
                () = self.shared.changed.notified() => {}
                () = sleep_until(due), if due.is_some() => {}
            }
        }
    }
}

impl std::fmt::Debug for LocalAgent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LocalAgent").field(&*self.lock()).finish()
    }
}

/// Reads straight into the agent's own memory, which is wiped: requests may hold private keys.
async fn receive(reader: &mut (impl AsyncRead + Unpin), agent: &mut Agent) -> std::io::Result<()> {
    let read = reader.read(agent.input_buf()).await?;
    let now = Instant::now();
    let taken = if read == 0 { agent.handle_eof(now) } else { agent.handle_input(now, read) };
    taken.map_err(std::io::Error::other)
}

fn moment() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { instant: Instant::now(), unix_seconds: since.as_secs() }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
