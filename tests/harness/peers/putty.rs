//! PuTTY's command-line client.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::peers::find::{find_peer, require_peer};
use crate::peers::key_file::KeyFile;
use crate::peers::run::{Finished, RUN, run};

/// `plink` in batch mode, with a home folder of its own.
#[derive(Debug)]
pub struct Plink {
    program: PathBuf,
    address: SocketAddr,
    arguments: Vec<String>,
    folder: TempDir,
}

impl Plink {
    /// A client for the server at `address` that accepts the host key of this fingerprint only, written
    /// `SHA256:...`. Says SKIP when it is not installed.
    pub fn new(address: SocketAddr, user: &str, fingerprint: &str) -> Option<Self> {
        let program = require_peer("plink")?;
        let folder = TempDir::new().expect("a folder for plink");
        let port = address.port().to_string();
        let arguments =
            ["-ssh", "-batch", "-P", &port, "-l", user, "-hostkey", fingerprint, "-noagent", "-noshare"];
        Some(Self { program, address, arguments: arguments.map(str::to_owned).to_vec(), folder })
    }

    /// Logs in with `key`, converted to PuTTY's format.
    ///
    /// # Panics
    /// When `puttygen` is missing or refuses.
    pub fn identity(mut self, key: &KeyFile) -> Self {
        let converted = self.folder.path().join("key.ppk");
        let mut command = Command::new(find_peer("puttygen").expect("puttygen comes with plink"));
        command.arg(&key.private).args(["-O", "private", "-o"]).arg(&converted);
        run(&mut command, b"", RUN).expect("puttygen").expect_success();
        self.arguments.extend(["-i".to_owned(), converted.display().to_string()]);
        self
    }

    /// Logs in with `password`. Only the method `password` uses it: batch mode answers no prompts.
    ///
    /// # Panics
    /// When the password file cannot be written.
    pub fn password(mut self, password: &str) -> Self {
        let path = self.folder.path().join("password");
        fs::write(&path, format!("{password}\n")).expect("the password file");
        self.arguments.extend(["-pwfile".to_owned(), path.display().to_string()]);
        self
    }

    /// Adds an argument, e.g. `-C` or `-v`.
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// `plink`, or `pscp` or `psftp` if so named, with all options set but neither host nor command.
    pub fn command(&self, name: &str) -> Command {
        let program = if name == "plink" { Some(self.program.clone()) } else { find_peer(name) };
        let mut command = Command::new(program.unwrap_or_else(|| PathBuf::from(name)));
        command.args(&self.arguments).env("HOME", self.folder.path()).env_remove("SSH_AUTH_SOCK");
        command
    }

    /// Runs `remote_command` on the server, without a terminal.
    ///
    /// # Panics
    /// When the client cannot be started.
    pub fn run(&self, remote_command: &str, input: &[u8]) -> Finished {
        let mut command = self.command("plink");
        command.args(["-T", &self.address.ip().to_string(), remote_command]);
        run(&mut command, input, RUN).expect("plink")
    }
}
