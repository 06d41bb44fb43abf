//! rclone as a server of SFTP: Go's x/crypto/ssh and pkg/sftp.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::peers::find::require_peer;
use crate::peers::key_file::{KeyFile, KeyKind};
use crate::peers::process::{Process, start_server};

/// A running `rclone serve sftp` on a loopback port. Dropping it ends it.
#[derive(Debug)]
pub struct RcloneServer {
    process: Process,
    address: SocketAddr,
    host_key: KeyFile,
    _folder: TempDir,
}

impl RcloneServer {
    /// Serves `root` to one user with a password. Says SKIP when it is not installed.
    ///
    /// # Panics
    /// With the server's log, when it does not come up.
    pub fn start(root: &Path, user: &str, password: &str) -> Option<Self> {
        let program = require_peer("rclone")?;
        let folder = TempDir::new().expect("a folder for rclone");
        let host_key = KeyFile::generate(&folder.path().join("host_key"), KeyKind::Ed25519, "");
        let (process, address) = start_server("rclone", "SFTP server listening on", |address| {
            let mut command = Command::new(&program);
            command.args(["serve", "sftp", "--config", "/dev/null", "-v", "--addr", &address.to_string()]);
            command.args(["--user", user, "--pass", password, "--key"]).arg(&host_key.private).arg(root);
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
