//! The computers that files are on, each connected to once.

use crate::exit::Failure;
use crate::scp::arguments::ScpArguments;
use crate::transfer::connection;
use crate::transfer::location::Remote;
use crate::transfer::session::{ServerProgram, Sizes, begin, over_program};
use konko::client::SshClient;
use konko::client::sftp::{RemotePath, Sftp};
use std::collections::HashMap;
use std::time::Duration;

/// How long the server may take to read the last words.
const FAREWELL: Duration = Duration::from_secs(2);

/// One computer: its destination and port.
type Place = (String, Option<u16>);

/// The connections.
#[derive(Debug, Default)]
pub(super) struct Places {
    clients: HashMap<Place, SshClient>,
    sessions: HashMap<Place, Sftp>,
    programs: Vec<ServerProgram>,
}

fn place(remote: &Remote) -> Place {
    (remote.destination.clone(), remote.port)
}

impl Places {
    /// The connection to where a file is.
    pub(super) async fn client(
        &mut self,
        arguments: &ScpArguments,
        remote: &Remote,
    ) -> Result<SshClient, Failure> {
        if let Some(client) = self.clients.get(&place(remote)) {
            return Ok(client.clone());
        }
        let client = connection::connect(&arguments.ssh, remote).await?;
        self.clients.insert(place(remote), client.clone());
        Ok(client)
    }

    /// The files of the computer where a file is.
    pub(super) async fn sftp(&mut self, arguments: &ScpArguments, remote: &Remote) -> Result<Sftp, Failure> {
        if let Some(sftp) = self.sessions.get(&place(remote)) {
            return Ok(sftp.clone());
        }
        let sizes = Sizes { buffer: arguments.buffer, requests: arguments.requests };
        let sftp = match &arguments.program {
            Some(program) => {
                let (sftp, program) = over_program(program, &sizes).await?;
                self.programs.push(program);
                sftp
            }
            None => begin(&self.client(arguments, remote).await?, None, &sizes).await?,
        };
        self.sessions.insert(place(remote), sftp.clone());
        Ok(sftp)
    }

    /// Says goodbye everywhere.
    pub(super) async fn close(&mut self) {
        self.sessions.clear();
        for client in self.clients.values() {
            // What a server makes of it is of no interest.
            let _ = tokio::time::timeout(FAREWELL, client.close()).await;
        }
    }
}

/// The path that a command line means: one that begins with `~` as the server expands it, none as the home directory.
pub(super) async fn expanded(sftp: &Sftp, path: &[u8]) -> Result<RemotePath, Failure> {
    match path {
        b"" => Ok(RemotePath::from(".")),
        [b'~', rest @ ..] => {
            if let Ok(expanded) = sftp.expand_path(path.to_vec()).await {
                return Ok(expanded);
            }
            match rest {
                // Sessions begin in the home directory.
                b"" | b"/" => Ok(RemotePath::from(".")),
                [b'/', rest @ ..] => Ok(RemotePath::from(rest.to_vec())),
                _ => Err(Failure::Other(format!(
                    "{}: the server does not tell the home of another user",
                    RemotePath::from(path.to_vec())
                ))),
            }
        }
        path => Ok(RemotePath::from(path.to_vec())),
    }
}
