//! OpenSSH: a server with its own configuration and host keys, and the `ssh` family of clients.

use std::fs::{self, Permissions};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::peers::account::TestAccount;
use crate::peers::find::{find_peer, require_peer};
use crate::peers::key_file::{KeyFile, KeyKind};
use crate::peers::process::{NoLine, Process, start_server};
use crate::peers::run::{Finished, RUN, run};

/// What an OpenSSH server shall be like.
#[derive(Debug, Clone)]
pub struct SshdOptions {
    /// Lines of `sshd_config` that go before the harness's own; of two lines the first counts.
    pub lines: Vec<String>,
    /// Text that goes after everything else: the place for `Match` blocks.
    pub blocks: Vec<String>,
    /// Lines of `authorized_keys`, good for every user.
    pub authorized_keys: Vec<String>,
    /// The host keys to make. Default: Ed25519 only.
    pub host_keys: Vec<KeyKind>,
    /// Whether to use PAM, without which OpenSSH on Linux has no keyboard-interactive. Default: no.
    pub pam: bool,
}

impl Default for SshdOptions {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            blocks: Vec::new(),
            authorized_keys: Vec::new(),
            host_keys: vec![KeyKind::Ed25519],
            pam: false,
        }
    }
}

impl SshdOptions {
    /// Adds a line of `sshd_config`.
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// Adds text at the end of `sshd_config`.
    pub fn block(mut self, block: &str) -> Self {
        self.blocks.push(block.to_owned());
        self
    }

    /// Lets the owner of a key in.
    pub fn authorize(mut self, key: &KeyFile) -> Self {
        self.authorized_keys.push(key.public_line());
        self
    }

    /// Replaces the kinds of host key.
    pub fn host_keys(mut self, kinds: &[KeyKind]) -> Self {
        self.host_keys = kinds.to_vec();
        self
    }

    /// Turns PAM on.
    pub fn pam(mut self) -> Self {
        self.pam = true;
        self
    }

    /// Starts the server. Says SKIP when OpenSSH is not installed.
    ///
    /// # Panics
    /// With the server's log, when it does not come up.
    pub fn start(self) -> Option<Sshd> {
        let program = require_peer("sshd")?;
        let folder = TempDir::new().expect("a folder for sshd");
        // The server reads authorized_keys as the user who logs in.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("an open folder");
        if TestAccount::current_is_root() {
            fs::create_dir_all("/run/sshd").expect("sshd's folder for privilege separation");
        }
        let host_keys = self.host_keys.iter().enumerate().map(|(number, kind)| {
            KeyFile::generate(&folder.path().join(format!("host_key_{number}")), *kind, "")
        });
        let host_keys: Vec<_> = host_keys.collect();
        let authorized = folder.path().join("authorized_keys");
        fs::write(&authorized, self.authorized_keys.join("\n") + "\n").expect("authorized_keys");

        let config = folder.path().join("sshd_config");
        let (process, address) = start_server("sshd", "Server listening on", |address| {
            fs::write(&config, self.config(address, &host_keys, &authorized)).expect("sshd_config");
            let mut command = Command::new(&program);
            command.args(["-D", "-e", "-f"]).arg(&config);
            command
        });
        Some(Sshd { process, address, host_keys, folder })
    }

    fn config(&self, address: SocketAddr, host_keys: &[KeyFile], authorized: &Path) -> String {
        let mut lines = self.lines.clone();
        lines.push(format!("ListenAddress {address}"));
        lines.extend(host_keys.iter().map(|key| format!("HostKey {}", key.private.display())));
        lines.push(format!("AuthorizedKeysFile {}", authorized.display()));
        lines.push(format!("UsePAM {}", if self.pam { "yes" } else { "no" }));
        // What the account's shell would read at its start is the machine's, and may write or wait.
        if let Some(folder) = authorized.parent() {
            lines.push(format!("SetEnv HOME={}", folder.display()));
        }
        let rest = [
            "PidFile none",
            "StrictModes no",
            "PermitRootLogin yes",
            "PasswordAuthentication yes",
            "KbdInteractiveAuthentication yes",
            "LogLevel VERBOSE",
            "PrintMotd no",
            "PrintLastLog no",
            "UseDNS no",
            "AcceptEnv KONKO_*",
            "MaxStartups 200:30:400",
            "Subsystem sftp internal-sftp",
        ];
        lines.extend(rest.map(str::to_owned));
        lines.extend(self.blocks.iter().cloned());
        lines.join("\n") + "\n"
    }
}

/// A running OpenSSH server on a loopback port. Dropping it ends it.
#[derive(Debug)]
pub struct Sshd {
    process: Process,
    address: SocketAddr,
    host_keys: Vec<KeyFile>,
    folder: TempDir,
}

impl Sshd {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its host keys, in the order asked for.
    pub fn host_keys(&self) -> &[KeyFile] {
        &self.host_keys
    }

    /// A `known_hosts` line for each host key.
    pub fn known_hosts(&self) -> String {
        known_hosts(self.address, &self.host_keys)
    }

    /// Its folder, gone with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Waits until it has logged a line that contains `needle`.
    pub fn wait_for_log(&self, needle: &str, within: Duration) -> Result<String, NoLine> {
        self.process.wait_for_line(needle, within)
    }
}

/// The names that OpenSSH has of a kind of algorithm: `kex`, `cipher`, `mac` or `key-sig`. Says SKIP when it is not
/// installed.
///
/// # Panics
/// When `ssh` does not know the kind.
pub fn supported(kind: &str) -> Option<Vec<String>> {
    let program = require_peer("ssh")?;
    let names = run(Command::new(program).args(["-Q", kind]), b"", RUN).expect("ssh").expect_success();
    Some(names.stdout_text().lines().map(str::to_owned).collect())
}

/// `known_hosts` lines for the keys of a server at `address`.
pub fn known_hosts(address: SocketAddr, keys: &[KeyFile]) -> String {
    let host = format!("[{}]:{}", address.ip(), address.port());
    keys.iter().map(|key| format!("{host} {}\n", key.type_and_key())).collect()
}

/// OpenSSH's clients, cut off from the user's own configuration, agent and known hosts.
#[derive(Debug)]
pub struct Ssh {
    program: PathBuf,
    address: SocketAddr,
    options: Vec<String>,
    answer: Option<String>,
    folder: TempDir,
}

impl Ssh {
    /// A client for the server at `address`, which accepts any host key until [`known_hosts`](Ssh::known_hosts).
    /// Says SKIP when OpenSSH is not installed.
    pub fn new(address: SocketAddr, user: &str) -> Option<Self> {
        let program = require_peer("ssh")?;
        let folder = TempDir::new().expect("a folder for ssh");
        let own = [
            format!("Port={}", address.port()),
            format!("User={user}"),
            "StrictHostKeyChecking=no".to_owned(),
            "UserKnownHostsFile=/dev/null".to_owned(),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            "IdentitiesOnly=yes".to_owned(),
            "IdentityAgent=none".to_owned(),
            "ConnectTimeout=60".to_owned(),
        ];
        Some(Self { program, address, options: own.to_vec(), answer: None, folder })
    }

    /// Sets an option as `-o` does, before those of the harness: of two values the first counts.
    pub fn option(mut self, option: &str) -> Self {
        self.options.insert(0, option.to_owned());
        self
    }

    /// Logs in with the private key in `path`.
    pub fn identity(self, path: &Path) -> Self {
        self.option(&format!("IdentityFile={}", path.display()))
    }

    /// Gives `answer` whenever a password, a passphrase or anything else is asked for.
    pub fn answer(mut self, answer: &str) -> Self {
        self.answer = Some(answer.to_owned());
        self
    }

    /// Accepts only the host keys of these `known_hosts` lines.
    pub fn known_hosts(self, lines: &str) -> Self {
        let path = self.folder.path().join("known_hosts");
        fs::write(&path, lines).expect("known_hosts");
        let file = format!("UserKnownHostsFile={}", path.display());
        self.option(&file).option("StrictHostKeyChecking=yes")
    }

    /// `ssh` with all options set but neither host nor command.
    pub fn command(&self) -> Command {
        self.configured(&self.program)
    }

    /// Another program of the family (`scp`, `sftp`) with the same options; nothing if it is missing.
    pub fn companion(&self, name: &str) -> Option<Command> {
        find_peer(name).map(|program| self.configured(&program))
    }

    /// The host as the command line names it.
    pub fn host(&self) -> String {
        self.address.ip().to_string()
    }

    /// Runs `remote_command` on the server, without a terminal.
    ///
    /// # Panics
    /// When `ssh` cannot be started.
    pub fn run(&self, remote_command: &str, input: &[u8]) -> Finished {
        let mut command = self.command();
        command.arg("-T").arg(self.host()).arg(remote_command);
        run(&mut command, input, RUN).expect("ssh")
    }

    fn configured(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.args(["-F", "none"]);
        for option in &self.options {
            command.args(["-o", option]);
        }
        command.env_remove("SSH_AUTH_SOCK");
        match &self.answer {
            None => {
                command.args(["-o", "BatchMode=yes"]);
            }
            Some(answer) => {
                let script = self.askpass();
                command.env("SSH_ASKPASS", script).env("SSH_ASKPASS_REQUIRE", "force");
                command.env("KONKO_TEST_ANSWER", answer);
            }
        }
        command
    }

    fn askpass(&self) -> PathBuf {
        let path = self.folder.path().join("askpass");
        if !path.exists() {
            let mut file = fs::File::create(&path).expect("the askpass script");
            file.write_all(b"#!/bin/sh\nprintf '%s\\n' \"$KONKO_TEST_ANSWER\"\n")
                .expect("the askpass script");
            file.set_permissions(Permissions::from_mode(0o755)).expect("the askpass script");
        }
        path
    }
}
