//! Agents with many keys, real ones and one of this process, and OpenSSH's server.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use konko_client::agent::{AgentSource, SystemAgent};
use konko_client::{
    AddKeysToAgent, AgentIdentity, AttemptResult, BoxedFuture, Credential, Error, KeyAgent, Prompter,
    SignatureRequest, SignerError, blocking,
};
use konko_tests::peers::process::{Process, START};
use konko_tests::peers::run::RUN;
use konko_tests::peers::{KeyFile, KeyKind, Sshd, SshdOptions, TestAccount, require_peer, run};
use tempfile::TempDir;

use crate::login::setup::{Pocket, beside, certified, in_with, me};
use crate::our_client::Target;
use crate::runtime::{block_on, run_test, runtime};
use crate::table::ensure;
use crate::user::User;

/// `MaxAuthTries 3`, eight keys in the agent, and the right one is the last: it has to be named.
#[test]
fn eight_keys_in_an_agent_and_three_tries() {
    let user = User::with(&[KeyKind::Ed25519; 8]);
    let right = &user.keys[7];
    let Some(sshd) = SshdOptions::default().line("MaxAuthTries 3").authorize(right).start() else { return };
    let target = Target::sshd(&sshd);
    let agent = Pocket::with(&user.keys);
    let unnamed = me(&target).with_credential(Credential::Agent(Arc::clone(&agent) as _));
    run_test(async {
        match target.try_connect(&unnamed).await {
            Err(error @ Error::Disconnected { .. }) => {
                ensure(error.to_string().contains("Too many authentication failures"), error)
            }
            other => Err(format!("eight keys and three tries: {other:?}").into()),
        }
    });
    assert_eq!(agent.signatures(), 0, "only the right key signs");
    // By its public half, by its private file, and with nothing else from the agent.
    let ways = [
        (Credential::key_file(&right.public), false),
        (Credential::key_file(&right.private), false),
        (Credential::key_file(&right.public), true),
    ];
    for (credential, only) in ways {
        let agent = Pocket::with(&user.keys);
        let mut options = me(&target)
            .with_credential(credential)
            .with_credential(Credential::Agent(Arc::clone(&agent) as _));
        options.identities_only = only;
        let report = block_on(in_with(&target, &options)).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(report.attempts.iter().filter(|a| a.algorithm.is_some()).count(), 1, "{report}");
        assert_eq!(agent.signatures(), usize::from(only || report.to_string().contains("signed by")));
    }
}

/// A real `ssh-agent` with a socket of its own.
struct SshAgent {
    socket: PathBuf,
    folder: TempDir,
    _process: Process,
}

impl SshAgent {
    fn start() -> Option<Self> {
        let program = require_peer("ssh-agent")?;
        let folder = TempDir::new().expect("a folder for the agent");
        let socket = folder.path().join("socket");
        let process =
            Process::spawn(Command::new(program).arg("-D").arg("-a").arg(&socket)).expect("ssh-agent");
        process.wait_for_line("SSH_AUTH_SOCK", START).expect("ssh-agent listens");
        Some(Self { socket, folder, _process: process })
    }

    fn add(&self, options: &[&str], key: &KeyFile) {
        let program = require_peer("ssh-add").expect("ssh-add is beside ssh-agent");
        let mut command = Command::new(program);
        command.args(options).arg(&key.private).env("SSH_AUTH_SOCK", &self.socket);
        run(&mut command, b"", RUN).expect("ssh-add").expect_success();
    }

    /// A key that may serve for logging in to this server only.
    fn add_for(&self, sshd: &Sshd, key: &KeyFile) {
        let known = self.folder.path().join("known_hosts");
        std::fs::write(&known, sshd.known_hosts()).expect("known_hosts");
        let host = format!("[{}]:{}", sshd.address().ip(), sshd.address().port());
        self.add(&["-q", "-H", &known.display().to_string(), "-h", &host], key);
    }

    fn credential(&self) -> Credential {
        Credential::agent(SystemAgent::new(AgentSource::Path(self.socket.clone())))
    }
}

#[test]
fn eight_keys_in_a_real_agent_and_three_tries() {
    let Some(agent) = SshAgent::start() else { return };
    let user = User::with(&[KeyKind::Ed25519; 8]);
    user.keys.iter().for_each(|key| agent.add(&["-q"], key));
    let right = &user.keys[7];
    let Some(sshd) = SshdOptions::default().line("MaxAuthTries 3").authorize(right).start() else { return };
    let target = Target::sshd(&sshd);
    let named =
        me(&target).with_credential(Credential::key_file(&right.public)).with_credential(agent.credential());
    let report = block_on(in_with(&target, &named)).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(report.attempts.len(), 1, "{report}");
    assert!(report.to_string().contains("signed by the agent at"), "{report}");
    run_test(async {
        let unnamed = me(&target).with_credential(agent.credential());
        let error = target.try_connect(&unnamed).await.err().ok_or("eight keys and three tries")?;
        ensure(error.to_string().contains("Too many authentication failures"), error)
    });
}

/// The agent signs for one server only, and knows it by the binding of the connection.
#[test]
fn a_key_that_is_restricted_to_one_destination() {
    let (Some(agent), user) = (SshAgent::start(), User::with(&[KeyKind::Ed25519, KeyKind::Rsa(2048)])) else {
        return;
    };
    let options = || SshdOptions::default().authorize(&user.keys[0]).authorize(&user.keys[1]);
    let (Some(here), Some(there)) = (options().start(), options().start()) else { return };
    user.keys.iter().for_each(|key| agent.add_for(&here, key));
    let permitted = Target::sshd(&here);
    let login = me(&permitted).with_credential(agent.credential());
    let report = block_on(in_with(&permitted, &login)).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(report.attempts.last().map(|a| a.result.clone()), Some(AttemptResult::Accepted), "{report}");
    let refused = Target::sshd(&there);
    run_test(async {
        let login = me(&refused).with_credential(agent.credential());
        match refused.try_connect(&login).await {
            Err(Error::Authentication(report)) => {
                ensure(!report.attempts.iter().any(|a| a.result == AttemptResult::Accepted), &report)
            }
            other => Err(format!("a key that is not for this server: {other:?}").into()),
        }
    });
    // Who does not tell the agent on which connection it is gets no signature.
    let unbound = Unbound(SystemAgent::new(AgentSource::Path(agent.socket.clone())));
    let login = me(&permitted).with_credential(Credential::agent(unbound));
    run_test(async {
        let error =
            permitted.try_connect(&login).await.err().ok_or("an unbound connection was signed for")?;
        ensure(error.to_string().contains("publickey"), error)
    });
}

/// `AddKeysToAgent`: the key that was opened to sign is in the agent afterwards, and with it the next login succeeds
/// without the file.
#[test]
fn a_key_that_was_used_is_given_to_the_agent() {
    let (Some(agent), user) = (SshAgent::start(), User::with(&[KeyKind::Ed25519, KeyKind::Ed25519])) else {
        return;
    };
    let Some(sshd) = SshdOptions::default().authorize(&user.keys[1]).start() else { return };
    let target = Target::sshd(&sshd);
    let system = || SystemAgent::new(AgentSource::Path(agent.socket.clone()));
    let mut options = me(&target)
        .with_credential(Credential::key_file(&user.keys[0].private))
        .with_credential(Credential::key_file(&user.keys[1].private));
    let mut adding = AddKeysToAgent::new(Arc::new(system()));
    adding.lifetime = Some(std::time::Duration::from_secs(600));
    options.add_keys_to_agent = Some(adding);
    block_on(in_with(&target, &options)).unwrap_or_else(|failure| panic!("{failure}"));
    let listed = runtime().block_on(system().identities()).expect("the agent's list");
    let listed: Vec<_> = listed.into_iter().map(|key| key.identity.fingerprint().to_string()).collect();
    assert_eq!(listed, [user.keys[1].fingerprint()], "the refused key was not opened");
    let options = me(&target).with_credential(agent.credential());
    block_on(in_with(&target, &options)).unwrap_or_else(|failure| panic!("{failure}"));
}

/// Gives leave, or not.
struct Leave(bool);

impl Prompter for Leave {
    fn add_key_to_agent<'a>(&'a self, _: &'a std::path::Path, _: &'a str) -> BoxedFuture<'a, bool> {
        Box::pin(async { self.0 })
    }
}

/// `AddKeysToAgent ask`
#[test]
fn a_key_is_given_to_the_agent_with_leave() {
    let (Some(agent), user) = (SshAgent::start(), User::new()) else { return };
    let Some(sshd) = SshdOptions::default().authorize(user.key()).start() else { return };
    let target = Target::sshd(&sshd);
    let system = || SystemAgent::new(AgentSource::Path(agent.socket.clone()));
    for (leave, expected) in [(None, 0), (Some(false), 0), (Some(true), 1)] {
        let mut options = me(&target).with_credential(Credential::key_file(&user.key().private));
        let mut adding = AddKeysToAgent::new(Arc::new(system()));
        adding.ask = true;
        options.add_keys_to_agent = Some(adding);
        options.prompter = leave.map(|leave| Arc::new(Leave(leave)) as Arc<dyn Prompter>);
        block_on(in_with(&target, &options)).unwrap_or_else(|failure| panic!("{failure}"));
        let listed = runtime().block_on(system().identities()).expect("the agent's list");
        assert_eq!(listed.len(), expected, "{leave:?}");
    }
}

/// `ssh-add` adds the certificate that lies beside the key, and the agent lists both.
#[test]
fn a_certificate_in_a_real_agent() {
    let Some(agent) = SshAgent::start() else { return };
    let name = TestAccount::current().name;
    let (user, authority) = certified(&[KeyKind::Rsa(2048)], &["-n", &name]);
    agent.add(&["-q"], user.key());
    let line = format!("TrustedUserCAKeys {}", authority.public.display());
    let Some(sshd) = SshdOptions::default().line(&line).start() else { return };
    let target = Target::sshd(&sshd);
    let options = me(&target).with_credential(agent.credential());
    let report = block_on(in_with(&target, &options)).unwrap_or_else(|failure| panic!("{failure}"));
    let accepted = report.attempts.last().expect("an attempt");
    assert_eq!(accepted.algorithm, Some("rsa-sha2-512-cert-v01@openssh.com"), "{report}");
}

/// The client that waits, without any runtime, with a real agent, a certificate file, and two steps of the plan.
#[test]
fn the_client_that_waits_uses_the_same_plan() {
    let Some(agent) = SshAgent::start() else { return };
    let name = TestAccount::current().name;
    let (user, authority) = certified(&[KeyKind::Ed25519, KeyKind::Ed25519], &["-n", &name]);
    let (certificate, moved) = (beside(user.key()), user.path("elsewhere-cert.pub"));
    std::fs::rename(certificate, &moved).expect("moved");
    agent.add(&["-q"], user.key());
    let line = format!("TrustedUserCAKeys {}", authority.public.display());
    let Some(sshd) = SshdOptions::default().line(&line).start() else { return };
    let target = Target::sshd(&sshd);
    let options =
        me(&target).with_credential(Credential::CertificateFile(moved)).with_credential(agent.credential());
    let client = blocking::SshClient::connect(sshd.address().to_string(), &options)
        .unwrap_or_else(|error| panic!("{error}"));
    let report = client.info().expect("connected").login;
    let accepted = report.attempts.last().expect("an attempt");
    assert_eq!(accepted.algorithm, Some("ssh-ed25519-cert-v01@openssh.com"), "{report}");
    assert!(accepted.credential.contains("signed by the agent at"), "{report}");
    assert_eq!(client.command("id -un").output().expect("ended").stdout, format!("{name}\n").into_bytes());
}

/// An agent that is not told of connections.
struct Unbound(SystemAgent);

impl KeyAgent for Unbound {
    fn identities(&self) -> BoxedFuture<'_, Result<Vec<AgentIdentity>, SignerError>> {
        self.0.identities()
    }

    fn sign(&self, request: SignatureRequest) -> BoxedFuture<'_, Result<Vec<u8>, SignerError>> {
        self.0.sign(request)
    }
}
