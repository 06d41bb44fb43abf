//! Dropbear: its server and its client.
//!
//! The server takes five unauthenticated connections of one address at a time: do not open more at once. It has no
//! option for `authorized_keys`, so a login by key needs [`TestAccount::authorize`].
//!
//! [`TestAccount::authorize`]: crate::peers::account::TestAccount::authorize

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::peers::find::{find_peer, require_peer};
use crate::peers::key_file::{KeyFile, KeyKind};
use crate::peers::process::{Process, start_server};
use crate::peers::run::{Finished, RUN, run};

/// A running Dropbear server on a loopback port. Dropping it ends it.
#[derive(Debug)]
pub struct DropbearServer {
    process: Process,
    address: SocketAddr,
    host_key: KeyFile,
    _folder: TempDir,
}

impl DropbearServer {
    /// Starts the server with a host key of `kind` and further `arguments`. Says SKIP when it is not installed.
    ///
    /// # Panics
    /// With the server's log, when it does not come up.
    pub fn start(kind: KeyKind, arguments: &[&str]) -> Option<Self> {
        let program = require_peer("dropbear")?;
        let folder = TempDir::new().expect("a folder for dropbear");
        let host_key = KeyFile::generate(&folder.path().join("host_key"), kind, "");
        let converted = convert(&host_key, folder.path());
        let pid_file = folder.path().join("pid");
        let (process, address) = start_server("dropbear", "Not backgrounding", |address| {
            let mut command = Command::new(&program);
            command.args(["-F", "-E", "-m", "-p", &address.to_string(), "-r"]).arg(&converted);
            command.arg("-P").arg(&pid_file).args(arguments);
            command
        });
        Some(Self { process, address, host_key, _folder: folder })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its host key.
    pub fn host_key(&self) -> &KeyFile {
        &self.host_key
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// Dropbear's client, with a home folder of its own. It accepts any host key.
#[derive(Debug)]
pub struct Dbclient {
    program: PathBuf,
    address: SocketAddr,
    user: String,
    identity: Option<PathBuf>,
    password: Option<String>,
    folder: TempDir,
}

impl Dbclient {
    /// A client for the server at `address`. Says SKIP when it is not installed.
    pub fn new(address: SocketAddr, user: &str) -> Option<Self> {
        let program = require_peer("dbclient")?;
        let folder = TempDir::new().expect("a folder for dbclient");
        Some(Self { program, address, user: user.to_owned(), identity: None, password: None, folder })
    }

    /// Logs in with `key`, converted to Dropbear's own format.
    pub fn identity(mut self, key: &KeyFile) -> Self {
        self.identity = Some(convert(key, self.folder.path()));
        self
    }

    /// Logs in with `password`.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// `dbclient` with all options set but neither host nor command.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-y", "-y", "-p", &self.address.port().to_string(), "-l", &self.user]);
        if let Some(identity) = &self.identity {
            command.arg("-i").arg(identity);
        }
        if let Some(password) = &self.password {
            command.env("DROPBEAR_PASSWORD", password);
        }
        command.env("HOME", self.folder.path()).env_remove("SSH_AUTH_SOCK");
        command
    }

    /// Runs `remote_command` on the server, without a terminal.
    ///
    /// # Panics
    /// When the client cannot be started.
    pub fn run(&self, remote_command: &str, input: &[u8]) -> Finished {
        let mut command = self.command();
        command.arg("-T").arg(self.address.ip().to_string()).arg(remote_command);
        run(&mut command, input, RUN).expect("dbclient")
    }
}

/// Writes the private key in Dropbear's own format.
fn convert(key: &KeyFile, folder: &Path) -> PathBuf {
    let converted = folder.join("key.dropbear");
    let program = find_peer("dropbearconvert").expect("dropbearconvert comes with dropbear");
    let mut command = Command::new(program);
    command.args(["openssh", "dropbear"]).arg(&key.private).arg(&converted);
    run(&mut command, b"", RUN).expect("dropbearconvert").expect_success();
    converted
}
