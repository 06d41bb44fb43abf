//! A server and a client for the tests.

use konko_server::transport::channel::config::OpenOptions;
use konko_server::transport::channel::event::ChannelEvent;
use konko_server::transport::channel::open::ChannelKind;
use konko_server::transport::channel::request::ChannelRequest;
use konko_server::transport::crypto::random::SystemRandom;
use konko_server::transport::keys::private_key::{KeyKind, PrivateKey};
use konko_server::transport::userauth::Method;
use konko_server::transport::userauth::event::ClientAuthEvent;
use konko_server::transport::wire::encode::Encode;
use konko_server::transport::wire::message::channel::{Env, Exec, PtyReq};
use konko_server::transport::wire::terminal_modes::TerminalModes;
use konko_server::transport::{Client, ClientConfig, ClientEvent};
use konko_server::{
    PasswordFile, PeerInfo, ProcessOptions, Server, ServerBuilder, StandardHandler, StandardOptions,
};
use konko_tokio::{Channel, Connection};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

/// Nothing here takes that long; only a test that fails waits for it.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Runs a test with a deadline.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(DEADLINE, test).await.expect("the test takes too long") })
}

/// A fresh key.
pub fn key() -> PrivateKey {
    PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).unwrap()
}

/// A server with a host key and no delay of refusals.
pub fn builder() -> ServerBuilder {
    Server::builder().host_key(key()).transport_config(|config| config.failure_delay = Duration::ZERO)
}

/// Options that let `user` with `secret` in.
pub fn options() -> StandardOptions {
    let mut options = StandardOptions::default();
    options.passwords = Some(Arc::new(PasswordFile::parse(b"user:secret").unwrap()));
    let mut process = ProcessOptions::default();
    process.shell = Some("/bin/sh".into());
    options.process = process;
    options
}

/// A server with those options.
pub fn standard(options: StandardOptions) -> ServerBuilder {
    let (methods, options) = (options.methods(), Arc::new(options));
    builder()
        .methods(methods)
        .handler(move |peer: &PeerInfo| StandardHandler::new(Arc::clone(&options), peer))
}

/// A client on `stream`; its driver runs in a task.
pub fn client(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Connection<Client> {
    let (connection, driver) = Connection::client(stream, Arc::new(ClientConfig::default()));
    tokio::spawn(driver);
    connection
}

/// A client of `server` within this process.
pub fn connect(server: ServerBuilder) -> Connection<Client> {
    let server = server.build().unwrap();
    let (near, far) = tokio::io::duplex(256 * 1024);
    tokio::spawn(async move { server.serve_connection(far, PeerInfo::UNKNOWN).await });
    client(near)
}

/// What a login came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Login {
    Success,
    Failure { methods: Vec<String>, partial: bool },
    Ended,
}

/// Tries to log in. Prompts are all answered with `secret`; signatures are made by `signer`.
pub async fn login(
    connection: &Connection<Client>,
    user: &str,
    method: Method,
    signer: Option<&PrivateKey>,
) -> Login {
    if connection.with(|t, now| t.authenticate(user, method, now)).is_err() {
        return Login::Ended;
    }
    while let Some(event) = connection.next_event().await {
        match event {
            ClientEvent::HostKey(question) => {
                connection.with(|t, now| t.accept_host_key(question, now)).unwrap();
            }
            ClientEvent::Auth(ClientAuthEvent::Success) => return Login::Success,
            ClientEvent::Auth(ClientAuthEvent::Failure { methods_that_can_continue, partial_success }) => {
                return Login::Failure { methods: methods_that_can_continue, partial: partial_success };
            }
            ClientEvent::Auth(ClientAuthEvent::SignatureWanted(question)) => {
                let signature = signer.unwrap().sign(question.algorithm, &question.data).unwrap();
                connection.with(|t, now| t.provide_signature(question, signature, now)).unwrap();
            }
            ClientEvent::Auth(ClientAuthEvent::Prompts(question)) => {
                let answers = question.prompts.iter().map(|_| secret("secret")).collect();
                connection.with(|t, now| t.answer_prompts(question, answers, now)).unwrap();
            }
            ClientEvent::Auth(ClientAuthEvent::PasswordChange(question)) => {
                let change = (secret("secret"), secret("fresh"));
                connection.with(|t, now| t.change_password(question, change.0, change.1, now)).unwrap();
            }
            _ => {}
        }
    }
    Login::Ended
}

pub fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

pub fn password(text: &str) -> Method {
    Method::Password(secret(text))
}

/// A client that has logged in.
pub async fn logged_in(server: ServerBuilder) -> Connection<Client> {
    let connection = connect(server);
    assert_eq!(login(&connection, "user", password("secret"), None).await, Login::Success);
    connection
}

/// Opens a session.
pub async fn session(connection: &Connection<Client>) -> Channel {
    connection.open_channel(ChannelKind::Session, OpenOptions::default(), None).await.unwrap()
}

/// Whether a request is granted.
pub async fn granted(channel: &Channel, name: &str, body: &[u8]) -> bool {
    channel.request(name, body, None).await.unwrap()
}

pub async fn env(channel: &Channel, name: &[u8], value: &[u8]) -> bool {
    granted(channel, "env", &Env { name, value }.to_vec()).await
}

pub async fn exec(channel: &Channel, command: &str) -> bool {
    granted(channel, "exec", &Exec { command: command.as_bytes() }.to_vec()).await
}

/// Asks for a terminal of 80 × 24.
pub async fn pty(channel: &Channel, term: &str, modes: &TerminalModes) -> bool {
    let request = PtyReq {
        term: term.as_bytes(),
        width_columns: 80,
        height_rows: 24,
        width_pixels: 0,
        height_pixels: 0,
        encoded_terminal_modes: &modes.encode(),
    };
    granted(channel, "pty-req", &request.to_vec()).await
}

/// What came of a program.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Output {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// The events in their order: `exit-status 0`, `exit-signal TERM`, `eof`, `closed`.
    pub events: Vec<String>,
}

impl Output {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Reads everything of a channel until it has closed.
pub async fn output(channel: &Channel) -> Output {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (mut out, mut err) = (channel.reader(), channel.stderr());
    let (out, err, events) =
        tokio::join!(out.read_to_end(&mut stdout), err.read_to_end(&mut stderr), ending(channel));
    out.unwrap();
    err.unwrap();
    Output { stdout, stderr, events }
}

/// The events of a channel until it has closed.
pub async fn ending(channel: &Channel) -> Vec<String> {
    let mut events = Vec::new();
    while let Some(event) = channel.next_event().await {
        match event {
            ChannelEvent::Eof => events.push("eof".to_owned()),
            ChannelEvent::Closed => {
                events.push("closed".to_owned());
                break;
            }
            ChannelEvent::Request(question) => {
                events.push(match question.parse().unwrap() {
                    ChannelRequest::ExitStatus(exit) => format!("exit-status {}", exit.exit_status),
                    ChannelRequest::ExitSignal(exit) => {
                        format!("exit-signal {}", String::from_utf8_lossy(exit.signal_name))
                    }
                    _ => question.request_type().to_owned(),
                });
                channel.answer(question, false);
            }
            _ => {}
        }
    }
    events
}

/// Runs a command with `input` to its end.
pub async fn command(connection: &Connection<Client>, command: &str, input: &[u8]) -> Output {
    let channel = session(connection).await;
    assert!(exec(&channel, command).await);
    let mut writer = channel.writer();
    let (written, output) = tokio::join!(
        async {
            writer.write_all(input).await?;
            writer.shutdown().await
        },
        output(&channel)
    );
    // A program that does not want all of its input may be gone by now.
    drop(written);
    output
}

/// What a program that ends well tells, in this order.
pub fn ends_with(status: u32) -> Vec<String> {
    vec![format!("exit-status {status}"), "eof".to_owned(), "closed".to_owned()]
}
