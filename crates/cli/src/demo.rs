//! `konko demo`: a server and a client in one process, over the loopback interface.

use crate::exit::Failure;
use crate::notice::print;
use konko::client::{
    BoxedFuture, ClientOptions, Credential, HostKeyPolicy, HostKeyVerifier, HostName, SshClient,
};
use konko::server::{
    AuthDecision, AuthRequest, BoxFuture, Handler, PeerInfo, ProcessOptions, ProcessSession, Proof, Server,
    SessionHandler,
};
use konko::transport::crypto::random::SystemRandom;
use konko::transport::keys::private_key::{KeyKind, PrivateKey};
use konko::transport::keys::public_key::PublicKey;
use std::fmt::Display;
use std::future::ready;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// What is run; it uses both outputs and has a status of its own.
const COMMAND: &str =
    "echo \"hello from $(uname -s) through SSH\"; echo 'and a line on standard error' >&2; exit 7";
const STATUS: u32 = 7;
const USER: &str = "demo";

/// A server that lets one key in, and runs programs for it.
struct DemoHandler {
    key: PublicKey,
    peer: PeerInfo,
}

impl Handler for DemoHandler {
    fn authenticate<'a>(&'a self, request: AuthRequest<'a>) -> BoxFuture<'a, AuthDecision> {
        let good = match request.proof {
            Proof::PublicKeyQuery { key, .. } | Proof::PublicKey { key, .. } => *key == self.key,
            _ => false,
        };
        Box::pin(ready(if good && request.user_name == USER {
            AuthDecision::Accept
        } else {
            AuthDecision::Reject
        }))
    }

    fn open_session(&self) -> BoxFuture<'_, Option<Box<dyn SessionHandler>>> {
        let mut options = ProcessOptions::default();
        // What the user's own shell reads when it starts is not part of the show.
        options.shell = Some(PathBuf::from("/bin/sh"));
        let session = ProcessSession::new(Arc::new(options), self.peer);
        Box::pin(ready(Some(Box::new(session) as Box<dyn SessionHandler>)))
    }
}

/// Believes in one host key, and remembers when it was shown.
struct ExpectedHostKey {
    expected: PublicKey,
    shown_at: Mutex<Option<Instant>>,
}

impl HostKeyVerifier for ExpectedHostKey {
    fn verify<'a>(&'a self, _name: &'a HostName, key: &'a PublicKey) -> BoxedFuture<'a, Result<(), String>> {
        *self.shown_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        let verdict = if *key == self.expected { Ok(()) } else { Err("it is another one".to_owned()) };
        Box::pin(ready(verdict))
    }
}

/// Shows what happens, line by line.
///
/// # Errors
///
/// [`Failure`] if anything is not as it should be.
pub fn run() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::local("no runtime", error))?;
    runtime.block_on(show())
}

fn step(what: &str, took: Duration, detail: impl Display) -> Result<(), Failure> {
    let milliseconds = took.as_secs_f64() * 1000.0;
    say(format_args!("{what:<16} {milliseconds:>8.1} ms  {detail}"))
}

fn say(line: impl Display) -> Result<(), Failure> {
    print(line).map_err(|error| Failure::local("standard output", error))
}

fn new_key() -> Result<PrivateKey, Failure> {
    PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom)
        .map_err(|error| Failure::Other(format!("a key cannot be made: {error}")))
}

async fn show() -> Result<(), Failure> {
    let client_failed = |error| Failure::Client { host: "127.0.0.1".to_owned(), error: Box::new(error) };
    let began = Instant::now();
    let (host_key, user_key) = (new_key()?, new_key()?);
    let expected = host_key.public_key().clone();
    step("keys", began.elapsed(), "an Ed25519 key for the server, one for the user")?;

    let began = Instant::now();
    let key = user_key.public_key().clone();
    let handler = move |peer: &PeerInfo| DemoHandler { key: key.clone(), peer: *peer };
    let server = Server::builder().host_key(host_key).handler(handler).build()?;
    let listener = Server::listen("127.0.0.1:0").await?;
    let address = listener.local_addr().map_err(|error| Failure::local("the listening socket", error))?;
    let (end, ended) = oneshot::channel::<()>();
    let served = tokio::spawn(async move {
        // Dropping the other half is a wish for the end, too.
        server.serve(listener, async move { drop(ended.await) }).await;
    });
    step("server", began.elapsed(), format_args!("listening on {address}"))?;

    let began = Instant::now();
    let stream =
        TcpStream::connect(address).await.map_err(|error| Failure::local("cannot connect", error))?;
    stream.set_nodelay(true).map_err(|error| Failure::local("TCP_NODELAY", error))?;
    step("connect", began.elapsed(), "TCP over the loopback interface")?;

    let began = Instant::now();
    let verifier = Arc::new(ExpectedHostKey { expected, shown_at: Mutex::new(None) });
    let policy = HostKeyPolicy::Custom(Arc::clone(&verifier) as Arc<dyn HostKeyVerifier>);
    let options = ClientOptions::new(USER, policy).with_credential(Credential::private_key(user_key));
    let client =
        SshClient::over(stream, "127.0.0.1", address.port(), &options).await.map_err(client_failed)?;
    let logged_in = Instant::now();
    let shown_at = verifier.shown_at.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(logged_in);
    let info = client.info().map_err(client_failed)?;
    let negotiated = &info.negotiated;
    step("key exchange", shown_at - began, negotiated.kex.name)?;
    step("login", logged_in - shown_at, format_args!("publickey, {}", info.host_key.key_type()))?;

    let began = Instant::now();
    let output = client.command(COMMAND).output().await.map_err(client_failed)?;
    step("command", began.elapsed(), COMMAND)?;
    say(format_args!("  stdout: {}", String::from_utf8_lossy(&output.stdout).trim_end()))?;
    say(format_args!("  stderr: {}", String::from_utf8_lossy(&output.stderr).trim_end()))?;
    say(format_args!("  {}", output.status))?;

    let began = Instant::now();
    let answered = client.ping().await.map_err(client_failed)?;
    step("round trip", began.elapsed(), format_args!("an answer after {} µs", answered.as_micros()))?;

    let began = Instant::now();
    client.close().await;
    drop(end);
    served.await.map_err(|error| Failure::Other(format!("the server failed: {error}")))?;
    step("end", began.elapsed(), "client and server have ended")?;

    let mac = negotiated.mac_client_to_server.map_or("of the cipher", |mac| mac.name);
    say("")?;
    say(format_args!("server            {}", info.server_identification))?;
    say(format_args!("host key          {} {}", negotiated.host_key.name, info.host_key.fingerprint()))?;
    say(format_args!("key exchange      {}", negotiated.kex.name))?;
    say(format_args!("cipher            {}", negotiated.cipher_client_to_server.name))?;
    say(format_args!("integrity         {mac}"))?;
    say(format_args!("compression       {}", negotiated.compression_client_to_server.name))?;
    say(format_args!("strict exchange   {}", if info.strict_key_exchange { "yes" } else { "no" }))?;
    if output.status.code() != Some(STATUS) || output.stdout.is_empty() || output.stderr.is_empty() {
        return Err(Failure::Other("the command did not run as it should".to_owned()));
    }
    Ok(())
}
