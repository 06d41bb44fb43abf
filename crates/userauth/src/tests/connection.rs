//! A client's and a server's machine with vectors between them, and the keys and messages of the tests.

use konko_crypto::random::SecureRandom;
use konko_keys::private_key::{KeyKind, PrivateKey};
use konko_keys::signature_algorithm::SSH_ED25519;
use konko_wire::decode::Rest;
use konko_wire::encode::{Encode, MessageSink, put_mpint, put_string};
use konko_wire::message::userauth::{UserauthFailure, UserauthRequest};

use crate::attempt::Attempt;
use crate::client::{ClientAuth, ClientAuthConfig};
use crate::client_method::Method;
use crate::error::AuthError;
use crate::event::{ClientAuthEvent, ServerAuthEvent};
use crate::method_name::MethodName;
use crate::server::{ServerAuth, ServerAuthConfig};

/// The session identifier of every connection that does not say otherwise.
pub(crate) const SESSION_ID: &[u8] = b"session identifier";

/// What was sent, one payload each.
#[derive(Debug, Default)]
pub(crate) struct Sink(pub(crate) Vec<Vec<u8>>);

impl MessageSink for Sink {
    fn send<M: Encode + ?Sized>(&mut self, message: &M) {
        let mut payload = Vec::new();
        message.encode(&mut payload);
        self.0.push(payload);
    }

    fn room(&self) -> usize {
        usize::MAX
    }
}

impl Sink {
    /// Takes the numbers of what was sent.
    pub(crate) fn numbers(&mut self) -> Vec<u8> {
        self.0.drain(..).map(|payload| payload[0]).collect()
    }
}

/// A random source that is none: a key for each seed.
pub(crate) struct Seed(pub(crate) u8);

impl SecureRandom for Seed {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

/// The Ed25519 key of `seed`.
pub(crate) fn key(seed: u8) -> PrivateKey {
    PrivateKey::generate(KeyKind::Ed25519, &mut Seed(seed)).expect("an Ed25519 key")
}

/// An RSA public key with a modulus of `bits` bits. It has no private half.
pub(crate) fn rsa_blob(bits: usize) -> Vec<u8> {
    let mut modulus = vec![0xff; bits / 8];
    modulus[0] = 0x80;
    let mut blob = Vec::new();
    put_string(&mut blob, b"ssh-rsa");
    put_mpint(&mut blob, &[1, 0, 1]);
    put_mpint(&mut blob, &modulus);
    blob
}

/// An SSH_MSG_USERAUTH_REQUEST for the connection protocol.
pub(crate) fn request(user_name: &[u8], method_name: &[u8], fields: &[u8]) -> Vec<u8> {
    UserauthRequest { user_name, service_name: b"ssh-connection", method_name, method_fields: Rest(fields) }
        .to_vec()
}

/// The fields of a password request.
pub(crate) fn password_fields(password: &[u8]) -> Vec<u8> {
    let mut fields = vec![0];
    put_string(&mut fields, password);
    fields
}

/// The fields of a publickey request.
pub(crate) fn key_fields(algorithm: &str, blob: &[u8], signature: Option<&[u8]>) -> Vec<u8> {
    let mut fields = vec![u8::from(signature.is_some())];
    put_string(&mut fields, algorithm.as_bytes());
    put_string(&mut fields, blob);
    if let Some(signature) = signature {
        put_string(&mut fields, signature);
    }
    fields
}

/// The fields of a publickey request that is bound to a host key.
pub(crate) fn bound_fields(
    algorithm: &str,
    blob: &[u8],
    host_key: &[u8],
    signature: Option<&[u8]>,
) -> Vec<u8> {
    let mut fields = key_fields(algorithm, blob, None);
    fields[0] = u8::from(signature.is_some());
    put_string(&mut fields, host_key);
    if let Some(signature) = signature {
        put_string(&mut fields, signature);
    }
    fields
}

/// The fields of a keyboard-interactive request.
pub(crate) fn dialogue_fields() -> Vec<u8> {
    vec![0; 8]
}

/// An SSH_MSG_USERAUTH_INFO_RESPONSE.
pub(crate) fn info_response(count: u32, responses: &[&[u8]]) -> Vec<u8> {
    let mut payload = vec![61];
    payload.extend(count.to_be_bytes());
    for response in responses {
        put_string(&mut payload, response);
    }
    payload
}

/// A server that offers every method.
pub(crate) fn server() -> ServerAuth {
    server_with(ServerAuthConfig::default())
}

/// A server with that configuration that offers every method.
pub(crate) fn server_with(config: ServerAuthConfig) -> ServerAuth {
    let mut server = ServerAuth::new(ServerAuthConfig { methods: MethodName::ALL.to_vec(), ..config });
    server.set_session_id(SESSION_ID);
    server
}

/// A client.
pub(crate) fn client() -> ClientAuth {
    client_with(ClientAuthConfig::default())
}

/// A client with that configuration.
pub(crate) fn client_with(config: ClientAuthConfig) -> ClientAuth {
    let mut client = ClientAuth::new(config);
    client.set_session_id(SESSION_ID);
    client
}

/// The method publickey with the key of `seed`.
pub(crate) fn key_method(seed: u8, query_first: bool) -> Method {
    Method::PublicKey { key: key(seed).public_key().clone(), algorithm: &SSH_ED25519, query_first }
}

/// The attempt of an event that must be one.
#[track_caller]
pub(crate) fn attempt(result: Result<Option<ServerAuthEvent>, AuthError>) -> Attempt {
    match result {
        Ok(Some(ServerAuthEvent::Attempt(attempt))) => attempt,
        other => panic!("an attempt was expected, not {other:?}"),
    }
}

/// The methods of the only message sent, which must be a failure, and whether it is a partial success.
#[track_caller]
pub(crate) fn failure(out: &mut Sink) -> (String, bool) {
    let sent = std::mem::take(&mut out.0);
    let [payload] = sent.as_slice() else { panic!("one message was expected, not {sent:?}") };
    let message = UserauthFailure::decode(payload).expect("SSH_MSG_USERAUTH_FAILURE");
    (message.methods_that_can_continue.as_str().to_owned(), message.partial_success)
}

/// A client and a server, connected.
pub(crate) struct Connection {
    pub(crate) client: ClientAuth,
    pub(crate) server: ServerAuth,
    pub(crate) to_server: Sink,
    pub(crate) to_client: Sink,
}

impl Connection {
    pub(crate) fn new() -> Self {
        Self { client: client(), server: server(), to_server: Sink::default(), to_client: Sink::default() }
    }

    /// Begins an attempt as "alice".
    #[track_caller]
    pub(crate) fn begin(&mut self, method: Method) {
        self.client.begin("alice", method, &mut self.to_server).expect("an attempt may begin");
    }

    /// Delivers what the client sent, which must lead to one attempt.
    #[track_caller]
    pub(crate) fn attempt(&mut self) -> Attempt {
        let mut attempts = Vec::new();
        for payload in std::mem::take(&mut self.to_server.0) {
            attempts.push(attempt(self.server.handle(&payload, &mut self.to_client)));
        }
        assert_eq!(attempts.len(), 1, "{attempts:?}");
        attempts.remove(0)
    }

    /// Delivers what the server sent, and gives every event that it led to.
    #[track_caller]
    pub(crate) fn events(&mut self) -> Vec<ClientAuthEvent> {
        let mut events = Vec::new();
        for payload in std::mem::take(&mut self.to_client.0) {
            events.extend(self.client.handle(&payload, &mut self.to_server).expect("a legal message"));
        }
        while let Some(event) = self.client.poll_event() {
            events.push(event);
        }
        events
    }

    /// Delivers what the server sent, which must lead to one event.
    #[track_caller]
    pub(crate) fn event(&mut self) -> ClientAuthEvent {
        let mut events = self.events();
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    /// Accepts the attempt that the client's messages lead to, and checks that both sides are done.
    #[track_caller]
    pub(crate) fn finish(&mut self, attempt: Attempt) {
        self.server.accept(attempt, &mut self.to_client).expect("the attempt is open");
        assert!(matches!(self.event(), ClientAuthEvent::Success));
        assert!(self.client.is_done() && self.server.is_done());
        assert_eq!(self.server.user_name(), Some("alice"));
    }
}
