//! An agent that runs, and what is asked of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use konko_client::agent::protocol::keys::{PrivateKey, PublicKey};
use konko_client::agent::protocol::{
    AddIdentity, AgentError, AgentKey, Constraint, DestinationConstraint, Hop, HostKeySpecification,
    KeyringConfig,
};
use konko_client::agent::{AgentListener, Error, LocalAgent};
use konko_tests::peers::run::RUN;
use konko_tests::peers::{Finished, KeyFile, Process, Ssh, Sshd, process, require_peer, run};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::our_server::read_key;
use crate::runtime::runtime;
use crate::table::Failure;

/// An agent, OpenSSH's or ours, while it runs.
pub(super) struct RunningAgent {
    pub(super) path: PathBuf,
    pub(super) process: Option<Process>,
    pub(super) serving: Option<JoinHandle<()>>,
    pub(super) local: Option<LocalAgent>,
    pub(super) _folder: TempDir,
}

impl RunningAgent {
    /// OpenSSH's. Says SKIP where it is not installed.
    pub(super) fn openssh() -> Option<Self> {
        let program = require_peer("ssh-agent")?;
        let folder = TempDir::new().expect("a folder for the agent");
        let path = folder.path().join("agent");
        let process =
            Process::spawn(Command::new(program).arg("-D").arg("-a").arg(&path)).expect("ssh-agent");
        process.wait_for_line("SSH_AUTH_SOCK", process::START).expect("ssh-agent tells its socket");
        Some(Self { path, process: Some(process), serving: None, local: None, _folder: folder })
    }

    /// Ours, in this process.
    pub(super) fn ours(agent: LocalAgent) -> Self {
        let folder = TempDir::new().expect("a folder for the agent");
        let _entered = runtime().enter();
        let listener = AgentListener::private_in(folder.path()).expect("a socket");
        let path = listener.path().to_owned();
        let served = agent.clone();
        let serving = runtime().spawn(async move {
            if let Err(error) = listener.serve(&served).await {
                panic!("{error}");
            }
        });
        Self { path, process: None, serving: Some(serving), local: Some(agent), _folder: folder }
    }

    pub(super) fn name(&self) -> &'static str {
        if self.process.is_some() { "OpenSSH's agent" } else { "our agent" }
    }

    /// Both kinds.
    pub(super) fn both() -> Vec<Self> {
        let mut agents = vec![Self::ours(LocalAgent::new(KeyringConfig::default()))];
        agents.extend(Self::openssh());
        agents
    }

    pub(super) fn ssh_add(&self, arguments: &[&str], answer: Option<&str>) -> Option<Finished> {
        let mut command = Command::new(require_peer("ssh-add")?);
        command.args(arguments).env("SSH_AUTH_SOCK", &self.path).env_remove("DISPLAY");
        let folder = TempDir::new().expect("a folder");
        if let Some(answer) = answer {
            let script = folder.path().join("askpass");
            std::fs::write(&script, format!("#!/bin/sh\necho '{answer}'\n")).expect("a script");
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).expect("a mode");
            command.env("SSH_ASKPASS", script).env("SSH_ASKPASS_REQUIRE", "force");
        }
        Some(run(&mut command, b"", RUN).expect("ssh-add"))
    }
}

impl Drop for RunningAgent {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

pub(super) fn key(file: &KeyFile) -> PrivateKey {
    read_key(&file.private)
}

pub(super) fn identity(file: &KeyFile) -> AddIdentity {
    AddIdentity::new(AgentKey::new(key(file)), "a comment")
}

pub(super) fn refused<T>(result: Result<T, Error>) -> Result<(), Failure> {
    match result {
        Err(Error::Agent(AgentError::Refused { .. })) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Err("it was not refused".into()),
    }
}

pub(super) fn hop(user: &str, sshd: &Sshd) -> Hop {
    let (public, _) = PublicKey::from_openssh(&sshd.host_keys()[0].public_line()).expect("a host key");
    let host_keys = vec![HostKeySpecification { blob: public.blob().to_vec(), is_authority: false }];
    Hop { user: user.into(), host_name: "a.example".into(), host_keys }
}

pub(super) fn restricted(file: &KeyFile, destinations: &[(Hop, Hop)]) -> AddIdentity {
    let destination = |(from, to): &(Hop, Hop)| DestinationConstraint { from: from.clone(), to: to.clone() };
    let constraint = Constraint::RestrictDestination(destinations.iter().map(destination).collect());
    AddIdentity { constraints: vec![constraint], ..identity(file) }
}

pub(super) fn ssh_with(agent: &RunningAgent, sshd: &Sshd, name: &str) -> Option<Ssh> {
    let agent = format!("IdentityAgent={}", agent.path.display());
    Some(Ssh::new(sshd.address(), name)?.option("IdentitiesOnly=no").option(&agent))
}
