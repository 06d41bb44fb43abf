//! Where the user's agent is, and the stream to it.

use crate::agent::error::Error;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncRead, AsyncWrite};

/// The environment variable that names the agent's socket.
pub const AGENT_VARIABLE: &str = "SSH_AUTH_SOCK";

/// Where OpenSSH's agent listens on Windows.
#[cfg(windows)]
const OPENSSH_PIPE: &str = r"\\.\pipe\openssh-ssh-agent";

/// A stream to an agent.
pub(crate) trait AgentStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> AgentStream for S {}

/// The agents that the environment names, the first choice first: `SSH_AUTH_SOCK`; on Windows without it, the pipe of
/// OpenSSH's agent, then Pageant's.
///
/// # Errors
///
/// [`Error::NoAgent`] if there is none.
pub fn environment_agents() -> Result<Vec<PathBuf>, Error> {
    if let Some(path) = std::env::var_os(AGENT_VARIABLE).filter(|path| !path.is_empty()) {
        return Ok(vec![PathBuf::from(path)]);
    }
    let found = system_agents();
    if found.is_empty() { Err(Error::NoAgent) } else { Ok(found) }
}

#[cfg(not(windows))]
const fn system_agents() -> Vec<PathBuf> {
    Vec::new()
}

/// Pageant's pipe has a name that only its user's programs can compute: `pageant.USER.HASH`. The hash is of a secret of
/// the login session that needs a call of the operating system to get; the list of pipes tells the name, too.
#[cfg(windows)]
fn system_agents() -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from(OPENSSH_PIPE)];
    let Some(user) = std::env::var_os("USERNAME") else { return found };
    let prefix = format!("pageant.{}.", user.to_string_lossy());
    let pipes = std::fs::read_dir(r"\\.\pipe\").into_iter().flatten().flatten();
    let names = pipes.map(|pipe| pipe.file_name().to_string_lossy().into_owned());
    found.extend(
        names.filter(|name| name.starts_with(&prefix)).map(|name| PathBuf::from(format!(r"\\.\pipe\{name}"))),
    );
    found
}

/// Connects, within a runtime.
pub(crate) async fn connect(path: &Path) -> Result<Box<dyn AgentStream>, Error> {
    open(path).await.map_err(|error| Error::Connect { path: path.to_owned(), error })
}

#[cfg(unix)]
async fn open(path: &Path) -> std::io::Result<Box<dyn AgentStream>> {
    Ok(Box::new(tokio::net::UnixStream::connect(path).await?))
}

#[cfg(windows)]
async fn open(path: &Path) -> std::io::Result<Box<dyn AgentStream>> {
    Ok(Box::new(tokio::net::windows::named_pipe::ClientOptions::new().open(path)?))
}

#[cfg(not(any(unix, windows)))]
async fn open(_path: &Path) -> std::io::Result<Box<dyn AgentStream>> {
    Err(std::io::ErrorKind::Unsupported.into())
}
