//! Agents: our client with `ssh-agent`, `ssh-add` with our agent, logins and forwarding with both.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use konko_client::agent::protocol::keys::{Certificate, PrivateKey, PublicKey, signature_algorithm};
use konko_client::agent::protocol::{
    AddIdentity, AgentError, AgentKey, Constraint, DestinationConstraint, Hop, HostKeySpecification,
    KeyringConfig, SignQuestion,
};
use konko_client::agent::{
    AgentConnection, AgentListener, AgentSource, Error, LocalAgent, SignConfirmer, SystemAgent,
};
use konko_client::{BoxedFuture, Credential, SshClient, blocking};
use konko_tests::peers::run::RUN;
use konko_tests::peers::{
    Finished, KeyFile, KeyKind, Process, Ssh, Sshd, SshdOptions, TestAccount, process, require_peer, run,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::our_client::{Target, exchange};
use crate::our_server::{OurServerOptions, USER, read_key};
use crate::runtime::{run_test, runtime};
use crate::table::{Failure, ensure};
use crate::user::{ALL_KINDS, User};

/// An agent, OpenSSH's or ours, while it runs.
struct RunningAgent {
    path: PathBuf,
    process: Option<Process>,
    serving: Option<JoinHandle<()>>,
    local: Option<LocalAgent>,
    _folder: TempDir,
}

impl RunningAgent {
    /// OpenSSH's. Says SKIP where it is not installed.
    fn openssh() -> Option<Self> {
        let program = require_peer("ssh-agent")?;
        let folder = TempDir::new().expect("a folder for the agent");
        let path = folder.path().join("agent");
        let process =
            Process::spawn(Command::new(program).arg("-D").arg("-a").arg(&path)).expect("ssh-agent");
        process.wait_for_line("SSH_AUTH_SOCK", process::START).expect("ssh-agent tells its socket");
        Some(Self { path, process: Some(process), serving: None, local: None, _folder: folder })
    }

    /// Ours, in this process.
    fn ours(agent: LocalAgent) -> Self {
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

    fn name(&self) -> &'static str {
        if self.process.is_some() { "OpenSSH's agent" } else { "our agent" }
    }

    /// Both kinds.
    fn both() -> Vec<Self> {
        let mut agents = vec![Self::ours(LocalAgent::new(KeyringConfig::default()))];
        agents.extend(Self::openssh());
        agents
    }

    fn ssh_add(&self, arguments: &[&str], answer: Option<&str>) -> Option<Finished> {
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

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn key(file: &KeyFile) -> PrivateKey {
    read_key(&file.private)
}

fn identity(file: &KeyFile) -> AddIdentity {
    AddIdentity::new(AgentKey::new(key(file)), "a comment")
}

fn refused<T>(result: Result<T, Error>) -> Result<(), Failure> {
    match result {
        Err(Error::Agent(AgentError::Refused { .. })) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Err("it was not refused".into()),
    }
}

#[test]
fn our_client_with_both_agents() {
    let user = User::with(&ALL_KINDS);
    let authority = User::new();
    for agent in RunningAgent::both() {
        run_test(manage(&agent, &user, authority.key()));
    }
}

async fn manage(agent: &RunningAgent, user: &User, authority: &KeyFile) -> Result<(), Failure> {
    let connection = AgentConnection::connect(&agent.path).await?;
    ensure(connection.identities().await?.is_empty(), "it begins empty")?;
    for file in &user.keys {
        connection.add(&identity(file)).await?;
        let key = key(file);
        for row in signature_algorithm::for_key_type(key.public_key().key_type()).filter(|row| !row.legacy) {
            let signature = connection.sign(key.public_key().blob(), b"data", row.name).await?;
            key.public_key().verify(row, b"data", &signature)?;
        }
    }
    let listed = connection.identities().await?;
    ensure(listed.len() == user.keys.len(), format!("{listed:?}"))?;
    for (listed, file) in listed.iter().zip(&user.keys) {
        let (public, _) = PublicKey::from_openssh(&file.public_line())?;
        ensure(listed.blob == public.blob() && listed.comment == "a comment", format!("{listed:?}"))?;
    }
    if let Some(finished) = agent.ssh_add(&["-L"], None) {
        let lines: Vec<_> = user.keys.iter().map(|file| file.type_and_key() + " a comment").collect();
        ensure(finished.stdout_text() == lines.join("\n") + "\n", finished.stdout_text())?;
    }

    // Twenty requests on the way at once.
    let blob = listed[0].blob.clone();
    let mut signing = tokio::task::JoinSet::new();
    for number in 0..20u8 {
        let (connection, blob) = (connection.clone(), blob.clone());
        signing.spawn(async move { (number, connection.sign(&blob, &[number], "ssh-ed25519").await) });
    }
    while let Some(signed) = signing.join_next().await {
        let (number, signature) = signed?;
        key(&user.keys[0]).public_key().verify(&signature_algorithm::SSH_ED25519, &[number], &signature?)?;
    }

    certificates(&connection, user, authority).await?;

    connection.lock(b"secret").await?;
    ensure(connection.identities().await?.is_empty(), "it is locked")?;
    refused(connection.unlock(b"wrong").await)?;
    connection.unlock(b"secret").await?;
    connection.remove(&blob).await?;
    refused(connection.remove(&blob).await)?;
    refused(connection.sign(&blob, b"data", "ssh-ed25519").await)?;
    refused(connection.add_smartcard(b"/no/such/library.so", b"", &[]).await)?;
    refused(connection.remove_smartcard(b"/no/such/library.so", b"").await)?;
    refused(connection.extension("x@example", b"").await)?;
    connection.remove_all().await?;
    ensure(connection.identities().await?.is_empty(), "all are removed")?;

    let mut limited = identity(&user.keys[0]);
    limited.constraints = vec![Constraint::Lifetime { seconds: 3600 }];
    connection.add(&limited).await?;
    limited.constraints = vec![Constraint::Extension { name: "x@example".into(), details: Vec::new() }];
    refused(connection.add(&limited).await)?;
    connection.remove_all().await?;
    Ok(())
}

async fn certificates(connection: &AgentConnection, user: &User, authority: &KeyFile) -> Result<(), Failure> {
    for file in &user.keys {
        let path = file.certify(authority, "somebody", &["-n", "root"]);
        let (certificate, _) = Certificate::from_openssh(std::fs::read_to_string(path)?.trim())?;
        let with = AgentKey::with_certificate(key(file), certificate.clone())?;
        connection.add(&AddIdentity::new(with, "certified")).await?;
        let rows = signature_algorithm::for_certificate_type(certificate.certificate_type());
        for row in rows.filter(|row| !row.legacy) {
            let signature = connection.sign(certificate.blob(), b"data", row.name).await?;
            certificate.public_key().verify(row.of_signature(), b"data", &signature)?;
        }
        connection.remove(certificate.blob()).await?;
    }
    Ok(())
}

#[test]
fn the_blocking_connection_with_both_agents() {
    let user = User::new();
    for agent in RunningAgent::both() {
        let connection = blocking::AgentConnection::connect(&agent.path).expect("a connection");
        connection.add(&identity(user.key())).expect("added");
        let public = key(user.key()).public_key().clone();
        let threads: Vec<_> = (0..4u8)
            .map(|number| {
                let (connection, public) = (connection.clone(), public.clone());
                std::thread::spawn(move || {
                    let signature = connection.sign(public.blob(), &[number], "ssh-ed25519").expect("signed");
                    let row = &signature_algorithm::SSH_ED25519;
                    public.verify(row, &[number], &signature).expect("its own signature");
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        assert_eq!(connection.identities().expect("a list").len(), 1);
    }
    let nobody = blocking::AgentConnection::connect("/no/such/socket");
    assert!(matches!(nobody, Err(Error::Connect { .. })));
}

#[test]
fn ssh_add_with_our_agent() {
    let user = User::with(&ALL_KINDS);
    let authority = User::new();
    let agent = RunningAgent::ours(LocalAgent::new(KeyringConfig::default()));
    let Some(empty) = agent.ssh_add(&["-l"], None) else { return };
    assert_eq!(empty.code(), Some(1), "{}", empty.stdout_text());
    assert_eq!(empty.stdout_text(), "The agent has no identities.\n");
    let add = |arguments: &[&str]| agent.ssh_add(arguments, None).expect("ssh-add");
    for file in &user.keys {
        file.certify(authority.key(), "somebody", &["-n", "root"]);
        add(&[text(&file.private)]).expect_success();
        add(&["-T", text(&file.public)]).expect_success();
    }
    let listed = add(&["-L"]).expect_success().stdout_text();
    assert_eq!(listed.lines().count(), 2 * user.keys.len(), "{listed}");
    assert_eq!(listed.matches("-cert-v01@openssh.com").count(), user.keys.len(), "{listed}");
    let fingerprints = add(&["-l"]).expect_success().stdout_text();
    for file in &user.keys {
        assert!(listed.contains(&file.type_and_key()), "{listed}");
        assert!(fingerprints.contains(&file.fingerprint()), "{fingerprints}");
        add(&["-d", text(&file.private)]).expect_success();
    }
    assert_eq!(add(&["-l"]).code(), Some(1));

    let file = text(&user.key().private);
    add(&["-t", "1h", file]).expect_success();
    let local = agent.local.as_ref().expect("it is ours");
    assert!(local.with(|keyring| keyring.next_expiry()).is_some());
    add(&["-D"]).expect_success();
    assert_ne!(add(&["-c", file]).code(), Some(0), "nobody is there to confirm");
    assert_ne!(add(&["-s", "/no/such/library.so"]).code(), Some(0));

    add(&[file]).expect_success();
    let locked = |arguments: &[&str], answer| agent.ssh_add(arguments, Some(answer)).expect("ssh-add");
    locked(&["-x"], "secret").expect_success();
    assert_eq!(add(&["-l"]).stdout_text(), "The agent has no identities.\n");
    assert_ne!(locked(&["-X"], "wrong").code(), Some(0));
    locked(&["-X"], "secret").expect_success();
    add(&["-l"]).expect_success();
}

/// Says yes to keys whose comment it knows.
struct ByComment(&'static str);

impl SignConfirmer for ByComment {
    fn confirm(&self, question: SignQuestion) -> BoxedFuture<'_, bool> {
        Box::pin(async move { question.comment == self.0 })
    }
}

#[test]
fn ssh_add_asks_our_agent_to_confirm() {
    let user = User::new();
    for (comment, allowed) in [("konko test key", true), ("another", false)] {
        let agent = LocalAgent::with_confirmer(KeyringConfig::default(), Arc::new(ByComment(comment)));
        let agent = RunningAgent::ours(agent);
        let Some(added) = agent.ssh_add(&["-c", text(&user.key().private)], None) else { return };
        added.expect_success();
        let tested = agent.ssh_add(&["-T", text(&user.key().public)], None).expect("ssh-add");
        assert_eq!(tested.code() == Some(0), allowed, "{}", tested.stderr_text());
    }
}

fn hop(user: &str, sshd: &Sshd) -> Hop {
    let (public, _) = PublicKey::from_openssh(&sshd.host_keys()[0].public_line()).expect("a host key");
    let host_keys = vec![HostKeySpecification { blob: public.blob().to_vec(), is_authority: false }];
    Hop { user: user.into(), host_name: "a.example".into(), host_keys }
}

fn restricted(file: &KeyFile, destinations: &[(Hop, Hop)]) -> AddIdentity {
    let destination = |(from, to): &(Hop, Hop)| DestinationConstraint { from: from.clone(), to: to.clone() };
    let constraint = Constraint::RestrictDestination(destinations.iter().map(destination).collect());
    AddIdentity { constraints: vec![constraint], ..identity(file) }
}

fn ssh_with(agent: &RunningAgent, sshd: &Sshd, name: &str) -> Option<Ssh> {
    let agent = format!("IdentityAgent={}", agent.path.display());
    Some(Ssh::new(sshd.address(), name)?.option("IdentitiesOnly=no").option(&agent))
}

/// What OpenSSH's agent refuses ours refuses, too, whoever asks.
#[test]
fn destinations_with_both_agents_and_both_clients() {
    let user = User::new();
    let (Some(allowed), Some(other)) = (
        SshdOptions::default().authorize(user.key()).start(),
        SshdOptions::default().authorize(user.key()).start(),
    ) else {
        return;
    };
    let name = TestAccount::current().name;
    for agent in RunningAgent::both() {
        for (user_name, fits) in [("", true), (name.as_str(), true), ("somebody-else", false)] {
            let only = restricted(user.key(), &[(Hop::default(), hop(user_name, &allowed))]);
            run_test(async {
                let connection = AgentConnection::connect(&agent.path).await?;
                connection.remove_all().await?;
                Ok(connection.add(&only).await?)
            });
            for (sshd, expected) in [(&allowed, fits), (&other, false)] {
                let what = format!("{}, user {user_name:?}, {expected}", agent.name());
                let Some(ssh) = ssh_with(&agent, sshd, &name) else { return };
                let finished = ssh.option("LogLevel=DEBUG1").run("exit 0", b"");
                assert_eq!(finished.code() == Some(0), expected, "ssh: {what}: {}", finished.stderr_text());
                let source = AgentSource::Path(agent.path.clone());
                let target = Target::sshd(sshd);
                let credential = Credential::agent(SystemAgent::new(source));
                let options = target.options(&name).with_credential(credential);
                run_test(async {
                    for _ in 0..2 {
                        let connected = target.try_connect(&options).await;
                        ensure(
                            connected.is_ok() == expected,
                            format!("ours: {what}: {:?}", connected.err()),
                        )?;
                    }
                    Ok(())
                });
            }
        }
    }
}

/// Logs in from one server to the other with the agent that is forwarded there.
fn onward(sshd: &Sshd, name: &str) -> String {
    let address = sshd.address();
    format!(
        "ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o GlobalKnownHostsFile=/dev/null \
         -o BatchMode=yes -o PreferredAuthentications=publickey -o LogLevel=ERROR -p {} {name}@{} echo arrived",
        address.port(),
        address.ip()
    )
}

async fn arrives(client: &SshClient, agent: &RunningAgent, command: &str) -> Result<bool, Failure> {
    let source = AgentSource::Path(agent.path.clone());
    let output = client.command(command).require_agent(source).output().await?;
    Ok(output.stdout == b"arrived\n")
}

#[test]
fn our_client_forwards_both_agents_through_openssh() {
    let (user, agent_user) = (User::new(), User::new());
    let (Some(first), Some(second)) = (
        SshdOptions::default().authorize(user.key()).start(),
        SshdOptions::default().authorize(agent_user.key()).start(),
    ) else {
        return;
    };
    let name = TestAccount::current().name;
    let target = Target::sshd(&first);
    let options = target.options_with_key(user.key());
    for agent in RunningAgent::both() {
        run_test(async {
            let manager = AgentConnection::connect(&agent.path).await?;
            let client = target.connect(&options).await?;
            let list = || client.command("ssh-add -l | wc -l; ssh-add -l | wc -l");
            let none = list().output().await?;
            ensure(none.stdout == b"0\n0\n", String::from_utf8_lossy(&none.stdout))?;

            manager.add(&identity(agent_user.key())).await?;
            let source = AgentSource::Path(agent.path.clone());
            let both = list().forward_agent(source).output().await?;
            ensure(both.stdout == b"1\n1\n", String::from_utf8_lossy(&both.stdout))?;
            let many = "for i in 1 2 3 4 5 6 7 8; do ssh-add -l >/dev/null & done; wait; ssh-add -l | wc -l";
            let source = AgentSource::Path(agent.path.clone());
            let many = client.command(many).require_agent(source).output().await?;
            ensure(many.stdout == b"1\n", String::from_utf8_lossy(&many.stdout))?;
            let command = onward(&second, &name);
            ensure(arrives(&client, &agent, &command).await?, "an unrestricted key")?;

            manager.remove_all().await?;
            let to_first = (Hop::default(), hop("", &first));
            manager.add(&restricted(agent_user.key(), std::slice::from_ref(&to_first))).await?;
            ensure(!arrives(&client, &agent, &command).await?, "a key for the first host only")?;
            manager.remove_all().await?;
            let from_first = Hop { user: String::new(), ..hop("", &first) };
            let chain = [to_first, (from_first, hop(&name, &second))];
            manager.add(&restricted(agent_user.key(), &chain)).await?;
            ensure(arrives(&client, &agent, &command).await?, "a key for both")?;
            exchange(&client, 1000).await?;
            client.close().await;
            Ok(())
        });
    }
}

#[test]
fn an_agent_in_the_process_is_forwarded() {
    let (user, agent_user) = (User::new(), User::new());
    let Some(first) = SshdOptions::default().authorize(user.key()).start() else { return };
    let target = Target::sshd(&first);
    let options = target.options_with_key(user.key());
    run_test(async {
        let agent = LocalAgent::new(KeyringConfig::default());
        agent.add(identity(agent_user.key()))?;
        let client = target.connect(&options).await?;
        let output = client.command("ssh-add -L").forward_agent(AgentSource::Local(agent)).output().await?;
        let listed = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure(listed.starts_with(&agent_user.key().type_and_key()), listed)
    });
}

#[test]
fn openssh_forwards_both_agents_through_our_server() {
    let (user, agent_user) = (User::new(), User::new());
    let Some(second) = SshdOptions::default().authorize(agent_user.key()).start() else { return };
    let name = TestAccount::current().name;
    for permitted in [true, false] {
        let options = OurServerOptions::new(&user)
            .allow(|standard| standard.process.allow_agent_forwarding = permitted);
        let server = options.start();
        for agent in RunningAgent::both() {
            run_test(async {
                Ok(AgentConnection::connect(&agent.path).await?.add(&identity(agent_user.key())).await?)
            });
            let Some(ssh) = Ssh::new(server.address(), USER) else { return };
            let identity_agent = format!("IdentityAgent={}", agent.path.display());
            let ssh = ssh
                .identity(&user.key().private)
                .known_hosts(&server.known_hosts())
                .option(&identity_agent)
                .option("ForwardAgent=yes")
                .option("LogLevel=ERROR");
            let finished = ssh.run(&onward(&second, &name), b"");
            let arrived = finished.stdout_text() == "arrived\n";
            assert_eq!(arrived, permitted, "{}: {}", agent.name(), finished.stderr_text());
            let show = "echo $SSH_AUTH_SOCK; stat -c %a \"$(dirname \"$SSH_AUTH_SOCK\")\" \"$SSH_AUTH_SOCK\"; \
                        for i in 1 2 3 4; do ssh-add -l >/dev/null & done; wait; ssh-add -l | wc -l";
            let finished = ssh.run(show, b"");
            let text = finished.stdout_text();
            let lines: Vec<_> = text.lines().collect();
            if permitted {
                assert_eq!(&lines[1..], ["700", "600", "1"], "{text}{}", finished.stderr_text());
                assert!(!Path::new(lines[0]).exists(), "the socket stays behind");
                assert!(!Path::new(lines[0]).parent().expect("a directory").exists(), "its directory, too");
            } else {
                assert_eq!(lines.first(), Some(&""), "{text}");
            }
        }
    }
}

#[test]
fn our_client_forwards_through_our_server() {
    let (user, agent_user) = (User::new(), User::new());
    let server =
        OurServerOptions::new(&user).allow(|standard| standard.process.allow_agent_forwarding = true).start();
    let target = Target::new(server.address(), server.host_keys());
    let options = target.options(USER).with_credential(Credential::key_file(&user.key().private));
    if require_peer("ssh-add").is_none() {
        return;
    }
    run_test(async {
        let agent = LocalAgent::new(KeyringConfig::default());
        agent.add(identity(agent_user.key()))?;
        let client = target.connect(&options).await?;
        let command = client.command("ssh-add -L");
        let output = command.require_agent(AgentSource::Local(agent)).output().await?;
        let listed = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure(listed.starts_with(&agent_user.key().type_and_key()), listed)?;
        client.close().await;
        Ok(())
    });
}

#[test]
fn many_keys_in_an_agent() {
    let user = User::with(&[KeyKind::Ed25519; 4]);
    let Some(sshd) = SshdOptions::default().authorize(&user.keys[3]).start() else { return };
    for agent in RunningAgent::both() {
        let target = Target::sshd(&sshd);
        let source = AgentSource::Path(agent.path.clone());
        let options = target
            .options(&TestAccount::current().name)
            .with_credential(Credential::agent(SystemAgent::new(source)));
        run_test(async {
            let connection = AgentConnection::connect(&agent.path).await?;
            for file in &user.keys {
                connection.add(&identity(file)).await?;
            }
            let client = target.connect(&options).await?;
            exchange(&client, 1000).await
        });
    }
}

#[test]
fn the_blocking_client_forwards_every_agent() {
    let (user, agent_user) = (User::new(), User::new());
    let Some(first) = SshdOptions::default().authorize(user.key()).start() else { return };
    let target = Target::sshd(&first);
    let options = target.options_with_key(user.key());
    let local = LocalAgent::new(KeyringConfig::default());
    local.add(identity(agent_user.key())).expect("added");
    let running = RunningAgent::both();
    for agent in &running {
        let connection = blocking::AgentConnection::connect(&agent.path).expect("a connection");
        connection.add(&identity(agent_user.key())).expect("added");
    }
    let sources = running.iter().map(|agent| AgentSource::Path(agent.path.clone()));
    let address = first.address().to_string();
    for source in sources.chain([AgentSource::Local(local)]) {
        let client = blocking::SshClient::connect(address.as_str(), &options).expect("logged in");
        let none = client.command("ssh-add -L").output().expect("an output");
        assert_eq!(none.stdout, b"");
        for _ in 0..2 {
            let command = client.command("ssh-add -L; ssh-add -l >/dev/null; ssh-add -L");
            let output = command.require_agent(source.clone()).output().expect("an output");
            let listed = String::from_utf8_lossy(&output.stdout).into_owned();
            let line = agent_user.key().type_and_key() + " a comment\n";
            assert_eq!(listed, line.repeat(2), "{source}");
        }
        let missing = AgentSource::Path("/no/such/agent".into());
        let output = client.command("ssh-add -L").forward_agent(missing).output().expect("an output");
        assert_eq!(output.stdout, b"");
        client.close();
    }
}

/// covers: E09
#[test]
fn another_user_is_turned_away_even_where_the_socket_is_open() {
    use std::os::unix::fs::PermissionsExt;
    let (Some(setpriv), Some(ssh_add)) = (require_peer("setpriv"), require_peer("ssh-add")) else { return };
    if !TestAccount::current_is_root() {
        return konko_tests::peers::find::skip("only root can be another user");
    }
    let agent = LocalAgent::new(KeyringConfig::default());
    let user = User::new();
    agent.add(identity(user.key())).expect("added");
    let agent = RunningAgent::ours(agent);
    let open = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    let list = |identity: &[&str]| {
        let mut command = Command::new(&setpriv);
        command.args(identity).arg(&ssh_add).arg("-l").env("SSH_AUTH_SOCK", &agent.path);
        run(&mut command, b"", RUN).expect("ssh-add")
    };
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    assert_ne!(list(&nobody).code(), Some(0));
    let directories =
        agent.path.ancestors().skip(1).take_while(|path| path.starts_with(std::env::temp_dir()));
    for directory in directories.filter(|path| *path != std::env::temp_dir()) {
        open(directory, 0o755);
    }
    open(&agent.path, 0o666);
    let refused = list(&nobody);
    assert!(refused.code() != Some(0) && refused.stdout.is_empty(), "{}", refused.stdout_text());
    list(&["--reuid=0"]).expect_success();
}

/// An agent that knows which server it is asked for leaves out what leads elsewhere: no attempt is wasted on it.
#[test]
fn keys_for_other_hosts_cost_no_attempts() {
    let user = User::with(&[KeyKind::Ed25519; 9]);
    let wanted = SshdOptions::default().authorize(&user.keys[8]).line("MaxAuthTries 2").start();
    let (Some(wanted), Some(other)) = (wanted, SshdOptions::default().start()) else { return };
    let target = Target::sshd(&wanted);
    for agent in RunningAgent::both() {
        let source = AgentSource::Path(agent.path.clone());
        let options = target
            .options(&TestAccount::current().name)
            .with_credential(Credential::agent(SystemAgent::new(source)));
        run_test(async {
            let connection = AgentConnection::connect(&agent.path).await?;
            for (number, file) in user.keys.iter().enumerate() {
                let sshd = if number == 8 { &wanted } else { &other };
                connection.add(&restricted(file, &[(Hop::default(), hop("", sshd))])).await?;
            }
            let client = target.connect(&options).await?;
            exchange(&client, 1000).await
        });
    }
}
