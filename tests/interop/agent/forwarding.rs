//! Logins with agents, destinations, and forwarding.

use std::path::Path;
use std::process::Command;

use konko_client::agent::protocol::{Hop, KeyringConfig};
use konko_client::agent::{AgentConnection, AgentSource, LocalAgent, SystemAgent};
use konko_client::{Credential, SshClient, blocking};
use konko_tests::peers::run::RUN;
use konko_tests::peers::{KeyKind, Ssh, Sshd, SshdOptions, TestAccount, require_peer, run};

use crate::our_client::{Target, exchange};
use crate::our_server::{OurServerOptions, USER};
use crate::runtime::run_test;
use crate::table::{Failure, ensure};
use crate::user::User;

use super::running::{RunningAgent, hop, identity, restricted, ssh_with};

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
