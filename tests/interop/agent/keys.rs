//! The keys of an agent: our client with both agents, `ssh-add` with ours.

use std::sync::Arc;

use konko_client::agent::protocol::keys::{Certificate, PublicKey, signature_algorithm};
use konko_client::agent::protocol::{AddIdentity, AgentKey, Constraint, KeyringConfig, SignQuestion};
use konko_client::agent::{AgentConnection, Error, LocalAgent, SignConfirmer};
use konko_client::{BoxedFuture, blocking};
use konko_tests::peers::KeyFile;

use crate::runtime::run_test;
use crate::table::{Failure, ensure};
use crate::user::{ALL_KINDS, User};

use super::running::{RunningAgent, identity, key, refused, text};

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
