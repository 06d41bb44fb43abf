//! SFTP over a connection, or with a program here.

use crate::exit::Failure;
use konko::client::SshClient;
use konko::client::sftp::{ClientConfig, Sftp, SftpOptions};
use std::ffi::OsStr;
use std::process::Stdio;
use tokio::process::{Child, Command};

/// The subsystem of file transfer (draft-ietf-secsh-filexfer).
const SUBSYSTEM: &str = "sftp";
/// How many requests are under way where only their size is said; as in sftp(1).
const USUAL_REQUESTS: u32 = 64;
/// The size of requests where only their number is said; as in sftp(1).
const USUAL_BUFFER: u32 = 32 * 1024;

/// How much is under way at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The size of a request.
    pub buffer: Option<u32>,
    /// The number of requests.
    pub requests: Option<u32>,
}

impl Sizes {
    fn options(self) -> SftpOptions {
        let mut config = ClientConfig::default();
        if let Some(buffer) = self.buffer {
            config.maximum_request_length = buffer;
        }
        if let Some(requests) = self.requests {
            config.maximum_requests = requests as usize;
        }
        if self.buffer.is_some() || self.requests.is_some() {
            let buffer = self.buffer.unwrap_or(USUAL_BUFFER) as usize;
            let requests = self.requests.unwrap_or(USUAL_REQUESTS) as usize;
            config.maximum_in_flight = buffer.saturating_mul(requests);
        }
        SftpOptions { client: config, ..SftpOptions::default() }
    }
}

/// Begins SFTP on a connection: with the usual subsystem, another, or the program at a path there.
///
/// # Errors
///
/// [`Failure`] if the server has none.
pub async fn begin(client: &SshClient, subsystem: Option<&str>, sizes: &Sizes) -> Result<Sftp, Failure> {
    let command = match subsystem {
        // As in sftp(1): a path is a program's.
        Some(path) if path.contains('/') => client.command(path),
        name => client.subsystem(name.unwrap_or(SUBSYSTEM)),
    };
    let begun = Sftp::start(command, sizes.options()).await;
    begun.map_err(|error| Failure::Other(format!("{error}; a server without SFTP may have scp -O")))
}

/// A program here that serves SFTP. It ends with this.
#[derive(Debug)]
pub struct ServerProgram {
    _child: Child,
}

/// Begins SFTP with a program here.
///
/// # Errors
///
/// [`Failure`] if it cannot be started, or speaks no SFTP.
pub async fn over_program(line: &OsStr, sizes: &Sizes) -> Result<(Sftp, ServerProgram), Failure> {
    let shown = line.to_string_lossy().into_owned();
    let spawned = Command::new("/bin/sh")
        .arg("-c")
        .arg(line)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = spawned.map_err(|error| Failure::local(shown.clone(), error))?;
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Failure::Other(format!("{shown}: it has no standard streams")));
    };
    let begun = Sftp::over(tokio::io::join(stdout, stdin), sizes.options()).await;
    let sftp = begun.map_err(|error| Failure::Other(format!("{shown}: {error}")))?;
    Ok((sftp, ServerProgram { _child: child }))
}
