//! A server in this process that does what the command line of an `exec` tells it, step by step.
//!
//! Steps are separated by blanks: `out:TEXT`, `err:TEXT`, `out-mb:N`, `err-mb:N`, `both-mb:N` write; `status:N`,
//! `signal:NAME` report the end; `eof`, `close`, `cut` end the channel or the connection; `cat` copies input to
//! output; `hang` does nothing until a signal comes, `ignore` not even then; `keepalive` asks the client on the
//! channel; `env:NAME` writes a variable, `requests` everything that was asked for before.

use konko_client::transport::channel::{ChannelEvent, ChannelKind, ChannelRequest, GlobalQuestion};
use konko_client::transport::crypto::random::SystemRandom;
use konko_client::transport::keys::private_key::{KeyKind, PrivateKey};
use konko_client::transport::keys::public_key::PublicKey;
use konko_client::transport::userauth::{Attempt, AttemptKind, MethodName, Prompt, Prompts, ServerAuthEvent};
use konko_client::transport::wire::encode::Encode;
use konko_client::transport::wire::message::channel::{ExitSignal, ExitStatus as ExitStatusBody};
use konko_client::transport::wire::number::OpenFailureReason;
use konko_client::transport::{Event, HostKey, Server, ServerConfig, ServerEvent};
use konko_client::{ClientOptions, Error, HostKeyPolicy, SshClient};
use konko_tokio::{Channel, Connection};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

pub struct ScriptedServer {
    pub host_key: PrivateKey,
    /// What must succeed, in order; the first is offered first.
    pub chain: Vec<MethodName>,
    pub password: &'static str,
    pub expired_password: Option<&'static str>,
    pub keys: Vec<PublicKey>,
    /// Each prompt of the dialogue with its right answer; one round for each.
    pub dialogue: Vec<(&'static str, &'static str)>,
    pub accept_none: bool,
    pub refuse_exec: bool,
    pub banner: Option<&'static str>,
    /// Kinds of the attempts that came.
    pub seen: Mutex<Vec<String>>,
    pub cut: Mutex<Option<tokio::sync::oneshot::Sender<()>>>,
}

pub fn key() -> PrivateKey {
    PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key")
}

impl Default for ScriptedServer {
    fn default() -> Self {
        Self {
            host_key: key(),
            chain: vec![MethodName::Password],
            password: "right",
            expired_password: None,
            keys: Vec::new(),
            dialogue: Vec::new(),
            accept_none: false,
            refuse_exec: false,
            banner: None,
            seen: Mutex::default(),
            cut: Mutex::default(),
        }
    }
}

pub fn options() -> ClientOptions {
    ClientOptions::new("user", HostKeyPolicy::InsecureAcceptAny).with_password("right")
}

/// A client that is logged in at a server with the defaults.
pub async fn client() -> SshClient {
    Arc::new(ScriptedServer::default()).connect(&options()).await.expect("logged in")
}

impl ScriptedServer {
    /// Connects a client.
    pub async fn connect(self: &Arc<Self>, options: &ClientOptions) -> Result<SshClient, Error> {
        SshClient::over(self.listen(), "server.test", 22, options).await
    }

    /// The client's end of a connection to this server.
    pub fn listen(self: &Arc<Self>) -> DuplexStream {
        let (client, near) = tokio::io::duplex(256 * 1024);
        let (far, server) = tokio::io::duplex(256 * 1024);
        let (cut, cut_now) = tokio::sync::oneshot::channel();
        tokio::spawn(relay(near, far, cut_now));
        *self.cut.lock().expect("no panic") = Some(cut);
        let mut config = ServerConfig::new(vec![HostKey::from(self.host_key.clone())]);
        config.auth.methods = self.chain.first().copied().into_iter().collect();
        config.failure_delay = Duration::ZERO;
        let (connection, driver) = Connection::server(server, Arc::new(config));
        tokio::spawn(driver);
        tokio::spawn(Arc::clone(self).serve(connection));
        client
    }

    async fn serve(self: Arc<Self>, connection: Connection<Server>) {
        let mut done = 0;
        let mut banner = self.banner;
        while let Some(event) = connection.next_event().await {
            match event {
                ServerEvent::Auth(ServerAuthEvent::Attempt(attempt)) => {
                    if let Some(text) = banner.take() {
                        connection.with(|transport, _| transport.send_banner(text));
                    }
                    self.judge(&connection, attempt, &mut done);
                }
                ServerEvent::Common(Event::OpenRequested(question)) => match question.kind() {
                    ChannelKind::Session => {
                        let channel = connection.accept_channel(question);
                        tokio::spawn(Arc::clone(&self).session(channel));
                    }
                    ChannelKind::DirectTcpip { port: 7, .. } | ChannelKind::DirectStreamlocal { .. } => {
                        let channel = connection.accept_channel(question);
                        tokio::spawn(async move { echo(&channel).await });
                    }
                    _ => connection.reject_channel(
                        question,
                        OpenFailureReason::CONNECT_FAILED,
                        "nobody\x1b[2J",
                    ),
                },
                ServerEvent::Common(Event::GlobalRequest(question)) => self.global(&connection, question),
                _ => {}
            }
        }
    }

    fn global(&self, connection: &Connection<Server>, question: GlobalQuestion) {
        match question.request_name() {
            "tcpip-forward" => {
                // A connection is already there when the request is granted: it must not be lost.
                let open = |address: &str, port: u16| {
                    let kind = ChannelKind::ForwardedTcpip {
                        address: address.to_owned(),
                        port,
                        originator_address: "192.0.2.9".to_owned(),
                        originator_port: 4711,
                    };
                    let connection = connection.clone();
                    tokio::spawn(async move {
                        if let Ok(channel) = connection.open_channel(kind, Default::default(), None).await {
                            let mut writer = channel.writer();
                            writer.write_all(b"hello from afar").await.expect("written");
                            writer.shutdown().await.expect("EOF");
                            while channel.next_event().await.is_some() {}
                        }
                    });
                };
                open("localhost", 4022);
                open("somewhere.else", 4022);
                open("localhost", 4023);
                connection.answer_global(question, Some(&4022u32.to_be_bytes()));
            }
            "cancel-tcpip-forward" => connection.answer_global(question, Some(b"")),
            // Sends the body to the client's agent, and answers with what comes back.
            "ask-agent@test" => drop(tokio::spawn(ask_agent(connection.clone(), question))),
            _ => connection.answer_global(question, None),
        }
    }

    fn judge(&self, connection: &Connection<Server>, attempt: Attempt, done: &mut usize) {
        let (method, right) = match &attempt.kind {
            AttemptKind::None => (None, self.accept_none),
            AttemptKind::Password { password } => {
                (Some(MethodName::Password), password.as_str() == self.password)
            }
            AttemptKind::PasswordChange { old, new } => {
                let right = Some(old.as_str()) == self.expired_password && new.as_str() == self.password;
                (Some(MethodName::Password), right)
            }
            AttemptKind::PublicKeyQuery { key, .. } | AttemptKind::PublicKey { key, .. } => {
                (Some(MethodName::PublicKey), self.keys.contains(key))
            }
            AttemptKind::KeyboardInteractive { .. } => (Some(MethodName::KeyboardInteractive), true),
            AttemptKind::KeyboardInteractiveResponses { responses } => {
                let right =
                    self.dialogue.iter().map(|(_, answer)| *answer).eq(responses.iter().map(|r| r.as_str()));
                (Some(MethodName::KeyboardInteractive), right)
            }
            _ => (None, false),
        };
        let kind = format!("{:?}", attempt.kind);
        self.seen
            .lock()
            .expect("no panic")
            .push(kind.split([' ', '(']).next().unwrap_or_default().to_owned());
        let is_due = method.is_none() || method == self.chain.get(*done).copied();
        let expired = self.expired_password;
        connection.with(|transport, now| {
            let answered = match &attempt.kind {
                AttemptKind::PublicKeyQuery { .. } if right && is_due => transport.accept_auth(attempt),
                AttemptKind::Password { password } if is_due && Some(password.as_str()) == expired => {
                    transport.require_password_change(attempt, "too old")
                }
                AttemptKind::KeyboardInteractive { .. } if is_due => {
                    let prompts = self
                        .dialogue
                        .iter()
                        .map(|(text, _)| Prompt { text: (*text).to_owned(), echo: false });
                    transport
                        .ask_prompts(attempt, Prompts { prompts: prompts.collect(), ..Prompts::default() })
                }
                _ if right && is_due => {
                    *done += 1;
                    match self.chain.get(*done) {
                        Some(next) if method.is_some() => {
                            transport.accept_auth_partially(attempt, &[next.as_str()])
                        }
                        _ => transport.accept_auth(attempt),
                    }
                }
                _ => transport.reject_auth(attempt, Instant::now(), now),
            };
            answered.expect("answered");
        });
    }

    async fn session(self: Arc<Self>, channel: Channel) {
        let (mut environment, mut requests) = (HashMap::new(), Vec::new());
        while let Some(event) = channel.next_event().await {
            let ChannelEvent::Request(question) = event else { continue };
            requests.push(question.request_type().to_owned());
            let (command, granted) = match question.parse().expect("well-formed") {
                ChannelRequest::Env(env) => {
                    let allowed = env.name.starts_with(b"LC_");
                    if allowed {
                        environment.insert(text(env.name), text(env.value));
                    }
                    (None, allowed)
                }
                ChannelRequest::Pty(..) => (None, true),
                ChannelRequest::Exec(exec) => (Some(text(exec.command)), !self.refuse_exec),
                ChannelRequest::AuthAgent => (None, true),
                ChannelRequest::Shell => (Some("out:shell status:0 eof close".to_owned()), true),
                ChannelRequest::Subsystem(subsystem) => (
                    Some(format!("out:{} status:0 eof close", text(subsystem.name))),
                    subsystem.name == b"echo",
                ),
                _ => (None, false),
            };
            channel.answer(question, granted);
            if let Some(command) = command.filter(|_| granted) {
                return self.run(&channel, &command, &environment, &requests).await;
            }
        }
    }

    async fn run(
        &self,
        channel: &Channel,
        command: &str,
        environment: &HashMap<String, String>,
        requests: &[String],
    ) {
        for step in command.split_ascii_whitespace() {
            let (name, argument) = step.split_once(':').unwrap_or((step, ""));
            let megabytes = || vec![b'x'; argument.parse::<usize>().expect("a number") * 1_000_000];
            let (mut out, mut err) = (channel.writer(), channel.stderr_writer());
            let written = match name {
                "out" => out.write_all(argument.as_bytes()).await,
                "err" => err.write_all(argument.as_bytes()).await,
                "out-mb" => out.write_all(&megabytes()).await,
                "err-mb" => err.write_all(&megabytes()).await,
                "both-mb" => {
                    let bytes = megabytes();
                    tokio::try_join!(out.write_all(&bytes), err.write_all(&bytes)).map(|_| ())
                }
                "env" => out.write_all(environment.get(argument).map_or("", String::as_str).as_bytes()).await,
                "requests" => out.write_all(requests.join(",").as_bytes()).await,
                "cat" => {
                    cat(channel).await;
                    Ok(())
                }
                "hang" => {
                    let name = next_signal(channel).await;
                    out.write_all(format!("got {name}").as_bytes()).await
                }
                "ignore" => loop {
                    next_signal(channel).await;
                },
                "keepalive" => {
                    let answered = channel.request("keepalive@openssh.com", &[], None).await;
                    out.write_all(format!("{answered:?}").as_bytes()).await
                }
                _ => {
                    self.end(channel, name, argument);
                    Ok(())
                }
            };
            if written.is_err() {
                return;
            }
        }
        // The channel is held until the client lets it go.
        while channel.next_event().await.is_some() {}
    }

    fn end(&self, channel: &Channel, name: &str, argument: &str) {
        let sent = match name {
            "status" => {
                let exit_status = argument.parse().expect("a number");
                channel.notify("exit-status", &ExitStatusBody { exit_status }.to_vec())
            }
            "signal" => {
                let body = ExitSignal {
                    signal_name: argument.as_bytes(),
                    core_dumped: true,
                    error_message: b"it broke",
                    language_tag: b"",
                };
                channel.notify("exit-signal", &body.to_vec())
            }
            "eof" => {
                channel.send_eof();
                Ok(())
            }
            "close" => {
                channel.close();
                Ok(())
            }
            "cut" => {
                let cut = self.cut.lock().expect("no panic").take().expect("a connection");
                cut.send(()).expect("not cut yet");
                Ok(())
            }
            step => panic!("no such step: {step}"),
        };
        sent.expect("sent");
    }
}

async fn ask_agent(connection: Connection<Server>, question: GlobalQuestion) {
    let opened = connection.open_channel(ChannelKind::AgentConnection, Default::default(), None).await;
    let Ok(channel) = opened else { return connection.answer_global(question, Some(b"refused")) };
    let mut writer = channel.writer();
    let written = async {
        writer.write_all(question.body()).await?;
        writer.shutdown().await
    };
    let mut answer = Vec::new();
    // A client that closes the channel says no more than that.
    let _ = written.await;
    let _ = channel.reader().read_to_end(&mut answer).await;
    connection.answer_global(question, Some(&answer));
}

/// Carries bytes until the server ends, or until the cut: what it has sent before arrives.
async fn relay(near: DuplexStream, far: DuplexStream, mut cut_now: tokio::sync::oneshot::Receiver<()>) {
    let (mut from_client, mut to_client) = tokio::io::split(near);
    let (mut from_server, mut to_server) = tokio::io::split(far);
    let there = async {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
        let _ = to_server.shutdown().await;
        std::future::pending::<()>().await
    };
    let back = async {
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let len = tokio::select! {
                biased;
                read = from_server.read(&mut buffer) => read.unwrap_or_default(),
                Ok(()) = &mut cut_now => 0,
            };
            if len == 0 || to_client.write_all(&buffer[..len]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = there => {}
        () = back => {}
    }
}

async fn next_signal(channel: &Channel) -> String {
    loop {
        match channel.next_event().await {
            Some(ChannelEvent::Request(question)) => match question.parse() {
                Ok(ChannelRequest::Signal(signal)) => return text(signal.signal_name),
                _ => channel.answer(question, false),
            },
            Some(_) => {}
            None => return std::future::pending().await,
        }
    }
}

async fn cat(channel: &Channel) {
    let (mut reader, mut writer) = (channel.reader(), channel.writer());
    while let Ok(Some(chunk)) = reader.read_chunk(65_536).await {
        if writer.write_all(&chunk).await.is_err() {
            return;
        }
    }
}

async fn echo(channel: &Channel) {
    cat(channel).await;
    channel.send_eof();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
