//! An application that serves every event, obediently or as its choices say, and does what applications do.

use crate::choices::Choices;
use crate::endpoints::{USER_NAME, user_key};
use konko_channel::{ChannelEvent, ChannelId, ChannelKind, OpenOptions, Progress, STDERR, Stream};
use konko_keys::signature_algorithm::SSH_ED25519;
use konko_transport::{Client, ClientEvent, Event, Server, ServerEvent, Side, Transport};
use konko_userauth::{Attempt, AttemptKind, ClientAuthEvent, Method, Prompt, Prompts, ServerAuthEvent};
use konko_wire::number::{DisconnectReason, OpenFailureReason};
use std::time::Instant;
use zeroize::Zeroizing;

/// The most channels that one application opens.
const MOST_CHANNELS: usize = 12;

/// What an application remembers.
#[derive(Debug, Default)]
pub struct Application {
    /// Its channels.
    pub channels: Vec<ChannelId>,
    /// How many bytes it has read, over all channels.
    pub read: u64,
    /// Whether authentication was complete at some time.
    pub authenticated: bool,
    attempts: Vec<Attempt>,
}

impl Application {
    /// Serves all events of a client. Without choices it says yes to everything.
    pub fn serve_client(&mut self, client: &mut Transport<Client>, choices: &mut Choices<'_>, now: Instant) {
        while let Some(event) = client.poll_event() {
            match event {
                ClientEvent::Common(event) => self.serve(client, event, choices),
                ClientEvent::HostKey(question) => {
                    if choices.byte() == 0xff {
                        client.reject_host_key(question, now);
                    } else {
                        // Whatever comes to light in it is kept as the error of the connection.
                        let _ = client.accept_host_key(question, now);
                    }
                }
                ClientEvent::Auth(event) => answer_server(client, event, choices, now),
                other => panic!("an event that nobody serves: {other:?}"),
            }
        }
        self.poll_channels(client, choices);
    }

    /// Serves all events of a server. Without choices it says yes to everything.
    pub fn serve_server(&mut self, server: &mut Transport<Server>, choices: &mut Choices<'_>, now: Instant) {
        while let Some(event) = server.poll_event() {
            match event {
                ServerEvent::Common(event) => self.serve(server, event, choices),
                ServerEvent::Auth(ServerAuthEvent::Attempt(attempt)) => {
                    if choices.byte() == 0xfe {
                        self.attempts.push(attempt);
                    } else {
                        judge(server, attempt, choices, now);
                    }
                }
                other => panic!("an event that nobody serves: {other:?}"),
            }
        }
        if choices.flag()
            && let Some(attempt) = self.attempts.pop()
        {
            judge(server, attempt, choices, now);
        }
        self.poll_channels(server, choices);
    }

    fn serve<S: Side>(&mut self, transport: &mut Transport<S>, event: Event, choices: &mut Choices<'_>) {
        match event {
            Event::Authenticated => self.authenticated = true,
            Event::OpenRequested(question) => {
                if choices.byte() >= 0xf0 {
                    transport.reject_channel(question, OpenFailureReason::ADMINISTRATIVELY_PROHIBITED, "no");
                } else {
                    let id = transport.accept_channel(question);
                    self.channels.push(id);
                }
            }
            Event::GlobalRequest(question) => {
                let reply = choices.flag().then(|| choices.short_bytes());
                transport.answer_global(question, reply);
            }
            Event::Channel(id) if !self.channels.contains(&id) && transport.channel(id).is_some() => {
                self.channels.push(id);
            }
            _ => {}
        }
    }

    fn poll_channels<S: Side>(&mut self, transport: &mut Transport<S>, choices: &mut Choices<'_>) {
        for id in self.channels.clone() {
            while let Some(event) = transport.channel(id).and_then(|mut channel| channel.poll_event()) {
                if let ChannelEvent::Request(question) = event {
                    // Looked at whether it can be understood or not.
                    let understood = question.parse().is_ok();
                    if let Some(mut channel) = transport.channel(id) {
                        channel.answer(question, understood && choices.byte() < 0xf0);
                    }
                }
            }
        }
        self.channels.retain(|id| transport.channel(*id).is_some());
    }

    /// Does one thing that an application does.
    pub fn act<S: Side>(&mut self, transport: &mut Transport<S>, choices: &mut Choices<'_>, now: Instant) {
        let what = choices.byte() % 16;
        if what == 0 {
            if self.channels.len() < MOST_CHANNELS
                && let Ok(id) = transport.open_channel(kind(choices), OpenOptions::default())
            {
                self.channels.push(id);
            }
            return;
        }
        match what {
            1 => return transport.request_key_exchange(now),
            2 => {
                // Refused before authentication and beyond the limit of unanswered requests.
                let _ = transport.global_request("x@fuzz.invalid", choices.short_bytes(), true);
                return;
            }
            3 => {
                let _ = transport.ping(choices.short_bytes());
                return;
            }
            4 if choices.byte() == 0xff => {
                return transport.disconnect(DisconnectReason::BY_APPLICATION, "enough");
            }
            _ => {}
        }
        let Some(id) = self.channels.get(choices.below(self.channels.len())).copied() else { return };
        let stream = if choices.byte() < 0xc0 { Stream::Data } else { STDERR };
        let Some(mut channel) = transport.channel(id) else { return };
        match what {
            5 | 6 => {
                let data = choices.long_bytes();
                if let Progress::Moved(moved) = channel.write(stream, data) {
                    assert!(moved > 0 || data.is_empty(), "nothing was moved");
                }
            }
            7 | 8 => {
                let mut buffer = [0; 700];
                let length = usize::from(choices.u16()) % buffer.len();
                if let Progress::Moved(moved) = channel.read(stream, &mut buffer[..length]) {
                    self.read += moved as u64;
                }
            }
            9 => {
                if let Progress::Moved(chunk) = channel.read_chunk(stream, usize::from(choices.u16())) {
                    self.read += chunk.len() as u64;
                }
            }
            // Refused while the channel is not open, or too much is unanswered.
            10 => drop(channel.send_eof()),
            11 => channel.close(),
            12 => drop(channel.request("exec", choices.short_bytes(), choices.flag())),
            13 => channel.discard(stream),
            14 => channel.merge_extended(),
            15 => {
                transport.release_channel(id);
                self.channels.retain(|other| *other != id);
            }
            _ => {}
        }
    }
}

fn kind(choices: &mut Choices<'_>) -> ChannelKind {
    match choices.byte() % 4 {
        0 | 1 => ChannelKind::Session,
        2 => ChannelKind::DirectStreamlocal { socket_path: choices.short_bytes().to_vec() },
        _ => ChannelKind::DirectTcpip {
            host: "host.invalid".into(),
            port: choices.u16(),
            originator_address: String::new(),
            originator_port: choices.edge(),
        },
    }
}

/// Begins some method as the user.
pub fn begin(client: &mut Transport<Client>, choices: &mut Choices<'_>, now: Instant) {
    let method = match choices.byte() % 4 {
        0 => Method::Password(Zeroizing::new("password".into())),
        1 => Method::PublicKey {
            key: user_key().public_key().clone(),
            algorithm: &SSH_ED25519,
            query_first: choices.flag(),
        },
        2 => Method::KeyboardInteractive { submethods: String::new() },
        _ => Method::None,
    };
    // Refused while another method runs and after success.
    let _ = client.authenticate(USER_NAME, method, now);
}

fn answer_server(
    client: &mut Transport<Client>,
    event: ClientAuthEvent,
    choices: &mut Choices<'_>,
    now: Instant,
) {
    let refuse = choices.byte() == 0xff;
    // Errors of these are of the application's own making, or those that ended the connection before.
    let _ = match event {
        ClientAuthEvent::SignatureWanted(question) if refuse => client.refuse_signature(question),
        ClientAuthEvent::SignatureWanted(question) => {
            let signature = user_key().sign(question.algorithm, &question.data).expect("a signature");
            client.provide_signature(question, signature, now)
        }
        ClientAuthEvent::Prompts(question) if refuse => client.refuse_prompts(question),
        ClientAuthEvent::Prompts(question) => {
            let responses = question.prompts.iter().map(|_| Zeroizing::new("response".to_owned())).collect();
            client.answer_prompts(question, responses, now)
        }
        ClientAuthEvent::PasswordChange(question) if refuse => client.refuse_password_change(question),
        ClientAuthEvent::PasswordChange(question) => {
            client.change_password(question, Zeroizing::new("old".into()), Zeroizing::new("new".into()), now)
        }
        ClientAuthEvent::Failure { .. } | ClientAuthEvent::Abandoned => {
            begin(client, choices, now);
            Ok(())
        }
        _ => Ok(()),
    };
}

fn judge(server: &mut Transport<Server>, attempt: Attempt, choices: &mut Choices<'_>, now: Instant) {
    let proves_nothing = matches!(attempt.kind, AttemptKind::None);
    // Errors of these end the connection, which keeps them.
    let _ = match choices.byte() {
        0xf8.. => server.reject_auth(attempt, now, now),
        0xf4.. => server.accept_auth_partially(attempt, &["password", "publickey"]),
        0xf0.. => server.require_password_change(attempt, "change it"),
        0xe0.. => {
            let prompt = Prompt { text: "prompt".into(), echo: choices.flag() };
            let prompts = vec![prompt; choices.below(4)];
            server.ask_prompts(attempt, Prompts { prompts, ..Prompts::default() })
        }
        _ if proves_nothing => server.reject_auth(attempt, now, now),
        _ => server.accept_auth(attempt),
    };
}
