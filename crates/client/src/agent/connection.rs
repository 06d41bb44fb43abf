//! A connection to an agent that any number of tasks and threads share.
//!
//! The futures of this module need no runtime: the connection is driven by a task of the runtime it was made in, or
//! where there is none, by a thread of its own.

use crate::agent::error::Error;
use crate::agent::location::{self, AgentStream, environment_agents};
use konko_agent::sansio::Machine;
use konko_agent::ticket::Answer;
use konko_agent::{
    AddIdentity, AgentClient, AgentError, AgentIdentity, Constraint, Done, ExtensionAnswer, SessionBind,
    Signature, Ticket, extension_names,
};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// How long an agent may take to answer unless said otherwise: its user may have to be asked first.
pub const DEFAULT_REPLY_TIMEOUT: Duration = Duration::from_secs(300);

/// How much is read at a time, in bytes.
const PIECE: usize = 16 * 1024;

/// A connection to an agent. Cheap to clone; it is closed when the last clone is dropped. Several requests may be on
/// the way at once.
#[derive(Debug, Clone)]
pub struct AgentConnection {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.abandoned.store(true, Ordering::Release);
        self.0.wanted.notify_one();
    }
}

#[derive(Debug)]
struct Shared {
    machine: Mutex<AgentClient>,
    /// An answer has come, or the end.
    answered: Notify,
    /// There is something to send, or nobody is left.
    wanted: Notify,
    abandoned: AtomicBool,
    timed_out: AtomicBool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, AgentClient> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AgentConnection {
    /// Connects to the agent that the environment names; see [`environment_agents`].
    ///
    /// # Errors
    ///
    /// [`Error::NoAgent`], or the [`Error::Connect`] of the first choice.
    pub async fn connect_env() -> Result<Self, Error> {
        let mut first = None;
        for path in environment_agents()? {
            match Self::connect(&path).await {
                Ok(connection) => return Ok(connection),
                Err(error) => drop(first.get_or_insert(error)),
            }
        }
        Err(first.unwrap_or(Error::NoAgent))
    }

    /// Connects to an agent: to its socket, on Windows to its pipe.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`].
    pub async fn connect(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::connect_with(path, Some(DEFAULT_REPLY_TIMEOUT)).await
    }

    /// As [`connect`](Self::connect), with another time that the agent may take to answer; without one, for ever.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`].
    pub async fn connect_with(
        path: impl AsRef<Path>,
        reply_timeout: Option<Duration>,
    ) -> Result<Self, Error> {
        if tokio::runtime::Handle::try_current().is_ok() {
            return Ok(Self::over(location::connect(path.as_ref()).await?, reply_timeout));
        }
        Self::connect_on_thread(path.as_ref(), reply_timeout).await
    }

    /// Speaks the agent protocol over a stream that is there already. It needs a tokio runtime with I/O and time.
    pub fn over(
        stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
        reply_timeout: Option<Duration>,
    ) -> Self {
        let (connection, shared) = Self::new();
        tokio::spawn(drive(Box::new(stream), shared, reply_timeout));
        connection
    }

    fn new() -> (Self, Arc<Shared>) {
        let shared = Arc::new(Shared {
            machine: Mutex::new(AgentClient::new()),
            answered: Notify::new(),
            wanted: Notify::new(),
            abandoned: AtomicBool::new(false),
            timed_out: AtomicBool::new(false),
        });
        (Self { handle: Arc::new(Handle(Arc::clone(&shared))) }, shared)
    }

    /// Where there is no runtime: a thread that has one and ends with the connection.
    async fn connect_on_thread(path: &Path, reply_timeout: Option<Duration>) -> Result<Self, Error> {
        let (connection, shared) = Self::new();
        let (sender, connected) = tokio::sync::oneshot::channel();
        let path = path.to_owned();
        let work = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    let error = Error::Local { what: "cannot serve the connection to the agent", error };
                    return drop(sender.send(Err(error)));
                }
            };
            runtime.block_on(async {
                match location::connect(&path).await {
                    Ok(stream) => {
                        if sender.send(Ok(())).is_ok() {
                            drive(stream, shared, reply_timeout).await;
                        }
                    }
                    Err(error) => drop(sender.send(Err(error))),
                }
            });
        };
        std::thread::Builder::new()
            .name("konko-agent-client".to_owned())
            .spawn(work)
            .map_err(|error| Error::Local { what: "cannot start a thread", error })?;
        connected.await.unwrap_or(Err(Error::Agent(AgentError::Closed)))?;
        Ok(connection)
    }

    /// The keys that the agent holds, in its order, whatever types they are of.
    ///
    /// # Errors
    ///
    /// [`Error`], here as everywhere.
    pub async fn identities(&self) -> Result<Vec<AgentIdentity>, Error> {
        self.ask(AgentClient::identities).await
    }

    /// Signs `data` with the key of the blob, as it stood in the list, under the algorithm of that name; see
    /// [`AgentClient::sign`]. Gives the whole signature blob.
    ///
    /// # Errors
    ///
    /// [`AgentError::Refused`] where the agent or its user does not want to.
    pub async fn sign(&self, key_blob: &[u8], data: &[u8], algorithm: &str) -> Result<Vec<u8>, Error> {
        let Signature(signature) = self.ask(|client| client.sign(key_blob, data, algorithm)).await?;
        Ok(signature)
    }

    /// Gives a key to the agent.
    ///
    /// # Errors
    ///
    /// [`AgentError::Refused`] where the agent does not know the type of the key or a constraint.
    pub async fn add(&self, identity: &AddIdentity) -> Result<(), Error> {
        self.ask(|client| client.add(identity)).await.map(|Done| ())
    }

    /// Makes the agent forget one key.
    ///
    /// # Errors
    ///
    /// [`AgentError::Refused`] where it does not hold it.
    pub async fn remove(&self, key_blob: &[u8]) -> Result<(), Error> {
        self.ask(|client| client.remove(key_blob)).await.map(|Done| ())
    }

    /// Makes the agent forget all keys.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn remove_all(&self) -> Result<(), Error> {
        self.ask(AgentClient::remove_all).await.map(|Done| ())
    }

    /// Makes the agent use no key until it is unlocked.
    ///
    /// # Errors
    ///
    /// [`AgentError::Refused`] where it is locked already.
    pub async fn lock(&self, passphrase: &[u8]) -> Result<(), Error> {
        self.ask(|client| client.lock(passphrase)).await.map(|Done| ())
    }

    /// Lifts that again.
    ///
    /// # Errors
    ///
    /// [`AgentError::Refused`] for a wrong passphrase, after a while.
    pub async fn unlock(&self, passphrase: &[u8]) -> Result<(), Error> {
        self.ask(|client| client.unlock(passphrase)).await.map(|Done| ())
    }

    /// Gives the keys of a smartcard to the agent: of a reader, or of a PKCS#11 library.
    ///
    /// # Errors
    ///
    /// [`AgentError::Refused`].
    pub async fn add_smartcard(
        &self,
        id: &[u8],
        pin: &[u8],
        constraints: &[Constraint],
    ) -> Result<(), Error> {
        self.ask(|client| client.add_smartcard(id, pin, constraints)).await.map(|Done| ())
    }

    /// Makes the agent forget the keys of a smartcard.
    ///
    /// # Errors
    ///
    /// [`AgentError::Refused`].
    pub async fn remove_smartcard(&self, id: &[u8], pin: &[u8]) -> Result<(), Error> {
        self.ask(|client| client.remove_smartcard(id, pin)).await.map(|Done| ())
    }

    /// The names of the extensions that the agent knows.
    ///
    /// # Errors
    ///
    /// [`AgentError::Refused`] where it does not know the extension that asks for them.
    pub async fn extensions(&self) -> Result<Vec<String>, Error> {
        Ok(extension_names(&self.ask(AgentClient::query).await?)?)
    }

    /// Uses an extension; gives what it answers.
    ///
    /// # Errors
    ///
    /// [`AgentError::Refused`] where the agent does not know it, [`AgentError::ExtensionFailed`].
    pub async fn extension(&self, name: &str, contents: &[u8]) -> Result<Vec<u8>, Error> {
        let ExtensionAnswer(answer) = self.ask(|client| client.extension(name, contents)).await?;
        Ok(answer)
    }

    /// Tells the agent which SSH connection its signatures over this one are for.
    ///
    /// # Errors
    ///
    /// [`AgentError::Refused`] where it knows no bindings; [`AgentError::ExtensionFailed`] where it does not believe
    /// this one.
    pub async fn bind(&self, bind: &SessionBind) -> Result<(), Error> {
        self.ask(|client| client.bind(bind)).await.map(drop)
    }

    async fn ask<T: Answer>(
        &self,
        ask: impl FnOnce(&mut AgentClient) -> Result<Ticket<T>, AgentError>,
    ) -> Result<T, Error> {
        let shared = &self.handle.0;
        let ticket = ask(&mut shared.lock())?;
        let waiting = Waiting { shared, ticket };
        shared.wanted.notify_one();
        loop {
            let answered = shared.answered.notified();
            tokio::pin!(answered);
            answered.as_mut().enable();
            if let Some(answer) = waiting.shared.lock().take(&waiting.ticket) {
                let timed_out = shared.timed_out.load(Ordering::Acquire);
                return match answer {
                    Err(AgentError::Closed) if timed_out => Err(Error::TimedOut),
                    answer => Ok(answer?),
                };
            }
            answered.await;
        }
    }
}

/// A request whose answer is forgotten if nobody waits for it any more.
struct Waiting<'a, T> {
    shared: &'a Shared,
    ticket: Ticket<T>,
}

impl<T> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        self.shared.lock().forget(&self.ticket);
    }
}

/// Carries bytes until nobody is left, or the agent has ended.
async fn drive(mut stream: Box<dyn AgentStream>, shared: Arc<Shared>, reply_timeout: Option<Duration>) {
    if let Err(error) = carry(&mut stream, &shared, reply_timeout).await {
        tracing::debug!(%error, "the connection to the agent has ended");
    }
    shared.lock().close();
    shared.answered.notify_waiters();
}

async fn carry(
    stream: &mut Box<dyn AgentStream>,
    shared: &Shared,
    reply_timeout: Option<Duration>,
) -> Result<(), Error> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut piece = vec![0; PIECE];
    let lost = |error| Error::Local { what: "the connection to the agent is lost", error };
    // Since when the agent owes an answer.
    let mut owing: Option<Instant> = None;
    loop {
        if shared.abandoned.load(Ordering::Acquire) {
            return Ok(());
        }
        let output = {
            let machine = shared.lock();
            owing = machine.is_waiting().then(|| owing.unwrap_or_else(Instant::now));
            let pending = machine.output();
            Zeroizing::new(pending.get(..PIECE).unwrap_or(pending).to_vec())
        };
        let due = owing.zip(reply_timeout).and_then(|(since, timeout)| since.checked_add(timeout));
        tokio::select! {
            read = reader.read(&mut piece) => {
                let read = read.map_err(lost)?;
                owing = None;
                receive(&mut shared.lock(), piece.get(..read).unwrap_or_default())?;
                shared.answered.notify_waiters();
                if read == 0 {
                    return Ok(());
                }
            }
            written = writer.write(&output), if !output.is_empty() => {
                shared.lock().consume_output(written.map_err(lost)?);
            }
            () = shared.wanted.notified() => {}
            () = sleep_until(due), if due.is_some() => {
                shared.timed_out.store(true, Ordering::Release);
                return Err(Error::TimedOut);
            }
        }
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn receive(machine: &mut AgentClient, mut bytes: &[u8]) -> Result<(), AgentError> {
    let now = std::time::Instant::now();
    if bytes.is_empty() {
        return machine.handle_eof(now);
    }
    while !bytes.is_empty() {
        let room = machine.input_buf();
        let n = room.len().min(bytes.len());
        if n == 0 {
            return Err(AgentError::Closed);
        }
        let (head, tail) = bytes.split_at(n);
        room[..n].copy_from_slice(head);
        machine.handle_input(now, n)?;
        bytes = tail;
    }
    Ok(())
}
