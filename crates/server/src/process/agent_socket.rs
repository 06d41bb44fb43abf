//! The Unix socket by which a session's programs reach the client's agent: for their user only, in a directory that is
//! nobody else's, for as long as the session lasts.

use crate::accept_error::pause_after;
use crate::agent::ForwardedAgent;
use crate::forward::listeners::{SocketFile, listen_on_path};
use crate::forward::splice::splice;
use konko_transport::crypto::random::{SecureRandom, SystemRandom};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

/// The most programs that use the agent at once.
const MAXIMUM_CLIENTS: usize = 64;
/// How many names for the directory are tried.
const ATTEMPTS: usize = 16;

/// The socket. It is removed when this is dropped; connections to the agent end with it.
#[derive(Debug)]
pub(crate) struct AgentSocket {
    listening: JoinHandle<()>,
    file: SocketFile,
    _directory: PrivateDirectory,
}

impl AgentSocket {
    /// Makes it, in the system's directory for temporary files.
    pub(crate) fn new(agent: ForwardedAgent) -> io::Result<Self> {
        let directory = PrivateDirectory::create(&std::env::temp_dir())?;
        let (listener, file) = listen_on_path(&directory.0.join("agent"))?;
        let listening = tokio::spawn(accept(listener, agent));
        Ok(Self { listening, file, _directory: directory })
    }

    /// What `SSH_AUTH_SOCK` is to be.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }
}

impl Drop for AgentSocket {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn accept(listener: UnixListener, agent: ForwardedAgent) {
    let places = Arc::new(Semaphore::new(MAXIMUM_CLIENTS));
    let mut clients = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = clients.join_next() => continue,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let own = rustix::process::geteuid().as_raw();
        if !stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0) {
            tracing::warn!(target: "konko::serve", "another user wants to use a forwarded agent");
            continue;
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(target: "konko::serve", "too many programs use a forwarded agent");
            continue;
        };
        let agent = agent.clone();
        clients.spawn(async move {
            let _place = place;
            match agent.connect().await {
                Ok(channel) => {
                    // The connection is not kept open by what runs over it.
                    drop(agent);
                    splice(channel, stream).await;
                }
                Err(error) => tracing::debug!(%error, "the client does not connect its agent"),
            }
        });
    }
}

/// A directory of mode 0700 that is removed when this is dropped, once it is empty.
#[derive(Debug)]
struct PrivateDirectory(PathBuf);

impl PrivateDirectory {
    fn create(parent: &Path) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..ATTEMPTS {
            let mut random = [0; 8];
            SystemRandom.fill(&mut random);
            let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            let path = parent.join(format!("konko-{name}"));
            match std::fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir(&self.0) {
            tracing::debug!(%error, "the directory of a forwarded agent stays behind");
        }
    }
}
