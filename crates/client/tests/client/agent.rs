//! Agents: the connection, the listener, and forwarding to a server that may ask for more than it should.

use crate::scripted_server::{ScriptedServer, client, key, options};
use konko_client::agent::protocol::keys::PrivateKey;
use konko_client::agent::protocol::{
    AddIdentity, AgentError, AgentKey, Asking, Constraint, KeyringConfig, SignQuestion,
};
use konko_client::agent::{
    AgentConnection, AgentListener, AgentSource, Error, LocalAgent, SignConfirmer, SystemAgent,
};
use konko_client::transport::wire::encode::{put_string, put_u32};
use konko_client::{BoxedFuture, Credential, SshClient, blocking};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

fn identity(key: &PrivateKey, constraints: &[Constraint]) -> AddIdentity {
    let key = AgentKey::new(key.clone());
    AddIdentity { key, comment: "a key".into(), constraints: constraints.to_vec() }
}

fn agent_with(key: &PrivateKey) -> LocalAgent {
    let agent = LocalAgent::new(KeyringConfig::default());
    agent.add(identity(key, &[])).expect("added");
    agent
}

/// What the client's agent answers to these bytes of the server.
async fn ask_agent(client: &SshClient, bytes: &[u8]) -> Vec<u8> {
    let answer = client.connection().global_request("ask-agent@test", bytes, None).await;
    answer.expect("the connection lives").expect("an answer").to_vec()
}

/// covers: E11, H21
#[tokio::test]
async fn the_agent_is_there_for_servers_that_were_asked_to_forward_it_only() {
    let (client, key) = (client().await, key());
    assert_eq!(ask_agent(&client, &[0, 0, 0, 1, 11]).await, b"refused");
    let source = AgentSource::Local(agent_with(&key));
    client.command("status:0 eof close").forward_agent(source).output().await.expect("an output");
    let answer = ask_agent(&client, &[0, 0, 0, 1, 11]).await;
    let blob = key.public_key().blob();
    assert!(answer[4] == 12 && answer.windows(blob.len()).any(|window| window == blob));
    // Each channel is a connection of its own, and messages are counted on each.
    let two = ask_agent(&client, &[0, 0, 0, 1, 11, 0, 0, 0, 1, 11]).await;
    assert_eq!(two, [answer.as_slice(), &answer].concat());
    for hostile in [&[0, 0, 0, 0][..], &[0, 4, 0, 1, 11], &[255; 8]] {
        assert_eq!(ask_agent(&client, hostile).await, b"");
    }
    assert_eq!(ask_agent(&client, &[0, 0, 0, 1, 11]).await, answer);
    client.close().await;
}

/// covers: E11
#[tokio::test]
async fn without_an_agent_the_channel_is_refused() {
    let client = client().await;
    let source = AgentSource::Path("/no/such/agent".into());
    client.command("status:0 eof close").require_agent(source).output().await.expect("an output");
    assert_eq!(ask_agent(&client, &[0, 0, 0, 1, 11]).await, b"refused");
}

/// Writes down what it was asked, and says yes.
#[derive(Default)]
struct Remembering(Mutex<Vec<SignQuestion>>);

impl SignConfirmer for Remembering {
    fn confirm(&self, question: SignQuestion) -> BoxedFuture<'_, bool> {
        self.0.lock().expect("no panic").push(question);
        Box::pin(async { true })
    }
}

/// covers: E06, E12
#[tokio::test]
async fn an_agent_knows_what_comes_from_afar() {
    let (client, key) = (client().await, key());
    let asked = Arc::new(Remembering::default());
    let config = KeyringConfig { asking: Asking::WhenForwarded, ..KeyringConfig::default() };
    let agent = LocalAgent::with_confirmer(config, Arc::clone(&asked) as Arc<dyn SignConfirmer>);
    agent.add(identity(&key, &[])).expect("added");
    agent.connect().sign(key.public_key().blob(), b"near", "ssh-ed25519").await.expect("signed");
    assert!(asked.0.lock().expect("no panic").is_empty());
    let source = AgentSource::Local(agent);
    client.command("status:0 eof close").forward_agent(source).output().await.expect("an output");
    let mut message = vec![13];
    put_string(&mut message, key.public_key().blob());
    put_string(&mut message, b"afar");
    put_u32(&mut message, 0);
    let mut request = Vec::new();
    put_string(&mut request, &message);
    assert_eq!(ask_agent(&client, &request).await[4], 14);
    let asked = asked.0.lock().expect("no panic");
    assert!(asked.len() == 1 && asked[0].is_forwarded && asked[0].comment == "a key");
}

#[tokio::test]
async fn a_login_with_a_key_of_an_agent() {
    let key = key();
    let server = ScriptedServer {
        chain: vec![konko_client::transport::userauth::MethodName::PublicKey],
        keys: vec![key.public_key().clone()],
        ..ScriptedServer::default()
    };
    let mut options = options();
    let agent = SystemAgent::new(AgentSource::Local(agent_with(&key)));
    options.credentials = vec![Credential::agent(agent)];
    let server = Arc::new(server);
    for _ in 0..3 {
        let client = server.connect(&options).await.expect("logged in");
        client.close().await;
    }
    let nobody = SystemAgent::new(AgentSource::Path("/no/such/agent".into()));
    options.credentials = vec![Credential::agent(nobody)];
    let error = server.connect(&options).await.expect_err("there is no key");
    assert!(matches!(error, konko_client::Error::Authentication(_)), "{error}");
}

/// Never answers; tells when it is given up.
#[derive(Default)]
struct Silent {
    asked: Notify,
    given_up: Arc<Notify>,
}

struct Gone(Arc<Notify>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl SignConfirmer for Silent {
    fn confirm(&self, _question: SignQuestion) -> BoxedFuture<'_, bool> {
        Box::pin(async {
            let _gone = Gone(Arc::clone(&self.given_up));
            self.asked.notify_one();
            std::future::pending().await
        })
    }
}

/// covers: E13
#[tokio::test]
async fn a_client_that_goes_away_takes_its_question_along() {
    let key = key();
    let silent = Arc::new(Silent::default());
    let confirmer = Arc::clone(&silent) as Arc<dyn SignConfirmer>;
    let agent = LocalAgent::with_confirmer(KeyringConfig::default(), confirmer);
    agent.add(identity(&key, &[Constraint::Confirm])).expect("added");
    let connection = agent.connect();
    let other = agent.connect();
    let blob = key.public_key().blob().to_vec();
    let signing = {
        let (connection, blob) = (connection.clone(), blob.clone());
        tokio::spawn(async move { connection.sign(&blob, b"data", "ssh-ed25519").await })
    };
    silent.asked.notified().await;
    assert_eq!(other.identities().await.expect("a list").len(), 1, "others are not held up");
    signing.abort();
    drop(connection);
    silent.given_up.notified().await;
    assert_eq!(other.identities().await.expect("a list").len(), 1);
}

/// covers: E13
#[tokio::test]
async fn an_answer_that_nobody_waits_for_is_not_given_to_another() {
    let (ours, mut theirs) = tokio::io::duplex(1024);
    let connection = AgentConnection::over(ours, None);
    let forgotten = {
        let connection = connection.clone();
        tokio::spawn(async move { connection.identities().await })
    };
    let mut request = [0; 5];
    theirs.read_exact(&mut request).await.expect("a request");
    forgotten.abort();
    assert!(forgotten.await.is_err_and(|error| error.is_cancelled()));
    let second = tokio::spawn(async move { connection.remove_all().await });
    theirs.read_exact(&mut request).await.expect("another");
    assert_eq!(request[4], 19);
    theirs.write_all(&[0, 0, 0, 5, 12, 0, 0, 0, 0, 0, 0, 0, 1, 6]).await.expect("both answers");
    second.await.expect("no panic").expect("its own answer");
}

/// covers: E02
#[tokio::test(start_paused = true)]
async fn an_agent_that_says_nothing_or_nonsense_is_given_up() {
    let (ours, theirs) = tokio::io::duplex(1024);
    let connection = AgentConnection::over(ours, Some(Duration::from_secs(60)));
    assert!(matches!(connection.identities().await, Err(Error::TimedOut)));
    assert!(matches!(connection.identities().await, Err(Error::Agent(AgentError::Closed))));
    drop(theirs);

    let (ours, mut theirs) = tokio::io::duplex(1024);
    let connection = AgentConnection::over(ours, None);
    theirs.write_all(&[255; 4]).await.expect("written");
    assert!(connection.identities().await.is_err());

    let (ours, theirs) = tokio::io::duplex(1024);
    let connection = AgentConnection::over(ours, None);
    drop(theirs);
    assert!(matches!(connection.identities().await, Err(Error::Agent(AgentError::Closed))));
}

/// covers: E09
#[tokio::test]
async fn a_socket_is_its_owners_only_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let mode = |path: &std::path::Path| {
        std::fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o7777
    };
    let listener = AgentListener::private_in(folder.path()).expect("a socket");
    let path = listener.path().to_owned();
    let directory = path.parent().expect("a directory").to_owned();
    assert_eq!((mode(&path), mode(&directory)), (0o600, 0o700));
    drop(listener);
    assert!(!directory.exists());

    let path = folder.path().join("socket");
    let listener = AgentListener::bind(&path).expect("a socket");
    assert!(AgentListener::bind(&path).is_err(), "what is there stays");
    assert!(path.exists());
    // Somebody else's file in its place is not removed.
    std::fs::remove_file(&path).expect("removed");
    std::fs::write(&path, "another").expect("written");
    drop(listener);
    assert!(path.exists());
    assert!(AgentListener::bind(&path).is_err());
    assert!(AgentListener::bind(folder.path().join("x".repeat(200))).is_err(), "it is not cut off");
}

#[test]
fn the_connection_that_waits_needs_no_runtime() {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let key = key();
    let agent = agent_with(&key);
    let entered = runtime.enter();
    let listener = AgentListener::bind(folder.path().join("socket")).expect("a socket");
    drop(entered);
    let path = listener.path().to_owned();
    let serving = runtime.spawn(async move { listener.serve(&agent).await });
    let connection = blocking::AgentConnection::connect(&path).expect("connected");
    assert_eq!(connection.identities().expect("a list").len(), 1);
    let signature = connection.sign(key.public_key().blob(), b"data", "ssh-ed25519").expect("signed");
    let row = &konko_client::agent::protocol::keys::signature_algorithm::SSH_ED25519;
    key.public_key().verify(row, b"data", &signature).expect("a good one");
    connection.remove_all().expect("removed");
    assert!(connection.identities().expect("a list").is_empty());
    serving.abort();
}

/// covers: E13
#[tokio::test]
async fn a_hundred_clients_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = key();
    let agent = agent_with(&key);
    let listener = AgentListener::bind(folder.path().join("socket")).expect("a socket");
    let path = listener.path().to_owned();
    let serving = tokio::spawn(async move { listener.serve(&agent).await });
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..100u8 {
        let (path, key) = (path.clone(), key.clone());
        clients.spawn(async move {
            let connection = AgentConnection::connect(&path).await.expect("connected");
            let blob = key.public_key().blob();
            let signature = connection.sign(blob, &[number], "ssh-ed25519").await.expect("signed");
            let row = &konko_client::agent::protocol::keys::signature_algorithm::SSH_ED25519;
            key.public_key().verify(row, &[number], &signature).expect("its own");
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended.expect("no panic");
    }
    serving.abort();
}
