//! A client and a server in memory.

use crate::config::PacketConfig;
use crate::error::PacketError;
use crate::key_exchange::machine::KeyExchange;
use crate::packet::PacketProtocol;
use crate::received::{HostKeyQuestion, Received};
use crate::rekey::RekeyReason;
use crate::role::Role;
use konko_crypto::hash::SHA256;
use konko_crypto::kex::table::CURVE25519_SHA256;
use konko_crypto::random::SecureRandom;
use konko_keys::identity::Identity;
use konko_keys::private_key::{KeyKind, PrivateKey};
use konko_wire::encode::MessageSink;
use konko_wire::message::transport::Encoded;
use std::sync::Arc;
use std::time::Instant;

/// A repeatable source of random bytes.
pub(super) struct Seeded(u64);

impl Seeded {
    pub(super) fn new(seed: u32) -> Self {
        Self(u64::from(seed) << 32)
    }
}

impl SecureRandom for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            chunk.copy_from_slice(&SHA256.digest(&[&self.0.to_be_bytes()])[..chunk.len()]);
        }
    }
}

/// One side and what it has seen.
pub(super) struct Side {
    pub(super) protocol: PacketProtocol,
    pub(super) keys: Vec<PrivateKey>,
    /// Whether host keys are accepted and signatures given at once.
    pub(super) answers: bool,
    pub(super) question: Option<HostKeyQuestion>,
    /// Signs whatever key was meant to sign.
    pub(super) signs_with: Option<PrivateKey>,
    pub(super) payloads: Vec<Vec<u8>>,
    pub(super) keys_changed: Vec<(bool, RekeyReason)>,
    pub(super) ext_infos: usize,
    pub(super) host_keys_asked: usize,
    pub(super) disconnected: bool,
    pub(super) error: Option<PacketError>,
}

impl Side {
    pub(super) fn new(protocol: PacketProtocol, keys: Vec<PrivateKey>) -> Self {
        Self {
            protocol,
            keys,
            answers: true,
            question: None,
            signs_with: None,
            payloads: Vec::new(),
            keys_changed: Vec::new(),
            ext_infos: 0,
            host_keys_asked: 0,
            disconnected: false,
            error: None,
        }
    }

    pub(super) fn send(&mut self, payload: &[u8]) {
        self.protocol.outbound().send(&Encoded(payload));
    }

    /// Sends whatever the state is, properly protected.
    pub(super) fn inject(&mut self, payload: &[u8]) {
        self.protocol.outbound.send_now(&Encoded(payload));
    }

    pub(super) fn output(&mut self) -> Vec<u8> {
        let output = self.protocol.output().to_vec();
        self.protocol.consume_output(output.len());
        output
    }

    pub(super) fn receive(&mut self, bytes: &[u8], now: Instant) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let spare = self.protocol.input_buf();
            let n = rest.len().min(spare.len());
            if n == 0 {
                return;
            }
            spare[..n].copy_from_slice(&rest[..n]);
            self.protocol.commit_input(n);
            rest = &rest[n..];
            self.poll(now);
        }
    }

    pub(super) fn poll(&mut self, now: Instant) {
        loop {
            match self.protocol.poll(now) {
                Ok(Some(event)) => self.handle(event),
                Ok(None) => return,
                Err(error) => {
                    self.error = Some(error);
                    return;
                }
            }
        }
    }

    fn handle(&mut self, event: Received) {
        match event {
            Received::Payload(payload) => self.payloads.push(payload.bytes.to_vec()),
            Received::HostKey(question) => {
                self.host_keys_asked += 1;
                if self.answers {
                    self.protocol.accept_host_key(question);
                } else {
                    self.question = Some(question);
                }
            }
            Received::SignatureWanted(question) => {
                let key = self.keys.iter().find(|key| *key.public_key() == question.host_key);
                let key = key.expect("one of the server's keys");
                let key = self.signs_with.as_ref().unwrap_or(key);
                let signature = key.sign(question.algorithm, &question.data).expect("a signature");
                self.protocol.provide_signature(question, signature);
            }
            Received::KeysChanged { first, reason } => self.keys_changed.push((first, reason)),
            Received::ExtInfo(_) => self.ext_infos += 1,
            Received::Disconnected { .. } => self.disconnected = true,
        }
    }
}

/// A client and a server.
pub(super) struct Pair {
    pub(super) client: Side,
    pub(super) server: Side,
    pub(super) now: Instant,
    /// How many bytes travel at once.
    pub(super) piece: usize,
}

pub(super) fn ed25519(seed: u32) -> PrivateKey {
    PrivateKey::generate(KeyKind::Ed25519, &mut Seeded::new(seed)).expect("a key")
}

/// A configuration for many quick connections.
pub(super) fn quick() -> PacketConfig {
    let mut config = PacketConfig::default();
    config.algorithms.kex = vec![&CURVE25519_SHA256];
    config
}

pub(super) fn client_of(config: PacketConfig) -> Side {
    let protocol = PacketProtocol::client(Arc::new(config), Box::new(Seeded::new(1)), Instant::now());
    Side::new(protocol, Vec::new())
}

pub(super) fn server_of(config: PacketConfig, keys: Vec<PrivateKey>) -> Side {
    let public: Vec<_> = keys.iter().map(|key| key.public_key().clone()).collect();
    server_showing(config, keys, public)
}

/// A server that shows something besides its bare keys, or in place of them.
pub(super) fn server_showing(
    config: PacketConfig,
    keys: Vec<PrivateKey>,
    shown: impl IntoIterator<Item = impl Into<Identity>>,
) -> Side {
    let random = Box::new(Seeded::new(2));
    Side::new(PacketProtocol::server(Arc::new(config), random, Instant::now(), shown), keys)
}

/// A side whose proposals are changed before they are sent.
pub(super) fn edited(
    role: Role,
    config: PacketConfig,
    keys: Vec<PrivateKey>,
    edit: fn(&mut Vec<u8>),
) -> Side {
    let public = keys.iter().map(|key| key.public_key().clone().into()).collect();
    let config = Arc::new(config);
    let key_exchange = KeyExchange::new(role, config.clone(), public).with_edited_proposal(edit);
    let random = Box::new(Seeded::new(3));
    Side::new(PacketProtocol::start(role, config, random, key_exchange, Instant::now()), keys)
}

/// Takes the marker of strict key exchange out of a proposal.
pub(super) fn without_strict(proposal: &mut [u8]) {
    for marker in [&b"kex-strict-c-v00@openssh.com"[..], b"kex-strict-s-v00@openssh.com"] {
        if let Some(at) = proposal.windows(marker.len()).position(|window| window == marker) {
            proposal[at..at + 10].copy_from_slice(b"kex-absent");
        }
    }
}

impl Pair {
    pub(super) fn new(config: PacketConfig) -> Self {
        Self::of(client_of(config.clone()), server_of(config, vec![ed25519(7)]))
    }

    /// Neither side offers strict key exchange.
    pub(super) fn not_strict(config: PacketConfig) -> Self {
        Self::of(
            edited(Role::Client, config.clone(), Vec::new(), |proposal| without_strict(proposal)),
            edited(Role::Server, config, vec![ed25519(7)], |proposal| without_strict(proposal)),
        )
    }

    pub(super) fn of(client: Side, server: Side) -> Self {
        Self { client, server, now: Instant::now(), piece: usize::MAX }
    }

    /// Lets both sides talk until neither has anything to say.
    pub(super) fn run(&mut self) {
        loop {
            let to_server = self.client.output();
            for piece in to_server.chunks(self.piece) {
                self.server.receive(piece, self.now);
            }
            let to_client = self.server.output();
            for piece in to_client.chunks(self.piece) {
                self.client.receive(piece, self.now);
            }
            self.client.poll(self.now);
            self.server.poll(self.now);
            if to_server.is_empty() && to_client.is_empty() && self.quiet() {
                return;
            }
        }
    }

    fn quiet(&self) -> bool {
        self.client.protocol.output().is_empty() && self.server.protocol.output().is_empty()
    }

    /// Runs the first key exchange, and says that the user is authenticated.
    pub(super) fn established(mut self) -> Self {
        self.run();
        self.assert_healthy();
        assert_eq!(self.client.keys_changed, [(true, RekeyReason::Initial)]);
        assert_eq!(self.server.keys_changed, [(true, RekeyReason::Initial)]);
        self.client.protocol.authentication_succeeded();
        self.server.protocol.authentication_succeeded();
        self
    }

    pub(super) fn assert_healthy(&self) {
        assert_eq!(self.client.error, None);
        assert_eq!(self.server.error, None);
    }

    /// Sends payloads of many sizes both ways and demands that they arrive.
    pub(super) fn exchange_payloads(&mut self) {
        for len in (1..20).chain([255, 256, 257, 1000, 32_768]) {
            let mut payload = vec![0x55; len];
            payload[0] = if len % 2 == 0 { 94 } else { 50 };
            self.client.send(&payload);
            self.server.send(&payload);
            self.run();
            assert_eq!(self.client.payloads.pop().as_ref(), Some(&payload), "{len}");
            assert_eq!(self.server.payloads.pop().as_ref(), Some(&payload), "{len}");
        }
        self.assert_healthy();
    }
}
