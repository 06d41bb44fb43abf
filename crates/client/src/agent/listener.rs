//! The Unix socket of an agent: for its owner only, from before the first connection to the end.

use crate::agent::error::Error;
use crate::agent::local_agent::LocalAgent;
use konko_transport::crypto::random::{SecureRandom, SystemRandom};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// The most clients that are served at once.
const MAXIMUM_CLIENTS: usize = 512;
/// How many connections may wait to be accepted.
const BACKLOG: i32 = 128;
/// How many names for the directory are tried.
const ATTEMPTS: usize = 16;

/// A Unix socket that only its owner can connect to. It is removed when this is dropped, and its directory if it was
/// made for it.
#[derive(Debug)]
pub struct AgentListener {
    listener: UnixListener,
    path: PathBuf,
    /// What was bound: nothing else is removed.
    identity: Option<(u64, u64)>,
    directory: Option<PathBuf>,
}

impl AgentListener {
    /// Listens on a socket in a new directory of mode 0700 in the system's directory for temporary files (`TMPDIR`).
    /// It needs a tokio runtime with I/O.
    ///
    /// # Errors
    ///
    /// [`Error::Local`].
    pub fn private() -> Result<Self, Error> {
        Self::private_in(&std::env::temp_dir())
    }

    /// As [`private`](Self::private), in a directory of the caller's choice.
    ///
    /// # Errors
    ///
    /// [`Error::Local`].
    pub fn private_in(parent: &Path) -> Result<Self, Error> {
        let directory = create_directory(parent).map_err(|error| Error::Local {
            what: "cannot make a directory for the agent's socket",
            error,
        })?;
        let bound = Self::bind(directory.join(format!("agent.{}", std::process::id())));
        match bound {
            Ok(mut listener) => {
                listener.directory = Some(directory);
                Ok(listener)
            }
            Err(error) => {
                remove_directory(&directory);
                Err(error)
            }
        }
    }

    /// Listens on a socket at `path`, of mode 0600. Whatever is there already stays, and is an error; so is a path that
    /// is too long for a socket. It needs a tokio runtime with I/O.
    ///
    /// # Errors
    ///
    /// [`Error::Local`].
    pub fn bind(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let (listener, identity) = listen(&path)
            .map_err(|error| Error::Local { what: "cannot listen for clients of the agent", error })?;
        Ok(Self { listener, path, identity: Some(identity), directory: None })
    }

    /// Where it is: what `SSH_AUTH_SOCK` is to be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next client. Those of other users, but for the superuser, are turned away. Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`Error::Local`] if the operating system has no more to give; it may be tried again.
    pub async fn accept(&self) -> Result<UnixStream, Error> {
        loop {
            let accepted = self.listener.accept().await;
            let (stream, _) = accepted
                .map_err(|error| Error::Local { what: "cannot accept a client of the agent", error })?;
            match stream.peer_cred() {
                Ok(peer) if is_trusted(peer.uid()) => return Ok(stream),
                Ok(peer) => tracing::warn!(uid = peer.uid(), "a client of another user is turned away"),
                Err(error) => tracing::warn!(%error, "a client that nobody knows is turned away"),
            }
        }
    }

    /// Serves all clients from `agent` for ever: drop the future to end it.
    ///
    /// # Errors
    ///
    /// [`Error::Local`] if no client can be accepted any more.
    pub async fn serve(&self, agent: &LocalAgent) -> Result<(), Error> {
        let places = Arc::new(Semaphore::new(MAXIMUM_CLIENTS));
        let mut clients = tokio::task::JoinSet::new();
        let mut expiry = std::pin::pin!(agent.expire());
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                () = &mut expiry => continue,
                Some(ended) = clients.join_next() => {
                    if ended.is_err() {
                        tracing::error!("a task of the agent panicked");
                    }
                    continue;
                }
            };
            let stream = match accepted {
                Ok(stream) => stream,
                Err(Error::Local { error, .. }) if is_passing(&error) => {
                    tracing::warn!(%error, "the agent waits until it can accept again");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                tracing::warn!("the agent serves as many clients as it can");
                continue;
            };
            let agent = agent.clone();
            clients.spawn(async move {
                let _place = place;
                if let Err(error) = agent.serve_stream(stream).await {
                    tracing::debug!(%error, "a client of the agent is gone");
                }
            });
        }
    }
}

impl Drop for AgentListener {
    fn drop(&mut self) {
        let found = std::fs::symlink_metadata(&self.path).map(|found| (found.dev(), found.ino())).ok();
        if self.identity.is_some() && found == self.identity {
            remove(&self.path);
        }
        if let Some(directory) = &self.directory {
            remove_directory(directory);
        }
    }
}

fn is_trusted(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

/// Too many open files, or no memory: clients that end give some back.
fn is_passing(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM | Errno::CONNABORTED))
}

/// Binds, narrows the permissions, and listens only then: nobody can have connected before.
fn listen(path: &Path) -> io::Result<(UnixListener, (u64, u64))> {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.bind(&socket2::SockAddr::unix(path)?)?;
    let made = || -> io::Result<(UnixListener, (u64, u64))> {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let found = std::fs::symlink_metadata(path)?;
        let listener = UnixListener::from_std(std::os::unix::net::UnixListener::from(socket.try_clone()?))?;
        Ok((listener, (found.dev(), found.ino())))
    };
    made().inspect_err(|_| remove(path))
}

fn create_directory(parent: &Path) -> io::Result<PathBuf> {
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..ATTEMPTS {
        let mut random = [0; 8];
        SystemRandom.fill(&mut random);
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let directory = parent.join(format!("konko-{name}"));
        match std::fs::DirBuilder::new().mode(0o700).create(&directory) {
            Ok(()) => return Ok(directory),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "cannot remove the agent's socket");
    }
}

fn remove_directory(path: &Path) {
    if let Err(error) = std::fs::remove_dir(path) {
        tracing::debug!(path = %path.display(), %error, "cannot remove the agent's directory");
    }
}
