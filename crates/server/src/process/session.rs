//! A session that runs programs of the operating system, for the user that runs the server.

use crate::agent::ForwardedAgent;
use crate::handler::SessionHandler;
use crate::log_text::LogText;
use crate::peer::PeerInfo;
use crate::process::account::Account;
use crate::process::agent_socket::AgentSocket;
use crate::process::environment::{Environment, EnvironmentPatterns};
use crate::process::pty::{self, Pty, Terminal};
use crate::process::run::{PipedProcess, TerminalProcess};
use crate::program::{BoxFuture, Exit, Program, PtyRequest, StartRequest};
use crate::scp::service::ScpService;
use crate::sftp::logged::Logged;
use crate::sftp::options::SftpOptions;
use crate::sftp::session::sftp_program;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::future::ready;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::process::Command;

/// The subsystem of SFTP.
const SFTP: &str = "sftp";
/// What OpenSSH calls the server of it that is no program of its own.
const INTERNAL_SFTP: &str = "internal-sftp";

/// What a session's programs are.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProcessOptions {
    /// For whom they run; the current user by default. This sets names and paths, not privileges.
    pub account: Account,
    /// The shell that starts them, in place of the account's.
    pub shell: Option<PathBuf>,
    /// Where they start, in place of the account's home.
    pub working_directory: Option<PathBuf>,
    /// What the client may set of their environment; `LANG`, `LC_*` and `TERM` by default.
    pub environment: EnvironmentPatterns,
    /// What is set of their environment besides.
    pub variables: Vec<(String, String)>,
    /// What runs in place of whatever the client asks for.
    pub forced_command: Option<String>,
    /// Subsystems, each with its command line; none by default.
    pub subsystems: BTreeMap<String, String>,
    /// What the subsystem `sftp` serves, in this process, unless it has a command line. None by default. The forced
    /// command `internal-sftp` means the same, whatever is asked for.
    pub sftp: Option<SftpOptions>,
    /// Whether there are terminals; true by default.
    pub allow_pty: bool,
    /// Whether programs may use the client's agent, if it offers one; false by default. They find it by
    /// `SSH_AUTH_SOCK`, at a socket that is removed when the session ends.
    pub allow_agent_forwarding: bool,
    /// Who serves `scp`; the system's own one by default, or this process where there is none.
    pub scp: ScpService,
}

impl Default for ProcessOptions {
    fn default() -> Self {
        Self {
            account: Account::current(),
            shell: None,
            working_directory: None,
            environment: EnvironmentPatterns::default(),
            variables: Vec::new(),
            forced_command: None,
            subsystems: BTreeMap::new(),
            sftp: None,
            allow_pty: true,
            allow_agent_forwarding: false,
            scp: ScpService::default(),
        }
    }
}

impl ProcessOptions {
    fn shell(&self) -> &Path {
        self.shell.as_deref().unwrap_or(&self.account.shell)
    }

    fn working_directory(&self) -> &Path {
        match &self.working_directory {
            Some(directory) => directory,
            None if self.account.home.is_dir() => &self.account.home,
            None => Path::new("/"),
        }
    }
}

/// A session whose programs are run by the user's shell.
///
/// A program gets pipes, or a terminal if one was asked for. It leads a process group: signals go to all of it, and
/// so does SIGHUP when the client closes the channel first. With pipes the session lasts until the program has ended
/// and nobody has its output open any more; with a terminal, until the program has ended.
pub struct ProcessSession {
    options: Arc<ProcessOptions>,
    peer: PeerInfo,
    environment: Environment,
    terminal: Option<(Pty, Terminal)>,
    agent: Option<AgentSocket>,
}

impl std::fmt::Debug for ProcessSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProcessSession").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl ProcessSession {
    /// A session for that peer.
    pub fn new(options: Arc<ProcessOptions>, peer: PeerInfo) -> Self {
        Self { options, peer, environment: Environment::default(), terminal: None, agent: None }
    }

    /// The command line to run, if there is such a thing: the outer `None` refuses, the inner means a login shell.
    fn command_line(&mut self, request: &StartRequest) -> Option<Option<OsString>> {
        let asked = match request {
            StartRequest::Shell => None,
            StartRequest::Exec(command) => Some(OsStr::from_bytes(command).to_owned()),
            StartRequest::Subsystem(name) => Some(OsString::from(match self.options.subsystems.get(name) {
                Some(command) => command,
                None if name == SFTP && self.options.sftp.is_some() => INTERNAL_SFTP,
                None => return None,
            })),
        };
        Some(match &self.options.forced_command {
            Some(forced) => {
                let forced = OsString::from(forced);
                if let Some(asked) = asked {
                    self.environment.set("SSH_ORIGINAL_COMMAND", asked);
                }
                Some(forced)
            }
            None => asked,
        })
    }

    fn command(&mut self, command_line: Option<OsString>) -> Command {
        let shell = self.options.shell().to_owned();
        let shell_name = shell.file_name().unwrap_or(shell.as_os_str());
        let mut command = Command::new(&shell);
        match command_line {
            Some(line) => {
                command.arg0(shell_name).arg("-c").arg(line);
            }
            // A minus before its name tells a shell that it is a login shell.
            None => {
                let mut name = OsString::from("-");
                name.push(shell_name);
                command.arg0(name);
            }
        }
        for (name, value) in &self.options.variables {
            self.environment.set(name, value);
        }
        self.environment.set_login(&self.options.account, shell.as_os_str(), &self.peer);
        if let Some((_, terminal)) = &self.terminal {
            self.environment.set("SSH_TTY", &terminal.path);
        }
        if let Some(agent) = &self.agent {
            self.environment.set("SSH_AUTH_SOCK", agent.path());
        }
        command
            .env_clear()
            .envs(std::mem::take(&mut self.environment).into_variables())
            .current_dir(self.options.working_directory());
        command
    }

    /// What files the request is for, if they are served here.
    fn served_files(&self, request: &StartRequest) -> Option<&SftpOptions> {
        let is_subsystem = |name| matches!(request, StartRequest::Subsystem(asked) if asked == name);
        let is_served = match &self.options.forced_command {
            Some(forced) => forced.trim() == INTERNAL_SFTP,
            None => is_subsystem(SFTP) && !self.options.subsystems.contains_key(SFTP),
        };
        self.options.sftp.as_ref().filter(|_| is_served)
    }

    fn spawn(&mut self, request: &StartRequest) -> Option<io::Result<Program>> {
        if let Some(sftp) = self.served_files(request) {
            let filesystem = sftp.open(self.options.working_directory());
            let peer = self.peer;
            return Some(filesystem.map(|files| {
                let config = sftp.server.clone();
                let program = if sftp.log {
                    sftp_program(Arc::new(Logged::new(files, peer.to_string())), config)
                } else {
                    sftp_program(Arc::new(files), config)
                };
                Program::new(move |stream| async move { ended(peer, program.run(stream).await) })
            }));
        }
        let is_plain = self.terminal.is_none() && self.options.forced_command.is_none();
        if is_plain
            && let Some(program) = self.options.scp.program(
                request,
                self.options.working_directory(),
                self.options.sftp.as_ref(),
            )
        {
            return Some(Ok(program));
        }
        let command_line = self.command_line(request)?;
        let command = self.command(command_line);
        let peer = self.peer;
        // It lasts as long as the program.
        let agent = self.agent.take();
        Some(match self.terminal.take() {
            Some((pty, terminal)) => TerminalProcess::spawn(command, pty, terminal).map(|process| {
                Program::new(move |stream| async move {
                    let exit = process.run(stream).await;
                    drop(agent);
                    ended(peer, exit)
                })
            }),
            None => PipedProcess::spawn(command).map(|process| {
                Program::new(move |stream| async move {
                    let exit = process.run(stream).await;
                    drop(agent);
                    ended(peer, exit)
                })
            }),
        })
    }
}

fn ended(peer: PeerInfo, exit: Exit) -> Exit {
    tracing::info!(target: "konko::serve", %peer, ?exit, "session ends");
    exit
}

impl SessionHandler for ProcessSession {
    fn env(&mut self, name: &str, value: &[u8]) -> bool {
        let allowed = self.options.environment.allows(name);
        if allowed {
            self.environment.set_bytes(name, value);
        }
        allowed
    }

    fn pty(&mut self, request: PtyRequest) -> BoxFuture<'_, bool> {
        if !self.options.allow_pty {
            return Box::pin(ready(false));
        }
        let made = match pty::open(&request) {
            Ok(terminal) => {
                self.terminal = Some(terminal);
                self.environment.set("TERM", request.term);
                true
            }
            Err(error) => {
                tracing::warn!(target: "konko::serve", peer = %self.peer, %error, "no terminal can be made");
                false
            }
        };
        Box::pin(ready(made))
    }

    fn forward_agent(&mut self, agent: ForwardedAgent) -> BoxFuture<'_, bool> {
        let peer = self.peer;
        if !self.options.allow_agent_forwarding {
            tracing::info!(target: "konko::serve", %peer, "agent forwarding is refused");
            return Box::pin(ready(false));
        }
        match AgentSocket::new(agent) {
            Ok(socket) => self.agent = Some(socket),
            Err(error) => {
                tracing::warn!(target: "konko::serve", %peer, %error, "no socket can be made for the agent");
            }
        }
        Box::pin(ready(self.agent.is_some()))
    }

    fn start(&mut self, request: StartRequest) -> BoxFuture<'_, Option<Program>> {
        let peer = self.peer;
        let (kind, text) = match &request {
            StartRequest::Shell => ("shell", &b""[..]),
            StartRequest::Exec(command) => ("exec", &command[..]),
            StartRequest::Subsystem(name) => ("subsystem", name.as_bytes()),
        };
        let program = match self.spawn(&request) {
            None => {
                tracing::info!(target: "konko::serve", %peer, name = %LogText(text), "no such subsystem");
                None
            }
            Some(Ok(program)) => {
                tracing::info!(target: "konko::serve", %peer, kind, command = %LogText(text), "session starts");
                Some(program)
            }
            Some(Err(error)) => {
                tracing::warn!(target: "konko::serve", %peer, kind, %error, "no program can be started");
                None
            }
        };
        Box::pin(ready(program))
    }
}
