//! paramiko and asyncssh, as servers and as clients, and libssh as a client, through the scripts of `tests/interop/peers`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::peers::find::{repository, require_python};
use crate::peers::json::{Value, read_object};
use crate::peers::key_file::{KeyFile, KeyKind};
use crate::peers::process::{Process, START};
use crate::peers::run::{RUN, run};

/// Which Python implementation of SSH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PythonPeer {
    /// paramiko, threads.
    Paramiko,
    /// asyncssh, asyncio.
    Asyncssh,
    /// libssh through its binding `ansible-pylibssh`: a client only.
    Libssh,
}

impl PythonPeer {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paramiko => "paramiko",
            Self::Asyncssh => "asyncssh",
            Self::Libssh => "libssh",
        }
    }

    fn module(self) -> &'static str {
        if self == Self::Libssh { "pylibsshext" } else { self.name() }
    }

    fn script(self, role: &str) -> PathBuf {
        repository().join("tests/interop/peers").join(format!("{}_{role}.py", self.name()))
    }

    fn command(self, role: &str) -> Option<Command> {
        let mut command = Command::new(require_python(self.module())?);
        command.args(["-B", "-u"]).arg(self.script(role)).env_remove("SSH_AUTH_SOCK");
        Some(command)
    }
}

/// A running Python server on a loopback port. Dropping it ends it.
#[derive(Debug)]
pub struct PythonServer {
    process: Process,
    address: SocketAddr,
    host_key: KeyFile,
    _folder: TempDir,
}

impl PythonServer {
    /// Starts a server with an Ed25519 host key and `arguments` of its script: `--user`, `--password`,
    /// `--authorized-keys`, `--answer`, `--kex`, ... (each script lists its own under `--help`). Says SKIP when the
    /// module is not installed.
    ///
    /// # Panics
    /// With the server's log, when it does not come up.
    pub fn start(peer: PythonPeer, arguments: &[&str]) -> Option<Self> {
        let mut command = peer.command("server")?;
        let folder = TempDir::new().expect("a folder for the server");
        let host_key = KeyFile::generate(&folder.path().join("host_key"), KeyKind::Ed25519, "");
        command.arg("--host-key").arg(&host_key.private).args(arguments);
        let process = Process::spawn(&mut command).expect("python");
        let line = process
            .wait_for_line("LISTENING ", START)
            .unwrap_or_else(|error| panic!("{}: {error:?}; its log:\n{}", peer.name(), process.log()));
        let port =
            line.rsplit(' ').next().and_then(|port| port.parse().ok()).expect("a port behind LISTENING");
        Some(Self { process, address: (Ipv4Addr::LOCALHOST, port).into(), host_key, _folder: folder })
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

/// A Python client: one login and one command.
#[derive(Debug)]
pub struct PythonClient {
    command: Command,
}

/// What a Python client saw.
#[derive(Debug, Clone)]
pub struct PythonOutcome {
    /// Whether the login succeeded.
    pub authenticated: bool,
    /// What the command wrote.
    pub stdout: Vec<u8>,
    /// What the command wrote on standard error.
    pub stderr: Vec<u8>,
    /// The command's exit status, if it had one.
    pub exit_status: Option<i64>,
    /// The name of the signal that ended the command, without `SIG`.
    pub exit_signal: Option<String>,
    /// What went wrong, in the peer's words.
    pub error: Option<String>,
    /// The cipher from client to server, if the peer tells.
    pub cipher: Option<String>,
    /// The server's identification string, if the peer tells.
    pub server_version: Option<String>,
}

impl PythonClient {
    /// A client for the server at `address`. Says SKIP when the module is not installed.
    pub fn new(peer: PythonPeer, address: SocketAddr, user: &str) -> Option<Self> {
        let mut command = peer.command("client")?;
        command.args([
            "--host",
            &address.ip().to_string(),
            "--port",
            &address.port().to_string(),
            "--user",
            user,
        ]);
        Some(Self { command })
    }

    /// Adds an argument of the script with its value, e.g. `("--kex", "curve25519-sha256")`.
    pub fn argument(mut self, name: &str, value: &str) -> Self {
        self.command.args([name, value]);
        self
    }

    /// Accepts this host key only.
    pub fn host_key(self, key: &KeyFile) -> Self {
        self.argument("--host-key", &key.type_and_key())
    }

    /// Logs in with a private key.
    pub fn publickey(self, path: &Path) -> Self {
        self.argument("--auth", "publickey").argument("--key", &path.display().to_string())
    }

    /// Logs in with a password.
    pub fn password(self, password: &str) -> Self {
        self.argument("--auth", "password").argument("--password", password)
    }

    /// Logs in by keyboard-interactive, giving these answers one by one.
    pub fn keyboard_interactive(self, answers: &[&str]) -> Self {
        let start = self.argument("--auth", "keyboard-interactive");
        answers.iter().fold(start, |client, answer| client.argument("--answer", answer))
    }

    /// Runs `remote_command` with `input` and reports what came of it.
    ///
    /// # Panics
    /// When the script does not report, with everything it wrote.
    pub fn run(mut self, remote_command: &str, input: &[u8]) -> PythonOutcome {
        self.command.args(["--command", remote_command]);
        let finished = run(&mut self.command, input, RUN).expect("python");
        let text = finished.stdout_text();
        text.lines().last().and_then(outcome).unwrap_or_else(|| {
            panic!("no report ({}):\n{text}\n{}", finished.status, finished.stderr_text());
        })
    }
}

fn outcome(line: &str) -> Option<PythonOutcome> {
    let object = read_object(line)?;
    let text = |name: &str| match object.get(name) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    // The scripts map each byte to the character of the same number.
    let bytes = |name: &str| text(name)?.chars().map(|c| u8::try_from(c).ok()).collect::<Option<Vec<_>>>();
    let exit_status = match object.get("exit_status") {
        Some(Value::Number(number)) => Some(*number),
        _ => None,
    };
    Some(PythonOutcome {
        authenticated: object.get("authenticated")? == &Value::Truth(true),
        stdout: bytes("stdout")?,
        stderr: bytes("stderr")?,
        exit_status,
        exit_signal: text("exit_signal"),
        error: text("error"),
        cipher: text("cipher"),
        server_version: text("server_version"),
    })
}
